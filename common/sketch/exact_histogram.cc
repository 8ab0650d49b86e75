#include "common/sketch/exact_histogram.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sketch/hash.h"
#include "common/sketch/require.h"

namespace breakwater::sketch {

ExactHistogram::ExactHistogram(uint32_t domain) : counts_(domain) {
  Require(domain >= 1 && domain <= kMaxDomain, "histogram: domain is not in 1..256");
}

absl::StatusOr<ExactHistogram> ExactHistogram::FromCounts(std::vector<uint64_t> counts) {
  if (counts.empty() || counts.size() > kMaxDomain) {
    return absl::InvalidArgumentError(absl::StrCat("histogram: domain ", counts.size(), " is not in 1..", kMaxDomain));
  }
  ExactHistogram histogram(static_cast<uint32_t>(counts.size()));
  histogram.counts_ = std::move(counts);
  return histogram;
}

void ExactHistogram::Add(uint32_t value, uint64_t count) {
  uint64_t& c = counts_[std::min<size_t>(value, counts_.size() - 1)];
  c = AddSaturating(c, count);
}

absl::Status ExactHistogram::Merge(const ExactHistogram& other) {
  if (other.domain() != domain()) {
    return absl::InvalidArgumentError(
        absl::StrCat("can't merge histograms of domains ", domain(), " and ", other.domain()));
  }
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] = AddSaturating(counts_[i], other.counts_[i]);
  return absl::OkStatus();
}

uint64_t ExactHistogram::total() const {
  uint64_t sum = 0;
  for (uint64_t n : counts_) sum = AddSaturating(sum, n);
  return sum;
}

}  // namespace breakwater::sketch
