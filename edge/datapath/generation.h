// A ruleset compiled into the tables of the packet filter, in ordinary memory. Nothing is in force yet: a driver copies it
// into the idle half of the real tables.
//
//   PolicySlots slots;
//   absl::StatusOr<Compiled> compiled = Compile(ruleset, slots);
//
// Compile is a pure function. What an operator must put right (a doubled policy, too many sources, ...) is an error; a
// rule that can't be carried is refused by itself and the others go in.
#ifndef BREAKWATER_EDGE_DATAPATH_GENERATION_H_
#define BREAKWATER_EDGE_DATAPATH_GENERATION_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "common/net/ip.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/filter/native.h"

namespace breakwater::datapath {

struct Generation {
  bw_head head{};
  std::vector<bw_prefix_length> prefix_lengths;
  std::vector<bw_prefix_set> prefixes;
  std::vector<bw_policy> policies;
  std::vector<bw_source> sources;
  std::vector<bw_service> declared;
  std::vector<bw_term> terms;
  std::vector<bw_check> checks;
  std::vector<bw_member> members;
  std::vector<bw_rule> rules;
};

// The counter slot of each policy's prefix, which stays as long as the prefix does.
using PolicySlots = std::map<net::IpPrefix, uint32_t>;

struct Compiled {
  Generation generation;
  InstallReport report;
  PolicySlots slots;  // of this ruleset's policies
  // For each of generation.rules its index in Ruleset::rules.
  std::vector<size_t> rule_sources;
};

// before: the slots of the ruleset in force; a prefix that is in both keeps its slot.
absl::StatusOr<Compiled> Compile(const Ruleset& ruleset, const PolicySlots& before);

// Copies a generation into its half (0 or 1) of the tables.
void Fill(const Generation& generation, uint32_t half, bw_tables& tables);

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_GENERATION_H_
