// What an edge decides, as one pure step: events in, actions out. The daemon, replay and the tests drive the same step
// with their own clocks and their own datapaths.
//
//   Control control(settings);
//   for (const Action& a : control.Step(SlotClosed{slot, samples}, now)) Perform(a);
//
// Detector findings become reflex rules: installed in observe mode, enforced once their exact counts confirm them,
// leased and renewed while they match, removed when the lease ends. Not thread-safe; one strand calls it.
#ifndef BREAKWATER_EDGE_CONTROL_CONTROL_H_
#define BREAKWATER_EDGE_CONTROL_CONTROL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/detect/detector.h"
#include "common/rule/guard.h"
#include "common/rule/rule.h"
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

// What has to survive a restart.
struct SavedState {
  uint64_t revision = 0;
  bool panic = false;
  std::vector<SavedRule> rules;  // reflex rules and their leases
};

// Events.
struct Start {
  SavedState saved;
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
using Event = std::variant<Start, SlotClosed, Installed, InstallFailed, SetPanic, ReplaceSettings>;

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
using Action = std::variant<InstallRuleset, EnforcePanic, Persist, ReportAttack, ReportRule>;

class Control {
 public:
  explicit Control(Settings settings);
  ~Control();
  std::vector<Action> Step(Event event, absl::Time now);

  // For status and for pages; as of the last step.
  std::vector<RuleView> Rules() const;
  std::vector<detect::Attack> Attacks() const;  // active first, then ended ones, newest first
  uint64_t revision() const;
  bool panic() const;
  // The rule id that a counter slot stands for; empty when none.
  std::string RuleOfSlot(uint32_t counter_slot) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::control

#endif  // BREAKWATER_EDGE_CONTROL_CONTROL_H_
