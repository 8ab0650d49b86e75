// Every rule this edge knows, with its state, its lease, its counts and its stable counter slot.
//
//   RuleBook book(Limits{.max_reflex = 128});
//   absl::Status s = book.Add(rule, target, guards, now);   // received, then validated or refused with the reason
//   Ruleset part = book.Entries();                          // what goes to the datapath
//   book.Count(slot, now);                                  // matching, and leases renewed
//
// Operators' rules that are refused stay listed with their reason; automatic ones are only reported and forgotten.
// Not thread-safe.
#ifndef BREAKWATER_EDGE_RULES_RULE_BOOK_H_
#define BREAKWATER_EDGE_RULES_RULE_BOOK_H_

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
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

struct RuleView {
  rule::Rule rule;
  RuleState state = RuleState::kReceived;
  std::string detail;  // why refused, or why not installed yet
  uint32_t counter_slot = 0;
  window::RuleCounts total;  // since the rule was made
  double matched_pps = 0;    // over the last second
  absl::Time last_match = absl::InfinitePast();
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

  explicit RuleBook(Limits limits) : limits_(limits) {}

  // Validates and takes a rule. Refusals: an id that exists, validation, guards, undecidable in the datapath, over the
  // number of rules or counter slots.
  absl::Status Add(const rule::Rule& rule, const rule::GuardList& guards, absl::Time now);
  // As Add, in the counter slot it had before; for rules saved on disk.
  absl::Status Restore(const SavedRule& saved, const rule::GuardList& guards, absl::Time now);
  // Keeps a refused operator's rule in the list, so that people see why it isn't in force.
  void AddRefused(const rule::Rule& rule, const absl::Status& why);

  bool Contains(std::string_view id) const { return entries_.contains(std::string(id)); }
  // Whether the rule's lease now ends later than that.
  bool ExpiresAfter(std::string_view id, absl::Time time) const;
  // False when there is no such rule, or it had that mode already.
  bool SetMode(std::string_view id, rule::Mode mode);
  // Extends the time until which the rule's own matching may renew its lease.
  void Reconfirm(std::string_view id, absl::Time until);
  bool Remove(std::string_view id, absl::Time now);

  // Adds what rules matched in a slot. An enforcing automatic rule that matched has its lease renewed to now + lease,
  // but not beyond what Reconfirm allows.
  void Count(const window::Slot& slot, absl::Time now, absl::Duration lease);
  // Removes rules whose expiry has come and returns them.
  std::vector<rule::Rule> RemoveExpired(absl::Time now);

  // States after an install: refused ones are kept (operators') or removed (automatic); returns the removed ids.
  std::vector<std::string> ApplyReport(const datapath::InstallReport& report, absl::Time now);
  void ApplyFailure(const absl::Status& status);

  std::vector<datapath::RuleEntry> Entries() const;
  std::vector<SavedRule> Saved() const;  // automatic rules in force
  std::vector<RuleView> Views(absl::Time now) const;
  std::string RuleOfSlot(uint32_t counter_slot) const;

 private:
  struct Entry {
    RuleView view;
    absl::Time renewable_until = absl::InfinitePast();
    // Matched packets of the last ten slots, for the rate.
    std::array<uint64_t, window::kSlotsPerWindow> recent{};
  };

  absl::StatusOr<uint32_t> TakeSlot(absl::Time now);
  absl::Status Check(const rule::Rule& rule, const rule::GuardList& guards, absl::Time now) const;

  Limits limits_;
  std::map<std::string, Entry, std::less<>> entries_;
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
