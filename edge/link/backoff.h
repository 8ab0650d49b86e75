// How long to wait before the next attempt: exponential with full jitter, so that a fleet that lost its coordinator doesn't
// come back all at once.
//
//   Backoff backoff(absl::Seconds(30));
//   wait = backoff.Next(random);      // random: a uniform number in [0, 1)
//   backoff.Reset();                  // once a session has lasted
//
// A value.
#ifndef BREAKWATER_EDGE_LINK_BACKOFF_H_
#define BREAKWATER_EDGE_LINK_BACKOFF_H_

#include <algorithm>

#include "absl/time/time.h"

namespace breakwater::link {

class Backoff {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(200);

  explicit Backoff(absl::Duration longest = absl::Seconds(30)) : longest_(longest), bound_(std::min(kFirst, longest)) {}

  absl::Duration Next(double random) {
    const absl::Duration wait = bound_ * random;
    bound_ = std::min(bound_ * 2, longest_);
    return wait;
  }
  void Reset() { bound_ = std::min(kFirst, longest_); }

 private:
  absl::Duration longest_;
  absl::Duration bound_;
};

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_BACKOFF_H_
