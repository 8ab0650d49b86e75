// What a ruleset does to packets, by the native engine.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "edge/datapath/datapath.h"
#include "edge/datapath/packet_builder.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

class EngineTest : public testing::Test {
 protected:
  void Install(const Ruleset& ruleset) {
    absl::StatusOr<InstallReport> report = engine_->Install(ruleset);
    ASSERT_TRUE(report.ok()) << report.status();
    for (const RuleRefusal& refusal : report->refused) ADD_FAILURE() << refusal.rule_id << ": " << refusal.status;
  }
  Verdict Process(const Bytes& frame, absl::Duration after = absl::ZeroDuration()) {
    absl::StatusOr<Verdict> verdict = engine_->Process(frame, kStart + after);
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return verdict.ok() ? *verdict : Verdict{};
  }
  bw_reason Reason(const Bytes& frame, absl::Duration after = absl::ZeroDuration()) {
    return Process(frame, after).reason;
  }

  std::unique_ptr<Engine> engine_ = *NewNativeEngine({});
};

Bytes UdpTo(std::string_view destination, uint16_t source_port, uint16_t port,
            std::string_view source = "198.51.100.9") {
  return Frame({.source = Ip(source), .destination = Ip(destination), .protocol = 17},
               Udp(source_port, port, Bytes(40)));
}
Bytes SynTo(std::string_view destination, uint16_t port, std::string_view source = "198.51.100.9") {
  return Frame({.source = Ip(source), .destination = Ip(destination), .protocol = 6},
               Tcp({.source_port = 40000, .destination_port = port, .flags = 2}, {}));
}

TEST_F(EngineTest, PassesWhatIsNotProtected) {
  Install({.revision = 1, .policies = {Web("203.0.113.0/24")}});
  EXPECT_EQ(Reason(UdpTo("198.51.100.1", 53, 53)), BW_REASON_PASS_NO_POLICY);
  EXPECT_TRUE(engine_->TakeCounters()->hosts.empty());
}

TEST_F(EngineTest, DropsWhatThePrefixDoesNotDeclare) {
  Install({.revision = 1, .policies = {Web("203.0.113.0/24")}});
  EXPECT_EQ(Reason(SynTo("203.0.113.7", 443)), BW_REASON_PASS_DECLARED);
  EXPECT_EQ(Reason(SynTo("203.0.113.7", 22)), BW_REASON_DROP_UNDECLARED);
  EXPECT_EQ(Reason(UdpTo("203.0.113.7", 53, 4444)), BW_REASON_DROP_UNDECLARED);
}

TEST_F(EngineTest, TheLongestPolicyWins) {
  Policy open = Open("203.0.113.128/25");
  Install({.revision = 1, .policies = {Web("203.0.113.0/24"), open}});
  EXPECT_EQ(Reason(SynTo("203.0.113.127", 22)), BW_REASON_DROP_UNDECLARED);
  EXPECT_EQ(Reason(SynTo("203.0.113.128", 22)), BW_REASON_PASS_DECLARED);
}

TEST_F(EngineTest, ARuleDropsWhatItMatches) {
  Install({.revision = 1,
           .policies = {Open("203.0.113.0/24")},
           .rules = {Rule("r1", 7, "ip.dst == 203.0.113.7 and udp.srcport == 53")}});
  Verdict dropped = Process(UdpTo("203.0.113.7", 53, 4444));
  EXPECT_TRUE(dropped.dropped);
  EXPECT_EQ(dropped.reason, BW_REASON_DROP_RULE);
  EXPECT_EQ(dropped.vector, BW_VECTOR_UDP_DNS);
  EXPECT_EQ(dropped.rule_slot, 7);
  EXPECT_EQ(Reason(UdpTo("203.0.113.8", 53, 4444)), BW_REASON_PASS_DECLARED);
  EXPECT_EQ(Reason(UdpTo("203.0.113.7", 54, 4444)), BW_REASON_PASS_DECLARED);
}

TEST_F(EngineTest, ObservingAndArmedRulesOnlyCount) {
  RuleEntry observe = Rule("a", 1, "udp.srcport == 53", rule::Mode::kObserve);
  RuleEntry armed = Rule("b", 2, "udp.srcport == 53", rule::Mode::kArmed);
  RuleEntry allow = Rule("c", 3, "udp.srcport == 53", rule::Mode::kEnforce, rule::ActionKind::kAllow);
  RuleEntry never = Rule("d", 4, "udp.srcport == 53");
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}, .rules = {never, allow, armed, observe}});
  EXPECT_EQ(Reason(UdpTo("203.0.113.7", 53, 4444)), BW_REASON_PASS_RULE);
  SlotCounters counters = *engine_->TakeCounters();
  ASSERT_EQ(counters.rules.size(), 3u);
  for (const RuleSlotCounts& rule : counters.rules) {
    EXPECT_NE(rule.counter_slot, 4u);
    EXPECT_EQ(rule.counts, (window::RuleCounts{1, 68, 0, 0}));
  }
}

TEST_F(EngineTest, PriorityComesBeforeId) {
  RuleEntry late = Rule("a", 1, "udp.srcport == 53");
  RuleEntry early = Rule("b", 2, "udp.srcport == 53", rule::Mode::kEnforce, rule::ActionKind::kAllow);
  early.rule.priority = 10;
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}, .rules = {late, early}});
  EXPECT_EQ(Process(UdpTo("203.0.113.7", 53, 4444)).rule_slot, 2);
}

TEST_F(EngineTest, BlocksAndAllowsSources) {
  SourceEntry block{.prefix = Prefix("198.51.100.0/24"), .kind = SourceEntry::Kind::kBlock};
  SourceEntry allow{.prefix = Prefix("198.51.100.9/32"),
                    .kind = SourceEntry::Kind::kAllow,
                    .allowed = {.protocol = 6, .port_lo = 179, .port_hi = 179, .cap_pps = 2}};
  Install({.revision = 1, .policies = {Web("203.0.113.0/24")}, .sources = {block, allow}});
  EXPECT_EQ(Reason(SynTo("203.0.113.7", 443, "198.51.100.8")), BW_REASON_DROP_SOURCE_BLOCKED);
  EXPECT_EQ(Reason(SynTo("203.0.113.7", 179)), BW_REASON_PASS_SOURCE_ALLOWED);
  EXPECT_EQ(Reason(SynTo("203.0.113.7", 179)), BW_REASON_PASS_SOURCE_ALLOWED);
  EXPECT_EQ(Reason(SynTo("203.0.113.7", 179)), BW_REASON_DROP_UNDECLARED) << "over its cap it is like everyone else";
  EXPECT_EQ(Reason(SynTo("203.0.113.7", 443)), BW_REASON_PASS_DECLARED) << "the longest prefix decides alone";
}

TEST_F(EngineTest, RateLimitsByKey) {
  RuleEntry limit = Rule("a", 1, "ip.proto == 17", rule::Mode::kEnforce, rule::ActionKind::kRateLimit);
  limit.rule.action.limit = {.key = rule::LimitKey::kSource, .rate = 10, .burst = 2};
  Install({.revision = 1, .policies = {Open("203.0.113.0/24")}, .rules = {limit}});
  auto from = [&](std::string_view source, absl::Duration after) {
    return Reason(UdpTo("203.0.113.7", 1000, 2000, source), after);
  };
  EXPECT_EQ(from("198.51.100.1", absl::ZeroDuration()), BW_REASON_PASS_DECLARED);
  EXPECT_EQ(from("198.51.100.1", absl::ZeroDuration()), BW_REASON_PASS_DECLARED);
  EXPECT_EQ(from("198.51.100.1", absl::ZeroDuration()), BW_REASON_DROP_RULE_RATE_LIMIT);
  EXPECT_EQ(from("198.51.100.2", absl::ZeroDuration()), BW_REASON_PASS_DECLARED) << "another source";
  EXPECT_EQ(from("198.51.100.1", absl::Milliseconds(99)), BW_REASON_DROP_RULE_RATE_LIMIT);
  EXPECT_EQ(from("198.51.100.1", absl::Milliseconds(101)), BW_REASON_PASS_DECLARED);
  EXPECT_EQ(from("198.51.100.1", absl::Milliseconds(102)), BW_REASON_DROP_RULE_RATE_LIMIT);
}

TEST_F(EngineTest, LaterFragmentsPassTheServicesOfTheirProtocol) {
  Install({.revision = 1, .policies = {Web("203.0.113.0/24")}});
  IpHeader ip{.source = Ip("198.51.100.9"), .destination = Ip("203.0.113.7"), .protocol = 6, .fragment = 100};
  Verdict tcp = Process(Frame(ip, Bytes(100)));
  EXPECT_EQ(tcp.reason, BW_REASON_PASS_DECLARED);
  EXPECT_EQ(tcp.vector, BW_VECTOR_FRAGMENT);
  ip.protocol = 47;
  EXPECT_EQ(Reason(Frame(ip, Bytes(100))), BW_REASON_DROP_UNDECLARED);
}

TEST_F(EngineTest, PanicPassesAndSaysSo) {
  Install({.revision = 1, .policies = {Web("203.0.113.0/24")}});
  ASSERT_TRUE(engine_->SetPanic(true).ok());
  Verdict verdict = Process(SynTo("203.0.113.7", 22));
  EXPECT_FALSE(verdict.dropped);
  EXPECT_EQ(verdict.reason, BW_REASON_PASS_PANIC);
  EXPECT_EQ(engine_->TakeCounters()->reasons[BW_REASON_PASS_PANIC].packets, 1u);
  ASSERT_TRUE(engine_->SetPanic(false).ok());
  EXPECT_EQ(Reason(SynTo("203.0.113.7", 22)), BW_REASON_DROP_UNDECLARED);
}

TEST_F(EngineTest, CountersAreWhatCameSinceTheLastCall) {
  Install({.revision = 1, .policies = {Web("203.0.113.0/24")}});
  Process(SynTo("203.0.113.7", 443));
  Process(SynTo("203.0.113.7", 22));
  SlotCounters first = *engine_->TakeCounters();
  const window::Counts expected{2, 80, 1, 40};
  ASSERT_EQ(first.hosts.size(), 1u);
  EXPECT_EQ(first.hosts[0].destination, Ip("203.0.113.7"));
  EXPECT_EQ(first.hosts[0].vector, BW_VECTOR_TCP_SYN);
  EXPECT_EQ(first.hosts[0].counts, expected);
  ASSERT_EQ(first.policies.size(), 1u);
  EXPECT_EQ(first.policies[0].counts, expected);
  EXPECT_EQ(first.reasons[BW_REASON_DROP_UNDECLARED], (window::Counts{1, 40, 1, 40}));
  ASSERT_EQ(first.samples.size(), 2u);
  EXPECT_EQ(first.samples[1].dropped, true);
  EXPECT_EQ(first.samples[1].size, 40);
  EXPECT_EQ(first.samples[1].l4_offset, 20);
  EXPECT_EQ(first.samples[1].time, kStart);
  Process(SynTo("203.0.113.7", 443));
  SlotCounters second = *engine_->TakeCounters();
  ASSERT_EQ(second.hosts.size(), 1u);
  EXPECT_EQ(second.hosts[0].counts, (window::Counts{1, 40, 0, 0}));
  SlotCounters third = *engine_->TakeCounters();
  EXPECT_TRUE(third.hosts.empty() && third.policies.empty() && third.rules.empty() && third.samples.empty());
}

TEST_F(EngineTest, ShortFramesAreUnparsed) {
  EXPECT_EQ(Process(Bytes(13)), (Verdict{false, BW_REASON_PASS_UNPARSED, BW_VECTOR_UNPARSED, -1}));
}

TEST_F(EngineTest, RefusesARuleItCannotCarryAndKeepsTheOthers) {
  absl::StatusOr<InstallReport> report =
      engine_->Install({.revision = 9,
                        .policies = {Open("203.0.113.0/24")},
                        .rules = {Rule("bad", 1, "src.asn == 64496"), Rule("good", 2, "udp.srcport == 53")}});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->revision, 9u);
  ASSERT_EQ(report->refused.size(), 1u);
  EXPECT_EQ(report->refused[0].rule_id, "bad");
  EXPECT_EQ(Reason(UdpTo("203.0.113.7", 53, 4444)), BW_REASON_DROP_RULE);
}

}  // namespace
}  // namespace breakwater::datapath
