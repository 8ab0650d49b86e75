// What edges, disks and people may do wrong: each is refused or bounded, with a clear message and a count, and harms nobody
// else.
#include <string>
#include <utility>
#include <vector>

#include "coordinator/control/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::coordinator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const window::TargetVector kTarget{window::Target::Host(*net::IpAddress::Parse("203.0.113.7")), BW_VECTOR_UDP_DNS};

window::Window WindowAt(uint64_t boot, uint64_t sequence, absl::Time start, uint64_t packets = 10,
                        const std::string& rule = "", uint64_t matched = 0) {
  window::Window w;
  w.id = {boot, sequence, sequence};
  w.start = absl::FromUnixSeconds(absl::ToUnixSeconds(start));
  for (int i = 0; i < window::kSlotsPerWindow; ++i) {
    window::Slot slot;
    slot.start = w.start + window::kSlotLength * i;
    slot.traffic[kTarget] = {.packets = packets, .bytes = packets * 100};
    if (!rule.empty()) slot.rules[rule] = {.matched_packets = matched, .dropped_packets = matched};
    w.slots.push_back(std::move(slot));
  }
  return w;
}

v1::CreateRuleRequest RuleRequest(const std::string& id) {
  v1::CreateRuleRequest request;
  request.set_id(id);
  request.set_match("udp.srcport == 53 and ip.dst == 203.0.113.7");
  return request;
}

class Hostile : public ::testing::Test {
 protected:
  void SetUp() override { h_.Start(); }

  SessionId Stream(FakeEdge& edge) {
    const SessionId stream = h_.NewSession();
    h_.Step(TelemetryConnected{stream, edge.identity()});
    return stream;
  }
  void Windows(SessionId stream, std::vector<absl::StatusOr<window::Window>> windows, uint64_t bytes = 1000) {
    h_.Step(WindowsArrived{stream, std::move(windows), bytes});
  }
  const Counters& counters() { return h_.control().counters(); }
  std::vector<std::string> Needs() {
    const v1::OverviewView view = h_.control().Overview(h_.now());
    return {view.needs_you().begin(), view.needs_you().end()};
  }
  absl::StatusCode Closed(SessionId session) {
    const auto status = h_.CloseOf(session);
    return status.has_value() ? status->code() : absl::StatusCode::kOk;
  }

  v1::EdgeMessage LocalRule(int n) {
    v1::EdgeMessage message;
    v1::LocalRule& local = *message.mutable_local_rule();
    local.mutable_rule()->set_id("s" + std::to_string(n));
    local.mutable_rule()->set_origin(v1::RULE_ORIGIN_EDGE_DETECTOR);
    local.mutable_rule()->mutable_scope()->add_prefixes("203.0.113.0/24");
    local.mutable_rule()->set_match("ip.dst == 203.0.113.7 and udp.srcport == " + std::to_string(n + 1));
    local.mutable_rule()->mutable_action()->set_kind(v1::ACTION_KIND_DROP);
    local.mutable_rule()->set_mode(v1::RULE_MODE_ENFORCE);
    local.mutable_rule()->set_expires_unix_ms(absl::ToUnixMillis(h_.now() + absl::Minutes(1)));
    local.mutable_rule()->set_attack_id("a");
    local.set_attack_id("a");
    local.mutable_target()->set_address(std::string("\xcb\x00\x71\x07", 4));
    local.mutable_target()->set_length(32);
    return message;
  }

  Harness h_;
  FakeEdge& ams_ = h_.AddEdge("eu", "ams-1");
  FakeEdge& nyc_ = h_.AddEdge("us", "nyc-1");
};

// ── Two edges with one identity ──

TEST_F(Hostile, ASecondMachineWithTheSameIdentityIsRefusedWhileTheFirstIsAlive) {
  const SessionId first = h_.Connect(ams_, "ipv4:192.0.2.1:1000");
  v1::Hello twin = ams_.Hello();
  twin.set_boot_id(999);
  const SessionId second = h_.NewSession();
  h_.Step(EdgeConnected{second, ams_.identity(), twin, "ipv4:192.0.2.9:1000"});
  EXPECT_EQ(Closed(second), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(h_.CloseOf(second)->message()), HasSubstr("192.0.2.9"));
  EXPECT_EQ(Closed(first), absl::StatusCode::kOk);
  EXPECT_EQ(counters().sessions_refused, 1u);
  EXPECT_THAT(Needs(), Contains(HasSubstr("two machines show the certificate of edge ams-1")));

  // The first goes silent: the second isn't locked out.
  h_.Advance(absl::Seconds(6));
  const SessionId third = h_.NewSession();
  h_.Step(EdgeConnected{third, ams_.identity(), twin, "ipv4:192.0.2.9:1001"});
  EXPECT_EQ(Closed(third), absl::StatusCode::kOk);
  EXPECT_EQ(Closed(first), absl::StatusCode::kAborted);
}

TEST_F(Hostile, TwoProcessesOfOneMachineAreToldFromARestart) {
  const SessionId first = h_.Connect(ams_, "ipv4:192.0.2.1:1000");
  v1::Hello restarted = ams_.Hello();
  restarted.set_boot_id(999);
  const SessionId second = h_.NewSession();
  h_.Step(EdgeConnected{second, ams_.identity(), restarted, "ipv4:192.0.2.1:2000"});
  EXPECT_EQ(Closed(first), absl::StatusCode::kAborted) << "a restart of the same machine takes over at once";
  EXPECT_EQ(Closed(second), absl::StatusCode::kOk);
  // But then the first one can't be there any more.
  const SessionId back = h_.NewSession();
  h_.Step(EdgeConnected{back, ams_.identity(), ams_.Hello(), "ipv4:192.0.2.1:3000"});
  EXPECT_EQ(Closed(back), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Closed(second), absl::StatusCode::kOk);
}

TEST_F(Hostile, TheSameBootMayComeBackFromAnywhereAtOnce) {
  const SessionId first = h_.Connect(ams_, "ipv4:192.0.2.1:1000");
  const SessionId second = h_.Connect(ams_, "ipv4:198.51.100.1:1000");
  EXPECT_EQ(Closed(first), absl::StatusCode::kAborted);
  EXPECT_EQ(Closed(second), absl::StatusCode::kOk);
  EXPECT_EQ(counters().sessions_replaced, 1u);
}

TEST_F(Hostile, ATwinsTelemetryDoesNotPushOutTheFirsts) {
  h_.Connect(ams_);
  const SessionId stream = Stream(ams_);
  Windows(stream, {WindowAt(ams_.boot(), 1, h_.now())});
  const SessionId twin = h_.NewSession();
  h_.Step(TelemetryConnected{twin, ams_.identity()});
  EXPECT_EQ(Closed(twin), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Closed(stream), absl::StatusCode::kOk);
  // A stream that brings nothing any more is given up for a new one.
  h_.Advance(absl::Seconds(3));
  h_.Say(ams_, ams_.Heartbeat());
  h_.Step(TelemetryConnected{h_.NewSession(), ams_.identity()});
  EXPECT_EQ(Closed(stream), absl::StatusCode::kAborted);
}

// ── Sessions ──

TEST_F(Hostile, AHelloOfAnotherProtocolOrOutOfBoundsIsRefused) {
  v1::Hello hello = ams_.Hello();
  hello.set_protocol_version(2);
  const SessionId other = h_.NewSession();
  h_.Step(EdgeConnected{other, ams_.identity(), hello, "ipv4:192.0.2.1:1"});
  EXPECT_EQ(Closed(other), absl::StatusCode::kFailedPrecondition);
  hello = ams_.Hello();
  hello.set_edge_class(std::string(65, 'x'));
  const SessionId large = h_.NewSession();
  h_.Step(EdgeConnected{large, ams_.identity(), hello, "ipv4:192.0.2.1:1"});
  EXPECT_EQ(Closed(large), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(h_.control().Overview(h_.now()).edges(), 0) << "and isn't an edge";
}

TEST_F(Hostile, MessagesOutOfBoundsAreCountedAndInTheEndCloseTheSession) {
  const SessionId session = h_.Connect(ams_);
  h_.Connect(nyc_);
  v1::EdgeMessage bad;
  bad.mutable_resync_request()->set_reason(std::string(300, 'x'));
  h_.Say(ams_, bad);
  EXPECT_EQ(counters().messages_refused, 1u);
  EXPECT_EQ(Closed(session), absl::StatusCode::kOk);
  for (int i = 0; i < 200; ++i) h_.Say(ams_, bad);
  EXPECT_EQ(Closed(session), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(h_.Ask(RuleRequest("r")).ok());
  EXPECT_TRUE(nyc_.rules().contains("r"));
}

TEST_F(Hostile, ASessionThatSaysTooMuchIsClosed) {
  const SessionId session = h_.Connect(ams_);
  for (int i = 0; i < 5000; ++i) h_.Say(ams_, ams_.Heartbeat());
  EXPECT_EQ(Closed(session), absl::StatusCode::kResourceExhausted);
}

TEST_F(Hostile, AFloodOfRulesOfItsOwnIsBounded) {
  h_.Connect(ams_);
  for (int i = 0; i < 400; ++i) {
    v1::EdgeMessage message = LocalRule(i);
    h_.Say(ams_, std::move(message));
  }
  EXPECT_EQ(h_.control().Overview(h_.now()).rules(), 128);
  EXPECT_EQ(counters().rules_refused, 128u) << "over 128 at once";
  for (int i = 0; i < 10; ++i) {
    h_.Say(ams_, ams_.Heartbeat());
    h_.Advance(absl::Seconds(1));
  }
  EXPECT_EQ(counters().rules_refused, 272u) << "those that came too fast were looked at too";
  EXPECT_TRUE(h_.connected(ams_));
  for (int i = 0; i < 3000; ++i) {
    v1::EdgeMessage message = LocalRule(10000 + i);
    h_.Say(ams_, std::move(message));
    if (i % 500 == 0) h_.Advance(absl::Seconds(1));
  }
  EXPECT_GT(counters().rules_refused, 1500u);
  EXPECT_EQ(h_.control().Overview(h_.now()).rules(), 128);
}

TEST_F(Hostile, MoreRefusedRulesThanThereIsRoomForAreNoReasonToCloseASession) {
  h_.Connect(ams_);
  for (int n = 0; n < 2; ++n) {
    v1::EdgeMessage message;
    for (int i = 0; i < 1000; ++i) {
      v1::RuleStatus& status = *message.mutable_rule_statuses()->add_statuses();
      status.set_rule_id("r" + std::to_string(n * 1000 + i));
      status.set_state(v1::RULE_STATE_REJECTED);
      status.set_reason(v1::RULE_REASON_NO_SPACE);
    }
    h_.Say(ams_, std::move(message));
  }
  EXPECT_TRUE(h_.connected(ams_));
  EXPECT_EQ(h_.control().Edge("ams-1", h_.now())->rejected_rules(), 1024);
}

TEST_F(Hostile, AClockThatIsSetBackStopsNothing) {
  h_.Connect(ams_);
  const SessionId stream = Stream(ams_);
  v1::BlockRequest block;
  block.set_source("198.51.100.9");
  block.set_for_s(30);
  block.set_reason("x");
  h_.Advance(absl::Seconds(2));
  h_.SetClock(h_.now() - absl::Hours(1));
  ASSERT_TRUE(h_.Ask(block).ok());
  h_.TakeTelemetry();
  Windows(stream, {WindowAt(ams_.boot(), 1, h_.now())}, 100);
  h_.Advance(absl::Seconds(2));
  EXPECT_FALSE(h_.TakeTelemetry().empty()) << "windows are acknowledged";
  EXPECT_EQ(h_.control().Edge("ams-1", h_.now())->state(), "connected");
  h_.Advance(absl::Seconds(5));
  EXPECT_EQ(h_.control().Edge("ams-1", h_.now())->state(), "silent");
  h_.Advance(absl::Seconds(25));
  EXPECT_FALSE(h_.control().Rule("block-198.51.100.9", h_.now()).ok()) << "it expires in its time";
}

TEST_F(Hostile, AnEdgeThatIsGoneForGoodIsForgotten) {
  h_.Connect(ams_);
  h_.Advance(absl::Seconds(1));
  h_.Disconnect(ams_);
  h_.SetClock(h_.now() + absl::Hours(24 * 31));
  h_.Advance(absl::Seconds(2));
  EXPECT_EQ(h_.control().Overview(h_.now()).edges(), 0);
  h_.Crash();
  h_.Start();
  EXPECT_EQ(h_.control().Overview(h_.now()).edges(), 0);
}

TEST_F(Hostile, ADryRunIsOnNoEdge) {
  h_.Connect(ams_);
  v1::CreateRuleRequest request = RuleRequest("maybe");
  request.set_dry_run(true);
  const auto reply = h_.Ask(request);
  ASSERT_TRUE(reply.ok());
  const v1::RuleView& view = std::get<v1::RuleView>(*reply);
  EXPECT_EQ(view.state(), "pending");
  ASSERT_EQ(view.edges_size(), 1);
  EXPECT_FALSE(view.edges(0).enforcing());
  EXPECT_THAT(ams_.rules(), IsEmpty());
}

TEST_F(Hostile, WhatPeopleAreShownIsAlwaysWellFormedText) {
  h_.Connect(ams_);
  v1::PanicRequest request;
  request.set_on(true);
  std::string reason;
  for (int i = 0; i < 115; ++i) reason += "\xc3\xbc";
  request.set_reason(reason);
  ASSERT_TRUE(h_.Ask(request).ok());
  Windows(Stream(ams_), {absl::InvalidArgumentError("site \"\xff\xfe\" isn't one")});
  v1::OverviewView read;
  EXPECT_TRUE(read.ParseFromString(h_.control().Overview(h_.now()).SerializeAsString()));
  EXPECT_EQ(read.needs_you_size(), 2);
}

TEST_F(Hostile, AnEdgeThatIsAheadIsPassedOnceAMinuteAndTheOthersFollow) {
  h_.Connect(ams_);
  h_.Connect(nyc_);
  ASSERT_TRUE(h_.Ask(RuleRequest("r")).ok());
  FakeEdge& fra = h_.AddEdge("eu", "fra-1");
  v1::Hello hello = fra.Hello();
  *hello.mutable_applied() = ams_.version();
  hello.mutable_applied()->set_revision(ams_.version().revision() + 100);
  hello.mutable_applied()->set_hash(std::string(32, 'x'));
  h_.Step(EdgeConnected{h_.NewSession(), fra.identity(), hello, "ipv4:192.0.2.3:1"});
  EXPECT_GT(ams_.version().revision(), hello.applied().revision()) << "it is of the same view";
  hello.mutable_applied()->set_revision(hello.applied().revision() + 1000);
  const SessionId again = h_.NewSession();
  h_.Step(EdgeConnected{again, fra.identity(), hello, "ipv4:192.0.2.3:2"});
  EXPECT_EQ(Closed(again), absl::StatusCode::kUnavailable);
  EXPECT_THAT(ams_.complaints(), IsEmpty());
}

TEST_F(Hostile, ASessionThatDiedWithoutAWordIsEnded) {
  const SessionId session = h_.Connect(ams_);
  h_.Advance(absl::Seconds(6));
  EXPECT_EQ(h_.control().Edge("ams-1", h_.now())->state(), "silent");
  EXPECT_THAT(Needs(), Contains(HasSubstr("edge ams-1 is silent for 6s")));
  h_.Advance(absl::Seconds(60));
  EXPECT_EQ(Closed(session), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(h_.control().Edge("ams-1", h_.now())->state(), "disconnected");
}

TEST_F(Hostile, ResyncRequestsAreAnsweredAtMostOnceASecond) {
  ASSERT_TRUE(h_.Ask(RuleRequest("r")).ok());
  h_.Connect(ams_);
  const uint64_t before = counters().snapshots;
  ams_.LoseState();
  h_.HoldMessages(true);
  v1::EdgeMessage resync;
  resync.mutable_resync_request()->set_reason("lost it");
  h_.Say(ams_, ams_.Heartbeat());
  for (int i = 0; i < 10; ++i) {
    for (int n = 0; n < 20; ++n) h_.Say(ams_, resync);
    h_.Advance(absl::Milliseconds(100));
  }
  EXPECT_EQ(counters().snapshots - before, 1u);
}

TEST_F(Hostile, AnEdgeThatLostItsSetWithoutSayingSoIsHealed) {
  ASSERT_TRUE(h_.Ask(RuleRequest("r")).ok());
  h_.Connect(ams_);
  ams_.LoseState();
  h_.HoldMessages(true);
  h_.HoldMessages(false);
  for (int i = 0; i < 10; ++i) {
    h_.Say(ams_, ams_.Heartbeat());
    h_.Advance(absl::Seconds(1));
  }
  EXPECT_TRUE(ams_.rules().contains("r"));
}

TEST_F(Hostile, AnEdgeOfALaterEpochIsRefusedAndAPersonIsTold) {
  v1::Hello hello = ams_.Hello();
  hello.mutable_applied()->set_epoch(~uint64_t{0});
  const SessionId session = h_.NewSession();
  h_.Step(EdgeConnected{session, ams_.identity(), hello, "ipv4:192.0.2.1:1"});
  EXPECT_EQ(Closed(session), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Needs(), Contains(HasSubstr("another coordinator's")));
}

// ── Windows ──

TEST_F(Hostile, GarbageFutureAndDuplicateWindowsAreCountedAndCostOnlyTheirEdge) {
  h_.Connect(ams_);
  h_.Connect(nyc_);
  const SessionId ams = Stream(ams_);
  const SessionId nyc = Stream(nyc_);
  const window::Window good = WindowAt(ams_.boot(), 1, h_.now());
  Windows(ams, {good, absl::InvalidArgumentError("traffic[3] is garbage"), good,
                WindowAt(ams_.boot(), 2, h_.now() + absl::Hours(1))});
  Windows(nyc, {WindowAt(nyc_.boot(), 1, h_.now())});
  EXPECT_EQ(counters().windows, 2u);
  EXPECT_EQ(counters().windows_duplicate, 1u);
  EXPECT_EQ(counters().windows_refused, 2u);
  const auto view = h_.control().Edge("ams-1", h_.now());
  EXPECT_EQ(view->refused_windows(), 2);
  EXPECT_EQ(view->duplicate_windows(), 1);
  EXPECT_EQ(h_.control().Edge("nyc-1", h_.now())->refused_windows(), 0);
  EXPECT_THAT(Needs(), Contains(HasSubstr("edge ams-1 sends windows that are refused")));
}

TEST_F(Hostile, AStreamOfGarbageIsClosed) {
  h_.Connect(ams_);
  const SessionId stream = Stream(ams_);
  for (int i = 0; i < 101; ++i) Windows(stream, {absl::InvalidArgumentError("garbage")}, 10);
  EXPECT_EQ(Closed(stream), absl::StatusCode::kInvalidArgument);
}

TEST_F(Hostile, TenTimesItsCreditsClosesTheStream) {
  h_.Connect(ams_);
  const SessionId stream = Stream(ams_);
  EXPECT_EQ(h_.TakeTelemetry().back().credits().bytes(), uint64_t{4} << 20);
  h_.Advance(absl::Seconds(1));
  h_.HoldCommits(true);
  for (uint64_t i = 1; i <= 10; ++i) Windows(stream, {WindowAt(ams_.boot(), i, h_.now())}, uint64_t{4} << 20);
  EXPECT_EQ(Closed(stream), absl::StatusCode::kOk);
  EXPECT_EQ(counters().windows_over_credit, 9u);
  Windows(stream, {WindowAt(ams_.boot(), 11, h_.now())}, 1);
  EXPECT_EQ(Closed(stream), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(h_.connected(ams_)) << "the session goes on";
}

TEST_F(Hostile, WindowsAreAcknowledgedOnceTheyAreOnDiskAndCountedOnceOverARestart) {
  h_.Connect(ams_);
  SessionId stream = Stream(ams_);
  h_.Advance(absl::Seconds(1));
  h_.TakeTelemetry();
  h_.HoldCommits(true);
  Windows(stream, {WindowAt(ams_.boot(), 1, h_.now())}, 500);
  h_.Advance(absl::Seconds(1));
  EXPECT_THAT(h_.TakeTelemetry(), IsEmpty());
  h_.HoldCommits(false);
  h_.Advance(absl::Seconds(1));
  std::vector<v1::TelemetryDown> down = h_.TakeTelemetry();
  ASSERT_FALSE(down.empty());
  EXPECT_EQ(down.back().ack().through_sequence(), 1u);
  EXPECT_EQ(down.back().credits().bytes(), 500u);

  // Counted and lost with the crash: it comes again, and the first one doesn't.
  h_.HoldCommits(true);
  Windows(stream, {WindowAt(ams_.boot(), 2, h_.now())}, 500);
  h_.Crash();
  h_.HoldCommits(false);
  h_.Start();
  h_.Connect(ams_);
  stream = Stream(ams_);
  EXPECT_EQ(h_.TakeTelemetry().back().ack().through_sequence(), 1u);
  Windows(stream, {WindowAt(ams_.boot(), 1, h_.now() - absl::Seconds(2)), WindowAt(ams_.boot(), 2, h_.now())});
  EXPECT_EQ(counters().windows_duplicate, 1u);
  EXPECT_EQ(counters().windows, 1u);
}

TEST_F(Hostile, CountsOfRulesThatAreNotTheFleetsAreNobodysCounts) {
  ASSERT_TRUE(h_.Ask(RuleRequest("r")).ok());
  h_.Connect(ams_);
  const SessionId stream = Stream(ams_);
  Windows(stream,
          {WindowAt(ams_.boot(), 1, h_.now(), 10, "r", 4), WindowAt(ams_.boot(), 2, h_.now(), 10, "unknown", 4)});
  const auto view = h_.control().Rule("r", h_.now());
  EXPECT_EQ(view->matched_packets(), 40);
  EXPECT_EQ(view->dropped_pps(), 40);
  EXPECT_EQ(view->state(), "matching");
  // They are on disk with the watermark, so a restart doesn't start over.
  h_.Advance(absl::Seconds(1));
  h_.Crash();
  h_.Start();
  h_.Connect(ams_);
  EXPECT_EQ(h_.control().Rule("r", h_.now())->matched_packets(), 40);
  Windows(Stream(ams_), {WindowAt(ams_.boot(), 3, h_.now(), 10, "r", 1)});
  EXPECT_EQ(h_.control().Rule("r", h_.now())->matched_packets(), 50);
  v1::DeleteRuleRequest remove;
  remove.set_id("r");
  ASSERT_TRUE(h_.Ask(remove).ok());
  ASSERT_TRUE(h_.Ask(RuleRequest("r")).ok());
  EXPECT_EQ(h_.control().Rule("r", h_.now())->matched_packets(), 0) << "another rule of that id";
}

// ── A full disk ──

TEST_F(Hostile, AFullDiskLosesNothingAndHurtsNoEdge) {
  h_.Connect(ams_);
  const SessionId stream = Stream(ams_);
  h_.Advance(absl::Seconds(1));
  h_.TakeTelemetry();
  h_.store().FailCommits(absl::ResourceExhaustedError("can't write in /db: the disk is full"));
  for (uint64_t i = 1; i <= 5; ++i) {
    Windows(stream, {WindowAt(ams_.boot(), i, h_.now())}, 100);
    h_.Say(ams_, ams_.Heartbeat());
    h_.Advance(absl::Seconds(1));
  }
  EXPECT_THAT(h_.TakeTelemetry(), IsEmpty()) << "nothing is acknowledged";
  EXPECT_TRUE(h_.connected(ams_));
  EXPECT_GE(counters().commit_failures, 4u);
  EXPECT_LE(counters().commit_failures, 8u) << "tried again about once a second";
  EXPECT_THAT(Needs(), Contains(HasSubstr("the disk is full")));
  h_.store().FailCommits(absl::OkStatus());
  h_.Advance(absl::Seconds(2));
  const auto down = h_.TakeTelemetry();
  ASSERT_FALSE(down.empty());
  uint64_t credits = 0;
  for (const auto& d : down) credits += d.credits().bytes();
  EXPECT_EQ(down.back().ack().through_sequence(), 5u);
  EXPECT_EQ(credits, 500u);
  EXPECT_THAT(Needs(), Not(Contains(HasSubstr("the disk is full"))));
}

TEST_F(Hostile, WhatAnEdgeFoundWhileTheDiskWasFullIsSpreadOnceThereIsSpace) {
  h_.Connect(ams_);
  h_.Connect(nyc_);
  h_.store().FailCommits(absl::ResourceExhaustedError("full"));
  h_.Say(ams_, LocalRule(1));
  h_.Advance(absl::Seconds(3));
  EXPECT_THAT(nyc_.rules(), IsEmpty());
  EXPECT_FALSE(h_.control().Rule("s1", h_.now()).ok());
  h_.store().FailCommits(absl::OkStatus());
  h_.Advance(absl::Seconds(2));
  EXPECT_TRUE(nyc_.rules().contains("s1"));
}

// ── Stop enforcing ──

v1::PanicRequest PanicOf(bool on, double for_s = 0) {
  v1::PanicRequest request;
  request.set_on(on);
  request.set_reason("test");
  request.set_for_s(for_s);
  return request;
}

TEST_F(Hostile, AnOrderToStopReachesEdgesEvenWhenTheDiskIsFull) {
  h_.Connect(ams_);
  h_.store().FailCommits(absl::ResourceExhaustedError("full"));
  const auto reply = h_.Ask(PanicOf(true));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(std::get<v1::PanicResponse>(*reply).edges_reached(), 1);
  EXPECT_TRUE(ams_.stopped());
  h_.store().FailCommits(absl::OkStatus());
  h_.Advance(absl::Seconds(2));
  h_.Crash();
  h_.Start();
  EXPECT_TRUE(h_.control().Overview(h_.now()).panic());
  h_.Connect(nyc_);
  EXPECT_TRUE(nyc_.stopped()) << "told again to whoever comes";
  h_.Connect(ams_);
  ASSERT_TRUE(h_.Ask(PanicOf(false)).ok());
  EXPECT_FALSE(ams_.stopped());
  EXPECT_FALSE(nyc_.stopped());
}

TEST_F(Hostile, AnOrderToStopWaitsForNoCommit) {
  h_.Connect(ams_);
  h_.Advance(absl::Seconds(1));
  h_.HoldCommits(true);
  h_.Send(RuleRequest("r"));
  h_.Send(PanicOf(true, 60));
  EXPECT_TRUE(ams_.stopped());
  EXPECT_TRUE(h_.control().Overview(h_.now()).panic());
  h_.HoldCommits(false);
  h_.Advance(absl::Seconds(61));
  EXPECT_FALSE(h_.control().Overview(h_.now()).panic());
}

TEST_F(Hostile, AnOrderToStopNeedsAReason) {
  v1::PanicRequest request = PanicOf(true);
  request.set_reason("");
  EXPECT_FALSE(h_.Ask(request).ok());
  request = PanicOf(true, -1);
  EXPECT_FALSE(h_.Ask(request).ok());
}

// ── People ──

TEST_F(Hostile, TooManyCommandsAreRefusedAndTheOthersAnswered) {
  h_.Advance(absl::Seconds(1));
  h_.HoldCommits(true);
  h_.Send(RuleRequest("first"));
  std::vector<uint64_t> numbers;
  for (int i = 0; i < 10050; ++i) {
    v1::DeleteRuleRequest request;
    request.set_id("none");
    numbers.push_back(h_.Send(request));
  }
  size_t refused = 0;
  for (const uint64_t number : numbers) {
    if (h_.replied(number)) ++refused;
  }
  EXPECT_EQ(refused, 50u);
  h_.HoldCommits(false);
  h_.Advance(absl::Seconds(1));
  for (const uint64_t number : numbers) EXPECT_TRUE(h_.replied(number));
}

TEST_F(Hostile, ExplainSaysWhyAnAddressIsBlocked) {
  h_.Connect(ams_);
  v1::BlockRequest block;
  block.set_source("198.51.100.0/24");
  block.set_for_s(60);
  block.set_reason("scanner");
  ASSERT_TRUE(h_.Ask(block).ok());
  v1::ExplainIpRequest request;
  request.set_address("198.51.100.9");
  const auto view = h_.control().ExplainIp(request, h_.now());
  ASSERT_TRUE(view.ok());
  ASSERT_EQ(view->rules_size(), 1);
  EXPECT_THAT(view->summary(), HasSubstr("rule block-198.51.100.0-24 applies drop"));
  request.set_address("203.0.113.7");
  EXPECT_TRUE(h_.control().ExplainIp(request, h_.now())->protected_());
  request.set_address("banana");
  EXPECT_FALSE(h_.control().ExplainIp(request, h_.now()).ok());
  for (int i = 0; i < 62; ++i) {
    h_.Say(ams_, ams_.Heartbeat());
    h_.Advance(absl::Seconds(1));
  }
  request.set_address("198.51.100.9");
  EXPECT_THAT(h_.control().ExplainIp(request, h_.now())->summary(), HasSubstr("no rule names it"));
  EXPECT_THAT(ams_.rules(), IsEmpty()) << "it has expired";
}

}  // namespace
}  // namespace breakwater::coordinator
