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
#include <vector>

#include "common/detect/features.h"
#include "common/detect/predicate.h"

namespace breakwater::detect {

// A set of row numbers as a bitmap.
class RowSet {
 public:
  RowSet() = default;
  explicit RowSet(size_t rows) : size_(rows), words_((rows + 63) / 64, 0) {}
  bool has(size_t row) const { return (words_[row / 64] >> (row % 64) & 1) != 0; }
  void add(size_t row) { words_[row / 64] |= uint64_t{1} << (row % 64); }
  void remove(size_t row) { words_[row / 64] &= ~(uint64_t{1} << (row % 64)); }
  size_t size() const { return size_; }
  size_t count() const;
  RowSet And(const RowSet& other) const;
  RowSet Without(const RowSet& other) const;
  friend bool operator==(const RowSet&, const RowSet&) = default;

 private:
  size_t size_ = 0;
  std::vector<uint64_t> words_;
};

class SampleTable {
 public:
  explicit SampleTable(std::vector<FeatureRow> rows);

  const std::vector<FeatureRow>& rows() const { return rows_; }
  RowSet All() const;
  double Weight(const RowSet& set) const;
  RowSet Matching(const Predicate& predicate, const RowSet& within) const;

  // The values of a feature in a set, ascending.
  std::vector<Valued> Values(int feature, const RowSet& set) const;
  // The rows of the set which agree with what most of it agrees on; a row is an outlier when it has uncommon values in
  // several fields at once. The whole set when nothing is agreed on.
  RowSet WithoutOutliers(const RowSet& set) const;
  // One tight predicate for every feature that has one in the set, sources included.
  std::vector<Predicate> Common(const RowSet& set) const;

 private:
  std::vector<FeatureRow> rows_;
  // Row numbers by ascending value, per feature; only rows that have it.
  std::vector<std::vector<uint32_t>> order_;
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_CLUSTER_H_
