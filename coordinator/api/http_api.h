// The JSON side of the API: routes, what their queries and bodies mean, and answers as JSON or problem+json.
//
//   AddApi(router, service, hub, {.token = token});        // /api/v1/…
//
// Reading is open to whoever reaches the listener, changes need the token (access.h). docs/reference/api.yaml lists everything.
#ifndef BREAKWATER_COORDINATOR_API_HTTP_API_H_
#define BREAKWATER_COORDINATOR_API_HTTP_API_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/http/event_hub.h"
#include "common/http/http.h"
#include "coordinator/api/service.h"

namespace breakwater::api {

struct Access {
  std::string token;               // of changes; empty = there are none
  std::vector<std::string> names;  // by which the listener is reached, besides addresses and localhost
};

// service outlives the router.
void AddApi(http::Router& router, Service& service, std::shared_ptr<http::EventHub> hub, const Access& access);

// What an error is over HTTP.
http::Response ProblemOf(const absl::Status& status);

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_HTTP_API_H_
