#include "common/window/slot.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace breakwater::window {
namespace {

double Weight(const Counts& c) { return static_cast<double>(c.packets) * 512 + static_cast<double>(c.bytes); }

// The targets of one kind that must make room: all but the `keep` largest.
absl::flat_hash_set<Target> Smallest(const absl::flat_hash_map<TargetVector, Counts>& traffic, bool hosts,
                                     size_t keep) {
  absl::flat_hash_map<Target, Counts> sums;
  for (const auto& [key, counts] : traffic) {
    if (key.target.is_host() == hosts) sums[key.target] += counts;
  }
  absl::flat_hash_set<Target> out;
  if (sums.size() <= keep) return out;
  std::vector<std::pair<double, Target>> order;
  order.reserve(sums.size());
  for (const auto& [target, counts] : sums) order.emplace_back(-Weight(counts), target);
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(keep), order.end());
  for (size_t i = keep; i < order.size(); ++i) out.insert(std::move(order[i].second));
  return out;
}

std::array<Counts, BW_VECTOR_MAX> Sum(const Slot& slot, bool hosts) {
  std::array<Counts, BW_VECTOR_MAX> sum = hosts ? slot.other : slot.other_groups;
  for (const auto& [key, counts] : slot.traffic) {
    if (key.target.is_host() == hosts) sum[static_cast<size_t>(key.vector)] += counts;
  }
  return sum;
}

}  // namespace

Slot TopN(Slot slot, const SlotLimits& limits) {
  for (const bool hosts : {true, false}) {
    const absl::flat_hash_set<Target> out = Smallest(slot.traffic, hosts, hosts ? limits.hosts : limits.groups);
    if (out.empty()) continue;
    auto& other = hosts ? slot.other : slot.other_groups;
    absl::erase_if(slot.traffic, [&](const auto& entry) {
      if (!out.contains(entry.first.target)) return false;
      other[static_cast<size_t>(entry.first.vector)] += entry.second;
      return true;
    });
  }
  return slot;
}

Slot Merge(Slot a, const Slot& b) {
  Slot merged = std::move(a);
  const absl::Time end = std::max(merged.start + merged.length, b.start + b.length);
  merged.start = std::min(merged.start, b.start);
  merged.length = end - merged.start;
  for (const auto& [key, counts] : b.traffic) merged.traffic[key] += counts;
  for (size_t v = 0; v < BW_VECTOR_MAX; ++v) {
    merged.other[v] += b.other[v];
    merged.other_groups[v] += b.other_groups[v];
  }
  for (const auto& [id, counts] : b.rules) merged.rules[id] += counts;
  return merged;
}

std::array<Counts, BW_VECTOR_MAX> Totals(const Slot& slot) { return Sum(slot, true); }
std::array<Counts, BW_VECTOR_MAX> GroupTotals(const Slot& slot) { return Sum(slot, false); }

}  // namespace breakwater::window
