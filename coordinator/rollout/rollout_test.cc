#include "coordinator/rollout/rollout.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/rollout/progress.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
const tls::EdgeIdentity kAms{"ams-1", "eu"};
const tls::EdgeIdentity kFra{"fra-1", "eu"};
const tls::EdgeIdentity kNyc{"nyc-1", "us"};
constexpr uint64_t kEpoch = 7;

class RolloutTest : public ::testing::Test {
 protected:
  RolloutTest() : rollout_(*fleet::SigningKey::FromSeed(std::string(32, 'k'))) { rollout_.Restore(kEpoch, 10, {}); }

  PlacedPtr Placed(const std::string& id, rule::Scope scope = {}, uint64_t revision = 0,
                   const std::string& reason = "") {
    rule::Rule r;
    r.id = id;
    r.scope = std::move(scope);
    r.match = *rule::ParseExpr("ip.src == 198.51.100.7");
    r.mode = rule::Mode::kEnforce;
    r.reason = reason;
    auto placed = std::make_shared<rollout::Placed>();
    placed->signed_rule = *rollout_.Sign(r);
    placed->entry = std::make_shared<const policy::Entry>(policy::Entry{.rule = std::move(r)});
    placed->revision = placed->content_revision = revision == 0 ? rollout_.revision() + 1 : revision;
    return placed;
  }
  void Apply(const std::vector<Placement>& changes) { rollout_.Apply(rollout_.revision() + 1, changes); }
  std::vector<v1::CoordinatorMessage> Lead(const tls::EdgeIdentity& edge, const v1::SetVersion* from) {
    auto messages = rollout_.Lead(edge, from, kNow);
    EXPECT_TRUE(messages.ok()) << messages.status();
    return messages.ok() ? *std::move(messages) : std::vector<v1::CoordinatorMessage>();
  }
  static std::vector<std::string> Ids(const google::protobuf::RepeatedPtrField<v1::SignedRule>& rules) {
    std::vector<std::string> ids;
    for (const v1::SignedRule& rule : rules) {
      v1::Rule parsed;
      EXPECT_TRUE(parsed.ParseFromString(rule.rule()));
      ids.push_back(parsed.id());
    }
    return ids;
  }

  Rollout rollout_;
};

rule::Scope Regions(std::vector<std::string> regions) { return {.regions = std::move(regions)}; }
rule::Scope Edges(std::vector<std::string> edges) { return {.edges = std::move(edges)}; }

TEST_F(RolloutTest, ANewEdgeGetsASignedManifestAndASnapshot) {
  Apply({{"a", Placed("a")}, {"b", Placed("b", Regions({"us"}))}});
  const auto messages = Lead(kAms, nullptr);
  ASSERT_EQ(messages.size(), 2u);
  const v1::Manifest& manifest = messages[0].manifest();
  EXPECT_TRUE(rollout_.key().public_key().Verify(fleet::kManifestContext, manifest.content(), manifest.signature()));
  v1::ManifestContent content;
  ASSERT_TRUE(content.ParseFromString(manifest.content()));
  EXPECT_EQ(content.view(), "eu");
  EXPECT_EQ(content.rules(), 1u);
  EXPECT_EQ(content.desired().epoch(), kEpoch);
  EXPECT_THAT(Ids(messages[1].snapshot().rules()), ElementsAre("a"));
  EXPECT_EQ(messages[1].snapshot().version().SerializeAsString(), content.desired().SerializeAsString());
}

TEST_F(RolloutTest, AnEdgeThatShallHaveNothingOrHasItAllGetsTheManifestAlone) {
  EXPECT_EQ(Lead(kAms, nullptr).size(), 1u);
  Apply({{"a", Placed("a")}});
  v1::SetVersion has = rollout_.Desired(kAms);
  EXPECT_EQ(Lead(kAms, &has).size(), 1u);
  has.set_revision(3);  // the same rules under an earlier number
  EXPECT_EQ(Lead(kAms, &has).size(), 1u);
}

TEST_F(RolloutTest, ADeltaSpansSeveralRevisionsAndLeavesOutWhatCameAndWent) {
  Apply({{"a", Placed("a")}, {"b", Placed("b")}});
  const v1::SetVersion from = rollout_.Desired(kAms);
  Apply({{"c", Placed("c")}, {"short", Placed("short")}});
  Apply({{"a", Placed("a", {}, 0, "changed")}});
  Apply({{"b", nullptr}, {"short", nullptr}});
  const auto messages = Lead(kAms, &from);
  ASSERT_EQ(messages.size(), 2u);
  const v1::Delta& delta = messages[1].delta();
  EXPECT_EQ(delta.from().revision(), from.revision());
  EXPECT_THAT(Ids(delta.upserts()), UnorderedElementsAre("a", "c"));
  EXPECT_THAT(std::vector<std::string>(delta.removals().begin(), delta.removals().end()), ElementsAre("b"));
}

TEST_F(RolloutTest, AViewMovesOnlyWhenItsOwnRulesChange) {
  const v1::SetVersion eu = rollout_.Desired(kAms);
  const v1::SetVersion us = rollout_.Desired(kNyc);
  Apply({{"a", Placed("a", Regions({"us"}))}});
  EXPECT_EQ(rollout_.Desired(kAms).revision(), eu.revision());
  EXPECT_GT(rollout_.Desired(kNyc).revision(), us.revision());
}

TEST_F(RolloutTest, AnEdgeThatARuleNamesGetsAViewOfItsOwnAndADelta) {
  Apply({{"all", Placed("all")}});
  const v1::SetVersion ams = rollout_.Desired(kAms);
  const v1::SetVersion fra = rollout_.Desired(kFra);
  Apply({{"one", Placed("one", Edges({"ams-1"}))}});
  EXPECT_EQ(rollout_.Desired(kFra).SerializeAsString(), fra.SerializeAsString());
  const auto messages = Lead(kAms, &ams);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_THAT(Ids(messages[1].delta().upserts()), ElementsAre("one"));
  const v1::SetVersion with = rollout_.Desired(kAms);
  Apply({{"one", nullptr}});
  EXPECT_GT(rollout_.Desired(kAms).revision(), with.revision()) << "numbers never go back";
  const auto back = Lead(kAms, &with);
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[1].delta().removals_size(), 1);
  EXPECT_EQ(back[1].delta().to().hash(), ams.hash());
}

TEST_F(RolloutTest, AnotherHashThanOursWasGetsASnapshot) {
  Apply({{"a", Placed("a")}});
  v1::SetVersion from = rollout_.Desired(kAms);
  Apply({{"b", Placed("b")}});
  from.set_hash(std::string(32, 'x'));
  EXPECT_TRUE(Lead(kAms, &from)[1].has_snapshot());
}

TEST_F(RolloutTest, BeyondTheLogComesASnapshot) {
  Apply({{"a", Placed("a")}});
  const v1::SetVersion from = rollout_.Desired(kAms);
  for (size_t i = 0; i <= Rollout::kMaxLog / 2; ++i) {
    const PlacedPtr placed = Placed("b");
    Apply({{"b", placed}});
    Apply({{"b", nullptr}});
  }
  Apply({{"c", Placed("c")}});
  EXPECT_TRUE(Lead(kAms, &from)[1].has_snapshot());
}

TEST_F(RolloutTest, LargeSetsComeInChunksBelowTheLimitOfAMessage) {
  for (int round = 0; round < 3; ++round) {
    std::vector<Placement> some;
    for (int i = 0; i < 1000; ++i) {
      const std::string id = "r" + std::to_string(round) + "-" + std::to_string(i);
      some.push_back({id, Placed(id, {}, 0, std::string(256, 'x'))});
    }
    Apply(some);
  }
  const auto messages = Lead(kAms, nullptr);
  ASSERT_GT(messages.size(), 3u);
  size_t rules = 0;
  for (size_t i = 1; i < messages.size(); ++i) {
    EXPECT_EQ(messages[i].snapshot().index(), i - 1);
    EXPECT_EQ(messages[i].snapshot().chunks(), messages.size() - 1);
    EXPECT_LE(messages[i].snapshot().rules_size(), 1024);
    EXPECT_LT(messages[i].ByteSizeLong(), size_t{4} << 20);
    rules += static_cast<size_t>(messages[i].snapshot().rules_size());
  }
  EXPECT_EQ(rules, 3000u);
}

TEST_F(RolloutTest, AnEdgeFromBeforeABackupIsLedPastWhatItHas) {
  Apply({{"a", Placed("a")}});
  v1::SetVersion ahead = rollout_.Desired(kAms);
  ahead.set_revision(ahead.revision() + 500);
  ahead.set_hash(std::string(32, 'x'));
  const auto messages = Lead(kAms, &ahead);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_GT(messages[1].snapshot().version().revision(), ahead.revision());
  EXPECT_GT(rollout_.revision(), ahead.revision());
  Apply({{"b", Placed("b")}});
  EXPECT_GT(rollout_.Desired(kAms).revision(), messages[1].snapshot().version().revision());
}

TEST_F(RolloutTest, AnEdgeOfALaterEpochOrAnImpossibleRevisionIsRefused) {
  v1::SetVersion later;
  later.set_epoch(kEpoch + 1);
  EXPECT_THAT(std::string(rollout_.Lead(kAms, &later, kNow).status().message()), HasSubstr("epoch 8"));
  v1::SetVersion absurd;
  absurd.set_epoch(kEpoch);
  absurd.set_revision(~uint64_t{0});
  EXPECT_FALSE(rollout_.Lead(kAms, &absurd, kNow).ok());
  EXPECT_EQ(rollout_.revision(), 10u);
}

// ── States ──

class ProgressTest : public RolloutTest {
 protected:
  v1::SetVersion At(uint64_t revision) {
    v1::SetVersion version;
    version.set_epoch(kEpoch);
    version.set_revision(revision);
    return version;
  }
  v1::RuleStatus Status(v1::RuleState state, uint64_t revision, bool enforcing = false) {
    v1::RuleStatus status;
    status.set_rule_id("r");
    status.set_epoch(kEpoch);
    status.set_revision(revision);
    status.set_state(state);
    status.set_enforcing(enforcing);
    if (state == v1::RULE_STATE_REJECTED) status.set_detail("too wide");
    return status;
  }
  RuleOnEdge Of(absl::Time now = kNow, bool held = false) { return progress_.Of(*rule_, kEpoch, held, now); }

  EdgeProgress progress_;
  PlacedPtr rule_ = Placed("r", {}, 20);
};

TEST_F(ProgressTest, StatesFollowTheWatermarks) {
  EXPECT_EQ(Of().state, State::kPending);
  progress_.OnVersions(At(20), At(19));
  EXPECT_EQ(Of().state, State::kReceived);
  progress_.OnVersions(At(20), At(20));
  EXPECT_EQ(Of().state, State::kInstalled);
  EXPECT_TRUE(Of().enforcing);
  EXPECT_EQ(progress_.Of(*rule_, kEpoch + 1, false, kNow).state, State::kPending) << "another epoch";
}

TEST_F(ProgressTest, StatusesComeBeforeTheWatermarkAndRefusalsStayBesideIt) {
  EXPECT_TRUE(progress_.OnStatus(Status(v1::RULE_STATE_VALIDATED, 20)));
  EXPECT_EQ(Of().state, State::kValidated);
  EXPECT_TRUE(progress_.OnStatus(Status(v1::RULE_STATE_INSTALLED, 20)));
  EXPECT_EQ(Of().state, State::kInstalled);
  EXPECT_TRUE(progress_.OnStatus(Status(v1::RULE_STATE_REJECTED, 20)));
  progress_.OnVersions(At(21), At(21));
  EXPECT_EQ(Of().state, State::kRefused);
  EXPECT_EQ(Of().detail, "too wide");
  EXPECT_FALSE(Of().enforcing);
  EXPECT_EQ(progress_.rejected(), 1u);
  rule_ = Placed("r", {}, 22);
  EXPECT_EQ(Of().state, State::kPending) << "what was refused was another rule of that id";
  progress_.OnVersions(At(22), At(22));
  EXPECT_TRUE(progress_.OnStatus(Status(v1::RULE_STATE_INSTALLED, 22)));
  EXPECT_EQ(Of().state, State::kInstalled);
  EXPECT_EQ(progress_.rejected(), 0u);
}

TEST_F(ProgressTest, AnArmedRuleEnforcesWhereItIsConfirmedOrHeld) {
  auto armed = std::make_shared<rollout::Placed>(*rule_);
  policy::Entry entry = *rule_->entry;
  entry.rule.mode = rule::Mode::kArmed;
  armed->entry = std::make_shared<const policy::Entry>(entry);
  rule_ = armed;
  EXPECT_EQ(Of(kNow, /*held=*/true).state, State::kInstalled) << "its own, whatever it was sent";
  EXPECT_TRUE(Of(kNow, /*held=*/true).enforcing);
  progress_.OnVersions(At(20), At(20));
  EXPECT_FALSE(Of().enforcing);
  EXPECT_TRUE(progress_.OnStatus(Status(v1::RULE_STATE_INSTALLED, 20, /*enforcing=*/true)));
  progress_.OnVersions(At(21), At(21));
  EXPECT_TRUE(Of().enforcing) << "also under later revisions";
  EXPECT_TRUE(progress_.OnStatus(Status(v1::RULE_STATE_INSTALLED, 21)));
  EXPECT_FALSE(Of().enforcing);
}

TEST_F(ProgressTest, CountsMakeItMatchingAndGiveARate) {
  progress_.OnVersions(At(20), At(20));
  const window::RuleCounts counts{.matched_packets = 30, .dropped_packets = 20};
  for (int i = 0; i < 20; ++i) {
    progress_.OnCounts("r", counts, kNow + absl::Milliseconds(100) * i, absl::Milliseconds(100));
  }
  const RuleOnEdge r = Of(kNow + absl::Seconds(2));
  EXPECT_EQ(r.state, State::kMatching);
  EXPECT_EQ(r.matched_packets, 600u);
  EXPECT_EQ(r.matched_pps, 300);
  EXPECT_EQ(r.dropped_pps, 200);
  EXPECT_EQ(Of(kNow + absl::Seconds(8)).matched_pps, 0) << "old news";
  EXPECT_EQ(Of(kNow + absl::Seconds(13)).state, State::kInstalled);
}

TEST_F(ProgressTest, AMergedSlotIsSpreadOverItsLength) {
  progress_.OnVersions(At(20), At(20));
  progress_.OnCounts("r", {.matched_packets = 640}, kNow, absl::Milliseconds(6400));
  EXPECT_EQ(Of(kNow + absl::Seconds(7)).matched_pps, 100);
  EXPECT_EQ(Of(kNow + absl::Seconds(7)).matched_packets, 640u);
}

TEST_F(ProgressTest, IsBoundedWhateverTheEdgeSays) {
  for (size_t i = 0; i < EdgeProgress::kMaxExceptions + 10; ++i) {
    v1::RuleStatus status = Status(v1::RULE_STATE_REJECTED, 1);
    status.set_rule_id("x" + std::to_string(i));
    EXPECT_EQ(progress_.OnStatus(status), i < EdgeProgress::kMaxExceptions);
  }
  for (size_t i = 0; i < EdgeProgress::kMaxCounted + 10; ++i) {
    progress_.OnCounts("x" + std::to_string(i), {.matched_packets = 1},
                       kNow + absl::Milliseconds(100) * static_cast<int>(i), absl::Milliseconds(100));
  }
  progress_.OnCounts("r", {.matched_packets = 7}, kNow + absl::Hours(1), absl::Milliseconds(100));
  EXPECT_EQ(Of(kNow + absl::Hours(1)).matched_packets, 7u) << "the newest has a place";
}

}  // namespace
}  // namespace breakwater::rollout
