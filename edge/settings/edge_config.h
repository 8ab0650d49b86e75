// The configuration of an edge: one YAML file, described in docs/reference/config.md.
//
//   const settings::LoadedConfig loaded =
//       settings::LoadConfig("/etc/breakwater/edge.yaml", {.purpose = settings::Purpose::kRun, .now = clock.Now()});
//   if (!loaded.config) for (const std::string& problem : loaded.problems) std::cerr << problem << "\n";
//
// Every mistake is reported, with file, line and column; unknown keys are mistakes. Reads the file and the rule files that
// it names; else pure.
#ifndef BREAKWATER_EDGE_SETTINGS_EDGE_CONFIG_H_
#define BREAKWATER_EDGE_SETTINGS_EDGE_CONFIG_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/log/log.h"
#include "edge/anycast/settings.h"
#include "edge/control/control.h"
#include "edge/datapath/datapath.h"
#include "edge/settings/coordinator.h"

namespace breakwater::settings {

struct EdgeConfig {
  control::Settings control;
  datapath::LiveOptions live;
  std::string state_directory = "/var/lib/breakwater";
  std::string admin_socket = "/run/breakwater/edge.sock";
  std::string http_listen = "127.0.0.1:9550";  // empty = no management address
  anycast::Settings anycast;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kAuto;
  std::optional<Coordinator> coordinator;  // absent: a lone edge
  std::vector<std::string> rule_files;     // their rules are in control.operator_rules, behind those of "rules"
};

// A daemon needs interfaces and protected prefixes; a replay brings its own.
enum class Purpose { kRun, kReplay };

struct ReadOptions {
  Purpose purpose = Purpose::kRun;
  // What "for: 1h" in a rule counts from. InfinitePast: "for" is a mistake, and no rule has expired.
  absl::Time now = absl::InfinitePast();
};

struct LoadedConfig {
  std::optional<EdgeConfig> config;   // absent exactly when there are problems
  std::vector<std::string> problems;  // "edge.yaml:7:3: …", sorted by line; those of rule files behind them
};

LoadedConfig LoadConfig(const std::string& path, const ReadOptions& options);
// file_name is for messages; relative paths of rule files start from its directory.
LoadedConfig ParseConfig(std::string_view text, const std::string& file_name, const ReadOptions& options);

// A few lines for people: what is protected, and how.
std::string Summary(const EdgeConfig& config);

// Keys that differ and take effect only at the next start: "interfaces", "admin.socket".
std::vector<std::string> NeedsRestart(const EdgeConfig& running, const EdgeConfig& loaded);

}  // namespace breakwater::settings

#endif  // BREAKWATER_EDGE_SETTINGS_EDGE_CONFIG_H_
