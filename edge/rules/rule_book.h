// Every rule this edge knows, with its state, its lease, its counts and its stable counter slot.
//
//   RuleBook book(Limits{.max_reflex = 128});
//   absl::Status s = book.Add(rule, guards, now);           // received, then validated or refused with the reason
//   bool changed = book.SetDesired(rules, guards, now);     // the coordinator's set; each rule is judged by itself
//   Ruleset part = book.Entries();                          // what goes to the datapath
//   book.Count(slot, now, lease);                           // matching, leases renewed, armed rules confirmed
//
// The edge's own rules (configured ones and those of its detector) and the coordinator's stand beside each other; where
// both have an id, the edge's own is in force and the coordinator's waits behind it. Operators' rules that are refused
// stay listed with their reason; the edge's own automatic ones are only reported and forgotten. Not thread-safe.
#ifndef BREAKWATER_EDGE_RULES_RULE_BOOK_H_
#define BREAKWATER_EDGE_RULES_RULE_BOOK_H_

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rule/guard.h"
#include "common/rule/rule.h"
#include "common/window/slot.h"
#include "edge/datapath/datapath.h"

namespace breakwater::rules {

// The four states of a rule on an edge, with an exit.
enum class RuleState { kReceived, kValidated, kInstalled, kMatching, kRefused };
// "received", "validated", "installed", "matching", "refused".
std::string_view RuleStateName(RuleState state);

// Who wants the rule.
enum class RuleSource { kEdge, kCoordinator };
std::string_view RuleSourceName(RuleSource source);  // "edge", "coordinator"

struct RuleView {
  rule::Rule rule;
  RuleSource source = RuleSource::kEdge;
  RuleState state = RuleState::kReceived;
  std::string detail;  // why refused, or why not installed yet
  uint32_t counter_slot = 0;
  window::RuleCounts total;  // since the rule was made
  double matched_pps = 0;    // over the last second
  absl::Time last_match = absl::InfinitePast();
  bool enforcing = false;  // of an armed rule: this edge's own slots have confirmed it
};

// Why a rule of the coordinator's isn't in force here.
struct RefusedRule {
  std::string id;
  absl::Status status;  // with a rule::Refusal
};

// What has to survive a restart.
struct SavedRule {
  rule::Rule rule;
  uint32_t counter_slot = 0;
};

class RuleBook {
 public:
  struct Limits {
    size_t max_reflex = 128;
    // A slot's counts may still be on their way when its rule is gone; it is not given away earlier than this.
    absl::Duration slot_grace = absl::Minutes(1);
  };
  // A rule counts as matching this long after its last match.
  static constexpr absl::Duration kMatchingFor = absl::Seconds(10);
  // An armed rule that was confirmed enforces until it has matched less than that for so long.
  static constexpr absl::Duration kRearmAfter = absl::Seconds(30);
  // So many places of the datapath are kept from the coordinator's rules, for what this edge's detector finds.
  static constexpr size_t kKeptForReflex = 128;

  explicit RuleBook(Limits limits) : limits_(limits) {}

  // Validates and takes a rule. Refusals: an id that exists, validation, guards, undecidable in the datapath, over the
  // number of rules or counter slots.
  absl::Status Add(const rule::Rule& rule, const rule::GuardList& guards, absl::Time now);
  // As Add, in the counter slot it had before; for rules saved on disk.
  absl::Status Restore(const SavedRule& saved, const rule::GuardList& guards, absl::Time now);
  // Keeps a refused operator's rule in the list, so that people see why it isn't in force.
  void AddRefused(const rule::Rule& rule, const absl::Status& why, absl::Time now);

  // Puts the coordinator's set in the place of the one before. A rule that can't be in force is refused alone; a new lease
  // of the same rule keeps its counter slot, its counts and whether it enforces. True when the datapath needs to know.
  bool SetDesired(std::vector<rule::Rule> rules, const rule::GuardList& guards, absl::Time now);
  // The same set again, after the edge's own rules or its guards have changed.
  bool Reconcile(const rule::GuardList& guards, absl::Time now);
  // Of the coordinator's set, by id.
  std::vector<RefusedRule> DesiredRefused() const;
  std::vector<std::string> Enforcing() const;  // ids of armed rules of the coordinator's that this edge has confirmed
  bool IsEnforcing(std::string_view id) const;

  bool Contains(std::string_view id) const { return entries_.contains(std::string(id)); }
  // Whether the rule's lease now ends later than that.
  bool ExpiresAfter(std::string_view id, absl::Time time) const;
  // This and the next two know the edge's own rules alone. False when there is no such rule, or it had that mode already.
  bool SetMode(std::string_view id, rule::Mode mode);
  // Extends the time until which the rule's own matching may renew its lease.
  void Reconfirm(std::string_view id, absl::Time until);
  bool Remove(std::string_view id, absl::Time now);

  // Adds what rules matched in a slot. An enforcing automatic rule of the edge's own that matched has its lease renewed to
  // now + lease, but not beyond what Reconfirm allows. Returns the armed rules that enforce from now on, or no longer do.
  std::vector<std::string> Count(const window::Slot& slot, absl::Time now, absl::Duration lease);
  // Removes rules whose expiry has come and returns them.
  std::vector<rule::Rule> RemoveExpired(absl::Time now);

  // States after an install: refused ones are kept (operators') or removed (automatic); returns the removed ids. Of the
  // coordinator's none is removed: they are in DesiredRefused() until they change.
  std::vector<std::string> ApplyReport(const datapath::InstallReport& report, absl::Time now);
  void ApplyFailure(const absl::Status& status);

  std::vector<datapath::RuleEntry> Entries() const;
  std::vector<SavedRule> Saved() const;  // the edge's own automatic rules in force
  std::vector<RuleView> Views(absl::Time now) const;
  // As it stands, with neither matched_pps nor kMatching.
  std::optional<RuleView> View(std::string_view id) const;
  std::string RuleOfSlot(uint32_t counter_slot) const;

 private:
  struct Entry {
    RuleView view;
    absl::Time renewable_until = absl::InfinitePast();
    absl::Time last_confirmed = absl::InfinitePast();  // of an armed rule
    // Matched packets of the last ten slots, for the rate.
    std::array<uint64_t, window::kSlotsPerWindow> recent{};
  };

  // A rule of the coordinator's set.
  struct Desired {
    rule::Rule rule;
    absl::Status refused;      // why it isn't in force; OK also while the edge has its own rule of this id
    bool by_datapath = false;  // that was the datapath, which is asked again only about another rule
  };

  absl::StatusOr<uint32_t> TakeSlot(absl::Time now);
  absl::Status CheckEdgeRule(const rule::Rule& rule, const rule::GuardList& guards, absl::Time now) const;
  bool ReconcileOne(Desired& desired, size_t space, const rule::GuardList& guards, absl::Time now);
  size_t CountOwn(bool automatic) const;  // of the edge's own rules that are in force
  bool Drop(std::string_view id, absl::Time now);

  Limits limits_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, Desired, std::less<>> desired_;
  std::map<uint32_t, std::string> slot_owner_;
  uint32_t next_slot_ = 0;
  struct FreedSlot {
    uint32_t slot;
    absl::Time since;
  };
  std::deque<FreedSlot> freed_;
  size_t slot_index_ = 0;
};

}  // namespace breakwater::rules

#endif  // BREAKWATER_EDGE_RULES_RULE_BOOK_H_
