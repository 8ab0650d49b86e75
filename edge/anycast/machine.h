// Decides how an edge stands in BGP, from the results of its checks and from what its operator wants.
//
//   Machine machine(settings);
//   machine.Observe(Machine::kDatapath, true, "ready", now);
//   machine.Observe(1, false, "connection refused", now);      // settings.checks[0]
//   Machine::Decision d = machine.Decide(now);                 // d.want, d.reason, d.look_again
//
// Pure: time is a parameter (monotonic). Nothing about a coordinator comes in here, so its absence changes nothing. Not
// thread-safe.
#ifndef BREAKWATER_EDGE_ANYCAST_MACHINE_H_
#define BREAKWATER_EDGE_ANYCAST_MACHINE_H_

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "edge/anycast/settings.h"

namespace breakwater::anycast {

class Machine {
 public:
  // The check that is always there: the packet filter is in force. Those of the settings follow, from 1 on.
  static constexpr size_t kDatapath = 0;

  struct Check {
    std::string name;
    Presence on_failure = Presence::kWithdrawn;
    bool good = false;  // after rise good results, until fall bad ones follow; not good at the start
    int run = 0;        // results in a row that speak against `good`
    std::string detail = "not known yet";
  };

  struct Decision {
    Presence want = Presence::kWithdrawn;
    std::string reason;                        // why it isn't announced; empty when it is
    bool draining = false;                     // by an operator's or the process's wish
    std::optional<absl::Duration> look_again;  // when the decision changes by time alone
  };

  explicit Machine(const Settings& settings);

  void Observe(size_t check, bool ok, std::string_view detail);
  // De-prefers, and withdraws after drain_wait. off: as the checks say, at once.
  void SetDrain(bool on, std::string_view reason, absl::Duration now);
  // As a drain, with stop_wait, and for good.
  void Stop(absl::Duration now);

  // Takes note of failures, so it has to be called after each Observe.
  Decision Decide(absl::Duration now);

  const std::vector<Check>& checks() const { return checks_; }
  bool drained() const { return drain_since_.has_value(); }

 private:
  void NoteFlap(Presence health, absl::Duration now);

  Settings settings_;
  std::vector<Check> checks_;
  std::optional<absl::Duration> drain_since_;
  std::string drain_reason_;
  std::optional<absl::Duration> stop_since_;
  Presence last_health_ = Presence::kWithdrawn;
  std::deque<absl::Duration> failures_;  // when health fell from announced, within flap_window; at most flap_limit
};

}  // namespace breakwater::anycast

#endif  // BREAKWATER_EDGE_ANYCAST_MACHINE_H_
