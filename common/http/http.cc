#include "common/http/http.h"

#include <exception>
#include <utility>

#include "nlohmann/json.hpp"

namespace breakwater::http {

bool HasQueryKey(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    if (pair.substr(0, pair.find('=')) == key) return true;
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return false;
}

Response Text(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body), .allow = {}};
}

Response Json(int status, std::string body) {
  return {.status = status, .content_type = "application/json", .body = std::move(body), .allow = {}};
}

Response Problem(int status, std::string_view detail) {
  nlohmann::ordered_json body;
  body["status"] = status;
  body["title"] = ReasonPhrase(status);
  body["detail"] = detail;
  // A detail may quote what the client sent: broken UTF-8 becomes U+FFFD instead of an exception.
  return {.status = status,
          .content_type = "application/problem+json",
          .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
          .allow = {}};
}

void Router::Get(std::string path, Handler handler) { handlers_[std::move(path)]["GET"] = std::move(handler); }
void Router::Post(std::string path, Handler handler) { handlers_[std::move(path)]["POST"] = std::move(handler); }

Response Router::Handle(const Request& request) const {
  const auto path = handlers_.find(request.path);
  if (path == handlers_.end()) {
    std::string detail = "no such path; there are";
    for (const auto& [known, methods] : handlers_) detail += " " + known;
    return Problem(404, detail);
  }
  // The connection leaves the body of an answer to HEAD out.
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  const auto handler = path->second.find(method);
  if (handler == path->second.end()) {
    std::string allow;
    for (const auto& [known, unused] : path->second) {
      allow += (allow.empty() ? "" : ", ") + known + (known == "GET" ? ", HEAD" : "");
    }
    Response response = Problem(405, "allowed here: " + allow);
    response.allow = allow;
    return response;
  }
  try {
    return handler->second(request);
  } catch (const std::exception& error) {
    return Problem(500, error.what());
  }
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

}  // namespace breakwater::http
