#include "common/window/target_sketches.h"

#include <random>

#include "common/window/testing.h"
#include "gtest/gtest.h"

namespace breakwater::window {
namespace {

const net::IpAddress kV6 = *net::IpAddress::Parse("2001:db8::1");

TEST(TargetSketchesTest, CountsWhatASampleStandsFor) {
  std::mt19937_64 random(1);
  HeaderSample s = testing::RandomSample(random, testing::kStart, testing::HostTarget(1).prefix.address());
  s.source = *net::IpAddress::Parse("198.51.100.9");
  s.weight = 30;
  s.ip_length = 468;
  s.bytes[8] = 57;
  s.bytes[20] = 0;
  s.bytes[21] = 53;
  TargetSketches t(testing::kSeed);
  t.Add(s, 64500);
  EXPECT_EQ(t.sources.Estimate(*net::IpPrefix::Parse("198.51.100.9/32")).lower, 30u);
  EXPECT_EQ(t.networks.Estimate(*net::IpPrefix::Parse("198.51.100.0/24")).lower, 30u);
  EXPECT_EQ(t.asns.Estimate(64500).lower, 30u);
  EXPECT_NEAR(t.distinct_sources.Estimate(), 1, 0.01);
  EXPECT_EQ(t.lengths.Count(468 / 16), 30u);
  EXPECT_EQ(t.ttls.Count(57), 30u);
  EXPECT_EQ(t.tcp_flags.total(), 0u);
  EXPECT_EQ(t.source_ports.Estimate(53).lower, 30u);
  s.ip_length = 9000;
  t.Add(s);
  EXPECT_EQ(t.lengths.Count(96), 30u);
  EXPECT_EQ(t.asns.total(), 30u);
}

TEST(TargetSketchesTest, AddressesOfOneSixtyFourAreOneSource) {
  std::mt19937_64 random(1);
  TargetSketches t(testing::kSeed);
  HeaderSample s = testing::RandomSample(random, testing::kStart, kV6);
  for (const char* source : {"2001:db8:5:6::1", "2001:db8:5:6::2", "2001:db8:5:7::1"}) {
    s.source = *net::IpAddress::Parse(source);
    s.weight = 1;
    t.Add(s);
  }
  EXPECT_EQ(t.sources.Estimate(*net::IpPrefix::Parse("2001:db8:5:6::/64")).lower, 2u);
  EXPECT_EQ(t.networks.Estimate(*net::IpPrefix::Parse("2001:db8:5::/48")).lower, 3u);
  EXPECT_NEAR(t.distinct_sources.Estimate(), 2, 0.01);
}

TEST(TargetSketchesTest, MergeIsAllOrNothing) {
  std::mt19937_64 random(2);
  const HeaderSample s = testing::RandomSample(random, testing::kStart, kV6);
  TargetSketches a(1);
  a.Add(s);
  TargetSketches b(2);
  b.Add(s);
  const TargetSketches before = a;
  EXPECT_FALSE(a.Merge(b).ok());
  EXPECT_EQ(a, before);
  TargetSketches c(1);
  c.Add(s);
  ASSERT_TRUE(a.Merge(c).ok());
  EXPECT_EQ(a.sources.total(), 2 * static_cast<uint64_t>(s.weight));
}

}  // namespace
}  // namespace breakwater::window
