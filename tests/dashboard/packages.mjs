// What packages.sh installed, for scripts that don't stand beside it.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../build/dashboard-tests");
const require = createRequire(join(folder, "package.json"));

/** `path` = "axe-core/axe.min.js" → where that file is. Throws with what to do when it isn't there. */
export function resolvePackage(path) {
  try {
    return require.resolve(path);
  } catch {
    throw new Error(`${path} isn't installed in ${folder}: run tests/dashboard/packages.sh`);
  }
}

export function load(name) {
  resolvePackage(name);
  return require(name);
}
