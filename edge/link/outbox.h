// What an edge has to say in its control session: the latest of everything, never a queue of what once was.
//
//   Outbox outbox;
//   outbox.Put(attack_report);                     // replaces what waits of the same attack
//   outbox.SessionBegins(first_messages);          // everything that still holds is said again
//   while (auto message = outbox.Next(now)) Write(*message);
//
// Bounded by what an edge can hold at once: attacks, its own rules, exceptions, one heartbeat. Ended attacks and removed
// rules stay for kRemember, so that they are told also when the session was down or broke while they were said; whoever
// hears them twice finds the same. Attacks and rules are said at a pace that a coordinator takes from one edge. Not
// thread-safe.
#ifndef BREAKWATER_EDGE_LINK_OUTBOX_H_
#define BREAKWATER_EDGE_LINK_OUTBOX_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "breakwater/v1/fleet.pb.h"

namespace breakwater::link {

class Outbox {
 public:
  static constexpr size_t kMaxAttacks = 1024;
  static constexpr size_t kMaxRules = 1024;
  static constexpr absl::Duration kRemember = absl::Minutes(10);
  // So many at once after a quiet time, and per second.
  static constexpr double kAttackBurst = 256, kAttackRate = 256;
  static constexpr double kRuleBurst = 64, kRuleRate = 8;

  // now: monotonic.
  void Put(v1::AttackReport report, absl::Duration now);
  void Put(v1::LocalRule rule, absl::Duration now);
  // All exceptions as they are; only what changed is said.
  void PutExceptions(const std::vector<v1::RuleStatus>& all);

  // A session has begun: Hello has carried the rejected ones of Exceptions(), everything else is said again.
  void SessionBegins(absl::Duration now);
  const std::map<std::string, v1::RuleStatus>& Exceptions() const { return exceptions_; }

  std::optional<v1::EdgeMessage> Next(absl::Duration now);
  // When Next has something: now, or once the pace allows it; InfiniteDuration when nothing waits.
  absl::Duration NextAt(absl::Duration now) const;

 private:
  template <typename T>
  struct Item {
    T value;
    bool waits = true;
    std::optional<absl::Duration> over_since;
  };
  template <typename T>
  using Items = std::map<std::string, Item<T>>;

  template <typename T>
  static void Store(Items<T>& items, const std::string& id, T value, bool over, size_t limit, absl::Duration now);
  template <typename T>
  static void Refresh(Items<T>& items, absl::Duration now);
  template <typename T>
  static const T* TakeOne(Items<T>& items);

  // Full at the start; monotonic.
  struct Pace {
    double burst;
    double rate;
    double tokens;
    absl::Duration at;
    double At(absl::Duration now) const;
    void Take(absl::Duration now);
    absl::Duration NextAt(absl::Duration now) const;
  };

  Items<v1::AttackReport> attacks_;
  Items<v1::LocalRule> rules_;
  std::map<std::string, v1::RuleStatus> exceptions_;
  std::map<std::string, v1::RuleStatus> changed_;  // statuses to say
  Pace attack_pace_{kAttackBurst, kAttackRate, kAttackBurst, absl::ZeroDuration()};
  Pace rule_pace_{kRuleBurst, kRuleRate, kRuleBurst, absl::ZeroDuration()};
};

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_OUTBOX_H_
