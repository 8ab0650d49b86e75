#include "common/detect/detector.h"

#include <string>
#include <vector>

#include "common/detect/packets.h"
#include "common/detect/simulation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::detect {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using window::HeaderSample;

const absl::Time kStart = absl::FromUnixSeconds(1700000000);
const net::IpAddress kVictim = net::IpAddress::FromV4(0xc0000207);  // 192.0.2.7

net::IpAddress AnySource(Random& r) { return net::IpAddress::FromV4(r.Between(0x01000000, 0xdfffffff)); }

// Spoofed SYNs with a fixed window and no options.
HeaderSample FloodSyn(Random& r) {
  PacketBuilder b(AnySource(r), kVictim);
  b.Ttl(r.Between(230, 250)).Id(r.Between(0, 65535));
  const uint16_t sport = static_cast<uint16_t>(r.Between(1024, 65535));
  return b.Tcp({sport, 443, static_cast<uint32_t>(r.Next()), 0, 2, 512, {}}, {});
}

// Feeds packets made by make at a steady rate from one time to another.
template <typename Make>
void Flow(Simulation& sim, Random& r, absl::Duration from, absl::Duration to, double pps, Simulation::Label label,
          Make make) {
  const int64_t n = static_cast<int64_t>(absl::ToDoubleSeconds(to - from) * pps);
  for (int64_t i = 0; i < n; ++i) {
    HeaderSample s = make(r);
    s.time = kStart + from + absl::Seconds((static_cast<double>(i) + 0.5) / pps);
    sim.Packet(s, label);
  }
}

TEST(DetectorTest, FloodAtFourTimesTheThresholdIsDroppedWithinHalfASecond) {
  Simulation sim(DetectorConfig{});
  Random r(1);
  Flow(sim, r, absl::ZeroDuration(), absl::Seconds(3), 4 * DefaultFloor(BW_VECTOR_TCP_SYN).pps, Simulation::kAttack,
       FloodSyn);
  sim.Finish();
  ASSERT_THAT(sim.attacks(), SizeIs(1));
  EXPECT_EQ(sim.attacks()[0].target, window::Target::Host(kVictim));
  EXPECT_EQ(sim.attacks()[0].vector, BW_VECTOR_TCP_SYN);
  ASSERT_TRUE(sim.first_drop().has_value());
  EXPECT_LE(*sim.first_drop() - kStart, absl::Milliseconds(500));
  EXPECT_GE(sim.dropped(Simulation::kAfterDetection),
            0.99 * static_cast<double>(sim.packets(Simulation::kAfterDetection)));
  ASSERT_FALSE(sim.confirmed().empty());
  EXPECT_THAT(sim.confirmed()[0], HasSubstr("ip.dst == 192.0.2.7"));
  EXPECT_THAT(sim.confirmed()[0], HasSubstr("tcp.window == 512"));
}

TEST(DetectorTest, RateBelowTheFloorIsNoAttack) {
  Simulation sim(DetectorConfig{});
  Random r(2);
  Flow(sim, r, absl::ZeroDuration(), absl::Seconds(10), 0.9 * DefaultFloor(BW_VECTOR_TCP_SYN).pps, Simulation::kAttack,
       FloodSyn);
  sim.Finish();
  EXPECT_THAT(sim.attacks(), SizeIs(0));
}

TEST(DetectorTest, EndsAfterTheQuietTime) {
  Simulation sim(DetectorConfig{});
  Random r(3);
  Flow(sim, r, absl::ZeroDuration(), absl::Seconds(2), 5000, Simulation::kAttack, FloodSyn);
  sim.Finish(/*empty_slots=*/120);
  ASSERT_THAT(sim.attacks(), SizeIs(1));
  EXPECT_EQ(sim.attacks()[0].state, AttackState::kEnded);
  ASSERT_TRUE(sim.attacks()[0].ended.has_value());
  EXPECT_NEAR(absl::ToDoubleSeconds(*sim.attacks()[0].ended - kStart), 12, 1.1);
}

// A third of the threshold is no attack, but worth a look; ordinary traffic never is, however much it is.
TEST(DetectorTest, WhatIsUnusualIsSuspiciousLongBeforeItIsAnAttack) {
  Detector detector(DetectorConfig{}, "d");
  const net::IpAddress busy = net::IpAddress::FromV4(0xc0000208);
  const window::TargetVector flood{window::Target::Host(kVictim), BW_VECTOR_TCP_SYN};
  const window::TargetVector usual{window::Target::Host(busy), BW_VECTOR_TCP_ACK};
  window::Slot slot;
  slot.start = kStart;
  const auto feed = [&](uint64_t syns) {
    slot.traffic.clear();
    slot.traffic[usual] = {.packets = 500, .bytes = 500000};  // 5000 a second, a quarter of the floor
    if (syns > 0) slot.traffic[flood] = {.packets = syns, .bytes = syns * 40};
    const std::vector<Finding> findings = detector.OnSlot(slot, {});
    slot.start += window::kSlotLength;
    return findings;
  };
  feed(0);
  EXPECT_THAT(detector.Suspicious(0.1, 64), ::testing::ElementsAre(usual)) << "nothing is known of it yet";
  for (int i = 0; i < 3000; ++i) feed(0);
  ASSERT_THAT(detector.ActiveAttacks(), SizeIs(0));
  feed(0);
  EXPECT_THAT(detector.Suspicious(0.1, 64), SizeIs(0));
  feed(30);  // 300 a second: 0.3 of the floor
  EXPECT_THAT(detector.Suspicious(0.1, 64), ::testing::ElementsAre(flood));
  EXPECT_THAT(detector.Suspicious(0.4, 64), SizeIs(0));
  EXPECT_THAT(detector.Suspicious(0.1, 0), SizeIs(0));
  for (int i = 0; i < 5; ++i) feed(0);
  EXPECT_THAT(detector.Suspicious(0.1, 64), SizeIs(0));
  for (int i = 0; i < 3; ++i) feed(2000);
  ASSERT_THAT(detector.ActiveAttacks(), SizeIs(1));
  feed(0);
  EXPECT_THAT(detector.Suspicious(0.1, 64), ::testing::ElementsAre(flood)) << "an attack stays so until it has ended";
}

// The exact counts of a tenth of a second of a flood, and samples of it.
struct FloodSlot {
  window::Slot slot;
  std::vector<HeaderSample> samples;
};
FloodSlot SlotOf(Random& r, int index, uint64_t packets, uint64_t dropped = 0) {
  FloodSlot f;
  f.slot.start = kStart + window::kSlotLength * index;
  f.slot.traffic[{window::Target::Host(kVictim), BW_VECTOR_TCP_SYN}] = {packets, packets * 40, dropped, dropped * 40};
  for (uint64_t i = 0; i < 60; ++i) {
    f.samples.push_back(FloodSyn(r));
    f.samples.back().time = f.slot.start + absl::Milliseconds(i);
    f.samples.back().dropped = i * packets < dropped * 60;
  }
  return f;
}

template <typename T>
std::vector<T> Find(const std::vector<Finding>& findings) {
  std::vector<T> out;
  for (const Finding& f : findings) {
    if (const T* t = std::get_if<T>(&f)) out.push_back(*t);
  }
  return out;
}

TEST(DetectorTest, ProposesNothingForHeldTargets) {
  const window::Target around = window::Target::Prefix(net::IpPrefix(kVictim, 24));
  for (const window::Target& held : {window::Target::Host(kVictim), around}) {
    Detector detector(DetectorConfig{}, "d");
    Random r(1);
    detector.HoldSignatures(window::Target::Host(net::IpAddress::FromV4(0xc0000307)), kStart + absl::Hours(1));
    detector.HoldSignatures(held, kStart + absl::Seconds(5));
    detector.HoldSignatures(held, kStart + absl::Seconds(2));
    for (int i = 0; i < 21; ++i) {
      const FloodSlot f = SlotOf(r, i, 400);
      const std::vector<Finding> found = detector.OnSlot(f.slot, f.samples);
      EXPECT_EQ(Find<SignatureProposed>(found).size(), i == 20 ? 1u : 0u) << "slot " << i;
    }
    EXPECT_THAT(detector.ActiveAttacks(), SizeIs(1));
  }
}

// A rule that was there before the attack takes care of it; the few packets that pass say nothing.
TEST(DetectorTest, ProposesNothingForWhatIsDroppedAlready) {
  Detector detector(DetectorConfig{}, "d");
  Random r(2);
  for (int i = 0; i < 40; ++i) {
    const FloodSlot f = SlotOf(r, i, 400, 380);
    EXPECT_THAT(Find<SignatureProposed>(detector.OnSlot(f.slot, f.samples)), SizeIs(0)) << "slot " << i;
  }
  ASSERT_THAT(detector.ActiveAttacks(), SizeIs(1));
  EXPECT_EQ(detector.ActiveAttacks()[0].state, AttackState::kMitigated);
  // Until that rule goes.
  size_t proposed = 0;
  for (int i = 40; i < 60; ++i) {
    const FloodSlot f = SlotOf(r, i, 400);
    proposed += Find<SignatureProposed>(detector.OnSlot(f.slot, f.samples)).size();
  }
  EXPECT_GE(proposed, 1u);
}

// Where rules take a while to count, the time before they do says nothing against them.
TEST(DetectorTest, WaitsForARuleToCount) {
  for (const bool patient : {false, true}) {
    DetectorConfig config;
    if (patient) config.confirm_within = absl::Seconds(5);
    Detector detector(config, "d");
    Random r(3);
    std::string id;
    size_t confirmed = 0, rejected = 0;
    for (int i = 0; i < 40; ++i) {
      FloodSlot f = SlotOf(r, i, 400);
      if (!id.empty() && i >= 20) f.slot.rules[id].matched_packets = 390;
      const std::vector<Finding> found = detector.OnSlot(f.slot, f.samples);
      if (const auto p = Find<SignatureProposed>(found); id.empty() && !p.empty()) id = p[0].signature.id;
      for (const SignatureConfirmed& c : Find<SignatureConfirmed>(found)) {
        confirmed += c.signature_id == id;
        EXPECT_GT(c.attack_share, 0.9);
      }
      for (const SignatureRejected& x : Find<SignatureRejected>(found)) rejected += x.signature_id == id;
    }
    EXPECT_EQ(confirmed, patient ? 1u : 0u);
    EXPECT_EQ(rejected, patient ? 0u : 1u);
  }
}

TEST(DetectorTest, FloorsAreScaledWhetherConfiguredOrNot) {
  DetectorConfig config;
  config.host_floors[BW_VECTOR_TCP_SYN] = Floor{.pps = 80, .bps = 1000};
  const DetectorConfig half = WithScaledFloors(config, 0.5);
  EXPECT_EQ(half.host_floors[BW_VECTOR_TCP_SYN], (Floor{.pps = 40, .bps = 500}));
  EXPECT_EQ(half.host_floors[BW_VECTOR_TCP_ACK], (Floor{.pps = DefaultFloor(BW_VECTOR_TCP_ACK).pps / 2}));
  EXPECT_EQ(half.alarm_seconds, config.alarm_seconds);
}

// While enforcing is stopped, or where a rule is armed only, what it matches passes; it needs no second signature.
TEST(DetectorTest, ProposesNothingMoreForWhatARuleMatchesButDoesNotDrop) {
  Detector detector(DetectorConfig{}, "d");
  Random r(4);
  std::string id;
  size_t proposed = 0;
  for (int i = 0; i < 150; ++i) {
    FloodSlot f = SlotOf(r, i, 400);
    if (!id.empty()) f.slot.rules[id].matched_packets = 400;
    // From the tenth second on there is another kind of packet among them.
    const bool other = i >= 100;
    if (other) {
      f.slot.traffic.begin()->second.packets += 300;
      for (int k = 0; k < 45; ++k) {
        PacketBuilder b(AnySource(r), kVictim);
        b.Ttl(r.Between(30, 90)).Id(777);
        f.samples.push_back(b.Tcp({static_cast<uint16_t>(r.Between(1024, 65535)), 80, 99, 0, 2, 3333, {}}, {}));
        f.samples.back().time = f.slot.start + absl::Milliseconds(60);
      }
    }
    for (const SignatureProposed& p : Find<SignatureProposed>(detector.OnSlot(f.slot, f.samples))) {
      ++proposed;
      if (id.empty()) {
        id = p.signature.id;
      } else {
        EXPECT_TRUE(other);
        EXPECT_THAT(rule::CanonicalText(*p.signature.match), HasSubstr("3333"));
      }
    }
    if (i == 99) {
      EXPECT_EQ(proposed, 1u);
    }
  }
  EXPECT_GE(proposed, 2u);
}

// Between two pulses the rule has lapsed, and a trickle of the same packets comes all the time.
TEST(DetectorTest, ASecondPulseGetsItsSignatureBack) {
  Detector detector(DetectorConfig{}, "d");
  Random r(5);
  std::string id, first, again;
  for (int i = 0; i < 1200; ++i) {
    const bool pulse = i < 50 || i >= 1000;
    FloodSlot f = SlotOf(r, i, pulse ? 400 : 4);
    if (!pulse) f.samples.resize(4);
    if (i < 50 && !id.empty()) f.slot.rules[id].matched_packets = 400;
    for (const SignatureProposed& p : Find<SignatureProposed>(detector.OnSlot(f.slot, f.samples))) {
      id = p.signature.id;
      (i < 50 ? first : again) = rule::CanonicalText(*p.signature.match);
    }
    if (i == 1010) {
      EXPECT_EQ(again, first) << "within a second of the second pulse";
    }
  }
  EXPECT_FALSE(first.empty());
}

// A sequence number that counts has the same upper half for a moment only.
TEST(DetectorTest, CountersAreNoMark) {
  Simulation sim(DetectorConfig{});
  Random r(6);
  uint32_t sequence = 0x12340000;
  Flow(sim, r, absl::ZeroDuration(), absl::Seconds(3), 4000, Simulation::kAttack, [&](Random& random) {
    PacketBuilder b(AnySource(random), kVictim);
    b.Ttl(random.Between(230, 250)).Id(random.Between(0, 65535));
    sequence += random.Between(1, 3);
    return b.Tcp({static_cast<uint16_t>(random.Between(1024, 65535)), 443, sequence, 0, 2, 512, {}}, {});
  });
  sim.Finish();
  ASSERT_FALSE(sim.confirmed().empty());
  for (const std::string& text : sim.confirmed()) {
    EXPECT_THAT(text, ::testing::Not(HasSubstr("tcp.seq")));
    EXPECT_THAT(text, ::testing::Not(HasSubstr("l4[4:2]")));
  }
}

// What nobody asked for is judged by a fifth of its floor while its target is under attack, and says so.
TEST(DetectorTest, SecondaryVectorsSayThatTheyAre) {
  Detector detector(DetectorConfig{}, "d");
  Random r(7);
  std::vector<Attack> attacks;
  for (int i = 0; i < 50; ++i) {
    FloodSlot f = SlotOf(r, i, 400);
    f.slot.traffic[{window::Target::Host(kVictim), BW_VECTOR_ICMP_ERROR}] = {20, 2000, 0, 0};
    for (const AttackDetected& d : Find<AttackDetected>(detector.OnSlot(f.slot, f.samples)))
      attacks.push_back(d.attack);
  }
  ASSERT_THAT(attacks, SizeIs(2));
  EXPECT_EQ(attacks[0].vector, BW_VECTOR_TCP_SYN);
  EXPECT_FALSE(attacks[0].secondary);
  EXPECT_EQ(attacks[1].vector, BW_VECTOR_ICMP_ERROR);
  EXPECT_TRUE(attacks[1].secondary);
  EXPECT_EQ(attacks[1].threshold_pps, 100);
}

}  // namespace
}  // namespace breakwater::detect
