// A window: the traffic of one second in ten slots, as an edge sends it and as the coordinator merges it.
//
//   absl::StatusOr<Window> both = Merge(from_edge_1, from_edge_2, MergeOptions{});
//   for (const SlotView& v : SlotsOf(*both)) detector.OnSlot(v.slot, v.samples);
//
// Exact: the counters of slots. Estimated: sketches and samples of the (target, vector) pairs that looked unusual. Made
// by WindowBuilder (window_builder.h), carried by window_wire.h. Values; not thread-safe.
#ifndef BREAKWATER_COMMON_WINDOW_WINDOW_H_
#define BREAKWATER_COMMON_WINDOW_WINDOW_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/window/gateway_counts.h"
#include "common/window/slot.h"
#include "common/window/target_sketches.h"

namespace breakwater::window {

inline constexpr absl::Duration kWindowLength = absl::Seconds(1);
// Windows that wait are merged in pairs, up to this slot length (a window of 64 s).
inline constexpr absl::Duration kMaxSlotLength = absl::Milliseconds(6400);

// Which window of which run of which edge; the edge itself is known from its certificate. A merged window covers a
// range.
struct WindowId {
  uint64_t boot_id = 0;  // 0 = merged from several edges; then the sequences are 0 too
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  friend bool operator==(const WindowId&, const WindowId&) = default;
};

struct Window {
  WindowId id;
  uint32_t merged = 1;  // edges' windows of one time in it
  absl::Time start;
  // Ten, each of the same length, without gaps from start on.
  std::vector<Slot> slots;
  // So many of them, from the first, are over; what comes of the others is in windows of later sequences.
  uint32_t reported_slots = kSlotsPerWindow;
  absl::Duration clock_offset;  // corrected for; of several the largest in absolute value
  absl::flat_hash_map<TargetVector, TargetSketches> sketches;
  std::vector<HeaderSample> samples;  // in the order of their time, all within the window
  uint64_t lost_samples = 0;
  absl::flat_hash_map<std::string, GatewayCounts> gateway;  // by site

  absl::Duration slot_length() const { return slots.empty() ? kSlotLength : slots.front().length; }
  absl::Time end() const { return start + slot_length() * static_cast<int64_t>(slots.size()); }
  // Up to here the edge has told everything that it saw, with this window and those of lower sequences.
  absl::Time reported_end() const { return start + slot_length() * static_cast<int64_t>(reported_slots); }
};

struct MergeOptions {
  SlotLimits limits{.hosts = 4096, .groups = 2048};
  size_t max_samples = 512;
  size_t max_sketches = 64;
  uint64_t seed = 0;  // of the choice among samples: keeps an attacker from making packets that are always kept
};

// Two windows of the same start and slot length, from two edges or from one that sent part of it early. Totals are
// always exact; as long as no limit is reached the counters are the same in any order and under any tree of merges.
// Over max_samples the samples of the smallest hashes stay (a fair choice, the same in any order), over max_sketches
// those of the largest traffic. An error when times don't fit or sketches have different seeds.
absl::StatusOr<Window> Merge(const Window& a, const Window& b, const MergeOptions& options);

// Two neighbours in time, earlier first, of the same edge and equal lengths: one window with slots twice as long, for a
// queue that must shrink without losing a count. An error when they aren't neighbours or slots would pass
// kMaxSlotLength.
absl::StatusOr<Window> MergeAdjacent(const Window& earlier, const Window& later, const MergeOptions& options);

// What a detector reads: each slot with the samples taken in it. Valid as long as the window is neither changed nor
// gone.
struct SlotView {
  const Slot& slot;
  std::span<const HeaderSample> samples;
};
std::vector<SlotView> SlotsOf(const Window& window);

// Keeps `keep` samples at most and brings them into the order of their time.
void LimitSamples(std::vector<HeaderSample>& samples, size_t keep, uint64_t seed);

}  // namespace breakwater::window

#endif  // BREAKWATER_COMMON_WINDOW_WINDOW_H_
