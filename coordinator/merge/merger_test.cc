#include "coordinator/merge/merger.h"

#include <algorithm>
#include <map>
#include <random>

#include "common/window/testing.h"
#include "common/window/window_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::merge {
namespace {

using ::testing::HasSubstr;
using window::Counts;
using window::kSlotLength;
using window::Slot;
using window::Window;
using window::testing::HostTarget;
using window::testing::kStart;

// The window of one second of an edge that sees so many SYNs in each tenth.
Window Second(uint64_t sequence, int second, uint64_t packets, uint64_t boot_id = 7) {
  Window w;
  w.id = {boot_id, sequence, sequence};
  w.start = kStart + absl::Seconds(second);
  for (int i = 0; i < window::kSlotsPerWindow; ++i) {
    Slot& s = w.slots.emplace_back();
    s.start = w.start + kSlotLength * i;
    s.traffic[{HostTarget(1), BW_VECTOR_TCP_SYN}] = {packets, packets * 40, 0, 0};
  }
  return w;
}

uint64_t Packets(const Slot& slot) { return Totals(slot)[BW_VECTOR_TCP_SYN].packets; }

TEST(MergerTest, AddsUpEdgesAndKeepsTheOrderOfTime) {
  Merger merger(MergerOptions{});
  merger.EdgeConnected("a", kStart);
  merger.EdgeConnected("b", kStart);
  const absl::Time now = kStart + absl::Milliseconds(1050);
  ASSERT_TRUE(merger.Add("a", Second(1, 0, 5), now).ok());
  // The time before the first window is over its lag; b has said nothing yet.
  for (const MergedSlot& s : merger.Tick(now)) {
    EXPECT_LT(s.slot.start, kStart);
    EXPECT_EQ(Packets(s.slot), 0u);
  }
  absl::StatusOr<Admission> b = merger.Add("b", Second(1, 0, 7), now);
  ASSERT_TRUE(b.ok()) << b.status();
  EXPECT_FALSE(b->duplicate);
  EXPECT_FALSE(b->late);
  EXPECT_EQ(b->watermark, (Watermark{7, 1}));
  std::vector<MergedSlot> slots = merger.Tick(now);
  std::erase_if(slots, [](const MergedSlot& s) { return s.slot.start < kStart; });
  ASSERT_EQ(slots.size(), 10u);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(slots[i].slot.start, kStart + kSlotLength * static_cast<int64_t>(i));
    EXPECT_EQ(Packets(slots[i].slot), 12u);
    EXPECT_EQ(slots[i].edges, 2u);
    EXPECT_TRUE(slots[i].complete);
  }
  EXPECT_TRUE(merger.Tick(now).empty());
}

TEST(MergerTest, CountsEachWindowOnce) {
  Merger merger(MergerOptions{});
  const absl::Time now = kStart + absl::Seconds(1);
  EXPECT_FALSE(merger.Add("a", Second(1, 0, 5), now)->duplicate);
  EXPECT_TRUE(merger.Add("a", Second(1, 0, 5), now)->duplicate);
  EXPECT_FALSE(merger.Add("b", Second(1, 0, 5), now)->duplicate);
  // A restarted edge counts from one again.
  EXPECT_FALSE(merger.Add("a", Second(1, 0, 5, /*boot_id=*/8), now)->duplicate);
  EXPECT_TRUE(merger.Add("a", Second(1, 0, 5, /*boot_id=*/7), now)->duplicate);
  EXPECT_EQ(merger.stats().duplicates, 2u);
  EXPECT_EQ(merger.stats().windows, 3u);
}

TEST(MergerTest, GoesOnFromRestoredWatermarks) {
  Merger merger(MergerOptions{});
  merger.Restore("a", {7, 41});
  const absl::Time now = kStart + absl::Seconds(1);
  EXPECT_TRUE(merger.Add("a", Second(41, 0, 5), now)->duplicate);
  absl::StatusOr<Admission> next = merger.Add("a", Second(42, 0, 5), now);
  EXPECT_FALSE(next->duplicate);
  EXPECT_EQ(next->watermark, (Watermark{7, 42}));
}

TEST(MergerTest, EarlyPartsAreGivenOutOnceTheyAreWhole) {
  Merger merger(MergerOptions{});
  merger.EdgeConnected("a", kStart);
  window::WindowBuilder builder({}, 7);
  const auto slot = [](int i, uint64_t packets) {
    Slot s;
    s.start = kStart + kSlotLength * i;
    s.traffic[{HostTarget(1), BW_VECTOR_TCP_SYN}] = {packets, packets * 40, 0, 0};
    return s;
  };
  builder.AddSlot(slot(0, 10), {}, {});
  builder.AddSlot(slot(1, 11), {}, {});
  const absl::Time now = kStart + absl::Milliseconds(250);
  ASSERT_TRUE(merger.Add("a", *builder.Flush(), now).ok());
  std::vector<MergedSlot> slots = merger.Tick(now);
  ASSERT_GE(slots.size(), 2u);
  EXPECT_EQ(slots.back().slot.start, kStart + kSlotLength);
  EXPECT_EQ(Packets(slots.back().slot), 11u);
  EXPECT_TRUE(slots.back().complete);
  builder.AddSlot(slot(2, 12), {}, {});
  builder.AddSlot(slot(3, 0), {}, {});
  ASSERT_TRUE(merger.Add("a", *builder.Flush(), now + absl::Milliseconds(200)).ok());
  slots = merger.Tick(now + absl::Milliseconds(200));
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(Packets(slots[0].slot), 12u);
  EXPECT_EQ(Packets(slots[1].slot), 0u);
}

TEST(MergerTest, WaitsMaxLagForAnEdgeOnceAndUntilItHasCaughtUp) {
  MergerOptions options;
  Merger merger(options);
  merger.EdgeConnected("a", kStart);
  merger.EdgeConnected("stuck", kStart);
  ASSERT_TRUE(merger.Add("a", Second(1, 0, 5), kStart + absl::Seconds(1)).ok());
  const absl::Time lag = kStart + kSlotLength + options.max_lag;
  merger.Tick(kStart + options.max_lag);
  EXPECT_TRUE(merger.Tick(lag - absl::Milliseconds(1)).empty());
  // From the first one on that it misses the others are given out at once.
  std::vector<MergedSlot> slots = merger.Tick(lag);
  ASSERT_EQ(slots.size(), 10u);
  EXPECT_FALSE(slots[0].complete);
  EXPECT_EQ(slots[0].edges, 1u);
  EXPECT_EQ(Packets(slots[0].slot), 5u);
  // What it has to say of that time is late; of the next second it has told in time.
  EXPECT_TRUE(merger.Add("stuck", Second(1, 0, 9), lag)->late);
  EXPECT_FALSE(merger.Add("stuck", Second(2, 1, 9), kStart + absl::Seconds(2))->late);
  EXPECT_TRUE(merger.Tick(kStart + absl::Seconds(2)).empty());
  ASSERT_TRUE(merger.Add("a", Second(2, 1, 5), kStart + absl::Seconds(2)).ok());
  slots = merger.Tick(kStart + absl::Seconds(2));
  ASSERT_EQ(slots.size(), 10u);
  EXPECT_TRUE(slots[9].complete);
  EXPECT_EQ(Packets(slots[9].slot), 14u);
  // One that is gone isn't waited for.
  merger.EdgeDisconnected("stuck", kStart + absl::Seconds(2));
  ASSERT_TRUE(merger.Add("a", Second(3, 2, 5), kStart + absl::Seconds(3)).ok());
  EXPECT_EQ(merger.Tick(kStart + absl::Seconds(3)).size(), 10u);
}

TEST(MergerTest, WindowsMergedWhileTheyWaitedAreLate) {
  Merger merger(MergerOptions{});
  merger.EdgeConnected("a", kStart);
  absl::StatusOr<Window> both = window::MergeAdjacent(Second(1, 0, 5), Second(2, 1, 5), {});
  ASSERT_TRUE(both.ok()) << both.status();
  absl::StatusOr<Admission> a = merger.Add("a", *both, kStart + absl::Seconds(2));
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_TRUE(a->late);
  EXPECT_EQ(a->watermark.through_sequence, 2u);
}

TEST(MergerTest, RefusesWhatCannotBeAndKeepsTheWatermark) {
  Merger merger(MergerOptions{});
  const absl::Time now = kStart + absl::Seconds(5);
  struct Case {
    const char* error;
    Window window;
  };
  std::vector<Case> cases;
  cases.push_back({"reaches 3s into the future", Second(1, 7, 5)});
  cases.push_back({"is 24h1s old", Second(1, 3 - 24 * 3600, 5)});
  cases.push_back({"merged from", Second(1, 0, 5, 0)});
  cases.push_back({"are not in order", Second(0, 0, 5)});
  cases.push_back({"has 9 slots", Second(1, 0, 5)});
  cases.back().window.slots.pop_back();
  cases.push_back({"slots must follow each other", Second(1, 0, 5)});
  cases.back().window.slots[4].start += absl::Seconds(1);
  cases.push_back({"whole second", Second(1, 0, 5)});
  cases.back().window.start += absl::Milliseconds(100);
  for (Slot& s : cases.back().window.slots) s.start += absl::Milliseconds(100);
  for (const Case& c : cases) {
    const absl::StatusOr<Admission> a = merger.Add("a", c.window, now);
    ASSERT_FALSE(a.ok()) << c.error;
    EXPECT_EQ(a.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(a.status().message()), HasSubstr(c.error));
  }
  EXPECT_EQ(merger.stats().refused, cases.size());
  EXPECT_EQ(merger.Add("a", Second(1, 4, 5), now)->watermark.through_sequence, 1u);
  Window overlaps = Second(1, 4, 5);
  overlaps.id.last_sequence = 2;
  EXPECT_THAT(std::string(merger.Add("a", overlaps, now).status().message()), HasSubstr("counted already"));
}

TEST(MergerTest, ARefusedWindowDoesNotHoldTheWatermarkForEver) {
  Merger merger(MergerOptions{});
  ASSERT_FALSE(merger.Add("a", Second(1, 60, 5), kStart + absl::Seconds(1)).ok());
  uint64_t through = 0;
  for (int i = 2; i < 20; ++i) {
    through = merger.Add("a", Second(static_cast<uint64_t>(i), i, 5), kStart + absl::Seconds(i + 1))
                  ->watermark.through_sequence;
    if (i < 12) {
      EXPECT_EQ(through, 0u) << i;
    }
  }
  EXPECT_EQ(through, 19u);
  EXPECT_EQ(merger.stats().skipped_sequences, 1u);
}

TEST(MergerTest, EdgesAndSamplesAreBounded) {
  MergerOptions options;
  options.max_edges = 2;
  options.max_samples_per_slot = 50;
  Merger merger(options);
  const absl::Time now = kStart + absl::Seconds(1);
  std::mt19937_64 random(3);
  double weight = 0;
  for (const char* edge : {"a", "b"}) {
    Window w = Second(1, 0, 5);
    for (int i = 0; i < 400; ++i) {
      w.samples.push_back(
          window::testing::RandomSample(random, kStart + absl::Microseconds(i * 100), HostTarget(1).prefix.address()));
      weight += w.samples.back().weight;
    }
    ASSERT_TRUE(merger.Add(edge, w, now).ok());
  }
  EXPECT_EQ(merger.Add("c", Second(1, 0, 5), now).status().code(), absl::StatusCode::kResourceExhausted);
  std::vector<MergedSlot> slots = merger.Tick(kStart + absl::Seconds(2));
  std::erase_if(slots, [](const MergedSlot& s) { return s.slot.start != kStart; });
  ASSERT_EQ(slots.size(), 1u);
  ASSERT_EQ(slots[0].samples.size(), 50u);
  double kept = 0;
  for (const window::HeaderSample& s : slots[0].samples) kept += s.weight;
  EXPECT_NEAR(kept, weight, weight * 0.02);
}

// What an edge sent: early parts and whole seconds, each with its own sequence.
std::vector<Window> Sent(std::mt19937_64& random, uint64_t boot_id, int seconds) {
  window::WindowBuilder builder({}, boot_id);
  std::vector<Window> sent;
  for (int i = 0; i < seconds * 10; ++i) {
    Slot slot = window::testing::RandomSlot(random, 10);
    slot.start = kStart + kSlotLength * i;
    std::vector<window::HeaderSample> samples;
    samples.push_back(
        window::testing::RandomSample(random, slot.start + absl::Microseconds(static_cast<int64_t>(random() % 100000)),
                                      HostTarget(static_cast<uint32_t>(random() % 10)).prefix.address()));
    for (Window& w : builder.AddSlot(slot, samples, {})) sent.push_back(std::move(w));
    if (random() % 4 == 0) {
      if (std::optional<Window> early = builder.Flush()) sent.push_back(*std::move(early));
    }
  }
  return sent;
}

// However the windows of three edges come, as long as they come in time: the same slots.
TEST(MergerTest, AnyInterleavingGivesTheSameSlots) {
  const uint64_t seed = 77;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::map<std::string, std::vector<Window>> sent;
  for (const char* edge : {"a", "b", "c"}) sent[edge] = Sent(random, random() | 1, 3);
  std::vector<std::pair<std::string, const Window*>> order;
  for (const auto& [edge, windows] : sent) {
    for (const Window& w : windows) order.emplace_back(edge, &w);
  }
  std::vector<MergedSlot> expected;
  for (int round = 0; round < 30; ++round) {
    std::vector<std::pair<std::string, const Window*>> received = order;
    for (size_t i = 0; round > 0 && i < order.size() / 2; ++i) received.push_back(order[random() % order.size()]);
    if (round > 0) std::shuffle(received.begin(), received.end(), random);
    MergerOptions options;
    options.max_lag = absl::Seconds(5);
    Merger merger(options);
    for (const auto& [edge, windows] : sent) merger.EdgeConnected(edge, kStart + absl::Seconds(3));
    size_t duplicates = 0;
    for (const auto& [edge, w] : received) {
      const absl::StatusOr<Admission> a = merger.Add(edge, *w, kStart + absl::Seconds(3));
      ASSERT_TRUE(a.ok()) << a.status();
      EXPECT_FALSE(a->late);
      duplicates += a->duplicate;
    }
    EXPECT_EQ(duplicates, received.size() - order.size());
    std::vector<MergedSlot> slots = merger.Tick(kStart + absl::Seconds(3));
    std::erase_if(slots, [](const MergedSlot& s) { return s.slot.start < kStart; });
    ASSERT_EQ(slots.size(), 30u);
    if (round == 0) {
      expected = std::move(slots);
      continue;
    }
    for (size_t i = 0; i < slots.size(); ++i) {
      EXPECT_TRUE(window::testing::SameCounters(slots[i].slot, expected[i].slot)) << "round " << round << " slot " << i;
      EXPECT_TRUE(window::testing::SameSamples(slots[i].samples, expected[i].samples));
      EXPECT_EQ(slots[i].edges, 3u);
      EXPECT_TRUE(slots[i].complete);
    }
  }
}

// With ticks in between, whatever isn't late is in the slots, exactly once, and what is late is told.
TEST(MergerTest, LateWindowsLoseNothingOfTheTotals) {
  const uint64_t seed = 5;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    Merger merger(MergerOptions{});
    uint64_t sent = 0, late = 0, got = 0;
    size_t late_windows = 0;
    struct Arrival {
      absl::Time at;
      std::string edge;
      Window window;
    };
    std::vector<Arrival> arrivals;
    for (const char* edge : {"a", "b", "c"}) {
      merger.EdgeConnected(edge, kStart);
      for (int s = 0; s < 20; ++s) {
        const Window w = Second(static_cast<uint64_t>(s + 1), s, 1 + random() % 100);
        const auto delay = absl::Milliseconds(random() % 8 == 0 ? 1000 + random() % 4000 : random() % 200);
        for (int copies = random() % 5 == 0 ? 2 : 1; copies > 0; --copies) {
          arrivals.push_back({w.end() + delay + absl::Milliseconds(copies), edge, w});
        }
        for (const Slot& slot : w.slots) sent += Packets(slot);
      }
    }
    std::sort(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
    absl::Time last = absl::InfinitePast();
    const auto tick = [&](absl::Time now) {
      for (const MergedSlot& s : merger.Tick(now)) {
        EXPECT_GT(s.slot.start, last);
        last = s.slot.start;
        got += Packets(s.slot);
      }
    };
    for (const Arrival& a : arrivals) {
      const absl::StatusOr<Admission> admission = merger.Add(a.edge, a.window, a.at);
      ASSERT_TRUE(admission.ok()) << admission.status();
      if (!admission->duplicate && admission->late) {
        ++late_windows;
        // Its slots after the last one that was given out are still in time.
        for (const Slot& slot : a.window.slots) late += slot.start <= last ? Packets(slot) : 0;
      }
      tick(a.at);
    }
    tick(kStart + absl::Seconds(40));
    EXPECT_EQ(got + late, sent);
    EXPECT_GT(late_windows, 0u);
    EXPECT_EQ(merger.stats().late, late_windows);
    EXPECT_EQ(merger.stats().windows, 60u);
  }
}

}  // namespace
}  // namespace breakwater::merge
