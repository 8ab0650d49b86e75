// Attacks as a table: on the overview those that matter now, on their own screen all that are remembered.

import { duration, rate, share, si, UNIT_NAME, wholeDuration, type Units } from "./format";
import { Badge, Bar, Empty, Panel, Scroll, Time, type Tone } from "./parts";
import { useFetched } from "./fetched";
import { regionsOf, useRegions } from "./regions";
import { href, type Route } from "./route";
import type { Live } from "./live";
import type { AttackView, AttacksView } from "./views";

const STATES: Record<string, { tone: Tone; sign: string }> = {
  detected: { tone: "warn", sign: "◔" },
  mitigating: { tone: "bad", sign: "◑" },
  mitigated: { tone: "good", sign: "●" },
  ended: { tone: "quiet", sign: "○" },
};

export function AttackState({ state }: { state: string }) {
  const { tone, sign } = STATES[state] ?? { tone: "quiet" as const, sign: "○" };
  return <Badge tone={tone} sign={sign}>{state}</Badge>;
}

const RECENT = 5; // ended ones on the overview

/** Active first, newest first; then a few that ended. */
export function forOverview(attacks: AttackView[]): AttackView[] {
  const active = attacks.filter((a) => a.state !== "ended");
  return [...active, ...attacks.filter((a) => a.state === "ended").slice(0, RECENT)];
}

export function AttackTable({ attacks, route, units, now, caption }: {
  attacks: AttackView[]; route: Route; units: Units; now: number; caption: string;
}) {
  const known = useRegions(attacks);
  return (
    <Scroll label={caption}>
      <table className="attacks">
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Target</th>
            <th scope="col">Vector</th>
            <th scope="col">State</th>
            <th scope="col" className="num">Now</th>
            <th scope="col" className="num">Peak</th>
            <th scope="col" className="num">Dropped</th>
            <th scope="col">Began</th>
            <th scope="col" className="num">Lasted</th>
            <th scope="col">Regions</th>
            <th scope="col">Detected by</th>
            <th scope="col">Rule</th>
          </tr>
        </thead>
        <tbody>
          {attacks.map((a) => {
            const ended = a.state === "ended";
            const rule = a.signatures[0];
            const droppedNow = ended ? a.dropped_packets : a.now_dropped_pps;
            const allNow = ended ? a.packets : a.now_pps;
            const regions = a.edges.length > 0 ? regionsOf(a) : known.get(a.id) ?? [];
            return (
              <tr key={a.id} data-attack={a.id} className={ended ? "past" : undefined}>
                <th scope="row"><a href={href(`/attacks/${encodeURIComponent(a.id)}`, route)}>{a.target}</a></th>
                <td className="mono">{a.vector}</td>
                <td><AttackState state={a.state} /></td>
                <td className="num">{ended ? <span className="quiet-text">ended</span> : si(a.now_pps, "pps")}</td>
                <td className="num">{units === "packets" ? rate(a.peak_pps, units) : rate(a.peak_bps, units)}</td>
                <td className="num nowrap">
                  <Bar value={allNow > 0 ? droppedNow / allNow : 0} /> {share(droppedNow, allNow)}
                </td>
                <td className="nowrap"><Time at={a.first_packet_unix_s} now={now} /></td>
                <td className="num nowrap">{wholeDuration((ended ? a.ended_unix_s : now) - a.first_packet_unix_s)}</td>
                <td>{regions.length > 0 ? regions.join(", ") : <span className="quiet-text">–</span>}</td>
                <td>{a.detected_by}</td>
                <td>
                  {rule
                    ? <a className="mono" title={rule.match} href={href("/rules", route, { rule: rule.rule_id })}>{rule.rule_id}</a>
                    : <span className="quiet-text">{noRule(a)}</span>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

/** An attack that is dropped without a rule of its own meets one that an earlier attack left. */
function noRule(a: AttackView): string {
  if (a.dropped_packets > 0) return "none of its own";
  return a.state === "ended" ? "none" : "none yet";
}

/** What stands where no attack does: that there is none, as opposed to that nothing is known. */
export function NoAttack({ live }: { live: Live }) {
  if (!live.attacks || !live.overview) {
    return <Empty title={live.link === "lost" ? "Unknown: the coordinator can't be reached." : "Waiting for the first data…"} />;
  }
  if (live.overview.edges_connected === 0) {
    return <Empty title="None that anybody could see.">No edge is connected, so nobody is watching for the coordinator.</Empty>;
  }
  return (
    <Empty title="None yet.">
      {live.overview.edges_connected === 1 ? "One edge is" : `${live.overview.edges_connected} edges are`} watching; nothing has
      crossed a threshold.
    </Empty>
  );
}

/** The screen of all attacks. */
export function Attacks({ live, route, units }: { live: Live; route: Route; units: Units }) {
  const cursor = route.query.get("from") ?? "";
  const all = useFetched<AttacksView>(`/api/v1/attacks?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, 5000);
  // The newest come with the stream; further pages only when they are asked for.
  const attacks = cursor ? all.data?.attacks : merge(live.attacks?.attacks, all.data?.attacks);
  return (
    <Panel title="Attacks" aside={<Legend units={units} />}>
      {attacks && attacks.length > 0
        ? <AttackTable attacks={attacks} route={route} units={units} now={live.now} caption="Attacks, newest first" />
        : <NoAttack live={live} />}
      {all.error && <p className="note bad-text">The full list can't be read: {all.error}.</p>}
      <nav className="pages" aria-label="Pages of attacks">
        {cursor && <a href={href("/attacks", route)}>Newest</a>}
        {all.data?.next_cursor && <a href={href("/attacks", route, { from: all.data.next_cursor })}>Older</a>}
      </nav>
    </Panel>
  );
}

function Legend({ units }: { units: Units }) {
  return <span className="quiet-text">peaks in {UNIT_NAME[units]}; dropped: now, or in all once it ended</span>;
}

/** The stream's records, and those of the list that it doesn't hold. */
function merge(fresh: AttackView[] | undefined, listed: AttackView[] | undefined): AttackView[] | undefined {
  if (!fresh || !listed) return fresh ?? listed;
  const known = new Set(fresh.map((a) => a.id));
  return [...fresh, ...listed.filter((a) => !known.has(a.id))];
}

export function timeTo(at: number, first: number): string {
  return at > 0 && first > 0 ? duration(at - first) : "–";
}
