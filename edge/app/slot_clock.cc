#include "edge/app/slot_clock.h"

#include <algorithm>

namespace breakwater::app {
namespace {

using window::kSlotLength;

// n divided into `parts`, part `index` of them: no two parts differ by more than one, all together are n.
uint64_t Share(uint64_t n, uint64_t parts, uint64_t index) {
  const uint64_t rest = n % parts;
  return n / parts + ((index + 1) * rest / parts - index * rest / parts);
}

window::Counts Share(const window::Counts& c, uint64_t parts, uint64_t index) {
  return {.packets = Share(c.packets, parts, index),
          .bytes = Share(c.bytes, parts, index),
          .dropped_packets = Share(c.dropped_packets, parts, index),
          .dropped_bytes = Share(c.dropped_bytes, parts, index)};
}

window::RuleCounts Share(const window::RuleCounts& c, uint64_t parts, uint64_t index) {
  return {.matched_packets = Share(c.matched_packets, parts, index),
          .matched_bytes = Share(c.matched_bytes, parts, index),
          .dropped_packets = Share(c.dropped_packets, parts, index),
          .dropped_bytes = Share(c.dropped_bytes, parts, index)};
}

}  // namespace

SlotClock::SlotClock(clock::Clock& clock)
    : clock_(clock),
      origin_monotonic_(clock.Monotonic()),
      origin_(clock.Now()),
      next_start_(absl::UnixEpoch() + absl::Floor(origin_ - absl::UnixEpoch(), kSlotLength)) {}

absl::Time SlotClock::Now() const { return origin_ + (clock_.Monotonic() - origin_monotonic_); }

int64_t SlotClock::Pending() const {
  return std::max<int64_t>(0, absl::Floor(Now() - next_start_, kSlotLength) / kSlotLength);
}

absl::Duration SlotClock::UntilNext() const {
  return std::max(absl::ZeroDuration(), next_start_ + kSlotLength - Now());
}

SlotClock::Due SlotClock::Take() {
  const int64_t pending = Pending();
  if (pending == 0) return {};
  Due due;
  due.count = static_cast<int>(std::min<int64_t>(pending, kMaxCatchUp));
  due.skipped = static_cast<uint64_t>(pending - due.count);
  due.late = static_cast<uint64_t>(due.count - 1);
  due.first_start = next_start_ + kSlotLength * due.skipped;
  next_start_ += kSlotLength * pending;
  FollowWall();
  return due;
}

void SlotClock::FollowWall() {
  const absl::Duration ahead = Offset();
  if (ahead <= kFollow) return;
  // By whole slots, so that the running one keeps its length.
  const absl::Duration shift = absl::Floor(ahead, kSlotLength);
  origin_ += shift;
  next_start_ += shift;
}

std::vector<window::Slot> SpreadSlot(const window::Slot& slot, uint64_t parts, uint64_t first) {
  std::vector<window::Slot> slots;
  for (uint64_t i = first; i < parts; ++i) {
    window::Slot& part = slots.emplace_back();
    part.start = slot.start + kSlotLength * i;
    for (const auto& [key, counts] : slot.traffic) {
      if (const window::Counts share = Share(counts, parts, i); share != window::Counts{}) part.traffic[key] = share;
    }
    for (size_t v = 0; v < slot.other.size(); ++v) part.other[v] = Share(slot.other[v], parts, i);
    for (const auto& [id, counts] : slot.rules) {
      if (const window::RuleCounts share = Share(counts, parts, i); share != window::RuleCounts{})
        part.rules[id] = share;
    }
  }
  return slots;
}

}  // namespace breakwater::app
