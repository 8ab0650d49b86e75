// Which HTTP requests may change something: those with the token, and not those that a browser was talked into sending.
//
//   if (absl::Status s = MayChange(request, token); !s.ok()) return Problem(s);
//
// Pure and thread-safe.
#ifndef BREAKWATER_COORDINATOR_API_ACCESS_H_
#define BREAKWATER_COORDINATOR_API_ACCESS_H_

#include <string_view>

#include "absl/status/status.h"
#include "common/http/http.h"

namespace breakwater::api {

// Unauthenticated: no "Authorization: Bearer TOKEN", or another token. PermissionDenied: a page of another site sent it
// (Sec-Fetch-Site, Origin). InvalidArgument: a body that isn't application/json.
absl::Status MayChange(const http::Request& request, std::string_view token);

// Takes the same time wherever the two differ.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_ACCESS_H_
