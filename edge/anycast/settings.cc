#include "edge/anycast/settings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace breakwater::anycast {
namespace {

using config::Map;
using config::Value;

constexpr size_t kMaxName = 64;
constexpr size_t kMaxPath = 256;

// A symbol of BIRD's configuration; nothing else may get into a command.
bool IsProtocolName(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view kAll = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  return !name.empty() && name.size() <= kMaxName && kLetters.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of(kAll) == std::string_view::npos;
}

std::vector<std::string> ReadProtocols(const Value& list) {
  std::vector<std::string> names;
  for (const Value& item : list.AsList()) {
    const std::string name = item.AsString();
    if (!IsProtocolName(name)) {
      item.Report(absl::StrCat("expected the name of a BIRD protocol (letters, digits and _, at most ", kMaxName,
                               "), got \"", name, "\""));
    } else if (std::count(names.begin(), names.end(), name) > 0) {
      item.Report(absl::StrCat("the protocol ", name, " is there twice"));
    } else {
      names.push_back(name);
    }
  }
  if (names.size() > Settings::kMaxProtocols) {
    list.Report(absl::StrCat(names.size(), " protocols; the limit is ", Settings::kMaxProtocols));
  }
  return names;
}

// "tcp://192.0.2.2:8080", "http://203.0.113.10/healthz"; false when it is neither.
bool ParseUrl(std::string_view url, CheckSettings& check) {
  const bool is_http = url.starts_with("http://");
  if (!is_http && !url.starts_with("tcp://")) return false;
  std::string_view rest = url.substr(url.find("://") + 3);
  const size_t slash = rest.find('/');
  if (!is_http && slash != std::string_view::npos) return false;
  std::string authority(rest.substr(0, slash));
  const bool has_port =
      authority.starts_with('[') ? authority.find("]:") != std::string::npos : authority.find(':') != std::string::npos;
  if (is_http && !has_port) authority += ":80";
  const absl::StatusOr<http::SocketAddress> address = http::ParseSocketAddress(authority);
  if (!address.ok()) return false;
  check.address = *address;
  if (!is_http) return true;
  check.path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  check.host = std::string(rest.substr(0, slash));
  return check.path.size() <= kMaxPath &&
         std::all_of(check.path.begin(), check.path.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

CheckSettings ReadCheck(const Value& value) {
  CheckSettings check;
  Map map = value.AsMap();
  const Value name = map.Need("name");
  check.name = name.AsString("check");
  if (check.name.empty() || check.name.size() > 32 ||
      check.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos) {
    name.Report(absl::StrCat("expected 1 to 32 of a-z 0-9 _, got \"", check.name, "\""));
  }
  const Value url = map.Need("url");
  check.url = url.AsString();
  if (url.present() && !ParseUrl(check.url, check)) {
    url.Report(
        absl::StrCat("expected a URL like http://203.0.113.10/healthz or tcp://192.0.2.2:8080, with an address "
                     "instead of a name, got \"",
                     check.url, "\""));
  }
  const std::string host = map.Get("host").AsString(check.host);
  if (host.find_first_of(" \t\r\n") == std::string::npos) {
    check.host = host;
  } else {
    map.Get("host").Report("a host has no spaces or line ends");
  }
  check.on_failure = map.Get("failure").AsChoice(
      check.on_failure, {{"withdraw", Presence::kWithdrawn}, {"deprefer", Presence::kDeprefered}});
  map.Finish();
  return check;
}

void ReadChecks(const Value& list, Settings& settings) {
  for (const Value& item : list.AsList()) {
    CheckSettings check = ReadCheck(item);
    const auto same = [&check](const CheckSettings& other) { return other.name == check.name; };
    if (check.name == "datapath" || std::any_of(settings.checks.begin(), settings.checks.end(), same)) {
      item.Report(absl::StrCat("the check \"", check.name, "\" is there twice (\"datapath\" is always there)"));
    }
    settings.checks.push_back(std::move(check));
  }
  if (settings.checks.size() > Settings::kMaxChecks) {
    list.Report(absl::StrCat(settings.checks.size(), " checks; the limit is ", Settings::kMaxChecks));
  }
}

}  // namespace

std::string_view PresenceName(Presence presence) {
  switch (presence) {
    case Presence::kWithdrawn:
      return "withdrawn";
    case Presence::kDeprefered:
      return "de-preferred";
    case Presence::kAnnounced:
      return "announced";
  }
  return "unknown";
}

Settings ReadSettings(const Value& value) {
  Settings s;
  if (!value.present()) return s;
  Map map = value.AsMap();
  const Value socket = map.Get("bird_socket");
  s.bird_socket = socket.AsString(s.bird_socket);
  constexpr size_t kMaxSocketPath = 107;  // of sockaddr_un, without its zero
  if (s.bird_socket.empty() || s.bird_socket[0] != '/' || s.bird_socket.size() > kMaxSocketPath) {
    socket.Report(absl::StrCat("expected an absolute path of at most ", kMaxSocketPath, " characters, got \"",
                               s.bird_socket, "\""));
  }
  const Value announce = map.Need("announce");
  s.announce = ReadProtocols(announce);
  if (announce.present() && announce.AsList().empty()) announce.Report("name at least one protocol of BIRD");
  s.deprefer = ReadProtocols(map.Get("deprefer"));
  for (const std::string& name : s.deprefer) {
    if (std::count(s.announce.begin(), s.announce.end(), name) > 0) {
      map.Get("deprefer").Report(absl::StrCat("the protocol ", name, " is in announce too"));
    }
  }
  ReadChecks(map.Get("checks"), s);
  s.interval = map.Get("interval").AsDuration(s.interval, absl::Milliseconds(100), absl::Minutes(1));
  s.timeout = map.Get("timeout").AsDuration(s.timeout, absl::Milliseconds(10), absl::Seconds(10));
  s.rise = static_cast<int>(map.Get("rise").AsInteger(s.rise, 1, 100));
  s.fall = static_cast<int>(map.Get("fall").AsInteger(s.fall, 1, 100));
  s.drain_wait = map.Get("drain_wait").AsDuration(s.drain_wait, absl::ZeroDuration(), absl::Hours(1));
  s.stop_wait = map.Get("stop_wait").AsDuration(s.stop_wait, absl::ZeroDuration(), absl::Minutes(1));
  s.flap_limit = static_cast<int>(map.Get("flap_limit").AsInteger(s.flap_limit, 1, 1000));
  s.flap_window = map.Get("flap_window").AsDuration(s.flap_window, absl::Seconds(1), absl::Hours(24));
  map.Finish();
  return s;
}

absl::StatusOr<Settings> LoadSettings(const std::string& path) {
  const absl::StatusOr<config::Document> document = config::Document::Load(path);
  if (!document.ok()) return document.status();
  const Settings settings = ReadSettings(document->Root().Get("anycast"));
  // The rest of the file wasn't read, so what is wrong is in this section, or the file isn't YAML.
  const std::vector<std::string> problems = document->Problems();
  if (!problems.empty()) return absl::InvalidArgumentError(problems.front());
  return settings;
}

}  // namespace breakwater::anycast
