#include "common/window/window_builder.h"

#include <random>

#include "common/window/testing.h"
#include "gtest/gtest.h"

namespace breakwater::window {
namespace {

using testing::HostTarget;
using testing::kStart;

Slot At(absl::Time start, uint64_t packets) {
  Slot slot;
  slot.start = start;
  slot.traffic[{HostTarget(1), BW_VECTOR_TCP_SYN}] = {packets, packets * 40, 0, 0};
  return slot;
}

uint64_t Packets(const Window& w) {
  uint64_t sum = 0;
  for (const Slot& s : w.slots) sum += Totals(s)[BW_VECTOR_TCP_SYN].packets;
  return sum;
}

TEST(WindowBuilderTest, TenSlotsMakeAWindow) {
  WindowBuilder builder({}, 42);
  for (int second = 0; second < 2; ++second) {
    for (int i = 0; i < 10; ++i) {
      const auto windows = builder.AddSlot(At(kStart + absl::Seconds(second) + kSlotLength * i, 1), {}, {});
      ASSERT_EQ(windows.size(), i == 9 ? 1u : 0u);
      if (i < 9) continue;
      EXPECT_EQ(windows[0].start, kStart + absl::Seconds(second));
      const auto sequence = static_cast<uint64_t>(second + 1);
      EXPECT_EQ(windows[0].id, (WindowId{42, sequence, sequence}));
      EXPECT_EQ(windows[0].slots.size(), 10u);
      EXPECT_EQ(windows[0].slots[3].start, windows[0].start + kSlotLength * 3);
      EXPECT_EQ(Packets(windows[0]), 10u);
    }
  }
  EXPECT_EQ(builder.Flush(), std::nullopt);
}

TEST(WindowBuilderTest, MissingSlotsStayEmpty) {
  WindowBuilder builder({}, 42);
  EXPECT_TRUE(builder.AddSlot(At(kStart + absl::Milliseconds(200), 1), {}, {}).empty());
  const auto windows = builder.AddSlot(At(kStart + absl::Seconds(3) + absl::Milliseconds(900), 2), {}, {});
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0].start, kStart);
  EXPECT_EQ(Packets(windows[0]), 1u);
  EXPECT_EQ(windows[1].start, kStart + absl::Seconds(3));
  EXPECT_EQ(Totals(windows[1].slots[9])[BW_VECTOR_TCP_SYN].packets, 2u);
}

TEST(WindowBuilderTest, EarlyPartsMergeIntoTheWholeSecond) {
  WindowBuilder builder({}, 42);
  builder.AddSlot(At(kStart, 5), {}, {});
  std::optional<Window> early = builder.Flush();
  ASSERT_TRUE(early);
  EXPECT_EQ(early->reported_slots, 1u);
  EXPECT_EQ(early->reported_end(), kStart + kSlotLength);
  std::vector<Window> rest;
  for (int i = 1; i < 10; ++i) rest = builder.AddSlot(At(kStart + kSlotLength * i, 1), {}, {});
  ASSERT_EQ(rest.size(), 1u);
  absl::StatusOr<Window> whole = Merge(*early, rest[0], {});
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(Packets(*whole), 14u);
  EXPECT_EQ(whole->merged, 1u);
  EXPECT_EQ(whole->id, (WindowId{42, 1, 2}));
  EXPECT_EQ(whole->reported_slots, 10u);
}

TEST(WindowBuilderTest, SaysHowFarAnEarlyPartReaches) {
  WindowBuilder builder({}, 42);
  builder.AddSlot(At(kStart, 5), {}, {});
  builder.AddSlot(At(kStart + kSlotLength * 3, 5), {}, {});
  EXPECT_EQ(builder.Flush()->reported_slots, 4u);
  builder.AddSlot(At(kStart + kSlotLength * 5, 5), {}, {});
  EXPECT_EQ(builder.Flush()->reported_slots, 6u);
  builder.AddSlot(At(kStart + kSlotLength * 7, 5), {}, {});
  // The next second tells that nothing more came of this one.
  const std::vector<Window> done = builder.AddSlot(At(kStart + kSlotLength * 12, 5), {}, {});
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].reported_slots, 10u);
}

TEST(WindowBuilderTest, ClockOffsetMovesSlotsAndSamples) {
  WindowBuilder builder({}, 42);
  builder.SetClockOffset(absl::Milliseconds(250));
  std::mt19937_64 random(1);
  const HeaderSample s =
      testing::RandomSample(random, kStart + absl::Milliseconds(860), HostTarget(1).prefix.address());
  // 0.8 s + 0.25 s is the first tenth of the next second, and so is 0.85 s + 0.25 s: both are kept there.
  EXPECT_TRUE(builder.AddSlot(At(kStart + absl::Milliseconds(750), 1), {}, {}).empty());
  EXPECT_TRUE(builder.AddSlot(At(kStart + absl::Milliseconds(800), 2), {&s, 1}, {}).empty());
  const std::optional<Window> w = builder.Flush();
  ASSERT_TRUE(w);
  EXPECT_EQ(w->start, kStart + absl::Seconds(1));
  EXPECT_EQ(Totals(w->slots[0])[BW_VECTOR_TCP_SYN].packets, 3u);
  EXPECT_EQ(w->clock_offset, absl::Milliseconds(250));
  ASSERT_EQ(w->samples.size(), 1u);
  EXPECT_EQ(w->samples[0].time, kStart + absl::Milliseconds(1110));
}

TEST(WindowBuilderTest, KeepsTheTopTargetsOfASlot) {
  WindowBuilder builder({.limits = {.hosts = 3, .groups = 1}}, 42);
  Slot slot;
  slot.start = kStart;
  for (uint32_t i = 0; i < 10; ++i) slot.traffic[{HostTarget(i), BW_VECTOR_TCP_SYN}] = {i + 1, 0, 0, 0};
  builder.AddSlot(slot, {}, {});
  const std::optional<Window> w = builder.Flush();
  EXPECT_EQ(w->slots[0].traffic.size(), 3u);
  EXPECT_EQ(Packets(*w), 55u);
}

TEST(WindowBuilderTest, AlertedTargetsGetSketchesAndMoreSamples) {
  WindowBuilderOptions options;
  options.seed = testing::kSeed;
  WindowBuilder builder(options, 42);
  std::mt19937_64 random(5);
  std::vector<HeaderSample> samples;
  uint64_t weight = 0;
  for (int i = 0; i < 500; ++i) {
    const absl::Time t = kStart + absl::Microseconds(i * 100);
    samples.push_back(testing::RandomSample(random, t, HostTarget(1).prefix.address()));
    weight += samples.back().weight;
    samples.push_back(testing::RandomSample(random, t, HostTarget(2).prefix.address()));
  }
  const TargetVector host{HostTarget(1), BW_VECTOR_UDP_DNS};
  const TargetVector prefix{Target::Prefix(*net::IpPrefix::Parse("203.0.113.0/24")), BW_VECTOR_UDP_DNS};
  const TargetVector other{HostTarget(2), BW_VECTOR_TCP_SYN};
  Slot slot;
  slot.start = kStart;
  builder.AddSlot(slot, samples, {host, other});
  Window w = *builder.Flush();
  ASSERT_EQ(w.sketches.size(), 1u);
  const TargetSketches& s = w.sketches.at(host);
  EXPECT_EQ(s.sources.total(), weight);
  EXPECT_NEAR(s.distinct_sources.Estimate(), 500, 40);
  EXPECT_EQ(w.samples.size(), options.samples_per_alert + options.quiet_samples);
  EXPECT_EQ(w.lost_samples, 1000 - w.samples.size());
  // The ones that stay stand for those that go.
  uint64_t kept = 0;
  for (const HeaderSample& h : w.samples) {
    if (h.destination == HostTarget(1).prefix.address()) kept += h.weight;
  }
  EXPECT_NEAR(static_cast<double>(kept), static_cast<double>(weight), 8);

  builder.AddSlot(slot, samples, {prefix});
  w = *builder.Flush();
  ASSERT_EQ(w.sketches.size(), 1u);
  EXPECT_NEAR(w.sketches.at(prefix).distinct_sources.Estimate(), 1000, 80);
}

TEST(WindowBuilderTest, SketchesAreBounded) {
  WindowBuilder builder({.max_sketches = 2}, 42);
  std::mt19937_64 random(5);
  Alerted alerted;
  std::vector<HeaderSample> samples;
  for (uint32_t i = 0; i < 10; ++i) {
    alerted.insert({HostTarget(i), BW_VECTOR_UDP_DNS});
    samples.push_back(testing::RandomSample(random, kStart, HostTarget(i).prefix.address()));
  }
  Slot slot;
  slot.start = kStart;
  builder.AddSlot(slot, samples, alerted);
  const Window w = *builder.Flush();
  EXPECT_EQ(w.sketches.size(), 2u);
  EXPECT_EQ(w.samples.size(), 10u);
}

TEST(WindowBuilderTest, GatewayCountsGoWithTheirWindow) {
  WindowBuilder builder({}, 42);
  GatewayCounts counts;
  counts.requests = 7;
  ASSERT_TRUE(builder.AddGateway("www.example.com", counts).ok());
  builder.AddSlot(At(kStart, 1), {}, {});
  ASSERT_TRUE(builder.AddGateway("www.example.com", counts).ok());
  const Window w = *builder.Flush();
  EXPECT_EQ(w.gateway.at("www.example.com").requests, 14u);
  builder.AddSlot(At(kStart, 1), {}, {});
  EXPECT_TRUE(builder.Flush()->gateway.empty());
  counts.latency = sketch::LogHistogram({.error_permille = 100, .min = 1, .bins = 10});
  EXPECT_FALSE(builder.AddGateway("www.example.com", counts).ok());
}

}  // namespace
}  // namespace breakwater::window
