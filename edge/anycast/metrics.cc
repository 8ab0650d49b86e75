#include "edge/anycast/metrics.h"

#include <utility>

namespace breakwater::anycast {

Metrics::Metrics(metrics::Registry& registry, const Settings& settings)
    : changes(registry.AddCounter("breakwater_edge_anycast_changes_total",
                                  "Protocols of BIRD that were enabled or disabled")),
      bird_failures(
          registry.AddCounter("breakwater_edge_anycast_bird_failures_total", "Conversations with BIRD that failed")) {
  for (const auto& [p, name] : {std::pair{Presence::kAnnounced, "announced"},
                                {Presence::kDeprefered, "deprefered"},
                                {Presence::kWithdrawn, "withdrawn"}}) {
    presence.emplace(
        p, registry.AddGauge("breakwater_edge_anycast_state", "1 for how this edge stands in BGP", {{"state", name}}));
  }
  const auto good = [&](const std::string& name) {
    return registry.AddGauge("breakwater_edge_anycast_check_good", "1 while a check counts as good", {{"check", name}});
  };
  check_good.push_back(good("datapath"));
  for (const CheckSettings& check : settings.checks) {
    check_good.push_back(good(check.name));
    check_failures.push_back(registry.AddCounter("breakwater_edge_anycast_check_failures_total",
                                                 "Bad results of a check", {{"check", check.name}}));
  }
}

}  // namespace breakwater::anycast
