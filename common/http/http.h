// Requests, responses and a router of paths: what handlers see of HTTP. No sockets here.
//
//   http::Router router;
//   router.Get("/healthz", [](const http::Request&) { return http::Text(200, "ok\n"); });
//   router.Get("/api/v1/rules/{id}", [](const http::Request& r) { return Rule(r.params.at("id")); });
//   http::Response r = router.Handle({.method = "GET", .path = "/healthz"});
//
// A Router is filled before it is used; it is then thread-safe as far as its handlers are.
#ifndef BREAKWATER_COMMON_HTTP_HTTP_H_
#define BREAKWATER_COMMON_HTTP_HTTP_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace breakwater::http {

class EventHub;

struct Request {
  std::string method = "GET";
  std::string path;   // of the request target, as it came: not percent-decoded
  std::string query;  // behind the first "?", without it
  std::string content_type;
  std::string body;
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case; a repeated one joined by ", "
  std::map<std::string, std::string, std::less<>> params;   // of the route, percent-decoded

  // Empty when there is none. name in lower case.
  std::string_view Header(std::string_view name) const;
};

// Whether query has the key, with any value or none: HasQueryKey("verbose&x=1", "verbose").
bool HasQueryKey(std::string_view query, std::string_view key);
// The key's first value, percent-decoded with "+" as a space; nullopt without the key.
std::optional<std::string> QueryValue(std::string_view query, std::string_view key);
// Keys of the query, as they stand there.
std::vector<std::string> QueryKeys(std::string_view query);
// nullopt: a "%" that no two hexadecimal digits follow, or an encoded zero byte.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;                                         // methods, of a 405
  std::vector<std::pair<std::string, std::string>> headers;  // besides; one of ours by the same name gives way
  std::string_view static_body;                              // instead of body; has static storage
  // Instead of a body: server-sent events of these topics, until somebody hangs up.
  std::shared_ptr<EventHub> events;
  std::vector<size_t> topics;
};

Response Text(int status, std::string body);  // text/plain; charset=utf-8
Response Json(int status, std::string body);
// RFC 9457: {"status":404,"title":"Not Found","detail":…} as application/problem+json. code and hint are members of the
// same name, left out when empty.
Response Problem(int status, std::string_view detail, std::string_view code = "", std::string_view hint = "");

using Handler = std::function<Response(const Request&)>;
// Takes what makes the answer, from any thread and at most once; it is run where the connection lives. A request whose
// Reply was never called is answered with 500 when the last copy of it goes.
using Reply = std::function<void(std::function<Response()>)>;
using AsyncHandler = std::function<void(const Request&, Reply)>;

class Router {
 public:
  // A segment "{name}" of the path matches any one segment that isn't empty.
  void Get(std::string path, Handler handler);  // HEAD as well
  void Post(std::string path, Handler handler);
  void Async(std::string method, std::string path, AsyncHandler handler);
  // Runs over every response, errors too; for headers.
  void Decorate(std::function<void(const Request&, Response&)> decorate) { decorate_ = std::move(decorate); }

  // Replies at once, or later when the handler is asynchronous. 404 names the paths there are, 405 the methods.
  void Dispatch(Request request, Reply reply) const;
  // For routers and requests whose handlers answer at once.
  Response Handle(Request request) const;
  // "GET /api/v1/rules/{id}", sorted.
  std::vector<std::string> Routes() const;

 private:
  using Methods = std::map<std::string, AsyncHandler, std::less<>>;
  const Methods* Find(Request& request) const;

  std::map<std::string, Methods, std::less<>> fixed_;  // by path
  std::vector<std::pair<std::vector<std::string>, Methods>> patterns_;
  std::function<void(const Request&, Response&)> decorate_;
};

std::string_view ReasonPhrase(int status);

}  // namespace breakwater::http

#endif  // BREAKWATER_COMMON_HTTP_HTTP_H_
