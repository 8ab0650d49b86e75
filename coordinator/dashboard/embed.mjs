// Turns the built page into one C++ file that defines breakwater::dashboard::Assets().
//
//   node embed.mjs DIST-FOLDER OUTPUT.cc
//
// The same input gives the same bytes. Exits 1 with a message when the page is over its budget of first load.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const BUDGET = { all: 150 * 1024, css: 10 * 1024 };

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? filesUnder(join(folder, e.name)) : [join(folder, e.name)]))
    .sort();
}

function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 64) {
    let line = "";
    for (const b of bytes.subarray(at, at + 64)) {
      const plain = b >= 0x20 && b < 0x7f && b !== 0x22 && b !== 0x5c && b !== 0x3f; // no quotes, escapes, trigraphs
      line += plain ? String.fromCharCode(b) : "\\" + b.toString(8).padStart(3, "0");
    }
    lines.push(`    "${line}"`);
  }
  return lines.join("\n");
}

const [dist, output] = process.argv.slice(2);
if (!dist || !output) {
  console.error("usage: node embed.mjs DIST-FOLDER OUTPUT.cc");
  process.exit(64);
}

const assets = filesUnder(dist).map((file) => {
  const name = relative(dist, file);
  const type = TYPES[extname(name)];
  if (!type) throw new Error(`${name}: embed.mjs doesn't know its content type; add it to TYPES`);
  const body = readFileSync(file);
  return {
    path: name === "index.html" ? "/" : `/${name}`,
    type,
    etag: createHash("sha256").update(body).digest("hex").slice(0, 16),
    gzip: gzipSync(body, { level: 9 }),
    immutable: name.startsWith("assets/"),
  };
});

const sum = (some) => some.reduce((total, a) => total + a.gzip.length, 0);
const sizes = { all: sum(assets), css: sum(assets.filter((a) => a.type.startsWith("text/css"))) };
for (const [what, limit] of Object.entries(BUDGET)) {
  if (sizes[what] > limit) {
    console.error(`embed.mjs: the page's first load (${what}) is ${sizes[what]} bytes gzipped, its budget ${limit}`);
    process.exit(1);
  }
}

const code = `// Made by coordinator/dashboard/embed.mjs from the built page.
#include "coordinator/dashboard/assets.h"

namespace breakwater::dashboard {
namespace {

using std::string_view_literals::operator""sv;

${assets.map((a, i) => `constexpr char kGzip${i}[] =\n${literal(a.gzip)};`).join("\n\n")}

constexpr Asset kAssets[] = {
${assets
  .map(
    (a, i) =>
      `    {"${a.path}"sv, "${a.type}"sv, "\\"${a.etag}\\""sv, {kGzip${i}, ${a.gzip.length}}, ${a.immutable}},`,
  )
  .join("\n")}
};

}  // namespace

std::span<const Asset> Assets() { return kAssets; }

}  // namespace breakwater::dashboard
`;
writeFileSync(output, code);
console.log(`dashboard: ${assets.length} files, ${sizes.all} bytes gzipped (CSS ${sizes.css})`);
