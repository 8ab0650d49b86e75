// Heavy hitters in bounded memory (Misra and Gries), mergeable (Agarwal et al., "Mergeable Summaries", PODS 2012).
//
//   MisraGries<net::IpPrefix> sources(1024);
//   sources.Add(source, weight);
//   for (const auto& e : sources.Top(10)) Use(e.key, e.lower, e.upper);
//
// For every key: lower <= its true weight <= upper = lower + error(), and error() <= total() / (k + 1), for any stream
// and under any tree of merges. A key whose weight is over total() / (k + 1) is therefore always present. While no more
// than k keys were added, everything is exact (error() == 0). Never block on an upper bound alone.
//
// Between compactions up to 2k keys are held: then the (k+1)-th largest count is subtracted from all, which makes an
// Add amortised O(1) for any weights. Merge(a, b) equals Merge(b, a) exactly; different trees of merges may differ
// within the bounds. Key needs operator<=>, equality and AbslHashValue. Not thread-safe.
#ifndef BREAKWATER_COMMON_SKETCH_MISRA_GRIES_H_
#define BREAKWATER_COMMON_SKETCH_MISRA_GRIES_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/sketch/hash.h"
#include "common/sketch/require.h"

namespace breakwater::sketch {

inline constexpr uint32_t kMaxMisraGriesK = 4096;

template <typename Key>
class MisraGries {
 public:
  struct Entry {
    Key key;
    uint64_t lower = 0;
    uint64_t upper = 0;
  };
  using Counter = std::pair<Key, uint64_t>;

  // 1 <= k <= kMaxMisraGriesK.
  explicit MisraGries(uint32_t k) : k_(k) {
    Require(k >= 1 && k <= kMaxMisraGriesK, "Misra-Gries: k is not in 1..4096");
  }

  // From what Counters() gave, or a peer: refuses what no stream can have produced.
  static absl::StatusOr<MisraGries> FromCounters(uint32_t k, uint64_t total, uint64_t error,
                                                 const std::vector<Counter>& counters);

  void Add(const Key& key, uint64_t weight = 1) {
    if (weight == 0) return;
    total_ = AddSaturating(total_, weight);
    uint64_t& count = counts_[key];
    count = AddSaturating(count, weight);
    if (counts_.size() > 2 * size_t{k_}) Compact();
  }

  // An error when k differs; then nothing has changed.
  absl::Status Merge(const MisraGries& other) {
    if (other.k_ != k_) {
      return absl::InvalidArgumentError(
          absl::StrCat("can't merge a Misra-Gries sketch of k = ", other.k_, " into one of k = ", k_));
    }
    for (const auto& [key, count] : other.counts_) {
      uint64_t& mine = counts_[key];
      mine = AddSaturating(mine, count);
    }
    total_ = AddSaturating(total_, other.total_);
    error_ = AddSaturating(error_, other.error_);
    Compact();
    return absl::OkStatus();
  }

  // Brings it to k keys at most.
  void Compact() {
    if (counts_.size() <= k_) return;
    std::vector<uint64_t> counts;
    counts.reserve(counts_.size());
    for (const auto& [key, count] : counts_) counts.push_back(count);
    std::nth_element(counts.begin(), counts.begin() + k_, counts.end(), std::greater<>());
    const uint64_t cut = counts[k_];
    error_ = AddSaturating(error_, cut);
    absl::erase_if(counts_, [cut](auto& entry) {
      if (entry.second <= cut) return true;
      entry.second -= cut;
      return false;
    });
  }

  uint32_t k() const { return k_; }
  // The weight of everything that was added.
  uint64_t total() const { return total_; }
  // By how much a count may be too small.
  uint64_t error() const { return error_; }
  size_t size() const { return counts_.size(); }
  bool empty() const { return total_ == 0; }

  Entry Estimate(const Key& key) const {
    auto it = counts_.find(key);
    const uint64_t lower = it == counts_.end() ? 0 : it->second;
    return {key, lower, AddSaturating(lower, error_)};
  }

  // The n largest, largest first; equal ones in the order of their keys.
  std::vector<Entry> Top(size_t n) const {
    std::vector<Entry> entries;
    entries.reserve(counts_.size());
    for (const auto& [key, count] : counts_) entries.push_back({key, count, AddSaturating(count, error_)});
    const auto larger = [](const Entry& a, const Entry& b) {
      return a.lower != b.lower ? a.lower > b.lower : a.key < b.key;
    };
    const size_t keep = std::min(n, entries.size());
    std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(keep), entries.end(), larger);
    entries.resize(keep);
    return entries;
  }

  // At most k lower bounds, in the order of their keys: call Compact() first.
  std::vector<Counter> Counters() const {
    std::vector<Counter> counters(counts_.begin(), counts_.end());
    std::sort(counters.begin(), counters.end());
    return counters;
  }

  friend bool operator==(const MisraGries&, const MisraGries&) = default;

 private:
  uint32_t k_;
  uint64_t total_ = 0;
  uint64_t error_ = 0;
  absl::flat_hash_map<Key, uint64_t> counts_;
};

template <typename Key>
absl::StatusOr<MisraGries<Key>> MisraGries<Key>::FromCounters(uint32_t k, uint64_t total, uint64_t error,
                                                              const std::vector<Counter>& counters) {
  if (k < 1 || k > kMaxMisraGriesK) {
    return absl::InvalidArgumentError(absl::StrCat("Misra-Gries k = ", k, " is not in 1..", kMaxMisraGriesK));
  }
  if (counters.size() > k) {
    return absl::InvalidArgumentError(absl::StrCat("Misra-Gries has ", counters.size(), " counters, k is ", k));
  }
  MisraGries sketch(k);
  sketch.total_ = total;
  sketch.error_ = error;
  sketch.counts_.reserve(counters.size());
  // Each unit of error was taken from at least k + 1 counters, so all counts and (k + 1) times the error fit in the
  // total.
  if (error > total / (k + 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Misra-Gries error ", error, " is over total / (k + 1) = ", total / (k + 1)));
  }
  uint64_t left = total - error * (k + 1);
  for (const auto& [key, count] : counters) {
    if (count == 0) return absl::InvalidArgumentError("Misra-Gries has a counter of 0");
    if (count > left) {
      return absl::InvalidArgumentError(absl::StrCat("Misra-Gries counters add up to more than the total ", total));
    }
    left -= count;
    if (!sketch.counts_.emplace(key, count).second) {
      return absl::InvalidArgumentError("Misra-Gries has two counters for one key");
    }
  }
  return sketch;
}

}  // namespace breakwater::sketch

#endif  // BREAKWATER_COMMON_SKETCH_MISRA_GRIES_H_
