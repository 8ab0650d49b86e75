// Windows on their way to the coordinator: kept until it acknowledges them, sent under its credits, and merged with their
// neighbours when they must wait for too long.
//
//   WindowQueue queue({.bytes = 16 << 20}, boot_id);
//   queue.Push(window);
//   if (auto message = queue.Next(now, seed)) stream.Write(*message);
//   queue.Take(telemetry_down, now);               // acknowledgements and credits
//   queue.StreamEnded();                           // what was sent and not acknowledged is sent again, as it was
//
// At most Limits, in bytes as they are on the wire and in number. Over them the oldest neighbours that were never sent
// become one window of twice the slot length; only when nothing can be merged any more is the oldest lost, and counted. A
// window that was sent is never merged: the coordinator may know it, and knows it by its sequence. Not thread-safe.
#ifndef BREAKWATER_EDGE_LINK_WINDOW_QUEUE_H_
#define BREAKWATER_EDGE_LINK_WINDOW_QUEUE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "breakwater/v1/telemetry.pb.h"
#include "common/window/window.h"

namespace breakwater::link {

class WindowQueue {
 public:
  struct Limits {
    size_t bytes = size_t{16} << 20;
    size_t windows = 256;
  };
  struct Stats {
    uint64_t sent = 0;  // windows, each time
    uint64_t acknowledged = 0;
    uint64_t merged = 0;  // pairs that became one
    uint64_t lost = 0;    // windows of the edge, those inside merged ones included
    size_t bytes = 0;     // that wait now
    size_t windows = 0;
  };

  WindowQueue(Limits limits, uint64_t boot_id) : limits_(limits), boot_id_(boot_id) {}

  // In the order of their sequences. A window that the wire can't carry is lost, counted, and an error.
  absl::Status Push(const window::Window& window);
  // An error for what can't be: an acknowledgement of windows that weren't sent. Nothing is taken then.
  absl::Status Take(const v1::TelemetryDown& message);
  void StreamEnded();

  // The next message: windows in order, as many as the credits and a message allow; nullopt when there is nothing to send,
  // no credit, or the pace asks to wait. Sketches of another seed than the fleet's are left out, since they can't be merged
  // with anything. now: monotonic.
  std::optional<v1::TelemetryUp> Next(absl::Duration now, uint64_t seed);
  // When Next is worth asking again; InfiniteDuration when something must come first.
  absl::Duration NextAt() const;

  Stats stats() const;

 private:
  struct Waiting {
    uint64_t first_sequence;
    uint64_t last_sequence;
    absl::Time start;
    absl::Duration slot_length;
    std::string bytes;
    bool sent = false;       // ever
    bool in_flight = false;  // on this stream
  };

  static absl::StatusOr<Waiting> Pack(const window::Window& window);
  void Shrink();
  bool MergeOne();
  bool TryMerge(size_t at);

  Limits limits_;
  uint64_t boot_id_;
  std::deque<Waiting> waiting_;
  size_t bytes_ = 0;
  uint64_t credits_ = 0;
  uint64_t last_sent_ = 0;  // sequence
  absl::Duration min_interval_;
  absl::Duration next_at_;
  Stats stats_;
};

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_WINDOW_QUEUE_H_
