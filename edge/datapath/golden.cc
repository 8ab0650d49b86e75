#include "edge/datapath/golden.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/window/sample_reader.h"
#include "edge/datapath/header_sample.h"
#include "edge/datapath/terms.h"
#include "edge/datapath/witness.h"

namespace breakwater::datapath {
namespace {

// Bounds what a large ruleset costs: a check of these takes about a millisecond.
constexpr size_t kCheckedPolicies = 256;
constexpr size_t kTermsPerRule = 2;

absl::Status Defect(const std::string& what, const Bytes& frame) {
  return absl::InternalError(absl::StrCat("golden check: ", what,
                                          ". This is a defect of Breakwater, please report it with the packet ",
                                          absl::BytesToHexString(std::string(frame.begin(), frame.end()))));
}

bool InScope(const rule::Rule& rule, const net::IpAddress& destination) {
  return rule.scope.prefixes.empty() ||
         std::any_of(rule.scope.prefixes.begin(), rule.scope.prefixes.end(),
                     [&](const net::IpPrefix& prefix) { return prefix.Contains(destination); });
}

// A packet to the first address of each prefix, and one to an address next to it.
Bytes PacketTo(const net::IpAddress& destination) {
  return Frame({.source = destination, .destination = destination, .protocol = 17}, Udp(53, 443, Bytes(32)));
}

net::IpAddress Neighbour(const net::IpPrefix& prefix) {
  std::array<uint8_t, 16> bytes = prefix.address().bytes();
  const int bit = prefix.mapped_length() - 1;
  bytes[static_cast<size_t>(bit / 8)] ^= static_cast<uint8_t>(0x80 >> (bit % 8));
  return net::IpAddress::FromBytes(bytes);
}

const Policy* LongestMatch(const Ruleset& ruleset, const net::IpAddress& destination) {
  const Policy* longest = nullptr;
  for (const Policy& policy : ruleset.policies) {
    if (!policy.prefix.Contains(destination)) continue;
    if (longest == nullptr || policy.prefix.length() > longest->prefix.length()) longest = &policy;
  }
  return longest;
}

}  // namespace

GoldenCheck::GoldenCheck() : tables_(/*host_sets=*/1) {}

absl::StatusOr<std::vector<RuleRefusal>> GoldenCheck::Check(const Ruleset& ruleset, const Compiled& compiled) {
  Fill(compiled.generation, 0, tables_.tables());
  if (absl::Status s = CheckPolicies(ruleset); !s.ok()) return s;
  return CheckRules(ruleset, compiled);
}

absl::Status GoldenCheck::CheckPolicies(const Ruleset& ruleset) {
  for (size_t i = 0; i < std::min(ruleset.policies.size(), kCheckedPolicies); i++) {
    const net::IpPrefix& prefix = ruleset.policies[i].prefix;
    const int family_bits = prefix.is_v4() ? 96 : 0;
    for (bool inside : {true, false}) {
      if (!inside && prefix.mapped_length() == family_bits) continue;  // nothing of the family is outside
      const net::IpAddress to = inside ? prefix.address() : Neighbour(prefix);
      const Bytes frame = PacketTo(to);
      const uint32_t found = bw_native_policy(tables_.env(), 0, frame.data(), static_cast<uint32_t>(frame.size()));
      const Policy* expected = LongestMatch(ruleset, to);
      const Policy* actual = found < ruleset.policies.size() ? &ruleset.policies[found] : nullptr;
      if (actual == expected) continue;
      auto name = [](const Policy* policy) { return policy == nullptr ? "no policy" : policy->prefix.ToString(); };
      return Defect(
          absl::StrCat("a packet to ", to.ToString(), " comes to ", name(actual), ", not to ", name(expected)), frame);
    }
  }
  return absl::OkStatus();
}

absl::Status GoldenCheck::CheckRule(const rule::Rule& rule, uint32_t index, const Bytes& frame) {
  const auto size = static_cast<uint32_t>(frame.size());
  const bw_sample* sample = bw_native_sample(tables_.env(), frame.data(), size);
  if (sample == nullptr) return absl::OkStatus();
  // What lies behind a sample's end is missing for the oracle, and so cut off for the filter too.
  const auto l3 = static_cast<uint32_t>(14 + (sample->vlan != 0 ? 4 : 0));
  const uint32_t seen = std::min(size, l3 + sample->size);
  const window::HeaderSample header = HeaderSampleOf(*sample, absl::UnixEpoch());
  const bool expected = rule::Matches(*rule.match, window::SampleReader(header)) && InScope(rule, header.destination);
  const bool actual = bw_native_rule_matches(tables_.env(), 0, index, frame.data(), seen);
  if (actual == expected) return absl::OkStatus();
  return Defect(absl::StrCat("rule ", rule.id, " in its compiled form ", actual ? "matches" : "doesn't match",
                             " a packet, its expression says otherwise"),
                frame);
}

std::vector<RuleRefusal> GoldenCheck::CheckRules(const Ruleset& ruleset, const Compiled& compiled) {
  std::vector<RuleRefusal> wrong;
  Bytes before;  // the witness of the rule before: mostly one that must not match
  for (uint32_t index = 0; index < compiled.rule_sources.size(); index++) {
    const rule::Rule& rule = ruleset.rules[compiled.rule_sources[index]].rule;
    absl::StatusOr<std::vector<Term>> terms = TermsOf(rule);
    absl::Status status = terms.status();
    for (size_t i = 0; status.ok() && i < std::min(terms->size(), kTermsPerRule); i++) {
      Bytes witness = WitnessOf((*terms)[i]);
      status = CheckRule(rule, index, witness);
      if (status.ok() && !before.empty()) status = CheckRule(rule, index, before);
      before = std::move(witness);
    }
    if (!status.ok()) wrong.push_back({rule.id, std::move(status)});
  }
  return wrong;
}

}  // namespace breakwater::datapath
