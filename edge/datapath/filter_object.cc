#include "edge/datapath/filter_object.h"

// BW_FILTER_OBJECT is the path of the object, given by the build. Aligned, because it is read as ELF where it is.
__asm__(
    ".section .rodata\n"
    ".balign 16\n"
    "bw_filter_object:\n"
    ".incbin \"" BW_FILTER_OBJECT
    "\"\n"
    "bw_filter_object_end:\n"
    ".previous\n");

extern "C" const uint8_t bw_filter_object[] __attribute__((visibility("hidden")));
extern "C" const uint8_t bw_filter_object_end[] __attribute__((visibility("hidden")));

namespace breakwater::datapath {

std::span<const uint8_t> FilterObject() { return {bw_filter_object, bw_filter_object_end}; }

}  // namespace breakwater::datapath
