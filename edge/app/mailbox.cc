#include "edge/app/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace breakwater::app {

Mailbox::Mailbox() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Mailbox::~Mailbox() {
  if (fd_ >= 0) close(fd_);
}

absl::Status Mailbox::Post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting)
      return absl::ResourceExhaustedError("too many questions wait for the control strand");
    waiting_.push_back(std::move(work));
  }
  const uint64_t one = 1;
  (void)!write(fd_, &one, sizeof(one));
  return absl::OkStatus();
}

void Mailbox::RunAll() {
  uint64_t count = 0;
  (void)!read(fd_, &count, sizeof(count));
  std::deque<std::function<void()>> work;
  {
    std::lock_guard lock(mutex_);
    work.swap(waiting_);
  }
  for (const std::function<void()>& one : work) one();
}

}  // namespace breakwater::app
