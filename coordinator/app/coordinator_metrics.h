// Everything a coordinator exports to Prometheus; docs/reference/metrics.md lists it and a test holds the two together.
//
//   CoordinatorMetrics m(registry);
//   m.SetCounters(control.counters());
//
// Most is counted where it happens and brought up to date here once a second. Thread-safe.
#ifndef BREAKWATER_COORDINATOR_APP_COORDINATOR_METRICS_H_
#define BREAKWATER_COORDINATOR_APP_COORDINATOR_METRICS_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "breakwater/v1/admin.pb.h"
#include "common/http/event_hub.h"
#include "common/http/server.h"
#include "common/metrics/metrics.h"
#include "coordinator/api/service.h"
#include "coordinator/control/control.h"
#include "coordinator/ingest/ingest.h"

namespace breakwater::coordinator {

class CoordinatorMetrics {
 public:
  explicit CoordinatorMetrics(metrics::Registry& registry);

  void Set(const Counters& counters);
  void Set(const v1::OverviewView& overview);
  void Set(const ingest::Ingest::Stats& stats);
  void Set(const http::EventHub::Stats& stats, size_t listeners);
  void Set(const http::Server::Stats& stats);
  void Set(const api::Service::Stats& stats, uint64_t unauthenticated);
  void SetWrites(uint64_t writes);
  void SetLogLinesDropped(uint64_t lines);

  metrics::Histogram step_seconds, commit_seconds;
  metrics::Gauge ready, start_time;

 private:
  // One counter for each number of a struct that counts elsewhere.
  template <typename Stats>
  struct Mirror {
    uint64_t Stats::*number;
    metrics::Counter counter;
  };
  template <typename Stats>
  static void Bring(const std::vector<Mirror<Stats>>& mirrors, const Stats& stats);

  std::vector<Mirror<Counters>> control_;
  std::vector<Mirror<ingest::Ingest::Stats>> ingest_;
  std::vector<Mirror<http::EventHub::Stats>> events_;
  std::vector<Mirror<http::Server::Stats>> http_;
  std::vector<Mirror<api::Service::Stats>> api_;
  metrics::Counter api_unauthenticated_, store_writes_, log_lines_dropped_;
  metrics::Gauge edges_, edges_connected_, edges_behind_, attacks_active_, rules_, panic_, epoch_, revision_, pps_,
      dropped_pps_;
  metrics::Gauge sessions_, telemetry_streams_, listeners_;
};

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_APP_COORDINATOR_METRICS_H_
