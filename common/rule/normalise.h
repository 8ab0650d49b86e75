// The normal form of a match: what makes its canonical text one text.
//
// Nested "and"s and "or"s of one kind are flattened, operands sorted (by the first field they name, in the order of the
// field table, then by text) and without duplicates, double negation is gone, sets are sorted and merged, masks of all
// ones aren't written. Nothing is pushed through "not" and nothing is multiplied out: compilers make the form they
// need.
//
// A normalised expression is true for the same packets as the expression that it was made from.
#ifndef BREAKWATER_COMMON_RULE_NORMALISE_H_
#define BREAKWATER_COMMON_RULE_NORMALISE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/rule/expr.h"

namespace breakwater::rule {

// expr is well formed (see CheckExpr), its values within their fields. Thread-safe.
ExprPtr Normalise(const Expr& expr);

// Largest value of a kNumber, kFlags or kBytes comparison.
uint64_t MaxValue(const Comparison& compare);

// Sorted, disjoint, not adjacent.
std::vector<Interval> MergeIntervals(std::vector<Interval> intervals);
// The smallest part of the interval that holds all its values with no bits outside the mask; nullopt when there is none.
std::optional<Interval> WithinMask(const Interval& interval, uint64_t mask);
// Sorted, none inside another.
std::vector<net::IpPrefix> MergePrefixes(std::vector<net::IpPrefix> prefixes);
// In a run of wildcards first the "?" and then one "*".
std::string NormaliseGlob(std::string_view glob);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_NORMALISE_H_
