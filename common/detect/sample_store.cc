#include "common/detect/sample_store.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace breakwater::detect {

using window::HeaderSample;

SampleStore::SampleStore(const DetectorConfig& config)
    : max_recent_(std::max<size_t>(1, config.max_reservoir)),
      max_clean_(config.max_clean_reservoir),
      by_vector_(BW_VECTOR_MAX) {}

void SampleStore::Add(int64_t slot, std::span<const HeaderSample> samples,
                      const std::function<bool(const HeaderSample&)>& is_clean) {
  while (!history_.empty() && (history_.front().slot + kHistorySlots <= slot || history_size_ > kMaxHistory)) {
    for (const HeaderSample& s : history_.front().samples) {
      if (s.vector < 0 || s.vector >= BW_VECTOR_MAX || s.dropped || !is_clean(s)) continue;
      Keep(by_vector_[static_cast<size_t>(s.vector)], s, max_clean_);
      Keep(Own(s, slot), s, max_clean_);
    }
    history_size_ -= history_.front().samples.size();
    history_.pop_front();
  }
  if (samples.empty()) return;
  OneSlot& latest = history_.emplace_back();
  latest.slot = slot;
  const size_t take = std::min(samples.size(), kMaxPerSlot);
  latest.samples.reserve(take);
  for (size_t i = 0; i < take; ++i) latest.samples.push_back(samples[i * samples.size() / take]);
  history_size_ += take;
}

void SampleStore::Keep(Reservoir& reservoir, const HeaderSample& sample, size_t limit) {
  ++reservoir.seen;
  if (reservoir.samples.size() < limit) {
    reservoir.samples.push_back(sample);
    return;
  }
  // Recent samples stay likelier than old ones: traffic changes over the day.
  const uint64_t window = std::min<uint64_t>(reservoir.seen, 8 * limit);
  const uint64_t place = window == 0 ? limit : random_.Next() % window;
  if (place < limit) reservoir.samples[place] = sample;
}

SampleStore::Reservoir& SampleStore::Own(const HeaderSample& sample, int64_t slot) {
  const window::TargetVector key{window::Target::Host(sample.destination), sample.vector};
  auto it = own_.find(key);
  if (it == own_.end()) {
    if (own_.size() >= kMaxReservoirs) {
      auto oldest = own_.begin();
      for (auto i = own_.begin(); i != own_.end(); ++i) {
        if (std::tie(i->second.last_slot, i->first) < std::tie(oldest->second.last_slot, oldest->first)) oldest = i;
      }
      own_.erase(oldest);
    }
    it = own_.try_emplace(key).first;
  }
  it->second.last_slot = slot;
  return it->second;
}

std::vector<const HeaderSample*> SampleStore::Recent(const window::Target& target, window::Vector vector,
                                                     int64_t from_slot, bool only_passed) const {
  std::vector<const HeaderSample*> all;
  for (const OneSlot& one : history_) {
    if (one.slot < from_slot) continue;
    for (const HeaderSample& s : one.samples) {
      if (s.vector == vector && (!only_passed || !s.dropped) && target.prefix.Contains(s.destination))
        all.push_back(&s);
    }
  }
  if (all.size() <= max_recent_) return all;
  // Evenly over time; the weights stay with the samples.
  std::vector<const HeaderSample*> out;
  out.reserve(max_recent_);
  for (size_t i = 0; i < max_recent_; ++i) out.push_back(all[i * all.size() / max_recent_]);
  return out;
}

std::vector<const HeaderSample*> SampleStore::CleanOf(const window::Target& target, window::Vector vector) const {
  std::vector<const HeaderSample*> out;
  if (target.is_host()) {
    auto it = own_.find({target, vector});
    if (it == own_.end()) return out;
    for (const HeaderSample& s : it->second.samples) out.push_back(&s);
    return out;
  }
  for (const HeaderSample& s : by_vector_[static_cast<size_t>(vector)].samples) {
    if (target.prefix.Contains(s.destination)) out.push_back(&s);
  }
  return out;
}

std::vector<const HeaderSample*> SampleStore::CleanOfOthers(const window::Target& target, window::Vector vector) const {
  std::vector<const HeaderSample*> out;
  for (const HeaderSample& s : by_vector_[static_cast<size_t>(vector)].samples) {
    if (!target.prefix.Contains(s.destination)) out.push_back(&s);
  }
  return out;
}

}  // namespace breakwater::detect
