// One comparison of a signature: a feature and the values that it may have, with what naming it is worth.
//
//   std::optional<Predicate> p = Tightest(kTtl, values, Tightness{});
//   rule::ExprPtr e = ToExpr(*p, /*v4=*/true);
//
// Pure and thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_PREDICATE_H_
#define BREAKWATER_COMMON_DETECT_PREDICATE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/detect/features.h"
#include "common/net/ip.h"
#include "common/rule/expr.h"

namespace breakwater::detect {

// A source prefix is a pseudo-feature behind the real ones.
inline constexpr int kSource = kFeatureCount;

struct Predicate {
  int feature = 0;
  std::vector<rule::Interval> intervals;  // sorted, disjoint
  std::vector<net::IpPrefix> sources;     // kSource only: sorted, disjoint
  double bits = 0;
  bool range = false;  // an interval around values that aren't listed

  // One value of a whole field or run of bytes.
  bool constant() const { return intervals.size() == 1 && intervals[0].lo == intervals[0].hi; }

  bool Matches(const FeatureRow& row) const;
};

// A value of a feature with its weight and in how many samples it was seen; in ascending order of value.
struct Valued {
  uint32_t value = 0;
  double weight = 0;
  int rows = 0;
};

struct Tightness {
  double coverage = 0.995;  // of total_weight
};

// The fewest values (near ones merged to intervals) that cover enough of the weight; else a range, where that makes
// sense; else nothing. total_weight and total_rows count samples without this feature as well. What was seen only once
// is no part of a set, and its weight estimates what wasn't seen at all.
std::optional<Predicate> Tightest(int feature, std::span<const Valued> values, double total_weight, int total_rows,
                                  const Tightness& tightness);
// How surprising it is in ordinary traffic, in bits.
double SpecificityBits(int feature, std::span<const rule::Interval> intervals);

rule::ExprPtr ToExpr(const Predicate& predicate, bool v4);

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_PREDICATE_H_
