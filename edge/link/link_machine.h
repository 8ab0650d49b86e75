// The edge's end of the ring as one pure step: what the connection and the control strand say flows in, what to write and what
// to hand to the strand flows out. The thread in link.h, the tests and a simulated fleet drive the same step.
//
//   LinkMachine machine(settings, restored_set);
//   for (LinkAction& a : machine.Step(SessionRead{generation, message}, now)) Perform(std::move(a));
//   wait until machine.NextAt(), then Step(Wake{}, now)
//
// Nothing the coordinator does can hurt: each of its messages is checked, what is wrong is refused, counted and said, a
// session that brings too much of it is closed, and what is in force stays. Not thread-safe.
#ifndef BREAKWATER_EDGE_LINK_LINK_MACHINE_H_
#define BREAKWATER_EDGE_LINK_LINK_MACHINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "breakwater/v1/fleet.pb.h"
#include "breakwater/v1/telemetry.pb.h"
#include "common/tls/identity.h"
#include "common/window/window.h"
#include "edge/control/control.h"
#include "edge/link/desired_set.h"

namespace breakwater::link {

struct LinkSettings {
  std::vector<std::string> coordinators;  // "host:port"; tried in turn, from a random one on
  tls::EdgeIdentity identity;
  uint64_t boot_id = 0;
  std::string software_version;
  std::string edge_class;
  std::vector<std::string> capabilities;
  std::vector<std::string> prefixes;
  size_t queue_bytes = size_t{16} << 20;
  absl::Duration reconnect_max = absl::Seconds(30);  // the longest pause between two attempts
  // Uniform in [0, 1).
  std::function<double()> random;
};

struct LinkTime {
  absl::Duration monotonic;
  absl::Time wall;
};

// ── Events ──
struct Wake {};
// Of the session: generation is the one of its OpenSession; those of an older one are passed over.
struct SessionRead {
  uint64_t generation;
  v1::CoordinatorMessage message;
};
struct SessionWritten {
  uint64_t generation;
};
struct SessionClosed {
  uint64_t generation;
  absl::Status status;
};
struct TelemetryRead {
  uint64_t generation;
  v1::TelemetryDown message;
};
struct TelemetryWritten {
  uint64_t generation;
};
struct TelemetryClosed {
  uint64_t generation;
  absl::Status status;
};
// Of the control strand.
struct FleetState {
  v1::SetVersion applied;
  std::vector<v1::RuleStatus> exceptions;
};
using LinkEvent =
    std::variant<Wake, SessionRead, SessionWritten, SessionClosed, TelemetryRead, TelemetryWritten, TelemetryClosed,
                 window::Window, v1::AttackReport, v1::LocalRule, v1::Heartbeat, FleetState>;

// ── Actions ──
struct OpenSession {
  uint64_t generation;
  std::string address;
};
struct OpenTelemetry {
  uint64_t generation;
  std::string address;
};
// One at a time: the next comes after its SessionWritten.
struct WriteSession {
  uint64_t generation;
  v1::EdgeMessage message;
};
struct WriteTelemetry {
  uint64_t generation;
  v1::TelemetryUp message;
};
// The next message may be read.
struct ReadSession {
  uint64_t generation;
};
struct ReadTelemetry {
  uint64_t generation;
};
// Ends it; its ...Closed comes, and changes nothing any more.
struct CloseSession {
  uint64_t generation;
};
struct CloseTelemetry {
  uint64_t generation;
};
struct DetailGrants {
  std::vector<std::pair<window::TargetVector, absl::Time>> grants;  // with the end of each, by the edge's clock
};
// For the strand: the newest of each kind counts.
using Delivery = std::variant<control::DesiredRules, control::StopEnforcing, DetailGrants>;
struct Deliver {
  Delivery delivery;
};
struct LinkReport {
  enum class Level { kDebug, kInfo, kWarning } level = Level::kInfo;
  std::string event;  // "link_up", "link_down", "link_refused", ...
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;
};
using LinkAction = std::variant<OpenSession, OpenTelemetry, WriteSession, WriteTelemetry, ReadSession, ReadTelemetry,
                                CloseSession, CloseTelemetry, Deliver, LinkReport>;

enum class LinkState { kWaiting, kConnecting, kConnected };
std::string_view LinkStateName(LinkState state);  // "waiting", "connecting", "connected"

// For status pages and metrics.
struct LinkView {
  LinkState state = LinkState::kWaiting;
  std::string coordinator;  // the one that is connected or tried
  absl::Time since;         // of the state
  std::string last_error;   // why the last session ended; empty before
  v1::SetVersion received;
  std::optional<absl::Duration> clock_offset;  // coordinator minus edge
  absl::Duration round_trip;
  std::optional<uint64_t> sketch_seed;  // known since the first welcome
  bool telemetry_open = false;
  uint64_t sessions = 0, failed_sessions = 0;
  uint64_t messages_received = 0, messages_sent = 0;
  uint64_t refused_messages = 0, resyncs = 0, sets = 0;
  uint64_t windows_sent = 0, windows_acknowledged = 0, windows_merged = 0, windows_lost = 0;
  uint64_t queued_windows = 0, queued_bytes = 0;
};

class LinkMachine {
 public:
  LinkMachine(LinkSettings settings, DesiredSet restored);
  ~LinkMachine();
  std::vector<LinkAction> Step(LinkEvent event, LinkTime now);
  // Monotonic: when Step(Wake{}) has something to do.
  absl::Duration NextAt() const;
  LinkView View() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_LINK_MACHINE_H_
