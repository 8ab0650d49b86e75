#include "common/rule/rule_wire.h"

#include <set>
#include <string_view>
#include <utility>

#include "common/rule/form.h"
#include "common/rule/text.h"
#include "common/rule/wire_enums.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"

namespace breakwater::rule {
namespace {

// 9999-12-31T23:59:59.999Z, the last that RFC 3339 can write.
constexpr int64_t kLastExpiryMs = 253'402'300'799'999;

// The number of a field, somewhere inside the message, that this version doesn't know.
std::optional<int> UnknownField(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const google::protobuf::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  if (!unknown.empty()) return unknown.field(0).number();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const std::optional<int> inner =
          UnknownField(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                            : reflection.GetMessage(message, field));
      if (inner.has_value()) return inner;
    }
  }
  return std::nullopt;
}

absl::Status UnknownValue(std::string_view what, int number) {
  if (number == 0) return RefusalError(Refusal::kMalformed, "the " + std::string(what) + " isn't set");
  return RefusalError(Refusal::kUnknownValue, "the " + std::string(what) + " " + std::to_string(number) +
                                                  " isn't known to this version; update it or use another");
}

absl::Status TooMany(std::string_view what, int got, size_t limit) {
  return RefusalError(Refusal::kOverBound,
                      std::to_string(got) + " " + std::string(what) + ", the limit is " + std::to_string(limit));
}

void CopyTo(const Scope& scope, v1::RuleScope& message) {
  for (const std::string& site : scope.sites) message.add_sites(site);
  for (const net::IpPrefix& prefix : scope.prefixes) message.add_prefixes(prefix.ToString());
  for (const std::string& region : scope.regions) message.add_regions(region);
  for (const std::string& edge : scope.edges) message.add_edges(edge);
}

absl::StatusOr<Scope> ScopeFromProto(const v1::RuleScope& message) {
  const auto over = [](int size) { return static_cast<size_t>(size) > kMaxScopeEntries; };
  if (over(message.sites_size())) return TooMany("sites", message.sites_size(), kMaxScopeEntries);
  if (over(message.prefixes_size())) return TooMany("prefixes", message.prefixes_size(), kMaxScopeEntries);
  if (over(message.regions_size())) return TooMany("regions", message.regions_size(), kMaxScopeEntries);
  if (over(message.edges_size())) return TooMany("edges", message.edges_size(), kMaxScopeEntries);
  Scope scope;
  scope.sites.assign(message.sites().begin(), message.sites().end());
  scope.regions.assign(message.regions().begin(), message.regions().end());
  scope.edges.assign(message.edges().begin(), message.edges().end());
  for (const std::string& text : message.prefixes()) {
    const absl::StatusOr<net::IpPrefix> prefix = net::IpPrefix::Parse(text.substr(0, 64));
    if (!prefix.ok() || prefix->ToString() != text) {
      return RefusalError(Refusal::kMalformed,
                          "the scope's prefix " + Quoted(text) + " isn't written like 203.0.113.0/24 or 2001:db8::/32");
    }
    scope.prefixes.push_back(*prefix);
  }
  return scope;
}

void CopyTo(const Action& action, v1::Action& message) {
  message.set_kind(ToWire(kActionNumbers, action.kind));
  message.set_deny_status(static_cast<uint32_t>(action.deny_status));
  if (action.kind != ActionKind::kRateLimit) return;
  v1::RateLimit& limit = *message.mutable_limit();
  limit.set_key(ToWire(kLimitKeyNumbers, action.limit.key));
  limit.set_unit(ToWire(kLimitUnitNumbers, action.limit.unit));
  limit.set_rate(action.limit.rate);
  limit.set_burst(action.limit.burst);
  limit.set_fleet_wide(action.limit.fleet_wide);
}

absl::StatusOr<Action> ActionFromProto(const v1::Action& message) {
  Action action;
  const std::optional<ActionKind> kind = FromWire(kActionNumbers, message.kind());
  if (!kind.has_value()) return UnknownValue("action", message.kind());
  action.kind = *kind;
  if (message.has_limit() != (action.kind == ActionKind::kRateLimit)) {
    return RefusalError(Refusal::kMalformed, "a limit belongs to rate_limit, and to no other action");
  }
  if (message.has_limit()) {
    const v1::RateLimit& limit = message.limit();
    const std::optional<LimitKey> key = FromWire(kLimitKeyNumbers, limit.key());
    if (!key.has_value()) return UnknownValue("key of rate_limit", limit.key());
    const std::optional<LimitUnit> unit = FromWire(kLimitUnitNumbers, limit.unit());
    if (!unit.has_value()) return UnknownValue("unit of rate_limit", limit.unit());
    action.limit = {*key, *unit, limit.rate(), limit.burst(), limit.fleet_wide()};
  }
  if (message.deny_status() > 999) {
    return RefusalError(Refusal::kOutOfRange, "the status of deny is " + std::to_string(message.deny_status()));
  }
  action.deny_status = static_cast<int>(message.deny_status());
  return action;
}

absl::StatusOr<ExprPtr> MatchFromProto(const std::string& text) {
  absl::StatusOr<ExprPtr> match = ParseExpr(text);
  if (!match.ok()) return Annotate(match.status(), "match: ");
  if (std::string canonical = CanonicalText(**match); canonical != text) {
    return RefusalError(Refusal::kNotCanonical,
                        "match: it isn't written in its canonical text, which is\n  " + canonical);
  }
  return match;
}

absl::StatusOr<absl::Time> ExpiryFromProto(int64_t ms) {
  if (ms == 0) return absl::InfiniteFuture();
  if (ms < 0 || ms > kLastExpiryMs) {
    return RefusalError(Refusal::kOutOfRange, "expires_unix_ms is " + std::to_string(ms) + ", expected 0 to " +
                                                  std::to_string(kLastExpiryMs));
  }
  return absl::FromUnixMillis(ms);
}

absl::StatusOr<Rule> ReadRule(const v1::Rule& message) {
  if (const std::optional<int> field = UnknownField(message); field.has_value()) {
    return RefusalError(Refusal::kUnknownField, "it holds the wire field " + std::to_string(*field) +
                                                    ", which this version doesn't know; update it");
  }
  Rule rule;
  rule.id = message.id();
  const std::optional<Origin> origin = FromWire(kOriginNumbers, message.origin());
  if (!origin.has_value()) return UnknownValue("origin", message.origin());
  rule.origin = *origin;
  const std::optional<Mode> mode = FromWire(kModeNumbers, message.mode());
  if (!mode.has_value()) return UnknownValue("mode", message.mode());
  rule.mode = *mode;
  absl::StatusOr<Scope> scope = ScopeFromProto(message.scope());
  if (!scope.ok()) return scope.status();
  rule.scope = *std::move(scope);
  const absl::StatusOr<Action> action = ActionFromProto(message.action());
  if (!action.ok()) return action.status();
  rule.action = *action;
  absl::StatusOr<ExprPtr> match = MatchFromProto(message.match());
  if (!match.ok()) return match.status();
  rule.match = *std::move(match);
  const absl::StatusOr<absl::Time> expires = ExpiryFromProto(message.expires_unix_ms());
  if (!expires.ok()) return expires.status();
  rule.expires = *expires;
  rule.priority = message.priority();
  rule.reason = message.reason();
  rule.attack_id = message.attack_id();
  rule.wide_override = message.wide_override();
  rule.confirm_pps = message.confirm_pps();
  return rule;
}

absl::Status Twice(const std::string& id) {
  return RefusalError(Refusal::kMalformed, "the rule id " + Quoted(id) + " is in the set twice");
}

// At most `limit` bytes of text, not ending within a character.
std::string CutText(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<uint8_t>(text[limit]) & 0xc0) == 0x80) --limit;
  return std::string(text.substr(0, limit));
}

}  // namespace

absl::StatusOr<v1::Rule> ToProto(const Rule& rule) {
  if (absl::Status s = CheckForm(rule); !s.ok()) return s;
  v1::Rule message;
  message.set_id(rule.id);
  message.set_origin(ToWire(kOriginNumbers, rule.origin));
  if (rule.scope != Scope{}) CopyTo(rule.scope, *message.mutable_scope());
  message.set_match(CanonicalText(*rule.match));
  CopyTo(rule.action, *message.mutable_action());
  message.set_mode(ToWire(kModeNumbers, rule.mode));
  message.set_priority(rule.priority);
  if (rule.expires != absl::InfiniteFuture()) {
    const int64_t ms = absl::ToUnixMillis(rule.expires);
    if (ms <= 0 || ms > kLastExpiryMs) {
      return RefusalError(Refusal::kOutOfRange, "rule \"" + rule.id + "\": it expires at " +
                                                    absl::FormatTime(rule.expires, absl::UTCTimeZone()) +
                                                    ", which the wire can't carry");
    }
    message.set_expires_unix_ms(ms);
  }
  message.set_reason(rule.reason);
  message.set_attack_id(rule.attack_id);
  message.set_wide_override(rule.wide_override);
  message.set_confirm_pps(rule.confirm_pps);
  return message;
}

absl::StatusOr<Rule> RuleFromProto(const v1::Rule& message) {
  absl::StatusOr<Rule> rule = ReadRule(message);
  if (!rule.ok()) return Annotate(rule.status(), "rule " + Quoted(message.id()) + ": ");
  if (absl::Status s = CheckForm(*rule); !s.ok()) return s;
  return rule;
}

absl::StatusOr<v1::RuleSet> ToProto(const RuleSet& set) {
  if (set.rules.size() > kMaxRulesInSet) return TooMany("rules", static_cast<int>(set.rules.size()), kMaxRulesInSet);
  v1::RuleSet message;
  message.set_epoch(set.epoch);
  message.set_revision(set.revision);
  std::set<std::string_view> ids;
  for (const Rule& rule : set.rules) {
    if (!ids.insert(rule.id).second) return Twice(rule.id);
    absl::StatusOr<v1::Rule> wire = ToProto(rule);
    if (!wire.ok()) return wire.status();
    *message.add_rules() = *std::move(wire);
  }
  return message;
}

absl::StatusOr<RuleSet> RuleSetFromProto(const v1::RuleSet& message) {
  if (static_cast<size_t>(message.rules_size()) > kMaxRulesInSet) {
    return TooMany("rules", message.rules_size(), kMaxRulesInSet);
  }
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  if (!unknown.empty()) {
    return RefusalError(Refusal::kUnknownField, "the set of rules holds the wire field " +
                                                    std::to_string(unknown.field(0).number()) +
                                                    ", which this version doesn't know; update it");
  }
  RuleSet set;
  set.epoch = message.epoch();
  set.revision = message.revision();
  std::set<std::string_view> ids;
  for (const v1::Rule& wire : message.rules()) {
    if (!ids.insert(wire.id()).second) return Twice(wire.id());
    absl::StatusOr<Rule> rule = RuleFromProto(wire);
    if (rule.ok()) {
      set.rules.push_back(*std::move(rule));
    } else {
      set.rejected.push_back({CutText(wire.id(), kMaxIdLength), rule.status()});
    }
  }
  return set;
}

v1::RuleReason ReasonToProto(Refusal refusal) { return ToWire(kReasonNumbers, refusal); }

absl::StatusOr<v1::RuleStatus> ToProto(const RuleStatus& status) {
  if (status.rule_id.empty() || status.rule_id.size() > kMaxIdLength) {
    return RefusalError(Refusal::kMalformed, "a rule's status has the id " + Quoted(status.rule_id));
  }
  if (status.reason.has_value() != (status.state == RuleState::kRejected)) {
    return RefusalError(Refusal::kMalformed,
                        "the status of rule " + Quoted(status.rule_id) + " needs a reason exactly when it is rejected");
  }
  v1::RuleStatus message;
  message.set_rule_id(status.rule_id);
  message.set_epoch(status.epoch);
  message.set_revision(status.revision);
  message.set_state(ToWire(kStateNumbers, status.state));
  if (status.reason.has_value()) message.set_reason(ReasonToProto(*status.reason));
  // A detail may quote what came in; the wire carries UTF-8 only.
  message.set_detail(CutText(IsUtf8(status.detail) ? status.detail : Quoted(status.detail), kMaxStatusDetail));
  return message;
}

absl::StatusOr<RuleStatus> RuleStatusFromProto(const v1::RuleStatus& message) {
  RuleStatus status;
  status.rule_id = message.rule_id();
  if (status.rule_id.empty() || status.rule_id.size() > kMaxIdLength) {
    return RefusalError(Refusal::kMalformed, "a rule's status has the id " + Quoted(status.rule_id));
  }
  if (message.detail().size() > kMaxStatusDetail) {
    return RefusalError(Refusal::kOverBound, "the status of rule " + Quoted(status.rule_id) + " has a detail of " +
                                                 std::to_string(message.detail().size()) + " bytes, the limit is " +
                                                 std::to_string(kMaxStatusDetail));
  }
  const std::optional<RuleState> state = FromWire(kStateNumbers, message.state());
  if (!state.has_value()) return UnknownValue("state of a rule", message.state());
  if ((message.reason() != v1::RULE_REASON_UNSPECIFIED) != (*state == RuleState::kRejected)) {
    return RefusalError(Refusal::kMalformed, "the status of rule " + Quoted(status.rule_id) +
                                                 " has a reason without being rejected, or is rejected without one");
  }
  status.epoch = message.epoch();
  status.revision = message.revision();
  status.state = *state;
  if (*state == RuleState::kRejected) {
    status.reason = FromWire(kReasonNumbers, message.reason()).value_or(Refusal::kOther);
  }
  status.detail = message.detail();
  return status;
}

}  // namespace breakwater::rule
