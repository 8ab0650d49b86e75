#include "common/fleet/set_hash.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace breakwater::fleet {
namespace {

TEST(SetHashTest, EmptyIsEmptyAndOneRuleIsItsSha256) {
  SetHash hash;
  EXPECT_EQ(hash.bytes(), "");
  hash.Add("abc");
  const std::string bytes = hash.bytes();
  ASSERT_EQ(bytes.size(), 32u);
  // SHA-256("abc"), FIPS 180-2: ba7816bf … f20015ad.
  EXPECT_EQ(static_cast<uint8_t>(bytes[0]), 0xba);
  EXPECT_EQ(static_cast<uint8_t>(bytes[3]), 0xbf);
  EXPECT_EQ(static_cast<uint8_t>(bytes[28]), 0xf2);
  EXPECT_EQ(static_cast<uint8_t>(bytes[31]), 0xad);
  hash.Remove("abc");
  EXPECT_EQ(hash.bytes(), "");
}

TEST(SetHashTest, OrderDoesntMatterAndRemovalUndoesAdding) {
  const unsigned seed = 20261123;
  std::mt19937 random(seed);
  std::vector<std::string> rules;
  for (int i = 0; i < 500; ++i) rules.push_back("rule " + std::to_string(i));
  SetHash in_order;
  for (const std::string& rule : rules) in_order.Add(rule);
  std::shuffle(rules.begin(), rules.end(), random);
  SetHash shuffled;
  for (const std::string& rule : rules) {
    shuffled.Add(rule);
    shuffled.Add("passing " + rule);
  }
  EXPECT_NE(shuffled, in_order) << "seed " << seed;
  std::shuffle(rules.begin(), rules.end(), random);
  for (const std::string& rule : rules) shuffled.Remove("passing " + rule);
  EXPECT_EQ(shuffled, in_order) << "seed " << seed;
  EXPECT_EQ(shuffled.bytes(), in_order.bytes());
}

TEST(SetHashTest, AddingPastTheTopWrapsAround) {
  SetHash hash;
  hash.Remove("abc");  // 2^256 - SHA-256("abc")
  EXPECT_EQ(hash.bytes().size(), 32u);
  hash.Add("abc");
  EXPECT_EQ(hash, SetHash());
}

}  // namespace
}  // namespace breakwater::fleet
