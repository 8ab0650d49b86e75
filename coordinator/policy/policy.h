// Which rules there shall be: what operators ask for, what edges' detectors found (consolidated and spread as armed), and
// what the coordinator's own detector proposes.
//
//   Policy policy(PolicyOptions{.guards = guards});
//   absl::StatusOr<EntryPtr> entry = policy.Create(request, "alice", now);   // staged
//   for (const Change& c : policy.Staged()) ...                              // write them down, then
//   policy.Accept();                                                         // or Rollback(): as if nothing had been asked
//
// Changes are staged until they are accepted or rolled back, all of them together; what is staged counts for everything
// that is asked meanwhile. What edges say is hostile: validated, bounded in number per edge. Not thread-safe; memory is
// bounded by max_rules and by the number of edges times kMaxLocalPerEdge.
#ifndef BREAKWATER_COORDINATOR_POLICY_POLICY_H_
#define BREAKWATER_COORDINATOR_POLICY_POLICY_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "breakwater/v1/admin.pb.h"
#include "breakwater/v1/fleet.pb.h"
#include "common/net/ip.h"
#include "common/rule/guard.h"
#include "common/rule/rule.h"

namespace breakwater::policy {

struct PolicyOptions {
  std::string coordinator_id = "coordinator";
  rule::GuardList guards;
  double confirm_share = 0.1;     // of the threshold of the attack, at which an armed rule enforces on an edge
  double confirm_floor_pps = 50;  // and no less than this
  absl::Duration lease = absl::Minutes(5);
  size_t max_rules = 10000;
  size_t max_automatic_rules = 1000;  // part of max_rules
};

// One rule as it shall be. Immutable: a changed rule is another entry.
struct Entry {
  rule::Rule rule;
  std::string created_by;
  absl::Time created;
};
using EntryPtr = std::shared_ptr<const Entry>;

// The rule of that id before and after; null = not there. Never both.
struct Change {
  std::string id;
  EntryPtr before;
  EntryPtr after;
  // Whether edges get to see the same but for the expiry.
  bool RenewsOnly() const;
};

// A signature of the coordinator's detector.
struct Proposed {
  std::string rule_id;
  std::string attack_id;
  net::IpPrefix target;
  rule::ExprPtr match;
  double threshold_pps = 0;
};

// What an edge's LocalRule came to.
struct LocalOutcome {
  EntryPtr entry;       // the rule that stands for it; null when the edge took its own back
  bool spread = false;  // a new rule was staged for all edges
  std::string evicted;  // id of the rule that made place
};

class Policy {
 public:
  static constexpr size_t kMaxLocalPerEdge = 128;  // rules of its own that an edge may have here at once
  static constexpr int32_t kAutomaticPriority = 2000;
  static constexpr size_t kMaxSuppressed = 1024;
  static constexpr size_t kMaxMatchBytes = size_t{16} << 20;  // of all rules' canonical texts

  explicit Policy(PolicyOptions options);

  // A rule as it was kept; before anything else. It may have expired: Maintain removes it.
  absl::Status Restore(Entry entry);

  // Operators. Errors say what to change: InvalidArgument (a Refusal inside), AlreadyExists, NotFound, ResourceExhausted.
  // With dry_run nothing is staged. make_id is asked for an id when none is given.
  absl::StatusOr<EntryPtr> Create(const v1::CreateRuleRequest& request, std::string_view actor, absl::Time now);
  // What is deleted by a person isn't made again by a detector for a lease's time.
  absl::StatusOr<EntryPtr> Delete(std::string_view id, absl::Time now);
  // A block of the same source is renewed.
  absl::StatusOr<EntryPtr> Block(const v1::BlockRequest& request, std::string_view actor, absl::Time now);
  // Ids of the blocks inside that source.
  absl::StatusOr<std::vector<std::string>> Unblock(std::string_view source);

  // An edge's own rule; `protects` are that edge's prefixes and attack_id the record it belongs to. Errors: what is wrong
  // with the rule, or too many of them.
  absl::StatusOr<LocalOutcome> OnLocalRule(std::string_view edge, std::span<const net::IpPrefix> protects,
                                           const v1::LocalRule& message, std::string_view attack_id, absl::Time now);
  // The rule that stands for an edge's own one; empty for none.
  std::string StandsFor(std::string_view edge, std::string_view local_id) const;
  // Whether the edge enforces this rule, or the same under its own id, by its own decision.
  bool HeldBy(std::string_view id, std::string_view edge) const;
  void ForgetEdge(std::string_view edge);

  // The coordinator's detector. `protects` are the prefixes of all edges.
  absl::StatusOr<EntryPtr> Propose(const Proposed& proposed, std::span<const net::IpPrefix> protects, absl::Time now);
  // By the id that was proposed. Null when there is no such rule, or an edge's stands for it.
  EntryPtr Reject(std::string_view proposed_id);

  // Stages the removal of detectors' rules that must not be, since the guards or limits are others than they were made
  // under; their ids.
  std::vector<std::string> DropUnusable(absl::Time now);

  // What windows counted, in packets, over all edges.
  void OnMatched(std::string_view id, uint64_t matched, uint64_t dropped, absl::Time now);

  // Stages the removal of what has expired and the renewal of leases that are still needed, at most `most` changes.
  // active: whether that attack's record is.
  void Maintain(absl::Time now, const std::function<bool(std::string_view attack_id)>& active, size_t most);

  // Staged changes, by id.
  std::vector<Change> Staged() const;
  size_t staged() const { return undo_.size(); }
  void Accept();
  void Rollback();

  EntryPtr Find(std::string_view id) const;
  const std::map<std::string, EntryPtr, std::less<>>& rules() const { return rules_; }
  size_t automatic() const { return automatic_; }
  const PolicyOptions& options() const { return options_; }

 private:
  struct Activity {
    absl::Time last_match = absl::InfinitePast();
    double dropped_pps = 0;  // smoothed over ten seconds
    absl::Time updated = absl::InfinitePast();
  };
  struct Suppressed {
    std::string key;
    absl::Time until;
  };

  void Set(const std::string& id, EntryPtr entry);
  absl::Status CheckRoom(const rule::Rule& rule) const;
  absl::Status CheckUsable(const rule::Rule& rule, absl::Time now) const;
  absl::StatusOr<rule::Rule> FromFile(const v1::CreateRuleRequest& request, absl::Time now) const;
  absl::StatusOr<rule::Rule> FromRequest(const v1::CreateRuleRequest& request, absl::Time now);
  uint64_t ConfirmPps(double threshold_pps) const;
  bool IsSuppressed(const std::string& key, absl::Time now);
  double DroppedPps(std::string_view id, absl::Time now) const;
  // Makes place for one more automatic rule of `by`; the id of the one that had to go, or an error when all do more. Whoever
  // has fewer rules than `by` loses none, so that one edge can't push out the others'.
  absl::StatusOr<std::string> MakeRoom(std::string_view by, double pps, absl::Time now);
  absl::StatusOr<EntryPtr> Spread(rule::Rule rule, std::string_view by, double threshold_pps, double pps,
                                  absl::Time now, std::string* evicted);
  std::string FreeId(std::string_view wanted) const;

  PolicyOptions options_;
  std::map<std::string, EntryPtr, std::less<>> rules_;
  std::map<std::string, EntryPtr, std::less<>> undo_;           // staged ids -> the entry before, null for none
  std::map<std::string, std::string, std::less<>> by_meaning_;  // of automatic rules: action and match -> id
  size_t automatic_ = 0;
  size_t match_bytes_ = 0;
  std::map<std::string, Activity, std::less<>> activity_;
  // edge -> its own rule's id -> the id that stands for it
  std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> local_;
  std::map<std::string, std::string, std::less<>> renamed_;  // proposed id -> the rule's, where that was taken
  std::deque<Suppressed> suppressed_;
  uint64_t next_id_ = 0;
};

}  // namespace breakwater::policy

#endif  // BREAKWATER_COORDINATOR_POLICY_POLICY_H_
