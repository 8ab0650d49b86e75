// Traffic of the fleet and of each region over time: seconds in memory, minutes and hours in the store.
//
//   TrafficHistory history(TrafficHistoryOptions{});
//   history.OnWindow("ams-1", "eu", window);             // late ones too: they amend what is there
//   v1::TrafficView last_five_minutes = history.Get({.last_s = 300}, now);
//   store::Batch batch = history.TakeWrites(now);        // family "traffic/"; expired rows are deleted by it
//
// Per-edge rates of the last second come from here too. Seconds are kept for 15 minutes, minutes for 24 h, hours for 30
// days. Minutes and hours hold a window as soon as it came, so that a batch of TakeWrites holds all that was counted before
// it; the seconds' view ends where every edge has told all of a second. Traffic is that of hosts: the prefixes that they
// lie in say the same once more. Not thread-safe; bounded by regions and edges, over it windows of new ones are counted
// in the total only.
#ifndef BREAKWATER_COORDINATOR_TRAFFIC_TRAFFIC_HISTORY_H_
#define BREAKWATER_COORDINATOR_TRAFFIC_TRAFFIC_HISTORY_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "breakwater/v1/admin.pb.h"
#include "common/window/window.h"
#include "coordinator/store/store.h"

namespace breakwater::traffic {

struct TrafficHistoryOptions {
  absl::Duration seconds_kept = absl::Minutes(15);
  absl::Duration minutes_kept = absl::Hours(24);
  absl::Duration hours_kept = absl::Hours(24 * 30);
  size_t max_regions = 256;
  size_t max_edges = 20000;
};

class TrafficHistory {
 public:
  explicit TrafficHistory(TrafficHistoryOptions options);
  ~TrafficHistory();

  absl::Status Restore(const store::Store& store, absl::Time now);
  void OnWindow(std::string_view edge, std::string_view region, const window::Window& window);
  // InvalidArgument: an unknown region, last_s out of bounds.
  absl::StatusOr<v1::TrafficView> Get(const v1::TrafficRequest& request, absl::Time now) const;
  // Over the newest second that the edge has reported; zeros when that is older than 5 s.
  v1::RateView EdgeRate(std::string_view edge, absl::Time now) const;
  v1::RateView RegionRate(std::string_view region, absl::Time now) const;
  v1::RateView TotalRate(absl::Time now) const;
  // What changed since the last call; a row once, however much was added to it. Call it about once a second, and for every
  // commit that acknowledges windows.
  store::Batch TakeWrites(absl::Time now);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::traffic

#endif  // BREAKWATER_COORDINATOR_TRAFFIC_TRAFFIC_HISTORY_H_
