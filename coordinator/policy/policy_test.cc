#include "coordinator/policy/policy.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/rule/refusal.h"
#include "coordinator/policy/meaning.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::policy {
namespace {

using rule::Refusal;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

net::IpPrefix Prefix(std::string_view text) { return *net::IpPrefix::Parse(text); }

PolicyOptions Options() {
  PolicyOptions options;
  options.guards = rule::GuardList({{Prefix("192.0.2.53/32"), "resolver"}});
  return options;
}

v1::CreateRuleRequest Request(const std::string& id,
                              const std::string& match = "ip.dst == 203.0.113.7 and udp.srcport == 53") {
  v1::CreateRuleRequest request;
  request.set_id(id);
  request.set_match(match);
  return request;
}

v1::LocalRule Local(const std::string& id, const std::string& match = "ip.dst == 203.0.113.7 and udp.srcport == 53") {
  v1::LocalRule local;
  v1::Rule& r = *local.mutable_rule();
  r.set_id(id);
  r.set_origin(v1::RULE_ORIGIN_EDGE_DETECTOR);
  r.mutable_scope()->add_prefixes("203.0.113.0/24");
  r.set_match(match);
  r.mutable_action()->set_kind(v1::ACTION_KIND_DROP);
  r.set_mode(v1::RULE_MODE_ENFORCE);
  r.set_priority(2000);
  r.set_expires_unix_ms(absl::ToUnixMillis(kNow + absl::Minutes(1)));
  local.set_attack_id("a-1");
  local.set_threshold_pps(5000);
  return local;
}

std::string MatchOn(int host) { return "ip.dst == 203.0.113." + std::to_string(host) + " and udp.srcport == 53"; }

const auto kNoAttack = [](std::string_view) { return false; };

class PolicyTest : public ::testing::Test {
 protected:
  absl::StatusOr<LocalOutcome> Find(const std::string& edge, const v1::LocalRule& local, absl::Time now = kNow) {
    return policy_.OnLocalRule(edge, protects_, local, local.attack_id(), now);
  }
  Refusal RefusalOfFind(const v1::LocalRule& local) {
    const auto outcome = Find("ams-1", local);
    EXPECT_FALSE(outcome.ok());
    return rule::RefusalOf(outcome.status());
  }
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const auto& [id, entry] : policy_.rules()) ids.push_back(id);
    return ids;
  }

  Policy policy_{Options()};
  std::vector<net::IpPrefix> protects_ = {Prefix("203.0.113.0/24")};
};

// ── Operators ──

TEST_F(PolicyTest, ARuleIsWhatWasAskedFor) {
  v1::CreateRuleRequest request = Request("op-7");
  request.set_for_s(60);
  request.set_reason("ticket 4711");
  request.set_priority(5);
  request.add_scope_regions("eu");
  const auto entry = policy_.Create(request, "alice", kNow);
  ASSERT_TRUE(entry.ok()) << entry.status();
  const rule::Rule& r = (*entry)->rule;
  EXPECT_EQ(r.origin, rule::Origin::kOperator);
  EXPECT_EQ(r.mode, rule::Mode::kEnforce);
  EXPECT_EQ(r.priority, 5);
  EXPECT_EQ(r.expires, kNow + absl::Minutes(1));
  EXPECT_THAT(r.scope.regions, ElementsAre("eu"));
  EXPECT_EQ((*entry)->created_by, "alice");
}

TEST_F(PolicyTest, ARuleFileSaysEverything) {
  v1::CreateRuleRequest request;
  request.set_file("rules:\n  - id: f1\n    match: udp.srcport == 19 and ip.dst == 203.0.113.7\n    action: drop\n");
  const auto entry = policy_.Create(request, "alice", kNow);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ((*entry)->rule.id, "f1");
  request.set_priority(4);
  EXPECT_THAT(std::string(policy_.Create(request, "alice", kNow).status().message()),
              HasSubstr("leave the other fields out"));
}

TEST_F(PolicyTest, MistakesAreRefusedWithWhatToDo) {
  const auto error = [&](auto change) {
    v1::CreateRuleRequest request = Request("op-1");
    change(request);
    const auto entry = policy_.Create(request, "alice", kNow);
    EXPECT_FALSE(entry.ok());
    return std::string(entry.status().message());
  };
  EXPECT_THAT(error([](auto& r) { r.set_match("udp.srcport == banana"); }), HasSubstr("column"));
  EXPECT_THAT(error([](auto& r) { r.set_match("ip.dst in {0.0.0.0/0}"); }), HasSubstr("wide_override"));
  EXPECT_THAT(error([](auto& r) { r.set_match("http.host == \"a\" and ip.dst == 203.0.113.7"); }),
              HasSubstr("http.host"));
  EXPECT_THAT(error([](auto& r) { r.set_action("tcp_auth"); }), HasSubstr("rule file"));
  EXPECT_THAT(error([](auto& r) { r.set_mode("maybe"); }), HasSubstr("enforce, observe or armed"));
  EXPECT_THAT(error([](auto& r) { r.set_mode("armed"); }), HasSubstr("confirm_pps"));
  EXPECT_THAT(error([](auto& r) { r.set_confirm_pps(5); }), HasSubstr("belongs to mode armed"));
  EXPECT_THAT(error([](auto& r) { r.set_priority(1.5); }), HasSubstr("whole number"));
  EXPECT_THAT(error([](auto& r) { r.set_for_s(-1); }), HasSubstr("for_s"));
  EXPECT_THAT(error([](auto& r) { r.set_for_s(1e300); }), HasSubstr("for_s"));
  EXPECT_THAT(error([](auto& r) { r.set_id("Not An Id"); }), HasSubstr("rule id"));
  EXPECT_THAT(error([](auto& r) { r.add_scope_prefixes("203.0.113.1/24"); }), HasSubstr("203.0.113.0/24"));
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(PolicyTest, AnIdIsTakenOnceAndFreeAfterItsDeletion) {
  ASSERT_TRUE(policy_.Create(Request("r"), "alice", kNow).ok());
  EXPECT_EQ(policy_.Create(Request("r"), "alice", kNow).status().code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(policy_.Delete("r", kNow).ok());
  EXPECT_EQ(policy_.Delete("r", kNow).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(policy_.Create(Request("r"), "alice", kNow).ok());
}

TEST_F(PolicyTest, ADryRunChangesNothing) {
  v1::CreateRuleRequest request = Request("r");
  request.set_dry_run(true);
  EXPECT_TRUE(policy_.Create(request, "alice", kNow).ok());
  EXPECT_THAT(policy_.Staged(), IsEmpty());
}

TEST_F(PolicyTest, PlacesAreKeptForDetectors) {
  PolicyOptions options = Options();
  options.max_rules = 5;
  options.max_automatic_rules = 2;
  Policy policy(options);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(policy.Create(Request("r" + std::to_string(i)), "alice", kNow).ok());
  const auto over = policy.Create(Request("r4"), "alice", kNow);
  EXPECT_EQ(over.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(over.status().message()), HasSubstr("the limit is 3"));
  EXPECT_TRUE(policy.OnLocalRule("ams-1", protects_, Local("s1"), "a", kNow).ok());
}

TEST_F(PolicyTest, ABlockIsRenewedAndTakenBackBySource) {
  v1::BlockRequest block;
  block.set_source("198.51.100.7");
  block.set_for_s(60);
  block.set_reason("scanner");
  ASSERT_TRUE(policy_.Block(block, "alice", kNow).ok());
  policy_.Accept();
  const auto again = policy_.Block(block, "bob", kNow + absl::Seconds(30));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->rule.expires, kNow + absl::Seconds(90));
  ASSERT_EQ(policy_.Staged().size(), 1u);
  EXPECT_TRUE(policy_.Staged()[0].RenewsOnly());
  block.set_source("2001:db8::/48");
  ASSERT_TRUE(policy_.Block(block, "alice", kNow).ok());
  EXPECT_THAT(Ids(), ElementsAre("block-198.51.100.7", "block-2001_db8__-48"));

  EXPECT_THAT(std::string(policy_.Unblock("2001:db8::1").status().message()), HasSubstr("2001:db8::/48: unblock that"));
  EXPECT_EQ(policy_.Unblock("198.51.100.8").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(*policy_.Unblock("198.51.100.0/24"), ElementsAre("block-198.51.100.7"));
}

TEST_F(PolicyTest, BlocksAreBoundedAndKeepAwayFromGuards) {
  v1::BlockRequest block;
  block.set_source("192.0.2.0/24");
  block.set_for_s(60);
  block.set_reason("x");
  EXPECT_THAT(std::string(policy_.Block(block, "alice", kNow).status().message()), HasSubstr("resolver"));
  block.set_source("198.51.100.0/24");
  block.set_for_s(3601);
  EXPECT_THAT(std::string(policy_.Block(block, "alice", kNow).status().message()), HasSubstr("1 to 3600"));
  block.set_for_s(60);
  block.set_reason("");
  EXPECT_THAT(std::string(policy_.Block(block, "alice", kNow).status().message()), HasSubstr("reason"));
  block.set_reason("x");
  block.set_source("10.0.0.0/7");
  EXPECT_FALSE(policy_.Block(block, "alice", kNow).ok()) << "too wide";
}

// ── Staging ──

TEST_F(PolicyTest, WhatIsRolledBackNeverWas) {
  ASSERT_TRUE(policy_.Create(Request("kept"), "alice", kNow).ok());
  ASSERT_TRUE(Find("ams-1", Local("s1")).ok());
  policy_.Accept();
  ASSERT_TRUE(policy_.Create(Request("new"), "alice", kNow).ok());
  ASSERT_TRUE(policy_.Delete("kept", kNow).ok());
  ASSERT_TRUE(policy_.Delete("s1", kNow).ok());
  EXPECT_THAT(Ids(), ElementsAre("new"));
  policy_.Rollback();
  EXPECT_THAT(Ids(), ElementsAre("kept", "s1"));
  EXPECT_THAT(policy_.Staged(), IsEmpty());
  EXPECT_EQ(policy_.automatic(), 1u);
  // Still the rule of that meaning.
  const auto same = Find("nyc-1", Local("other"));
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->entry->rule.id, "s1");
}

TEST_F(PolicyTest, WhatIsMadeAndDeletedInOneGoIsNoChange) {
  ASSERT_TRUE(policy_.Create(Request("r"), "alice", kNow).ok());
  ASSERT_TRUE(policy_.Delete("r", kNow).ok());
  EXPECT_THAT(policy_.Staged(), IsEmpty());
}

// ── Edges ──

TEST_F(PolicyTest, AnEdgesRuleIsSpreadAsArmedWithItsOwnLease) {
  const auto outcome = Find("ams-1", Local("s1"));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->spread);
  const rule::Rule& r = outcome->entry->rule;
  EXPECT_EQ(r.id, "s1");
  EXPECT_EQ(r.mode, rule::Mode::kArmed);
  EXPECT_EQ(r.origin, rule::Origin::kEdgeDetector);
  EXPECT_EQ(r.confirm_pps, 500u);
  EXPECT_EQ(r.expires, kNow + absl::Minutes(5));
  EXPECT_TRUE(policy_.HeldBy("s1", "ams-1"));
  EXPECT_FALSE(policy_.HeldBy("s1", "nyc-1"));
}

TEST_F(PolicyTest, TwoEdgesThatFindTheSameShareOneRule) {
  ASSERT_TRUE(Find("ams-1", Local("s1")).ok());
  const auto second = Find("nyc-1", Local("n9"));
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->spread);
  EXPECT_EQ(second->entry->rule.id, "s1");
  EXPECT_EQ(policy_.StandsFor("nyc-1", "n9"), "s1");
  EXPECT_TRUE(policy_.HeldBy("s1", "nyc-1"));
  v1::LocalRule gone = Local("n9");
  gone.set_removed(true);
  ASSERT_TRUE(Find("nyc-1", gone).ok());
  EXPECT_FALSE(policy_.HeldBy("s1", "nyc-1"));
  EXPECT_THAT(Ids(), ElementsAre("s1"));
}

TEST_F(PolicyTest, AnotherRuleUnderATakenIdGetsItsOwn) {
  ASSERT_TRUE(Find("ams-1", Local("s1", MatchOn(1))).ok());
  const auto second = Find("nyc-1", Local("s1", MatchOn(2)));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->entry->rule.id, "s1.2");
  EXPECT_EQ(policy_.StandsFor("nyc-1", "s1"), "s1.2");
}

TEST_F(PolicyTest, HostileRulesOfEdgesAreRefused) {
  const auto change = [](auto f) {
    v1::LocalRule local = Local("s1");
    f(*local.mutable_rule());
    return local;
  };
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.set_origin(v1::RULE_ORIGIN_OPERATOR); })), Refusal::kMalformed);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.mutable_action()->set_kind(v1::ACTION_KIND_ALLOW); })),
            Refusal::kActionNotSupported);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.set_mode(v1::RULE_MODE_OBSERVE); })), Refusal::kMalformed);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.set_match("ip.dst == 203.0.113.7  and udp.srcport == 53"); })),
            Refusal::kNotCanonical);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.set_match("ip.dst == 203.0.113.7"); })), Refusal::kTooWide);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.set_wide_override(true); })), Refusal::kTooWide);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.set_match("ip.dst == 203.0.113.7 and ip.src == 192.0.2.53"); })),
            Refusal::kCoversGuard);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.mutable_scope()->set_prefixes(0, "198.51.100.0/24"); })),
            Refusal::kMalformed);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.mutable_scope()->clear_prefixes(); })), Refusal::kMalformed);
  EXPECT_EQ(RefusalOfFind(change([](v1::Rule& r) { r.set_match("ip.dst == 198.51.100.7 and udp.srcport == 53"); })),
            Refusal::kMalformed)
      << "a destination behind the prefix it names";
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(PolicyTest, ThresholdsThatAreNoNumbersGiveTheFloor) {
  int host = 1;
  for (const double threshold :
       {0.0, -5.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    v1::LocalRule local = Local("s" + std::to_string(host), MatchOn(host));
    ++host;
    local.set_threshold_pps(threshold);
    const auto outcome = Find("ams-1", local);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(outcome->entry->rule.confirm_pps, 50u);
  }
}

TEST_F(PolicyTest, AnEdgeHasABoundedNumberOfRules) {
  for (size_t i = 0; i < Policy::kMaxLocalPerEdge; ++i) {
    ASSERT_TRUE(Find("ams-1", Local("s" + std::to_string(i), MatchOn(static_cast<int>(i)))).ok());
  }
  EXPECT_EQ(rule::RefusalOf(Find("ams-1", Local("one-more", MatchOn(200))).status()), Refusal::kOverBound);
  EXPECT_TRUE(Find("nyc-1", Local("n1", MatchOn(200))).ok());
}

TEST_F(PolicyTest, WhenFullTheLeastUsefulGoesAndNobodyPushesOutThoseWithFewer) {
  PolicyOptions options = Options();
  options.max_automatic_rules = 4;
  Policy policy(options);
  const auto find = [&](const std::string& edge, const std::string& id, int host, absl::Time now) {
    v1::LocalRule local = Local(id, MatchOn(host));
    local.mutable_rule()->set_expires_unix_ms(absl::ToUnixMillis(now + absl::Minutes(1)));
    return policy.OnLocalRule(edge, protects_, local, "a", now);
  };
  ASSERT_TRUE(find("small", "m1", 1, kNow).ok());
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(find("greedy", "g" + std::to_string(i), 10 + i, kNow).ok());
  policy.Accept();
  EXPECT_EQ(rule::RefusalOf(find("greedy", "g4", 14, kNow).status()), Refusal::kNoSpace) << "all are new";

  const absl::Time later = kNow + absl::Seconds(20);
  policy.OnMatched("g1", 1000, 1000, later);
  policy.OnMatched("g3", 1000, 1000, later);
  const auto own = find("greedy", "g4", 14, later);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(own->evicted, "g2") << "its own, though the rule of the small one does as little";
  const auto other = find("small", "m2", 2, later);
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->evicted, "m1") << "the least useful of those with at least as many";
  const auto third = find("new", "t1", 3, later);
  ASSERT_TRUE(third.ok());
  EXPECT_TRUE(third->evicted == "g1" || third->evicted == "g3") << third->evicted << ": the others are too new";
}

TEST_F(PolicyTest, WhatAPersonDeletedDoesNotComeBackAtOnce) {
  ASSERT_TRUE(Find("ams-1", Local("s1")).ok());
  ASSERT_TRUE(policy_.Delete("s1", kNow).ok());
  policy_.Accept();
  EXPECT_THAT(std::string(Find("ams-1", Local("s1")).status().message()), HasSubstr("a person has deleted"));
  v1::LocalRule later = Local("s1");
  later.mutable_rule()->set_expires_unix_ms(absl::ToUnixMillis(kNow + absl::Minutes(7)));
  EXPECT_TRUE(Find("ams-1", later, kNow + absl::Minutes(6)).ok());
}

// ── The coordinator's own ──

TEST_F(PolicyTest, AProposalServesThePrefixThatHoldsItsTarget) {
  const Proposed proposed{"c-s1", "c-1", Prefix("203.0.113.7/32"),
                          *rule::ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53"), 900};
  const auto entry = policy_.Propose(proposed, protects_, kNow);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ((*entry)->rule.origin, rule::Origin::kGlobalDetector);
  EXPECT_EQ((*entry)->rule.mode, rule::Mode::kArmed);
  EXPECT_EQ((*entry)->rule.confirm_pps, 90u);
  EXPECT_THAT((*entry)->rule.scope.prefixes, ElementsAre(Prefix("203.0.113.0/24")));
  EXPECT_NE(policy_.Reject("c-s1"), nullptr);
  EXPECT_THAT(Ids(), IsEmpty());
  EXPECT_FALSE(policy_.Propose(proposed, {}, kNow).ok()) << "nobody protects it";
}

// ── Leases ──

TEST_F(PolicyTest, LeasesAreRenewedWhileTheyMatchOrTheirAttackIsActiveAndLapseElse) {
  ASSERT_TRUE(Find("ams-1", Local("matches", MatchOn(1))).ok());
  ASSERT_TRUE(Find("ams-1", Local("active", MatchOn(2))).ok());
  ASSERT_TRUE(Find("ams-1", Local("idle", MatchOn(3))).ok());
  policy_.Accept();
  const auto active = [&](std::string_view) { return false; };
  const absl::Time half = kNow + absl::Minutes(2.6);
  policy_.Maintain(kNow + absl::Minutes(1), active, 100);
  EXPECT_THAT(policy_.Staged(), IsEmpty()) << "more than half of the lease is left";
  policy_.OnMatched("matches", 10, 0, half - absl::Seconds(10));
  policy_.Maintain(half, active, 100);
  ASSERT_EQ(policy_.Staged().size(), 1u);
  EXPECT_TRUE(policy_.Staged()[0].RenewsOnly());
  EXPECT_EQ(policy_.Find("matches")->rule.expires, half + absl::Minutes(5));
  policy_.Accept();
  policy_.Maintain(
      half, [](std::string_view attack) { return attack == "a-1"; }, 100);
  EXPECT_EQ(policy_.Staged().size(), 2u) << "their attack is active";
  policy_.Rollback();
  policy_.Maintain(kNow + absl::Minutes(5), active, 100);
  policy_.Accept();
  EXPECT_THAT(Ids(), ElementsAre("matches"));
}

TEST_F(PolicyTest, MaintenanceIsBounded) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Find("ams-1", Local("s" + std::to_string(i), MatchOn(i))).ok());
  policy_.Accept();
  policy_.Maintain(kNow + absl::Hours(1), kNoAttack, 7);
  EXPECT_EQ(policy_.Staged().size(), 7u);
}

TEST_F(PolicyTest, RulesThatBreakTheGuardsAsTheyAreNowAreDropped) {
  Entry entry;
  entry.rule.id = "old";
  entry.rule.origin = rule::Origin::kEdgeDetector;
  entry.rule.scope.prefixes = protects_;
  entry.rule.match = *rule::ParseExpr("ip.dst == 203.0.113.7 and ip.src == 192.0.2.53");
  entry.rule.mode = rule::Mode::kArmed;
  entry.rule.confirm_pps = 50;
  entry.rule.expires = kNow + absl::Minutes(1);
  ASSERT_TRUE(policy_.Restore(entry).ok());
  EXPECT_THAT(policy_.DropUnusable(kNow), ElementsAre("old"));
}

TEST(Meaning, DoesNotDependOnTheOrderOfWords) {
  rule::Rule a;
  rule::Rule b;
  a.match = *rule::ParseExpr("udp.srcport == 53 and ip.dst == 203.0.113.7");
  b.match = *rule::ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53");
  EXPECT_EQ(MeaningOf(a), MeaningOf(b));
  b.action.kind = rule::ActionKind::kAllow;
  EXPECT_NE(MeaningOf(a), MeaningOf(b));
}

}  // namespace
}  // namespace breakwater::policy
