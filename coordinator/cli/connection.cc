#include "coordinator/cli/connection.h"

#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/config.h"
#include "common/net/ip.h"

namespace breakwater::cli {
namespace {

// A context file's answer to one context: what it doesn't say is empty.
absl::StatusOr<Connection> ReadContext(const std::string& path, const std::string& wanted) {
  absl::StatusOr<config::Document> document = config::Document::Load(path);
  if (!document.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the context file can't be read: ", std::string(document.status().message())));
  }
  config::Map root = document->Root();
  const std::string chosen = wanted.empty() ? root.Get("context").AsString() : (root.Get("context").AsString(), wanted);
  std::optional<Connection> found;
  std::vector<std::string> names;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const auto file = [&](config::Map& map, std::string_view key) {
    const std::string value = map.Get(key).AsString();
    return value.empty() ? value : (folder / value).string();
  };
  for (auto& [name, value] : root.Get("contexts").AsMap().Entries()) {
    config::Map map = value.AsMap();
    const Connection connection{.server = map.Get("server").AsString(),
                                .ca = file(map, "ca"),
                                .certificate = file(map, "cert"),
                                .key = file(map, "key"),
                                .server_name = map.Get("server_name").AsString()};
    map.Finish();
    names.push_back(name);
    if (name == chosen) found = connection;
  }
  root.Finish();
  if (const std::vector<std::string> problems = document->Problems(); !problems.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the context file has mistakes:\n  ", absl::StrJoin(problems, "\n  ")));
  }
  if (chosen.empty()) return Connection();
  if (!found) {
    return absl::InvalidArgumentError(
        absl::StrCat("no context \"", chosen, "\" in ", path, "; there ",
                     names.empty() ? "is none" : absl::StrCat("are: ", absl::StrJoin(names, ", "))));
  }
  return *found;
}

}  // namespace

absl::StatusOr<HostPort> ParseHostPort(std::string_view server) {
  const auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(server), "\" is no HOST:PORT: ", std::string(why)));
  };
  if (server.size() > 261) return refuse("it is longer than 261 characters");
  const size_t colon = server.rfind(':');
  if (colon == std::string_view::npos) return refuse("there is no port");
  HostPort parts{std::string(server.substr(0, colon)), std::string(server.substr(colon + 1))};
  int port = 0;
  if (!absl::SimpleAtoi(parts.port, &port) || port < 1 || port > 65535 || parts.port[0] < '0' || parts.port[0] > '9') {
    return refuse("the port is a number from 1 to 65535");
  }
  if (!parts.host.empty() && parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
    if (const auto address = net::IpAddress::Parse(parts.host); !address.ok() || address->is_v4()) {
      return refuse("an IPv6 address is expected in brackets");
    }
  } else if (parts.host.find(':') != std::string::npos) {
    return refuse("write an IPv6 address in brackets, [2001:db8::1]:7443");
  }
  if (parts.host.empty()) return refuse("there is no host");
  for (const char c : parts.host) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '-' || c == '_' || c == ':';
    if (!fine) return refuse("a host has letters, digits, dots and dashes");
  }
  return parts;
}

absl::StatusOr<Connection> ResolveConnection(const ConnectionFlags& flags, const GetEnv& getenv) {
  const auto pick = [&](const std::string& flag, std::string_view variable, const std::string& otherwise) {
    return !flag.empty() ? flag : getenv(variable).value_or(otherwise);
  };
  std::string path = pick(flags.config, "BWCTL_CONFIG", "");
  const std::string context = pick(flags.context, "BWCTL_CONTEXT", "");
  const bool asked = !path.empty();
  if (!asked) {
    const std::string home = getenv("HOME").value_or("");
    const std::string base = getenv("XDG_CONFIG_HOME").value_or(home.empty() ? "" : home + "/.config");
    if (!base.empty()) path = base + "/breakwater/bwctl.yaml";
  }
  Connection from_file;
  std::error_code error;
  if (!path.empty() && (asked || std::filesystem::exists(path, error))) {
    absl::StatusOr<Connection> read = ReadContext(path, context);
    if (!read.ok()) return read.status();
    from_file = *std::move(read);
  } else if (!context.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no context \"", context, "\": there is no context file", path.empty() ? "" : " at ", path));
  }
  Connection c;
  c.server = pick(flags.connection.server, "BWCTL_SERVER", from_file.server);
  c.ca = pick(flags.connection.ca, "BWCTL_CA", from_file.ca);
  c.certificate = pick(flags.connection.certificate, "BWCTL_CERT", from_file.certificate);
  c.key = pick(flags.connection.key, "BWCTL_KEY", from_file.key);
  c.server_name = pick(flags.connection.server_name, "BWCTL_SERVER_NAME", from_file.server_name);
  std::vector<std::string> missing;
  if (c.server.empty()) missing.emplace_back("the coordinator (--server HOST:PORT, BWCTL_SERVER, server:)");
  if (c.ca.empty()) missing.emplace_back("the certificates to trust (--ca FILE, BWCTL_CA, ca:)");
  if (c.certificate.empty()) missing.emplace_back("your certificate (--cert FILE, BWCTL_CERT, cert:)");
  if (c.key.empty()) missing.emplace_back("its key (--key FILE, BWCTL_KEY, key:)");
  if (!missing.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not named: ", absl::StrJoin(missing, "; "), "\nset ", missing.size() == 1 ? "it" : "them",
        " on the command line, in the environment, or in ", path.empty() ? "a context file (--config)" : path));
  }
  if (absl::StatusOr<HostPort> parts = ParseHostPort(c.server); !parts.ok()) return parts.status();
  return c;
}

}  // namespace breakwater::cli
