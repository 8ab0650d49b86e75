// What a target usually receives of a vector: a moving average of the rate and of its deviation, learned while the target
// is not attacked.
//
//   Baseline b;
//   b.Learn(rate_pps, /*idle_slots=*/0, /*ease_pps=*/500);
//   b.level();    // average + two deviations
//
// Above ease_pps it grows by a few per mille per second at most (doubling takes ten minutes), so that an attack which
// swells slowly can't teach it. Slots in which nothing came cost O(1), however many. Value; not thread-safe.
#ifndef BREAKWATER_COMMON_DETECT_BASELINE_H_
#define BREAKWATER_COMMON_DETECT_BASELINE_H_

#include <cstdint>

namespace breakwater::detect {

class Baseline {
 public:
  // The rate of one slot, per second, after idle_slots in which nothing came.
  void Learn(double rate, int64_t idle_slots, double ease);
  double level() const { return mean_ + 2 * deviation_; }
  // Slots since the first one that was learned, idle ones included.
  int64_t age_slots() const { return age_; }

 private:
  double mean_ = 0;
  double deviation_ = 0;
  int64_t age_ = 0;
};

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_BASELINE_H_
