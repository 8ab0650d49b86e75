// A small HTTP/1.1 server for management: metrics, health, and the admin socket. One thread of its own per server,
// every limit fixed; not for visitors' traffic.
//
//   http::ServerOptions options;
//   options.tcp = "127.0.0.1:9550";
//   absl::StatusOr<std::unique_ptr<http::Server>> server = http::Server::Start(options, std::move(router));
//   (*server)->port();
//
// Handlers run on the server's thread, one at a time, and should answer within a second. Destroying the server closes
// its connections and waits for a handler that runs.
#ifndef BREAKWATER_COMMON_HTTP_SERVER_H_
#define BREAKWATER_COMMON_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http/http.h"

namespace breakwater::http {

struct ServerOptions {
  // Exactly one of the two.
  std::string tcp;                // "127.0.0.1:9550", "[::1]:9550"; port 0 takes a free one
  std::string unix_path;          // made with mode 0600; a stale socket there is replaced, anything else refused
  size_t max_body = 64 * 1024;    // bytes; over it: 413
  size_t max_header = 16 * 1024;  // bytes; over it: 431
  size_t max_connections = 64;    // over it: closed at once and counted
  // From the first byte wanted to the last one read; slow clients are cut off with it. Also how long an idle connection
  // is kept, and how long an answer may take to be taken.
  absl::Duration timeout = absl::Seconds(10);
};

class Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options, Router router);
  ~Server();

  uint16_t port() const;  // 0 for a unix socket
  // Since the start.
  struct Stats {
    uint64_t requests = 0;
    uint64_t refused_connections = 0;  // over max_connections
    uint64_t bad_requests = 0;         // malformed, too large or too slow
  };
  Stats stats() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::http

#endif  // BREAKWATER_COMMON_HTTP_SERVER_H_
