// What people see of rules, and why an address is treated as it is: see impl.h.
#include <algorithm>

#include "coordinator/control/cursor.h"
#include "coordinator/control/impl.h"
#include "coordinator/control/presentable.h"
#include "coordinator/control/source_match.h"

namespace breakwater::coordinator {
namespace {

using rollout::RuleOnEdge;
using rollout::State;

constexpr size_t kMaxEdgesShown = 1000;
constexpr size_t kMaxEdgesInLists = 64;  // of each rule
constexpr size_t kMaxExplained = 64;
constexpr size_t kMaxDetail = 1024;  // bytes

double Unix(absl::Time time) {
  return time == absl::InfinitePast() || time == absl::InfiniteFuture()
             ? 0
             : absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

// The least advanced of the edges that can answer; matching anywhere when it is in force on all of them.
class FleetState {
 public:
  void Add(const RuleOnEdge& r) {
    ++edges_;
    if (r.state == State::kRefused) {
      ++refused_;
      if (detail_.empty()) detail_ = r.detail;
      return;
    }
    matching_ = matching_ || r.state == State::kMatching;
    least_ = std::min(least_, r.state);
  }
  State state() const {
    if (edges_ == 0) return State::kReceived;  // by the coordinator, for nobody yet
    if (refused_ == edges_) return State::kRefused;
    return least_ == State::kInstalled && matching_ ? State::kMatching : least_;
  }
  std::string detail() const {
    if (refused_ == 0) return {};
    return "refused by " + std::to_string(refused_) + " of " + std::to_string(edges_) + " edges: " + detail_;
  }

 private:
  size_t edges_ = 0;
  size_t refused_ = 0;
  bool matching_ = false;
  State least_ = State::kMatching;
  std::string detail_;
};

}  // namespace

v1::RuleView Control::Impl::ViewOf(const rollout::Placed& placed, size_t max_edges) {
  v1::RuleView view;
  const rule::Rule& r = placed.entry->rule;
  view.set_id(r.id);
  view.set_origin(std::string(rule::OriginName(r.origin)));
  view.set_mode(std::string(rule::ModeName(r.mode)));
  view.set_action(std::string(rule::ActionName(r.action.kind)));
  view.set_match(rule::CanonicalText(*r.match));
  view.set_priority(r.priority);
  view.set_reason(r.reason);
  view.set_attack_id(r.attack_id);
  view.set_expires_unix_s(Unix(r.expires));
  view.set_created_unix_s(Unix(placed.entry->created));
  view.set_created_by(placed.entry->created_by);
  view.set_revision(std::to_string(placed.revision));
  for (const std::string& region : r.scope.regions) view.add_scope_regions(region);
  for (const std::string& edge : r.scope.edges) view.add_scope_edges(edge);
  for (const net::IpPrefix& prefix : r.scope.prefixes) view.add_scope_prefixes(prefix.ToString());
  view.set_confirm_pps(static_cast<double>(r.confirm_pps));

  FleetState fleet;
  absl::Time last_match = absl::InfinitePast();
  for (const auto& [id, edge] : edges_) {
    if (!rollout::Applies(r.scope, edge.identity)) continue;
    RuleOnEdge on = edge.progress.Of(placed, rollout_.epoch(), policy_.HeldBy(r.id, id), now_);
    if (edge.heartbeat.panic()) on.enforcing = false;
    if (edge.session != 0) fleet.Add(on);
    view.set_matched_packets(view.matched_packets() + static_cast<double>(on.matched_packets));
    view.set_dropped_packets(view.dropped_packets() + static_cast<double>(on.dropped_packets));
    view.set_matched_pps(view.matched_pps() + on.matched_pps);
    view.set_dropped_pps(view.dropped_pps() + on.dropped_pps);
    last_match = std::max(last_match, on.last_match);
    if (static_cast<size_t>(view.edges_size()) >= max_edges) continue;
    v1::RuleEdgeView& out = *view.add_edges();
    out.set_edge(id);
    out.set_region(edge.identity.region);
    out.set_state(std::string(rollout::StateName(on.state)));
    out.set_enforcing(on.enforcing);
    out.set_detail(on.detail);
    out.set_matched_packets(static_cast<double>(on.matched_packets));
    out.set_dropped_packets(static_cast<double>(on.dropped_packets));
    out.set_matched_pps(on.matched_pps);
    out.set_dropped_pps(on.dropped_pps);
  }
  view.set_last_match_unix_s(Unix(last_match));
  view.set_state(std::string(rollout::StateName(fleet.state())));
  view.set_detail(Presentable(fleet.detail(), kMaxDetail));
  return view;
}

v1::RulesView Control::Impl::Rules(const v1::ListRulesRequest& request, absl::Time now) {
  SetClock(now);
  std::vector<const rollout::Placed*> listed;
  for (const auto& [id, placed] : rollout_.rules()) {
    if (!request.origin().empty() && request.origin() != rule::OriginName(placed->entry->rule.origin)) continue;
    listed.push_back(placed.get());
  }
  std::stable_sort(listed.begin(), listed.end(), [](const auto* a, const auto* b) {
    return a->entry->rule.priority < b->entry->rule.priority;  // by id already
  });
  v1::RulesView view;
  const Page page = PageOf(request.cursor(), request.limit(), listed.size());
  for (size_t i = page.begin; i < page.end; ++i) *view.add_rules() = ViewOf(*listed[i], kMaxEdgesInLists);
  view.set_next_cursor(page.next);
  return view;
}

absl::StatusOr<v1::RuleView> Control::Impl::Rule(std::string_view id, absl::Time now) {
  SetClock(now);
  const rollout::PlacedPtr placed = rollout_.Find(id);
  if (placed == nullptr) return absl::NotFoundError("there is no rule \"" + std::string(id.substr(0, 64)) + "\"");
  return ViewOf(*placed, kMaxEdgesShown);
}

absl::StatusOr<v1::ExplainIpView> Control::Impl::ExplainIp(const v1::ExplainIpRequest& request, absl::Time now) {
  SetClock(now);
  const absl::StatusOr<net::IpAddress> address =
      net::IpAddress::Parse(std::string_view(request.address()).substr(0, 64));
  if (!address.ok()) return absl::InvalidArgumentError("address: " + std::string(address.status().message()));
  v1::ExplainIpView view;
  view.set_address(address->ToString());
  for (const rule::GuardEntry& guard : settings_.guards.entries()) {
    if (view.guard().empty() && guard.prefix.Contains(*address)) view.set_guard(guard.name);
  }
  const std::vector<net::IpPrefix> prefixes = Protected();
  view.set_protected_(
      std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& p) { return p.Contains(*address); }));
  std::vector<const rollout::Placed*> holding;
  for (const auto& [id, placed] : rollout_.rules()) {
    if (CanHoldSource(*placed->entry->rule.match, *address)) holding.push_back(placed.get());
  }
  std::stable_sort(holding.begin(), holding.end(),
                   [](const auto* a, const auto* b) { return a->entry->rule.priority < b->entry->rule.priority; });
  std::string decided;
  for (const rollout::Placed* placed : holding) {
    if (static_cast<size_t>(view.rules_size()) >= kMaxExplained) break;
    *view.add_rules() = ViewOf(*placed, kMaxEdgesInLists);
    const v1::RuleView& r = view.rules(view.rules_size() - 1);
    const bool enforced = std::any_of(r.edges().begin(), r.edges().end(), [](const auto& e) { return e.enforcing(); });
    if (decided.empty() && enforced) {
      decided = "rule " + r.id() + " applies " + r.action() + " to packets from it that match " + r.match();
    }
  }
  for (const std::string& id : attacks_.AttacksFrom(*address)) {
    if (static_cast<size_t>(view.attacks_size()) >= kMaxExplained) break;
    if (absl::StatusOr<v1::AttackView> attack = attacks_.Get(id, now); attack.ok())
      *view.add_attacks() = *std::move(attack);
  }
  std::string summary = view.protected_() ? "It is protected: a target rather than a source" : "It is a source";
  if (!view.guard().empty()) summary += "; the guard \"" + view.guard() + "\" keeps detectors' rules away from it";
  if (view.attacks_size() > 0) {
    summary += "; it is among the largest of " + std::to_string(view.attacks_size()) +
               (view.attacks_size() == 1 ? " attack's" : " attacks'") + " sources";
  }
  if (!decided.empty()) {
    summary += "; " + decided;
  } else if (!holding.empty()) {
    summary += "; rules name it, and none of them enforces now";
  } else {
    summary += "; no rule names it";
  }
  view.set_summary(summary + ".");
  return view;
}

}  // namespace breakwater::coordinator
