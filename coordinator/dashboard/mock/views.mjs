// A small fleet in views, as the coordinator would tell of it: for developing the page and for its tests. The same scenario,
// time and start give the same views.
//
//   const fleet = new Fleet("attack", startUnixS);
//   fleet.overview(nowUnixS), fleet.traffic(nowUnixS, 300), ...
//
// Scenarios: "empty" (no edge yet), "calm", "attack" (one region since 20 s, its rule on all edges; an older one ended),
// "panic", "degraded" (an edge silent, one gone, a rule refused), "many_rules" (1,000), "attack_soon" (calm, and an attack
// three seconds after the start).

export const SCENARIOS = ["empty", "calm", "attack", "panic", "degraded", "many_rules", "attack_soon"];

const EDGES = [
  { id: "ams-1", region: "eu" },
  { id: "nyc-1", region: "us-east" },
  { id: "sin-1", region: "asia" },
];
const SIGNATURE = "ip.dst in {203.0.113.10} and udp.srcport == 53 and ip.len >= 1200 and ip.len <= 1500";
const BYTES = 620; // of a mean packet

/** A number in 0..1 that follows from its arguments alone. */
function noise(...seed) {
  let h = 2166136261;
  for (const c of seed.join("/")) h = Math.imul(h ^ c.charCodeAt(0), 16777619);
  h = Math.imul(h ^ (h >>> 15), 2246822507);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

const rate = (pps, dropped) => ({
  pps: Math.round(pps), bps: Math.round(pps * BYTES * 8), dropped_pps: Math.round(dropped), dropped_bps: Math.round(dropped * BYTES * 8),
});
const add = (a, b) => Object.fromEntries(Object.keys(a).map((k) => [k, a[k] + b[k]]));
const ZERO = rate(0, 0);

export class Fleet {
  constructor(scenario, startUnixS) {
    if (!SCENARIOS.includes(scenario)) throw new Error(`no scenario ${scenario}; there are ${SCENARIOS.join(", ")}`);
    this.scenario = scenario;
    this.start = startUnixS;
    const begins = { attack: -20, panic: -60, degraded: -90, many_rules: -45, attack_soon: 3 }[scenario];
    this.attackStart = begins === undefined ? Infinity : startUnixS + begins;
  }

  #attacked(at) {
    return at >= this.attackStart;
  }

  /** What one edge saw in that second; null when nobody knows. */
  #rateOf(edge, at) {
    if (this.scenario === "empty") return null;
    if (this.scenario === "degraded" && edge.id === "sin-1" && at > this.start - 60) return null;
    if (this.scenario === "degraded" && at > this.start - 150 && at < this.start - 120) return null;
    const base = { "ams-1": 5200, "nyc-1": 3900, "sin-1": 2100 }[edge.id];
    const clean = base * (0.92 + 0.1 * Math.sin(at / 37 + base) + 0.06 * noise(edge.id, Math.floor(at)));
    let flood = 0;
    if (this.#attacked(at)) {
      const share = { "ams-1": 1, "nyc-1": 0.12, "sin-1": 0 }[edge.id];
      flood = 182000 * share * Math.min(1, at - this.attackStart + 0.2) * (0.95 + 0.1 * noise("flood", edge.id, Math.floor(at)));
    }
    const past = at - (this.start - 210); // an attack that ended
    if (past >= 0 && past < 45 && edge.id === "nyc-1") flood = 64000 * (0.9 + 0.2 * noise("past", Math.floor(at)));
    const enforcing = this.scenario !== "panic" || at < this.start - 15;
    const dropped = enforcing ? flood * (at - this.attackStart < 1 && past > 45 ? 0.55 : 0.997) : 0;
    return rate(clean + flood, dropped);
  }

  #state(edge) {
    if (this.scenario !== "degraded") return "connected";
    return { "ams-1": "connected", "nyc-1": "silent", "sin-1": "disconnected" }[edge.id];
  }

  overview(now) {
    const panic = this.scenario === "panic";
    const edges = this.scenario === "empty" ? [] : EDGES;
    const at = Math.floor(now) - 1;
    const connected = edges.filter((e) => this.#state(e) !== "disconnected");
    const attacks = this.attacks(now).attacks.filter((a) => a.state !== "ended").length;
    const rates = connected.map((e) => this.#rateOf(e, at)).filter(Boolean);
    const degraded = this.scenario === "degraded";
    return {
      now_unix_s: now, coordinator: "coordinator", software_version: "0.1.0", desired: { epoch: "1", revision: "1042" },
      panic, panic_reason: panic ? "clean logins dropped in eu" : "",
      total: rates.reduce(add, ZERO),
      regions: [...edges].sort((a, b) => a.region.localeCompare(b.region)).map((e) => {
        const up = this.#state(e) !== "disconnected";
        return {
          name: e.region, edges: 1, edges_connected: up ? 1 : 0, edges_announcing: up ? 1 : 0,
          total: this.#rateOf(e, at) ?? ZERO, active_attacks: attacks > 0 && e.id !== "sin-1" ? attacks : 0,
        };
      }),
      edges: edges.length, edges_connected: connected.length, edges_behind: degraded ? 1 : 0,
      active_attacks: attacks, rules: this.#allRules(now).length,
      needs_you: degraded
        ? ["edge nyc-1 is silent for 14 s", "edge sin-1 is disconnected since 60 s", "rule op-2 is refused by ams-1"]
        : [],
    };
  }

  traffic(now, lastS, region = "") {
    const step = lastS <= 900 ? 1 : lastS <= 86400 ? 60 : 3600;
    const count = Math.min(1440, Math.ceil(lastS / step));
    const end = Math.floor(now / step) * step;
    const points = [];
    for (let i = 0; i < count; i += 1) {
      const at = end - (count - i) * step;
      const rates = EDGES.filter((e) => !region || e.region === region).map((e) => this.#rateOf(e, at)).filter(Boolean);
      points.push({ known: rates.length > 0, ...rates.reduce(add, ZERO) });
    }
    return { start_unix_s: end - count * step, step_s: step, region, points };
  }

  edges(now) {
    if (this.scenario === "empty") return { edges: [], next_cursor: "" };
    const edges = [...EDGES].sort((a, b) => a.region.localeCompare(b.region)).map((e) => {
      const state = this.#state(e);
      const set = { epoch: "1", revision: state === "connected" ? "1042" : "1039" };
      const silent = { connected: 0.3, silent: 14, disconnected: 60 + now - this.start }[state];
      return {
        id: e.id, region: e.region, class: "edge", software_version: "0.1.0", state,
        connected_unix_s: this.start - 4000, last_heard_unix_s: now - silent, last_window_unix_s: now - silent,
        clock_offset_ms: { "ams-1": 0.4, "nyc-1": -2.1, "sin-1": 7.9 }[e.id], ready: true, panic: this.scenario === "panic",
        anycast: state === "disconnected" ? "withdrawn" : "announced", anycast_reason: "",
        received: set, applied: set, behind: state === "silent", rejected_rules: this.scenario === "degraded" && e.id === "ams-1" ? 1 : 0,
        rules_installed: this.#allRules(now).length, total: this.#rateOf(e, Math.floor(now) - 1) ?? ZERO,
        cpu_share: 0.08 + 0.2 * noise("cpu", e.id, Math.floor(now)), interfaces: [{ name: "eth0", mode: "native", present: true }],
        prefixes: ["203.0.113.0/24"], duplicate_windows: 0, refused_windows: 0, lost_windows: 0,
      };
    });
    return { edges, next_cursor: "" };
  }

  attacks(now, detailed = false) {
    const attacks = [];
    if (this.#attacked(now)) attacks.push(this.#current(now, detailed));
    if (this.scenario !== "empty") attacks.push(this.#past(detailed));
    return { attacks, next_cursor: "" };
  }

  attack(id, now) {
    return this.attacks(now, true).attacks.find((a) => a.id === id) ?? null;
  }

  #current(now, detailed) {
    const first = this.attackStart;
    const since = now - first;
    const edge = (e, share, detected) => {
      const pps = 182000 * share;
      return {
        edge: e.id, region: e.region, now_pps: Math.round(pps), now_dropped_pps: this.scenario === "panic" ? 0 : Math.round(pps * 0.997),
        packets: Math.round(pps * since), dropped_packets: Math.round(pps * Math.max(0, since - 0.4) * 0.997),
        detected_unix_s: detected && since > detected ? first + detected : 0,
        first_drop_unix_s: since > (detected || 0.9) + 0.1 ? first + (detected ? detected + 0.12 : 0.93) : 0,
      };
    };
    const edges = [edge(EDGES[0], 1, 0.212), edge(EDGES[1], 0.12, 0)];
    const events = [
      [0, "first_packet", "ams-1", "", "to 203.0.113.10, udp.dns"],
      [0.212, "detected", "ams-1", "", "18.2 kpps in 100 ms over a threshold of 2 kpps"],
      [0.231, "rule_proposed", "ams-1", "d-ams-1-7", "99.6 % of the attack's samples, 0 % of the clean ones"],
      [0.329, "rule_confirmed", "ams-1", "d-ams-1-7", "exact counts over one slot agree with the samples"],
      [0.332, "first_drop", "ams-1", "d-ams-1-7", ""],
      [0.36, "rule_spread", "", "d-ams-1-7", "armed on 3 edges from 200 pps, lease 5 min"],
      [0.39, "rule_installed", "nyc-1", "d-ams-1-7", "armed"],
      [0.41, "rule_installed", "sin-1", "d-ams-1-7", "armed"],
      [0.93, "first_drop", "nyc-1", "d-ams-1-7", "matched 200 pps there, so it enforces"],
    ];
    return {
      id: "a-17", target: "203.0.113.10", vector: "udp.dns", state: since < 0.4 ? "detected" : since < 4 ? "mitigating" : "mitigated",
      first_packet_unix_s: first, detected_unix_s: first + 0.212, first_drop_unix_s: since > 0.34 ? first + 0.332 : 0, ended_unix_s: 0,
      threshold_pps: 2000, now_pps: 203840, peak_pps: 211200, peak_bps: 211200 * 1312 * 8, packets: Math.round(203840 * since),
      dropped_packets: Math.round(203840 * Math.max(0, since - 0.4) * 0.997),
      signatures: [{ rule_id: "d-ams-1-7", match: SIGNATURE, attack_share: 0.996, baseline_share: 0 }],
      note: "", detected_by: "ams-1", edges: detailed ? edges : [],
      timeline: detailed ? events.filter(([t]) => t <= since).map(event(first)) : [],
      now_dropped_pps: this.scenario === "panic" ? 0 : 203200,
    };
  }

  #past(detailed) {
    const first = this.start - 210;
    const events = [
      [0, "first_packet", "nyc-1", "", "to 203.0.113.20, tcp.syn"],
      [0.3, "detected", "nyc-1", "", "6.1 kpps in 100 ms over a threshold of 1 kpps"],
      [0.45, "first_drop", "nyc-1", "d-nyc-1-3", ""],
      [55, "ended", "", "", "below the threshold for 10 s"],
    ];
    return {
      id: "a-16", target: "203.0.113.20", vector: "tcp.syn", state: "ended",
      first_packet_unix_s: first, detected_unix_s: first + 0.3, first_drop_unix_s: first + 0.45, ended_unix_s: first + 55,
      threshold_pps: 1000, now_pps: 0, peak_pps: 70200, peak_bps: 70200 * 60 * 8, packets: 2880000, dropped_packets: 2861400,
      signatures: [{
        rule_id: "d-nyc-1-3", match: "ip.dst in {203.0.113.20} and tcp.flags == syn and tcp.window == 1024 and ip.ttl == 241",
        attack_share: 1, baseline_share: 0.0004,
      }],
      note: "", detected_by: "nyc-1",
      edges: detailed ? [{
        edge: "nyc-1", region: "us-east", now_pps: 0, now_dropped_pps: 0, packets: 2880000, dropped_packets: 2861400,
        detected_unix_s: first + 0.3, first_drop_unix_s: first + 0.45,
      }] : [],
      timeline: detailed ? events.map(event(first)) : [], now_dropped_pps: 0,
    };
  }

  #allRules(now) {
    if (this.scenario === "empty") return [];
    const rules = [];
    if (this.#attacked(now)) {
      rules.push(this.#rule(now, {
        id: "d-ams-1-7", origin: "edge_detector", mode: "armed", match: SIGNATURE, priority: 5000, attack_id: "a-17", confirm_pps: 200,
        reason: "udp.dns to 203.0.113.10", expires_unix_s: this.attackStart + 300, created_unix_s: this.attackStart + 0.33,
        created_by: "ams-1", revision: "1042", hits: { "ams-1": 182000, "nyc-1": 21840 },
      }));
    }
    rules.push(this.#rule(now, {
      id: "op-1", origin: "operator", mode: "enforce", match: "ip.src in {198.51.100.0/24}", priority: 1000, reason: "scrapers, ticket 4711",
      expires_unix_s: this.start + 2400, created_unix_s: this.start - 1200, created_by: "mara", revision: "1031", hits: { "nyc-1": 12 },
    }));
    rules.push(this.#rule(now, {
      id: "op-2", origin: "operator", mode: "observe", priority: 1000, reason: "would this hit resolvers?", expires_unix_s: 0,
      match: "ip.dst in {203.0.113.0/24} and udp.dstport == 443 and ip.len < 64", created_unix_s: this.start - 86400 * 2,
      created_by: "mara", revision: "980", hits: {}, refusedBy: this.scenario === "degraded" ? "ams-1" : "",
    }));
    if (this.scenario === "many_rules") {
      for (let i = 3; rules.length < 1000; i += 1) {
        rules.push(this.#rule(now, {
          id: `op-${i}`, origin: "operator", mode: "enforce", priority: 1000, reason: `list import, line ${i}`, expires_unix_s: 0,
          match: `ip.src in {198.18.${i >> 8}.${i & 255}}`, created_unix_s: this.start - 86400, created_by: "import", revision: "990",
          hits: noise("many", i) < 0.05 ? { "sin-1": Math.round(40 * noise("hits", i)) } : {},
        }));
      }
    }
    return rules;
  }

  #rule(now, { hits, refusedBy, confirm_pps = 0, attack_id = "", ...facts }) {
    const age = Math.max(0, now - facts.created_unix_s);
    const edges = EDGES.map((e) => {
      const pps = hits[e.id] ?? 0;
      const refused = refusedBy === e.id;
      const gone = this.#state(e) === "disconnected";
      const enforcing = !refused && !gone && facts.mode !== "observe" && (facts.mode === "enforce" || pps >= confirm_pps);
      return {
        edge: e.id, region: e.region, state: refused ? "refused" : gone ? "pending" : pps > 0 ? "matching" : "installed", enforcing,
        detail: refused ? "unknown field udp.dstport2; this edge's version is 0.0.9" : "",
        matched_packets: Math.round(pps * age), dropped_packets: enforcing ? Math.round(pps * age) : 0,
        matched_pps: pps, dropped_pps: enforcing ? pps : 0,
      };
    });
    const sum = (field) => edges.reduce((total, e) => total + e[field], 0);
    const order = ["refused", "pending", "received", "validated", "installed", "matching"];
    return {
      ...facts, action: "drop", attack_id, confirm_pps, scope_regions: [], scope_edges: [], scope_prefixes: [], detail: "",
      state: edges.map((e) => e.state).sort((a, b) => order.indexOf(a) - order.indexOf(b))[0],
      matched_packets: sum("matched_packets"), dropped_packets: sum("dropped_packets"),
      matched_pps: sum("matched_pps"), dropped_pps: sum("dropped_pps"),
      last_match_unix_s: sum("matched_pps") > 0 ? now - 0.2 : 0, edges,
    };
  }

  rules(now, limit = 100) {
    const all = this.#allRules(now);
    return { rules: all.slice(0, limit), next_cursor: all.length > limit ? String(limit) : "" };
  }

  rule(id, now) {
    return this.#allRules(now).find((r) => r.id === id) ?? null;
  }
}

const event = (first) => ([t, kind, edge, rule_id, text]) => ({ unix_s: first + t, kind, edge, rule_id, text });
