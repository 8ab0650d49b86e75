// Random rulesets and frames for tests: from a small world of addresses and ports, so that they meet, and mutated, so that
// headers lie. The same generator gives the same world everywhere it is used.
#ifndef BREAKWATER_EDGE_DATAPATH_RANDOM_TRAFFIC_H_
#define BREAKWATER_EDGE_DATAPATH_RANDOM_TRAFFIC_H_

#include <cstdint>
#include <random>
#include <string>

#include "common/rule/expr.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/packet_builder.h"

namespace breakwater::datapath {

// A match over any L3 and L4 field; depth bounds its nesting.
rule::ExprPtr RandomMatch(std::mt19937& random, int depth);
Ruleset RandomRuleset(std::mt19937& random, uint64_t revision);
// Well-formed most of the time; else with a byte changed, cut off, or noise.
Bytes RandomFrame(std::mt19937& random);
std::string Hex(const Bytes& bytes);

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_RANDOM_TRAFFIC_H_
