// How far the coordinator's clock is from this edge's, from probes that go there and back.
//
//   ClockOffset clock;
//   v1::ClockProbe probe = clock.Probe(now);
//   clock.Take(reply, now);                  // an error when it answers no probe
//   clock.offset();                          // coordinator minus edge; nullopt before the first answer
//
// Of the last few answers the one that took the shortest time counts: its error is at most half of that. Not thread-safe.
#ifndef BREAKWATER_EDGE_LINK_CLOCK_OFFSET_H_
#define BREAKWATER_EDGE_LINK_CLOCK_OFFSET_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "breakwater/v1/fleet.pb.h"

namespace breakwater::link {

class ClockOffset {
 public:
  static constexpr size_t kRemembered = 8;
  // Further off than this a clock isn't corrected by but refused.
  static constexpr absl::Duration kMax = absl::Hours(24);
  // From here on people should know.
  static constexpr absl::Duration kAlarm = absl::Milliseconds(200);

  v1::ClockProbe Probe(absl::Time now);
  absl::Status Take(const v1::ClockReply& reply, absl::Time now);
  // Another coordinator, another clock: what was measured counts only until the next answer.
  void Restart();

  std::optional<absl::Duration> offset() const;
  absl::Duration round_trip() const;  // of the answer that counts

 private:
  struct Answer {
    absl::Duration round_trip;
    absl::Duration offset;
  };
  const Answer* Best() const;

  uint64_t next_id_ = 1;
  std::optional<v1::ClockProbe> outstanding_;
  std::deque<Answer> answers_;
  bool restarted_ = false;
};

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_CLOCK_OFFSET_H_
