// Validate: see guard.h.
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "common/rule/form.h"
#include "common/rule/guard.h"
#include "common/rule/refusal.h"
#include "common/rule/specificity.h"
#include "common/rule/text.h"

namespace breakwater::rule {
namespace {

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

absl::Status CheckUse(const Rule& rule, const Limits& limits, const GuardList& guards) {
  if (absl::Status s = CheckExpiry(rule, limits); !s.ok()) return s;
  if (absl::Status s = CheckSpecificity(rule, limits); !s.ok()) return s;
  return rule.automatic() ? CheckAutomatic(rule, limits, guards) : absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Rule& rule, const Limits& limits, const GuardList& guards) {
  if (absl::Status s = CheckForm(rule, limits.max_reason); !s.ok()) return s;
  return Annotate(CheckUse(rule, limits, guards), "rule \"" + rule.id + "\": ");
}

}  // namespace breakwater::rule
