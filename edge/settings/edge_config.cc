#include "edge/settings/edge_config.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/http/address.h"
#include "common/rule/rule_file.h"
#include "common/settings/common_settings.h"
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

void ReadDetectionSection(Map map, EdgeConfig& config) {
  const Detection detection = ReadDetection(map, config.control.detector);
  config.control.detect = detection.enabled;
  config.control.detector = detection.detector;
  map.Finish();
}

void ReadMitigation(Map map, EdgeConfig& config) {
  control::Settings& s = config.control;
  s.lease = map.Get("lease").AsDuration(s.lease, absl::Seconds(5), rule::Limits{}.max_automatic_lease);
  s.max_reflex_rules = static_cast<size_t>(
      map.Get("max_rules").AsInteger(static_cast<int64_t>(s.max_reflex_rules), 0, datapath::Bounds::kRules));
  map.Finish();
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

  const LogSettings log = ReadLog(root.Get("log").AsMap(), {.level = config.log_level, .format = config.log_format});
  config.log_level = log.level;
  config.log_format = log.format;
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
  ReadDetectionSection(root.Get("detection").AsMap(), config);
  ReadMitigation(root.Get("mitigation").AsMap(), config);
  config.anycast = anycast::ReadSettings(root.Get("anycast"));
  ReadPlumbing(root, config);
  config.coordinator = ReadCoordinator(root.Get("coordinator"));
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
  for (size_t i = 0; config.coordinator && i < config.coordinator->addresses.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "coordinator " : ", ", config.coordinator->addresses[i]);
    if (i + 1 == config.coordinator->addresses.size()) out += "\n";
  }
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
  if (running.anycast != loaded.anycast) keys.push_back("anycast");
  if (running.log_format != loaded.log_format) keys.push_back("log.format");
  if (running.coordinator != loaded.coordinator) keys.push_back("coordinator");
  return keys;
}

}  // namespace breakwater::settings
