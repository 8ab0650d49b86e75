#include <sys/stat.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/http/server.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/service/mailbox.h"
#include "common/service/notify.h"
#include "common/service/signals.h"
#include "common/service/version.h"
#include "edge/anycast/runner.h"
#include "edge/app/api.h"
#include "edge/app/commands.h"
#include "edge/app/daemon.h"
#include "edge/app/run_loop.h"
#include "edge/app/state_writer.h"
#include "edge/settings/edge_config.h"

namespace breakwater::app {
namespace {

constexpr int kFailed = 1;
constexpr absl::Duration kLastWrite = absl::Seconds(5);

struct Options {
  std::string config = "/etc/breakwater/edge.yaml";
  bool check_only = false;
};

settings::LoadedConfig Load(const std::string& path) {
  return settings::LoadConfig(path, {.purpose = settings::Purpose::kRun, .now = clock::SystemClock().Now()});
}

int Fail(const log::Logger& log, std::string_view event, const absl::Status& status) {
  log.Error(event, std::string(status.message()));
  log::Flush();
  return kFailed;
}

// A directory that is missing in a fresh installation. What goes wrong shows when something is written there.
void MakeDirectory(const std::string& path) { (void)mkdir(path.c_str(), 0750); }

struct Servers {
  std::unique_ptr<http::Server> admin;
  std::unique_ptr<http::Server> management;

  void Count(EdgeMetrics& m) const {
    http::Server::Stats sum;
    for (const http::Server* server : {admin.get(), management.get()}) {
      if (server == nullptr) continue;
      const http::Server::Stats s = server->stats();
      sum.requests += s.requests;
      sum.bad_requests += s.bad_requests;
      sum.refused_connections += s.refused_connections;
    }
    EdgeMetrics::RaiseTo(m.http_requests, sum.requests);
    EdgeMetrics::RaiseTo(m.http_bad_requests, sum.bad_requests);
    EdgeMetrics::RaiseTo(m.http_refused_connections, sum.refused_connections);
  }
};

absl::StatusOr<Servers> StartServers(const settings::EdgeConfig& config, const ApiParts& parts) {
  Servers servers;
  MakeDirectory(std::filesystem::path(config.admin_socket).parent_path());
  absl::StatusOr<std::unique_ptr<http::Server>> admin =
      http::Server::Start({.tcp = {}, .unix_path = config.admin_socket}, AdminRouter(parts));
  if (!admin.ok()) return admin.status();
  servers.admin = *std::move(admin);
  if (!config.http_listen.empty()) {
    absl::StatusOr<std::unique_ptr<http::Server>> management =
        http::Server::Start({.tcp = config.http_listen, .unix_path = {}}, ManagementRouter(parts));
    if (!management.ok()) return management.status();
    servers.management = *std::move(management);
  }
  return servers;
}

// Nullptr when the edge leaves BGP alone.
absl::StatusOr<std::unique_ptr<anycast::Runner>> StartAnycast(const settings::EdgeConfig& config,
                                                              const service::Health& health,
                                                              metrics::Registry& registry) {
  if (!config.anycast.enabled()) return nullptr;
  const auto datapath = [&health] {
    const service::Health::Report report = health.Read();
    std::string failing = "ready";
    for (const service::Health::Check& check : report.checks) {
      if (!check.ok) failing = absl::StrCat(check.name, ": ", check.detail);
    }
    return anycast::DatapathHealth{report.ready, failing};
  };
  return anycast::Runner::Start(config.anycast,
                                {clock::SystemClock(), registry, datapath, config.state_directory + "/drained"});
}

void NoteAnycast(const anycast::Runner* anycast, service::Health& health) {
  if (anycast == nullptr) return;
  const anycast::Report report = anycast->Read();
  health.Note("anycast", report.reason.empty()
                             ? ""
                             : absl::StrCat(std::string(anycast::PresenceName(report.presence)), ": ", report.reason));
}

int RunEdge(const std::string& path, const settings::EdgeConfig& config) {
  const log::Logger log("run");
  log.Info("starting", "the edge starts",
           {{"edge", config.control.edge_id},
            {"version", service::Version()},
            {"revision", service::Revision()},
            {"config", path}});
  clock::Clock& clock = clock::SystemClock();
  absl::StatusOr<std::unique_ptr<datapath::LiveDatapath>> datapath = datapath::AttachLive(config.live);
  if (!datapath.ok()) return Fail(log, "attach_failed", datapath.status());

  metrics::Registry registry;
  EdgeMetrics metrics(registry, config.live.interfaces);
  service::Health health(clock);
  MakeDirectory(config.state_directory);
  StateFile::Loaded loaded = StateFile(service::SystemFiles(), config.state_directory).Load(clock.Now());
  StateWriter writer(StateFile(service::SystemFiles(), config.state_directory), clock,
                     {.on_result = [&metrics, &log](const absl::Status& s, absl::Duration took) {
                       metrics.persist_seconds.Observe(absl::ToDoubleSeconds(took));
                       (s.ok() ? metrics.persists : metrics.persist_failures).Add();
                       if (!s.ok()) {
                         log.Error("persist_failed",
                                   "the state can't be written; rules stay in force and it is tried again",
                                   {{"error", s}});
                       }
                     }});
  Daemon daemon(config, std::move(loaded), {clock, **datapath, writer, metrics, health});
  daemon.Start();

  service::Mailbox mailbox;
  const absl::StatusOr<std::unique_ptr<anycast::Runner>> anycast = StartAnycast(config, health, registry);
  if (!anycast.ok()) return Fail(log, "anycast_failed", anycast.status());
  const absl::StatusOr<Servers> servers =
      StartServers(config, {daemon, mailbox, health, registry, metrics, anycast->get()});
  if (!servers.ok()) return Fail(log, "listen_failed", servers.status());
  const service::Notifier notifier = service::Notifier::FromEnvironment();
  RunLoop loop(
      daemon, mailbox, health, notifier, clock, [path] { return Load(path); },
      [&] {
        servers->Count(metrics);
        NoteAnycast(anycast->get(), health);
      });
  const absl::Status result = loop.Run();
  if (*anycast != nullptr) (*anycast)->Stop();
  if (!result.ok()) return Fail(log, "loop_failed", result);
  if (!writer.Flush(kLastWrite))
    log.Warning("persist_slow", "the disk is too slow for the last state; the one before stays");
  log.Info("stopped", "the edge has stopped");
  log::Flush();
  return 0;
}

int Run(const Options& options) {
  const settings::LoadedConfig loaded = Load(options.config);
  if (!loaded.config) {
    for (const std::string& problem : loaded.problems) std::cerr << problem << "\n";
    return kFailed;
  }
  if (options.check_only) {
    std::cout << "configuration is valid\n" << settings::Summary(*loaded.config);
    return 0;
  }
  service::BlockSignals();
  log::Configure({.level = loaded.config->log_level, .format = loaded.config->log_format});
  return RunEdge(options.config, *loaded.config);
}

}  // namespace

Command AddRunCommand(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("run", "guard the configured interfaces until SIGTERM; SIGHUP reloads");
  command->add_option("--config", options->config, "configuration file")->capture_default_str();
  command->add_flag("--check-config", options->check_only, "only read the configuration and name every mistake in it");
  return {command, [options] { return Run(*options); }};
}

}  // namespace breakwater::app
