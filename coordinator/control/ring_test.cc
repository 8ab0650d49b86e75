// The ring without a network: edges connect, rules reach them, what they find is spread, windows are counted.
#include <string>

#include "coordinator/control/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::CreateRuleRequest RuleRequest(const std::string& id,
                                  const std::string& match = "udp.srcport == 53 and ip.dst == 203.0.113.7") {
  v1::CreateRuleRequest request;
  request.set_id(id);
  request.set_match(match);
  return request;
}

v1::EdgeMessage Local(const std::string& id, const std::string& match, absl::Time now) {
  v1::EdgeMessage message;
  v1::LocalRule& local = *message.mutable_local_rule();
  v1::Rule& r = *local.mutable_rule();
  r.set_id(id);
  r.set_origin(v1::RULE_ORIGIN_EDGE_DETECTOR);
  r.mutable_scope()->add_prefixes("203.0.113.0/24");
  r.set_match(match);
  r.mutable_action()->set_kind(v1::ACTION_KIND_DROP);
  r.set_mode(v1::RULE_MODE_ENFORCE);
  r.set_priority(2000);
  r.set_expires_unix_ms(absl::ToUnixMillis(now + absl::Minutes(1)));
  r.set_reason("attack a-1");
  r.set_attack_id("a-1");
  local.set_attack_id("a-1");
  local.set_threshold_pps(5000);
  local.mutable_target()->set_address(std::string("\xcb\x00\x71\x07", 4));
  local.mutable_target()->set_length(32);
  return message;
}

class Ring : public ::testing::Test {
 protected:
  void SetUp() override { h_.Start(); }
  void TearDown() override {
    EXPECT_THAT(ams_.complaints(), IsEmpty());
    EXPECT_THAT(nyc_.complaints(), IsEmpty());
  }
  void ExpectAsWanted() {
    for (FakeEdge* edge : {&ams_, &nyc_}) {
      if (!h_.connected(*edge)) continue;
      std::set<std::string> has;
      for (const auto& [id, bytes] : edge->rules()) has.insert(id);
      EXPECT_EQ(has, h_.Wanted(*edge)) << edge->identity().id;
    }
  }

  Harness h_;
  FakeEdge& ams_ = h_.AddEdge("eu", "ams-1");
  FakeEdge& nyc_ = h_.AddEdge("us", "nyc-1");
};

TEST_F(Ring, ARuleReachesTheEdgesThatAreThereAndThoseThatComeLater) {
  h_.Connect(ams_);
  const auto reply = h_.Ask(RuleRequest("block-dns"));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(std::get<v1::RuleView>(*reply).id(), "block-dns");
  EXPECT_TRUE(ams_.rules().contains("block-dns"));
  h_.Connect(nyc_);
  EXPECT_TRUE(nyc_.rules().contains("block-dns"));
  ExpectAsWanted();
  const auto view = h_.control().Rule("block-dns", h_.now());
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->state(), "installed");
  ASSERT_EQ(view->edges_size(), 2);
  EXPECT_TRUE(view->edges(0).enforcing());
}

TEST_F(Ring, ScopesDecideWhoGetsARule) {
  h_.Connect(ams_);
  h_.Connect(nyc_);
  v1::CreateRuleRequest eu = RuleRequest("only-eu");
  eu.add_scope_regions("eu");
  v1::CreateRuleRequest nyc = RuleRequest("only-nyc");
  nyc.add_scope_edges("nyc-1");
  ASSERT_TRUE(h_.Ask(eu).ok());
  ASSERT_TRUE(h_.Ask(nyc).ok());
  ASSERT_TRUE(h_.Ask(RuleRequest("all")).ok());
  ExpectAsWanted();
  EXPECT_EQ(ams_.rules().size(), 2u);
  EXPECT_EQ(nyc_.rules().size(), 2u);
  v1::DeleteRuleRequest remove;
  remove.set_id("only-nyc");
  ASSERT_TRUE(h_.Ask(remove).ok());
  ExpectAsWanted();
  EXPECT_EQ(nyc_.rules().size(), 1u);
  EXPECT_EQ(nyc_.snapshots(), 0u) << "from the empty set on it is led by deltas";
}

TEST_F(Ring, NothingIsPushedOrAnsweredBeforeItIsOnDisk) {
  h_.Connect(ams_);
  h_.Advance(absl::Seconds(1));
  h_.HoldCommits(true);
  const uint64_t number = h_.Send(RuleRequest("r"));
  EXPECT_FALSE(h_.replied(number));
  EXPECT_THAT(ams_.rules(), IsEmpty());
  h_.HoldCommits(false);
  EXPECT_TRUE(h_.replied(number));
  EXPECT_TRUE(ams_.rules().contains("r"));
}

TEST_F(Ring, WhatAnEdgeFindsIsArmedOnAll) {
  const SessionId session = h_.Connect(ams_);
  h_.Connect(nyc_);
  h_.Step(EdgeSaid{session, Local("ams-1-s1", "ip.dst == 203.0.113.7 and udp.srcport == 123", h_.now()), h_.now()});
  ASSERT_TRUE(nyc_.rules().contains("ams-1-s1"));
  ASSERT_TRUE(ams_.rules().contains("ams-1-s1"));
  v1::Rule rule;
  ASSERT_TRUE(rule.ParseFromString(nyc_.rules().at("ams-1-s1")));
  EXPECT_EQ(rule.mode(), v1::RULE_MODE_ARMED);
  EXPECT_EQ(rule.confirm_pps(), 500u);
  const auto view = h_.control().Rule("ams-1-s1", h_.now());
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->created_by(), "ams-1");
  ASSERT_EQ(view->edges_size(), 2);
  EXPECT_TRUE(view->edges(0).enforcing()) << "by its own decision";
  EXPECT_FALSE(view->edges(1).enforcing());
}

TEST_F(Ring, TheTimelineNamesTheEdgesThatHaveTheRule) {
  const SessionId session = h_.Connect(ams_);
  h_.Connect(nyc_);
  v1::EdgeMessage report;
  v1::AttackReport& attack = *report.mutable_attack_report();
  attack.set_attack_id("a-1");
  attack.set_state("mitigating");
  attack.mutable_target()->set_address(std::string("\xcb\x00\x71\x07", 4));
  attack.mutable_target()->set_length(32);
  attack.set_vector(17);
  attack.set_first_packet_unix_us(absl::ToUnixMicros(h_.now()));
  attack.set_detected_unix_us(absl::ToUnixMicros(h_.now()));
  attack.set_threshold_pps(5000);
  h_.Step(EdgeSaid{session, report, h_.now()});
  h_.Step(EdgeSaid{session, Local("ams-1-s1", "ip.dst == 203.0.113.7 and udp.srcport == 123", h_.now()), h_.now()});
  const v1::AttacksView listed = h_.control().Attacks({}, h_.now());
  ASSERT_EQ(listed.attacks_size(), 1);
  const auto view = h_.control().Attack(listed.attacks(0).id(), h_.now());
  ASSERT_TRUE(view.ok());
  std::vector<std::string> installed;
  for (const v1::AttackEventView& event : view->timeline()) {
    if (event.kind() == "rule_installed") installed.push_back(event.edge());
  }
  EXPECT_THAT(installed, ElementsAre("nyc-1"));
  EXPECT_EQ(h_.control().counters().attacks, 1u);
}

TEST_F(Ring, ARestartGoesOnWithTheSameEpochAndChangesNothingOnEdges) {
  h_.Connect(ams_);
  ASSERT_TRUE(h_.Ask(RuleRequest("r1")).ok());
  const v1::SetVersion before = ams_.version();
  h_.Crash();
  h_.Start();
  h_.Connect(ams_);
  EXPECT_EQ(ams_.version().epoch(), before.epoch());
  EXPECT_EQ(ams_.version().hash(), before.hash());
  EXPECT_EQ(ams_.snapshots(), 0u);
  ASSERT_TRUE(h_.Ask(RuleRequest("r2")).ok());
  EXPECT_GT(ams_.version().revision(), before.revision());
  ExpectAsWanted();
}

TEST_F(Ring, AFullDiskRefusesCommandsAndNothingElse) {
  h_.Connect(ams_);
  ASSERT_TRUE(h_.Ask(RuleRequest("r1")).ok());
  h_.store().FailCommits(absl::ResourceExhaustedError("the disk is full"));
  const auto refused = h_.Ask(RuleRequest("r2"));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("nothing was changed: the disk is full"));
  EXPECT_FALSE(h_.control().Rule("r2", h_.now()).ok());
  EXPECT_FALSE(ams_.rules().contains("r2"));
  EXPECT_THAT(h_.control().Overview(h_.now()).needs_you(0), HasSubstr("nothing can be stored"));
  h_.store().FailCommits(absl::OkStatus());
  EXPECT_TRUE(h_.Ask(RuleRequest("r2")).ok());
  EXPECT_TRUE(ams_.rules().contains("r2"));
}

}  // namespace
}  // namespace breakwater::coordinator
