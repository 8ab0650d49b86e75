// What the coordinator wants, beside what the edge has of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "edge/control/control.h"

namespace breakwater::control {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

rule::Rule Armed(const std::string& id) {
  rule::Rule rule;
  rule.id = id;
  rule.origin = rule::Origin::kEdgeDetector;
  rule.scope.prefixes = {*net::IpPrefix::Parse("203.0.113.7/32")};
  rule.match = *rule::ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53");
  rule.mode = rule::Mode::kArmed;
  rule.confirm_pps = 500;
  rule.expires = kStart + absl::Minutes(5);
  return rule;
}

rule::Rule Operators(const std::string& id) {
  rule::Rule rule = Armed(id);
  rule.origin = rule::Origin::kOperator;
  rule.mode = rule::Mode::kEnforce;
  rule.confirm_pps = 0;
  rule.expires = absl::InfiniteFuture();
  return rule;
}

class FleetTest : public ::testing::Test {
 protected:
  void Begin(Settings settings = {}, Start start = {}) {
    settings.policies = {{.prefix = *net::IpPrefix::Parse("203.0.113.0/24")}};
    control_ = std::make_unique<Control>(std::move(settings));
    Perform(control_->Step(std::move(start), now_));
  }
  void Wants(uint64_t revision, std::vector<rule::Rule> rules, std::vector<rule::RejectedRule> rejected = {}) {
    DesiredRules desired;
    desired.version.set_epoch(1);
    desired.version.set_revision(revision);
    desired.rules = std::move(rules);
    desired.rejected = std::move(rejected);
    desired.signed_set = std::make_shared<v1::FleetState>();
    Perform(control_->Step(std::move(desired), now_));
  }
  void Slot(const std::string& rule, uint64_t packets) {
    SlotClosed closed;
    closed.slot.start = now_;
    if (packets > 0) closed.slot.rules[rule] = {.matched_packets = packets, .matched_bytes = packets * 100};
    now_ += window::kSlotLength;
    Perform(control_->Step(std::move(closed), now_));
  }
  // As the daemon: what an install led to comes behind the actions that are there already.
  void Perform(std::vector<Action> actions) {
    std::deque<Action> queue(std::make_move_iterator(actions.begin()), std::make_move_iterator(actions.end()));
    for (; !queue.empty(); queue.pop_front()) {
      Action action = std::move(queue.front());
      if (auto* install = std::get_if<InstallRuleset>(&action)) {
        for (Action& next : control_->Step(Install(install->ruleset), now_)) queue.push_back(std::move(next));
      } else if (auto* fleet = std::get_if<ReportFleet>(&action)) {
        fleet_ = *fleet;
      } else if (auto* panic = std::get_if<EnforcePanic>(&action)) {
        panic_ = panic->on;
      } else if (auto* persist = std::get_if<Persist>(&action)) {
        saved_ = persist->state;
      }
    }
  }
  Event Install(const datapath::Ruleset& ruleset) {
    ++installs_;
    if (!install_status_.ok()) return InstallFailed{ruleset.revision, install_status_};
    ruleset_ = ruleset;
    datapath::InstallReport report{.revision = ruleset_.revision};
    for (const datapath::RuleEntry& entry : ruleset_.rules) {
      if (entry.rule.id == refuse_) report.refused.push_back({refuse_, absl::ResourceExhaustedError("too deep")});
    }
    return Installed{std::move(report)};
  }
  std::optional<rule::Mode> InForce(const std::string& id) const {
    for (const datapath::RuleEntry& entry : ruleset_.rules) {
      if (entry.rule.id == id) return entry.rule.mode;
    }
    return std::nullopt;
  }
  const v1::RuleStatus* Exception(const std::string& id) const {
    for (const v1::RuleStatus& status : fleet_.exceptions) {
      if (status.rule_id() == id) return &status;
    }
    return nullptr;
  }

  absl::Time now_ = kStart;
  std::unique_ptr<Control> control_;
  datapath::Ruleset ruleset_;
  ReportFleet fleet_;
  SavedState saved_;
  bool panic_ = false;
  int installs_ = 0;
  std::string refuse_;
  absl::Status install_status_;
};

TEST_F(FleetTest, ASetIsAppliedOnceItIsInstalled) {
  Begin();
  install_status_ = absl::InternalError("no memory");
  Wants(3, {Operators("op-1")});
  EXPECT_EQ(fleet_.applied.revision(), 0u);
  install_status_ = absl::OkStatus();
  now_ += absl::Seconds(6);
  Slot("", 0);
  EXPECT_EQ(fleet_.applied.revision(), 3u);
  EXPECT_EQ(InForce("op-1"), rule::Mode::kEnforce);
  Wants(4, {});
  EXPECT_EQ(fleet_.applied.revision(), 4u);
  EXPECT_EQ(InForce("op-1"), std::nullopt);
}

TEST_F(FleetTest, AnArmedRuleEnforcesInTheSlotThatConfirmsItAndIsArmedAgainAfterThirtyQuietSeconds) {
  Begin();
  Wants(1, {Armed("sig-1")});
  EXPECT_EQ(InForce("sig-1"), rule::Mode::kArmed);
  Slot("sig-1", 49);  // 490 a second
  EXPECT_EQ(InForce("sig-1"), rule::Mode::kArmed);
  Slot("sig-1", 50);
  EXPECT_EQ(InForce("sig-1"), rule::Mode::kEnforce);
  ASSERT_NE(Exception("sig-1"), nullptr);
  EXPECT_TRUE(Exception("sig-1")->enforcing());
  for (int i = 0; i < 299; ++i) Slot("sig-1", 1);
  EXPECT_EQ(InForce("sig-1"), rule::Mode::kEnforce);
  Slot("sig-1", 1);
  EXPECT_EQ(InForce("sig-1"), rule::Mode::kArmed);
  EXPECT_EQ(Exception("sig-1"), nullptr);
}

TEST_F(FleetTest, ANewLeaseNeedsNoInstallAndKeepsWhatWasConfirmed) {
  Begin();
  Wants(1, {Armed("sig-1")});
  Slot("sig-1", 100);
  const int installs = installs_;
  rule::Rule renewed = Armed("sig-1");
  renewed.expires = kStart + absl::Minutes(8);
  Wants(2, {renewed});
  EXPECT_EQ(installs_, installs);
  EXPECT_EQ(fleet_.applied.revision(), 2u);
  EXPECT_TRUE(control_->Rules()[0].enforcing);
  now_ = kStart + absl::Minutes(7);
  Slot("", 0);
  EXPECT_TRUE(InForce("sig-1"));
  now_ = kStart + absl::Minutes(9);
  Slot("", 0);
  EXPECT_FALSE(InForce("sig-1")) << "nobody renewed it: the coordinator is gone";
  ASSERT_NE(Exception("sig-1"), nullptr);
  EXPECT_EQ(Exception("sig-1")->reason(), v1::RULE_REASON_EXPIRED);
}

TEST_F(FleetTest, ABadRuleIsRejectedAloneWithItsReason) {
  Settings settings;
  settings.guards = rule::GuardList({{*net::IpPrefix::Parse("203.0.113.7/32"), "resolver"}});
  Begin(std::move(settings));
  refuse_ = "deep";
  Wants(5, {Armed("guarded"), Operators("deep"), Operators("fine")},
        {{"strange", rule::RefusalError(rule::Refusal::kUnknownField, "a field")}});
  EXPECT_EQ(fleet_.applied.revision(), 5u);
  EXPECT_TRUE(InForce("fine"));
  ASSERT_NE(Exception("guarded"), nullptr);
  EXPECT_EQ(Exception("guarded")->reason(), v1::RULE_REASON_COVERS_GUARD);
  EXPECT_THAT(Exception("guarded")->detail(), HasSubstr("resolver"));
  EXPECT_EQ(Exception("strange")->reason(), v1::RULE_REASON_UNKNOWN_FIELD);
  ASSERT_NE(Exception("deep"), nullptr);
  EXPECT_EQ(Exception("fine"), nullptr);
  const int installs = installs_;
  Wants(6, {Armed("guarded"), Operators("deep"), Operators("fine")});
  EXPECT_EQ(installs_, installs) << "what the datapath refused isn't tried again until it changes";
  EXPECT_NE(Exception("deep"), nullptr);
}

TEST_F(FleetTest, TheEdgesOwnRuleOfTheSameIdWins) {
  Settings settings;
  rule::Rule own = Operators("op-1");
  own.mode = rule::Mode::kObserve;
  settings.operator_rules = {own};
  Begin(settings);
  Wants(1, {Operators("op-1")});
  EXPECT_EQ(InForce("op-1"), rule::Mode::kObserve);
  EXPECT_EQ(fleet_.applied.revision(), 1u);
  EXPECT_EQ(Exception("op-1"), nullptr);
  settings.operator_rules.clear();
  settings.policies = {{.prefix = *net::IpPrefix::Parse("203.0.113.0/24")}};
  Perform(control_->Step(ReplaceSettings{settings}, now_));
  EXPECT_EQ(InForce("op-1"), rule::Mode::kEnforce) << "its own is gone, the coordinator's takes its place";
}

TEST_F(FleetTest, TooManyRulesLeaveSpaceForWhatTheEdgeFinds) {
  Begin();
  std::vector<rule::Rule> rules;
  for (int i = 0; i < 300; ++i) rules.push_back(Armed("sig-" + std::to_string(1000 + i)));
  rules.push_back(Operators("zz-last-by-name"));
  Wants(1, rules);
  EXPECT_EQ(ruleset_.rules.size(), datapath::Bounds::kRules - rules::RuleBook::kKeptForReflex);
  EXPECT_TRUE(InForce("zz-last-by-name")) << "what people wrote comes first";
  ASSERT_NE(Exception("sig-1299"), nullptr);
  EXPECT_EQ(Exception("sig-1299")->reason(), v1::RULE_REASON_NO_SPACE);
}

TEST_F(FleetTest, EitherStopHoldsAndEachEndsByItself) {
  Begin();
  Perform(control_->Step(StopEnforcing{.on = true, .until = kStart + absl::Seconds(60), .reason = "x"}, now_));
  EXPECT_TRUE(panic_);
  ASSERT_NE(control_->fleet_stop(), nullptr);
  EXPECT_FALSE(control_->panic());
  Perform(control_->Step(SetPanic{true}, now_));
  now_ += absl::Seconds(61);
  Slot("", 0);
  EXPECT_TRUE(panic_) << "the person's goes on";
  EXPECT_EQ(control_->fleet_stop(), nullptr);
  Perform(control_->Step(SetPanic{false}, now_));
  EXPECT_FALSE(panic_);
}

TEST_F(FleetTest, ARestartGoesOnWithWhatWasSaved) {
  Begin();
  Wants(7, {Operators("op-1")});
  Perform(control_->Step(StopEnforcing{.on = true, .reason = "x"}, now_));
  ASSERT_TRUE(saved_.fleet);
  Start start{.saved = saved_};
  start.desired.emplace();
  start.desired->version.set_revision(7);
  start.desired->rules = {Operators("op-1")};
  start.desired->signed_set = saved_.fleet;
  start.stop = StopEnforcing{.on = true, .reason = "x"};
  ruleset_ = {};
  panic_ = false;
  Begin({}, std::move(start));
  EXPECT_EQ(InForce("op-1"), rule::Mode::kEnforce);
  EXPECT_EQ(fleet_.applied.revision(), 7u);
  EXPECT_TRUE(panic_);
}

}  // namespace
}  // namespace breakwater::control
