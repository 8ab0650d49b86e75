// One HTTP request, synchronously, to a unix socket or a TCP address. For the admin commands and for tests.
//
//   absl::StatusOr<http::Response> r = http::Fetch("unix:/run/breakwater/edge.sock", {.path = "/v1/status"});
//
// A status of 400 and more is a Response, not an error. Errors: kUnavailable (nobody listens there), kPermissionDenied,
// kDeadlineExceeded, kInternal (not HTTP). Thread-safe.
#ifndef BREAKWATER_COMMON_HTTP_CLIENT_H_
#define BREAKWATER_COMMON_HTTP_CLIENT_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http/http.h"

namespace breakwater::http {

// target is "unix:PATH" or "ADDRESS:PORT". Answers over 16 MiB are refused.
absl::StatusOr<Response> Fetch(std::string_view target, const Request& request,
                               absl::Duration timeout = absl::Seconds(5));

}  // namespace breakwater::http

#endif  // BREAKWATER_COMMON_HTTP_CLIENT_H_
