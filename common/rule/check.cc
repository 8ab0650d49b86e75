#include "common/rule/check.h"

#include <algorithm>
#include <string>

#include "common/rule/refusal.h"

namespace breakwater::rule {
namespace {

absl::Status OverBound(std::string_view what, size_t got, size_t limit) {
  return RefusalError(Refusal::kOverBound, std::string(what) + " is " + std::to_string(got) + ", the limit is " +
                                               std::to_string(limit) + "; split the rule");
}

struct Size {
  size_t nodes = 0;
  absl::Status status;
};

Size Measure(const Expr& expr, int depth) {
  Size size;
  size.nodes = 1;
  if (depth > kMaxExprDepth) {
    size.status = OverBound("the depth of the match", static_cast<size_t>(depth), kMaxExprDepth);
    return size;
  }
  const bool compare = expr.kind == Expr::Kind::kCompare;
  const size_t needed = compare ? 0 : expr.kind == Expr::Kind::kNot ? 1 : 2;
  const bool exact = compare || expr.kind == Expr::Kind::kNot;
  if (exact ? expr.children.size() != needed : expr.children.size() < needed) {
    size.status = RefusalError(Refusal::kMalformed,
                               "an operator of the match has " + std::to_string(expr.children.size()) + " operands");
    return size;
  }
  if (compare) {
    const Comparison& c = expr.compare;
    const size_t members = c.intervals.size() + c.prefixes.size() + c.strings.size();
    if (members == 0) size.status = RefusalError(Refusal::kMalformed, "a comparison of the match has no value");
    if (members > kMaxSetSize) size.status = OverBound("the size of a set", members, kMaxSetSize);
    return size;
  }
  for (const ExprPtr& child : expr.children) {
    if (child == nullptr) {
      size.status = RefusalError(Refusal::kMalformed, "an operand of the match is missing");
      return size;
    }
    const Size inner = Measure(*child, depth + 1);
    size.nodes += inner.nodes;
    if (size.nodes > kMaxExprNodes) {
      size.status = OverBound("the number of comparisons and operators", size.nodes, kMaxExprNodes);
      return size;
    }
    if (!inner.status.ok()) {
      size.status = inner.status;
      return size;
    }
  }
  return size;
}

}  // namespace

absl::Status CheckBounds(const Expr& expr) {
  const Size size = Measure(expr, 1);
  if (!size.status.ok()) return size.status;
  const std::string text = CanonicalText(expr);
  if (text.size() > kMaxExprText)
    return OverBound("the canonical text of the match, in bytes,", text.size(), kMaxExprText);
  return absl::OkStatus();
}

absl::Status CheckExpr(const Expr& expr) {
  if (absl::Status s = CheckBounds(expr); !s.ok()) return s;
  const std::string text = CanonicalText(expr);
  const absl::StatusOr<ExprPtr> parsed = ParseExpr(text);
  if (!parsed.ok()) return parsed.status();
  if (CanonicalText(**parsed) != text) {
    return RefusalError(Refusal::kNotCanonical,
                        "the match isn't normalised; its canonical text is\n  " + CanonicalText(**parsed));
  }
  return absl::OkStatus();
}

}  // namespace breakwater::rule
