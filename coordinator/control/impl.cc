#include "coordinator/control/impl.h"

#include <algorithm>
#include <memory>

#include "common/fleet/session_wire.h"
#include "common/rule/rule_wire.h"

namespace breakwater::coordinator {
namespace {

policy::PolicyOptions PolicyOptionsOf(const Settings& s) {
  return {.coordinator_id = s.id,
          .guards = s.guards,
          .confirm_share = s.confirm_share,
          .confirm_floor_pps = s.confirm_floor_pps,
          .lease = s.lease,
          .max_rules = s.max_rules,
          .max_automatic_rules = s.max_automatic_rules};
}

attacks::AttackBookOptions AttackOptionsOf(const Settings& s) {
  attacks::AttackBookOptions options;
  options.coordinator_id = s.id;
  options.detector = s.detector;
  options.detect = s.detect;
  return options;
}

}  // namespace

Control::Impl::Impl(Settings settings, fleet::SigningKey key)
    : settings_(std::move(settings)),
      policy_(PolicyOptionsOf(settings_)),
      rollout_(std::move(key)),
      merger_(merge::MergerOptions{}),
      attacks_(AttackOptionsOf(settings_)),
      traffic_(traffic::TrafficHistoryOptions{}) {}

std::vector<Action> Control::Impl::Step(Event event, absl::Time now) {
  SetClock(now);
  actions_.clear();
  std::visit([this](auto&& e) { On(std::move(e)); }, std::move(event));
  Advance();
  return std::move(actions_);
}

void Control::Impl::SetClock(absl::Time now) {
  // A step back that is smaller than this is waited out.
  constexpr absl::Duration kSmall = absl::Seconds(1);
  if (now >= now_ - kSmall) {
    now_ = std::max(now_, now);
    return;
  }
  // The wall clock was set back: what waits for a time would wait as long again.
  now_ = now;
  next_telemetry_ = next_maintain_ = retry_at_ = absl::InfinitePast();
  store_failing_since_ = std::min(store_failing_since_, now);
  for (auto& [id, edge] : edges_) {
    for (absl::Time* time : {&edge.last_heard, &edge.connected, &edge.conflict_at, &edge.led_at, &edge.last_resync,
                             &edge.last_jump, &edge.last_window, &edge.window_heard, &edge.refused_at}) {
      *time = std::min(*time, now);
    }
  }
}

void Control::Impl::Say(Report::Level level, std::string event, std::string text,
                        std::vector<std::pair<std::string, std::string>> fields) {
  actions_.emplace_back(Report{level, std::move(event), std::move(text), std::move(fields)});
}

// ── Start ──

void Control::Impl::LoadFleet(const store::Store& store, uint64_t random) {
  v1::FleetRecord record;
  const auto fleet = store.Get("fleet/state");
  if (fleet.ok() && fleet->has_value() && record.ParseFromString(**fleet)) {
    sketch_seed_ = record.sketch_seed();
  } else {
    // By the clock, so that a coordinator that lost its store begins after what its edges have seen.
    record.set_epoch(static_cast<uint64_t>(std::max<int64_t>(1, absl::ToUnixMillis(now_))));
    record.set_revision(1);
    record.set_sketch_seed(settings_.sketch_seed != 0 ? settings_.sketch_seed : random);
    sketch_seed_ = record.sketch_seed();
    Write("fleet/state", record.SerializeAsString());
  }
  rollout_.Restore(record.epoch(), record.revision(), {});
  const auto stop = store.Get("fleet/stop");
  if (stop.ok() && stop->has_value() && stop_.ParseFromString(**stop))
    stop_content_.ParseFromString(stop_.stop().content());
}

std::string Control::Impl::RecordOf(const rollout::Placed& placed) {
  v1::RuleRecord record;
  *record.mutable_signed_rule() = placed.signed_rule;
  record.set_created_by(placed.entry->created_by);
  record.set_created_unix_ms(absl::ToUnixMillis(placed.entry->created));
  record.set_revision(placed.revision);
  record.set_content_revision(placed.content_revision);
  return record.SerializeAsString();
}

std::string Control::Impl::FleetRecordAt(uint64_t revision) const {
  v1::FleetRecord record;
  record.set_epoch(rollout_.epoch());
  record.set_revision(revision);
  record.set_sketch_seed(sketch_seed_);
  return record.SerializeAsString();
}

void Control::Impl::LoadRules(const store::Store& store) {
  std::vector<rollout::PlacedPtr> rules;
  uint64_t revision = rollout_.revision();
  const absl::Status scanned = store.Scan("rule/", {}, [&](std::string_view key, std::string_view value) {
    v1::RuleRecord record;
    v1::Rule wire;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
        !wire.ParseFromString(record.signed_rule().rule())) {
      Say(Report::Level::kError, "rule_unreadable",
          "the store's " + std::string(key) + " can't be read; it is left out");
      return true;
    }
    absl::StatusOr<rule::Rule> rule = rule::RuleFromProto(wire);
    if (!rule.ok()) {
      Say(Report::Level::kError, "rule_unreadable",
          std::string(key) + " is left out: " + std::string(rule.status().message()));
      return true;
    }
    policy::Entry entry{*std::move(rule), record.created_by(), absl::FromUnixMillis(record.created_unix_ms())};
    if (absl::Status s = policy_.Restore(entry); !s.ok()) {
      Say(Report::Level::kError, "rule_unreadable", std::string(s.message()));
      return true;
    }
    auto placed = std::make_shared<rollout::Placed>();
    placed->entry = policy_.Find(entry.rule.id);
    placed->signed_rule = record.signed_rule();
    placed->revision = record.revision();
    placed->content_revision = record.content_revision();
    if (placed->signed_rule.key_id() != rollout_.key().public_key().id()) {
      // Signed with a key that was replaced: edges may not trust it any more.
      absl::StatusOr<v1::SignedRule> anew = rollout_.Sign(placed->entry->rule);
      if (anew.ok()) {
        placed->signed_rule = *std::move(anew);
        placed->revision = revision = rollout_.revision() + 1;
        Write(std::string(key), RecordOf(*placed));
      }
    }
    rules.push_back(std::move(placed));
    return true;
  });
  if (!scanned.ok()) Say(Report::Level::kError, "store_unreadable", std::string(scanned.message()));
  if (revision != rollout_.revision()) {
    Say(Report::Level::kWarning, "rules_signed_anew", "the signing key is another one: rules were signed anew with it");
    Write("fleet/state", FleetRecordAt(revision));
  }
  rollout_.Restore(rollout_.epoch(), revision, std::move(rules));
  for (const std::string& id : policy_.DropUnusable(now_)) {
    Say(Report::Level::kWarning, "rule_dropped",
        "rule " + id + " breaks the guards or limits as they are now; it is removed", {{"rule", id}});
  }
}

void Control::Impl::LoadEdges(const store::Store& store) {
  const absl::Status scanned = store.Scan("edge/", {}, [&](std::string_view key, std::string_view value) {
    const std::string id(key.substr(key.find('/') + 1));
    v1::EdgeRecord record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      Say(Report::Level::kError, "edge_unreadable",
          "the store's " + std::string(key) + " can't be read; it is left out");
      return true;
    }
    EdgeState& edge = edges_[id];
    edge.identity = {id, record.region()};
    edge.software_version = record.software_version();
    edge.edge_class = record.edge_class();
    edge.last_heard = absl::FromUnixMillis(record.last_heard_unix_ms());
    edge.watermark = {record.boot_id(), record.through_sequence()};
    edge.committed = edge.watermark;
    for (const std::string& text : record.prefixes()) {
      if (const auto prefix = net::IpPrefix::Parse(text); prefix.ok()) edge.prefixes.push_back(*prefix);
    }
    merger_.Restore(id, edge.watermark);
    v1::EdgeHits hits;
    const auto kept = store.Get("hits/" + id);
    if (kept.ok() && kept->has_value() && hits.ParseFromString(**kept)) edge.progress.Restore(hits);
    return edges_.size() < kMaxEdges;
  });
  if (!scanned.ok()) Say(Report::Level::kError, "store_unreadable", std::string(scanned.message()));
}

void Control::Impl::On(Start event) {
  LoadFleet(*event.store, event.random);
  LoadRules(*event.store);
  LoadEdges(*event.store);
  for (const absl::Status& s : {attacks_.Restore(*event.store, now_), traffic_.Restore(*event.store, now_)}) {
    if (!s.ok()) Say(Report::Level::kError, "store_unreadable", std::string(s.message()));
  }
  Say(Report::Level::kInfo, "control_started",
      "the fleet is at epoch " + std::to_string(rollout_.epoch()) + ", revision " + std::to_string(rollout_.revision()),
      {{"rules", std::to_string(policy_.rules().size())}, {"edges", std::to_string(edges_.size())}});
}

// ── Time ──

void Control::Impl::On(const Tick&) {
  const size_t active = attacks_.active();
  for (const merge::MergedSlot& slot : merger_.Tick(now_)) {
    for (attacks::Proposal& proposal : attacks_.OnSlot(slot, now_)) Enqueue(std::move(proposal));
  }
  counters_.attacks += attacks_.active() - std::min(active, attacks_.active());
  for (auto& [id, edge] : edges_) {
    if (edge.session != 0) Look(edge);
    while (!edge.waiting_rules.empty() && edge.local_rules.Take(now_)) {
      Enqueue(FromEdge{id, std::move(edge.waiting_rules.front())});
      edge.waiting_rules.pop_front();
    }
  }
}

void Control::Impl::Look(EdgeState& edge) {
  if (now_ - edge.last_heard > kDeadFactor * settings_.silent_after) {
    const std::string text = "nothing was heard of edge " + edge.identity.id + " for " +
                             absl::FormatDuration(absl::Trunc(now_ - edge.last_heard, absl::Seconds(1)));
    Say(Report::Level::kWarning, "edge_disconnected", text,
        {{"edge", edge.identity.id}, {"region", edge.identity.region}});
    return EndSession(edge, absl::DeadlineExceededError(text));
  }
  // An edge that doesn't take what leads it on may have something else than it said.
  const bool stuck = Behind(edge) && edge.progress.received().revision() < edge.led_to.revision() &&
                     now_ - edge.led_at > kStuckAfter && !Silent(edge);
  if (!edge.resync && !stuck) return;
  if (now_ - edge.last_resync < (edge.resync ? absl::Seconds(1) : kStuckAfter)) return;
  edge.resync = false;
  // Asked before a snapshot that was under way had arrived; it has by now.
  if (fleet::SameVersion(edge.progress.received(), rollout_.Desired(edge.identity))) return;
  edge.last_resync = now_;
  if (absl::Status s = Lead(edge, nullptr); !s.ok()) EndSession(edge, s);
}

}  // namespace breakwater::coordinator
