#include "common/window/window.h"

#include <random>

#include "common/window/testing.h"
#include "gtest/gtest.h"

namespace breakwater::window {
namespace {

using testing::kSeed;
using testing::kStart;
using testing::RandomWindow;

const MergeOptions kOptions{.seed = kSeed};

std::array<Counts, BW_VECTOR_MAX> WindowTotals(const Window& w) {
  std::array<Counts, BW_VECTOR_MAX> sum{};
  for (const Slot& slot : w.slots) {
    const auto totals = Totals(slot);
    for (size_t v = 0; v < BW_VECTOR_MAX; ++v) sum[v] += totals[v];
  }
  return sum;
}

std::array<Counts, BW_VECTOR_MAX> Plus(std::array<Counts, BW_VECTOR_MAX> a,
                                       const std::array<Counts, BW_VECTOR_MAX>& b) {
  for (size_t v = 0; v < BW_VECTOR_MAX; ++v) a[v] += b[v];
  return a;
}

Window Merged(const Window& a, const Window& b, const MergeOptions& options = kOptions) {
  absl::StatusOr<Window> w = Merge(a, b, options);
  EXPECT_TRUE(w.ok()) << w.status();
  return *std::move(w);
}

TEST(WindowTest, MergeIsAssociativeAndCommutative) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Window a = RandomWindow(random, {.boot_id = 1});
    const Window b = RandomWindow(random, {.boot_id = 2});
    const Window c = RandomWindow(random, {.boot_id = 3});
    const Window ab = Merged(a, b);
    const Window ba = Merged(b, a);
    EXPECT_TRUE(testing::SameCounters(ab, ba));
    EXPECT_EQ(ab.sketches, ba.sketches);
    EXPECT_TRUE(testing::SameSamples(ab.samples, ba.samples));
    EXPECT_EQ(ab.merged, 2u);
    EXPECT_EQ(ab.id, WindowId{});
    const Window left = Merged(ab, c);
    const Window right = Merged(a, Merged(b, c));
    EXPECT_TRUE(testing::SameCounters(left, right));
    EXPECT_TRUE(testing::SameSamples(left.samples, right.samples));
    EXPECT_EQ(left.lost_samples, right.lost_samples);
    EXPECT_EQ(left.merged, 3u);
    EXPECT_EQ(WindowTotals(left), Plus(Plus(WindowTotals(a), WindowTotals(b)), WindowTotals(c)));
  }
}

TEST(WindowTest, TotalsAreKeptWhenLimitsAreReached) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Window a = RandomWindow(random, {.hosts = 60, .boot_id = 1});
    const Window b = RandomWindow(random, {.hosts = 60, .boot_id = 2});
    MergeOptions tight = kOptions;
    tight.limits = {.hosts = 8, .groups = 1};
    tight.max_samples = 6;
    tight.max_sketches = 2;
    const Window ab = Merged(a, b, tight);
    EXPECT_EQ(WindowTotals(ab), Plus(WindowTotals(a), WindowTotals(b)));
    EXPECT_EQ(ab.samples.size(), 6u);
    EXPECT_EQ(ab.lost_samples, a.lost_samples + b.lost_samples + 4);
    EXPECT_EQ(ab.sketches.size(), 2u);
    EXPECT_TRUE(testing::SameCounters(ab, Merged(b, a, tight)));
  }
}

TEST(WindowTest, PartsOfOneEdgesWindowStayItsOwn) {
  std::mt19937_64 random(1);
  Window a = RandomWindow(random, {.boot_id = 5});
  Window b = RandomWindow(random, {.boot_id = 5});
  b.id.first_sequence = b.id.last_sequence = 11;
  const Window ab = Merged(b, a);
  EXPECT_EQ(ab.id, (WindowId{5, 10, 11}));
  EXPECT_EQ(ab.merged, 1u);
}

TEST(WindowTest, MergeRefusesOtherTimes) {
  std::mt19937_64 random(1);
  const Window a = RandomWindow(random);
  Window b = RandomWindow(random);
  b.start += absl::Seconds(1);
  EXPECT_EQ(Merge(a, b, kOptions).status().code(), absl::StatusCode::kInvalidArgument);
  b = a;
  b.slots.pop_back();
  EXPECT_FALSE(Merge(a, b, kOptions).ok());
  b = a;
  for (Slot& s : b.slots) s.length = kSlotLength * 2;
  EXPECT_FALSE(Merge(a, b, kOptions).ok());
}

TEST(WindowTest, MergeRefusesOtherSeeds) {
  Window a;
  a.start = kStart;
  a.slots.resize(kSlotsPerWindow);
  Window b = a;
  std::mt19937_64 random(1);
  const HeaderSample s = testing::RandomSample(random, kStart, testing::HostTarget(1).prefix.address());
  const TargetVector key{testing::HostTarget(1), BW_VECTOR_UDP_DNS};
  a.sketches.try_emplace(key, 1).first->second.Add(s);
  b.sketches.try_emplace(key, 2).first->second.Add(s);
  const absl::Status status = Merge(a, b, kOptions).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("203.0.113.1"), absl::string_view::npos) << status;
}

TEST(WindowTest, AdjacentWindowsMergeIntoCoarserSlots) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<Window> queue;
    std::array<Counts, BW_VECTOR_MAX> total{};
    for (int i = 0; i < 4; ++i) {
      Window w = RandomWindow(random);
      w.id.first_sequence = w.id.last_sequence = static_cast<uint64_t>(10 + i);
      w.start = kStart + absl::Seconds(i);
      for (Slot& s : w.slots) s.start += absl::Seconds(i);
      for (HeaderSample& s : w.samples) s.time += absl::Seconds(i);
      total = Plus(total, WindowTotals(w));
      queue.push_back(std::move(w));
    }
    absl::StatusOr<Window> first = MergeAdjacent(queue[0], queue[1], kOptions);
    absl::StatusOr<Window> second = MergeAdjacent(queue[2], queue[3], kOptions);
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(first->slot_length(), kSlotLength * 2);
    absl::StatusOr<Window> all = MergeAdjacent(*first, *second, kOptions);
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_EQ(all->slot_length(), kSlotLength * 4);
    ASSERT_EQ(all->slots.size(), 10u);
    for (size_t i = 0; i < 10; ++i) {
      EXPECT_EQ(all->slots[i].start, kStart + kSlotLength * 4 * static_cast<int64_t>(i));
      EXPECT_EQ(all->slots[i].length, kSlotLength * 4);
    }
    EXPECT_EQ(all->end(), kStart + absl::Seconds(4));
    EXPECT_EQ(all->id, (WindowId{1, 10, 13}));
    EXPECT_EQ(WindowTotals(*all), total);
    EXPECT_EQ(all->samples.size(), 20u);
    // Not neighbours, or not of the same length.
    EXPECT_FALSE(MergeAdjacent(queue[0], queue[2], kOptions).ok());
    EXPECT_FALSE(MergeAdjacent(queue[1], queue[0], kOptions).ok());
    EXPECT_FALSE(MergeAdjacent(*first, queue[2], kOptions).ok());
  }
}

TEST(WindowTest, SlotsGrowToTheirLimitOnly) {
  Window w;
  w.start = kStart;
  for (int i = 0; i < kSlotsPerWindow; ++i) {
    w.slots.emplace_back();
    w.slots.back().start = kStart + kMaxSlotLength * i;
    w.slots.back().length = kMaxSlotLength;
  }
  Window next = w;
  next.start = w.end();
  EXPECT_EQ(MergeAdjacent(w, next, kOptions).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(WindowTest, SlotsOfGivesEverySampleToItsSlot) {
  std::mt19937_64 random(3);
  const Window w = RandomWindow(random, {.samples = 200});
  size_t n = 0;
  for (const SlotView& v : SlotsOf(w)) {
    for (const HeaderSample& s : v.samples) {
      EXPECT_GE(s.time, v.slot.start);
      EXPECT_LT(s.time, v.slot.start + v.slot.length);
    }
    n += v.samples.size();
  }
  EXPECT_EQ(n, 200u);
}

// Which samples stay doesn't depend on the order in which they come, nor on trimming in between.
TEST(WindowTest, LimitSamplesIsAFairAndOrderFreeChoice) {
  std::mt19937_64 random(9);
  std::vector<HeaderSample> samples;
  for (int i = 0; i < 400; ++i) {
    samples.push_back(
        testing::RandomSample(random, kStart + absl::Milliseconds(i), testing::HostTarget(1).prefix.address()));
  }
  std::vector<HeaderSample> once = samples;
  LimitSamples(once, 40, kSeed);
  std::vector<HeaderSample> steps;
  std::shuffle(samples.begin(), samples.end(), random);
  for (const HeaderSample& s : samples) {
    steps.push_back(s);
    if (steps.size() > 60) LimitSamples(steps, 40, kSeed);
  }
  LimitSamples(steps, 40, kSeed);
  EXPECT_TRUE(testing::SameSamples(once, steps));
  EXPECT_TRUE(std::is_sorted(once.begin(), once.end(), [](auto& a, auto& b) { return a.time < b.time; }));
  std::vector<HeaderSample> other = samples;
  LimitSamples(other, 40, kSeed + 1);
  EXPECT_FALSE(testing::SameSamples(once, other));
  const auto early =
      std::count_if(once.begin(), once.end(), [](auto& s) { return s.time < kStart + absl::Milliseconds(200); });
  EXPECT_GT(early, 8);
  EXPECT_LT(early, 32);
}

}  // namespace
}  // namespace breakwater::window
