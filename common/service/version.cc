#include "common/service/version.h"

namespace breakwater::service {

std::string_view Version() { return BREAKWATER_VERSION; }
std::string_view Revision() { return BREAKWATER_REVISION; }

}  // namespace breakwater::service
