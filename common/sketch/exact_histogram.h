// Exact counts of small values: TTLs, TCP flags, lengths in steps. Merging adds: associative and commutative.
//
//   ExactHistogram ttl(256);
//   ttl.Add(57, weight);
//   ttl.Count(57);
//
// A value over the domain is counted as the largest one. Not thread-safe.
#ifndef BREAKWATER_COMMON_SKETCH_EXACT_HISTOGRAM_H_
#define BREAKWATER_COMMON_SKETCH_EXACT_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace breakwater::sketch {

class ExactHistogram {
 public:
  static constexpr uint32_t kMaxDomain = 256;

  // Values 0..domain-1; 1 <= domain <= kMaxDomain, else it crashes.
  explicit ExactHistogram(uint32_t domain);
  // counts: domain of them.
  static absl::StatusOr<ExactHistogram> FromCounts(std::vector<uint64_t> counts);

  void Add(uint32_t value, uint64_t count = 1);
  // An error when the domains differ; then nothing has changed.
  absl::Status Merge(const ExactHistogram& other);

  uint32_t domain() const { return static_cast<uint32_t>(counts_.size()); }
  uint64_t Count(uint32_t value) const { return value < counts_.size() ? counts_[value] : 0; }
  uint64_t total() const;
  const std::vector<uint64_t>& counts() const { return counts_; }

  friend bool operator==(const ExactHistogram&, const ExactHistogram&) = default;

 private:
  std::vector<uint64_t> counts_;
};

}  // namespace breakwater::sketch

#endif  // BREAKWATER_COMMON_SKETCH_EXACT_HISTOGRAM_H_
