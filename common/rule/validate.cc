// Validate: see guard.h. Each check is a function that says yes or says why not.
#include <algorithm>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "common/rule/check.h"
#include "common/rule/guard.h"
#include "common/rule/refusal.h"
#include "common/rule/specificity.h"
#include "common/rule/text.h"

namespace breakwater::rule {
namespace {

constexpr int kDenyLow = 400;
constexpr int kDenyHigh = 599;

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

absl::Status CheckMatch(const ExprPtr& match) {
  if (match == nullptr)
    return RefusalError(Refusal::kMalformed, "there is no match; a rule for everything isn't possible");
  return Annotate(CheckExpr(*match), "match: ");
}

absl::Status CheckExpiry(const Rule& rule, const Limits& limits) {
  if (limits.now != absl::InfinitePast() && rule.expires <= limits.now) {
    return RefusalError(Refusal::kExpired, "it expired at " + absl::FormatTime(rule.expires, absl::UTCTimeZone()) +
                                               "; give it a later time");
  }
  return absl::OkStatus();
}

bool CanHurt(ActionKind kind) { return kind != ActionKind::kAllow && kind != ActionKind::kLog; }

absl::Status CheckSpecificity(const Rule& rule, const Limits& limits) {
  if (!rule.scope.prefixes.empty() && !DestinationsWithin(*rule.match, rule.scope.prefixes)) {
    return RefusalError(Refusal::kMalformed, "the match reaches destinations behind the prefixes of the scope (" +
                                                 rule.scope.prefixes.front().ToString() +
                                                 (rule.scope.prefixes.size() > 1 ? ", ..." : "") +
                                                 "); name ip.dst inside them in every alternative of the match");
  }
  if (rule.wide_override || !CanHurt(rule.action.kind)) return absl::OkStatus();
  const std::string action(ActionName(rule.action.kind));
  const std::string ask = rule.automatic() ? "" : ", or set wide_override if that is meant";
  if (rule.scope.sites.empty() && !NamesAddresses(*rule.match, limits)) {
    return RefusalError(Refusal::kTooWide, "a " + action + " of " + Quoted(CanonicalText(*rule.match)) +
                                               " is too wide: every alternative of the match has to name ip.dst or "
                                               "ip.src with prefixes of at least /" +
                                               std::to_string(limits.min_v4_length) + " (IPv6: /" +
                                               std::to_string(limits.min_v6_length) + "), or the site; narrow it" +
                                               ask);
  }
  if (rule.action.kind == ActionKind::kDrop && !NamesTraffic(*rule.match, limits)) {
    return RefusalError(Refusal::kTooWide, "a drop of " + Quoted(CanonicalText(*rule.match)) +
                                               " is too wide: it cuts its destination off from all of IP, TCP or UDP; "
                                               "name a port, flags, length or source as well" +
                                               ask);
  }
  return absl::OkStatus();
}

absl::Status CheckAutomatic(const Rule& rule, const Limits& limits, const GuardList& guards) {
  if (rule.wide_override) {
    return RefusalError(Refusal::kTooWide, "an automatic rule can't carry wide_override: that is a person's decision");
  }
  if (rule.scope.prefixes.size() != 1) {
    return RefusalError(Refusal::kMalformed, "an automatic rule serves exactly one protected prefix, this one names " +
                                                 std::to_string(rule.scope.prefixes.size()));
  }
  if (rule.expires == absl::InfiniteFuture()) {
    return RefusalError(Refusal::kLease, "an automatic rule needs a lease: expires isn't set");
  }
  if (limits.now != absl::InfinitePast() && rule.expires - limits.now > limits.max_automatic_lease) {
    return RefusalError(Refusal::kLease, "its lease of " + absl::FormatDuration(rule.expires - limits.now) +
                                             " is longer than an automatic rule may have, which is " +
                                             absl::FormatDuration(limits.max_automatic_lease));
  }
  if (guards.entries().size() > GuardList::kMaxEntries) {
    return RefusalError(Refusal::kOverBound, "the guard list has " + std::to_string(guards.entries().size()) +
                                                 " entries, the limit is " + std::to_string(GuardList::kMaxEntries));
  }
  if (const GuardEntry* guard = CoveredGuard(*rule.match, guards); guard != nullptr) {
    return RefusalError(Refusal::kCoversGuard, "an automatic rule can't cover the guarded " + Quoted(guard->name) +
                                                   " (" + guard->prefix.ToShortString() + "), and " +
                                                   Quoted(CanonicalText(*rule.match)) + " does");
  }
  return absl::OkStatus();
}

absl::Status ValidateAll(const Rule& rule, const Limits& limits, const GuardList& guards) {
  if (!rule.attack_id.empty() && !IsIdentifier(rule.attack_id, kMaxIdLength)) {
    return RefusalError(Refusal::kMalformed, "the attack id " + Quoted(rule.attack_id) + " isn't one: expected 1 to " +
                                                 std::to_string(kMaxIdLength) + " of a-z, 0-9, \".\", \"_\" and \"-\"");
  }
  if (absl::Status s = CheckScope(rule.scope); !s.ok()) return s;
  if (absl::Status s = CheckReason(rule.reason, limits.max_reason); !s.ok()) return s;
  if (absl::Status s = CheckAction(rule.action); !s.ok()) return s;
  if (absl::Status s = CheckMatch(rule.match); !s.ok()) return s;
  if (absl::Status s = CheckExpiry(rule, limits); !s.ok()) return s;
  if (absl::Status s = CheckSpecificity(rule, limits); !s.ok()) return s;
  return rule.automatic() ? CheckAutomatic(rule, limits, guards) : absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Rule& rule, const Limits& limits, const GuardList& guards) {
  if (!IsIdentifier(rule.id, kMaxIdLength)) {
    return RefusalError(Refusal::kMalformed, "the rule id " + Quoted(rule.id) + " isn't one: expected 1 to " +
                                                 std::to_string(kMaxIdLength) + " of a-z, 0-9, \".\", \"_\" and \"-\"");
  }
  return Annotate(ValidateAll(rule, limits, guards), "rule \"" + rule.id + "\": ");
}

}  // namespace breakwater::rule
