// attack_visible.mjs, whose numbers the lab's check relies on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { mock } from "./harness.mjs";

const SCRIPT = fileURLToPath(new URL("attack_visible.mjs", import.meta.url));

async function run(...options) {
  const child = spawn(process.execPath, [SCRIPT, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (data) => { out += data; });
  child.stderr.on("data", (data) => { err += data; });
  const [status] = await once(child, "close");
  return { status, err, lines: out.split("\n").filter(Boolean).map((line) => JSON.parse(line)) };
}

test("says when a new attack is on the page, and how long after its first packet", { timeout: 60000 }, async () => {
  const server = await mock("attack_soon");
  // Reaching the page takes as long as the machine needs; the attack begins after that.
  server.fleet.attackStart = Infinity;
  const begun = (async () => {
    while (!server.requests.some((r) => r.startsWith("/api/v1/stream"))) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    server.fleet.attackStart = Date.now() / 1000;
  })();
  try {
    const { status, lines } = await run(server.url, "--timeout", "20", "--target", "203.0.113.10");
    await begun;
    assert.equal(status, 0);
    assert.equal(lines.length, 2);
    assert.equal(lines[0].ready, true);
    assert.deepEqual([lines[1].attack, lines[1].target], ["a-17", "203.0.113.10"]);
    assert.equal(lines[1].first_packet_unix_s, server.fleet.attackStart);
    assert.ok(Math.abs(lines[1].seen_unix_s - lines[1].first_packet_unix_s - lines[1].seconds) < 0.001);
    assert.ok(lines[1].seconds > 0 && lines[1].seconds < 2, JSON.stringify(lines[1]));
  } finally {
    await server.close();
  }
});

test("an attack that was there before doesn't count, nor one of another target", { timeout: 60000 }, async () => {
  const server = await mock("attack");
  try {
    const { status, lines } = await run(server.url, "--timeout", "3");
    assert.equal(status, 1);
    assert.deepEqual(lines.at(-1), { error: "no new attack on the page within 3 s" });
  } finally {
    await server.close();
  }
});

test("without an address it says how it is used", async () => {
  const { status, err } = await run("--timeout", "3");
  assert.equal(status, 64);
  assert.match(err, /^usage: /);
});
