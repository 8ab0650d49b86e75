// The fleet: a row for each region, under it one for each of its edges.

import { useState } from "react";
import { count, exact, rate, share, wholeDuration, type Units } from "./format";
import { Badge, Empty, Scroll, type Tone } from "./parts";
import type { EdgeView, EdgesView, OverviewView, RateView, RegionView } from "./views";

const OPEN_BY_ITSELF = 12; // edges; over it regions start closed
const SHOWN_EDGES = 200; // of one region

const STATES: Record<string, { tone: Tone; sign: string }> = {
  connected: { tone: "good", sign: "●" },
  silent: { tone: "warn", sign: "◐" },
  disconnected: { tone: "bad", sign: "✕" },
};

const ANYCAST: Record<string, { tone: Tone; sign: string }> = {
  announced: { tone: "good", sign: "▲" },
  draining: { tone: "warn", sign: "◇" },
  withdrawn: { tone: "bad", sign: "▽" },
};

export function Fleet({ overview, edges, units, now }: {
  overview: OverviewView; edges: EdgesView | null; units: Units; now: number;
}) {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  if (overview.regions.length === 0) {
    return (
      <Empty title="No edge has connected yet.">
        Start breakwater-edge with this coordinator's address and a certificate of its own; it appears here at once.
      </Empty>
    );
  }
  const openFirst = overview.edges <= OPEN_BY_ITSELF;
  const byRegion = group(edges?.edges ?? []);
  return (
    <Scroll label="Fleet by region">
      <table className="fleet">
        <caption className="hidden">Regions with their edges: connection, announcement and rates of the last second</caption>
        <thead>
          <tr>
            <th scope="col">Region, edge</th>
            <th scope="col">Connected</th>
            <th scope="col">Anycast</th>
            <th scope="col" className="num">In</th>
            <th scope="col" className="num">Dropped</th>
            <th scope="col" className="num">Share</th>
            <th scope="col" className="num">Attacks</th>
            <th scope="col" className="num">Rules</th>
            <th scope="col">Rule set</th>
            <th scope="col" className="num">CPU</th>
            <th scope="col" className="num">Heard</th>
          </tr>
        </thead>
        {overview.regions.map((region) => {
          const open = openFirst !== toggled.has(region.name);
          const toggle = () => {
            const next = new Set(toggled);
            if (!next.delete(region.name)) next.add(region.name);
            setToggled(next);
          };
          const members = byRegion.get(region.name) ?? [];
          return (
            <tbody key={region.name}>
              <RegionRow region={region} units={units} open={open} toggle={toggle} />
              {open && members.slice(0, SHOWN_EDGES).map((e) => (
                <EdgeRow key={e.id} edge={e} units={units} now={now} desired={overview.desired?.revision ?? ""} />
              ))}
              {open && members.length > SHOWN_EDGES && (
                <tr className="sub"><td colSpan={11}>… and {members.length - SHOWN_EDGES} more: bwctl edge list --region {region.name}</td></tr>
              )}
            </tbody>
          );
        })}
      </table>
    </Scroll>
  );
}

function group(edges: EdgeView[]): Map<string, EdgeView[]> {
  const out = new Map<string, EdgeView[]>();
  for (const e of edges) {
    const there = out.get(e.region);
    if (there) there.push(e);
    else out.set(e.region, [e]);
  }
  return out;
}

function Rates({ total, units, known }: { total: RateView | undefined; units: Units; known: boolean }) {
  if (!total || !known) {
    return <><td className="num quiet-text">unknown</td><td className="num quiet-text">unknown</td><td className="num">–</td></>;
  }
  const [all, dropped] = units === "packets" ? [total.pps, total.dropped_pps] : [total.bps, total.dropped_bps];
  return (
    <>
      <td className="num">{rate(all, units)}</td>
      <td className={`num ${dropped > 0 ? "bad-text" : ""}`}>{rate(dropped, units)}</td>
      <td className="num">{share(dropped, all)}</td>
    </>
  );
}

function RegionRow({ region, units, open, toggle }: {
  region: RegionView; units: Units; open: boolean; toggle: () => void;
}) {
  const all = region.edges_connected === region.edges;
  return (
    <tr className="region">
      <th scope="rowgroup">
        <button type="button" className="disclose" aria-expanded={open} onClick={toggle}>
          <span aria-hidden="true">{open ? "▾" : "▸"}</span> {region.name}
        </button>
      </th>
      <td>
        <span className={all ? "" : "bad-text"}>{region.edges_connected} of {count(region.edges, "edge")}</span>
      </td>
      <td>{region.edges_announcing} announcing</td>
      <Rates total={region.total} units={units} known={region.edges_connected > 0} />
      <td className={`num ${region.active_attacks > 0 ? "bad-text" : ""}`}>{region.active_attacks}</td>
      <td colSpan={4} />
    </tr>
  );
}

function EdgeRow({ edge, units, now, desired }: { edge: EdgeView; units: Units; now: number; desired: string }) {
  const state = STATES[edge.state] ?? { tone: "quiet", sign: "○" };
  const anycast = ANYCAST[edge.anycast];
  const there = edge.state === "connected";
  const facts = [
    `version ${edge.software_version || "unknown"}`,
    ...edge.interfaces.map((i) => `${i.name} ${i.present ? i.mode : "missing"}`),
    `clock ${edge.clock_offset_ms >= 0 ? "+" : "−"}${Math.abs(edge.clock_offset_ms).toFixed(1)} ms`,
    count(edge.prefixes.length, "protected prefix", "protected prefixes"),
  ].join(", ");
  return (
    <tr className="sub">
      <th scope="row" title={facts}>{edge.id}</th>
      <td>
        <Badge tone={state.tone} sign={state.sign}>{edge.state}</Badge>
        {edge.panic && <> <Badge tone="bad" sign="‼">not enforcing</Badge></>}
        {there && !edge.ready && <> <Badge tone="warn" sign="!">not ready</Badge></>}
      </td>
      <td>
        {anycast
          ? <Badge tone={anycast.tone} sign={anycast.sign} title={edge.anycast_reason || undefined}>{edge.anycast}</Badge>
          : <span className="quiet-text">not its own</span>}
      </td>
      <Rates total={edge.total} units={units} known={there} />
      <td />
      <td className="num">
        {exact(edge.rules_installed)}
        {edge.rejected_rules > 0 && <span className="bad-text"> ({edge.rejected_rules} refused)</span>}
      </td>
      <td>
        {edge.behind
          ? <Badge tone="warn" sign="◔" title={`Applied ${edge.applied?.revision ?? "none"} of ${desired}`}>behind</Badge>
          : <span title={`Revision ${edge.applied?.revision ?? "none"}`}>{there ? "current" : "last known"}</span>}
      </td>
      <td className="num">{there ? share(edge.cpu_share, 1) : "–"}</td>
      <td className="num">{edge.last_heard_unix_s > 0 ? heard(now - edge.last_heard_unix_s) : "never"}</td>
    </tr>
  );
}

function heard(ago: number): string {
  if (ago < 1.5) return "now";
  return `${wholeDuration(ago)} ago`;
}
