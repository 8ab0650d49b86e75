// The unit tests of the page's code: node run_units.mjs PAGE-FOLDER (with src/ and node_modules/).
// Each src/*.test.ts is bundled by the esbuild that Vite brings, for Node.js itself doesn't read TypeScript.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const page = resolve(process.argv[2] ?? ".");
const tests = readdirSync(join(page, "src")).filter((name) => name.endsWith(".test.ts"));
if (tests.length === 0) {
  console.error(`run_units.mjs: no src/*.test.ts under ${page}`);
  process.exit(1);
}
const require = createRequire(join(page, "package.json"));
const { build } = createRequire(require.resolve("vite/package.json"))("esbuild");
const outdir = join(page, "unit-tests");
await build({
  entryPoints: tests.map((name) => join(page, "src", name)), outdir, outExtension: { ".js": ".mjs" },
  bundle: true, platform: "node", format: "esm", target: "node18", logLevel: "warning",
});
const run = spawnSync(process.execPath, ["--test", ...tests.map((name) => join(outdir, name.replace(/\.ts$/, ".mjs")))], {
  stdio: "inherit",
});
process.exit(run.status ?? 1);
