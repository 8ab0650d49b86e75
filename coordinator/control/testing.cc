#include "coordinator/control/testing.h"

#include <algorithm>

#include "breakwater/v1/rule.pb.h"
#include "common/fleet/session_wire.h"

namespace breakwater::coordinator {
namespace {

std::string HashOf(const std::map<std::string, std::string>& rules) {
  if (rules.empty()) return {};
  fleet::SetHash hash;
  for (const auto& [id, bytes] : rules) hash.Add(bytes);
  return hash.bytes();
}

}  // namespace

// ── FakeEdge ──

FakeEdge::FakeEdge(tls::EdgeIdentity identity, fleet::TrustedKeys trusted, uint64_t boot)
    : identity_(std::move(identity)), trusted_(std::move(trusted)), boot_(boot) {}

v1::Hello FakeEdge::Hello() const {
  v1::Hello hello;
  hello.set_boot_id(boot_);
  hello.set_software_version("test");
  hello.set_protocol_version(1);
  *hello.mutable_applied() = version_;
  *hello.mutable_proven() = version_;
  hello.add_prefixes("203.0.113.0/24");
  return hello;
}

void FakeEdge::SessionStarted() {
  welcomed_ = false;
  manifest_.reset();
  chunks_.clear();
  next_chunk_ = 0;
}

void FakeEdge::LoseState() {
  rules_.clear();
  version_.Clear();
  stop_.Clear();
  SessionStarted();
}

v1::EdgeMessage FakeEdge::Heartbeat() const {
  v1::EdgeMessage message;
  *message.mutable_heartbeat()->mutable_applied() = version_;
  *message.mutable_heartbeat()->mutable_received() = version_;
  message.mutable_heartbeat()->set_ready(true);
  return message;
}

std::vector<v1::EdgeMessage> FakeEdge::Resync(std::string reason) const {
  std::vector<v1::EdgeMessage> messages(1);
  messages[0].mutable_resync_request()->set_reason(std::move(reason));
  return messages;
}

bool FakeEdge::Verify(const v1::SignedRule& rule, std::map<std::string, std::string>& into) {
  const absl::Status s = trusted_.Verify(fleet::kRuleContext, rule.rule(), rule.signature(), rule.key_id());
  if (!s.ok()) complaints_.push_back(std::string(s.message()));
  v1::Rule parsed;
  if (!s.ok() || !parsed.ParseFromString(rule.rule())) return false;
  into[parsed.id()] = rule.rule();
  return true;
}

std::vector<v1::EdgeMessage> FakeEdge::Take(std::map<std::string, std::string> rules, const v1::SetVersion& version) {
  if (fleet::SameVersion(version, version_))
    return manifest_.has_value() ? std::vector<v1::EdgeMessage>() : Resync("not announced");
  if (HashOf(rules) != version.hash()) {
    complaints_.push_back("the set's hash isn't the one of revision " + std::to_string(version.revision()));
    return Resync("another hash");
  }
  if (!manifest_.has_value() || !fleet::SameVersion(manifest_->desired(), version)) {
    complaints_.push_back("a set that no manifest announced");
    return Resync("no manifest");
  }
  if (manifest_->rules() != rules.size()) complaints_.push_back("the manifest counts other rules");
  rules_ = std::move(rules);
  version_ = version;
  manifest_.reset();
  return {Heartbeat()};
}

std::vector<v1::EdgeMessage> FakeEdge::On(const v1::CoordinatorMessage& message) {
  if (absl::Status s = fleet::CheckCoordinatorMessage(message); !s.ok())
    complaints_.push_back(std::string(s.message()));
  if (message.has_welcome() == welcomed_) complaints_.push_back("the welcome comes first, and once");
  welcomed_ = true;
  if (message.has_manifest()) {
    const v1::Manifest& m = message.manifest();
    if (!trusted_.Verify(fleet::kManifestContext, m.content(), m.signature(), m.key_id()).ok()) {
      complaints_.push_back("a manifest with a wrong signature");
      return {};
    }
    v1::ManifestContent content;
    content.ParseFromString(m.content());
    if (fleet::OlderThan(content.desired(), version_)) {
      complaints_.push_back("a manifest older than what is in force: " + fleet::VersionText(content.desired()) +
                            " after " + fleet::VersionText(version_));
      return {};
    }
    manifest_ = std::move(content);
    // The rules are here already, or there are none: nothing else comes.
    const v1::SetVersion desired = manifest_->desired();
    if (fleet::SameVersion(desired, version_)) {
      manifest_.reset();
      return {};
    }
    if (desired.hash() == version_.hash() && version_.revision() != 0) return Take(rules_, desired);
    if (manifest_->rules() == 0) return Take({}, desired);
  } else if (message.has_snapshot()) {
    const v1::SnapshotChunk& chunk = message.snapshot();
    if (chunk.index() == 0) {
      chunks_.clear();
      next_chunk_ = 0;
    }
    if (chunk.index() != next_chunk_) return Resync("a chunk is missing");
    ++next_chunk_;
    for (const v1::SignedRule& rule : chunk.rules()) Verify(rule, chunks_);
    if (next_chunk_ < chunk.chunks()) return {};
    ++snapshots_;
    return Take(std::exchange(chunks_, {}), chunk.version());
  } else if (message.has_delta()) {
    const v1::Delta& delta = message.delta();
    if (delta.from().epoch() != version_.epoch() || delta.from().revision() != version_.revision())
      return Resync("a gap");
    std::map<std::string, std::string> rules = rules_;
    for (const v1::SignedRule& rule : delta.upserts()) Verify(rule, rules);
    for (const std::string& id : delta.removals()) {
      if (rules.erase(id) == 0) complaints_.push_back("the removal of " + id + ", which isn't here");
    }
    ++deltas_;
    return Take(std::move(rules), delta.to());
  } else if (message.has_stop_enforcing()) {
    const v1::StopEnforcing& stop = message.stop_enforcing();
    v1::StopEnforcingContent content;
    if (!trusted_.Verify(fleet::kStopContext, stop.content(), stop.signature(), stop.key_id()).ok() ||
        !content.ParseFromString(stop.content())) {
      complaints_.push_back("an order to stop with a wrong signature");
    } else if (content.epoch() != stop_.epoch() || content.serial() > stop_.serial()) {
      stop_ = std::move(content);
    }
  }
  return {};
}

// ── Harness ──

Harness::Harness(Settings settings)
    : settings_(std::move(settings)), key_(*fleet::SigningKey::FromSeed(std::string(32, 'k'))) {
  if (!trusted_.Add(key_.public_key()).ok()) std::abort();
}

void Harness::Start() {
  control_ = std::make_unique<Control>(settings_, key_);
  Step(coordinator::Start{&store_, 42});
}

void Harness::Crash(size_t written) {
  control_.reset();
  for (size_t i = 0; i < std::min(written, commits_.size()); ++i) {
    if (!store_.Commit(commits_[i].batch).ok()) break;
  }
  session_of_.clear();
  edge_of_.clear();
  under_way_.clear();
  commits_.clear();
  events_.clear();
}

FakeEdge& Harness::AddEdge(const std::string& region, const std::string& id) {
  auto& edge = edges_[id];
  edge = std::make_unique<FakeEdge>(tls::EdgeIdentity{id, region}, trusted_, next_boot_++);
  return *edge;
}

SessionId Harness::Connect(FakeEdge& edge, const std::string& peer) {
  const SessionId session = NewSession();
  edge.SessionStarted();
  session_of_[edge.identity().id] = session;
  edge_of_[session] = &edge;
  Step(EdgeConnected{session, edge.identity(), edge.Hello(), peer});
  return session;
}

void Harness::Disconnect(FakeEdge& edge) {
  const auto it = session_of_.find(edge.identity().id);
  if (it == session_of_.end()) return;
  const SessionId session = it->second;
  session_of_.erase(it);
  edge_of_.erase(session);
  under_way_.erase(session);
  if (control_ != nullptr) Step(EdgeDisconnected{session, "test"});
}

void Harness::Say(FakeEdge& edge, v1::EdgeMessage message) {
  if (const auto it = session_of_.find(edge.identity().id); it != session_of_.end()) {
    Step(EdgeSaid{it->second, std::move(message), now_});
  }
}

void Harness::Step(Event event) {
  events_.push_back(std::move(event));
  if (stepping_) return;
  stepping_ = true;
  while (!events_.empty() && control_ != nullptr) {
    Event next = std::move(events_.front());
    events_.pop_front();
    for (Action& action : control_->Step(std::move(next), now_)) Perform(std::move(action));
  }
  stepping_ = false;
  if (!hold_messages_) DeliverAll();
}

void Harness::Advance(absl::Duration d) {
  for (absl::Duration done; done < d; done += absl::Milliseconds(100)) {
    now_ += absl::Milliseconds(100);
    Step(Tick{});
  }
}

void Harness::HoldCommits(bool hold) {
  hold_commits_ = hold;
  while (!hold && FinishCommit()) {
  }
}

bool Harness::FinishCommit() {
  if (commits_.empty()) return false;
  Commit commit = std::move(commits_.front());
  commits_.pop_front();
  const absl::Status status = store_.Commit(commit.batch);
  Step(Committed{commit.ticket, status});
  return true;
}

bool Harness::DeliverOne(FakeEdge& edge) {
  const auto session = session_of_.find(edge.identity().id);
  if (session == session_of_.end() || under_way_[session->second].empty()) return false;
  const SessionId id = session->second;
  const v1::CoordinatorMessage message = std::move(under_way_[id].front());
  under_way_[id].pop_front();
  for (v1::EdgeMessage& answer : edge.On(message)) Step(EdgeSaid{id, std::move(answer), now_});
  return true;
}

void Harness::DeliverAll() {
  if (stepping_) return;
  for (bool any = true; any;) {
    any = false;
    for (auto& [id, edge] : edges_) any = DeliverOne(*edge) || any;
  }
}

void Harness::Perform(Action action) {
  if (auto* send = std::get_if<coordinator::Send>(&action)) {
    if (edge_of_.contains(send->session)) under_way_[send->session].push_back(std::move(send->message));
  } else if (auto* close = std::get_if<Close>(&action)) {
    closed_[close->session] = close->status;
    under_way_.erase(close->session);
    if (const auto it = edge_of_.find(close->session); it != edge_of_.end()) {
      const std::string& id = it->second->identity().id;
      if (session_of_.contains(id) && session_of_[id] == close->session) session_of_.erase(id);
      edge_of_.erase(it);
    }
  } else if (auto* commit = std::get_if<Commit>(&action)) {
    commits_.push_back(std::move(*commit));
    if (hold_commits_) return;
    Commit taken = std::move(commits_.front());
    commits_.pop_front();
    const absl::Status status = store_.Commit(taken.batch);
    events_.push_back(Committed{taken.ticket, status});
  } else if (auto* reply = std::get_if<Reply>(&action)) {
    replies_.emplace(reply->number, std::move(reply->response));
  } else if (auto* down = std::get_if<SendTelemetry>(&action)) {
    telemetry_.push_back(std::move(*down));
  } else if (auto* report = std::get_if<Report>(&action)) {
    reports_.push_back(std::move(*report));
  }
}

absl::StatusOr<Reply::Response> Harness::TakeReply(uint64_t number) {
  const auto it = replies_.find(number);
  if (it == replies_.end()) return absl::UnavailableError("there is no answer yet");
  absl::StatusOr<Reply::Response> response = std::move(it->second);
  replies_.erase(it);
  return response;
}

std::set<std::string> Harness::Wanted(const FakeEdge& edge) {
  std::set<std::string> wanted;
  v1::ListRulesRequest request;
  request.set_limit(1000);
  while (true) {
    const v1::RulesView view = control_->Rules(request, now_);
    for (const v1::RuleView& rule : view.rules()) {
      const auto names = [](const auto& list, const std::string& name) {
        return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
      };
      if (names(rule.scope_regions(), edge.identity().region) && names(rule.scope_edges(), edge.identity().id)) {
        wanted.insert(rule.id());
      }
    }
    if (view.next_cursor().empty()) return wanted;
    request.set_cursor(view.next_cursor());
  }
}

std::optional<absl::Status> Harness::CloseOf(SessionId session) const {
  const auto it = closed_.find(session);
  return it == closed_.end() ? std::nullopt : std::optional<absl::Status>(it->second);
}

std::vector<v1::TelemetryDown> Harness::TakeTelemetry() {
  std::vector<v1::TelemetryDown> messages;
  for (SendTelemetry& sent : TakeTelemetryByStream()) messages.push_back(std::move(sent.message));
  return messages;
}

}  // namespace breakwater::coordinator
