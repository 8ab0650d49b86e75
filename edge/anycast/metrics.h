// What the anycast thread exports; docs/reference/metrics.md lists it.
#ifndef BREAKWATER_EDGE_ANYCAST_METRICS_H_
#define BREAKWATER_EDGE_ANYCAST_METRICS_H_

#include <map>
#include <vector>

#include "common/metrics/metrics.h"
#include "edge/anycast/settings.h"

namespace breakwater::anycast {

struct Metrics {
  Metrics(metrics::Registry& registry, const Settings& settings);

  std::map<Presence, metrics::Gauge> presence;
  metrics::Counter changes, bird_failures;
  std::vector<metrics::Counter> check_failures;  // by check of the settings
  std::vector<metrics::Gauge> check_good;        // by check of the machine: the datapath's first
};

}  // namespace breakwater::anycast

#endif  // BREAKWATER_EDGE_ANYCAST_METRICS_H_
