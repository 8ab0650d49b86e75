#include "common/detect/baseline.h"

#include <algorithm>
#include <cmath>

namespace breakwater::detect {
namespace {

constexpr double kSlot = 0.1;
constexpr double kTimeConstant = 60;  // seconds
constexpr double kAlpha = kSlot / kTimeConstant;
const double kMaxGrowth = std::pow(2.0, kSlot / 600.0);  // per slot: doubles in ten minutes
constexpr int64_t kMaxAge = int64_t{1} << 40;

}  // namespace

void Baseline::Learn(double rate, int64_t idle_slots, double ease) {
  if (age_ == 0) idle_slots = 0;
  // What was quiet for long begins anew: by then both averages are zero to any precision that matters.
  if (idle_slots > 0) {
    const double keep = std::pow(1 - kAlpha, static_cast<double>(std::min<int64_t>(idle_slots, 1 << 20)));
    deviation_ = keep * (deviation_ + (1 - keep) * mean_);
    mean_ *= keep;
    age_ = std::min(kMaxAge, age_ + idle_slots);
  }
  const double before = level();
  // While it is young every slot counts the same.
  const double alpha = std::max(kAlpha, 1.0 / static_cast<double>(age_ + 1));
  deviation_ += alpha * (std::abs(rate - mean_) - deviation_);
  mean_ += alpha * (rate - mean_);
  if (age_ == 0) deviation_ = 0;
  ++age_;
  const double limit = std::max(before * kMaxGrowth, ease);
  if (level() > limit) {
    const double shrink = limit / level();
    mean_ *= shrink;
    deviation_ *= shrink;
  }
}

}  // namespace breakwater::detect
