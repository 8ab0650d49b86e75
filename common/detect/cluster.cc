#include "common/detect/cluster.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
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

constexpr size_t kMaxSources = 4;
constexpr double kTight = 0.998;
constexpr double kLoose = 0.995;

// How much of a range early and late rows must both fill.
constexpr double kSteady = 0.7;
// A counter goes one way in this share of its steps; random values go up in half of them.
constexpr double kOneWay = 0.9;
constexpr size_t kMinSteps = 16;

}  // namespace

RowSet RowSet::All(size_t rows) {
  RowSet all(rows);
  for (uint64_t& w : all.words_) w = ~uint64_t{0};
  if (rows % 64 != 0) all.words_.back() = (uint64_t{1} << (rows % 64)) - 1;
  return all;
}

size_t RowSet::count() const {
  size_t n = 0;
  for (uint64_t w : words_) n += static_cast<size_t>(std::popcount(w));
  return n;
}

RowSet RowSet::And(const RowSet& other) const {
  RowSet out = *this;
  for (size_t i = 0; i < words_.size(); ++i) out.words_[i] &= other.words_[i];
  return out;
}

RowSet RowSet::Without(const RowSet& other) const {
  RowSet out = *this;
  for (size_t i = 0; i < words_.size(); ++i) out.words_[i] &= ~other.words_[i];
  return out;
}

SampleTable::SampleTable(std::vector<FeatureRow> rows) : rows_(std::move(rows)), columns_(kFeatureCount) {
  for (int f = 0; f < kFeatureCount; ++f) {
    Column& c = columns_[static_cast<size_t>(f)];
    for (const FeatureRow& row : rows_) {
      if (row.has(f)) c.distinct.push_back(row.value[static_cast<size_t>(f)]);
    }
    if (c.distinct.empty()) continue;
    std::sort(c.distinct.begin(), c.distinct.end());
    c.distinct.erase(std::unique(c.distinct.begin(), c.distinct.end()), c.distinct.end());
    c.code.reserve(rows_.size());
    for (const FeatureRow& row : rows_) {
      const auto at = std::lower_bound(c.distinct.begin(), c.distinct.end(), row.value[static_cast<size_t>(f)]);
      c.code.push_back(row.has(f) ? static_cast<uint16_t>(at - c.distinct.begin()) : kAbsent);
    }
  }
  if (rows_.empty()) return;
  const bool v4 = rows_.front().source.is_v4();
  for (int length : v4 ? std::vector<int>{32, 24, 16} : std::vector<int>{128, 64, 48}) {
    SourceColumn c{length, {}, {}};
    for (const FeatureRow& row : rows_) c.distinct.emplace_back(row.source, length);
    std::sort(c.distinct.begin(), c.distinct.end());
    c.distinct.erase(std::unique(c.distinct.begin(), c.distinct.end()), c.distinct.end());
    for (const FeatureRow& row : rows_) {
      const auto at = std::lower_bound(c.distinct.begin(), c.distinct.end(), net::IpPrefix(row.source, length));
      c.code.push_back(static_cast<uint16_t>(at - c.distinct.begin()));
    }
    sources_.push_back(std::move(c));
  }
}

double SampleTable::Weight(const RowSet& set) const {
  double weight = 0;
  set.ForEach([&](size_t r) { weight += rows_[r].weight; });
  return weight;
}

RowSet SampleTable::Matching(const Predicate& predicate) const {
  RowSet out(rows_.size());
  if (predicate.feature == kSource) {
    for (size_t r = 0; r < rows_.size(); ++r) {
      if (predicate.Matches(rows_[r])) out.add(r);
    }
    return out;
  }
  const Column& c = columns_[static_cast<size_t>(predicate.feature)];
  if (c.distinct.empty()) return out;
  std::vector<bool> in(c.distinct.size());
  for (size_t i = 0; i < in.size(); ++i) {
    in[i] = std::any_of(predicate.intervals.begin(), predicate.intervals.end(),
                        [&](const rule::Interval& v) { return v.lo <= c.distinct[i] && c.distinct[i] <= v.hi; });
  }
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (c.code[r] != kAbsent && in[c.code[r]]) out.add(r);
  }
  return out;
}

std::vector<Valued> SampleTable::Values(int feature, const RowSet& set) const {
  const Column& c = columns_[static_cast<size_t>(feature)];
  std::vector<Valued> all(c.distinct.size());
  if (all.empty()) return all;
  set.ForEach([&](size_t r) {
    if (c.code[r] == kAbsent) return;
    all[c.code[r]].weight += rows_[r].weight;
    ++all[c.code[r]].rows;
  });
  size_t n = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].rows == 0) continue;
    all[n] = all[i];
    all[n++].value = c.distinct[i];
  }
  all.resize(n);
  return all;
}

RowSet SampleTable::WithoutOutliers(const RowSet& set) const {
  const double total = Weight(set);
  std::vector<int> disagreements(rows_.size(), 0);
  int agreed_fields = 0;
  // Halves and bytes say what words say already.
  for (int f = 0; f < kHalfFirst; ++f) {
    std::vector<Valued> values = Values(f, set);
    Predicate common{f, {}, {}, 0, false};
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
    set.Without(Matching(common)).ForEach([&](size_t r) { ++disagreements[r]; });
  }
  const int limit = std::max(kOutlierFields, static_cast<int>(kOutlierShare * agreed_fields + 0.5));
  RowSet core = set;
  set.ForEach([&](size_t r) {
    if (disagreements[r] >= limit) core.remove(r);
  });
  return Weight(core) >= (1 - kMaxOutliers) * total ? core : set;
}

std::optional<Predicate> SampleTable::CommonSource(const RowSet& set, double coverage) const {
  const double total = Weight(set);
  for (const SourceColumn& c : sources_) {
    std::vector<std::pair<double, size_t>> weights(c.distinct.size());
    for (size_t i = 0; i < weights.size(); ++i) weights[i].second = i;
    set.ForEach([&](size_t r) { weights[c.code[r]].first += rows_[r].weight; });
    const size_t take = std::min(kMaxSources, weights.size());
    std::partial_sort(
        weights.begin(), weights.begin() + static_cast<ptrdiff_t>(take), weights.end(),
        [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
    Predicate p{kSource, {}, {}, 0, false};
    double covered = 0;
    for (size_t i = 0; i < take && covered < coverage * total; ++i) {
      p.sources.push_back(c.distinct[weights[i].second]);
      covered += weights[i].first;
    }
    if (covered < coverage * total) continue;
    std::sort(p.sources.begin(), p.sources.end());
    p.bits = c.length / (p.sources.front().is_v4() ? 2.0 : 8.0) - std::log2(static_cast<double>(p.sources.size()));
    return p;
  }
  return std::nullopt;
}

bool SampleTable::Steady(const Predicate& range, const RowSet& set) const {
  const size_t half = set.count() / 2;
  RowSet early(rows_.size());
  size_t n = 0;
  set.ForEach([&](size_t r) {
    if (n++ < half) early.add(r);
  });
  const std::vector<Valued> a = Values(range.feature, early);
  const std::vector<Valued> b = Values(range.feature, set.Without(early));
  if (a.empty() || b.empty()) return false;
  const double lo = std::max(a.front().value, b.front().value);
  const double hi = std::min(a.back().value, b.back().value);
  const double all =
      std::max(a.back().value, b.back().value) - static_cast<double>(std::min(a.front().value, b.front().value));
  return hi - lo >= kSteady * all;
}

bool SampleTable::Counts(int feature, const RowSet& set) const {
  const Column& c = columns_[static_cast<size_t>(feature)];
  if (c.distinct.size() < kMinSteps) return false;
  size_t up = 0, down = 0;
  uint16_t last = kAbsent;
  set.ForEach([&](size_t r) {
    const uint16_t code = c.code[r];
    if (code == kAbsent) return;
    if (last != kAbsent) {
      up += code > last;
      down += code < last;
    }
    last = code;
  });
  const auto steps = static_cast<double>(up + down);
  return steps >= kMinSteps && static_cast<double>(std::max(up, down)) >= kOneWay * steps;
}

std::vector<Predicate> SampleTable::Common(const RowSet& set) const {
  const double total = Weight(set);
  const int count = static_cast<int>(set.count());
  std::vector<Predicate> out;
  std::vector<bool> settled(kFeatureCount, false);  // halves and bytes of words that have a predicate
  for (int f = 0; f < kFeatureCount; ++f) {
    if (settled[static_cast<size_t>(f)] || columns_[static_cast<size_t>(f)].distinct.empty()) continue;
    if ((f == kTcpSeq || f == kTcpAck) && Counts(f, set)) {
      settled[static_cast<size_t>(f == kTcpSeq ? kTcpSeqHigh : kTcpAckHigh)] = true;
      continue;
    }
    const std::vector<Valued> values = Values(f, set);
    std::optional<Predicate> tight = Tightest(f, values, total, count, {.coverage = kTight});
    if (!tight || tight->range) {
      std::optional<Predicate> loose = Tightest(f, values, total, count, {.coverage = kLoose});
      if (loose && !loose->range) tight = std::move(loose);
    }
    if (!tight || (tight->range && !Steady(*tight, set))) continue;
    if (!tight->range && f >= kWordFirst) {
      const int from = Info(f).offset, to = from + Info(f).length;
      for (int g = kHalfFirst; g < kFeatureCount; ++g) {
        if (Info(g).length < Info(f).length && Info(g).offset >= from && Info(g).offset < to)
          settled[static_cast<size_t>(g)] = true;
      }
    }
    out.push_back(*std::move(tight));
  }
  if (std::optional<Predicate> source = CommonSource(set, kLoose)) out.push_back(*std::move(source));
  return out;
}

}  // namespace breakwater::detect
