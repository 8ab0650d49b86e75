#include "common/clock/clock.h"

#include <ctime>

namespace breakwater::clock {
namespace {

class System : public Clock {
 public:
  absl::Time Now() const override { return absl::TimeFromTimespec(Read(CLOCK_REALTIME)); }
  absl::Duration Monotonic() const override { return absl::DurationFromTimespec(Read(CLOCK_MONOTONIC)); }

 private:
  static timespec Read(clockid_t id) {
    timespec ts{};
    clock_gettime(id, &ts);
    return ts;
  }
};

}  // namespace

Clock& SystemClock() {
  static System system;
  return system;
}

absl::Time FakeClock::Now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

absl::Duration FakeClock::Monotonic() const {
  std::lock_guard lock(mutex_);
  return monotonic_;
}

void FakeClock::Advance(absl::Duration d) {
  std::lock_guard lock(mutex_);
  now_ += d;
  monotonic_ += d;
}

void FakeClock::StepWall(absl::Duration d) {
  std::lock_guard lock(mutex_);
  now_ += d;
}

}  // namespace breakwater::clock
