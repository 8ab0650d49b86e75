// Time as an interface, so that tests decide what time it is.
//
//   clock::Clock& c = clock::SystemClock();
//   absl::Duration before = c.Monotonic();
//
//   clock::FakeClock fake(absl::FromUnixSeconds(1700000000));
//   fake.Advance(absl::Milliseconds(100));
//
// Thread-safe.
#ifndef BREAKWATER_COMMON_CLOCK_CLOCK_H_
#define BREAKWATER_COMMON_CLOCK_CLOCK_H_

#include <mutex>

#include "absl/time/time.h"

namespace breakwater::clock {

class Clock {
 public:
  virtual ~Clock() = default;
  // What people call the time. Can jump in both directions.
  virtual absl::Time Now() const = 0;
  // Since some fixed moment; never goes back and doesn't follow changes of the wall clock.
  virtual absl::Duration Monotonic() const = 0;
};

// CLOCK_REALTIME and CLOCK_MONOTONIC. Lives as long as the program.
Clock& SystemClock();

class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time now) : now_(now) {}
  absl::Time Now() const override;
  absl::Duration Monotonic() const override;
  // Both clocks; d >= 0.
  void Advance(absl::Duration d);
  // The wall clock alone, as NTP or an administrator would; d may be negative.
  void StepWall(absl::Duration d);

 private:
  mutable std::mutex mutex_;
  absl::Time now_;
  absl::Duration monotonic_ = absl::Seconds(1000);
};

}  // namespace breakwater::clock

#endif  // BREAKWATER_COMMON_CLOCK_CLOCK_H_
