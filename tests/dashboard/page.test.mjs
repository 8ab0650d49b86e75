// What the page shows in each state of the network, and of its own connection.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./browser.mjs";
import { assertAccessible, eventually, mock, openPage, text } from "./harness.mjs";

let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser?.close());

/** Shows `scenario` and hands the page to `body`; whatever went wrong in the page fails the test. */
function show(name, scenario, address, body, options = {}) {
  test(name, { timeout: 90000 }, async () => {
    const server = await mock(scenario);
    try {
      const opened = await openPage(browser, `${server.url}/${address}`, options);
      await body(opened.page, server, opened);
      await opened.finish();
    } finally {
      await server.close();
    }
  });
}

const tile = (page, name) => page.locator(".tile", { has: page.locator(`h2:text-is("${name}")`) });

/** Are there pixels of this class's colour in the chart? */
function drawn(page, key) {
  return page.evaluate((name) => {
    const [r, g, b] = getComputedStyle(document.querySelector(`.key.${name}`)).color.match(/[\d.]+/g).map(Number);
    const canvas = document.querySelector(".plot canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 0 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 12) count += 1;
    }
    return count;
  }, key);
}

show("empty: says that nothing has come yet, rather than zero", "empty", "", async (page) => {
  assert.match(await tile(page, "In").innerText(), /unknown\s+nothing heard yet/i);
  assert.match(await text(page, "main"), /No edge has connected yet/);
  assert.match(await text(page, "main"), /None that anybody could see/);
  assert.match(await text(page, "figcaption"), /Nothing is known of the last/);
  await assertAccessible(page, "the empty overview");
  await page.goto(`${page.url()}#/rules`);
  assert.match(await text(page, "main"), /None in force/);
  await assertAccessible(page, "no rules");
});

show("calm: zero drops are zero, and the last attack is named", "calm", "", async (page) => {
  assert.match(await tile(page, "Dropped").innerText(), /0\s+pps/);
  assert.match(await tile(page, "Attacks").innerText(), /0\s+last ended/);
  assert.equal(await page.locator("tr[data-attack].past").count(), 1);
});

show("attack: totals, chart, fleet and the attack's row", "attack", "", async (page) => {
  assert.match(await tile(page, "In").innerText(), /2\d\d\s+kpps\s+[\d.]+ [MG]bit\/s/);
  assert.match(await tile(page, "Dropped").innerText(), /\d+\s+kpps\s+9\d\.\d %/);
  assert.match(await tile(page, "Edges").innerText(), /3 \/ 3/);
  const row = await text(page, 'tr[data-attack="a-17"]');
  for (const part of ["203.0.113.10", "udp.dns", "mitigated", "kpps", "99.7 %", "ams-1", "d-ams-1-7"]) assert.ok(row.includes(part), `${part} in ${row}`);
  await eventually(async () => assert.match(await text(page, 'tr[data-attack="a-17"]'), /eu, us-east/));
  const fleet = await text(page, "table.fleet");
  for (const part of ["eu", "us-east", "asia", "ams-1", "connected", "announced"]) assert.ok(fleet.includes(part), `${part} in ${fleet}`);
  assert.ok((await drawn(page, "in")) > 200, "the line of what comes in");
  assert.ok((await drawn(page, "dropped")) > 200, "the line of what is dropped");
  assert.equal(await page.title(), "(1) Overview · Breakwater");
  await assertAccessible(page, "the overview under attack");

  await page.locator('a:text-is("bits")').click();
  await eventually(async () => assert.match(await tile(page, "In").innerText(), /[MG]bit\/s\s+\d+ kpps/));
  assert.match(page.url(), /units=bits/);
  await page.reload();
  await page.waitForSelector('[data-link="live"]');
  assert.match(await tile(page, "In").innerText(), /[MG]bit\/s\s+\d+ kpps/, "the address keeps the units");
});

show("the chart as a table, of one region, over another range", "attack", "", async (page) => {
  await page.getByRole("button", { name: "Show as table" }).click();
  const rows = page.locator(".chart tbody tr");
  assert.equal(await rows.count(), 30);
  assert.match(await rows.first().innerText(), /kpps/);
  await assertAccessible(page, "the chart's table");
  await page.locator('.choice a:text-is("asia")').click();
  await eventually(async () => assert.match(await text(page, "figcaption"), /Last 5 min: peak 2\.\d\d kpps.*0 %/));
  await page.locator('.choice a:text-is("24 h")').click();
  await eventually(async () => assert.match(await text(page, "figcaption"), /Last 1 d/));
  assert.match(page.url(), /region=asia.*range=24h|range=24h.*region=asia/);
});

show("an attack's own screen: timeline, edges, signature", "attack", "#/attacks/a-17", async (page) => {
  await page.waitForSelector(".timeline li");
  const events = await page.locator(".timeline li").allInnerTexts();
  assert.equal(events.length, 9);
  assert.match(events[0], /^\+0 ms\s+First packet on ams-1/);
  assert.match(events[1], /^\+212 ms\s+Detected on ams-1/);
  assert.match(events[4], /^\+332 ms\s+First drop on ams-1/);
  assert.match(events[5], /Rule spread coordinator d-ams-1-7/);
  const facts = await text(page, ".attack-head");
  assert.match(facts, /Time to detect\s+212 ms/);
  assert.match(facts, /Time to first drop\s+332 ms/);
  const edges = await page.locator("main table tbody tr").allInnerTexts();
  assert.match(edges[0], /ams-1\s+eu\s+182 kpps\s+99\.7 %\s+\+212 ms\s+\+332 ms/);
  assert.match(edges[1], /nyc-1\s+us-east.*not by itself\s+\+930 ms/s);
  assert.equal(await text(page, "code.match"), "ip.dst in {203.0.113.10} and udp.srcport == 53 and ip.len >= 1200 and ip.len <= 1500");
  await assertAccessible(page, "an attack");
  await page.locator('.signatures a:text-is("d-ams-1-7")').click();
  await page.waitForSelector('tbody[data-rule="d-ams-1-7"].open');
});

show("an attack that isn't there, and the list of all", "attack", "#/attacks/a-999", async (page, _, opened) => {
  await page.waitForSelector("text=No such attack is remembered");
  opened.problems.length = 0; // the browser notes the 404
  await page.getByRole("link", { name: "All attacks" }).click();
  await eventually(async () => assert.equal(await page.locator("tr[data-attack]").count(), 2));
  await assertAccessible(page, "all attacks");
  opened.problems.length = 0;
});

show("rules: the four states on each edge, with hits", "attack", "#/rules", async (page) => {
  assert.match(await text(page, 'tbody[data-rule="op-1"]'), /operator\s+■ enforce\s+drop\s+● 3 of 3, 1 matching\s+12\s+[\d:]+\s+\d+ min( \d+ s)?\s+mara/);
  assert.match(await text(page, 'tbody[data-rule="op-2"]'), /observe.*never\s+never\s+mara/s);
  const toggle = page.getByRole("button", { name: "d-ams-1-7" });
  await toggle.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(".rule-edges");
  assert.equal(await toggle.getAttribute("aria-expanded"), "true");
  const edges = await page.locator(".rule-edges tbody tr").allInnerTexts();
  assert.match(edges[0], /ams-1\s+eu\s+✓ received\s+✓ validated\s+✓ armed\s+✓ matching\s+enforces\s+182 k/);
  assert.match(edges[2], /sin-1\s+asia\s+✓ received\s+✓ validated\s+✓ armed\s+· matching\s+counts, armed\s+0\s+0\s+0/);
  await assertAccessible(page, "rules, one open");
  await page.reload();
  await page.waitForSelector(".rule-edges");
  await page.getByRole("button", { name: "d-ams-1-7" }).click();
  await eventually(async () => assert.equal(await page.locator(".rule-edges").count(), 0));
});

show("degraded: what needs a person, refused rules, unknown isn't zero", "degraded", "", async (page) => {
  const needs = await text(page, ".needs-you");
  assert.match(needs, /edge nyc-1 is silent for 14 s/);
  const fleet = await text(page, "table.fleet");
  assert.match(fleet, /nyc-1\s+◐ silent/);
  assert.match(fleet, /sin-1\s+✕ disconnected\s+▽ withdrawn\s+unknown\s+unknown/);
  assert.match(await text(page, "figcaption"), /30\.0 s unknown/);
  assert.ok((await drawn(page, "unknown")) > 0, "the hatch over unknown seconds");
  await assertAccessible(page, "the degraded overview");
  await page.goto(`${page.url()}#/rules?rule=op-2`);
  await eventually(async () => assert.match(await text(page, 'tbody[data-rule="op-2"]'), /refused by 1 of 3[^]*refused: unknown field udp\.dstport2/));
  await assertAccessible(page, "a refused rule");
});

show("panic: a banner says that nothing is enforced", "panic", "", async (page) => {
  const banner = page.getByRole("alert");
  assert.match(await banner.innerText(), /Enforcement is stopped on every edge.*clean logins dropped in eu.*bwctl panic off/s);
  assert.match(await tile(page, "Dropped").innerText(), /0\s+pps/);
  await assertAccessible(page, "panic");
});

show("an attack appears without a reload", "attack_soon", "", async (page, server) => {
  await page.evaluate(() => { globalThis.sameDocument = true; });
  await page.waitForSelector('tr[data-attack="a-17"]', { timeout: 8000 });
  const seconds = Date.now() / 1000 - server.fleet.attackStart;
  assert.ok(seconds < 2, `seen ${seconds.toFixed(2)} s after its first packet`);
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
});

show("reconnecting, then lost, then live again: what was known stays, and is dated", "attack", "", async (page, server) => {
  await page.evaluate(() => { globalThis.sameDocument = true; });
  await server.stop();
  await page.waitForSelector('[data-link="reconnecting"]', { timeout: 5000 });
  assert.match(await text(page, ".pill"), /Reconnecting · data from \d\d:\d\d:\d\d/);
  assert.equal(await page.locator('tr[data-attack="a-17"]').count(), 1);
  await assertAccessible(page, "reconnecting");
  await page.waitForSelector('[data-link="lost"]', { timeout: 15000 });
  assert.match(await page.getByRole("alert").innerText(), /coordinator can't be reached.*is from.*Edges go on defending/s);
  assert.match(await tile(page, "In").innerText(), /2\d\d\s+kpps/);
  assert.match(await text(page, "figcaption"), /unknown/, "seconds without news are unknown");
  await assertAccessible(page, "coordinator lost");
  await server.resume();
  await page.waitForSelector('[data-link="live"]', { timeout: 15000 });
  assert.equal(await page.getByRole("alert").count(), 0);
  await eventually(async () => assert.doesNotMatch(await text(page, "figcaption"), /unknown/), 5000);
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
}, { offlineExpected: true });

show("a stream that breaks alone is opened again", "attack", "", async (page, server) => {
  server.dropStreams();
  await page.waitForSelector('[data-link="reconnecting"]', { timeout: 5000 });
  await page.waitForSelector('[data-link="live"]', { timeout: 10000 });
}, { offlineExpected: true });

show("one page too many: says why it isn't live, and asks instead", "attack", "", async (page, server) => {
  server.refuseStreams = "64 pages follow live already, which is the limit";
  server.dropStreams();
  await page.waitForSelector('[data-link="polled"]', { timeout: 10000 });
  assert.match(await page.getByRole("alert").innerText(), /can't follow live: 64 pages follow live already, which is the limit; close another page\. It asks/);
  server.setScenario("panic");
  await page.waitForSelector("text=Enforcement is stopped on every edge", { timeout: 15000 });
  await assertAccessible(page, "a page that isn't live");
  server.refuseStreams = "";
  await page.waitForSelector('[data-link="live"]', { timeout: 15000 });
}, { offlineExpected: true });

test("a coordinator that was never there", { timeout: 60000 }, async () => {
  const server = await mock("attack");
  try {
    const page = await browser.newPage();
    await page.route("**/api/**", (route) => route.abort());
    await page.goto(server.url);
    await page.waitForSelector('[data-link="lost"]', { timeout: 20000 });
    assert.match(await text(page, "main"), /The coordinator can't be reached/);
    await assertAccessible(page, "never connected");
    await page.close();
  } finally {
    await server.close();
  }
});

show("pause holds what is shown", "attack", "", async (page, server) => {
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForSelector('[data-link="paused"]');
  const before = await tile(page, "In").innerText();
  server.setScenario("empty");
  await page.waitForTimeout(2500);
  assert.equal(await tile(page, "In").innerText(), before);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.waitForSelector("text=No edge has connected yet");
});

show("1,000 rules: a page of them at a time, found by text", "many_rules", "#/rules", async (page) => {
  await page.waitForSelector("text=1000 rules");
  assert.equal(await page.locator("table.rules > tbody").count(), 50);
  assert.match(await text(page, ".pages"), /Page 1 of 20/);
  await page.getByRole("link", { name: "Next" }).click();
  await eventually(async () => assert.match(await text(page, ".pages"), /Page 2 of 20/));
  await page.getByLabel("Find").fill("line 777");
  await eventually(async () => assert.equal(await page.locator("table.rules > tbody").count(), 1));
  assert.match(page.url(), /q=line\+777/);
  await page.getByLabel("Find").fill("");
  await page.getByLabel("Origin").selectOption("edge_detector");
  await eventually(async () => assert.equal(await page.locator("table.rules > tbody").count(), 1));
  await page.getByLabel("Find").fill("nothing like this");
  await page.waitForSelector("text=No rule fits");
  await page.goto(`${page.url().split("#")[0]}#/rules?rule=op-500`);
  await page.waitForSelector('tbody[data-rule="op-500"].open');
  await assertAccessible(page, "1,000 rules");
});

show("what isn't JSON is left out, and what people wrote stays text", "attack", "#/rules", async (page, server, opened) => {
  server.sendRaw("rules", "{not json");
  const hostile = '<img src=x onerror="globalThis.hit=1">';
  const rules = server.fleet.rules(Date.now() / 1000);
  rules.rules[0].match = hostile;
  rules.rules[0].created_by = hostile;
  server.sendRaw("rules", JSON.stringify(rules));
  await page.waitForSelector(`text=${hostile}`);
  assert.equal(await page.evaluate(() => globalThis.hit), undefined);
  assert.equal(await page.locator("main img").count(), 0);
  assert.equal(opened.problems.length, 1);
  assert.match(opened.problems.pop(), /rules: the coordinator sent what isn't JSON/);
  await page.waitForSelector('[data-link="live"]');
});

show("the keyboard reaches everything: skip link, navigation, tables", "attack", "", async (page) => {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "MAIN");
  const reached = new Set();
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.getAttribute("aria-label") || document.activeElement.textContent.trim()));
  }
  for (const name of ["Show as table", "203.0.113.10", "Fleet by region", "All attacks"]) assert.ok(reached.has(name), `${name} in ${[...reached].join(" | ")}`);
});

show("what is read aloud changes at most once in ten seconds", "calm", "", async (page, server) => {
  await page.evaluate(() => {
    globalThis.said = [];
    const region = document.querySelector('[aria-live="polite"]');
    new MutationObserver(() => globalThis.said.push([performance.now(), region.textContent])).observe(region, { childList: true, characterData: true, subtree: true });
  });
  for (const scenario of ["attack", "calm", "attack", "panic"]) {
    server.setScenario(scenario);
    await page.waitForTimeout(3000);
  }
  await eventually(async () => {
    const said = await page.evaluate(() => globalThis.said);
    assert.match(said.at(-1)?.[1] ?? "", /Enforcement is stopped everywhere\. 1 active attack/);
  }, 12000);
  const times = (await page.evaluate(() => globalThis.said)).map(([at]) => at);
  for (let i = 1; i < times.length; i += 1) assert.ok(times[i] - times[i - 1] > 9500, `said after ${times[i] - times[i - 1]} ms`);
});

for (const [scheme, width] of [["dark", 1440], ["light", 390], ["dark", 390]]) {
  test(`${scheme}, ${width} px wide: readable, and no wider than the screen`, { timeout: 90000 }, async () => {
    const server = await mock("attack");
    const own = await openBrowser({ colorScheme: scheme, viewport: { width, height: 844 }, reducedMotion: "reduce" });
    try {
      for (const address of ["", "#/attacks/a-17", "#/rules?rule=d-ams-1-7"]) {
        const opened = await openPage(own, `${server.url}/${address}`);
        await opened.page.waitForTimeout(300);
        assert.ok((await opened.page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${address} is wider than ${width} px`);
        assert.equal(await opened.page.evaluate(() => getComputedStyle(document.querySelector("button")).transitionDuration), "0s");
        await assertAccessible(opened.page, `${address} (${scheme}, ${width} px)`);
        await opened.finish();
      }
    } finally {
      await own.close();
      await server.close();
    }
  });
}

show("the reader's own choice of colours is kept", "calm", "", async (page) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  const button = page.getByRole("button", { name: "Colours" });
  await button.click();
  await button.click();
  await eventually(async () => assert.notEqual(await ground(), light));
  const dark = await ground();
  await page.reload();
  await page.waitForSelector('[data-link="live"]');
  assert.equal(await ground(), dark);
  await button.click();
  await eventually(async () => assert.equal(await ground(), light));
});
