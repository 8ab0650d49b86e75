// Which windows of one run of an edge have been counted.
//
//   Sequences s(/*through=*/0);
//   if (s.Look(4, 4) == Sequences::Known::kNew) s.Take(4, 4, now);
//   s.through();    // everything up to here came, or won't
//
// Windows come in the order of their sequences, so a gap means that the edge doesn't have them (or that they were
// refused): after max_gap the watermark goes over it. Not thread-safe; at most kMaxRuns ranges are held.
#ifndef BREAKWATER_COORDINATOR_MERGE_SEQUENCES_H_
#define BREAKWATER_COORDINATOR_MERGE_SEQUENCES_H_

#include <cstddef>
#include <cstdint>
#include <map>

#include "absl/time/time.h"

namespace breakwater::merge {

class Sequences {
 public:
  static constexpr size_t kMaxRuns = 256;

  explicit Sequences(uint64_t through) : through_(through) {}

  enum class Known { kNew, kAll, kInPart };
  // first..last, 1 or higher.
  Known Look(uint64_t first, uint64_t last) const;
  // What Look found new.
  void Take(uint64_t first, uint64_t last, absl::Time now);
  // Goes over gaps that are older than max_gap.
  void CloseGaps(absl::Time now, absl::Duration max_gap);

  uint64_t through() const { return through_; }
  uint64_t skipped() const { return skipped_; }  // sequences that the watermark went over

 private:
  void Advance(absl::Time now);

  uint64_t through_;
  uint64_t skipped_ = 0;
  std::map<uint64_t, uint64_t> beyond_;  // first to last: disjoint, not adjacent, over through_ + 1
  absl::Time gap_since_;
};

}  // namespace breakwater::merge

#endif  // BREAKWATER_COORDINATOR_MERGE_SEQUENCES_H_
