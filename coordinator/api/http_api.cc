#include "coordinator/api/http_api.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/view_json/view_json.h"
#include "coordinator/api/access.h"

namespace breakwater::api {
namespace {

constexpr std::string_view kPerson = "api";  // who has the token

struct HttpError {
  int status;
  std::string_view code;
  std::string_view hint;
};

HttpError HttpErrorOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return {400, "invalid", "docs/reference/api.yaml says what is expected"};
    case absl::StatusCode::kUnauthenticated:
      return {401, "unauthenticated", "the token is in the file api-token of the coordinator's state directory"};
    case absl::StatusCode::kPermissionDenied:
      return {403, "forbidden", ""};
    case absl::StatusCode::kNotFound:
      return {404, "not_found", ""};
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition:
      return {409, "conflict", ""};
    case absl::StatusCode::kResourceExhausted:
      return {429, "exhausted", "try again later"};
    case absl::StatusCode::kUnimplemented:
      return {501, "not_implemented", ""};
    case absl::StatusCode::kUnavailable:
      return {503, "unavailable", "try again in a moment"};
    case absl::StatusCode::kDeadlineExceeded:
      return {504, "deadline", "the coordinator is busy; whether the change happened shows when you read it"};
    default:
      return {500, "internal", "the coordinator's log may say more"};
  }
}

using MakeRequest = std::function<absl::StatusOr<Request>(const http::Request&)>;

absl::Status OnlyKeys(const http::Request& request, std::initializer_list<std::string_view> known) {
  for (const std::string& key : http::QueryKeys(request.query)) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string names;
    for (const std::string_view name : known) absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(name));
    return absl::InvalidArgumentError(
        absl::StrCat("unknown query parameter \"", key, "\"; there are ", names.empty() ? "none" : names));
  }
  return absl::OkStatus();
}

absl::StatusOr<double> Number(const http::Request& request, std::string_view key) {
  const std::optional<std::string> text = http::QueryValue(request.query, key);
  double value = 0;
  if (!text || absl::SimpleAtod(*text, &value)) return value;
  return absl::InvalidArgumentError(absl::StrCat(std::string(key), " is \"", *text, "\", expected a number"));
}

absl::StatusOr<uint32_t> Limit(const http::Request& request) {
  const std::optional<std::string> text = http::QueryValue(request.query, "limit");
  uint32_t value = 0;
  if (!text || absl::SimpleAtoi(*text, &value)) return value;
  return absl::InvalidArgumentError(absl::StrCat("limit is \"", *text, "\", expected 1 to 1000"));
}

absl::StatusOr<bool> Flag(const http::Request& request, std::string_view key) {
  const std::optional<std::string> text = http::QueryValue(request.query, key);
  if (!text || *text == "false" || *text == "0") return false;
  if (text->empty() || *text == "true" || *text == "1") return true;
  return absl::InvalidArgumentError(absl::StrCat(std::string(key), " is \"", *text, "\", expected true or false"));
}

std::string Word(const http::Request& request, std::string_view key) {
  return http::QueryValue(request.query, key).value_or("");
}

// limit and cursor.
template <typename T>
absl::StatusOr<T> ListRequest(const http::Request& request) {
  const absl::StatusOr<uint32_t> limit = Limit(request);
  if (!limit.ok()) return limit.status();
  T message;
  message.set_limit(*limit);
  message.set_cursor(Word(request, "cursor"));
  return message;
}

absl::StatusOr<Request> Overview(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {}); !s.ok()) return s;
  return v1::OverviewRequest();
}

absl::StatusOr<Request> Traffic(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {"last_s", "region"}); !s.ok()) return s;
  const absl::StatusOr<double> last = Number(request, "last_s");
  if (!last.ok()) return last.status();
  v1::TrafficRequest message;
  message.set_last_s(*last);
  message.set_region(Word(request, "region"));
  return message;
}

absl::StatusOr<Request> Edges(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {"region", "limit", "cursor"}); !s.ok()) return s;
  absl::StatusOr<v1::ListEdgesRequest> message = ListRequest<v1::ListEdgesRequest>(request);
  if (!message.ok()) return message.status();
  message->set_region(Word(request, "region"));
  return *std::move(message);
}

absl::StatusOr<Request> Attacks(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {"active", "limit", "cursor"}); !s.ok()) return s;
  absl::StatusOr<v1::ListAttacksRequest> message = ListRequest<v1::ListAttacksRequest>(request);
  if (!message.ok()) return message.status();
  const absl::StatusOr<bool> active = Flag(request, "active");
  if (!active.ok()) return active.status();
  message->set_active_only(*active);
  return *std::move(message);
}

absl::StatusOr<Request> Rules(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {"origin", "limit", "cursor"}); !s.ok()) return s;
  absl::StatusOr<v1::ListRulesRequest> message = ListRequest<v1::ListRulesRequest>(request);
  if (!message.ok()) return message.status();
  message->set_origin(Word(request, "origin"));
  return *std::move(message);
}

template <typename T>
absl::StatusOr<Request> ById(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {}); !s.ok()) return s;
  T message;
  message.set_id(request.params.at("id"));
  return message;
}

absl::StatusOr<Request> ExplainIp(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {}); !s.ok()) return s;
  v1::ExplainIpRequest message;
  message.set_address(request.params.at("address"));
  return message;
}

absl::StatusOr<Request> DeleteRule(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {"reason"}); !s.ok()) return s;
  v1::DeleteRuleRequest message;
  message.set_id(request.params.at("id"));
  message.set_reason(Word(request, "reason"));
  return message;
}

template <typename T>
absl::StatusOr<Request> FromBody(const http::Request& request) {
  if (absl::Status s = OnlyKeys(request, {}); !s.ok()) return s;
  absl::StatusOr<T> message = view_json::FromJson<T>(request.body);
  if (!message.ok()) return message.status();
  return *std::move(message);
}

http::Response ToResponse(const Answer& answer) {
  if (!answer.ok()) return ProblemOf(answer.status());
  absl::StatusOr<std::string> json = view_json::ToJson(**answer);
  if (!json.ok()) return ProblemOf(json.status());
  return http::Json(200, *std::move(json) + "\n");
}

// The topics of "?topics=overview,traffic"; all of them without it.
absl::StatusOr<std::vector<size_t>> Topics(const http::Request& request, const std::vector<std::string>& known) {
  if (absl::Status s = OnlyKeys(request, {"topics"}); !s.ok()) return s;
  std::set<size_t> topics;
  std::string_view rest;
  const std::optional<std::string> text = http::QueryValue(request.query, "topics");
  if (text) rest = *text;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string name(rest.substr(0, comma));
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      std::string names;
      for (const std::string& one : known) absl::StrAppend(&names, names.empty() ? "" : ", ", one);
      return absl::InvalidArgumentError(absl::StrCat("unknown topic \"", name, "\"; there are ", names));
    }
    topics.insert(static_cast<size_t>(found - known.begin()));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (topics.empty()) {
    for (size_t i = 0; i < known.size(); ++i) topics.insert(i);
  }
  return std::vector<size_t>(topics.begin(), topics.end());
}

class Routes {
 public:
  Routes(http::Router& router, Service& service, const Access& access)
      : router_(router), service_(service), access_(std::make_shared<const Access>(access)) {}

  void Read(const std::string& path, MakeRequest make) { Add("GET", path, std::move(make), /*changes=*/false); }
  void Change(const std::string& method, const std::string& path, MakeRequest make) {
    Add(method, path, std::move(make), /*changes=*/true);
  }

 private:
  void Add(const std::string& method, const std::string& path, MakeRequest make, bool changes) {
    router_.Async(
        method, "/api/v1" + path,
        [service = &service_, access = access_, changes, make = std::move(make)](const http::Request& request,
                                                                                 const http::Reply& reply) {
          const auto refuse = [&](const absl::Status& status) { reply([status] { return ProblemOf(status); }); };
          if (absl::Status s = HostIsOurs(request, access->names); !s.ok()) return refuse(s);
          if (changes) {
            if (absl::Status s = MayChange(request, access->token); !s.ok()) return refuse(s);
          }
          absl::StatusOr<Request> message = make(request);
          if (!message.ok()) return refuse(message.status());
          service->Call(*std::move(message), std::string(kPerson),
                        [reply](Answer answer) { reply([answer = std::move(answer)] { return ToResponse(answer); }); });
        });
  }

  http::Router& router_;
  Service& service_;
  const std::shared_ptr<const Access> access_;
};

}  // namespace

http::Response ProblemOf(const absl::Status& status) {
  const HttpError error = HttpErrorOf(status.code());
  http::Response response = http::Problem(error.status, std::string(status.message()), error.code, error.hint);
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (error.status == 429 || error.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

void AddApi(http::Router& router, Service& service, std::shared_ptr<http::EventHub> hub, const Access& access) {
  Routes routes(router, service, access);
  routes.Read("/overview", Overview);
  routes.Read("/traffic", Traffic);
  routes.Read("/edges", Edges);
  routes.Read("/edges/{id}", ById<v1::GetEdgeRequest>);
  routes.Read("/attacks", Attacks);
  routes.Read("/attacks/{id}", ById<v1::GetAttackRequest>);
  routes.Read("/rules", Rules);
  routes.Read("/rules/{id}", ById<v1::GetRuleRequest>);
  routes.Read("/explain/ip/{address}", ExplainIp);
  routes.Change("POST", "/rules", FromBody<v1::CreateRuleRequest>);
  routes.Change("DELETE", "/rules/{id}", DeleteRule);
  routes.Change("POST", "/block", FromBody<v1::BlockRequest>);
  routes.Change("POST", "/unblock", FromBody<v1::UnblockRequest>);
  routes.Change("POST", "/panic", FromBody<v1::PanicRequest>);
  router.Get("/api/v1/stream", [hub = std::move(hub), names = access.names](const http::Request& request) {
    if (absl::Status s = HostIsOurs(request, names); !s.ok()) return ProblemOf(s);
    absl::StatusOr<std::vector<size_t>> topics = Topics(request, hub->options().topics);
    if (!topics.ok()) return ProblemOf(topics.status());
    return hub->Listen(*std::move(topics));
  });
}

}  // namespace breakwater::api
