#include "common/window/slot.h"

#include <random>

#include "common/window/testing.h"
#include "gtest/gtest.h"

namespace breakwater::window {
namespace {

using testing::HostTarget;

size_t CountTargets(const Slot& slot, bool hosts) {
  absl::flat_hash_map<Target, int> targets;
  for (const auto& [key, counts] : slot.traffic) {
    if (key.target.is_host() == hosts) ++targets[key.target];
  }
  return targets.size();
}

TEST(SlotTest, TopNKeepsTheLargestWithAllTheirVectors) {
  Slot slot;
  slot.traffic[{HostTarget(1), BW_VECTOR_TCP_SYN}] = {100, 6000, 1, 60};
  slot.traffic[{HostTarget(1), BW_VECTOR_TCP_ACK}] = {1, 40, 0, 0};
  slot.traffic[{HostTarget(2), BW_VECTOR_TCP_SYN}] = {10, 600, 2, 120};
  slot.traffic[{HostTarget(3), BW_VECTOR_UDP_DNS}] = {20, 60000, 0, 0};  // few packets, many bytes
  slot = TopN(std::move(slot), {.hosts = 2, .groups = 2});
  EXPECT_EQ(slot.traffic.size(), 3u);
  EXPECT_TRUE(slot.traffic.contains({HostTarget(1), BW_VECTOR_TCP_ACK}));
  EXPECT_TRUE(slot.traffic.contains({HostTarget(3), BW_VECTOR_UDP_DNS}));
  EXPECT_EQ(slot.other[BW_VECTOR_TCP_SYN], (Counts{10, 600, 2, 120}));
  EXPECT_EQ(slot.other_groups[BW_VECTOR_TCP_SYN], Counts{});
}

TEST(SlotTest, TopNOfPrefixesLeavesHostsAlone) {
  Slot slot;
  const Target small = Target::Prefix(net::IpPrefix(net::IpAddress::FromV4(0xcb007100), 24));
  slot.traffic[{HostTarget(1), BW_VECTOR_TCP_SYN}] = {10, 600, 0, 0};
  slot.traffic[{small, BW_VECTOR_TCP_SYN}] = {10, 600, 0, 0};
  slot.traffic[{Target{{}, "site"}, static_cast<Vector>(64)}] = {100, 0, 0, 0};
  slot = TopN(std::move(slot), {.hosts = 1, .groups = 1});
  EXPECT_EQ(slot.traffic.size(), 2u);
  EXPECT_FALSE(slot.traffic.contains({small, BW_VECTOR_TCP_SYN}));
  EXPECT_EQ(slot.other_groups[BW_VECTOR_TCP_SYN].packets, 10u);
  EXPECT_EQ(slot.other[BW_VECTOR_TCP_SYN], Counts{});
}

TEST(SlotTest, TopNPreservesTotalsExactly) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Slot slot = testing::RandomSlot(random, 60);
    const size_t hosts = random() % 70;
    const size_t groups = random() % 4;
    const Slot cut = TopN(slot, {.hosts = hosts, .groups = groups});
    EXPECT_EQ(Totals(cut), Totals(slot));
    EXPECT_EQ(GroupTotals(cut), GroupTotals(slot));
    EXPECT_EQ(cut.rules, slot.rules);
    EXPECT_EQ(CountTargets(cut, true), std::min(hosts, CountTargets(slot, true)));
    EXPECT_EQ(CountTargets(cut, false), std::min(groups, CountTargets(slot, false)));
  }
}

TEST(SlotTest, EqualTargetsAreChosenInOneOrder) {
  Slot slot;
  for (uint32_t i = 0; i < 50; ++i) slot.traffic[{HostTarget(i), BW_VECTOR_TCP_SYN}] = {7, 280, 0, 0};
  const Slot cut = TopN(slot, {.hosts = 3, .groups = 0});
  for (uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(cut.traffic.contains({HostTarget(i), BW_VECTOR_TCP_SYN})) << i;
}

TEST(SlotTest, MergeIsAssociativeAndCommutativeAndKeepsTotals) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Slot a = testing::RandomSlot(random, 20);
    const Slot b = testing::RandomSlot(random, 20);
    const Slot c = testing::RandomSlot(random, 20);
    EXPECT_TRUE(testing::SameCounters(Merge(a, b), Merge(b, a)));
    EXPECT_TRUE(testing::SameCounters(Merge(Merge(a, b), c), Merge(a, Merge(b, c))));
    const auto total = Totals(Merge(a, b));
    for (size_t v = 0; v < BW_VECTOR_MAX; ++v) {
      Counts want = Totals(a)[v];
      want += Totals(b)[v];
      EXPECT_EQ(total[v], want) << v;
    }
  }
}

TEST(SlotTest, MergeOfNeighboursSpansBoth) {
  Slot a;
  a.start = testing::kStart;
  Slot b;
  b.start = testing::kStart + kSlotLength;
  const Slot ab = Merge(a, b);
  EXPECT_EQ(ab.start, testing::kStart);
  EXPECT_EQ(ab.length, kSlotLength * 2);
  EXPECT_EQ(Merge(a, a).length, kSlotLength);
}

}  // namespace
}  // namespace breakwater::window
