// Writes the state on a thread of its own, because a disk may take its time and the control strand has none. Only the
// newest state counts: one that waits is replaced. A write that failed is tried again until it succeeds or a newer
// state comes.
//
//   StateWriter writer(StateFile(service::SystemFiles(), directory), clock, {.on_result = count});
//   writer.Submit(state);
//
// Thread-safe. Destroying it writes what waits, once.
#ifndef BREAKWATER_EDGE_APP_STATE_WRITER_H_
#define BREAKWATER_EDGE_APP_STATE_WRITER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "edge/app/state_file.h"

namespace breakwater::app {

class StateWriter {
 public:
  struct Options {
    absl::Duration retry_after = absl::Seconds(5);
    // After every attempt, on the writer's thread.
    std::function<void(const absl::Status& result, absl::Duration took)> on_result;
  };

  StateWriter(StateFile file, clock::Clock& clock, Options options);
  ~StateWriter();

  void Submit(EdgeState state);
  // Waits until nothing is left to write or the last attempt failed; false when that took longer than limit.
  bool Flush(absl::Duration limit);
  // Of the last attempt; OK before the first.
  absl::Status last_result() const;

 private:
  void Run();

  StateFile file_;
  clock::Clock& clock_;
  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<EdgeState> waiting_;  // newer than anything written
  bool retrying_ = false;             // waiting_ has failed before
  bool writing_ = false;
  bool stop_ = false;
  absl::Status last_result_;
  std::thread thread_;  // last: uses everything above
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_STATE_WRITER_H_
