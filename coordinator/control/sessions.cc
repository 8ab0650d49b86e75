// The control sessions of edges: see impl.h.
#include <algorithm>

#include "common/fleet/session_wire.h"
#include "common/rule/text.h"
#include "coordinator/control/impl.h"

namespace breakwater::coordinator {
namespace {

// "ipv4:192.0.2.1:5000" and "ipv4:192.0.2.1:6000" are one machine.
std::string_view HostOf(std::string_view peer) { return peer.substr(0, peer.find_last_of(':')); }

}  // namespace

void Control::Impl::SendTo(const EdgeState& edge, v1::CoordinatorMessage message) {
  actions_.emplace_back(Send{edge.session, std::move(message)});
}

absl::Status Control::Impl::Lead(EdgeState& edge, const v1::SetVersion* from) {
  const rollout::Rollout::Stats before = rollout_.stats();
  absl::StatusOr<std::vector<v1::CoordinatorMessage>> messages = rollout_.Lead(edge.identity, from, now_);
  if (!messages.ok()) return messages.status();
  counters_.deltas += rollout_.stats().deltas - before.deltas;
  counters_.snapshots += rollout_.stats().snapshots - before.snapshots;
  ++counters_.pushes;
  for (v1::CoordinatorMessage& message : *messages) {
    counters_.push_bytes += message.ByteSizeLong();
    SendTo(edge, std::move(message));
  }
  edge.led_to = rollout_.Desired(edge.identity);
  edge.led_at = now_;
  return absl::OkStatus();
}

absl::Status Control::Impl::LeadFromHello(EdgeState& edge, const v1::SetVersion& applied) {
  // It has a later revision than there is: a backup was restored here. Going past it costs every edge a manifest.
  const bool ahead =
      applied.epoch() == rollout_.epoch() && applied.revision() > rollout_.Desired(edge.identity).revision();
  if (!ahead) return Lead(edge, &applied);
  if (now_ - edge.last_jump < kJumpEvery) {
    return absl::UnavailableError("edge " + edge.identity.id + " says again that it has revision " +
                                  std::to_string(applied.revision()) +
                                  ", which isn't one of this coordinator; at most once in " +
                                  absl::FormatDuration(kJumpEvery) + " that is believed");
  }
  edge.last_jump = now_;
  absl::Status led = Lead(edge, &applied);
  if (led.ok()) {
    Say(Report::Level::kWarning, "revision_passed_over",
        "edge " + edge.identity.id + " had revision " + std::to_string(applied.revision()) +
            ", which this store doesn't know (was a backup restored?); the fleet goes on with " +
            std::to_string(rollout_.revision()),
        {{"edge", edge.identity.id}});
    Push();
  }
  return led;
}

// ── Coming and going ──

absl::Status Control::Impl::CheckSecondSession(EdgeState& edge, const EdgeConnected& event) {
  if (edge.session == 0 || Silent(edge) || event.hello.boot_id() == edge.boot_id) return absl::OkStatus();
  const auto& retired = edge.retired_boots;
  const bool was_replaced = std::find(retired.begin(), retired.end(), event.hello.boot_id()) != retired.end();
  if (!was_replaced && HostOf(event.peer) == HostOf(edge.peer)) return absl::OkStatus();
  edge.conflict = "two machines show the certificate of edge " + edge.identity.id + ": " + event.peer +
                  " was refused, " + edge.peer + " goes on; give each edge a certificate of its own";
  edge.conflict_at = now_;
  return absl::AlreadyExistsError(edge.conflict);
}

absl::Status Control::Impl::Admit(const EdgeConnected& event) {
  v1::EdgeMessage wrapped;
  *wrapped.mutable_hello() = event.hello;
  if (absl::Status s = fleet::CheckEdgeMessage(wrapped); !s.ok()) return s;
  if (event.hello.protocol_version() != fleet::kProtocolVersion) {
    return absl::FailedPreconditionError(
        "this coordinator speaks protocol version " + std::to_string(fleet::kProtocolVersion) + ", edge " +
        event.edge.id + " version " + std::to_string(event.hello.protocol_version()) + "; update the older of the two");
  }
  const auto known = edges_.find(event.edge.id);
  if (known == edges_.end()) {
    if (edges_.size() < kMaxEdges) return absl::OkStatus();
    return absl::ResourceExhaustedError("there are " + std::to_string(kMaxEdges) + " edges, which is the limit");
  }
  return CheckSecondSession(known->second, event);
}

void Control::Impl::On(EdgeConnected event) {
  if (absl::Status s = Admit(event); !s.ok()) {
    ++counters_.sessions_refused;
    Say(Report::Level::kWarning, "session_refused", std::string(s.message()),
        {{"edge", event.edge.id}, {"peer", event.peer}});
    actions_.emplace_back(Close{event.session, std::move(s)});
    return;
  }
  EdgeState& edge = edges_[event.edge.id];
  if (edge.session != 0) {
    ++counters_.sessions_replaced;
    EndSession(edge, absl::AbortedError("a newer session of edge " + event.edge.id + " took over"));
  }
  if (edge.boot_id != 0 && edge.boot_id != event.hello.boot_id()) {
    std::erase(edge.retired_boots, event.hello.boot_id());
    edge.retired_boots.push_back(edge.boot_id);
    if (edge.retired_boots.size() > EdgeState::kMaxRetired) edge.retired_boots.pop_front();
    policy_.ForgetEdge(event.edge.id);  // what it has of its own it says again
  }
  edge.identity = event.edge;
  edge.session = event.session;
  edge.boot_id = event.hello.boot_id();
  edge.peer = event.peer;
  edge.connected = edge.last_heard = now_;
  edge.software_version = event.hello.software_version();
  edge.edge_class = event.hello.edge_class();
  edge.heartbeat.Clear();
  edge.refused_messages = 0;
  edge.resync = false;
  edge.acknowledge = true;  // what is known of it goes to disk with the next commit
  edge.prefixes.clear();
  for (const std::string& text : event.hello.prefixes()) {
    if (const auto prefix = net::IpPrefix::Parse(text); prefix.ok()) edge.prefixes.push_back(*prefix);
  }
  edge.progress.Reset();
  edge.progress.OnVersions(event.hello.applied(), event.hello.applied());
  sessions_[event.session] = event.edge.id;
  ++counters_.sessions;

  v1::CoordinatorMessage welcome;
  welcome.mutable_welcome()->set_protocol_version(fleet::kProtocolVersion);
  welcome.mutable_welcome()->set_heartbeat_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(settings_.heartbeat)));
  welcome.mutable_welcome()->set_sketch_seed(sketch_seed_);
  *welcome.mutable_welcome()->mutable_desired() = rollout_.Desired(edge.identity);
  SendTo(edge, std::move(welcome));
  // First, so that nothing of what follows enforces before an order to stop is known.
  if (stop_.has_stop()) {
    v1::CoordinatorMessage stop;
    *stop.mutable_stop_enforcing() = stop_.stop();
    SendTo(edge, std::move(stop));
  }
  if (absl::Status s = LeadFromHello(edge, event.hello.applied()); !s.ok()) {
    ++counters_.sessions_refused;
    edge.conflict = std::string(s.message());
    edge.conflict_at = now_;
    Say(Report::Level::kError, "session_refused", std::string(s.message()), {{"edge", event.edge.id}});
    EndSession(edge, s);
    return;
  }
  for (const v1::RuleStatus& status : event.hello.exceptions()) RuleStatusSaid(edge, status);
  Say(Report::Level::kInfo, "edge_connected", "edge " + event.edge.id + " of " + event.edge.region + " is connected",
      {{"edge", event.edge.id},
       {"region", event.edge.region},
       {"peer", event.peer},
       {"software", edge.software_version}});
}

void Control::Impl::EndSession(EdgeState& edge, const absl::Status& status) {
  if (edge.session == 0) return;
  sessions_.erase(edge.session);
  actions_.emplace_back(Close{edge.session, status});
  edge.session = 0;
}

void Control::Impl::On(EdgeDisconnected event) {
  const auto it = sessions_.find(event.session);
  if (it == sessions_.end()) return;  // closed by this side, or replaced
  EdgeState& edge = edges_.find(it->second)->second;
  Say(Report::Level::kWarning, "edge_disconnected", "edge " + it->second + " is disconnected: " + event.reason,
      {{"edge", it->second}, {"region", edge.identity.region}});
  edge.session = 0;
  sessions_.erase(it);
}

// ── What they say ──

void Control::Impl::RefuseMessage(EdgeState& edge, std::string_view why) {
  ++counters_.messages_refused;
  ++edge.refused_messages;
  Say(Report::Level::kWarning, "message_refused", "a message of edge " + edge.identity.id + ": " + std::string(why),
      {{"edge", edge.identity.id}});
  if (edge.refused_messages > EdgeState::kMaxRefused) {
    EndSession(edge,
               absl::InvalidArgumentError(std::to_string(edge.refused_messages) +
                                          " messages of this session were refused, the last one: " + std::string(why)));
  }
}

void Control::Impl::On(EdgeSaid event) {
  const auto it = sessions_.find(event.session);
  if (it == sessions_.end()) return;
  EdgeState& edge = edges_.find(it->second)->second;
  edge.last_heard = now_;
  ++counters_.messages;
  if (!edge.messages.Take(now_)) {
    ++counters_.messages_refused;
    Say(Report::Level::kWarning, "session_closed", "edge " + edge.identity.id + " says too much",
        {{"edge", edge.identity.id}});
    EndSession(edge, absl::ResourceExhaustedError("more than 1000 messages a second"));
    return;
  }
  if (absl::Status s = fleet::CheckEdgeMessage(event.message); !s.ok())
    return RefuseMessage(edge, std::string(s.message()));
  switch (event.message.message_case()) {
    case v1::EdgeMessage::kHeartbeat:
      return Handle(edge, event.message.heartbeat());
    case v1::EdgeMessage::kRuleStatuses:
      return Handle(edge, event.message.rule_statuses());
    case v1::EdgeMessage::kLocalRule:
      return Handle(edge, std::move(*event.message.mutable_local_rule()));
    case v1::EdgeMessage::kAttackReport: {
      const size_t active = attacks_.active();
      attacks_.OnReport(edge.identity.id, edge.identity.region, event.message.attack_report(), now_);
      counters_.attacks += attacks_.active() - std::min(active, attacks_.active());
      return;
    }
    case v1::EdgeMessage::kResyncRequest:
      return Handle(edge, event.message.resync_request());
    case v1::EdgeMessage::kClockProbe: {
      v1::CoordinatorMessage reply;
      reply.mutable_clock_reply()->set_id(event.message.clock_probe().id());
      reply.mutable_clock_reply()->set_edge_sent_us(event.message.clock_probe().edge_sent_us());
      reply.mutable_clock_reply()->set_coordinator_received_us(absl::ToUnixMicros(event.received));
      reply.mutable_clock_reply()->set_coordinator_sent_us(absl::ToUnixMicros(std::max(now_, event.received)));
      return SendTo(edge, std::move(reply));
    }
    case v1::EdgeMessage::kHello:
      return RefuseMessage(edge, "a second hello; it is sent once, at the start of a session");
    case v1::EdgeMessage::kCertificateRequest:
      return RefuseMessage(edge, "certificates aren't renewed in a session by this version; replace the files");
    case v1::EdgeMessage::MESSAGE_NOT_SET:
      return RefuseMessage(edge, "it is empty, or of a kind that this version doesn't know");
  }
}

void Control::Impl::Handle(EdgeState& edge, const v1::Heartbeat& heartbeat) {
  const uint64_t before = edge.progress.applied().revision();
  edge.heartbeat = heartbeat;
  edge.progress.OnVersions(heartbeat.received(), heartbeat.applied());
  if (heartbeat.applied().epoch() != rollout_.epoch()) return;
  for (auto it = spreads_.rbegin(); it != spreads_.rend() && it->revision > before; ++it) {
    const Spread& spread = it->spread;
    if (it->revision > heartbeat.applied().revision() || policy_.HeldBy(spread.rule_id, edge.identity.id)) continue;
    attacks_.OnRuleEvent(spread.attack_id, "rule_installed", edge.identity.id, spread.rule_id, "armed", now_);
  }
}

void Control::Impl::RuleStatusSaid(EdgeState& edge, const v1::RuleStatus& status) {
  if (!edge.progress.OnStatus(status)) return;  // the list is full: its watermark has to do for this rule
  const rollout::PlacedPtr placed = rollout_.Find(status.rule_id());
  if (placed == nullptr || !placed->entry->rule.automatic()) return;
  const rule::Rule& r = placed->entry->rule;
  if (status.state() == v1::RULE_STATE_REJECTED) {
    attacks_.OnRuleEvent(r.attack_id, "rule_refused", edge.identity.id, r.id, status.detail(), now_);
  } else if (status.enforcing()) {
    attacks_.OnRuleEvent(r.attack_id, "rule_confirmed", edge.identity.id, r.id,
                         "its own counts confirm it: it enforces", now_);
  }
}

void Control::Impl::Handle(EdgeState& edge, const v1::RuleStatuses& statuses) {
  for (const v1::RuleStatus& status : statuses.statuses()) RuleStatusSaid(edge, status);
}

void Control::Impl::Handle(EdgeState& edge, v1::LocalRule rule) {
  attacks_.OnLocalRule(edge.identity.id, rule, now_);
  // In a carpet an edge may have many to tell of at once, and all of them again when it comes back: they wait.
  if (edge.waiting_rules.empty() && edge.local_rules.Take(now_))
    return Enqueue(FromEdge{edge.identity.id, std::move(rule)});
  const auto same = std::find_if(edge.waiting_rules.begin(), edge.waiting_rules.end(),
                                 [&](const v1::LocalRule& w) { return w.rule().id() == rule.rule().id(); });
  if (same != edge.waiting_rules.end()) {
    *same = std::move(rule);
  } else if (edge.waiting_rules.size() < EdgeState::kMaxWaitingRules) {
    edge.waiting_rules.push_back(std::move(rule));
  } else {
    ++counters_.rules_refused;
  }
}

void Control::Impl::Handle(EdgeState& edge, const v1::ResyncRequest& request) {
  Say(Report::Level::kWarning, "resync_requested",
      "edge " + edge.identity.id + " asks for a snapshot: " + rule::Quoted(request.reason()),
      {{"edge", edge.identity.id}});
  edge.resync = true;  // sent by the next tick, at most once a second
}

}  // namespace breakwater::coordinator
