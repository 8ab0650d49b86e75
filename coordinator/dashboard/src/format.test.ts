import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, count, duration, exact, offset, rate, share, si, utc, wholeDuration } from "./format";

test("rates have three digits and an SI prefix", () => {
  const cases: [number, string][] = [
    [0, "0 pps"], [0.25, "0.3 pps"], [7, "7 pps"], [12.34, "12.3 pps"], [999, "999 pps"], [999.7, "1.00 kpps"], [1234, "1.23 kpps"],
    [12345, "12.3 kpps"], [123456, "123 kpps"], [999949, "1.00 Mpps"], [1234567, "1.23 Mpps"], [2.5e9, "2.50 Gpps"], [7e12, "7.00 Tpps"],
    [Number.NaN, "–"], [Number.POSITIVE_INFINITY, "–"],
  ];
  for (const [value, text] of cases) assert.equal(si(value, "pps"), text, String(value));
  assert.equal(si(1234, ""), "1.23 k");
  assert.equal(si(5, ""), "5");
  assert.equal(rate(1e6, "bits"), "1.00 Mbit/s");
});

test("a share never rounds to all or nothing", () => {
  assert.equal(share(1, 0), "–");
  assert.equal(share(0, 10), "0 %");
  assert.equal(share(10, 10), "100 %");
  assert.equal(share(99999, 100000), "> 99.9 %");
  assert.equal(share(1, 100000), "< 0.1 %");
  assert.equal(share(997, 1000), "99.7 %");
  assert.equal(share(1, 3), "33.3 %");
});

test("durations keep what matters at their size", () => {
  const cases: [number, string][] = [
    [0, "0 ms"], [0.2124, "212 ms"], [0.9999, "1.00 s"], [4.2, "4.20 s"], [31.26, "31.3 s"], [59.97, "1 min"], [80, "1 min 20 s"],
    [11100, "3 h 5 min"], [187200, "2 d 4 h"], [-3, "0 ms"], [Number.NaN, "–"],
  ];
  for (const [value, text] of cases) assert.equal(duration(value), text, String(value));
  assert.equal(wholeDuration(59.6), "1 min");
  assert.equal(wholeDuration(3.2), "3 s");
  assert.equal(offset(0.31), "+310 ms");
  assert.equal(offset(-2), "−2.00 s");
});

test("times of day are local, with their date when it isn't today's", () => {
  const at = new Date(2026, 2, 1, 9, 5, 7, 30).getTime() / 1000;
  assert.equal(clock(at, at), "09:05:07");
  assert.equal(clock(at, at, true), "09:05:07.030");
  assert.equal(clock(at, at + 86400), "2026-03-01 09:05:07");
  assert.equal(utc(0), "1970-01-01 00:00:00.000 UTC");
});

test("counts", () => {
  assert.equal(count(1, "edge"), "1 edge");
  assert.equal(count(0, "edge"), "0 edges");
  assert.equal(exact(1234567), "1\u202f234\u202f567");
  assert.equal(exact(12), "12");
});
