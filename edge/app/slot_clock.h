// Cuts time into slots without drift, however late it is asked.
//
//   SlotClock slots(clock);
//   SlotClock::Due due = slots.Take();      // due.count slots ended since the last call, the first at due.first_start
//
// Slots begin at multiples of 100 ms of wall time, so that those of different edges line up. Their time runs on the
// monotonic clock: a wall clock that is set back leaves it alone (no slot comes twice), one that is set forward by more
// than kFollow takes it along. Not thread-safe.
#ifndef BREAKWATER_EDGE_APP_SLOT_CLOCK_H_
#define BREAKWATER_EDGE_APP_SLOT_CLOCK_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/window/slot.h"

namespace breakwater::app {

class SlotClock {
 public:
  // What is later than this is given up: it can no longer be told which slot the traffic belongs to.
  static constexpr int kMaxCatchUp = 100;
  static constexpr absl::Duration kFollow = absl::Seconds(1);

  explicit SlotClock(clock::Clock& clock);

  struct Due {
    int count = 0;  // slots to build now, at most kMaxCatchUp
    absl::Time first_start;
    uint64_t late = 0;     // how many of them ended earlier than they were asked for
    uint64_t skipped = 0;  // slots before first_start that were given up
  };
  // How many have ended and weren't taken.
  int64_t Pending() const;
  Due Take();
  // Until the next slot ends; zero when one has.
  absl::Duration UntilNext() const;

  // The time of slots, leases and attacks.
  absl::Time Now() const;
  // Wall clock minus Now(): negative after it was set back.
  absl::Duration Offset() const { return clock_.Now() - Now(); }

 private:
  void FollowWall();

  clock::Clock& clock_;
  absl::Duration origin_monotonic_;
  absl::Time origin_;      // Now() at origin_monotonic_
  absl::Time next_start_;  // of the slot that runs
};

// One slot's counts divided evenly over `parts` slots that follow each other from slot.start on: what a late look at the
// counters can still say. Returns those from `first` on; over all parts the sums are exact.
std::vector<window::Slot> SpreadSlot(const window::Slot& slot, uint64_t parts, uint64_t first = 0);

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_SLOT_CLOCK_H_
