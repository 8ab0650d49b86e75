#include "common/clock/clock.h"

#include "gtest/gtest.h"

namespace breakwater::clock {
namespace {

TEST(Clock, SystemClockMovesForward) {
  Clock& c = SystemClock();
  const absl::Duration a = c.Monotonic();
  const absl::Duration b = c.Monotonic();
  EXPECT_LE(a, b);
  EXPECT_GT(c.Now(), absl::FromUnixSeconds(1600000000));
}

TEST(Clock, FakeClockMovesOnlyWhenTold) {
  FakeClock c(absl::FromUnixSeconds(100));
  const absl::Duration before = c.Monotonic();
  EXPECT_EQ(c.Now(), absl::FromUnixSeconds(100));
  c.Advance(absl::Seconds(5));
  EXPECT_EQ(c.Now(), absl::FromUnixSeconds(105));
  EXPECT_EQ(c.Monotonic() - before, absl::Seconds(5));
}

TEST(Clock, SteppingTheWallLeavesTheMonotonicClock) {
  FakeClock c(absl::FromUnixSeconds(100));
  const absl::Duration before = c.Monotonic();
  c.StepWall(-absl::Seconds(50));
  EXPECT_EQ(c.Now(), absl::FromUnixSeconds(50));
  EXPECT_EQ(c.Monotonic(), before);
}

}  // namespace
}  // namespace breakwater::clock
