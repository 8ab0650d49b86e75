// Whether a daemon may be sent work, and why not. The control strand says what it sees; health pages read it from
// their own thread and notice themselves when the strand has stopped.
//
//   health.Set("interfaces", false, "eth0 has disappeared");
//   health.Beat();
//   Health::Report r = health.Read();      // r.ready, r.checks
//
// Thread-safe.
#ifndef BREAKWATER_COMMON_SERVICE_HEALTH_H_
#define BREAKWATER_COMMON_SERVICE_HEALTH_H_

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace breakwater::service {

class Health {
 public:
  // The control strand looks every 100 ms; after this long without a look the daemon isn't ready.
  static constexpr absl::Duration kStalled = absl::Seconds(2);
  // And after this long it isn't alive.
  static constexpr absl::Duration kDead = absl::Seconds(10);

  explicit Health(const clock::Clock& clock) : clock_(clock), last_beat_(clock.Monotonic()) {}

  // A check that fails makes the daemon not ready. Every check counts as failed until it was set.
  void Expect(std::string_view check);
  void Set(std::string_view check, bool ok, std::string_view detail);
  // Something to know that leaves readiness alone; an empty detail takes it back.
  void Note(std::string_view name, std::string_view detail);
  void Beat();

  struct Check {
    std::string name;
    bool ok = false;
    std::string detail;
  };
  struct Report {
    bool alive = false;
    bool ready = false;
    std::vector<Check> checks;       // by name; "control" (the strand runs) among them
    std::vector<std::string> notes;  // "state_file: …"
  };
  Report Read() const;

 private:
  struct State {
    bool ok = false;
    std::string detail = "not known yet";
  };
  const clock::Clock& clock_;
  mutable std::mutex mutex_;
  absl::Duration last_beat_;
  std::map<std::string, State, std::less<>> checks_;
  std::map<std::string, std::string, std::less<>> notes_;
};

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_HEALTH_H_
