// The inside of Control: one class, in parts. impl.cc has the step and the start, sessions.cc and telemetry.cc what edges
// say, commits.cc how changes become durable and then reach them, views.cc and rule_views.cc what people see.
//
// Only Control includes this. Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_CONTROL_IMPL_H_
#define BREAKWATER_COORDINATOR_CONTROL_IMPL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "breakwater/v1/coordinator_state.pb.h"
#include "coordinator/attacks/attack_book.h"
#include "coordinator/control/control.h"
#include "coordinator/control/edge_state.h"
#include "coordinator/merge/merger.h"
#include "coordinator/policy/policy.h"
#include "coordinator/rollout/rollout.h"
#include "coordinator/traffic/traffic_history.h"

namespace breakwater::coordinator {

class Control::Impl {
 public:
  Impl(Settings settings, fleet::SigningKey key);

  std::vector<Action> Step(Event event, absl::Time now);

  v1::OverviewView Overview(absl::Time now);
  v1::EdgesView Edges(const v1::ListEdgesRequest& request, absl::Time now);
  absl::StatusOr<v1::EdgeView> Edge(std::string_view id, absl::Time now);
  v1::RulesView Rules(const v1::ListRulesRequest& request, absl::Time now);
  absl::StatusOr<v1::RuleView> Rule(std::string_view id, absl::Time now);
  absl::StatusOr<v1::ExplainIpView> ExplainIp(const v1::ExplainIpRequest& request, absl::Time now);
  const attacks::AttackBook& attacks() const { return attacks_; }
  const traffic::TrafficHistory& traffic() const { return traffic_; }
  const Counters& counters() const { return counters_; }

 private:
  static constexpr size_t kMaxEdges = 20000;
  static constexpr size_t kMaxQueue = 10000;        // things that wait for the commit before them
  static constexpr size_t kMaxSpreads = 256;        // looked at when an edge comes to a new revision
  static constexpr size_t kMaxChangesAtOnce = 256;  // rules in one revision
  static constexpr absl::Duration kTelemetryCommit = absl::Milliseconds(200);
  static constexpr absl::Duration kRetryAfter = absl::Seconds(1);
  static constexpr absl::Duration kForgetEdgeAfter = absl::Hours(24 * 30);
  static constexpr absl::Duration kJumpEvery = absl::Minutes(1);
  static constexpr absl::Duration kStuckAfter = absl::Seconds(5);
  static constexpr int kDeadFactor = 10;  // times silent_after: then a session is ended

  // What changes rules, in the order it came; judged one by one once the commit before is through.
  struct FromEdge {
    std::string edge;
    v1::LocalRule rule;
  };
  using Intent = std::variant<Command, FromEdge, attacks::Proposal>;

  // An answer that a commit makes true.
  struct Promise {
    uint64_t number;
    enum class Kind { kRule, kDeleted, kUnblocked, kPanic } kind;
    std::vector<std::string> ids;
    v1::PanicResponse panic;
    Report report;  // who changed what, and why
  };
  struct Spread {
    std::string rule_id;
    std::string attack_id;
    std::string by;
  };
  // Edges that come to a revision have installed what was spread by then.
  struct RecentSpread {
    Spread spread;
    uint64_t revision;
  };
  struct InFlight {
    uint64_t ticket = 0;
    uint64_t revision = 0;  // 0: no rule changes
    std::vector<policy::Change> changes;
    std::vector<rollout::Placement> placements;
    std::vector<Promise> promises;
    std::vector<Spread> spreads;
    std::vector<Intent> intents;  // of edges and detectors, to be tried again when it fails
    std::map<std::string, std::optional<std::string>> writes;
    std::map<std::string, merge::Watermark> acknowledgements;
  };

  // impl.cc
  void On(Start event);
  void On(const Tick& event);
  void SetClock(absl::Time now);
  void Look(EdgeState& edge);
  static std::string RecordOf(const rollout::Placed& placed);
  std::string FleetRecordAt(uint64_t revision) const;
  void LoadFleet(const store::Store& store, uint64_t random);
  void LoadRules(const store::Store& store);
  void LoadEdges(const store::Store& store);
  void Say(Report::Level level, std::string event, std::string text,
           std::vector<std::pair<std::string, std::string>> fields = {});

  // sessions.cc
  void On(EdgeConnected event);
  void On(EdgeDisconnected event);
  void On(EdgeSaid event);
  absl::Status Admit(const EdgeConnected& event);
  absl::Status CheckSecondSession(EdgeState& edge, const EdgeConnected& event);
  void EndSession(EdgeState& edge, const absl::Status& status);
  void Handle(EdgeState& edge, const v1::Heartbeat& heartbeat);
  void Handle(EdgeState& edge, const v1::RuleStatuses& statuses);
  void Handle(EdgeState& edge, v1::LocalRule rule);
  void Handle(EdgeState& edge, const v1::ResyncRequest& request);
  void RuleStatusSaid(EdgeState& edge, const v1::RuleStatus& status);
  void RefuseMessage(EdgeState& edge, std::string_view why);
  absl::Status Lead(EdgeState& edge, const v1::SetVersion* from);
  absl::Status LeadFromHello(EdgeState& edge, const v1::SetVersion& applied);
  void SendTo(const EdgeState& edge, v1::CoordinatorMessage message);
  bool Silent(const EdgeState& edge) const { return now_ - edge.last_heard > settings_.silent_after; }

  // telemetry.cc
  void On(TelemetryConnected event);
  void On(TelemetryDisconnected event);
  void On(WindowsArrived event);
  void TakeWindow(EdgeState& edge, const absl::StatusOr<window::Window>& window);
  void CountRules(EdgeState& edge, const window::Window& window);
  void RefuseWindow(EdgeState& edge, const absl::Status& why);
  void EndStream(EdgeState& edge, const absl::Status& status);
  void Acknowledge(EdgeState& edge, uint64_t bytes);

  // commits.cc
  void On(Command event);
  void On(Committed event);
  void Enqueue(Intent intent);
  // Begins a commit when none is under way and something is to be written.
  void Advance();
  void Execute(Intent intent);
  void Execute(Command& command);
  void Execute(const FromEdge& local);
  double FloorOf(uint32_t vector) const;
  void Execute(const attacks::Proposal& proposal);
  void Panic(const Command& command, const v1::PanicRequest& request);
  void ForgetOldEdges();
  absl::Status Prepare();  // signs and places what is staged
  void GatherTelemetry();
  void Succeeded(InFlight done);
  void Failed(InFlight failed, const absl::Status& status);
  void Push();
  std::vector<net::IpPrefix> Protected() const;
  void Write(std::string key, std::string value) { writes_.insert_or_assign(std::move(key), std::move(value)); }

  // views.cc, rule_views.cc
  v1::EdgeView ViewOf(const EdgeState& edge);
  std::vector<std::string> NeedsYou();
  v1::RuleView ViewOf(const rollout::Placed& placed, size_t max_edges);
  bool Behind(const EdgeState& edge);
  bool StopOn() const;

  Settings settings_;
  policy::Policy policy_;
  rollout::Rollout rollout_;
  merge::Merger merger_;
  attacks::AttackBook attacks_;
  traffic::TrafficHistory traffic_;
  Counters counters_;
  absl::Time now_ = absl::InfinitePast();
  std::vector<Action> actions_;

  std::map<std::string, EdgeState, std::less<>> edges_;
  std::map<SessionId, std::string> sessions_;  // accepted ones -> edge
  std::map<SessionId, std::string> streams_;

  uint64_t sketch_seed_ = 0;
  v1::StopRecord stop_;
  v1::StopEnforcingContent stop_content_;

  std::deque<Intent> queue_;
  std::vector<Promise> panics_;                               // orders to stop that are out, and not on disk
  std::map<std::string, std::optional<std::string>> writes_;  // that no commit holds yet
  std::optional<InFlight> building_;
  std::optional<InFlight> in_flight_;
  std::deque<RecentSpread> spreads_;
  uint64_t next_ticket_ = 1;
  absl::Time next_telemetry_ = absl::InfinitePast();
  absl::Time next_maintain_ = absl::InfinitePast();
  absl::Time retry_at_ = absl::InfinitePast();
  absl::Status store_status_;
  absl::Time store_failing_since_ = absl::InfinitePast();
};

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_CONTROL_IMPL_H_
