// Work for the control strand from other threads.
//
//   Mailbox mailbox;                                    // mailbox.fd() becomes readable when there is work
//   absl::StatusOr<Status> s = mailbox.Ask<Status>([&] { return daemon.GetStatus(); }, absl::Seconds(2));   // any thread
//   mailbox.RunAll();                                   // the strand
//
// Bounded: over kMaxWaiting questions the asker is refused. Thread-safe; RunAll belongs to the strand.
#ifndef BREAKWATER_EDGE_APP_MAILBOX_H_
#define BREAKWATER_EDGE_APP_MAILBOX_H_

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace breakwater::app {

class Mailbox {
 public:
  static constexpr size_t kMaxWaiting = 64;

  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  int fd() const { return fd_; }
  void RunAll();

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
      return absl::DeadlineExceededError("the edge's control strand didn't answer in time");
    }
    return answer.get();
  }

 private:
  absl::Status Post(std::function<void()> work);

  int fd_ = -1;
  std::mutex mutex_;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_MAILBOX_H_
