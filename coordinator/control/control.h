// What the coordinator decides, as one pure step: events in, actions out. The program, fleetsim and the tests drive the
// same step with their own clocks, stores and transports.
//
//   Control control(settings);
//   for (Action& a : control.Step(EdgeConnected{session, identity, hello}, now)) Perform(std::move(a));
//
// Whatever must survive is in a Commit first; what depends on it (a push to edges, an answer to a person, the
// acknowledgement of a window) comes out of the step that gets its Committed. Not thread-safe; one strand calls it.
#ifndef BREAKWATER_COORDINATOR_CONTROL_CONTROL_H_
#define BREAKWATER_COORDINATOR_CONTROL_CONTROL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "breakwater/v1/admin.pb.h"
#include "breakwater/v1/fleet.pb.h"
#include "breakwater/v1/telemetry.pb.h"
#include "common/detect/detector.h"
#include "common/fleet/signing.h"
#include "common/rule/guard.h"
#include "common/tls/identity.h"
#include "common/window/window.h"
#include "coordinator/store/store.h"

namespace breakwater::coordinator {

struct Settings {
  std::string id = "coordinator";
  std::string software_version;
  rule::GuardList guards;
  detect::DetectorConfig detector;  // of the merged view
  bool detect = true;
  // An armed rule enforces on an edge once it matches this share of the threshold of its attack there, and at least
  // confirm_floor_pps.
  double confirm_share = 0.1;
  double confirm_floor_pps = 50;
  absl::Duration lease = absl::Minutes(5);  // of rules that the coordinator spreads or makes
  size_t max_rules = 10000;
  size_t max_automatic_rules = 1000;
  absl::Duration heartbeat = absl::Seconds(1);
  absl::Duration silent_after = absl::Seconds(5);
  uint64_t telemetry_credits = uint64_t{4} << 20;  // bytes an edge may have sent and not acknowledged
  uint64_t sketch_seed = 0;                        // of the fleet's epoch; 0 = drawn and kept at the first start
};

// A connection of an edge; a number that is never used again.
using SessionId = uint64_t;

// ── Events ──
struct Start {
  const store::Store* store;  // read during the step only
  uint64_t random;            // for the first epoch and the sketch seed
};                            // first, once
struct EdgeConnected {
  SessionId session;
  tls::EdgeIdentity edge;
  v1::Hello hello;
  std::string peer;  // its address, for messages
};
struct EdgeDisconnected {
  SessionId session;
  std::string reason;
};
struct EdgeSaid {
  SessionId session;
  v1::EdgeMessage message;
  absl::Time received;  // for the clock
};
// A telemetry stream is known by its edge; the session may be gone while it goes on.
struct TelemetryConnected {
  SessionId stream;
  tls::EdgeIdentity edge;
};
struct TelemetryDisconnected {
  SessionId stream;
};
struct WindowsArrived {
  SessionId stream;
  std::vector<absl::StatusOr<window::Window>> windows;  // parsed by ingest; an error is what was wrong with that one
  uint64_t bytes = 0;                                   // on the wire, against the edge's credits
};
struct Tick {};  // every 100 ms
struct Committed {
  uint64_t ticket;
  absl::Status status;
};
// What people ask; the answer is a Reply with the same number.
struct Command {
  using Request = std::variant<v1::CreateRuleRequest, v1::DeleteRuleRequest, v1::BlockRequest, v1::UnblockRequest,
                               v1::PanicRequest>;
  uint64_t number;
  std::string actor;  // who
  Request request;
};
using Event = std::variant<Start, EdgeConnected, EdgeDisconnected, EdgeSaid, TelemetryConnected, TelemetryDisconnected,
                           WindowsArrived, Tick, Committed, Command>;

// ── Actions ──
struct Send {
  SessionId session;
  v1::CoordinatorMessage message;
};
struct SendTelemetry {
  SessionId stream;
  v1::TelemetryDown message;
};
// Ends a session or a telemetry stream with that status; its EdgeDisconnected is expected, but changes nothing any more.
struct Close {
  SessionId session;
  absl::Status status;
};
struct Commit {
  uint64_t ticket;
  store::Batch batch;
};
struct Reply {
  using Response = std::variant<v1::RuleView, v1::DeleteRuleResponse, v1::UnblockResponse, v1::PanicResponse>;
  uint64_t number;
  absl::StatusOr<Response> response;
};
// One line of the log, one count of a metric; see docs/reference/metrics.md.
struct Report {
  enum class Level { kDebug, kInfo, kWarning, kError } level = Level::kInfo;
  std::string event;  // "edge_connected", "window_refused", "rule_spread", ...
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;
};
using Action = std::variant<Send, SendTelemetry, Close, Commit, Reply, Report>;

// Cumulative, for /metrics; gauges come from the views.
struct Counters {
  uint64_t sessions = 0, sessions_refused = 0, sessions_replaced = 0;
  uint64_t messages = 0, messages_refused = 0;
  uint64_t windows = 0, windows_duplicate = 0, windows_late = 0, windows_refused = 0, windows_over_credit = 0;
  uint64_t pushes = 0, push_bytes = 0, snapshots = 0, deltas = 0;
  uint64_t rules_spread = 0, rules_proposed = 0, rules_confirmed = 0, rules_expired = 0, rules_refused = 0;
  uint64_t commits = 0, commit_failures = 0;
  uint64_t attacks = 0;
};

class Control {
 public:
  Control(Settings settings, fleet::SigningKey key);
  ~Control();
  std::vector<Action> Step(Event event, absl::Time now);

  // As of the last step.
  v1::OverviewView Overview(absl::Time now) const;
  v1::EdgesView Edges(const v1::ListEdgesRequest& request, absl::Time now) const;
  absl::StatusOr<v1::EdgeView> Edge(std::string_view id, absl::Time now) const;
  v1::AttacksView Attacks(const v1::ListAttacksRequest& request, absl::Time now) const;
  absl::StatusOr<v1::AttackView> Attack(std::string_view id, absl::Time now) const;
  v1::RulesView Rules(const v1::ListRulesRequest& request, absl::Time now) const;
  absl::StatusOr<v1::RuleView> Rule(std::string_view id, absl::Time now) const;
  absl::StatusOr<v1::TrafficView> Traffic(const v1::TrafficRequest& request, absl::Time now) const;
  absl::StatusOr<v1::ExplainIpView> ExplainIp(const v1::ExplainIpRequest& request, absl::Time now) const;
  const Counters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_CONTROL_CONTROL_H_
