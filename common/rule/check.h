// Whether an expression that code has put together (rather than the parser) is one that the language can say.
//
//   absl::Status s = CheckExpr(*expr);   // shape, bounds of expr.h, every value within its field
//
// Thread-safe.
#ifndef BREAKWATER_COMMON_RULE_CHECK_H_
#define BREAKWATER_COMMON_RULE_CHECK_H_

#include <cstddef>

#include "absl/status/status.h"
#include "common/rule/expr.h"

namespace breakwater::rule {

// kMaxExprNodes, kMaxExprDepth, kMaxSetSize, kMaxExprText (of its canonical text). expr has children where its kind
// needs them.
absl::Status CheckBounds(const Expr& expr);

// Everything: shape, bounds, and that its canonical text parses back to the same canonical text.
absl::Status CheckExpr(const Expr& expr);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_CHECK_H_
