// The views of proto/breakwater/v1/admin.proto as their JSON arrives: proto field names, defaults written out, every number
// a double, a message that is not set left out. A test compares these interfaces with the .proto file field by field.
// Times are seconds since 1970 UTC, 0 = not yet or never. Rates are of the last second.

export interface SetView {
  epoch: string;
  revision: string;
}

export interface InterfaceView {
  name: string;
  mode: string;
  present: boolean;
}

export interface RateView {
  pps: number;
  bps: number;
  dropped_pps: number;
  dropped_bps: number;
}

export interface OverviewView {
  now_unix_s: number;
  coordinator: string;
  software_version: string;
  desired?: SetView;
  panic: boolean;
  panic_reason: string;
  total?: RateView;
  regions: RegionView[];
  edges: number;
  edges_connected: number;
  edges_behind: number;
  active_attacks: number;
  rules: number;
  needs_you: string[];
}

export interface RegionView {
  name: string;
  edges: number;
  edges_connected: number;
  edges_announcing: number;
  total?: RateView;
  active_attacks: number;
}

export interface TrafficView {
  start_unix_s: number;
  step_s: number;
  region: string;
  points: TrafficPoint[];
}

export interface TrafficPoint {
  known: boolean;
  pps: number;
  bps: number;
  dropped_pps: number;
  dropped_bps: number;
}

export interface EdgesView {
  edges: EdgeView[];
  next_cursor: string;
}

export interface EdgeView {
  id: string;
  region: string;
  class: string;
  software_version: string;
  state: string;
  connected_unix_s: number;
  last_heard_unix_s: number;
  last_window_unix_s: number;
  clock_offset_ms: number;
  ready: boolean;
  panic: boolean;
  anycast: string;
  anycast_reason: string;
  received?: SetView;
  applied?: SetView;
  behind: boolean;
  rejected_rules: number;
  rules_installed: number;
  total?: RateView;
  cpu_share: number;
  interfaces: InterfaceView[];
  prefixes: string[];
  duplicate_windows: number;
  refused_windows: number;
  lost_windows: number;
}

export interface RulesView {
  rules: RuleView[];
  next_cursor: string;
}

export interface RuleView {
  id: string;
  origin: string;
  mode: string;
  action: string;
  match: string;
  priority: number;
  reason: string;
  attack_id: string;
  expires_unix_s: number;
  state: string;
  detail: string;
  matched_packets: number;
  dropped_packets: number;
  matched_pps: number;
  dropped_pps: number;
  last_match_unix_s: number;
  created_unix_s: number;
  created_by: string;
  revision: string;
  edges: RuleEdgeView[];
  scope_regions: string[];
  scope_edges: string[];
  scope_prefixes: string[];
  confirm_pps: number;
}

export interface RuleEdgeView {
  edge: string;
  region: string;
  state: string;
  enforcing: boolean;
  detail: string;
  matched_packets: number;
  dropped_packets: number;
  matched_pps: number;
  dropped_pps: number;
}

export interface AttacksView {
  attacks: AttackView[];
  next_cursor: string;
}

export interface AttackView {
  id: string;
  target: string;
  vector: string;
  state: string;
  first_packet_unix_s: number;
  detected_unix_s: number;
  first_drop_unix_s: number;
  ended_unix_s: number;
  threshold_pps: number;
  now_pps: number;
  peak_pps: number;
  peak_bps: number;
  packets: number;
  dropped_packets: number;
  signatures: SignatureView[];
  note: string;
  detected_by: string;
  edges: AttackEdgeView[];
  timeline: AttackEventView[];
  now_dropped_pps: number;
}

export interface SignatureView {
  rule_id: string;
  match: string;
  attack_share: number;
  baseline_share: number;
}

export interface AttackEdgeView {
  edge: string;
  region: string;
  now_pps: number;
  now_dropped_pps: number;
  packets: number;
  dropped_packets: number;
  detected_unix_s: number;
  first_drop_unix_s: number;
}

export interface AttackEventView {
  unix_s: number;
  kind: string;
  edge: string;
  rule_id: string;
  text: string;
}
