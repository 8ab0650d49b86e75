// Requests, responses and a router of exact paths: what handlers see of HTTP. No sockets here.
//
//   http::Router router;
//   router.Get("/healthz", [](const http::Request&) { return http::Text(200, "ok\n"); });
//   http::Response r = router.Handle({.method = "GET", .path = "/healthz"});
//
// A Router is filled before it is used; Handle is then thread-safe as far as its handlers are.
#ifndef BREAKWATER_COMMON_HTTP_HTTP_H_
#define BREAKWATER_COMMON_HTTP_HTTP_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace breakwater::http {

struct Request {
  std::string method = "GET";
  std::string path;   // of the request target, as it came: not percent-decoded
  std::string query;  // behind the first "?", without it
  std::string content_type;
  std::string body;
};

// Whether query has the key, with any value or none: HasQueryKey("verbose&x=1", "verbose").
bool HasQueryKey(std::string_view query, std::string_view key);

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  // methods, of a 405
};

Response Text(int status, std::string body);  // text/plain; charset=utf-8
Response Json(int status, std::string body);
// RFC 9457: {"status":404,"title":"Not Found","detail":…} as application/problem+json.
Response Problem(int status, std::string_view detail);

using Handler = std::function<Response(const Request&)>;

class Router {
 public:
  void Get(std::string path, Handler handler);  // HEAD as well
  void Post(std::string path, Handler handler);
  // 404 names the paths there are, 405 the methods.
  Response Handle(const Request& request) const;

 private:
  std::map<std::string, std::map<std::string, Handler, std::less<>>, std::less<>> handlers_;  // path, method
};

std::string_view ReasonPhrase(int status);

}  // namespace breakwater::http

#endif  // BREAKWATER_COMMON_HTTP_HTTP_H_
