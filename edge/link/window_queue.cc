#include "edge/link/window_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/fleet/session_wire.h"
#include "common/window/window_wire.h"

namespace breakwater::link {
namespace {

// As many as a window can carry; a queue that shrinks keeps what it can.
const window::MergeOptions kMerge{.limits = {.hosts = 2048, .groups = 1024}};
// A message stays well under the limit of gRPC.
constexpr size_t kMaxMessage = fleet::SessionBounds::kMessage - (size_t{64} << 10);
// What a window costs in a message besides its own bytes, at most.
constexpr size_t kFraming = 16;

bool Aligned(absl::Time start, absl::Duration length) {
  return absl::ToUnixMillis(start) % absl::ToInt64Milliseconds(length) == 0;
}

}  // namespace

absl::StatusOr<WindowQueue::Waiting> WindowQueue::Pack(const window::Window& window) {
  absl::StatusOr<std::string> bytes = window::Serialize(window);
  if (!bytes.ok()) return bytes.status();
  return Waiting{.first_sequence = window.id.first_sequence,
                 .last_sequence = window.id.last_sequence,
                 .start = window.start,
                 .slot_length = window.slot_length(),
                 .bytes = *std::move(bytes)};
}

absl::Status WindowQueue::Push(const window::Window& window) {
  absl::StatusOr<Waiting> packed = Pack(window);
  if (!packed.ok()) {
    ++stats_.lost;
    return packed.status();
  }
  bytes_ += packed->bytes.size();
  waiting_.push_back(*std::move(packed));
  Shrink();
  return absl::OkStatus();
}

void WindowQueue::Shrink() {
  while ((bytes_ > limits_.bytes || waiting_.size() > limits_.windows) && !waiting_.empty()) {
    if (MergeOne()) continue;
    // What was sent may be acknowledged any moment; the oldest of the others has waited longest in vain.
    auto oldest = std::find_if(waiting_.begin(), waiting_.end(), [](const Waiting& w) { return !w.sent; });
    if (oldest == waiting_.end()) oldest = waiting_.begin();
    stats_.lost += oldest->last_sequence - oldest->first_sequence + 1;
    bytes_ -= oldest->bytes.size();
    waiting_.erase(oldest);
  }
}

// Parts of the same time first, then the shortest slots, the oldest of them first: so the queue loses resolution evenly and
// what is merged starts where other edges' merged windows start.
bool WindowQueue::MergeOne() {
  std::vector<std::pair<absl::Duration, size_t>> pairs;
  for (size_t i = 0; i + 1 < waiting_.size(); ++i) {
    const Waiting& a = waiting_[i];
    const Waiting& b = waiting_[i + 1];
    if (a.sent || b.sent || a.slot_length != b.slot_length) continue;
    if (a.start == b.start) {
      pairs.emplace_back(absl::ZeroDuration(), i);
    } else if (a.start + a.slot_length * window::kSlotsPerWindow == b.start &&
               Aligned(a.start, a.slot_length * window::kSlotsPerWindow * 2)) {
      pairs.emplace_back(a.slot_length, i);
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  for (const auto& [length, at] : pairs) {
    if (TryMerge(at)) return true;
  }
  return false;
}

bool WindowQueue::TryMerge(size_t at) {
  const absl::StatusOr<window::Window> a = window::Parse(waiting_[at].bytes);
  const absl::StatusOr<window::Window> b = window::Parse(waiting_[at + 1].bytes);
  if (!a.ok() || !b.ok()) return false;
  const absl::StatusOr<window::Window> both =
      a->start == b->start ? window::Merge(*a, *b, kMerge) : window::MergeAdjacent(*a, *b, kMerge);
  if (!both.ok()) return false;
  absl::StatusOr<Waiting> packed = Pack(*both);
  if (!packed.ok()) return false;
  bytes_ += packed->bytes.size();
  bytes_ -= waiting_[at].bytes.size() + waiting_[at + 1].bytes.size();
  waiting_[at] = *std::move(packed);
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  ++stats_.merged;
  return true;
}

absl::Status WindowQueue::Take(const v1::TelemetryDown& message) {
  if (message.has_ack() && message.ack().boot_id() == boot_id_) {
    const uint64_t through = message.ack().through_sequence();
    if (through > last_sent_) {
      return absl::InvalidArgumentError(absl::StrCat("an acknowledgement of windows up to ", through,
                                                     ", but only those up to ", last_sent_, " were sent"));
    }
    while (!waiting_.empty() && waiting_.front().last_sequence <= through) {
      ++stats_.acknowledged;
      bytes_ -= waiting_.front().bytes.size();
      waiting_.pop_front();
    }
  }
  if (message.has_credits()) {
    credits_ = std::min(credits_ + message.credits().bytes(), fleet::SessionBounds::kCredits);
    min_interval_ = absl::Milliseconds(message.credits().min_interval_ms());
  }
  return absl::OkStatus();
}

void WindowQueue::StreamEnded() {
  credits_ = 0;
  min_interval_ = absl::ZeroDuration();
  next_at_ = absl::ZeroDuration();
  for (Waiting& w : waiting_) w.in_flight = false;
}

std::optional<v1::TelemetryUp> WindowQueue::Next(absl::Duration now, uint64_t seed) {
  if (now < next_at_) return std::nullopt;
  v1::TelemetryUp message;
  size_t size = 0;
  for (Waiting& w : waiting_) {
    if (w.in_flight) continue;
    const size_t cost = w.bytes.size() + kFraming;
    if (message.windows_size() >= fleet::SessionBounds::kWindows ||
        size + cost > std::min<uint64_t>(credits_, kMaxMessage))
      break;
    v1::Window& out = *message.add_windows();
    out.ParseFromString(w.bytes);
    auto& sketches = *out.mutable_sketches();
    sketches.erase(std::remove_if(sketches.begin(), sketches.end(),
                                  [seed](const v1::TargetSketches& s) { return s.distinct_sources().seed() != seed; }),
                   sketches.end());
    size += cost;
    w.sent = w.in_flight = true;
    last_sent_ = std::max(last_sent_, w.last_sequence);
    ++stats_.sent;
  }
  if (message.windows_size() == 0) return std::nullopt;
  // What really goes over the wire, as the coordinator counts it when it gives credits back.
  credits_ -= std::min<uint64_t>(credits_, message.ByteSizeLong());
  next_at_ = now + min_interval_;
  return message;
}

absl::Duration WindowQueue::NextAt() const {
  const auto next = std::find_if(waiting_.begin(), waiting_.end(), [](const Waiting& w) { return !w.in_flight; });
  if (next == waiting_.end() || next->bytes.size() + kFraming > credits_) return absl::InfiniteDuration();
  return next_at_;
}

WindowQueue::Stats WindowQueue::stats() const {
  Stats s = stats_;
  s.bytes = bytes_;
  s.windows = waiting_.size();
  return s;
}

}  // namespace breakwater::link
