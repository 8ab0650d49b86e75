#include "edge/anycast/machine.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::anycast {
namespace {

using ::testing::HasSubstr;

constexpr size_t kGateway = 1;
constexpr size_t kOrigin = 2;

Settings TestSettings() {
  Settings s;
  s.announce = {"anycast4"};
  s.deprefer = {"drain4"};
  s.checks = {
      {.name = "gateway", .url = {}, .address = {}, .path = {}, .host = {}},
      {.name = "origin", .url = {}, .address = {}, .path = {}, .host = {}, .on_failure = Presence::kDeprefered}};
  s.rise = 2;
  s.fall = 3;
  s.drain_wait = absl::Seconds(10);
  s.stop_wait = absl::Seconds(3);
  s.flap_limit = 3;
  s.flap_window = absl::Seconds(60);
  return s;
}

class MachineTest : public testing::Test {
 protected:
  explicit MachineTest(const Settings& settings = TestSettings()) : machine(settings) {}

  void Look(size_t check, bool ok, int times = 1) {
    for (int i = 0; i < times; ++i) machine.Observe(check, ok, ok ? "ok" : "refused");
  }
  void AllGood() {
    for (size_t check = 0; check < 3; ++check) Look(check, true, 2);
  }
  Presence Want() { return machine.Decide(now).want; }

  Machine machine;
  absl::Duration now = absl::Seconds(1000);
};

TEST_F(MachineTest, AnnouncesOnlyOnceEveryCheckIsGood) {
  EXPECT_EQ(Want(), Presence::kWithdrawn);
  Look(Machine::kDatapath, true, 2);
  Look(kGateway, true, 2);
  Look(kOrigin, true, 1);
  EXPECT_EQ(Want(), Presence::kDeprefered);
  EXPECT_THAT(machine.Decide(now).reason, HasSubstr("origin"));
  Look(kOrigin, true, 1);
  EXPECT_EQ(Want(), Presence::kAnnounced);
  EXPECT_EQ(machine.Decide(now).reason, "");
}

TEST_F(MachineTest, FewBadResultsAreNoFailureAndFewGoodOnesNoRecovery) {
  AllGood();
  Look(kGateway, false, 2);
  Look(kGateway, true);
  Look(kGateway, false, 2);
  EXPECT_EQ(Want(), Presence::kAnnounced);
  Look(kGateway, false);
  EXPECT_EQ(Want(), Presence::kWithdrawn);
  EXPECT_EQ(machine.Decide(now).reason, "gateway: refused");
  Look(kGateway, true);
  EXPECT_EQ(Want(), Presence::kWithdrawn);
  Look(kGateway, true);
  EXPECT_EQ(Want(), Presence::kAnnounced);
}

TEST_F(MachineTest, ASharedCauseDePrefersAndTheWorstFailureCounts) {
  AllGood();
  Look(kOrigin, false, 3);
  EXPECT_EQ(Want(), Presence::kDeprefered);
  Look(Machine::kDatapath, false, 3);
  EXPECT_EQ(Want(), Presence::kWithdrawn);
  EXPECT_THAT(machine.Decide(now).reason, HasSubstr("datapath: refused; origin: refused"));
}

TEST_F(MachineTest, ADrainDePrefersWaitsAndWithdraws) {
  AllGood();
  ASSERT_EQ(Want(), Presence::kAnnounced);
  machine.SetDrain(true, "kernel update", now);
  Machine::Decision d = machine.Decide(now);
  EXPECT_EQ(d.want, Presence::kDeprefered);
  EXPECT_TRUE(d.draining);
  EXPECT_EQ(d.reason, "drained: kernel update");
  EXPECT_EQ(d.look_again, now + absl::Seconds(10));
  now += absl::Seconds(9);
  machine.SetDrain(true, "again", now);  // starts nothing anew
  EXPECT_EQ(Want(), Presence::kDeprefered);
  now += absl::Seconds(1);
  EXPECT_EQ(Want(), Presence::kWithdrawn);
  machine.SetDrain(false, "", now);
  d = machine.Decide(now);
  EXPECT_EQ(d.want, Presence::kAnnounced);
  EXPECT_FALSE(d.draining);
}

TEST_F(MachineTest, AFailureDuringADrainWithdrawsAtOnce) {
  AllGood();
  machine.SetDrain(true, "", now);
  Look(kGateway, false, 3);
  EXPECT_EQ(Want(), Presence::kWithdrawn);
}

TEST_F(MachineTest, StoppingCantBeTakenBack) {
  AllGood();
  machine.Stop(now);
  EXPECT_EQ(Want(), Presence::kDeprefered);
  now += absl::Seconds(3);
  machine.Stop(now);
  machine.SetDrain(false, "", now);
  EXPECT_EQ(Want(), Presence::kWithdrawn);
}

TEST_F(MachineTest, AFlappingEdgeStaysLessPreferredUntilItsWindowIsOver) {
  AllGood();
  ASSERT_EQ(Want(), Presence::kAnnounced);
  for (int flap = 0; flap < 3; ++flap) {
    Look(kGateway, false, 3);
    EXPECT_EQ(Want(), Presence::kWithdrawn);
    Look(kGateway, true, 2);
    EXPECT_EQ(Want(), flap < 2 ? Presence::kAnnounced : Presence::kDeprefered) << flap;
    now += absl::Seconds(5);
  }
  const Machine::Decision d = machine.Decide(now);
  EXPECT_THAT(d.reason, HasSubstr("failed 3 times"));
  ASSERT_TRUE(d.look_again);
  EXPECT_EQ(*d.look_again, absl::Seconds(1060));  // the first of the three leaves the window
  now = *d.look_again;
  EXPECT_EQ(Want(), Presence::kAnnounced);
}

class WithoutDePreference : public MachineTest {
 protected:
  WithoutDePreference()
      : MachineTest([] {
          Settings s = TestSettings();
          s.deprefer.clear();
          s.flap_limit = 1;
          return s;
        }()) {}
};

TEST_F(WithoutDePreference, AFlappingEdgeIsWithdrawn) {
  AllGood();
  ASSERT_EQ(Want(), Presence::kAnnounced);
  Look(kGateway, false, 3);
  ASSERT_EQ(Want(), Presence::kWithdrawn);
  Look(kGateway, true, 2);
  EXPECT_EQ(Want(), Presence::kWithdrawn);
  now += absl::Seconds(60);
  EXPECT_EQ(Want(), Presence::kAnnounced);
}

}  // namespace
}  // namespace breakwater::anycast
