#include "edge/app/state_writer.h"

#include <utility>

namespace breakwater::app {

StateWriter::StateWriter(StateFile file, clock::Clock& clock, Options options)
    : file_(std::move(file)), clock_(clock), options_(std::move(options)), thread_([this] { Run(); }) {}

StateWriter::~StateWriter() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void StateWriter::Submit(EdgeState state) {
  {
    std::lock_guard lock(mutex_);
    waiting_ = std::move(state);
    retrying_ = false;
  }
  changed_.notify_all();
}

bool StateWriter::Flush(absl::Duration limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(limit),
                           [this] { return !writing_ && (!waiting_ || retrying_); });
}

absl::Status StateWriter::last_result() const {
  std::lock_guard lock(mutex_);
  return last_result_;
}

void StateWriter::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (retrying_) {
      changed_.wait_for(lock, absl::ToChronoMilliseconds(options_.retry_after), [this] { return stop_ || !retrying_; });
    } else {
      changed_.wait(lock, [this] { return stop_ || waiting_; });
    }
    // A state that failed before isn't worth holding up the end.
    if (stop_ && (!waiting_ || retrying_)) return;
    if (!waiting_) continue;
    EdgeState state = *std::exchange(waiting_, std::nullopt);
    retrying_ = false;
    writing_ = true;
    lock.unlock();
    const absl::Duration start = clock_.Monotonic();
    const absl::Status result = file_.Save(state, clock_.Now());
    if (options_.on_result) options_.on_result(result, clock_.Monotonic() - start);
    lock.lock();
    writing_ = false;
    last_result_ = result;
    if (!result.ok() && !waiting_) {
      waiting_ = std::move(state);
      retrying_ = true;
    }
    changed_.notify_all();
  }
}

}  // namespace breakwater::app
