#include "coordinator/merge/sequences.h"

#include <algorithm>
#include <iterator>

namespace breakwater::merge {

Sequences::Known Sequences::Look(uint64_t first, uint64_t last) const {
  if (last <= through_) return Known::kAll;
  if (first <= through_) return Known::kInPart;
  const auto after = beyond_.upper_bound(first);
  if (after != beyond_.begin()) {
    const auto& [from, to] = *std::prev(after);
    if (last <= to) return Known::kAll;
    if (first <= to) return Known::kInPart;
  }
  return after != beyond_.end() && after->first <= last ? Known::kInPart : Known::kNew;
}

void Sequences::Take(uint64_t first, uint64_t last, absl::Time now) {
  if (first == through_ + 1) {
    through_ = last;
    if (!beyond_.empty()) Advance(now);
    return;
  }
  if (beyond_.empty()) gap_since_ = now;
  auto after = beyond_.upper_bound(first);
  if (after != beyond_.end() && after->first == last + 1) {
    last = after->second;
    after = beyond_.erase(after);
  }
  if (after != beyond_.begin() && std::prev(after)->second + 1 == first) {
    std::prev(after)->second = last;
  } else {
    beyond_.emplace(first, last);
  }
  if (beyond_.size() > kMaxRuns) CloseGaps(now, -absl::InfiniteDuration());
}

// Takes the ranges that the watermark touches; whatever gap is next is a new one.
void Sequences::Advance(absl::Time now) {
  while (!beyond_.empty() && beyond_.begin()->first <= through_ + 1) {
    through_ = std::max(through_, beyond_.begin()->second);
    beyond_.erase(beyond_.begin());
    gap_since_ = now;
  }
}

void Sequences::CloseGaps(absl::Time now, absl::Duration max_gap) {
  if (beyond_.empty() || now - gap_since_ <= max_gap) return;
  skipped_ += beyond_.begin()->first - through_ - 1;
  through_ = beyond_.begin()->first - 1;
  Advance(now);
}

}  // namespace breakwater::merge
