// Packets written down with what must become of them (testdata/golden_packets.txt), through both builds of the filter.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/packet_builder.h"
#include "edge/datapath/test_kernel.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

struct Golden {
  std::string is;
  Bytes frame;
  std::string expect;
};

std::vector<Golden> Load() {
  std::ifstream file("edge/datapath/testdata/golden_packets.txt");
  EXPECT_TRUE(file.is_open()) << "run from the top of the source tree";
  std::vector<Golden> packets;
  Golden next;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    const std::string key = line.substr(0, colon);
    const std::string value = line.substr(colon + 2);
    if (key == "is") next.is = value;
    if (key == "hex") {
      const std::string bytes = absl::HexStringToBytes(value);
      next.frame.assign(bytes.begin(), bytes.end());
    }
    if (key == "expect") {
      next.expect = value;
      packets.push_back(next);
    }
  }
  return packets;
}

Ruleset GoldenRuleset() {
  Ruleset ruleset{.revision = 1,
                  .policies = {Web("203.0.113.0/24"), Open("203.0.113.128/25"), Open("2001:db8:0:1::/64")}};
  ruleset.policies.push_back({.prefix = Prefix("2001:db8::/64"),
                              .services = {{.protocol = 6, .port_lo = 443, .port_hi = 443},
                                           {.protocol = 58, .port_lo = 128, .port_hi = 128},
                                           {.protocol = 58, .port_lo = 133, .port_hi = 136}}});
  ruleset.sources = {{.prefix = Prefix("198.51.100.66/32")},
                     {.prefix = Prefix("2001:db8:bad::/48")},
                     {.prefix = Prefix("198.51.100.53/32"),
                      .kind = SourceEntry::Kind::kAllow,
                      .allowed = {.protocol = 6, .port_lo = 179, .port_hi = 179, .cap_pps = 10}}};
  RuleEntry first = Rule("allow", 6, "udp.dstport == 5353", rule::Mode::kEnforce, rule::ActionKind::kAllow);
  first.rule.priority = 1;
  ruleset.rules = {first,
                   Rule("dns", 1, "ip.dst == 203.0.113.200 and udp.srcport == 53 and ip.len > 512"),
                   Rule("observed", 2, "tcp.flags & syn == syn", rule::Mode::kObserve),
                   Rule("fragments", 3, "ip.fragment & isf == isf and ip.dst == 203.0.113.201"),
                   Rule("vlan", 4, "vlan.id == 7 and ip.dst == 203.0.113.200"),
                   Rule("payload", 5, "payload[0:4] == de:ad:be:ef"),
                   Rule("v6", 7, "ip.dst == 2001:db8:0:1::200 and udp.srcport == 53")};
  return ruleset;
}

std::string Describe(const Verdict& verdict) {
  std::string text =
      absl::StrCat(std::string(ReasonName(verdict.reason)), " ", std::string(window::vector_name(verdict.vector)));
  if (verdict.rule_slot >= 0) absl::StrAppend(&text, " ", verdict.rule_slot);
  return text;
}

void JudgeAll(Engine& engine) {
  const Ruleset ruleset = GoldenRuleset();
  absl::StatusOr<InstallReport> report = engine.Install(ruleset);
  ASSERT_TRUE(report.ok()) << report.status();
  for (const RuleRefusal& refused : report->refused) ADD_FAILURE() << refused.rule_id << ": " << refused.status;
  const std::vector<Golden> packets = Load();
  EXPECT_GT(packets.size(), 70u);
  for (const Golden& packet : packets) {
    absl::StatusOr<Verdict> verdict = engine.Process(packet.frame, absl::FromUnixSeconds(1'700'000'000));
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_EQ(Describe(*verdict), packet.expect) << packet.is;
    EXPECT_EQ(verdict->dropped, packet.expect.starts_with("drop_")) << packet.is;
  }
}

TEST(GoldenPacketsTest, Native) { JudgeAll(**NewNativeEngine({})); }

TEST(GoldenPacketsTest, Kernel) {
  BREAKWATER_NEEDS_KERNEL();
  absl::StatusOr<std::unique_ptr<Engine>> engine = NewKernelEngine({});
  ASSERT_TRUE(engine.ok()) << engine.status();
  JudgeAll(**engine);
}

}  // namespace
}  // namespace breakwater::datapath
