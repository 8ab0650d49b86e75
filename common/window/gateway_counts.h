// What the gateway measured for one site within a window.
//
//   window.gateway["example.com"].requests += 1;
//   window.gateway["example.com"].latency.Add(1830);
//
// A value; not thread-safe.
#ifndef BREAKWATER_COMMON_WINDOW_GATEWAY_COUNTS_H_
#define BREAKWATER_COMMON_WINDOW_GATEWAY_COUNTS_H_

#include <cstdint>

#include "common/sketch/log_histogram.h"

namespace breakwater::window {

// X(NAME): the counts of the telemetry contract's GatewaySite, in its order; what each means is written there.
// clang-format off
#define BW_GATEWAY_COUNTS(X) \
  X(requests) X(success) X(client_errors) X(server_errors) X(origin_errors) X(denied) X(challenged) \
  X(challenges_passed) X(handshakes) X(handshakes_resumed) X(handshake_failures) X(cache_hits) X(cache_misses) \
  X(bytes_in) X(bytes_out) X(connections) X(slow_connections)
// clang-format on

struct GatewayCounts {
#define BW_GATEWAY_MEMBER(name) uint64_t name = 0;
  BW_GATEWAY_COUNTS(BW_GATEWAY_MEMBER)
#undef BW_GATEWAY_MEMBER
  sketch::LogHistogram latency{sketch::kLatencyLayout};         // request to the response's last byte, microseconds
  sketch::LogHistogram origin_latency{sketch::kLatencyLayout};  // to the origin's first byte, microseconds

  // An error when another layout of histogram was put in; then nothing has changed.
  absl::Status Merge(const GatewayCounts& o) {
    sketch::LogHistogram merged = latency;
    if (absl::Status s = merged.Merge(o.latency); !s.ok()) return s;
    if (absl::Status s = origin_latency.Merge(o.origin_latency); !s.ok()) return s;
    latency = std::move(merged);
#define BW_GATEWAY_ADD(name) name += o.name;
    BW_GATEWAY_COUNTS(BW_GATEWAY_ADD)
#undef BW_GATEWAY_ADD
    return absl::OkStatus();
  }
  friend bool operator==(const GatewayCounts&, const GatewayCounts&) = default;
};

}  // namespace breakwater::window

#endif  // BREAKWATER_COMMON_WINDOW_GATEWAY_COUNTS_H_
