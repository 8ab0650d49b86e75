// What bwctl prints, byte for byte: testdata/golden/NAME.txt holds a command, its output and its exit status. Scripts and
// people's eyes lean on it. BWCTL_UPDATE_GOLDEN=1 writes the files anew; then read the difference.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/cli/fake_coordinator.h"
#include "coordinator/cli/run.h"
#include "gtest/gtest.h"

namespace breakwater::cli {
namespace {

struct Case {
  std::string name;
  std::vector<std::string> words;
  size_t width = 0;  // of the terminal; 0: a pipe
  std::string typed = "";
};

std::vector<Case> Cases() {
  return {
      {"overview", {"overview"}},
      {"overview_json", {"overview", "-o", "json"}},
      {"overview_colour", {"top", "--color", "always"}},
      {"edge_list", {"edge", "list"}},
      {"edge_list_wide", {"edge", "list", "-o", "wide"}},
      {"edge_list_json", {"edge", "list", "-o", "json", "--limit", "1"}},
      {"edge_list_name", {"edge", "list", "-o", "name"}},
      {"edge_show", {"edge", "show", "ams-1"}},
      {"attack_list", {"attack", "list"}},
      {"attack_list_terminal", {"attack", "list", "--color", "never"}, 100},
      {"attack_list_jsonl", {"attack", "list", "--active", "-o", "jsonl"}},
      {"attack_show", {"attack", "show", "a-2"}},
      {"attack_show_json", {"attack", "show", "a-2", "-o", "json"}},
      {"rule_list", {"rule", "list"}},
      {"rule_list_terminal", {"rule", "list"}, 110},
      {"rule_list_wide", {"rule", "list", "-o", "wide"}},
      {"rule_show", {"rule", "show", "auto-1"}},
      {"rule_show_json", {"rule", "show", "op-ntp", "-o", "json"}},
      {"rule_show_unknown", {"rule", "show", "nothing"}},
      {"rule_create", {"rule", "create", "--match", "udp.srcport == 123", "--for", "55m"}},
      {"rule_create_dry_run", {"rule", "create", "--match", "udp.srcport == 123", "--dry-run"}},
      {"rule_delete_refused", {"rule", "delete", "op-ntp"}},
      {"rule_delete_asked", {"rule", "delete", "op-ntp"}, 100, "yes\n"},
      {"rule_delete_yes", {"rule", "delete", "op-ntp", "--yes"}},
      {"block", {"block", "198.51.100.7", "--for", "30m", "--reason", "login flood"}},
      {"block_wide_refused", {"block", "198.51.0.0/16", "--reason", "scan"}},
      {"unblock_refused", {"unblock", "198.51.100.0/24"}},
      {"unblock_yes", {"unblock", "198.51.100.0/24", "-y"}},
      {"explain_ip", {"explain", "ip", "198.51.100.7"}},
      {"panic_on_asked", {"panic", "on", "--reason", "customers drop"}, 100, "panic\n"},
      {"panic_on_declined", {"panic", "on", "--reason", "customers drop"}, 100, "yes\n"},
      {"panic_off_json", {"panic", "off", "--reason", "it was the uplink", "-o", "json"}},
      {"panic_status", {"panic", "status"}},
      {"traffic", {"traffic", "--last", "10s"}},
      {"traffic_jsonl", {"traffic", "-o", "jsonl"}},
      {"completion_bash", {"completion", "bash"}},
      {"help", {"--help"}},
      {"help_block", {"block", "--help"}},
  };
}

std::string Quoted(const std::string& word) {
  return word.find(' ') == std::string::npos ? word : absl::StrCat("'", word, "'");
}

class Golden : public ::testing::TestWithParam<Case> {};

TEST_P(Golden, PrintsWhatIsOnFile) {
  const Case& c = GetParam();
  FakeCoordinator coordinator;
  coordinator.overview = ReadView<v1::OverviewView>("overview");
  coordinator.edges = ReadView<v1::EdgesView>("edges");
  coordinator.attacks = ReadView<v1::AttacksView>("attacks");
  coordinator.attack = ReadView<v1::AttackView>("attack");
  coordinator.rules = ReadView<v1::RulesView>("rules");
  coordinator.traffic = ReadView<v1::TrafficView>("traffic");
  coordinator.explain = ReadView<v1::ExplainIpView>("explain");
  coordinator.made = coordinator.rules.rules(0);

  FakeTerminal terminal;
  terminal.in.str(c.typed);
  Console console = terminal.MakeConsole();
  console.width = c.width;
  console.out_is_terminal = c.width > 0;
  console.in_is_terminal = c.width > 0;
  terminal.environment["TERM"] = "dumb";  // colours are a case of their own
  const int status = RunBwctl(c.words, console, coordinator.Factory());

  std::vector<std::string> quoted;
  for (const std::string& word : c.words) quoted.push_back(Quoted(word));
  const std::string got = absl::StrCat("$ bwctl ", absl::StrJoin(quoted, " "), "\n", terminal.out.str(),
                                       "--- standard error\n", terminal.err.str(), "--- exit status ", status, "\n");
  const std::string path = absl::StrCat(std::string(kTestData), "golden/", c.name, ".txt");
  if (std::getenv("BWCTL_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << got;
    FAIL() << "wrote " << path << "; run again without BWCTL_UPDATE_GOLDEN";
  }
  std::ostringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(got, expected.str()) << path;
}

INSTANTIATE_TEST_SUITE_P(All, Golden, ::testing::ValuesIn(Cases()),
                         [](const ::testing::TestParamInfo<Case>& c) { return c.param.name; });

}  // namespace
}  // namespace breakwater::cli
