// What is known of every (target, vector): its baseline, its CUSUM and the run of traffic that drives it.
//
//   TrafficTable table(config);
//   TrafficState& s = table.Update(key, counts, slot_index, /*attacked=*/false);
//   if (s.alarm) ...
//
// At most DetectorConfig::max_targets states; the quietest make room. Not thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_TRAFFIC_TABLE_H_
#define BREAKWATER_COMMON_DETECT_TRAFFIC_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/detect/baseline.h"
#include "common/detect/cusum.h"
#include "common/detect/detector.h"
#include "common/window/slot.h"

namespace breakwater::detect {

struct TrafficState {
  Baseline baseline;
  Cusum packets;
  Cusum bits;
  int64_t last_slot = 0;
  int64_t run_start = 0;     // the slot in which the sum left zero
  window::Counts run;        // since then
  double threshold_pps = 0;  // as of the last update
  double recent_pps = 0;     // smoothed over the last few slots
  bool alarm = false;
};

// Which judgement a key is under.
enum class Watch {
  kQuiet,      // its target isn't attacked
  kSecondary,  // its target is attacked by another vector
  kAttacked,   // by this one: nothing is learned
  kUnsigned,   // by this one, without a signature that holds: learned slowly, it may be the new normal
};

class TrafficTable {
 public:
  explicit TrafficTable(const DetectorConfig& config) : config_(config) {}

  TrafficState& Update(const window::TargetVector& key, const window::Counts& counts, int64_t slot, Watch watch);
  // Null when nothing is known of it.
  const TrafficState* Find(const window::TargetVector& key) const;
  // The sum begins anew, after an attack has been made of it or has ended.
  void ResetRun(const window::TargetVector& key);

  double FloorPps(const window::TargetVector& key) const;
  double FloorBps(const window::TargetVector& key) const;
  // How near the key is to its threshold: 1 = at it. 0 while it is about what it usually is, however much that is.
  static double Nearness(const TrafficState& state);
  // Packets per second from which what is left of an attack, or of a secondary vector, is worth a signature.
  double SecondaryThreshold(const window::TargetVector& key) const;
  size_t size() const { return states_.size(); }

 private:
  static bool Unsolicited(window::Vector vector);
  void MakeRoom();
  Floor HostFloor(window::Vector vector) const;

  DetectorConfig config_;
  absl::flat_hash_map<window::TargetVector, TrafficState> states_;
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_TRAFFIC_TABLE_H_
