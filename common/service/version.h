// Which build this is.
#ifndef BREAKWATER_COMMON_SERVICE_VERSION_H_
#define BREAKWATER_COMMON_SERVICE_VERSION_H_

#include <string_view>

namespace breakwater::service {

std::string_view Version();   // "0.1.0"
std::string_view Revision();  // short commit at configuration time, or "unknown"

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_VERSION_H_
