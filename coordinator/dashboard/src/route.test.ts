import assert from "node:assert/strict";
import { test } from "node:test";
import { href, hrefHere, parseRoute } from "./route";

test("an address names a screen, an attack and parameters", () => {
  assert.equal(parseRoute("").screen, "overview");
  assert.equal(parseRoute("#/").screen, "overview");
  assert.equal(parseRoute("#/nonsense/x").screen, "overview");
  assert.equal(parseRoute("#/attacks").screen, "attacks");
  const attack = parseRoute("#/attacks/a%2F17?units=bits");
  assert.deepEqual([attack.screen, attack.id, attack.query.get("units")], ["attack", "a/17", "bits"]);
  assert.equal(parseRoute("#/rules?q=a?b").query.get("q"), "a?b");
  assert.equal(parseRoute("#/attacks/%E0%A4%A").id, "%E0%A4%A"); // not UTF-8: as it stands
});

test("links keep the units and nothing else; changes stay on the screen", () => {
  const route = parseRoute("#/rules?origin=operator&units=bits");
  assert.equal(href("/attacks", route), "#/attacks?units=bits");
  assert.equal(href("/rules", route, { rule: "d-1" }), "#/rules?units=bits&rule=d-1");
  assert.equal(hrefHere(route, { units: "" }), "#/rules?origin=operator");
  assert.equal(hrefHere(route, { page: "2", origin: null }), "#/rules?units=bits&page=2");
  const attack = parseRoute("#/attacks/a%2F17");
  assert.equal(hrefHere(attack, { units: "bits" }), "#/attacks/a%2F17?units=bits");
});

test("what is written is read back", () => {
  const route = hrefHere(parseRoute("#/rules"), { q: 'ip.dst in {203.0.113.0/24} and "x&y=z#%"' });
  assert.equal(parseRoute(route).query.get("q"), 'ip.dst in {203.0.113.0/24} and "x&y=z#%"');
});
