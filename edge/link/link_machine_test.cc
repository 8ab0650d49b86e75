#include "edge/link/link_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/link/backoff.h"
#include "edge/link/clock_offset.h"
#include "edge/link/outbox.h"
#include "edge/link/testing.h"

namespace breakwater::link {
namespace {

using ::testing::HasSubstr;

class LinkMachineTest : public ::testing::Test {
 protected:
  static LinkSettings Settings() {
    LinkSettings s;
    s.coordinators = {"a:1", "b:2"};
    s.identity = {.id = "ams-1", .region = "eu"};
    s.boot_id = 7;
    s.software_version = "test";
    s.random = [] { return 0.5; };
    return s;
  }

  void Feed(LinkEvent event) {
    for (LinkAction& action : machine_.Step(std::move(event), now_)) {
      std::visit([this](auto& a) { On(a); }, action);
    }
  }
  void On(OpenSession& a) { opened_.push_back(a), session_ = a.generation; }
  void On(OpenTelemetry& a) { telemetry_ = a.generation; }
  void On(WriteSession& a) { sent_.push_back(a.message); }
  void On(WriteTelemetry& a) { windows_ += a.message.windows_size(); }
  void On(ReadSession&) { ++reads_; }
  void On(ReadTelemetry&) {}
  void On(CloseSession&) { ++closed_; }
  void On(CloseTelemetry&) {}
  void On(Deliver& a) { delivered_.push_back(std::move(a.delivery)); }
  void On(LinkReport& a) { reports_.push_back(a); }

  void Pass(absl::Duration time) {
    now_.monotonic += time;
    now_.wall += time;
    Feed(Wake{});
  }
  // Everything that can be written is.
  void Drain() {
    for (size_t before = sent_.size() + 1; before != sent_.size();) {
      before = sent_.size();
      Feed(SessionWritten{session_});
    }
  }
  void Say(v1::CoordinatorMessage m) { Feed(SessionRead{session_, std::move(m)}); }
  template <typename Message>
  void Say(void (v1::CoordinatorMessage::*set)(Message*), const Message& message) {
    v1::CoordinatorMessage m;
    (m.*set)(new Message(message));
    Say(std::move(m));
  }
  void SayManifest(const v1::Manifest& m) { Say(&v1::CoordinatorMessage::set_allocated_manifest, m); }
  void SayDelta(const v1::Delta& m) { Say(&v1::CoordinatorMessage::set_allocated_delta, m); }
  void SayChunk(const v1::SnapshotChunk& m) { Say(&v1::CoordinatorMessage::set_allocated_snapshot, m); }
  void Welcome() {
    v1::CoordinatorMessage m;
    m.mutable_welcome()->set_protocol_version(1);
    m.mutable_welcome()->set_heartbeat_ms(1000);
    m.mutable_welcome()->set_sketch_seed(9);
    Say(std::move(m));
  }
  void Connected() {
    Feed(Wake{});
    ASSERT_EQ(opened_.size(), 1u);
    Feed(SessionWritten{session_});
    Welcome();
    ASSERT_EQ(machine_.View().state, LinkState::kConnected);
    Drain();
    sent_.clear();
  }
  template <typename T>
  int Delivered() const {
    return static_cast<int>(std::count_if(delivered_.begin(), delivered_.end(),
                                          [](const Delivery& d) { return std::holds_alternative<T>(d); }));
  }

  TestCoordinator coordinator_;
  LinkMachine machine_{Settings(), DesiredSet(coordinator_.keys(), {.id = "ams-1", .region = "eu"})};
  LinkTime now_{absl::Seconds(100), absl::FromUnixSeconds(1'700'000'000)};
  std::vector<OpenSession> opened_;
  std::vector<v1::EdgeMessage> sent_;
  std::vector<Delivery> delivered_;
  std::vector<LinkReport> reports_;
  uint64_t session_ = 0, telemetry_ = 0;
  int windows_ = 0, reads_ = 0, closed_ = 0;
};

TEST(BackoffTest, DoublesUpToHalfAMinuteAndJittersFully) {
  Backoff backoff;
  EXPECT_EQ(backoff.Next(0), absl::ZeroDuration());
  EXPECT_EQ(backoff.Next(0.5), absl::Milliseconds(200));
  for (int i = 0; i < 10; ++i) (void)backoff.Next(0.9);
  EXPECT_EQ(backoff.Next(0.5), absl::Seconds(15));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(0.5), absl::Milliseconds(100));
  Backoff patient(absl::Seconds(1));
  for (int i = 0; i < 10; ++i) EXPECT_LE(patient.Next(1), absl::Seconds(1));
}

TEST(ClockOffsetTest, TheQuickestAnswerCountsAndNonsenseIsRefused) {
  ClockOffset clock;
  const absl::Time t = absl::FromUnixSeconds(1'700'000'000);
  const auto exchange = [&](absl::Duration there, absl::Duration back, absl::Duration offset) {
    const v1::ClockProbe probe = clock.Probe(t);
    v1::ClockReply reply;
    reply.set_id(probe.id());
    reply.set_edge_sent_us(probe.edge_sent_us());
    reply.set_coordinator_received_us(absl::ToUnixMicros(t + there + offset));
    reply.set_coordinator_sent_us(absl::ToUnixMicros(t + there + offset));
    return clock.Take(reply, t + there + back);
  };
  EXPECT_FALSE(clock.offset());
  ASSERT_TRUE(exchange(absl::Milliseconds(90), absl::Milliseconds(10), absl::Milliseconds(300)).ok());
  EXPECT_EQ(*clock.offset(), absl::Milliseconds(340));
  ASSERT_TRUE(exchange(absl::Milliseconds(2), absl::Milliseconds(2), absl::Milliseconds(300)).ok());
  EXPECT_EQ(*clock.offset(), absl::Milliseconds(300));
  EXPECT_FALSE(exchange(absl::Milliseconds(1), absl::Milliseconds(1), absl::Hours(30)).ok());
  EXPECT_FALSE(clock.Take(v1::ClockReply(), t).ok()) << "to no probe";
  EXPECT_EQ(*clock.offset(), absl::Milliseconds(300));
  clock.Restart();
  EXPECT_EQ(*clock.offset(), absl::Milliseconds(300)) << "until the next coordinator has answered";
  ASSERT_TRUE(exchange(absl::Milliseconds(50), absl::Milliseconds(50), absl::ZeroDuration()).ok());
  EXPECT_EQ(*clock.offset(), absl::ZeroDuration());
}

TEST_F(LinkMachineTest, SaysHelloIsWelcomedAndTellsWhatIsInForce) {
  Feed(Wake{});
  ASSERT_EQ(opened_.size(), 1u);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].hello().boot_id(), 7u);
  Connected();
  EXPECT_NE(telemetry_, 0u);
  const std::vector<v1::SignedRule> rules = {coordinator_.Rule("a")};
  SayManifest(coordinator_.Manifest({.revision = 1}, rules));
  SayChunk(coordinator_.Chunk({.revision = 1}, rules, 0, 1, rules));
  EXPECT_EQ(Delivered<control::DesiredRules>(), 1);
  Drain();
  ASSERT_FALSE(sent_.empty());
  EXPECT_EQ(sent_.back().heartbeat().received().revision(), 1u);
  sent_.clear();
  FleetState state;
  state.applied = coordinator_.Version({.revision = 1}, rules);
  Feed(state);
  Drain();
  ASSERT_FALSE(sent_.empty()) << "at once, not with the next heartbeat";
  EXPECT_EQ(sent_.back().heartbeat().applied().revision(), 1u);
  EXPECT_EQ(machine_.View().refused_messages, 0u);
}

TEST_F(LinkMachineTest, TriesTheCoordinatorsInTurnEverMoreSlowly) {
  Feed(Wake{});
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 12; ++i) {
    Feed(SessionClosed{session_, absl::UnavailableError("refused")});
    const absl::Duration wait = machine_.NextAt() - now_.monotonic;
    waits.push_back(wait);
    Pass(wait);
  }
  EXPECT_EQ(waits[0], absl::Milliseconds(100));
  EXPECT_EQ(waits[1], absl::Milliseconds(200));
  EXPECT_EQ(waits.back(), absl::Seconds(15));
  ASSERT_EQ(opened_.size(), 13u);
  EXPECT_NE(opened_[0].address, opened_[1].address);
  EXPECT_EQ(opened_[0].address, opened_[2].address);
  const auto loud = std::count_if(reports_.begin(), reports_.end(),
                                  [](const LinkReport& r) { return r.level == LinkReport::Level::kWarning; });
  EXPECT_EQ(loud, 1) << "an outage is one line of the log, not one for each attempt";
}

TEST_F(LinkMachineTest, ACoordinatorThatNeverWelcomesOrFallsSilentIsLeft) {
  Feed(Wake{});
  Pass(absl::Seconds(11));
  EXPECT_EQ(closed_, 1);
  Pass(absl::Seconds(1));
  Feed(SessionWritten{session_});
  Welcome();
  Drain();
  for (int i = 0; i < 15; ++i) Pass(absl::Seconds(1)), Drain();
  EXPECT_EQ(closed_, 1);
  for (int i = 0; i < 3; ++i) Pass(absl::Seconds(1)), Drain();
  EXPECT_EQ(closed_, 2);
  EXPECT_THAT(machine_.View().last_error, HasSubstr("silent"));
}

TEST_F(LinkMachineTest, GarbageIsCountedAndThenTheSessionIsClosed) {
  Connected();
  const std::vector<v1::SignedRule> rules = {coordinator_.Rule("a")};
  SayManifest(coordinator_.Manifest({.revision = 3}, rules));
  SayChunk(coordinator_.Chunk({.revision = 3}, rules, 0, 1, rules));
  const v1::Manifest old = coordinator_.Manifest({.revision = 2}, {});
  for (int i = 0; i < 63; ++i) SayManifest(old);
  EXPECT_EQ(machine_.View().refused_messages, 63u);
  EXPECT_EQ(closed_, 0);
  Say(v1::CoordinatorMessage());
  EXPECT_EQ(closed_, 1);
  EXPECT_THAT(machine_.View().last_error, HasSubstr("64 refused messages"));
  EXPECT_EQ(machine_.View().received.revision(), 3u);
  EXPECT_EQ(Delivered<control::DesiredRules>(), 1) << "what was in force stays";
  SayManifest(old);
  EXPECT_EQ(machine_.View().refused_messages, 64u) << "nothing more is read of a closed session";
}

TEST_F(LinkMachineTest, EndlessDeltasThatDoNotFitEndInOneResyncAtATimeAndThenTheSession) {
  Connected();
  const std::vector<v1::SignedRule> rules = {coordinator_.Rule("a")};
  int resyncs = 0;
  for (int i = 0; i < 200 && closed_ == 0; ++i) {
    SayManifest(coordinator_.Manifest({.revision = static_cast<uint64_t>(i) + 2}, rules));
    SayDelta(coordinator_.Delta({.revision = 99999}, {.revision = static_cast<uint64_t>(i) + 2}, rules, rules));
    Pass(absl::Milliseconds(100));
    Drain();
  }
  for (const v1::EdgeMessage& m : sent_) resyncs += m.has_resync_request() ? 1 : 0;
  EXPECT_EQ(closed_, 1);
  EXPECT_LE(resyncs, 8);
  EXPECT_GE(resyncs, 2);
  EXPECT_EQ(Delivered<control::DesiredRules>(), 0);
}

TEST_F(LinkMachineTest, ManySetsInARowAreHandedOnAtABoundedPace) {
  Connected();
  std::vector<v1::SignedRule> before;
  for (uint64_t i = 1; i <= 100; ++i) {
    const std::vector<v1::SignedRule> rules = {coordinator_.Rule("r" + std::to_string(i))};
    SayManifest(coordinator_.Manifest({.revision = i}, rules));
    SayChunk(coordinator_.Chunk({.revision = i}, rules, 0, 1, rules));
    now_.monotonic += absl::Milliseconds(1);
  }
  EXPECT_LE(Delivered<control::DesiredRules>(), 3);
  Pass(absl::Milliseconds(60));
  const auto& last = std::get<control::DesiredRules>(delivered_.back());
  EXPECT_EQ(last.version.revision(), 100u) << "the last one always arrives";
}

TEST_F(LinkMachineTest, AStopOvertakesAndAReplayedOneIsRefused) {
  Connected();
  Say(&v1::CoordinatorMessage::set_allocated_stop_enforcing, coordinator_.Stop(2, true));
  EXPECT_EQ(Delivered<control::StopEnforcing>(), 1);
  Say(&v1::CoordinatorMessage::set_allocated_stop_enforcing, coordinator_.Stop(1, false));
  EXPECT_EQ(Delivered<control::StopEnforcing>(), 1);
  EXPECT_EQ(machine_.View().refused_messages, 1u);
}

TEST_F(LinkMachineTest, WhatHappenedDuringAnOutageIsSaidAtTheReturn) {
  Connected();
  Feed(SessionClosed{session_, absl::UnavailableError("gone")});
  v1::AttackReport attack;
  attack.set_attack_id("ams-1-1");
  attack.mutable_target()->set_address(std::string("\xcb\x00\x71\x07", 4));
  attack.mutable_target()->set_length(32);
  attack.set_state("mitigated");
  Feed(attack);
  attack.set_state("ended");
  Feed(attack);
  EXPECT_TRUE(sent_.empty());
  Pass(absl::Seconds(1));
  Feed(SessionWritten{session_});
  Welcome();
  Drain();
  int reports = 0;
  for (const v1::EdgeMessage& m : sent_) {
    if (!m.has_attack_report()) continue;
    ++reports;
    EXPECT_EQ(m.attack_report().state(), "ended");
  }
  EXPECT_EQ(reports, 1);
}

TEST_F(LinkMachineTest, GoAwayIsFollowedToAnotherCoordinator) {
  Connected();
  v1::GoAway away;
  away.set_jitter_ms(4000);
  away.add_coordinators("c:3");
  Say(&v1::CoordinatorMessage::set_allocated_go_away, away);
  EXPECT_EQ(closed_, 1);
  Pass(absl::Seconds(1.9));
  EXPECT_EQ(opened_.size(), 1u);
  Pass(absl::Seconds(0.2));
  ASSERT_EQ(opened_.size(), 2u);
  EXPECT_EQ(opened_[1].address, "c:3");
}

// Whatever the machine says it waits for, waking it then makes progress: it never asks to be woken for nothing.
TEST_F(LinkMachineTest, NeverSpins) {
  Connected();
  for (int i = 0; i < 200; ++i) {
    v1::LocalRule rule;
    *rule.mutable_rule() = *rule::ToProto(TestRule("sig-" + std::to_string(i)));
    rule.set_attack_id("a");
    rule.mutable_target()->set_site("s");
    Feed(rule);
  }
  int wakes = 0;
  const absl::Duration end = now_.monotonic + absl::Seconds(10);
  while (now_.monotonic < end && wakes < 10000) {
    const absl::Duration wait = std::max(machine_.NextAt() - now_.monotonic, absl::Microseconds(1));
    Pass(wait);
    Drain();
    ++wakes;
  }
  EXPECT_LT(wakes, 400);
  int said = 0;
  for (const v1::EdgeMessage& m : sent_) said += m.has_local_rule() ? 1 : 0;
  EXPECT_LE(said, 64 + 8 * 11) << "the pace that a coordinator takes";
}

TEST(OutboxTest, IsBoundedAndKeepsWhatGoesOn) {
  Outbox outbox;
  for (int i = 0; i < 3000; ++i) {
    v1::AttackReport report;
    report.set_attack_id("a-" + std::to_string(i));
    report.set_state(i % 2 == 0 || i >= 2000 ? "ended" : "mitigated");
    outbox.Put(std::move(report), absl::Seconds(i));
  }
  absl::Duration now = absl::Seconds(3000);
  int active = 0, all = 0;
  for (; outbox.NextAt(now) != absl::InfiniteDuration();
       now = std::max(outbox.NextAt(now), now + absl::Microseconds(1))) {
    while (const auto m = outbox.Next(now)) {
      ++all;
      active += m->attack_report().state() == "ended" ? 0 : 1;
    }
  }
  EXPECT_EQ(all, 1024);
  EXPECT_EQ(active, 1000) << "the ended ones made place";
}

}  // namespace
}  // namespace breakwater::link
