// Traffic and drops over time. 1 px lines (wider ones cost four times the processor); what isn't known is hatched, so that
// it can't be taken for zero. The same as a table beside it.

import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, duration, rate, share, si, UNIT_NAME, wholeDuration, type Units } from "./format";
import { Scroll, Time } from "./parts";
import { rows, STILL_ARRIVING_S, summarise } from "./traffic";
import type { TrafficView } from "./views";

const HEIGHT = 230;
const TABLE_ROWS = 30;

export function TrafficChart({ view, units, now }: { view: TrafficView; units: Units; now: number }) {
  const [asTable, setAsTable] = useState(false);
  const s = summarise(view);
  const span = view.points.length * view.step_s;
  const peak = units === "packets" ? s.peakPps : s.peakBps;
  return (
    <figure className="chart">
      <figcaption>
        {s.knownSteps === 0 ? (
          <span>Nothing is known of the last {wholeDuration(span)}.</span>
        ) : (
          <span>
            Last {wholeDuration(span)}: peak {rate(peak, units)}
            {units === "packets" && s.peakPps > 0 && <> at <Time at={s.peakUnixS} now={now} /></>}
            {", "}
            {share(s.droppedPackets, s.packets) === "–" ? "nothing to drop" : `${share(s.droppedPackets, s.packets)} of packets dropped`}
            {s.unknownS > 0 && `, ${duration(s.unknownS)} unknown`}.
          </span>
        )}
        <button type="button" className="link" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? "Show as chart" : "Show as table"}
        </button>
      </figcaption>
      {asTable ? <TrafficTable view={view} units={units} now={now} /> : <Plot view={view} units={units} />}
    </figure>
  );
}

function TrafficTable({ view, units, now }: { view: TrafficView; units: Units; now: number }) {
  const group = Math.max(1, Math.ceil(view.points.length / TABLE_ROWS));
  const [inField, outField] = units === "packets" ? (["pps", "dropped_pps"] as const) : (["bps", "dropped_bps"] as const);
  return (
    <Scroll label="Traffic as a table">
      <table className="dense">
        <caption>Means over {wholeDuration(group * view.step_s)}, newest first</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col" className="num">In</th>
            <th scope="col" className="num">Dropped</th>
            <th scope="col" className="num">Passed</th>
            <th scope="col" className="num">Dropped share</th>
            <th scope="col" className="num">Known</th>
          </tr>
        </thead>
        <tbody>
          {rows(view, group).map((row) => {
            const cells = [row[inField], row[outField], row[inField] - row[outField]];
            return (
              <tr key={row.start}>
                <th scope="row"><Time at={row.start} now={now} /></th>
                {cells.map((value, i) => (
                  <td key={i} className="num">{row.knownShare > 0 ? rate(value, units) : "unknown"}</td>
                ))}
                <td className="num">{share(row[outField], row[inField])}</td>
                <td className="num">{share(row.knownShare, 1)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

function columns(view: TrafficView, units: Units): uPlot.AlignedData {
  const xs: number[] = [];
  const ins: (number | null)[] = [];
  const dropped: (number | null)[] = [];
  view.points.forEach((p, i) => {
    xs.push(view.start_unix_s + i * view.step_s);
    ins.push(p.known ? (units === "packets" ? p.pps : p.bps) : null);
    dropped.push(p.known ? (units === "packets" ? p.dropped_pps : p.dropped_bps) : null);
  });
  return [xs, ins, dropped];
}

/** Changes whenever the colours do: the system's scheme, or the reader's choice. */
function useColourScheme(): string {
  return useSyncExternalStore(
    (changed) => {
      const query = matchMedia("(prefers-color-scheme: dark)");
      query.addEventListener("change", changed);
      const observer = new MutationObserver(changed);
      observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
      return () => {
        query.removeEventListener("change", changed);
        observer.disconnect();
      };
    },
    () => `${document.documentElement.dataset["theme"] ?? ""} ${matchMedia("(prefers-color-scheme: dark)").matches}`,
  );
}

function Plot({ view, units }: { view: TrafficView; units: Units }) {
  const box = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef({ view, units });
  shown.current = { view, units };
  const scheme = useColourScheme();

  useEffect(() => {
    const host = box.current!;
    const made = new uPlot(options(host, legend.current!, () => shown.current), columns(shown.current.view, shown.current.units), host);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height: HEIGHT }));
    observer.observe(host);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [scheme]);

  useEffect(() => {
    plot.current?.setData(columns(view, units));
  }, [view, units, scheme]);

  return (
    <>
      <div className="legend" ref={legend}>
        <span className="key in">In</span> <output data-value="in" />
        <span className="key dropped">Dropped</span> <output data-value="dropped" />
        <span className="key passed">Passed</span> <output data-value="passed" />
        <span className="key unknown">Unknown</span>
        <span className="at" data-value="at" />
      </div>
      <div className="plot" ref={box} aria-hidden="true" />
    </>
  );
}

function options(host: HTMLElement, legend: HTMLElement, shown: () => { view: TrafficView; units: Units }): uPlot.Options {
  const colour = (key: string) => getComputedStyle(legend.querySelector(`.key.${key}`)!).color;
  const [inColour, droppedColour, hatch] = [colour("in"), colour("dropped"), colour("unknown")];
  const style = getComputedStyle(host);
  const font = `11px ${style.fontFamily}`;
  const axis = { stroke: style.color, font, ticks: { show: false }, grid: { stroke: style.borderTopColor, width: 1 } };
  return {
    width: host.clientWidth,
    height: HEIGHT,
    padding: [10, 26, 0, 4],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: true },
      y: { range: (_, __, max) => [0, Math.max(10, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, size: 26, space: 90, values: (_, ticks) => ticks.map((t) => tick(t, shown().view)) },
      { ...axis, size: 76, space: 34, values: (_, ticks) => ticks.map((t) => si(t, UNIT_NAME[shown().units]).replace(/\.0+ /, " ")) },
    ],
    series: [
      {},
      { stroke: inColour, width: 1, fill: alpha(inColour, 0.12), points: { show: false } },
      { stroke: droppedColour, width: 1, fill: alpha(droppedColour, 0.22), points: { show: false } },
    ],
    hooks: {
      drawAxes: [(u) => drawUnknown(u, shown().view, hatch)],
      setCursor: [(u) => readOut(u, legend, shown())],
      setData: [(u) => readOut(u, legend, shown())],
      ready: [(u) => readOut(u, legend, shown())],
    },
  };
}

function tick(at: number, view: TrafficView): string {
  const text = clock(at, at);
  if (view.step_s < 60) return text;
  if (view.step_s < 3600) return text.slice(0, 5);
  const date = new Date(at * 1000);
  return `${date.getMonth() + 1}/${date.getDate()} ${text.slice(0, 5)}`;
}

function alpha(rgb: string, share01: number): string {
  return rgb.replace(/^rgb\((.*)\)$/, (_, inner: string) =>
    inner.includes(",") ? `rgba(${inner}, ${share01})` : `rgb(${inner} / ${share01})`);
}

/** Hatches every run of steps that aren't known; the newest few are merely still on their way. */
function drawUnknown(u: uPlot, view: TrafficView, colour: string): void {
  const arriving = view.points.length - Math.ceil(STILL_ARRIVING_S / view.step_s);
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  for (let at = 0; at < arriving; at += 1) {
    if (view.points[at]!.known) continue;
    let end = at;
    while (end < arriving && !view.points[end]!.known) end += 1;
    const x = (i: number) => Math.min(bbox.left + bbox.width,
      Math.max(bbox.left, u.valToPos(view.start_unix_s + i * view.step_s, "x", true)));
    const left = x(at === 0 ? 0 : at - 1);
    const right = x(end);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, right - left, bbox.height);
    ctx.clip();
    ctx.strokeStyle = colour;
    ctx.globalAlpha = 0.45;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (let d = left - bbox.height; d < right; d += 7 * ratio) {
      ctx.moveTo(d, bbox.top + bbox.height);
      ctx.lineTo(d + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
    at = end;
  }
}

/** The values under the pointer, or the newest known ones. Written straight into the legend: no rendering per movement. */
function readOut(u: uPlot, legend: HTMLElement, { view, units }: { view: TrafficView; units: Units }): void {
  let index = u.cursor.idx ?? null;
  const pointed = index !== null;
  if (index === null) index = view.points.findLastIndex((p) => p.known);
  const point = index >= 0 ? view.points[index] : undefined;
  const put = (name: string, text: string) => {
    legend.querySelector(`[data-value=${name}]`)!.textContent = text;
  };
  const [all, dropped] = point ? (units === "packets" ? [point.pps, point.dropped_pps] : [point.bps, point.dropped_bps]) : [0, 0];
  const text = (value: number) => (point?.known ? rate(value, units) : "–");
  put("in", text(all));
  put("dropped", text(dropped));
  put("passed", text(all - dropped));
  const at = point ? clock(view.start_unix_s + index * view.step_s, view.start_unix_s) : "";
  put("at", pointed && point ? `at ${at}${point.known ? "" : ": unknown"}` : "");
}
