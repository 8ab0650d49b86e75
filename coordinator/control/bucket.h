// How often something may happen: a bucket of tokens that fills with time.
//
//   Bucket bucket(/*burst=*/20, /*per_second=*/5);
//   if (!bucket.Take(now)) refuse();
//
// Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_CONTROL_BUCKET_H_
#define BREAKWATER_COORDINATOR_CONTROL_BUCKET_H_

#include <algorithm>

#include "absl/time/time.h"

namespace breakwater::coordinator {

class Bucket {
 public:
  Bucket(double burst, double per_second) : burst_(burst), per_second_(per_second), tokens_(burst) {}
  bool Take(absl::Time now) {
    if (last_ != absl::InfinitePast() && now > last_) {
      tokens_ = std::min(burst_, tokens_ + absl::ToDoubleSeconds(now - last_) * per_second_);
    }
    last_ = now;  // also when the clock was set back
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double burst_;
  double per_second_;
  double tokens_;
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_CONTROL_BUCKET_H_
