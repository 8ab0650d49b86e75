#include "common/rule/normalise.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace breakwater::rule {
namespace {

bool HasWildcard(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

// A masked value has no bits outside the mask, so numbers that have some say nothing. When no interval holds anything
// else, they stay as they are: the comparison is never true, and the parser refuses its text.
std::vector<Interval> DropOutsideMask(const Comparison& compare) {
  std::vector<Interval> kept;
  for (const Interval& interval : compare.intervals) {
    const std::optional<Interval> within = WithinMask(interval, compare.mask);
    if (!within.has_value()) continue;
    if (Field(compare.field).type == FieldType::kBytes) {
      kept.push_back(*within);
      continue;
    }
    // Flags are few: one by one, so that a range and the list of its flags are one.
    for (uint64_t value = within->lo; value <= within->hi; ++value) {
      if ((value & ~compare.mask) == 0) kept.push_back({value, value});
    }
  }
  return kept.empty() ? compare.intervals : kept;
}

Comparison NormaliseCompare(Comparison compare) {
  const FieldType type = Field(compare.field).type;
  if (type == FieldType::kFlags || type == FieldType::kBytes) {
    const uint64_t all = MaxValue(compare);
    if ((compare.mask & all) == all) compare.mask = ~uint64_t{0};
    if (compare.mask != ~uint64_t{0}) compare.intervals = DropOutsideMask(compare);
  }
  compare.intervals = MergeIntervals(std::move(compare.intervals));
  compare.prefixes = MergePrefixes(std::move(compare.prefixes));
  if (compare.glob) {
    for (std::string& glob : compare.strings) glob = NormaliseGlob(glob);
    compare.glob = std::any_of(compare.strings.begin(), compare.strings.end(), HasWildcard);
  }
  std::sort(compare.strings.begin(), compare.strings.end());
  compare.strings.erase(std::unique(compare.strings.begin(), compare.strings.end()), compare.strings.end());
  return compare;
}

const Comparison& FirstComparison(const Expr& expr) {
  const Expr* e = &expr;
  while (e->kind != Expr::Kind::kCompare) e = e->children.front().get();
  return e->compare;
}

// Comparisons before negations before groups, so that a rule reads from what it names to what it excepts.
int Rank(Expr::Kind kind) {
  switch (kind) {
    case Expr::Kind::kCompare:
      return 0;
    case Expr::Kind::kNot:
      return 1;
    default:
      return 2;
  }
}

// kind is kAnd or kOr.
ExprPtr NormaliseGroup(Expr::Kind kind, const std::vector<ExprPtr>& children, int column) {
  struct Operand {
    int rank;
    FieldId field;
    std::string text;
    ExprPtr expr;
  };
  std::vector<Operand> operands;
  const auto add = [&](ExprPtr e) {
    operands.push_back({Rank(e->kind), FirstComparison(*e).field, CanonicalText(*e), std::move(e)});
  };
  for (const ExprPtr& child : children) {
    ExprPtr normal = Normalise(*child);
    if (normal->kind == kind) {
      for (const ExprPtr& grandchild : normal->children) add(grandchild);
    } else {
      add(std::move(normal));
    }
  }
  std::stable_sort(operands.begin(), operands.end(), [](const Operand& a, const Operand& b) {
    return std::tie(a.rank, a.field, a.text) < std::tie(b.rank, b.field, b.text);
  });
  operands.erase(std::unique(operands.begin(), operands.end(),
                             [](const Operand& a, const Operand& b) { return a.text == b.text; }),
                 operands.end());
  if (operands.size() == 1) return operands.front().expr;
  auto group = std::make_shared<Expr>();
  group->kind = kind;
  group->column = column;
  for (Operand& operand : operands) group->children.push_back(std::move(operand.expr));
  return group;
}

}  // namespace

uint64_t MaxValue(const Comparison& compare) {
  const FieldInfo& field = Field(compare.field);
  if (field.type != FieldType::kBytes) return field.max;
  return compare.length >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * compare.length)) - 1;
}

std::vector<Interval> MergeIntervals(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end());
  std::vector<Interval> merged;
  for (const Interval& interval : intervals) {
    if (!merged.empty() && (merged.back().hi == ~uint64_t{0} || interval.lo <= merged.back().hi + 1)) {
      merged.back().hi = std::max(merged.back().hi, interval.hi);
    } else {
      merged.push_back(interval);
    }
  }
  return merged;
}

std::optional<Interval> WithinMask(const Interval& interval, uint64_t mask) {
  const auto below = [](int bit) { return (uint64_t{1} << bit) - 1; };
  Interval within = interval;
  if (const uint64_t outside = within.hi & ~mask; outside != 0) {
    // The highest such bit goes, everything below it may be set.
    const int bit = std::bit_width(outside) - 1;
    within.hi = (within.hi & ~below(bit) & mask) | (mask & below(bit));
  }
  if (const uint64_t outside = within.lo & ~mask; outside != 0) {
    // The next bit of the mask above it that isn't set is set, everything below it goes.
    const int bit = std::bit_width(outside) - 1;
    const uint64_t free = mask & ~within.lo & ~below(bit);
    if (free == 0) return std::nullopt;
    const int up = std::countr_zero(free);
    within.lo = (within.lo & ~below(up)) | uint64_t{1} << up;
  }
  if (within.lo > within.hi) return std::nullopt;
  return within;
}

std::vector<net::IpPrefix> MergePrefixes(std::vector<net::IpPrefix> prefixes) {
  // A prefix sorts before everything inside it, and nothing else comes between them, except that ::/0 and other short
  // IPv6 prefixes hold the mapped IPv4 space in their order but not in their meaning.
  std::sort(prefixes.begin(), prefixes.end());
  std::vector<net::IpPrefix> merged;
  const net::IpPrefix* last_of_family[2] = {nullptr, nullptr};
  merged.reserve(prefixes.size());
  for (const net::IpPrefix& prefix : prefixes) {
    const net::IpPrefix*& last = last_of_family[prefix.is_v4() ? 1 : 0];
    if (last != nullptr && last->Contains(prefix)) continue;
    merged.push_back(prefix);
    last = &merged.back();
  }
  return merged;
}

std::string NormaliseGlob(std::string_view glob) {
  std::string out;
  for (size_t i = 0; i < glob.size();) {
    bool any_run = false;
    for (; i < glob.size() && (glob[i] == '*' || glob[i] == '?'); ++i) {
      if (glob[i] == '*') {
        any_run = true;
      } else {
        out += '?';
      }
    }
    if (any_run) out += '*';
    for (; i < glob.size() && glob[i] != '*' && glob[i] != '?'; ++i) out += glob[i];
  }
  return out;
}

ExprPtr Normalise(const Expr& expr) {
  if (expr.kind == Expr::Kind::kAnd || expr.kind == Expr::Kind::kOr) {
    return NormaliseGroup(expr.kind, expr.children, expr.column);
  }
  if (expr.kind == Expr::Kind::kNot) {
    ExprPtr child = Normalise(*expr.children.front());
    if (child->kind == Expr::Kind::kNot) return child->children.front();
    auto negation = std::make_shared<Expr>();
    negation->kind = Expr::Kind::kNot;
    negation->column = expr.column;
    negation->children.push_back(std::move(child));
    return negation;
  }
  auto compare = std::make_shared<Expr>();
  compare->compare = NormaliseCompare(expr.compare);
  compare->column = expr.column;
  return compare;
}

}  // namespace breakwater::rule
