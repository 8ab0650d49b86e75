#include "coordinator/rollout/rollout.h"

#include <algorithm>
#include <utility>

#include "common/rule/rule_wire.h"

namespace breakwater::rollout {
namespace {

// Beside a rule's bytes: signature, key id and the framing of the message.
constexpr size_t kRuleOverhead = 128;
constexpr size_t kMaxDeltas = 8;  // kept ready for a view

bool Names(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

bool Holds(const PlacedPtr& placed, const tls::EdgeIdentity& edge) {
  return placed != nullptr && Applies(placed->entry->rule.scope, edge);
}

}  // namespace

bool Applies(const rule::Scope& scope, const tls::EdgeIdentity& edge) {
  return Names(scope.regions, edge.region) && Names(scope.edges, edge.id);
}

Rollout::Rollout(fleet::SigningKey key) : key_(std::move(key)) {}

void Rollout::Restore(uint64_t epoch, uint64_t revision, std::vector<PlacedPtr> rules) {
  epoch_ = epoch;
  revision_ = revision;
  log_floor_ = revision;
  for (PlacedPtr& placed : rules) {
    for (const std::string& edge : placed->entry->rule.scope.edges) named_edges_.insert(edge);
    rules_.insert_or_assign(placed->entry->rule.id, std::move(placed));
  }
}

absl::StatusOr<v1::SignedRule> Rollout::Sign(const rule::Rule& rule) const {
  const absl::StatusOr<v1::Rule> wire = rule::ToProto(rule);
  if (!wire.ok()) return wire.status();
  v1::SignedRule signed_rule;
  signed_rule.set_rule(wire->SerializeAsString());
  signed_rule.set_signature(key_.Sign(fleet::kRuleContext, signed_rule.rule()));
  signed_rule.set_key_id(key_.public_key().id());
  return signed_rule;
}

PlacedPtr Rollout::Find(std::string_view id) const {
  const auto it = rules_.find(id);
  return it == rules_.end() ? nullptr : it->second;
}

void Rollout::Apply(uint64_t revision, const std::vector<Placement>& changes) {
  revision_ = revision;
  for (const Placement& change : changes) {
    Logged logged{revision, Find(change.id), change.placed};
    if (logged.after != nullptr) {
      for (const std::string& edge : logged.after->entry->rule.scope.edges) named_edges_.insert(edge);
      rules_.insert_or_assign(change.id, logged.after);
    } else {
      rules_.erase(change.id);
    }
    for (auto& [name, view] : views_) {
      const tls::EdgeIdentity& edge = view_edges_.find(name)->second;
      const bool before = Holds(logged.before, edge);
      const bool after = Holds(logged.after, edge);
      if (!before && !after) continue;
      if (before) view.hash.Remove(logged.before->signed_rule.rule());
      if (after) view.hash.Add(logged.after->signed_rule.rule());
      view.rules += (after ? 1u : 0u) - (before ? 1u : 0u);
      view.revision = revision;
      view.manifest.reset();
      view.deltas.clear();
    }
    log_.push_back(std::move(logged));
  }
  while (log_.size() > kMaxLog) {
    log_floor_ = log_.front().revision;
    log_.pop_front();
  }
}

std::string Rollout::ViewName(const tls::EdgeIdentity& edge) const {
  return named_edges_.contains(edge.id) ? edge.region + "/" + edge.id : edge.region;
}

Rollout::View& Rollout::ViewOf(const tls::EdgeIdentity& edge) {
  const std::string name = ViewName(edge);
  const auto [it, is_new] = views_.try_emplace(name);
  View& view = it->second;
  if (!is_new) return view;
  // A region's view holds no rule that names edges: nobody's id stands for all of them.
  const tls::EdgeIdentity judged = named_edges_.contains(edge.id) ? edge : tls::EdgeIdentity{{}, edge.region};
  view_edges_.insert_or_assign(name, judged);
  view.revision = revision_;
  for (const auto& [id, placed] : rules_) {
    if (!Holds(placed, edge)) continue;
    view.hash.Add(placed->signed_rule.rule());
    ++view.rules;
  }
  return view;
}

v1::SetVersion Rollout::VersionOf(const View& view) const {
  v1::SetVersion version;
  version.set_epoch(epoch_);
  version.set_revision(view.revision);
  if (view.rules > 0) version.set_hash(view.hash.bytes());
  return version;
}

v1::SetVersion Rollout::Desired(const tls::EdgeIdentity& edge) { return VersionOf(ViewOf(edge)); }

v1::CoordinatorMessage Rollout::ManifestOf(View& view, const std::string& name, absl::Time now) {
  if (!view.manifest.has_value()) {
    v1::ManifestContent content;
    content.set_view(name);
    *content.mutable_desired() = VersionOf(view);
    content.set_rules(view.rules);
    content.set_issued_unix_ms(absl::ToUnixMillis(now));
    v1::Manifest& manifest = view.manifest.emplace();
    manifest.set_content(content.SerializeAsString());
    manifest.set_signature(key_.Sign(fleet::kManifestContext, manifest.content()));
    manifest.set_key_id(key_.public_key().id());
  }
  ++stats_.manifests;
  v1::CoordinatorMessage message;
  *message.mutable_manifest() = *view.manifest;
  return message;
}

Rollout::CachedDelta Rollout::MakeDelta(const View& view, const tls::EdgeIdentity& edge, uint64_t from) const {
  // Backwards from now: what the set's hash was then, and for each changed rule whether it was in the set then.
  fleet::SetHash hash = view.hash;
  int64_t rules = view.rules;
  std::map<std::string, PlacedPtr, std::less<>> then;
  for (auto it = log_.rbegin(); it != log_.rend() && it->revision > from; ++it) {
    const std::string& id = (it->after != nullptr ? it->after : it->before)->entry->rule.id;
    if (Holds(it->after, edge)) {
      hash.Remove(it->after->signed_rule.rule());
      --rules;
    }
    const bool before = Holds(it->before, edge);
    if (before) {
      hash.Add(it->before->signed_rule.rule());
      ++rules;
    }
    then[id] = before ? it->before : nullptr;
  }
  CachedDelta cached;
  if (rules > 0) cached.from_hash = hash.bytes();

  v1::Delta delta;
  delta.mutable_from()->set_epoch(epoch_);
  delta.mutable_from()->set_revision(from);
  delta.mutable_from()->set_hash(cached.from_hash);
  *delta.mutable_to() = VersionOf(view);
  size_t bytes = 0;
  for (const auto& [id, before] : then) {
    const PlacedPtr now = Find(id);
    if (!Holds(now, edge)) {
      if (before != nullptr) delta.add_removals(id);
      continue;
    }
    if (before == now) continue;
    bytes += now->signed_rule.rule().size() + kRuleOverhead;
    *delta.add_upserts() = now->signed_rule;
  }
  if (bytes <= kMaxMessage && delta.upserts_size() <= kMaxChanges && delta.removals_size() <= kMaxChanges) {
    cached.delta = std::move(delta);
  }
  return cached;
}

std::vector<v1::CoordinatorMessage> Rollout::Snapshot(const View& view, const tls::EdgeIdentity& edge) const {
  std::vector<v1::CoordinatorMessage> messages(1);
  size_t bytes = 0;
  for (const auto& [id, placed] : rules_) {
    if (!Holds(placed, edge)) continue;
    const size_t size = placed->signed_rule.rule().size() + kRuleOverhead;
    if (bytes + size > kMaxMessage || messages.back().snapshot().rules_size() >= kMaxChanges) {
      messages.emplace_back();
      bytes = 0;
    }
    bytes += size;
    *messages.back().mutable_snapshot()->add_rules() = placed->signed_rule;
  }
  for (size_t i = 0; i < messages.size(); ++i) {
    v1::SnapshotChunk& chunk = *messages[i].mutable_snapshot();
    *chunk.mutable_version() = VersionOf(view);
    chunk.set_index(static_cast<uint32_t>(i));
    chunk.set_chunks(static_cast<uint32_t>(messages.size()));
  }
  return messages;
}

absl::StatusOr<std::vector<v1::CoordinatorMessage>> Rollout::Lead(const tls::EdgeIdentity& edge,
                                                                  const v1::SetVersion* from, absl::Time now) {
  View& view = ViewOf(edge);
  const bool known = from != nullptr && from->epoch() == epoch_;
  if (from != nullptr && from->epoch() > epoch_) {
    return absl::FailedPreconditionError("edge " + edge.id + " has rules of epoch " + std::to_string(from->epoch()) +
                                         ", this coordinator is at epoch " + std::to_string(epoch_) +
                                         ": they are another coordinator's, or its store was replaced by an older one; "
                                         "clear the edge's state to let it start over here");
  }
  if (known && from->revision() > view.revision) {
    // From before a backup was restored. Its set is left behind by going past it: revisions never go back.
    if (from->revision() > revision_ && from->revision() - revision_ > kMaxJump) {
      return absl::FailedPreconditionError("edge " + edge.id + " says it has revision " +
                                           std::to_string(from->revision()) + ", this coordinator is at " +
                                           std::to_string(revision_) + ": that is no version of its rules");
    }
    revision_ = std::max(revision_, from->revision()) + 1;
    view.revision = revision_;
    view.manifest.reset();
    view.deltas.clear();
  }

  std::vector<v1::CoordinatorMessage> messages = {ManifestOf(view, ViewName(edge), now)};
  const v1::SetVersion desired = VersionOf(view);
  // The same rules, or none at all: the manifest says everything.
  if (view.rules == 0 || (known && from->hash() == desired.hash())) return messages;
  if (known && from->revision() >= log_floor_ && from->revision() < view.revision) {
    if (view.deltas.size() >= kMaxDeltas) view.deltas.clear();
    const auto [it, is_new] = view.deltas.try_emplace(from->revision());
    if (is_new) it->second = MakeDelta(view, edge, from->revision());
    if (it->second.delta.has_value() && it->second.from_hash == from->hash()) {
      *messages.emplace_back().mutable_delta() = *it->second.delta;
      ++stats_.deltas;
      return messages;
    }
  }
  for (v1::CoordinatorMessage& chunk : Snapshot(view, edge)) messages.push_back(std::move(chunk));
  ++stats_.snapshots;
  return messages;
}

}  // namespace breakwater::rollout
