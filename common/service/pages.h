// The pages that every daemon answers on its management address.
//
//   router.Get("/healthz", [&](const http::Request&) { return HealthzPage(health); });
//   router.Get("/readyz", [&](const http::Request& request) { return ReadyzPage(health, request); });
//   router.Get("/version", [](const http::Request&) { return VersionPage(); });
//
// Thread-safe.
#ifndef BREAKWATER_COMMON_SERVICE_PAGES_H_
#define BREAKWATER_COMMON_SERVICE_PAGES_H_

#include "common/http/http.h"
#include "common/service/health.h"

namespace breakwater::service {

// 200 while the control strand runs.
http::Response HealthzPage(const Health& health);
// 200 when all checks hold; a line for each that doesn't, with ?verbose for all of them and the notes.
http::Response ReadyzPage(const Health& health, const http::Request& request);
// {"version":…,"revision":…}
http::Response VersionPage();

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_PAGES_H_
