// One attack: what it is, how fast it was seen and stopped, where, by which signature, and everything that happened.

import { AttackState, timeTo } from "./attacks";
import { duration, exact, offset, rate, share, si, wholeDuration, words } from "./format";
import { useFetched } from "./fetched";
import type { Live } from "./live";
import { Badge, Bar, Empty, Panel, Scroll, Time, type Tone } from "./parts";
import { href, type Route } from "./route";
import type { AttackEventView, AttackView, SignatureView } from "./views";

const EVENTS: Record<string, { text: string; tone: Tone }> = {
  first_packet: { text: "First packet", tone: "quiet" },
  detected: { text: "Detected", tone: "warn" },
  rule_proposed: { text: "Rule proposed", tone: "info" },
  rule_confirmed: { text: "Rule confirmed", tone: "info" },
  rule_spread: { text: "Rule spread", tone: "info" },
  rule_installed: { text: "Rule installed", tone: "info" },
  first_drop: { text: "First drop", tone: "good" },
  rule_refused: { text: "Rule refused", tone: "bad" },
  rule_expired: { text: "Rule expired", tone: "quiet" },
  ended: { text: "Ended", tone: "quiet" },
  left_out: { text: "Left out", tone: "quiet" },
};

export function Attack({ live, route }: { live: Live; route: Route }) {
  const listed = live.attacks?.attacks.find((a) => a.id === route.id);
  const ended = listed?.state === "ended";
  const asked = useFetched<AttackView>(`/api/v1/attacks/${encodeURIComponent(route.id)}`, ended ? 10000 : 1000);
  // The list knows the newest rates, the answer has the details.
  const attack = asked.data && listed ? { ...listed, edges: asked.data.edges, timeline: asked.data.timeline } : asked.data ?? listed;
  if (!attack) {
    return (
      <Panel title="Attack">
        {asked.missing
          ? <Empty title="No such attack is remembered.">Attacks are kept for 30 days, and at most the newest thousand. <a href={href("/attacks", route)}>All attacks</a></Empty>
          : <Empty title={asked.error ? `Unknown: ${asked.error}.` : "Waiting for the first data…"} />}
      </Panel>
    );
  }
  return (
    <>
      <p className="crumbs"><a href={href("/attacks", route)}>Attacks</a> <span aria-hidden="true">/</span> {attack.id}</p>
      <Facts attack={attack} now={live.now} />
      {asked.error && <p className="note bad-text">Details can't be read now: {asked.error}.</p>}
      <div className="columns">
        <Timeline attack={attack} now={live.now} route={route} />
        <div className="column">
          <Edges attack={attack} />
          <Signatures attack={attack} route={route} />
        </div>
      </div>
    </>
  );
}

function Facts({ attack: a, now }: { attack: AttackView; now: number }) {
  const ended = a.state === "ended";
  return (
    <section className="panel attack-head" aria-label="Facts">
      <div className="attack-title">
        <h2>{a.target}</h2>
        <span className="mono">{a.vector}</span>
        <AttackState state={a.state} />
      </div>
      {a.note && <p className="note">{a.note}</p>}
      <dl className="facts strong">
        <Fact name="Time to detect" value={timeTo(a.detected_unix_s, a.first_packet_unix_s)} />
        <Fact name="Time to first drop" value={timeTo(a.first_drop_unix_s, a.first_packet_unix_s)}
          none={ended ? "never dropped" : "nothing dropped yet"} />
        <Fact name={ended ? "In all" : "Now"} value={ended ? si(a.packets, "packets") : si(a.now_pps, "pps")} />
        <Fact name={ended ? "Dropped" : "Dropped now"}
          value={ended ? share(a.dropped_packets, a.packets) : share(a.now_dropped_pps, a.now_pps)} />
      </dl>
      <dl className="facts">
        <Fact name="Peak" value={`${si(a.peak_pps, "pps")} · ${rate(a.peak_bps, "bits")}`} />
        <Fact name="Threshold" value={si(a.threshold_pps, "pps")} />
        <Fact name="Detected by" value={a.detected_by || "–"} />
        <Fact name="First packet" value={<Time at={a.first_packet_unix_s} now={now} fraction />} />
        <Fact name={ended ? "Lasted" : "Lasting"} value={wholeDuration((ended ? a.ended_unix_s : now) - a.first_packet_unix_s)} />
        <Fact name="Packets, dropped" value={`${exact(a.packets)}, ${exact(a.dropped_packets)}`} />
      </dl>
    </section>
  );
}

function Fact({ name, value, none = "–" }: { name: string; value: React.ReactNode; none?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value === "–" ? none : value}</dd>
    </div>
  );
}

function Timeline({ attack, now, route }: { attack: AttackView; now: number; route: Route }) {
  const first = attack.first_packet_unix_s;
  return (
    <Panel title="Timeline" aside={<span className="quiet-text">from the first packet</span>}>
      {attack.timeline.length === 0 ? (
        <Empty title="Waiting for the details…" />
      ) : (
        <ol className="timeline">
          {attack.timeline.map((event, i) => <Event key={i} event={event} first={first} now={now} route={route} />)}
        </ol>
      )}
    </Panel>
  );
}

function Event({ event, first, now, route }: { event: AttackEventView; first: number; now: number; route: Route }) {
  const kind = EVENTS[event.kind] ?? { text: words(event.kind), tone: "quiet" as const };
  return (
    <li className={kind.tone}>
      <span className="offset num">{offset(event.unix_s - first)}</span>
      <span className="mark" aria-hidden="true" />
      <span className="what">
        <strong>{kind.text}</strong> <span className="who">{event.edge ? `on ${event.edge}` : "coordinator"}</span>
        {event.rule_id && <> <a className="mono" href={href("/rules", route, { rule: event.rule_id })}>{event.rule_id}</a></>}
        {event.text && <span className="said">{event.text}</span>}
      </span>
      <span className="quiet-text"><Time at={event.unix_s} now={now} fraction /></span>
    </li>
  );
}

function Edges({ attack }: { attack: AttackView }) {
  const first = attack.first_packet_unix_s;
  const ended = attack.state === "ended";
  return (
    <Panel title="By edge">
      {attack.edges.length === 0 ? (
        <Empty title="Waiting for the details…" />
      ) : (
        <Scroll label="The attack by edge">
          <table>
            <caption className="hidden">What each edge saw of the attack; times are from its first packet</caption>
            <thead>
              <tr>
                <th scope="col">Edge</th>
                <th scope="col">Region</th>
                <th scope="col" className="num">{ended ? "Packets" : "Now"}</th>
                <th scope="col" className="num">Dropped</th>
                <th scope="col" className="num">Detected</th>
                <th scope="col" className="num">First drop</th>
              </tr>
            </thead>
            <tbody>
              {attack.edges.map((e) => {
                const [all, dropped] = ended ? [e.packets, e.dropped_packets] : [e.now_pps, e.now_dropped_pps];
                return (
                  <tr key={e.edge}>
                    <th scope="row">{e.edge}</th>
                    <td>{e.region}</td>
                    <td className="num" title={`${exact(e.packets)} packets in all`}>{si(all, ended ? "" : "pps")}</td>
                    <td className="num nowrap" title={`${exact(e.dropped_packets)} dropped in all`}>
                      <Bar value={all > 0 ? dropped / all : 0} /> {share(dropped, all)}
                    </td>
                    <td className="num">{e.detected_unix_s > 0 ? offset(e.detected_unix_s - first) : <span className="quiet-text">not by itself</span>}</td>
                    <td className="num">{e.first_drop_unix_s > 0 ? offset(e.first_drop_unix_s - first) : <span className="quiet-text">none</span>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

/** How much of the sampled packets it fits. Nothing of the attack means that nobody has counted: it wouldn't be a signature. */
function Shares({ signature: s }: { signature: SignatureView }) {
  if (!(s.attack_share > 0)) return <span className="quiet-text">shares of samples unknown</span>;
  return (
    <>
      <Badge tone="info" sign="◎">{share(s.attack_share, 1)} of the attack</Badge>
      <Badge tone={s.baseline_share > 0.001 ? "warn" : "good"} sign="○">{share(s.baseline_share, 1)} of clean samples</Badge>
    </>
  );
}

function Signatures({ attack, route }: { attack: AttackView; route: Route }) {
  return (
    <Panel title={attack.signatures.length === 1 ? "Signature" : "Signatures"}>
      {attack.signatures.length === 0 ? (
        attack.dropped_packets > 0
          ? <Empty title="None of its own.">What is dropped is dropped by rules that were there before, or by what the prefix doesn't declare.</Empty>
          : <Empty title="None yet.">No conjunction of header fields has been found that tells the attack from clean traffic.</Empty>
      ) : (
        <ul className="signatures">
          {attack.signatures.map((s) => (
            <li key={s.rule_id}>
              <div className="signature-head">
                <a className="mono" href={href("/rules", route, { rule: s.rule_id })}>{s.rule_id}</a>
                <Shares signature={s} />
              </div>
              <code className="match">{s.match}</code>
            </li>
          ))}
        </ul>
      )}
      {attack.first_drop_unix_s === 0 && attack.detected_unix_s > 0 && attack.state !== "ended" && (
        <p className="note">Detected {duration(attack.detected_unix_s - attack.first_packet_unix_s)} after the first packet; no packet has been dropped so far.</p>
      )}
    </Panel>
  );
}
