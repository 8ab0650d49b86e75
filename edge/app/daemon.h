// The running edge, without its event loop: counters in, decisions of edge/control carried out, everything reported.
//
//   Daemon daemon(config, std::move(loaded_state), {clock, datapath, writer, metrics, health});
//   daemon.Start();               // enforces the last good rules again
//   every 100 ms: daemon.Tick();
//
// One thread calls it: the control strand. Nothing here waits for the disk or the network.
#ifndef BREAKWATER_EDGE_APP_DAEMON_H_
#define BREAKWATER_EDGE_APP_DAEMON_H_

#include <array>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/log/log.h"
#include "common/service/health.h"
#include "edge/app/edge_metrics.h"
#include "edge/app/host_load.h"
#include "edge/app/slot_clock.h"
#include "edge/app/state_writer.h"
#include "edge/app/uplink.h"
#include "edge/control/control.h"
#include "edge/datapath/datapath.h"
#include "edge/settings/edge_config.h"
#include "edge/telemetry/slot_builder.h"

namespace breakwater::app {

// What people see of the coordinator's part in it.
struct CoordinatorStatus {
  link::LinkView link;
  v1::SetVersion applied;
  size_t refused_rules = 0;
  size_t enforcing_rules = 0;  // armed ones that this edge has confirmed
  bool stopped = false;        // by its order
  std::string stop_reason;
  absl::Time stop_until;
};

// How the edge stands in BGP, for its coordinator; whoever announces says it.
struct AnycastStatus {
  v1::AnycastState state = v1::ANYCAST_STATE_UNSPECIFIED;
  std::string reason;  // why it isn't announced
};

// What people see of the edge at one moment.
struct Status {
  std::string edge_id;
  absl::Time now;
  absl::Time started;
  absl::Time config_read;
  uint64_t revision = 0;
  uint64_t installed_revision = 0;
  bool panic = false;  // by a person, here
  std::string panic_reason;
  absl::Time panic_since;
  std::optional<CoordinatorStatus> coordinator;
  std::vector<datapath::AttachedInterface> interfaces;
  // Over the last second, of all packets that the datapath saw.
  window::Counts last_second;
  // Since the start, by verdict.
  std::array<window::Counts, BW_REASON_MAX> verdicts{};
  uint64_t slots = 0;
  uint64_t late_slots = 0;
  uint64_t lost_samples = 0;
};

class Daemon {
 public:
  struct Parts {
    clock::Clock& clock;
    datapath::LiveDatapath& datapath;
    StateWriter& writer;
    EdgeMetrics& metrics;
    service::Health& health;
    link::Port* link = nullptr;  // none: a lone edge
    uint64_t boot_id = 0;
  };
  // What of the coordinator's state on disk could be verified.
  struct Restored {
    std::optional<control::DesiredRules> desired;
    std::optional<control::StopEnforcing> stop;
  };

  Daemon(settings::EdgeConfig config, StateFile::Loaded loaded, Parts parts, Restored restored = {});

  void Start();
  // Judges the slots that have ended; does nothing when none has.
  void Tick();
  // Until Tick() has something to do.
  absl::Duration UntilNextTick() const { return slots_.UntilNext(); }
  // Takes a configuration over, or keeps the old one and says why.
  void Reload(const settings::LoadedConfig& loaded);
  void SetPanic(bool on, std::string_view reason);
  // Takes what has come from the coordinator.
  void TakeFromLink();
  void SetAnycast(AnycastStatus anycast);

  Status GetStatus() const;
  std::vector<control::RuleView> Rules() const { return control_.Rules(); }
  std::vector<detect::Attack> Attacks() const { return control_.Attacks(); }
  absl::Time Now() const { return slots_.Now(); }

 private:
  void Feed(control::Event event);
  void Perform(control::InstallRuleset action);
  void Perform(const control::EnforcePanic& action);
  void Perform(control::Persist action);
  void Perform(const control::ReportAttack& action);
  void Perform(const control::ReportRule& action);
  void Perform(const control::ReportLocalRule& action);
  void Perform(control::ReportFleet action);

  void ReportLoadedState(const StateFile::Loaded& loaded);
  void Judge(const SlotClock::Due& due, const datapath::SlotCounters& counters);
  void Close(const window::Slot& slot, std::vector<window::HeaderSample> samples);
  void Account(const SlotClock::Due& due, const datapath::SlotCounters& counters);
  void EnforcePanicNow();
  void EverySecond();
  void FollowLink();
  void SendHeartbeat();
  void LookAtInterfaces();

  settings::EdgeConfig config_;
  Parts parts_;
  log::Logger log_{"daemon"};
  log::Logger attack_log_{"attack"};
  log::Logger rule_log_{"rule"};
  SlotClock slots_;
  control::SavedState saved_;
  Restored restored_;
  control::Control control_;
  std::optional<Uplink> uplink_;
  HostLoad load_;
  AnycastStatus anycast_;
  control::ReportFleet fleet_;  // as last reported
  telemetry::SlotBuilder builder_;

  std::deque<control::Event> pending_;
  bool feeding_ = false;
  uint64_t installed_revision_ = 0;
  size_t installed_rules_ = 0;
  bool panic_wanted_ = false;
  bool panic_unsure_ = false;  // the datapath didn't take panic_wanted_ yet
  std::string panic_reason_;
  absl::Time panic_since_ = absl::InfinitePast();
  std::set<std::string> drop_seen_;  // attacks whose first drop was measured
  std::vector<datapath::AttachedInterface> interfaces_;
  bool counters_failing_ = false;
  absl::Time started_;
  absl::Time config_read_;
  absl::Time next_second_;
  std::deque<window::Counts> recent_;  // totals of the last ten slots
  std::array<window::Counts, BW_REASON_MAX> verdicts_{};
  uint64_t slot_count_ = 0;
  uint64_t late_slots_ = 0;
  uint64_t lost_samples_ = 0;
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_DAEMON_H_
