#include "coordinator/traffic/rollup.h"

#include <array>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace breakwater::traffic {

absl::Time Rollup::StepOf(absl::Time t) const { return absl::UnixEpoch() + absl::Floor(t - absl::UnixEpoch(), step_); }

void Rollup::Add(absl::Time t, const window::Counts& counts) {
  const absl::Time step = StepOf(t);
  steps_[step] += counts;
  changed_.insert(step);
}

const window::Counts* Rollup::Find(absl::Time t) const {
  const auto it = steps_.find(StepOf(t));
  return it == steps_.end() ? nullptr : &it->second;
}

void Rollup::Expire(absl::Time now) {
  while (!steps_.empty() && steps_.begin()->first + step_ <= now - kept_) {
    const absl::Time step = steps_.begin()->first;
    steps_.erase(steps_.begin());
    changed_.erase(step);
    forgotten_.insert(step);
  }
}

void Rollup::TakeWrites(std::string_view prefix, store::Batch& batch) {
  const auto key = [&](absl::Time step) {
    return absl::StrCat(std::string(prefix), absl::StrFormat("%010d", absl::ToUnixSeconds(step)));
  };
  for (const absl::Time step : changed_) batch.push_back(store::Put(key(step), CountsText(steps_.at(step))));
  for (const absl::Time step : forgotten_) batch.push_back(store::Delete(key(step)));
  changed_.clear();
  forgotten_.clear();
}

std::string CountsText(const window::Counts& c) {
  return absl::StrCat("1 ", c.packets, " ", c.bytes, " ", c.dropped_packets, " ", c.dropped_bytes);
}

absl::StatusOr<window::Counts> ParseCounts(std::string_view text) {
  std::array<uint64_t, 5> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0 && (at == end || *at++ != ' ')) at = end;
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    if (error != std::errc{}) numbers[0] = 0;
    at = next;
  }
  if (at != end || numbers[0] != 1) {
    return absl::DataLossError(
        absl::StrCat("\"", std::string(text.substr(0, 100)), "\" isn't a row of traffic: \"1\" and four numbers"));
  }
  return window::Counts{numbers[1], numbers[2], numbers[3], numbers[4]};
}

}  // namespace breakwater::traffic
