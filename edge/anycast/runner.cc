#include "edge/anycast/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace breakwater::anycast {
namespace {

std::string Cut(std::string_view text) { return std::string(text.substr(0, Runner::kMaxReason)); }

// A reason or nothing at all; what can't be read counts as drained, for somebody put it there.
std::optional<std::string> ReadDrainFile(const std::string& path) {
  const int fd = path.empty() ? -1 : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text(Runner::kMaxReason, '\0');
  const ssize_t n = read(fd, text.data(), text.size());
  close(fd);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

absl::Status WriteDrainFile(const std::string& path, bool on, const std::string& reason) {
  if (path.empty()) return absl::OkStatus();
  if (!on) {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, absl::StrCat("can't remove ", path));
  }
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't write ", path));
  const bool written = write(fd, reason.data(), reason.size()) == static_cast<ssize_t>(reason.size());
  const bool synced = written && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  return synced ? absl::OkStatus() : absl::ErrnoToStatus(error, absl::StrCat("can't write ", path));
}

}  // namespace

struct Runner::Running {
  Running(const CheckSettings& check, absl::Duration deadline)
      : probe(std::make_unique<Probe>(check)), talk(Endpoint::Tcp(check.address), *probe, deadline) {}
  Running(const Settings& settings, Presence want, absl::Duration deadline)
      : reconcile(std::make_unique<Reconcile>(settings, want)),
        talk(Endpoint::Unix(settings.bird_socket), *reconcile, deadline) {}

  std::unique_ptr<Probe> probe;
  std::unique_ptr<Reconcile> reconcile;
  Talk talk;
};

absl::StatusOr<std::unique_ptr<Runner>> Runner::Start(const Settings& settings, Parts parts) {
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) return absl::ErrnoToStatus(errno, "can't make the anycast thread's event");
  std::unique_ptr<Runner> runner(new Runner(settings, std::move(parts), wake_fd));
  runner->thread_ = std::thread([r = runner.get()] { r->Run(); });
  return runner;
}

Runner::Runner(const Settings& settings, Parts parts, int wake_fd)
    : settings_(settings),
      parts_(std::move(parts)),
      wake_fd_(wake_fd),
      metrics_(parts_.registry, settings),
      machine_(settings),
      next_round_(parts_.clock.Monotonic()),
      next_bird_(next_round_),
      probes_(settings.checks.size()) {
  if (const std::optional<std::string> reason = ReadDrainFile(parts_.drain_file)) {
    machine_.SetDrain(true, *reason, next_round_ - settings_.drain_wait);  // it was drained long ago
    log_.Warning("anycast_drained", "this edge is drained; \"breakwater-edge undrain\" announces it again",
                 {{"reason", *reason}});
  }
  Decide(next_round_);
}

Runner::~Runner() {
  {
    std::lock_guard lock(mutex_);
    quit_ = true;
  }
  Wake();
  thread_.join();
  close(wake_fd_);
}

void Runner::Wake() const {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then it wakes anyway.
  [[maybe_unused]] const ssize_t n = write(wake_fd_, &one, sizeof(one));
}

absl::Status Runner::Drain(bool on, std::string_view reason) {
  const std::string text = Cut(reason);
  const absl::Status written = WriteDrainFile(parts_.drain_file, on, text);
  {
    std::lock_guard lock(mutex_);
    drain_wish_ = {on, text};
    // Whoever asks next shall see it, also before the thread has taken it up.
    report_.draining = on;
  }
  Wake();
  return written;
}

Report Runner::Read() const {
  std::lock_guard lock(mutex_);
  return report_;
}

void Runner::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_wish_ = true;
  }
  Wake();
  std::unique_lock lock(mutex_);
  const absl::Duration limit = settings_.stop_wait + 2 * kBirdTimeout;
  if (!stopped_changed_.wait_for(lock, absl::ToChronoMilliseconds(limit), [this] { return withdrawn_after_stop_; })) {
    log_.Error("anycast_not_withdrawn", "BIRD didn't confirm that this edge is withdrawn",
               {{"reason", report_.reason}});
  }
}

void Runner::Run() {
  while (true) {
    const absl::Duration now = parts_.clock.Monotonic();
    {
      std::lock_guard lock(mutex_);
      if (quit_) return;
    }
    TakeWishes(now);
    if (now >= next_round_) StartRound(now);
    TakeResults(now);
    Decide(now);
    Publish();
    Wait(parts_.clock.Monotonic());
  }
}

void Runner::TakeWishes(absl::Duration now) {
  std::lock_guard lock(mutex_);
  if (drain_wish_) {
    const auto& [on, reason] = *drain_wish_;
    log_.Warning(on ? "anycast_drain" : "anycast_undrain",
                 on ? "this edge is drained" : "this edge is drained no longer", {{"reason", reason}});
    machine_.SetDrain(on, reason, now);
    drain_wish_.reset();
  }
  if (stop_wish_) machine_.Stop(now);
}

void Runner::StartRound(absl::Duration now) {
  next_round_ = std::max(next_round_ + settings_.interval, now);
  const DatapathHealth datapath = parts_.datapath();
  machine_.Observe(Machine::kDatapath, datapath.ready, datapath.detail);
  for (size_t i = 0; i < settings_.checks.size(); ++i) {
    if (probes_[i] == nullptr) {
      probes_[i] = std::make_unique<Running>(settings_.checks[i], now + settings_.timeout);
    }
  }
  next_bird_ = now;  // somebody else may have changed it, or it was started anew
}

void Runner::TakeResults(absl::Duration now) {
  for (size_t i = 0; i < probes_.size(); ++i) {
    if (probes_[i] == nullptr) continue;
    probes_[i]->talk.Advance(now);
    if (!probes_[i]->talk.done()) continue;
    const absl::Status& status = probes_[i]->talk.status();
    if (!status.ok()) metrics_.check_failures[i].Add();
    machine_.Observe(i + 1, status.ok(), status.ok() ? "ok" : Cut(std::string(status.message())));
    probes_[i].reset();
  }
  if (bird_ == nullptr) return;
  bird_->talk.Advance(now);
  if (!bird_->talk.done()) return;
  const std::unique_ptr<Running> done = std::move(bird_);
  OnBird(done->talk.status(), *done->reconcile, now);
}

void Runner::OnBird(const absl::Status& status, const Reconcile& talk, absl::Duration now) {
  metrics_.changes.Add(talk.changes());
  const std::string before = std::exchange(bird_problem_, "");
  bird_absent_ = status.code() == absl::StatusCode::kUnavailable;
  if (status.ok()) {
    const Presence was = std::exchange(observed_, talk.observed());
    if (!talk.reached()) bird_problem_ = "BIRD's protocols aren't all as they should be";
    if (was != observed_ || !before.empty()) {
      log_.Write(observed_ == Presence::kAnnounced ? log::Level::kInfo : log::Level::kWarning, "anycast_state",
                 absl::StrCat("this edge is ", std::string(PresenceName(observed_))),
                 {{"state", PresenceName(observed_)}, {"reason", decision_.reason}});
    }
    return;
  }
  metrics_.bird_failures.Add();
  bird_problem_ = Cut(std::string(status.message()));
  // A daemon that isn't there announces nothing. One that doesn't answer may go on announcing what it did.
  if (bird_absent_) observed_ = Presence::kWithdrawn;
  if (before != bird_problem_) log_.Error("anycast_bird_failed", "BIRD can't be told", {{"error", status}});
  next_bird_ = now + settings_.interval;
}

void Runner::Decide(absl::Duration now) {
  const Presence before = decision_.want;
  decision_ = machine_.Decide(now);
  if (decision_.want != before) {
    log_.Write(decision_.want == Presence::kAnnounced ? log::Level::kInfo : log::Level::kWarning, "anycast_wanted",
               absl::StrCat("this edge shall be ", std::string(PresenceName(decision_.want))),
               {{"wanted", PresenceName(decision_.want)}, {"reason", decision_.reason}});
    next_bird_ = now;
  }
  if (bird_ == nullptr && now >= next_bird_) {
    next_bird_ = absl::InfiniteDuration();  // until the next round, a change of mind, or a failure
    bird_ = std::make_unique<Running>(settings_, decision_.want, now + kBirdTimeout);
  }
}

void Runner::Publish() {
  for (const auto& [presence, gauge] : metrics_.presence) gauge.Set(presence == observed_ ? 1 : 0);
  for (size_t i = 0; i < machine_.checks().size(); ++i) metrics_.check_good[i].Set(machine_.checks()[i].good ? 1 : 0);
  std::lock_guard lock(mutex_);
  report_.presence = observed_;
  report_.wanted = decision_.want;
  report_.confirmed = bird_problem_.empty() && observed_ == decision_.want;
  report_.draining = decision_.draining || (drain_wish_ && drain_wish_->first);
  report_.reason = Cut(bird_problem_.empty() ? decision_.reason : bird_problem_);
  report_.checks = machine_.checks();
  if (stop_wish_ && decision_.draining && decision_.want == Presence::kWithdrawn && observed_ == Presence::kWithdrawn &&
      (bird_problem_.empty() || bird_absent_)) {
    withdrawn_after_stop_ = true;
    stopped_changed_.notify_all();
  }
}

void Runner::Wait(absl::Duration now) {
  std::vector<pollfd> fds = {{wake_fd_, POLLIN, 0}};
  absl::Duration until = std::min(next_round_, next_bird_);
  if (bird_ != nullptr) until = next_round_;
  if (decision_.look_again) until = std::min(until, *decision_.look_again);
  const auto add = [&](const std::unique_ptr<Running>& running) {
    if (running == nullptr) return;
    until = std::min(until, running->talk.done() ? now : running->talk.deadline());
    if (!running->talk.done()) fds.push_back({running->talk.fd(), running->talk.events(), 0});
  };
  for (const std::unique_ptr<Running>& probe : probes_) add(probe);
  add(bird_);
  const absl::Duration left = std::max(until - now, absl::ZeroDuration());
  poll(fds.data(), fds.size(), static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
  uint64_t ignored = 0;
  [[maybe_unused]] const ssize_t n = read(wake_fd_, &ignored, sizeof(ignored));
}

absl::Status WithdrawNow(const Settings& settings, absl::Duration limit) {
  Reconcile script(settings, Presence::kWithdrawn);
  if (absl::Status s = RunTalk(Endpoint::Unix(settings.bird_socket), script, limit); !s.ok()) return s;
  if (!script.reached()) return absl::InternalError("BIRD still announces after it was told to withdraw");
  return absl::OkStatus();
}

}  // namespace breakwater::anycast
