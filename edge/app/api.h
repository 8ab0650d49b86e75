// The HTTP pages of an edge: which paths there are and what answers them.
//
//   http::Router management = ManagementRouter(parts);   // /metrics /healthz /readyz /version: read only
//   http::Router admin = AdminRouter(parts);             // the same, and /v1/status /v1/rules /v1/attacks /v1/panic /v1/anycast
//
// Handlers run on the servers' threads and ask the control strand through its mailbox.
#ifndef BREAKWATER_EDGE_APP_API_H_
#define BREAKWATER_EDGE_APP_API_H_

#include <functional>

#include "common/http/http.h"
#include "common/metrics/metrics.h"
#include "common/service/health.h"
#include "common/service/mailbox.h"
#include "edge/anycast/runner.h"
#include "edge/app/daemon.h"

namespace breakwater::app {

struct ApiParts {
  Daemon& daemon;  // only through the mailbox
  service::Mailbox& mailbox;
  const service::Health& health;
  const metrics::Registry& registry;
  EdgeMetrics& metrics;
  anycast::Runner* anycast = nullptr;  // absent when the edge leaves BGP alone
};

http::Router ManagementRouter(const ApiParts& parts);
http::Router AdminRouter(const ApiParts& parts);

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_API_H_
