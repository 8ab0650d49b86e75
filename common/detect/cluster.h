// The samples of a flood as a table, and what groups of its rows have in common.
//
//   SampleTable table(std::move(rows));
//   RowSet core = table.WithoutOutliers(table.All());
//   std::vector<Predicate> common = table.Common(core);
//
// Not thread-safe; made for one mining run.
#ifndef BREAKWATER_COMMON_DETECT_CLUSTER_H_
#define BREAKWATER_COMMON_DETECT_CLUSTER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/detect/features.h"
#include "common/detect/predicate.h"
#include "common/net/ip.h"

namespace breakwater::detect {

// A set of row numbers as a bitmap.
class RowSet {
 public:
  RowSet() = default;
  explicit RowSet(size_t rows) : size_(rows), words_((rows + 63) / 64, 0) {}
  static RowSet All(size_t rows);

  bool has(size_t row) const { return (words_[row / 64] >> (row % 64) & 1) != 0; }
  void add(size_t row) { words_[row / 64] |= uint64_t{1} << (row % 64); }
  void remove(size_t row) { words_[row / 64] &= ~(uint64_t{1} << (row % 64)); }
  size_t size() const { return size_; }
  size_t count() const;
  RowSet And(const RowSet& other) const;
  RowSet Without(const RowSet& other) const;
  // Calls f(row) in ascending order.
  template <typename F>
  void ForEach(F f) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      for (uint64_t bits = words_[w]; bits != 0; bits &= bits - 1) {
        f(w * 64 + static_cast<size_t>(__builtin_ctzll(bits)));
      }
    }
  }
  friend bool operator==(const RowSet&, const RowSet&) = default;

 private:
  size_t size_ = 0;
  std::vector<uint64_t> words_;
};

class SampleTable {
 public:
  // In the order of arrival.
  explicit SampleTable(std::vector<FeatureRow> rows);

  const std::vector<FeatureRow>& rows() const { return rows_; }
  RowSet All() const { return RowSet::All(rows_.size()); }
  double Weight(const RowSet& set) const;
  // Of all rows.
  RowSet Matching(const Predicate& predicate) const;

  // The values of a feature in a set, ascending.
  std::vector<Valued> Values(int feature, const RowSet& set) const;
  // The rows of the set which agree with what most of it agrees on; a row is an outlier when it has uncommon values in
  // several fields at once. The whole set when nothing is agreed on.
  RowSet WithoutOutliers(const RowSet& set) const;
  // One tight predicate for every feature that has one in the set, sources included. A range is one only if early and
  // late rows fill it alike: counters that advance don't stay in a range.
  std::vector<Predicate> Common(const RowSet& set) const;

 private:
  struct Column {
    std::vector<uint32_t> distinct;  // values, ascending
    std::vector<uint16_t> code;      // per row: index into distinct; kAbsent
  };
  static constexpr uint16_t kAbsent = 0xffff;

  struct SourceColumn {
    int length = 0;
    std::vector<net::IpPrefix> distinct;
    std::vector<uint16_t> code;
  };

  bool Steady(const Predicate& range, const RowSet& set) const;
  // Whether its values go up (or down) from row to row: a counter, whose upper half stays the same for a moment only.
  bool Counts(int feature, const RowSet& set) const;
  // Up to 4 source prefixes of one length, the longest that will do.
  std::optional<Predicate> CommonSource(const RowSet& set, double coverage) const;

  std::vector<FeatureRow> rows_;
  std::vector<Column> columns_;
  std::vector<SourceColumn> sources_;  // the longest prefix first
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_CLUSTER_H_
