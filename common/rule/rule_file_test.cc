#include "common/rule/rule_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/rule/guard.h"
#include "common/rule/refusal.h"

namespace breakwater::rule {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

std::string ErrorOf(std::string_view text, absl::Time now = kNow) {
  const absl::StatusOr<std::vector<Rule>> rules = ParseRuleFile(text, "rules.yaml", now);
  EXPECT_FALSE(rules.ok()) << text;
  return std::string(rules.status().message());
}

TEST(RuleFileTest, ReadsEveryKey) {
  const absl::StatusOr<std::vector<Rule>> rules = ParseRuleFile(R"(
rules:
  - id: block-ntp
    match: udp.srcport == 123 and udp.len >= 400
    action: drop
    prefixes: [203.0.113.0/24, "2001:db8::/32"]
    priority: 10
    for: 1h30m
    reason: amplification, ticket 4711
  - id: few-from-each
    match: >
      ip.dst == 203.0.113.7
      and tcp.flags == syn
    action: {rate_limit: {key: source, pps: 100, burst: 200}}
    mode: observe
    expires: 2030-01-02T15:04:05Z
  - id: bits
    match: ip.dst == 203.0.113.7 and udp.dstport == 443
    action:
      rate_limit: {bps: 1000000}
  - id: teapot
    match: http.host == "example.com"
    action: {deny: 418}
  - id: wide
    match: udp.srcport == 11211
    action: drop
    wide_override: true
)",
                                                                "rules.yaml", kNow);
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_EQ(rules->size(), 5u);

  const Rule& ntp = (*rules)[0];
  EXPECT_EQ(ntp.id, "block-ntp");
  EXPECT_EQ(ntp.origin, Origin::kOperator);
  EXPECT_EQ(CanonicalText(*ntp.match),
            "ip.dst in {203.0.113.0/24, 2001:db8::/32} and udp.srcport == 123 and udp.len >= 400");
  EXPECT_EQ(ntp.action, Action{.kind = ActionKind::kDrop});
  EXPECT_EQ(ntp.mode, Mode::kEnforce);
  EXPECT_EQ(ntp.priority, 10);
  EXPECT_EQ(ntp.expires, kNow + absl::Minutes(90));
  EXPECT_EQ(ntp.reason, "amplification, ticket 4711");
  EXPECT_EQ(ntp.scope.prefixes.size(), 2u);
  EXPECT_FALSE(ntp.wide_override);

  const Rule& limited = (*rules)[1];
  EXPECT_EQ(CanonicalText(*limited.match), "ip.dst == 203.0.113.7 and tcp.flags == syn");
  EXPECT_EQ(limited.action,
            (Action{.kind = ActionKind::kRateLimit, .limit = {.key = LimitKey::kSource, .rate = 100, .burst = 200}}));
  EXPECT_EQ(limited.mode, Mode::kObserve);
  EXPECT_EQ(limited.priority, 1000);
  EXPECT_EQ(limited.expires, absl::FromUnixSeconds(1'893'596'645));

  EXPECT_EQ((*rules)[2].action.limit, (RateLimit{.unit = LimitUnit::kBitsPerSecond, .rate = 1'000'000}));
  EXPECT_EQ((*rules)[2].expires, absl::InfiniteFuture());
  EXPECT_EQ((*rules)[3].action, (Action{.kind = ActionKind::kDeny, .deny_status = 418}));
  EXPECT_TRUE((*rules)[4].wide_override);
}

TEST(RuleFileTest, AnEmptyListIsNoRules) {
  const absl::StatusOr<std::vector<Rule>> rules = ParseRuleFile("rules: []\n", "rules.yaml");
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_TRUE(rules->empty());
}

struct ErrorCase {
  std::string_view name;
  std::string_view text;
  std::string_view error;
};

class RuleFileErrorTest : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(RuleFileErrorTest, SaysWhereAndWhat) {
  EXPECT_THAT(ErrorOf(GetParam().text), StartsWith(std::string(GetParam().error)));
}

// Every rule stands in lines 2 to 4: id, match, action.
#define RULE(match, action) "rules:\n  - id: a\n    match: " match "\n    action: " action "\n"
#define GOOD "ip.dst == 203.0.113.7 and udp.srcport == 53"

constexpr ErrorCase kErrorCases[] = {
    {"Empty", "", "rules.yaml:1:1: the key \"rules\" is missing"},
    {"NoList", "rules: 5\n", "rules.yaml:1:8: expected a list, got \"5\""},
    {"NotYaml", "rules: [\n", "rules.yaml:2:1: not valid YAML"},
    {"UnknownTopKey", "rules: []\nrule: []\n", "rules.yaml:2:1: unknown key \"rule\"; did you mean \"rules\"?"},
    {"NoMap", "rules:\n  - drop\n", "rules.yaml:2:5: expected a map of keys"},
    {"NoId", "rules:\n  - match: " GOOD "\n    action: drop\n", "rules.yaml:2:5: the key \"id\" is missing"},
    {"NoMatch", "rules:\n  - id: a\n    action: drop\n", "rules.yaml:2:5: the key \"match\" is missing"},
    {"NoAction", "rules:\n  - id: a\n    match: " GOOD "\n", "rules.yaml:2:5: the key \"action\" is missing"},
    {"BadId", "rules:\n  - id: A b\n    match: " GOOD "\n    action: drop\n",
     "rules.yaml:2:5: the rule id \"A b\" isn't one: expected 1 to 64"},
    {"UnknownKey", RULE(GOOD, "drop\n    modus: enforce"),
     "rules.yaml:5:5: unknown key \"modus\"; did you mean \"mode\"?"},
    {"KeyTwice", RULE(GOOD, "drop\n    id: b"), "rules.yaml:5:5: the key \"id\" is there twice"},
    {"BadMatch", RULE("ip.dst == 203.0.113.7 and udp.srcport == foo", "drop"),
     "rules.yaml:3:12: match: column 42: expected a number from 0 to 65535 after \"udp.srcport ==\", got \"foo\"\n"
     "  ip.dst == 203.0.113.7 and udp.srcport == foo\n"
     "                                           ^"},
    {"UnknownField", RULE("ip.destination == 203.0.113.7", "drop"), "rules.yaml:3:12: match: column 1: unknown field"},
    {"TooWide", RULE("udp.srcport == 53", "drop"),
     "rules.yaml:2:5: rule \"a\": a drop of \"udp.srcport == 53\" is too wide"},
    {"BadAction", RULE(GOOD, "dorp"), "rules.yaml:4:13: expected one of allow, drop"},
    {"EmptyAction", RULE(GOOD, "{}"), "rules.yaml:4:13: expected one action"},
    {"TwoActions", RULE(GOOD, "{deny: 403, rate_limit: {pps: 1}}"), "rules.yaml:4:13: expected one action"},
    {"UnknownActionKey", RULE(GOOD, "{deny: 403, drop: true}"), "rules.yaml:4:25: unknown key \"drop\""},
    {"NoRate", RULE(GOOD, "{rate_limit: {key: rule}}"), "rules.yaml:4:26: rate_limit needs a rate"},
    {"TwoRates", RULE(GOOD, "{rate_limit: {pps: 1, bps: 1}}"), "rules.yaml:4:26: rate_limit needs a rate"},
    {"RateZero", RULE(GOOD, "{rate_limit: {pps: 0}}"), "rules.yaml:4:32: expected a whole number from 1 to"},
    {"BadLimitKey", RULE(GOOD, "{rate_limit: {key: sources, pps: 1}}"),
     "rules.yaml:4:32: expected one of rule, source, source_prefix, destination, source_destination_port"},
    {"DenyStatus", RULE(GOOD, "{deny: 200}"), "rules.yaml:4:20: expected a whole number from 400 to 599"},
    {"BadMode", RULE(GOOD, "drop\n    mode: on"), "rules.yaml:5:11: expected one of observe, armed, enforce"},
    {"ArmedAlone", RULE(GOOD, "drop\n    mode: armed"), "rules.yaml:2:5: the key \"confirm\" is missing"},
    {"BadConfirm", RULE(GOOD, "drop\n    mode: armed\n    confirm: 1Mbps"),
     "rules.yaml:6:14: expected a packet rate over 0 like 100pps"},
    {"ConfirmUnarmed", RULE(GOOD, "drop\n    confirm: 100pps"),
     "rules.yaml:2:5: rule \"a\": confirm_pps is 100, and only an armed"},
    {"BadPriority", RULE(GOOD, "drop\n    priority: high"),
     "rules.yaml:5:15: expected a whole number from -2147483648"},
    {"BadPrefix", RULE(GOOD, "drop\n    prefixes: [203.0.113.7/24]"),
     "rules.yaml:5:16: \"203.0.113.7/24\" has bits set"},
    {"BehindPrefixes", RULE("ip.src == 192.0.2.1 or tcp.flags == syn", "drop\n    prefixes: [0.0.0.0/0]"),
     "rules.yaml:2:5: rule \"a\": a drop of"},
    {"BadExpiry", RULE(GOOD, "drop\n    expires: tomorrow"),
     "rules.yaml:5:14: expected a time like 2030-01-02T15:04:05Z, got \"tomorrow\""},
    {"ExpiresAndFor", RULE(GOOD, "drop\n    expires: 2030-01-02T15:04:05Z\n    for: 1h"),
     "rules.yaml:6:10: \"expires\" and"},
    {"BadFor", RULE(GOOD, "drop\n    for: 1d"), "rules.yaml:5:10:"},
    {"LongFor", RULE(GOOD, "drop\n    for: 100000h"), "rules.yaml:5:10: expected a duration from"},
};
INSTANTIATE_TEST_SUITE_P(Table, RuleFileErrorTest, ::testing::ValuesIn(kErrorCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(RuleFileTest, ReportsEveryMistakeAtOnce) {
  const std::string error = ErrorOf(
      "rules:\n"
      "  - {id: a, match: \"ip.len == x\", action: drop}\n"
      "  - {id: b, match: \"ip.dst == 203.0.113.7\", action: dorp}\n"
      "  - {id: c, match: \"ip.src == 192.0.2.1\", action: drop}\n"
      "  - {id: c, match: \"ip.src == 192.0.2.2\", action: drop}\n");
  EXPECT_THAT(error, HasSubstr("rules.yaml:2:20: match: column 11: expected a number from 0 to 65535"));
  EXPECT_THAT(error, HasSubstr("rules.yaml:3:53: expected one of"));
  EXPECT_THAT(error, HasSubstr("rules.yaml:5:5: the rule id \"c\" is in use already, in line 4"));
  EXPECT_THAT(error, Not(HasSubstr("too wide")));  // a rule that can't be read isn't judged as well
}

TEST(RuleFileTest, ForNeedsAClock) {
  EXPECT_THAT(ErrorOf(RULE(GOOD, "drop\n    for: 1h"), absl::InfinitePast()), HasSubstr("\"for\" can't be used here"));
}

TEST(RuleFileTest, AnExpiredRuleIsNoMistakeOfTheFile) {
  const absl::StatusOr<std::vector<Rule>> rules =
      ParseRuleFile(RULE(GOOD, "drop\n    expires: 2020-01-02T15:04:05Z"), "rules.yaml", kNow);
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_EQ(rules->size(), 1u);
  Limits limits;
  limits.now = kNow;
  EXPECT_EQ(RefusalOf(Validate((*rules)[0], limits, GuardList{})), Refusal::kExpired);
}

TEST(RuleFileTest, BoundsItsSize) {
  EXPECT_THAT(ErrorOf(std::string(kMaxRuleFileBytes + 1, '#')), HasSubstr("1048577 bytes, the limit is 1048576"));

  std::string text = "rules:\n";
  for (size_t i = 0; i < kMaxRulesInFile + 1; ++i)
    text += "- {id: r" + std::to_string(i) + ", match: x, action: drop}\n";
  EXPECT_THAT(ErrorOf(text), HasSubstr("there are 10001 rules, the limit is 10000"));

  // Many mistakes are counted, not listed.
  text = "rules:\n";
  for (size_t i = 0; i < 1000; ++i) text += "- {id: r" + std::to_string(i) + ", match: x, action: drop}\n";
  const std::string error = ErrorOf(text);
  EXPECT_THAT(error, HasSubstr("\nand 980 more"));
  EXPECT_LT(error.size(), 20'000u);
}

}  // namespace
}  // namespace breakwater::rule
