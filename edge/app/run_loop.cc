#include "edge/app/run_loop.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/service/signals.h"

namespace breakwater::app {
namespace {

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

// First when the running slot ends, then once a slot, without drift.
bool StartTimer(int fd, absl::Duration first) {
  itimerspec spec{};
  spec.it_interval = absl::ToTimespec(window::kSlotLength);
  spec.it_value = absl::ToTimespec(std::max(first, absl::Microseconds(1)));
  return timerfd_settime(fd, 0, &spec, nullptr) == 0;
}

}  // namespace

RunLoop::RunLoop(Daemon& daemon, service::Mailbox& mailbox, const service::Health& health,
                 const service::Notifier& notifier, clock::Clock& clock, LoadConfig load,
                 std::function<void()> every_second)
    : daemon_(daemon),
      mailbox_(mailbox),
      health_(health),
      notifier_(notifier),
      clock_(clock),
      load_(std::move(load)),
      every_second_(std::move(every_second)),
      next_watchdog_(clock.Monotonic()),
      next_second_(clock.Monotonic()) {}

absl::Status RunLoop::Run() {
  service::SignalQueue signals;
  const Descriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (signals.fd() < 0 || timer.get() < 0 || mailbox_.fd() < 0 || !StartTimer(timer.get(), daemon_.UntilNextTick())) {
    return absl::ErrnoToStatus(errno, "can't make the control strand's timer");
  }
  while (!stop_) {
    pollfd fds[] = {{timer.get(), POLLIN, 0}, {mailbox_.fd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR)
      return absl::ErrnoToStatus(errno, "the control strand can't wait");
    uint64_t expirations = 0;
    // How many doesn't matter: the daemon looks at the clock.
    if (read(timer.get(), &expirations, sizeof(expirations)) > 0) OnTick();
    if (fds[1].revents != 0) mailbox_.RunAll();
    while (const std::optional<int> signal = signals.Next()) OnSignal(*signal);
  }
  notifier_.Send("STOPPING=1");
  return absl::OkStatus();
}

void RunLoop::OnTick() {
  daemon_.Tick();
  if (reload_ && reload_->wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    daemon_.Reload(reload_->get());
    reload_.reset();
    notifier_.Send("READY=1");
    if (std::exchange(reload_again_, false)) StartReload();
  }
  const absl::Duration now = clock_.Monotonic();
  if (now >= next_second_) {
    next_second_ = now + absl::Seconds(1);
    every_second_();
    const service::Health::Report health = health_.Read();
    if (!ready_sent_ && health.ready) {
      ready_sent_ = true;
      notifier_.Send("READY=1\nSTATUS=protecting");
      log_.Info("ready", "the edge is ready");
    }
  }
  if (notifier_.watchdog() && now >= next_watchdog_) {
    next_watchdog_ = now + *notifier_.watchdog() / 2;
    notifier_.Send("WATCHDOG=1");
  }
}

void RunLoop::OnSignal(int signal) {
  if (signal == SIGHUP) {
    if (reload_) {
      reload_again_ = true;
    } else {
      StartReload();
    }
    return;
  }
  log_.Info("stopping", "the edge stops", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  stop_ = true;
}

void RunLoop::StartReload() {
  log_.Info("reloading", "the configuration is read again");
  notifier_.Send(absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", absl::ToInt64Microseconds(clock_.Monotonic())));
  reload_ = std::async(std::launch::async, load_);
}

}  // namespace breakwater::app
