// The signatures of attacks that are over: a flood in pulses comes back with the same packets, and what trickles in between
// must not be taken for clean traffic.
//
//   SignatureMemory memory;
//   memory.Keep(key, attack.signatures, slot);
//   if (std::optional<MineResult> known = memory.Recall(key, mine_input, slot)) ...
//
// Each is remembered for an hour after its attack's end, those of at most 256 targets and vectors. Not thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_SIGNATURE_MEMORY_H_
#define BREAKWATER_COMMON_DETECT_SIGNATURE_MEMORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/detect/detector.h"
#include "common/detect/mine.h"
#include "common/window/slot.h"

namespace breakwater::detect {

class SignatureMemory {
 public:
  static constexpr int64_t kRememberSlots = 36000;
  static constexpr size_t kMaxKeys = 256;

  void Keep(const window::TargetVector& key, const std::vector<Signature>& signatures, int64_t slot);
  // Those that the new attack's samples show again, when together they match at least half of it and next to nothing
  // of the target's clean samples.
  std::optional<MineResult> Recall(const window::TargetVector& key, const MineInput& input, int64_t slot) const;
  // Whether it is of such an attack.
  bool Matches(const window::HeaderSample& sample, int64_t slot) const;

 private:
  struct Entry {
    std::vector<rule::ExprPtr> matches;
    int64_t until = 0;
  };
  std::map<window::TargetVector, Entry> entries_;
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_SIGNATURE_MEMORY_H_
