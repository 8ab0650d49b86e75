#include "common/sketch/log_histogram.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/sketch/hash.h"
#include "common/sketch/require.h"

namespace breakwater::sketch {
namespace {

// Bins [x, x * gamma] answered by 2 x gamma / (1 + gamma) are within the error e for gamma = (1 + e) / (1 - e).
double LogGamma(const LogHistogramLayout& layout) {
  const double e = layout.error_permille / 1000.0;
  return std::log((1 + e) / (1 - e));
}

}  // namespace

absl::Status Validate(const LogHistogramLayout& layout) {
  if (layout.error_permille < 5 || layout.error_permille > 500) {
    return absl::InvalidArgumentError(
        absl::StrCat("log histogram: error_permille = ", layout.error_permille, " is not in 5..500"));
  }
  if (layout.min < 1) return absl::InvalidArgumentError("log histogram: min = 0, must be 1 or more");
  if (layout.bins < 3 || layout.bins > LogHistogramLayout::kMaxBins) {
    return absl::InvalidArgumentError(
        absl::StrCat("log histogram: bins = ", layout.bins, " is not in 3..", LogHistogramLayout::kMaxBins));
  }
  return absl::OkStatus();
}

LogHistogram::LogHistogram(const LogHistogramLayout& layout)
    : layout_(layout), log_gamma_(LogGamma(layout)), bins_(layout.bins) {
  Require(Validate(layout).ok(), "log histogram: invalid layout");
}

absl::StatusOr<LogHistogram> LogHistogram::FromBins(const LogHistogramLayout& layout, std::vector<uint64_t> bins) {
  if (absl::Status s = Validate(layout); !s.ok()) return s;
  if (bins.size() != layout.bins) {
    return absl::InvalidArgumentError(
        absl::StrCat("log histogram: ", bins.size(), " bins were given, the layout has ", layout.bins));
  }
  LogHistogram histogram(layout);
  histogram.bins_ = std::move(bins);
  return histogram;
}

void LogHistogram::Add(double value, uint64_t count) {
  size_t bin = 0;
  const auto min = static_cast<double>(layout_.min);
  if (value > min) {
    const double steps = std::ceil(std::log(value / min) / log_gamma_);
    bin = static_cast<size_t>(std::clamp(steps, 1.0, static_cast<double>(layout_.bins - 1)));
  }
  bins_[bin] = AddSaturating(bins_[bin], count);
}

absl::Status LogHistogram::Merge(const LogHistogram& other) {
  if (other.layout_ != layout_) {
    return absl::InvalidArgumentError(absl::StrCat("can't merge log histograms of different layouts: error_permille ",
                                                   layout_.error_permille, " and ", other.layout_.error_permille,
                                                   ", min ", layout_.min, " and ", other.layout_.min, ", bins ",
                                                   layout_.bins, " and ", other.layout_.bins));
  }
  for (size_t i = 0; i < bins_.size(); ++i) bins_[i] = AddSaturating(bins_[i], other.bins_[i]);
  return absl::OkStatus();
}

uint64_t LogHistogram::count() const {
  uint64_t sum = 0;
  for (uint64_t n : bins_) sum = AddSaturating(sum, n);
  return sum;
}

double LogHistogram::max_value() const {
  return static_cast<double>(layout_.min) * std::exp(log_gamma_ * (layout_.bins - 2));
}

double LogHistogram::Quantile(double q) const {
  const uint64_t n = count();
  if (n == 0) return 0;
  const double wanted = std::clamp(q, 0.0, 1.0) * static_cast<double>(n - 1);
  double before = 0;
  size_t bin = 0;
  for (; bin + 1 < bins_.size(); ++bin) {
    before += static_cast<double>(bins_[bin]);
    if (before > wanted) break;
  }
  const auto min = static_cast<double>(layout_.min);
  if (bin == 0) return min;
  if (bin + 1 == bins_.size()) return max_value();
  const double gamma = std::exp(log_gamma_);
  return min * std::exp(log_gamma_ * static_cast<double>(bin - 1)) * 2 * gamma / (1 + gamma);
}

}  // namespace breakwater::sketch
