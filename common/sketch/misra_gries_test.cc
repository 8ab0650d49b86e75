#include "common/sketch/misra_gries.h"

#include <map>
#include <random>

#include "gtest/gtest.h"

namespace breakwater::sketch {
namespace {

using Sketch = MisraGries<uint32_t>;
using Truth = std::map<uint32_t, uint64_t>;

// Zipf-like keys with weights from 1 to 2^max_weight_bits.
void Fill(std::mt19937_64& random, int n, int max_weight_bits, Sketch& sketch, Truth& truth) {
  for (int i = 0; i < n; ++i) {
    const double u = std::generate_canonical<double, 53>(random);
    const auto key = static_cast<uint32_t>(1 / (u * u + 1e-6)) * 7919u;
    const uint64_t weight = 1 + random() % (uint64_t{1} << (random() % static_cast<uint64_t>(max_weight_bits + 1)));
    sketch.Add(key, weight);
    truth[key] += weight;
  }
}

void ExpectBounds(const Sketch& sketch, const Truth& truth, uint64_t seed) {
  uint64_t total = 0;
  for (const auto& [key, weight] : truth) total += weight;
  ASSERT_EQ(sketch.total(), total) << "seed " << seed;
  ASSERT_LE(sketch.error(), total / (sketch.k() + 1)) << "seed " << seed;
  for (const auto& [key, weight] : truth) {
    const Sketch::Entry e = sketch.Estimate(key);
    ASSERT_LE(e.lower, weight) << "seed " << seed << " key " << key;
    ASSERT_GE(e.upper, weight) << "seed " << seed << " key " << key;
    if (weight > total / (sketch.k() + 1)) {
      ASSERT_GT(e.lower, 0u) << "seed " << seed << " key " << key;
    }
  }
}

TEST(MisraGriesTest, ExactUpToKKeys) {
  Sketch s(4);
  for (uint32_t key : {1u, 2u, 3u, 4u}) s.Add(key, key * 10);
  EXPECT_EQ(s.error(), 0u);
  EXPECT_EQ(s.Estimate(3).lower, 30u);
  EXPECT_EQ(s.Estimate(3).upper, 30u);
  EXPECT_EQ(s.Estimate(9).upper, 0u);
  auto top = s.Top(2);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].key, 4u);
  EXPECT_EQ(top[1].key, 3u);
}

TEST(MisraGriesTest, WeightOfNothingChangesNothing) {
  Sketch s(2);
  s.Add(1, 0);
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(s.size(), 0u);
}

TEST(MisraGriesTest, CompactSubtractsTheNextLargest) {
  Sketch s(2);
  s.Add(1, 10);
  s.Add(2, 7);
  s.Add(3, 4);
  s.Add(4, 1);
  s.Compact();
  EXPECT_EQ(s.error(), 4u);
  EXPECT_EQ(s.size(), 2u);
  EXPECT_EQ(s.Estimate(1).lower, 6u);
  EXPECT_EQ(s.Estimate(2).lower, 3u);
  EXPECT_EQ(s.Estimate(4).upper, 4u);
}

TEST(MisraGriesTest, BoundsHoldForAnyStream) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Sketch sketch(1 + static_cast<uint32_t>(random() % 200));
    Truth truth;
    Fill(random, 3000, static_cast<int>(seed % 20), sketch, truth);
    ExpectBounds(sketch, truth, seed);
    sketch.Compact();
    ASSERT_LE(sketch.size(), sketch.k());
    ExpectBounds(sketch, truth, seed);
  }
}

TEST(MisraGriesTest, BoundsHoldUnderAnyTreeOfMerges) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto k = 1 + static_cast<uint32_t>(random() % 100);
    Truth truth;
    std::vector<Sketch> forest;
    for (int i = 0; i < 12; ++i) {
      forest.emplace_back(k);
      Fill(random, static_cast<int>(random() % 1200), 8, forest.back(), truth);
    }
    while (forest.size() > 1) {
      const size_t a = random() % forest.size();
      Sketch taken = std::move(forest[a]);
      forest.erase(forest.begin() + static_cast<std::ptrdiff_t>(a));
      ASSERT_TRUE(forest[random() % forest.size()].Merge(taken).ok());
    }
    ExpectBounds(forest[0], truth, seed);
    ASSERT_LE(forest[0].size(), k);
  }
}

TEST(MisraGriesTest, MergeCommutesExactly) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto k = 1 + static_cast<uint32_t>(random() % 60);
    Sketch a(k);
    Sketch b(k);
    Truth truth;
    Fill(random, 900, 6, a, truth);
    Fill(random, 700, 6, b, truth);
    Sketch ab = a;
    Sketch ba = b;
    ASSERT_TRUE(ab.Merge(b).ok());
    ASSERT_TRUE(ba.Merge(a).ok());
    ASSERT_EQ(ab, ba);
  }
}

TEST(MisraGriesTest, MergeRefusesAnotherK) {
  Sketch a(4);
  a.Add(1);
  Sketch b(5);
  b.Add(2);
  const Sketch before = a;
  absl::Status s = a.Merge(b);
  EXPECT_EQ(s.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(s.message()).find("k = 5"), std::string::npos);
  EXPECT_EQ(a, before);
}

TEST(MisraGriesTest, CountsSaturate) {
  Sketch s(2);
  s.Add(1, ~uint64_t{0});
  s.Add(1, 5);
  EXPECT_EQ(s.total(), ~uint64_t{0});
  EXPECT_EQ(s.Estimate(1).lower, ~uint64_t{0});
  EXPECT_EQ(s.Estimate(1).upper, ~uint64_t{0});
}

TEST(MisraGriesTest, FromCountersRefusesTheImpossible) {
  EXPECT_TRUE(Sketch::FromCounters(2, 10, 1, {{1, 4}, {2, 3}}).ok());
  EXPECT_FALSE(Sketch::FromCounters(2, 10, 1, {{1, 4}, {2, 4}}).ok());  // 8 + 3 > 10
  EXPECT_FALSE(Sketch::FromCounters(2, 10, 4, {}).ok());                // error over 10 / 3
  EXPECT_FALSE(Sketch::FromCounters(2, 10, ~uint64_t{0}, {}).ok());
  EXPECT_FALSE(Sketch::FromCounters(2, 10, 0, {{1, 1}, {1, 2}}).ok());          // twice the same
  EXPECT_FALSE(Sketch::FromCounters(2, 10, 0, {{1, 0}}).ok());                  // a counter of 0
  EXPECT_FALSE(Sketch::FromCounters(2, 10, 0, {{1, 1}, {2, 1}, {3, 1}}).ok());  // over k
  EXPECT_FALSE(Sketch::FromCounters(0, 10, 0, {}).ok());
  EXPECT_FALSE(Sketch::FromCounters(kMaxMisraGriesK + 1, 10, 0, {}).ok());
}

TEST(MisraGriesDeathTest, RefusesKOutOfRange) { EXPECT_DEATH(Sketch(0), "k is not in"); }

}  // namespace
}  // namespace breakwater::sketch
