// Which coordinator, and as whom: each of the settings from the command line, else the environment, else a context file.
//
//   # ~/.config/breakwater/bwctl.yaml
//   context: production          # which one counts unless --context or BWCTL_CONTEXT names another
//   contexts:
//     production:
//       server: coordinator.example:7443
//       ca: ca.pem               # paths start at the file's own folder
//       cert: alice.pem
//       key: alice.key
//
//   absl::StatusOr<Connection> connection = ResolveConnection(flags, environment);
//
// Pure apart from reading that one file. Errors are InvalidArgument and say what to set where.
#ifndef BREAKWATER_COORDINATOR_CLI_CONNECTION_H_
#define BREAKWATER_COORDINATOR_CLI_CONNECTION_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace breakwater::cli {

struct Connection {
  std::string server;  // HOST:PORT, an IPv6 address in brackets
  std::string ca;      // PEM files
  std::string certificate;
  std::string key;
  std::string server_name;  // expected in the server's certificate; empty = the host of `server`
};

// Empty = not given.
struct ConnectionFlags {
  std::string config;
  std::string context;
  Connection connection;
};

// The value of an environment variable, or nullopt.
using GetEnv = std::function<std::optional<std::string>(std::string_view name)>;

absl::StatusOr<Connection> ResolveConnection(const ConnectionFlags& flags, const GetEnv& getenv);

// "[2001:db8::1]:7443" -> host "2001:db8::1", port "7443". InvalidArgument: anything that isn't HOST:PORT.
struct HostPort {
  std::string host;
  std::string port;
};
absl::StatusOr<HostPort> ParseHostPort(std::string_view server);

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_CONNECTION_H_
