// What an edge decides, as one pure step: events in, actions out. The daemon, replay and the tests drive the same step
// with their own clocks and their own datapaths.
//
//   Control control(settings);
//   for (const Action& a : control.Step(SlotClosed{slot, samples}, now)) Perform(a);
//
// Detector findings become reflex rules: installed in observe mode, enforced once their exact counts confirm them,
// leased and renewed while they match, removed when the lease ends. What the coordinator wants stands beside them: each of
// its rules is judged here again and installed or refused alone, armed ones enforce once this edge's own slots confirm
// them, and none of it is needed: without a coordinator everything goes on. Not thread-safe; one strand calls it.
#ifndef BREAKWATER_EDGE_CONTROL_CONTROL_H_
#define BREAKWATER_EDGE_CONTROL_CONTROL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "breakwater/v1/edge_state.pb.h"
#include "breakwater/v1/fleet.pb.h"
#include "common/detect/detector.h"
#include "common/rule/guard.h"
#include "common/rule/rule.h"
#include "common/rule/rule_wire.h"
#include "edge/datapath/datapath.h"
#include "edge/rules/rule_book.h"

namespace breakwater::control {

using rules::RuleState;
using rules::RuleStateName;
using rules::RuleView;
using rules::SavedRule;

struct Settings {
  std::string edge_id = "edge";
  std::vector<datapath::Policy> policies;
  std::vector<datapath::SourceEntry> sources;
  std::vector<rule::Rule> operator_rules;
  rule::GuardList guards;
  detect::DetectorConfig detector;
  bool detect = true;  // false: only the given rules
  absl::Duration lease = absl::Seconds(60);
  size_t max_reflex_rules = 128;
  size_t max_attack_history = 1000;
};

// A whole set of rules that the coordinator wants here, verified.
struct DesiredRules {
  v1::SetVersion version;
  std::vector<rule::Rule> rules;
  std::vector<rule::RejectedRule> rejected;  // of the set, but not to be read here
  // As it was signed, for the disk: the manifest and all rules.
  std::shared_ptr<const v1::FleetState> signed_set;
};

// The coordinator's order to stop enforcing, or to go on; verified, and newer than the one before.
struct StopEnforcing {
  bool on = false;
  absl::Time until = absl::InfiniteFuture();
  std::string reason;
  v1::StopEnforcing signed_order;
};

// What has to survive a restart.
struct SavedState {
  uint64_t revision = 0;
  bool panic = false;
  std::vector<SavedRule> rules;  // reflex rules and their leases
  // What the coordinator signed, as it came: whoever reads it from the disk verifies it again. Null = nothing.
  std::shared_ptr<const v1::FleetState> fleet;
};

// Events.
struct Start {
  SavedState saved;
  // Of saved.fleet, what could be verified.
  std::optional<DesiredRules> desired;
  std::optional<StopEnforcing> stop;
};  // first event, once
struct SlotClosed {
  window::Slot slot;
  std::vector<window::HeaderSample> samples;
};
struct Installed {
  datapath::InstallReport report;
};
struct InstallFailed {
  uint64_t revision = 0;
  absl::Status status;
};
struct SetPanic {
  bool on = false;
};
struct ReplaceSettings {
  Settings settings;
};  // a reloaded configuration
using Event =
    std::variant<Start, SlotClosed, Installed, InstallFailed, SetPanic, ReplaceSettings, DesiredRules, StopEnforcing>;

// Actions.
struct InstallRuleset {
  datapath::Ruleset ruleset;
};
struct EnforcePanic {
  bool on = false;
};
struct Persist {
  SavedState state;
};
struct ReportAttack {
  detect::Attack attack;
  std::string change;
};  // "detected", "updated", "ended"
struct ReportRule {
  std::string rule_id;
  std::string change;
  std::string detail;
};  // "proposed", "confirmed", "refused", "expired", ...
// A rule of this edge's detector that enforces, or one that did and is gone.
struct ReportLocalRule {
  rule::Rule rule;
  std::string attack_id;
  window::Target target;
  window::Vector vector = BW_VECTOR_IP_OTHER;
  double threshold_pps = 0;  // of the attack here
  double attack_share = 0;   // of the sampled packets, as the detector proposed it
  double baseline_share = 0;
  window::RuleCounts counts;
  bool removed = false;
};
// How far the coordinator's set has come, whenever that changes.
struct ReportFleet {
  v1::SetVersion applied;                  // in force, but for `exceptions`
  std::vector<v1::RuleStatus> exceptions;  // rejected rules, and armed ones that enforce; all of them, by id
};
using Action =
    std::variant<InstallRuleset, EnforcePanic, Persist, ReportAttack, ReportRule, ReportLocalRule, ReportFleet>;

class Control {
 public:
  explicit Control(Settings settings);
  ~Control();
  std::vector<Action> Step(Event event, absl::Time now);

  // For status and for pages; as of the last step.
  std::vector<RuleView> Rules() const;
  std::vector<detect::Attack> Attacks() const;  // active first, then ended ones, newest first
  uint64_t revision() const;
  bool panic() const;  // switched on here, by a person
  // The coordinator's order to stop, while it holds.
  const StopEnforcing* fleet_stop() const;
  const v1::SetVersion& fleet_applied() const;
  // Detector::Suspicious as of the last slot; nothing while detection is off.
  std::vector<window::TargetVector> Suspicious(double share, size_t limit) const;
  // The rule id that a counter slot stands for; empty when none.
  std::string RuleOfSlot(uint32_t counter_slot) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::control

#endif  // BREAKWATER_EDGE_CONTROL_CONTROL_H_
