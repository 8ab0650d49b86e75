// The eBPF object of the packet filter, as clang made it, inside of the program.
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_OBJECT_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_OBJECT_H_

#include <cstdint>
#include <span>

namespace breakwater::datapath {

std::span<const uint8_t> FilterObject();

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_FILTER_OBJECT_H_
