// A histogram of positive values (latencies, sizes) whose bins grow geometrically, so that every quantile has the same
// relative error. Merging adds bins: exact, associative and commutative.
//
//   LogHistogram latency(kLatencyLayout);       // microseconds
//   latency.Add(1830);
//   latency.Quantile(0.99);                      // within 5 %
//
// Bin 0 holds what is not over `min` (and NaN), the last one what lies over max_value(): there a quantile is only the
// border. Not thread-safe.
#ifndef BREAKWATER_COMMON_SKETCH_LOG_HISTOGRAM_H_
#define BREAKWATER_COMMON_SKETCH_LOG_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace breakwater::sketch {

// Whole numbers, so that two layouts are equal or not on every machine.
struct LogHistogramLayout {
  static constexpr uint32_t kMaxBins = 128;

  uint32_t error_permille = 50;  // 5..500
  uint64_t min = 1;              // >= 1, in the values' unit
  uint32_t bins = kMaxBins;      // 3..kMaxBins

  friend bool operator==(const LogHistogramLayout&, const LogHistogramLayout&) = default;
};
absl::Status Validate(const LogHistogramLayout& layout);

// Microseconds: 100 us to 30 s within 5 %.
inline constexpr LogHistogramLayout kLatencyLayout{.error_permille = 50, .min = 100, .bins = 128};

class LogHistogram {
 public:
  // A layout which Validate refuses is a programming error and crashes.
  explicit LogHistogram(const LogHistogramLayout& layout);
  static absl::StatusOr<LogHistogram> FromBins(const LogHistogramLayout& layout, std::vector<uint64_t> bins);

  void Add(double value, uint64_t count = 1);
  // An error when the layouts differ; then nothing has changed.
  absl::Status Merge(const LogHistogram& other);

  const LogHistogramLayout& layout() const { return layout_; }
  uint64_t count() const;
  // 0 <= q <= 1. 0 when nothing was added.
  double Quantile(double q) const;
  double max_value() const;
  // layout().bins of them.
  const std::vector<uint64_t>& bins() const { return bins_; }

  friend bool operator==(const LogHistogram& a, const LogHistogram& b) {
    return a.layout_ == b.layout_ && a.bins_ == b.bins_;
  }

 private:
  LogHistogramLayout layout_;
  double log_gamma_;
  std::vector<uint64_t> bins_;
};

}  // namespace breakwater::sketch

#endif  // BREAKWATER_COMMON_SKETCH_LOG_HISTOGRAM_H_
