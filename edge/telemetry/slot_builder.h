// Turns what the datapath counted since the last look into a slot for the detector and for windows.
//
//   SlotBuilder builder;
//   builder.SetRuleset(ruleset);                          // after every install
//   window::Slot slot = builder.Build(slot_start, *datapath->TakeCounters());
//
// Adds the prefix targets, so that carpet bombing shows: every protected prefix of kWidestV4/kWidestV6 or narrower from
// the datapath's exact policy counters, and inside wider ones every /24 and /64 in which two or more hosts had traffic.
// Not thread-safe.
#ifndef BREAKWATER_EDGE_TELEMETRY_SLOT_BUILDER_H_
#define BREAKWATER_EDGE_TELEMETRY_SLOT_BUILDER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/window/slot.h"
#include "edge/datapath/datapath.h"

namespace breakwater::telemetry {

class SlotBuilder {
 public:
  // A wider prefix is no target: its traffic is the whole edge's, and a rule for it would not be narrow.
  static constexpr int kWidestV4 = 20;
  static constexpr int kWidestV6 = 44;
  // Where hosts of wider prefixes are summed up.
  static constexpr int kSumV4 = 24;
  static constexpr int kSumV6 = 64;

  // The ruleset in force: names the policies and the counter slots that counters speak of.
  void SetRuleset(const datapath::Ruleset& ruleset);
  window::Slot Build(absl::Time start, const datapath::SlotCounters& counters) const;

 private:
  std::vector<net::IpPrefix> policies_;
  absl::flat_hash_map<uint32_t, std::string> rule_of_slot_;
};

}  // namespace breakwater::telemetry

#endif  // BREAKWATER_EDGE_TELEMETRY_SLOT_BUILDER_H_
