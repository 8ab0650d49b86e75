#include "coordinator/app/coordinator_config.h"

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/http/address.h"
#include "common/rule/rule.h"
#include "common/settings/common_settings.h"

namespace breakwater::coordinator {
namespace {

using config::Map;
using config::Value;

constexpr size_t kMaxId = 64;
constexpr size_t kMaxHostName = 253;
constexpr size_t kMaxHostNames = 16;

std::string ReadId(const Value& value, const std::string& fallback) {
  std::string id = value.AsString(fallback);
  if (id.empty() || id.size() > kMaxId ||
      id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") != std::string::npos) {
    value.Report(absl::StrCat("expected 1 to ", kMaxId, " of a-z 0-9 . _ -, got \"", id, "\""));
  }
  return id;
}

// An address, or nothing for "off" where that is allowed.
std::string ReadListen(const Value& value, const std::string& fallback, bool may_be_off) {
  std::string text = value.AsString(fallback);
  if (may_be_off && text == "off") return "";
  if (const auto address = http::ParseSocketAddress(text); !address.ok()) {
    value.Report(std::string(address.status().message()));
  }
  return text;
}

void ReadListeners(Map& root, CoordinatorConfig& config) {
  Map edges = root.Get("edges").AsMap();
  config.edges_listen = ReadListen(edges.Get("listen"), config.edges_listen, false);
  config.max_sessions =
      static_cast<size_t>(edges.Get("max_sessions").AsInteger(static_cast<int64_t>(config.max_sessions), 1, 20000));
  edges.Finish();

  Map api = root.Get("api").AsMap();
  config.api_listen = ReadListen(api.Get("listen"), config.api_listen, true);
  api.Finish();

  Map http = root.Get("http").AsMap();
  config.http_listen = ReadListen(http.Get("listen"), config.http_listen, true);
  const Value names = http.Get("names");
  for (const Value& item : names.AsList()) {
    const std::string name = item.AsString();
    if (name.empty() || name.size() > kMaxHostName ||
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos) {
      item.Report(absl::StrCat("expected a host's name in lower case without a port, got \"", name, "\""));
    }
    config.http_names.push_back(name);
  }
  if (config.http_names.size() > kMaxHostNames) {
    names.Report(absl::StrCat(config.http_names.size(), " names; the limit is ", kMaxHostNames));
  }
  config.max_streams =
      static_cast<size_t>(http.Get("max_streams").AsInteger(static_cast<int64_t>(config.max_streams), 1, 1000));
  http.Finish();
}

// A path that has to be there, without a second report when it isn't.
std::string ReadNeededPath(Map& map, std::string_view key) {
  const Value value = map.Need(key);
  return value.present() ? settings::ReadPath(value, "") : "";
}

void ReadFiles(Map& root, CoordinatorConfig& config) {
  Map state = root.Get("state").AsMap();
  config.state_directory = settings::ReadPath(state.Get("directory"), config.state_directory);
  state.Finish();

  if (const Value section = root.Need("tls"); section.present()) {
    Map tls = section.AsMap();
    config.tls.ca = ReadNeededPath(tls, "ca");
    config.tls.certificate = ReadNeededPath(tls, "certificate");
    config.tls.key = ReadNeededPath(tls, "key");
    tls.Finish();
  }

  Map signing = root.Get("signing").AsMap();
  const Value key = signing.Get("key");
  config.signing_key = config.state_directory + "/signing.key";
  if (key.present()) config.signing_key = settings::ReadPath(key, "");
  signing.Finish();
}

void ReadDetection(Map map, CoordinatorConfig& config) {
  const settings::Detection detection = settings::ReadDetection(map, detect::DetectorConfig{});
  Settings& s = config.settings;
  s.detect = detection.enabled;
  s.detector = detection.detector;
  // An attack spread over the network is below every edge's floor; the sum of all edges is judged by lower ones.
  const double factor = map.Get("floor_factor").AsNumber(0.5, 0.01, 100);
  for (int v = 0; v < BW_VECTOR_MAX; ++v) {
    const auto vector = static_cast<window::Vector>(v);
    const detect::Floor floor = s.detector.host_floors[vector].value_or(detect::DefaultFloor(vector));
    s.detector.host_floors[vector] = detect::Floor{.pps = floor.pps * factor, .bps = floor.bps * factor};
  }
  map.Finish();
}

void ReadMitigation(Map map, CoordinatorConfig& config) {
  Settings& s = config.settings;
  s.lease = map.Get("lease").AsDuration(s.lease, absl::Seconds(10), rule::Limits{}.max_automatic_lease);
  s.confirm_share = map.Get("confirm_share").AsNumber(s.confirm_share, 0.001, 1);
  const Value floor = map.Get("confirm_floor");
  if (const std::optional<config::Rate> rate = floor.AsRate()) {
    if (rate->unit != config::RateUnit::kPackets || rate->per_second == 0) {
      floor.Report("expected a packet rate over 0 like 50pps");
    } else {
      s.confirm_floor_pps = static_cast<double>(rate->per_second);
    }
  }
  s.max_rules = static_cast<size_t>(map.Get("max_rules").AsInteger(static_cast<int64_t>(s.max_rules), 1, 10000));
  s.max_automatic_rules = static_cast<size_t>(
      map.Get("max_automatic_rules").AsInteger(static_cast<int64_t>(s.max_automatic_rules), 0, 10000));
  map.Finish();
}

}  // namespace

LoadedConfig ParseConfig(std::string_view text, const std::string& file_name) {
  const config::Document document = config::Document::Parse(text, file_name);
  // After a syntax error every needed key would seem to be missing.
  if (std::vector<std::string> problems = document.Problems(); !problems.empty()) {
    return {.config = std::nullopt, .problems = std::move(problems)};
  }
  CoordinatorConfig config;
  Map root = document.Root();
  config.settings.id = ReadId(root.Get("id"), config.settings.id);
  ReadFiles(root, config);
  ReadListeners(root, config);
  config.settings.guards = settings::ReadGuards(root.Get("guards"));
  ReadDetection(root.Get("detection").AsMap(), config);
  ReadMitigation(root.Get("mitigation").AsMap(), config);
  const settings::LogSettings log =
      settings::ReadLog(root.Get("log").AsMap(), {.level = config.log_level, .format = config.log_format});
  config.log_level = log.level;
  config.log_format = log.format;
  root.Finish();
  LoadedConfig loaded{.config = std::nullopt, .problems = document.Problems()};
  if (loaded.problems.empty()) loaded.config = std::move(config);
  return loaded;
}

LoadedConfig LoadConfig(const std::string& path) {
  const absl::StatusOr<std::string> text = config::ReadFile(path);
  if (!text.ok()) return {.config = std::nullopt, .problems = {std::string(text.status().message())}};
  return ParseConfig(*text, path);
}

std::string Summary(const CoordinatorConfig& config) {
  const auto where = [](const std::string& listen) { return listen.empty() ? std::string("nowhere") : listen; };
  return absl::StrCat("coordinator ", config.settings.id, ", state in ", config.state_directory, "\n", "edges on ",
                      config.edges_listen, ", tools on ", where(config.api_listen), ", page and metrics on ",
                      where(config.http_listen), "\n", config.settings.guards.entries().size(), " guards, detection ",
                      config.settings.detect ? "on" : "off", "\n");
}

}  // namespace breakwater::coordinator
