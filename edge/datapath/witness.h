// A packet made to match a rule, for golden checks: one per term, with a value inside of every check where that is
// possible. Checks that contradict each other, or negated ones, may leave it not matching; the caller asks the oracle.
//
//   Bytes frame = WitnessOf(term);
//
// Pure, thread-safe.
#ifndef BREAKWATER_EDGE_DATAPATH_WITNESS_H_
#define BREAKWATER_EDGE_DATAPATH_WITNESS_H_

#include "edge/datapath/packet_builder.h"
#include "edge/datapath/terms.h"

namespace breakwater::datapath {

Bytes WitnessOf(const Term& term);

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_WITNESS_H_
