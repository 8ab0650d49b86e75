// How many distinct keys there were: HyperLogLog with 4096 registers, mergeable exactly.
//
//   HyperLogLog sources(seed);
//   sources.Add(address.bytes());
//   sources.Estimate();      // within 1.6 % (one standard deviation), 5 % at three; nearly exact below about 100
//
// Merging takes the maximum of each register: associative, commutative, idempotent. Estimated with Ertl's improved raw
// estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no bias tables and no
// change of method between small and large counts. 4 KiB once something was added. Not thread-safe.
#ifndef BREAKWATER_COMMON_SKETCH_HYPERLOGLOG_H_
#define BREAKWATER_COMMON_SKETCH_HYPERLOGLOG_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace breakwater::sketch {

class HyperLogLog {
 public:
  static constexpr int kPrecision = 12;
  static constexpr size_t kRegisters = size_t{1} << kPrecision;
  static constexpr double kStandardError = 0.01625;  // 1.04 / sqrt(kRegisters)
  // The longest encoding: one byte of kind, then 6 bits a register.
  static constexpr size_t kMaxEncodedBytes = 1 + kRegisters * 6 / 8;

  explicit HyperLogLog(uint64_t seed) : seed_(seed) {}

  void Add(std::span<const uint8_t> key);
  double Estimate() const;
  // An error when the seeds differ; then nothing has changed.
  absl::Status Merge(const HyperLogLog& other);

  uint64_t seed() const { return seed_; }
  bool empty() const { return registers_.empty(); }

  // The smaller of a sparse and a dense form; an empty sketch is an empty string.
  std::string Encode() const;
  static absl::StatusOr<HyperLogLog> Decode(uint64_t seed, std::string_view encoded);

  friend bool operator==(const HyperLogLog&, const HyperLogLog&) = default;

 private:
  uint64_t seed_;
  std::vector<uint8_t> registers_;  // empty, or kRegisters ranks of 0..kMaxRank, at least one of them not 0
};

}  // namespace breakwater::sketch

#endif  // BREAKWATER_COMMON_SKETCH_HYPERLOGLOG_H_
