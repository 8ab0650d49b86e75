#include "common/detect/cluster.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace breakwater::detect {
namespace {

// What a value must share to be part of what a set agrees on, and how much of the set has to agree.
constexpr double kCommonValue = 0.08;
constexpr double kAgreement = 0.88;
// An outlier disagrees in this share of the agreed fields, and in two at least.
constexpr double kOutlierShare = 0.2;
constexpr int kOutlierFields = 2;
// Above this the "outliers" are a cluster of their own and the set is left as it is.
constexpr double kMaxOutliers = 0.35;

constexpr double kTight = 0.998;
constexpr double kLoose = 0.995;

}  // namespace

size_t RowSet::count() const {
  size_t n = 0;
  for (uint64_t w : words_) n += static_cast<size_t>(std::popcount(w));
  return n;
}

RowSet RowSet::And(const RowSet& other) const {
  RowSet out(size_);
  for (size_t i = 0; i < words_.size(); ++i) out.words_[i] = words_[i] & other.words_[i];
  return out;
}

RowSet RowSet::Without(const RowSet& other) const {
  RowSet out(size_);
  for (size_t i = 0; i < words_.size(); ++i) out.words_[i] = words_[i] & ~other.words_[i];
  return out;
}

SampleTable::SampleTable(std::vector<FeatureRow> rows) : rows_(std::move(rows)), order_(kFeatureCount) {
  std::vector<std::pair<uint32_t, uint32_t>> keyed;
  for (int f = 0; f < kFeatureCount; ++f) {
    keyed.clear();
    for (size_t r = 0; r < rows_.size(); ++r) {
      if (rows_[r].has(f)) keyed.emplace_back(rows_[r].value[static_cast<size_t>(f)], static_cast<uint32_t>(r));
    }
    std::sort(keyed.begin(), keyed.end());
    order_[static_cast<size_t>(f)].reserve(keyed.size());
    for (const auto& [value, row] : keyed) order_[static_cast<size_t>(f)].push_back(row);
  }
}

RowSet SampleTable::All() const {
  RowSet all(rows_.size());
  for (size_t r = 0; r < rows_.size(); ++r) all.add(r);
  return all;
}

double SampleTable::Weight(const RowSet& set) const {
  double weight = 0;
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (set.has(r)) weight += rows_[r].weight;
  }
  return weight;
}

RowSet SampleTable::Matching(const Predicate& predicate, const RowSet& within) const {
  RowSet out(rows_.size());
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (within.has(r) && predicate.Matches(rows_[r])) out.add(r);
  }
  return out;
}

std::vector<Valued> SampleTable::Values(int feature, const RowSet& set) const {
  std::vector<Valued> values;
  for (uint32_t r : order_[static_cast<size_t>(feature)]) {
    if (!set.has(r)) continue;
    const uint32_t value = rows_[r].value[static_cast<size_t>(feature)];
    if (values.empty() || values.back().value != value) values.push_back({value, 0, 0});
    values.back().weight += rows_[r].weight;
    ++values.back().rows;
  }
  return values;
}

RowSet SampleTable::WithoutOutliers(const RowSet& set) const {
  const double total = Weight(set);
  std::vector<int> disagreements(rows_.size(), 0);
  int agreed_fields = 0;
  // Halves and bytes say what words say already.
  for (int f = 0; f < kHalfFirst; ++f) {
    std::vector<Valued> values = Values(f, set);
    Predicate common{f, {}, {}, 0};
    double covered = 0;
    for (size_t i = 0; i < values.size();) {
      size_t j = i + 1;
      double weight = values[i].weight;
      while (j < values.size() && values[j].value - values[j - 1].value <= Info(f).near) weight += values[j++].weight;
      if (weight >= kCommonValue * total) {
        common.intervals.push_back({values[i].value, values[j - 1].value});
        covered += weight;
      }
      i = j;
    }
    if (covered < kAgreement * total) continue;
    ++agreed_fields;
    for (size_t r = 0; r < rows_.size(); ++r) {
      if (set.has(r) && !common.Matches(rows_[r])) ++disagreements[r];
    }
  }
  const int limit = std::max(kOutlierFields, static_cast<int>(kOutlierShare * agreed_fields + 0.5));
  RowSet core = set;
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (set.has(r) && disagreements[r] >= limit) core.remove(r);
  }
  return Weight(core) >= (1 - kMaxOutliers) * total ? core : set;
}

std::vector<Predicate> SampleTable::Common(const RowSet& set) const {
  const double total = Weight(set);
  const int count = static_cast<int>(set.count());
  std::vector<Predicate> out;
  for (int f = 0; f < kFeatureCount; ++f) {
    const std::vector<Valued> values = Values(f, set);
    std::optional<Predicate> tight = Tightest(f, values, total, count, {.coverage = kTight});
    if (!tight) tight = Tightest(f, values, total, count, {.coverage = kLoose});
    if (tight) out.push_back(*std::move(tight));
  }
  std::vector<std::pair<net::IpAddress, double>> sources;
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (set.has(r)) sources.emplace_back(rows_[r].source, rows_[r].weight);
  }
  if (std::optional<Predicate> source = TightestSource(sources, total, kLoose)) out.push_back(*std::move(source));
  return out;
}

}  // namespace breakwater::detect
