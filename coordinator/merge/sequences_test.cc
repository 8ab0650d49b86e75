#include "coordinator/merge/sequences.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace breakwater::merge {
namespace {

using Known = Sequences::Known;
const absl::Time kNow = absl::FromUnixSeconds(1700000000);

TEST(SequencesTest, InOrder) {
  Sequences s(3);
  EXPECT_EQ(s.Look(3, 3), Known::kAll);
  EXPECT_EQ(s.Look(4, 6), Known::kNew);
  s.Take(4, 6, kNow);
  EXPECT_EQ(s.through(), 6u);
  EXPECT_EQ(s.Look(5, 5), Known::kAll);
  EXPECT_EQ(s.Look(6, 7), Known::kInPart);
}

TEST(SequencesTest, AnyOrderLeadsToTheSameWatermark) {
  const uint32_t seed = 20;
  std::mt19937 random(seed);
  SCOPED_TRACE(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    uint64_t next = 1;
    while (ranges.size() < 40) {
      const uint64_t last = next + random() % 4;
      ranges.emplace_back(next, last);
      next = last + 1;
    }
    std::shuffle(ranges.begin(), ranges.end(), random);
    Sequences s(0);
    for (size_t i = 0; i < ranges.size(); ++i) {
      const auto [first, last] = ranges[i];
      ASSERT_EQ(s.Look(first, last), Known::kNew);
      s.Take(first, last, kNow);
      for (size_t j = 0; j < ranges.size(); ++j) {
        ASSERT_EQ(s.Look(ranges[j].first, ranges[j].second), j <= i ? Known::kAll : Known::kNew);
      }
    }
    EXPECT_EQ(s.through(), next - 1);
    EXPECT_EQ(s.skipped(), 0u);
  }
}

TEST(SequencesTest, GoesOverAGapAfterAWhile) {
  Sequences s(0);
  s.Take(1, 1, kNow);
  s.Take(4, 4, kNow);
  s.Take(6, 7, kNow + absl::Seconds(8));
  s.CloseGaps(kNow + absl::Seconds(10), absl::Seconds(10));
  EXPECT_EQ(s.through(), 1u);
  s.CloseGaps(kNow + absl::Seconds(11), absl::Seconds(10));
  EXPECT_EQ(s.through(), 4u);
  EXPECT_EQ(s.skipped(), 2u);
  EXPECT_EQ(s.Look(3, 3), Known::kAll);
  // The next gap has its own time.
  s.CloseGaps(kNow + absl::Seconds(12), absl::Seconds(10));
  EXPECT_EQ(s.through(), 4u);
  s.CloseGaps(kNow + absl::Seconds(22), absl::Seconds(10));
  EXPECT_EQ(s.through(), 7u);
}

TEST(SequencesTest, IsBounded) {
  Sequences s(0);
  for (uint64_t i = 1; i <= 4 * Sequences::kMaxRuns; ++i) s.Take(2 * i, 2 * i, kNow);
  EXPECT_EQ(s.through(), 2 * 3 * Sequences::kMaxRuns);
  EXPECT_EQ(s.skipped(), 3 * Sequences::kMaxRuns);
}

}  // namespace
}  // namespace breakwater::merge
