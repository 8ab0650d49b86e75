#include "edge/link/window_queue.h"

#include <gtest/gtest.h>

#include "common/window/testing.h"
#include "common/window/window_wire.h"

namespace breakwater::link {
namespace {

constexpr uint64_t kBoot = 77;
const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000 / 64 * 64);
const window::Target kHost = window::Target::Host(*net::IpAddress::Parse("203.0.113.7"));

window::Window At(int second, uint64_t sequence, uint64_t packets) {
  window::Window w;
  w.id = {kBoot, sequence, sequence};
  w.start = kStart + absl::Seconds(second);
  w.slots.resize(window::kSlotsPerWindow);
  for (int i = 0; i < window::kSlotsPerWindow; ++i)
    w.slots[static_cast<size_t>(i)].start = w.start + window::kSlotLength * i;
  w.slots[0].traffic[{kHost, BW_VECTOR_TCP_SYN}] = {.packets = packets, .bytes = packets * 40};
  return w;
}

v1::TelemetryDown Down(uint64_t credits, uint64_t through = 0, uint32_t interval_ms = 0) {
  v1::TelemetryDown down;
  down.mutable_ack()->set_boot_id(kBoot);
  down.mutable_ack()->set_through_sequence(through);
  down.mutable_credits()->set_bytes(credits);
  down.mutable_credits()->set_min_interval_ms(interval_ms);
  return down;
}

uint64_t Packets(const v1::TelemetryUp& up) {
  uint64_t sum = 0;
  for (const v1::Window& w : up.windows()) {
    const absl::StatusOr<window::Window> read = window::FromProto(w);
    EXPECT_TRUE(read.ok()) << read.status();
    if (!read.ok()) continue;
    for (const window::Slot& slot : read->slots) sum += window::Totals(slot)[BW_VECTOR_TCP_SYN].packets;
  }
  return sum;
}

TEST(WindowQueue, SendsUnderCreditsAndKeepsUntilAcknowledged) {
  WindowQueue queue({}, kBoot);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.Push(At(i, static_cast<uint64_t>(i) + 1, 10)).ok());
  EXPECT_FALSE(queue.Next(absl::ZeroDuration(), 0)) << "no credit yet";
  EXPECT_EQ(queue.NextAt(), absl::InfiniteDuration());
  ASSERT_TRUE(queue.Take(Down(1 << 20, 0, 100)).ok());
  const auto first = queue.Next(absl::Seconds(5), 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->windows_size(), 3);
  ASSERT_TRUE(queue.Push(At(3, 4, 10)).ok());
  EXPECT_FALSE(queue.Next(absl::Seconds(5), 0)) << "the pace is 100 ms";
  EXPECT_EQ(queue.NextAt(), absl::Seconds(5.1));
  EXPECT_TRUE(queue.Next(absl::Seconds(5.1), 0));
  ASSERT_TRUE(queue.Take(Down(0, 2)).ok());
  EXPECT_EQ(queue.stats().windows, 2u);
  EXPECT_FALSE(queue.Take(Down(0, 5)).ok()) << "never sent";
  EXPECT_EQ(queue.stats().windows, 2u);
}

// What goes out is charged as the coordinator counts it, so credits don't leak away over days.
TEST(WindowQueue, CreditsComeBackInFull) {
  WindowQueue queue({}, kBoot);
  constexpr uint64_t kGranted = 4096;
  ASSERT_TRUE(queue.Take(Down(kGranted)).ok());
  for (uint64_t i = 1; i <= 5000; ++i) {
    ASSERT_TRUE(queue.Push(At(static_cast<int>(i), i, 10)).ok());
    const auto up = queue.Next(absl::ZeroDuration(), 0);
    ASSERT_TRUE(up) << "stalled at window " << i;
    ASSERT_TRUE(queue.Take(Down(up->ByteSizeLong(), i)).ok());
  }
}

TEST(WindowQueue, AfterALostStreamTheRestIsSentAgainAsItWas) {
  WindowQueue queue({}, kBoot);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(queue.Push(At(i, static_cast<uint64_t>(i) + 1, 10)).ok());
  ASSERT_TRUE(queue.Take(Down(1 << 20)).ok());
  const auto first = queue.Next(absl::ZeroDuration(), 0);
  ASSERT_TRUE(first);
  queue.StreamEnded();
  EXPECT_FALSE(queue.Next(absl::Seconds(1), 0)) << "credits end with their stream";
  ASSERT_TRUE(queue.Take(Down(1 << 20, 2)).ok());
  const auto again = queue.Next(absl::Seconds(1), 0);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->windows_size(), 2);
  EXPECT_EQ(again->windows(0).SerializeAsString(), first->windows(2).SerializeAsString());
}

TEST(WindowQueue, OverItsBoundNeighboursMergeAndNoCountIsLost) {
  WindowQueue queue({.bytes = 1 << 20, .windows = 8}, kBoot);
  uint64_t packets = 0;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(queue.Push(At(i, static_cast<uint64_t>(i) + 1, 10)).ok());
    packets += 10;
    EXPECT_LE(queue.stats().windows, 8u);
  }
  EXPECT_GT(queue.stats().merged, 150u);
  EXPECT_EQ(queue.stats().lost, 0u);
  ASSERT_TRUE(queue.Take(Down(1 << 30)).ok());
  const auto up = queue.Next(absl::ZeroDuration(), 0);
  ASSERT_TRUE(up);
  EXPECT_EQ(Packets(*up), packets);
  EXPECT_EQ(up->windows(0).first_sequence(), 1u);
  EXPECT_EQ(up->windows(up->windows_size() - 1).last_sequence(), 200u);
}

TEST(WindowQueue, PartsOfOneSecondMergeFirst) {
  WindowQueue queue({.bytes = 1 << 20, .windows = 2}, kBoot);
  ASSERT_TRUE(queue.Push(At(0, 1, 10)).ok());
  ASSERT_TRUE(queue.Push(At(1, 2, 10)).ok());
  ASSERT_TRUE(queue.Push(At(1, 3, 10)).ok());
  ASSERT_TRUE(queue.Take(Down(1 << 20)).ok());
  const auto up = queue.Next(absl::ZeroDuration(), 0);
  ASSERT_TRUE(up);
  ASSERT_EQ(up->windows_size(), 2);
  EXPECT_EQ(up->windows(1).first_sequence(), 2u);
  EXPECT_EQ(up->windows(1).last_sequence(), 3u);
  EXPECT_EQ(up->windows(1).slot_ms(), 100u);
}

TEST(WindowQueue, WhatWasSentIsNeverMerged) {
  WindowQueue queue({.bytes = 1 << 20, .windows = 4}, kBoot);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(queue.Push(At(i, static_cast<uint64_t>(i) + 1, 10)).ok());
  ASSERT_TRUE(queue.Take(Down(1 << 20)).ok());
  ASSERT_TRUE(queue.Next(absl::ZeroDuration(), 0));
  queue.StreamEnded();
  for (int i = 4; i < 12; ++i) ASSERT_TRUE(queue.Push(At(i, static_cast<uint64_t>(i) + 1, 10)).ok());
  ASSERT_TRUE(queue.Take(Down(1 << 20)).ok());
  const auto up = queue.Next(absl::ZeroDuration(), 0);
  ASSERT_TRUE(up);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(up->windows(i).first_sequence(), up->windows(i).last_sequence());
  EXPECT_GT(queue.stats().lost, 0u) << "four that can't be merged leave no place";
}

TEST(WindowQueue, SketchesOfAnotherSeedStayHere) {
  WindowQueue queue({}, kBoot);
  window::Window w = At(0, 1, 10);
  w.sketches.try_emplace({kHost, BW_VECTOR_TCP_SYN}, /*seed=*/5);
  ASSERT_TRUE(queue.Push(w).ok());
  w.id = {kBoot, 2, 2};
  ASSERT_TRUE(queue.Push(w).ok());
  ASSERT_TRUE(queue.Take(Down(1 << 20)).ok());
  EXPECT_EQ(queue.Next(absl::ZeroDuration(), /*seed=*/6)->windows(0).sketches_size(), 0);
  queue.StreamEnded();
  ASSERT_TRUE(queue.Take(Down(1 << 20)).ok());
  EXPECT_EQ(queue.Next(absl::ZeroDuration(), /*seed=*/5)->windows(0).sketches_size(), 1);
}

}  // namespace
}  // namespace breakwater::link
