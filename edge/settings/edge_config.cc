#include "edge/settings/edge_config.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/http/address.h"
#include "common/rule/rule_file.h"
#include "edge/settings/service.h"
#include "edge/settings/traffic.h"

namespace breakwater::settings {
namespace {

using config::Map;
using config::Value;

constexpr size_t kMaxEdgeId = 32;
constexpr size_t kMaxInterfaces = 16;
constexpr size_t kMaxInterfaceName = 15;  // IFNAMSIZ without its zero

void ReadEdge(Map map, EdgeConfig& config) {
  const Value id = map.Get("id");
  config.control.edge_id = id.AsString(config.control.edge_id);
  const std::string& text = config.control.edge_id;
  if (text.empty() || text.size() > kMaxEdgeId ||
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") != std::string::npos) {
    id.Report(absl::StrCat("expected 1 to ", kMaxEdgeId, " of a-z 0-9 . _ -, got \"", text, "\""));
  }
  map.Finish();
}

void ReadInterfaces(const Value& list, EdgeConfig& config) {
  for (const Value& item : list.AsList()) {
    const std::string name = item.AsString();
    if (name.empty() || name.size() > kMaxInterfaceName || name.find_first_of("/ \t\n:") != std::string::npos) {
      item.Report(absl::StrCat("expected the name of an interface (1 to ", kMaxInterfaceName, " characters), got \"",
                               name, "\""));
    } else if (std::count(config.live.interfaces.begin(), config.live.interfaces.end(), name) > 0) {
      item.Report(absl::StrCat("the interface ", name, " is there twice"));
    } else {
      config.live.interfaces.push_back(name);
    }
  }
  if (config.live.interfaces.size() > kMaxInterfaces) {
    list.Report(absl::StrCat(config.live.interfaces.size(), " interfaces; the limit is ", kMaxInterfaces));
  }
}

void ReadFloors(Map floors, detect::DetectorConfig& detector) {
  std::vector<std::string_view> names;
  for (int v = 0; v < BW_VECTOR_MAX; ++v) {
    const std::string_view name = window::vector_name(static_cast<window::Vector>(v));
    if (window::vector_from_name(name)) names.push_back(name);
  }
  for (const auto& [name, value] : floors.Entries()) {
    const std::optional<window::Vector> vector = window::vector_from_name(name);
    if (!vector) {
      const std::string meant = config::DidYouMean(name, names);
      value.Report(absl::StrCat(
          "unknown vector \"", name, "\"",
          meant.empty() ? "; docs/reference/config.md lists them" : absl::StrCat("; did you mean \"", meant, "\"?")));
      continue;
    }
    const std::string text = value.AsString();
    const size_t space = text.find(' ');
    const absl::StatusOr<config::Rate> packets = config::ParseRate(std::string_view(text).substr(0, space));
    absl::StatusOr<config::Rate> bits = config::Rate{0, config::RateUnit::kBits};
    if (space != std::string::npos) bits = config::ParseRate(std::string_view(text).substr(space + 1));
    if (!packets.ok() || !bits.ok() || packets->unit != config::RateUnit::kPackets || packets->per_second == 0 ||
        bits->unit != config::RateUnit::kBits) {
      value.Report(absl::StrCat(
          "expected a packet rate over 0 and perhaps a bit rate, like 1000pps or 1000pps 50Mbps, got \"", text, "\""));
      continue;
    }
    detector.host_floors[*vector] =
        detect::Floor{.pps = static_cast<double>(packets->per_second), .bps = static_cast<double>(bits->per_second)};
  }
}

void ReadDetection(Map map, EdgeConfig& config) {
  detect::DetectorConfig& d = config.control.detector;
  config.control.detect = map.Get("enabled").AsBool(true);
  ReadFloors(map.Get("floors").AsMap(), d);
  d.prefix_floor_factor = map.Get("prefix_floor_factor").AsNumber(d.prefix_floor_factor, 1, 1000);
  d.baseline_factor = map.Get("baseline_factor").AsNumber(d.baseline_factor, 1.1, 1000);
  d.quiet_before_end = map.Get("quiet_before_end").AsDuration(d.quiet_before_end, absl::Seconds(1), absl::Hours(1));
  map.Finish();
}

void ReadMitigation(Map map, EdgeConfig& config) {
  control::Settings& s = config.control;
  s.lease = map.Get("lease").AsDuration(s.lease, absl::Seconds(5), rule::Limits{}.max_automatic_lease);
  s.max_reflex_rules = static_cast<size_t>(
      map.Get("max_rules").AsInteger(static_cast<int64_t>(s.max_reflex_rules), 0, datapath::Bounds::kRules));
  map.Finish();
}

// An absolute path, since a daemon's working directory means nothing.
std::string ReadPath(const Value& value, const std::string& fallback) {
  const std::string path = value.AsString(fallback);
  if (path.empty() || path[0] != '/') value.Report(absl::StrCat("expected an absolute path, got \"", path, "\""));
  return path;
}

void ReadPlumbing(Map& root, EdgeConfig& config) {
  Map state = root.Get("state").AsMap();
  config.state_directory = ReadPath(state.Get("directory"), config.state_directory);
  state.Finish();

  Map admin = root.Get("admin").AsMap();
  config.admin_socket = ReadPath(admin.Get("socket"), config.admin_socket);
  admin.Finish();

  Map http = root.Get("http").AsMap();
  const Value listen = http.Get("listen");
  config.http_listen = listen.AsString(config.http_listen);
  if (config.http_listen == "off") {
    config.http_listen.clear();
  } else if (const auto address = http::ParseSocketAddress(config.http_listen); !address.ok()) {
    listen.Report(std::string(address.status().message()));
  }
  http.Finish();

  Map log = root.Get("log").AsMap();
  config.log_level = log.Get("level").AsChoice(config.log_level, {{"debug", log::Level::kDebug},
                                                                  {"info", log::Level::kInfo},
                                                                  {"warning", log::Level::kWarning},
                                                                  {"error", log::Level::kError}});
  config.log_format = log.Get("format").AsChoice(
      config.log_format,
      {{"auto", log::Format::kAuto}, {"json", log::Format::kJson}, {"logfmt", log::Format::kLogfmt}});
  log.Finish();
}

void ReadRoot(Map root, const ReadOptions& options, EdgeConfig& config) {
  const bool run = options.purpose == Purpose::kRun;
  ReadEdge(root.Get("edge").AsMap(), config);
  const Value interfaces = run ? root.Need("interfaces") : root.Get("interfaces");
  ReadInterfaces(interfaces, config);
  if (run && interfaces.present() && config.live.interfaces.empty()) interfaces.Report("name at least one interface");
  config.live.mode = root.Get("attach").AsChoice(config.live.mode, {{"auto", datapath::AttachMode::kAuto},
                                                                    {"native", datapath::AttachMode::kNative},
                                                                    {"generic", datapath::AttachMode::kGeneric}});
  const Value protect = run ? root.Need("protect") : root.Get("protect");
  config.control.policies = ReadPolicies(protect);
  if (run && protect.present() && protect.AsList().empty()) protect.Report("name at least one prefix to protect");
  config.control.sources = ReadSources(root.Get("sources"));
  config.control.guards = ReadGuards(root.Get("guards"));
  ReadDetection(root.Get("detection").AsMap(), config);
  ReadMitigation(root.Get("mitigation").AsMap(), config);
  ReadPlumbing(root, config);
}

// What only the whole set of operators' rules shows. Empty when nothing is wrong.
std::vector<std::string> CheckRules(const std::vector<rule::Rule>& rules) {
  std::vector<std::string> problems;
  std::set<std::string> ids;
  for (const rule::Rule& rule : rules) {
    if (!ids.insert(rule.id).second) problems.push_back(absl::StrCat("the rule id \"", rule.id, "\" is there twice"));
    if (const absl::Status s = rule::CheckDecidable(rule, rule::Decider::kDatapath); !s.ok()) {
      problems.push_back(absl::StrCat("rule \"", rule.id, "\": ", std::string(s.message())));
    }
  }
  if (rules.size() > datapath::Bounds::kRules) {
    problems.push_back(absl::StrCat(rules.size(), " rules; the limit is ", datapath::Bounds::kRules));
  }
  return problems;
}

LoadedConfig ReadDocument(const config::Document& document, const std::string& file_name, const ReadOptions& options) {
  EdgeConfig config;
  Map root = document.Root();
  ReadRoot(root, options, config);
  std::vector<rule::Rule>& rules = config.control.operator_rules;
  const Value inline_rules = root.Get("rules");
  if (inline_rules.present()) rules = rule::ReadRules(inline_rules, options.now);
  const std::filesystem::path directory = std::filesystem::path(file_name).parent_path();
  for (const Value& item : root.Get("rule_files").AsList()) {
    if (const std::string name = item.AsString(); !name.empty()) config.rule_files.push_back(directory / name);
  }
  root.Finish();
  LoadedConfig loaded{.config = std::nullopt, .problems = document.Problems()};
  const auto add_problem = [&](std::string problem) { loaded.problems.push_back(std::move(problem)); };
  for (const std::string& path : config.rule_files) {
    const absl::StatusOr<std::string> text = config::ReadFile(path);
    if (!text.ok()) {
      add_problem(std::string(text.status().message()));
      continue;
    }
    const absl::StatusOr<std::vector<rule::Rule>> more = rule::ParseRuleFile(*text, path, options.now);
    if (more.ok()) {
      rules.insert(rules.end(), more->begin(), more->end());
    } else {
      add_problem(std::string(more.status().message()));
    }
  }
  if (loaded.problems.empty()) {
    for (const std::string& problem : CheckRules(rules)) add_problem(absl::StrCat(file_name, ": ", problem));
  }
  if (loaded.problems.empty()) loaded.config = std::move(config);
  return loaded;
}

}  // namespace

LoadedConfig ParseConfig(std::string_view text, const std::string& file_name, const ReadOptions& options) {
  const config::Document document = config::Document::Parse(text, file_name);
  // After a syntax error every needed key would seem to be missing.
  if (std::vector<std::string> problems = document.Problems(); !problems.empty()) {
    return {.config = std::nullopt, .problems = std::move(problems)};
  }
  return ReadDocument(document, file_name, options);
}

LoadedConfig LoadConfig(const std::string& path, const ReadOptions& options) {
  const absl::StatusOr<std::string> text = config::ReadFile(path);
  if (!text.ok()) return {.config = std::nullopt, .problems = {std::string(text.status().message())}};
  return ParseConfig(*text, path, options);
}

std::string Summary(const EdgeConfig& config) {
  std::string interfaces;
  for (const std::string& name : config.live.interfaces)
    absl::StrAppend(&interfaces, interfaces.empty() ? "" : ", ", name);
  const control::Settings& s = config.control;
  std::string out = absl::StrCat("edge ", s.edge_id, " on ", interfaces.empty() ? "no interface" : interfaces, "\n");
  for (const datapath::Policy& policy : s.policies) {
    std::string services;
    for (const datapath::Service& service : policy.services) {
      absl::StrAppend(&services, services.empty() ? "" : ", ", ServiceText(service));
    }
    absl::StrAppend(&out, "protects ", policy.prefix.ToString(), ": ", services.empty() ? "nothing declared" : services,
                    "; ", UndeclaredText(policy), "\n");
  }
  absl::StrAppend(&out, s.sources.size(), " source entries, ", s.guards.entries().size(), " guards, ",
                  s.operator_rules.size(), " rules of yours, detection ", s.detect ? "on" : "off", "\n");
  return out;
}

std::vector<std::string> NeedsRestart(const EdgeConfig& running, const EdgeConfig& loaded) {
  std::vector<std::string> keys;
  if (running.control.edge_id != loaded.control.edge_id) keys.push_back("edge.id");
  if (running.live.interfaces != loaded.live.interfaces) keys.push_back("interfaces");
  if (running.live.mode != loaded.live.mode) keys.push_back("attach");
  if (running.state_directory != loaded.state_directory) keys.push_back("state.directory");
  if (running.admin_socket != loaded.admin_socket) keys.push_back("admin.socket");
  if (running.http_listen != loaded.http_listen) keys.push_back("http.listen");
  if (running.log_format != loaded.log_format) keys.push_back("log.format");
  return keys;
}

}  // namespace breakwater::settings
