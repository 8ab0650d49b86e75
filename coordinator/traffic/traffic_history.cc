#include "coordinator/traffic/traffic_history.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/traffic/rollup.h"

namespace breakwater::traffic {
namespace {

using window::Counts;
using window::Window;

constexpr double kDefaultLast = 300;
constexpr double kMaxLast = 30 * 24 * 3600;
constexpr absl::Duration kRateAge = absl::Seconds(5);
// So long after its end a second is shown whether or not every edge has told of it.
constexpr absl::Duration kSettleTime = absl::Milliseconds(1300);
constexpr size_t kEdgeSeconds = 8;
constexpr size_t kMaxRegionLength = 64;
// A row of the store is FAMILY + resolution + "/" + region + "/" + time.
constexpr std::string_view kFamily = "traffic/";
constexpr std::array<std::string_view, 3> kResolutions = {"s", "m", "h"};  // seconds aren't stored

struct Series {
  std::array<Rollup, 3> rollups;  // seconds, minutes, hours
  explicit Series(const TrafficHistoryOptions& o)
      : rollups{Rollup(absl::Seconds(1), o.seconds_kept), Rollup(absl::Minutes(1), o.minutes_kept),
                Rollup(absl::Hours(1), o.hours_kept)} {}
};

struct Edge {
  std::string region;
  std::map<absl::Time, Counts> seconds;           // the newest
  absl::Time whole_until = absl::InfinitePast();  // every second before this has been told in full
};

v1::RateView ToRate(const Counts& c, double seconds) {
  v1::RateView r;
  r.set_pps(static_cast<double>(c.packets) / seconds);
  r.set_bps(static_cast<double>(c.bytes) * 8 / seconds);
  r.set_dropped_pps(static_cast<double>(c.dropped_packets) / seconds);
  r.set_dropped_bps(static_cast<double>(c.dropped_bytes) * 8 / seconds);
  return r;
}

Counts TotalOf(const window::Slot& slot) {
  Counts sum;
  for (const Counts& c : Totals(slot)) sum += c;
  return sum;
}

// The share of c that lies in the part [from, to) of whole; the parts of a whole add up to c.
Counts Share(const Counts& c, int64_t from, int64_t to, int64_t whole) {
  const auto share = [&](uint64_t v) {
    const auto upto = [&](int64_t n) {
      return static_cast<uint64_t>(static_cast<long double>(v) * static_cast<long double>(n) /
                                   static_cast<long double>(whole));
    };
    return (to == whole ? v : upto(to)) - upto(from);
  };
  return {share(c.packets), share(c.bytes), share(c.dropped_packets), share(c.dropped_bytes)};
}

// By second. A slot is shorter than a second or, in a window merged while it waited, several seconds long.
std::map<absl::Time, Counts> BySecond(const Window& w) {
  std::map<absl::Time, Counts> seconds;
  for (const window::Slot& slot : w.slots) {
    const Counts total = TotalOf(slot);
    const int64_t length = absl::ToInt64Milliseconds(slot.length);
    const int64_t start = absl::ToUnixMillis(slot.start);
    for (int64_t at = 0; at < length;) {
      const int64_t second = (start + at) / 1000 * 1000;
      const int64_t to = std::min(length, second + 1000 - start);
      seconds[absl::FromUnixMillis(second)] += Share(total, at, to, length);
      at = to;
    }
  }
  return seconds;
}

}  // namespace

class TrafficHistory::Impl {
 public:
  explicit Impl(TrafficHistoryOptions options) : options_(options), total_(options) {}

  absl::Status Restore(const store::Store& store, absl::Time now);
  void OnWindow(std::string_view edge, std::string_view region, const Window& window);
  absl::StatusOr<v1::TrafficView> Get(const v1::TrafficRequest& request, absl::Time now) const;
  Counts EdgeRate(const Edge& edge, absl::Time now) const;
  v1::RateView EdgeRate(std::string_view edge, absl::Time now) const {
    const auto it = edges_.find(edge);
    return ToRate(it == edges_.end() ? Counts{} : EdgeRate(it->second, now), 1);
  }
  // Of all edges when region is null.
  v1::RateView SumOfEdges(const std::string_view* region, absl::Time now) const {
    Counts sum;
    for (const auto& [id, e] : edges_) {
      if (region == nullptr || e.region == *region) sum += EdgeRate(e, now);
    }
    return ToRate(sum, 1);
  }
  store::Batch TakeWrites(absl::Time now);

 private:
  absl::Status RestoreRow(std::string_view key, std::string_view value);
  Series* SeriesOf(std::string_view region);
  Edge* EdgeOf(std::string_view edge);
  // The end of the newest second that every edge heard of lately has told in full.
  absl::Time SettledUntil(std::string_view region, absl::Time now) const;

  TrafficHistoryOptions options_;
  std::map<std::string, Series, std::less<>> regions_;
  std::map<std::string, Edge, std::less<>> edges_;
  Series total_;
};

Series* TrafficHistory::Impl::SeriesOf(std::string_view region) {
  if (auto it = regions_.find(region); it != regions_.end()) return &it->second;
  if (regions_.size() >= options_.max_regions || region.empty() || region.size() > kMaxRegionLength) return nullptr;
  return &regions_.try_emplace(std::string(region), options_).first->second;
}

Edge* TrafficHistory::Impl::EdgeOf(std::string_view edge) {
  if (auto it = edges_.find(edge); it != edges_.end()) return &it->second;
  if (edges_.size() >= options_.max_edges) return nullptr;
  return &edges_.try_emplace(std::string(edge)).first->second;
}

void TrafficHistory::Impl::OnWindow(std::string_view edge, std::string_view region, const Window& window) {
  const std::map<absl::Time, Counts> seconds = BySecond(window);
  Series* series = SeriesOf(region);
  const absl::Time told = window.reported_end();
  for (const auto& [second, counts] : seconds) {
    if (second >= told && counts == Counts{}) continue;
    for (Rollup& r : total_.rollups) r.Add(second, counts);
    if (series == nullptr) continue;
    for (Rollup& r : series->rollups) r.Add(second, counts);
  }
  Edge* e = EdgeOf(edge);
  if (e == nullptr) return;
  e->region = region;
  e->whole_until = std::max(e->whole_until, absl::FromUnixSeconds(absl::ToUnixSeconds(told)));
  for (const auto& [second, counts] : seconds) e->seconds[second] += counts;
  while (e->seconds.size() > kEdgeSeconds) e->seconds.erase(e->seconds.begin());
}

Counts TrafficHistory::Impl::EdgeRate(const Edge& edge, absl::Time now) const {
  auto it = edge.seconds.lower_bound(edge.whole_until);
  if (it == edge.seconds.begin()) return {};
  --it;
  return it->first + absl::Seconds(1) + kRateAge < now ? Counts{} : it->second;
}

absl::Time TrafficHistory::Impl::SettledUntil(std::string_view region, absl::Time now) const {
  const absl::Time late = absl::FromUnixSeconds(absl::ToUnixSeconds(now - kSettleTime));
  absl::Time settled = absl::InfiniteFuture();
  for (const auto& [id, e] : edges_) {
    if (e.whole_until < late || (!region.empty() && e.region != region)) continue;
    settled = std::min(settled, e.whole_until);
  }
  const absl::Time current = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  return settled == absl::InfiniteFuture() ? late : std::min(settled, current);
}

absl::StatusOr<v1::TrafficView> TrafficHistory::Impl::Get(const v1::TrafficRequest& request, absl::Time now) const {
  const double last = request.last_s() == 0 ? kDefaultLast : request.last_s();
  if (!(last >= 1 && last <= kMaxLast)) {
    return absl::InvalidArgumentError(absl::StrCat("last_s is ", last, ", must be 1 to ", kMaxLast, " seconds"));
  }
  const Series* series = &total_;
  if (!request.region().empty()) {
    const auto it = regions_.find(request.region());
    if (it == regions_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no edge of region \"", request.region().substr(0, kMaxRegionLength), "\" has sent anything"));
    }
    series = &it->second;
  }
  const Rollup* rollup = nullptr;
  for (const Rollup& r : series->rollups) {
    if (rollup == nullptr && absl::Seconds(last) <= r.kept()) rollup = &r;
  }
  if (rollup == nullptr) rollup = &series->rollups.back();
  const double step = absl::ToDoubleSeconds(rollup->step());
  const auto points = static_cast<int64_t>(std::ceil(last / step));
  const absl::Time settled = SettledUntil(request.region(), now);
  // The minute or hour that is under way is shown as far as it got.
  const absl::Time end = rollup == &series->rollups[0] ? settled : rollup->StepOf(settled) + rollup->step();
  v1::TrafficView view;
  view.set_region(request.region());
  view.set_step_s(step);
  const absl::Time start = end - rollup->step() * points;
  view.set_start_unix_s(absl::ToDoubleSeconds(start - absl::UnixEpoch()));
  for (int64_t i = 0; i < points; ++i) {
    const absl::Time at = start + rollup->step() * i;
    v1::TrafficPoint& p = *view.add_points();
    const Counts* c = rollup->Find(at);
    if (c == nullptr) continue;
    const double covered = std::clamp(absl::ToDoubleSeconds(settled - at), 1.0, step);
    const v1::RateView rate = ToRate(*c, covered);
    p.set_known(true);
    p.set_pps(rate.pps());
    p.set_bps(rate.bps());
    p.set_dropped_pps(rate.dropped_pps());
    p.set_dropped_bps(rate.dropped_bps());
  }
  return view;
}

store::Batch TrafficHistory::Impl::TakeWrites(absl::Time now) {
  store::Batch batch;
  store::Batch unused;
  for (auto& [region, series] : regions_) {
    for (size_t r = 0; r < kResolutions.size(); ++r) {
      series.rollups[r].Expire(now);
      series.rollups[r].TakeWrites(absl::StrCat(std::string(kFamily), std::string(kResolutions[r]), "/", region, "/"),
                                   r == 0 ? unused : batch);
    }
  }
  // The total is the sum of the regions, made anew when they are read back.
  for (Rollup& r : total_.rollups) {
    r.Expire(now);
    r.TakeWrites("", unused);
  }
  return batch;
}

absl::Status TrafficHistory::Impl::RestoreRow(std::string_view key, std::string_view value) {
  const std::string_view rest = key.substr(kFamily.size());
  const size_t slash = rest.rfind('/');
  const size_t r = rest.starts_with("m/") ? 1 : rest.starts_with("h/") ? 2 : 0;
  if (r == 0 || slash == std::string_view::npos || slash < 3) {
    return absl::DataLossError(absl::StrCat("unknown key \"", std::string(key), "\""));
  }
  int64_t seconds = 0;
  for (const char c : rest.substr(slash + 1, 10)) {
    if (c < '0' || c > '9') return absl::DataLossError(absl::StrCat("no time in key \"", std::string(key), "\""));
    seconds = seconds * 10 + (c - '0');
  }
  absl::StatusOr<Counts> counts = ParseCounts(value);
  if (!counts.ok()) {
    return absl::DataLossError(
        absl::StrCat("key \"", std::string(key), "\": ", std::string(counts.status().message())));
  }
  Series* series = SeriesOf(rest.substr(2, slash - 2));
  if (series == nullptr) {
    return absl::DataLossError(
        absl::StrCat("key \"", std::string(key), "\": over the limit of ", options_.max_regions, " regions"));
  }
  const absl::Time at = absl::FromUnixSeconds(seconds);
  series->rollups[r].Restore(series->rollups[r].StepOf(at), *counts);
  Rollup& total = total_.rollups[r];
  Counts sum = *counts;
  if (const Counts* known = total.Find(at); known != nullptr) sum += *known;
  total.Restore(total.StepOf(at), sum);
  return absl::OkStatus();
}

absl::Status TrafficHistory::Impl::Restore(const store::Store& store, absl::Time now) {
  absl::Status bad;
  absl::Status scanned = store.Scan(kFamily, "", [&](std::string_view key, std::string_view value) {
    bad.Update(RestoreRow(key, value));
    return true;
  });
  if (!scanned.ok()) return scanned;
  for (auto& [region, series] : regions_) {
    for (Rollup& r : series.rollups) r.Expire(now);
  }
  for (Rollup& r : total_.rollups) r.Expire(now);
  return bad;
}

TrafficHistory::TrafficHistory(TrafficHistoryOptions options) : impl_(std::make_unique<Impl>(options)) {}
TrafficHistory::~TrafficHistory() = default;
absl::Status TrafficHistory::Restore(const store::Store& store, absl::Time now) { return impl_->Restore(store, now); }
void TrafficHistory::OnWindow(std::string_view edge, std::string_view region, const Window& window) {
  impl_->OnWindow(edge, region, window);
}
absl::StatusOr<v1::TrafficView> TrafficHistory::Get(const v1::TrafficRequest& request, absl::Time now) const {
  return impl_->Get(request, now);
}
v1::RateView TrafficHistory::EdgeRate(std::string_view edge, absl::Time now) const {
  return impl_->EdgeRate(edge, now);
}
v1::RateView TrafficHistory::RegionRate(std::string_view region, absl::Time now) const {
  return impl_->SumOfEdges(&region, now);
}
v1::RateView TrafficHistory::TotalRate(absl::Time now) const { return impl_->SumOfEdges(nullptr, now); }
store::Batch TrafficHistory::TakeWrites(absl::Time now) { return impl_->TakeWrites(now); }

}  // namespace breakwater::traffic
