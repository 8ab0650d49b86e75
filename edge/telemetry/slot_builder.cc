#include "edge/telemetry/slot_builder.h"

namespace breakwater::telemetry {
namespace {

struct PrefixSum {
  window::Counts counts;
  net::IpAddress first_host;
  bool several_hosts = false;
};

bool IsPrefixTarget(const net::IpPrefix& prefix) {
  return !prefix.is_host() && prefix.length() >= (prefix.is_v4() ? SlotBuilder::kWidestV4 : SlotBuilder::kWidestV6);
}

}  // namespace

void SlotBuilder::SetRuleset(const datapath::Ruleset& ruleset) {
  policies_.clear();
  for (const datapath::Policy& policy : ruleset.policies) policies_.push_back(policy.prefix);
  rule_of_slot_.clear();
  for (const datapath::RuleEntry& entry : ruleset.rules) rule_of_slot_[entry.counter_slot] = entry.rule.id;
}

window::Slot SlotBuilder::Build(absl::Time start, const datapath::SlotCounters& counters) const {
  window::Slot slot;
  slot.start = start;
  slot.other = counters.other;
  slot.traffic.reserve(counters.hosts.size() + counters.policies.size());

  absl::flat_hash_map<window::TargetVector, PrefixSum> sums;
  for (const datapath::HostCounts& host : counters.hosts) {
    slot.traffic[{window::Target::Host(host.destination), host.vector}] += host.counts;
    const net::IpPrefix around(host.destination, host.destination.is_v4() ? kSumV4 : kSumV6);
    PrefixSum& sum = sums[{window::Target::Prefix(around), host.vector}];
    if (sum.counts.packets == 0) {
      sum.first_host = host.destination;
    } else if (sum.first_host != host.destination) {
      sum.several_hosts = true;
    }
    sum.counts += host.counts;
  }

  // A configured prefix is exact even where the host table overflowed, so it takes the place of a sum of the same length.
  for (const datapath::PolicyCounts& row : counters.policies) {
    if (row.policy >= policies_.size() || !IsPrefixTarget(policies_[row.policy])) continue;
    const window::TargetVector key{window::Target::Prefix(policies_[row.policy]), row.vector};
    slot.traffic[key] += row.counts;
    sums.erase(key);
  }
  for (const auto& [key, sum] : sums) {
    if (sum.several_hosts) slot.traffic[key] += sum.counts;
  }

  for (const datapath::RuleSlotCounts& row : counters.rules) {
    const auto it = rule_of_slot_.find(row.counter_slot);
    if (it != rule_of_slot_.end()) slot.rules[it->second] += row.counts;
  }
  return slot;
}

}  // namespace breakwater::telemetry
