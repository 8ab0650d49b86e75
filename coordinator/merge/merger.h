// Many edges' windows in, the network's slots out: de-duplicated, in the order of time, late ones amended.
//
//   Merger merger(MergerOptions{});
//   merger.EdgeConnected("ams-1", now);
//   absl::StatusOr<Admission> a = merger.Add("ams-1", window, now);      // refused: future, malformed identity
//   for (const MergedSlot& slot : merger.Tick(now)) detector.OnSlot(slot.slot, slot.samples);   // every 200 ms or less
//
// A slot is given out once every connected edge has reported it, or max_lag after its end; what comes later is late: its
// admission says so, it reaches traffic and attack totals, not the detector. So are windows that were merged while they
// waited, since their slots are too long. An edge that let max_lag pass isn't waited for until it has caught up. From the
// first edge on there is a slot for every 100 ms, also an empty one. Not thread-safe; memory is bounded by max_edges, and
// by max_lag + max_future of slots, each with its limits.
#ifndef BREAKWATER_COORDINATOR_MERGE_MERGER_H_
#define BREAKWATER_COORDINATOR_MERGE_MERGER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/window/window.h"

namespace breakwater::merge {

struct MergerOptions {
  absl::Duration max_lag = absl::Milliseconds(1300);
  absl::Duration max_future = absl::Seconds(2);  // further ahead of the coordinator's clock: refused
  absl::Duration max_past = absl::Hours(24);     // older: refused
  // A sequence that is missing this long, while later ones came, isn't waited for: the edge doesn't have it, or what it
  // has was refused.
  absl::Duration max_gap = absl::Seconds(10);
  window::MergeOptions merge;          // limits and seed
  size_t max_samples_per_slot = 4096;  // the others' weight goes to those that stay
  size_t max_edges = 20000;
};

// How far an edge's windows have been taken, to be persisted with what they were counted into and acknowledged after that.
struct Watermark {
  uint64_t boot_id = 0;
  uint64_t through_sequence = 0;
  friend bool operator==(const Watermark&, const Watermark&) = default;
};

struct Admission {
  bool duplicate = false;  // seen before: acknowledge, count nothing
  bool late = false;       // counted, but its slots have been judged already
  Watermark watermark;     // of that edge, with this window
};

struct MergedSlot {
  window::Slot slot;
  std::vector<window::HeaderSample> samples;  // in the order of their time
  size_t edges = 0;                           // that reported it
  bool complete = false;                      // every connected edge did
};

class Merger {
 public:
  explicit Merger(MergerOptions options);
  ~Merger();

  // Watermarks as persisted; before the first Add.
  void Restore(std::string_view edge, const Watermark& watermark);
  void EdgeConnected(std::string_view edge, absl::Time now);
  void EdgeDisconnected(std::string_view edge, absl::Time now);
  // Errors (nothing is counted, the watermark stays): InvalidArgument, a window that reaches into the future or is too old
  // (says by how much), that is merged from several edges or isn't ten slots from a whole second on, or whose sequences are
  // known in part; ResourceExhausted over max_edges.
  absl::StatusOr<Admission> Add(std::string_view edge, const window::Window& window, absl::Time now);
  // The slots that are ready, in the order of time, each once.
  std::vector<MergedSlot> Tick(absl::Time now);

  struct Stats {
    uint64_t windows = 0, duplicates = 0, late = 0, refused = 0, slots = 0, incomplete_slots = 0, skipped_sequences = 0;
  };
  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::merge

#endif  // BREAKWATER_COORDINATOR_MERGE_MERGER_H_
