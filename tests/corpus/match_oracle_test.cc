// One rule text means the same everywhere: what the compiled packet filter decides is what the match, evaluated on the
// sampled header, says. Random matches against random and mutated frames.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>

#include "common/rule/expr.h"
#include "common/window/sample_reader.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/random_traffic.h"

namespace breakwater {
namespace {

datapath::Ruleset OneRule(rule::ExprPtr match, uint64_t revision) {
  datapath::Ruleset ruleset;
  ruleset.revision = revision;
  for (const char* everything : {"0.0.0.0/0", "::/0"}) {
    ruleset.policies.push_back({.prefix = *net::IpPrefix::Parse(everything),
                                .services = {datapath::Service{}},
                                .undeclared = datapath::Undeclared::kPass});
  }
  rule::Rule r;
  r.id = "one";
  r.match = std::move(match);
  r.action = {.kind = rule::ActionKind::kDrop};
  r.mode = rule::Mode::kEnforce;
  r.wide_override = true;
  ruleset.rules.push_back({r, 0});
  return ruleset;
}

TEST(MatchOracleTest, TheFilterDecidesWhatTheMatchSays) {
  uint32_t seed = std::random_device{}();
  if (const char* given = std::getenv("BREAKWATER_SEED")) seed = static_cast<uint32_t>(std::strtoul(given, nullptr, 0));
  std::cout << "seed: BREAKWATER_SEED=" << seed << std::endl;
  std::mt19937 random(seed);

  absl::StatusOr<std::unique_ptr<datapath::Engine>> engine = datapath::NewNativeEngine({.host_table_entries = 1024});
  ASSERT_TRUE(engine.ok()) << engine.status();
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  int compared = 0;
  int matched = 0;
  for (uint64_t round = 1; round <= 400; ++round) {
    const rule::ExprPtr match = datapath::RandomMatch(random, 3);
    absl::StatusOr<datapath::InstallReport> report = (*engine)->Install(OneRule(match, round));
    ASSERT_TRUE(report.ok()) << report.status();
    if (!report->refused.empty()) continue;  // more terms than the packet filter carries

    // Few enough packets in one 100 ms that each is sampled.
    struct Seen {
      datapath::Bytes frame;
      datapath::Verdict verdict;
    };
    std::map<absl::Time, Seen> seen;
    now += absl::Seconds(1);
    for (int i = 0; i < 100; ++i) {
      now += absl::Microseconds(10);
      datapath::Bytes frame = datapath::RandomFrame(random);
      absl::StatusOr<datapath::Verdict> verdict = (*engine)->Process(frame, now);
      ASSERT_TRUE(verdict.ok()) << verdict.status();
      seen[now] = {std::move(frame), *verdict};
    }
    absl::StatusOr<datapath::SlotCounters> counters = (*engine)->TakeCounters();
    ASSERT_TRUE(counters.ok()) << counters.status();
    for (const window::HeaderSample& sample : counters->samples) {
      const auto it = seen.find(sample.time);
      ASSERT_NE(it, seen.end()) << "a sample of no packet";
      const auto& [frame, verdict] = it->second;
      if (verdict.reason == BW_REASON_PASS_UNPARSED) continue;  // no rule is looked at
      // The filter sees bytes behind the sampled ones.
      if (sample.ip_length > sample.size && sample.size == window::HeaderSample::kMaxBytes) continue;
      // A tag with id 0 is a tag to the filter, and none in a sample.
      if (frame.size() > 16 && frame[12] == 0x81 && (frame[14] & 0x0f) == 0 && frame[15] == 0) continue;
      ++compared;
      matched += verdict.dropped;
      ASSERT_EQ(verdict.dropped, rule::Matches(*match, window::SampleReader(sample)))
          << rule::CanonicalText(*match) << "\nframe " << datapath::Hex(frame) << "\nvector "
          << window::vector_name(verdict.vector);
    }
  }
  EXPECT_GT(compared, 10000);
  EXPECT_GT(matched, compared / 50);
  EXPECT_LT(matched, compared * 49 / 50);
}

}  // namespace
}  // namespace breakwater
