// Counts in steps of equal length, the newest of them only.
//
//   Rollup minutes(absl::Minutes(1), absl::Hours(24));
//   minutes.Add(absl::FromUnixSeconds(1700000040), counts);
//   minutes.Find(time);         // null: nothing was heard of that step
//
// Values of the store are text, "1 PACKETS BYTES DROPPED_PACKETS DROPPED_BYTES". Not thread-safe; bounded by kept / step.
#ifndef BREAKWATER_COORDINATOR_TRAFFIC_ROLLUP_H_
#define BREAKWATER_COORDINATOR_TRAFFIC_ROLLUP_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/window/slot.h"
#include "coordinator/store/store.h"

namespace breakwater::traffic {

class Rollup {
 public:
  Rollup(absl::Duration step, absl::Duration kept) : step_(step), kept_(kept) {}

  absl::Duration step() const { return step_; }
  absl::Duration kept() const { return kept_; }
  absl::Time StepOf(absl::Time t) const;
  void Add(absl::Time t, const window::Counts& counts);
  // As it was stored: replaces what is there.
  void Restore(absl::Time step, const window::Counts& counts) { steps_[step] = counts; }
  const window::Counts* Find(absl::Time t) const;
  // Forgets what ended before now - kept.
  void Expire(absl::Time now);
  // Steps that changed, as PREFIX + seconds since 1970 in ten digits, and deletes of those that were forgotten.
  void TakeWrites(std::string_view prefix, store::Batch& batch);

 private:
  absl::Duration step_;
  absl::Duration kept_;
  std::map<absl::Time, window::Counts> steps_;
  std::set<absl::Time> changed_;
  std::set<absl::Time> forgotten_;  // of those that may be in the store
};

std::string CountsText(const window::Counts& counts);
absl::StatusOr<window::Counts> ParseCounts(std::string_view text);

}  // namespace breakwater::traffic

#endif  // BREAKWATER_COORDINATOR_TRAFFIC_ROLLUP_H_
