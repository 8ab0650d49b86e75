#include "edge/datapath/driver.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "absl/container/flat_hash_map.h"
#include "edge/datapath/header_sample.h"
#include "edge/datapath/terms.h"

namespace breakwater::datapath {
namespace {

// A host that nobody saw for this long gives up its place when another needs it.
constexpr uint64_t kIdleNs = 30'000'000'000;
constexpr uint32_t kSamplesPerEpoch = 16384;
constexpr uint32_t kMinSamplesPerCpu = 1024;

// The packet filter may be writing: aligned loads, each of which is whole.
template <typename T>
T Load(const T& from) {
  return std::atomic_ref<T>(const_cast<T&>(from)).load(std::memory_order_relaxed);
}
template <typename T>
void Store(T& to, std::type_identity_t<T> value) {
  std::atomic_ref<T>(to).store(value, std::memory_order_release);
}

window::Counts LoadCounts(const bw_counts& from) {
  return {Load(from.packets), Load(from.bytes), Load(from.dropped_packets), Load(from.dropped_bytes)};
}

window::Counts Difference(const window::Counts& now, const window::Counts& before) {
  return {now.packets - before.packets, now.bytes - before.bytes, now.dropped_packets - before.dropped_packets,
          now.dropped_bytes - before.dropped_bytes};
}

// What came since the last look, which is updated.
window::Counts Advance(const bw_counts& from, window::Counts& seen) {
  const window::Counts now = LoadCounts(from);
  const window::Counts fresh = Difference(now, seen);
  seen = now;
  return fresh;
}

bool IsZero(const window::Counts& counts) { return counts == window::Counts{}; }

}  // namespace

Driver::Driver(Backend& backend, uint64_t seed) : backend_(backend) {
  bw_tables& t = backend_.tables();
  const uint32_t cpus = backend_.cpus();
  seen_hosts_.resize(t.hosts_elements);
  seen_others_.resize(t.others_elements);
  seen_policies_.resize(t.policy_counts_elements);
  seen_rules_.resize(t.rule_counts_elements);
  seen_reasons_.resize(t.reason_counts_elements);
  std::fill(std::begin(t.udp_ports->vector), std::end(t.udp_ports->vector), BW_VECTOR_UDP_OTHER);
#define BW_UDP_PORT(port, id) t.udp_ports->vector[port] = BW_VECTOR_##id;
  BW_UDP_SOURCE_PORTS(BW_UDP_PORT)
#undef BW_UDP_PORT
  t.settings->seed = seed;
  t.settings->host_set_mask = t.hosts_elements / cpus - 1;
  t.settings->sample_budget = std::max(kSamplesPerEpoch / cpus, kMinSamplesPerCpu);
}

// Without the rules that golden checks find wrong: one bad rule must not keep all others from changing.
absl::StatusOr<Compiled> Driver::CompileChecked(Ruleset ruleset) {
  std::vector<RuleRefusal> wrong;
  while (true) {
    absl::StatusOr<Compiled> compiled = Compile(ruleset, policy_slots_);
    if (!compiled.ok()) return compiled;
    absl::StatusOr<std::vector<RuleRefusal>> more = golden_.Check(ruleset, *compiled);
    if (!more.ok()) return more.status();
    if (more->empty()) {
      compiled->report.refused.insert(compiled->report.refused.end(), wrong.begin(), wrong.end());
      return compiled;
    }
    for (const RuleRefusal& refusal : *more)
      std::erase_if(ruleset.rules, [&](const RuleEntry& entry) { return entry.rule.id == refusal.rule_id; });
    wrong.insert(wrong.end(), more->begin(), more->end());
  }
}

absl::StatusOr<InstallReport> Driver::Install(const Ruleset& ruleset) {
  absl::StatusOr<Compiled> compiled = CompileChecked(ruleset);
  if (!compiled.ok()) return compiled.status();

  bw_settings& settings = *backend_.tables().settings;
  const uint32_t idle = 1 - settings.active;
  Fill(compiled->generation, idle, backend_.tables());
  ForgetPolicyCounts(policy_slots_, compiled->slots);
  Store(settings.active, idle);

  policy_slots_ = std::move(compiled->slots);
  slot_of_policy_.clear();
  for (const Policy& policy : ruleset.policies) slot_of_policy_.push_back(policy_slots_.at(policy.prefix));
  for (const RuleEntry& entry : ruleset.rules) {
    auto at = std::lower_bound(rule_slots_.begin(), rule_slots_.end(), entry.counter_slot);
    if (at == rule_slots_.end() || *at != entry.counter_slot) rule_slots_.insert(at, entry.counter_slot);
  }
  // Of the generation before: the next ruleset takes its place. The new one is in force meanwhile.
  backend_.WaitForReaders();
  return compiled->report;
}

// A slot that another prefix takes over starts from zero for it.
void Driver::ForgetPolicyCounts(const PolicySlots& before, const PolicySlots& now) {
  for (const auto& [prefix, slot] : now) {
    if (before.contains(prefix)) continue;
    for (uint32_t vector = 0; vector < BW_DATAPATH_VECTORS; vector++) NewPolicyCounts(slot, vector);
  }
}

void Driver::SetPanic(bool on) { Store(backend_.tables().settings->panic, on ? 1 : 0); }

SlotCounters Driver::TakeCounters() {
  SlotCounters out;
  // About as much as last time: growing step by step would copy every sample several times.
  out.hosts.reserve(last_hosts_);
  out.samples.reserve(last_samples_);
  const uint64_t now = backend_.Now();
  TakeHosts(out);
  TakeOthers(out);
  TakePolicies(out);
  TakeRules(out);
  TakeReasons(out);
  TakeSamples(out);
  // Whoever was last seen before this is in what has just been taken.
  if (now > kIdleNs) Store(backend_.tables().settings->reclaim_before, now - kIdleNs);
  last_hosts_ = out.hosts.size();
  last_samples_ = out.samples.size();
  return out;
}

void Driver::TakeHosts(SlotCounters& out) {
  const bw_tables& t = backend_.tables();
  for (uint32_t i = 0; i < t.hosts_elements; i++) {
    const bw_host_set& set = t.hosts[i];
    SeenSet& seen_set = seen_hosts_[i];
    const uint32_t changes = Load(set.changes);
    if (changes == seen_set.changes) continue;
    seen_set.changes = changes;
    for (size_t way = 0; way < BW_HOST_WAYS; way++) {
      const bw_host& host = set.way[way];
      SeenHost& seen = seen_set.way[way];
      const uint32_t version = std::atomic_ref(const_cast<uint32_t&>(host.version)).load(std::memory_order_acquire);
      if (version == 0) continue;
      const uint64_t dst[2] = {Load(host.dst[0]), Load(host.dst[1])};
      const uint8_t vector = Load(host.vector);
      const window::Counts now = LoadCounts(host.counts);
      std::atomic_thread_fence(std::memory_order_acquire);
      // It is being given to another host: its numbers come with the next look.
      if (version % 2 != 0 || Load(host.version) != version) {
        seen_set.changes = changes - 1;
        continue;
      }
      const window::Counts before = seen.version == version ? seen.counts : window::Counts{};
      seen = {version, now};
      const window::Counts fresh = Difference(now, before);
      if (!IsZero(fresh)) out.hosts.push_back({AddressOf(dst), static_cast<window::Vector>(vector), fresh});
    }
  }
  if (backend_.cpus() == 1) return;
  // The same host may stand in several CPUs' sets.
  absl::flat_hash_map<std::pair<net::IpAddress, int>, size_t> places;
  size_t kept = 0;
  for (const HostCounts& host : out.hosts) {
    auto [place, fresh] = places.try_emplace({host.destination, static_cast<int>(host.vector)}, kept);
    if (fresh) {
      out.hosts[kept++] = host;
    } else {
      out.hosts[place->second].counts += host.counts;
    }
  }
  out.hosts.resize(kept);
}

void Driver::TakeOthers(SlotCounters& out) {
  const bw_tables& t = backend_.tables();
  for (uint32_t i = 0; i < t.others_elements; i++)
    out.other[i % BW_DATAPATH_VECTORS] += Advance(t.others[i].counts, seen_others_[i]);
}

window::Counts Driver::NewPolicyCounts(uint32_t slot, uint32_t vector) {
  window::Counts fresh;
  for (uint32_t cpu = 0; cpu < backend_.cpus(); cpu++) {
    const size_t at = (size_t{cpu} * BW_MAX_POLICIES + slot) * BW_DATAPATH_VECTORS + vector;
    fresh += Advance(backend_.tables().policy_counts[at], seen_policies_[at]);
  }
  return fresh;
}

void Driver::TakePolicies(SlotCounters& out) {
  for (uint32_t policy = 0; policy < slot_of_policy_.size(); policy++) {
    for (uint32_t vector = 0; vector < BW_DATAPATH_VECTORS; vector++) {
      const window::Counts fresh = NewPolicyCounts(slot_of_policy_[policy], vector);
      if (!IsZero(fresh)) out.policies.push_back({policy, static_cast<window::Vector>(vector), fresh});
    }
  }
}

void Driver::TakeRules(SlotCounters& out) {
  for (uint32_t slot : rule_slots_) {
    window::Counts fresh;
    for (uint32_t cpu = 0; cpu < backend_.cpus(); cpu++) {
      const size_t at = size_t{cpu} * BW_MAX_RULE_SLOTS + slot;
      fresh += Advance(backend_.tables().rule_counts[at], seen_rules_[at]);
    }
    if (IsZero(fresh)) continue;
    out.rules.push_back({slot, {fresh.packets, fresh.bytes, fresh.dropped_packets, fresh.dropped_bytes}});
  }
}

void Driver::TakeReasons(SlotCounters& out) {
  const bw_tables& t = backend_.tables();
  for (uint32_t i = 0; i < t.reason_counts_elements; i++)
    out.reasons[i % BW_REASON_MAX] += Advance(t.reason_counts[i], seen_reasons_[i]);
}

void Driver::TakeSamples(SlotCounters& out) {
  backend_.ForEachSample(
      [&](const bw_sample& sample) { out.samples.push_back(HeaderSampleOf(sample, backend_.ToTime(sample.time))); });
  uint64_t lost = 0;
  const bw_tables& t = backend_.tables();
  for (uint32_t cpu = 0; cpu < t.cpus_elements; cpu++) lost += Load(t.cpus[cpu].lost_samples);
  out.lost_samples = lost - seen_lost_;
  seen_lost_ = lost;
}

}  // namespace breakwater::datapath
