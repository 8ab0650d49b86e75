import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeTraffic, rows, summarise } from "./traffic";
import type { TrafficPoint, TrafficView } from "./views";

const point = (pps: number, known = true): TrafficPoint => ({ known, pps, bps: pps * 8, dropped_pps: pps / 2, dropped_bps: pps * 4 });
const view = (start: number, pps: (number | null)[]): TrafficView => ({
  start_unix_s: start, step_s: 1, region: "", points: pps.map((p) => (p === null ? point(0, false) : point(p))),
});
const shape = (v: TrafficView) => [v.start_unix_s, v.points.map((p) => (p.known ? p.pps : null))];

test("newer seconds replace what they amend and go on behind", () => {
  assert.deepEqual(shape(mergeTraffic(view(100, [1, 2, 3]), view(102, [30, 4]))), [100, [1, 2, 30, 4]]);
});

test("a gap is unknown, not zero", () => {
  assert.deepEqual(shape(mergeTraffic(view(100, [1]), view(103, [4]))), [100, [1, null, null, 4]]);
});

test("what is known stays so", () => {
  assert.deepEqual(shape(mergeTraffic(view(100, [1, 2]), view(100, [null, 20, null]))), [100, [1, 20, null]]);
});

test("only the newest steps stay", () => {
  assert.deepEqual(shape(mergeTraffic(view(100, [1, 2, 3]), view(103, [4, 5]), 3)), [102, [3, 4, 5]]);
  assert.deepEqual(shape(mergeTraffic(null, view(100, [1, 2, 3]), 2)), [101, [2, 3]]);
});

test("another step, region, an earlier start or a far future start afresh; nothing new changes nothing", () => {
  const base = view(100, [1, 2]);
  assert.deepEqual(shape(mergeTraffic(base, view(90, [9]))), [90, [9]]);
  assert.deepEqual(shape(mergeTraffic(base, view(1e9, [9]))), [1e9, [9]]);
  assert.equal(mergeTraffic(base, { ...view(102, [3]), step_s: 60 }).points.length, 1);
  assert.equal(mergeTraffic(base, { ...view(102, [3]), region: "eu" }).points.length, 1);
  assert.equal(mergeTraffic(base, view(102, [])), base);
});

test("the summary counts unknown time, but not what is still arriving", () => {
  const s = summarise(view(100, [10, null, 40, 20, null, null, null]));
  assert.equal(s.unknownS, 1);
  assert.equal(s.knownSteps, 3);
  assert.equal(s.peakPps, 40);
  assert.equal(s.peakUnixS, 102);
  assert.equal(s.packets, 70);
  assert.equal(s.droppedPackets, 35);
});

test("rows are means of what is known, newest first", () => {
  const [newest, oldest] = rows(view(100, [10, 20, null, 40]), 2);
  assert.deepEqual([newest!.start, newest!.pps, newest!.knownShare], [102, 40, 0.5]);
  assert.deepEqual([oldest!.start, oldest!.pps, oldest!.knownShare], [100, 15, 1]);
});
