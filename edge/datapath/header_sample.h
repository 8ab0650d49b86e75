// A sample as the packet filter takes it, turned into what the rest of the edge reads.
#ifndef BREAKWATER_EDGE_DATAPATH_HEADER_SAMPLE_H_
#define BREAKWATER_EDGE_DATAPATH_HEADER_SAMPLE_H_

#include "absl/time/time.h"
#include "common/window/slot.h"
#include "edge/datapath/filter/shared.h"

namespace breakwater::datapath {

// Pure; what the packet filter says is checked against the bounds of the sample.
window::HeaderSample HeaderSampleOf(const bw_sample& sample, absl::Time time);

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_HEADER_SAMPLE_H_
