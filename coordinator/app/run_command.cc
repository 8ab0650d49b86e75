#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "common/clock/clock.h"
#include "common/log/log.h"
#include "common/service/files.h"
#include "common/service/signals.h"
#include "common/service/version.h"
#include "coordinator/app/commands.h"
#include "coordinator/app/coordinator_config.h"
#include "coordinator/app/daemon.h"
#include "coordinator/ingest/grpc_log.h"

namespace breakwater::coordinator {
namespace {

constexpr int kFailed = 1;

struct Options {
  std::string config = "/etc/breakwater/coordinator.yaml";
  bool check_only = false;
};

int Fail(const log::Logger& log, std::string_view event, const absl::Status& status) {
  log.Error(event, std::string(status.message()));
  log::Flush();
  return kFailed;
}

int RunCoordinator(const std::string& path, const CoordinatorConfig& config) {
  const log::Logger log("run");
  log.Info("starting", "the coordinator starts",
           {{"coordinator", config.settings.id},
            {"version", service::Version()},
            {"revision", service::Revision()},
            {"config", path}});
  {
    const absl::StatusOr<std::unique_ptr<Daemon>> daemon =
        Daemon::Open(config, clock::SystemClock(), service::SystemFiles());
    if (!daemon.ok()) return Fail(log, "start_failed", daemon.status());
    const absl::Status result = (*daemon)->Run();
    if (!result.ok()) return Fail(log, "loop_failed", result);
  }
  log.Info("stopped", "the coordinator has stopped");
  log::Flush();
  return 0;
}

int Run(const Options& options) {
  const LoadedConfig loaded = LoadConfig(options.config);
  if (!loaded.config) {
    for (const std::string& problem : loaded.problems) std::cerr << problem << "\n";
    return kFailed;
  }
  if (options.check_only) {
    std::cout << "configuration is valid\n" << Summary(*loaded.config);
    return 0;
  }
  service::BlockSignals();
  log::Configure({.level = loaded.config->log_level, .format = loaded.config->log_format});
  ingest::SendGrpcLinesToLog();
  return RunCoordinator(options.config, *loaded.config);
}

}  // namespace

service::Command AddRunCommand(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("run", "coordinate the network's edges until SIGTERM");
  command->add_option("--config", options->config, "configuration file")->capture_default_str();
  command->add_flag("--check-config", options->check_only, "only read the configuration and name every mistake in it");
  return {command, [options] { return Run(*options); }};
}

}  // namespace breakwater::coordinator
