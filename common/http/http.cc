#include "common/http/http.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "nlohmann/json.hpp"

namespace breakwater::http {
namespace {

// Calls visit with each "key=value" or "key" until it returns false.
template <typename Visit>
void ForEachPair(std::string_view query, Visit visit) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    if (!visit(pair.substr(0, equals), value)) return;
    if (end == std::string_view::npos) return;
    query.remove_prefix(end + 1);
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (true) {
    const size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool IsParam(std::string_view segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

std::string Join(const std::vector<std::string>& segments) {
  std::string path;
  for (size_t i = 0; i < segments.size(); ++i) path += (i == 0 ? "" : "/") + segments[i];
  return path;
}

// The values of the pattern's names; nullopt when the path is another one.
std::optional<std::map<std::string, std::string, std::less<>>> MatchPattern(const std::vector<std::string>& pattern,
                                                                            const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::map<std::string, std::string, std::less<>> params;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (!IsParam(pattern[i])) {
      if (pattern[i] != path[i]) return std::nullopt;
      continue;
    }
    const std::optional<std::string> value = PercentDecode(path[i]);
    if (!value || value->empty()) return std::nullopt;
    params.emplace(pattern[i].substr(1, pattern[i].size() - 2), *value);
  }
  return params;
}

AsyncHandler AtOnce(Handler handler) {
  return [handler = std::move(handler)](const Request& request, const Reply& reply) {
    reply([response = handler(request)] { return response; });
  };
}

}  // namespace

std::string_view Request::Header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

bool HasQueryKey(std::string_view query, std::string_view key) {
  bool found = false;
  ForEachPair(query, [&](std::string_view name, std::string_view) { return !(found = name == key); });
  return found;
}

std::optional<std::string> QueryValue(std::string_view query, std::string_view key) {
  std::optional<std::string> found;
  ForEachPair(query, [&](std::string_view name, std::string_view value) {
    if (name == key) found = PercentDecode(value, /*plus_is_space=*/true).value_or(std::string(value));
    return !found;
  });
  return found;
}

std::vector<std::string> QueryKeys(std::string_view query) {
  std::vector<std::string> keys;
  ForEachPair(query, [&](std::string_view name, std::string_view) {
    keys.emplace_back(name);
    return true;
  });
  return keys;
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

Response Text(int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

Response Json(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Response Problem(int status, std::string_view detail, std::string_view code, std::string_view hint) {
  nlohmann::ordered_json body;
  body["status"] = status;
  body["title"] = ReasonPhrase(status);
  body["detail"] = detail;
  if (!code.empty()) body["code"] = code;
  if (!hint.empty()) body["hint"] = hint;
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  // A detail may quote what the client sent: broken UTF-8 becomes U+FFFD instead of an exception.
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

void Router::Get(std::string path, Handler handler) { Async("GET", std::move(path), AtOnce(std::move(handler))); }
void Router::Post(std::string path, Handler handler) { Async("POST", std::move(path), AtOnce(std::move(handler))); }

void Router::Async(std::string method, std::string path, AsyncHandler handler) {
  std::vector<std::string> segments = Segments(path);
  if (std::none_of(segments.begin(), segments.end(), IsParam)) {
    fixed_[std::move(path)][std::move(method)] = std::move(handler);
    return;
  }
  for (auto& [pattern, methods] : patterns_) {
    if (pattern == segments) {
      methods[std::move(method)] = std::move(handler);
      return;
    }
  }
  patterns_.emplace_back(std::move(segments), Methods{});
  patterns_.back().second[std::move(method)] = std::move(handler);
}

const Router::Methods* Router::Find(Request& request) const {
  if (const auto path = fixed_.find(request.path); path != fixed_.end()) return &path->second;
  const std::vector<std::string> segments = Segments(request.path);
  for (const auto& [pattern, methods] : patterns_) {
    if (auto params = MatchPattern(pattern, segments)) {
      request.params = *std::move(params);
      return &methods;
    }
  }
  return nullptr;
}

std::vector<std::string> Router::Routes() const {
  std::vector<std::string> routes;
  for (const auto& [path, methods] : fixed_) {
    for (const auto& [method, unused] : methods) routes.push_back(method + " " + path);
  }
  for (const auto& [pattern, methods] : patterns_) {
    for (const auto& [method, unused] : methods) routes.push_back(method + " " + Join(pattern));
  }
  std::sort(routes.begin(), routes.end());
  return routes;
}

void Router::Dispatch(Request request, Reply reply) const {
  const Methods* methods = Find(request);
  if (decorate_) {
    auto asked = std::make_shared<const Request>(request);
    reply = [reply = std::move(reply), decorate = &decorate_, asked](std::function<Response()> make) {
      reply([make = std::move(make), decorate, asked] {
        Response response = make();
        (*decorate)(*asked, response);
        return response;
      });
    };
  }
  const auto answer = [&reply](Response response) { reply([response = std::move(response)] { return response; }); };
  if (methods == nullptr) {
    std::string detail = "no such path; there are";
    for (const auto& [known, unused] : fixed_) detail += " " + known;
    for (const auto& [pattern, unused] : patterns_) detail += " " + Join(pattern);
    return answer(Problem(404, detail));
  }
  // The connection leaves the body of an answer to HEAD out.
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  const auto handler = methods->find(method);
  if (handler == methods->end()) {
    std::string allow;
    for (const auto& [known, unused] : *methods) {
      allow += (allow.empty() ? "" : ", ") + known + (known == "GET" ? ", HEAD" : "");
    }
    Response response = Problem(405, "allowed here: " + allow);
    response.allow = allow;
    return answer(std::move(response));
  }
  try {
    handler->second(request, reply);
  } catch (const std::exception& error) {
    answer(Problem(500, error.what()));
  }
}

Response Router::Handle(Request request) const {
  std::optional<Response> response;
  Dispatch(std::move(request), [&](const std::function<Response()>& make) { response = make(); });
  return response ? *std::move(response) : Problem(500, "the answer didn't come at once");
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

}  // namespace breakwater::http
