#include "common/detect/predicate.h"

#include <vector>

#include "gtest/gtest.h"

namespace breakwater::detect {
namespace {

// Every value twice.
std::optional<Predicate> TightestTtl(const std::vector<uint32_t>& values) {
  std::vector<Valued> valued;
  for (const uint32_t v : values) valued.push_back({v, 2, 2});
  const auto rows = static_cast<int>(2 * values.size());
  return Tightest(kTtl, valued, rows, rows, Tightness{});
}

TEST(PredicateTest, ARangeOfWhichFewValuesWereSampledHasNoHoles) {
  std::vector<uint32_t> values;
  for (uint32_t ttl = 230; ttl <= 250; ++ttl) {
    if (ttl != 235 && ttl != 241) values.push_back(ttl);
  }
  const std::optional<Predicate> p = TightestTtl(values);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->intervals, (std::vector<rule::Interval>{{230, 250}}));
}

TEST(PredicateTest, ValuesFarApartStayAList) {
  const std::optional<Predicate> p = TightestTtl({50, 51, 52, 113, 114, 240});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->intervals, (std::vector<rule::Interval>{{50, 52}, {113, 114}, {240, 240}}));
}

}  // namespace
}  // namespace breakwater::detect
