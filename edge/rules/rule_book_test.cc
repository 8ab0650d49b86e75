#include "edge/rules/rule_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace breakwater::rules {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1000);

rule::Rule Reflex(const char* id, const char* match = "ip.dst == 203.0.113.7 and udp.srcport == 53") {
  rule::Rule rule;
  rule.id = id;
  rule.origin = rule::Origin::kEdgeDetector;
  rule.scope.prefixes = {*net::IpPrefix::Parse("203.0.113.7/32")};
  rule.match = *rule::ParseExpr(match);
  rule.mode = rule::Mode::kObserve;
  rule.expires = kNow + absl::Seconds(60);
  return rule;
}

rule::Rule Operators(const char* id) {
  rule::Rule rule = Reflex(id);
  rule.origin = rule::Origin::kOperator;
  rule.expires = absl::InfiniteFuture();
  return rule;
}

window::Slot Matching(const char* id, uint64_t packets) {
  window::Slot slot;
  slot.rules[id] = {.matched_packets = packets, .matched_bytes = packets * 100};
  return slot;
}

RuleView View(const RuleBook& book, std::string_view id, absl::Time now) {
  for (const RuleView& view : book.Views(now)) {
    if (view.rule.id == id) return view;
  }
  ADD_FAILURE() << "no rule " << id;
  return {};
}

TEST(RuleBookTest, ARuleGoesThroughItsFourStates) {
  RuleBook book({});
  ASSERT_TRUE(book.Add(Reflex("sig-1"), {}, kNow).ok());
  EXPECT_EQ(View(book, "sig-1", kNow).state, RuleState::kValidated);
  EXPECT_TRUE(book.ApplyReport({.revision = 1}, kNow).empty());
  EXPECT_EQ(View(book, "sig-1", kNow).state, RuleState::kInstalled);
  book.Count(Matching("sig-1", 40), kNow, absl::Seconds(60));
  EXPECT_EQ(View(book, "sig-1", kNow).state, RuleState::kMatching);
  EXPECT_EQ(View(book, "sig-1", kNow).matched_pps, 40);
  EXPECT_EQ(View(book, "sig-1", kNow + absl::Seconds(11)).state, RuleState::kInstalled);
}

TEST(RuleBookTest, OnlyAnEnforcingRuleThatMatchesKeepsItsLease) {
  RuleBook book({});
  ASSERT_TRUE(book.Add(Reflex("sig-1"), {}, kNow).ok());
  book.Reconfirm("sig-1", kNow + absl::Minutes(10));
  const absl::Time later = kNow + absl::Seconds(30);
  book.Count(Matching("sig-1", 1), later, absl::Seconds(60));
  EXPECT_EQ(View(book, "sig-1", later).rule.expires, kNow + absl::Seconds(60)) << "it only observes";
  EXPECT_TRUE(book.SetMode("sig-1", rule::Mode::kEnforce));
  EXPECT_FALSE(book.SetMode("sig-1", rule::Mode::kEnforce));
  book.Count({}, later, absl::Seconds(60));
  EXPECT_EQ(View(book, "sig-1", later).rule.expires, kNow + absl::Seconds(60)) << "nothing matched";
  book.Count(Matching("sig-1", 1), later, absl::Seconds(60));
  EXPECT_EQ(View(book, "sig-1", later).rule.expires, later + absl::Seconds(60));
  EXPECT_TRUE(book.RemoveExpired(later + absl::Seconds(59)).empty());
  EXPECT_EQ(book.RemoveExpired(later + absl::Seconds(60)).size(), 1u);
  EXPECT_FALSE(book.Contains("sig-1"));
}

TEST(RuleBookTest, MatchingAloneDoesNotRenewBeyondTheLastConfirmation) {
  RuleBook book({});
  ASSERT_TRUE(book.Add(Reflex("sig-1"), {}, kNow).ok());
  book.SetMode("sig-1", rule::Mode::kEnforce);
  book.Reconfirm("sig-1", kNow + absl::Seconds(90));
  book.Count(Matching("sig-1", 1), kNow + absl::Seconds(50), absl::Seconds(60));
  EXPECT_EQ(View(book, "sig-1", kNow).rule.expires, kNow + absl::Seconds(90));
}

TEST(RuleBookTest, ACounterSlotIsNotReusedBeforeItsGracePeriod) {
  RuleBook book({.max_reflex = 10, .slot_grace = absl::Minutes(1)});
  ASSERT_TRUE(book.Add(Reflex("a"), {}, kNow).ok());
  const uint32_t slot = View(book, "a", kNow).counter_slot;
  EXPECT_EQ(book.RuleOfSlot(slot), "a");
  EXPECT_TRUE(book.Remove("a", kNow));
  EXPECT_EQ(book.RuleOfSlot(slot), "");
  ASSERT_TRUE(book.Add(Reflex("b"), {}, kNow + absl::Seconds(59)).ok());
  EXPECT_NE(View(book, "b", kNow).counter_slot, slot);
  rule::Rule late = Reflex("c");
  late.expires = kNow + absl::Minutes(5);
  ASSERT_TRUE(book.Add(late, {}, kNow + absl::Seconds(60)).ok());
  EXPECT_EQ(View(book, "c", kNow).counter_slot, slot);
}

TEST(RuleBookTest, AnAutomaticRuleThatCoversAGuardIsRefusedAndTheReasonNamesTheGuard) {
  RuleBook book({});
  const rule::GuardList guards({{*net::IpPrefix::Parse("192.0.2.53/32"), "resolver"}});
  const absl::Status s = book.Add(Reflex("sig-1", "ip.dst == 203.0.113.7 and ip.src in {192.0.2.0/24}"), guards, kNow);
  ASSERT_FALSE(s.ok());
  EXPECT_THAT(std::string(s.message()), HasSubstr("resolver"));
  EXPECT_FALSE(book.Contains("sig-1"));
}

TEST(RuleBookTest, TheLimitOfAutomaticRulesLeavesRoomForOperators) {
  RuleBook book({.max_reflex = 1});
  ASSERT_TRUE(book.Add(Reflex("a"), {}, kNow).ok());
  EXPECT_EQ(book.Add(Reflex("b"), {}, kNow).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(book.Add(Operators("op"), {}, kNow).ok());
  EXPECT_EQ(book.Add(Operators("op"), {}, kNow).code(), absl::StatusCode::kAlreadyExists);
}

TEST(RuleBookTest, WhatTheDatapathRefusesStaysVisibleWhenAPersonWroteIt) {
  RuleBook book({});
  ASSERT_TRUE(book.Add(Reflex("sig-1"), {}, kNow).ok());
  ASSERT_TRUE(book.Add(Operators("op-1"), {}, kNow).ok());
  const absl::Status why = absl::ResourceExhaustedError("over 16 checks");
  EXPECT_THAT(book.ApplyReport({.revision = 1, .refused = {{"sig-1", why}, {"op-1", why}}}, kNow),
              ::testing::ElementsAre("sig-1"));
  EXPECT_FALSE(book.Contains("sig-1"));
  EXPECT_EQ(View(book, "op-1", kNow).state, RuleState::kRefused);
  EXPECT_THAT(View(book, "op-1", kNow).detail, HasSubstr("16 checks"));
  EXPECT_TRUE(book.Entries().empty());
}

TEST(RuleBookTest, ASavedRuleComesBackInItsOwnCounterSlot) {
  RuleBook book({});
  ASSERT_TRUE(book.Restore({Reflex("sig-9"), 17}, {}, kNow).ok());
  EXPECT_EQ(book.RuleOfSlot(17), "sig-9");
  EXPECT_FALSE(book.Restore({Reflex("sig-10"), 17}, {}, kNow).ok());
  EXPECT_FALSE(book.Restore({Reflex("sig-11"), datapath::Bounds::kRuleSlots}, {}, kNow).ok());
  ASSERT_EQ(book.Saved().size(), 1u);
  EXPECT_EQ(book.Saved()[0].counter_slot, 17u);
}

}  // namespace
}  // namespace breakwater::rules
