#include "coordinator/cli/fake_coordinator.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace breakwater::cli {
namespace {

class FakeClient final : public AdminClient {
 public:
  explicit FakeClient(FakeCoordinator& coordinator) : c_(coordinator) {}

  absl::StatusOr<v1::OverviewView> GetOverview(const v1::OverviewRequest&) override { return Answer(c_.overview); }
  absl::StatusOr<v1::TrafficView> GetTraffic(const v1::TrafficRequest& request) override {
    c_.traffics.push_back(request);
    return Answer(c_.traffic);
  }
  absl::StatusOr<v1::EdgesView> ListEdges(const v1::ListEdgesRequest& request) override {
    return Page(c_.edges, request, [](auto& view) { return view.mutable_edges(); });
  }
  absl::StatusOr<v1::EdgeView> GetEdge(const v1::GetEdgeRequest& request) override {
    return Find<v1::EdgeView>(c_.edges.edges(), request.id(), "edge");
  }
  absl::StatusOr<v1::AttacksView> ListAttacks(const v1::ListAttacksRequest& request) override {
    v1::AttacksView view;
    for (const v1::AttackView& attack : c_.attacks.attacks()) {
      if (!request.active_only() || attack.state() != "ended") *view.add_attacks() = attack;
    }
    return Page(view, request, [](auto& v) { return v.mutable_attacks(); });
  }
  absl::StatusOr<v1::AttackView> GetAttack(const v1::GetAttackRequest&) override {
    if (absl::Status status = Fail(); !status.ok()) return status;
    return c_.attack;
  }
  absl::StatusOr<v1::RulesView> ListRules(const v1::ListRulesRequest& request) override {
    c_.rule_lists.push_back(request);
    return Page(c_.rules, request, [](auto& view) { return view.mutable_rules(); });
  }
  absl::StatusOr<v1::RuleView> GetRule(const v1::GetRuleRequest& request) override {
    if (!c_.polled.empty()) {
      const v1::RuleView view = c_.polled.front();
      if (c_.polled.size() > 1) c_.polled.erase(c_.polled.begin());
      return Answer(view);
    }
    return Find<v1::RuleView>(c_.rules.rules(), request.id(), "rule");
  }
  absl::StatusOr<v1::RuleView> CreateRule(const v1::CreateRuleRequest& request) override {
    c_.creates.push_back(request);
    return Answer(c_.made);
  }
  absl::StatusOr<v1::DeleteRuleResponse> DeleteRule(const v1::DeleteRuleRequest& request) override {
    c_.deletes.push_back(request);
    v1::DeleteRuleResponse response;
    response.set_id(request.id());
    response.set_revision("18");
    return Answer(response);
  }
  absl::StatusOr<v1::RuleView> Block(const v1::BlockRequest& request) override {
    c_.blocks.push_back(request);
    return Answer(c_.made);
  }
  absl::StatusOr<v1::UnblockResponse> Unblock(const v1::UnblockRequest& request) override {
    c_.unblocks.push_back(request);
    v1::UnblockResponse response;
    response.add_removed_rules("block-1");
    response.set_revision("19");
    return Answer(response);
  }
  absl::StatusOr<v1::ExplainIpView> ExplainIp(const v1::ExplainIpRequest& request) override {
    v1::ExplainIpView view = c_.explain;
    view.set_address(request.address());
    return Answer(view);
  }
  absl::StatusOr<v1::PanicResponse> SetPanic(const v1::PanicRequest& request) override {
    c_.panics.push_back(request);
    v1::PanicResponse response;
    response.set_on(request.on());
    response.set_edges_reached(3);
    return Answer(response);
  }

 private:
  absl::Status Fail() {
    ++c_.calls;
    const bool fails = c_.failing_calls < 0 || c_.calls <= c_.failing_calls;
    return fails ? c_.failure : absl::OkStatus();
  }

  template <typename T>
  absl::StatusOr<T> Answer(const T& view) {
    if (absl::Status status = Fail(); !status.ok()) return status;
    return view;
  }

  template <typename T, typename List>
  absl::StatusOr<T> Find(const List& list, const std::string& id, std::string_view what) {
    if (absl::Status status = Fail(); !status.ok()) return status;
    for (const T& item : list) {
      if (item.id() == id) return item;
    }
    return absl::NotFoundError(absl::StrCat("no ", std::string(what), " \"", id, "\""));
  }

  // The cursor is the index of the next item.
  template <typename View, typename Request, typename Items>
  absl::StatusOr<View> Page(View all, const Request& request, Items items) {
    if (absl::Status status = Fail(); !status.ok()) return status;
    const int start = request.cursor().empty() ? 0 : std::stoi(request.cursor());
    const int end = std::min(items(all)->size(), start + static_cast<int>(request.limit()));
    View page;
    for (int i = start; i < end; ++i) *items(page)->Add() = items(all)->Get(i);
    if (end < items(all)->size()) page.set_next_cursor(absl::StrCat(end));
    if (c_.endless) page.set_next_cursor("0");
    return page;
  }

  FakeCoordinator& c_;
};

}  // namespace

ClientFactory FakeCoordinator::Factory() {
  return [this](const Connection& connection, absl::Duration each) -> absl::StatusOr<std::unique_ptr<AdminClient>> {
    connections.push_back(connection);
    timeout = each;
    return std::make_unique<FakeClient>(*this);
  };
}

Console FakeTerminal::MakeConsole() {
  return {.in = in,
          .out = out,
          .err = err,
          .getenv = [this](std::string_view name) -> std::optional<std::string> {
            const auto found = environment.find(name);
            if (found == environment.end()) return std::nullopt;
            return found->second;
          },
          .now = [this] { return now; },
          .wait =
              [this](absl::Duration duration) {
                waited.push_back(duration);
                now += duration;
                return waits-- > 0;
              }};
}

void ReadView(std::string_view name, google::protobuf::Message& view) {
  const std::string path = absl::StrCat(std::string(kTestData), "views/", std::string(name), ".txtpb");
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text.str(), &view)) << path;
}

}  // namespace breakwater::cli
