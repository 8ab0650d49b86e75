#include "edge/app/daemon.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "edge/app/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::app {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Collects log lines while it lives.
class LogCapture {
 public:
  LogCapture() {
    log::Configure({.level = log::Level::kInfo, .format = log::Format::kJson, .sink = [this](std::string_view line) {
                      std::lock_guard lock(mutex_);
                      lines_.emplace_back(line);
                    }});
  }
  ~LogCapture() { log::Configure({.level = log::Level::kError}); }
  std::vector<std::string> Lines() {
    log::Flush();
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

std::vector<control::RuleView> Enforcing(Daemon& daemon) {
  std::vector<control::RuleView> rules = daemon.Rules();
  std::erase_if(rules, [](const control::RuleView& r) { return r.rule.mode != rule::Mode::kEnforce; });
  return rules;
}

bool IsReady(TestEdge& edge) { return edge.health().Read().ready; }

TEST(Daemon, AFloodIsDetectedDroppedPersistedAndDroppedAgainAfterARestart) {
  LogCapture log;
  TestEdge edge;
  edge.Start();
  EXPECT_EQ(edge.Run(absl::Seconds(30)), 0);
  ASSERT_THAT(edge.daemon().Attacks(), IsEmpty());
  const absl::Time start = edge.daemon().Now();

  const int dropped = edge.Run(absl::Seconds(3), {.syn_flood_pps = 20000});
  const std::vector<detect::Attack> attacks = edge.daemon().Attacks();
  ASSERT_THAT(attacks, Not(IsEmpty()));
  EXPECT_EQ(attacks[0].target.ToString(), "203.0.113.7");
  EXPECT_EQ(attacks[0].vector, BW_VECTOR_TCP_SYN);
  EXPECT_LE(attacks[0].detected - start, absl::Milliseconds(500));
  ASSERT_TRUE(attacks[0].first_drop);
  EXPECT_LE(*attacks[0].first_drop - start, absl::Milliseconds(700));
  // All but what came before the rule enforced.
  EXPECT_GT(dropped, 60000 * 3 / 4);
  const std::vector<control::RuleView> rules = Enforcing(edge.daemon());
  ASSERT_THAT(rules, Not(IsEmpty()));
  EXPECT_EQ(rules[0].state, control::RuleState::kMatching);
  EXPECT_GT(rules[0].total.dropped_packets, 0u);
  EXPECT_THAT(edge.MetricsText(), HasSubstr("breakwater_edge_attacks_total{vector=\"tcp.syn\"} 1\n"));
  EXPECT_THAT(edge.MetricsText(), HasSubstr("breakwater_edge_mitigation_seconds_count 1\n"));
  EXPECT_THAT(log.Lines(), Contains(HasSubstr("\"event\":\"attack_detected\"")));
  EXPECT_THAT(log.Lines(), Contains(HasSubstr("\"event\":\"rule_confirmed\"")));

  // The process ends and starts again two seconds later, in the middle of the flood: its first slot is dropped already.
  edge.Stop();
  edge.clock.Advance(absl::Seconds(2));
  edge.Start();
  ASSERT_THAT(Enforcing(edge.daemon()), SizeIs(rules.size()));
  EXPECT_EQ(Enforcing(edge.daemon())[0].rule.id, rules[0].rule.id);
  EXPECT_EQ(Enforcing(edge.daemon())[0].counter_slot, rules[0].counter_slot);
  EXPECT_GE(edge.Run(window::kSlotLength, {.syn_flood_pps = 20000}), 1900);
  EXPECT_THAT(log.Lines(), Contains(HasSubstr("\"event\":\"rule_restored\"")));

  // And the detector of the new run can still make rules of its own: names don't collide.
  EXPECT_GT(edge.Run(absl::Seconds(3), {.syn_flood_pps = 20000}), 50000);
  for (const std::string& line : log.Lines()) EXPECT_THAT(line, Not(HasSubstr("\"event\":\"rule_refused\"")));
}

TEST(Daemon, RulesWhoseLeaseEndedWhileTheEdgeWasDownStayAway) {
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30));
  edge.Run(absl::Seconds(3), {.syn_flood_pps = 20000});
  ASSERT_THAT(Enforcing(edge.daemon()), Not(IsEmpty()));
  edge.Stop();
  edge.clock.Advance(absl::Minutes(5));
  edge.Start();
  EXPECT_THAT(edge.daemon().Rules(), IsEmpty());
  EXPECT_EQ(edge.Run(window::kSlotLength, {.syn_flood_pps = 1000}), 0);
}

TEST(Daemon, PanicStopsDroppingAtOnceAndSurvivesARestart) {
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30));
  edge.Run(absl::Seconds(3), {.syn_flood_pps = 20000});
  edge.daemon().SetPanic(true, "support call");
  EXPECT_TRUE(edge.datapath().panic);
  EXPECT_EQ(edge.Run(absl::Milliseconds(500), {.syn_flood_pps = 20000}), 0);
  EXPECT_EQ(edge.daemon().GetStatus().panic_reason, "support call");
  const absl::Time since = edge.daemon().GetStatus().panic_since;
  edge.Stop();

  edge.Start();
  EXPECT_TRUE(edge.datapath().panic);
  EXPECT_EQ(edge.daemon().GetStatus().panic_reason, "support call");
  EXPECT_EQ(edge.daemon().GetStatus().panic_since, absl::FromUnixMillis(absl::ToUnixMillis(since)));
  EXPECT_EQ(edge.Run(absl::Milliseconds(500), {.syn_flood_pps = 20000}), 0);
  EXPECT_THAT(edge.health().Read().notes, Contains(HasSubstr("enforcing is stopped")));
  edge.daemon().SetPanic(false, "");
  EXPECT_FALSE(edge.datapath().panic);
  EXPECT_GT(edge.Run(absl::Milliseconds(500), {.syn_flood_pps = 20000}), 5000);
}

TEST(Daemon, PanicThatTheDatapathDidNotTakeIsTriedAgain) {
  TestEdge edge;
  edge.Start();
  edge.datapath().panic_result = absl::InternalError("map update failed");
  edge.daemon().SetPanic(true, "");
  EXPECT_FALSE(edge.datapath().panic);
  EXPECT_EQ(edge.metrics().panic_failures.Value(), 1);
  edge.datapath().panic_result = absl::OkStatus();
  edge.Run(window::kSlotLength);
  EXPECT_TRUE(edge.datapath().panic);
}

settings::LoadedConfig Config(std::string_view text) { return settings::ParseConfig(text, "edge.yaml", {}); }

TEST(Daemon, AReloadTakesNewSettingsOverAndKeepsReflexRules) {
  LogCapture log;
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30));
  edge.Run(absl::Seconds(3), {.syn_flood_pps = 20000});
  const size_t rules = Enforcing(edge.daemon()).size();
  ASSERT_GT(rules, 0u);
  edge.daemon().Reload(
      Config("edge: {id: other}\n"
             "interfaces: [eth0, eth1]\n"
             "protect:\n"
             "  - {prefix: 203.0.113.0/24, services: [tcp/443]}\n"
             "  - {prefix: 198.51.100.0/24, services: [tcp/443]}\n"
             "rules: [{id: mine, match: ip.dst == 203.0.113.9 and udp.srcport == 53, action: drop}]\n"));
  EXPECT_EQ(edge.datapath().installed.policies.size(), 2u);
  EXPECT_THAT(edge.daemon().Rules(), SizeIs(rules + 1));
  EXPECT_EQ(edge.metrics().reloads.Value(), 1);
  EXPECT_THAT(log.Lines(), Contains(testing::AllOf(HasSubstr("reload_partial"), HasSubstr("edge.id, interfaces"))));
  EXPECT_GT(edge.Run(absl::Seconds(1), {.syn_flood_pps = 20000}), 19000);
}

TEST(Daemon, AReloadWithMistakesChangesNothing) {
  LogCapture log;
  TestEdge edge;
  edge.Start();
  const int installs = edge.datapath().installs;
  edge.daemon().Reload(Config("interfaces: [eth0]\nprotect: [{prefix: 203.0.113.0/24, services: [tcp/x]}]\nlgo: {}\n"));
  EXPECT_EQ(edge.datapath().installs, installs);
  EXPECT_EQ(edge.metrics().reload_failures.Value(), 1);
  EXPECT_THAT(log.Lines(), Contains(HasSubstr("unknown key \\\"lgo\\\"")));
  edge.Run(window::kSlotLength);
  EXPECT_TRUE(IsReady(edge));
  EXPECT_THAT(edge.health().Read().notes, Contains(HasSubstr("the last reload was refused: edge.yaml:2:")));
  // A good one takes the note back.
  edge.daemon().Reload(Config(TestEdge::kConfig));
  EXPECT_THAT(edge.health().Read().notes, Not(Contains(HasSubstr("reload"))));
}

TEST(Daemon, AFullDiskIsCountedAndDropsGoOn) {
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30));
  edge.Flush();
  const std::string before = edge.files.All().at("/state/rules.state");
  edge.files.SetCapacity(0);
  EXPECT_GT(edge.Run(absl::Seconds(3), {.syn_flood_pps = 20000}), 40000);
  edge.Flush();
  EXPECT_GT(edge.metrics().persist_failures.Value(), 0);
  EXPECT_EQ(edge.files.All().at("/state/rules.state"), before);
  EXPECT_TRUE(IsReady(edge));
  edge.Run(absl::Seconds(1));
  EXPECT_THAT(edge.health().Read().notes, Contains(HasSubstr("state_file: can't be written")));
  // The disk has space again: written without a new change.
  edge.files.SetCapacity(SIZE_MAX);
  for (int i = 0; i < 1000 && edge.files.All().at("/state/rules.state") == before; ++i)
    absl::SleepFor(absl::Milliseconds(5));
  EXPECT_NE(edge.files.All().at("/state/rules.state"), before);
}

TEST(Daemon, AFailedInstallKeepsTheOldRulesetAndIsTriedAgain) {
  LogCapture log;
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30));
  edge.datapath().install_result = absl::ResourceExhaustedError("no memory for maps");
  EXPECT_EQ(edge.Run(absl::Seconds(2), {.syn_flood_pps = 20000}), 0);
  EXPECT_GT(edge.metrics().install_failures.Value(), 0);
  EXPECT_THAT(log.Lines(), Contains(HasSubstr("\"event\":\"install_failed\"")));
  EXPECT_TRUE(IsReady(edge)) << "the ruleset before is in force";
  EXPECT_THAT(edge.health().Read().notes, Contains(HasSubstr("no memory for maps")));
  edge.datapath().install_result = absl::OkStatus();
  EXPECT_GT(edge.Run(absl::Seconds(10), {.syn_flood_pps = 20000}), 40000);
  EXPECT_THAT(edge.health().Read().notes, Not(Contains(HasSubstr("no memory"))));
}

TEST(Daemon, WithoutAFirstRulesetTheEdgeIsNotReady) {
  TestEdge edge;
  edge.first_install = absl::InternalError("no memory for maps");
  edge.Start();
  edge.Run(absl::Seconds(1));
  EXPECT_FALSE(IsReady(edge));
  edge.datapath().install_result = absl::OkStatus();
  edge.Run(absl::Seconds(6));
  EXPECT_TRUE(IsReady(edge));
}

TEST(Daemon, AnInterfaceThatDisappearsMakesTheEdgeNotReadyUntilItIsBack) {
  LogCapture log;
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(2));
  ASSERT_TRUE(IsReady(edge));
  edge.datapath().present = false;
  edge.Run(absl::Milliseconds(1100));
  EXPECT_FALSE(IsReady(edge));
  EXPECT_THAT(edge.MetricsText(), HasSubstr("breakwater_edge_interface_present{interface=\"eth0\"} 0\n"));
  EXPECT_THAT(log.Lines(), Contains(HasSubstr("\"event\":\"interface_gone\"")));
  edge.Run(absl::Seconds(3));
  edge.datapath().present = true;
  edge.Run(absl::Milliseconds(1100));
  EXPECT_TRUE(IsReady(edge));
  const std::vector<std::string> lines = log.Lines();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& l) { return l.find("interface_gone") != l.npos; }),
            1);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& l) { return l.find("interface_attached") != l.npos; }),
            2);
}

TEST(Daemon, UnreadableCountersAreSaidOnceAndLeasesStillEnd) {
  LogCapture log;
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30));
  edge.Run(absl::Seconds(3), {.syn_flood_pps = 20000});
  ASSERT_THAT(Enforcing(edge.daemon()), Not(IsEmpty()));
  edge.datapath().counters_result = absl::InternalError("map look-up failed");
  edge.Run(absl::Seconds(1), {.clean_pps = 0});
  EXPECT_FALSE(IsReady(edge));
  edge.Run(absl::Minutes(2), {.clean_pps = 0});
  EXPECT_THAT(Enforcing(edge.daemon()), IsEmpty());
  const std::vector<std::string> lines = log.Lines();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& l) { return l.find("counters_unreadable") != l.npos; }),
            1);
  edge.datapath().counters_result = absl::OkStatus();
  edge.Run(absl::Seconds(1));
  EXPECT_TRUE(IsReady(edge));
}

TEST(Daemon, ALateLookIsNoFlood) {
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30), {.syn_flood_pps = 500});
  // 500 SYNs a second are below the floor of 1000; 4000 in one slot would be far over it.
  for (int i = 0; i < 80; ++i) edge.Send({.syn_flood_pps = 500});
  edge.daemon().Tick();
  const Status status = edge.daemon().GetStatus();
  EXPECT_EQ(status.late_slots, 79u);
  EXPECT_EQ(status.slots, 380u);
  EXPECT_THAT(edge.daemon().Attacks(), IsEmpty());
}

TEST(Daemon, AFloodSeenInALateLookIsStillFound) {
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30));
  for (int i = 0; i < 10; ++i) edge.Send({.syn_flood_pps = 20000});
  edge.daemon().Tick();
  EXPECT_THAT(edge.daemon().Attacks(), SizeIs(1));
}

TEST(Daemon, AStopOfADayNeitherFloodsNorHangs) {
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(5));
  edge.clock.Advance(absl::Hours(24));
  edge.daemon().Tick();
  EXPECT_GT(edge.metrics().skipped_slots.Value(), 800000);
  EXPECT_THAT(edge.daemon().Attacks(), IsEmpty());
  EXPECT_EQ(edge.Run(absl::Seconds(2)), 0);
}

TEST(Daemon, HealthNoticesAStrandThatStands) {
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(2));
  ASSERT_TRUE(IsReady(edge));
  edge.clock.Advance(absl::Seconds(3));
  EXPECT_FALSE(IsReady(edge));
  EXPECT_TRUE(edge.health().Read().alive);
  edge.clock.Advance(absl::Seconds(10));
  EXPECT_FALSE(edge.health().Read().alive);
  edge.daemon().Tick();
  EXPECT_TRUE(IsReady(edge));
}

TEST(Daemon, ADamagedStateFileIsReportedAndTheOneBeforeIsUsed) {
  LogCapture log;
  TestEdge edge;
  edge.Start();
  edge.Run(absl::Seconds(30));
  edge.Run(absl::Seconds(3), {.syn_flood_pps = 20000});
  edge.Stop();
  std::string bytes = edge.files.All().at("/state/rules.state");
  bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
  edge.files.Put("/state/rules.state", bytes);
  edge.Start();
  EXPECT_EQ(edge.metrics().state_problems.Value(), 1);
  EXPECT_THAT(log.Lines(), Contains(testing::AllOf(HasSubstr("state_unreadable"), HasSubstr("checksum"))));
  EXPECT_THAT(log.Lines(), Contains(HasSubstr("the state before the last one is in force")));
}

TEST(Daemon, ARuleThatTheDatapathRefusesIsListedWithItsReasonAndCounted) {
  TestEdge edge(
      "interfaces: [eth0]\n"
      "protect: [{prefix: 203.0.113.0/24, services: [all]}]\n"
      "rules:\n"
      "  - {id: dns, match: ip.dst == 203.0.113.9 and udp.srcport == 53, action: drop}\n"
      "  - {id: ntp, match: ip.dst == 203.0.113.9 and udp.srcport == 123, action: drop}\n");
  edge.Start();
  edge.datapath().refuse = "dns";
  edge.daemon().Reload(settings::ParseConfig(edge.config(), "edge.yaml", {}));
  std::map<std::string, control::RuleView> rules;
  for (const control::RuleView& view : edge.daemon().Rules()) rules[view.rule.id] = view;
  ASSERT_THAT(rules, SizeIs(2));
  EXPECT_EQ(rules["dns"].state, control::RuleState::kRefused);
  EXPECT_THAT(rules["dns"].detail, HasSubstr("tables are full"));
  EXPECT_EQ(rules["ntp"].state, control::RuleState::kInstalled);
  EXPECT_EQ(edge.metrics().rule_refusals.Value(), 1);
}

}  // namespace
}  // namespace breakwater::app
