// Which build this is.
#ifndef BREAKWATER_EDGE_APP_VERSION_H_
#define BREAKWATER_EDGE_APP_VERSION_H_

#include <string_view>

namespace breakwater::app {

std::string_view Version();   // "0.1.0"
std::string_view Revision();  // short commit at configuration time, or "unknown"

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_VERSION_H_
