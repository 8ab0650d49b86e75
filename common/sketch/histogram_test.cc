#include <cmath>
#include <random>

#include "common/sketch/exact_histogram.h"
#include "common/sketch/log_histogram.h"
#include "gtest/gtest.h"

namespace breakwater::sketch {
namespace {

TEST(LogHistogramTest, QuantilesAreWithinTheError) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    LogHistogram h(kLatencyLayout);
    std::vector<double> values;
    std::lognormal_distribution<double> latency(9, 1.2);  // microseconds, median 8 ms
    for (int i = 0; i < 4000; ++i) {
      values.push_back(std::min(std::max(latency(random), 101.0), h.max_value()));
      h.Add(values.back());
    }
    std::sort(values.begin(), values.end());
    for (double q : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0}) {
      const double want = values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
      EXPECT_NEAR(h.Quantile(q), want, 0.0501 * want) << "q " << q;
    }
    EXPECT_EQ(h.count(), 4000u);
  }
}

TEST(LogHistogramTest, ValuesOutsideTheRangeAreCounted) {
  LogHistogram h(kLatencyLayout);
  h.Add(0);
  h.Add(-5);
  h.Add(std::nan(""));
  h.Add(100);
  EXPECT_EQ(h.Quantile(1), 100);
  h.Add(1e18, 100);
  h.Add(std::numeric_limits<double>::infinity());
  EXPECT_EQ(h.count(), 105u);
  EXPECT_DOUBLE_EQ(h.Quantile(0.9), h.max_value());
  EXPECT_GT(h.max_value(), 29e6);
}

TEST(LogHistogramTest, EmptyIsZero) { EXPECT_EQ(LogHistogram(kLatencyLayout).Quantile(0.5), 0); }

TEST(LogHistogramTest, MergeIsExact) {
  LogHistogram a(kLatencyLayout);
  LogHistogram b(kLatencyLayout);
  LogHistogram both(kLatencyLayout);
  std::mt19937_64 random(4);
  for (int i = 0; i < 3000; ++i) {
    const double v = static_cast<double>(random() % 1000000);
    (i % 2 == 0 ? a : b).Add(v, 3);
    both.Add(v, 3);
  }
  LogHistogram ba = b;
  ASSERT_TRUE(ba.Merge(a).ok());
  ASSERT_TRUE(a.Merge(b).ok());
  EXPECT_EQ(a, both);
  EXPECT_EQ(ba, both);
}

TEST(LogHistogramTest, MergeRefusesAnotherLayout) {
  LogHistogram a(kLatencyLayout);
  for (const LogHistogramLayout& other : {LogHistogramLayout{.error_permille = 49, .min = 100, .bins = 128},
                                          LogHistogramLayout{.error_permille = 50, .min = 99, .bins = 128},
                                          LogHistogramLayout{.error_permille = 50, .min = 100, .bins = 127}}) {
    EXPECT_EQ(a.Merge(LogHistogram(other)).code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(LogHistogramTest, ValidateNamesTheLimit) {
  EXPECT_FALSE(Validate({.error_permille = 4, .min = 1, .bins = 128}).ok());
  EXPECT_FALSE(Validate({.error_permille = 501, .min = 1, .bins = 128}).ok());
  EXPECT_FALSE(Validate({.error_permille = 50, .min = 0, .bins = 128}).ok());
  EXPECT_FALSE(Validate({.error_permille = 50, .min = 1, .bins = 2}).ok());
  EXPECT_FALSE(Validate({.error_permille = 50, .min = 1, .bins = 129}).ok());
  EXPECT_TRUE(Validate(kLatencyLayout).ok());
  EXPECT_FALSE(LogHistogram::FromBins(kLatencyLayout, {1, 2, 3}).ok());
}

TEST(ExactHistogramTest, CountsAndClips) {
  ExactHistogram h(97);
  h.Add(5, 7);
  h.Add(96);
  h.Add(4000, 2);
  EXPECT_EQ(h.Count(5), 7u);
  EXPECT_EQ(h.Count(96), 3u);
  EXPECT_EQ(h.Count(97), 0u);
  EXPECT_EQ(h.total(), 10u);
}

TEST(ExactHistogramTest, MergeIsAssociativeAndCommutative) {
  std::mt19937_64 random(11);
  std::vector<ExactHistogram> h(3, ExactHistogram(256));
  for (int i = 0; i < 5000; ++i) h[random() % 3].Add(static_cast<uint32_t>(random() % 256), random() % 1000);
  ExactHistogram left = h[0];
  ASSERT_TRUE(left.Merge(h[1]).ok());
  ASSERT_TRUE(left.Merge(h[2]).ok());
  ExactHistogram right = h[2];
  ASSERT_TRUE(right.Merge(h[1]).ok());
  ASSERT_TRUE(right.Merge(h[0]).ok());
  EXPECT_EQ(left, right);
  EXPECT_EQ(left.total(), h[0].total() + h[1].total() + h[2].total());
}

TEST(ExactHistogramTest, RefusesOtherDomains) {
  ExactHistogram a(256);
  EXPECT_EQ(a.Merge(ExactHistogram(97)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(ExactHistogram::FromCounts({}).ok());
  EXPECT_FALSE(ExactHistogram::FromCounts(std::vector<uint64_t>(257)).ok());
}

}  // namespace
}  // namespace breakwater::sketch
