// Telemetry streams of edges: see impl.h.
#include <algorithm>

#include "common/window/window.h"
#include "coordinator/control/impl.h"
#include "coordinator/control/presentable.h"

namespace breakwater::coordinator {
namespace {

constexpr uint64_t kOverCredit = 10;                               // times its credits: the stream is closed
constexpr absl::Duration kStreamAlive = absl::Milliseconds(2500);  // after its last window

}  // namespace

void Control::Impl::On(TelemetryConnected event) {
  const auto known = edges_.find(event.edge.id);
  if (known == edges_.end() && edges_.size() >= kMaxEdges) {
    actions_.emplace_back(Close{event.stream, absl::ResourceExhaustedError("there are " + std::to_string(kMaxEdges) +
                                                                           " edges, which is the limit")});
    return;
  }
  EdgeState& edge = edges_[event.edge.id];
  if (edge.identity.id.empty()) edge.identity = event.edge;
  if (edge.stream != 0) {
    if (edge.session != 0 && !Silent(edge) && now_ - edge.window_heard < kStreamAlive) {
      ++counters_.sessions_refused;
      actions_.emplace_back(Close{
          event.stream, absl::AlreadyExistsError("edge " + event.edge.id +
                                                 " has a telemetry stream that is alive; if this is the same machine, "
                                                 "try again, else give it a certificate of its own")});
      return;
    }
    EndStream(edge, absl::AbortedError("a newer telemetry stream of edge " + event.edge.id + " took over"));
  }
  edge.stream = event.stream;
  edge.unacknowledged = 0;
  edge.committing = 0;
  edge.stream_refused = 0;
  edge.window_heard = absl::InfinitePast();
  streams_[event.stream] = event.edge.id;
  merger_.EdgeConnected(event.edge.id, now_);
  Acknowledge(edge, settings_.telemetry_credits);
}

void Control::Impl::EndStream(EdgeState& edge, const absl::Status& status) {
  if (edge.stream == 0) return;
  actions_.emplace_back(Close{edge.stream, status});
  On(TelemetryDisconnected{edge.stream});
}

void Control::Impl::On(TelemetryDisconnected event) {
  const auto it = streams_.find(event.stream);
  if (it == streams_.end()) return;
  EdgeState& edge = edges_.find(it->second)->second;
  edge.stream = 0;
  merger_.EdgeDisconnected(it->second, now_);
  streams_.erase(it);
}

void Control::Impl::Acknowledge(EdgeState& edge, uint64_t bytes) {
  SendTelemetry send{edge.stream, {}};
  if (edge.committed.boot_id != 0) {
    send.message.mutable_ack()->set_boot_id(edge.committed.boot_id);
    send.message.mutable_ack()->set_through_sequence(edge.committed.through_sequence);
  }
  if (bytes > 0) send.message.mutable_credits()->set_bytes(bytes);
  actions_.emplace_back(std::move(send));
}

void Control::Impl::RefuseWindow(EdgeState& edge, const absl::Status& why) {
  ++counters_.windows_refused;
  ++edge.refused_windows;
  ++edge.stream_refused;
  edge.refused_at = now_;
  edge.refused_why = Presentable(std::string(why.message()), 160);
  Say(Report::Level::kWarning, "window_refused",
      "a window of edge " + edge.identity.id + ": " + std::string(why.message()), {{"edge", edge.identity.id}});
}

void Control::Impl::CountRules(EdgeState& edge, const window::Window& window) {
  std::map<std::string, window::RuleCounts> sums;
  for (const window::Slot& slot : window.slots) {
    for (const auto& [id, counts] : slot.rules) {
      if (counts.matched_packets == 0) continue;
      std::string rule_id = policy_.StandsFor(edge.identity.id, id);
      if (rule_id.empty()) rule_id = id;
      if (policy_.Find(rule_id) == nullptr) continue;
      edge.progress.OnCounts(rule_id, counts, slot.start, slot.length);
      edge.hits_changed = true;
      sums[rule_id] += counts;
    }
  }
  for (const auto& [id, counts] : sums) {
    policy_.OnMatched(id, counts.matched_packets, counts.dropped_packets, std::min(now_, window.end()));
  }
}

void Control::Impl::TakeWindow(EdgeState& edge, const absl::StatusOr<window::Window>& window) {
  if (!window.ok()) return RefuseWindow(edge, window.status());
  const absl::StatusOr<merge::Admission> admission = merger_.Add(edge.identity.id, *window, now_);
  if (!admission.ok()) return RefuseWindow(edge, admission.status());
  edge.watermark = admission->watermark;
  edge.acknowledge = true;
  if (admission->duplicate) {
    ++counters_.windows_duplicate;
    ++edge.duplicate_windows;
    return;
  }
  ++counters_.windows;
  if (admission->late) ++counters_.windows_late;
  edge.last_window = std::max(edge.last_window, window->end());
  edge.clock_offset = window->clock_offset;
  attacks_.OnWindow(edge.identity.id, edge.identity.region, *window, now_);
  traffic_.OnWindow(edge.identity.id, edge.identity.region, *window);
  CountRules(edge, *window);
}

void Control::Impl::On(WindowsArrived event) {
  const auto it = streams_.find(event.stream);
  if (it == streams_.end()) return;
  EdgeState& edge = edges_.find(it->second)->second;
  edge.window_heard = now_;
  edge.unacknowledged += event.bytes;
  if (edge.unacknowledged > settings_.telemetry_credits) {
    ++counters_.windows_over_credit;
    if (edge.unacknowledged > kOverCredit * settings_.telemetry_credits) {
      const std::string text = "edge " + it->second + " has sent " + std::to_string(edge.unacknowledged) +
                               " bytes of windows that aren't acknowledged, its credits are " +
                               std::to_string(settings_.telemetry_credits);
      Say(Report::Level::kWarning, "telemetry_closed", text, {{"edge", it->second}});
      return EndStream(edge, absl::ResourceExhaustedError(text));
    }
  }
  for (const absl::StatusOr<window::Window>& window : event.windows) TakeWindow(edge, window);
  // Also for windows that were refused: their credits come back.
  edge.acknowledge = true;
  if (edge.stream_refused > EdgeState::kMaxRefused) {
    EndStream(edge,
              absl::InvalidArgumentError(std::to_string(edge.stream_refused) + " windows of this stream were refused"));
  }
}

}  // namespace breakwater::coordinator
