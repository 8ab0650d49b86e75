// What no edge sees alone, the coordinator finds; see README.md. Seeds are in the tests' names of what they run.
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
    std::printf("  at %.2f s: %s\n", absl::ToDoubleSeconds(p.at - kStart),
                rule::CanonicalText(*p.proposal.match).c_str());
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
  for (const uint64_t seed : {1, 2, 3}) {
    for (const Scenario& s : Floods()) {
      SCOPED_TRACE(testing::Message() << s.name << ", seed " << seed);
      std::printf("%s, seed %d\n", s.name, static_cast<int>(seed));
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
      std::printf(
          "  %.2f s after its start; matched %.4f of the attack, %.5f of the clean; dropped %.3f, clean %.5f\n",
          absl::ToDoubleSeconds(*o.proposed - kStart - kBegin), o.attack_matched, o.clean_matched,
          static_cast<double>(fleet.dropped(Fleet::kAttack)) / static_cast<double>(fleet.packets(Fleet::kAttack)),
          static_cast<double>(fleet.dropped(Fleet::kClean)) / static_cast<double>(fleet.packets(Fleet::kClean)));
    }
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
