#include "edge/link/desired_set.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/fleet/session_wire.h"
#include "common/rule/rule_wire.h"

namespace breakwater::link {
namespace {

using fleet::VersionText;

absl::Status Prefixed(std::string_view what, const absl::Status& s) {
  return absl::Status(s.code(), absl::StrCat(std::string(what), ": ", std::string(s.message())));
}

}  // namespace

absl::Status DesiredSet::CheckView(const std::string& view) const {
  if (view == identity_.region || view == absl::StrCat(identity_.region, "/", identity_.id)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a manifest for the view \"", view, "\"; this edge is ", identity_.region, "/", identity_.id));
}

absl::StatusOr<DesiredSet::Wanted> DesiredSet::Verify(const v1::Manifest& message) const {
  if (absl::Status s = keys_.Verify(fleet::kManifestContext, message.content(), message.signature(), message.key_id());
      !s.ok()) {
    return Prefixed("a manifest", s);
  }
  absl::StatusOr<v1::ManifestContent> content = fleet::ParseManifest(message.content());
  if (!content.ok()) return content.status();
  if (absl::Status s = CheckView(content->view()); !s.ok()) return s;
  return Wanted{message, *std::move(content)};
}

DesiredSet::Outcome DesiredSet::Refuse(absl::Status why, bool resync) {
  assembly_.reset();
  return {.changed = false, .status = std::move(why), .resync = resync};
}

DesiredSet::Outcome DesiredSet::Take(const v1::Manifest& message) {
  absl::StatusOr<Wanted> wanted = Verify(message);
  if (!wanted.ok()) return Refuse(wanted.status(), false);
  const v1::SetVersion& version = wanted->content.desired();
  const v1::SetVersion& newest = wanted_ ? wanted_->content.desired() : set_.version;
  if (fleet::OlderThan(version, set_.version) || fleet::OlderThan(version, newest)) {
    return Refuse(absl::FailedPreconditionError(absl::StrCat("a manifest of ", VersionText(version),
                                                             ", older than the last one (", VersionText(newest),
                                                             "): replayed, or from a coordinator that has gone back")),
                  false);
  }
  if (has_set() && !fleet::OlderThan(set_.version, version) && version.hash() != set_.version.hash()) {
    return Refuse(absl::FailedPreconditionError(absl::StrCat("a manifest of ", VersionText(version),
                                                             " with another hash than the set that came under it")),
                  false);
  }
  assembly_.reset();
  // The same rules under a later revision: nothing needs to be sent.
  if (has_set() && version.hash() == set_.hash.bytes() && wanted->content.rules() == set_.rules.size()) {
    if (!fleet::OlderThan(set_.version, version)) {
      wanted_.reset();
      return {};
    }
    Set same = set_;
    wanted_ = *std::move(wanted);
    return Adopt(std::move(same));
  }
  wanted_ = *std::move(wanted);
  // The empty set has nothing that could be sent either.
  if (wanted_->content.rules() == 0 && version.hash().empty()) return Adopt(Set{});
  return {};
}

absl::Status DesiredSet::Add(const v1::SignedRule& message, bool replace, Set& set) const {
  if (absl::Status s = keys_.Verify(fleet::kRuleContext, message.rule(), message.signature(), message.key_id());
      !s.ok()) {
    return Prefixed("a rule", s);
  }
  v1::Rule parsed;
  if (!parsed.ParseFromString(message.rule()) || !fleet::IsName(parsed.id())) {
    return absl::InvalidArgumentError("a signed rule can't be read, or has no id");
  }
  const auto before = set.rules.find(parsed.id());
  if (before != set.rules.end()) {
    if (!replace) return absl::InvalidArgumentError(absl::StrCat("rule \"", parsed.id(), "\" is there twice"));
    set.hash.Remove(before->second->signed_rule.rule());
  } else if (set.rules.size() >= fleet::SessionBounds::kRulesInSet) {
    return absl::ResourceExhaustedError(absl::StrCat("over ", fleet::SessionBounds::kRulesInSet, " rules in one set"));
  }
  set.hash.Add(message.rule());
  set.rules.insert_or_assign(parsed.id(), std::make_shared<Signed>(Signed{message, rule::RuleFromProto(parsed)}));
  return absl::OkStatus();
}

DesiredSet::Outcome DesiredSet::Adopt(Set set) {
  const v1::ManifestContent& content = wanted_->content;
  if (set.hash.bytes() != content.desired().hash() || set.rules.size() != content.rules()) {
    return Refuse(
        absl::DataLossError(absl::StrCat(set.rules.size(), " rules came for ", VersionText(content.desired()),
                                         ", and they aren't the ", content.rules(), " of its manifest (another hash)")),
        true);
  }
  set.version = content.desired();
  set.manifest = wanted_->message;
  set_ = std::move(set);
  wanted_.reset();
  assembly_.reset();
  return {.changed = true, .status = absl::OkStatus(), .resync = false};
}

DesiredSet::Outcome DesiredSet::Take(const v1::Delta& message) {
  if (!wanted_ || !fleet::SameVersion(message.to(), wanted_->content.desired())) {
    return Refuse(absl::FailedPreconditionError(
                      absl::StrCat("a delta to ", VersionText(message.to()), " that no manifest has announced")),
                  true);
  }
  if (message.from().epoch() != set_.version.epoch() || message.from().revision() != set_.version.revision()) {
    return Refuse(absl::FailedPreconditionError(absl::StrCat("a delta from ", VersionText(message.from()),
                                                             "; this edge is at ", VersionText(set_.version))),
                  true);
  }
  Set next = set_;
  for (const std::string& id : message.removals()) {
    const auto it = next.rules.find(id);
    if (it == next.rules.end()) {
      return Refuse(
          absl::FailedPreconditionError(absl::StrCat("a delta removes the rule \"", id, "\", which isn't here")), true);
    }
    next.hash.Remove(it->second->signed_rule.rule());
    next.rules.erase(it);
  }
  for (const v1::SignedRule& rule : message.upserts()) {
    if (absl::Status s = Add(rule, /*replace=*/true, next); !s.ok()) return Refuse(std::move(s), true);
  }
  return Adopt(std::move(next));
}

DesiredSet::Outcome DesiredSet::Take(const v1::SnapshotChunk& message) {
  if (!wanted_ || !fleet::SameVersion(message.version(), wanted_->content.desired())) {
    return Refuse(absl::FailedPreconditionError(absl::StrCat("a snapshot of ", VersionText(message.version()),
                                                             " that no manifest has announced")),
                  true);
  }
  if (message.index() == 0) assembly_.emplace().chunks = message.chunks();
  if (!assembly_ || message.index() != assembly_->next_chunk || message.chunks() != assembly_->chunks) {
    const uint32_t expected = assembly_ ? assembly_->next_chunk : 0;
    return Refuse(absl::DataLossError(absl::StrCat("chunk ", message.index(), " of ", message.chunks(),
                                                   " of a snapshot came where chunk ", expected, " was expected")),
                  true);
  }
  for (const v1::SignedRule& rule : message.rules()) {
    if (absl::Status s = Add(rule, /*replace=*/false, assembly_->set); !s.ok()) return Refuse(std::move(s), true);
  }
  if (++assembly_->next_chunk < assembly_->chunks) return {};
  return Adopt(std::move(assembly_->set));
}

void DesiredSet::SessionEnded() {
  assembly_.reset();
  wanted_.reset();
}

absl::StatusOr<std::optional<control::StopEnforcing>> DesiredSet::Take(const v1::StopEnforcing& message) {
  if (absl::Status s = keys_.Verify(fleet::kStopContext, message.content(), message.signature(), message.key_id());
      !s.ok()) {
    return Prefixed("an order to stop enforcing", s);
  }
  const absl::StatusOr<v1::StopEnforcingContent> content = fleet::ParseStop(message.content());
  if (!content.ok()) return content.status();
  if (content->epoch() == stop_epoch_ && content->serial() == stop_serial_) return std::nullopt;
  if (std::pair(content->epoch(), content->serial()) < std::pair(stop_epoch_, stop_serial_)) {
    return absl::FailedPreconditionError(absl::StrCat("an order to stop enforcing with epoch ", content->epoch(),
                                                      ", serial ", content->serial(), ", older than the last one (",
                                                      stop_epoch_, ", ", stop_serial_, "): replayed"));
  }
  stop_epoch_ = content->epoch();
  stop_serial_ = content->serial();
  control::StopEnforcing order;
  order.on = content->on();
  if (content->until_unix_ms() > 0) order.until = absl::FromUnixMillis(content->until_unix_ms());
  order.reason = content->reason();
  order.signed_order = message;
  return order;
}

absl::Status DesiredSet::RestoreRules(const v1::FleetState& state) {
  if (state.manifest().content().empty()) return absl::OkStatus();
  absl::StatusOr<Wanted> wanted = Verify(state.manifest());
  if (!wanted.ok()) return wanted.status();
  Set set;
  for (const v1::SignedRule& rule : state.rules()) {
    if (absl::Status s = Add(rule, /*replace=*/false, set); !s.ok()) return s;
  }
  wanted_ = *std::move(wanted);
  const Outcome outcome = Adopt(std::move(set));
  wanted_.reset();
  return outcome.status;
}

absl::StatusOr<control::StopEnforcing> DesiredSet::RestoreStop(const v1::FleetState& state) {
  absl::StatusOr<std::optional<control::StopEnforcing>> order = Take(state.stop());
  if (!order.ok()) return order.status();
  if (!order->has_value()) return absl::NotFoundError("no order to stop enforcing");
  return **std::move(order);
}

control::DesiredRules DesiredSet::Rules() const {
  control::DesiredRules rules;
  rules.version = set_.version;
  auto state = std::make_shared<v1::FleetState>();
  *state->mutable_manifest() = set_.manifest;
  for (const auto& [id, entry] : set_.rules) {
    *state->add_rules() = entry->signed_rule;
    if (entry->rule.ok()) {
      rules.rules.push_back(*entry->rule);
    } else {
      rules.rejected.push_back({id, entry->rule.status()});
    }
  }
  rules.signed_set = std::move(state);
  return rules;
}

}  // namespace breakwater::link
