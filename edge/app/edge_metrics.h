// Everything an edge exports to Prometheus; docs/reference/metrics.md lists it and a test holds the two together.
//
//   EdgeMetrics m(registry, {"eth0"});
//   m.AddCounters(slot_counters);
//   m.installs.Add();
//
// Labels come from closed sets: verdicts, vectors, states and the configured interfaces. Thread-safe.
#ifndef BREAKWATER_EDGE_APP_EDGE_METRICS_H_
#define BREAKWATER_EDGE_APP_EDGE_METRICS_H_

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/metrics/metrics.h"
#include "edge/control/control.h"
#include "edge/datapath/datapath.h"
#include "edge/link/link_machine.h"

namespace breakwater::app {

class EdgeMetrics {
 public:
  EdgeMetrics(metrics::Registry& registry, const std::vector<std::string>& interfaces);

  // Packets by verdict and vector, samples.
  void AddCounters(const datapath::SlotCounters& counters);
  void SetRules(const std::vector<control::RuleView>& rules);
  void SetInterfacePresent(const std::string& name, bool present);
  // lost: what the strand couldn't hand to the link.
  void SetLink(const link::LinkView& view, uint64_t lost);
  void CountAttack(window::Vector vector) {
    if (attacks_[vector]) attacks_[vector]->Add();
  }

  metrics::Counter slots, late_slots, skipped_slots, samples, lost_samples, counter_read_failures;
  metrics::Counter rule_refusals, rules_proposed, rules_confirmed, rules_expired;
  metrics::Counter installs, install_failures, persists, persist_failures, state_problems;
  metrics::Counter reloads, reload_failures, panic_failures;
  // Of the link to the coordinator; RaiseTo() brings the counters up to date.
  metrics::Counter link_sessions, link_failed_sessions, link_messages_received, link_messages_sent,
      link_refused_messages;
  metrics::Counter link_resyncs, link_sets, link_lost;
  metrics::Counter windows_sent, windows_acknowledged, windows_merged, windows_lost, armed_enforced;
  metrics::Gauge link_connected, link_clock_offset, link_round_trip, windows_queued, windows_queued_bytes;
  metrics::Gauge fleet_revision_received, fleet_revision_applied;
  metrics::Gauge attacks_active, revision, panic, ready, clock_offset, start_time, config_time;
  // Counted elsewhere; RaiseTo() brings them up to date.
  metrics::Counter log_lines_dropped, http_requests, http_bad_requests, http_refused_connections;
  metrics::Histogram install_seconds, persist_seconds, step_seconds, detection_seconds, mitigation_seconds;

  static void RaiseTo(const metrics::Counter& counter, uint64_t total) {
    if (const double more = static_cast<double>(total) - counter.Value(); more > 0) counter.Add(more);
  }

 private:
  template <typename T>
  using ByVector = std::array<std::optional<T>, BW_VECTOR_MAX>;

  std::array<std::optional<metrics::Counter>, BW_REASON_MAX> packets_;
  std::array<std::optional<metrics::Counter>, BW_REASON_MAX> bytes_;
  ByVector<metrics::Counter> vector_packets_;
  ByVector<metrics::Counter> vector_bytes_;
  ByVector<metrics::Counter> vector_dropped_packets_;
  ByVector<metrics::Counter> attacks_;
  std::map<control::RuleState, metrics::Gauge> rules_;
  std::map<std::string, metrics::Gauge> interfaces_;
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_EDGE_METRICS_H_
