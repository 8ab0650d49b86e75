#include "edge/link/clock_offset.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace breakwater::link {

v1::ClockProbe ClockOffset::Probe(absl::Time now) {
  v1::ClockProbe probe;
  probe.set_id(next_id_++);
  probe.set_edge_sent_us(absl::ToUnixMicros(now));
  outstanding_ = probe;
  return probe;
}

absl::Status ClockOffset::Take(const v1::ClockReply& reply, absl::Time now) {
  if (!outstanding_ || reply.id() != outstanding_->id() || reply.edge_sent_us() != outstanding_->edge_sent_us()) {
    return absl::InvalidArgumentError(absl::StrCat("a clock reply to no probe (id ", reply.id(), ")"));
  }
  const absl::Time sent = absl::FromUnixMicros(outstanding_->edge_sent_us());
  outstanding_.reset();
  const absl::Time received = absl::FromUnixMicros(reply.coordinator_received_us());
  const absl::Time answered = absl::FromUnixMicros(reply.coordinator_sent_us());
  const absl::Duration round_trip = (now - sent) - (answered - received);
  const absl::Duration offset = ((received - sent) + (answered - now)) / 2;
  if (round_trip < absl::ZeroDuration() || answered < received || absl::AbsDuration(offset) > kMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a clock reply that can't be: round trip ", absl::FormatDuration(round_trip), ", offset ",
                     absl::FormatDuration(offset), ", the limit is ", absl::FormatDuration(kMax)));
  }
  if (restarted_) answers_.clear();
  restarted_ = false;
  answers_.push_back({round_trip, offset});
  if (answers_.size() > kRemembered) answers_.pop_front();
  return absl::OkStatus();
}

void ClockOffset::Restart() {
  outstanding_.reset();
  restarted_ = true;
}

const ClockOffset::Answer* ClockOffset::Best() const {
  const auto best = std::min_element(answers_.begin(), answers_.end(),
                                     [](const Answer& a, const Answer& b) { return a.round_trip < b.round_trip; });
  return best == answers_.end() ? nullptr : &*best;
}

std::optional<absl::Duration> ClockOffset::offset() const {
  const Answer* best = Best();
  if (best == nullptr) return std::nullopt;
  return best->offset;
}

absl::Duration ClockOffset::round_trip() const {
  const Answer* best = Best();
  return best == nullptr ? absl::ZeroDuration() : best->round_trip;
}

}  // namespace breakwater::link
