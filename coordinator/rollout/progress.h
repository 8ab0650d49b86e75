// How far one edge is with its rules, computed from little: two watermarks, the rules that are an exception to them, and
// the counts that its windows brought.
//
//   EdgeProgress progress;
//   progress.OnVersions(heartbeat.received(), heartbeat.applied());
//   progress.OnStatus(status);
//   progress.OnCounts("r1", counts, slot.start, slot.length);
//   RuleOnEdge r = progress.Of(*placed, epoch, /*held=*/false, now);
//
// Not thread-safe. Bounded by kMaxExceptions and kMaxCounted, whatever the edge says.
#ifndef BREAKWATER_COORDINATOR_ROLLOUT_PROGRESS_H_
#define BREAKWATER_COORDINATOR_ROLLOUT_PROGRESS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "breakwater/v1/coordinator_state.pb.h"
#include "breakwater/v1/fleet.pb.h"
#include "breakwater/v1/rule.pb.h"
#include "common/window/slot.h"
#include "coordinator/rollout/rollout.h"

namespace breakwater::rollout {

enum class State { kPending, kReceived, kValidated, kInstalled, kMatching, kRefused };
std::string_view StateName(State state);  // "pending", "received", ..., "refused"

struct RuleOnEdge {
  State state = State::kPending;
  bool enforcing = false;
  std::string detail;  // why it was refused
  uint64_t matched_packets = 0;
  uint64_t dropped_packets = 0;
  double matched_pps = 0;  // over the last second
  double dropped_pps = 0;
  absl::Time last_match = absl::InfinitePast();
};

class EdgeProgress {
 public:
  static constexpr size_t kMaxExceptions = 1024;
  static constexpr size_t kMaxCounted = 2048;  // rules with counts; over it the one that matched longest ago goes
  static constexpr absl::Duration kMatchingFor = absl::Seconds(10);

  // A new session: what was said before counts no more, counts stay.
  void Reset();
  void OnVersions(const v1::SetVersion& received, const v1::SetVersion& applied);
  // False when there was no place for it.
  bool OnStatus(const v1::RuleStatus& status);
  void OnCounts(const std::string& rule_id, const window::RuleCounts& counts, absl::Time start, absl::Duration length);
  // The counts, to be kept with the watermark of the windows that brought them, and as they were kept.
  v1::EdgeHits Hits() const;
  void Restore(const v1::EdgeHits& hits);
  // The rule is gone from the fleet.
  // True when it had counts.
  bool Forget(std::string_view rule_id);

  // held: the edge enforces that rule, or the same, by its own decision.
  RuleOnEdge Of(const Placed& placed, uint64_t epoch, bool held, absl::Time now) const;

  const v1::SetVersion& received() const { return received_; }
  const v1::SetVersion& applied() const { return applied_; }
  size_t rejected() const { return rejected_; }

 private:
  static constexpr int kRing = 16;  // slots of 100 ms
  struct Exception {
    v1::RuleState state = v1::RULE_STATE_UNSPECIFIED;
    uint64_t revision = 0;
    bool enforcing = false;
    std::string detail;
  };
  struct Counted {
    uint64_t matched = 0;
    uint64_t dropped = 0;
    int64_t newest = 0;  // slot
    std::array<uint64_t, kRing> matched_ring{};
    std::array<uint64_t, kRing> dropped_ring{};
  };
  static void Advance(Counted& counted, int64_t slot);

  v1::SetVersion received_;
  v1::SetVersion applied_;
  std::map<std::string, Exception, std::less<>> exceptions_;
  size_t rejected_ = 0;
  std::map<std::string, Counted, std::less<>> counted_;
  int64_t newest_slot_ = 0;  // of any rule
};

}  // namespace breakwater::rollout

#endif  // BREAKWATER_COORDINATOR_ROLLOUT_PROGRESS_H_
