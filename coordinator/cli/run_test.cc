// What bwctl does, apart from how its pages look (golden_test.cc).
#include "coordinator/cli/run.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "coordinator/cli/fake_coordinator.h"
#include "coordinator/cli/session.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Words = std::vector<std::string>;

class RunTest : public ::testing::Test {
 protected:
  int Run(const Words& words) {
    Console console = terminal_.MakeConsole();
    console.in_is_terminal = someone_is_there_;
    console.out_is_terminal = someone_is_there_;
    console.width = someone_is_there_ ? 120 : 0;
    return RunBwctl(words, console, coordinator_.Factory());
  }
  std::string out() const { return terminal_.out.str(); }
  std::string err() const { return terminal_.err.str(); }

  v1::RuleView RuleOn(const std::vector<std::pair<std::string, std::string>>& states) {
    v1::RuleView rule;
    rule.set_id("op-1");
    rule.set_action("drop");
    for (const auto& [edge, state] : states) {
      rule.add_edges()->set_edge(edge);
      rule.mutable_edges()->rbegin()->set_state(state);
    }
    return rule;
  }

  FakeCoordinator coordinator_;
  FakeTerminal terminal_;
  bool someone_is_there_ = false;
};

TEST_F(RunTest, ExitStatusSaysWhatFailed) {
  const std::vector<std::pair<absl::Status, int>> cases = {
      {absl::OkStatus(), 0},
      {absl::InvalidArgumentError("x"), 1},
      {absl::FailedPreconditionError("x"), 1},
      {absl::ResourceExhaustedError("x"), 1},
      {absl::InternalError("x"), 1},
      {absl::UnimplementedError("x"), 1},
      {absl::NotFoundError("x"), 3},
      {absl::UnauthenticatedError("x"), 4},
      {absl::PermissionDeniedError("x"), 4},
      {absl::AbortedError("x"), 5},
      {absl::UnavailableError("x"), 6},
      {absl::DeadlineExceededError("x"), 6},
  };
  for (const auto& [status, expected] : cases) {
    coordinator_.failure = status;
    EXPECT_EQ(Run({"overview"}), expected) << status;
  }
}

TEST_F(RunTest, ErrorsLeaveStandardOutputEmptyAndSayWhatToDoNext) {
  coordinator_.failure = absl::PermissionDeniedError("alice may only look");
  EXPECT_EQ(Run({"block", "192.0.2.1", "--reason", "x", "-o", "json"}), 4);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_THAT(err(), HasSubstr("alice may only look"));
  EXPECT_THAT(err(), HasSubstr("alice.pem"));
}

TEST_F(RunTest, AnErrorsTextCannotMoveTheCursor) {
  coordinator_.failure = absl::InternalError("bad \x1b[2J text\nsecond line");
  Run({"overview"});
  EXPECT_THAT(err(), HasSubstr("bad ?[2J text\nsecond line"));
}

TEST_F(RunTest, ConnectsAsTheEnvironmentSays) {
  EXPECT_EQ(Run({"overview", "--timeout", "1500ms", "--key", "other.key"}), 0);
  ASSERT_EQ(coordinator_.connections.size(), 1u);
  EXPECT_EQ(coordinator_.connections[0].server, "coordinator.example:7443");
  EXPECT_EQ(coordinator_.connections[0].key, "other.key");
  EXPECT_EQ(coordinator_.timeout, absl::Milliseconds(1500));
}

TEST_F(RunTest, LocalCommandsNeedNoCoordinator) {
  terminal_.environment.clear();
  EXPECT_EQ(Run({"version"}), 0);
  EXPECT_EQ(Run({"completion", "zsh"}), 0);
  EXPECT_EQ(coordinator_.connections.size(), 0u);
  EXPECT_EQ(Run({"overview"}), 64);
}

TEST_F(RunTest, ReadsAllPagesOfAList) {
  for (int i = 0; i < 450; ++i) coordinator_.rules.add_rules()->set_id(absl::StrCat("r", i));
  EXPECT_EQ(Run({"rule", "list", "-o", "name", "--origin", "operator"}), 0);
  EXPECT_THAT(out(), HasSubstr("r0\nr1\n"));
  EXPECT_THAT(out(), HasSubstr("r449\n"));
  EXPECT_EQ(coordinator_.rule_lists.size(), 3u);
  EXPECT_EQ(coordinator_.rule_lists[2].origin(), "operator");
}

TEST_F(RunTest, StopsAtTheLimitAndSaysSo) {
  for (int i = 0; i < 450; ++i) coordinator_.rules.add_rules()->set_id(absl::StrCat("r", i));
  EXPECT_EQ(Run({"rule", "list", "-o", "name", "--limit", "201"}), 0);
  EXPECT_THAT(out(), HasSubstr("r200\n"));
  EXPECT_THAT(out(), Not(HasSubstr("r201\n")));
  EXPECT_THAT(err(), HasSubstr("more than these 201"));
}

TEST_F(RunTest, LeavesAListThatNeverEnds) {
  coordinator_.rules.add_rules()->set_id("again");
  coordinator_.endless = true;
  EXPECT_EQ(Run({"rule", "list"}), 1);
  EXPECT_LE(coordinator_.calls, 3);
  EXPECT_THAT(err(), HasSubstr("doesn't go on"));
}

TEST_F(RunTest, AnEmptyListIsNoTableButStillJson) {
  EXPECT_EQ(Run({"rule", "list"}), 0);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_EQ(err(), "no rules\n");
  EXPECT_EQ(Run({"rule", "list", "-o", "json"}), 0);
  EXPECT_EQ(out(), "{\n \"rules\": [],\n \"next_cursor\": \"\"\n}\n");
}

TEST_F(RunTest, ColoursOnlyATerminal) {
  coordinator_.edges = ReadView<v1::EdgesView>("edges");
  Run({"edge", "list"});
  EXPECT_THAT(out(), Not(HasSubstr("\x1b")));
  someone_is_there_ = true;
  Run({"edge", "list"});
  EXPECT_THAT(out(), HasSubstr("\x1b[32m"));
}

TEST_F(RunTest, NoColorAndFlagsTurnColoursOffAndOn) {
  coordinator_.edges = ReadView<v1::EdgesView>("edges");
  someone_is_there_ = true;
  terminal_.environment["NO_COLOR"] = "1";
  Run({"edge", "list"});
  EXPECT_THAT(out(), Not(HasSubstr("\x1b")));
  Run({"edge", "list", "--color", "always"});
  EXPECT_THAT(out(), HasSubstr("\x1b[32m"));
}

TEST_F(RunTest, WatchShowsAgainUntilInterrupted) {
  coordinator_.overview.set_coordinator("c1");
  terminal_.waits = 2;
  EXPECT_EQ(Run({"overview", "-w", "--interval", "3s", "-o", "name"}), 130);
  EXPECT_EQ(out(), "c1\nc1\nc1\n");
  EXPECT_THAT(terminal_.waited, ElementsAre(absl::Seconds(3), absl::Seconds(3), absl::Seconds(3)));
}

TEST_F(RunTest, WatchRedrawsATerminal) {
  coordinator_.overview.set_coordinator("c1");
  someone_is_there_ = true;
  terminal_.waits = 1;
  EXPECT_EQ(Run({"overview", "-w"}), 130);
  EXPECT_TRUE(out().starts_with("\x1b[H\x1b[2J"));
}

TEST_F(RunTest, WatchOutlivesACoordinatorThatIsAway) {
  coordinator_.overview.set_coordinator("c1");
  coordinator_.failure = absl::UnavailableError("refused");
  coordinator_.failing_calls = 2;
  terminal_.waits = 3;
  EXPECT_EQ(Run({"overview", "-w", "-o", "name"}), 130);
  EXPECT_EQ(out(), "c1\nc1\n");
  EXPECT_THAT(err(), HasSubstr("refused"));
}

TEST_F(RunTest, WatchEndsWhenItIsPointless) {
  coordinator_.failure = absl::PermissionDeniedError("no");
  terminal_.waits = 100;
  EXPECT_EQ(Run({"overview", "-w"}), 4);
  EXPECT_THAT(terminal_.waited, IsEmpty());
}

TEST_F(RunTest, WatchIsNotForChanges) {
  EXPECT_EQ(Run({"block", "192.0.2.1", "--reason", "x", "-w"}), 64);
  EXPECT_THAT(coordinator_.blocks, IsEmpty());
}

TEST_F(RunTest, SaysWhenTheOutputIsLost) {
  terminal_.out.setstate(std::ios::badbit);
  EXPECT_EQ(Run({"overview"}), 1);
  EXPECT_THAT(err(), HasSubstr("could not be written"));
}

TEST_F(RunTest, CreateSendsWhatWasSaid) {
  EXPECT_EQ(Run({"rule",          "create", "--match",  "udp.srcport == 123",
                 "--action",      "drop",   "--mode",   "armed",
                 "--confirm-pps", "500",    "--for",    "1h30m",
                 "--priority",    "10",     "--reason", "why",
                 "--region",      "eu",     "--region", "us",
                 "--edge",        "ams-1",  "--prefix", "203.0.113.0/24",
                 "--id",          "op-1"}),
            0);
  ASSERT_EQ(coordinator_.creates.size(), 1u);
  const v1::CreateRuleRequest& r = coordinator_.creates[0];
  EXPECT_EQ(r.id(), "op-1");
  EXPECT_EQ(r.match(), "udp.srcport == 123");
  EXPECT_EQ(r.mode(), "armed");
  EXPECT_EQ(r.confirm_pps(), 500);
  EXPECT_EQ(r.for_s(), 5400);
  EXPECT_EQ(r.priority(), 10);
  EXPECT_EQ(r.reason(), "why");
  EXPECT_THAT(r.scope_regions(), ElementsAre("eu", "us"));
  EXPECT_THAT(r.scope_edges(), ElementsAre("ams-1"));
  EXPECT_THAT(r.scope_prefixes(), ElementsAre("203.0.113.0/24"));
  EXPECT_FALSE(r.dry_run());
}

TEST_F(RunTest, CreateSendsAFileAsItIs) {
  const std::string path = ::testing::TempDir() + "/bwctl_rule.yaml";
  std::ofstream(path) << "rules:\n  - id: x\n";
  EXPECT_EQ(Run({"rule", "create", "-f", path, "--region", "eu"}), 0);
  ASSERT_EQ(coordinator_.creates.size(), 1u);
  EXPECT_EQ(coordinator_.creates[0].file(), "rules:\n  - id: x\n");
  EXPECT_THAT(coordinator_.creates[0].scope_regions(), ElementsAre("eu"));
  std::filesystem::remove(path);
}

TEST_F(RunTest, CreateReadsStandardInput) {
  terminal_.in.str("rules: [x]");
  EXPECT_EQ(Run({"rule", "create", "-f", "-"}), 0);
  EXPECT_EQ(coordinator_.creates.at(0).file(), "rules: [x]");
}

TEST_F(RunTest, CreateRefusesWhatCannotBeMeant) {
  EXPECT_EQ(Run({"rule", "create"}), 64);
  EXPECT_EQ(Run({"rule", "create", "-f", "x", "--match", "y"}), 64);
  EXPECT_EQ(Run({"rule", "create", "--match", "y", "--confirm-pps", "5"}), 64);
  EXPECT_EQ(Run({"rule", "create", "--match", "y", "--prefix", "203.0.113.1/24"}), 64);
  EXPECT_EQ(Run({"rule", "create", "--match", "y", "--reason", std::string(257, 'x')}), 64);
  EXPECT_EQ(Run({"rule", "create", "-f", "/nowhere/rule.yaml"}), 1);
  terminal_.in.str(std::string(70000, 'x'));
  EXPECT_EQ(Run({"rule", "create", "-f", "-"}), 1);
  terminal_.in.clear();
  terminal_.in.str("");
  EXPECT_EQ(Run({"rule", "create", "-f", "-"}), 1);
  EXPECT_EQ(coordinator_.calls, 0);
}

TEST_F(RunTest, AWideRuleAsksFirst) {
  const Words words = {"rule", "create", "--match", "udp", "--wide-override"};
  EXPECT_EQ(Run(words), 64);
  ASSERT_EQ(coordinator_.creates.size(), 1u);
  EXPECT_TRUE(coordinator_.creates[0].dry_run());
  someone_is_there_ = true;
  terminal_.in.str("yes\n");
  EXPECT_EQ(Run(words), 0);
  ASSERT_EQ(coordinator_.creates.size(), 3u);
  EXPECT_FALSE(coordinator_.creates[2].dry_run());
  EXPECT_TRUE(coordinator_.creates[2].wide_override());
}

TEST_F(RunTest, WaitReturnsOnceEveryEdgeHasTheRule) {
  coordinator_.made = RuleOn({{"a", "pending"}, {"b", "pending"}});
  coordinator_.polled = {RuleOn({{"a", "installed"}, {"b", "pending"}}),
                         RuleOn({{"a", "matching"}, {"b", "installed"}})};
  terminal_.waits = 100;
  EXPECT_EQ(Run({"block", "192.0.2.1", "--reason", "x", "--wait"}), 0);
  EXPECT_THAT(out(), HasSubstr("on 2 of 2 edges"));
  EXPECT_EQ(terminal_.waited.size(), 1u);
}

TEST_F(RunTest, WaitNamesEdgesThatDoNotGetIt) {
  coordinator_.made = RuleOn({{"a", "pending"}, {"b", "pending"}});
  coordinator_.polled = {RuleOn({{"a", "installed"}, {"b", "pending"}})};
  terminal_.waits = 100;
  EXPECT_EQ(Run({"block", "192.0.2.1", "--reason", "x", "--wait", "--timeout", "2s"}), 6);
  EXPECT_THAT(err(), HasSubstr("within 2s it wasn't installed on b"));
  EXPECT_LE(terminal_.waited.size(), 10u);
}

TEST_F(RunTest, WaitSaysWhoRefuses) {
  coordinator_.made = RuleOn({{"a", "pending"}});
  coordinator_.polled = {RuleOn({{"a", "refused"}})};
  EXPECT_EQ(Run({"block", "192.0.2.1", "--reason", "x", "--wait"}), 1);
  EXPECT_THAT(err(), HasSubstr("refused by a"));
}

TEST_F(RunTest, BlockNormalisesAndNeedsAReason) {
  EXPECT_EQ(Run({"block", "2001:DB8:0::1", "--reason", "x", "--for", "10m"}), 0);
  ASSERT_EQ(coordinator_.blocks.size(), 1u);
  EXPECT_EQ(coordinator_.blocks[0].source(), "2001:db8::1/128");
  EXPECT_EQ(coordinator_.blocks[0].for_s(), 600);
  EXPECT_EQ(Run({"block", "192.0.2.1"}), 64);
  EXPECT_THAT(err(), HasSubstr("--reason"));
  EXPECT_EQ(Run({"block", "192.0.2.1", "--reason", "  "}), 64);
  EXPECT_EQ(Run({"block", "192.0.2.1/24", "--reason", "x"}), 64);
  EXPECT_EQ(Run({"block", "everything", "--reason", "x"}), 64);
  EXPECT_EQ(Run({"block", "192.0.2.1", "--reason", "x", "--for", "0s"}), 64);
  EXPECT_EQ(coordinator_.blocks.size(), 1u);
}

TEST_F(RunTest, BlockAsksAboutWidePrefixesOnly) {
  EXPECT_EQ(Run({"block", "192.0.2.0/24", "--reason", "x"}), 0);
  EXPECT_EQ(Run({"block", "2001:db8::/48", "--reason", "x"}), 0);
  EXPECT_EQ(coordinator_.blocks.size(), 2u);
  EXPECT_EQ(Run({"block", "192.0.2.0/23", "--reason", "x"}), 64);
  EXPECT_EQ(Run({"block", "2001:db8::/47", "--reason", "x"}), 64);
  ASSERT_EQ(coordinator_.blocks.size(), 4u);
  EXPECT_TRUE(coordinator_.blocks[2].dry_run());
  EXPECT_TRUE(coordinator_.blocks[3].dry_run());
  EXPECT_EQ(Run({"block", "192.0.2.0/23", "--reason", "x", "--yes"}), 0);
  ASSERT_EQ(coordinator_.blocks.size(), 5u);
  EXPECT_FALSE(coordinator_.blocks[4].dry_run());
}

TEST_F(RunTest, DeleteAndUnblockChangeNothingUnlessSure) {
  coordinator_.rules = ReadView<v1::RulesView>("rules");
  EXPECT_EQ(Run({"rule", "delete", "op-ntp"}), 64);
  EXPECT_EQ(Run({"unblock", "198.51.100.0/24"}), 64);
  someone_is_there_ = true;
  terminal_.in.str("no\n\n");
  EXPECT_EQ(Run({"rule", "delete", "op-ntp"}), 1);
  EXPECT_EQ(Run({"unblock", "198.51.100.7"}), 1);
  EXPECT_EQ(Run({"rule", "delete", "op-ntp"}), 1) << "the end of the input is no yes";
  EXPECT_THAT(coordinator_.deletes, IsEmpty());
  EXPECT_THAT(coordinator_.unblocks, IsEmpty());
  EXPECT_EQ(Run({"rule", "delete", "op-ntp", "-y", "--reason", "over"}), 0);
  EXPECT_EQ(coordinator_.deletes.at(0).reason(), "over");
}

TEST_F(RunTest, UnblockOfWhatIsNotBlockedLeavesTheAnswerToTheCoordinator) {
  coordinator_.rules = ReadView<v1::RulesView>("rules");
  EXPECT_EQ(Run({"unblock", "203.0.113.9"}), 0);
  EXPECT_THAT(err(), IsEmpty());
  ASSERT_EQ(coordinator_.unblocks.size(), 1u);
  EXPECT_EQ(coordinator_.unblocks[0].source(), "203.0.113.9/32");
}

TEST_F(RunTest, DeleteOfWhatIsNotThereAsksNothing) {
  someone_is_there_ = true;
  EXPECT_EQ(Run({"rule", "delete", "nothing"}), 3);
  EXPECT_THAT(err(), HasSubstr("bwctl rule list"));
}

TEST_F(RunTest, PanicIsOneStepWithYes) {
  EXPECT_EQ(Run({"panic", "on", "--reason", "x", "--for", "10m", "--yes"}), 0);
  ASSERT_EQ(coordinator_.panics.size(), 1u);
  EXPECT_EQ(coordinator_.calls, 1);
  EXPECT_TRUE(coordinator_.panics[0].on());
  EXPECT_EQ(coordinator_.panics[0].for_s(), 600);
  EXPECT_EQ(Run({"panic", "off", "--reason", "x"}), 0);
  EXPECT_FALSE(coordinator_.panics.at(1).on());
}

TEST_F(RunTest, PanicRefusesWhatCannotBeMeant) {
  EXPECT_EQ(Run({"panic", "on", "--yes"}), 64);
  EXPECT_EQ(Run({"panic", "off", "--reason", "x", "--for", "10m"}), 64);
  EXPECT_EQ(Run({"panic", "status", "--reason", "x"}), 64);
  EXPECT_EQ(Run({"panic", "maybe"}), 64);
  EXPECT_EQ(coordinator_.calls, 0);
}

TEST_F(RunTest, PanicStatusShowsTheReasonPrintable) {
  coordinator_.overview.set_panic(true);
  coordinator_.overview.set_panic_reason("because\x07");
  EXPECT_EQ(Run({"panic", "status"}), 0);
  EXPECT_EQ(out(), "on: nothing is dropped anywhere; reason: because?\n");
}

TEST_F(RunTest, TrafficAsksForWhatWasSaid) {
  EXPECT_EQ(Run({"traffic", "--last", "2h", "--region", "eu"}), 0);
  EXPECT_EQ(coordinator_.traffics.at(0).last_s(), 7200);
  EXPECT_EQ(coordinator_.traffics.at(0).region(), "eu");
}

TEST_F(RunTest, TrafficTableStaysShortWhateverTheStep) {
  coordinator_.traffic.set_step_s(1);
  for (int i = 0; i < 900; ++i) coordinator_.traffic.add_points()->set_known(true);
  EXPECT_EQ(Run({"traffic", "--last", "15m"}), 0);
  const std::string text = out();
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 22);
  EXPECT_THAT(text, HasSubstr("each row the mean of 45s"));
}

TEST_F(RunTest, ExplainWantsAnAddress) {
  EXPECT_EQ(Run({"explain", "ip", "192.0.2.0/24"}), 64);
  EXPECT_EQ(Run({"explain", "ip", "2001:db8::A"}), 0);
  EXPECT_THAT(out(), HasSubstr("2001:db8::a"));
}

}  // namespace
}  // namespace breakwater::cli
