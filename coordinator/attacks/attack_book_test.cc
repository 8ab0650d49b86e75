#include "coordinator/attacks/attack_book.h"

#include <random>
#include <set>

#include "breakwater/v1/attack_record.pb.h"
#include "common/detect/packets.h"
#include "common/window/testing.h"
#include "common/window/window_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::attacks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using window::kSlotLength;
using window::Slot;
using window::Window;
using window::testing::HostTarget;
using window::testing::kStart;

const window::TargetVector kKey{HostTarget(1), BW_VECTOR_TCP_SYN};

absl::Time At(double seconds) { return kStart + absl::Seconds(seconds); }

struct ReportOptions {
  double detected = 0.4;
  std::string state = "detected";
  double first_drop = 0;
  double ended = 0;
  uint64_t packets = 1200;
  uint32_t host = 1;
  double lead = 0.3;  // from the first packet to the detection
};

v1::AttackReport Report(const std::string& id, const ReportOptions& o = {}) {
  v1::AttackReport r;
  r.set_attack_id(id);
  *r.mutable_target() = window::TargetToProto(HostTarget(o.host));
  r.set_vector(BW_VECTOR_TCP_SYN);
  r.set_state(o.state);
  r.set_first_packet_unix_us(absl::ToUnixMicros(At(o.detected - o.lead)));
  r.set_detected_unix_us(absl::ToUnixMicros(At(o.detected)));
  if (o.first_drop > 0) r.set_first_drop_unix_us(absl::ToUnixMicros(At(o.first_drop)));
  if (o.ended > 0) r.set_ended_unix_us(absl::ToUnixMicros(At(o.ended)));
  r.set_threshold_pps(1000);
  r.set_peak_pps(4000);
  r.set_packets(o.packets);
  return r;
}

// A second in which so many SYNs came in each tenth, of which so many were dropped.
Window Second(double start, uint64_t packets, uint64_t dropped = 0) {
  Window w;
  w.id = {7, 1, 1};
  w.start = At(start);
  for (int i = 0; i < window::kSlotsPerWindow; ++i) {
    Slot& s = w.slots.emplace_back();
    s.start = w.start + kSlotLength * i;
    s.traffic[kKey] = {packets, packets * 40, dropped, dropped * 40};
  }
  return w;
}

std::vector<std::string> Kinds(const v1::AttackView& view) {
  std::vector<std::string> kinds;
  for (const v1::AttackEventView& e : view.timeline()) kinds.push_back(e.kind() + "@" + e.edge());
  return kinds;
}

TEST(AttackBookTest, JoinsEdgesByTargetAndVector) {
  AttackBook book(AttackBookOptions{});
  book.OnReport("b", "us", Report("b-1", {.detected = 0.9}), At(1));
  book.OnReport("a", "eu", Report("a-1", {.detected = 0.4}), At(1));
  book.OnReport("a", "eu", Report("a-2", {.detected = 0.5, .host = 2}), At(1));
  EXPECT_EQ(book.active(), 2u);
  const std::string id = book.JoinedId("a-1");
  EXPECT_FALSE(id.empty());
  EXPECT_EQ(book.JoinedId("b-1"), id);
  EXPECT_EQ(book.JoinedId(id), id);
  EXPECT_NE(book.JoinedId("a-2"), id);
  EXPECT_EQ(book.JoinedId("nobody-1"), "");
  EXPECT_TRUE(book.Active(id));
  EXPECT_FALSE(book.Active("nobody-1"));
  const absl::StatusOr<v1::AttackView> view = book.Get("b-1", At(1));
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->id(), id);
  EXPECT_EQ(view->target(), "203.0.113.1");
  EXPECT_EQ(view->vector(), "tcp.syn");
  EXPECT_EQ(view->state(), "detected");
  EXPECT_EQ(view->detected_by(), "a");
  EXPECT_NEAR(view->first_packet_unix_s(), 1700000000.1, 1e-6);
  EXPECT_NEAR(view->detected_unix_s(), 1700000000.4, 1e-6);
  EXPECT_EQ(view->threshold_pps(), 1000);
  EXPECT_EQ(view->packets(), 2400);
  EXPECT_EQ(view->edges_size(), 2);
  EXPECT_THAT(Kinds(*view), ElementsAre("first_packet@a", "detected@a", "detected@b"));
  EXPECT_EQ(book.Get("nobody-1", At(1)).status().code(), absl::StatusCode::kNotFound);
}

TEST(AttackBookTest, StateFollowsItsEdges) {
  AttackBook book(AttackBookOptions{});
  const auto state = [&](double now) { return book.Get("a-1", At(now))->state(); };
  book.OnReport("a", "eu", Report("a-1"), At(0.5));
  EXPECT_EQ(state(0.5), "detected");
  book.OnReport("a", "eu", Report("a-1", {.state = "mitigating", .first_drop = 0.55}), At(0.6));
  EXPECT_EQ(state(0.6), "mitigating");
  book.OnReport("a", "eu", Report("a-1", {.state = "mitigated", .first_drop = 0.55}), At(1.6));
  EXPECT_EQ(state(1.6), "mitigated");
  // It moves to another edge, which isn't ready yet.
  book.OnReport("b", "us", Report("b-1", {.detected = 2}), At(2));
  EXPECT_EQ(state(2), "mitigating");
  book.OnReport("b", "us", Report("b-1", {.detected = 2, .state = "mitigated", .first_drop = 2.2}), At(3));
  EXPECT_EQ(state(3), "mitigated");
  book.OnReport("a", "eu", Report("a-1", {.state = "ended", .first_drop = 0.55, .ended = 13}), At(13));
  EXPECT_EQ(state(13), "mitigated");
  EXPECT_EQ(book.active(), 1u);
  book.OnReport("b", "us", Report("b-1", {.detected = 2, .state = "ended", .first_drop = 2.2, .ended = 15}), At(15));
  const absl::StatusOr<v1::AttackView> view = book.Get("a-1", At(15));
  EXPECT_EQ(view->state(), "ended");
  EXPECT_NEAR(view->ended_unix_s(), 1700000015, 1e-6);
  EXPECT_NEAR(view->first_drop_unix_s(), 1700000000.55, 1e-6);
  EXPECT_EQ(book.active(), 0u);
  EXPECT_THAT(Kinds(*view),
              ElementsAre("first_packet@a", "detected@a", "first_drop@a", "detected@b", "first_drop@b", "ended@"));
}

TEST(AttackBookTest, ReportsSoonAfterTheEndBelongToIt) {
  AttackBook book(AttackBookOptions{});
  book.OnReport("a", "eu", Report("a-1", {.state = "ended", .ended = 12}), At(12));
  EXPECT_EQ(book.active(), 0u);
  book.OnReport("a", "eu", Report("a-2", {.detected = 20}), At(20));
  EXPECT_EQ(book.JoinedId("a-2"), book.JoinedId("a-1"));
  EXPECT_EQ(book.active(), 1u);
  EXPECT_EQ(book.Get("a-1", At(20))->ended_unix_s(), 0);
  book.OnReport("a", "eu", Report("a-2", {.detected = 20, .state = "ended", .ended = 31}), At(31));
  book.OnReport("a", "eu", Report("a-3", {.detected = 45}), At(45));
  EXPECT_NE(book.JoinedId("a-3"), book.JoinedId("a-1"));
  // Told after an outage: it was over before the other began.
  book.OnReport("b", "us", Report("b-1", {.detected = 2, .state = "ended", .ended = 13}), At(46));
  EXPECT_EQ(book.JoinedId("b-1"), book.JoinedId("a-1"));
  EXPECT_EQ(book.active(), 1u);
}

TEST(AttackBookTest, AnEdgeThatFallsSilentDoesNotKeepItOpen) {
  AttackBook book(AttackBookOptions{});
  book.OnReport("a", "eu", Report("a-1"), At(0.5));
  book.TakeWrites(At(30));
  EXPECT_EQ(book.active(), 1u);
  book.TakeWrites(At(31));
  EXPECT_EQ(book.active(), 0u);
  EXPECT_THAT(book.Get("a-1", At(31))->note(), HasSubstr("nothing was heard of it for 30s"));
  // It was the line, not the attack, that was gone.
  book.OnReport("a", "eu", Report("a-1", {.state = "mitigated", .first_drop = 0.6}), At(300));
  EXPECT_EQ(book.active(), 1u);
  EXPECT_EQ(book.Get("a-1", At(300))->state(), "mitigated");
}

TEST(AttackBookTest, WindowsGiveEachEdgesRatesTotalsAndFirstDrop) {
  AttackBook book(AttackBookOptions{});
  book.OnReport("a", "eu", Report("a-1", {.detected = 1.4, .packets = 100}), At(1.5));
  const std::string id = book.JoinedId("a-1");
  book.OnWindow("a", "eu", Second(1, 100), At(2));
  book.OnWindow("b", "us", Second(1, 30), At(2));
  book.OnWindow("a", "eu", Second(2, 100, 90), At(3));
  book.OnWindow("b", "us", Second(2, 30), At(3));
  book.TakeWrites(At(3));
  absl::StatusOr<v1::AttackView> view = book.Get(id, At(3));
  ASSERT_EQ(view->edges_size(), 2);
  EXPECT_EQ(view->edges(0).edge(), "a");
  EXPECT_EQ(view->edges(0).region(), "eu");
  EXPECT_EQ(view->edges(0).now_pps(), 1000);
  EXPECT_EQ(view->edges(0).now_dropped_pps(), 900);
  // The first packet came at 1.1 s: nine tenths of the first second.
  EXPECT_EQ(view->edges(0).packets(), 1900);
  EXPECT_EQ(view->edges(0).dropped_packets(), 900);
  EXPECT_NEAR(view->edges(0).first_drop_unix_s(), 1700000002, 1e-6);
  EXPECT_EQ(view->edges(1).packets(), 570);
  EXPECT_EQ(view->edges(1).detected_unix_s(), 0);
  EXPECT_EQ(view->now_pps(), 1300);
  EXPECT_EQ(view->now_dropped_pps(), 900);
  EXPECT_EQ(view->packets(), 2470);
  EXPECT_EQ(view->dropped_packets(), 900);
  EXPECT_EQ(view->state(), "mitigating") << "an edge drops though its own detector doesn't know yet";
  // The edge itself knows to the packet.
  book.OnReport("a", "eu", Report("a-1", {.detected = 1.4, .state = "mitigated", .first_drop = 2.037, .packets = 5000}),
                At(3));
  view = book.Get(id, At(3));
  EXPECT_NEAR(view->first_drop_unix_s(), 1700000002.037, 1e-6);
  EXPECT_EQ(view->edges(0).packets(), 5000);
  // Nothing told for a while is no rate.
  EXPECT_EQ(book.Get(id, At(9))->now_pps(), 0);
}

TEST(AttackBookTest, KnowsTheLargestSources) {
  AttackBook book(AttackBookOptions{});
  book.OnReport("a", "eu", Report("a-1", {.detected = 1.4}), At(1.5));
  const net::IpAddress heavy = *net::IpAddress::Parse("198.51.100.7");
  const net::IpAddress light = *net::IpAddress::Parse("198.51.100.8");
  for (const char* edge : {"a", "b"}) {
    Window w = Second(1, 100);
    window::TargetSketches& sketches = w.sketches.try_emplace(kKey, 1).first->second;
    sketches.sources.Add(net::IpPrefix::Host(heavy), 300);
    sketches.sources.Add(net::IpPrefix::Host(light), 1);
    sketches.sources.Add(net::IpPrefix(*net::IpAddress::Parse("2001:db8::"), 64), 100);
    book.OnWindow(edge, "eu", w, At(2));
  }
  const std::string id = book.JoinedId("a-1");
  EXPECT_THAT(book.AttacksFrom(heavy), ElementsAre(id));
  EXPECT_THAT(book.AttacksFrom(*net::IpAddress::Parse("2001:db8::77")), ElementsAre(id));
  EXPECT_THAT(book.AttacksFrom(light), ElementsAre());
  book.OnReport("a", "eu", Report("a-1", {.detected = 1.4, .state = "ended", .ended = 12}), At(12));
  EXPECT_THAT(book.AttacksFrom(heavy), ElementsAre());
}

TEST(AttackBookTest, LateWindowsAmendWhatIsOver) {
  AttackBook book(AttackBookOptions{});
  book.OnReport("a", "eu", Report("a-1", {.detected = 1.4, .state = "ended", .ended = 13, .packets = 1}), At(13));
  book.OnWindow("b", "us", Second(5, 10), At(600));
  book.OnWindow("b", "us", Second(20, 10), At(600));
  absl::StatusOr<v1::AttackView> view = book.Get("a-1", At(600));
  ASSERT_EQ(view->edges_size(), 2);
  EXPECT_EQ(view->edges(1).packets(), 100);
  EXPECT_EQ(view->edges(1).now_pps(), 0);
}

TEST(AttackBookTest, RulesAreInTheTimelineOnce) {
  AttackBook book(AttackBookOptions{});
  book.OnReport("a", "eu", Report("a-1"), At(0.5));
  v1::LocalRule rule;
  rule.set_attack_id("a-1");
  *rule.mutable_target() = window::TargetToProto(HostTarget(1));
  rule.set_vector(BW_VECTOR_TCP_SYN);
  rule.mutable_rule()->set_id("a-1-s1");
  rule.mutable_rule()->set_match("ip.dst == 203.0.113.1 and tcp.window == 512");
  rule.set_attack_share(0.98);
  rule.set_baseline_share(0.0005);
  v1::AttackReport without = Report("a-1");
  without.set_note("no signature: 9 sampled packets are too few, 16 are needed");
  book.OnReport("a", "eu", without, At(0.5));
  EXPECT_EQ(book.Get("a-1", At(0.5))->note(), without.note());
  book.OnLocalRule("a", rule, At(0.6));
  book.OnLocalRule("a", rule, At(5));  // told again after a reconnect
  for (int again = 0; again < 2; ++again) {
    book.OnRuleEvent("a-1", "rule_spread", "", "a-1-s1", "to three edges", At(0.65));
    book.OnRuleEvent(book.JoinedId("a-1"), "rule_installed", "b", "a-1-s1", "", At(0.7));
    book.OnRuleEvent("a-1", "rule_installed", "c", "a-1-s1", "", At(0.71));
  }
  book.OnRuleEvent("nobody-1", "rule_installed", "c", "x", "", At(0.71));
  absl::StatusOr<v1::AttackView> view = book.Get("a-1", At(1));
  EXPECT_THAT(Kinds(*view), ElementsAre("first_packet@a", "detected@a", "rule_confirmed@a", "rule_spread@",
                                        "rule_installed@b", "rule_installed@c"));
  ASSERT_EQ(view->signatures_size(), 1);
  EXPECT_EQ(view->signatures(0).rule_id(), "a-1-s1");
  EXPECT_THAT(view->signatures(0).match(), HasSubstr("tcp.window == 512"));
  EXPECT_EQ(view->signatures(0).attack_share(), 0.98);
  EXPECT_EQ(view->signatures(0).baseline_share(), 0.0005);
  // It has one now, whatever another edge says.
  book.OnReport("b", "us", without, At(5));
  EXPECT_EQ(book.Get("a-1", At(5))->note(), "");
  rule.set_removed(true);
  book.OnLocalRule("a", rule, At(70));
  const v1::AttackView last = *book.Get("a-1", At(70));
  EXPECT_EQ(last.timeline(last.timeline_size() - 1).kind(), "rule_expired");
}

TEST(AttackBookTest, TheTimelineIsBoundedAndSaysWhatIsLeftOut) {
  AttackBook book(AttackBookOptions{});
  for (int i = 0; i < 300; ++i) {
    const std::string edge = "e" + std::to_string(i);
    book.OnReport(edge, "eu", Report(edge + "-1", {.detected = 1 + 0.001 * i}), At(2));
    for (const char* rule : {"r1", "r2"})
      book.OnRuleEvent("e0-1", "rule_installed", edge, rule, std::string(400, 'x'), At(3));
  }
  absl::StatusOr<v1::AttackView> view = book.Get("e0-1", At(4));
  ASSERT_EQ(view->timeline_size(), 256);
  EXPECT_EQ(view->timeline(0).kind(), "first_packet");
  EXPECT_EQ(view->timeline(255).edge(), "e299");
  EXPECT_EQ(view->timeline(255).text().size(), 256u);
  EXPECT_EQ(view->timeline(128).kind(), "left_out");
  // 1 + 300 + 600 entries, of which 255 are shown.
  EXPECT_EQ(view->timeline(128).text(), "646 entries are left out here");
  EXPECT_EQ(view->edges_size(), 300);
}

TEST(AttackBookTest, HostileReportsAreBounded) {
  AttackBook book(AttackBookOptions{});
  for (uint32_t i = 0; i < 6000; ++i) {
    book.OnReport("a", "eu", Report("a-" + std::to_string(i), {.host = i % 5000}), At(1));
  }
  EXPECT_EQ(book.active(), 4096u);
  v1::AttackReport bad = Report("b-1");
  bad.mutable_target()->set_address("abc");
  book.OnReport("b", "us", bad, At(1));
  bad = Report("b-2");
  bad.set_vector(96);
  book.OnReport("b", "us", bad, At(1));
  EXPECT_EQ(book.JoinedId("b-1") + book.JoinedId("b-2"), "");
  // Times from anywhere.
  AttackBook other(AttackBookOptions{});
  bad = Report("c-1");
  bad.set_first_packet_unix_us(std::numeric_limits<int64_t>::max());
  bad.set_detected_unix_us(std::numeric_limits<int64_t>::max());
  bad.set_peak_pps(std::nan(""));
  other.OnReport("c", "us", bad, At(1));
  const absl::StatusOr<v1::AttackView> view = other.Get("c-1", At(1));
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_LE(view->detected_unix_s(), 1700000001.0);
  EXPECT_EQ(view->peak_pps(), 0);
  // An edge has many attacks on one target in a row: its last eight are told apart, all of them count.
  AttackBook third(AttackBookOptions{});
  for (int i = 0; i < 50; ++i) {
    third.OnReport("a", "eu", Report("a-" + std::to_string(i), {.state = "ended", .ended = 1, .packets = 10}), At(1));
  }
  EXPECT_EQ(third.Get("a-49", At(1))->packets(), 500);
}

TEST(AttackBookTest, ListsNewestFirstInPages) {
  AttackBook book(AttackBookOptions{});
  for (uint32_t i = 0; i < 25; ++i) {
    ReportOptions o{.detected = 1.0 * i, .host = i};
    if (i % 5 == 0) o.state = "ended", o.ended = 30;
    book.OnReport("a", "eu", Report("a-" + std::to_string(i), o), At(30));
  }
  v1::ListAttacksRequest request;
  request.set_limit(10);
  std::vector<std::string> targets;
  int pages = 0;
  do {
    const v1::AttacksView page = book.List(request, At(30));
    for (const v1::AttackView& a : page.attacks()) {
      targets.push_back(a.target());
      EXPECT_EQ(a.timeline_size() + a.edges_size(), 0);
      EXPECT_EQ(a.packets(), 1200);
    }
    request.set_cursor(page.next_cursor());
    ++pages;
  } while (!request.cursor().empty());
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(targets.size(), 25u);
  EXPECT_EQ(targets[0], "203.0.113.24");
  EXPECT_EQ(std::set<std::string>(targets.begin(), targets.end()).size(), 25u);
  request.Clear();
  request.set_active_only(true);
  EXPECT_EQ(book.List(request, At(30)).attacks_size(), 20);
  request.set_cursor("attack-1-1");
  EXPECT_EQ(book.List(request, At(30)).attacks_size(), 0);
}

TEST(AttackBookTest, IsAsItWasAfterARestart) {
  std::unique_ptr<store::Store> store = store::MakeMemoryStore();
  v1::AttackView before;
  v1::AttackView before_ended;
  {
    AttackBook book(AttackBookOptions{});
    book.OnReport("a", "eu", Report("a-1", {.state = "mitigated", .first_drop = 0.6}), At(1));
    book.OnReport("b", "us", Report("b-1", {.detected = 0.9}), At(1));
    book.OnRuleEvent("a-1", "rule_spread", "", "a-1-s1", "to three edges", At(1));
    book.OnReport("a", "eu", Report("a-2", {.state = "ended", .ended = 20, .host = 2}), At(20));
    ASSERT_TRUE(store->Commit(book.TakeWrites(At(20))).ok());
    before = *book.Get("a-1", At(20));
    before_ended = *book.Get("a-2", At(20));
  }
  AttackBook book(AttackBookOptions{});
  ASSERT_TRUE(book.Restore(*store, At(60)).ok());
  EXPECT_EQ(book.active(), 1u);
  v1::AttackView after = *book.Get("b-1", At(60));
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
  EXPECT_EQ(book.Get("a-2", At(60))->SerializeAsString(), before_ended.SerializeAsString());
  // It goes on where it was.
  book.OnReport("a", "eu", Report("a-1", {.state = "ended", .first_drop = 0.6, .ended = 70, .packets = 9000}), At(70));
  book.OnReport("b", "us", Report("b-1", {.detected = 0.9, .state = "ended", .ended = 65}), At(70));
  after = *book.Get("a-1", At(70));
  EXPECT_EQ(after.id(), before.id());
  EXPECT_EQ(after.state(), "ended");
  EXPECT_EQ(after.edges(0).packets(), 9000);
  EXPECT_EQ(after.timeline_size(), before.timeline_size() + 1);
  // A new one has an id of its own.
  book.OnReport("a", "eu", Report("a-9", {.host = 9}), At(71));
  EXPECT_NE(book.JoinedId("a-9"), before.id());
}

TEST(AttackBookTest, BrokenRowsAreNamedAndTheOthersStay) {
  std::unique_ptr<store::Store> store = store::MakeMemoryStore();
  {
    AttackBook book(AttackBookOptions{});
    book.OnReport("a", "eu", Report("a-1"), At(1));
    ASSERT_TRUE(store->Commit(book.TakeWrites(At(1))).ok());
  }
  v1::AttackRecord no_times;
  no_times.mutable_view()->set_id("attack-3-1");
  *no_times.mutable_target() = window::TargetToProto(HostTarget(1));
  ASSERT_TRUE(store
                  ->Commit({store::Put("attack/attack-1-1", "\xff\xff"),
                            store::Put("attack/attack-3-1", no_times.SerializeAsString())})
                  .ok());
  AttackBook book(AttackBookOptions{});
  const absl::Status s = book.Restore(*store, At(2));
  EXPECT_EQ(s.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(s.message()), HasSubstr("attack/attack-1-1"));
  EXPECT_EQ(book.active(), 1u);
}

TEST(AttackBookTest, HistoryIsBoundedByNumberAndAge) {
  std::unique_ptr<store::Store> store = store::MakeMemoryStore();
  AttackBook book(AttackBookOptions{.max_history = 5, .history_age = absl::Hours(1)});
  for (uint32_t i = 0; i < 8; ++i) {
    const ReportOptions o{.detected = 1.0 * i, .state = "ended", .ended = 10.0 + i, .host = i};
    book.OnReport("a", "eu", Report("a-" + std::to_string(i), o), At(20));
    ASSERT_TRUE(store->Commit(book.TakeWrites(At(20))).ok());
  }
  book.OnReport("a", "eu", Report("a-99", {.detected = 1, .host = 99}), At(20));
  const auto rows = [&] {
    int n = 0;
    EXPECT_TRUE(store->Scan("attack/", "", [&](std::string_view, std::string_view) { return ++n > 0; }).ok());
    return n;
  };
  ASSERT_TRUE(store->Commit(book.TakeWrites(At(20))).ok());
  EXPECT_EQ(rows(), 6);
  EXPECT_EQ(book.JoinedId("a-2"), "");
  EXPECT_NE(book.JoinedId("a-3"), "");
  // After an hour all are gone but the active one, and then that as well.
  book.OnReport("a", "eu", Report("a-99", {.detected = 1, .host = 99}), At(3700));
  ASSERT_TRUE(store->Commit(book.TakeWrites(At(3700))).ok());
  EXPECT_EQ(rows(), 1);
  ASSERT_TRUE(store->Commit(book.TakeWrites(At(9000))).ok());
  EXPECT_EQ(rows(), 0);
  // What an edge tells of longer ago isn't taken at all.
  book.OnReport("a", "eu", Report("a-1", {.detected = 1, .state = "ended", .ended = 11}), At(9000));
  EXPECT_TRUE(book.TakeWrites(At(9000)).empty());
}

TEST(AttackBookTest, WhatWindowsToldIsInTheNextWrites) {
  std::unique_ptr<store::Store> store = store::MakeMemoryStore();
  AttackBook book(AttackBookOptions{});
  book.OnReport("a", "eu", Report("a-1", {.packets = 1}), At(0.5));
  EXPECT_EQ(book.TakeWrites(At(0.5)).size(), 1u);
  EXPECT_TRUE(book.TakeWrites(At(0.6)).empty());
  for (int s = 1; s < 5; ++s) {
    book.OnWindow("b", "us", Second(s, 10), At(s + 1.1));
    ASSERT_TRUE(store->Commit(book.TakeWrites(At(s + 1.2))).ok());
    AttackBook after(AttackBookOptions{});
    ASSERT_TRUE(after.Restore(*store, At(s + 2)).ok());
    EXPECT_EQ(after.Get("a-1", At(s + 2))->packets(), 1 + 100 * s);
  }
  // With very many edges a row is large: once a second is enough.
  for (int i = 0; i < 100; ++i) book.OnReport("e" + std::to_string(i), "eu", Report("x"), At(6));
  EXPECT_EQ(book.TakeWrites(At(6)).size(), 1u);
  book.OnWindow("b", "us", Second(5, 10), At(6.2));
  EXPECT_TRUE(book.TakeWrites(At(6.4)).empty());
  EXPECT_EQ(book.TakeWrites(At(7)).size(), 1u);
}

TEST(AttackBookTest, AttackIdsThatMadeRoomAreForgotten) {
  AttackBook book(AttackBookOptions{});
  for (int i = 0; i < 50; ++i) {
    book.OnReport("a", "eu", Report("a-" + std::to_string(i), {.state = "ended", .ended = 1}), At(1 + 0.01 * i));
  }
  EXPECT_EQ(book.JoinedId("a-41"), "");
  EXPECT_NE(book.JoinedId("a-42"), "");
}

TEST(AttackBookTest, TextsAreCutBetweenCharacters) {
  AttackBook book(AttackBookOptions{});
  v1::AttackReport r = Report("a-1");
  std::string text;
  while (text.size() < 2000) text += "x\xe2\x82\xac";  // four bytes, so that no limit falls between two characters
  text.insert(0, "ab");
  r.set_note(text);
  book.OnReport("a", "eu", r, At(1));
  book.OnRuleEvent("a-1", "rule_spread", "", "r", text, At(1));
  const absl::StatusOr<v1::AttackView> view = book.Get("a-1", At(1));
  for (const std::string& cut : {view->note(), view->timeline(2).text()}) {
    EXPECT_TRUE(cut.ends_with("\xe2\x82\xac") || cut.ends_with("x")) << cut.size();
  }
  EXPECT_EQ(view->note().size(), 1023u);
  EXPECT_EQ(view->timeline(2).text().size(), 255u);
  v1::AttackView parsed;
  EXPECT_TRUE(parsed.ParseFromString(view->SerializeAsString()));
}

// ── The coordinator's own detector ──

// What three edges would have sent of a SYN flood with a fixed window, in the tenth of a second that starts there.
merge::MergedSlot Flood(double start, uint64_t packets, const std::string& rule = "", uint64_t matched = 0) {
  merge::MergedSlot m;
  m.edges = 3;
  m.complete = true;
  m.slot.start = At(start);
  if (packets > 0) m.slot.traffic[kKey] = {packets, packets * 40, 0, 0};
  if (!rule.empty()) m.slot.rules[rule] = {matched, matched * 40, 0, 0};
  detect::Random random(static_cast<uint64_t>(start * 10) + 1);
  // The few packets of quiet times aren't sampled: they would be known as clean ones.
  for (uint64_t i = 0; packets > 10 && i < std::min<uint64_t>(packets, 40); ++i) {
    detect::PacketBuilder b(net::IpAddress::FromV4(random.Between(0x01000000, 0xdfffffff)),
                            HostTarget(1).prefix.address());
    b.Ttl(random.Between(230, 250)).Id(random.Between(0, 65535));
    window::HeaderSample s = b.Tcp(
        {static_cast<uint16_t>(random.Between(1024, 65535)), 443, static_cast<uint32_t>(random.Next()), 0, 2, 512, {}},
        {});
    s.time = m.slot.start + absl::Milliseconds(2 * static_cast<int64_t>(i));
    s.weight = static_cast<uint32_t>(std::max<uint64_t>(1, packets / 40));
    m.samples.push_back(s);
  }
  return m;
}

// Slots of 0.1 s from one time to another; what was proposed, with the time after its start.
std::vector<std::pair<double, Proposal>> Slots(AttackBook& book, double from, double to, uint64_t packets,
                                               const std::string& rule = "", uint64_t matched = 0) {
  std::vector<std::pair<double, Proposal>> out;
  for (int i = 0; from + 0.1 * i < to - 0.05; ++i) {
    const double start = from + 0.1 * i;
    for (Proposal& p : book.OnSlot(Flood(start, packets, rule, matched), At(start + 0.15)))
      out.emplace_back(start, std::move(p));
  }
  return out;
}

AttackBookOptions Merged() {
  AttackBookOptions o;
  o.detector = detect::WithScaledFloors({}, 0.5);
  return o;
}

TEST(AttackBookTest, TheMergedViewProposesAndExactCountsConfirm) {
  AttackBook book(Merged());
  EXPECT_TRUE(Slots(book, 0, 5, 2).empty());
  const auto proposed = Slots(book, 5, 6, 90);
  ASSERT_EQ(proposed.size(), 1u);
  const Proposal& p = proposed[0].second;
  EXPECT_LE(proposed[0].first, 5.5);
  EXPECT_EQ(p.kind, Proposal::Kind::kProposed);
  EXPECT_EQ(p.target, HostTarget(1));
  EXPECT_EQ(p.vector, BW_VECTOR_TCP_SYN);
  EXPECT_EQ(p.threshold_pps, 500);
  EXPECT_TRUE(book.Active(p.attack_id));
  EXPECT_THAT(p.rule_id, ::testing::StartsWith("coordinator-"));
  EXPECT_THAT(rule::CanonicalText(*p.match), HasSubstr("tcp.window == 512"));
  // The rule takes a while to be on the edges; then it counts.
  EXPECT_TRUE(Slots(book, 6, 8, 90).empty());
  const auto confirmed = Slots(book, 8, 9, 90, p.rule_id, 88);
  ASSERT_EQ(confirmed.size(), 1u);
  EXPECT_EQ(confirmed[0].second.kind, Proposal::Kind::kConfirmed);
  EXPECT_EQ(confirmed[0].second.rule_id, p.rule_id);
  const absl::StatusOr<v1::AttackView> view = book.Get(p.attack_id, At(9));
  EXPECT_EQ(view->detected_by(), "coordinator");
  ASSERT_EQ(view->signatures_size(), 1);
  EXPECT_GT(view->signatures(0).attack_share(), 0.9);
  EXPECT_THAT(Kinds(*view), ElementsAre("first_packet@", "detected@", "rule_proposed@", "rule_confirmed@"));
  // It goes, and after ten seconds it is over.
  EXPECT_TRUE(Slots(book, 9, 20, 0).empty());
  EXPECT_EQ(book.Get(p.attack_id, At(20))->state(), "ended");
}

TEST(AttackBookTest, ARuleThatDoesNotMatchIsRejected) {
  AttackBook book(Merged());
  Slots(book, 0, 5, 2);
  const auto proposed = Slots(book, 5, 6, 90);
  ASSERT_EQ(proposed.size(), 1u);
  const std::string id = proposed[0].second.rule_id;
  const auto rejected = Slots(book, 6, 11, 90, id, 20);
  ASSERT_GE(rejected.size(), 1u);
  EXPECT_EQ(rejected[0].second.kind, Proposal::Kind::kRejected);
  EXPECT_EQ(rejected[0].second.rule_id, id);
  EXPECT_THAT(rejected[0].second.detail, HasSubstr("it matched 19%"));
}

TEST(AttackBookTest, ProposesNothingWhileAnEdgeIsAtIt) {
  AttackBook book(Merged());
  Slots(book, 0, 5, 2);
  // An edge has just detected it; its own rule comes a moment later.
  book.OnReport("a", "eu", Report("a-1", {.detected = 5.3}), At(5.3));
  EXPECT_TRUE(Slots(book, 5, 6, 400).empty());
  v1::LocalRule rule;
  rule.set_attack_id("a-1");
  *rule.mutable_target() = window::TargetToProto(HostTarget(1));
  rule.set_vector(BW_VECTOR_TCP_SYN);
  book.OnLocalRule("a", rule, At(6));
  EXPECT_TRUE(Slots(book, 6, 7.9, 400).empty());
  // What still passes after that is worth a signature of its own.
  EXPECT_EQ(Slots(book, 7.9, 9.5, 400).size(), 1u);
}

TEST(AttackBookTest, ProposesNothingForWhatIsDropped) {
  AttackBook book(Merged());
  Slots(book, 0, 5, 2);
  for (double start = 5; start < 8; start += 0.1) {
    merge::MergedSlot slot = Flood(start, 400);
    slot.slot.traffic[kKey].dropped_packets = 390;
    for (size_t i = 0; i < slot.samples.size(); ++i) slot.samples[i].dropped = i > 0;
    EXPECT_TRUE(book.OnSlot(slot, At(start + 0.15)).empty()) << start;
  }
  EXPECT_EQ(book.active(), 1u);
  EXPECT_EQ(book.List({}, At(8)).attacks(0).state(), "mitigated");
}

TEST(AttackBookTest, SlotsThatNoEdgeToldOfAreNotQuietOnes) {
  AttackBook book(Merged());
  Slots(book, 0, 5, 2);
  ASSERT_EQ(Slots(book, 5, 6, 90).size(), 1u);
  for (double start = 6; start < 21; start += 0.1) {
    merge::MergedSlot nothing;
    nothing.slot.start = At(start);
    book.OnSlot(nothing, At(start + 1.4));
  }
  EXPECT_EQ(book.active(), 1u);
  EXPECT_EQ(book.List({}, At(21)).attacks(0).ended_unix_s(), 0);
}

TEST(AttackBookTest, DetectionCanBeOff) {
  AttackBookOptions off = Merged();
  off.detect = false;
  AttackBook book(off);
  Slots(book, 0, 5, 2);
  EXPECT_TRUE(Slots(book, 5, 7, 400).empty());
  EXPECT_EQ(book.active(), 0u);
}

}  // namespace
}  // namespace breakwater::attacks
