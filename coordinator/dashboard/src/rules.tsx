// Rules: what each matches and does, whether it is used, when it goes, and how far each edge has got with it.

import { memo, useMemo } from "react";
import { count, exact, si, wholeDuration, words } from "./format";
import { useFetched } from "./fetched";
import type { Live } from "./live";
import { Badge, Empty, Panel, Scroll, Time, type Tone } from "./parts";
import { href, hrefHere, replaceAddress, type Route } from "./route";
import type { RuleEdgeView, RuleView, RulesView } from "./views";

const PAGE = 50;
const ORIGINS = ["operator", "edge_detector", "global_detector", "legal"];

export function Rules({ live, route }: { live: Live; route: Route }) {
  const all = useAllRules(live);
  const origin = route.query.get("origin") ?? "";
  const text = route.query.get("q") ?? "";
  const open = route.query.get("rule") ?? "";
  const wanted = useMemo(() => filter(all.rules, origin, text), [all.rules, origin, text]);
  const pages = Math.max(1, Math.ceil(wanted.length / PAGE));
  const openAt = open ? wanted.findIndex((r) => r.id === open) : -1;
  const asked = route.query.get("page");
  const page = Math.min(pages, Math.max(1, Number(asked) || (openAt >= 0 ? 1 + Math.floor(openAt / PAGE) : 1)));
  const shown = wanted.slice((page - 1) * PAGE, page * PAGE);
  const goTo = (n: number) => hrefHere(route, { page: n === 1 && !open ? null : String(n) });

  return (
    <Panel title="Rules" aside={<Filters route={route} origin={origin} text={text} />}>
      <p className="note quiet-text" role="status">
        {all.rules === null ? "" : wanted.length === all.rules.length
          ? count(wanted.length, "rule")
          : `${wanted.length} of ${count(all.rules.length, "rule")}`}
        {all.cut && `; the list is longer than what the page asks for: bwctl rule list shows the rest`}
      </p>
      {all.error && <p className="note bad-text">The full list can't be read: {all.error}.</p>}
      {open && all.rules !== null && openAt < 0 && (
        <p className="note">Rule <span className="mono">{open}</span> isn't among {origin || text ? "these" : "those in force: it was removed, or its lease lapsed"}.</p>
      )}
      {shown.length > 0 ? (
        <Scroll label="Table of rules">
          <table className="rules">
            <caption className="hidden">Rules by priority, with their use and the edges' progress</caption>
            <thead>
              <tr>
                <th scope="col">Rule</th>
                <th scope="col">Match</th>
                <th scope="col">Origin</th>
                <th scope="col">Mode</th>
                <th scope="col">Action</th>
                <th scope="col">On edges</th>
                <th scope="col" className="num">Hits/s</th>
                <th scope="col">Last hit</th>
                <th scope="col" className="num">Expires in</th>
                <th scope="col">Created by</th>
              </tr>
            </thead>
            {shown.map((rule) => (
              <RuleRows key={rule.id} rule={rule} open={rule.id === open} route={route} now={Math.floor(live.now)} />
            ))}
          </table>
        </Scroll>
      ) : (
        <NoRule live={live} known={all.rules !== null} filtered={wanted.length !== (all.rules?.length ?? 0)} route={route} />
      )}
      {pages > 1 && (
        <nav className="pages" aria-label="Pages of rules">
          {page > 1 ? <a href={goTo(page - 1)}>Previous</a> : <span className="quiet-text">Previous</span>}
          <span>Page {page} of {pages}</span>
          {page < pages ? <a href={goTo(page + 1)}>Next</a> : <span className="quiet-text">Next</span>}
        </nav>
      )}
    </Panel>
  );
}

/** The stream's rules when it holds all of them; else the list as it is asked for, with the stream's newer numbers. */
function useAllRules(live: Live): { rules: RuleView[] | null; cut: boolean; error: string | null } {
  const cut = live.rules !== null && (live.rules.next_cursor !== "" || live.rules.rules.length < (live.overview?.rules ?? 0));
  const asked = useFetched<RulesView>(cut ? "/api/v1/rules?limit=1000" : "", 3000);
  return useMemo(() => {
    if (!cut || !asked.data) return { rules: live.rules?.rules ?? null, cut, error: asked.error };
    const fresh = new Map(live.rules!.rules.map((r) => [r.id, r]));
    return { rules: asked.data.rules.map((r) => fresh.get(r.id) ?? r), cut: asked.data.next_cursor !== "", error: asked.error };
  }, [cut, asked.data, asked.error, live.rules]);
}

function filter(rules: RuleView[] | null, origin: string, text: string): RuleView[] {
  const words2 = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (rules ?? []).filter((r) => {
    if (origin && r.origin !== origin) return false;
    const hay = `${r.id} ${r.match} ${r.reason} ${r.created_by} ${r.attack_id}`.toLowerCase();
    return words2.every((w) => hay.includes(w));
  });
}

function Filters({ route, origin, text }: { route: Route; origin: string; text: string }) {
  const set = (changes: Record<string, string>) => replaceAddress(hrefHere(route, { ...changes, page: null }));
  return (
    <search className="filters">
      <label>
        Origin{" "}
        <select value={origin} onChange={(e) => set({ origin: e.target.value })}>
          <option value="">all</option>
          {ORIGINS.map((o) => <option key={o} value={o}>{words(o)}</option>)}
        </select>
      </label>
      <label>
        Find{" "}
        <input type="search" value={text} placeholder="match, id, reason, person" spellCheck={false}
          onChange={(e) => set({ q: e.target.value })} />
      </label>
    </search>
  );
}

function NoRule({ live, known, filtered, route }: { live: Live; known: boolean; filtered: boolean; route: Route }) {
  if (!known) return <Empty title={live.link === "lost" ? "Unknown: the coordinator can't be reached." : "Waiting for the first data…"} />;
  if (filtered) return <Empty title="No rule fits."><a href={href("/rules", route)}>Show all</a></Empty>;
  return (
    <Empty title="None in force.">
      Detectors make rules when an attack comes; a person makes one with <code>bwctl rule create</code> or <code>bwctl block</code>.
    </Empty>
  );
}

const MODES: Record<string, { tone: Tone; sign: string }> = {
  enforce: { tone: "info", sign: "■" },
  armed: { tone: "warn", sign: "◪" },
  observe: { tone: "quiet", sign: "□" },
};

interface RowProps {
  rule: RuleView;
  open: boolean;
  route: Route;
  now: number;
}

const RuleRows = memo(function RuleRows({ rule, open, route, now }: RowProps) {
  const toggle = () => {
    location.hash = hrefHere(route, { rule: open ? null : rule.id });
  };
  const mode = MODES[rule.mode] ?? { tone: "quiet" as const, sign: "·" };
  return (
    <tbody data-rule={rule.id} className={open ? "open" : undefined}>
      <tr>
        <th scope="row">
          <button type="button" className="disclose mono" aria-expanded={open} onClick={toggle}>
            <span aria-hidden="true">{open ? "▾" : "▸"}</span> {rule.id}
          </button>
        </th>
        <td className="match-cell"><code title={rule.match}>{rule.match}</code></td>
        <td>{words(rule.origin)}</td>
        <td><Badge tone={mode.tone} sign={mode.sign}>{rule.mode}</Badge></td>
        <td>{words(rule.action)}</td>
        <td><Progress rule={rule} /></td>
        <td className={`num ${rule.matched_pps > 0 ? "" : "quiet-text"}`}>{si(rule.matched_pps, "")}</td>
        <td className="nowrap"><Time at={rule.last_match_unix_s} now={now} none="never" /></td>
        <td className="num nowrap">{expiry(rule.expires_unix_s, now)}</td>
        <td>{rule.created_by}</td>
      </tr>
      {open && (
        <tr className="detail">
          <td colSpan={10}><RuleDetail rule={rule} route={route} now={now} /></td>
        </tr>
      )}
    </tbody>
  );
}, (a, b) => a.open === b.open && a.route === b.route && (a.rule === b.rule || same(a.rule, b.rule))
  && (a.now === b.now || (b.rule.expires_unix_s === 0 && !b.open)));

/** Every snapshot brings new objects; most rules in it are as they were. */
function same(a: RuleView, b: RuleView): boolean {
  return a.revision === b.revision && a.matched_packets === b.matched_packets && a.matched_pps === b.matched_pps &&
    a.dropped_pps === b.dropped_pps && a.state === b.state && a.expires_unix_s === b.expires_unix_s && a.mode === b.mode &&
    a.edges.length === b.edges.length &&
    a.edges.every((e, i) => e.state === b.edges[i]!.state && e.enforcing === b.edges[i]!.enforcing);
}

function expiry(expires: number, now: number): string {
  if (expires === 0) return "never";
  return expires <= now ? "expired" : wholeDuration(expires - now);
}

/** In a word, how far the edges are. */
function Progress({ rule }: { rule: RuleView }) {
  const total = rule.edges.length;
  if (total === 0) return <span className="quiet-text">no edge in scope</span>;
  const refused = rule.edges.filter((e) => e.state === "refused").length;
  const there = rule.edges.filter((e) => stepOf(e) >= 3).length;
  const matching = rule.edges.filter((e) => e.state === "matching").length;
  if (refused > 0) return <Badge tone="bad" sign="✕">refused by {refused} of {total}</Badge>;
  if (there < total) return <Badge tone="warn" sign="◔">{there} of {total}</Badge>;
  return matching > 0
    ? <Badge tone="good" sign="●">{total} of {total}, {matching} matching</Badge>
    : <Badge tone="quiet" sign="●">{total} of {total}</Badge>;
}

const STEPS = ["pending", "received", "validated", "installed", "matching"];

function stepOf(edge: RuleEdgeView): number {
  return STEPS.indexOf(edge.state);
}

function RuleDetail({ rule, route, now }: { rule: RuleView; route: Route; now: number }) {
  const asked = useFetched<RuleView>(`/api/v1/rules/${encodeURIComponent(rule.id)}`, 1000);
  const edges = asked.data?.edges ?? rule.edges;
  const scope = [...rule.scope_regions.map((s) => `region ${s}`), ...rule.scope_edges.map((s) => `edge ${s}`), ...rule.scope_prefixes];
  return (
    <div className="rule-detail">
      <code className="match">{rule.match}</code>
      <dl className="facts small">
        {rule.reason && <div><dt>Reason</dt><dd>{rule.reason}</dd></div>}
        {rule.attack_id && <div><dt>Attack</dt><dd><a href={href(`/attacks/${encodeURIComponent(rule.attack_id)}`, route)}>{rule.attack_id}</a></dd></div>}
        <div><dt>Created</dt><dd><Time at={rule.created_unix_s} now={now} /></dd></div>
        <div><dt>Scope</dt><dd>{scope.length > 0 ? scope.join(", ") : "all edges"}</dd></div>
        <div><dt>Priority</dt><dd>{rule.priority}</dd></div>
        <div><dt>Revision</dt><dd>{rule.revision}</dd></div>
        {rule.mode === "armed" && <div><dt>Enforces from</dt><dd>{si(rule.confirm_pps, "pps")} on an edge</dd></div>}
        <div><dt>Matched, dropped</dt><dd>{exact(rule.matched_packets)}, {exact(rule.dropped_packets)}</dd></div>
      </dl>
      {rule.detail && <p className="note bad-text">{rule.detail}</p>}
      {edges.length === 0 ? (
        <Empty title="No edge is in its scope." />
      ) : (
        <table className="rule-edges">
          <caption className="hidden">Rule {rule.id} on each edge: how far it is there, and its hits</caption>
          <thead>
            <tr>
              <th scope="col">Edge</th>
              <th scope="col">Region</th>
              <th scope="col">Received → validated → {rule.mode === "armed" ? "armed" : "installed"} → matching</th>
              <th scope="col">Doing</th>
              <th scope="col" className="num">Hits/s</th>
              <th scope="col" className="num">Hits</th>
              <th scope="col" className="num">Dropped</th>
            </tr>
          </thead>
          <tbody>
            {edges.map((e) => (
              <tr key={e.edge}>
                <th scope="row">{e.edge}</th>
                <td>{e.region}</td>
                <td><Steps edge={e} armed={rule.mode === "armed"} /></td>
                <td>{doing(rule, e)}</td>
                <td className="num">{si(e.matched_pps, "")}</td>
                <td className="num">{exact(e.matched_packets)}</td>
                <td className="num">{exact(e.dropped_packets)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function doing(rule: RuleView, edge: RuleEdgeView): string {
  if (edge.state === "refused") return "does nothing";
  if (stepOf(edge) < 3) return "isn't in force yet";
  if (edge.enforcing) return "enforces";
  return rule.mode === "armed" ? "counts, armed" : "counts only";
}

/** The four states as four steps; the ones that are reached are filled and named. */
function Steps({ edge, armed }: { edge: RuleEdgeView; armed: boolean }) {
  if (edge.state === "refused") {
    return <Badge tone="bad" sign="✕">refused{edge.detail && `: ${edge.detail}`}</Badge>;
  }
  const reached = stepOf(edge);
  const names = ["received", "validated", armed ? "armed" : "installed", "matching"];
  return (
    <ol className="steps" aria-label={reached <= 0 ? "not received yet" : `${names[reached - 1]}, step ${reached} of 4`}>
      {names.map((name, i) => (
        <li key={name} className={i < reached ? "done" : undefined} aria-hidden="true">
          {i < reached ? "✓" : "·"} {name}
        </li>
      ))}
    </ol>
  );
}
