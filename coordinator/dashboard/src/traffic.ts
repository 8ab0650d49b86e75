// The traffic that the chart shows: a run of equal steps into which the newest seconds from the stream are merged.

import type { TrafficPoint, TrafficView } from "./views";

const UNKNOWN: TrafficPoint = { known: false, pps: 0, bps: 0, dropped_pps: 0, dropped_bps: 0 };

/** What is shown at most at a step of one second. */
export const SHOWN_S = 300;

/**
 * `newer` laid over `base`: what it knows replaces what was there, a gap between them is unknown, and only the newest `keep` steps stay.
 * A view with another step or region, or from before the base, replaces it.
 */
export function mergeTraffic(base: TrafficView | null, newer: TrafficView, keep = SHOWN_S): TrafficView {
  if (!base || base.step_s !== newer.step_s || base.region !== newer.region || base.points.length === 0) {
    return { ...newer, points: newer.points.slice(-keep), start_unix_s: startOfLast(newer, keep) };
  }
  if (newer.points.length === 0) return base;
  const step = base.step_s;
  const shift = Math.round((newer.start_unix_s - base.start_unix_s) / step);
  if (shift < 0 || shift > base.points.length + 10 * keep) {
    return { ...newer, points: newer.points.slice(-keep), start_unix_s: startOfLast(newer, keep) };
  }
  const points = base.points.slice();
  while (points.length < shift) points.push(UNKNOWN);
  newer.points.forEach((point, i) => {
    if (point.known || !points[shift + i]?.known) points[shift + i] = point;
  });
  const surplus = Math.max(0, points.length - keep);
  return { ...base, start_unix_s: base.start_unix_s + surplus * step, points: points.slice(surplus) };
}

function startOfLast(view: TrafficView, keep: number): number {
  return view.start_unix_s + Math.max(0, view.points.length - keep) * view.step_s;
}

/** Steps of which nothing is known, except at the very end, where windows are still on their way. */
export const STILL_ARRIVING_S = 3;

export interface TrafficSummary {
  knownSteps: number;
  unknownS: number;
  peakPps: number;
  peakBps: number;
  peakUnixS: number;
  packets: number;
  droppedPackets: number;
}

export function summarise(view: TrafficView): TrafficSummary {
  const s: TrafficSummary = {
    knownSteps: 0, unknownS: 0, peakPps: 0, peakBps: 0, peakUnixS: 0, packets: 0, droppedPackets: 0,
  };
  const arriving = Math.ceil(STILL_ARRIVING_S / view.step_s);
  view.points.forEach((p, i) => {
    if (!p.known) {
      if (i < view.points.length - arriving) s.unknownS += view.step_s;
      return;
    }
    s.knownSteps += 1;
    s.packets += p.pps * view.step_s;
    s.droppedPackets += p.dropped_pps * view.step_s;
    s.peakBps = Math.max(s.peakBps, p.bps);
    if (s.knownSteps === 1 || p.pps > s.peakPps) {
      s.peakPps = p.pps;
      s.peakUnixS = view.start_unix_s + i * view.step_s;
    }
  });
  return s;
}

export interface TrafficRow {
  start: number;
  knownShare: number;
  pps: number;
  bps: number;
  dropped_pps: number;
  dropped_bps: number;
}

/** Means over `group` steps each, newest first: the chart as a table. */
export function rows(view: TrafficView, group: number): TrafficRow[] {
  const out: TrafficRow[] = [];
  for (let at = 0; at < view.points.length; at += group) {
    const some = view.points.slice(at, at + group);
    const known = some.filter((p) => p.known);
    const mean = (field: "pps" | "bps" | "dropped_pps" | "dropped_bps") =>
      known.length ? known.reduce((sum, p) => sum + p[field], 0) / known.length : 0;
    out.push({
      start: view.start_unix_s + at * view.step_s,
      knownShare: known.length / some.length,
      pps: mean("pps"), bps: mean("bps"), dropped_pps: mean("dropped_pps"), dropped_bps: mean("dropped_bps"),
    });
  }
  return out.reverse();
}
