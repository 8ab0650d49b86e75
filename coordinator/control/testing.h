// A coordinator without a network, for tests: its store, its clock, and edges that keep what it sends them as real ones do.
//
//   Harness h(1);
//   h.Start();
//   FakeEdge& ams = h.AddEdge("eu", "ams-1");
//   h.Connect(ams);
//   auto reply = h.Ask(v1::CreateRuleRequest());     // steps until the answer is there
//   EXPECT_EQ(ams.rules(), h.Wanted(ams));
//
// Not thread-safe; deterministic.
#ifndef BREAKWATER_COORDINATOR_CONTROL_TESTING_H_
#define BREAKWATER_COORDINATOR_CONTROL_TESTING_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/fleet/set_hash.h"
#include "common/fleet/signing.h"
#include "coordinator/control/control.h"
#include "coordinator/store/memory_store.h"

namespace breakwater::coordinator {

// What a careful edge does with a session's messages: verifies, applies whole sets, refuses what doesn't fit and asks for a
// snapshot. Its state outlives sessions and, but for the boot, crashes.
class FakeEdge {
 public:
  FakeEdge(tls::EdgeIdentity identity, fleet::TrustedKeys trusted, uint64_t boot);

  const tls::EdgeIdentity& identity() const { return identity_; }
  uint64_t boot() const { return boot_; }
  void Reboot(uint64_t boot) { boot_ = boot; }
  // Its disk is new.
  void LoseState();
  v1::Hello Hello() const;
  // A new session begins.
  void SessionStarted();
  // What it answers.
  std::vector<v1::EdgeMessage> On(const v1::CoordinatorMessage& message);
  v1::EdgeMessage Heartbeat() const;

  // id -> signed bytes.
  const std::map<std::string, std::string>& rules() const { return rules_; }
  const v1::SetVersion& version() const { return version_; }
  bool stopped() const { return stop_.on(); }
  // What it found wrong with what it was sent; a gap isn't wrong.
  const std::vector<std::string>& complaints() const { return complaints_; }
  size_t snapshots() const { return snapshots_; }
  size_t deltas() const { return deltas_; }

 private:
  std::vector<v1::EdgeMessage> Resync(std::string reason) const;
  std::vector<v1::EdgeMessage> Take(std::map<std::string, std::string> rules, const v1::SetVersion& version);
  bool Verify(const v1::SignedRule& rule, std::map<std::string, std::string>& into);

  tls::EdgeIdentity identity_;
  fleet::TrustedKeys trusted_;
  uint64_t boot_;
  std::map<std::string, std::string> rules_;
  v1::SetVersion version_;
  v1::StopEnforcingContent stop_;
  bool welcomed_ = false;
  std::optional<v1::ManifestContent> manifest_;
  std::map<std::string, std::string> chunks_;
  uint32_t next_chunk_ = 0;
  std::vector<std::string> complaints_;
  size_t snapshots_ = 0;
  size_t deltas_ = 0;
};

class Harness {
 public:
  explicit Harness(Settings settings = {});

  // A coordinator on what the store holds. The one before, and its sessions, are gone.
  void Start();
  // Of the commits that are held, the first `written` reach the disk, and nobody is told.
  void Crash(size_t written = 0);
  bool running() const { return control_ != nullptr; }
  Control& control() { return *control_; }
  store::MemoryStore& store() { return store_; }
  absl::Time now() const { return now_; }

  FakeEdge& AddEdge(const std::string& region, const std::string& id);
  SessionId Connect(FakeEdge& edge, const std::string& peer = "ipv4:192.0.2.1:1000");
  void Disconnect(FakeEdge& edge);
  // The edge says that; nothing when it has no session.
  void Say(FakeEdge& edge, v1::EdgeMessage message);
  bool connected(const FakeEdge& edge) const { return session_of_.contains(edge.identity().id); }

  // Steps with that event; commits are held back when hold is set, else done at once, and what is sent arrives.
  void Step(Event event);
  void Advance(absl::Duration d);  // in ticks of 100 ms
  void SetClock(absl::Time now) { now_ = now; }
  void HoldCommits(bool hold);
  // Ends the oldest held commit as the store will have it.
  bool FinishCommit();
  size_t held_commits() const { return commits_.size(); }
  // Messages that are under way are held too; then they arrive one at a time.
  void HoldMessages(bool hold) { hold_messages_ = hold; }
  bool DeliverOne(FakeEdge& edge);
  void DeliverAll();

  template <typename Request>
  absl::StatusOr<Reply::Response> Ask(Request request) {
    const uint64_t number = Send(std::move(request));
    return TakeReply(number);
  }
  template <typename Request>
  uint64_t Send(Request request) {
    const uint64_t number = next_number_++;
    Step(Command{number, "alice", std::move(request)});
    return number;
  }
  bool replied(uint64_t number) const { return replies_.contains(number); }
  absl::StatusOr<Reply::Response> TakeReply(uint64_t number);

  // Of the rules that the coordinator shows: what that edge shall have.
  std::set<std::string> Wanted(const FakeEdge& edge);
  std::optional<absl::Status> CloseOf(SessionId session) const;
  // Since the last call.
  std::vector<v1::TelemetryDown> TakeTelemetry();
  std::vector<SendTelemetry> TakeTelemetryByStream() { return std::exchange(telemetry_, {}); }
  std::vector<Report> TakeReports() { return std::exchange(reports_, {}); }
  SessionId NewSession() { return next_session_++; }

 private:
  void Perform(Action action);

  Settings settings_;
  fleet::SigningKey key_;
  fleet::TrustedKeys trusted_;
  store::MemoryStore store_;
  std::unique_ptr<Control> control_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  SessionId next_session_ = 1;
  uint64_t next_number_ = 1;
  uint64_t next_boot_ = 100;
  std::map<std::string, std::unique_ptr<FakeEdge>> edges_;
  std::map<std::string, SessionId> session_of_;
  std::map<SessionId, FakeEdge*> edge_of_;
  std::map<SessionId, std::deque<v1::CoordinatorMessage>> under_way_;
  std::deque<Commit> commits_;
  std::deque<Event> events_;
  bool stepping_ = false;
  bool hold_commits_ = false;
  bool hold_messages_ = false;
  std::map<uint64_t, absl::StatusOr<Reply::Response>> replies_;
  std::map<SessionId, absl::Status> closed_;
  std::vector<SendTelemetry> telemetry_;
  std::vector<Report> reports_;
};

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_CONTROL_TESTING_H_
