#include "edge/datapath/reason.h"

#include <string_view>

#include "edge/datapath/datapath.h"

namespace breakwater::datapath {

std::string_view ReasonName(bw_reason reason) {
  switch (reason) {
#define BW_REASON_NAME(number, id, name, drops, description) \
  case BW_REASON_##id:                                       \
    return name;
    BW_REASONS(BW_REASON_NAME)
#undef BW_REASON_NAME
    default:
      return "unknown";
  }
}

}  // namespace breakwater::datapath
