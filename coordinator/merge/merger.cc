#include "coordinator/merge/merger.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "coordinator/merge/sequences.h"

namespace breakwater::merge {
namespace {

using window::HeaderSample;
using window::kSlotLength;
using window::Slot;
using window::Window;

// An edge has one run at a time; a few earlier ones are remembered for what was under way when it restarted.
constexpr size_t kMaxRunsPerEdge = 4;
constexpr uint64_t kMaxSequence = uint64_t{1} << 62;
constexpr uint64_t kMaxWeight = uint64_t{1} << 24;  // of a sample on the wire
// Slots may grow to this many times their limits before they are cut.
constexpr size_t kSlack = 2;
// When nobody asked for slots this long, empty ones of the past aren't made up.
constexpr int64_t kMaxCatchUpSlots = 300;

int64_t IndexOf(absl::Time t) {
  const absl::Duration since = t - absl::UnixEpoch();
  return absl::ToInt64Milliseconds(absl::Floor(since, kSlotLength)) / absl::ToInt64Milliseconds(kSlotLength);
}

absl::Time StartOf(int64_t index) { return absl::UnixEpoch() + kSlotLength * index; }

// Fewer samples that stand for as many packets.
void Thin(std::vector<HeaderSample>& samples, size_t keep, uint64_t seed) {
  const auto weight_of = [](const std::vector<HeaderSample>& all) {
    double sum = 0;
    for (const HeaderSample& s : all) sum += s.weight;
    return sum;
  };
  const bool thinned = samples.size() > keep;
  const double before = thinned ? weight_of(samples) : 0;
  window::LimitSamples(samples, keep, seed);
  if (!thinned) return;
  const double factor = before / std::max(1.0, weight_of(samples));
  for (HeaderSample& s : samples) {
    s.weight = static_cast<uint32_t>(std::clamp<double>(s.weight * factor + 0.5, 1, kMaxWeight));
  }
}

bool IsEmpty(const Slot& s) {
  const auto none = [](const auto& counts) {
    return std::all_of(counts.begin(), counts.end(), [](const window::Counts& c) { return c == window::Counts{}; });
  };
  return s.traffic.empty() && s.rules.empty() && none(s.other) && none(s.other_groups);
}

absl::Status CheckShape(const Window& w) {
  if (w.id.boot_id == 0 || w.merged != 1) {
    return absl::InvalidArgumentError(absl::StrCat("a window merged from ", w.merged, " edges (boot id ", w.id.boot_id,
                                                   "); an edge sends its own windows only"));
  }
  if (w.id.first_sequence < 1 || w.id.last_sequence < w.id.first_sequence || w.id.last_sequence > kMaxSequence) {
    return absl::InvalidArgumentError(
        absl::StrCat("sequences ", w.id.first_sequence, "..", w.id.last_sequence, " are not in order within 1..2^62"));
  }
  if (w.slots.size() != window::kSlotsPerWindow || w.reported_slots > window::kSlotsPerWindow) {
    return absl::InvalidArgumentError(absl::StrCat("window ", w.id.first_sequence, " has ", w.slots.size(),
                                                   " slots, of which ", w.reported_slots, " are over; must be ",
                                                   window::kSlotsPerWindow, " and no more than that"));
  }
  for (size_t i = 0; i < w.slots.size(); ++i) {
    const Slot& s = w.slots[i];
    if (s.length == w.slot_length() && s.start == w.start + s.length * static_cast<int64_t>(i)) continue;
    return absl::InvalidArgumentError(absl::StrCat("slot ", i, " of window ", w.id.first_sequence, " starts ",
                                                   absl::FormatDuration(s.start - w.start), " after it and lasts ",
                                                   absl::FormatDuration(s.length), "; slots must follow each other"));
  }
  if (w.start < absl::UnixEpoch() || absl::ToUnixMillis(w.start) % 1000 != 0 || w.slot_length() < kSlotLength ||
      w.slot_length() > window::kMaxSlotLength || w.slot_length() % kSlotLength != absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("window ", w.id.first_sequence, " starts at ",
                                                   absl::FormatTime(absl::RFC3339_full, w.start, absl::UTCTimeZone()),
                                                   " with slots of ", absl::FormatDuration(w.slot_length()),
                                                   "; must start at a whole second, with slots of 100ms up to ",
                                                   absl::FormatDuration(window::kMaxSlotLength)));
  }
  return absl::OkStatus();
}

}  // namespace

class Merger::Impl {
 public:
  explicit Impl(MergerOptions options) : options_(std::move(options)) {}

  void Restore(std::string_view edge, const Watermark& watermark) {
    if (EdgeState* e = FindOrMake(edge)) e->runs.push_front({watermark.boot_id, Sequences(watermark.through_sequence)});
  }
  void Connected(std::string_view edge, absl::Time now) {
    Begin(now);
    EdgeState* e = FindOrMake(edge);
    if (e == nullptr) return;
    e->connected = true;
    e->connected_at = now;  // what it has still to tell of the time before isn't waited for
    e->behind = false;
  }
  void Disconnected(std::string_view edge) {
    if (auto it = edges_.find(edge); it != edges_.end()) it->second.connected = false;
  }
  absl::StatusOr<Admission> Add(std::string_view edge, const Window& window, absl::Time now);
  std::vector<MergedSlot> Tick(absl::Time now);
  Stats stats() const { return stats_; }

 private:
  struct Run {
    uint64_t boot_id = 0;
    Sequences sequences;
  };
  struct EdgeState {
    bool connected = false;
    bool behind = false;  // a slot was given out without it
    absl::Time connected_at = absl::InfinitePast();
    absl::Time reported_until = absl::InfinitePast();
    std::deque<Run> runs;  // the latest heard of first
    uint32_t number = 0;
  };
  struct Pending {
    Slot slot;
    std::vector<HeaderSample> samples;
    absl::flat_hash_set<uint32_t> edges;
  };

  void Begin(absl::Time now) {
    if (begun_) return;
    begun_ = true;
    next_ = IndexOf(now - options_.max_lag);
  }
  // Null when there is no place for another.
  EdgeState* FindOrMake(std::string_view edge);
  Run& RunOf(EdgeState& edge, uint64_t boot_id);
  // Whether any of it was too late.
  bool AddSlots(const EdgeState& edge, const Window& window);
  Pending& PendingAt(int64_t index);
  MergedSlot Take(int64_t index, bool complete);

  MergerOptions options_;
  std::map<std::string, EdgeState, std::less<>> edges_;
  std::map<int64_t, Pending> pending_;  // by slot index, all at next_ or after it
  bool begun_ = false;
  int64_t next_ = 0;  // the slot to be given out next
  uint32_t next_number_ = 0;
  Stats stats_;
};

Merger::Impl::EdgeState* Merger::Impl::FindOrMake(std::string_view edge) {
  auto it = edges_.find(edge);
  if (it != edges_.end()) return &it->second;
  if (edges_.size() >= options_.max_edges) return nullptr;
  EdgeState& e = edges_.try_emplace(std::string(edge)).first->second;
  e.number = next_number_++;
  return &e;
}

Merger::Impl::Run& Merger::Impl::RunOf(EdgeState& edge, uint64_t boot_id) {
  auto it = std::find_if(edge.runs.begin(), edge.runs.end(), [&](const Run& r) { return r.boot_id == boot_id; });
  if (it == edge.runs.end()) {
    edge.runs.push_front({boot_id, Sequences(0)});
    if (edge.runs.size() > kMaxRunsPerEdge) edge.runs.pop_back();
  } else {
    std::rotate(edge.runs.begin(), it, it + 1);
  }
  return edge.runs.front();
}

Merger::Impl::Pending& Merger::Impl::PendingAt(int64_t index) {
  auto [it, fresh] = pending_.try_emplace(index);
  if (fresh) it->second.slot.start = StartOf(index);
  return it->second;
}

bool Merger::Impl::AddSlots(const EdgeState& edge, const Window& w) {
  // Longer slots say nothing of a tenth of a second.
  if (w.slot_length() != kSlotLength) return true;
  bool late = false;
  const window::SlotLimits& limits = options_.merge.limits;
  const std::vector<window::SlotView> views = window::SlotsOf(w);
  for (size_t i = 0; i < views.size(); ++i) {
    const Slot& slot = views[i].slot;
    const bool reported = i < w.reported_slots;
    // What isn't over yet is told by a later window, what an early part told already by that one.
    const bool news = reported && slot.start + slot.length > edge.reported_until;
    if (!news && IsEmpty(slot) && views[i].samples.empty()) continue;
    const int64_t index = IndexOf(slot.start);
    if (index < next_) {
      late = true;
      continue;
    }
    Pending& p = PendingAt(index);
    p.slot = window::Merge(std::move(p.slot), slot);
    if (p.slot.traffic.size() > kSlack * (limits.hosts + limits.groups)) p.slot = TopN(std::move(p.slot), limits);
    p.samples.insert(p.samples.end(), views[i].samples.begin(), views[i].samples.end());
    if (p.samples.size() > kSlack * options_.max_samples_per_slot) {
      Thin(p.samples, options_.max_samples_per_slot, options_.merge.seed);
    }
    if (reported) p.edges.insert(edge.number);
  }
  return late;
}

absl::StatusOr<Admission> Merger::Impl::Add(std::string_view edge, const Window& w, absl::Time now) {
  const auto refuse = [&](absl::Status status) {
    ++stats_.refused;
    return status;
  };
  if (absl::Status s = CheckShape(w); !s.ok()) return refuse(s);
  const absl::Time over = std::max(w.reported_end(), w.start);
  if (over > now + options_.max_future) {
    return refuse(absl::InvalidArgumentError(
        absl::StrCat("window ", w.id.first_sequence, " reaches ", absl::FormatDuration(over - now),
                     " into the future, at most ", absl::FormatDuration(options_.max_future),
                     " are taken; check that the clocks of this edge and of the coordinator are synchronised")));
  }
  if (w.end() < now - options_.max_past) {
    return refuse(absl::InvalidArgumentError(absl::StrCat("window ", w.id.first_sequence, " is ",
                                                          absl::FormatDuration(now - w.end()), " old, at most ",
                                                          absl::FormatDuration(options_.max_past), " are taken")));
  }
  Begin(now);
  EdgeState* e = FindOrMake(edge);
  if (e == nullptr) {
    return refuse(absl::ResourceExhaustedError(absl::StrCat("windows of ", options_.max_edges,
                                                            " edges are known, which is the limit; edge ",
                                                            std::string(edge), " is not among them")));
  }
  Sequences& sequences = RunOf(*e, w.id.boot_id).sequences;
  const uint64_t skipped_before = sequences.skipped();
  sequences.CloseGaps(now, options_.max_gap);
  const Sequences::Known known = sequences.Look(w.id.first_sequence, w.id.last_sequence);
  Admission admission;
  if (known == Sequences::Known::kInPart) {
    return refuse(
        absl::InvalidArgumentError(absl::StrCat("window ", w.id.first_sequence, "..", w.id.last_sequence,
                                                " covers sequences that were counted "
                                                "already (through ",
                                                sequences.through(), ") and others that weren't; it can't be split")));
  }
  if (known == Sequences::Known::kAll) {
    ++stats_.duplicates;
    admission.duplicate = true;
  } else {
    sequences.Take(w.id.first_sequence, w.id.last_sequence, now);
    ++stats_.windows;
    admission.late = AddSlots(*e, w);
    stats_.late += admission.late;
    e->reported_until = std::max(e->reported_until, w.reported_end());
    if (e->reported_until > StartOf(next_)) e->behind = false;
  }
  stats_.skipped_sequences += sequences.skipped() - skipped_before;
  admission.watermark = {w.id.boot_id, sequences.through()};
  return admission;
}

MergedSlot Merger::Impl::Take(int64_t index, bool complete) {
  MergedSlot out;
  out.complete = complete;
  out.slot.start = StartOf(index);
  auto it = pending_.find(index);
  if (it != pending_.end()) {
    out.slot = TopN(std::move(it->second.slot), options_.merge.limits);
    out.samples = std::move(it->second.samples);
    Thin(out.samples, options_.max_samples_per_slot, options_.merge.seed);
    out.edges = it->second.edges.size();
    pending_.erase(it);
  }
  ++stats_.slots;
  stats_.incomplete_slots += !complete;
  return out;
}

std::vector<MergedSlot> Merger::Impl::Tick(absl::Time now) {
  std::vector<MergedSlot> out;
  if (!begun_) return out;
  const int64_t due = IndexOf(now - options_.max_lag);  // slots before this one are over their time
  if (due - next_ > kMaxCatchUpSlots) next_ = pending_.empty() ? due : std::min(due, pending_.begin()->first);
  for (;; ++next_) {
    const absl::Time end = StartOf(next_ + 1);
    size_t connected = 0, reported = 0, missing = 0;
    for (const auto& [id, e] : edges_) {
      if (!e.connected) continue;
      ++connected;
      if (e.reported_until >= end) {
        ++reported;
      } else if (!e.behind && end > e.connected_at) {
        ++missing;
      }
    }
    const bool in_time = reported > 0 && missing == 0;
    if (!in_time && next_ >= due) break;
    if (missing > 0) {
      for (auto& [id, e] : edges_) {
        if (e.connected && e.reported_until < end && end > e.connected_at) e.behind = true;
      }
    }
    out.push_back(Take(next_, connected > 0 && reported == connected));
  }
  return out;
}

Merger::Merger(MergerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Merger::~Merger() = default;
void Merger::Restore(std::string_view edge, const Watermark& watermark) { impl_->Restore(edge, watermark); }
void Merger::EdgeConnected(std::string_view edge, absl::Time now) { impl_->Connected(edge, now); }
void Merger::EdgeDisconnected(std::string_view edge, absl::Time) { impl_->Disconnected(edge); }
absl::StatusOr<Admission> Merger::Add(std::string_view edge, const Window& window, absl::Time now) {
  return impl_->Add(edge, window, now);
}
std::vector<MergedSlot> Merger::Tick(absl::Time now) { return impl_->Tick(now); }
Merger::Stats Merger::stats() const { return impl_->stats(); }

}  // namespace breakwater::merge
