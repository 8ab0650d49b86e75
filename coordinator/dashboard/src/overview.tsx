// The first screen: what needs a person, what goes through, the fleet, the attacks.

import { AttackTable, forOverview, NoAttack } from "./attacks";
import { TrafficChart } from "./chart";
import { count, rate, share, si, UNIT_NAME, type Units } from "./format";
import { useFetched } from "./fetched";
import { Fleet } from "./fleet";
import type { Live } from "./live";
import { Empty, Panel, Time } from "./parts";
import { href, hrefHere, type Route } from "./route";
import { mergeTraffic, STILL_ARRIVING_S } from "./traffic";
import type { OverviewView, TrafficView } from "./views";

const RANGES = [
  { name: "5m", label: "5 min", seconds: 300, everyMs: 1000 },
  { name: "15m", label: "15 min", seconds: 900, everyMs: 5000 },
  { name: "24h", label: "24 h", seconds: 86400, everyMs: 30000 },
  { name: "30d", label: "30 d", seconds: 2592000, everyMs: 60000 },
];

export function Overview({ live, route, units }: { live: Live; route: Route; units: Units }) {
  const { overview, now } = live;
  if (!overview) {
    return (
      <Panel title="Overview">
        <Empty title={live.link === "lost" ? "The coordinator can't be reached." : "Waiting for the first data…"}>
          {live.link === "lost" && "Edges need no coordinator to defend what they protect. This page goes on trying."}
        </Empty>
      </Panel>
    );
  }
  const attacks = forOverview(live.attacks?.attacks ?? []);
  const unstopped = attacks.some((a) => a.state === "detected" || a.state === "mitigating");
  return (
    <>
      {overview.needs_you.length > 0 && <NeedsYou items={overview.needs_you} />}
      <Totals live={live} overview={overview} units={units} route={route} />
      <Traffic live={live} overview={overview} route={route} units={units} />
      <Panel title="Attacks" aside={<a href={href("/attacks", route)}>All attacks</a>} className={unstopped ? "alarmed" : ""}>
        {attacks.length > 0
          ? <AttackTable attacks={attacks} route={route} units={units} now={now} caption="Active attacks, and the last that ended" />
          : <NoAttack live={live} />}
      </Panel>
      <Panel title="Fleet" aside={<span className="quiet-text">{fleetLine(overview)}</span>}>
        <Fleet overview={overview} edges={live.edges} units={units} now={now} />
      </Panel>
    </>
  );
}

function fleetLine(o: OverviewView): string {
  const behind = o.edges_behind > 0 ? `, ${o.edges_behind} behind` : "";
  return `${o.edges_connected} of ${count(o.edges, "edge")} connected${behind}; revision ${o.desired?.revision ?? "none"}`;
}

function NeedsYou({ items }: { items: string[] }) {
  return (
    <section className="needs-you" aria-label="Needs you">
      <h2><span aria-hidden="true">▲</span> Needs you</h2>
      <ul>
        {items.map((text) => <li key={text}>{text}</li>)}
      </ul>
    </section>
  );
}

/** Since when nothing has been heard from any edge: nothing is known then, which isn't zero. 0 = something is known. */
function unknownSince(live: Live, overview: OverviewView): number {
  if (overview.edges_connected > 0 && overview.total) return 0;
  const points = live.traffic?.points ?? [];
  const last = points.findLastIndex((p) => p.known);
  return last < 0 ? -1 : live.traffic!.start_unix_s + (last + 1) * live.traffic!.step_s;
}

function Totals({ live, overview, units, route }: { live: Live; overview: OverviewView; units: Units; route: Route }) {
  const t = overview.total;
  const [all, dropped] = units === "packets" ? [t?.pps ?? 0, t?.dropped_pps ?? 0] : [t?.bps ?? 0, t?.dropped_bps ?? 0];
  const since = unknownSince(live, overview);
  const other = (a: number | undefined) => (units === "packets" ? rate(a ?? 0, "bits") : rate(a ?? 0, "packets"));
  const [otherAll, otherDropped] = units === "packets" ? [t?.bps, t?.dropped_bps] : [t?.pps, t?.dropped_pps];
  const lost = since !== 0 && (
    since > 0 ? <>lost since <Time at={since} now={live.now} /></> : <>nothing heard yet</>
  );
  return (
    <section className="totals" aria-label="Totals of the last second">
      <Tile name="In" kind="in" value={lost ? "unknown" : rate(all, units)} note={lost || other(otherAll)} />
      <Tile name="Dropped" kind="dropped" value={lost ? "unknown" : rate(dropped, units)}
        note={lost || (all > 0 ? `${share(dropped, all)} · ${other(otherDropped)}` : other(otherDropped))} />
      <Tile name="Passed" kind="passed" value={lost ? "unknown" : rate(all - dropped, units)}
        note={lost || other((otherAll ?? 0) - (otherDropped ?? 0))} />
      <Tile name="Attacks" kind={overview.active_attacks > 0 ? "alarm" : "calm"} value={si(overview.active_attacks, "")}
        note={overview.active_attacks > 0 ? "active" : lastEnded(live)} />
      <Tile name="Rules" kind="calm" value={si(overview.rules, "")} note={<a href={href("/rules", route)}>in force</a>} />
      <Tile name="Edges" kind={overview.edges_connected < overview.edges ? "alarm" : "calm"}
        value={`${overview.edges_connected} / ${overview.edges}`}
        note={overview.edges_behind > 0 ? `connected, ${overview.edges_behind} behind` : "connected"} />
    </section>
  );
}

function lastEnded(live: Live) {
  const ended = live.attacks?.attacks.find((a) => a.ended_unix_s > 0);
  return ended ? <>last ended <Time at={ended.ended_unix_s} now={live.now} /></> : "none so far";
}

function Tile({ name, kind, value, note }: { name: string; kind: string; value: string; note: React.ReactNode }) {
  const [, number = value, unit = ""] = /^(\S+) (\S+)$/.exec(value) ?? [];
  return (
    <div className={`tile ${kind}`}>
      <h2>{name}</h2>
      <p className={value === "unknown" ? "value unknown" : "value"}>{number}{unit && <span className="unit"> {unit}</span>}</p>
      <p className="tile-note">{note}</p>
    </div>
  );
}

function Traffic({ live, overview, route, units }: { live: Live; overview: OverviewView; route: Route; units: Units }) {
  const range = RANGES.find((r) => r.name === route.query.get("range")) ?? RANGES[0]!;
  const region = route.query.get("region") ?? "";
  const streamed = range.seconds === 300 && region === "";
  const url = `/api/v1/traffic?last_s=${range.seconds}${region && `&region=${encodeURIComponent(region)}`}`;
  const asked = useFetched<TrafficView>(streamed ? "" : url, range.everyMs);
  const view = streamed ? live.traffic && upTo(live.traffic, live.now) : asked.data;
  return (
    <Panel
      title="Traffic and drops"
      aside={
        <div className="choices">
          {overview.regions.length > 1 && <Choice label="Region" route={route} name="region" value={region}
            options={[{ value: "", label: "all" }, ...overview.regions.map((r) => ({ value: r.name, label: r.name }))]} />}
          <Choice label="Range" route={route} name="range" value={range === RANGES[0] ? "" : range.name}
            options={RANGES.map((r, i) => ({ value: i === 0 ? "" : r.name, label: r.label }))} />
        </div>
      }
    >
      {view && view.points.length > 0
        ? <TrafficChart view={view} units={units} now={live.now} />
        : <Empty title={asked.error && !streamed ? `Unknown: ${asked.error}.` : "Waiting for the first data…"} />}
    </Panel>
  );
}

/** The streamed run carried on to now: seconds without news are unknown, whatever the reason. */
function upTo(view: TrafficView, now: number): TrafficView {
  const end = view.start_unix_s + view.points.length * view.step_s;
  const missing = Math.floor((now - STILL_ARRIVING_S - end) / view.step_s);
  if (missing <= 0) return view;
  return mergeTraffic(view, { ...view, start_unix_s: end + (missing - 1) * view.step_s, points: [UNKNOWN] });
}

const UNKNOWN = { known: false, pps: 0, bps: 0, dropped_pps: 0, dropped_bps: 0 };

/** A few values of one parameter of the address; links, so that they can be opened elsewhere too. */
export function Choice({ label, route, name, value, options }: {
  label: string; route: Route; name: string; value: string; options: { value: string; label: string }[];
}) {
  if (options.length > 8) {
    return (
      <label className="choice">
        {label}{" "}
        <select value={value} onChange={(e) => { location.hash = hrefHere(route, { [name]: e.target.value }); }}>
          {options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}
        </select>
      </label>
    );
  }
  return (
    <div className="choice" role="group" aria-label={label}>
      {options.map((o) => (
        <a key={o.value} href={hrefHere(route, { [name]: o.value })} aria-current={o.value === value ? "true" : undefined}>
          {o.label}
        </a>
      ))}
    </div>
  );
}

export function unitChoices(): { value: string; label: string }[] {
  return [{ value: "", label: "packets" }, { value: "bits", label: "bits" }];
}

export function unitsOf(route: Route): Units {
  return route.query.get("units") === "bits" ? "bits" : "packets";
}

/** The state in a sentence, for who listens. `gist` changes when it is worth saying again, the rates in `text` each second. */
export function pulse(live: Live): { gist: string; text: string } {
  const o = live.overview;
  const plain = (text: string) => ({ gist: text, text });
  if (live.link === "lost") return plain("The coordinator can't be reached.");
  if (live.link === "reconnecting") return plain("Reconnecting to the coordinator.");
  if (!o) return plain("");
  const panic = o.panic ? "Enforcement is stopped everywhere. " : "";
  const attacks = o.active_attacks === 0 ? "No active attack" : count(o.active_attacks, "active attack");
  const dropping = o.total && o.total.dropped_pps > 0 ? `, dropping ${si(o.total.dropped_pps, UNIT_NAME.packets)}` : "";
  const edges = `${o.edges_connected} of ${count(o.edges, "edge")} connected.`;
  return { gist: `${panic}${attacks}. ${edges}`, text: `${panic}${attacks}${dropping}. ${edges}` };
}
