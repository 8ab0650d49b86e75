// The part of a rule's validity that depends on nothing but the rule: lengths, counts, names, arguments, and a match that
// the language can say. Checked where a rule is made, where it is put on the wire and where it is read from it.
//
//   absl::Status s = CheckForm(rule);
//
// Thread-safe.
#ifndef BREAKWATER_COMMON_RULE_FORM_H_
#define BREAKWATER_COMMON_RULE_FORM_H_

#include <cstddef>

#include "absl/status/status.h"
#include "common/rule/rule.h"

namespace breakwater::rule {

// Errors carry a Refusal.
absl::Status CheckForm(const Rule& rule, size_t max_reason = kMaxReason);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_FORM_H_
