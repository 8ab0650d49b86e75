#include "coordinator/rollout/progress.h"

#include <algorithm>

namespace breakwater::rollout {
namespace {

constexpr int64_t kSlotMs = 100;
constexpr int64_t kSecond = 10;  // slots

int64_t SlotOf(absl::Time time) { return absl::ToUnixMillis(time) / kSlotMs; }
size_t PlaceOf(int64_t slot, int ring) { return static_cast<size_t>(((slot % ring) + ring) % ring); }

bool Reached(const v1::SetVersion& version, uint64_t epoch, uint64_t revision) {
  return version.epoch() == epoch && version.revision() >= revision;
}

}  // namespace

std::string_view StateName(State state) {
  switch (state) {
    case State::kPending:
      return "pending";
    case State::kReceived:
      return "received";
    case State::kValidated:
      return "validated";
    case State::kInstalled:
      return "installed";
    case State::kMatching:
      return "matching";
    case State::kRefused:
      return "refused";
  }
  return "pending";
}

void EdgeProgress::Reset() {
  exceptions_.clear();
  rejected_ = 0;
  received_.Clear();
  applied_.Clear();
}

void EdgeProgress::OnVersions(const v1::SetVersion& received, const v1::SetVersion& applied) {
  received_ = received;
  applied_ = applied;
  // What the watermark says by now is no exception any more.
  std::erase_if(exceptions_, [&](const auto& e) {
    return e.second.state != v1::RULE_STATE_REJECTED && !e.second.enforcing && applied.revision() >= e.second.revision;
  });
}

bool EdgeProgress::OnStatus(const v1::RuleStatus& status) {
  auto it = exceptions_.find(status.rule_id());
  if (it == exceptions_.end()) {
    const bool says_nothing_new = status.state() != v1::RULE_STATE_REJECTED && !status.enforcing() &&
                                  Reached(applied_, status.epoch(), status.revision());
    if (says_nothing_new) return true;
    if (exceptions_.size() >= kMaxExceptions) return false;
    it = exceptions_.emplace(status.rule_id(), Exception{}).first;
  }
  Exception& e = it->second;
  const bool was_rejected = e.state == v1::RULE_STATE_REJECTED;
  e = {status.state(), status.revision(), status.enforcing(), status.detail()};
  const bool is_rejected = e.state == v1::RULE_STATE_REJECTED;
  rejected_ = rejected_ + (is_rejected ? 1 : 0) - (was_rejected ? 1 : 0);
  if (!is_rejected && !e.enforcing && Reached(applied_, status.epoch(), status.revision())) exceptions_.erase(it);
  return true;
}

void EdgeProgress::Advance(Counted& counted, int64_t slot) {
  if (slot <= counted.newest) return;
  if (slot - counted.newest >= kRing) {
    counted.matched_ring.fill(0);
    counted.dropped_ring.fill(0);
  } else {
    for (int64_t s = counted.newest + 1; s <= slot; ++s) {
      counted.matched_ring[PlaceOf(s, kRing)] = 0;
      counted.dropped_ring[PlaceOf(s, kRing)] = 0;
    }
  }
  counted.newest = slot;
}

void EdgeProgress::OnCounts(const std::string& rule_id, const window::RuleCounts& counts, absl::Time start,
                            absl::Duration length) {
  auto it = counted_.find(rule_id);
  if (it == counted_.end()) {
    if (counted_.size() >= kMaxCounted) {
      counted_.erase(std::min_element(counted_.begin(), counted_.end(),
                                      [](const auto& a, const auto& b) { return a.second.newest < b.second.newest; }));
    }
    it = counted_.emplace(rule_id, Counted{}).first;
  }
  Counted& c = it->second;
  c.matched += counts.matched_packets;
  c.dropped += counts.dropped_packets;
  // A merged slot is spread evenly over the slots it was made of, as far as the ring reaches.
  const int64_t parts = std::max<int64_t>(1, length / absl::Milliseconds(kSlotMs));
  const int64_t last = SlotOf(start) + parts - 1;
  Advance(c, last);
  newest_slot_ = std::max(newest_slot_, last);
  for (int64_t slot = std::max(last - parts + 1, c.newest - kRing + 1); slot <= last; ++slot) {
    c.matched_ring[PlaceOf(slot, kRing)] += counts.matched_packets / static_cast<uint64_t>(parts);
    c.dropped_ring[PlaceOf(slot, kRing)] += counts.dropped_packets / static_cast<uint64_t>(parts);
  }
}

v1::EdgeHits EdgeProgress::Hits() const {
  v1::EdgeHits hits;
  for (const auto& [id, counted] : counted_) {
    v1::RuleHits& rule = *hits.add_rules();
    rule.set_rule_id(id);
    rule.set_matched_packets(counted.matched);
    rule.set_dropped_packets(counted.dropped);
    rule.set_last_match_unix_ms((counted.newest + 1) * kSlotMs);
  }
  return hits;
}

void EdgeProgress::Restore(const v1::EdgeHits& hits) {
  for (const v1::RuleHits& rule : hits.rules()) {
    if (counted_.size() >= kMaxCounted) return;
    Counted& counted = counted_[rule.rule_id()];
    counted.matched = rule.matched_packets();
    counted.dropped = rule.dropped_packets();
    counted.newest = rule.last_match_unix_ms() / kSlotMs - 1;
  }
}

bool EdgeProgress::Forget(std::string_view rule_id) {
  const auto counted = counted_.find(rule_id);
  const bool had = counted != counted_.end();
  if (had) counted_.erase(counted);
  if (const auto it = exceptions_.find(rule_id); it != exceptions_.end()) {
    if (it->second.state == v1::RULE_STATE_REJECTED) --rejected_;
    exceptions_.erase(it);
  }
  return had;
}

RuleOnEdge EdgeProgress::Of(const Placed& placed, uint64_t epoch, bool held, absl::Time now) const {
  RuleOnEdge r;
  const std::string& id = placed.entry->rule.id;
  const auto e = exceptions_.find(id);
  const bool said = e != exceptions_.end() && e->second.revision >= placed.content_revision;
  const v1::RuleState state = said ? e->second.state : v1::RULE_STATE_UNSPECIFIED;
  if (held || Reached(applied_, epoch, placed.content_revision) || state == v1::RULE_STATE_INSTALLED ||
      state == v1::RULE_STATE_MATCHING) {
    r.state = State::kInstalled;
  } else if (state == v1::RULE_STATE_VALIDATED) {
    r.state = State::kValidated;
  } else if (state == v1::RULE_STATE_RECEIVED || Reached(received_, epoch, placed.content_revision)) {
    r.state = State::kReceived;
  }
  if (state == v1::RULE_STATE_REJECTED && !held) {
    r.state = State::kRefused;
    r.detail = e->second.detail;
  }
  if (const auto it = counted_.find(id); it != counted_.end()) {
    const Counted& c = it->second;
    r.matched_packets = c.matched;
    r.dropped_packets = c.dropped;
    r.last_match = absl::FromUnixMillis((c.newest + 1) * kSlotMs);
    if (SlotOf(now) - newest_slot_ < 5 * kSecond) {
      for (int64_t slot = std::max(newest_slot_ - kSecond + 1, c.newest - kRing + 1); slot <= c.newest; ++slot) {
        r.matched_pps += static_cast<double>(c.matched_ring[PlaceOf(slot, kRing)]);
        r.dropped_pps += static_cast<double>(c.dropped_ring[PlaceOf(slot, kRing)]);
      }
    }
    if (r.state == State::kInstalled && c.matched > 0 && now - r.last_match < kMatchingFor) r.state = State::kMatching;
  }
  const bool in_force = r.state == State::kInstalled || r.state == State::kMatching;
  switch (placed.entry->rule.mode) {
    case rule::Mode::kEnforce:
      r.enforcing = in_force;
      break;
    case rule::Mode::kArmed:
      r.enforcing = in_force && (held || (e != exceptions_.end() && e->second.enforcing));
      break;
    case rule::Mode::kObserve:
      break;
  }
  return r;
}

}  // namespace breakwater::rollout
