#include "common/rule/refusal.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace breakwater::rule {
namespace {

constexpr char kPayloadUrl[] = "type.breakwater/rule.refusal";

absl::StatusCode CodeOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kFieldNotDecidable:
    case Refusal::kActionNotSupported:
    case Refusal::kScopeNotDecidable:
    case Refusal::kExpired:
      return absl::StatusCode::kFailedPrecondition;
    case Refusal::kNoSpace:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kInvalidArgument;
  }
}

}  // namespace

std::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
#define BW_REFUSAL_NAME(id, name, doc) \
  case Refusal::id:                    \
    return name;
    BW_REFUSALS(BW_REFUSAL_NAME)
#undef BW_REFUSAL_NAME
  }
  return "other";
}

std::optional<Refusal> RefusalFromName(std::string_view name) {
#define BW_REFUSAL_FIND(id, text, doc) \
  if (name == text) return Refusal::id;
  BW_REFUSALS(BW_REFUSAL_FIND)
#undef BW_REFUSAL_FIND
  return std::nullopt;
}

absl::Status RefusalError(Refusal refusal, std::string message) {
  absl::Status status(CodeOf(refusal), message);
  status.SetPayload(kPayloadUrl, absl::Cord(std::string(RefusalName(refusal))));
  return status;
}

Refusal RefusalOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return Refusal::kOther;
  return RefusalFromName(std::string(*payload)).value_or(Refusal::kOther);
}

absl::Status Annotate(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  return RefusalError(RefusalOf(status), std::string(prefix) + std::string(status.message()));
}

}  // namespace breakwater::rule
