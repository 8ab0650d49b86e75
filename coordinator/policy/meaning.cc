#include "coordinator/policy/meaning.h"

#include <algorithm>
#include <utility>

#include "common/rule/refusal.h"
#include "common/rule/rule_wire.h"

namespace breakwater::policy {

using rule::Refusal;
using rule::RefusalError;

std::string MeaningOf(const rule::Rule& rule) {
  const rule::Action& a = rule.action;
  std::string key(rule::ActionName(a.kind));
  if (a.kind == rule::ActionKind::kRateLimit) {
    key += ":" + std::string(rule::LimitKeyName(a.limit.key)) + ":" + std::string(rule::LimitUnitName(a.limit.unit)) +
           ":" + std::to_string(a.limit.rate) + ":" + std::to_string(a.limit.burst);
  }
  return key + " " + rule::CanonicalText(*rule.match);
}

bool SameButExpiry(const rule::Rule& a, const rule::Rule& b) {
  return a.id == b.id && a.origin == b.origin && a.scope == b.scope && MeaningOf(a) == MeaningOf(b) &&
         a.mode == b.mode && a.priority == b.priority && a.confirm_pps == b.confirm_pps &&
         a.wide_override == b.wide_override;
}

absl::StatusOr<rule::Rule> ReadLocalRule(const v1::LocalRule& message, std::span<const net::IpPrefix> protects) {
  absl::StatusOr<rule::Rule> local = rule::RuleFromProto(message.rule());
  if (!local.ok()) return local.status();
  const std::string who = "rule \"" + local->id + "\": ";
  if (local->origin != rule::Origin::kEdgeDetector) {
    return RefusalError(Refusal::kMalformed, who + "an edge's own rule has the origin edge_detector, this one " +
                                                 std::string(rule::OriginName(local->origin)));
  }
  if (local->action.kind != rule::ActionKind::kDrop && local->action.kind != rule::ActionKind::kRateLimit) {
    return RefusalError(Refusal::kActionNotSupported, who + "a detector's rule drops or limits, it can't " +
                                                          std::string(rule::ActionName(local->action.kind)));
  }
  if (local->mode == rule::Mode::kObserve) {
    return RefusalError(Refusal::kMalformed, who + "it only observes: it isn't confirmed on its own edge");
  }
  if (local->scope.prefixes.size() != 1 || std::none_of(protects.begin(), protects.end(), [&](const net::IpPrefix& p) {
        return p.Contains(local->scope.prefixes.front());
      })) {
    return RefusalError(Refusal::kMalformed,
                        who + "it has to serve one prefix that this edge protects" +
                            (local->scope.prefixes.empty()
                                 ? std::string(", and names none")
                                 : ", and " + local->scope.prefixes.front().ToString() + " isn't inside any"));
  }
  return local;
}

std::string CutReason(std::string_view text) {
  size_t size = std::min(text.size(), rule::kMaxReason);
  while (size > 0 && size < text.size() && (static_cast<uint8_t>(text[size]) & 0xc0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

}  // namespace breakwater::policy
