// Finds attacks in slots, and what their packets have in common. The same detector reads the slots of one edge and the
// merged slots of the whole network.
//
//   Detector detector(DetectorConfig{}, /*id_prefix=*/"edge1");
//   for (const Finding& f : detector.OnSlot(slot, samples)) { ... }
//
// Per host and per prefix and per vector it keeps a CUSUM of the rate over a threshold (the larger of a floor and a
// multiple of the learned baseline): fast for a large excess, patient for a small one. A crossing is an attack; its
// signatures are mined from the sampled headers against the clean ones, simplified, proposed, and confirmed only by the
// exact counts that a rule of the same id brings back in Slot::rules.
//
// Deterministic: the same slots and samples in the same order give the same findings. Not thread-safe. Memory is bounded
// by DetectorConfig::max_*.
#ifndef BREAKWATER_COMMON_DETECT_DETECTOR_H_
#define BREAKWATER_COMMON_DETECT_DETECTOR_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/rule/expr.h"
#include "common/window/slot.h"

namespace breakwater::detect {

// Rates per second; 0 bps = packets alone decide.
struct Floor {
  double pps = 0;
  double bps = 0;
  friend bool operator==(const Floor&, const Floor&) = default;
};

struct DetectorConfig {
  // Below its floor nothing is ever an attack. Defaults: see DefaultFloor().
  std::array<std::optional<Floor>, BW_VECTOR_MAX> host_floors{};
  // A prefix's floor is its host floor times this: a carpet stays below every host's floor.
  double prefix_floor_factor = 4;
  // Threshold = max(floor, factor * baseline).
  double baseline_factor = 3;
  // CUSUM alarm level, as seconds of traffic at the threshold: 4 x the threshold is found in one slot, 1.2 x in 1.2 s.
  double alarm_seconds = 0.24;
  // While a target is under attack its other vectors are judged by this share of their floors: secondary vectors and
  // backscatter are part of the attack.
  double secondary_floor_share = 0.2;
  // An attack ends when what arrives stays below the threshold this long.
  absl::Duration quiet_before_end = absl::Seconds(10);
  absl::Duration reconfirm_every = absl::Minutes(10);
  // A signature that isn't confirmed by then is rejected. Longer where rules take a while to count, as for merged slots.
  absl::Duration confirm_within = absl::Milliseconds(500);

  size_t max_targets = 65536;  // (target, vector) pairs with state
  size_t max_attacks = 256;    // at once
  size_t max_signatures_per_attack = 8;
  size_t max_reservoir = 2048;       // samples per alerted (target, vector)
  size_t max_clean_reservoir = 512;  // samples per target while it is not attacked

  friend bool operator==(const DetectorConfig&, const DetectorConfig&) = default;
};

Floor DefaultFloor(window::Vector vector);
// Every floor, configured or default, times factor: for the merged view of a network, whose edges see parts of an attack.
DetectorConfig WithScaledFloors(DetectorConfig config, double factor);

struct Signature {
  std::string id;             // also the id of the rule made from it, so that its exact counts come back in Slot::rules
  rule::ExprPtr match;        // names the target
  double attack_share = 0;    // of the attack's sampled packets, 0..1
  double baseline_share = 0;  // of the clean sampled packets, 0..1
};

enum class AttackState { kDetected, kMitigating, kMitigated, kEnded };
std::string_view AttackStateName(AttackState state);  // "detected", "mitigating", "mitigated", "ended"

struct Attack {
  std::string id;
  window::Target target;
  window::Vector vector = BW_VECTOR_IP_OTHER;
  AttackState state = AttackState::kDetected;
  absl::Time first_packet;  // of the run of traffic that led to the alarm
  absl::Time detected;
  std::optional<absl::Time> first_drop;  // to the slot; whoever sees every packet knows better
  std::optional<absl::Time> ended;
  double threshold_pps = 0;
  bool secondary = false;  // below its floor, as its target is under attack by another vector: secondary_floor_share
  double peak_pps = 0;
  double peak_bps = 0;
  window::Counts total;               // of this target and vector since first_packet, attack and clean
  std::vector<Signature> signatures;  // confirmed ones, in the order of their confirmation
  std::string note;                   // why there is no signature, when there is none
};

// What changed in a slot.
struct AttackDetected {
  Attack attack;
};
struct AttackUpdated {
  Attack attack;
};  // state or totals changed; at most once a second per attack
struct AttackEnded {
  Attack attack;
};
struct SignatureProposed {
  std::string attack_id;
  Signature signature;
  window::Target target;
};
struct SignatureConfirmed {
  std::string attack_id;
  std::string signature_id;
  double attack_share = 0;  // as it was proposed with
  double baseline_share = 0;
};
// Every reconfirm_every while the signature still matches at attack level.
struct SignatureReconfirmed {
  std::string attack_id;
  std::string signature_id;
};
struct SignatureRejected {
  std::string attack_id;
  std::string signature_id;
  std::string reason;
};
using Finding = std::variant<AttackDetected, AttackUpdated, AttackEnded, SignatureProposed, SignatureConfirmed,
                             SignatureReconfirmed, SignatureRejected>;

class Detector {
 public:
  Detector(DetectorConfig config, std::string id_prefix);
  ~Detector();
  Detector(Detector&&) noexcept;
  Detector& operator=(Detector&&) noexcept;

  // One closed slot, in the order of their start; a gap between two slots means that nothing arrived in it. samples are
  // those taken within the slot, in the order of arrival.
  std::vector<Finding> OnSlot(const window::Slot& slot, std::span<const window::HeaderSample> samples);

  // Proposes nothing for targets that overlap with this one before that time: somebody else is at it. At most 1,024 such
  // targets are remembered, the latest.
  void HoldSignatures(const window::Target& target, absl::Time until);

  // Attacks that haven't ended.
  std::vector<Attack> ActiveAttacks() const;

  // What is under attack, and what arrives at `share` (0.02..) of its threshold or more as of the last slot and is more than
  // usual; the nearest first, at most `limit`. A share under 1 shows what is worth a closer look before it is an attack
  // here, as one that is spread over many edges never is.
  std::vector<window::TargetVector> Suspicious(double share, size_t limit) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_DETECTOR_H_
