#include "common/rule/expr.h"

#include <gtest/gtest.h>

#include <string>

#include "common/rule/check.h"
#include "common/rule/random_expr.h"

namespace breakwater::rule {
namespace {

std::string Canonical(std::string_view text) {
  const absl::StatusOr<ExprPtr> expr = ParseExpr(text);
  return expr.ok() ? CanonicalText(**expr) : std::string(expr.status().message());
}

ExprPtr Parsed(std::string_view text) {
  absl::StatusOr<ExprPtr> expr = ParseExpr(text);
  EXPECT_TRUE(expr.ok()) << text << "\n" << expr.status();
  return expr.ok() ? *expr : nullptr;
}

net::IpPrefix Prefix(std::string_view text) { return *net::IpPrefix::Parse(text); }

struct CanonicalCase {
  std::string_view text;
  std::string_view canonical;
};

class CanonicalTextTest : public ::testing::TestWithParam<CanonicalCase> {};

TEST_P(CanonicalTextTest, IsAFixedPoint) {
  EXPECT_EQ(Canonical(GetParam().text), GetParam().canonical);
  EXPECT_EQ(Canonical(GetParam().canonical), GetParam().canonical);
}

constexpr CanonicalCase kNumberCases[] = {
    {"udp.srcport == 53", "udp.srcport == 53"},
    {"  UDP.SrcPort==0x35 ", "udp.srcport == 53"},
    {"udp.srcport != 53", "not udp.srcport == 53"},
    {"ip.len > 512", "ip.len >= 513"},
    {"ip.len >= 512", "ip.len >= 512"},
    {"ip.len < 512", "ip.len <= 511"},
    {"ip.len < 1", "ip.len == 0"},
    {"ip.len > 65534", "ip.len == 65535"},
    {"ip.len >= 0", "ip.len >= 0"},
    {"ip.len <= 65535", "ip.len >= 0"},
    {"ip.len == 100..200", "ip.len == 100..200"},
    {"ip.len in {100 .. 200}", "ip.len == 100..200"},
    {"ip.len in {7}", "ip.len == 7"},
    {"ip.len in 7", "ip.len == 7"},
    {"udp.srcport in {53, 100..200}", "udp.srcport in {53, 100..200}"},
    {"udp.srcport in {123,53,53,11211}", "udp.srcport in {53, 123, 11211}"},
    {"udp.srcport in {3, 1, 2, 10..20, 15..30}", "udp.srcport in {1..3, 10..30}"},
    {"udp.srcport in {0..10, 60000..65535}", "udp.srcport in {0..10, 60000..65535}"},
    {"tcp.seq == 4294967295", "tcp.seq == 4294967295"},
    {"tcp.seq >= 4294967295", "tcp.seq == 4294967295"},
    {"src.asn in {64496..64511}", "src.asn == 64496..64511"},
};
INSTANTIATE_TEST_SUITE_P(Numbers, CanonicalTextTest, ::testing::ValuesIn(kNumberCases));

constexpr CanonicalCase kFlagCases[] = {
    {"tcp.flags == ack|syn", "tcp.flags == syn|ack"},
    {"tcp.flags == SYN | ACK", "tcp.flags == syn|ack"},
    {"tcp.flags == 0x12", "tcp.flags == syn|ack"},
    {"tcp.flags == 0", "tcp.flags == 0"},
    {"tcp.flags & syn|ack|rst == syn", "tcp.flags & syn|rst|ack == syn"},
    {"tcp.flags & 0xff == syn", "tcp.flags == syn"},
    {"tcp.flags in {syn, fin|syn, rst}", "tcp.flags in {syn, fin|syn, rst}"},
    {"tcp.flags in {syn|ack, syn}", "tcp.flags in {syn, syn|ack}"},
    {"tcp.flags == 0..255", "tcp.flags == 0..255"},
    {"tcp.flags & syn != 0", "not tcp.flags & syn == 0"},
    {"ip.fragment & isf == isf", "ip.fragment & isf == isf"},
    {"tcp.flags & fin|rst in {0..255}", "tcp.flags & fin|rst in {0, fin, rst, fin|rst}"},
    {"tcp.flags & fin|rst in {fin, rst|fin, 0, rst}", "tcp.flags & fin|rst in {0, fin, rst, fin|rst}"},
    {"ip.fragment in {ff, isf, lf|isf}", "ip.fragment in {isf, ff, isf|lf}"},
};
INSTANTIATE_TEST_SUITE_P(Flags, CanonicalTextTest, ::testing::ValuesIn(kFlagCases));

constexpr CanonicalCase kAddressCases[] = {
    {"ip.dst == 203.0.113.7/32", "ip.dst == 203.0.113.7"},
    {"ip.dst in {203.0.113.0/24}", "ip.dst == 203.0.113.0/24"},
    {"ip.dst in {203.0.113.0/24, 203.0.113.7, 192.0.2.1}", "ip.dst in {192.0.2.1, 203.0.113.0/24}"},
    {"ip.dst == 2001:DB8:0:0::1", "ip.dst == 2001:db8::1"},
    {"ip.src in {2001:db8::/32, 2001:db8:1::/48, ::/0}", "ip.src == ::/0"},
    {"ip.src in {::/0, 0.0.0.0/0, 192.0.2.0/24}", "ip.src in {::/0, 0.0.0.0/0}"},
    {"ip.src in {::/0, 192.0.2.0/24, 2001:db8::/32}", "ip.src in {::/0, 192.0.2.0/24}"},
    {"ip.src != 192.0.2.1", "not ip.src == 192.0.2.1"},
};
INSTANTIATE_TEST_SUITE_P(Addresses, CanonicalTextTest, ::testing::ValuesIn(kAddressCases));

constexpr CanonicalCase kByteCases[] = {
    {"payload[0:4] == 64:64:6F:73", "payload[0:4] == 64:64:6f:73"},
    {"payload[ 0 : 1 ] == 17", "payload[0:1] == 17"},
    {"payload[0:2] & ff:f0 == 81:80", "payload[0:2] & ff:f0 == 81:80"},
    {"payload[0:2] & ff:ff == 81:80", "payload[0:2] == 81:80"},
    {"payload[0:2] in {84:00, 81:80}", "payload[0:2] in {81:80, 84:00}"},
    {"payload[0:2] in {81:80, 81:81..81:90}", "payload[0:2] == 81:80..81:90"},
    {"l4[12:2] > 00:ff", "l4[12:2] >= 01:00"},
    {"l3[0:8] >= 00:00:00:00:00:00:00:00", "l3[0:8] >= 00:00:00:00:00:00:00:00"},
    {"l3[0:8] <= ff:ff:ff:ff:ff:ff:ff:ff", "l3[0:8] >= 00:00:00:00:00:00:00:00"},
    {"l3[127:1] == 00", "l3[127:1] == 00"},
    {"l3[0:1] & f0 == 11..2f", "l3[0:1] & f0 == 20"},
    {"l3[0:1] & f0 <= 0f", "l3[0:1] & f0 == 00"},
    {"l3[0:1] & f0 >= 11", "l3[0:1] & f0 == 20..f0"},
};
INSTANTIATE_TEST_SUITE_P(Bytes, CanonicalTextTest, ::testing::ValuesIn(kByteCases));

constexpr CanonicalCase kStringCases[] = {
    {R"(http.host == "Example.COM")", R"(http.host == "example.com")"},
    {R"(http.path matches "/wp-login*")", R"(http.path matches "/wp-login*")"},
    {R"(http.path matches "/wp-login")", R"(http.path == "/wp-login")"},
    {R"(http.path matches {"/b*", "/a"})", R"(http.path matches {"/a", "/b*"})"},
    {R"(http.path matches "a***?*b")", R"(http.path matches "a?*b")"},
    {R"(http.path == "/a*")", R"(http.path == "/a*")"},
    {R"(http.query == "a\"b\\c")", R"(http.query == "a\"b\\c")"},
    {R"(http.header["X-Api-Key"] in {"b", "a"})", R"(http.header["x-api-key"] in {"a", "b"})"},
    {R"(http.cookie["Session"] != "")", R"(not http.cookie["Session"] == "")"},
    {R"(src.country in {"nl", "DE", "NL"})", R"(src.country in {"DE", "NL"})"},
    {"http.user_agent == \"Gr\xc3\xbc\xc3\x9f\"", "http.user_agent == \"Gr\xc3\xbc\xc3\x9f\""},
};
INSTANTIATE_TEST_SUITE_P(Strings, CanonicalTextTest, ::testing::ValuesIn(kStringCases));

constexpr CanonicalCase kLogicCases[] = {
    {"ip.len > 512 and udp.srcport == 53 and ip.dst in {203.0.113.0/24}",
     "ip.dst == 203.0.113.0/24 and ip.len >= 513 and udp.srcport == 53"},
    {"ip.len == 1 && ip.ttl == 2 || !ip.id == 3", "not ip.id == 3 or ip.len == 1 and ip.ttl == 2"},
    {"(ip.len == 1 or ip.ttl == 2) and ip.id == 3", "ip.id == 3 and (ip.len == 1 or ip.ttl == 2)"},
    {"((ip.len == 1))", "ip.len == 1"},
    {"ip.len == 1 and (ip.ttl == 2 and ip.id == 3)", "ip.len == 1 and ip.ttl == 2 and ip.id == 3"},
    {"ip.len == 1 or (ip.ttl == 2 or ip.len == 1)", "ip.len == 1 or ip.ttl == 2"},
    {"ip.len == 1 and ip.len == 0x1", "ip.len == 1"},
    {"not not ip.len == 1", "ip.len == 1"},
    {"not not not ip.len == 1", "not ip.len == 1"},
    {"not ip.len != 1", "ip.len == 1"},
    {"not (ip.len == 1 and ip.ttl == 2)", "not (ip.len == 1 and ip.ttl == 2)"},
    {"not ip.len == 1 and ip.ttl == 2", "ip.ttl == 2 and not ip.len == 1"},
    {"NOT ip.len == 1 OR ip.ttl == 2\n AND\tip.id == 3", "not ip.len == 1 or ip.ttl == 2 and ip.id == 3"},
};
INSTANTIATE_TEST_SUITE_P(Logic, CanonicalTextTest, ::testing::ValuesIn(kLogicCases));

FakePacket DnsAnswer() {
  FakePacket p;
  p.numbers = {{FieldId::kIpVersion, 4},    {FieldId::kIpProto, 17},   {FieldId::kIpLen, 1500},
               {FieldId::kSrcPort, 53},     {FieldId::kDstPort, 4444}, {FieldId::kUdpSrcPort, 53},
               {FieldId::kUdpDstPort, 4444}};
  p.addresses = {{FieldId::kIpSrc, *net::IpAddress::Parse("198.51.100.9")},
                 {FieldId::kIpDst, *net::IpAddress::Parse("203.0.113.7")}};
  p.bytes = {{FieldId::kPayloadBytes, std::string("\x12\x34\x81\x80", 4)}};
  return p;
}

struct MatchCase {
  std::string_view text;
  bool matches;
};

class MatchesTest : public ::testing::TestWithParam<MatchCase> {};

TEST_P(MatchesTest, DnsAnswer) {
  EXPECT_EQ(Matches(*Parsed(GetParam().text), DnsAnswer()), GetParam().matches) << GetParam().text;
}

constexpr MatchCase kMatchCases[] = {
    {"udp.srcport == 53", true},
    {"udp.srcport != 53", false},
    {"tcp.srcport == 53", false},
    {"not tcp.srcport == 53", true},
    {"tcp.srcport != 53", true},  // absent: "not (absent == 53)"
    {"srcport == 53", true},
    {"port == 53", true},
    {"port == 4444", true},
    {"port == 80", false},
    {"port != 53", false},
    {"ip.len > 1499", true},
    {"ip.len > 1500", false},
    {"ip.dst == 203.0.113.0/24 and udp.srcport in {19, 53}", true},
    {"ip.dst == 203.0.114.0/24 or ip.src == 198.51.100.9", true},
    {"ip.dst == ::/0", false},
    {"payload[2:2] == 81:80", true},
    {"payload[2:2] & f0:00 == 80:00", true},
    {"payload[3:2] == 80:00", false},  // cut off: absent
    {"not payload[3:2] == 80:00", true},
    {"payload[0:4] >= 12:34:00:00", true},
    {"ip.id >= 0", false},  // absent
    {"ip.len >= 0", true},
    {"http.host == \"example.com\"", false},
};
INSTANTIATE_TEST_SUITE_P(Table, MatchesTest, ::testing::ValuesIn(kMatchCases));

TEST(MatchesTest, FlagsAndStrings) {
  FakePacket p;
  p.numbers = {{FieldId::kTcpFlags, 0x12}};
  p.strings = {{{FieldId::kHttpPath, ""}, "/wp-login.php"},
               {{FieldId::kHttpHeader, "x-a"}, "1"},
               {{FieldId::kSrcCountry, ""}, "NL"}};
  EXPECT_TRUE(Matches(*Parsed("tcp.flags == syn|ack"), p));
  EXPECT_FALSE(Matches(*Parsed("tcp.flags == syn"), p));
  EXPECT_TRUE(Matches(*Parsed("tcp.flags & syn|rst == syn"), p));
  EXPECT_TRUE(Matches(*Parsed(R"(http.path matches "/wp-*")"), p));
  EXPECT_FALSE(Matches(*Parsed(R"(http.path == "/wp-*")"), p));
  EXPECT_TRUE(Matches(*Parsed(R"(http.header["X-A"] == "1")"), p));
  EXPECT_FALSE(Matches(*Parsed(R"(http.header["x-b"] == "1")"), p));
  EXPECT_TRUE(Matches(*Parsed(R"(src.country in {"de", "nl"})"), p));
}

TEST(BuildersTest, GiveTheCanonicalTextOfTheSameWrittenMatch) {
  const ExprPtr built =
      And({NumberIs(FieldId::kUdpSrcPort, 53), AddressIn(FieldId::kIpDst, {Prefix("203.0.113.0/24")}),
           NumberIn(FieldId::kIpLen, {{600, 700}, {513, 599}}), FlagsAre(FieldId::kTcpFlags, 0x16, {0x02, 0x12}),
           BytesAre(FieldId::kPayloadBytes, 2, 2, 0x8180)});
  EXPECT_EQ(CanonicalText(*built),
            "ip.dst == 203.0.113.0/24 and ip.len == 513..700 and tcp.flags & syn|rst|ack in {syn, syn|ack} and "
            "udp.srcport == 53 and payload[2:2] == 81:80");
  EXPECT_EQ(Canonical(CanonicalText(*built)), CanonicalText(*built));
  EXPECT_TRUE(CheckExpr(*built).ok());
  EXPECT_EQ(CanonicalText(*Not(Not(built))), CanonicalText(*built));
  EXPECT_EQ(CanonicalText(*Or({built, built})), CanonicalText(*built));
}

TEST(BuildersDeathTest, CrashOnProgrammingErrors) {
  EXPECT_DEATH(NumberIs(FieldId::kIpLen, 65536), "ip.len.*over its maximum");
  EXPECT_DEATH(NumberIn(FieldId::kIpLen, {}), "empty set");
  EXPECT_DEATH(NumberIn(FieldId::kIpLen, {{2, 1}}), "ends before it begins");
  EXPECT_DEATH(NumberIs(FieldId::kIpDst, 1), "ip.dst");
  EXPECT_DEATH(AddressIn(FieldId::kIpDst, {}), "empty set");
  EXPECT_DEATH(FlagsAre(FieldId::kTcpFlags, 0x02, {0x10}), "outside its mask");
  EXPECT_DEATH(BytesAre(FieldId::kL3Bytes, 125, 4, 0), "outside it");
  EXPECT_DEATH(BytesAre(FieldId::kL3Bytes, 0, 1, 256), "over its maximum");
  EXPECT_DEATH(And({}), "without operands");
}

TEST(ExprTest, NeededLayer) {
  EXPECT_EQ(NeededLayer(*Parsed("ip.len == 5")), Layer::kL3);
  EXPECT_EQ(NeededLayer(*Parsed("ip.len == 5 and not tcp.flags == syn")), Layer::kL4);
  EXPECT_EQ(NeededLayer(*Parsed("ip.len == 5 or tls.sni == \"a\"")), Layer::kTls);
  EXPECT_EQ(NeededLayer(*Parsed("http.host == \"a\" or tls.sni == \"a\"")), Layer::kHttp);
}

TEST(ExprTest, ColumnsPointIntoTheText) {
  const ExprPtr e = Parsed("ip.len == 5 and tcp.flags == syn");
  ASSERT_EQ(e->children.size(), 2u);
  EXPECT_EQ(e->children[0]->column, 1);
  EXPECT_EQ(e->children[1]->column, 17);
}

}  // namespace
}  // namespace breakwater::rule
