// What the control strand tells the coordinator: windows of telemetry, attacks, the rules of its own detector, how it is.
//
//   Uplink uplink(port, boot_id);
//   uplink.OnSlot(slot, samples, control.Suspicious(...), wall_offset);
//   uplink.OnAttack(attack);
//
// One window a second while nothing is unusual; while some target is suspicious what there is goes off every 200 ms, with
// sketches and more samples of it. Nothing here waits. Not thread-safe; the strand's.
#ifndef BREAKWATER_EDGE_APP_UPLINK_H_
#define BREAKWATER_EDGE_APP_UPLINK_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/window/window_builder.h"
#include "edge/control/control.h"
#include "edge/link/link.h"

namespace breakwater::app {

class Uplink {
 public:
  // A target is suspicious from this share of its threshold on.
  static constexpr double kSuspiciousShare = 0.1;
  static constexpr size_t kMaxSuspicious = 64;
  static constexpr absl::Duration kFlushEvery = absl::Milliseconds(200);
  static constexpr size_t kSamplesPerAlert = 24;

  Uplink(link::Port& port, uint64_t boot_id);

  // Follows what the link has learned: the coordinator's clock, the fleet's seed. wall_offset: wall clock minus the time of
  // slots.
  void Follow(const link::LinkView& view, absl::Duration wall_offset);
  void OnSlot(const window::Slot& slot, std::span<const window::HeaderSample> samples,
              const std::vector<window::TargetVector>& suspicious);
  void OnGrants(const link::DetailGrants& grants);
  void OnAttack(const detect::Attack& attack);
  void OnLocalRule(const control::ReportLocalRule& report);
  void OnFleet(const control::ReportFleet& report);
  void OnHeartbeat(v1::Heartbeat heartbeat);

  link::Port& port() const { return port_; }
  // Windows, reports and rules that couldn't be handed on since the start.
  uint64_t lost() const { return lost_; }

 private:
  void Offer(link::LinkEvent event);

  link::Port& port_;
  window::WindowBuilder builder_;
  absl::Duration offset_;       // corrected time minus the time of slots
  absl::Duration slot_offset_;  // as far as slots are moved by it: whole slots, so that those of all edges line up
  absl::Time next_flush_ = absl::InfinitePast();
  std::map<window::TargetVector, absl::Time> granted_;  // with the end of each
  uint64_t lost_ = 0;
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_UPLINK_H_
