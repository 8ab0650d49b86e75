// What operators ask for: see policy.h.
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/rule/refusal.h"
#include "common/rule/rule_file.h"
#include "common/rule/text.h"
#include "coordinator/policy/meaning.h"
#include "coordinator/policy/policy.h"

namespace breakwater::policy {
namespace {

using rule::Refusal;
using rule::RefusalError;

constexpr size_t kMaxFile = 65536;
constexpr double kMaxForS = 10.0 * 365 * 86400;
constexpr int32_t kBlockPriority = 100;
constexpr double kMaxBlockS = 3600;

std::string NumberText(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

absl::StatusOr<int32_t> ReadPriority(double value) {
  if (value == 0) return 1000;
  if (!std::isfinite(value) || value != std::floor(value) || value < std::numeric_limits<int32_t>::min() ||
      value > std::numeric_limits<int32_t>::max()) {
    return RefusalError(Refusal::kOutOfRange,
                        "priority is " + NumberText(value) + ", expected a whole number of 32 bits");
  }
  return static_cast<int32_t>(value);
}

absl::StatusOr<absl::Time> ReadFor(double for_s, absl::Time now) {
  if (for_s == 0) return absl::InfiniteFuture();
  if (!(for_s > 0) || for_s > kMaxForS) {
    return RefusalError(Refusal::kOutOfRange,
                        "for_s is " + NumberText(for_s) + ", expected seconds up to ten years, or 0 for ever");
  }
  return now + absl::Seconds(for_s);
}

absl::StatusOr<rule::ActionKind> ReadAction(const std::string& name) {
  if (name.empty()) return rule::ActionKind::kDrop;
  const std::optional<rule::ActionKind> kind = rule::ActionFromName(name);
  if (kind == rule::ActionKind::kDrop || kind == rule::ActionKind::kAllow || kind == rule::ActionKind::kLog)
    return *kind;
  return RefusalError(kind.has_value() ? Refusal::kActionNotSupported : Refusal::kUnknownValue,
                      "action is " + rule::Quoted(name) + ", expected drop, allow or log; others take a rule file");
}

absl::StatusOr<rule::Mode> ReadMode(const std::string& name) {
  if (name.empty()) return rule::Mode::kEnforce;
  if (const std::optional<rule::Mode> mode = rule::ModeFromName(name); mode.has_value()) return *mode;
  return RefusalError(Refusal::kUnknownValue, "mode is " + rule::Quoted(name) + ", expected enforce, observe or armed");
}

absl::StatusOr<uint64_t> ReadConfirm(double pps, rule::Mode mode) {
  if (mode != rule::Mode::kArmed) {
    if (pps == 0) return 0;
    return RefusalError(Refusal::kMalformed, "confirm_pps belongs to mode armed; leave it out");
  }
  if (!(pps >= 1) || pps > 1e12) {
    return RefusalError(Refusal::kOutOfRange, "confirm_pps is " + NumberText(pps) +
                                                  ", mode armed needs 1 to 10^12: it enforces once it matches so much");
  }
  return static_cast<uint64_t>(pps);
}

// "block-198.51.100.7", "block-2001_db8__-32": ids have no colons and slashes.
std::string BlockId(const net::IpPrefix& source) {
  std::string id = "block-" + source.ToShortString();
  std::replace(id.begin(), id.end(), ':', '_');
  std::replace(id.begin(), id.end(), '/', '-');
  return id;
}

absl::StatusOr<net::IpPrefix> ReadSource(std::string_view text) {
  absl::StatusOr<net::IpPrefix> prefix = net::IpPrefix::Parse(text.substr(0, 64));
  if (prefix.ok()) return prefix;
  return RefusalError(Refusal::kMalformed, "source: " + std::string(prefix.status().message()));
}

// The one source that a block names; null for any other rule.
const net::IpPrefix* BlockedSource(const Entry& entry) {
  const rule::Expr& match = *entry.rule.match;
  if (entry.rule.origin != rule::Origin::kOperator || entry.rule.action.kind != rule::ActionKind::kDrop ||
      !entry.rule.id.starts_with("block-") || match.kind != rule::Expr::Kind::kCompare ||
      match.compare.field != rule::FieldId::kIpSrc || match.compare.prefixes.size() != 1) {
    return nullptr;
  }
  return &match.compare.prefixes.front();
}

absl::Status CheckAlone(const v1::CreateRuleRequest& r) {
  if (r.id().empty() && r.match().empty() && r.action().empty() && r.mode().empty() && r.for_s() == 0 &&
      r.priority() == 0 && r.reason().empty() && r.scope_prefixes().empty() && !r.wide_override() &&
      r.confirm_pps() == 0) {
    return absl::OkStatus();
  }
  return RefusalError(Refusal::kMalformed,
                      "a rule file says everything of its rule but its regions and edges; leave the other fields out");
}

}  // namespace

absl::StatusOr<rule::Rule> Policy::FromFile(const v1::CreateRuleRequest& request, absl::Time now) const {
  if (request.file().size() > kMaxFile) {
    return RefusalError(Refusal::kOverBound, "the rule file has " + std::to_string(request.file().size()) +
                                                 " bytes, the limit is " + std::to_string(kMaxFile));
  }
  if (absl::Status s = CheckAlone(request); !s.ok()) return s;
  absl::StatusOr<std::vector<rule::Rule>> rules = rule::ParseRuleFile(request.file(), "rule file", now);
  if (!rules.ok()) return rules.status();
  if (rules->size() != 1) {
    return RefusalError(Refusal::kMalformed,
                        "the rule file holds " + std::to_string(rules->size()) + " rules; send one rule at a time");
  }
  return std::move(rules->front());
}

absl::StatusOr<rule::Rule> Policy::FromRequest(const v1::CreateRuleRequest& request, absl::Time now) {
  rule::Rule r;
  r.id = request.id().empty()
             ? FreeId("op-" + std::to_string(absl::ToUnixSeconds(now)) + "-" + std::to_string(++next_id_))
             : request.id();
  absl::StatusOr<rule::ExprPtr> match = rule::ParseExpr(request.match());
  if (!match.ok()) return rule::Annotate(match.status(), "match: ");
  const absl::StatusOr<rule::ActionKind> action = ReadAction(request.action());
  if (!action.ok()) return action.status();
  r.action.kind = *action;
  const absl::StatusOr<rule::Mode> mode = ReadMode(request.mode());
  if (!mode.ok()) return mode.status();
  r.mode = *mode;
  const absl::StatusOr<uint64_t> confirm = ReadConfirm(request.confirm_pps(), r.mode);
  if (!confirm.ok()) return confirm.status();
  r.confirm_pps = *confirm;
  const absl::StatusOr<int32_t> priority = ReadPriority(request.priority());
  if (!priority.ok()) return priority.status();
  r.priority = *priority;
  const absl::StatusOr<absl::Time> expires = ReadFor(request.for_s(), now);
  if (!expires.ok()) return expires.status();
  r.expires = *expires;
  r.reason = request.reason();
  r.wide_override = request.wide_override();
  if (static_cast<size_t>(request.scope_prefixes_size()) > rule::kMaxScopeEntries) {
    return RefusalError(Refusal::kOverBound, "the scope names " + std::to_string(request.scope_prefixes_size()) +
                                                 " prefixes, the limit is " + std::to_string(rule::kMaxScopeEntries));
  }
  for (const std::string& text : request.scope_prefixes()) {
    const absl::StatusOr<net::IpPrefix> prefix = net::IpPrefix::Parse(text.substr(0, 64));
    if (!prefix.ok())
      return RefusalError(Refusal::kMalformed, "scope_prefixes: " + std::string(prefix.status().message()));
    r.scope.prefixes.push_back(*prefix);
  }
  r.match = rule::WithinPrefixes(*std::move(match), r.scope.prefixes);
  return r;
}

absl::StatusOr<EntryPtr> Policy::Create(const v1::CreateRuleRequest& request, std::string_view actor, absl::Time now) {
  absl::StatusOr<rule::Rule> r = request.file().empty() ? FromRequest(request, now) : FromFile(request, now);
  if (!r.ok()) return r.status();
  r->scope.regions.assign(request.scope_regions().begin(), request.scope_regions().end());
  r->scope.edges.assign(request.scope_edges().begin(), request.scope_edges().end());
  if (absl::Status s = CheckUsable(*r, now); !s.ok()) return s;
  if (rules_.contains(r->id)) {
    return absl::AlreadyExistsError("there is a rule \"" + r->id + "\" already; delete it first, or take another id");
  }
  if (absl::Status s = CheckRoom(*r); !s.ok()) return s;
  auto entry =
      std::make_shared<const Entry>(Entry{.rule = *std::move(r), .created_by = std::string(actor), .created = now});
  if (!request.dry_run()) Set(entry->rule.id, entry);
  return entry;
}

absl::StatusOr<EntryPtr> Policy::Delete(std::string_view id, absl::Time now) {
  EntryPtr entry = Find(id);
  if (entry == nullptr) return absl::NotFoundError("there is no rule " + rule::Quoted(id));
  if (entry->rule.automatic()) {
    if (suppressed_.size() >= kMaxSuppressed) suppressed_.pop_front();
    suppressed_.push_back({MeaningOf(entry->rule), now + options_.lease});
  }
  Set(std::string(id), nullptr);
  return entry;
}

absl::StatusOr<EntryPtr> Policy::Block(const v1::BlockRequest& request, std::string_view actor, absl::Time now) {
  const absl::StatusOr<net::IpPrefix> source = ReadSource(request.source());
  if (!source.ok()) return source.status();
  if (!(request.for_s() >= 1) || request.for_s() > kMaxBlockS) {
    return RefusalError(Refusal::kOutOfRange, "for_s is " + NumberText(request.for_s()) +
                                                  ", a block lasts 1 to 3600 seconds; for longer create a rule");
  }
  if (request.reason().empty())
    return RefusalError(Refusal::kMalformed, "a block needs a reason, for those who find it later");
  for (const rule::GuardEntry& guard : options_.guards.entries()) {
    if (!guard.prefix.Overlaps(*source)) continue;
    return RefusalError(Refusal::kCoversGuard, "a block of " + source->ToShortString() + " would cover the guarded " +
                                                   rule::Quoted(guard.name) + " (" + guard.prefix.ToShortString() +
                                                   "); if that is meant, create a rule");
  }
  rule::Rule r;
  r.id = BlockId(*source);
  r.match = rule::AddressIn(rule::FieldId::kIpSrc, {*source});
  r.mode = rule::Mode::kEnforce;
  r.priority = kBlockPriority;
  r.expires = now + absl::Seconds(request.for_s());
  r.reason = request.reason();
  if (absl::Status s = CheckUsable(r, now); !s.ok()) return s;
  const EntryPtr known = Find(r.id);
  if (known != nullptr && BlockedSource(*known) == nullptr) {
    return absl::AlreadyExistsError("there is a rule \"" + r.id + "\" already, and it isn't a block; delete it first");
  }
  if (known == nullptr) {
    if (absl::Status s = CheckRoom(r); !s.ok()) return s;
  }
  auto entry =
      std::make_shared<const Entry>(Entry{.rule = std::move(r), .created_by = std::string(actor), .created = now});
  if (!request.dry_run()) Set(entry->rule.id, entry);
  return entry;
}

absl::StatusOr<std::vector<std::string>> Policy::Unblock(std::string_view source_text) {
  constexpr size_t kMost = 64;
  const absl::StatusOr<net::IpPrefix> source = ReadSource(source_text);
  if (!source.ok()) return source.status();
  std::vector<std::string> ids;
  std::string wider;
  for (const auto& [id, entry] : rules_) {
    const net::IpPrefix* blocked = BlockedSource(*entry);
    if (blocked == nullptr) continue;
    if (source->Contains(*blocked)) {
      ids.push_back(id);
    } else if (blocked->Contains(*source)) {
      wider = blocked->ToShortString();
    }
  }
  if (ids.empty()) {
    return absl::NotFoundError("nothing blocks " + source->ToShortString() +
                               (wider.empty() ? "" : " alone; a wider block does, of " + wider + ": unblock that"));
  }
  if (ids.size() > kMost) {
    return absl::FailedPreconditionError(std::to_string(ids.size()) + " blocks are inside " + source->ToShortString() +
                                         ", at most " + std::to_string(kMost) + " are taken back at once; name less");
  }
  for (const std::string& id : ids) Set(id, nullptr);
  return ids;
}

}  // namespace breakwater::policy
