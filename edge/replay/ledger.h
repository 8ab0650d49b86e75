// Who gets the credit for each packet: the totals of its label, its file, its drop reason, the attack whose rule
// dropped it, and the attacks that went on against its destination.
//
//   Ledger ledger;
//   ledger.OnRuleset(ruleset, now_ns);            // which counter slot belongs to which rule and attack
//   ledger.OnAttack(report.attack);
//   ledger.OnPacket(label, facts, verdict, time_ns);
//   ledger.Finish(control.Rules(), result);
//
// Constant work per packet and no allocation, whatever the number of host attacks. Not thread-safe.
#ifndef BREAKWATER_EDGE_REPLAY_LEDGER_H_
#define BREAKWATER_EDGE_REPLAY_LEDGER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/detect/detector.h"
#include "edge/datapath/datapath.h"
#include "edge/replay/frame.h"
#include "edge/replay/result.h"
#include "edge/rules/rule_book.h"

namespace breakwater::replay {

// Where capture time starts on the clock that the edge sees: fixed, so that results are repeatable.
inline constexpr int64_t kEpochSeconds = 946684800;  // 2000-01-01T00:00:00Z
absl::Time ToTime(int64_t capture_ns);
int64_t ToCaptureNs(absl::Time time);

// Which attacks a packet belongs to, by destination and vector.
class AttackIndex {
 public:
  void Add(const window::Target& target, window::Vector vector, size_t attack);
  void Remove(const window::Target& target, window::Vector vector);
  bool empty() const { return hosts_.empty() && prefixes_.empty(); }

  // Calls use(attack) for the host attack and then for every prefix attack.
  template <typename Use>
  void ForEach(const net::IpAddress& destination, window::Vector vector, Use use) const {
    if (auto it = hosts_.find({destination, static_cast<int>(vector)}); it != hosts_.end()) use(it->second);
    for (const PrefixAttack& p : prefixes_) {
      if (p.vector == vector && p.prefix.Contains(destination)) use(p.attack);
    }
  }

 private:
  struct PrefixAttack {
    net::IpPrefix prefix;
    window::Vector vector;
    size_t attack;
  };
  absl::flat_hash_map<std::pair<net::IpAddress, int>, size_t> hosts_;
  std::vector<PrefixAttack> prefixes_;
};

class Ledger {
 public:
  Ledger();
  void OnRuleset(const datapath::Ruleset& ruleset, int64_t now_ns);
  // A report about a new or a known attack; ended attacks no longer collect packets.
  void OnAttack(const detect::Attack& attack);
  // Adds what rules matched.
  void OnSlot(const window::Slot& slot);
  void OnPacket(Label label, const FrameFacts& facts, const datapath::Verdict& verdict, int64_t time_ns);

  bool attack_active() const { return !active_.empty(); }
  // Rules of attacks in the ruleset in force.
  size_t attack_rules_in_force() const { return attack_rules_in_force_; }
  const std::vector<detect::Attack>& attacks() const { return attacks_; }

  // Fills in everything but files, engine and speed. views: every rule as the control knows it at the end.
  Result Finish(const std::vector<rules::RuleView>& views) const;

 private:
  static constexpr size_t kNone = SIZE_MAX;
  struct TrackedRule {
    rule::Rule rule;
    size_t attack = kNone;  // kNone: an operator's
    int64_t first_installed = 0;
    std::optional<int64_t> first_enforced;
    uint64_t matched_packets = 0;
    ByLabel dropped;
  };
  struct AttackCounts {
    std::optional<int64_t> first_drop;
    ByLabel dropped;
    AfterDetection after_detection;
  };
  RuleResult Describe(const TrackedRule& tracked, const absl::flat_hash_map<std::string, rules::RuleView>& views) const;

  std::array<Totals, kLabels> totals_;
  std::array<uint64_t, BW_REASON_MAX> drops_by_reason_{};
  std::vector<detect::Attack> attacks_;  // as last reported
  std::vector<AttackCounts> counts_;     // beside attacks_
  // Attacks of one target and vector follow each other, and what an earlier one's rule drops counts for the latest.
  std::vector<size_t> series_of_attack_;  // beside attacks_
  std::vector<size_t> latest_of_series_;
  absl::flat_hash_map<window::TargetVector, size_t> series_;
  absl::flat_hash_map<std::string, size_t> attack_of_id_;
  std::vector<TrackedRule> rules_;
  absl::flat_hash_map<std::string, size_t> rule_of_id_;
  std::vector<size_t> rule_of_slot_;
  size_t attack_rules_in_force_ = 0;
  AttackIndex active_;
  ByLabel after_first_detection_;
  ByLabel dropped_after_first_detection_;
  int64_t end_ = 0;
};

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_LEDGER_H_
