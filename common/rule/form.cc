#include "common/rule/form.h"

#include <string>
#include <string_view>
#include <vector>

#include "common/rule/check.h"
#include "common/rule/refusal.h"
#include "common/rule/text.h"

namespace breakwater::rule {
namespace {

constexpr int kDenyLow = 400;
constexpr int kDenyHigh = 599;

absl::Status NotAnId(std::string_view what, std::string_view got) {
  return RefusalError(Refusal::kMalformed, "the " + std::string(what) + " " + Quoted(got) +
                                               " isn't one: expected 1 to " + std::to_string(kMaxIdLength) +
                                               " of a-z, 0-9, \".\", \"_\" and \"-\"");
}

absl::Status CheckNames(std::string_view what, const std::vector<std::string>& names, size_t max_length) {
  if (names.size() > kMaxScopeEntries) {
    return RefusalError(Refusal::kOverBound, "the scope names " + std::to_string(names.size()) + " " +
                                                 std::string(what) + "s, the limit is " +
                                                 std::to_string(kMaxScopeEntries) + "; split the rule");
  }
  for (const std::string& name : names) {
    if (IsIdentifier(name, max_length)) continue;
    return RefusalError(Refusal::kMalformed, "the scope's " + std::string(what) + " " + Quoted(name) +
                                                 " isn't a name: expected 1 to " + std::to_string(max_length) +
                                                 " of a-z, 0-9, \".\", \"_\" and \"-\"");
  }
  return absl::OkStatus();
}

absl::Status CheckScope(const Scope& scope) {
  if (absl::Status s = CheckNames("site", scope.sites, kMaxSiteLength); !s.ok()) return s;
  if (absl::Status s = CheckNames("region", scope.regions, kMaxIdLength); !s.ok()) return s;
  if (absl::Status s = CheckNames("edge", scope.edges, kMaxIdLength); !s.ok()) return s;
  if (scope.prefixes.size() > kMaxScopeEntries) {
    return RefusalError(Refusal::kOverBound, "the scope names " + std::to_string(scope.prefixes.size()) +
                                                 " prefixes, the limit is " + std::to_string(kMaxScopeEntries) +
                                                 "; split the rule");
  }
  return absl::OkStatus();
}

absl::Status CheckReason(std::string_view reason, size_t max) {
  if (reason.size() > max) {
    return RefusalError(Refusal::kOverBound, "the reason has " + std::to_string(reason.size()) +
                                                 " bytes, the limit is " + std::to_string(max) + "; shorten it");
  }
  if (!IsPrintable(reason)) {
    return RefusalError(Refusal::kMalformed,
                        "the reason holds control characters or isn't UTF-8; write it as plain text");
  }
  return absl::OkStatus();
}

absl::Status CheckAction(const Action& action) {
  const std::string name(ActionName(action.kind));
  if (action.kind == ActionKind::kRateLimit) {
    const RateLimit& limit = action.limit;
    if (limit.rate == 0 || limit.rate > kMaxRate) {
      return RefusalError(Refusal::kOutOfRange, "the rate of rate_limit is " + std::to_string(limit.rate) +
                                                    ", expected 1 to " + std::to_string(kMaxRate) +
                                                    (limit.rate == 0 ? "; to let nothing pass, use drop" : ""));
    }
    if (limit.burst > kMaxRate) {
      return RefusalError(Refusal::kOutOfRange, "the burst of rate_limit is " + std::to_string(limit.burst) +
                                                    ", the limit is " + std::to_string(kMaxRate));
    }
  } else if (action.limit != RateLimit{}) {
    return RefusalError(Refusal::kMalformed, "the action " + name + " takes no rate; use rate_limit");
  }
  if (action.kind == ActionKind::kDeny) {
    if (action.deny_status < kDenyLow || action.deny_status > kDenyHigh) {
      return RefusalError(Refusal::kOutOfRange, "the status of deny is " + std::to_string(action.deny_status) +
                                                    ", expected " + std::to_string(kDenyLow) + " to " +
                                                    std::to_string(kDenyHigh));
    }
  } else if (action.deny_status != 0) {
    return RefusalError(Refusal::kMalformed, "the action " + name + " takes no status; use deny");
  }
  return absl::OkStatus();
}

absl::Status CheckConfirm(const Rule& rule) {
  const std::string value = std::to_string(rule.confirm_pps);
  if (rule.mode != Mode::kArmed) {
    if (rule.confirm_pps == 0) return absl::OkStatus();
    return RefusalError(Refusal::kMalformed, "confirm_pps is " + value +
                                                 ", and only an armed rule has one; its mode is " +
                                                 std::string(ModeName(rule.mode)));
  }
  if (rule.confirm_pps > 0 && rule.confirm_pps <= kMaxConfirmPps) return absl::OkStatus();
  return RefusalError(Refusal::kOutOfRange, "the confirm_pps of an armed rule is " + value + ", expected 1 to " +
                                                std::to_string(kMaxConfirmPps) +
                                                ": so many matching packets per second make it enforce");
}

absl::Status CheckMatch(const ExprPtr& match) {
  if (match == nullptr)
    return RefusalError(Refusal::kMalformed, "there is no match; a rule for everything isn't possible");
  return Annotate(CheckExpr(*match), "match: ");
}

absl::Status CheckParts(const Rule& rule, size_t max_reason) {
  if (!rule.attack_id.empty() && !IsIdentifier(rule.attack_id, kMaxIdLength))
    return NotAnId("attack id", rule.attack_id);
  if (absl::Status s = CheckScope(rule.scope); !s.ok()) return s;
  if (absl::Status s = CheckReason(rule.reason, max_reason); !s.ok()) return s;
  if (absl::Status s = CheckAction(rule.action); !s.ok()) return s;
  if (absl::Status s = CheckConfirm(rule); !s.ok()) return s;
  return CheckMatch(rule.match);
}

}  // namespace

absl::Status CheckForm(const Rule& rule, size_t max_reason) {
  if (!IsIdentifier(rule.id, kMaxIdLength)) return NotAnId("rule id", rule.id);
  return Annotate(CheckParts(rule, max_reason), "rule \"" + rule.id + "\": ");
}

}  // namespace breakwater::rule
