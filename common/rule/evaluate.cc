// Matches and NeededLayer: the meaning of an expression, written for clarity; every compiled form is tested against it.
#include <algorithm>
#include <string_view>

#include "common/rule/expr.h"
#include "common/rule/glob.h"

namespace breakwater::rule {
namespace {

bool InIntervals(const Comparison& compare, std::optional<uint64_t> value) {
  if (!value.has_value()) return false;
  const uint64_t masked = *value & compare.mask;
  return std::any_of(compare.intervals.begin(), compare.intervals.end(),
                     [&](const Interval& interval) { return interval.lo <= masked && masked <= interval.hi; });
}

bool MatchesCompare(const Comparison& compare, const FieldReader& packet) {
  switch (Field(compare.field).type) {
    case FieldType::kNumber:
    case FieldType::kFlags:
      if (compare.field == FieldId::kPort) {
        return InIntervals(compare, packet.Number(FieldId::kSrcPort)) ||
               InIntervals(compare, packet.Number(FieldId::kDstPort));
      }
      return InIntervals(compare, packet.Number(compare.field));
    case FieldType::kBytes:
      return InIntervals(compare, packet.Bytes(compare.field, compare.offset, compare.length));
    case FieldType::kAddress: {
      const std::optional<net::IpAddress> address = packet.Address(compare.field);
      return address.has_value() && std::any_of(compare.prefixes.begin(), compare.prefixes.end(),
                                                [&](const net::IpPrefix& prefix) { return prefix.Contains(*address); });
    }
    case FieldType::kString:
    case FieldType::kCountry: {
      const std::optional<std::string_view> text = packet.String(compare.field, compare.key);
      return text.has_value() && std::any_of(compare.strings.begin(), compare.strings.end(), [&](const std::string& s) {
               return compare.glob ? GlobMatches(s, *text) : s == *text;
             });
    }
  }
  return false;
}

}  // namespace

bool Matches(const Expr& expr, const FieldReader& packet) {
  const auto matches = [&](const ExprPtr& child) { return Matches(*child, packet); };
  switch (expr.kind) {
    case Expr::Kind::kAnd:
      return std::all_of(expr.children.begin(), expr.children.end(), matches);
    case Expr::Kind::kOr:
      return std::any_of(expr.children.begin(), expr.children.end(), matches);
    case Expr::Kind::kNot:
      return !Matches(*expr.children.front(), packet);
    case Expr::Kind::kCompare:
      return MatchesCompare(expr.compare, packet);
  }
  return false;
}

Layer NeededLayer(const Expr& expr) {
  if (expr.kind == Expr::Kind::kCompare) return Field(expr.compare.field).layer;
  Layer layer = Layer::kL3;
  for (const ExprPtr& child : expr.children) layer = std::max(layer, NeededLayer(*child));
  return layer;
}

}  // namespace breakwater::rule
