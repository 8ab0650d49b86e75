// Bounds of a ruleset, and that a refused one changes nothing; policies' caps and limits' keys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/packet_builder.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

using testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

Bytes UdpFrom(std::string_view source, std::string_view destination, uint16_t port, size_t payload = 0) {
  return Frame({.source = Ip(source), .destination = Ip(destination), .protocol = 17}, Udp(1000, port, Bytes(payload)));
}

class InstallTest : public testing::Test {
 protected:
  absl::Status Install(const Ruleset& ruleset) {
    absl::StatusOr<InstallReport> report = engine_->Install(ruleset);
    if (!report.ok()) return report.status();
    return report->refused.empty() ? absl::OkStatus() : report->refused[0].status;
  }
  bw_reason Reason(const Bytes& frame, absl::Duration after = absl::ZeroDuration()) {
    return engine_->Process(frame, kStart + after)->reason;
  }
  // How many of n equal packets at one moment are let through.
  int Passed(const Bytes& frame, int n, absl::Duration after = absl::ZeroDuration()) {
    int passed = 0;
    for (int i = 0; i < n; i++) passed += !engine_->Process(frame, kStart + after)->dropped;
    return passed;
  }
  std::unique_ptr<Engine> engine_ = *NewNativeEngine({});
};

Ruleset ManySources(uint32_t n) {
  Ruleset ruleset{.revision = 1, .policies = {Open("203.0.113.0/24")}};
  for (uint32_t i = 0; i < n; i++)
    ruleset.sources.push_back({.prefix = net::IpPrefix(net::IpAddress::FromV4(0xc6120000u + i * 2), 32)});
  return ruleset;
}

TEST_F(InstallTest, NamesTheBoundThatIsExceededAndChangesNothing) {
  ASSERT_TRUE(Install({.revision = 1, .policies = {Web("203.0.113.0/24")}}).ok());
  Ruleset policies{.revision = 2};
  for (uint32_t i = 0; i <= Bounds::kPolicies; i++)
    policies.policies.push_back({.prefix = net::IpPrefix(net::IpAddress::FromV4(0xc6120000u + i), 32)});
  EXPECT_THAT(Install(policies).ToString(), HasSubstr("1025 policies; the datapath carries at most 1024"));
  Ruleset rules{.revision = 2};
  for (uint32_t i = 0; i <= Bounds::kRules; i++) rules.rules.push_back(Rule(absl::StrCat("r", i), i, "ip.ttl == 1"));
  EXPECT_THAT(Install(rules).ToString(), HasSubstr("257 rules; the datapath carries at most 256"));
  EXPECT_THAT(Install(ManySources(Bounds::kSources + 1)).ToString(), HasSubstr("65537 sources"));
  Policy crowded = Open("203.0.113.0/24");
  crowded.services.resize(17);
  EXPECT_THAT(Install({.policies = {crowded}}).ToString(), HasSubstr("17 services in policy 203.0.113.0/24"));
  EXPECT_THAT(Install({.policies = {Open("203.0.113.0/24"), Web("203.0.113.0/24")}}).ToString(),
              HasSubstr("is there twice"));
  EXPECT_THAT(Install({.rules = {Rule("a", 4096, "ip.ttl == 1")}}).ToString(), HasSubstr("slots are 0 to 4095"));
  EXPECT_THAT(Install({.rules = {Rule("a", 1, "ip.ttl == 1"), Rule("b", 1, "ip.ttl == 2")}}).ToString(),
              HasSubstr("rules a and b share counter slot 1"));
  EXPECT_EQ(Reason(UdpFrom("192.0.2.1", "203.0.113.7", 53)), BW_REASON_DROP_UNDECLARED) << "the first is in force";
}

TEST_F(InstallTest, RefusesServicesThatMakeNoSense) {
  Policy policy = Open("203.0.113.0/24");
  policy.services = {{.protocol = 47, .port_lo = 80, .port_hi = 80}};
  EXPECT_THAT(Install({.policies = {policy}}).ToString(), HasSubstr("protocol 47 has no ports"));
  policy.services = {{.protocol = 6, .port_lo = 81, .port_hi = 80}};
  EXPECT_THAT(Install({.policies = {policy}}).ToString(), HasSubstr("ports 81-80 are the wrong way round"));
  policy.services = {};
  policy.undeclared = Undeclared::kCap;
  EXPECT_THAT(Install({.policies = {policy}}).ToString(), HasSubstr("the cap is 0"));
  SourceEntry uncapped{.prefix = Prefix("192.0.2.1/32"), .kind = SourceEntry::Kind::kAllow};
  EXPECT_THAT(Install({.sources = {uncapped}}).ToString(), HasSubstr("needs a rate cap"));
}

TEST_F(InstallTest, CarriesAsManySourcesAsItSays) {
  Ruleset ruleset = ManySources(Bounds::kSources);
  ASSERT_TRUE(Install(ruleset).ok());
  int wrong = 0;
  for (uint32_t i = 0; i < Bounds::kSources * 2; i++) {
    const Bytes frame = Frame(
        {.source = net::IpAddress::FromV4(0xc6120000u + i), .destination = Ip("203.0.113.7"), .protocol = 47}, {});
    wrong += engine_->Process(frame, kStart)->dropped != (i % 2 == 0);
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(InstallTest, TheLongestOfManyPrefixLengthsWins) {
  Ruleset ruleset{.revision = 1, .policies = {Open("203.0.113.0/24")}};
  for (int length = 17; length <= 32; length++) {
    if (length % 2 == 0) {
      ruleset.sources.push_back({.prefix = net::IpPrefix(Ip("198.18.0.0"), length)});
    } else {
      ruleset.sources.push_back({.prefix = net::IpPrefix(Ip("198.18.0.0"), length),
                                 .kind = SourceEntry::Kind::kAllow,
                                 .allowed = {.protocol = 6, .cap_pps = 1}});
    }
  }
  ASSERT_TRUE(Install(ruleset).ok());
  for (int length = 17; length < 32; length++) {
    // The address that is in this length's prefix, but in no longer one.
    const net::IpAddress source = net::IpAddress::FromV4(0xc6120000u | 1u << (31 - length));
    EXPECT_EQ(Reason(UdpFrom(source.ToString(), "203.0.113.7", 1)),
              length % 2 == 0 ? BW_REASON_DROP_SOURCE_BLOCKED : BW_REASON_PASS_DECLARED)
        << "/" << length;
  }
  ruleset.sources.push_back({.prefix = Prefix("192.0.0.0/3")});
  EXPECT_THAT(Install(ruleset).ToString(), HasSubstr("17th prefix length among IPv4 sources"));
}

TEST_F(InstallTest, CapsServicesAndWhatIsUndeclared) {
  Policy policy = Open("203.0.113.0/24");
  policy.services = {{.protocol = 17, .port_lo = 53, .port_hi = 53, .cap_pps = 10}};
  policy.undeclared = Undeclared::kCap;
  policy.undeclared_cap_pps = 5;
  ASSERT_TRUE(Install({.revision = 1, .policies = {policy}}).ok());
  EXPECT_EQ(Passed(UdpFrom("192.0.2.1", "203.0.113.7", 53), 100), 10);
  EXPECT_EQ(Reason(UdpFrom("192.0.2.1", "203.0.113.7", 53)), BW_REASON_DROP_SERVICE_CAP);
  EXPECT_EQ(Passed(UdpFrom("192.0.2.1", "203.0.113.7", 99), 100), 5);
  EXPECT_EQ(Reason(UdpFrom("192.0.2.1", "203.0.113.7", 98)), BW_REASON_DROP_UNDECLARED);
  EXPECT_EQ(Passed(UdpFrom("192.0.2.1", "203.0.113.7", 53), 100, absl::Milliseconds(500)), 5) << "refilled by half";
  EXPECT_EQ(Passed(UdpFrom("192.0.2.1", "203.0.113.7", 53), 100, absl::Seconds(100)), 10) << "never fuller than full";
}

TEST_F(InstallTest, LimitsKeepABucketPerKey) {
  const std::vector<std::pair<rule::LimitKey, int>> cases = {
      {rule::LimitKey::kRule, 1},
      {rule::LimitKey::kSource, 4},
      {rule::LimitKey::kSourcePrefix, 2},
      {rule::LimitKey::kDestination, 2},
      {rule::LimitKey::kSourceDestinationPort, 8},
  };
  uint32_t slot = 0;
  for (const auto& [key, buckets] : cases) {
    SCOPED_TRACE(rule::LimitKeyName(key));
    RuleEntry limit = Rule("r", slot++, "ip.proto == 17", rule::Mode::kEnforce, rule::ActionKind::kRateLimit);
    limit.rule.action.limit = {.key = key, .rate = 3};
    ASSERT_TRUE(Install({.revision = 1, .policies = {Open("203.0.113.0/24")}, .rules = {limit}}).ok());
    int passed = 0;
    // Four sources of two /24s, two destinations, two ports.
    for (std::string_view source : {"198.51.100.1", "198.51.100.2", "198.18.0.1", "198.18.0.2"}) {
      for (std::string_view destination : {"203.0.113.1", "203.0.113.2"}) {
        for (uint16_t port : {53, 54}) passed += Passed(UdpFrom(source, destination, port), 10);
      }
    }
    EXPECT_EQ(passed, 3 * buckets);
  }
}

TEST_F(InstallTest, LimitsInBitsCountIpLengths) {
  RuleEntry limit = Rule("r", 1, "ip.proto == 17", rule::Mode::kEnforce, rule::ActionKind::kRateLimit);
  limit.rule.action.limit = {.unit = rule::LimitUnit::kBitsPerSecond, .rate = 80'000, .burst = 8'000};
  ASSERT_TRUE(Install({.revision = 1, .policies = {Open("203.0.113.0/24")}, .rules = {limit}}).ok());
  const Bytes hundred = UdpFrom("192.0.2.1", "203.0.113.7", 53, 100 - 28);
  EXPECT_EQ(Passed(hundred, 100), 10) << "8,000 bits are ten packets of 100 bytes";
  EXPECT_EQ(Passed(hundred, 100, absl::Milliseconds(50)), 5);
  const Bytes large = UdpFrom("192.0.2.1", "203.0.113.7", 53, 1400);
  EXPECT_EQ(Passed(large, 3, absl::Seconds(10)), 1) << "a full bucket lets one packet through, however large";
}

TEST_F(InstallTest, HostTableSizesAreChecked) {
  EXPECT_THAT(NewNativeEngine({.host_table_entries = 1000}).status().ToString(), HasSubstr("power of two"));
  EXPECT_THAT(NewNativeEngine({.host_table_entries = 4}).status().ToString(), HasSubstr("from 8"));
}

}  // namespace
}  // namespace breakwater::datapath
