// Three edges and a coordinator, made of the real pieces, on simulated time.
//
//   Fleet fleet(FleetOptions{});
//   fleet.Packet(/*edge=*/1, sample, Fleet::kAttack);     // in the order of time
//   fleet.Finish(absl::Seconds(2));
//   fleet.proposals();
//
// An edge's rules: its own detector's enforce once confirmed; the coordinator's are armed, and enforce from the slot after
// one in which they matched at confirm_pps. Deterministic. Not thread-safe.
#ifndef BREAKWATER_TESTS_FUSION_FLEET_H_
#define BREAKWATER_TESTS_FUSION_FLEET_H_

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/detect/detector.h"
#include "common/window/window_builder.h"
#include "coordinator/attacks/attack_book.h"
#include "coordinator/merge/merger.h"

namespace breakwater::fusion {

struct FleetOptions {
  size_t edges = 3;
  std::vector<net::IpPrefix> prefixes;  // counted as targets
  detect::DetectorConfig edge_detector;
  double floor_factor = 0.5;                      // of the merged view
  absl::Duration delay = absl::Milliseconds(20);  // of every message
  absl::Duration install = absl::Milliseconds(30);
  int flush_slots = 2;  // while something is suspicious
  double suspicious_share = 0.1;
  size_t samples_per_alert = 24;
  double confirm_share = 0.1;
  double confirm_floor_pps = 50;
};

class Fleet {
 public:
  enum Label { kAttack = 0, kClean = 1 };

  explicit Fleet(const FleetOptions& options);

  // sample.time not before the packet before it.
  void Packet(size_t edge, const window::HeaderSample& sample, Label label);
  // So much more time without packets.
  void Finish(absl::Duration more);

  struct Proposed {
    attacks::Proposal proposal;
    absl::Time at;  // when the coordinator had it
  };
  const std::vector<Proposed>& proposals() const { return proposals_; }  // of every kind
  uint64_t packets(Label l) const { return packets_[l]; }
  uint64_t dropped(Label l) const { return dropped_[l]; }
  std::optional<absl::Time> first_drop(size_t edge) const { return edges_[edge].first_drop; }
  // Attacks found by edges' own detectors.
  size_t edge_attacks() const { return edge_attacks_; }
  size_t window_bytes() const { return window_bytes_; }
  const attacks::AttackBook& book() const { return book_; }
  const merge::Merger& merger() const { return merger_; }
  absl::Time now() const { return now_; }

 private:
  struct Rule {
    std::string id;
    rule::ExprPtr match;
    net::IpPrefix target;
    absl::Time from;     // counts from then on
    bool armed = false;  // else it enforces once its detector has confirmed it
    double confirm_pps = 0;
    bool enforcing = false;
    uint64_t matched = 0;  // in the slot under way
  };
  struct Edge {
    std::string id;
    std::string region;
    std::unique_ptr<detect::Detector> detector;
    std::unique_ptr<window::WindowBuilder> builder;
    window::Slot slot;
    std::vector<window::HeaderSample> samples;
    absl::flat_hash_map<window::TargetVector, uint64_t> seen;
    std::vector<Rule> rules;
    std::map<std::string, detect::Attack> attacks;
    int since_flush = 0;
    std::optional<absl::Time> first_drop;
  };
  struct Message {
    absl::Time at;
    size_t edge = 0;
    std::optional<std::string> window;  // else a report or a rule
    std::optional<v1::AttackReport> report;
    std::optional<v1::LocalRule> rule;
  };

  void AdvanceTo(absl::Time t);
  void CloseSlot(size_t edge);
  void OnFindings(size_t edge, const std::vector<detect::Finding>& findings);
  void Send(size_t edge, const window::Window& window);
  void Report(size_t edge, const detect::Attack& attack);
  void Coordinate();

  FleetOptions options_;
  std::vector<Edge> edges_;
  merge::Merger merger_;
  attacks::AttackBook book_;
  std::deque<Message> messages_;
  std::vector<Proposed> proposals_;
  std::array<uint64_t, 2> packets_{};
  std::array<uint64_t, 2> dropped_{};
  size_t edge_attacks_ = 0;
  size_t window_bytes_ = 0;
  bool started_ = false;
  absl::Time slot_start_;
  absl::Time now_;
};

}  // namespace breakwater::fusion

#endif  // BREAKWATER_TESTS_FUSION_FLEET_H_
