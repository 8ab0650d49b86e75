#include "edge/link/desired_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/link/testing.h"

namespace breakwater::link {
namespace {

using ::testing::HasSubstr;

const tls::EdgeIdentity kSelf{.id = "ams-1", .region = "eu"};

class DesiredSetTest : public ::testing::Test {
 protected:
  // The set {a, b} at revision 1, by snapshot.
  void Begin() {
    const std::vector<v1::SignedRule> rules = {coordinator_.Rule("a"), coordinator_.Rule("b")};
    ASSERT_TRUE(set_.Take(coordinator_.Manifest({.revision = 1}, rules)).status.ok());
    ASSERT_TRUE(set_.Take(coordinator_.Chunk({.revision = 1}, rules, 0, 1, rules)).changed);
  }
  template <typename Message>
  void ExpectRefused(const Message& message, std::string_view says, bool resync) {
    const v1::SetVersion before = set_.version();
    const size_t rules = set_.Rules().rules.size();
    const DesiredSet::Outcome o = set_.Take(message);
    EXPECT_THAT(std::string(o.status.message()), HasSubstr(std::string(says)));
    EXPECT_EQ(o.resync, resync);
    EXPECT_FALSE(o.changed);
    EXPECT_EQ(set_.version().SerializeAsString(), before.SerializeAsString());
    EXPECT_EQ(set_.Rules().rules.size(), rules);
  }

  TestCoordinator coordinator_;
  DesiredSet set_{coordinator_.keys(), kSelf};
};

TEST_F(DesiredSetTest, ASnapshotInChunksAndThenADeltaLeadToTheWholeSet) {
  const std::vector<v1::SignedRule> one = {coordinator_.Rule("a"), coordinator_.Rule("b"), coordinator_.Rule("c")};
  EXPECT_FALSE(set_.Take(coordinator_.Manifest({.revision = 5}, one)).changed);
  EXPECT_FALSE(set_.Take(coordinator_.Chunk({.revision = 5}, one, 0, 2, {one[0], one[1]})).changed);
  EXPECT_TRUE(set_.Take(coordinator_.Chunk({.revision = 5}, one, 1, 2, {one[2]})).changed);
  EXPECT_EQ(set_.Rules().rules.size(), 3u);

  const v1::SignedRule other = coordinator_.Rule(TestRule("b", "ip.dst == 203.0.113.9 and udp.srcport == 123"));
  const std::vector<v1::SignedRule> two = {one[2], other};
  ASSERT_TRUE(set_.Take(coordinator_.Manifest({.revision = 9}, two)).status.ok());
  const DesiredSet::Outcome o = set_.Take(coordinator_.Delta({.revision = 5}, {.revision = 9}, two, {other}, {"a"}));
  ASSERT_TRUE(o.changed) << o.status;
  EXPECT_EQ(set_.version().revision(), 9u);
  const control::DesiredRules rules = set_.Rules();
  ASSERT_EQ(rules.rules.size(), 2u);
  EXPECT_EQ(rules.rules[0].id, "b");
  EXPECT_THAT(rule::CanonicalText(*rules.rules[0].match), HasSubstr("123"));
}

TEST_F(DesiredSetTest, TheSameRulesUnderALaterRevisionNeedOnlyTheManifest) {
  Begin();
  const DesiredSet::Outcome o =
      set_.Take(coordinator_.Manifest({.revision = 2}, {coordinator_.Rule("a"), coordinator_.Rule("b")}));
  EXPECT_TRUE(o.changed);
  EXPECT_EQ(set_.version().revision(), 2u);
  EXPECT_TRUE(set_.Take(coordinator_.Manifest({.revision = 3}, {})).changed) << "nor does the empty set";
  EXPECT_TRUE(set_.Rules().rules.empty());
}

TEST_F(DesiredSetTest, ARuleThatThisVersionCannotReadIsRejectedAloneAndTheHashStillFits) {
  v1::Rule strange = *rule::ToProto(TestRule("strange"));
  strange.set_mode(static_cast<v1::RuleMode>(77));
  const std::vector<v1::SignedRule> rules = {coordinator_.Rule("a"), coordinator_.Sign(strange)};
  ASSERT_TRUE(set_.Take(coordinator_.Manifest({.revision = 1}, rules)).status.ok());
  ASSERT_TRUE(set_.Take(coordinator_.Chunk({.revision = 1}, rules, 0, 1, rules)).changed);
  const control::DesiredRules desired = set_.Rules();
  EXPECT_EQ(desired.rules.size(), 1u);
  ASSERT_EQ(desired.rejected.size(), 1u);
  EXPECT_EQ(desired.rejected[0].id, "strange");
  EXPECT_EQ(rule::RefusalOf(desired.rejected[0].status), rule::Refusal::kUnknownValue);
}

TEST_F(DesiredSetTest, WhatIsUnsignedOrWronglySignedIsRefused) {
  Begin();
  const TestCoordinator stranger('x');
  ExpectRefused(stranger.Manifest({.revision = 2}, {}), "manifest", false);
  v1::Manifest unsigned_one = coordinator_.Manifest({.revision = 2}, {});
  unsigned_one.set_signature(std::string(64, '\0'));
  ExpectRefused(unsigned_one, "manifest", false);
  // A signature of another kind over the same bytes.
  v1::Manifest as_rule = coordinator_.Manifest({.revision = 2}, {});
  v1::SignedRule signed_as_rule;
  signed_as_rule.set_rule(as_rule.content());
  as_rule.set_signature(coordinator_.Stop(1, true).signature());
  ExpectRefused(as_rule, "manifest", false);
  const std::vector<v1::SignedRule> next = {stranger.Rule("a")};
  ASSERT_TRUE(set_.Take(coordinator_.Manifest({.revision = 2}, next)).status.ok());
  ExpectRefused(coordinator_.Delta({.revision = 1}, {.revision = 2}, next, next, {"b"}), "a rule", true);
  EXPECT_FALSE(set_.Take(stranger.Stop(9, true)).ok());
}

TEST_F(DesiredSetTest, WhatIsReplayedIsRefused) {
  const v1::Manifest old = coordinator_.Manifest({.revision = 1}, {coordinator_.Rule("z")});
  const std::vector<v1::SignedRule> rules = {coordinator_.Rule("a")};
  ASSERT_TRUE(set_.Take(coordinator_.Manifest({.epoch = 2, .revision = 4}, rules)).status.ok());
  ASSERT_TRUE(set_.Take(coordinator_.Chunk({.epoch = 2, .revision = 4}, rules, 0, 1, rules)).changed);
  ExpectRefused(old, "older than the last one", false);
  ExpectRefused(coordinator_.Manifest({.epoch = 2, .revision = 3}, rules), "older", false);
  ExpectRefused(coordinator_.Manifest({.epoch = 2, .revision = 4}, {coordinator_.Rule("b")}), "another hash", false);
  EXPECT_TRUE(set_.Take(coordinator_.Manifest({.epoch = 2, .revision = 4}, rules)).status.ok()) << "said again";
}

TEST_F(DesiredSetTest, AManifestOfAnotherViewIsRefused) {
  Begin();
  ExpectRefused(coordinator_.Manifest({.revision = 2}, {}, "us"), "view", false);
  ExpectRefused(coordinator_.Manifest({.revision = 2}, {}, "eu/fra-1"), "view", false);
  EXPECT_TRUE(set_.Take(coordinator_.Manifest({.revision = 2}, {}, "eu/ams-1")).changed);
}

TEST_F(DesiredSetTest, WhatDoesNotFitIsRefusedAndASnapshotIsAskedFor) {
  Begin();
  const std::vector<v1::SignedRule> next = {coordinator_.Rule("a"), coordinator_.Rule("b"), coordinator_.Rule("c")};
  ExpectRefused(coordinator_.Delta({.revision = 1}, {.revision = 2}, next, {next[2]}), "no manifest", true);
  ASSERT_TRUE(set_.Take(coordinator_.Manifest({.revision = 2}, next)).status.ok());
  ExpectRefused(coordinator_.Delta({.revision = 7}, {.revision = 2}, next, {next[2]}), "this edge is at", true);
  ExpectRefused(coordinator_.Delta({.revision = 1}, {.revision = 2}, next, {coordinator_.Rule("d")}), "another hash",
                true);
  ExpectRefused(coordinator_.Delta({.revision = 1}, {.revision = 2}, next, {next[2]}, {"nobody"}), "isn't here", true);
  ExpectRefused(coordinator_.Chunk({.revision = 2}, next, 1, 2, {next[2]}), "chunk 1 of 2", true);
  EXPECT_TRUE(set_.Take(coordinator_.Chunk({.revision = 2}, next, 0, 3, {next[0]})).status.ok());
  ExpectRefused(coordinator_.Chunk({.revision = 2}, next, 2, 3, {next[2]}), "chunk 1 was expected", true);
  ExpectRefused(coordinator_.Chunk({.revision = 2}, next, 0, 1, {next[0], next[0], next[1]}), "there twice", true);
  EXPECT_TRUE(set_.Take(coordinator_.Chunk({.revision = 2}, next, 0, 1, next)).changed) << "after all of that";
}

TEST_F(DesiredSetTest, AnOrderToStopIsTakenOnceAndNeverAnOlderOne) {
  auto first = set_.Take(coordinator_.Stop(3, true));
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_TRUE((*first)->on);
  EXPECT_FALSE(set_.Take(coordinator_.Stop(3, true))->has_value()) << "said again at a connect";
  EXPECT_THAT(std::string(set_.Take(coordinator_.Stop(2, false)).status().message()), HasSubstr("replayed"));
  auto later_epoch = set_.Take(coordinator_.Stop(1, false, /*epoch=*/2));
  ASSERT_TRUE(later_epoch.ok() && later_epoch->has_value());
  EXPECT_FALSE((*later_epoch)->on);
}

TEST_F(DesiredSetTest, TheDiskIsBelievedNoMoreThanTheWire) {
  Begin();
  v1::FleetState state = *set_.Rules().signed_set;
  *state.mutable_stop() = coordinator_.Stop(4, true);
  DesiredSet again(coordinator_.keys(), kSelf);
  ASSERT_TRUE(again.RestoreRules(state).ok());
  EXPECT_EQ(again.Rules().rules.size(), 2u);
  ASSERT_TRUE(again.RestoreStop(state).ok());
  EXPECT_FALSE(again.Take(coordinator_.Stop(3, false)).ok()) << "the serial survives";
  EXPECT_FALSE(again.Take(coordinator_.Manifest({.epoch = 0, .revision = 9}, {})).status.ok()) << "the epoch too";

  v1::FleetState spoilt = state;
  (*spoilt.mutable_rules(0)->mutable_rule())[3] ^= 1;
  DesiredSet other(coordinator_.keys(), kSelf);
  EXPECT_FALSE(other.RestoreRules(spoilt).ok());
  EXPECT_FALSE(other.has_set());
  v1::FleetState short_one = state;
  short_one.mutable_rules()->RemoveLast();
  EXPECT_FALSE(other.RestoreRules(short_one).ok());
  DesiredSet other_keys(TestCoordinator('y').keys(), kSelf);
  EXPECT_FALSE(other_keys.RestoreRules(state).ok()) << "the keys were changed meanwhile";
}

}  // namespace
}  // namespace breakwater::link
