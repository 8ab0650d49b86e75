// The sampled headers that mining reads: those of the last two seconds, and reservoirs of clean ones.
//
//   SampleStore store(config);
//   store.Add(slot_index, samples, /*is_clean=*/[](const HeaderSample&) { return true; });
//   std::vector<const HeaderSample*> run_up = store.Recent(target, vector, from_slot, /*only_passed=*/true);
//
// A sample becomes a clean one when it is two seconds old and nothing of its target is suspected by then. Bounded: see
// the constants. Deterministic. Not thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_SAMPLE_STORE_H_
#define BREAKWATER_COMMON_DETECT_SAMPLE_STORE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/detect/detector.h"
#include "common/detect/packets.h"
#include "common/window/slot.h"

namespace breakwater::detect {

class SampleStore {
 public:
  static constexpr int64_t kHistorySlots = 20;
  static constexpr size_t kMaxPerSlot = 8192;    // more are thinned out evenly
  static constexpr size_t kMaxHistory = 40960;   // samples
  static constexpr size_t kMaxReservoirs = 256;  // (host, vector) pairs with clean samples of their own

  explicit SampleStore(const DetectorConfig& config);

  // is_clean is asked for samples that grow too old for the history.
  void Add(int64_t slot, std::span<const window::HeaderSample> samples,
           const std::function<bool(const window::HeaderSample&)>& is_clean);
  // In the order of arrival, at most DetectorConfig::max_reservoir, thinned out evenly when there are more.
  std::vector<const window::HeaderSample*> Recent(const window::Target& target, window::Vector vector,
                                                  int64_t from_slot, bool only_passed) const;
  std::vector<const window::HeaderSample*> CleanOf(const window::Target& target, window::Vector vector) const;
  std::vector<const window::HeaderSample*> CleanOfOthers(const window::Target& target, window::Vector vector) const;

 private:
  struct OneSlot {
    int64_t slot = 0;
    std::vector<window::HeaderSample> samples;
  };
  struct Reservoir {
    std::vector<window::HeaderSample> samples;
    uint64_t seen = 0;
    int64_t last_slot = 0;
  };
  void Keep(Reservoir& reservoir, const window::HeaderSample& sample, size_t limit);
  Reservoir& Own(const window::HeaderSample& sample, int64_t slot);

  size_t max_recent_;
  size_t max_clean_;
  std::deque<OneSlot> history_;
  size_t history_size_ = 0;
  absl::flat_hash_map<window::TargetVector, Reservoir> own_;
  std::vector<Reservoir> by_vector_;
  Random random_{0x6272656b77617465u};
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_SAMPLE_STORE_H_
