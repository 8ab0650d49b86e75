// A small edge for tests: packets in the order of their time go through the rules that the detector proposed, into slots
// and samples, and into the detector; what was dropped, when and of what is counted.
//
//   Simulation sim(DetectorConfig{});
//   sim.Packet(sample, Simulation::kAttack);
//   sim.Finish();
//   sim.dropped(Simulation::kClean);
//
// Rules count from the slot after their proposal and drop from the slot after their confirmation, as on an edge.
#ifndef BREAKWATER_COMMON_DETECT_SIMULATION_H_
#define BREAKWATER_COMMON_DETECT_SIMULATION_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/detect/detector.h"
#include "common/window/slot.h"

namespace breakwater::detect {

class Simulation {
 public:
  enum Label {
    kAttack = 0,
    kClean = 1,
    kAfterDetection = 2
  };  // kAfterDetection: attack packets from the first drop on

  // Samples: the first of a key in a slot, then one in sample_every.
  explicit Simulation(const DetectorConfig& config, std::vector<net::IpPrefix> prefixes = {}, uint32_t first = 256,
                      uint32_t sample_every = 8);

  // sample.time not before the packet before it.
  void Packet(const window::HeaderSample& sample, Label label);
  // Closes the slot that is open, and this many empty ones.
  void Finish(int empty_slots = 0);

  uint64_t packets(Label l) const { return packets_[l]; }
  uint64_t dropped(Label l) const { return dropped_[l]; }
  const std::vector<Finding>& findings() const { return findings_; }
  const std::vector<Attack>& attacks() const { return attacks_; }  // in the order of detection, as last reported
  const std::map<std::string, Signature>& proposed() const { return proposed_; }
  std::vector<std::string> confirmed() const;  // texts
  std::optional<absl::Time> first_drop() const { return first_drop_; }
  absl::Duration longest_slot() const { return longest_slot_; }

 private:
  struct Rule {
    Signature signature;
    window::Target target;
    bool enforced = false;
  };
  void CloseSlot();

  Detector detector_;
  std::vector<net::IpPrefix> prefixes_;
  uint32_t first_;
  uint32_t every_;
  window::Slot slot_;
  std::vector<window::HeaderSample> samples_;
  absl::flat_hash_map<window::TargetVector, uint32_t> seen_;
  bool open_ = false;
  std::vector<Rule> rules_;
  std::array<uint64_t, 3> packets_{};
  std::array<uint64_t, 3> dropped_{};
  std::vector<Finding> findings_;
  std::vector<Attack> attacks_;
  std::map<std::string, Signature> proposed_;
  std::optional<absl::Time> first_drop_;
  absl::Duration longest_slot_;
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_SIMULATION_H_
