// Golden checks let every right ruleset through, and notice tables that don't say what the ruleset says.
#include "edge/datapath/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "edge/datapath/random_traffic.h"
#include "edge/datapath/test_rules.h"
#include "edge/datapath/witness.h"

namespace breakwater::datapath {
namespace {

using testing::HasSubstr;

TEST(GoldenTest, LetsRightRulesetsThrough) {
  uint32_t seed = std::random_device{}();
  if (const char* given = std::getenv("BREAKWATER_SEED")) seed = static_cast<uint32_t>(std::strtoul(given, nullptr, 0));
  std::cout << "seed: BREAKWATER_SEED=" << seed << std::endl;
  std::mt19937 random(seed);
  GoldenCheck golden;
  for (uint64_t round = 0; round < 300; round++) {
    const Ruleset ruleset = RandomRuleset(random, round);
    absl::StatusOr<Compiled> compiled = Compile(ruleset, {});
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    absl::StatusOr<std::vector<RuleRefusal>> wrong = golden.Check(ruleset, *compiled);
    ASSERT_TRUE(wrong.ok()) << wrong.status();
    for (const RuleRefusal& rule : *wrong) ADD_FAILURE() << rule.status;
  }
}

struct Broken {
  Ruleset ruleset{.revision = 1,
                  .policies = {Web("203.0.113.0/24"), Open("203.0.113.64/26"), Web("2001:db8::/32")},
                  .rules = {Rule("a", 1, "ip.dst == 203.0.113.7 and udp.srcport == 53 and ip.len > 512"),
                            Rule("b", 2, "tcp.flags == syn and ip.src in {198.51.100.0/24}")}};
  Compiled compiled = *Compile(ruleset, {});
  GoldenCheck golden;

  // The errors of the rules found wrong, one a line.
  std::string WrongRules() {
    absl::StatusOr<std::vector<RuleRefusal>> wrong = golden.Check(ruleset, compiled);
    if (!wrong.ok()) return wrong.status().ToString();
    std::string lines;
    for (const RuleRefusal& rule : *wrong) lines += rule.status.ToString() + "\n";
    return lines;
  }
};

TEST(GoldenTest, NoticesARuleThatMatchesTooMuch) {
  Broken broken;
  ASSERT_EQ(broken.WrongRules(), "");
  for (bw_term& term : broken.compiled.generation.terms) {
    term.checks = 0;
    term.protocol_mask = term.protocol = 0;
    term.number = BW_NUMBER_VERSION;
    term.number_mask = term.number_low = 0;
    term.dst_mask[0] = term.dst_mask[1] = term.dst[0] = term.dst[1] = 0;
  }
  EXPECT_THAT(broken.WrongRules(), HasSubstr("INTERNAL: golden check: rule b in its compiled form matches a packet"));
}

TEST(GoldenTest, NoticesARuleThatMatchesTooLittle) {
  Broken broken;
  broken.compiled.generation.terms[0].number_low ^= 1;
  EXPECT_THAT(broken.WrongRules(), HasSubstr("rule a in its compiled form doesn't match a packet"));
}

TEST(GoldenTest, NoticesAPolicyThatIsNotFound) {
  Broken broken;
  broken.compiled.generation.prefix_lengths.assign(broken.compiled.generation.prefix_lengths.size(), {});
  EXPECT_THAT(broken.WrongRules(), HasSubstr("a packet to 203.0.113.0 comes to no policy, not to 203.0.113.0/24"));
}

TEST(GoldenTest, TheWitnessOfAnOrdinaryRuleMatchesIt) {
  for (std::string_view match : {
           "ip.dst == 203.0.113.7 and udp.srcport == 53 and ip.len > 512",
           "ip.dst in {2001:db8::/64} and tcp.flags & syn|ack == syn and tcp.window == 512",
           "icmp.type == 8 and ip.ttl < 20",
           "icmpv6.type == 128",
           "udp.dstport in {1000..2000} and payload[0:4] == de:ad:be:ef",
           "ip.fragment & isf == isf and ip.src in {198.51.100.0/24}",
           "vlan.id == 7 and tcp.hdr_len == 40",
           "ip.proto == 47 and ip.dscp == 46 and ip.id == 54321",
           "tcp.seq == 305419896 and tcp.ack == 0 and tcp.dstport != 80",
       }) {
    SCOPED_TRACE(match);
    const RuleEntry entry = Rule("r", 1, match);
    absl::StatusOr<std::vector<Term>> terms = TermsOf(entry.rule);
    absl::StatusOr<Compiled> compiled = Compile({.revision = 1, .rules = {entry}}, {});
    ASSERT_TRUE(terms.ok() && compiled.ok() && compiled->report.refused.empty());
    NativeTables tables(1);
    Fill(compiled->generation, 0, tables.tables());
    const Bytes frame = WitnessOf(terms->front());
    EXPECT_TRUE(bw_native_rule_matches(tables.env(), 0, 0, frame.data(), static_cast<uint32_t>(frame.size())))
        << Hex(frame);
  }
}

}  // namespace
}  // namespace breakwater::datapath
