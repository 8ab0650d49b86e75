#include "edge/app/uplink.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/fleet/session_wire.h"
#include "common/rule/rule_wire.h"
#include "common/window/window_wire.h"

namespace breakwater::app {
namespace {

constexpr size_t kMaxSketches = 64;
constexpr size_t kMaxGranted = 256;
constexpr absl::Duration kMoveSlotsFrom = absl::Milliseconds(75);  // three quarters of a slot

int64_t Micros(absl::Time time) { return std::max<int64_t>(0, absl::ToUnixMicros(time)); }

}  // namespace

// No sketches before the fleet's seed is known: with another they couldn't be merged with anybody's.
Uplink::Uplink(link::Port& port, uint64_t boot_id)
    : port_(port), builder_({.max_sketches = 0, .samples_per_alert = kSamplesPerAlert}, boot_id) {}

void Uplink::Offer(link::LinkEvent event) {
  if (!port_.Offer(std::move(event))) ++lost_;
}

void Uplink::Follow(const link::LinkView& view, absl::Duration wall_offset) {
  offset_ = wall_offset + view.clock_offset.value_or(absl::ZeroDuration());
  // A slot is moved once it belongs nearer to another, and not back and forth by what a measurement trembles.
  if (absl::AbsDuration(offset_ - slot_offset_) > kMoveSlotsFrom) {
    const auto slots = std::llround(absl::FDivDuration(offset_, window::kSlotLength));
    slot_offset_ = window::kSlotLength * static_cast<int64_t>(slots);
    builder_.SetClockOffset(slot_offset_);
  }
  if (view.sketch_seed) builder_.SetSketches(*view.sketch_seed, kMaxSketches);
}

void Uplink::OnSlot(const window::Slot& slot, std::span<const window::HeaderSample> samples,
                    const std::vector<window::TargetVector>& suspicious) {
  window::Alerted alerted(suspicious.begin(), suspicious.end());
  std::erase_if(granted_, [&](const auto& grant) { return grant.second <= slot.start; });
  for (const auto& [key, until] : granted_) alerted.insert(key);
  for (window::Window& w : builder_.AddSlot(slot, samples, alerted)) Offer(std::move(w));
  if (alerted.empty()) return;
  const absl::Time end = slot.start + slot.length;
  if (end < next_flush_ && next_flush_ - end <= kFlushEvery) return;
  next_flush_ = end + kFlushEvery;
  if (std::optional<window::Window> early = builder_.Flush()) Offer(*std::move(early));
}

void Uplink::OnGrants(const link::DetailGrants& grants) {
  for (const auto& [key, until] : grants.grants) {
    if (granted_.size() < kMaxGranted || granted_.contains(key)) granted_[key] = until;
  }
}

void Uplink::OnAttack(const detect::Attack& attack) {
  v1::AttackReport report;
  report.set_attack_id(attack.id);
  *report.mutable_target() = window::TargetToProto(attack.target);
  report.set_vector(static_cast<uint32_t>(attack.vector));
  report.set_state(std::string(detect::AttackStateName(attack.state)));
  report.set_first_packet_unix_us(Micros(attack.first_packet + offset_));
  report.set_detected_unix_us(Micros(attack.detected + offset_));
  if (attack.first_drop) report.set_first_drop_unix_us(Micros(*attack.first_drop + offset_));
  if (attack.ended) report.set_ended_unix_us(Micros(*attack.ended + offset_));
  report.set_threshold_pps(attack.threshold_pps);
  report.set_peak_pps(attack.peak_pps);
  report.set_peak_bps(attack.peak_bps);
  report.set_packets(attack.total.packets);
  report.set_bytes(attack.total.bytes);
  report.set_dropped_packets(attack.total.dropped_packets);
  report.set_dropped_bytes(attack.total.dropped_bytes);
  for (const detect::Signature& signature : attack.signatures) {
    if (report.rule_ids_size() < fleet::SessionBounds::kAttackRules) report.add_rule_ids(signature.id);
  }
  report.set_note(attack.note.substr(0, fleet::SessionBounds::kNote));
  Offer(std::move(report));
}

void Uplink::OnLocalRule(const control::ReportLocalRule& report) {
  absl::StatusOr<v1::Rule> rule = rule::ToProto(report.rule);
  if (!rule.ok()) return;
  v1::LocalRule message;
  *message.mutable_rule() = *std::move(rule);
  message.set_attack_id(report.attack_id);
  message.set_removed(report.removed);
  message.set_matched_packets(report.counts.matched_packets);
  message.set_dropped_packets(report.counts.dropped_packets);
  *message.mutable_target() = window::TargetToProto(report.target);
  message.set_vector(static_cast<uint32_t>(report.vector));
  message.set_threshold_pps(report.threshold_pps);
  message.set_attack_share(report.attack_share);
  message.set_baseline_share(report.baseline_share);
  Offer(std::move(message));
}

void Uplink::OnFleet(const control::ReportFleet& report) {
  Offer(link::FleetState{.applied = report.applied, .exceptions = report.exceptions});
}

void Uplink::OnHeartbeat(v1::Heartbeat heartbeat) { Offer(std::move(heartbeat)); }

}  // namespace breakwater::app
