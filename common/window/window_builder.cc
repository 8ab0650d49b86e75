#include "common/window/window_builder.h"

#include <algorithm>
#include <utility>

namespace breakwater::window {
namespace {

// As many packets as a sample stands for on the wire.
constexpr uint64_t kMaxWeight = uint64_t{1} << 24;

absl::Time SecondOf(absl::Time t) { return absl::FromUnixSeconds(absl::ToUnixSeconds(t)); }

}  // namespace

void WindowBuilder::SetSketches(uint64_t seed, size_t max_sketches) {
  if (current_ && seed != options_.seed) current_->sketches.clear();
  options_.seed = seed;
  options_.max_sketches = max_sketches;
}

void WindowBuilder::Open(absl::Time start) {
  current_.emplace();
  current_->start = start;
  reported_ = 0;
  current_->slots.resize(kSlotsPerWindow);
  for (int i = 0; i < kSlotsPerWindow; ++i) current_->slots[static_cast<size_t>(i)].start = start + kSlotLength * i;
}

std::vector<Window> WindowBuilder::AddSlot(const Slot& slot, std::span<const HeaderSample> samples,
                                           const Alerted& alerted) {
  std::vector<Window> done;
  const absl::Time corrected = slot.start + clock_offset_;
  const absl::Time second = SecondOf(corrected);
  if (current_ && current_->start != second) done.push_back(Finish(kSlotsPerWindow));
  if (!current_) Open(second);

  const auto index = static_cast<size_t>((corrected - second) / kSlotLength);
  Slot& into = current_->slots[index];
  Slot aligned = slot;
  aligned.start = into.start;
  aligned.length = into.length;
  into = Merge(std::move(into), aligned);
  reported_ = std::max(reported_, static_cast<uint32_t>(index) + 1);

  std::vector<TargetVector> groups;
  for (const TargetVector& key : alerted) {
    if (!key.target.is_host() && key.target.site.empty()) groups.push_back(key);
  }
  std::sort(groups.begin(), groups.end());
  for (const HeaderSample& sample : samples) {
    HeaderSample s = sample;
    s.time = std::clamp(s.time + clock_offset_, second, second + kWindowLength - absl::Microseconds(1));
    AddSample(s, alerted, groups);
  }
  if (index + 1 == kSlotsPerWindow) done.push_back(Finish(kSlotsPerWindow));
  return done;
}

void WindowBuilder::AddSample(const HeaderSample& sample, const Alerted& alerted,
                              const std::vector<TargetVector>& groups) {
  Reservoir* reservoir = nullptr;
  const auto belongs = [&](const TargetVector& key) {
    if (TargetSketches* sketches = SketchesOf(key)) sketches->Add(sample);
    if (reservoir == nullptr) reservoir = &alerted_samples_[key];
  };
  const TargetVector host{Target::Host(sample.destination), sample.vector};
  if (alerted.contains(host)) belongs(host);
  for (const TargetVector& key : groups) {
    if (key.vector == sample.vector && key.target.prefix.Contains(sample.destination)) belongs(key);
  }
  if (reservoir != nullptr) {
    Keep(sample, options_.samples_per_alert, *reservoir);
  } else {
    Keep(sample, options_.quiet_samples, quiet_samples_);
  }
}

TargetSketches* WindowBuilder::SketchesOf(const TargetVector& key) {
  auto it = current_->sketches.find(key);
  if (it != current_->sketches.end()) return &it->second;
  if (current_->sketches.size() >= options_.max_sketches) return nullptr;
  return &current_->sketches.try_emplace(key, options_.seed).first->second;
}

// The choice doesn't depend on when it is made, so a few too many are held for speed.
void WindowBuilder::Keep(const HeaderSample& sample, size_t keep, Reservoir& reservoir) {
  ++reservoir.seen;
  reservoir.weight += sample.weight;
  reservoir.samples.push_back(sample);
  if (reservoir.samples.size() >= 8 * (keep + 1)) LimitSamples(reservoir.samples, keep, options_.seed);
}

// Those that stay stand for those that go.
void WindowBuilder::Release(size_t keep, Reservoir& reservoir) {
  LimitSamples(reservoir.samples, keep, options_.seed);
  uint64_t kept = 0;
  for (const HeaderSample& s : reservoir.samples) kept += s.weight;
  for (HeaderSample& s : reservoir.samples) {
    const double weight = static_cast<double>(s.weight) * static_cast<double>(reservoir.weight) /
                          static_cast<double>(std::max<uint64_t>(kept, 1));
    s.weight = static_cast<uint32_t>(std::clamp<double>(weight + 0.5, 1, kMaxWeight));
    current_->samples.push_back(s);
  }
  current_->lost_samples += reservoir.seen - reservoir.samples.size();
}

absl::Status WindowBuilder::AddGateway(std::string_view site, const GatewayCounts& counts) {
  return gateway_[std::string(site)].Merge(counts);
}

std::optional<Window> WindowBuilder::Flush() {
  if (!current_) return std::nullopt;
  return Finish(reported_);
}

Window WindowBuilder::Finish(uint32_t reported_slots) {
  for (auto& [key, reservoir] : alerted_samples_) Release(options_.samples_per_alert, reservoir);
  Release(options_.quiet_samples, quiet_samples_);
  alerted_samples_.clear();
  quiet_samples_ = {};
  LimitSamples(current_->samples, current_->samples.size(), options_.seed);
  for (Slot& slot : current_->slots) slot = TopN(std::move(slot), options_.limits);
  current_->gateway = std::exchange(gateway_, {});
  current_->clock_offset = clock_offset_;
  current_->id = {boot_id_, next_sequence_, next_sequence_};
  ++next_sequence_;
  current_->reported_slots = reported_slots;
  Window done = *std::move(current_);
  current_.reset();
  return done;
}

}  // namespace breakwater::window
