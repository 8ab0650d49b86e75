// The control strand of a running edge: slots every 100 ms, questions from the HTTP servers, signals.
//
//   RunLoop loop(daemon, mailbox, health, notifier, [] { return LoadConfig(path, …); });
//   absl::Status s = loop.Run();       // returns after SIGTERM or SIGINT
//
// service::BlockSignals() has to run before the first thread is started.
#ifndef BREAKWATER_EDGE_APP_RUN_LOOP_H_
#define BREAKWATER_EDGE_APP_RUN_LOOP_H_

#include <functional>
#include <future>
#include <optional>

#include "absl/status/status.h"
#include "common/clock/clock.h"
#include "common/service/mailbox.h"
#include "common/service/notify.h"
#include "edge/app/daemon.h"

namespace breakwater::app {

class RunLoop {
 public:
  using LoadConfig = std::function<settings::LoadedConfig()>;

  // every_second runs on the strand, for what only it may touch.
  RunLoop(Daemon& daemon, service::Mailbox& mailbox, const service::Health& health, const service::Notifier& notifier,
          clock::Clock& clock, LoadConfig load, std::function<void()> every_second);

  absl::Status Run();

 private:
  void OnSignal(int signal);
  void OnTick();
  void StartReload();

  Daemon& daemon_;
  service::Mailbox& mailbox_;
  const service::Health& health_;
  const service::Notifier& notifier_;
  clock::Clock& clock_;
  LoadConfig load_;
  std::function<void()> every_second_;
  log::Logger log_{"run"};
  bool stop_ = false;
  bool ready_sent_ = false;
  // A file may be slow to read and long to parse, so that happens beside the strand.
  std::optional<std::future<settings::LoadedConfig>> reload_;
  bool reload_again_ = false;  // SIGHUP came while one was on its way
  absl::Duration next_watchdog_;
  absl::Duration next_second_;
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_RUN_LOOP_H_
