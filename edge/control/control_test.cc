#include "edge/control/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace breakwater::control {
namespace {

using ::testing::HasSubstr;
using window::Target;

const net::IpAddress kVictim = *net::IpAddress::Parse("203.0.113.7");

void Put16(window::HeaderSample& s, size_t at, uint16_t v) {
  s.bytes[at] = static_cast<uint8_t>(v >> 8);
  s.bytes[at + 1] = static_cast<uint8_t>(v);
}

// A bare SYN with window 0 and no options, as flood tools send: no ordinary client does.
window::HeaderSample BareSyn(absl::Time time, uint32_t source, uint16_t source_port) {
  window::HeaderSample s;
  s.time = time;
  s.vector = BW_VECTOR_TCP_SYN;
  s.source = net::IpAddress::FromV4(source);
  s.destination = kVictim;
  s.protocol = 6;
  s.ip_length = 40;
  s.l4_offset = 20;
  s.payload_offset = 40;
  s.size = 40;
  s.bytes[0] = 0x45;
  Put16(s, 2, 40);
  s.bytes[8] = 244;
  s.bytes[9] = 6;
  for (int i = 0; i < 4; ++i) {
    s.bytes[12 + i] = s.source.bytes()[12 + i];
    s.bytes[16 + i] = s.destination.bytes()[12 + i];
  }
  Put16(s, 20, source_port);
  Put16(s, 22, 443);
  s.bytes[32] = 0x50;
  s.bytes[33] = 0x02;
  return s;
}

// Plays the datapath: keeps the ruleset that was installed, and counts what its rules match.
class ControlTest : public ::testing::Test {
 protected:
  static Settings OneHost() {
    Settings settings;
    settings.edge_id = "e1";
    settings.policies = {{.prefix = *net::IpPrefix::Parse("203.0.113.0/24"), .services = {{.protocol = 6}}}};
    return settings;
  }

  void Begin(Settings settings, SavedState saved = {}) {
    control_ = std::make_unique<Control>(std::move(settings));
    Perform(control_->Step(Start{std::move(saved)}, now_));
  }

  // One slot with that many SYNs to the victim.
  void Slot(uint64_t syns) {
    SlotClosed closed;
    closed.slot.start = now_;
    if (syns > 0) {
      window::Counts counts{.packets = syns, .bytes = syns * 40};
      for (const datapath::RuleEntry& entry : ruleset_.rules) {
        if (!entry.rule.automatic()) continue;  // operators' rules of these tests are for other traffic
        closed.slot.rules[entry.rule.id] = {.matched_packets = syns, .matched_bytes = syns * 40};
        if (entry.rule.mode == rule::Mode::kEnforce) {
          counts.dropped_packets = syns;
          counts.dropped_bytes = syns * 40;
          closed.slot.rules[entry.rule.id].dropped_packets = syns;
        }
      }
      closed.slot.traffic[{Target::Host(kVictim), BW_VECTOR_TCP_SYN}] = counts;
      for (uint64_t i = 0; i < std::min<uint64_t>(syns, 200); ++i) {
        ++next_source_;
        window::HeaderSample s =
            BareSyn(now_ + absl::Microseconds(400 * i), 0xc6120000u + next_source_ * 7919u % 65536u,
                    static_cast<uint16_t>(1024 + next_source_ * 331 % 60000));
        s.dropped = counts.dropped_packets > 0;
        closed.samples.push_back(s);
      }
    }
    now_ += window::kSlotLength;
    Perform(control_->Step(std::move(closed), now_));
  }

  void Perform(std::vector<Action> actions) {
    for (Action& action : actions) {
      if (auto* install = std::get_if<InstallRuleset>(&action)) {
        ++installs_;
        if (!install_status_.ok()) {
          Perform(control_->Step(InstallFailed{install->ruleset.revision, install_status_}, now_));
          continue;
        }
        ruleset_ = install->ruleset;
        Perform(control_->Step(Installed{{.revision = ruleset_.revision}}, now_));
      } else if (auto* persist = std::get_if<Persist>(&action)) {
        saved_ = persist->state;
      } else if (auto* report = std::get_if<ReportRule>(&action)) {
        rule_reports_.push_back(*report);
      } else if (auto* attack = std::get_if<ReportAttack>(&action)) {
        attack_reports_.push_back(*attack);
      } else if (auto* panic = std::get_if<EnforcePanic>(&action)) {
        panic_ = panic->on;
      }
    }
  }

  int Reports(std::string_view change) const {
    return static_cast<int>(std::count_if(rule_reports_.begin(), rule_reports_.end(),
                                          [&](const ReportRule& r) { return r.change == change; }));
  }
  bool Enforcing() const {
    return std::any_of(ruleset_.rules.begin(), ruleset_.rules.end(),
                       [](const datapath::RuleEntry& e) { return e.rule.mode == rule::Mode::kEnforce; });
  }
  // Slots until a rule enforces; nullopt after 50.
  std::optional<int> AttackUntilEnforced(uint64_t syns) {
    for (int i = 1; i <= 50; ++i) {
      Slot(syns);
      if (Enforcing()) return i;
    }
    return std::nullopt;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  std::unique_ptr<Control> control_;
  datapath::Ruleset ruleset_;
  SavedState saved_;
  std::vector<ReportRule> rule_reports_;
  std::vector<ReportAttack> attack_reports_;
  absl::Status install_status_;
  int installs_ = 0;
  bool panic_ = false;
  uint32_t next_source_ = 1;
};

TEST_F(ControlTest, AFloodAtFourTimesTheThresholdIsEnforcedAgainstWithinHalfASecond) {
  Begin(OneHost());
  for (int i = 0; i < 20; ++i) Slot(0);
  const std::optional<int> slots = AttackUntilEnforced(200);
  ASSERT_TRUE(slots.has_value());
  EXPECT_LE(*slots, 4);
  ASSERT_EQ(ruleset_.rules.size(), 1u);
  const rule::Rule& rule = ruleset_.rules[0].rule;
  EXPECT_EQ(rule.origin, rule::Origin::kEdgeDetector);
  EXPECT_THAT(rule::CanonicalText(*rule.match), HasSubstr("ip.dst == 203.0.113.7"));
  EXPECT_EQ(rule.scope.prefixes, std::vector{*net::IpPrefix::Parse("203.0.113.7/32")});
  ASSERT_EQ(control_->Attacks().size(), 1u);
  EXPECT_EQ(control_->Attacks()[0].id, rule.attack_id);
  EXPECT_EQ(Reports("proposed"), 1);
  EXPECT_EQ(Reports("confirmed"), 1);
}

TEST_F(ControlTest, ARuleObservesBeforeItEnforces) {
  Begin(OneHost());
  bool observed = false;
  for (int i = 0; i < 10 && !Enforcing(); ++i) {
    Slot(400);
    if (!Enforcing() && !ruleset_.rules.empty()) {
      observed = true;
      EXPECT_EQ(ruleset_.rules[0].rule.mode, rule::Mode::kObserve);
    }
  }
  EXPECT_TRUE(observed);
  EXPECT_TRUE(Enforcing());
}

TEST_F(ControlTest, TheRuleLeavesOneLeaseAfterTheLastMatch) {
  Begin(OneHost());
  ASSERT_TRUE(AttackUntilEnforced(400).has_value());
  for (int i = 0; i < 300; ++i) Slot(400);
  EXPECT_TRUE(Enforcing()) << "its lease was renewed";
  int quiet = 0;
  while (Enforcing() && quiet < 2000) {
    Slot(0);
    ++quiet;
  }
  EXPECT_NEAR(quiet, 600, 15) << "a lease is 60 s";
  EXPECT_EQ(Reports("expired"), 1);
  EXPECT_TRUE(saved_.rules.empty());
  ASSERT_FALSE(control_->Attacks().empty());
  EXPECT_TRUE(control_->Attacks()[0].ended.has_value());
}

TEST_F(ControlTest, AfterARestartTheSavedRuleEnforcesBeforeAnySlot) {
  Begin(OneHost());
  ASSERT_TRUE(AttackUntilEnforced(400).has_value());
  for (int i = 0; i < 400; ++i) Slot(400);
  const SavedState saved = saved_;
  ASSERT_EQ(saved.rules.size(), 1u);
  EXPECT_GT(saved.rules[0].rule.expires, now_ + absl::Seconds(20)) << "renewals reach the disk";
  ruleset_ = {};
  Begin(OneHost(), saved);
  EXPECT_TRUE(Enforcing());
  EXPECT_EQ(ruleset_.rules[0].counter_slot, saved.rules[0].counter_slot);
  EXPECT_GT(control_->revision(), saved.revision);
}

TEST_F(ControlTest, ASavedLeaseThatEndedWhileTheEdgeWasDownIsDropped) {
  Begin(OneHost());
  ASSERT_TRUE(AttackUntilEnforced(400).has_value());
  const SavedState saved = saved_;
  now_ += absl::Minutes(5);
  Begin(OneHost(), saved);
  EXPECT_TRUE(ruleset_.rules.empty());
  EXPECT_EQ(Reports("expired"), 1);
}

TEST_F(ControlTest, AGuardedTargetGetsNoAutomaticRule) {
  Settings settings = OneHost();
  settings.guards = rule::GuardList({{*net::IpPrefix::Parse("203.0.113.7/32"), "coordinator"}});
  Begin(settings);
  EXPECT_FALSE(AttackUntilEnforced(400).has_value());
  EXPECT_GE(Reports("refused"), 1);
  EXPECT_THAT(rule_reports_[0].detail, HasSubstr("coordinator"));
  EXPECT_FALSE(control_->Attacks().empty()) << "it is still reported";
}

TEST_F(ControlTest, PanicIsPassedOnPersistedAndRestored) {
  Begin(OneHost());
  Perform(control_->Step(SetPanic{true}, now_));
  EXPECT_TRUE(panic_);
  EXPECT_TRUE(saved_.panic);
  panic_ = false;
  Begin(OneHost(), saved_);
  EXPECT_TRUE(panic_);
  EXPECT_TRUE(control_->panic());
}

TEST_F(ControlTest, AFailedInstallIsReportedAndTriedAgain) {
  Begin(OneHost());
  install_status_ = absl::InternalError("map is full");
  ASSERT_FALSE(AttackUntilEnforced(400).has_value());
  EXPECT_GE(Reports("install_failed"), 1);
  install_status_ = absl::OkStatus();
  ASSERT_TRUE(AttackUntilEnforced(400).has_value());
}

TEST_F(ControlTest, OperatorsRulesAreInForceFromTheStartAndRefusedOnesSayWhy) {
  Settings settings = OneHost();
  rule::Rule good;
  good.id = "op-1";
  good.match = *rule::ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53");
  good.mode = rule::Mode::kEnforce;
  rule::Rule bad = good;
  bad.id = "op-2";
  bad.match = *rule::ParseExpr("http.host == \"example.com\"");
  settings.operator_rules = {good, bad};
  Begin(settings);
  ASSERT_EQ(ruleset_.rules.size(), 1u);
  EXPECT_EQ(ruleset_.rules[0].rule.id, "op-1");
  const std::vector<RuleView> rules = control_->Rules();
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[1].state, RuleState::kRefused);
  EXPECT_THAT(rules[1].detail, HasSubstr("http.host"));
}

TEST_F(ControlTest, ReloadedSettingsReplaceOperatorsRulesAndKeepReflexOnes) {
  Settings settings = OneHost();
  rule::Rule op;
  op.id = "op-1";
  op.match = *rule::ParseExpr("ip.dst == 203.0.113.9 and udp.srcport == 53");
  op.mode = rule::Mode::kEnforce;
  settings.operator_rules = {op};
  Begin(settings);
  for (int i = 0; i < 10; ++i) Slot(400);
  ASSERT_EQ(ruleset_.rules.size(), 2u);
  settings.operator_rules.clear();
  Perform(control_->Step(ReplaceSettings{settings}, now_));
  ASSERT_EQ(ruleset_.rules.size(), 1u);
  EXPECT_TRUE(ruleset_.rules[0].rule.automatic());
  settings.guards = rule::GuardList({{*net::IpPrefix::Parse("203.0.113.0/28"), "operators"}});
  Perform(control_->Step(ReplaceSettings{settings}, now_));
  EXPECT_TRUE(ruleset_.rules.empty()) << "a guard list that grew takes effect on rules in force";
}

}  // namespace
}  // namespace breakwater::control
