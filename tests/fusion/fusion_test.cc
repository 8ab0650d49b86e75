// What no edge sees alone, the coordinator finds; see README.md. The numbers that are printed are the measured ones;
// addresses of captures never are.
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "common/rule/expr.h"
#include "common/window/sample_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fusion/capture_packets.h"
#include "tests/fusion/fleet.h"
#include "tests/fusion/traffic.h"

namespace breakwater::fusion {
namespace {

using attacks::Proposal;
using detect::Random;
using window::HeaderSample;

constexpr size_t kEdges = 3;
const net::IpAddress kSite = net::IpAddress::FromV4(0xc0000207);  // 192.0.2.7

struct Outcome {
  std::optional<absl::Time> proposed;
  double attack_matched = 0;  // share of the packets after the proposal that some signature matches
  double clean_matched = 0;   // of all clean packets
};

Outcome Judge(const Fleet& fleet, const std::vector<Timed>& packets) {
  Outcome out;
  std::vector<const Fleet::Proposed*> proposed;
  for (const Fleet::Proposed& p : fleet.proposals()) {
    if (p.proposal.kind != Proposal::Kind::kProposed) continue;
    if (!out.proposed) out.proposed = p.at;
    proposed.push_back(&p);
  }
  double attack = 0, attack_matched = 0, clean = 0, clean_matched = 0;
  for (const Timed& t : packets) {
    const window::SampleReader reader(t.sample);
    bool matched = false;
    for (const Fleet::Proposed* p : proposed) matched = matched || rule::Matches(*p->proposal.match, reader);
    if (t.label == Fleet::kAttack) {
      ++attack;
      attack_matched += matched;
    } else {
      ++clean;
      clean_matched += matched;
    }
  }
  out.attack_matched = attack == 0 ? 0 : attack_matched / attack;
  out.clean_matched = clean == 0 ? 0 : clean_matched / clean;
  return out;
}

void Print(const char* name, const Outcome& o, absl::Time begin, const Fleet& fleet) {
  const auto dropped = [&](Fleet::Label l) {
    return static_cast<double>(fleet.dropped(l)) / static_cast<double>(std::max<uint64_t>(1, fleet.packets(l)));
  };
  std::printf("%s: signed after %.2f s; matches %.4f of it, %.5f of the clean; dropped %.3f, of the clean %.5f\n", name,
              absl::ToDoubleSeconds(o.proposed.value_or(absl::InfiniteFuture()) - begin), o.attack_matched,
              o.clean_matched, dropped(Fleet::kAttack), dropped(Fleet::kClean));
}

void Feed(Fleet& fleet, const std::vector<Timed>& packets, absl::Duration more = absl::Milliseconds(500)) {
  for (const Timed& t : packets) fleet.Packet(t.edge, t.sample, t.label);
  fleet.Finish(more);
}

struct Scenario {
  const char* name;
  window::Vector vector;
  MakePacket flood;
};

std::vector<Scenario> Floods() {
  return {{"SYN flood", BW_VECTOR_TCP_SYN, SynFlood(kSite)},
          {"ACK flood", BW_VECTOR_TCP_ACK, AckFlood(kSite)},
          {"DNS amplification", BW_VECTOR_UDP_DNS, DnsAmplification(kSite)},
          {"NTP amplification", BW_VECTOR_UDP_NTP, NtpAmplification(kSite)},
          {"UDP flood", BW_VECTOR_UDP_OTHER, UdpFlood(kSite)},
          {"ICMP flood", BW_VECTOR_ICMP_ECHO, IcmpFlood(kSite)}};
}

// The headline: each edge gets 0.3 of its own threshold.
TEST(FusionTest, AFloodBelowEveryEdgesThresholdIsFoundAndSigned) {
  constexpr absl::Duration kBegin = absl::Seconds(8);
  for (const uint64_t seed : {1, 2}) {
    for (const Scenario& s : Floods()) {
      SCOPED_TRACE(testing::Message() << s.name << ", seed " << seed);
      Random random(seed);
      std::vector<Timed> packets = Visitors(random, kSite, absl::ZeroDuration(), absl::Seconds(14), 30, kEdges);
      const double pps = 0.3 * detect::DefaultFloor(s.vector).pps * kEdges;
      const std::vector<Timed> flood = Flood(random, s.flood, kBegin, absl::Seconds(14), pps, kEdges);
      packets.insert(packets.end(), flood.begin(), flood.end());
      SortByTime(packets);
      Fleet fleet(FleetOptions{});
      Feed(fleet, packets);
      EXPECT_EQ(fleet.edge_attacks(), 0u);
      const Outcome o = Judge(fleet, packets);
      ASSERT_TRUE(o.proposed);
      Print(s.name, o, kStart + kBegin, fleet);
      EXPECT_GE(*o.proposed, kStart + kBegin);
      EXPECT_LE(*o.proposed, kStart + kBegin + absl::Milliseconds(1500));
      EXPECT_GE(o.attack_matched, 0.95);
      EXPECT_LE(o.clean_matched, 0.01);
      for (size_t e = 0; e < kEdges; ++e) {
        ASSERT_TRUE(fleet.first_drop(e)) << "edge " << e;
        EXPECT_LE(*fleet.first_drop(e), kStart + kBegin + absl::Seconds(3));
      }
      const bool confirmed = std::any_of(fleet.proposals().begin(), fleet.proposals().end(),
                                         [](const auto& p) { return p.proposal.kind == Proposal::Kind::kConfirmed; });
      EXPECT_TRUE(confirmed) << "by the exact counts that come back in windows";
    }
  }
}

// The same with real floods, brought to that rate and given to the edges packet by packet.
TEST(FusionTest, CapturedFloodsBelowEveryEdgesThreshold) {
  constexpr absl::Duration kBegin = absl::Seconds(8);
  for (const char* file : {"dns-amp-booter2013.pcap", "syn-flood-cic2019-head.pcap", "icmpv6-echo-flood-head.pcap"}) {
    SCOPED_TRACE(file);
    const absl::StatusOr<std::vector<HeaderSample>> all = CapturePackets(std::string("tests/data/captures/") + file);
    ASSERT_TRUE(all.ok()) << all.status();
    const std::vector<HeaderSample> flood = ToOneTarget(*all);
    ASSERT_GT(flood.size(), 500u);
    const double pps = 0.3 * detect::DefaultFloor(flood[0].vector).pps * kEdges;
    Random random(7);
    std::vector<Timed> packets;
    // Visitors of another address behind the same edges, and of the victim where it has one of theirs.
    const net::IpAddress visited = flood[0].destination.is_v4() ? flood[0].destination : kSite;
    packets = Visitors(random, visited, absl::ZeroDuration(), absl::Seconds(14), 30, kEdges);
    for (size_t i = 0; i < flood.size(); ++i) {
      Timed t{flood[i], static_cast<size_t>(random.Next() % kEdges), Fleet::kAttack};
      t.sample.time = kStart + kBegin + absl::Seconds(static_cast<double>(i) / pps);
      if (t.sample.time < kStart + absl::Seconds(14)) packets.push_back(std::move(t));
    }
    SortByTime(packets);
    Fleet fleet(FleetOptions{});
    Feed(fleet, packets);
    EXPECT_EQ(fleet.edge_attacks(), 0u);
    const Outcome o = Judge(fleet, packets);
    ASSERT_TRUE(o.proposed);
    Print(file, o, kStart + kBegin, fleet);
    EXPECT_LE(*o.proposed, kStart + kBegin + absl::Milliseconds(1500));
    EXPECT_GE(o.attack_matched, 0.95);
    EXPECT_LE(o.clean_matched, 0.01);
  }
}

// Nothing is known of anyone when the coordinator has just started.
TEST(FusionTest, FromTheFirstPacketOn) {
  for (const Scenario& s : Floods()) {
    SCOPED_TRACE(s.name);
    Random random(4);
    std::vector<Timed> packets = Visitors(random, kSite, absl::ZeroDuration(), absl::Seconds(5), 30, kEdges);
    const double pps = 0.3 * detect::DefaultFloor(s.vector).pps * kEdges;
    const std::vector<Timed> flood = Flood(random, s.flood, absl::ZeroDuration(), absl::Seconds(5), pps, kEdges);
    packets.insert(packets.end(), flood.begin(), flood.end());
    SortByTime(packets);
    Fleet fleet(FleetOptions{});
    Feed(fleet, packets);
    EXPECT_EQ(fleet.edge_attacks(), 0u);
    const Outcome o = Judge(fleet, packets);
    ASSERT_TRUE(o.proposed);
    Print(s.name, o, kStart, fleet);
    EXPECT_LE(*o.proposed, kStart + absl::Milliseconds(1500));
    EXPECT_GE(o.attack_matched, 0.95);
    EXPECT_LE(o.clean_matched, 0.01);
  }
}

// Over the whole of a /24, so thin that neither an edge nor a host stands out.
TEST(FusionTest, ACarpetBelowEveryEdgesThreshold) {
  const net::IpPrefix prefix = *net::IpPrefix::Parse("192.0.2.0/24");
  FleetOptions options;
  options.prefixes = {prefix};
  Random random(5);
  std::vector<Timed> packets = Visitors(random, kSite, absl::ZeroDuration(), absl::Seconds(14), 30, kEdges);
  const double pps =
      0.3 * detect::DefaultFloor(BW_VECTOR_TCP_SYN).pps * options.edge_detector.prefix_floor_factor * kEdges;
  const std::vector<Timed> flood =
      Flood(random, Carpet(prefix, SynFlood), absl::Seconds(8), absl::Seconds(14), pps, kEdges);
  packets.insert(packets.end(), flood.begin(), flood.end());
  SortByTime(packets);
  Fleet fleet(options);
  Feed(fleet, packets);
  EXPECT_EQ(fleet.edge_attacks(), 0u);
  const Outcome o = Judge(fleet, packets);
  ASSERT_TRUE(o.proposed);
  Print("SYN carpet", o, kStart + absl::Seconds(8), fleet);
  EXPECT_LE(*o.proposed, kStart + absl::Seconds(8) + absl::Milliseconds(1500));
  EXPECT_GE(o.attack_matched, 0.95);
  EXPECT_LE(o.clean_matched, 0.01);
}

// One edge sees nothing of it, and so tells of each second only when it is over.
TEST(FusionTest, AFloodThatOneEdgeDoesNotSee) {
  for (const Scenario& s : Floods()) {
    SCOPED_TRACE(s.name);
    Random random(8);
    std::vector<Timed> packets = Visitors(random, kSite, absl::ZeroDuration(), absl::Seconds(14), 30, kEdges);
    const double pps = 0.45 * detect::DefaultFloor(s.vector).pps * 2;
    const std::vector<Timed> flood = Flood(random, s.flood, absl::Seconds(8.05), absl::Seconds(14), pps, 2);
    packets.insert(packets.end(), flood.begin(), flood.end());
    SortByTime(packets);
    Fleet fleet(FleetOptions{});
    Feed(fleet, packets);
    EXPECT_EQ(fleet.edge_attacks(), 0u);
    const Outcome o = Judge(fleet, packets);
    ASSERT_TRUE(o.proposed);
    Print(s.name, o, kStart + absl::Seconds(8.05), fleet);
    EXPECT_LE(*o.proposed, kStart + absl::Seconds(8.05) + absl::Seconds(1.9));
    EXPECT_GE(o.attack_matched, 0.95);
    EXPECT_LE(o.clean_matched, 0.01);
  }
}

// An edge that has it in hand needs no second signature from here.
TEST(FusionTest, WhatAnEdgesOwnRuleDropsIsNotProposedAgain) {
  for (const Scenario& s : Floods()) {
    SCOPED_TRACE(s.name);
    Random random(6);
    std::vector<Timed> packets = Visitors(random, kSite, absl::ZeroDuration(), absl::Seconds(13), 30, kEdges);
    std::vector<Timed> flood =
        Flood(random, s.flood, absl::Seconds(8), absl::Seconds(13), 4 * detect::DefaultFloor(s.vector).pps, 1);
    packets.insert(packets.end(), flood.begin(), flood.end());
    SortByTime(packets);
    Fleet fleet(FleetOptions{});
    Feed(fleet, packets);
    EXPECT_EQ(fleet.edge_attacks(), 1u);
    const Outcome o = Judge(fleet, packets);
    EXPECT_FALSE(o.proposed);
    const v1::AttacksView attacks = fleet.book().List({}, fleet.now());
    ASSERT_EQ(attacks.attacks_size(), 1);
    EXPECT_EQ(attacks.attacks(0).detected_by(), "edge-1");
    EXPECT_EQ(attacks.attacks(0).state(), "mitigated");
    EXPECT_NEAR(attacks.attacks(0).first_drop_unix_s(), absl::ToDoubleSeconds(*fleet.first_drop(0) - absl::UnixEpoch()),
                0.1);
    EXPECT_GE(attacks.attacks(0).dropped_packets(), 0.9 * static_cast<double>(flood.size()));
    EXPECT_GE(attacks.attacks(0).packets(), static_cast<double>(flood.size()));
  }
}

TEST(FusionTest, HonestTrafficAloneRaisesNothing) {
  for (const uint64_t seed : {11, 12}) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<Timed> packets = Visitors(random, kSite, absl::ZeroDuration(), absl::Seconds(60), 40, kEdges);
    SortByTime(packets);
    Fleet fleet(FleetOptions{});
    Feed(fleet, packets);
    EXPECT_EQ(fleet.edge_attacks(), 0u);
    EXPECT_TRUE(fleet.proposals().empty());
    EXPECT_EQ(fleet.book().List({}, fleet.now()).attacks_size(), 0);
    EXPECT_EQ(fleet.merger().stats().late, 0u);
    EXPECT_EQ(fleet.merger().stats().duplicates, 0u);
    std::printf("%zu bytes of windows per edge and second\n", fleet.window_bytes() / kEdges / 60);
  }
}

}  // namespace
}  // namespace breakwater::fusion
