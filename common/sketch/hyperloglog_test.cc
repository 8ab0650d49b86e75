#include "common/sketch/hyperloglog.h"

#include <array>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace breakwater::sketch {
namespace {

void AddNumber(HyperLogLog& sketch, uint64_t n) {
  std::array<uint8_t, 8> bytes;
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(n >> (8 * i));
  sketch.Add(bytes);
}

HyperLogLog Random(std::mt19937_64& random, uint64_t seed, int n) {
  HyperLogLog sketch(seed);
  for (int i = 0; i < n; ++i) AddNumber(sketch, random() % 100000);
  return sketch;
}

TEST(HyperLogLogTest, EmptyIsZero) {
  HyperLogLog s(7);
  EXPECT_EQ(s.Estimate(), 0);
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(s.Encode(), "");
}

TEST(HyperLogLogTest, RepeatedKeysCountOnce) {
  HyperLogLog s(7);
  for (int i = 0; i < 1000; ++i) AddNumber(s, 42);
  EXPECT_NEAR(s.Estimate(), 1, 0.01);
}

// Over many seeds the mean error is near 0 and the spread near the documented one, at every size.
TEST(HyperLogLogTest, ErrorIsAsDocumented) {
  for (int n : {50, 1000, 5000, 12000, 100000}) {
    constexpr int kRounds = 30;
    double sum = 0;
    double squares = 0;
    for (uint64_t seed = 1; seed <= kRounds; ++seed) {
      HyperLogLog s(seed);
      for (int i = 0; i < n; ++i) AddNumber(s, static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15u);
      const double error = s.Estimate() / n - 1;
      EXPECT_LT(std::fabs(error), 4 * HyperLogLog::kStandardError) << "n " << n << " seed " << seed;
      sum += error;
      squares += error * error;
    }
    EXPECT_LT(std::fabs(sum / kRounds), 4 * HyperLogLog::kStandardError / std::sqrt(kRounds)) << n;
    EXPECT_LT(std::sqrt(squares / kRounds), 1.4 * HyperLogLog::kStandardError) << n;
  }
}

TEST(HyperLogLogTest, MergeIsTheUnion) {
  HyperLogLog a(3);
  HyperLogLog b(3);
  HyperLogLog both(3);
  for (uint64_t i = 0; i < 6000; ++i) {
    AddNumber(i % 3 == 0 ? a : b, i);
    AddNumber(both, i);
  }
  ASSERT_TRUE(a.Merge(b).ok());
  EXPECT_EQ(a, both);
}

TEST(HyperLogLogTest, MergeIsAssociativeCommutativeIdempotent) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const HyperLogLog a = Random(random, 9, static_cast<int>(random() % 5000));
    const HyperLogLog b = Random(random, 9, static_cast<int>(random() % 50));
    const HyperLogLog c = Random(random, 9, static_cast<int>(random() % 500));
    HyperLogLog left = a;
    ASSERT_TRUE(left.Merge(b).ok());
    HyperLogLog ba = b;
    ASSERT_TRUE(ba.Merge(a).ok());
    EXPECT_EQ(left, ba);
    ASSERT_TRUE(left.Merge(c).ok());
    HyperLogLog bc = b;
    ASSERT_TRUE(bc.Merge(c).ok());
    HyperLogLog right = a;
    ASSERT_TRUE(right.Merge(bc).ok());
    EXPECT_EQ(left, right);
    HyperLogLog again = left;
    ASSERT_TRUE(again.Merge(left).ok());
    EXPECT_EQ(again, left);
  }
}

TEST(HyperLogLogTest, MergeRefusesAnotherSeed) {
  HyperLogLog a(1);
  AddNumber(a, 1);
  const HyperLogLog before = a;
  HyperLogLog b(2);
  AddNumber(b, 2);
  EXPECT_EQ(a.Merge(b).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(a, before);
}

TEST(HyperLogLogTest, EncodingRoundTripsAndIsBounded) {
  for (int n : {1, 10, 100, 1000, 1500, 2000, 5000, 100000}) {
    std::mt19937_64 random(static_cast<uint64_t>(n));
    HyperLogLog s = Random(random, 5, n);
    const std::string encoded = s.Encode();
    EXPECT_LE(encoded.size(), HyperLogLog::kMaxEncodedBytes);
    EXPECT_LE(encoded.size(), 1 + static_cast<size_t>(n) * 3);
    absl::StatusOr<HyperLogLog> back = HyperLogLog::Decode(5, encoded);
    ASSERT_TRUE(back.ok()) << back.status() << " n " << n;
    EXPECT_EQ(*back, s) << n;
  }
}

TEST(HyperLogLogTest, DecodeRefusesNonsense) {
  using namespace std::string_literals;
  EXPECT_FALSE(HyperLogLog::Decode(1, "\x03"s).ok());                  // unknown kind
  EXPECT_FALSE(HyperLogLog::Decode(1, "\x01"s).ok());                  // nothing in it
  EXPECT_FALSE(HyperLogLog::Decode(1, "\x01\x80"s).ok());              // cut short
  EXPECT_FALSE(HyperLogLog::Decode(1, "\x01\xff\xff\xff\x7f"s).ok());  // number too long
  EXPECT_FALSE(HyperLogLog::Decode(1, "\x01\xff\xff\x7f"s).ok());      // register out of range
  EXPECT_FALSE(HyperLogLog::Decode(1, "\x01\x40"s).ok());              // rank 0
  EXPECT_FALSE(HyperLogLog::Decode(1, "\x01\x3f"s).ok());              // rank 63
  EXPECT_FALSE(HyperLogLog::Decode(1, "\x02\x01"s).ok());              // dense, too short
  EXPECT_FALSE(HyperLogLog::Decode(1, std::string(1, 2) + std::string(3072, '\xff')).ok());
  EXPECT_FALSE(HyperLogLog::Decode(1, std::string(1, 2) + std::string(3072, '\0')).ok());
  EXPECT_FALSE(HyperLogLog::Decode(1, std::string(4000, '\x01')).ok());
  EXPECT_TRUE(HyperLogLog::Decode(1, "\x01\x01"s).ok());
}

TEST(HyperLogLogTest, DecodeNeverCrashes) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    std::string bytes(random() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (!bytes.empty()) bytes[0] = static_cast<char>(1 + random() % 2);
    absl::StatusOr<HyperLogLog> s = HyperLogLog::Decode(1, bytes);
    if (s.ok()) {
      EXPECT_GE(s->Estimate(), 0) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace breakwater::sketch
