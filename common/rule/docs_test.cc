// The reference pages say what the code does: the fields' page is the generated one, and every example of the rules' page
// is read as the page says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/rule/expr.h"
#include "common/rule/field_reference.h"
#include "common/rule/refusal.h"
#include "common/rule/rule_file.h"

namespace breakwater::rule {
namespace {

using ::testing::HasSubstr;

std::string Page(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path << ": tests run in the top folder";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The text of each block fenced as ```LANGUAGE.
std::vector<std::string> Blocks(const std::string& page, const std::string& language) {
  std::vector<std::string> blocks;
  const std::string open = "\n```" + language + "\n";
  for (size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    const size_t end = page.find("```", at);
    blocks.push_back(page.substr(at, end - at));
  }
  return blocks;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(DocsTest, TheFieldsPageIsCurrent) {
  EXPECT_EQ(Page("docs/reference/fields.md"), FieldReference())
      << "run: build/bin/breakwater-docgen fields > docs/reference/fields.md";
}

TEST(DocsTest, EveryMatchOfTheRulesPageParses) {
  int matches = 0;
  for (const std::string& block : Blocks(Page("docs/reference/rules.md"), "match")) {
    for (const std::string& line : Lines(block)) {
      const absl::StatusOr<ExprPtr> expr = ParseExpr(line);
      EXPECT_TRUE(expr.ok()) << line << "\n" << expr.status();
      ++matches;
    }
  }
  EXPECT_GE(matches, 15);
}

// "written   ->   canonical"
TEST(DocsTest, EveryCanonicalTextOfTheRulesPageIsRight) {
  int pairs = 0;
  for (const std::string& block : Blocks(Page("docs/reference/rules.md"), "canonical")) {
    for (const std::string& line : Lines(block)) {
      const size_t arrow = line.find(" -> ");
      ASSERT_NE(arrow, std::string::npos) << line;
      const absl::StatusOr<ExprPtr> expr = ParseExpr(line.substr(0, arrow));
      ASSERT_TRUE(expr.ok()) << line << "\n" << expr.status();
      EXPECT_EQ(CanonicalText(**expr), line.substr(line.find_first_not_of(' ', arrow + 4)));
      ++pairs;
    }
  }
  EXPECT_GE(pairs, 4);
}

// A match in its first line, then exactly the error.
TEST(DocsTest, EveryErrorOfTheRulesPageIsWhatComes) {
  int errors = 0;
  for (const std::string& block : Blocks(Page("docs/reference/rules.md"), "error")) {
    const size_t end = block.find('\n');
    const absl::StatusOr<ExprPtr> expr = ParseExpr(block.substr(0, end));
    ASSERT_FALSE(expr.ok()) << block;
    EXPECT_EQ(std::string(expr.status().message()) + "\n", block.substr(end + 1));
    ++errors;
  }
  EXPECT_GE(errors, 2);
}

TEST(DocsTest, EveryRuleFileOfTheRulesPageIsRead) {
  const std::vector<std::string> files = Blocks(Page("docs/reference/rules.md"), "yaml");
  EXPECT_GE(files.size(), 1u);
  for (const std::string& file : files) {
    const absl::StatusOr<std::vector<Rule>> rules =
        ParseRuleFile(file, "rules.md", absl::FromUnixSeconds(1'700'000'000));
    ASSERT_TRUE(rules.ok()) << rules.status();
    EXPECT_FALSE(rules->empty());
  }
}

TEST(DocsTest, TheRulesPageNamesEveryReason) {
  const std::string page = Page("docs/reference/rules.md");
#define BW_REFUSAL_ROW(id, name, doc) EXPECT_THAT(page, HasSubstr("| `" name "` | " doc " |"));
  BW_REFUSALS(BW_REFUSAL_ROW)
#undef BW_REFUSAL_ROW
}

}  // namespace
}  // namespace breakwater::rule
