#include "edge/app/api.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/service/pages.h"
#include "edge/app/view_json.h"
#include "nlohmann/json.hpp"

namespace breakwater::app {
namespace {

constexpr absl::Duration kAnswerWithin = absl::Seconds(2);

struct Snapshot {
  Status status;
  std::vector<control::RuleView> rules;
  std::vector<detect::Attack> attacks;
};

absl::StatusOr<Snapshot> Ask(const ApiParts& parts) {
  Daemon* daemon = &parts.daemon;
  return parts.mailbox.Ask<Snapshot>(
      [daemon] {
        return Snapshot{daemon->GetStatus(), daemon->Rules(), daemon->Attacks()};
      },
      kAnswerWithin);
}

http::Response FromStatus(const absl::Status& s) { return http::Problem(503, std::string(s.message())); }

http::Response Page(const ApiParts& parts, const std::function<std::string(const Snapshot&)>& page) {
  const absl::StatusOr<Snapshot> snapshot = Ask(parts);
  if (!snapshot.ok()) return FromStatus(snapshot.status());
  return http::Json(200, page(*snapshot));
}

http::Response MetricsPage(const ApiParts& parts) {
  parts.metrics.ready.Set(parts.health.Read().ready ? 1 : 0);
  EdgeMetrics::RaiseTo(parts.metrics.log_lines_dropped, log::DroppedLines());
  return {.status = 200,
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = parts.registry.Text(),
          .allow = {}};
}

http::Response Panic(const ApiParts& parts, const http::Request& request) {
  const nlohmann::json body = nlohmann::json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  const auto wrong = [] { return http::Problem(400, R"(expected {"on": true or false, "reason": "text"})"); };
  if (!body.is_object() || !body.contains("on") || !body["on"].is_boolean()) return wrong();
  if (body.contains("reason") && !body["reason"].is_string()) return wrong();
  const bool on = body["on"].get<bool>();
  const std::string reason = body.contains("reason") ? body["reason"].get<std::string>() : "";
  if (reason.size() > StateFile::kMaxPanicReason) {
    return http::Problem(400, absl::StrCat("the reason is over the limit of ", StateFile::kMaxPanicReason, " bytes"));
  }
  Daemon* daemon = &parts.daemon;
  const absl::StatusOr<Status> status = parts.mailbox.Ask<Status>(
      [daemon, on, reason] {
        daemon->SetPanic(on, reason);
        return daemon->GetStatus();
      },
      kAnswerWithin);
  if (!status.ok()) return FromStatus(status.status());
  return http::Json(
      200,
      nlohmann::json{{"panic", status->panic}, {"reason", status->panic ? status->panic_reason : ""}}.dump() + "\n");
}

http::Response Anycast(const ApiParts& parts) {
  if (parts.anycast == nullptr)
    return http::Problem(404, "this edge doesn't control its announcements; section anycast of its configuration does");
  return http::Json(200, AnycastJson(parts.anycast->Read()));
}

http::Response Drain(const ApiParts& parts, const http::Request& request) {
  if (parts.anycast == nullptr) return Anycast(parts);
  const nlohmann::json body = nlohmann::json::parse(request.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object() || !body.contains("on") || !body["on"].is_boolean() ||
      (body.contains("reason") && !body["reason"].is_string())) {
    return http::Problem(400, R"(expected {"on": true or false, "reason": "text"})");
  }
  const std::string reason = body.contains("reason") ? body["reason"].get<std::string>() : "";
  if (reason.size() > anycast::Runner::kMaxReason) {
    return http::Problem(400, absl::StrCat("the reason is over the limit of ", anycast::Runner::kMaxReason, " bytes"));
  }
  const absl::Status remembered = parts.anycast->Drain(body["on"].get<bool>(), reason);
  if (!remembered.ok()) {
    return http::Problem(
        500, absl::StrCat("it is done, but a restart of the edge will forget it: ", std::string(remembered.message())));
  }
  return Anycast(parts);
}

}  // namespace

http::Router ManagementRouter(const ApiParts& parts) {
  http::Router router;
  router.Get("/metrics", [parts](const http::Request&) { return MetricsPage(parts); });
  router.Get("/healthz", [parts](const http::Request&) { return service::HealthzPage(parts.health); });
  router.Get("/readyz", [parts](const http::Request& request) { return service::ReadyzPage(parts.health, request); });
  router.Get("/version", [](const http::Request&) { return service::VersionPage(); });
  return router;
}

http::Router AdminRouter(const ApiParts& parts) {
  http::Router router = ManagementRouter(parts);
  router.Get("/v1/status", [parts](const http::Request&) {
    return Page(parts,
                [&](const Snapshot& s) { return StatusJson(s.status, parts.health.Read(), s.rules, s.attacks); });
  });
  router.Get("/v1/rules", [parts](const http::Request&) {
    return Page(parts, [](const Snapshot& s) { return RulesJson(s.rules, s.status.now); });
  });
  router.Get("/v1/attacks", [parts](const http::Request&) {
    return Page(parts, [](const Snapshot& s) { return AttacksJson(s.attacks); });
  });
  router.Get("/v1/anycast", [parts](const http::Request&) { return Anycast(parts); });
  router.Post("/v1/anycast/drain", [parts](const http::Request& request) { return Drain(parts, request); });
  router.Post("/v1/panic", [parts](const http::Request& request) { return Panic(parts, request); });
  return router;
}

}  // namespace breakwater::app
