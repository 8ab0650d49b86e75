#include "common/service/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace breakwater::service {

Mailbox::Mailbox(size_t max_waiting) : max_waiting_(max_waiting), fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Mailbox::~Mailbox() {
  if (fd_ >= 0) close(fd_);
}

absl::Status Mailbox::Post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= max_waiting_)
      return absl::ResourceExhaustedError("too much work waits for the control strand");
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

}  // namespace breakwater::service
