// Every way to write a match wrongly, with the column and the words that come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/rule/expr.h"
#include "common/rule/random_expr.h"
#include "common/rule/refusal.h"

namespace breakwater::rule {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct ErrorCase {
  std::string_view text;
  int column;
  Refusal refusal;
  std::string_view message;
};

class ParseErrorTest : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(ParseErrorTest, NamesColumnReasonAndExpectation) {
  const absl::StatusOr<ExprPtr> expr = ParseExpr(GetParam().text);
  ASSERT_FALSE(expr.ok()) << GetParam().text;
  const std::string message(expr.status().message());
  EXPECT_THAT(message,
              StartsWith("column " + std::to_string(GetParam().column) + ": " + std::string(GetParam().message)));
  EXPECT_EQ(RefusalOf(expr.status()), GetParam().refusal) << message;
  // The caret stands under that column.
  const std::string last = message.substr(message.rfind('\n') + 1);
  EXPECT_EQ(last, std::string(2 + GetParam().column - 1, ' ') + "^") << message;
  EXPECT_EQ(BrokenParseProperty(GetParam().text), "");
}

constexpr Refusal kMalformed = Refusal::kMalformed;
constexpr Refusal kRange = Refusal::kOutOfRange;
constexpr Refusal kBound = Refusal::kOverBound;

constexpr ErrorCase kSyntaxErrors[] = {
    {"", 1, kMalformed, "the match is empty: expected a comparison such as udp.srcport == 53"},
    {"   ", 1, kMalformed, "the match is empty"},
    {"==", 1, kMalformed, "expected a field such as ip.dst, got \"==\""},
    {"and", 1, kMalformed, "expected a field such as ip.dst, got \"and\""},
    {"ip.len", 7, kMalformed, "expected ==, !=, <, <=, >, >= or in after \"ip.len\", got the end"},
    {"ip.len = 5", 8, kMalformed, "expected \"==\", got \"=\""},
    {"ip.len 5", 8, kMalformed, "expected ==, !=, <, <=, >, >= or in after \"ip.len\", got \"5\""},
    {"ip.len == 5 ip.ttl == 3", 13, kMalformed, "expected \"and\", \"or\" or the end, got \"ip.ttl\""},
    {"ip.len == 5 and", 16, kMalformed, "expected a field such as ip.dst, got the end"},
    {"ip.len == 5)", 12, kMalformed, "expected \"and\", \"or\" or the end, got \")\""},
    {"(ip.len == 5", 13, kMalformed, "expected \"and\", \"or\" or the \")\" for column 1, got the end"},
    {"ip.len == 5 and (ip.ttl == 3 or", 32, kMalformed, "expected a field such as ip.dst, got the end"},
    {"not", 4, kMalformed, "expected a field such as ip.dst, got the end"},
    {"()", 2, kMalformed, "expected a field such as ip.dst, got \")\""},
    {"ip.len == 5 # x", 13, kMalformed, "unexpected character \"#\""},
    {"\"ip.len\" == 5", 1, kMalformed, "expected a field such as ip.dst, got the string \"ip.len\""},
    {"ip.len \"==\" 5", 8, kMalformed, "expected ==, !=, <, <=, >, >= or in after \"ip.len\""},
    {"ip.len == 5 \xc3\xbc", 13, kMalformed, "unexpected character \"\xc3\xbc\""},
    {"ip.len == 5 \xff", 13, kMalformed, "unexpected character \"\\xff\""},
    {"ip.len == 5 ||", 15, kMalformed, "expected a field such as ip.dst, got the end"},
    {"ip.lenght == 5", 1, Refusal::kUnknownField, "unknown field \"ip.lenght\"; did you mean \"ip.len\"?"},
    {"UDP.srcprot == 5", 1, Refusal::kUnknownField, "unknown field \"UDP.srcprot\"; did you mean \"udp.srcport\"?"},
    {"gre.key == 5", 1, Refusal::kUnknownField, "unknown field \"gre.key\"\n"},
    {"ip.len == 1 and FOO == 5", 17, Refusal::kUnknownField, "unknown field \"FOO\"\n"},
};
INSTANTIATE_TEST_SUITE_P(Syntax, ParseErrorTest, ::testing::ValuesIn(kSyntaxErrors));

constexpr ErrorCase kNumberErrors[] = {
    {"udp.srcport == foo", 16, kMalformed, "expected a number from 0 to 65535 after \"udp.srcport ==\", got \"foo\""},
    {"UDP.srcport  ==  foo", 18, kMalformed,
     "expected a number from 0 to 65535 after \"UDP.srcport  ==\", got \"foo\""},
    {"udp.srcport == 65536", 16, kRange, "expected a number from 0 to 65535 after \"udp.srcport ==\", got 65536"},
    {"udp.srcport == 99999999999999999999", 16, kRange, "expected a number from 0 to 65535"},
    {"udp.srcport == -1", 16, kMalformed, "expected a number from 0 to 65535 after \"udp.srcport ==\", got \"-1\""},
    {"udp.srcport == 053", 16, kMalformed,
     "expected a number from 0 to 65535 after \"udp.srcport ==\", got \"053\" (numbers have no leading zeros)"},
    {"udp.srcport == 0x", 16, kMalformed, "expected a number from 0 to 65535"},
    {"udp.srcport == 0xg", 16, kMalformed, "expected a number from 0 to 65535"},
    {"udp.srcport == 5x", 16, kMalformed, "expected a number from 0 to 65535"},
    {"udp.srcport == 1.5", 16, kMalformed, "expected a number from 0 to 65535"},
    {"udp.srcport == \"53\"", 16, kMalformed,
     "expected a number from 0 to 65535 after \"udp.srcport ==\", got the string \"53\""},
    {"udp.srcport ==", 15, kMalformed, "expected a number from 0 to 65535 after \"udp.srcport ==\", got the end"},
    {"ip.len == 99971..99985", 11, kRange, "expected a number from 0 to 65535"},
    {"ip.len == 5..", 14, kMalformed, "expected a number from 0 to 65535 after \"ip.len ==\", got the end"},
    {"ip.len == ..5", 11, kMalformed, "expected a number from 0 to 65535 after \"ip.len ==\", got \"..\""},
    {"ip.len == 1..2..3", 15, kMalformed, "expected \"and\", \"or\" or the end, got \"..\""},
    {"ip.len == 200..100", 11, kRange, "this range ends before it begins"},
    {"ip.len < 0", 10, kRange, "this is never true: \"ip.len\" is from 0 to 65535"},
    {"ip.len > 65535", 10, kRange, "this is never true"},
    {"ip.len < 5..6", 11, kMalformed, "expected \"and\", \"or\" or the end, got \"..\""},
    {"ip.len == {5}", 11, kMalformed, "a set needs \"in\": expected a number from 0 to 65535, got \"{\""},
    {"ip.len in {}", 12, kMalformed, "expected a number from 0 to 65535 after \"ip.len in\", got \"}\""},
    {"ip.len in {5", 13, kMalformed, "expected \",\" or \"}\" in the set, got the end"},
    {"ip.len in {5,", 14, kMalformed, "expected a number from 0 to 65535 after \"ip.len in\", got the end"},
    {"ip.len in {5 6}", 14, kMalformed, "expected \",\" or \"}\" in the set, got \"6\""},
    {"ip.len in {5,,6}", 14, kMalformed, "expected a number from 0 to 65535 after \"ip.len in\", got \",\""},
    {"ip.len matches 5", 8, kMalformed, "expected ==, !=, <, <=, >, >= or in after \"ip.len\", got \"matches\""},
    {"ip.len & 7 == 5", 8, kMalformed, "\"ip.len\" can't be masked; only flags and bytes can"},
    {"ip.len[0:1] == 5", 7, kMalformed, "expected ==, !=, <, <=, >, >= or in after \"ip.len\", got \"[\""},
    {"ip.ttl == 256", 11, kRange, "expected a number from 0 to 255"},
    {"tcp.seq == 4294967296", 12, kRange, "expected a number from 0 to 4294967295"},
    {"tcp.hdr_len == 61", 16, kRange, "expected a number from 0 to 60"},
    {"ip.dscp == 64", 12, kRange, "expected a number from 0 to 63"},
    {"vlan.id == 4096", 12, kRange, "expected a number from 0 to 4095"},
};
INSTANTIATE_TEST_SUITE_P(Numbers, ParseErrorTest, ::testing::ValuesIn(kNumberErrors));

constexpr ErrorCase kOtherErrors[] = {
    {"ip.dst == foo", 11, kMalformed,
     "expected an IP address or prefix, such as 192.0.2.0/24 or 2001:db8::/32 after \"ip.dst ==\", got \"foo\""},
    {"ip.dst == 192.0.2.1/24", 11, kMalformed,
     "expected an IP address or prefix, such as 192.0.2.0/24 or 2001:db8::/32: \"192.0.2.1/24\" has bits set behind "
     "its "
     "prefix length; did you mean 192.0.2.0/24?"},
    {"ip.dst == 192.0.2.0/33", 11, kMalformed, "expected an IP address or prefix"},
    {"ip.dst == 192.0.2", 11, kMalformed, "expected an IP address or prefix"},
    {"ip.dst == fe80::1%eth0", 11, kMalformed, "expected an IP address or prefix"},
    {"ip.dst < 192.0.2.0", 8, kMalformed, "expected ==, != or in after \"ip.dst\", got \"<\""},
    {"ip.dst in 192.0.2.0..192.0.2.9", 20, kMalformed, "expected \"and\", \"or\" or the end, got \"..\""},
    {"tcp.flags == syn|foo", 18, kMalformed,
     "expected flags (fin, syn, rst, psh, ack, urg, ece, cwr, joined by \"|\") or a number from 0 to 255 after "
     "\"tcp.flags ==\", got \"foo\""},
    {"tcp.flags == syn|", 18, kMalformed, "expected flags"},
    {"tcp.flags == 256", 14, kRange, "expected flags"},
    {"tcp.flags == syn|2", 18, kMalformed, "expected flags"},
    {"tcp.flags & 0 == 0", 13, kRange, "a mask of 0 leaves nothing to compare"},
    {"tcp.flags & syn == ack", 20, kRange, "this value has bits outside the mask, so it can never be equal"},
    {"tcp.flags & syn in {0, syn|ack}", 24, kRange, "this value has bits outside the mask"},
    {"tcp.flags > 3", 11, kMalformed, "expected ==, != or in after \"tcp.flags\", got \">\""},
    {"tcp.flags && syn == syn", 11, kMalformed, "expected ==, != or in after \"tcp.flags\", got \"&&\""},
    {"tcp.flags & syn == 4..255", 20, kRange, "this range holds no value with bits only inside the mask"},
    {"ip.fragment == syn", 16, kMalformed, "expected flags (df, isf, ff, lf"},
    {"payload == 64", 9, kMalformed, "expected [offset:length] after \"payload\", got \"==\""},
    {"payload[0:4] == 64:64", 17, kMalformed,
     "expected 4 bytes as hexadecimal pairs joined by \":\", such as de:ad after \"payload[0:4] ==\", got \"64:64\""},
    {"payload[0:2] == 64:64:64", 17, kMalformed, "expected 2 bytes"},
    {"payload[0:2] == 6464", 17, kMalformed, "expected 2 bytes"},
    {"payload[0:2] == 6:4", 17, kMalformed, "expected 2 bytes"},
    {"payload[0:2] == 64:", 17, kMalformed, "expected 2 bytes"},
    {"payload[0:1] == 0x4", 17, kMalformed, "expected one byte as a hexadecimal pair"},
    {"payload[0:1] == +1", 17, kMalformed, "unexpected character \"+\""},
    {"payload[0] == 64", 10, kMalformed, "expected \":\" and a length after the offset, got \"]\""},
    {"payload[:4] == 64", 9, kMalformed, "expected an offset from 0 to 1023, got \":\""},
    {"payload[0:] == 64", 11, kMalformed, "expected a length from 1 to 8, got \"]\""},
    {"payload[0:9] == 64", 11, kRange, "expected a length from 1 to 8, got \"9\""},
    {"payload[0:0] == 64", 11, kRange, "expected a length from 1 to 8, got \"0\""},
    {"payload[1023:2] == 64:64", 9, kRange, "the last byte that \"payload\" reaches is 1023"},
    {"l3[128:1] == 64", 4, kRange, "the last byte that \"l3\" reaches is 127"},
    {"l3[99999999999999999999:1] == 64", 4, kRange, "the last byte that \"l3\" reaches is 127"},
    {"payload[0:4 == 64", 13, kMalformed, "expected \"]\" after \"payload[0:4\", got \"==\""},
    {"payload[0:2] & ff == 64:00", 16, kMalformed, "expected 2 bytes"},
    {"payload[0:2] & ff:00 == 64:01", 25, kRange, "this value has bits outside the mask"},
    {"payload[0:1] & f0 == 01..01", 22, kRange, "this range holds no value with bits only inside the mask"},
    {"payload[0:1] & f0 == 01..0f", 22, kRange, "this range holds no value"},
    {"payload[0:1] & f0 >= f1", 22, kRange, "this range holds no value"},
    {"payload[0:8] & 0f:ff:ff:ff:ff:ff:ff:ff >= 10:00:00:00:00:00:00:00", 43, kRange, "this range holds no value"},
    {"http.host == foo", 14, kMalformed,
     "expected a string in double quotes of at most 255 bytes after \"http.host ==\", got \"foo\""},
    {"http.host == 'foo'", 14, kMalformed, "expected a double quote (\"), got \"'\""},
    {"http.host == \"foo", 14, kMalformed, "this string has no closing \""},
    {"http.host == \"a\\n\"", 16, kMalformed, "expected \\\" or \\\\ (the only escapes in strings)"},
    {"http.host == \"a\tb\"", 16, kMalformed, "strings can't hold control characters"},
    {"http.host == \"\xff\"", 14, kMalformed, "this string isn't UTF-8"},
    {"http.host > \"a\"", 11, kMalformed, "expected ==, !=, in or matches after \"http.host\", got \">\""},
    {"http.header == \"a\"", 13, kMalformed, "expected [\"name\"] after \"http.header\", got \"==\""},
    {"http.header[a] == \"a\"", 13, kMalformed, "expected a name in double quotes, got \"a\""},
    {"http.header[\"a b\"] == \"a\"", 13, kMalformed, "expected a name of letters, digits and"},
    {"http.header[\"\"] == \"a\"", 13, kMalformed, "expected a name of letters, digits and"},
    {"src.country == \"NLD\"", 16, kMalformed, "expected a two-letter country code in double quotes, such as \"NL\""},
    {"src.country == \"1A\"", 16, kMalformed, "expected a two-letter country code"},
    {"src.country == NL", 16, kMalformed, "expected a two-letter country code"},
    {"src.country matches \"N?\"", 13, kMalformed, "expected ==, != or in after \"src.country\", got \"matches\""},
};
INSTANTIATE_TEST_SUITE_P(OtherTypes, ParseErrorTest, ::testing::ValuesIn(kOtherErrors));

std::string ErrorOf(std::string_view text, Refusal refusal) {
  const absl::Status status = ParseExpr(text).status();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(RefusalOf(status), refusal) << status;
  EXPECT_EQ(BrokenParseProperty(text), "");
  return std::string(status.message());
}

std::string Repeat(std::string_view piece, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += piece;
  return out;
}

TEST(ParseBoundsTest, Length) {
  const std::string padded = "ip.len == 5" + std::string(kMaxExprText - 11, ' ');
  EXPECT_TRUE(ParseExpr(padded).ok());
  EXPECT_THAT(ErrorOf(padded + " ", kBound), HasSubstr("8193 bytes, the limit is 8192"));
}

TEST(ParseBoundsTest, Depth) {
  const auto nested = [](std::string_view open, std::string_view close, size_t levels) {
    return Repeat(open, levels) + "ip.len == 5" + Repeat(close, levels);
  };
  EXPECT_TRUE(ParseExpr(nested("(", ")", 31)).ok());
  EXPECT_THAT(ErrorOf(nested("(", ")", 32), kBound), StartsWith("column 32: more than 32 levels"));
  EXPECT_TRUE(ParseExpr(nested("!", "", 31)).ok());
  EXPECT_THAT(ErrorOf(nested("!", "", 32), kBound), StartsWith("column 32: more than 32 levels"));
  EXPECT_THAT(ErrorOf(nested("not ", "", 2000), kBound), HasSubstr("more than 32 levels"));
  EXPECT_THAT(ErrorOf(Repeat("(", 8000), kBound), HasSubstr("more than 32 levels"));

  // "or" inside "and" inside "or" is two levels of the tree for one pair of parentheses.
  const auto tower = [](int levels) {
    std::string text = "ip.len == 5";
    for (int i = 0; i < levels; ++i) {
      text = "(" + text + " or ip.ttl == " + std::to_string(i) + ") and ip.id == " + std::to_string(i);
    }
    return text;
  };
  EXPECT_TRUE(ParseExpr(tower(15)).ok());
  EXPECT_THAT(ErrorOf(tower(16), kBound), HasSubstr("the depth of the match is 33, the limit is 32"));
}

TEST(ParseBoundsTest, Nodes) {
  const auto operands = [](size_t count) {
    std::string text = "ip.id == 0";
    for (size_t i = 1; i < count; ++i) text += " or ip.id == " + std::to_string(i);
    return text;
  };
  EXPECT_TRUE(ParseExpr(operands(kMaxExprNodes - 1)).ok());  // and the "or" itself
  EXPECT_THAT(ErrorOf(operands(kMaxExprNodes), kBound), HasSubstr("more than 256 comparisons and operators"));
}

TEST(ParseBoundsTest, SetSize) {
  const auto set = [](size_t count) {
    std::string text = "ip.id in {0";
    for (size_t i = 1; i < count; ++i) text += ", " + std::to_string(2 * i);
    return text + "}";
  };
  EXPECT_TRUE(ParseExpr(set(kMaxSetSize)).ok());
  EXPECT_THAT(ErrorOf(set(kMaxSetSize + 1), kBound), HasSubstr("more than 256 members in a set"));
}

TEST(ParseBoundsTest, CanonicalTextMayNotOutgrowTheBound) {
  // Short to write, long to say: ranges of flags come out by name.
  std::string text = "tcp.flags in {0..254}";
  EXPECT_TRUE(ParseExpr(text).ok());
  text = "tcp.flags in {0..15, 17..32, 34..49, 51..66, 68..83, 85..100, 102..117, 119..134, 136..151, 153..168}";
  EXPECT_TRUE(ParseExpr(text).ok());
  std::string many = text;
  for (int i = 1; i < 4; ++i) many += " or ip.id == " + std::to_string(i) + " and " + text;
  EXPECT_THAT(ErrorOf(many, kBound), HasSubstr("the canonical text of the match, in bytes, is"));
}

TEST(ParseBoundsTest, StringsAndNames) {
  EXPECT_TRUE(ParseExpr("tls.ja4 == \"" + std::string(64, 'a') + "\"").ok());
  EXPECT_THAT(ErrorOf("tls.ja4 == \"" + std::string(65, 'a') + "\"", kBound), HasSubstr("of at most 64 bytes"));
  EXPECT_TRUE(ParseExpr("http.header[\"" + std::string(64, 'a') + "\"] == \"a\"").ok());
  EXPECT_THAT(ErrorOf("http.header[\"" + std::string(65, 'a') + "\"] == \"a\"", kBound),
              HasSubstr("this name is longer than 64 bytes"));
}

TEST(ParseErrorsTest, LongTextsAreCutAroundThePlace) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "ip.id == " + std::to_string(i) + " or ";
  const size_t at = text.size();
  text += "ip.foo == 5";
  for (int i = 0; i < 40; ++i) text += " or ip.id == " + std::to_string(i);
  const std::string message = ErrorOf(text, Refusal::kUnknownField);
  EXPECT_THAT(message, StartsWith("column " + std::to_string(at + 1) + ": unknown field"));
  const size_t first = message.find('\n');
  const size_t second = message.find('\n', first + 1);
  const std::string shown = message.substr(first + 1, second - first - 1);
  const std::string caret = message.substr(second + 1);
  EXPECT_THAT(shown, StartsWith("  ..."));
  EXPECT_TRUE(shown.ends_with("..."));
  EXPECT_LT(shown.size(), 140u);
  EXPECT_EQ(shown.substr(caret.find('^'), 6), "ip.foo");
}

TEST(ParseErrorsTest, ColumnsCountCharactersAndCaretsSkipLineEnds) {
  EXPECT_EQ(ErrorOf("http.host == \"\xc3\xbc\xe2\x82\xac\" and\n\tip.foo == 1", Refusal::kUnknownField),
            "column 24: unknown field \"ip.foo\"\n"
            "  http.host == \"\xc3\xbc\xe2\x82\xac\" and  ip.foo == 1\n"
            "                         ^");
}

TEST(ParseErrorsTest, HostileTextIsEscapedAndCut) {
  const std::string message = ErrorOf("ip.len == \x1b[31m" + std::string(5000, 'a'), kMalformed);
  EXPECT_THAT(message, HasSubstr("unexpected character \"\\x1b\""));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 300u);
  EXPECT_LT(ErrorOf(std::string(5000, 'a') + " == 1", Refusal::kUnknownField).size(), 400u);
}

TEST(ParseErrorsTest, ZeroBytesAreNoEnd) {
  EXPECT_THAT(ErrorOf(std::string_view("ip.len == 5\0 or ip.len == 6", 27), kMalformed),
              StartsWith("column 12: unexpected character \"\\x00\""));
}

}  // namespace
}  // namespace breakwater::rule
