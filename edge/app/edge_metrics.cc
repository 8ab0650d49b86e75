#include "edge/app/edge_metrics.h"

#include "common/service/version.h"

namespace breakwater::app {
namespace {

using metrics::Registry;

// From one slot to ten seconds: the goals are half a second and a second.
const std::vector<double> kReactionBuckets = {0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10};
// From what an install should take to what delays a slot.
const std::vector<double> kWorkBuckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5};

constexpr control::RuleState kRuleStates[] = {control::RuleState::kReceived, control::RuleState::kValidated,
                                              control::RuleState::kInstalled, control::RuleState::kMatching,
                                              control::RuleState::kRefused};

}  // namespace

EdgeMetrics::EdgeMetrics(Registry& r, const std::vector<std::string>& interfaces)
    : slots(r.AddCounter("breakwater_edge_slots_total", "Slots of 100 ms that were judged")),
      late_slots(
          r.AddCounter("breakwater_edge_late_slots_total",
                       "Slots judged later than they should have been, with the traffic of the gap spread evenly")),
      skipped_slots(r.AddCounter("breakwater_edge_skipped_slots_total",
                                 "Slots never judged because the edge stood still for too long")),
      samples(r.AddCounter("breakwater_edge_samples_total", "Packet headers sampled")),
      lost_samples(r.AddCounter("breakwater_edge_lost_samples_total", "Samples lost because the ring buffer was full")),
      counter_read_failures(r.AddCounter("breakwater_edge_counter_read_failures_total",
                                         "Failed attempts to read the datapath's counters")),
      rule_refusals(r.AddCounter("breakwater_edge_rule_refusals_total",
                                 "Rules that were refused, by validation or by the datapath")),
      rules_proposed(r.AddCounter("breakwater_edge_rules_proposed_total",
                                  "Automatic rules made from a signature, at first only observing")),
      rules_confirmed(r.AddCounter("breakwater_edge_rules_confirmed_total",
                                   "Automatic rules that exact counts confirmed and that enforce since")),
      rules_expired(r.AddCounter("breakwater_edge_rules_expired_total", "Rules removed because their lease ended")),
      installs(r.AddCounter("breakwater_edge_installs_total", "Rulesets put in force")),
      install_failures(r.AddCounter("breakwater_edge_install_failures_total",
                                    "Rulesets the datapath didn't take; the one before stayed in force")),
      persists(r.AddCounter("breakwater_edge_persists_total", "State files written")),
      persist_failures(
          r.AddCounter("breakwater_edge_persist_failures_total", "State files that couldn't be written; tried again")),
      state_problems(r.AddCounter("breakwater_edge_state_problems_total",
                                  "State files or rules in them that couldn't be read at the start")),
      reloads(r.AddCounter("breakwater_edge_reloads_total", "Configurations taken over while running")),
      reload_failures(r.AddCounter("breakwater_edge_reload_failures_total",
                                   "Configurations refused while running; the one before stayed")),
      panic_failures(r.AddCounter("breakwater_edge_panic_failures_total",
                                  "Failed attempts to stop or resume enforcing; tried again")),
      link_sessions(r.AddCounter("breakwater_edge_link_sessions_total", "Sessions that a coordinator has welcomed")),
      link_failed_sessions(r.AddCounter("breakwater_edge_link_failed_sessions_total",
                                        "Attempts to reach a coordinator that ended without a welcome")),
      link_messages_received(
          r.AddCounter("breakwater_edge_link_messages_received_total", "Messages that came from a coordinator")),
      link_messages_sent(r.AddCounter("breakwater_edge_link_messages_sent_total", "Messages sent to a coordinator")),
      link_refused_messages(r.AddCounter("breakwater_edge_link_refused_messages_total",
                                         "Messages of a coordinator that were refused: unsigned, replayed, over a "
                                         "bound, or not fitting; what was in force stayed")),
      link_resyncs(r.AddCounter("breakwater_edge_link_resyncs_total", "Snapshots that this edge asked for")),
      link_sets(r.AddCounter("breakwater_edge_link_sets_total", "Whole sets of rules that came and were verified")),
      link_lost(r.AddCounter("breakwater_edge_link_lost_total",
                             "Windows and reports that were lost because too much waited for the link")),
      windows_sent(r.AddCounter("breakwater_edge_windows_sent_total", "Windows sent, each time one was sent")),
      windows_acknowledged(
          r.AddCounter("breakwater_edge_windows_acknowledged_total", "Windows that the coordinator keeps")),
      windows_merged(r.AddCounter("breakwater_edge_windows_merged_total",
                                  "Pairs of waiting windows that became one because the queue was over its bound")),
      windows_lost(
          r.AddCounter("breakwater_edge_windows_lost_total", "Windows lost because nothing could be merged any more")),
      armed_enforced(r.AddCounter("breakwater_edge_armed_rules_enforced_total",
                                  "Times that this edge's own slots confirmed an armed rule, so that it enforced")),
      link_connected(r.AddGauge("breakwater_edge_link_connected", "1 while there is a session with a coordinator")),
      link_clock_offset(
          r.AddGauge("breakwater_edge_link_clock_offset_seconds", "The coordinator's clock minus this edge's")),
      link_round_trip(
          r.AddGauge("breakwater_edge_link_round_trip_seconds", "Of the probe that the clock offset was measured by")),
      windows_queued(r.AddGauge("breakwater_edge_windows_queued", "Windows that the coordinator hasn't acknowledged")),
      windows_queued_bytes(r.AddGauge("breakwater_edge_windows_queued_bytes", "Their size")),
      fleet_revision_received(r.AddGauge("breakwater_edge_fleet_revision_received",
                                         "Revision of the coordinator's newest set of rules that was verified")),
      fleet_revision_applied(r.AddGauge("breakwater_edge_fleet_revision_applied",
                                        "Revision of the coordinator's set of rules that is in force")),
      attacks_active(r.AddGauge("breakwater_edge_attacks_active", "Attacks that haven't ended")),
      revision(r.AddGauge("breakwater_edge_ruleset_revision", "Revision of the ruleset in force")),
      panic(r.AddGauge("breakwater_edge_panic", "1 while enforcing is stopped")),
      ready(r.AddGauge("breakwater_edge_ready", "1 while /readyz says ready")),
      clock_offset(r.AddGauge("breakwater_edge_clock_offset_seconds", "Wall clock minus the time of the slots")),
      start_time(r.AddGauge("breakwater_edge_start_timestamp_seconds", "When the edge started")),
      config_time(r.AddGauge("breakwater_edge_config_timestamp_seconds", "When the configuration in force was read")),
      log_lines_dropped(
          r.AddCounter("breakwater_edge_log_lines_dropped_total", "Log lines dropped because their reader stalled")),
      http_requests(r.AddCounter("breakwater_edge_http_requests_total", "Management requests answered")),
      http_bad_requests(r.AddCounter("breakwater_edge_http_bad_requests_total",
                                     "Management requests that were malformed, too large or too slow")),
      http_refused_connections(
          r.AddCounter("breakwater_edge_http_refused_connections_total", "Management connections over the limit")),
      install_seconds(
          r.AddHistogram("breakwater_edge_install_seconds", "Time to compile and swap a ruleset", kWorkBuckets)),
      persist_seconds(r.AddHistogram("breakwater_edge_persist_seconds", "Time to write the state file", kWorkBuckets)),
      step_seconds(r.AddHistogram("breakwater_edge_step_seconds",
                                  "Time from reading the counters to having done what follows, per look",
                                  kWorkBuckets)),
      detection_seconds(r.AddHistogram("breakwater_edge_detection_seconds",
                                       "From an attack's first packet to its detection", kReactionBuckets)),
      mitigation_seconds(r.AddHistogram("breakwater_edge_mitigation_seconds",
                                        "From an attack's first packet to its first dropped packet",
                                        kReactionBuckets)) {
  r.AddGauge("breakwater_edge_build_info", "1, with the version as labels",
             {{"version", std::string(service::Version())}, {"revision", std::string(service::Revision())}})
      .Set(1);
#define BW_REASON_METRICS(number, id, name, drops, description)                                                \
  packets_[number] = r.AddCounter("breakwater_edge_packets_total", "Packets by verdict", {{"verdict", name}}); \
  bytes_[number] =                                                                                             \
      r.AddCounter("breakwater_edge_bytes_total", "Bytes (IP total length) by verdict", {{"verdict", name}});
  BW_REASONS(BW_REASON_METRICS)
#undef BW_REASON_METRICS
#define BW_VECTOR_METRICS(number, id, name, description)                                                               \
  vector_packets_[number] = r.AddCounter("breakwater_edge_vector_packets_total",                                       \
                                         "Packets to protected prefixes by vector", {{"vector", name}});               \
  vector_bytes_[number] = r.AddCounter("breakwater_edge_vector_bytes_total",                                           \
                                       "Bytes (IP total length) to protected prefixes by vector", {{"vector", name}}); \
  vector_dropped_packets_[number] =                                                                                    \
      r.AddCounter("breakwater_edge_vector_dropped_packets_total",                                                     \
                   "Packets to protected prefixes that were dropped, by vector", {{"vector", name}});                  \
  attacks_[number] = r.AddCounter("breakwater_edge_attacks_total", "Attacks detected by vector", {{"vector", name}});
  BW_VECTORS(BW_VECTOR_METRICS)
#undef BW_VECTOR_METRICS
  for (const control::RuleState state : kRuleStates) {
    rules_.emplace(state, r.AddGauge("breakwater_edge_rules", "Rules by state",
                                     {{"state", std::string(control::RuleStateName(state))}}));
  }
  for (const std::string& name : interfaces) {
    interfaces_.emplace(name, r.AddGauge("breakwater_edge_interface_present",
                                         "1 while the interface is there and attached", {{"interface", name}}));
  }
}

void EdgeMetrics::AddCounters(const datapath::SlotCounters& counters) {
  for (size_t i = 0; i < counters.reasons.size(); ++i) {
    if (!packets_[i]) continue;
    packets_[i]->Add(static_cast<double>(counters.reasons[i].packets));
    bytes_[i]->Add(static_cast<double>(counters.reasons[i].bytes));
  }
  // Each packet to a protected prefix is in exactly one policy.
  for (const datapath::PolicyCounts& row : counters.policies) {
    if (!vector_packets_[row.vector]) continue;
    vector_packets_[row.vector]->Add(static_cast<double>(row.counts.packets));
    vector_bytes_[row.vector]->Add(static_cast<double>(row.counts.bytes));
    vector_dropped_packets_[row.vector]->Add(static_cast<double>(row.counts.dropped_packets));
  }
  samples.Add(static_cast<double>(counters.samples.size()));
  lost_samples.Add(static_cast<double>(counters.lost_samples));
}

void EdgeMetrics::SetRules(const std::vector<control::RuleView>& rules) {
  std::map<control::RuleState, int> counts;
  for (const control::RuleView& rule : rules) ++counts[rule.state];
  for (const auto& [state, gauge] : rules_) gauge.Set(counts[state]);
}

void EdgeMetrics::SetLink(const link::LinkView& view, uint64_t lost) {
  RaiseTo(link_sessions, view.sessions);
  RaiseTo(link_failed_sessions, view.failed_sessions);
  RaiseTo(link_messages_received, view.messages_received);
  RaiseTo(link_messages_sent, view.messages_sent);
  RaiseTo(link_refused_messages, view.refused_messages);
  RaiseTo(link_resyncs, view.resyncs);
  RaiseTo(link_sets, view.sets);
  RaiseTo(link_lost, lost);
  RaiseTo(windows_sent, view.windows_sent);
  RaiseTo(windows_acknowledged, view.windows_acknowledged);
  RaiseTo(windows_merged, view.windows_merged);
  RaiseTo(windows_lost, view.windows_lost);
  link_connected.Set(view.state == link::LinkState::kConnected ? 1 : 0);
  link_clock_offset.Set(absl::ToDoubleSeconds(view.clock_offset.value_or(absl::ZeroDuration())));
  link_round_trip.Set(absl::ToDoubleSeconds(view.round_trip));
  windows_queued.Set(static_cast<double>(view.queued_windows));
  windows_queued_bytes.Set(static_cast<double>(view.queued_bytes));
  fleet_revision_received.Set(static_cast<double>(view.received.revision()));
}

void EdgeMetrics::SetInterfacePresent(const std::string& name, bool present) {
  const auto gauge = interfaces_.find(name);
  if (gauge != interfaces_.end()) gauge->second.Set(present ? 1 : 0);
}

}  // namespace breakwater::app
