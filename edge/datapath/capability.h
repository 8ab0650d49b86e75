// Which Linux capabilities this process has, so that an error can name the missing one before the kernel says only
// "operation not permitted".
#ifndef BREAKWATER_EDGE_DATAPATH_CAPABILITY_H_
#define BREAKWATER_EDGE_DATAPATH_CAPABILITY_H_

#include "absl/status/status.h"

namespace breakwater::datapath {

// PermissionDenied, naming what is missing and what to do, unless CAP_BPF and CAP_NET_ADMIN are effective. what: for the
// message, such as "the kernel engine".
absl::Status CheckCapabilities(const char* what);

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_CAPABILITY_H_
