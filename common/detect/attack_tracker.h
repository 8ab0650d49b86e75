// One attack from its alarm to its end: its signatures and whether their exact counts confirm them, what is left of it,
// and when it is over.
//
//   AttackTracker a(config, attack, slot, run_start, leftover_threshold, pps);
//   a.OnSlot(slot_index, slot, counts, findings);
//   if (a.WantsMining(slot_index)) a.Propose(slot_index, Mine(...), findings);
//
// Not thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_ATTACK_TRACKER_H_
#define BREAKWATER_COMMON_DETECT_ATTACK_TRACKER_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/detect/cusum.h"
#include "common/detect/detector.h"
#include "common/detect/mine.h"
#include "common/window/slot.h"

namespace breakwater::detect {

class AttackTracker {
 public:
  // slot is the one of the alarm, run_start the one in which its run of traffic began.
  AttackTracker(const DetectorConfig& config, Attack attack, int64_t slot, int64_t run_start, double leftover_threshold,
                double pps);

  const Attack& attack() const { return attack_; }
  window::TargetVector key() const { return {attack_.target, attack_.vector}; }
  bool ended() const { return attack_.state == AttackState::kEnded; }
  // Whether a signature has been confirmed; without one the traffic may be ordinary after all.
  bool signed_() const { return !attack_.signatures.empty(); }

  int64_t started_slot() const { return started_slot_; }

  // The exact counts of one slot. Appends confirmations, rejections, updates and the end to findings.
  void OnSlot(int64_t index, const window::Slot& slot, const window::Counts& counts, std::vector<Finding>& findings);

  // Whether enough is left that no signature, confirmed or pending, accounts for.
  bool WantsMining(int64_t index) const;
  // Samples from this slot on show what is left.
  int64_t mining_from() const { return mining_from_; }
  // Whether one of its signatures, confirmed or pending, matches it.
  bool AccountsFor(const window::HeaderSample& sample) const;
  bool proposed() const { return proposals_ > 0; }
  // Packets per second that mining should account for.
  double leftover_pps() const { return leftover_pps_; }
  double min_cluster_pps() const { return LeftoverThreshold(); }
  size_t free_signatures() const;
  void Propose(int64_t index, const MineResult& mined, std::vector<Finding>& findings);

 private:
  struct Pending {
    Signature signature;
    int64_t slots = 0;
    uint64_t matched = 0;
    uint64_t passed = 0;       // of the target and vector, not dropped
    uint64_t since_match = 0;  // the part of passed from the first slot on in which it matched: by then its rule counts
  };
  struct Confirmed {
    std::string id;
    int64_t next_reconfirm = 0;
    double matched_pps = 0;  // smoothed over ten seconds
  };
  double LeftoverThreshold() const;
  void Observe(int64_t index, const window::Slot& slot, const window::Counts& counts, std::vector<Finding>& findings);
  void UpdateState(int64_t index, absl::Time start, const window::Counts& counts, std::vector<Finding>& findings);

  DetectorConfig config_;
  Attack attack_;
  std::vector<Pending> pending_;
  std::vector<Confirmed> confirmed_;
  Cusum leftover_;
  double leftover_threshold_;
  double leftover_pps_ = 0;
  int64_t mining_from_;
  int64_t next_mining_;
  bool mostly_dropped_;  // rules in force see to it
  int failed_minings_ = 0;
  int proposals_ = 0;
  int64_t started_slot_;
  int64_t last_slot_;
  std::array<uint64_t, 10> last_second_{};  // packets, by slot index modulo ten
  std::array<uint64_t, 10> last_passed_{};
  std::array<uint64_t, 10> last_unmatched_{};  // passed, and no signature matches it
  int64_t last_loud_;
  int64_t last_update_;
  bool changed_ = false;
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_ATTACK_TRACKER_H_
