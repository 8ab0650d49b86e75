// What the admin socket answers, as JSON. People script against these keys: add, never rename.
//
//   GET /v1/status, /v1/rules, /v1/attacks, /v1/anycast
//
// Times are RFC 3339 in UTC, durations seconds, an absent time null. Pure.
#ifndef BREAKWATER_EDGE_APP_VIEW_JSON_H_
#define BREAKWATER_EDGE_APP_VIEW_JSON_H_

#include <string>
#include <vector>

#include "common/service/health.h"
#include "edge/anycast/runner.h"
#include "edge/app/daemon.h"

namespace breakwater::app {

std::string StatusJson(const Status& status, const service::Health::Report& health,
                       const std::vector<control::RuleView>& rules, const std::vector<detect::Attack>& attacks);
std::string RulesJson(const std::vector<control::RuleView>& rules, absl::Time now);
std::string AttacksJson(const std::vector<detect::Attack>& attacks);
std::string AnycastJson(const anycast::Report& report);
std::string HealthJson(const service::Health::Report& health);

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_VIEW_JSON_H_
