#include "coordinator/cli/table.h"

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "coordinator/cli/text.h"
#include "gtest/gtest.h"

namespace breakwater::cli {
namespace {

Table Example() {
  Table table({{"NAME"}, {"N", Column::kRight}, {"EXTRA", Column::kLeft, true}, {"MATCH", Column::kGives}});
  table.Add({"a", "1", "x", "ip.src == 192.0.2.1"});
  table.Add({"longer", "12345", "y", {"ip.src == 192.0.2.0/24 and udp.srcport == 53", Colour::kRed}});
  return table;
}

TEST(Table, PutsNumbersRightAndNoSpacesAtTheEnd) {
  EXPECT_EQ(Example().Text({}),
            "NAME        N  MATCH\n"
            "a           1  ip.src == 192.0.2.1\n"
            "longer  12345  ip.src == 192.0.2.0/24 and udp.srcport == 53\n");
}

TEST(Table, ShowsMoreWhenWideAndCutsNothing) {
  EXPECT_EQ(Example().Text({.width = 20, .wide = true}),
            "NAME        N  EXTRA  MATCH\n"
            "a           1  x      ip.src == 192.0.2.1\n"
            "longer  12345  y      ip.src == 192.0.2.0/24 and udp.srcport == 53\n");
}

TEST(Table, CutsWhatGivesFirst) {
  EXPECT_EQ(Example().Text({.width = 30}),
            "NAME        N  MATCH\n"
            "a           1  ip.src == 192.…\n"
            "longer  12345  ip.src == 192.…\n");
}

TEST(Table, IsNeverWiderThanTheTerminal) {
  for (size_t width = 1; width < 60; ++width) {
    const std::string text = Example().Text({.colour = false, .width = width});
    for (const auto& line : absl::StrSplit(text, '\n')) {
      EXPECT_LE(Width(std::string(line)), width) << text;
    }
  }
}

TEST(Table, ColoursWithoutChangingTheText) {
  const std::string text = Example().Text({.colour = true});
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') i = text.find('m', i) + 1;
    if (i < text.size() && text[i] == '\x1b')
      --i;
    else if (i < text.size())
      plain += text[i];
  }
  EXPECT_NE(text.find("\x1b[31mip.src == 192.0.2.0/24"), std::string::npos);
  EXPECT_EQ(plain, Example().Text({}));
}

TEST(Table, MakesCellsPrintable) {
  Table table({{"NAME"}});
  table.Add({"two\nlines\x1b[2J"});
  EXPECT_EQ(table.Text({}), "NAME\ntwo?lines?[2J\n");
}

TEST(Facts, AlignAndAreNeverCut) {
  Facts facts;
  facts.Add("key", "value");
  facts.Add("longer key", std::string(50, 'x'));
  facts.Add("", "more");
  EXPECT_EQ(facts.Text({.width = 20}),
            "key         value\nlonger key  " + std::string(50, 'x') + "\n            more\n");
}

}  // namespace
}  // namespace breakwater::cli
