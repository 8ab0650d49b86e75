// Headless Chromium for the tests and for whoever wants to see the page: a fresh profile each, no traffic of its own.
//
//   const browser = await openBrowser();           // BREAKWATER_CHROMIUM names another than /usr/bin/chromium
//   const page = await browser.newPage();
//   await browser.close();                         // ends Chromium and deletes its profile

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "./packages.mjs";

const { chromium } = load("playwright-core");

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--no-proxy-server",
];

/** `options` are Playwright's for a context: viewport, colorScheme, reducedMotion, ... */
export async function openBrowser(options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "breakwater-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.BREAKWATER_CHROMIUM || "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    viewport: { width: 1440, height: 900 },
    ...options,
  });
  return {
    context,
    newPage: () => context.newPage(),
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
