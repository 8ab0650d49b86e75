#include "edge/replay/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/replay/testing.h"

namespace breakwater::replay {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

const net::IpAddress kVictim = net::IpAddress::FromV4(0xcb007107);     // 203.0.113.7
const net::IpAddress kNeighbour = net::IpAddress::FromV4(0xcb007108);  // 203.0.113.8
const FrameFacts kToVictim{.ip = true, .ip_bytes = 100, .destination = kVictim};
const FrameFacts kToNeighbour{.ip = true, .ip_bytes = 50, .destination = kNeighbour};

datapath::Verdict Passed(window::Vector vector) {
  return {.dropped = false, .reason = BW_REASON_PASS_DECLARED, .vector = vector, .rule_slot = -1};
}
datapath::Verdict DroppedByRule(window::Vector vector, int32_t slot) {
  return {.dropped = true, .reason = BW_REASON_DROP_RULE, .vector = vector, .rule_slot = slot};
}

detect::Attack DnsAttack(const std::string& id, const window::Target& target, int64_t detected_ns) {
  detect::Attack attack;
  attack.id = id;
  attack.target = target;
  attack.vector = BW_VECTOR_UDP_DNS;
  attack.first_packet = ToTime(0);
  attack.detected = ToTime(detected_ns);
  return attack;
}

datapath::RuleEntry ReflexRule(const std::string& id, const std::string& attack_id, uint32_t slot, rule::Mode mode) {
  rule::Rule rule;
  rule.id = id;
  rule.origin = rule::Origin::kEdgeDetector;
  rule.match = *rule::ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53");
  rule.mode = mode;
  rule.attack_id = attack_id;
  return {rule, slot};
}

TEST(Ledger, AddsUpByLabelAndReason) {
  Ledger ledger;
  ledger.OnPacket(Label::kAttack, kToVictim, DroppedByRule(BW_VECTOR_UDP_DNS, -1), 1);
  ledger.OnPacket(Label::kAttack, kToVictim, Passed(BW_VECTOR_UDP_DNS), 2);
  ledger.OnPacket(Label::kClean, kToNeighbour, Passed(BW_VECTOR_TCP_ACK), 3);
  ledger.OnPacket(Label::kClean, {}, Passed(BW_VECTOR_UNPARSED), 4);
  Result result = ledger.Finish({});
  EXPECT_EQ(result.of(Label::kAttack).packets, 2u);
  EXPECT_EQ(result.of(Label::kAttack).bytes, 200u);
  EXPECT_EQ(result.of(Label::kAttack).dropped_packets, 1u);
  EXPECT_EQ(result.of(Label::kAttack).dropped_bytes, 100u);
  EXPECT_EQ(result.of(Label::kClean).packets, 2u);
  EXPECT_EQ(result.of(Label::kClean).bytes, 50u);
  EXPECT_EQ(result.of(Label::kClean).dropped_packets, 0u);
  EXPECT_THAT(result.drop_reasons, ElementsAre(Pair("drop_rule", 1u)));
  EXPECT_EQ(result.end, 4);
}

TEST(Ledger, CreditsTheAttackWhoseRuleDropped) {
  Ledger ledger;
  ledger.OnAttack(DnsAttack("a1", window::Target::Host(kVictim), 100));
  ledger.OnAttack(DnsAttack("a2", window::Target::Host(kNeighbour), 100));
  ledger.OnRuleset(
      {.rules = {ReflexRule("r1", "a1", 7, rule::Mode::kObserve), ReflexRule("r2", "a2", 8, rule::Mode::kObserve)}},
      200);
  ledger.OnRuleset(
      {.rules = {ReflexRule("r1", "a1", 7, rule::Mode::kEnforce), ReflexRule("r2", "a2", 8, rule::Mode::kObserve)}},
      300);
  ledger.OnPacket(Label::kAttack, kToVictim, Passed(BW_VECTOR_UDP_DNS), 301);
  ledger.OnPacket(Label::kAttack, kToVictim, DroppedByRule(BW_VECTOR_UDP_DNS, 7), 302);
  ledger.OnPacket(Label::kClean, kToVictim, DroppedByRule(BW_VECTOR_UDP_DNS, 7), 303);
  // A rule that is gone: its slot now belongs to another one.
  ledger.OnRuleset({.rules = {ReflexRule("r3", "a2", 7, rule::Mode::kEnforce)}}, 400);
  ledger.OnPacket(Label::kAttack, kToNeighbour, DroppedByRule(BW_VECTOR_UDP_DNS, 7), 404);

  Result result = ledger.Finish({});
  ASSERT_EQ(result.attacks.size(), 2u);
  const AttackResult& first = result.attacks[0];
  EXPECT_EQ(first.target, "203.0.113.7");
  EXPECT_EQ(first.vector, "udp.dns");
  EXPECT_EQ(first.detected, 100);
  EXPECT_EQ(first.first_drop, 302);
  EXPECT_EQ(first.dropped[Label::kAttack], 1u);
  EXPECT_EQ(first.dropped[Label::kClean], 1u);
  ASSERT_EQ(first.rules.size(), 1u);
  EXPECT_EQ(first.rules[0].id, "r1");
  EXPECT_EQ(first.rules[0].first_installed, 200);
  EXPECT_EQ(first.rules[0].first_enforced, 300);
  EXPECT_EQ(first.rules[0].mode, "enforce");
  EXPECT_EQ(first.rules[0].state, "removed");
  const AttackResult& second = result.attacks[1];
  EXPECT_EQ(second.first_drop, 404);
  ASSERT_EQ(second.rules.size(), 2u);
  EXPECT_EQ(second.rules[0].first_enforced, std::nullopt);
  EXPECT_EQ(second.rules[1].dropped[Label::kAttack], 1u);
}

// A pulsing attack: the rule of the first pulse is still in force when the second one is detected.
TEST(Ledger, CreditsTheAttackThatIsOnForARuleLeftBehind) {
  Ledger ledger;
  const window::Target host = window::Target::Host(kVictim);
  detect::Attack first = DnsAttack("a1", host, 100);
  ledger.OnAttack(first);
  ledger.OnRuleset({.rules = {ReflexRule("r1", "a1", 7, rule::Mode::kEnforce)}}, 200);
  ledger.OnPacket(Label::kAttack, kToVictim, DroppedByRule(BW_VECTOR_UDP_DNS, 7), 201);
  first.ended = ToTime(300);
  ledger.OnAttack(first);
  ledger.OnPacket(Label::kAttack, kToVictim, DroppedByRule(BW_VECTOR_UDP_DNS, 7), 301);
  ledger.OnAttack(DnsAttack("a2", host, 400));
  ledger.OnPacket(Label::kAttack, kToVictim, DroppedByRule(BW_VECTOR_UDP_DNS, 7), 401);
  Result result = ledger.Finish({});
  EXPECT_EQ(result.attacks[0].first_drop, 201);
  EXPECT_EQ(result.attacks[0].dropped[Label::kAttack], 2u);
  EXPECT_EQ(result.attacks[0].rules[0].dropped[Label::kAttack], 3u);
  EXPECT_EQ(result.attacks[1].first_drop, 401);
  EXPECT_EQ(result.attacks[1].dropped[Label::kAttack], 1u);
  EXPECT_TRUE(result.attacks[1].rules.empty());
}

TEST(Ledger, CountsWhatComesWhileAnAttackIsOn) {
  Ledger ledger;
  const window::Target host = window::Target::Host(kVictim);
  ledger.OnPacket(Label::kAttack, kToVictim, Passed(BW_VECTOR_UDP_DNS), 50);
  ledger.OnAttack(DnsAttack("a1", host, 100));
  ledger.OnAttack(DnsAttack("carpet", window::Target::Prefix(*net::IpPrefix::Parse("203.0.113.0/24")), 100));
  ledger.OnPacket(Label::kAttack, kToVictim, DroppedByRule(BW_VECTOR_UDP_DNS, -1), 101);
  ledger.OnPacket(Label::kAttack, kToNeighbour, Passed(BW_VECTOR_UDP_DNS), 102);
  ledger.OnPacket(Label::kAttack, kToVictim, Passed(BW_VECTOR_TCP_SYN), 103);
  ledger.OnPacket(Label::kClean, kToVictim, Passed(BW_VECTOR_UDP_DNS), 104);
  EXPECT_TRUE(ledger.attack_active());
  detect::Attack over = DnsAttack("a1", host, 100);
  over.ended = ToTime(105);
  ledger.OnAttack(over);
  ledger.OnPacket(Label::kAttack, kToVictim, Passed(BW_VECTOR_UDP_DNS), 106);

  Result result = ledger.Finish({});
  EXPECT_EQ(result.attacks[0].ended, 105);
  EXPECT_EQ(result.attacks[0].after_detection.packets[Label::kAttack], 1u);
  EXPECT_EQ(result.attacks[0].after_detection.dropped[Label::kAttack], 1u);
  EXPECT_EQ(result.attacks[0].after_detection.packets[Label::kClean], 1u);
  EXPECT_EQ(result.attacks[1].after_detection.packets[Label::kAttack], 3u);
  EXPECT_EQ(result.after_first_detection[Label::kAttack], 4u);
  EXPECT_EQ(result.dropped_after_first_detection[Label::kAttack], 1u);
}

TEST(Ledger, JoinsSignaturesIntoOneMatch) {
  Ledger ledger;
  detect::Attack attack = DnsAttack("a1", window::Target::Host(kVictim), 100);
  attack.signatures.push_back({.id = "s1", .match = *rule::ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53")});
  ledger.OnAttack(attack);
  EXPECT_EQ(ledger.Finish({}).attacks[0].signature, "ip.dst == 203.0.113.7 and udp.srcport == 53");
  attack.signatures.push_back({.id = "s2", .match = *rule::ParseExpr("ip.dst == 203.0.113.7 and ip.ttl == 9")});
  ledger.OnAttack(attack);
  Result result = ledger.Finish({});
  EXPECT_THAT(result.attacks[0].signatures,
              ElementsAre("ip.dst == 203.0.113.7 and udp.srcport == 53", "ip.dst == 203.0.113.7 and ip.ttl == 9"));
  absl::StatusOr<rule::ExprPtr> joined = rule::ParseExpr(result.attacks[0].signature);
  ASSERT_TRUE(joined.ok()) << result.attacks[0].signature;
  EXPECT_EQ((*joined)->kind, rule::Expr::Kind::kOr);
}

TEST(Ledger, ListsOperatorsRulesThatWereRefused) {
  rules::RuleView view;
  view.rule.id = "op-1";
  view.rule.match = *rule::ParseExpr("udp.srcport == 53");
  view.state = rules::RuleState::kRefused;
  view.detail = "names only a protocol";
  Result result = Ledger().Finish({view});
  ASSERT_EQ(result.rules.size(), 1u);
  EXPECT_EQ(result.rules[0].state, "refused");
  EXPECT_EQ(result.rules[0].detail, "names only a protocol");
  EXPECT_FALSE(result.ok());
}

TEST(Frame, FindsTheIpHeader) {
  testing::Bytes v4 = testing::UdpV4(0xc6336401, 0xcb007107, 53, 4000, 100);
  testing::Bytes v6 = testing::UdpV6(7, 53, 4000, 100);
  const testing::Bytes tag = {0x00, 0x05};
  for (const auto& [ethertype, ip] : {std::pair(0x0800, v4), std::pair(0x86dd, v6)}) {
    testing::Bytes type = {static_cast<uint8_t>(ethertype >> 8), static_cast<uint8_t>(ethertype)};
    testing::Bytes tagged = testing::Join(testing::Join(tag, type), ip);
    testing::Bytes twice = testing::Join(testing::Join(tag, testing::Bytes{0x81, 0x00}), tagged);
    const testing::Bytes thrice = testing::Join(testing::Join(tag, testing::Bytes{0x81, 0x00}), twice);
    for (const testing::Bytes& frame : {testing::Ethernet(static_cast<uint16_t>(ethertype), ip),
                                        testing::Ethernet(0x8100, tagged), testing::Ethernet(0x88a8, twice)}) {
      FrameFacts facts = ReadFrame(frame);
      EXPECT_TRUE(facts.ip);
      EXPECT_EQ(facts.ip_bytes, ip.size());
      EXPECT_EQ(facts.destination.ToString(), ethertype == 0x0800 ? "203.0.113.7" : "2001:db8::7");
    }
    EXPECT_FALSE(ReadFrame(testing::Ethernet(0x8100, thrice)).ip);
    // Cut short anywhere ahead of the end of the IP header.
    testing::Bytes whole = testing::Ethernet(0x8100, tagged);
    for (size_t size = 0; size < 14 + 4 + (ethertype == 0x0800 ? 20u : 40u); ++size) {
      EXPECT_FALSE(ReadFrame(std::span(whole).first(size)).ip) << size;
    }
  }
  EXPECT_FALSE(ReadFrame(testing::Ethernet(0x0806, v4)).ip);
  // Length 0 stands for the rest of the frame (segmentation offload, jumbograms).
  v4[2] = v4[3] = 0;
  v6[4] = v6[5] = 0;
  EXPECT_EQ(ReadFrame(testing::Ethernet(0x0800, v4)).ip_bytes, v4.size());
  EXPECT_EQ(ReadFrame(testing::Ethernet(0x86dd, v6)).ip_bytes, v6.size());
}

}  // namespace
}  // namespace breakwater::replay
