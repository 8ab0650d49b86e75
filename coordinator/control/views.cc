// What people see of the fleet and its edges: see impl.h.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "coordinator/control/cursor.h"
#include "coordinator/control/impl.h"
#include "coordinator/control/presentable.h"

namespace breakwater::coordinator {
namespace {

constexpr size_t kMaxNeeds = 32;
constexpr size_t kMaxNeed = 256;
constexpr absl::Duration kClockOff = absl::Milliseconds(200);
constexpr absl::Duration kBehindFor = absl::Seconds(10);   // after this a person should look
constexpr absl::Duration kConflictFor = absl::Minutes(1);  // what was refused is shown this long
constexpr absl::Duration kMissedFor = absl::Hours(24);     // an edge that is gone longer isn't news

double Unix(absl::Time time) {
  return time == absl::InfinitePast() ? 0 : absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

std::string Age(absl::Duration d) { return absl::FormatDuration(absl::Trunc(d, absl::Seconds(1))); }

void Set(const v1::SetVersion& version, v1::SetView& view) {
  view.set_epoch(std::to_string(version.epoch()));
  view.set_revision(std::to_string(version.revision()));
}

std::string AnycastName(v1::AnycastState state) {
  switch (state) {
    case v1::ANYCAST_STATE_ANNOUNCED:
      return "announced";
    case v1::ANYCAST_STATE_DRAINING:
      return "draining";
    case v1::ANYCAST_STATE_WITHDRAWN:
      return "withdrawn";
    default:
      return "";
  }
}

}  // namespace

bool Control::Impl::Behind(const EdgeState& edge) {
  const v1::SetVersion desired = rollout_.Desired(edge.identity);
  const v1::SetVersion& applied = edge.progress.applied();
  return edge.session != 0 && (applied.epoch() != desired.epoch() || applied.revision() < desired.revision());
}

bool Control::Impl::StopOn() const {
  return stop_content_.on() &&
         (stop_content_.until_unix_ms() == 0 || absl::FromUnixMillis(stop_content_.until_unix_ms()) > now_);
}

v1::EdgeView Control::Impl::ViewOf(const EdgeState& edge) {
  v1::EdgeView view;
  const v1::Heartbeat& h = edge.heartbeat;
  view.set_id(edge.identity.id);
  view.set_region(edge.identity.region);
  view.set_class_(edge.edge_class);
  view.set_software_version(edge.software_version);
  view.set_state(edge.session == 0 ? "disconnected" : Silent(edge) ? "silent" : "connected");
  if (edge.session != 0) view.set_connected_unix_s(Unix(edge.connected));
  view.set_last_heard_unix_s(Unix(edge.last_heard));
  view.set_last_window_unix_s(Unix(edge.last_window));
  view.set_clock_offset_ms(absl::ToDoubleMilliseconds(edge.clock_offset));
  view.set_ready(edge.session != 0 && h.ready());
  view.set_panic(h.panic());
  view.set_anycast(AnycastName(h.anycast()));
  view.set_anycast_reason(h.anycast_reason());
  Set(edge.progress.received(), *view.mutable_received());
  Set(edge.progress.applied(), *view.mutable_applied());
  view.set_behind(Behind(edge));
  view.set_rejected_rules(static_cast<double>(edge.progress.rejected()));
  view.set_rules_installed(h.rules_installed());
  *view.mutable_total() = traffic_.EdgeRate(edge.identity.id, now_);
  view.set_cpu_share(h.cpu_permille() / 1000.0);
  for (const v1::Interface& i : h.interfaces()) {
    v1::InterfaceView& out = *view.add_interfaces();
    out.set_name(i.name());
    out.set_mode(i.native_mode() ? "native" : "generic");
    out.set_present(i.present());
  }
  for (const net::IpPrefix& prefix : edge.prefixes) view.add_prefixes(prefix.ToString());
  view.set_duplicate_windows(static_cast<double>(edge.duplicate_windows));
  view.set_refused_windows(static_cast<double>(edge.refused_windows));
  view.set_lost_windows(static_cast<double>(h.lost_windows()));
  return view;
}

std::vector<std::string> Control::Impl::NeedsYou() {
  std::vector<std::string> needs;
  const auto add = [&](std::string text) {
    if (needs.size() >= kMaxNeeds) return;
    needs.push_back(Presentable(text, kMaxNeed));
  };
  if (!store_status_.ok()) {
    add("nothing can be stored for " + Age(now_ - store_failing_since_) + ": " + std::string(store_status_.message()));
  }
  if (StopOn()) add("enforcing is stopped on all edges: " + stop_content_.reason());
  for (const auto& [id, edge] : edges_) {
    const std::string name = "edge " + id;
    if (now_ - edge.conflict_at < kConflictFor) add(edge.conflict);
    if (edge.session == 0) {
      if (now_ - edge.last_heard < kMissedFor) add(name + " is disconnected for " + Age(now_ - edge.last_heard));
      continue;
    }
    const v1::Heartbeat& h = edge.heartbeat;
    if (Silent(edge)) add(name + " is silent for " + Age(now_ - edge.last_heard));
    if (h.panic() && !StopOn()) add(name + " doesn't enforce: panic was set on it");
    if (h.anycast() == v1::ANYCAST_STATE_WITHDRAWN || h.anycast() == v1::ANYCAST_STATE_DRAINING) {
      add(name + " is " + AnycastName(h.anycast()) + (h.anycast_reason().empty() ? "" : ": " + h.anycast_reason()));
    }
    if (!h.ready() && now_ - edge.connected > kBehindFor) add(name + " isn't ready");
    if (Behind(edge) && now_ - edge.led_at > kBehindFor)
      add(name + " doesn't take its rules for " + Age(now_ - edge.led_at));
    if (edge.progress.rejected() > 0) add(name + " refuses " + std::to_string(edge.progress.rejected()) + " rules");
    if (absl::AbsDuration(edge.clock_offset) > kClockOff) {
      add(name + " has a clock that is off by " +
          std::to_string(std::llround(absl::ToDoubleMilliseconds(edge.clock_offset))) + " ms");
    }
    if (now_ - edge.refused_at < kConflictFor) add(name + " sends windows that are refused: " + edge.refused_why);
  }
  return needs;
}

v1::OverviewView Control::Impl::Overview(absl::Time now) {
  SetClock(now);
  v1::OverviewView view;
  view.set_now_unix_s(Unix(now));
  view.set_coordinator(settings_.id);
  view.set_software_version(settings_.software_version);
  view.mutable_desired()->set_epoch(std::to_string(rollout_.epoch()));
  view.mutable_desired()->set_revision(std::to_string(rollout_.revision()));
  view.set_panic(StopOn());
  if (StopOn()) view.set_panic_reason(stop_content_.reason());
  *view.mutable_total() = traffic_.TotalRate(now);
  view.set_active_attacks(static_cast<double>(attacks_.active()));
  view.set_rules(static_cast<double>(rollout_.rules().size()));

  constexpr size_t kMaxRegions = 256;
  constexpr uint32_t kLookedAt = 32;  // attacks, for the regions that they reach
  std::map<std::string, v1::RegionView> regions;
  for (const auto& [id, edge] : edges_) {
    const bool connected = edge.session != 0 && !Silent(edge);
    view.set_edges(view.edges() + 1);
    if (connected) view.set_edges_connected(view.edges_connected() + 1);
    if (connected && Behind(edge)) view.set_edges_behind(view.edges_behind() + 1);
    if (regions.size() >= kMaxRegions && !regions.contains(edge.identity.region)) continue;
    v1::RegionView& region = regions[edge.identity.region];
    region.set_edges(region.edges() + 1);
    if (connected) region.set_edges_connected(region.edges_connected() + 1);
    if (connected && edge.heartbeat.anycast() == v1::ANYCAST_STATE_ANNOUNCED) {
      region.set_edges_announcing(region.edges_announcing() + 1);
    }
  }
  v1::ListAttacksRequest active;
  active.set_active_only(true);
  active.set_limit(kLookedAt);
  const v1::AttacksView attacks = attacks_.List(active, now);
  for (const v1::AttackView& listed : attacks.attacks()) {
    const absl::StatusOr<v1::AttackView> attack = attacks_.Get(listed.id(), now);
    if (!attack.ok()) continue;
    std::set<std::string> reached;
    for (const v1::AttackEdgeView& edge : attack->edges()) {
      // Visitors' traffic to the same target is there in every region.
      const bool share = edge.detected_unix_s() > 0 || edge.packets() >= 0.01 * attack->packets();
      if (edge.now_pps() > 0 && share) reached.insert(edge.region());
    }
    for (const std::string& name : reached) {
      if (const auto it = regions.find(name); it != regions.end())
        it->second.set_active_attacks(it->second.active_attacks() + 1);
    }
  }
  for (auto& [name, region] : regions) {
    region.set_name(name);
    *region.mutable_total() = traffic_.RegionRate(name, now);
    *view.add_regions() = std::move(region);
  }
  for (std::string& need : NeedsYou()) view.add_needs_you(std::move(need));
  return view;
}

v1::EdgesView Control::Impl::Edges(const v1::ListEdgesRequest& request, absl::Time now) {
  SetClock(now);
  std::vector<const EdgeState*> listed;
  for (const auto& [id, edge] : edges_) {
    if (request.region().empty() || edge.identity.region == request.region()) listed.push_back(&edge);
  }
  std::sort(listed.begin(), listed.end(), [](const EdgeState* a, const EdgeState* b) {
    return std::tie(a->identity.region, a->identity.id) < std::tie(b->identity.region, b->identity.id);
  });
  v1::EdgesView view;
  const Page page = PageOf(request.cursor(), request.limit(), listed.size());
  for (size_t i = page.begin; i < page.end; ++i) *view.add_edges() = ViewOf(*listed[i]);
  view.set_next_cursor(page.next);
  return view;
}

absl::StatusOr<v1::EdgeView> Control::Impl::Edge(std::string_view id, absl::Time now) {
  SetClock(now);
  const auto it = edges_.find(id);
  if (it == edges_.end()) return absl::NotFoundError("there is no edge \"" + std::string(id.substr(0, 64)) + "\"");
  return ViewOf(it->second);
}

}  // namespace breakwater::coordinator
