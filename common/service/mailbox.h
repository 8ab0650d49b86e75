// Work for the control strand from other threads.
//
//   Mailbox mailbox;                                    // mailbox.fd() becomes readable when there is work
//   absl::StatusOr<Status> s = mailbox.Ask<Status>([&] { return daemon.GetStatus(); }, absl::Seconds(2));   // any thread
//   mailbox.Post([&] { daemon.OnMessage(message); });   // any thread, without waiting
//   mailbox.RunAll();                                   // the strand
//
// Bounded: over max_waiting questions the asker is refused. Thread-safe; RunAll belongs to the strand.
#ifndef BREAKWATER_COMMON_SERVICE_MAILBOX_H_
#define BREAKWATER_COMMON_SERVICE_MAILBOX_H_

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace breakwater::service {

class Mailbox {
 public:
  static constexpr size_t kMaxWaiting = 64;

  explicit Mailbox(size_t max_waiting = kMaxWaiting);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  int fd() const { return fd_; }
  void RunAll();

  // Has work run on the strand, in the order of the posts. ResourceExhausted: too much waits.
  absl::Status Post(std::function<void()> work);
  // Runs question on the strand and waits for its answer. When the strand doesn't come to it within limit, the question
  // is withdrawn and never run.
  template <typename T>
  absl::StatusOr<T> Ask(std::function<T()> question, absl::Duration limit) {
    struct Shared {
      std::promise<T> answer;
      std::atomic<bool> taken{false};  // by the strand, or back by the asker
    };
    auto shared = std::make_shared<Shared>();
    std::future<T> answer = shared->answer.get_future();
    absl::Status posted = Post([shared, question = std::move(question)] {
      if (!shared->taken.exchange(true)) shared->answer.set_value(question());
    });
    if (!posted.ok()) return posted;
    if (answer.wait_for(absl::ToChronoMilliseconds(limit)) != std::future_status::ready &&
        !shared->taken.exchange(true)) {
      return absl::DeadlineExceededError("the control strand didn't answer in time");
    }
    return answer.get();
  }

 private:
  const size_t max_waiting_;
  int fd_ = -1;
  std::mutex mutex_;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_MAILBOX_H_
