#include "common/window/window.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sketch/hash.h"

namespace breakwater::window {
namespace {

std::string TimeText(absl::Time t) { return absl::FormatTime(absl::RFC3339_full, t, absl::UTCTimeZone()); }

// Over the sampled bytes and the time, so that equal packets are chosen among fairly too.
uint64_t Priority(const HeaderSample& s, uint64_t seed) {
  const uint64_t bytes = sketch::Hash(seed, s.l3());
  const auto time = static_cast<uint64_t>(absl::ToUnixNanos(s.time));
  std::array<uint8_t, 16> both;
  for (size_t i = 0; i < 8; ++i) {
    both[i] = static_cast<uint8_t>(bytes >> (8 * i));
    both[8 + i] = static_cast<uint8_t>(time >> (8 * i));
  }
  return sketch::Hash(seed, both);
}

WindowId MergedId(const WindowId& a, const WindowId& b) {
  if (a.boot_id != b.boot_id || a.boot_id == 0) return {};
  return {a.boot_id, std::min(a.first_sequence, b.first_sequence), std::max(a.last_sequence, b.last_sequence)};
}

Counts TrafficOf(const Window& w, const TargetVector& key) {
  Counts sum;
  for (const Slot& slot : w.slots) {
    if (auto it = slot.traffic.find(key); it != slot.traffic.end()) sum += it->second;
  }
  return sum;
}

void LimitSketches(Window& w, size_t keep) {
  if (w.sketches.size() <= keep) return;
  std::vector<std::pair<uint64_t, TargetVector>> order;
  for (const auto& [key, s] : w.sketches) order.emplace_back(~TrafficOf(w, key).packets, key);
  std::sort(order.begin(), order.end());
  for (size_t i = keep; i < order.size(); ++i) w.sketches.erase(order[i].second);
}

// Everything but the slots and the times.
absl::Status MergeRest(const Window& from, Window& into) {
  into.id = MergedId(into.id, from.id);
  const absl::Duration other = from.clock_offset;
  const absl::Duration a = absl::AbsDuration(other);
  const absl::Duration b = absl::AbsDuration(into.clock_offset);
  if (a > b || (a == b && other > into.clock_offset)) into.clock_offset = other;
  into.lost_samples += from.lost_samples;
  into.samples.insert(into.samples.end(), from.samples.begin(), from.samples.end());
  for (const auto& [key, sketches] : from.sketches) {
    auto [it, inserted] = into.sketches.try_emplace(key, sketches);
    if (inserted) continue;
    if (absl::Status s = it->second.Merge(sketches); !s.ok()) {
      return absl::Status(s.code(),
                          absl::StrCat("sketches of ", key.target.ToString(), ": ", std::string(s.message())));
    }
  }
  for (const auto& [site, counts] : from.gateway) {
    if (absl::Status s = into.gateway[site].Merge(counts); !s.ok()) {
      return absl::Status(s.code(), absl::StrCat("gateway counts of ", site, ": ", std::string(s.message())));
    }
  }
  return absl::OkStatus();
}

void Limit(Window& w, const MergeOptions& options) {
  for (Slot& slot : w.slots) slot = TopN(std::move(slot), options.limits);
  const size_t before = w.samples.size();
  LimitSamples(w.samples, options.max_samples, options.seed);
  w.lost_samples += before - w.samples.size();
  LimitSketches(w, options.max_sketches);
}

}  // namespace

void LimitSamples(std::vector<HeaderSample>& samples, size_t keep, uint64_t seed) {
  struct Ranked {
    uint64_t priority;
    HeaderSample sample;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(samples.size());
  for (HeaderSample& s : samples) ranked.push_back({Priority(s, seed), s});
  if (ranked.size() > keep) {
    std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.priority < b.priority; });
    ranked.resize(keep);
  }
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return std::pair(a.sample.time, a.priority) < std::pair(b.sample.time, b.priority);
  });
  samples.clear();
  for (const Ranked& r : ranked) samples.push_back(r.sample);
}

absl::StatusOr<Window> Merge(const Window& a, const Window& b, const MergeOptions& options) {
  if (a.start != b.start || a.slot_length() != b.slot_length() || a.slots.size() != b.slots.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "can't merge windows of different times: ", TimeText(a.start), " with ", a.slots.size(), " slots of ",
        absl::FormatDuration(a.slot_length()), ", and ", TimeText(b.start), " with ", b.slots.size(), " slots of ",
        absl::FormatDuration(b.slot_length()), "; bring them to one start and slot length first"));
  }
  Window merged = a;
  for (size_t i = 0; i < merged.slots.size(); ++i) merged.slots[i] = Merge(a.slots[i], b.slots[i]);
  // Parts of one edge's window are still one view of it.
  if (MergedId(a.id, b.id).boot_id == 0) {
    merged.merged = a.merged + b.merged;
    merged.reported_slots = std::min(a.reported_slots, b.reported_slots);
  } else {
    merged.reported_slots = std::max(a.reported_slots, b.reported_slots);
  }
  if (absl::Status s = MergeRest(b, merged); !s.ok()) return s;
  Limit(merged, options);
  return merged;
}

absl::StatusOr<Window> MergeAdjacent(const Window& earlier, const Window& later, const MergeOptions& options) {
  if (earlier.end() != later.start || earlier.slot_length() != later.slot_length() ||
      earlier.slots.size() != kSlotsPerWindow || later.slots.size() != kSlotsPerWindow) {
    return absl::InvalidArgumentError(absl::StrCat(
        "can't merge windows that aren't neighbours of equal length: one ends at ", TimeText(earlier.end()),
        " with slots of ", absl::FormatDuration(earlier.slot_length()), ", the other starts at ", TimeText(later.start),
        " with slots of ", absl::FormatDuration(later.slot_length())));
  }
  if (earlier.slot_length() * 2 > kMaxSlotLength) {
    return absl::ResourceExhaustedError(absl::StrCat("slots of ", absl::FormatDuration(earlier.slot_length() * 2),
                                                     " are over the limit of ", absl::FormatDuration(kMaxSlotLength)));
  }
  Window merged = earlier;
  merged.merged = std::max(earlier.merged, later.merged);
  merged.reported_slots = (kSlotsPerWindow + later.reported_slots) / 2;
  merged.slots.clear();
  for (const Window* half : {&earlier, &later}) {
    for (size_t i = 0; i + 1 < half->slots.size(); i += 2) {
      merged.slots.push_back(Merge(half->slots[i], half->slots[i + 1]));
    }
  }
  if (absl::Status s = MergeRest(later, merged); !s.ok()) return s;
  Limit(merged, options);
  return merged;
}

std::vector<SlotView> SlotsOf(const Window& window) {
  std::vector<SlotView> views;
  views.reserve(window.slots.size());
  std::span<const HeaderSample> rest = window.samples;
  for (size_t i = 0; i < window.slots.size(); ++i) {
    const Slot& slot = window.slots[i];
    size_t n = 0;
    while (n < rest.size() && (i + 1 == window.slots.size() || rest[n].time < slot.start + slot.length)) ++n;
    views.push_back({slot, rest.first(n)});
    rest = rest.subspan(n);
  }
  return views;
}

}  // namespace breakwater::window
