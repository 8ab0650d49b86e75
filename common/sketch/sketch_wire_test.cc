#include "common/sketch/sketch_wire.h"

#include <array>
#include <random>

#include "gtest/gtest.h"

namespace breakwater::sketch {
namespace {

namespace v1 = ::breakwater::v1;

TEST(SketchWireTest, RoundTrips) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    HyperLogLog hll(seed);
    ExactHistogram exact(256);
    LogHistogram log(kLatencyLayout);
    MisraGries<uint32_t> heavy(64);
    for (uint64_t i = 0; i < (seed - 1) * 200; ++i) {
      const auto value = static_cast<uint32_t>(random());
      const std::array<uint8_t, 4> key = {static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8),
                                          static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 24)};
      hll.Add(key);
      exact.Add(value % 256);
      log.Add(value % 1000000);
      heavy.Add(value % 300);
    }
    EXPECT_EQ(*FromProto(ToProto(hll)), hll);
    EXPECT_EQ(*FromProto(ToProto(exact)), exact);
    EXPECT_EQ(*FromProto(ToProto(log)), log);
    const v1::NumberHeavyHitters message = ToProto(heavy);
    EXPECT_LE(message.keys_size(), 64);
    heavy.Compact();
    EXPECT_EQ(*FromProto(message), heavy);
  }
}

TEST(SketchWireTest, DistinctCountNeedsItsPrecision) {
  v1::DistinctCount m = ToProto(HyperLogLog(1));
  m.set_precision(14);
  absl::Status s = FromProto(m).status();
  EXPECT_EQ(s.message(), "precision is 14, must be 12");
}

TEST(SketchWireTest, HistogramsRefuseWhatCannotBe) {
  v1::ExactHistogram good = ToProto(ExactHistogram(16));
  EXPECT_TRUE(FromProto(good).ok());
  v1::ExactHistogram m = good;
  m.set_domain(257);
  EXPECT_FALSE(FromProto(m).ok());
  m.set_domain(0);
  EXPECT_FALSE(FromProto(m).ok());
  m = good;
  m.add_gaps(1);
  EXPECT_FALSE(FromProto(m).ok());  // no count for it
  m.add_counts(0);
  EXPECT_FALSE(FromProto(m).ok());  // count 0
  m.set_counts(0, kMaxWireCount + 1);
  EXPECT_FALSE(FromProto(m).ok());
  m.set_counts(0, kMaxWireCount);
  EXPECT_TRUE(FromProto(m).ok());
  m.add_gaps(16);
  m.add_counts(1);
  EXPECT_FALSE(FromProto(m).ok());  // value 16
  m.set_gaps(1, 0xffffffff);
  EXPECT_FALSE(FromProto(m).ok());
  m.set_gaps(1, 0);
  EXPECT_FALSE(FromProto(m).ok());

  v1::LogHistogram log = ToProto(LogHistogram(kLatencyLayout));
  log.set_bins(4000000000u);
  EXPECT_FALSE(FromProto(log).ok());
}

TEST(SketchWireTest, HeavyHittersRefuseWhatCannotBe) {
  MisraGries<uint32_t> heavy(2);
  heavy.Add(80, 5);
  v1::NumberHeavyHitters m = ToProto(heavy);
  m.set_total(kMaxWireCount + 1);
  EXPECT_FALSE(FromProto(m).ok());
  m.set_total(4);
  EXPECT_FALSE(FromProto(m).ok());  // counters over the total
  m.set_total(5);
  EXPECT_TRUE(FromProto(m).ok());
  m.add_keys(443);
  EXPECT_FALSE(FromProto(m).ok());  // no count for it
}

}  // namespace
}  // namespace breakwater::sketch
