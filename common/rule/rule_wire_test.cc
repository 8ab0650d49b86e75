#include "common/rule/rule_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "common/rule/wire_enums.h"
#include "google/protobuf/unknown_field_set.h"

namespace breakwater::rule {
namespace {

using ::testing::HasSubstr;

Rule FullRule() {
  Rule rule;
  rule.id = "edge1-a3-s1";
  rule.origin = Origin::kEdgeDetector;
  rule.scope.sites = {"shop"};
  rule.scope.prefixes = {*net::IpPrefix::Parse("203.0.113.0/24"), *net::IpPrefix::Parse("2001:db8::/32")};
  rule.scope.regions = {"eu-west"};
  rule.scope.edges = {"edge1", "edge2"};
  rule.match =
      *ParseExpr("ip.dst == 203.0.113.7 and not udp.srcport in {53, 100..200} and payload[0:2] & ff:f0 == 81:80");
  rule.action = {.kind = ActionKind::kRateLimit,
                 .limit = {LimitKey::kSource, LimitUnit::kBitsPerSecond, 1'000'000, 5'000'000, true}};
  rule.mode = Mode::kArmed;
  rule.priority = -5;
  rule.expires = absl::FromUnixMillis(1'700'000'060'123);
  rule.reason = "Gr\xc3\xbc\xc3\x9f, \"quoted\"";
  rule.attack_id = "edge1-a3";
  rule.wide_override = true;
  rule.confirm_pps = 200;
  return rule;
}

v1::Rule Message() { return *ToProto(FullRule()); }

void ExpectSame(const Rule& a, const Rule& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.origin, b.origin);
  EXPECT_EQ(a.scope, b.scope);
  EXPECT_EQ(CanonicalText(*a.match), CanonicalText(*b.match));
  EXPECT_EQ(a.action, b.action);
  EXPECT_EQ(a.mode, b.mode);
  EXPECT_EQ(a.priority, b.priority);
  EXPECT_EQ(a.expires, b.expires);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.attack_id, b.attack_id);
  EXPECT_EQ(a.wide_override, b.wide_override);
  EXPECT_EQ(a.confirm_pps, b.confirm_pps);
}

// Through bytes, as on the wire.
absl::StatusOr<Rule> OverTheWire(const Rule& rule) {
  const absl::StatusOr<v1::Rule> message = ToProto(rule);
  if (!message.ok()) return message.status();
  v1::Rule received;
  EXPECT_TRUE(received.ParseFromString(message->SerializeAsString()));
  return RuleFromProto(received);
}

TEST(RuleWireTest, RoundTrips) {
  const absl::StatusOr<Rule> full = OverTheWire(FullRule());
  ASSERT_TRUE(full.ok()) << full.status();
  ExpectSame(*full, FullRule());

  Rule smallest;
  smallest.id = "a";
  smallest.match = *ParseExpr("ip.len == 5");
  const absl::StatusOr<Rule> small = OverTheWire(smallest);
  ASSERT_TRUE(small.ok()) << small.status();
  ExpectSame(*small, smallest);
  EXPECT_EQ(small->expires, absl::InfiniteFuture());

  Rule deny = smallest;
  deny.action = {.kind = ActionKind::kDeny, .deny_status = 451};
  ExpectSame(*OverTheWire(deny), deny);
}

TEST(RuleWireTest, EveryEnumValueRoundTrips) {
  const auto check = [](const auto& table, int values) {
    EXPECT_EQ(static_cast<int>(std::size(table)), values);
    for (const auto& entry : table) {
      EXPECT_EQ(FromWire(table, ToWire(table, entry.value)), entry.value);
      EXPECT_NE(static_cast<int>(entry.wire), 0);
    }
  };
  // The wire has one number more, "unspecified".
  check(kOriginNumbers, v1::RuleOrigin_ARRAYSIZE - 1);
  check(kModeNumbers, v1::RuleMode_ARRAYSIZE - 1);
  check(kActionNumbers, v1::ActionKind_ARRAYSIZE - 1);
  check(kLimitKeyNumbers, v1::LimitKey_ARRAYSIZE - 1);
  check(kLimitUnitNumbers, v1::LimitUnit_ARRAYSIZE - 1);
  check(kStateNumbers, v1::RuleState_ARRAYSIZE - 1);
  check(kReasonNumbers, v1::RuleReason_ARRAYSIZE - 1);
}

TEST(RuleWireTest, WhatCantBeSentIsRefused) {
  Rule rule = FullRule();
  rule.id = "A";
  EXPECT_EQ(RefusalOf(ToProto(rule).status()), Refusal::kMalformed);
  rule = FullRule();
  rule.reason = std::string(257, 'x');
  EXPECT_EQ(RefusalOf(ToProto(rule).status()), Refusal::kOverBound);
  rule = FullRule();
  rule.match = nullptr;
  EXPECT_EQ(RefusalOf(ToProto(rule).status()), Refusal::kMalformed);
  rule = FullRule();
  rule.expires = absl::UnixEpoch();
  EXPECT_EQ(RefusalOf(ToProto(rule).status()), Refusal::kOutOfRange);
  rule.expires = absl::FromUnixSeconds(253'402'300'800);
  EXPECT_EQ(RefusalOf(ToProto(rule).status()), Refusal::kOutOfRange);
}

struct Change {
  std::string name;
  std::function<void(v1::Rule&)> apply;
  Refusal refusal;
  std::string message;
};

class HostileRuleTest : public ::testing::TestWithParam<Change> {};

TEST_P(HostileRuleTest, IsRefusedWithItsReason) {
  v1::Rule message = Message();
  ASSERT_TRUE(RuleFromProto(message).ok());
  GetParam().apply(message);
  const absl::Status status = RuleFromProto(message).status();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(RefusalOf(status), GetParam().refusal) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

const Change kChanges[] = {
    {"Empty", [](v1::Rule& r) { r.Clear(); }, Refusal::kMalformed, "the origin isn't set"},
    {"NoId", [](v1::Rule& r) { r.clear_id(); }, Refusal::kMalformed, "rule id \"\""},
    {"LongId", [](v1::Rule& r) { r.set_id(std::string(1'000'000, 'a')); }, Refusal::kMalformed, "1 to 64"},
    {"NoMode", [](v1::Rule& r) { r.clear_mode(); }, Refusal::kMalformed, "the mode isn't set"},
    {"FutureOrigin", [](v1::Rule& r) { r.set_origin(static_cast<v1::RuleOrigin>(99)); }, Refusal::kUnknownValue,
     "the origin 99 isn't known"},
    {"FutureMode", [](v1::Rule& r) { r.set_mode(static_cast<v1::RuleMode>(4)); }, Refusal::kUnknownValue, "the mode 4"},
    {"FutureAction", [](v1::Rule& r) { r.mutable_action()->set_kind(static_cast<v1::ActionKind>(-7)); },
     Refusal::kUnknownValue, "the action -7"},
    {"NoAction", [](v1::Rule& r) { r.clear_action(); }, Refusal::kMalformed, "the action isn't set"},
    {"FutureLimitKey", [](v1::Rule& r) { r.mutable_action()->mutable_limit()->set_key(static_cast<v1::LimitKey>(6)); },
     Refusal::kUnknownValue, "key of rate_limit 6"},
    {"NoLimitUnit", [](v1::Rule& r) { r.mutable_action()->mutable_limit()->clear_unit(); }, Refusal::kMalformed,
     "unit of rate_limit isn't set"},
    {"NoLimit", [](v1::Rule& r) { r.mutable_action()->clear_limit(); }, Refusal::kMalformed, "a limit belongs"},
    {"LimitOfDrop", [](v1::Rule& r) { r.mutable_action()->set_kind(v1::ACTION_KIND_DROP); }, Refusal::kMalformed,
     "a limit belongs"},
    {"RateZero", [](v1::Rule& r) { r.mutable_action()->mutable_limit()->set_rate(0); }, Refusal::kOutOfRange, "rate"},
    {"RateHuge", [](v1::Rule& r) { r.mutable_action()->mutable_limit()->set_rate(~uint64_t{0}); }, Refusal::kOutOfRange,
     "18446744073709551615"},
    {"StatusHuge", [](v1::Rule& r) { r.mutable_action()->set_deny_status(4'000'000'000); }, Refusal::kOutOfRange,
     "4000000000"},
    {"StatusOfRateLimit", [](v1::Rule& r) { r.mutable_action()->set_deny_status(403); }, Refusal::kMalformed,
     "takes no status"},
    {"NoMatch", [](v1::Rule& r) { r.clear_match(); }, Refusal::kMalformed, "the match is empty"},
    {"BadMatch", [](v1::Rule& r) { r.set_match("ip.len =="); }, Refusal::kMalformed, "match: column 10"},
    {"FutureField", [](v1::Rule& r) { r.set_match("gre.key == 5"); }, Refusal::kUnknownField,
     "unknown field \"gre.key\""},
    {"NotCanonical", [](v1::Rule& r) { r.set_match("ip.len  == 5"); }, Refusal::kNotCanonical, "ip.len == 5"},
    {"OtherOrder", [](v1::Rule& r) { r.set_match("ip.ttl == 5 and ip.len == 5"); }, Refusal::kNotCanonical,
     "ip.len == 5 and ip.ttl == 5"},
    {"LongMatch", [](v1::Rule& r) { r.set_match(std::string(8193, ' ')); }, Refusal::kOverBound, "8193 bytes"},
    {"LongReason", [](v1::Rule& r) { r.set_reason(std::string(257, 'x')); }, Refusal::kOverBound, "257 bytes"},
    {"ReasonNotUtf8", [](v1::Rule& r) { r.set_reason("\xff"); }, Refusal::kMalformed, "UTF-8"},
    {"AttackId", [](v1::Rule& r) { r.set_attack_id("a/b"); }, Refusal::kMalformed, "attack id"},
    {"ManySites",
     [](v1::Rule& r) {
       for (int i = 0; i < 65; ++i) r.mutable_scope()->add_sites("a");
     },
     Refusal::kOverBound, "sites, the limit is 64"},
    {"ManyPrefixes",
     [](v1::Rule& r) {
       for (int i = 0; i < 65; ++i) r.mutable_scope()->add_prefixes("203.0.113.0/24");
     },
     Refusal::kOverBound, "prefixes, the limit is 64"},
    {"ManyRegions",
     [](v1::Rule& r) {
       for (int i = 0; i < 65; ++i) r.mutable_scope()->add_regions("a");
     },
     Refusal::kOverBound, "regions, the limit is 64"},
    {"ManyEdges",
     [](v1::Rule& r) {
       for (int i = 0; i < 65; ++i) r.mutable_scope()->add_edges("a");
     },
     Refusal::kOverBound, "edges, the limit is 64"},
    {"BadPrefix", [](v1::Rule& r) { r.mutable_scope()->set_prefixes(0, "203.0.113.7/24"); }, Refusal::kMalformed,
     "\"203.0.113.7/24\""},
    {"OtherPrefixText", [](v1::Rule& r) { r.mutable_scope()->set_prefixes(0, "2001:DB8::/32"); }, Refusal::kMalformed,
     "isn't written like"},
    {"SiteName", [](v1::Rule& r) { r.mutable_scope()->set_sites(0, std::string(254, 'a')); }, Refusal::kMalformed,
     "site"},
    {"NegativeExpiry", [](v1::Rule& r) { r.set_expires_unix_ms(-1); }, Refusal::kOutOfRange, "expires_unix_ms is -1"},
    {"FarExpiry", [](v1::Rule& r) { r.set_expires_unix_ms(INT64_MAX); }, Refusal::kOutOfRange, "expires_unix_ms"},
    {"FutureWireField", [](v1::Rule& r) { r.GetReflection()->MutableUnknownFields(&r)->AddVarint(77, 1); },
     Refusal::kUnknownField, "wire field 77"},
    {"FutureWireFieldInside",
     [](v1::Rule& r) {
       v1::RateLimit& limit = *r.mutable_action()->mutable_limit();
       limit.GetReflection()->MutableUnknownFields(&limit)->AddVarint(78, 1);
     },
     Refusal::kUnknownField, "wire field 78"},
};
INSTANTIATE_TEST_SUITE_P(Changes, HostileRuleTest, ::testing::ValuesIn(kChanges),
                         [](const auto& test) { return test.param.name; });

TEST(RuleSetWireTest, RoundTripsAndRejectsABadRuleAlone) {
  Rule other = FullRule();
  other.id = "b";
  const absl::StatusOr<v1::RuleSet> sent = ToProto(RuleSet{.epoch = 3, .revision = 9, .rules = {FullRule(), other}});
  ASSERT_TRUE(sent.ok()) << sent.status();
  v1::RuleSet message = *sent;
  absl::StatusOr<RuleSet> set = RuleSetFromProto(message);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->epoch, 3u);
  EXPECT_EQ(set->revision, 9u);
  ASSERT_EQ(set->rules.size(), 2u);
  ExpectSame(set->rules[0], FullRule());
  EXPECT_TRUE(set->rejected.empty());

  message.mutable_rules(0)->set_match("gre.key == 5");
  set = RuleSetFromProto(message);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->rules.size(), 1u);
  EXPECT_EQ(set->rules[0].id, "b");
  ASSERT_EQ(set->rejected.size(), 1u);
  EXPECT_EQ(set->rejected[0].id, "edge1-a3-s1");
  EXPECT_EQ(RefusalOf(set->rejected[0].status), Refusal::kUnknownField);
}

TEST(RuleSetWireTest, RefusesSetsThatCantBeTrusted) {
  v1::RuleSet twice;
  *twice.add_rules() = Message();
  *twice.add_rules() = Message();
  EXPECT_THAT(std::string(RuleSetFromProto(twice).status().message()), HasSubstr("in the set twice"));
  EXPECT_THAT(std::string(ToProto(RuleSet{.rules = {FullRule(), FullRule()}}).status().message()),
              HasSubstr("in the set twice"));

  v1::RuleSet many;
  for (size_t i = 0; i < kMaxRulesInSet + 1; ++i) many.add_rules();
  EXPECT_EQ(RefusalOf(RuleSetFromProto(many).status()), Refusal::kOverBound);
  EXPECT_EQ(RefusalOf(ToProto(RuleSet{.rules = std::vector<Rule>(kMaxRulesInSet + 1)}).status()), Refusal::kOverBound);

  v1::RuleSet future;
  future.GetReflection()->MutableUnknownFields(&future)->AddVarint(50, 1);
  EXPECT_EQ(RefusalOf(RuleSetFromProto(future).status()), Refusal::kUnknownField);
}

TEST(RuleStatusWireTest, RoundTrips) {
  const RuleStatus matching = {"op-7", 1, 2, RuleState::kMatching, std::nullopt, ""};
  EXPECT_EQ(*RuleStatusFromProto(*ToProto(matching)), matching);
  const RuleStatus rejected = {"op-7", 1, 2, RuleState::kRejected, Refusal::kTooWide, "too wide"};
  EXPECT_EQ(*RuleStatusFromProto(*ToProto(rejected)), rejected);
}

TEST(RuleStatusWireTest, ChecksBothWays) {
  RuleStatus status = {"op-7", 1, 2, RuleState::kRejected, std::nullopt, ""};
  EXPECT_FALSE(ToProto(status).ok());
  status = {"op-7", 1, 2, RuleState::kInstalled, Refusal::kOther, ""};
  EXPECT_FALSE(ToProto(status).ok());
  status = {"", 1, 2, RuleState::kInstalled, std::nullopt, ""};
  EXPECT_FALSE(ToProto(status).ok());

  // Cut between characters, and never bytes that the wire can't carry.
  status = {"op-7", 1, 2, RuleState::kInstalled, std::nullopt, std::string(1023, 'x') + "\xc3\xbc"};
  EXPECT_EQ(ToProto(status)->detail(), std::string(1023, 'x'));
  status.detail = "a\xff";
  EXPECT_EQ(ToProto(status)->detail(), "\"a\\xff\"");

  v1::RuleStatus message = *ToProto(status);
  message.set_state(static_cast<v1::RuleState>(9));
  EXPECT_EQ(RefusalOf(RuleStatusFromProto(message).status()), Refusal::kUnknownValue);
  message.set_state(v1::RULE_STATE_REJECTED);
  EXPECT_FALSE(RuleStatusFromProto(message).ok());
  message.set_reason(static_cast<v1::RuleReason>(200));
  EXPECT_EQ(RuleStatusFromProto(message)->reason, Refusal::kOther);
  message.set_detail(std::string(1025, 'x'));
  EXPECT_EQ(RefusalOf(RuleStatusFromProto(message).status()), Refusal::kOverBound);
}

}  // namespace
}  // namespace breakwater::rule
