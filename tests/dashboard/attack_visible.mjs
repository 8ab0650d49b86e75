// When does a person see the attack? node attack_visible.mjs URL [--target ADDRESS] [--timeout SECONDS]
//
// Opens the page at URL, prints {"ready":true,...} once it shows live data (start the attack then), waits without reloading
// until a row of an attack appears that wasn't there, and prints one line such as
//   {"attack":"a-17","target":"203.0.113.10","seen_unix_s":1767225604.2,"first_packet_unix_s":1767225603.1,"seconds":1.1}
// Exit 1 when none appears within the timeout (default 60 s), with {"error": ...}. All else goes to stderr.
import { openBrowser } from "./browser.mjs";

const options = { target: "", timeout: "60" };
const positional = [];
const given = process.argv.slice(2);
while (given.length > 0) {
  const argument = given.shift();
  const name = argument.replace(/^--/, "");
  if (!argument.startsWith("--")) positional.push(argument);
  else if (name in options && given.length > 0) options[name] = given.shift();
  else positional.length = 2;
}
const [url] = positional;
const timeout = Number(options.timeout) * 1000;
if (positional.length !== 1 || !(timeout > 0)) {
  console.error("usage: node attack_visible.mjs URL [--target ADDRESS] [--timeout SECONDS]");
  process.exit(64);
}

const say = (facts) => console.log(JSON.stringify(facts));
let browser;
try {
  browser = await openBrowser();
  const page = await browser.newPage();
  await page.goto(url, { waitUntil: "domcontentloaded" });
  await page.waitForSelector('[data-link="live"]', { timeout: 20000 });
  await page.evaluate((target) => {
    const rows = () => [...document.querySelectorAll("tr[data-attack]")];
    const known = new Set(rows().map((row) => row.dataset.attack));
    globalThis.seenAttack = new Promise((resolve) => {
      const look = () => {
        const row = rows().find((r) => !known.has(r.dataset.attack) && (!target || r.querySelector("th").textContent === target));
        if (!row) return;
        observer.disconnect();
        // A frame later it is on the screen too.
        requestAnimationFrame(() => resolve({ attack: row.dataset.attack, target: row.querySelector("th").textContent, seen_unix_s: Date.now() / 1000 }));
      };
      const observer = new MutationObserver(look);
      observer.observe(document.body, { childList: true, subtree: true, characterData: true });
    });
  }, options.target);
  say({ ready: true, unix_s: Date.now() / 1000 });
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`no new attack on the page within ${options.timeout} s`)), timeout).unref());
  const seen = await Promise.race([page.evaluate(() => globalThis.seenAttack), late]);
  const first = await page.evaluate(async (id) => {
    const response = await fetch(`/api/v1/attacks/${encodeURIComponent(id)}`);
    return response.ok ? (await response.json()).first_packet_unix_s : 0;
  }, seen.attack);
  say({ ...seen, first_packet_unix_s: first, seconds: first > 0 ? Math.round((seen.seen_unix_s - first) * 1000) / 1000 : null });
} catch (error) {
  say({ error: String(error.message ?? error).split("\n")[0] });
  process.exitCode = 1;
} finally {
  await browser?.close();
}
