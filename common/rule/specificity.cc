#include "common/rule/specificity.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/rule/normalise.h"

namespace breakwater::rule {
namespace {

using net::IpAddress;
using net::IpPrefix;

// True when every conjunction of the match's disjunctive form has a positive comparison for which `names` is true.
template <typename Predicate>
bool EveryConjunction(const Expr& expr, const Predicate& names, bool negated = false) {
  const auto every = [&](const ExprPtr& child) { return EveryConjunction(*child, names, negated); };
  switch (expr.kind) {
    case Expr::Kind::kCompare:
      return !negated && names(expr.compare);
    case Expr::Kind::kNot:
      return EveryConjunction(*expr.children.front(), names, !negated);
    default:
      // Under a negation "and" is "or" (De Morgan).
      return (expr.kind == Expr::Kind::kAnd) != negated
                 ? std::any_of(expr.children.begin(), expr.children.end(), every)
                 : std::all_of(expr.children.begin(), expr.children.end(), every);
  }
}

bool NarrowPrefixes(const Comparison& compare, const Limits& limits) {
  return std::all_of(compare.prefixes.begin(), compare.prefixes.end(), [&](const IpPrefix& prefix) {
    return prefix.length() >= (prefix.is_v4() ? limits.min_v4_length : limits.min_v6_length);
  });
}

bool NamesSite(const Comparison& compare) {
  return (compare.field == FieldId::kHttpHost || compare.field == FieldId::kTlsSni) && !compare.glob;
}

bool IsWhole(const Comparison& compare) {
  return compare.intervals.size() == 1 && compare.intervals.front() == Interval{0, MaxValue(compare)};
}

bool HoldsValue(const Comparison& compare, uint64_t value) {
  return std::any_of(compare.intervals.begin(), compare.intervals.end(),
                     [&](const Interval& i) { return i.lo <= value && value <= i.hi; });
}

constexpr uint64_t kTcp = 6;
constexpr uint64_t kUdp = 17;

// Some property of the traffic beyond where it goes and that it is TCP or UDP.
bool NamesKind(const Comparison& compare) {
  switch (compare.field) {
    case FieldId::kIpDst:
    case FieldId::kIpSrc:
    case FieldId::kIpVersion:
      return false;
    case FieldId::kIpProto:
      return !HoldsValue(compare, kTcp) && !HoldsValue(compare, kUdp);
    default:
      return compare.intervals.empty() || !IsWhole(compare);
  }
}

// Addresses as 128-bit numbers.
IpAddress LastOf(const IpPrefix& prefix) {
  std::array<uint8_t, 16> bytes = prefix.address().bytes();
  for (int bit = prefix.mapped_length(); bit < 128; ++bit) bytes[bit / 8] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  return IpAddress::FromBytes(bytes);
}

std::optional<IpAddress> After(const IpAddress& address) {
  std::array<uint8_t, 16> bytes = address.bytes();
  for (int i = 15; i >= 0; --i) {
    if (++bytes[i] != 0) return IpAddress::FromBytes(bytes);
  }
  return std::nullopt;
}

void CollectPrefixes(const Expr& expr, FieldId field, std::vector<IpPrefix>& out) {
  if (expr.kind == Expr::Kind::kCompare && expr.compare.field == field) {
    out.insert(out.end(), expr.compare.prefixes.begin(), expr.compare.prefixes.end());
  }
  for (const ExprPtr& child : expr.children) CollectPrefixes(*child, field, out);
}

struct Truth {
  bool possible = false;  // some packet with this address can match
  bool named = false;     // ... through a conjunction that speaks about the field
};

Truth AtAddress(const Expr& expr, FieldId field, const IpAddress& address, bool negated) {
  if (expr.kind == Expr::Kind::kNot) return AtAddress(*expr.children.front(), field, address, !negated);
  if (expr.kind == Expr::Kind::kCompare) {
    if (expr.compare.field != field) return {.possible = true, .named = false};
    const bool inside = std::any_of(expr.compare.prefixes.begin(), expr.compare.prefixes.end(),
                                    [&](const IpPrefix& prefix) { return prefix.Contains(address); });
    return {.possible = inside != negated, .named = inside != negated};
  }
  const bool conjunction = (expr.kind == Expr::Kind::kAnd) != negated;
  Truth truth = {.possible = conjunction, .named = false};
  for (const ExprPtr& child : expr.children) {
    const Truth inner = AtAddress(*child, field, address, negated);
    truth.possible = conjunction ? truth.possible && inner.possible : truth.possible || inner.possible;
    truth.named = truth.named || inner.named;
  }
  truth.named = truth.named && truth.possible;
  return truth;
}

bool Covers(const Expr& match, FieldId field, const std::vector<IpPrefix>& prefixes, const IpPrefix& guard) {
  // Between two borders of the match's prefixes its truth doesn't change: one address of each stretch is enough.
  if (AtAddress(match, field, guard.address(), false).named) return true;
  for (const IpPrefix& prefix : prefixes) {
    const std::optional<IpAddress> after = After(LastOf(prefix));
    if (guard.Contains(prefix.address()) && AtAddress(match, field, prefix.address(), false).named) return true;
    if (after.has_value() && guard.Contains(*after) && AtAddress(match, field, *after, false).named) return true;
  }
  return false;
}

}  // namespace

bool NamesAddresses(const Expr& match, const Limits& limits) {
  return EveryConjunction(match, [&](const Comparison& compare) {
    if (Field(compare.field).type == FieldType::kAddress) return NarrowPrefixes(compare, limits);
    return NamesSite(compare);
  });
}

bool NamesTraffic(const Expr& match, const Limits& limits) {
  return EveryConjunction(match, [&](const Comparison& compare) {
    if (compare.field == FieldId::kIpSrc) return NarrowPrefixes(compare, limits);
    return NamesKind(compare);
  });
}

bool DestinationsWithin(const Expr& match, std::span<const IpPrefix> prefixes) {
  return EveryConjunction(match, [&](const Comparison& compare) {
    return compare.field == FieldId::kIpDst &&
           std::all_of(compare.prefixes.begin(), compare.prefixes.end(), [&](const IpPrefix& named) {
             return std::any_of(prefixes.begin(), prefixes.end(),
                                [&](const IpPrefix& outer) { return outer.Contains(named); });
           });
  });
}

const GuardEntry* CoveredGuard(const Expr& match, const GuardList& guards) {
  for (const FieldId field : {FieldId::kIpSrc, FieldId::kIpDst}) {
    std::vector<IpPrefix> prefixes;
    CollectPrefixes(match, field, prefixes);
    if (prefixes.empty()) continue;
    for (const GuardEntry& guard : guards.entries()) {
      if (Covers(match, field, prefixes, guard.prefix)) return &guard;
    }
  }
  return nullptr;
}

}  // namespace breakwater::rule
