// CheckDecidable: see guard.h.
#include <string>

#include "common/rule/guard.h"
#include "common/rule/refusal.h"

namespace breakwater::rule {
namespace {

std::string_view DeciderName(Decider decider) { return decider == Decider::kDatapath ? "packet filter" : "gateway"; }

// Empty when the layer can decide the field, else why not.
std::string_view WhyNot(const FieldInfo& field, Decider decider) {
  if (decider == Decider::kDatapath) {
    if (field.layer == Layer::kTls) return "it doesn't parse TLS; the gateway does";
    if (field.layer == Layer::kHttp) return "it doesn't parse HTTP; the gateway does";
    if (field.id == FieldId::kSrcAsn || field.id == FieldId::kSrcCountry) {
      return "it has no table of source networks; name prefixes with ip.src";
    }
    return {};
  }
  if (field.layer == Layer::kTls || field.layer == Layer::kHttp) return {};
  switch (field.id) {
    case FieldId::kIpVersion:
    case FieldId::kIpSrc:
    case FieldId::kIpDst:
    case FieldId::kPort:
    case FieldId::kSrcPort:
    case FieldId::kDstPort:
    case FieldId::kTcpSrcPort:
    case FieldId::kTcpDstPort:
      return {};
    case FieldId::kSrcAsn:
    case FieldId::kSrcCountry:
      return "it has no table of source networks; name prefixes with ip.src";
    default:
      return "it sees connections and requests, not packets";
  }
}

absl::Status CheckFields(const Expr& expr, Decider decider) {
  if (expr.kind == Expr::Kind::kCompare) {
    const FieldInfo& field = Field(expr.compare.field);
    const std::string_view why = WhyNot(field, decider);
    if (why.empty()) return absl::OkStatus();
    const std::string column = expr.column > 0 ? "column " + std::to_string(expr.column) + ": " : "";
    return RefusalError(Refusal::kFieldNotDecidable, column + "the " + std::string(DeciderName(decider)) +
                                                         " can't decide " + std::string(field.name) + ": " +
                                                         std::string(why));
  }
  for (const ExprPtr& child : expr.children) {
    if (absl::Status s = CheckFields(*child, decider); !s.ok()) return s;
  }
  return absl::OkStatus();
}

bool CanDo(ActionKind kind, Decider decider) {
  const bool datapath = decider == Decider::kDatapath;
  switch (kind) {
    case ActionKind::kAllow:
    case ActionKind::kRateLimit:
      return true;
    case ActionKind::kDrop:
      return datapath;
    case ActionKind::kChallenge:
    case ActionKind::kDeny:
    case ActionKind::kClose:
    case ActionKind::kLog:
      return !datapath;
    case ActionKind::kTcpAuth:
      return false;
  }
  return false;
}

absl::Status CheckAction(const Action& action, Decider decider) {
  if (!CanDo(action.kind, decider)) {
    const std::string_view instead = decider == Decider::kDatapath
                                         ? "allow, drop and rate_limit"
                                         : "allow, rate_limit, challenge, deny, close and log";
    return RefusalError(Refusal::kActionNotSupported, "the " + std::string(DeciderName(decider)) + " can't do " +
                                                          std::string(ActionName(action.kind)) + "; it can do " +
                                                          std::string(instead));
  }
  if (action.kind == ActionKind::kRateLimit && action.limit.fleet_wide) {
    return RefusalError(Refusal::kActionNotSupported,
                        "a fleet-wide limit needs a coordinator that shares it out, and this edge has none; leave "
                        "fleet_wide out to limit each edge by itself");
  }
  return absl::OkStatus();
}

absl::Status CheckAll(const Rule& rule, Decider decider) {
  if (rule.match == nullptr) return RefusalError(Refusal::kMalformed, "there is no match");
  if (absl::Status s = CheckAction(rule.action, decider); !s.ok()) return s;
  if (decider == Decider::kDatapath && !rule.scope.sites.empty()) {
    return RefusalError(Refusal::kScopeNotDecidable,
                        "the packet filter can't tell sites apart, they may share an address; name the site's prefixes "
                        "with ip.dst instead of the site " +
                            rule.scope.sites.front());
  }
  return CheckFields(*rule.match, decider);
}

}  // namespace

bool CanDecide(FieldId field, Decider decider) { return WhyNot(Field(field), decider).empty(); }

absl::Status CheckDecidable(const Rule& rule, Decider decider) {
  return Annotate(CheckAll(rule, decider), "rule \"" + rule.id + "\": ");
}

}  // namespace breakwater::rule
