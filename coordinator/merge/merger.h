// Many edges' windows in, the network's slots out: de-duplicated, in the order of time, late ones amended.
//
//   Merger merger(MergerOptions{});
//   merger.EdgeConnected("ams-1", now);
//   absl::StatusOr<Admission> a = merger.Add("ams-1", window, now);      // refused: future, malformed identity
//   for (const MergedSlot& slot : merger.Tick(now)) detector.OnSlot(slot.slot, slot.samples);   // every 200 ms or less
//
// A slot is given out once every connected edge has reported it, or max_lag after its end; what comes later is counted as
// late and reaches traffic and attack totals (Admission::counts), not the detector. Not thread-safe; memory is bounded by
// edges x max_lag.
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
  window::MergeOptions merge;
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
  // Errors (nothing is counted, the watermark stays): InvalidArgument, a start in the future or too old (says by how much),
  // sequences that overlap what is known without continuing it, slots that aren't ten.
  absl::StatusOr<Admission> Add(std::string_view edge, const window::Window& window, absl::Time now);
  std::vector<MergedSlot> Tick(absl::Time now);

  struct Stats {
    uint64_t windows = 0, duplicates = 0, late = 0, refused = 0, slots = 0, incomplete_slots = 0;
  };
  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::merge

#endif  // BREAKWATER_COORDINATOR_MERGE_MERGER_H_
