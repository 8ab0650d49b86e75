#include "coordinator/store/commit_queue.h"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace breakwater::store {
namespace {

size_t BytesOf(const Batch& batch) {
  size_t bytes = 0;
  for (const Write& write : batch) bytes += write.key.size() + (write.value.has_value() ? write.value->size() : 0);
  return bytes;
}

}  // namespace

CommitQueue::CommitQueue(Store& store, Options options, Done done)
    : store_(store), options_(options), done_(std::move(done)), thread_([this] { Run(); }) {}

CommitQueue::~CommitQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

absl::Status CommitQueue::Add(uint64_t ticket, Batch batch) {
  const size_t bytes = BytesOf(batch);
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.max_waiting || waiting_bytes_ + bytes > options_.max_waiting_bytes) {
      return absl::ResourceExhaustedError(
          "the store can't keep up: " + std::to_string(waiting_.size()) + " batches (" +
          std::to_string(waiting_bytes_) + " bytes) wait to be written, the limits are " +
          std::to_string(options_.max_waiting) + " and " + std::to_string(options_.max_waiting_bytes) +
          "; use a faster disk for the store");
    }
    waiting_.push_back({ticket, std::move(batch), bytes});
    waiting_bytes_ += bytes;
  }
  wake_.notify_one();
  return absl::OkStatus();
}

uint64_t CommitQueue::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

void CommitQueue::Run() {
  while (true) {
    Batch group;
    std::vector<uint64_t> tickets;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      size_t bytes = 0;
      while (!waiting_.empty() && (tickets.empty() || bytes + waiting_.front().bytes <= options_.max_group_bytes)) {
        Waiting& next = waiting_.front();
        bytes += next.bytes;
        tickets.push_back(next.ticket);
        group.insert(group.end(), std::make_move_iterator(next.batch.begin()),
                     std::make_move_iterator(next.batch.end()));
        waiting_.pop_front();
      }
      waiting_bytes_ -= bytes;
      ++writes_;
    }
    const absl::Status status = store_.Commit(group);
    for (const uint64_t ticket : tickets) done_(ticket, status);
  }
}

}  // namespace breakwater::store
