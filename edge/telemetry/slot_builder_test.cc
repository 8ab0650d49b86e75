#include "edge/telemetry/slot_builder.h"

#include <gtest/gtest.h>

namespace breakwater::telemetry {
namespace {

using window::Target;

net::IpAddress Address(const char* text) { return *net::IpAddress::Parse(text); }
net::IpPrefix Prefix(const char* text) { return *net::IpPrefix::Parse(text); }
datapath::HostCounts Host(const char* address, uint64_t packets) {
  return {Address(address), BW_VECTOR_TCP_SYN, {.packets = packets, .bytes = packets * 40}};
}

TEST(SlotBuilderTest, HostsOfAWidePrefixAreSummedPer24WhenThereAreSeveral) {
  SlotBuilder builder;
  builder.SetRuleset({.policies = {{.prefix = Prefix("0.0.0.0/0")}}});
  datapath::SlotCounters counters;
  counters.hosts = {Host("203.0.113.1", 10), Host("203.0.113.2", 5), Host("198.51.100.9", 7)};
  counters.policies = {{0, BW_VECTOR_TCP_SYN, {.packets = 22}}};
  const window::Slot slot = builder.Build(absl::FromUnixSeconds(1), counters);
  EXPECT_EQ(slot.traffic.at({Target::Host(Address("203.0.113.1")), BW_VECTOR_TCP_SYN}).packets, 10u);
  EXPECT_EQ(slot.traffic.at({Target::Prefix(Prefix("203.0.113.0/24")), BW_VECTOR_TCP_SYN}).packets, 15u);
  EXPECT_FALSE(slot.traffic.contains({Target::Prefix(Prefix("198.51.100.0/24")), BW_VECTOR_TCP_SYN}));
  EXPECT_FALSE(slot.traffic.contains({Target::Prefix(Prefix("0.0.0.0/0")), BW_VECTOR_TCP_SYN}));
  EXPECT_EQ(slot.traffic.size(), 4u);
}

TEST(SlotBuilderTest, AProtectedPrefixIsCountedFromThePolicyNotFromItsHosts) {
  SlotBuilder builder;
  builder.SetRuleset({.policies = {{.prefix = Prefix("203.0.113.0/24")}}});
  datapath::SlotCounters counters;
  // The host table had no place for most of the carpet.
  counters.hosts = {Host("203.0.113.1", 10), Host("203.0.113.2", 5)};
  counters.policies = {{0, BW_VECTOR_TCP_SYN, {.packets = 1000}}};
  const window::Slot slot = builder.Build(absl::FromUnixSeconds(1), counters);
  EXPECT_EQ(slot.traffic.at({Target::Prefix(Prefix("203.0.113.0/24")), BW_VECTOR_TCP_SYN}).packets, 1000u);
}

TEST(SlotBuilderTest, RuleCountsCarryTheIdOfTheRuleInForce) {
  SlotBuilder builder;
  datapath::Ruleset ruleset;
  ruleset.rules.push_back({.rule = {}, .counter_slot = 9});
  ruleset.rules.back().rule.id = "sig-1";
  builder.SetRuleset(ruleset);
  datapath::SlotCounters counters;
  counters.rules = {{9, {.matched_packets = 3}}, {10, {.matched_packets = 4}}};
  const window::Slot slot = builder.Build(absl::FromUnixSeconds(1), counters);
  ASSERT_EQ(slot.rules.size(), 1u);
  EXPECT_EQ(slot.rules.at("sig-1").matched_packets, 3u);
}

}  // namespace
}  // namespace breakwater::telemetry
