#include "edge/app/slot_clock.h"

#include "gtest/gtest.h"

namespace breakwater::app {
namespace {

const absl::Time kStart = absl::FromUnixMillis(1700000000050);

TEST(SlotClock, SlotsLieOnMultiplesOfTheirLength) {
  clock::FakeClock clock(kStart);
  SlotClock slots(clock);
  EXPECT_EQ(slots.Take().count, 0);
  EXPECT_EQ(slots.UntilNext(), absl::Milliseconds(50));
  clock.Advance(absl::Milliseconds(50));
  const SlotClock::Due due = slots.Take();
  EXPECT_EQ(due.count, 1);
  EXPECT_EQ(due.first_start, absl::FromUnixMillis(1700000000000));
  EXPECT_EQ(due.late, 0u);
  EXPECT_EQ(slots.UntilNext(), absl::Milliseconds(100));
}

TEST(SlotClock, LateTicksDoNotDrift) {
  clock::FakeClock clock(kStart);
  SlotClock slots(clock);
  absl::Time expected = absl::FromUnixMillis(1700000000000);
  int total = 0;
  // Each look is 7 ms late, which must not add up.
  for (int i = 0; i < 1000; ++i) {
    clock.Advance(slots.UntilNext() + absl::Milliseconds(7));
    const SlotClock::Due due = slots.Take();
    ASSERT_EQ(due.first_start, expected);
    expected += due.count * window::kSlotLength;
    total += due.count;
  }
  EXPECT_EQ(total, 1000);
}

TEST(SlotClock, ALateLookTakesAllSlotsOfTheGap) {
  clock::FakeClock clock(kStart);
  SlotClock slots(clock);
  clock.Advance(absl::Milliseconds(350));
  EXPECT_EQ(slots.Pending(), 4);
  const SlotClock::Due due = slots.Take();
  EXPECT_EQ(due.count, 4);
  EXPECT_EQ(due.late, 3u);
  EXPECT_EQ(due.skipped, 0u);
  EXPECT_EQ(slots.Pending(), 0);
}

TEST(SlotClock, WhatIsTooLateIsGivenUpAndCounted) {
  clock::FakeClock clock(kStart);
  SlotClock slots(clock);
  clock.Advance(absl::Seconds(60));
  const SlotClock::Due due = slots.Take();
  EXPECT_EQ(due.count, 100);
  EXPECT_EQ(due.skipped, 500u);
  EXPECT_EQ(due.first_start, absl::FromUnixMillis(1700000050000));
}

TEST(SlotClock, AWallClockThatIsSetBackRepeatsNoSlot) {
  clock::FakeClock clock(kStart);
  SlotClock slots(clock);
  clock.Advance(absl::Seconds(1));
  const SlotClock::Due before = slots.Take();
  clock.StepWall(-absl::Hours(1));
  clock.Advance(absl::Milliseconds(100));
  const SlotClock::Due after = slots.Take();
  EXPECT_EQ(after.count, 1);
  EXPECT_EQ(after.first_start, before.first_start + before.count * window::kSlotLength);
  EXPECT_EQ(slots.Offset(), -absl::Hours(1));
}

TEST(SlotClock, AWallClockThatIsSetForwardIsFollowed) {
  clock::FakeClock clock(kStart);
  SlotClock slots(clock);
  clock.Advance(absl::Seconds(1));
  slots.Take();
  clock.StepWall(absl::Hours(1));
  clock.Advance(absl::Milliseconds(100));
  EXPECT_EQ(slots.Take().count, 1);  // still the old time
  clock.Advance(absl::Milliseconds(100));
  const SlotClock::Due due = slots.Take();
  EXPECT_EQ(due.count, 1);
  EXPECT_EQ(due.skipped, 0u);
  EXPECT_EQ(due.first_start, absl::FromUnixMillis(1700000000000) + absl::Hours(1) + absl::Milliseconds(1100));
  EXPECT_LT(absl::AbsDuration(slots.Offset()), window::kSlotLength);
}

TEST(SpreadSlot, SumsStayExactAndRatesEven) {
  window::Slot slot;
  slot.start = kStart;
  const window::TargetVector key{window::Target::Host(*net::IpAddress::Parse("203.0.113.7")), BW_VECTOR_TCP_SYN};
  slot.traffic[key] = {.packets = 1001, .bytes = 40040, .dropped_packets = 2, .dropped_bytes = 80};
  slot.other[BW_VECTOR_UDP_DNS].packets = 5;
  slot.rules["r"] = {.matched_packets = 10, .matched_bytes = 100, .dropped_packets = 1, .dropped_bytes = 10};
  const std::vector<window::Slot> parts = SpreadSlot(slot, 3);
  ASSERT_EQ(parts.size(), 3u);
  window::Counts traffic;
  window::Counts other;
  window::RuleCounts rule;
  for (size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i].start, kStart + i * window::kSlotLength);
    traffic += parts[i].traffic.at(key);
    other += parts[i].other[BW_VECTOR_UDP_DNS];
    rule += parts[i].rules.at("r");
    EXPECT_NEAR(static_cast<double>(parts[i].traffic.at(key).packets), 1001.0 / 3, 2);
  }
  EXPECT_EQ(traffic, slot.traffic.at(key));
  EXPECT_EQ(other, slot.other[BW_VECTOR_UDP_DNS]);
  EXPECT_EQ(rule, slot.rules.at("r"));
}

TEST(SpreadSlot, ALongStopLeavesNoFloodInItsLastSlot) {
  window::Slot slot;
  slot.start = kStart;
  slot.other[BW_VECTOR_UDP_DNS].packets = 1500000;
  constexpr uint64_t kDay = 864000;
  const std::vector<window::Slot> parts = SpreadSlot(slot, kDay, kDay - 100);
  ASSERT_EQ(parts.size(), 100u);
  EXPECT_EQ(parts.back().start, kStart + window::kSlotLength * (kDay - 1));
  for (const window::Slot& part : parts) EXPECT_LE(part.other[BW_VECTOR_UDP_DNS].packets, 2u);
}

TEST(SpreadSlot, OneIsTheSlotItself) {
  window::Slot slot;
  slot.start = kStart;
  slot.rules["r"].matched_packets = 10;
  const std::vector<window::Slot> parts = SpreadSlot(slot, 1);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].rules.at("r").matched_packets, 10u);
}

}  // namespace
}  // namespace breakwater::app
