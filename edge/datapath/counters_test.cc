// Counters are exact whatever happens meanwhile: swaps, hosts without a place, hosts that go idle; and samples stand for
// what wasn't sampled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/packet_builder.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

Bytes To(const net::IpAddress& destination, uint16_t source_port = 1000) {
  return Frame({.source = Ip("192.0.2.1"), .destination = destination, .protocol = 17}, Udp(source_port, 2000, {}));
}
Bytes To(std::string_view destination, uint16_t source_port = 1000) { return To(Ip(destination), source_port); }

std::map<net::IpAddress, uint64_t> Packets(const SlotCounters& counters) {
  std::map<net::IpAddress, uint64_t> packets;
  for (const HostCounts& host : counters.hosts) packets[host.destination] += host.counts.packets;
  return packets;
}

class CountersTest : public testing::Test {
 protected:
  void Install(const Ruleset& ruleset) {
    absl::StatusOr<InstallReport> report = engine_->Install(ruleset);
    ASSERT_TRUE(report.ok()) << report.status();
    ASSERT_TRUE(report->refused.empty()) << report->refused[0].status;
  }
  Verdict Process(const Bytes& frame, absl::Duration after = absl::ZeroDuration()) {
    return *engine_->Process(frame, kStart + after);
  }
  // 8 places: one set.
  std::unique_ptr<Engine> engine_ = *NewNativeEngine({.host_table_entries = 8});
};

TEST_F(CountersTest, RuleCountersSurviveSwapsAndKeepTheirSlot) {
  Ruleset ruleset{.revision = 1, .policies = {Open("203.0.113.0/24")}, .rules = {Rule("b", 7, "udp.srcport == 1000")}};
  Install(ruleset);
  Process(To("203.0.113.1"));
  ruleset.rules.insert(ruleset.rules.begin(), Rule("a", 9, "udp.srcport == 53"));
  Install(ruleset);
  Process(To("203.0.113.1"));
  ruleset.rules.clear();
  Install(ruleset);
  Process(To("203.0.113.1"));
  SlotCounters counters = *engine_->TakeCounters();
  ASSERT_EQ(counters.rules.size(), 1u);
  EXPECT_EQ(counters.rules[0].counter_slot, 7u);
  EXPECT_EQ(counters.rules[0].counts, (window::RuleCounts{2, 56, 2, 56}));
  EXPECT_EQ(Packets(counters)[Ip("203.0.113.1")], 3u);
}

TEST_F(CountersTest, PolicyCountersFollowTheirPrefixThroughSwaps) {
  Install({.revision = 1, .policies = {Open("203.0.113.0/24"), Open("198.18.0.0/16")}});
  Process(To("203.0.113.1"));
  Process(To("198.18.0.1"));
  Process(To("198.18.0.1"));
  Install({.revision = 2, .policies = {Open("192.0.2.0/24"), Open("198.18.0.0/16")}});
  Process(To("198.18.0.1"));
  SlotCounters counters = *engine_->TakeCounters();
  ASSERT_EQ(counters.policies.size(), 1u) << "the first prefix went, its successor starts from zero";
  EXPECT_EQ(counters.policies[0].policy, 1u);
  EXPECT_EQ(counters.policies[0].counts.packets, 3u);
  Process(To("192.0.2.9"));
  counters = *engine_->TakeCounters();
  ASSERT_EQ(counters.policies.size(), 1u);
  EXPECT_EQ(counters.policies[0].policy, 0u);
  EXPECT_EQ(counters.policies[0].counts.packets, 1u);
}

TEST_F(CountersTest, ASlotThatAnotherPrefixTakesOverStartsFromZero) {
  Ruleset full{.revision = 1};
  for (uint32_t i = 0; i < Bounds::kPolicies; i++)
    full.policies.push_back(
        {.prefix = net::IpPrefix(net::IpAddress::FromV4(0xc6120000u + i), 32), .services = {Service{}}});
  Install(full);
  Process(To("198.18.0.0"));
  full.policies[0].prefix = Prefix("203.0.113.0/24");  // takes the only slot that is free
  Install(full);
  Process(To("203.0.113.1"));
  SlotCounters counters = *engine_->TakeCounters();
  ASSERT_EQ(counters.policies.size(), 1u);
  EXPECT_EQ(counters.policies[0].policy, 0u);
  EXPECT_EQ(counters.policies[0].counts.packets, 1u);
}

TEST_F(CountersTest, HostsWithoutAPlaceAreCountedInOther) {
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}});
  for (uint32_t i = 0; i < 20; i++) Process(To(net::IpAddress::FromV4(0xcb007100u + i)));
  SlotCounters counters = *engine_->TakeCounters();
  EXPECT_EQ(counters.hosts.size(), 8u);
  EXPECT_EQ(counters.other[BW_VECTOR_UDP_OTHER].packets, 12u);
  EXPECT_EQ(counters.samples.size(), 20u) << "hosts without a place are sampled as well";
}

TEST_F(CountersTest, IdleHostsGiveUpTheirPlaceAndNothingIsLost) {
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}});
  std::map<net::IpAddress, uint64_t> seen;
  uint64_t other = 0;
  auto take = [&] {
    SlotCounters counters = *engine_->TakeCounters();
    for (const auto& [host, packets] : Packets(counters)) seen[host] += packets;
    other += counters.other[BW_VECTOR_UDP_OTHER].packets;
  };
  auto send = [&](uint32_t first, absl::Duration after) {
    for (uint32_t i = first; i < first + 8; i++) Process(To(net::IpAddress::FromV4(0xcb007100u + i)), after);
  };
  send(0, absl::ZeroDuration());
  take();
  send(0, absl::Seconds(1));
  send(8, absl::Seconds(10));  // no place yet
  take();
  send(16, absl::Seconds(32));
  EXPECT_EQ(other, 8u);
  take();  // says that everything until 2 s is idle and taken
  EXPECT_EQ(other, 16u);
  send(24, absl::Seconds(33));  // takes the places of the first eight
  send(24, absl::Seconds(34));
  take();
  EXPECT_EQ(other, 16u);
  for (uint32_t i = 0; i < 8; i++) {
    EXPECT_EQ(seen[net::IpAddress::FromV4(0xcb007100u + i)], 2u);
    EXPECT_EQ(seen[net::IpAddress::FromV4(0xcb007100u + 24 + i)], 2u);
  }
  EXPECT_EQ(seen.size(), 16u);
}

TEST_F(CountersTest, AHostKeepsItsPlaceUntilItsCountsWereTaken) {
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}});
  for (uint32_t i = 0; i < 8; i++) Process(To(net::IpAddress::FromV4(0xcb007100u + i)));
  Process(To("203.0.113.99"), absl::Hours(1));  // idle for an hour, but nobody has looked
  SlotCounters counters = *engine_->TakeCounters();
  EXPECT_EQ(counters.hosts.size(), 8u);
  EXPECT_EQ(counters.other[BW_VECTOR_UDP_OTHER].packets, 1u);
}

TEST_F(CountersTest, SamplesStandForAllPackets) {
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}});
  for (const int packets : {1, 100, 128, 129, 500, 5'000, 100'000}) {
    SCOPED_TRACE(packets);
    static int epoch = 0;
    const absl::Duration after = absl::Seconds(++epoch);
    for (int i = 0; i < packets; i++) Process(To("203.0.113.1"), after);
    SlotCounters counters = *engine_->TakeCounters();
    uint64_t weight = 0;
    uint32_t largest = 1;
    for (const window::HeaderSample& sample : counters.samples) {
      weight += sample.weight;
      largest = std::max(largest, sample.weight);
    }
    // Exact but for the last stride, of which the sample may not have come yet.
    EXPECT_LE(weight, static_cast<uint64_t>(packets) + largest);
    EXPECT_GE(weight + largest, static_cast<uint64_t>(packets));
    EXPECT_GE(counters.samples.size(), static_cast<size_t>(std::min(packets, 128)));
    EXPECT_LE(counters.samples.size(), 128u * 11);
    EXPECT_EQ(counters.lost_samples, 0u);
  }
}

TEST_F(CountersTest, SamplesAreNotInStepWithTheTraffic) {
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}});
  // Two kinds of packets in turn: a sampler of every second one would see only one kind.
  for (int i = 0; i < 20'000; i++) Process(To("203.0.113.1", i % 2 == 0 ? 1000 : 1001));
  int even = 0;
  SlotCounters counters = *engine_->TakeCounters();
  for (const window::HeaderSample& sample : counters.samples) even += sample.bytes[21] == (1000 & 0xff);
  const double share = even / static_cast<double>(counters.samples.size());
  EXPECT_GT(share, 0.4);
  EXPECT_LT(share, 0.6);
}

TEST_F(CountersTest, TheBudgetOfSamplesIsBoundedAndTheRestCounted) {
  // More hosts than the budget of an epoch has samples.
  std::unique_ptr<Engine> engine = *NewNativeEngine({.host_table_entries = 65536});
  ASSERT_TRUE(engine->Install({.revision = 1, .policies = {Open("198.18.0.0/15")}}).ok());
  for (uint32_t i = 0; i < 20'000; i++)
    ASSERT_TRUE(engine->Process(To(net::IpAddress::FromV4(0xc6120000u + i)), kStart).ok());
  SlotCounters counters = *engine->TakeCounters();
  EXPECT_EQ(counters.samples.size(), 16384u);
  EXPECT_EQ(counters.lost_samples, 20'000u - 16384u);
  ASSERT_TRUE(engine->Process(To("198.18.0.1"), kStart + absl::Milliseconds(200)).ok());
  counters = *engine->TakeCounters();
  EXPECT_EQ(counters.samples.size(), 1u) << "the next epoch has a budget of its own";
  EXPECT_EQ(counters.lost_samples, 0u);
}

TEST_F(CountersTest, UnparsedPacketsCountForTheirDestination) {
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}});
  Bytes cut = To("203.0.113.1");
  cut.resize(38);
  EXPECT_EQ(Process(cut).reason, BW_REASON_PASS_UNPARSED);
  SlotCounters counters = *engine_->TakeCounters();
  ASSERT_EQ(counters.hosts.size(), 1u);
  EXPECT_EQ(counters.hosts[0].vector, BW_VECTOR_UNPARSED);
  EXPECT_EQ(counters.hosts[0].counts.packets, 1u);
}

}  // namespace
}  // namespace breakwater::datapath
