import assert from "node:assert/strict";
import { test } from "node:test";
import { regionsOf } from "./regions";
import type { AttackEdgeView, AttackView } from "./views";

const edge = (region: string, packets: number, detected = 0) =>
  ({ edge: `${region}-1`, region, packets, detected_unix_s: detected }) as AttackEdgeView;
const regions = (...edges: AttackEdgeView[]) => regionsOf({ edges } as unknown as AttackView);

test("regions are those of edges that saw the attack, once each and by name", () => {
  assert.deepEqual(regions(edge("us", 500), edge("eu", 500), edge("us", 10)), ["eu", "us"]);
  assert.deepEqual(regions(edge("eu", 100000), edge("us", 12)), ["eu"], "visitors alone");
  assert.deepEqual(regions(edge("eu", 100000), edge("us", 12, 1767225600)), ["eu", "us"], "its own detector saw it");
  assert.deepEqual(regions(), []);
});
