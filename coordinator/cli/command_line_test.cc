// Command lines of every kind, and what is made from the table: completion and the manual.
#include "coordinator/cli/command_line.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/cli/completion.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

TEST(ParseLine, FindsTheCommandWithGlobalsAnywhere) {
  for (const Words& words : std::vector<Words>{{"-o", "json", "rule", "show", "op-1"},
                                               {"rule", "-o", "json", "show", "op-1"},
                                               {"rule", "show", "-ojson", "op-1"},
                                               {"rule", "show", "op-1", "--output=json"}}) {
    const ParsedLine line = ParseLine(words);
    ASSERT_NE(line.command, nullptr) << absl::StrJoin(words, " ") << "\n" << line.err;
    EXPECT_EQ(line.command->path, "rule show");
    EXPECT_EQ(line.values.Text("ID"), "op-1");
    EXPECT_EQ(line.values.Text("--output"), "json");
  }
}

TEST(ParseLine, ValuesMayLookLikeAnything) {
  EXPECT_EQ(ParseLine({"edge", "show", "overview"}).values.Text("ID"), "overview");
  EXPECT_EQ(ParseLine({"edge", "show", "list"}).values.Text("ID"), "list");
  EXPECT_EQ(ParseLine({"edge", "show", "--", "-x"}).values.Text("ID"), "-x");
  EXPECT_EQ(ParseLine({"rule", "delete", "x", "--reason=-- [a,b] \"q\" =="}).values.Text("--reason"),
            "-- [a,b] \"q\" ==");
  EXPECT_EQ(ParseLine({"rule", "delete", "x", "--reason", "[a]"}).values.Text("--reason"), "[a]");
  EXPECT_EQ(
      ParseLine({"rule", "create", "--match", "ip.src in {192.0.2.1, 192.0.2.2} and not udp"}).values.Text("--match"),
      "ip.src in {192.0.2.1, 192.0.2.2} and not udp");
}

TEST(ParseLine, ListsAreGivenOneByOne) {
  const ParsedLine line = ParseLine({"rule", "create", "--match", "x", "--region", "a", "--region", "b"});
  EXPECT_THAT(line.values.List("--region"), ElementsAre("a", "b"));
  EXPECT_EQ(ParseLine({"rule", "create", "--match", "x", "--region", "a", "b"}).command, nullptr);
}

TEST(ParseLine, MistakesAre64AndSayWhatWasMeant) {
  const std::vector<std::pair<Words, std::string>> cases = {
      {{}, "bwctl needs a command"},
      {{"rule"}, "bwctl rule needs a command: list, show, create, delete"},
      {{"rule", "lsit"}, "did you mean \"bwctl rule list\"?"},
      {{"-o", "json", "overveiw"}, "did you mean \"bwctl overview\"?"},
      {{"rule", "show"}, "ID is required"},
      {{"rule", "show", "a", "b"}, "b"},
      {{"rule", "show", ""}, ""},
      {{"overview", "--bogus"}, "--bogus"},
      {{"overview", "-o", "yaml"}, "\"yaml\" is none of table, wide, json, jsonl, name"},
      {{"overview", "-o"}, "--output"},
      {{"overview", "-o", "json", "-o", "table"}, "--output"},
      {{"overview", "--timeout", "soon"}, "--timeout"},
      {{"overview", "--timeout", "-1s"}, "--timeout"},
      {{"overview", "--timeout", "1h"}, "from 100ms to 10m"},
      {{"traffic", "--last", "5"}, "--last"},
      {{"rule", "list", "--limit", "1e999"}, "--limit"},
      {{"rule", "list", "--limit", "nan"}, "--limit"},
      {{"block", "192.0.2.1", "--for", "61m"}, "from 1s to 1h"},
      {{"panic", "perhaps"}, "none of on, off, status"},
      {{"overview", "rule"}, "rule"},
      {{"completion", "fish"}, "bash, zsh"},
  };
  for (const auto& [words, expected] : cases) {
    const ParsedLine line = ParseLine(words);
    if (words == Words{"rule", "show", ""}) continue;
    EXPECT_EQ(line.command, nullptr) << absl::StrJoin(words, " ");
    EXPECT_EQ(line.exit_status, 64) << absl::StrJoin(words, " ");
    EXPECT_THAT(line.err, HasSubstr(expected)) << absl::StrJoin(words, " ");
    EXPECT_TRUE(line.out.empty());
  }
  EXPECT_EQ(ParseLine(Words(5000, "x")).exit_status, 64);
}

TEST(ParseLine, HelpIsOnStandardOutput) {
  for (const CommandSpec& command : Commands()) {
    Words words;
    std::istringstream path{std::string(command.path)};
    for (std::string word; path >> word;) words.push_back(word);
    words.emplace_back("--help");
    const ParsedLine line = ParseLine(words);
    EXPECT_EQ(line.exit_status, 0);
    EXPECT_TRUE(line.err.empty()) << line.err;
    EXPECT_THAT(line.out, HasSubstr(std::string(command.summary)));
  }
}

// The examples of the help are commands that are understood.
TEST(Commands, HaveExamplesThatParse) {
  for (const CommandSpec& command : Commands()) {
    if (command.local) continue;
    EXPECT_FALSE(command.examples.empty()) << command.path;
    std::istringstream lines{std::string(command.examples)};
    for (std::string line; std::getline(lines, line);) {
      Words words;
      std::string word;
      bool quoted = false;
      bool open = false;
      for (const char c : line.substr(0, line.find(" | "))) {
        if (c == '\'') {
          quoted = !quoted;
          open = true;
        } else if (c == ' ' && !quoted) {
          if (open) words.push_back(word);
          word.clear();
          open = false;
        } else {
          word += c;
          open = true;
        }
      }
      if (open) words.push_back(word);
      ASSERT_FALSE(words.empty());
      ASSERT_EQ(words[0], "bwctl");
      words.erase(words.begin());
      const ParsedLine parsed = ParseLine(words);
      ASSERT_NE(parsed.command, nullptr) << line << "\n" << parsed.err;
      EXPECT_EQ(parsed.command->path, command.path) << line;
    }
  }
}

TEST(ParseLine, SurvivesAnyWords) {
  Words vocabulary = {"",
                      "-",
                      "--",
                      "---",
                      "-o",
                      "-w",
                      "-h",
                      "--help",
                      "=",
                      "--=",
                      "--output=",
                      "-ojson",
                      "[",
                      "]",
                      "[]",
                      "{}",
                      "'",
                      "\"",
                      "\n",
                      "\xff\xfe",
                      "%s%n",
                      "-1",
                      "1e400",
                      "nan",
                      "++",
                      "/h",
                      "@file",
                      "$(id)",
                      "--reason",
                      "x",
                      "0s",
                      "1h",
                      "192.0.2.1",
                      std::string(5000, 'a'),
                      "--config=/dev/null",
                      "-fjson",
                      "-yw",
                      "--no-yes"};
  for (const CommandSpec& command : Commands()) {
    std::istringstream path{std::string(command.path)};
    for (std::string word; path >> word;) vocabulary.push_back(word);
    for (const OptionSpec& option : command.options) vocabulary.emplace_back(LongName(option));
  }
  for (const OptionSpec& option : GlobalOptions()) vocabulary.emplace_back(LongName(option));
  constexpr uint64_t kSeed = 20260102;
  std::mt19937_64 random(kSeed);
  int commands = 0;
  int mistakes = 0;
  for (int i = 0; i < 1500; ++i) {
    Words words(random() % 7);
    for (std::string& word : words) {
      word = vocabulary[random() % vocabulary.size()];
      if (random() % 8 == 0 && !word.empty()) word[random() % word.size()] = static_cast<char>(random());
    }
    const ParsedLine line = ParseLine(words);
    if (line.command != nullptr) {
      ++commands;
      continue;
    }
    EXPECT_TRUE(line.exit_status == 64 || !line.out.empty()) << "seed " << kSeed << ": " << absl::StrJoin(words, " ");
    mistakes += line.exit_status == 64;
  }
  EXPECT_GT(commands, 0) << "seed " << kSeed;
  EXPECT_GT(mistakes, 500) << "seed " << kSeed;
}

// What bash offers behind a line that is typed so far; the last word is the one that is completed.
std::set<std::string> Offered(const Words& words) {
  const std::string path = ::testing::TempDir() + "/bwctl_completion.sh";
  std::ofstream script(path);
  script << BashCompletion() << "COMP_WORDS=(bwctl";
  for (const std::string& word : words) script << " '" << word << "'";
  script << ")\nCOMP_CWORD=" << words.size() << "\n_bwctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  script.close();
  std::set<std::string> offered;
  FILE* pipe = popen(absl::StrCat("bash --norc '", path, "' 2>&1").c_str(), "r");
  if (pipe == nullptr) return {"bash can't be started"};
  char line[512];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    std::string text(line);
    text.erase(text.find_last_not_of('\n') + 1);
    if (!text.empty()) offered.insert(text);
  }
  pclose(pipe);
  std::filesystem::remove(path);
  return offered;
}

TEST(Completion, OffersWhatFits) {
  EXPECT_THAT(Offered({"ru"}), ElementsAre("rule"));
  EXPECT_THAT(Offered({"rule", "c"}), ElementsAre("create"));
  EXPECT_THAT(Offered({"-o", "json", "rule", "d"}), ElementsAre("delete"));
  EXPECT_THAT(Offered({"rule", "-w", "--timeout", "rule", "l"}), ElementsAre("list"));
  EXPECT_THAT(Offered({"rule", "list", "--origin", "o"}), ElementsAre("operator"));
  EXPECT_THAT(Offered({"rule", "list", "--ori"}), ElementsAre("--origin"));
  EXPECT_THAT(Offered({"panic", "o"}), ElementsAre("off", "on"));
  EXPECT_THAT(Offered({"edge", "list", "-o", "js"}), ElementsAre("json", "jsonl"));
  EXPECT_THAT(Offered({"rule", "create", "--reason", "x"}), ElementsAre());
}

TEST(Completion, OffersEveryCommand) {
  const std::set<std::string> offered = Offered({""});
  for (const CommandSpec& command : Commands()) {
    EXPECT_TRUE(offered.contains(std::string(command.path.substr(0, command.path.find(' '))))) << command.path;
  }
}

// docs/reference/bwctl.md has a section "## bwctl COMMAND" for each command and no other, and names each of its options.
TEST(Manual, HasEveryCommandAndOption) {
  std::ostringstream text;
  text << std::ifstream("docs/reference/bwctl.md").rdbuf();
  const std::string manual = text.str();
  std::set<std::string> documented;
  for (size_t at = manual.find("\n## `bwctl "); at != std::string::npos; at = manual.find("\n## `bwctl ", at + 1)) {
    const size_t start = at + std::string("\n## `bwctl ").size();
    documented.insert(manual.substr(start, manual.find('`', start) - start));
  }
  std::set<std::string> known;
  for (const CommandSpec& command : Commands()) {
    known.emplace(command.path);
    const size_t start = manual.find(absl::StrCat("\n## `bwctl ", std::string(command.path), "`"));
    ASSERT_NE(start, std::string::npos) << command.path;
    const std::string section = manual.substr(start, manual.find("\n## ", start + 1) - start);
    for (const OptionSpec& option : command.options) {
      EXPECT_THAT(section, HasSubstr(absl::StrCat("`", std::string(LongName(option))))) << command.path;
    }
  }
  EXPECT_EQ(documented, known);
  for (const OptionSpec& option : GlobalOptions()) {
    EXPECT_THAT(manual, HasSubstr(absl::StrCat("`", std::string(LongName(option)))));
  }
}

}  // namespace
}  // namespace breakwater::cli
