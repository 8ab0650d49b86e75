#include "common/rule/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/rule/field.h"
#include "common/rule/glob.h"
#include "common/rule/random_expr.h"

namespace breakwater::rule {
namespace {

TEST(GlobTest, Table) {
  struct Case {
    std::string_view glob;
    std::string_view text;
    bool matches;
  };
  constexpr Case kCases[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "abc", true},
      {"?", "", false},
      {"?", "a", true},
      {"?", "\xc3\xbc", true},  // one character of two bytes
      {"??", "\xc3\xbc", false},
      {"?", "\xff", true},
      {"/wp-*.php", "/wp-login.php", true},
      {"/wp-*.php", "/wp-.php", true},
      {"/wp-*.php", "/wp-login.phpx", false},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXcYb", false},
      {"*abc", "ababc", true},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"abc", "ABC", false},
      {"*\xc3\xbc", "a\xc3\xbc", true},
  };
  for (const Case& c : kCases) EXPECT_EQ(GlobMatches(c.glob, c.text), c.matches) << c.glob << " " << c.text;
}

// The definition, exponential and obvious.
bool ByDefinition(std::string_view glob, std::string_view text) {
  if (glob.empty()) return text.empty();
  if (glob[0] == '*') {
    return ByDefinition(glob.substr(1), text) || (!text.empty() && ByDefinition(glob, text.substr(1)));
  }
  return !text.empty() && (glob[0] == '?' || glob[0] == text[0]) && ByDefinition(glob.substr(1), text.substr(1));
}

TEST(GlobTest, AgreesWithItsDefinition) {
  Random random(7);
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string glob;
    std::string text;
    for (uint64_t n = random.Below(7); n > 0; --n) glob += "ab?*"[random.Below(4)];
    for (uint64_t n = random.Below(8); n > 0; --n) text += "ab"[random.Below(2)];
    ASSERT_EQ(GlobMatches(glob, text), ByDefinition(glob, text)) << glob << " " << text;
    matched += GlobMatches(glob, text) ? 1 : 0;
  }
  EXPECT_GT(matched, 2000);
}

TEST(GlobTest, NothingExplodes) {
  // A matcher that gives back the runs of all its "*" would need 2^50 steps here.
  std::string glob;
  for (int i = 0; i < 50; ++i) glob += "*a";
  EXPECT_FALSE(GlobMatches(glob + "b", std::string(1024, 'a')));
  EXPECT_TRUE(GlobMatches(glob, std::string(1024, 'a')));
}

TEST(TextTest, Utf8) {
  for (const std::string_view good : {"", "a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  // Stray continuation, cut short, overlong, surrogate, over U+10FFFF.
  for (const std::string_view bad : {"\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x8c", "\xc0\xaf", "\xe0\x80\xaf",
                                     "\xf0\x80\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "a\xc3(b"}) {
    EXPECT_FALSE(IsUtf8(bad)) << Quoted(bad);
  }
}

TEST(TextTest, Quoted) {
  EXPECT_EQ(Quoted("a\xc3\xbc"), "\"a\xc3\xbc\"");
  EXPECT_EQ(Quoted("\n\x1b\xff"), "\"\\x0a\\x1b\\xff\"");
  EXPECT_EQ(Quoted(std::string(100, 'x')), "\"" + std::string(39, 'x') + "...\"");
}

TEST(TextTest, Identifiers) {
  EXPECT_TRUE(IsIdentifier("edge-1.a_b", 64));
  for (const std::string_view bad : {"", "A", "a b", "a/b", "\xc3\xbc", "a\n"})
    EXPECT_FALSE(IsIdentifier(bad, 64)) << bad;
  EXPECT_TRUE(IsIdentifier("abc", 3));
  EXPECT_FALSE(IsIdentifier("abcd", 3));
}

TEST(TextTest, Printable) {
  EXPECT_TRUE(IsPrintable("a \xc3\xbc"));
  for (const std::string_view bad : {"\n", "\t", "\x7f", "\x1b[0m", "\xff"}) EXPECT_FALSE(IsPrintable(bad));
}

TEST(TextTest, Nearest) {
  const std::vector<std::string_view> names = {"ip.len", "ip.ttl", "tcp.flags"};
  EXPECT_EQ(Nearest("ip.lne", names), "ip.len");
  EXPECT_EQ(Nearest("TCP.FLAG", names), "tcp.flags");
  EXPECT_EQ(Nearest("http.host", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(Nearest(std::string(1000, 'x'), names), "");
}

TEST(FieldTest, TableIsConsistent) {
  for (const FieldInfo& field : Fields()) {
    EXPECT_EQ(&Field(field.id), &field);
    EXPECT_EQ(FindField(field.name), &field);
    EXPECT_EQ(AsciiLower(field.name), field.name);
    EXPECT_FALSE(field.doc.empty()) << field.name;
    uint64_t bits = 0;
    for (const FlagName& flag : FlagNames(field.id)) {
      EXPECT_EQ(bits & flag.bit, 0u) << flag.name;
      bits |= flag.bit;
    }
    // Every bit of a flags field has a name, so that canonical text can always name them.
    EXPECT_EQ(bits, field.type == FieldType::kFlags ? field.max : 0) << field.name;
  }
  EXPECT_EQ(FindField("ip.nothing"), nullptr);
  EXPECT_EQ(FindField("IP.LEN"), nullptr);
}

}  // namespace
}  // namespace breakwater::rule
