// The configuration of a coordinator: one YAML file, described in docs/reference/coordinator.md.
//
//   const LoadedConfig loaded = LoadConfig("/etc/breakwater/coordinator.yaml");
//   if (!loaded.config) for (const std::string& problem : loaded.problems) std::cerr << problem << "\n";
//
// Every mistake is reported, with file, line and column; unknown keys are mistakes. Reads that one file; else pure.
#ifndef BREAKWATER_COORDINATOR_APP_COORDINATOR_CONFIG_H_
#define BREAKWATER_COORDINATOR_APP_COORDINATOR_CONFIG_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/log/log.h"
#include "common/tls/credentials.h"
#include "coordinator/control/control.h"

namespace breakwater::coordinator {

struct CoordinatorConfig {
  Settings settings;
  std::string state_directory = "/var/lib/breakwater-coordinator";
  std::string edges_listen = "0.0.0.0:7442";   // gRPC, for edges
  size_t max_sessions = 2000;                  // and as many telemetry streams
  std::string api_listen = "127.0.0.1:7443";   // gRPC, for people's tools; empty = none
  std::string http_listen = "127.0.0.1:8640";  // the page, JSON, metrics; plain HTTP
  std::vector<std::string> http_names;         // by which people reach it, besides addresses and localhost
  size_t max_streams = 64;                     // pages that listen to /api/v1/stream at once
  tls::Files tls;
  std::string signing_key;  // made at the first start when it is missing
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kAuto;

  std::string signing_public() const { return signing_key + ".pub"; }
  std::string api_token() const { return state_directory + "/api-token"; }
  std::string database() const { return state_directory + "/db"; }
};

struct LoadedConfig {
  std::optional<CoordinatorConfig> config;  // absent exactly when there are problems
  std::vector<std::string> problems;        // "coordinator.yaml:7:3: …", sorted by line
};

LoadedConfig LoadConfig(const std::string& path);
// file_name is for messages.
LoadedConfig ParseConfig(std::string_view text, const std::string& file_name);

// A few lines for people: who listens where, and what for.
std::string Summary(const CoordinatorConfig& config);

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_APP_COORDINATOR_CONFIG_H_
