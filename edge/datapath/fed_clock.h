// The clock of an engine that is fed by hand: capture time, counted from an hour before its first packet, so that it never
// is zero and packets slightly out of order stay positive. Not thread-safe.
#ifndef BREAKWATER_EDGE_DATAPATH_FED_CLOCK_H_
#define BREAKWATER_EDGE_DATAPATH_FED_CLOCK_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace breakwater::datapath {

class FedClock {
 public:
  // Nanoseconds of the datapath's clock.
  uint64_t At(absl::Time now) {
    if (!base_) base_ = now - absl::Hours(1);
    const int64_t ns = absl::ToInt64Nanoseconds(now - *base_);
    return ns < 0 ? 0 : static_cast<uint64_t>(ns);
  }
  absl::Time ToTime(uint64_t ns) const {
    return base_.value_or(absl::UnixEpoch()) + absl::Nanoseconds(static_cast<int64_t>(ns));
  }

 private:
  std::optional<absl::Time> base_;
};

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_FED_CLOCK_H_
