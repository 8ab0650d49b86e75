// How what changes becomes durable, and only then reaches edges and people: see impl.h.
//
// One commit is under way at a time. What wants to change rules waits for it and is judged against its outcome, so a failed
// commit has nothing built on it: the policy rolls back, people get the error, edges' rules and proposals are tried again.
#include <algorithm>
#include <limits>
#include <memory>

#include "common/rule/text.h"
#include "coordinator/control/impl.h"
#include "coordinator/control/presentable.h"

namespace breakwater::coordinator {
namespace {

constexpr size_t kMaxActor = 64;

store::Write ToWrite(const std::string& key, const std::optional<std::string>& value) { return {key, value}; }

}  // namespace

void Control::Impl::Enqueue(Intent intent) {
  if (queue_.size() < kMaxQueue) {
    queue_.push_back(std::move(intent));
    return;
  }
  const std::string text =
      std::to_string(kMaxQueue) + " changes wait to be written, which is the limit; the store can't keep up";
  if (const Command* command = std::get_if<Command>(&intent); command != nullptr) {
    actions_.emplace_back(Reply{command->number, absl::ResourceExhaustedError(text)});
    return;
  }
  ++counters_.rules_refused;
  Say(Report::Level::kError, "change_dropped", text);
}

void Control::Impl::On(Command event) {
  if (event.actor.size() > kMaxActor) event.actor.resize(kMaxActor);
  // An order to stop waits for nothing.
  if (const auto* panic = std::get_if<v1::PanicRequest>(&event.request); panic != nullptr) return Panic(event, *panic);
  Enqueue(std::move(event));
}

void Control::Impl::Panic(const Command& command, const v1::PanicRequest& request) {
  constexpr double kMaxForS = 365.0 * 86400;
  const bool bounded = request.for_s() >= 0 && request.for_s() <= kMaxForS;
  if (request.reason().empty() || request.reason().size() > 256 || !rule::IsPrintable(request.reason()) || !bounded) {
    actions_.emplace_back(
        Reply{command.number,
              absl::InvalidArgumentError("panic needs a reason of 1 to 256 bytes of plain text, and for_s from 0 "
                                         "(until it is revoked) to a year")});
    return;
  }
  v1::StopEnforcingContent content;
  content.set_epoch(rollout_.epoch());
  // By the clock as well, so that an order that a full disk kept from being written isn't followed by a smaller number.
  content.set_serial(std::max<uint64_t>(stop_.serial() + 1, static_cast<uint64_t>(absl::ToUnixMillis(now_))));
  content.set_on(request.on());
  if (request.on() && request.for_s() > 0)
    content.set_until_unix_ms(absl::ToUnixMillis(now_ + absl::Seconds(request.for_s())));
  content.set_reason(request.reason());
  stop_content_ = content;
  stop_.set_serial(content.serial());
  stop_.set_actor(command.actor);
  v1::StopEnforcing& stop = *stop_.mutable_stop();
  stop.set_content(content.SerializeAsString());
  stop.set_signature(rollout_.key().Sign(fleet::kStopContext, stop.content()));
  stop.set_key_id(rollout_.key().public_key().id());
  Write("fleet/stop", stop_.SerializeAsString());

  v1::PanicResponse response;
  response.set_on(request.on());
  double reached = 0;
  for (const auto& [id, edge] : edges_) {
    if (edge.session == 0) continue;
    v1::CoordinatorMessage message;
    *message.mutable_stop_enforcing() = stop;
    SendTo(edge, std::move(message));
    ++reached;
  }
  response.set_edges_reached(reached);
  Say(Report::Level::kWarning, request.on() ? "panic_on" : "panic_off",
      command.actor + (request.on() ? " stopped enforcing on all edges: " : " let the edges enforce again: ") +
          request.reason());
  panics_.push_back({command.number, Promise::Kind::kPanic, {}, response, {}});
}

// ── One commit ──

void Control::Impl::Advance() {
  if (in_flight_.has_value()) return;
  const bool asked = !panics_.empty() || std::any_of(queue_.begin(), queue_.end(), [](const Intent& i) {
    return std::holds_alternative<Command>(i);
  });
  if (now_ < retry_at_ && !asked) return;

  building_.emplace();
  building_->promises = std::move(panics_);
  panics_.clear();
  while (!queue_.empty() && policy_.staged() < kMaxChangesAtOnce) {
    Intent intent = std::move(queue_.front());
    queue_.pop_front();
    Execute(std::move(intent));
  }
  if (now_ >= next_maintain_ && policy_.staged() < kMaxChangesAtOnce) {
    next_maintain_ = now_ + absl::Seconds(1);
    ForgetOldEdges();
    policy_.Maintain(
        now_, [this](std::string_view attack) { return attacks_.Active(attack); },
        kMaxChangesAtOnce - policy_.staged());
  }
  if (absl::Status s = Prepare(); !s.ok()) {
    InFlight failed = std::move(*building_);
    building_.reset();
    return Failed(std::move(failed), s);
  }
  if (building_->changes.empty() && building_->promises.empty() && now_ < next_telemetry_) {
    policy_.Accept();
    building_.reset();
    return;
  }
  GatherTelemetry();

  InFlight commit = std::move(*building_);
  building_.reset();
  Commit action;
  for (const auto& [key, value] : commit.writes) action.batch.push_back(ToWrite(key, value));
  for (const policy::Change& change : commit.changes) {
    if (change.after == nullptr) action.batch.push_back(store::Delete("rule/" + change.id));
  }
  for (const rollout::Placement& placement : commit.placements) {
    if (placement.placed == nullptr) continue;
    action.batch.push_back(store::Put("rule/" + placement.id, RecordOf(*placement.placed)));
  }
  if (commit.revision != 0) action.batch.push_back(store::Put("fleet/state", FleetRecordAt(commit.revision)));
  if (action.batch.empty()) return Succeeded(std::move(commit));
  commit.ticket = action.ticket = next_ticket_++;
  in_flight_ = std::move(commit);
  actions_.emplace_back(std::move(action));
}

void Control::Impl::ForgetOldEdges() {
  std::erase_if(edges_, [&](const auto& known) {
    const auto& [id, edge] = known;
    if (edge.session != 0 || edge.stream != 0 || edge.acknowledge || now_ - edge.last_heard < kForgetEdgeAfter)
      return false;
    writes_.insert_or_assign("edge/" + id, std::nullopt);
    writes_.insert_or_assign("hits/" + id, std::nullopt);
    policy_.ForgetEdge(id);
    Say(Report::Level::kInfo, "edge_forgotten", "edge " + id + " wasn't heard of for 30 days", {{"edge", id}});
    return true;
  });
}

absl::Status Control::Impl::Prepare() {
  building_->changes = policy_.Staged();
  if (building_->changes.empty()) return absl::OkStatus();
  building_->revision = rollout_.revision() + 1;
  for (const policy::Change& change : building_->changes) {
    rollout::Placement placement{change.id, nullptr};
    if (change.after != nullptr) {
      absl::StatusOr<v1::SignedRule> signed_rule = rollout_.Sign(change.after->rule);
      if (!signed_rule.ok()) return signed_rule.status();
      auto placed = std::make_shared<rollout::Placed>();
      placed->entry = change.after;
      placed->signed_rule = *std::move(signed_rule);
      placed->revision = placed->content_revision = building_->revision;
      const rollout::PlacedPtr before = rollout_.Find(change.id);
      if (before != nullptr && change.RenewsOnly()) placed->content_revision = before->content_revision;
      placement.placed = std::move(placed);
    }
    building_->placements.push_back(std::move(placement));
  }
  return absl::OkStatus();
}

void Control::Impl::GatherTelemetry() {
  next_telemetry_ = now_ + kTelemetryCommit;
  for (store::Write& write : attacks_.TakeWrites(now_))
    writes_.insert_or_assign(std::move(write.key), std::move(write.value));
  for (store::Write& write : traffic_.TakeWrites(now_))
    writes_.insert_or_assign(std::move(write.key), std::move(write.value));
  for (auto& [id, edge] : edges_) {
    if (edge.hits_changed) Write("hits/" + id, edge.progress.Hits().SerializeAsString());
    edge.hits_changed = false;
    if (!edge.acknowledge) continue;
    edge.acknowledge = false;
    edge.committing = edge.unacknowledged;
    v1::EdgeRecord record;
    record.set_region(edge.identity.region);
    record.set_boot_id(edge.watermark.boot_id);
    record.set_through_sequence(edge.watermark.through_sequence);
    if (edge.last_heard != absl::InfinitePast()) record.set_last_heard_unix_ms(absl::ToUnixMillis(edge.last_heard));
    record.set_software_version(edge.software_version);
    record.set_edge_class(edge.edge_class);
    for (const net::IpPrefix& prefix : edge.prefixes) record.add_prefixes(prefix.ToString());
    Write("edge/" + id, record.SerializeAsString());
    building_->acknowledgements[id] = edge.watermark;
  }
  building_->writes = std::move(writes_);
  writes_.clear();
}

void Control::Impl::On(Committed event) {
  if (!in_flight_.has_value() || in_flight_->ticket != event.ticket) return;
  InFlight commit = std::move(*in_flight_);
  in_flight_.reset();
  if (event.status.ok()) {
    Succeeded(std::move(commit));
  } else {
    Failed(std::move(commit), event.status);
  }
}

void Control::Impl::Failed(InFlight failed, const absl::Status& status) {
  policy_.Rollback();
  ++counters_.commit_failures;
  if (store_status_.ok()) store_failing_since_ = now_;
  store_status_ = status;
  retry_at_ = now_ + kRetryAfter;
  next_maintain_ = absl::InfinitePast();
  Say(Report::Level::kError, "commit_failed", std::string(status.message()));
  // What was written to since is newer than what failed.
  for (auto& [key, value] : failed.writes) writes_.try_emplace(key, std::move(value));
  for (const auto& [id, watermark] : failed.acknowledgements) {
    EdgeState& edge = edges_[id];
    edge.acknowledge = true;
    edge.committing = 0;
  }
  for (auto it = failed.intents.rbegin(); it != failed.intents.rend(); ++it) queue_.push_front(std::move(*it));
  for (const Promise& promise : failed.promises) {
    // An order to stop is out and stays so; what failed is only that it is remembered.
    if (promise.kind == Promise::Kind::kPanic) {
      actions_.emplace_back(Reply{promise.number, Reply::Response(promise.panic)});
    } else {
      actions_.emplace_back(
          Reply{promise.number, absl::Status(status.code(), "nothing was changed: " + std::string(status.message()))});
    }
  }
}

void Control::Impl::Succeeded(InFlight done) {
  policy_.Accept();
  if (done.ticket != 0) {
    ++counters_.commits;
    if (!store_status_.ok()) Say(Report::Level::kInfo, "commit_works", "the store takes commits again");
    store_status_ = absl::OkStatus();
    retry_at_ = absl::InfinitePast();
  }
  if (done.revision != 0) {
    if (done.revision <= rollout_.revision()) {
      // An edge that was ahead made the numbers jump meanwhile.
      done.revision = rollout_.revision() + 1;
      for (rollout::Placement& placement : done.placements) {
        if (placement.placed == nullptr) continue;
        auto moved = std::make_shared<rollout::Placed>(*placement.placed);
        if (moved->content_revision == moved->revision) moved->content_revision = done.revision;
        moved->revision = done.revision;
        placement.placed = std::move(moved);
      }
    }
    rollout_.Apply(done.revision, done.placements);
    for (const policy::Change& change : done.changes) {
      if (change.after != nullptr) continue;
      for (auto& [id, edge] : edges_) {
        if (edge.progress.Forget(change.id)) edge.hits_changed = true;
      }
      const rule::Rule& gone = change.before->rule;
      if (gone.expires > now_) continue;
      ++counters_.rules_expired;
      Say(Report::Level::kInfo, "rule_expired", "rule " + change.id + " has expired", {{"rule", change.id}});
      if (!gone.attack_id.empty()) {
        attacks_.OnRuleEvent(gone.attack_id, "rule_expired", "", gone.id, "its lease was not needed any more", now_);
      }
    }
    Push();
  }
  for (const Spread& spread : done.spreads) {
    ++counters_.rules_spread;
    if (spreads_.size() >= kMaxSpreads) spreads_.pop_front();
    spreads_.push_back({spread, done.revision});
    attacks_.OnRuleEvent(spread.attack_id, "rule_spread", "", spread.rule_id, "armed on all edges", now_);
    Say(Report::Level::kInfo, "rule_spread",
        "rule " + spread.rule_id + ", found by " + spread.by + ", is armed on all edges",
        {{"rule", spread.rule_id}, {"by", spread.by}, {"revision", std::to_string(done.revision)}});
  }
  for (const Promise& promise : done.promises) {
    if (!promise.report.event.empty()) actions_.emplace_back(promise.report);
    const std::string revision = std::to_string(done.revision != 0 ? done.revision : rollout_.revision());
    switch (promise.kind) {
      case Promise::Kind::kRule: {
        absl::StatusOr<v1::RuleView> view = Rule(promise.ids.front(), now_);
        if (view.ok()) {
          actions_.emplace_back(Reply{promise.number, Reply::Response(*std::move(view))});
        } else {
          actions_.emplace_back(Reply{promise.number, view.status()});
        }
        break;
      }
      case Promise::Kind::kDeleted: {
        v1::DeleteRuleResponse response;
        response.set_id(promise.ids.front());
        response.set_revision(revision);
        actions_.emplace_back(Reply{promise.number, Reply::Response(std::move(response))});
        break;
      }
      case Promise::Kind::kUnblocked: {
        v1::UnblockResponse response;
        for (const std::string& id : promise.ids) response.add_removed_rules(id);
        response.set_revision(revision);
        actions_.emplace_back(Reply{promise.number, Reply::Response(std::move(response))});
        break;
      }
      case Promise::Kind::kPanic:
        actions_.emplace_back(Reply{promise.number, Reply::Response(promise.panic)});
        break;
    }
  }
  for (const auto& [id, watermark] : done.acknowledgements) {
    EdgeState& edge = edges_[id];
    edge.committed = watermark;
    const uint64_t bytes = std::min(edge.committing, edge.unacknowledged);
    edge.committing = 0;
    edge.unacknowledged -= bytes;
    if (edge.stream != 0) Acknowledge(edge, bytes);
  }
}

void Control::Impl::Push() {
  for (auto& [id, edge] : edges_) {
    if (edge.session == 0 || edge.resync) continue;
    const v1::SetVersion desired = rollout_.Desired(edge.identity);
    if (desired.revision() == edge.led_to.revision()) continue;
    const v1::SetVersion from = edge.led_to;
    if (absl::Status s = Lead(edge, &from); !s.ok()) EndSession(edge, s);
  }
}

// ── What wants to change ──

std::vector<net::IpPrefix> Control::Impl::Protected() const {
  std::vector<net::IpPrefix> prefixes;
  for (const auto& [id, edge] : edges_) prefixes.insert(prefixes.end(), edge.prefixes.begin(), edge.prefixes.end());
  std::sort(prefixes.begin(), prefixes.end());
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
  return prefixes;
}

void Control::Impl::Execute(Intent intent) {
  if (Command* command = std::get_if<Command>(&intent); command != nullptr) return Execute(*command);
  const size_t staged = policy_.staged();
  if (const FromEdge* local = std::get_if<FromEdge>(&intent); local != nullptr) {
    Execute(*local);
  } else {
    Execute(std::get<attacks::Proposal>(intent));
  }
  if (policy_.staged() > staged) building_->intents.push_back(std::move(intent));
}

void Control::Impl::Execute(Command& command) {
  const auto refuse = [&](const absl::Status& status) { actions_.emplace_back(Reply{command.number, status}); };
  const auto report = [&](std::string event, const std::string& what, const std::string& why) {
    return Report{Report::Level::kInfo,
                  std::move(event),
                  command.actor + " " + what + (why.empty() ? "" : ": " + Presentable(why, 256)),
                  {{"actor", command.actor}}};
  };
  const auto promise_rule = [&](const absl::StatusOr<policy::EntryPtr>& entry, bool dry_run) {
    if (!entry.ok()) return refuse(entry.status());
    if (!dry_run) {
      const rule::Rule& r = (*entry)->rule;
      building_->promises.push_back({command.number,
                                     Promise::Kind::kRule,
                                     {r.id},
                                     {},
                                     report("rule_created",
                                            "wants " + r.id + ", a " + std::string(rule::ActionName(r.action.kind)) +
                                                " of " + rule::CanonicalText(*r.match),
                                            r.reason)});
      return;
    }
    rollout::Placed placed;
    placed.entry = *entry;
    placed.content_revision = std::numeric_limits<uint64_t>::max();  // no edge has it
    actions_.emplace_back(Reply{command.number, Reply::Response(ViewOf(placed, 1000))});
  };
  if (const auto* create = std::get_if<v1::CreateRuleRequest>(&command.request)) {
    promise_rule(policy_.Create(*create, command.actor, now_), create->dry_run());
  } else if (const auto* block = std::get_if<v1::BlockRequest>(&command.request)) {
    promise_rule(policy_.Block(*block, command.actor, now_), block->dry_run());
  } else if (const auto* remove = std::get_if<v1::DeleteRuleRequest>(&command.request)) {
    const absl::StatusOr<policy::EntryPtr> gone = policy_.Delete(remove->id(), now_);
    if (!gone.ok()) return refuse(gone.status());
    building_->promises.push_back({command.number,
                                   Promise::Kind::kDeleted,
                                   {remove->id()},
                                   {},
                                   report("rule_deleted", "deleted " + remove->id(), remove->reason())});
  } else if (const auto* unblock = std::get_if<v1::UnblockRequest>(&command.request)) {
    absl::StatusOr<std::vector<std::string>> ids = policy_.Unblock(unblock->source());
    if (!ids.ok()) return refuse(ids.status());
    Report taken_back = report("source_unblocked", "took back every block inside " + unblock->source(), "");
    building_->promises.push_back(
        {command.number, Promise::Kind::kUnblocked, *std::move(ids), {}, std::move(taken_back)});
  }
}

double Control::Impl::FloorOf(uint32_t vector) const {
  if (vector >= BW_VECTOR_MAX) return 0;
  return settings_.detector.host_floors[vector].value_or(detect::DefaultFloor(static_cast<window::Vector>(vector))).pps;
}

void Control::Impl::Execute(const FromEdge& local) {
  const auto it = edges_.find(local.edge);
  if (it == edges_.end()) return;
  std::string attack_id = attacks_.JoinedId(local.rule.attack_id());
  if (attack_id.empty()) attack_id = local.rule.attack_id();
  // At what rate the rule enforces elsewhere isn't the edge's to say alone: no less than the floor of its vector allows.
  v1::LocalRule rule = local.rule;
  rule.set_threshold_pps(std::max(FloorOf(rule.vector()), rule.threshold_pps()));
  const absl::StatusOr<policy::LocalOutcome> outcome =
      policy_.OnLocalRule(local.edge, it->second.prefixes, rule, attack_id, now_);
  if (!outcome.ok()) {
    ++counters_.rules_refused;
    attacks_.OnRuleEvent(attack_id, "rule_refused", "", local.rule.rule().id(), std::string(outcome.status().message()),
                         now_);
    Say(Report::Level::kWarning, "rule_refused",
        "a rule of edge " + local.edge + " isn't spread: " + std::string(outcome.status().message()),
        {{"edge", local.edge}});
    return;
  }
  if (outcome->spread) building_->spreads.push_back({outcome->entry->rule.id, attack_id, local.edge});
}

void Control::Impl::Execute(const attacks::Proposal& proposal) {
  using Kind = attacks::Proposal::Kind;
  if (proposal.kind == Kind::kConfirmed) ++counters_.rules_confirmed;
  if (proposal.kind == Kind::kRejected) policy_.Reject(proposal.rule_id);
  if (proposal.kind != Kind::kProposed || !proposal.target.site.empty()) return;
  ++counters_.rules_proposed;
  const size_t staged = policy_.staged();
  const absl::StatusOr<policy::EntryPtr> entry = policy_.Propose(
      {proposal.rule_id, proposal.attack_id, proposal.target.prefix, proposal.match, proposal.threshold_pps},
      Protected(), now_);
  if (!entry.ok()) {
    ++counters_.rules_refused;
    attacks_.OnRuleEvent(proposal.attack_id, "rule_refused", "", proposal.rule_id,
                         std::string(entry.status().message()), now_);
    Say(Report::Level::kWarning, "rule_refused", "the coordinator's own: " + std::string(entry.status().message()));
    return;
  }
  if (policy_.staged() > staged) building_->spreads.push_back({(*entry)->rule.id, proposal.attack_id, settings_.id});
}

}  // namespace breakwater::coordinator
