// How narrow a match is: what every conjunction of it names, without multiplying it out.
//
//   NamesAddresses(*match, limits)    // each conjunction names destinations or sources, or the site, narrowly enough
//   NamesTraffic(*match, limits)      // ... and more than a destination and all of TCP or UDP
//
// "a and b" is as narrow as the narrower operand, "a or b" as the wider; a negation narrows nothing. Errs towards
// "wide". Thread-safe.
#ifndef BREAKWATER_COMMON_RULE_SPECIFICITY_H_
#define BREAKWATER_COMMON_RULE_SPECIFICITY_H_

#include <span>

#include "common/net/ip.h"
#include "common/rule/expr.h"
#include "common/rule/guard.h"

namespace breakwater::rule {

bool NamesAddresses(const Expr& match, const Limits& limits);
bool NamesTraffic(const Expr& match, const Limits& limits);
// Each conjunction names destinations, all of them inside these prefixes.
bool DestinationsWithin(const Expr& match, std::span<const net::IpPrefix> prefixes);

// The first guard that some conjunction of the match names as a source or as a destination; null when none. Comparisons
// of other fields count as satisfiable, and "not ip.src == X" names every other source.
const GuardEntry* CoveredGuard(const Expr& match, const GuardList& guards);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_SPECIFICITY_H_
