#include "common/config/config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Units, Durations) {
  EXPECT_EQ(*ParseDuration("100ms"), absl::Milliseconds(100));
  EXPECT_EQ(*ParseDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("0s"), absl::ZeroDuration());
  for (const char* bad : {"", "10", "-1s", "inf", "ten seconds", "10 s", "1d"})
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
}

TEST(Units, Sizes) {
  EXPECT_EQ(*ParseSize("4096"), 4096u);
  EXPECT_EQ(*ParseSize("64KiB"), 65536u);
  EXPECT_EQ(*ParseSize("1.5MB"), 1500000u);
  for (const char* bad : {"", "KiB", "-1", "1e3", "1.5", "10 MB", "1.2.3kB", "99999999999GB", ".5kB", "nan"}) {
    EXPECT_FALSE(ParseSize(bad).ok()) << bad;
  }
}

TEST(Units, RatesRoundTrip) {
  EXPECT_EQ(*ParseRate("500pps"), (Rate{500, RateUnit::kPackets}));
  EXPECT_EQ(*ParseRate("10Mbps"), (Rate{10000000, RateUnit::kBits}));
  EXPECT_EQ(*ParseRate("1.1Mpps"), (Rate{1100000, RateUnit::kPackets}));
  for (const char* text : {"0pps", "1pps", "1500pps", "20kpps", "3Gbps", "1bps"})
    EXPECT_EQ(RateText(*ParseRate(text)), text);
  for (const char* bad : {"", "500", "pps", "500 pps", "-5pps", "0.5pps", "5mbps", "9999999Tbps", "1e3pps"}) {
    EXPECT_FALSE(ParseRate(bad).ok()) << bad;
  }
}

TEST(DidYouMean, FindsNearWordsOnly) {
  EXPECT_EQ(DidYouMean("intefaces", {"interfaces", "protect"}), "interfaces");
  EXPECT_EQ(DidYouMean("protcet", {"interfaces", "protect"}), "protect");
  EXPECT_EQ(DidYouMean("zebra", {"interfaces", "protect"}), "");
  EXPECT_EQ(DidYouMean("if", {"id"}), "id");
  EXPECT_EQ(DidYouMean("xyz", {"id"}), "");
}

TEST(Document, ReadsEveryType) {
  const Document d = Document::Parse(
      "text: hello\ninteger: 42\nnumber: 2.5\nyes: true\nfor: 10s\nsize: 1KiB\nrate: 5pps\nprefix: 203.0.113.0/24\n"
      "color: red\nlist: [a, b]\nsection: {inner: 1}\n",
      "f.yaml");
  Map root = d.Root();
  EXPECT_EQ(root.Get("text").AsString(), "hello");
  EXPECT_EQ(root.Get("integer").AsInteger(0, 0, 100), 42);
  EXPECT_EQ(root.Get("number").AsNumber(0, 0, 10), 2.5);
  EXPECT_EQ(root.Get("yes").AsBool(false), true);
  EXPECT_EQ(root.Get("for").AsDuration({}, {}, absl::Hours(1)), absl::Seconds(10));
  EXPECT_EQ(root.Get("size").AsSize(0, 0, 10000), 1024u);
  EXPECT_EQ(root.Get("rate").AsRate()->per_second, 5u);
  EXPECT_EQ(root.Get("prefix").AsPrefix()->ToString(), "203.0.113.0/24");
  EXPECT_EQ(root.Get("color").AsChoice<int>(0, {{"red", 1}, {"blue", 2}}), 1);
  EXPECT_EQ(root.Get("list").AsList().size(), 2u);
  Map section = root.Get("section").AsMap();
  EXPECT_EQ(section.Get("inner").AsInteger(0, 0, 9), 1);
  EXPECT_EQ(root.Get("absent").AsInteger(7, 0, 9), 7);
  EXPECT_FALSE(root.Get("absent").present());
  root.Finish();
  section.Finish();
  EXPECT_THAT(d.Problems(), IsEmpty());
}

TEST(Document, ReportsEveryMistakeWithItsPlace) {
  const Document d = Document::Parse(
      "integer: many\n"           // 1
      "range: 500\n"              // 2
      "for: 10\n"                 // 3
      "prefix: 203.0.113.7/24\n"  // 4
      "color: rad\n"              // 5
      "list: one\n"               // 6
      "section:\n"                // 7
      "  inner: 1\n"              // 8
      "  outer: 2\n"              // 9
      "empty:\n",                 // 10
      "f.yaml");
  Map root = d.Root();
  EXPECT_EQ(root.Get("integer").AsInteger(5, 0, 100), 5);
  EXPECT_EQ(root.Get("range").AsInteger(5, 0, 100), 5);
  root.Get("for").AsDuration({}, {}, absl::Hours(1));
  EXPECT_EQ(root.Get("prefix").AsPrefix(), std::nullopt);
  EXPECT_EQ(root.Get("color").AsChoice<int>(9, {{"red", 1}, {"blue", 2}}), 9);
  EXPECT_THAT(root.Get("list").AsList(), IsEmpty());
  Map section = root.Get("section").AsMap();
  section.Get("innner");
  section.Get("other");
  section.Finish();
  root.Get("empty").AsString();
  root.Need("needed");
  root.Finish();
  EXPECT_THAT(d.Problems(), ElementsAre("f.yaml:1:1: the key \"needed\" is missing",
                                        "f.yaml:1:10: expected a whole number from 0 to 100, got \"many\"",
                                        "f.yaml:2:8: expected a whole number from 0 to 100, got \"500\"",
                                        "f.yaml:3:6: expected a duration like 100ms, 10s or 1h30m, got \"10\"",
                                        testing::StartsWith("f.yaml:4:9: "),
                                        "f.yaml:5:8: expected one of red, blue, got \"rad\"; did you mean \"red\"?",
                                        "f.yaml:6:7: expected a list, got \"one\"",
                                        "f.yaml:8:3: unknown key \"inner\"; did you mean \"innner\"?",
                                        "f.yaml:9:3: unknown key \"outer\"; did you mean \"other\"?",
                                        "f.yaml:10:1: expected text, got nothing"));
}

TEST(Document, SyntaxErrorsHaveTheirLine) {
  EXPECT_THAT(Document::Parse("a: 1\nb: [1, 2\nc: 3\n", "f.yaml").Problems(), ElementsAre(HasSubstr("f.yaml:3:")));
  EXPECT_THAT(Document::Parse("just words", "f.yaml").Problems(),
              ElementsAre("f.yaml:1:1: expected \"key: value\" lines"));
  EXPECT_THAT(Document::Parse("a: 1\na: 2\n", "f.yaml").Problems(),
              ElementsAre("f.yaml:2:1: the key \"a\" is there twice"));
  EXPECT_THAT(Document::Parse("? [a]\n: 1\n", "f.yaml").Problems(), ElementsAre(HasSubstr("plain word")));
}

TEST(Document, AnEmptyFileIsAnEmptyMap) {
  const Document d = Document::Parse("# nothing\n", "f.yaml");
  EXPECT_FALSE(d.Root().Get("a").present());
  EXPECT_THAT(d.Problems(), IsEmpty());
}

TEST(Document, ASecondDocumentIsAMistake) {
  const Document d = Document::Parse("---\na: 1\n---\nb: 2\n", "f.yaml");
  EXPECT_THAT(d.Problems(), ElementsAre("f.yaml:4:1: a second document (behind \"---\" or \"...\"); a file holds one"));
  EXPECT_THAT(Document::Parse("---\na: 1\n...\n", "f.yaml").Problems(), IsEmpty());
  EXPECT_THAT(Document::Parse("", "f.yaml").Problems(), IsEmpty());
}

TEST(Document, MultiplyingAliasesAreRefused) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    const std::string before = std::string("*") + static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += (i > 0 ? ", " : "") + before;
    bomb += "]\n";
  }
  EXPECT_THAT(Document::Parse(bomb, "f.yaml").Problems(), ElementsAre(HasSubstr("limit of 500000 values")));
}

TEST(Document, DeepNestingAndHugeFilesAreRefused) {
  EXPECT_THAT(Document::Parse("a: " + std::string(100, '[') + std::string(100, ']'), "f.yaml").Problems(),
              ElementsAre(HasSubstr("limit of 32 levels")));
  EXPECT_FALSE(Document::Parse("a: " + std::string(100000, '['), "f.yaml").Problems().empty());
  EXPECT_THAT(Document::Parse(std::string(kMaxFileBytes + 1, ' '), "f.yaml").Problems(),
              ElementsAre(HasSubstr("the limit is 4194304")));
}

TEST(Document, BrokenBytesAreAMistakeNotACrash) {
  std::string text = "interfaces: [eth0]\nprotect:\n  - prefix: 203.0.113.0/24\n";
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'\0', '\xff', '\t', '{', '&', '*', '\n', '%'}) {
      std::string broken = text;
      broken[i] = c;
      const Document d = Document::Parse(broken, "f.yaml");
      Map root = d.Root();
      for (const Value& v : root.Get("protect").AsList()) v.AsMap().Get("prefix").AsPrefix();
      root.Finish();
    }
  }
}

TEST(Document, UnreadableFile) {
  EXPECT_THAT(std::string(Document::Load("/nonexistent/edge.yaml").status().message()),
              HasSubstr("/nonexistent/edge.yaml"));
  EXPECT_FALSE(Document::Load("/tmp").ok());
}

}  // namespace
}  // namespace breakwater::config
