#include "edge/app/version.h"

namespace breakwater::app {

std::string_view Version() { return BREAKWATER_VERSION; }
std::string_view Revision() { return BREAKWATER_REVISION; }

}  // namespace breakwater::app
