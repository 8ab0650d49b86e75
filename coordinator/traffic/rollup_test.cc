#include "coordinator/traffic/rollup.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::traffic {
namespace {

using window::Counts;
const absl::Time kStart = absl::FromUnixSeconds(1700000040);

TEST(RollupTest, AddsUpByStepAndForgets) {
  Rollup minutes(absl::Minutes(1), absl::Minutes(10));
  minutes.Add(kStart + absl::Seconds(3), {1, 2, 0, 0});
  minutes.Add(kStart + absl::Seconds(59), {4, 8, 1, 2});
  ASSERT_NE(minutes.Find(kStart), nullptr);
  EXPECT_EQ(*minutes.Find(kStart), (Counts{5, 10, 1, 2}));
  EXPECT_EQ(minutes.Find(kStart + absl::Minutes(1)), nullptr);
  store::Batch batch;
  minutes.TakeWrites("traffic/m/eu/", batch);
  ASSERT_EQ(batch.size(), 1u);
  EXPECT_EQ(batch[0].key, "traffic/m/eu/1700000040");
  EXPECT_EQ(batch[0].value, "1 5 10 1 2");
  batch.clear();
  minutes.TakeWrites("traffic/m/eu/", batch);
  EXPECT_TRUE(batch.empty());
  minutes.Expire(kStart + absl::Minutes(10));
  EXPECT_NE(minutes.Find(kStart), nullptr);
  minutes.Expire(kStart + absl::Minutes(11));
  EXPECT_EQ(minutes.Find(kStart), nullptr);
  minutes.TakeWrites("traffic/m/eu/", batch);
  ASSERT_EQ(batch.size(), 1u);
  EXPECT_EQ(batch[0].value, std::nullopt);
}

TEST(RollupTest, TextOfCounts) {
  const Counts c{1, 18446744073709551615u, 3, 4};
  EXPECT_EQ(*ParseCounts(CountsText(c)), c);
  for (const char* bad : {"", "1", "1 2 3 4", "1 2 3 4 5 6", "2 1 2 3 4", "1 2 3 4 x", "1 2 3 4 5 ", "1 -2 3 4 5",
                          "1 2 3 4 18446744073709551616"}) {
    EXPECT_EQ(ParseCounts(bad).status().code(), absl::StatusCode::kDataLoss) << bad;
  }
}

}  // namespace
}  // namespace breakwater::traffic
