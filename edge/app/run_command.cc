#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/fleet/session_wire.h"
#include "common/http/server.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/service/mailbox.h"
#include "common/service/notify.h"
#include "common/service/signals.h"
#include "common/service/version.h"
#include "edge/anycast/runner.h"
#include "edge/app/access.h"
#include "edge/app/api.h"
#include "edge/app/commands.h"
#include "edge/app/daemon.h"
#include "edge/app/run_loop.h"
#include "edge/app/state_writer.h"
#include "edge/link/link.h"
#include "edge/link/transport.h"
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

v1::AnycastState AnycastStateOf(anycast::Presence presence) {
  switch (presence) {
    case anycast::Presence::kWithdrawn:
      return v1::ANYCAST_STATE_WITHDRAWN;
    case anycast::Presence::kDeprefered:
      return v1::ANYCAST_STATE_DRAINING;
    case anycast::Presence::kAnnounced:
      return v1::ANYCAST_STATE_ANNOUNCED;
  }
  return v1::ANYCAST_STATE_UNSPECIFIED;
}

// On the strand.
void NoteAnycast(const anycast::Runner* anycast, service::Health& health, Daemon& daemon) {
  if (anycast == nullptr) return;
  const anycast::Report report = anycast->Read();
  health.Note("anycast", report.reason.empty()
                             ? ""
                             : absl::StrCat(std::string(anycast::PresenceName(report.presence)), ": ", report.reason));
  daemon.SetAnycast({.state = AnycastStateOf(report.presence), .reason = report.reason});
}

// Not to be guessed, and never the same twice: an edge's windows are known by it.
uint64_t NewBootId() {
  std::random_device random;
  uint64_t id = 0;
  while (id == 0) id = uint64_t{random()} << 32 | random();
  return id;
}

std::function<double()> NewRandom() {
  return [random = std::mt19937_64(NewBootId())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(random);
  };
}

link::LinkSettings LinkSettingsOf(const settings::EdgeConfig& config, const tls::EdgeIdentity& identity,
                                  uint64_t boot_id) {
  link::LinkSettings s;
  s.coordinators = config.coordinator->addresses;
  s.identity = identity;
  s.boot_id = boot_id;
  s.software_version = std::string(service::Version()).substr(0, fleet::SessionBounds::kName);
  s.capabilities = {"layer.datapath", "mode.armed"};
  for (const rule::ActionKind action :
       {rule::ActionKind::kAllow, rule::ActionKind::kDrop, rule::ActionKind::kRateLimit}) {
    s.capabilities.push_back(absl::StrCat("action.", std::string(rule::ActionName(action))));
  }
  for (const datapath::Policy& policy : config.control.policies) s.prefixes.push_back(policy.prefix.ToString());
  s.queue_bytes = config.coordinator->queue_bytes;
  s.reconnect_max = config.coordinator->reconnect_max;
  s.random = NewRandom();
  return s;
}

// The coordinator's last set and order from the disk, as far as its signatures are still believed.
Daemon::Restored Restore(const control::SavedState& saved, link::DesiredSet& set, EdgeMetrics& metrics) {
  Daemon::Restored restored;
  if (!saved.fleet) return restored;
  const log::Logger log("link");
  const auto problem = [&](const absl::Status& s) {
    metrics.state_problems.Add();
    log.Error("fleet_state_refused", "what the coordinator wanted before the restart isn't believed any more",
              {{"error", s}});
  };
  if (const absl::Status s = set.RestoreRules(*saved.fleet); !s.ok()) {
    problem(s);
  } else if (set.has_set()) {
    restored.desired = set.Rules();
  }
  if (saved.fleet->has_stop()) {
    absl::StatusOr<control::StopEnforcing> stop = set.RestoreStop(*saved.fleet);
    if (stop.ok()) {
      restored.stop = *std::move(stop);
    } else {
      problem(stop.status());
    }
  }
  return restored;
}

void LogLink(const link::LinkReport& report) {
  static const log::Logger log("link");
  std::vector<log::Field> fields;
  for (const auto& [key, value] : report.fields) fields.emplace_back(key, value);
  const log::Level level = report.level == link::LinkReport::Level::kWarning ? log::Level::kWarning
                           : report.level == link::LinkReport::Level::kInfo  ? log::Level::kInfo
                                                                             : log::Level::kDebug;
  log.Write(level, report.event, report.text, fields);
}

int RunEdge(const std::string& path, settings::EdgeConfig config) {
  const log::Logger log("run");
  log.Info("starting", "the edge starts",
           {{"edge", config.control.edge_id},
            {"version", service::Version()},
            {"revision", service::Revision()},
            {"config", path}});
  clock::Clock& clock = clock::SystemClock();
  std::optional<Access> access;
  if (config.coordinator) {
    absl::StatusOr<Access> loaded = LoadAccess(*config.coordinator, config.control.edge_id);
    if (!loaded.ok()) return Fail(log, "coordinator_misconfigured", loaded.status());
    access = *std::move(loaded);
  }
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
  service::Mailbox mailbox;
  Daemon* strand = nullptr;  // set before the link starts
  std::unique_ptr<link::Link> link;
  Daemon::Restored restored;
  const uint64_t boot_id = NewBootId();
  if (access) {
    link::DesiredSet set(access->keys, access->identity);
    restored = Restore(loaded.state.saved, set, metrics);
    link = std::make_unique<link::Link>(
        LinkSettingsOf(config, access->identity, boot_id), std::move(set), clock,
        [&access](link::Transport::Sink sink) { return link::NewGrpcTransport(access->material, std::move(sink)); },
        link::Link::Callbacks{.wake =
                                  [&mailbox, &strand] {
                                    // When the mailbox is full the strand finds it at its next slot.
                                    (void)mailbox.Post([&strand] { strand->TakeFromLink(); });
                                  },
                              .report = LogLink});
  } else if (loaded.state.saved.fleet) {
    log.Warning("fleet_state_left", "the configuration names no coordinator any more; its rules aren't enforced");
  }
  Daemon daemon(config, std::move(loaded), {clock, **datapath, writer, metrics, health, link.get(), boot_id},
                std::move(restored));
  strand = &daemon;
  daemon.Start();
  if (link) link->Start();
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
        NoteAnycast(anycast->get(), health, daemon);
      });
  const absl::Status result = loop.Run();
  if (*anycast != nullptr) {
    // It takes its time; the coordinator should know meanwhile.
    daemon.SetAnycast({.state = v1::ANYCAST_STATE_DRAINING, .reason = "the edge stops"});
    (*anycast)->Stop();
  }
  if (link) link->Stop();
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
    if (loaded.config->coordinator) {
      const absl::StatusOr<Access> access = LoadAccess(*loaded.config->coordinator, loaded.config->control.edge_id);
      if (!access.ok()) {
        std::cerr << access.status().message() << "\n";
        return kFailed;
      }
    }
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
