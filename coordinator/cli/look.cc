// The commands that change nothing.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/net/ip.h"
#include "coordinator/cli/handlers.h"
#include "coordinator/cli/pages.h"
#include "coordinator/cli/render.h"
#include "coordinator/cli/text.h"

namespace breakwater::cli {
namespace {

template <typename List>
std::vector<std::string> Ids(const List& list) {
  std::vector<std::string> ids;
  for (const auto& item : list) ids.push_back(item.id());
  return ids;
}

template <typename List>
std::vector<const google::protobuf::Message*> Items(const List& list) {
  std::vector<const google::protobuf::Message*> items;
  for (const auto& item : list) items.push_back(&item);
  return items;
}

// Tables of nothing aren't printed; that there is nothing is said on the side.
template <typename List>
int ShowList(const Session& s, const google::protobuf::Message& view, const List& list, std::string_view nothing,
             const std::function<std::string()>& table) {
  if (list.empty() && s.output == Output::kTable) {
    s.console.err << nothing << "\n";
    return kOk;
  }
  return s.Show(view, table, Ids(list), Items(list), true);
}

}  // namespace

int Overview(Session& s) {
  const absl::StatusOr<v1::OverviewView> view = s.client->GetOverview({});
  if (!view.ok()) return s.Fail(view.status());
  v1::AttacksView active;
  if (s.output == Output::kTable && view->active_attacks() > 0) {
    constexpr uint32_t kShown = 10;
    v1::ListAttacksRequest request;
    request.set_active_only(true);
    request.set_limit(kShown);
    absl::StatusOr<v1::AttacksView> attacks = s.client->ListAttacks(request);
    if (!attacks.ok()) return s.Fail(attacks.status());
    active = *std::move(attacks);
  }
  return s.Show(*view, [&] { return OverviewText(*view, active, s.style); }, {view->coordinator()});
}

int EdgeList(Session& s) {
  v1::ListEdgesRequest request;
  request.set_region(s.values.Text("--region"));
  const auto view = AllPages(s, request, &AdminClient::ListEdges, [](auto& v) { return v.mutable_edges(); });
  if (!view.ok()) return s.Fail(view.status());
  return ShowList(s, *view, view->edges(), "no edges", [&] { return EdgesText(*view, s.now_unix_s(), s.style); });
}

int EdgeShow(Session& s) {
  v1::GetEdgeRequest request;
  request.set_id(s.values.Text("ID"));
  const absl::StatusOr<v1::EdgeView> edge = s.client->GetEdge(request);
  if (!edge.ok()) return s.Fail(edge.status(), "bwctl edge list shows which there are");
  return s.Show(*edge, [&] { return EdgeText(*edge, s.now_unix_s(), s.style); }, {edge->id()});
}

int AttackList(Session& s) {
  v1::ListAttacksRequest request;
  request.set_active_only(s.values.Has("--active"));
  const auto view = AllPages(s, request, &AdminClient::ListAttacks, [](auto& v) { return v.mutable_attacks(); });
  if (!view.ok()) return s.Fail(view.status());
  return ShowList(s, *view, view->attacks(), request.active_only() ? "no attack goes on" : "no attacks",
                  [&] { return AttacksText(*view, s.style); });
}

int AttackShow(Session& s) {
  v1::GetAttackRequest request;
  request.set_id(s.values.Text("ID"));
  const absl::StatusOr<v1::AttackView> attack = s.client->GetAttack(request);
  if (!attack.ok()) return s.Fail(attack.status(), "bwctl attack list shows which there are");
  return s.Show(*attack, [&] { return AttackText(*attack, s.style); }, {attack->id()});
}

int RuleList(Session& s) {
  v1::ListRulesRequest request;
  request.set_origin(s.values.Text("--origin"));
  const auto view = AllPages(s, request, &AdminClient::ListRules, [](auto& v) { return v.mutable_rules(); });
  if (!view.ok()) return s.Fail(view.status());
  return ShowList(s, *view, view->rules(), "no rules", [&] { return RulesText(*view, s.now_unix_s(), s.style); });
}

int RuleShow(Session& s) {
  v1::GetRuleRequest request;
  request.set_id(s.values.Text("ID"));
  const absl::StatusOr<v1::RuleView> rule = s.client->GetRule(request);
  if (!rule.ok()) return s.Fail(rule.status(), "bwctl rule list shows which there are");
  return s.Show(*rule, [&] { return RuleText(*rule, s.now_unix_s(), s.style); }, {rule->id()});
}

int ExplainIp(Session& s) {
  const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(s.values.Text("ADDRESS"));
  if (!address.ok()) return s.UsageMistake(std::string(address.status().message()));
  v1::ExplainIpRequest request;
  request.set_address(address->ToString());
  const absl::StatusOr<v1::ExplainIpView> view = s.client->ExplainIp(request);
  if (!view.ok()) return s.Fail(view.status());
  return s.Show(
      *view, [&] { return ExplainText(*view, s.now_unix_s(), s.style); }, Ids(view->rules()));
}

int Traffic(Session& s) {
  v1::TrafficRequest request;
  request.set_last_s(absl::ToDoubleSeconds(s.values.DurationOf("--last", absl::Minutes(5))));
  request.set_region(s.values.Text("--region"));
  const absl::StatusOr<v1::TrafficView> view = s.client->GetTraffic(request);
  if (!view.ok()) return s.Fail(view.status());
  return s.Show(*view, [&] { return TrafficText(*view, s.style); }, {});
}

int PanicStatus(Session& s) {
  const absl::StatusOr<v1::OverviewView> view = s.client->GetOverview({});
  if (!view.ok()) return s.Fail(view.status());
  v1::PanicResponse answer;
  answer.set_on(view->panic());
  answer.set_edges_reached(view->edges_connected());
  const auto text = [&] {
    return view->panic()
               ? absl::StrCat("on: nothing is dropped anywhere; reason: ", Printable(view->panic_reason()), "\n")
               : std::string("off: rules are enforced\n");
  };
  return s.Show(answer, text, {view->panic() ? "on" : "off"});
}

}  // namespace breakwater::cli
