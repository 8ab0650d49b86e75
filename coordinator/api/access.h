// Which HTTP requests may read or change something: not those that a browser was talked into sending, and changes only with
// the token.
//
//   if (absl::Status s = MayChange(request, token); !s.ok()) return Problem(s);
//
// Pure and thread-safe.
#ifndef BREAKWATER_COORDINATOR_API_ACCESS_H_
#define BREAKWATER_COORDINATOR_API_ACCESS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/http/http.h"

namespace breakwater::api {

// Unauthenticated: no "Authorization: Bearer TOKEN", or another token. PermissionDenied: a page of another site sent it
// (Sec-Fetch-Site, Origin). InvalidArgument: a body that isn't application/json.
absl::Status MayChange(const http::Request& request, std::string_view token);

// Whether the request's Host is an IP address, localhost or one of the names, without regard to its port; PermissionDenied
// otherwise. A page elsewhere whose name is made to resolve to our address would share our origin in the browser's eyes
// (DNS rebinding), but its name stays in Host.
absl::Status HostIsOurs(const http::Request& request, const std::vector<std::string>& names);

// Takes the same time wherever the two differ.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_ACCESS_H_
