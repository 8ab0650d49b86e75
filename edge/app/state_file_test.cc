#include "edge/app/state_file.h"

#include <atomic>

#include "common/clock/clock.h"
#include "common/service/fake_files.h"
#include "edge/app/state_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

control::SavedRule Rule(const std::string& id, uint32_t slot, absl::Duration lease) {
  rule::Rule rule;
  rule.id = id;
  rule.origin = rule::Origin::kEdgeDetector;
  rule.scope.prefixes = {*net::IpPrefix::Parse("203.0.113.7/32")};
  rule.match = *rule::ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53 and ip.len > 512");
  rule.action = {.kind = rule::ActionKind::kDrop};
  rule.mode = rule::Mode::kEnforce;
  rule.priority = 2000;
  rule.expires = kNow + lease;
  rule.attack_id = "edge-1";
  rule.reason = "attack edge-1 on 203.0.113.7";
  return {.rule = rule, .counter_slot = slot};
}

EdgeState State() {
  EdgeState state;
  state.saved.revision = 42;
  state.saved.rules = {Rule("edge-1-1", 3, absl::Seconds(60)), Rule("edge-1-2", 4, absl::Seconds(10))};
  return state;
}

TEST(StateFile, AFirstStartIsEmptyAndNoProblem) {
  service::FakeFiles files;
  const StateFile::Loaded loaded = StateFile(files, "/s").Load(kNow);
  EXPECT_FALSE(loaded.found);
  EXPECT_THAT(loaded.problems, IsEmpty());
}

TEST(StateFile, RulesLeasesSlotsAndPanicComeBack) {
  service::FakeFiles files;
  EdgeState state = State();
  state.saved.panic = true;
  state.panic_reason = "customer's own scanner";
  state.panic_since = kNow - absl::Minutes(5);
  ASSERT_TRUE(StateFile(files, "/s").Save(state, kNow).ok());
  const StateFile::Loaded loaded = StateFile(files, "/s").Load(kNow + absl::Seconds(1));
  ASSERT_TRUE(loaded.found);
  EXPECT_EQ(loaded.state.saved.revision, 42u);
  EXPECT_TRUE(loaded.state.saved.panic);
  EXPECT_EQ(loaded.state.panic_reason, "customer's own scanner");
  EXPECT_EQ(loaded.state.panic_since, kNow - absl::Minutes(5));
  ASSERT_THAT(loaded.state.saved.rules, SizeIs(2));
  const control::SavedRule& rule = loaded.state.saved.rules[0];
  EXPECT_EQ(rule.counter_slot, 3u);
  EXPECT_EQ(rule.rule.id, "edge-1-1");
  EXPECT_EQ(rule.rule.mode, rule::Mode::kEnforce);
  EXPECT_EQ(rule.rule.expires, kNow + absl::Seconds(60));
  EXPECT_EQ(rule::CanonicalText(*rule.rule.match), rule::CanonicalText(*state.saved.rules[0].rule.match));
  EXPECT_EQ(rule.rule.scope, state.saved.rules[0].rule.scope);
}

TEST(StateFile, LeasesThatEndedMeanwhileAreDropped) {
  service::FakeFiles files;
  ASSERT_TRUE(StateFile(files, "/s").Save(State(), kNow).ok());
  const StateFile::Loaded loaded = StateFile(files, "/s").Load(kNow + absl::Seconds(10));
  ASSERT_THAT(loaded.state.saved.rules, SizeIs(1));
  EXPECT_EQ(loaded.state.saved.rules[0].rule.id, "edge-1-1");
  EXPECT_THAT(loaded.expired, ElementsAre("edge-1-2"));
}

TEST(StateFile, EveryDamagedByteFallsBackToTheFileBefore) {
  service::FakeFiles files;
  EdgeState old = State();
  old.saved.revision = 41;
  ASSERT_TRUE(StateFile(files, "/s").Save(old, kNow).ok());
  ASSERT_TRUE(StateFile(files, "/s").Save(State(), kNow).ok());
  const std::map<std::string, std::string> good = files.All();
  const size_t size = good.at("/s/rules.state").size();
  for (size_t i = 0; i < size; ++i) {
    service::FakeFiles damaged;
    for (const auto& [path, contents] : good) damaged.Put(path, contents);
    std::string bytes = good.at("/s/rules.state");
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
    damaged.Put("/s/rules.state", bytes);
    const StateFile::Loaded loaded = StateFile(damaged, "/s").Load(kNow);
    ASSERT_TRUE(loaded.found) << i;
    EXPECT_TRUE(loaded.from_previous);
    EXPECT_EQ(loaded.state.saved.revision, 41u);
    EXPECT_THAT(loaded.problems, SizeIs(1));
  }
}

TEST(StateFile, PayloadsOfAnyBytesAreAnErrorNotACrash) {
  const std::string good = *EncodeState(State(), kNow);
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'\0', '\x7f', '\xff'}) {
      std::string bad = good;
      bad[i] = c;
      (void)DecodeState(bad);
    }
    (void)DecodeState(good.substr(0, i));
  }
  EXPECT_FALSE(DecodeState("\xff\xff\xff\xff").ok());
}

TEST(StateFile, AnIntactRecordWithoutSenseFallsBackToo) {
  service::FakeFiles files;
  ASSERT_TRUE(StateFile(files, "/s").Save(State(), kNow).ok());
  ASSERT_TRUE(DurableRecord(files, "/s", "rules.state").Write("\xff\xff\xff").ok());
  const StateFile::Loaded loaded = StateFile(files, "/s").Load(kNow);
  EXPECT_TRUE(loaded.from_previous);
  EXPECT_EQ(loaded.state.saved.revision, 42u);
  ASSERT_THAT(loaded.problems, SizeIs(1));
  EXPECT_THAT(std::string(loaded.problems[0].message()), HasSubstr("no EdgeState"));
}

TEST(StateFile, ARuleThatCannotBeReadIsLeftOutAlone) {
  EdgeState state = State();
  state.saved.rules[1].counter_slot = state.saved.rules[0].counter_slot;
  const absl::StatusOr<DecodedState> decoded = DecodeState(*EncodeState(state, kNow));
  ASSERT_TRUE(decoded.ok());
  EXPECT_THAT(decoded->state.saved.rules, SizeIs(1));
  ASSERT_THAT(decoded->rejected, SizeIs(1));
  EXPECT_THAT(std::string(decoded->rejected[0].message()), HasSubstr("rule edge-1-2: counter slot 3"));
}

class Writer : public testing::Test {
 protected:
  StateWriter::Options Options(absl::Duration retry_after) {
    return {.retry_after = retry_after,
            .on_result = [this](const absl::Status& s, absl::Duration) { s.ok() ? ++good_ : ++bad_; }};
  }
  service::FakeFiles files_;
  std::atomic<int> good_{0};
  std::atomic<int> bad_{0};
};

TEST_F(Writer, WritesTheNewestState) {
  StateWriter writer(StateFile(files_, "/s"), clock::SystemClock(), Options(absl::Hours(1)));
  for (uint64_t revision = 1; revision <= 100; ++revision) {
    EdgeState state = State();
    state.saved.revision = revision;
    writer.Submit(state);
  }
  ASSERT_TRUE(writer.Flush(absl::Seconds(10)));
  EXPECT_EQ(StateFile(files_, "/s").Load(kNow).state.saved.revision, 100u);
  EXPECT_GE(good_, 1);
}

TEST_F(Writer, AFullDiskIsCountedAndTriedAgain) {
  files_.SetCapacity(10);
  StateWriter writer(StateFile(files_, "/s"), clock::SystemClock(), Options(absl::Milliseconds(1)));
  writer.Submit(State());
  while (bad_ < 3) std::this_thread::yield();
  EXPECT_EQ(writer.last_result().code(), absl::StatusCode::kResourceExhausted);
  files_.SetCapacity(SIZE_MAX);
  while (good_ < 1) std::this_thread::yield();
  EXPECT_EQ(StateFile(files_, "/s").Load(kNow).state.saved.revision, 42u);
}

TEST_F(Writer, FlushAndTheEndDoNotWaitForAFullDisk) {
  files_.SetCapacity(10);
  {
    StateWriter writer(StateFile(files_, "/s"), clock::SystemClock(), Options(absl::Hours(1)));
    writer.Submit(State());
    ASSERT_TRUE(writer.Flush(absl::Seconds(10)));
    EXPECT_EQ(bad_, 1);
    // A newer state doesn't wait for the old one's retry.
    files_.SetCapacity(SIZE_MAX);
    writer.Submit(State());
    ASSERT_TRUE(writer.Flush(absl::Seconds(10)));
    EXPECT_EQ(good_, 1);
    writer.Submit(State());
  }
  EXPECT_EQ(good_, 2);  // what waited at the end
}

}  // namespace
}  // namespace breakwater::app
