#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "common/rule/guard.h"
#include "common/rule/refusal.h"
#include "common/rule/specificity.h"

namespace breakwater::rule {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

net::IpPrefix Prefix(std::string_view text) { return *net::IpPrefix::Parse(text); }

ExprPtr Parsed(std::string_view text) {
  absl::StatusOr<ExprPtr> expr = ParseExpr(text);
  EXPECT_TRUE(expr.ok()) << text << "\n" << expr.status();
  return expr.ok() ? *expr : nullptr;
}

Rule OperatorRule(std::string_view match = "ip.dst == 203.0.113.7 and udp.srcport == 53") {
  Rule rule;
  rule.id = "op-7";
  rule.match = Parsed(match);
  rule.mode = Mode::kEnforce;
  return rule;
}

Rule AutomaticRule(std::string_view match = "ip.dst == 203.0.113.7 and udp.srcport == 53") {
  Rule rule = OperatorRule(match);
  rule.origin = Origin::kEdgeDetector;
  rule.scope.prefixes = {Prefix("203.0.113.0/24")};
  rule.expires = kNow + absl::Minutes(1);
  rule.attack_id = "edge1-a3";
  return rule;
}

Limits AtNow() {
  Limits limits;
  limits.now = kNow;
  return limits;
}

GuardList Guards() {
  return GuardList(
      {{Prefix("192.0.2.53"), "resolver"}, {Prefix("203.0.113.250"), "edge"}, {Prefix("2001:db8:53::/48"), "dns6"}});
}

TEST(ValidateTest, TakesGoodRules) {
  EXPECT_EQ(Validate(OperatorRule(), AtNow(), Guards()), absl::OkStatus());
  EXPECT_EQ(Validate(AutomaticRule(), AtNow(), Guards()), absl::OkStatus());
}

struct Change {
  std::string name;
  std::function<void(Rule&)> apply;
  Refusal refusal;
  std::string message;
};

class RefusedTest : public ::testing::TestWithParam<Change> {};

TEST_P(RefusedTest, WithReasonAndWords) {
  Rule rule = OperatorRule();
  GetParam().apply(rule);
  const absl::Status status = Validate(rule, AtNow(), Guards());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(RefusalOf(status), GetParam().refusal) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
  if (rule.id == "op-7") {
    EXPECT_THAT(std::string(status.message()), StartsWith("rule \"op-7\": "));
  }
}

const Change kChanges[] = {
    {"EmptyId", [](Rule& r) { r.id = ""; }, Refusal::kMalformed, "the rule id \"\""},
    {"UpperCaseId", [](Rule& r) { r.id = "Op"; }, Refusal::kMalformed, "1 to 64 of a-z"},
    {"LongId", [](Rule& r) { r.id = std::string(65, 'a'); }, Refusal::kMalformed, "1 to 64"},
    {"AttackId", [](Rule& r) { r.attack_id = "a b"; }, Refusal::kMalformed, "attack id \"a b\""},
    {"LongReason", [](Rule& r) { r.reason = std::string(257, 'x'); }, Refusal::kOverBound,
     "257 bytes, the limit is 256"},
    {"ReasonWithLineEnd", [](Rule& r) { r.reason = "a\nb"; }, Refusal::kMalformed, "control characters"},
    {"ManySites", [](Rule& r) { r.scope.sites.assign(65, "a"); }, Refusal::kOverBound, "65 sites, the limit is 64"},
    {"SiteName", [](Rule& r) { r.scope.sites = {"a/b"}; }, Refusal::kMalformed, "site \"a/b\""},
    {"RegionName", [](Rule& r) { r.scope.regions = {""}; }, Refusal::kMalformed, "region \"\""},
    {"EdgeName", [](Rule& r) { r.scope.edges = {"A"}; }, Refusal::kMalformed, "edge \"A\""},
    {"ManyPrefixes", [](Rule& r) { r.scope.prefixes.assign(65, Prefix("203.0.113.0/24")); }, Refusal::kOverBound,
     "65 prefixes"},
    {"BehindScope", [](Rule& r) { r.scope.prefixes = {Prefix("198.51.100.0/24")}; }, Refusal::kMalformed,
     "behind the prefixes of the scope (198.51.100.0/24)"},
    {"NoMatch", [](Rule& r) { r.match = nullptr; }, Refusal::kMalformed, "there is no match"},
    {"Expired", [](Rule& r) { r.expires = kNow; }, Refusal::kExpired, "expired at 2023-11-14T22:13:20"},
    {"RateZero", [](Rule& r) { r.action = {.kind = ActionKind::kRateLimit}; }, Refusal::kOutOfRange, "use drop"},
    {"RateHuge", [](Rule& r) { r.action = {.kind = ActionKind::kRateLimit, .limit = {.rate = kMaxRate + 1}}; },
     Refusal::kOutOfRange, "1000000000000001"},
    {"BurstHuge",
     [](Rule& r) { r.action = {.kind = ActionKind::kRateLimit, .limit = {.rate = 1, .burst = kMaxRate + 1}}; },
     Refusal::kOutOfRange, "burst"},
    {"RateOfDrop", [](Rule& r) { r.action.limit.rate = 5; }, Refusal::kMalformed, "drop takes no rate"},
    {"DenyStatus", [](Rule& r) { r.action = {.kind = ActionKind::kDeny, .deny_status = 200}; }, Refusal::kOutOfRange,
     "200, expected 400 to 599"},
    {"StatusOfDrop", [](Rule& r) { r.action.deny_status = 403; }, Refusal::kMalformed, "drop takes no status"},
    {"ValueOutOfRange",
     [](Rule& r) {
       Expr length;
       length.compare.field = FieldId::kIpLen;
       length.compare.intervals = {{99'971, 99'985}};
       r.match = std::make_shared<Expr>(length);
     },
     Refusal::kOutOfRange, "expected a number from 0 to 65535"},
    {"NoValue", [](Rule& r) { r.match = std::make_shared<Expr>(); }, Refusal::kMalformed, "has no value"},
    {"NotWithoutOperand",
     [](Rule& r) {
       Expr negation;
       negation.kind = Expr::Kind::kNot;
       r.match = std::make_shared<Expr>(negation);
     },
     Refusal::kMalformed, "0 operands"},
    {"NullOperand",
     [](Rule& r) {
       Expr negation;
       negation.kind = Expr::Kind::kNot;
       negation.children = {nullptr};
       r.match = std::make_shared<Expr>(negation);
     },
     Refusal::kMalformed, "missing"},
    {"NotNormalised",
     [](Rule& r) {
       Expr length;
       length.compare.field = FieldId::kIpLen;
       length.compare.intervals = {{5, 9}, {1, 6}};
       r.match = std::make_shared<Expr>(length);
     },
     Refusal::kNotCanonical, "ip.len == 1..9"},
};
INSTANTIATE_TEST_SUITE_P(Rules, RefusedTest, ::testing::ValuesIn(kChanges),
                         [](const auto& test) { return test.param.name; });

TEST(ValidateTest, SkipsExpiryWithoutAClock) {
  Rule rule = OperatorRule();
  rule.expires = absl::UnixEpoch();
  EXPECT_TRUE(Validate(rule, Limits{}, GuardList{}).ok());
}

struct WidthCase {
  std::string_view match;
  bool drop;        // is narrow enough to drop
  bool rate_limit;  // is narrow enough to limit
};

class WidthTest : public ::testing::TestWithParam<WidthCase> {};

TEST_P(WidthTest, DropAndRateLimit) {
  const auto check = [&](Action action, bool expected) {
    Rule rule = OperatorRule(GetParam().match);
    rule.action = action;
    const absl::Status status = Validate(rule, AtNow(), GuardList{});
    EXPECT_EQ(status.ok(), expected) << GetParam().match << ": " << status;
    if (!status.ok()) {
      EXPECT_EQ(RefusalOf(status), Refusal::kTooWide) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("wide_override"));
    }
    rule.wide_override = true;
    EXPECT_TRUE(Validate(rule, AtNow(), GuardList{}).ok()) << GetParam().match;
  };
  check({.kind = ActionKind::kDrop}, GetParam().drop);
  check({.kind = ActionKind::kRateLimit, .limit = {.rate = 100}}, GetParam().rate_limit);
  check({.kind = ActionKind::kAllow}, true);
}

constexpr WidthCase kWidthCases[] = {
    {"udp.srcport == 11211", false, false},
    {"ip.proto == 6", false, false},
    {"ip.dst == 10.0.0.0/8 and udp.srcport == 53", false, false},
    {"ip.dst == 10.0.0.0/9 and udp.srcport == 53", true, true},
    {"ip.dst == 2001::/19 and udp.srcport == 53", false, false},
    {"ip.dst == 2001:db8::/32 and udp.srcport == 53", true, true},
    {"ip.dst in {10.0.0.0/8, 192.0.2.1} and udp.srcport == 53", false, false},
    {"ip.src == 192.0.2.0/24", true, true},
    {"ip.src == 10.0.0.0/8", false, false},
    {"ip.src == 192.0.2.0/24 or udp.srcport == 53", false, false},
    {"ip.src == 192.0.2.0/24 or ip.dst == 203.0.113.7 and udp.srcport == 53", true, true},
    {"ip.dst == 203.0.113.7", false, true},
    {"ip.dst == 203.0.113.7 and ip.version == 4", false, true},
    {"ip.dst == 203.0.113.7 and ip.proto == 6", false, true},
    {"ip.dst == 203.0.113.7 and ip.proto in {17, 47}", false, true},
    {"ip.dst == 203.0.113.7 and ip.proto == 47", true, true},
    {"ip.dst == 203.0.113.7 and tcp.flags == syn", true, true},
    {"ip.dst == 203.0.113.7 and udp.srcport >= 0", false, true},
    {"ip.dst == 203.0.113.7 and not udp.srcport == 53", false, true},
    {"not ip.dst == 203.0.113.7 and udp.srcport == 53", false, false},
    {"not (not ip.dst == 203.0.113.7 or not udp.srcport == 53)", true, true},
    {"not (not ip.dst == 203.0.113.7 and not udp.srcport == 53)", false, false},
    {R"(http.host == "example.com" and http.path == "/login")", true, true},
    {R"(http.host matches "*" and http.path == "/login")", false, false},
};
INSTANTIATE_TEST_SUITE_P(Table, WidthTest, ::testing::ValuesIn(kWidthCases));

TEST(ValidateTest, ASiteInTheScopeIsNarrowEnough) {
  Rule rule = OperatorRule(R"(http.path == "/login")");
  rule.action = {.kind = ActionKind::kDeny, .deny_status = 403};
  EXPECT_EQ(RefusalOf(Validate(rule, AtNow(), GuardList{})), Refusal::kTooWide);
  rule.scope.sites = {"shop"};
  EXPECT_EQ(Validate(rule, AtNow(), GuardList{}), absl::OkStatus());
}

TEST(AutomaticTest, NeedsOnePrefixALeaseAndNoOverride) {
  const auto refusal = [](const Rule& rule) { return RefusalOf(Validate(rule, AtNow(), Guards())); };
  Rule rule = AutomaticRule();
  rule.wide_override = true;
  EXPECT_EQ(refusal(rule), Refusal::kTooWide);

  rule = AutomaticRule();
  rule.scope.prefixes.clear();
  EXPECT_EQ(refusal(rule), Refusal::kMalformed);
  rule.scope.prefixes = {Prefix("203.0.113.0/24"), Prefix("198.51.100.0/24")};
  EXPECT_EQ(refusal(rule), Refusal::kMalformed);

  rule = AutomaticRule();
  rule.expires = absl::InfiniteFuture();
  EXPECT_EQ(refusal(rule), Refusal::kLease);
  rule.expires = kNow + absl::Minutes(10);
  EXPECT_TRUE(Validate(rule, AtNow(), Guards()).ok());
  rule.expires += absl::Seconds(1);
  EXPECT_EQ(refusal(rule), Refusal::kLease);

  // The match stays inside the one prefix.
  EXPECT_EQ(refusal(AutomaticRule("ip.dst == 198.51.100.7 and udp.srcport == 53")), Refusal::kMalformed);
  EXPECT_EQ(refusal(AutomaticRule("ip.src == 198.51.100.7")), Refusal::kMalformed);
}

struct GuardCase {
  std::string_view match;
  bool covers;
};

class GuardTest : public ::testing::TestWithParam<GuardCase> {};

TEST_P(GuardTest, Covers) {
  const GuardList guards = Guards();
  EXPECT_EQ(CoveredGuard(*Parsed(GetParam().match), guards) != nullptr, GetParam().covers) << GetParam().match;
}

constexpr GuardCase kGuardCases[] = {
    {"udp.srcport == 53", false},  // names no address
    {"ip.dst == 203.0.113.7", false},
    {"ip.dst == 203.0.113.250", true},
    {"ip.dst == 203.0.113.0/24", true},
    {"ip.dst == 203.0.113.0/25", false},
    {"ip.dst == 203.0.113.0/24 and not ip.dst == 203.0.113.250", false},
    {"ip.dst == 203.0.113.0/24 and not ip.dst == 203.0.113.0/25", true},
    {"ip.src == 192.0.2.53", true},
    {"ip.src == 192.0.2.0/24 and ip.dst == 203.0.113.7", true},
    {"ip.src == 192.0.2.0/24 and not ip.src == 192.0.2.52/31", false},
    {"not ip.src == 198.51.100.0/24", true},
    {"not ip.src in {192.0.2.53, 203.0.113.250, 2001:db8:53::/48}", false},
    {"not ip.src in {192.0.2.53, 203.0.113.250, 2001:db8:53::/49}", true},
    {"ip.src == 0.0.0.0/0 and ip.src == 198.51.100.0/24", false},
    {"ip.src == 198.51.100.1 or ip.src == 192.0.2.53", true},
    {"udp.srcport == 53 and (tcp.flags == syn or ip.src == 192.0.2.0/24)", true},
    {"ip.src == ::/0 and not ip.src == 2001:db8::/32", false},
    {"ip.src == 2001:db8:53:1::/64", true},
    {"not (not ip.src == 192.0.2.53 or udp.srcport == 5)", true},
    {"not (not ip.src == 192.0.2.53 and udp.srcport == 5)", true},
};
INSTANTIATE_TEST_SUITE_P(Table, GuardTest, ::testing::ValuesIn(kGuardCases));

TEST(AutomaticTest, IsRefusedWhenItCoversAGuardAndNamesIt) {
  const Rule rule = AutomaticRule("ip.dst == 203.0.113.0/24 and udp.srcport == 53");
  const absl::Status status = Validate(rule, AtNow(), Guards());
  EXPECT_EQ(RefusalOf(status), Refusal::kCoversGuard);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the guarded \"edge\" (203.0.113.250)"));

  // An operator may.
  Rule by_hand = rule;
  by_hand.origin = Origin::kOperator;
  EXPECT_TRUE(Validate(by_hand, AtNow(), Guards()).ok());
}

TEST(DecidableTest, ThePacketFilterRefusesWhatItCantSee) {
  const auto check = [](std::string_view match) { return CheckDecidable(OperatorRule(match), Decider::kDatapath); };
  for (const FieldInfo& field : Fields()) {
    if (field.layer == Layer::kHttp || field.layer == Layer::kTls) {
      const bool keyed = field.id == FieldId::kHttpHeader || field.id == FieldId::kHttpCookie;
      const absl::Status status = check(std::string(field.name) + (keyed ? "[\"k\"]" : "") + " == \"x\"");
      EXPECT_EQ(RefusalOf(status), Refusal::kFieldNotDecidable) << field.name;
      EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(field.name)));
    }
  }
  EXPECT_EQ(RefusalOf(check("src.asn == 64500")), Refusal::kFieldNotDecidable);
  EXPECT_EQ(RefusalOf(check("src.country == \"NL\"")), Refusal::kFieldNotDecidable);
  EXPECT_THAT(std::string(check("ip.len == 5 and not (ip.ttl == 3 and tls.sni == \"a\")").message()),
              HasSubstr("rule \"op-7\": column 38: the packet filter can't decide tls.sni"));
  EXPECT_TRUE(check("ip.len == 5 and payload[0:4] == 64:64:6f:73 and vlan.id == 7 and icmpv6.type == 128").ok());
}

TEST(DecidableTest, ActionsAndScope) {
  const auto check = [](Action action, Decider decider) {
    Rule rule = OperatorRule("ip.src == 192.0.2.1");
    rule.action = action;
    return CheckDecidable(rule, decider);
  };
  for (const ActionKind kind : {ActionKind::kAllow, ActionKind::kDrop, ActionKind::kRateLimit}) {
    EXPECT_TRUE(check({.kind = kind}, Decider::kDatapath).ok());
  }
  for (const ActionKind kind :
       {ActionKind::kTcpAuth, ActionKind::kChallenge, ActionKind::kDeny, ActionKind::kClose, ActionKind::kLog}) {
    EXPECT_EQ(RefusalOf(check({.kind = kind}, Decider::kDatapath)), Refusal::kActionNotSupported);
  }
  for (const ActionKind kind : {ActionKind::kDrop, ActionKind::kTcpAuth}) {
    EXPECT_EQ(RefusalOf(check({.kind = kind}, Decider::kGateway)), Refusal::kActionNotSupported);
  }
  EXPECT_TRUE(check({.kind = ActionKind::kChallenge}, Decider::kGateway).ok());
  EXPECT_EQ(
      RefusalOf(check({.kind = ActionKind::kRateLimit, .limit = {.rate = 1, .fleet_wide = true}}, Decider::kDatapath)),
      Refusal::kActionNotSupported);

  Rule rule = OperatorRule();
  rule.scope.sites = {"shop"};
  EXPECT_EQ(RefusalOf(CheckDecidable(rule, Decider::kDatapath)), Refusal::kScopeNotDecidable);
}

TEST(DecidableTest, TheGatewaySeesRequestsNotPackets) {
  EXPECT_TRUE(CheckDecidable(OperatorRule(R"(http.host == "a" and tls.ja4 == "t13d" and ip.src == 192.0.2.1)"),
                             Decider::kGateway)
                  .code() == absl::StatusCode::kFailedPrecondition);  // drop isn't its action
  Rule rule = OperatorRule(R"(http.host == "a" and tls.ja4 == "t13d" and ip.src == 192.0.2.1)");
  rule.action = {.kind = ActionKind::kClose};
  EXPECT_EQ(CheckDecidable(rule, Decider::kGateway), absl::OkStatus());
  rule.match = Parsed("ip.ttl == 5");
  EXPECT_EQ(RefusalOf(CheckDecidable(rule, Decider::kGateway)), Refusal::kFieldNotDecidable);
}

TEST(RefusalTest, NamesRoundTripAndSurviveAnnotation) {
  for (const Refusal refusal : {Refusal::kMalformed, Refusal::kNoSpace, Refusal::kOther}) {
    EXPECT_EQ(RefusalFromName(RefusalName(refusal)), refusal);
    EXPECT_EQ(RefusalOf(Annotate(RefusalError(refusal, "x"), "y: ")), refusal);
  }
  EXPECT_EQ(RefusalFromName("nothing"), std::nullopt);
  EXPECT_EQ(RefusalOf(absl::InternalError("x")), Refusal::kOther);
  EXPECT_EQ(std::string(Annotate(RefusalError(Refusal::kOther, "x"), "y: ").message()), "y: x");
}

TEST(FormTest, OnlyAnArmedRuleHasARateThatConfirmsIt) {
  Rule rule;
  rule.id = "a";
  rule.match = Parsed("ip.dst == 203.0.113.7 and udp.srcport == 53");
  EXPECT_TRUE(Validate(rule, Limits{}, GuardList{}).ok());
  rule.confirm_pps = 1;
  EXPECT_EQ(RefusalOf(Validate(rule, Limits{}, GuardList{})), Refusal::kMalformed);
  rule.mode = Mode::kArmed;
  EXPECT_TRUE(Validate(rule, Limits{}, GuardList{}).ok());
  for (const uint64_t wrong : {uint64_t{0}, kMaxConfirmPps + 1}) {
    rule.confirm_pps = wrong;
    EXPECT_EQ(RefusalOf(Validate(rule, Limits{}, GuardList{})), Refusal::kOutOfRange) << wrong;
  }
}

TEST(RuleTest, NamesRoundTrip) {
  EXPECT_EQ(OriginFromName(OriginName(Origin::kGlobalDetector)), Origin::kGlobalDetector);
  EXPECT_EQ(ModeFromName("armed"), Mode::kArmed);
  EXPECT_EQ(ActionFromName(ActionName(ActionKind::kTcpAuth)), ActionKind::kTcpAuth);
  EXPECT_EQ(LimitKeyFromName("source_destination_port"), LimitKey::kSourceDestinationPort);
  EXPECT_EQ(LimitUnitName(LimitUnit::kBitsPerSecond), "bps");
  EXPECT_EQ(ActionFromName("Drop"), std::nullopt);
}

TEST(RuleTest, WithinPrefixesNarrowsTheDestination) {
  EXPECT_EQ(CanonicalText(*WithinPrefixes(Parsed("udp.srcport == 53"), {Prefix("203.0.113.0/24")})),
            "ip.dst == 203.0.113.0/24 and udp.srcport == 53");
  EXPECT_EQ(CanonicalText(*WithinPrefixes(Parsed("udp.srcport == 53"), {})), "udp.srcport == 53");
}

}  // namespace
}  // namespace breakwater::rule
