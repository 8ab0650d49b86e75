// Cumulative sum of the excess over a threshold: fast for a large excess, patient for a small one, and a short burst over
// the threshold is forgotten at the rate of the threshold.
//
//   Cusum c;
//   c.Add(packets, threshold_pps, /*idle_slots=*/0);
//   if (c.seconds(threshold_pps) > 0.24) alarm();
//
// The sum is capped, so that it also comes down soon. Value; not thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_CUSUM_H_
#define BREAKWATER_COMMON_DETECT_CUSUM_H_

#include <algorithm>
#include <cstdint>

namespace breakwater::detect {

class Cusum {
 public:
  // One slot of 100 ms with this many packets, after idle_slots in which nothing came. rate per second, > 0.
  void Add(double packets, double rate, int64_t idle_slots) {
    Idle(rate, idle_slots);
    sum_ = std::min(std::max(0.0, sum_ + packets - rate * kSlotSeconds), rate * kMaxSeconds);
  }
  void Idle(double rate, int64_t slots) {
    if (slots > 0) sum_ = std::max(0.0, sum_ - rate * kSlotSeconds * static_cast<double>(slots));
  }
  // The sum as seconds of traffic at this rate.
  double seconds(double rate) const { return sum_ / rate; }
  bool zero() const { return sum_ <= 0; }
  void Reset() { sum_ = 0; }

 private:
  static constexpr double kSlotSeconds = 0.1;
  static constexpr double kMaxSeconds = 10;
  double sum_ = 0;
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_CUSUM_H_
