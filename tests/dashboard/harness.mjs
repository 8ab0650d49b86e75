// What the page's tests share: a mock coordinator and one browser, a page that reports everything that went wrong in it, and
// the accessibility check.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MockServer } from "../../coordinator/dashboard/mock/server.mjs";
import { resolvePackage } from "./packages.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const AXE = readFileSync(resolvePackage("axe-core/axe.min.js"), "utf8");
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** The built page: BREAKWATER_PAGE_DIST, or what `npm run build` made beside the sources. */
export const DIST = process.env.BREAKWATER_PAGE_DIST || join(here, "../../coordinator/dashboard/dist");

/** The policy that the coordinator sends, from the header that it takes it from. */
export function contentSecurityPolicy() {
  const header = readFileSync(join(here, "../../coordinator/dashboard/assets.h"), "utf8");
  const [, literals] = /kContentSecurityPolicy =\s*((?:"[^"]*"\s*)+);/.exec(header);
  return [...literals.matchAll(/"([^"]*)"/g)].map((m) => m[1]).join("");
}

export function mock(scenario) {
  return MockServer.listen({ scenario, dist: DIST, policy: contentSecurityPolicy() });
}

/** A page that keeps its errors, refused connections aside when those are the test. */
export async function openPage(browser, url, { offlineExpected = false, ready = '[data-link="live"]' } = {}) {
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    if (offlineExpected && /ERR_(CONNECTION|INCOMPLETE|EMPTY)|Failed to load resource/.test(message.text())) return;
    problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) problems.push(`asks another origin: ${request.url()}`);
  });
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      globalThis.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
    });
  });
  await page.goto(url);
  if (ready) await page.waitForSelector(ready, { timeout: 15000 });
  return {
    page,
    problems,
    /** Nothing went wrong so far; then closes it. */
    async finish() {
      assert.deepEqual(await page.evaluate(() => globalThis.violations), [], "content security policy");
      assert.deepEqual(problems, []);
      await page.close();
    },
  };
}

/** axe-core finds nothing on what is shown now. */
export async function assertAccessible(page, what) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (tags) => {
    const result = await globalThis.axe.run(document, { runOnly: { type: "tag", values: tags } });
    return result.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")}: ${n.failureSummary}`).join("; ")}`);
  }, AXE_TAGS);
  assert.deepEqual(found, [], `accessibility of ${what}`);
}

export const text = (page, selector) => page.locator(selector).first().innerText();

/** Waits until `check` no longer throws, and throws what it threw last when it always does. */
export async function eventually(check, ms = 5000) {
  const end = Date.now() + ms;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
