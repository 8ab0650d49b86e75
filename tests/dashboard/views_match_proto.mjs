// Do the page's types (coordinator/dashboard/src/views.ts) say what proto/breakwater/v1/admin.proto says, field by field?
// Names each difference and exits 1. Views that the page doesn't use may be missing, fields of those it uses may not.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const SCALARS = { double: "number", float: "number", uint32: "number", int32: "number", string: "string", bool: "boolean" };

/** { View: { field: type as TypeScript writes it } } of every message. */
export function protoViews(text) {
  const views = {};
  const plain = text.replace(/\/\/.*$/gm, "");
  for (const [, name, body] of plain.matchAll(/message\s+(\w+)\s*\{([^{}]*)\}/g)) {
    views[name] = {};
    for (const [, repeated, type, field] of body.matchAll(/(repeated\s+)?([\w.]+)\s+(\w+)\s*=\s*\d+\s*;/g)) {
      const ts = SCALARS[type] ?? type;
      const message = !(type in SCALARS);
      views[name][field] = repeated ? `${ts}[]` : message ? `${ts}?` : ts;
    }
  }
  return views;
}

/** The same of every exported interface. */
export function pageViews(text) {
  const views = {};
  for (const [, name, body] of text.matchAll(/export interface (\w+) \{([^{}]*)\}/g)) {
    views[name] = {};
    for (const [, field, optional, type] of body.matchAll(/^\s*(\w+)(\?)?: ([\w[\]]+);$/gm)) {
      views[name][field] = type + (optional ?? "");
    }
  }
  return views;
}

export function differences(proto, page) {
  const out = [];
  for (const [name, fields] of Object.entries(page)) {
    if (!proto[name]) {
      out.push(`${name}: admin.proto has no such message`);
      continue;
    }
    for (const field of new Set([...Object.keys(fields), ...Object.keys(proto[name])])) {
      const [here, there] = [fields[field], proto[name][field]];
      if (here !== there) out.push(`${name}.${field}: views.ts has ${here ?? "no such field"}, admin.proto ${there ?? "none"}`);
    }
  }
  return out;
}

const proto = protoViews(readFileSync(join(root, "proto/breakwater/v1/admin.proto"), "utf8"));
const page = pageViews(readFileSync(join(root, "coordinator/dashboard/src/views.ts"), "utf8"));

// The check must be able to fail, and must have found something to compare.
const spoilt = structuredClone(proto);
delete spoilt.OverviewView.panic;
spoilt.RuleView.revision = "number";
const seen = differences(spoilt, page).length;
if (seen !== 2 || Object.keys(page).length < 12) {
  console.error(`views_match_proto.mjs: its own check failed: ${seen} of 2 planted differences, ${Object.keys(page).length} views`);
  process.exit(1);
}
const found = differences(proto, page);
for (const line of found) console.error(line);
if (found.length > 0) process.exit(1);
console.log(`${Object.keys(page).length} views match admin.proto`);
