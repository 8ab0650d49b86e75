// Why a rule was refused, as a type beside the words: every error of this folder carries one, so that an edge can
// report a reason code and a person reads the message.
//
//   absl::Status s = RefusalError(Refusal::kTooWide, "rule \"op-7\": ...");
//   RefusalOf(s) == Refusal::kTooWide;
//
// Pure; thread-safe.
#ifndef BREAKWATER_COMMON_RULE_REFUSAL_H_
#define BREAKWATER_COMMON_RULE_REFUSAL_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace breakwater::rule {

// X(ID, NAME, DOC). One value for each RULE_REASON_* of proto/breakwater/v1/rule.proto.
#define BW_REFUSALS(X)                                                                                  \
  X(kMalformed, "malformed", "the match doesn't parse, or a value isn't of its form")                   \
  X(kUnknownField, "unknown_field", "the match or the message names a field this version doesn't know") \
  X(kUnknownValue, "unknown_value", "an action, mode or other enum value this version doesn't know")    \
  X(kNotCanonical, "not_canonical", "the match isn't written in its canonical text")                    \
  X(kOutOfRange, "out_of_range", "a value outside what its field can hold")                             \
  X(kOverBound, "over_bound", "too long, too many or too deep")                                         \
  X(kTooWide, "too_wide", "below the minimum specificity, without an override")                         \
  X(kCoversGuard, "covers_guard", "an automatic rule that covers a guarded address")                    \
  X(kLease, "lease", "an automatic rule without a lease, or with too long a one")                       \
  X(kExpired, "expired", "it expired before it came")                                                   \
  X(kFieldNotDecidable, "field_not_decidable", "the layer can't see this field")                        \
  X(kActionNotSupported, "action_not_supported", "the layer can't do this action")                      \
  X(kScopeNotDecidable, "scope_not_decidable", "the layer can't tell what is inside the scope")         \
  X(kNoSpace, "no_space", "the layer's tables are full")                                                \
  X(kOther, "other", "see the message")

enum class Refusal {
#define BW_REFUSAL_ENUM(id, name, doc) id,
  BW_REFUSALS(BW_REFUSAL_ENUM)
#undef BW_REFUSAL_ENUM
};

std::string_view RefusalName(Refusal refusal);  // "too_wide"
std::optional<Refusal> RefusalFromName(std::string_view name);

// InvalidArgument for what is wrong in itself, FailedPrecondition for what this layer can't do, ResourceExhausted for
// kNoSpace.
absl::Status RefusalError(Refusal refusal, std::string message);
// kOther for a status without one. Meaningless for an OK status.
Refusal RefusalOf(const absl::Status& status);
// The same refusal with `prefix` before its message: "rules.yaml:7: " and so on.
absl::Status Annotate(const absl::Status& status, std::string_view prefix);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_REFUSAL_H_
