#include "coordinator/app/daemon.h"

#include <openssl/rand.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/http/event_hub.h"
#include "common/http/server.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/service/health.h"
#include "common/service/notify.h"
#include "common/service/pages.h"
#include "common/service/signals.h"
#include "common/service/version.h"
#include "coordinator/api/admin_grpc.h"
#include "coordinator/api/http_api.h"
#include "coordinator/api/live.h"
#include "coordinator/api/pages.h"
#include "coordinator/api/service.h"
#include "coordinator/app/coordinator_metrics.h"
#include "coordinator/app/keys.h"
#include "coordinator/app/strand.h"
#include "coordinator/ingest/ingest.h"

namespace breakwater::coordinator {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(100);
constexpr absl::Duration kComeBackWithin = absl::Seconds(2);  // edges, after a stop
constexpr size_t kConnections = 64;                           // besides those of open pages
constexpr size_t kMaxBody = 256 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

bool StartTimer(int fd) {
  itimerspec spec{};
  spec.it_interval = absl::ToTimespec(kTick);
  spec.it_value = absl::ToTimespec(kTick);
  return timerfd_settime(fd, 0, &spec, nullptr) == 0;
}

absl::StatusOr<uint64_t> Random() {
  uint64_t random = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&random), sizeof(random)) != 1) {
    return absl::InternalError("no random bytes");
  }
  return random;
}

class ToIngest : public Transport {
 public:
  explicit ToIngest(ingest::Ingest& ingest) : ingest_(ingest) {}
  void ToEdge(const Send& action) override { ingest_.Send(action.session, action.message); }
  void ToEdge(const SendTelemetry& action) override { ingest_.SendTelemetry(action.stream, action.message); }
  void ToEdge(const Close& action) override { ingest_.Close(action.session, action.status); }

 private:
  ingest::Ingest& ingest_;
};

}  // namespace

class Daemon::Impl {
 public:
  Impl(const CoordinatorConfig& config, clock::Clock& clock)
      : config_(config), clock_(clock), metrics_(registry_), health_(clock) {
    metrics_.start_time.Set(absl::ToDoubleSeconds(clock.Now() - absl::UnixEpoch()));
  }

  ~Impl() {
    // Those who ask first, then those who are asked.
    live_.reset();
    if (strand_ != nullptr) strand_->Stop();
    http_.reset();
    admin_.reset();
    ingest_.reset();
    strand_.reset();
  }

  absl::Status Open(service::Files& files) {
    if (mkdir(config_.state_directory.c_str(), 0700) != 0 && errno != EEXIST) {
      return absl::ErrnoToStatus(errno, absl::StrCat("can't make the state directory ", config_.state_directory));
    }
    absl::StatusOr<tls::Material> tls = tls::LoadMaterial(config_.tls);
    if (!tls.ok()) return tls.status();
    absl::StatusOr<fleet::SigningKey> key = LoadOrMakeSigningKey(files, config_.signing_key, config_.signing_public());
    if (!key.ok()) return key.status();
    absl::StatusOr<std::unique_ptr<store::Store>> store = store::OpenRocksStore(config_.database());
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    const absl::StatusOr<uint64_t> random = Random();
    if (!random.ok()) return random.status();

    Settings settings = config_.settings;
    settings.software_version = std::string(service::Version());
    strand_ = std::make_unique<Strand>(std::move(settings), *std::move(key),
                                       Strand::Parts{clock_, *store_, health_, metrics_});
    strand_->Begin(*random);
    service_.emplace(*strand_);

    absl::StatusOr<std::unique_ptr<ingest::Ingest>> ingest = ingest::Ingest::Start(
        {.listen = config_.edges_listen, .tls = *tls, .max_sessions = config_.max_sessions}, *strand_, clock_);
    if (!ingest.ok()) return ingest.status();
    ingest_ = *std::move(ingest);
    transport_.emplace(*ingest_);
    strand_->Connect(&*transport_);
    if (!config_.api_listen.empty()) {
      absl::StatusOr<std::unique_ptr<api::AdminServer>> admin =
          api::AdminServer::Start(config_.api_listen, *tls, *service_);
      if (!admin.ok()) return admin.status();
      admin_ = *std::move(admin);
    }
    return OpenHttp(files);
  }

  absl::Status Run() {
    service::SignalQueue signals;
    const Descriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (signals.fd() < 0 || timer.get() < 0 || strand_->fd() < 0 || !StartTimer(timer.get())) {
      return absl::ErrnoToStatus(errno, "can't make the control strand's timer");
    }
    notifier_.Send("READY=1\nSTATUS=coordinating");
    log_.Info("ready", "the coordinator is ready",
              {{"edges", config_.edges_listen}, {"api", config_.api_listen}, {"http", config_.http_listen}});
    while (!stop_) {
      pollfd fds[] = {{timer.get(), POLLIN, 0}, {strand_->fd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
      if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) {
        return absl::ErrnoToStatus(errno, "the control strand can't wait");
      }
      if (fds[1].revents != 0) strand_->RunWaiting();
      uint64_t expirations = 0;
      if (read(timer.get(), &expirations, sizeof(expirations)) > 0) OnTick();
      while (const std::optional<int> signal = signals.Next()) OnSignal(*signal);
    }
    notifier_.Send("STOPPING=1");
    ingest_->GoAway(kComeBackWithin, "the coordinator stops");
    return absl::OkStatus();
  }

  void Stop() { stop_ = true; }

  uint16_t edges_port() const { return ingest_->port(); }
  uint16_t api_port() const { return admin_ == nullptr ? uint16_t{0} : admin_->port(); }
  uint16_t http_port() const { return http_ == nullptr ? uint16_t{0} : http_->port(); }

 private:
  absl::Status OpenHttp(service::Files& files) {
    if (config_.http_listen.empty()) return absl::OkStatus();
    absl::StatusOr<std::string> token = LoadOrMakeToken(files, config_.api_token());
    if (!token.ok()) return token.status();
    hub_ = std::make_shared<http::EventHub>(
        http::EventHub::Options{.topics = api::Live::Topics(), .max_listeners = config_.max_streams});
    http::Router router;
    router.Get("/metrics", [this](const http::Request&) { return MetricsPage(); });
    router.Get("/healthz", [this](const http::Request&) { return service::HealthzPage(health_); });
    router.Get("/readyz", [this](const http::Request& request) { return service::ReadyzPage(health_, request); });
    router.Get("/version", [](const http::Request&) { return service::VersionPage(); });
    api::AddApi(router, *service_, hub_, {.token = *std::move(token), .names = config_.http_names});
    api::AddPages(router);
    router.Decorate(api::AddSecurityHeaders);
    http::ServerOptions options;
    options.tcp = config_.http_listen;
    options.max_body = kMaxBody;
    options.max_connections = kConnections + config_.max_streams;
    absl::StatusOr<std::unique_ptr<http::Server>> server = http::Server::Start(options, std::move(router));
    if (!server.ok()) return server.status();
    http_ = *std::move(server);
    live_.emplace(hub_);
    return absl::OkStatus();
  }

  http::Response MetricsPage() {
    metrics_.ready.Set(health_.Read().ready ? 1 : 0);
    metrics_.SetLogLinesDropped(log::DroppedLines());
    http::Response response = http::Text(200, registry_.Text());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }

  void OnTick() {
    strand_->OnTick();
    const absl::Duration now = clock_.Monotonic();
    if (live_) live_->Tick(*strand_, now);
    if (now >= next_second_) {
      next_second_ = now + absl::Seconds(1);
      EverySecond();
    }
    if (notifier_.watchdog() && now >= next_watchdog_) {
      next_watchdog_ = now + *notifier_.watchdog() / 2;
      notifier_.Send("WATCHDOG=1");
    }
  }

  void EverySecond() {
    ingest_->Sweep();
    metrics_.Set(strand_->counters());
    metrics_.Set(strand_->Overview());
    metrics_.Set(ingest_->stats());
    metrics_.Set(service_->stats(), admin_ == nullptr ? 0 : admin_->unauthenticated());
    metrics_.SetWrites(strand_->writes());
    if (http_ != nullptr) metrics_.Set(http_->stats());
    if (hub_ != nullptr) metrics_.Set(hub_->stats(), hub_->listeners());
  }

  void OnSignal(int signal) {
    if (signal == SIGHUP) {
      log_.Warning("reload_ignored", "a coordinator reads its configuration at the start only; restart it");
      return;
    }
    log_.Info("stopping", "the coordinator stops", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    stop_ = true;
  }

  const CoordinatorConfig config_;
  clock::Clock& clock_;
  const log::Logger log_{"run"};
  const service::Notifier notifier_ = service::Notifier::FromEnvironment();
  metrics::Registry registry_;
  CoordinatorMetrics metrics_;
  service::Health health_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Strand> strand_;
  std::optional<api::Service> service_;
  std::unique_ptr<ingest::Ingest> ingest_;
  std::optional<ToIngest> transport_;
  std::unique_ptr<api::AdminServer> admin_;
  std::shared_ptr<http::EventHub> hub_;
  std::unique_ptr<http::Server> http_;
  std::optional<api::Live> live_;
  absl::Duration next_second_;
  absl::Duration next_watchdog_;
  std::atomic<bool> stop_{false};
};

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() = default;

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Open(const CoordinatorConfig& config, clock::Clock& clock,
                                                     service::Files& files) {
  auto impl = std::make_unique<Impl>(config, clock);
  if (absl::Status s = impl->Open(files); !s.ok()) return s;
  return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

absl::Status Daemon::Run() { return impl_->Run(); }
void Daemon::Stop() { impl_->Stop(); }
uint16_t Daemon::edges_port() const { return impl_->edges_port(); }
uint16_t Daemon::api_port() const { return impl_->api_port(); }
uint16_t Daemon::http_port() const { return impl_->http_port(); }

}  // namespace breakwater::coordinator
