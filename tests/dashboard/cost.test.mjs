// What the page costs: bytes of the first load, processor time and memory while it runs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./browser.mjs";
import { mock, openPage } from "./harness.mjs";

let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser?.close());

test("the first load is at most 150 KiB gzipped, its style sheets 10", { timeout: 60000 }, async () => {
  const server = await mock("attack");
  try {
    const sizes = {};
    const page = await browser.newPage();
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (!pathname.startsWith("/api/")) sizes[pathname] = Number(response.headers()["content-length"]);
    });
    await page.goto(server.url);
    await page.waitForSelector('[data-link="live"]');
    await page.close();
    const sum = (paths) => paths.reduce((total, path) => total + sizes[path], 0);
    const css = sum(Object.keys(sizes).filter((path) => path.endsWith(".css")));
    console.log(`first load ${sum(Object.keys(sizes))} bytes, of which CSS ${css}`);
    assert.ok(Object.keys(sizes).length >= 3, JSON.stringify(sizes));
    assert.ok(css > 0);
    assert.ok(sum(Object.keys(sizes)) <= 150 * 1024, JSON.stringify(sizes));
    assert.ok(css <= 10 * 1024, JSON.stringify(sizes));
  } finally {
    await server.close();
  }
});

const SECONDS = 20;

for (const [scenario, address, maxCore] of [["attack", "", 0.1], ["many_rules", "#/rules", 0.2]]) {
  test(`${scenario} ${address || "overview"}: little processor time, and memory that doesn't grow`, { timeout: 120000 }, async () => {
    const server = await mock(scenario);
    try {
      const opened = await openPage(browser, `${server.url}/${address}`);
      const session = await opened.page.context().newCDPSession(opened.page);
      await session.send("Performance.enable");
      const metrics = async () => {
        await session.send("HeapProfiler.collectGarbage");
        const { metrics: list } = await session.send("Performance.getMetrics");
        return Object.fromEntries(list.map((m) => [m.name, m.value]));
      };
      await opened.page.waitForTimeout(3000);
      const start = await metrics();
      await opened.page.waitForTimeout(SECONDS * 1000);
      const end = await metrics();
      const core = (end.TaskDuration - start.TaskDuration) / SECONDS;
      const heap = end.JSHeapUsedSize / 2 ** 20;
      const growth = (end.JSHeapUsedSize - start.JSHeapUsedSize) / 2 ** 20;
      console.log(`${scenario}: ${(100 * core).toFixed(1)} % of a core, heap ${heap.toFixed(1)} MiB (${growth.toFixed(2)} more), ${end.Nodes} nodes`);
      assert.ok(core < maxCore, `${(100 * core).toFixed(1)} % of a core`);
      assert.ok(heap < 40, `${heap} MiB`);
      assert.ok(growth < 2, `${growth} MiB more after ${SECONDS} s`);
      assert.ok(end.Nodes - start.Nodes < 500, `${end.Nodes - start.Nodes} more nodes`);
      await opened.finish();
    } finally {
      await server.close();
    }
  });
}
