#include "coordinator/control/control.h"

#include <utility>

#include "coordinator/control/impl.h"

namespace breakwater::coordinator {

Control::Control(Settings settings, fleet::SigningKey key)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(key))) {}
Control::~Control() = default;

std::vector<Action> Control::Step(Event event, absl::Time now) { return impl_->Step(std::move(event), now); }

v1::OverviewView Control::Overview(absl::Time now) const { return impl_->Overview(now); }
v1::EdgesView Control::Edges(const v1::ListEdgesRequest& request, absl::Time now) const {
  return impl_->Edges(request, now);
}
absl::StatusOr<v1::EdgeView> Control::Edge(std::string_view id, absl::Time now) const { return impl_->Edge(id, now); }
v1::AttacksView Control::Attacks(const v1::ListAttacksRequest& request, absl::Time now) const {
  return impl_->attacks().List(request, now);
}
absl::StatusOr<v1::AttackView> Control::Attack(std::string_view id, absl::Time now) const {
  return impl_->attacks().Get(id, now);
}
v1::RulesView Control::Rules(const v1::ListRulesRequest& request, absl::Time now) const {
  return impl_->Rules(request, now);
}
absl::StatusOr<v1::RuleView> Control::Rule(std::string_view id, absl::Time now) const { return impl_->Rule(id, now); }
absl::StatusOr<v1::TrafficView> Control::Traffic(const v1::TrafficRequest& request, absl::Time now) const {
  return impl_->traffic().Get(request, now);
}
absl::StatusOr<v1::ExplainIpView> Control::ExplainIp(const v1::ExplainIpRequest& request, absl::Time now) const {
  return impl_->ExplainIp(request, now);
}
const Counters& Control::counters() const { return impl_->counters(); }

}  // namespace breakwater::coordinator
