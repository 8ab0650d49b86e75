#include "common/detect/traffic_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

namespace breakwater::detect {
namespace {

constexpr double kSlotsPerSecond = 10;
// A secondary vector must stay over its low floor this long: ordinary bursts go over it.
constexpr double kSecondaryAlarmSeconds = 1.0;
constexpr int64_t kYoungSlots = 100;
// recent_pps: half of it is the last slot.
constexpr double kRecent = 0.5;
// A key is only worth a look at this multiple of what it usually is.
constexpr double kUnusual = 1.5;

}  // namespace

Floor TrafficTable::HostFloor(window::Vector vector) const {
  const std::optional<Floor>& configured = config_.host_floors[static_cast<size_t>(vector)];
  return configured ? *configured : DefaultFloor(vector);
}

double TrafficTable::FloorPps(const window::TargetVector& key) const {
  const double factor = key.target.is_host() ? 1 : config_.prefix_floor_factor;
  return std::max(1.0, HostFloor(key.vector).pps * factor);
}

double TrafficTable::FloorBps(const window::TargetVector& key) const {
  const double factor = key.target.is_host() ? 1 : config_.prefix_floor_factor;
  return HostFloor(key.vector).bps * factor;
}

// Only what nobody asked for is judged by the lower floors: honest visitors of an attacked host go on sending the rest.
bool TrafficTable::Unsolicited(window::Vector vector) {
  switch (vector) {
    case BW_VECTOR_TCP_SYNACK:
    case BW_VECTOR_TCP_RST:
    case BW_VECTOR_TCP_INVALID:
    case BW_VECTOR_ICMP_ECHO:
    case BW_VECTOR_ICMP_ECHO_REPLY:
    case BW_VECTOR_ICMP_ERROR:
    case BW_VECTOR_ICMP_OTHER:
    case BW_VECTOR_FRAGMENT:
      return true;
    default:
      return DefaultFloor(vector).pps <= 500;  // the reflectors
  }
}

double TrafficTable::SecondaryThreshold(const window::TargetVector& key) const {
  const TrafficState* s = Find(key);
  const double level = s == nullptr ? 0 : s->baseline.level();
  return std::max(FloorPps(key) * (Unsolicited(key.vector) ? config_.secondary_floor_share : 1),
                  config_.baseline_factor * level);
}

double TrafficTable::Nearness(const TrafficState& state) {
  const double usual = state.baseline.age_slots() >= kYoungSlots ? state.baseline.level() : 0;
  if (state.threshold_pps <= 0 || state.recent_pps < kUnusual * usual) return 0;
  return state.recent_pps / state.threshold_pps;
}

const TrafficState* TrafficTable::Find(const window::TargetVector& key) const {
  auto it = states_.find(key);
  return it == states_.end() ? nullptr : &it->second;
}

void TrafficTable::ResetRun(const window::TargetVector& key) {
  auto it = states_.find(key);
  if (it == states_.end()) return;
  it->second.packets.Reset();
  it->second.bits.Reset();
  it->second.run = {};
  it->second.alarm = false;
}

TrafficState& TrafficTable::Update(const window::TargetVector& key, const window::Counts& counts, int64_t slot,
                                   Watch watch) {
  auto it = states_.find(key);
  const bool fresh = it == states_.end();
  if (fresh) {
    if (states_.size() >= std::max<size_t>(1, config_.max_targets)) MakeRoom();
    it = states_.try_emplace(key).first;
  }
  TrafficState& s = it->second;
  const int64_t idle = fresh ? 0 : std::max<int64_t>(0, slot - s.last_slot - 1);
  s.last_slot = slot;

  const bool secondary = watch == Watch::kSecondary && Unsolicited(key.vector);
  const double floor = FloorPps(key) * (secondary ? config_.secondary_floor_share : 1);
  // A young baseline may have been learned from the first moments of an attack.
  const double usual = s.baseline.age_slots() >= kYoungSlots ? s.baseline.level() : 0;
  s.threshold_pps = std::max(floor, config_.baseline_factor * usual);
  const bool was_zero = s.packets.zero() && s.bits.zero();
  s.packets.Idle(s.threshold_pps, idle);
  if (was_zero || (idle > 0 && s.packets.zero())) {
    s.run_start = slot;
    s.run = {};
  }
  s.packets.Add(static_cast<double>(counts.packets), s.threshold_pps, 0);
  const double alarm_seconds =
      watch == Watch::kSecondary ? std::max(kSecondaryAlarmSeconds, config_.alarm_seconds) : config_.alarm_seconds;
  s.alarm = s.packets.seconds(s.threshold_pps) > alarm_seconds;
  if (const double bps = FloorBps(key); bps > 0) {
    s.bits.Add(static_cast<double>(counts.bytes) * 8, bps, idle);
    s.alarm = s.alarm || s.bits.seconds(bps) > alarm_seconds;
  }
  s.run += counts;
  s.recent_pps = kRecent * (s.recent_pps * std::pow(kRecent, static_cast<double>(std::min<int64_t>(idle, 64))) +
                            static_cast<double>(counts.packets) * kSlotsPerSecond);
  if (watch == Watch::kAttacked || watch == Watch::kSecondary) return s;
  // Nothing is learned from the start of what may be an attack, except in the slow lane.
  if (watch != Watch::kUnsigned && !s.packets.zero()) return s;
  s.baseline.Learn(static_cast<double>(counts.packets) * kSlotsPerSecond, idle,
                   FloorPps(key) / std::max(1.0, config_.baseline_factor));
  return s;
}

// Evicts a sixteenth at once, so that a stream of new targets costs O(1) each.
void TrafficTable::MakeRoom() {
  std::vector<std::tuple<double, int64_t, window::TargetVector>> ranked;
  ranked.reserve(states_.size());
  for (const auto& [key, s] : states_) {
    ranked.emplace_back(s.packets.seconds(std::max(1.0, s.threshold_pps)) * s.threshold_pps + s.baseline.level(),
                        s.last_slot, key);
  }
  const size_t drop = std::max<size_t>(1, ranked.size() / 16);
  std::nth_element(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(drop - 1), ranked.end());
  for (size_t i = 0; i < drop; ++i) states_.erase(std::get<2>(ranked[i]));
}

}  // namespace breakwater::detect
