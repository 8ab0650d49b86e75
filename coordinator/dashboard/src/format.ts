// Numbers and times for people: SI units, three significant digits, durations that fit a table cell.

const PREFIXES = [
  { factor: 1e12, name: "T" },
  { factor: 1e9, name: "G" },
  { factor: 1e6, name: "M" },
  { factor: 1e3, name: "k" },
];

/** Three significant digits without a trailing point: 1.23, 12.3, 123. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

/** 1234567, "pps" → "1.23 Mpps"; whole numbers below 1000 stay whole; "" for the unit gives "1.23 M". */
export function si(value: number, unit: string): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  for (const { factor, name } of PREFIXES) {
    // 999,950 is 1.00 M rather than 1000 k.
    if (size >= factor * 0.9995) return `${digits(value / factor)} ${name}${unit}`.trimEnd();
  }
  const text = Number.isInteger(value) ? String(value) : size < 1 ? value.toFixed(1) : digits(value);
  return unit ? `${text} ${unit}` : text;
}

export type Units = "packets" | "bits";

export const UNIT_NAME: Record<Units, string> = { packets: "pps", bits: "bit/s" };

export function rate(value: number, units: Units): string {
  return si(value, UNIT_NAME[units]);
}

/** part of whole: "0 %", "83.1 %", "100 %"; never rounds up to 100 or down to 0. "–" when there is no whole. */
export function share(part: number, whole: number): string {
  if (!(whole > 0)) return "–";
  const percent = (100 * part) / whole;
  if (percent <= 0) return "0 %";
  if (percent >= 100) return "100 %";
  if (percent < 0.1) return "< 0.1 %";
  if (percent > 99.9) return "> 99.9 %";
  return `${percent < 99.95 ? percent.toFixed(1) : "99.9"} %`;
}

/** Short durations with their milliseconds, long ones in two units: "0.31 s", "4.2 s", "1 min 20 s", "3 h 5 min", "2 d 4 h". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const s = Math.max(0, seconds);
  if (s < 0.9995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.995) return `${s.toFixed(2)} s`;
  if (s < 59.95) return `${s.toFixed(1)} s`;
  return wholeDuration(s);
}

/** As duration, but in whole seconds: for what counts up or down in front of the reader. */
export function wholeDuration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return two(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
}

function two(a: number, aName: string, b: number, bName: string): string {
  return b === 0 ? `${a} ${aName}` : `${a} ${aName} ${b} ${bName}`;
}

/** "+0.31 s": an event's distance from the first packet. */
export function offset(seconds: number): string {
  return seconds < 0 ? `−${duration(-seconds)}` : `+${duration(seconds)}`;
}

/** Local time of day; with the date when that isn't today's. */
export function clock(unixS: number, nowS: number, fraction = false): string {
  const date = new Date(unixS * 1000);
  const two2 = (n: number) => String(n).padStart(2, "0");
  let text = `${two2(date.getHours())}:${two2(date.getMinutes())}:${two2(date.getSeconds())}`;
  if (fraction) text += `.${String(date.getMilliseconds()).padStart(3, "0")}`;
  if (date.toDateString() !== new Date(nowS * 1000).toDateString()) {
    text = `${date.getFullYear()}-${two2(date.getMonth() + 1)}-${two2(date.getDate())} ${text}`;
  }
  return text;
}

/** "2026-03-01 12:00:03.250 UTC", for titles. */
export function utc(unixS: number): string {
  return new Date(unixS * 1000).toISOString().replace("T", " ").replace("Z", " UTC");
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** A revision or count in groups of three, for numbers that are compared rather than estimated. */
export function exact(n: number): string {
  return Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** "edge_detector" → "edge detector". */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}
