// Group commits on a thread of its own: batches that wait become one write, and each is told how it went.
//
//   CommitQueue queue(*store, CommitQueue::Options{}, [&](uint64_t ticket, const absl::Status& s) { strand.Post(...); });
//   absl::Status s = queue.Add(ticket, std::move(batch));   // ResourceExhausted: over the bound, done isn't called for it
//
// In order: batches are written, and done is called (on the queue's thread), in the order of Add. When a write fails, all
// batches of its group have failed and nothing of them is kept. The destructor writes what waits. Add is thread-safe.
#ifndef BREAKWATER_COORDINATOR_STORE_COMMIT_QUEUE_H_
#define BREAKWATER_COORDINATOR_STORE_COMMIT_QUEUE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/status/status.h"
#include "coordinator/store/store.h"

namespace breakwater::store {

class CommitQueue {
 public:
  struct Options {
    size_t max_waiting = 4096;                    // batches
    size_t max_waiting_bytes = size_t{64} << 20;  // keys and values
    size_t max_group_bytes = size_t{8} << 20;     // of one write; a larger batch is written alone
  };
  using Done = std::function<void(uint64_t ticket, const absl::Status& status)>;

  CommitQueue(Store& store, Options options, Done done);
  ~CommitQueue();

  absl::Status Add(uint64_t ticket, Batch batch);
  // Writes so far; fewer than batches when they were grouped.
  uint64_t writes() const;

 private:
  struct Waiting {
    uint64_t ticket;
    Batch batch;
    size_t bytes;
  };
  void Run();

  Store& store_;
  const Options options_;
  const Done done_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  uint64_t writes_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace breakwater::store

#endif  // BREAKWATER_COORDINATOR_STORE_COMMIT_QUEUE_H_
