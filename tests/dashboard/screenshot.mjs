// A picture of the page: node screenshot.mjs URL OUTPUT.png [light|dark] [WIDTHxHEIGHT] [SECONDS]
// URL may carry a screen ("http://127.0.0.1:8080/#/rules"); it waits for live data, then SECONDS more (default 2).
import { openBrowser } from "./browser.mjs";

const [url, output, colorScheme = "light", size = "1440x900", seconds = "2"] = process.argv.slice(2);
const [width, height] = size.split("x").map(Number);
if (!url || !output || !width || !height) {
  console.error("usage: node screenshot.mjs URL OUTPUT.png [light|dark] [WIDTHxHEIGHT] [SECONDS]");
  process.exit(64);
}
const browser = await openBrowser({ colorScheme, viewport: { width, height } });
try {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForSelector('[data-link="live"]', { timeout: 15000 });
  await page.waitForTimeout(Number(seconds) * 1000);
  await page.screenshot({ path: output });
} finally {
  await browser.close();
}
