// A compiled rule matches exactly the packets its expression matches: random expressions and packets, with rule::Matches
// as the oracle. And what can't be compiled is refused with the reason.
#include "edge/datapath/terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/window/sample_reader.h"
#include "edge/datapath/generation.h"
#include "edge/datapath/header_sample.h"
#include "edge/datapath/native_tables.h"
#include "edge/datapath/random_traffic.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

using testing::HasSubstr;

// The frame cut off behind what a sample holds of it, so that the oracle sees all there is.
Bytes CutToSample(Bytes frame, const bw_sample& sample, size_t l3_offset) {
  frame.resize(std::min<size_t>(frame.size(), l3_offset + sample.size));
  return frame;
}

size_t L3Offset(const Bytes& frame) {
  size_t offset = 12;
  for (int tags = 0; tags < 2 && ((frame[offset] == 0x81 && frame[offset + 1] == 0) ||
                                  (frame[offset] == 0x88 && frame[offset + 1] == 0xa8));
       tags++)
    offset += 4;
  return offset + 2;
}

TEST(TermsTest, CompiledRulesMatchWhatTheirExpressionsMatch) {
  uint32_t seed = std::random_device{}();
  if (const char* given = std::getenv("BREAKWATER_SEED")) seed = static_cast<uint32_t>(std::strtoul(given, nullptr, 0));
  std::cout << "seed: BREAKWATER_SEED=" << seed << std::endl;
  std::mt19937 random(seed);
  NativeTables tables(/*host_sets=*/1);
  int matched = 0;
  int compared = 0;
  int refused = 0;
  for (int round = 0; round < 2000 && !testing::Test::HasFailure(); round++) {
    RuleEntry entry;
    entry.rule.id = "r";
    entry.rule.match = RandomMatch(random, round % 4);
    absl::StatusOr<Compiled> compiled = Compile({.revision = 1, .rules = {entry}}, {});
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    if (!compiled->report.refused.empty()) {
      EXPECT_EQ(compiled->report.refused[0].status.code(), absl::StatusCode::kResourceExhausted);
      refused++;
      continue;
    }
    Fill(compiled->generation, 0, tables.tables());
    for (int i = 0; i < 50; i++) {
      Bytes frame = RandomFrame(random);
      const bw_sample* sample = bw_native_sample(tables.env(), frame.data(), static_cast<uint32_t>(frame.size()));
      if (sample == nullptr) continue;
      frame = CutToSample(std::move(frame), *sample, L3Offset(frame));
      sample = bw_native_sample(tables.env(), frame.data(), static_cast<uint32_t>(frame.size()));
      if (sample == nullptr) continue;
      const window::HeaderSample header = HeaderSampleOf(*sample, absl::UnixEpoch());
      const bool expected = rule::Matches(*entry.rule.match, window::SampleReader(header));
      const bool actual = bw_native_rule_matches(tables.env(), 0, 0, frame.data(), static_cast<uint32_t>(frame.size()));
      ASSERT_EQ(actual, expected) << rule::CanonicalText(*entry.rule.match) << "\n" << Hex(frame);
      matched += expected;
      compared++;
    }
  }
  std::cout << compared << " compared, " << matched << " matched, " << refused << " rules refused" << std::endl;
  EXPECT_GT(matched, compared / 20);
  EXPECT_LT(matched, compared * 19 / 20);
  EXPECT_LT(refused, 500);
}

absl::Status Refusal(const RuleEntry& entry) {
  absl::StatusOr<Compiled> compiled = Compile({.revision = 1, .rules = {entry}}, {});
  if (!compiled.ok()) return compiled.status();
  return compiled->report.refused.empty() ? absl::OkStatus() : compiled->report.refused[0].status;
}
absl::Status Refusal(std::string_view match) { return Refusal(Rule("r", 1, match)); }

TEST(TermsTest, RefusesWhatAnotherLayerMustDecide) {
  EXPECT_THAT(Refusal("src.asn == 64496").ToString(), HasSubstr("the datapath can't decide src.asn"));
  EXPECT_THAT(Refusal("http.host == \"example.com\"").ToString(), HasSubstr("the datapath can't decide http.host"));
  RuleEntry challenge = Rule("r", 1, "ip.proto == 6");
  challenge.rule.action.kind = rule::ActionKind::kChallenge;
  EXPECT_THAT(Refusal(challenge).ToString(), HasSubstr("the datapath can't do challenge"));
  RuleEntry site = Rule("r", 1, "ip.proto == 6");
  site.rule.scope.sites = {"example.com"};
  EXPECT_THAT(Refusal(site).ToString(), HasSubstr("can't tell sites apart"));
  RuleEntry limit = Rule("r", 1, "ip.proto == 6", rule::Mode::kEnforce, rule::ActionKind::kRateLimit);
  EXPECT_THAT(Refusal(limit).ToString(), HasSubstr("rate_limit needs a rate above 0"));
  limit.rule.action.limit = {.rate = 5, .fleet_wide = true};
  EXPECT_THAT(Refusal(limit).ToString(), HasSubstr("fleet-wide"));
}

TEST(TermsTest, RefusesAMatchThatGrowsTooLarge) {
  // Eleven times two alternatives on different fields: 2,048 terms.
  std::string match = "(ip.ttl == 1 or ip.id == 1)";
  for (int i = 2; i <= 11; i++) absl::StrAppend(&match, " and (ip.ttl == ", i, " or ip.id == ", i, ")");
  EXPECT_THAT(Refusal(match).ToString(), HasSubstr("more than 1024 terms"));
  std::string checks = "ip.id != 0";
  for (int i = 1; i < 20; i++) absl::StrAppend(&checks, " and l3[", i, ":1] != ", "00");
  EXPECT_THAT(Refusal(checks).ToString(), HasSubstr("16 checks"));
}

TEST(TermsTest, ARuleThatFindsNoRoomIsRefusedAndTheNextStillGoesIn) {
  // Each of these takes 256 terms; the fifth finds none left.
  std::string match = "(ip.ttl == 1 or ip.id == 1)";
  for (int i = 2; i <= 8; i++) absl::StrAppend(&match, " and (ip.ttl == ", i, " or ip.id == ", i, ")");
  Ruleset ruleset{.revision = 1};
  for (uint32_t i = 0; i < 5; i++) ruleset.rules.push_back(Rule(absl::StrCat("r", i), i, match));
  absl::StatusOr<Compiled> compiled = Compile(ruleset, {});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  ASSERT_EQ(compiled->report.refused.size(), 1u);
  EXPECT_EQ(compiled->report.refused[0].rule_id, "r4");
  EXPECT_THAT(std::string(compiled->report.refused[0].status.message()), HasSubstr("1024 of 1024 are taken"));
}

TEST(TermsTest, OneDestinationTheProtocolAndANumberAreLookedAtFirst) {
  absl::StatusOr<std::vector<Term>> terms =
      TermsOf(Rule("r", 1, "udp.srcport in {53..60} and ip.dst == 203.0.113.7 and ip.ttl == 64").rule);
  ASSERT_TRUE(terms.ok()) << terms.status();
  ASSERT_EQ(terms->size(), 1u);
  EXPECT_EQ((*terms)[0].checks.size(), 1u) << "only one of the two numbers needs a check of its own";
  EXPECT_EQ((*terms)[0].layout.protocol, 17);
  EXPECT_EQ((*terms)[0].layout.dst[1], 0xffffcb007107u);
}

TEST(TermsTest, TheScopeRestrictsTheDestination) {
  RuleEntry entry = Rule("r", 1, "ip.proto == 17");
  entry.rule.scope.prefixes = {Prefix("203.0.113.0/24"), Prefix("2001:db8::/32")};
  absl::StatusOr<Compiled> compiled = Compile({.revision = 1, .rules = {entry}}, {});
  ASSERT_TRUE(compiled.ok() && compiled->report.refused.empty());
  NativeTables tables(1);
  Fill(compiled->generation, 0, tables.tables());
  auto matches = [&](std::string_view destination) {
    const net::IpAddress to = Ip(destination);
    const Bytes frame = Frame(
        {.source = Ip(to.is_v4() ? "192.0.2.1" : "2001:db8::1"), .destination = to, .protocol = 17}, Udp(1, 2, {}));
    return bw_native_rule_matches(tables.env(), 0, 0, frame.data(), static_cast<uint32_t>(frame.size()));
  };
  EXPECT_TRUE(matches("203.0.113.200"));
  EXPECT_TRUE(matches("2001:db8:1::1"));
  EXPECT_FALSE(matches("203.0.114.1"));
  EXPECT_FALSE(matches("2001:db9::1"));
}

}  // namespace
}  // namespace breakwater::datapath
