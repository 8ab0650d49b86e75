#include "edge/app/tables.h"

#include "edge/app/view_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::app {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

TEST(ShortNumber, HasThreeDigits) {
  EXPECT_EQ(ShortNumber(0), "0");
  EXPECT_EQ(ShortNumber(999), "999");
  EXPECT_EQ(ShortNumber(999.6), "1.00k");
  EXPECT_EQ(ShortNumber(12345), "12.3k");
  EXPECT_EQ(ShortNumber(123456), "123k");
  EXPECT_EQ(ShortNumber(4567890), "4.57M");
  EXPECT_EQ(ShortNumber(1e19), "10000P");
}

TEST(ShortDuration, HasTwoUnits) {
  EXPECT_EQ(ShortDuration(45.9), "45s");
  EXPECT_EQ(ShortDuration(185), "3m05s");
  EXPECT_EQ(ShortDuration(7800), "2h10m");
  EXPECT_EQ(ShortDuration(273600), "3d04h");
}

TEST(Table, AlignsColumnsWithoutTrailingSpace) {
  EXPECT_EQ(Table({{"A", "BB", "C"}, {"aaa", "b", "c"}, {"x", ""}}), "A    BB  C\naaa  b   c\nx\n");
}

Status TestStatus() {
  Status s;
  s.edge_id = "fra1";
  s.now = kNow;
  s.started = kNow - absl::Hours(3);
  s.config_read = kNow - absl::Hours(1);
  s.installed_revision = 12;
  s.interfaces = {{"eth0", 2, datapath::AttachMode::kNative, true}, {"eth1", 3, datapath::AttachMode::kGeneric, false}};
  s.last_second = {.packets = 12345, .bytes = 1000000, .dropped_packets = 10000, .dropped_bytes = 500000};
  return s;
}

control::RuleView TestRule() {
  control::RuleView view;
  view.rule.id = "fra1-1-s1";
  view.rule.match = *rule::ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53");
  view.rule.mode = rule::Mode::kEnforce;
  view.rule.expires = kNow + absl::Seconds(42);
  view.state = control::RuleState::kMatching;
  view.total.matched_packets = 123456;
  view.total.dropped_packets = 123000;
  view.matched_pps = 950;
  return view;
}

TEST(StatusText, ShowsWhatMattersFirst) {
  service::Health::Report health{.alive = true,
                                 .ready = false,
                                 .checks = {{"interfaces", false, "eth1 isn't there"}, {"control", true, "running"}},
                                 .notes = {"state_file: can't be written"}};
  const auto text = StatusText(StatusJson(TestStatus(), health, {TestRule()}, {}));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("state      NOT READY\n           interfaces: eth1 isn't there\n"));
  EXPECT_THAT(*text, HasSubstr("enforcing  yes, revision 12\n"));
  EXPECT_THAT(*text, HasSubstr("up         3h00m, configuration read 2023-11-14 21:13:20\n"));
  EXPECT_THAT(*text, HasSubstr("interface  eth0 (native)\ninterface  eth1 GONE\n"));
  EXPECT_THAT(*text, HasSubstr("arriving   12.3k packets/s, 8.00Mbit/s\ndropped    10.0k packets/s, 4.00Mbit/s\n"));
  EXPECT_THAT(*text, HasSubstr("rules      1 matching, 0 installed"));
  EXPECT_THAT(*text, HasSubstr("note       state_file: can't be written\n"));
}

TEST(StatusText, ShowsPanicWithItsReason) {
  Status s = TestStatus();
  s.panic = true;
  s.panic_reason = "support call";
  s.panic_since = kNow;
  const auto text = StatusText(StatusJson(s, {}, {}, {}));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("enforcing  STOPPED since 2023-11-14 22:13:20, reason: support call\n"));
}

TEST(StatusText, ShowsTheCoordinatorAndWhoStoppedEnforcing) {
  Status s = TestStatus();
  CoordinatorStatus& c = s.coordinator.emplace();
  c.link.state = link::LinkState::kConnected;
  c.link.coordinator = "coordinator.example:7442";
  c.link.since = kNow;
  c.link.received.set_revision(8);
  c.applied.set_revision(7);
  c.refused_rules = 2;
  c.stopped = true;
  c.stop_reason = "a bad rule";
  const auto text = StatusText(StatusJson(s, {}, {}, {}));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("enforcing    STOPPED by the coordinator, reason: a bad rule\n"));
  EXPECT_THAT(*text, HasSubstr("coordinator  connected to coordinator.example:7442 since 2023-11-14 22:13:20, rules: "
                               "revision 7 in force, 8 received, 2 refused here\n"));
  s.panic = true;
  s.panic_reason = "support call";
  const auto both = StatusText(StatusJson(s, {}, {}, {}));
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_THAT(*both, HasSubstr("reason: support call\n             STOPPED by the coordinator"));
}

TEST(RulesText, HasOneLineARuleAndReasonsBelow) {
  control::RuleView refused;
  refused.rule.id = "mine";
  refused.rule.match = *rule::ParseExpr("udp.srcport == 19");
  refused.state = control::RuleState::kRefused;
  refused.detail = "tables are full";
  const auto text = RulesText(RulesJson({TestRule(), refused}, kNow));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text,
            "RULE       STATE     FROM  MODE     ACTION  MATCHED  DROPPED  NOW/S  LEASE  MATCH\n"
            "fra1-1-s1  matching  edge  enforce  drop    123k     123k     950    42s    ip.dst == 203.0.113.7 and "
            "udp.srcport == 53\n"
            "mine       refused   edge  observe  drop    0        0        0      -      udp.srcport == 19\n"
            "mine: tables are full\n");
  EXPECT_EQ(*RulesText(RulesJson({}, kNow)), "no rules\n");
}

TEST(AttacksText, ShowsHowFastAndHowMuch) {
  detect::Attack a;
  a.id = "fra1-1";
  a.target = window::Target::Host(*net::IpAddress::Parse("203.0.113.7"));
  a.vector = BW_VECTOR_UDP_DNS;
  a.state = detect::AttackState::kMitigated;
  a.first_packet = kNow;
  a.detected = kNow + absl::Milliseconds(210);
  a.first_drop = kNow + absl::Milliseconds(400);
  a.peak_pps = 20000;
  a.total = {.packets = 1000, .bytes = 1, .dropped_packets = 985, .dropped_bytes = 1};
  a.signatures = {{"s1", *rule::ParseExpr("udp.srcport == 53"), 1, 0},
                  {"s2", *rule::ParseExpr("ip.fragment == isf"), 1, 0}};
  detect::Attack young = a;
  young.id = "fra1-2";
  young.first_drop.reset();
  young.signatures.clear();
  young.note = "too few samples";
  const auto text = AttacksText(AttacksJson({a, young}));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("fra1-1  203.0.113.7  udp.dns  mitigated  2023-11-14 22:13:20  +0.21s    +0.40s    "
                               "20.0k/s  98.5%    udp.srcport == 53\n"));
  EXPECT_THAT(*text, HasSubstr("ip.fragment == isf\n"));
  EXPECT_THAT(*text, HasSubstr("+0.21s    -         20.0k/s  98.5%    too few samples\n"));
  EXPECT_EQ(*AttacksText(AttacksJson({})), "no attacks since the start\n");
}

TEST(Tables, AnAnswerOfAnotherVersionIsAnErrorNotACrash) {
  for (const char* json :
       {"", "[]", "{}", "null", R"({"rules": [{}]})", R"({"attacks": 7})", R"({"edge": 5})", "{\"rules\""}) {
    EXPECT_FALSE(StatusText(json).ok()) << json;
    (void)RulesText(json);
    (void)AttacksText(json);
  }
  EXPECT_FALSE(RulesText(R"({"rules": [{}]})").ok());
  EXPECT_FALSE(AttacksText(R"({"attacks": [5]})").ok());
}

}  // namespace
}  // namespace breakwater::app
