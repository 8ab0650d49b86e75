// Keeps BIRD as the edge's health says: one thread that runs the checks, asks the machine and talks to BIRD.
//
//   auto runner = Runner::Start(settings, {clock, registry, [&] { return DatapathHealth{…}; }, "/var/lib/…/drained"});
//   runner->Drain(true, "kernel update");
//   Report report = runner->Read();           // report.presence, report.reason
//   runner->Stop();                           // de-prefers, waits, withdraws
//
// Thread-safe. Nothing in it ever waits for a peer but its own thread's poll(); every conversation has a deadline.
#ifndef BREAKWATER_EDGE_ANYCAST_RUNNER_H_
#define BREAKWATER_EDGE_ANYCAST_RUNNER_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "edge/anycast/bird.h"
#include "edge/anycast/machine.h"
#include "edge/anycast/metrics.h"
#include "edge/anycast/probe.h"
#include "edge/anycast/settings.h"

namespace breakwater::anycast {

struct Report {
  Presence presence = Presence::kWithdrawn;  // as BIRD said last
  bool confirmed = false;                    // BIRD answered its last question, and everything is as wanted
  Presence wanted = Presence::kWithdrawn;
  bool draining = false;
  std::string reason;  // why it isn't announced, or why it isn't as wanted; empty when all is well
  std::vector<Machine::Check> checks;
};

struct DatapathHealth {
  bool ready = false;
  std::string detail;
};

class Runner {
 public:
  struct Parts {
    const clock::Clock& clock;
    metrics::Registry& registry;
    std::function<DatapathHealth()> datapath;  // called on the runner's thread
    // Holds the reason while the edge is drained, so that a restart doesn't announce it; empty = not remembered.
    std::string drain_file;
  };

  // How long one conversation with BIRD may take.
  static constexpr absl::Duration kBirdTimeout = absl::Seconds(1);
  static constexpr size_t kMaxReason = 256;  // bytes

  // settings.enabled() has to hold.
  static absl::StatusOr<std::unique_ptr<Runner>> Start(const Settings& settings, Parts parts);
  // Ends the thread at once and leaves BIRD as it is.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Errors: the wish can't be remembered on disk; it holds all the same until the process ends.
  absl::Status Drain(bool on, std::string_view reason);
  Report Read() const;
  // Returns when BIRD has withdrawn, at most kBirdTimeout * 2 after settings.stop_wait.
  void Stop();

 private:
  struct Running;  // a conversation under way

  Runner(const Settings& settings, Parts parts, int wake_fd);
  void Run();
  // All of these run on the thread.
  void StartRound(absl::Duration now);
  void TakeWishes(absl::Duration now);
  void TakeResults(absl::Duration now);
  void OnBird(const absl::Status& status, const Reconcile& talk, absl::Duration now);
  void Wait(absl::Duration now);
  void Decide(absl::Duration now);
  void Publish();
  void Wake() const;

  const Settings settings_;
  const Parts parts_;
  const int wake_fd_;
  const log::Logger log_{"anycast"};
  Metrics metrics_;
  Machine machine_;
  Machine::Decision decision_;
  Presence observed_ = Presence::kWithdrawn;
  std::string bird_problem_ = "BIRD wasn't asked yet";
  bool bird_absent_ = false;  // nobody listens at its socket
  absl::Duration next_round_;
  absl::Duration next_bird_;                      // not before; after a failure it is tried again once a round
  std::vector<std::unique_ptr<Running>> probes_;  // by check; null when none is under way
  std::unique_ptr<Running> bird_;

  mutable std::mutex mutex_;
  std::condition_variable stopped_changed_;
  Report report_;
  std::optional<std::pair<bool, std::string>> drain_wish_;
  bool stop_wish_ = false;
  bool withdrawn_after_stop_ = false;
  bool quit_ = false;
  std::thread thread_;
};

// For a process that is gone: withdraws whatever it announced. Errors: BIRD doesn't say that it is withdrawn.
absl::Status WithdrawNow(const Settings& settings, absl::Duration limit);

}  // namespace breakwater::anycast

#endif  // BREAKWATER_EDGE_ANYCAST_RUNNER_H_
