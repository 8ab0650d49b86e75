// Makes an edge's windows from its slots.
//
//   WindowBuilder builder(WindowBuilderOptions{}, boot_id);
//   for (const Window& w : builder.AddSlot(slot, samples, alerted)) link.Send(w);
//
// Windows start at whole seconds of corrected time, so that those of different edges merge. Slots come in the order of
// their start; a missing one stays empty, and one that falls into the same tenth as another is added to it, so nothing
// is lost when the clock is corrected. Not thread-safe.
#ifndef BREAKWATER_COMMON_WINDOW_WINDOW_BUILDER_H_
#define BREAKWATER_COMMON_WINDOW_WINDOW_BUILDER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/window/window.h"

namespace breakwater::window {

struct WindowBuilderOptions {
  SlotLimits limits;
  size_t max_sketches = 64;      // alerted (target, vector) pairs with sketches
  size_t samples_per_alert = 8;  // per alerted pair
  size_t quiet_samples = 2;      // of everything else together
  uint64_t seed = 0;             // the fleet's: of sketches and of the choice among samples
};

// Who looks unusual. A sample belongs to a pair when its vector is the pair's and its destination lies in the pair's
// target; sites have no samples.
using Alerted = absl::flat_hash_set<TargetVector>;

class WindowBuilder {
 public:
  WindowBuilder(const WindowBuilderOptions& options, uint64_t boot_id) : options_(options), boot_id_(boot_id) {}

  // Corrected time = time of slots and samples + offset. Holds for later slots.
  void SetClockOffset(absl::Duration offset) { clock_offset_ = offset; }
  // Sketches are made with this seed from now on; those of the running window go, since no others could be merged with them.
  void SetSketches(uint64_t seed, size_t max_sketches);
  // The windows that are complete with this slot, at most two: the one before when its second is over, and the slot's
  // own when it is the last tenth.
  std::vector<Window> AddSlot(const Slot& slot, std::span<const HeaderSample> samples, const Alerted& alerted);
  // Into the window of the latest slot; before the first slot, and between a completed window and the next slot, into
  // the next one.
  absl::Status AddGateway(std::string_view site, const GatewayCounts& counts);
  // What there is so far, to ship an attack early; the rest of that second follows as another window of the same start.
  // Its reported_slots says how far it reaches.
  std::optional<Window> Flush();

 private:
  // Samples of one alerted pair, or of everything else.
  struct Reservoir {
    std::vector<HeaderSample> samples;
    uint64_t seen = 0;
    uint64_t weight = 0;  // of all that were seen
  };

  void Open(absl::Time start);
  void AddSample(const HeaderSample& sample, const Alerted& alerted, const std::vector<TargetVector>& groups);
  void Keep(const HeaderSample& sample, size_t keep, Reservoir& reservoir);
  void Release(size_t keep, Reservoir& reservoir);
  TargetSketches* SketchesOf(const TargetVector& key);
  Window Finish(uint32_t reported_slots);

  WindowBuilderOptions options_;
  uint64_t boot_id_;
  uint64_t next_sequence_ = 1;
  absl::Duration clock_offset_;
  std::optional<Window> current_;
  uint32_t reported_ = 0;  // slots of current_ up to the latest one
  absl::flat_hash_map<std::string, GatewayCounts> gateway_;
  absl::flat_hash_map<TargetVector, Reservoir> alerted_samples_;
  Reservoir quiet_samples_;
};

}  // namespace breakwater::window

#endif  // BREAKWATER_COMMON_WINDOW_WINDOW_BUILDER_H_
