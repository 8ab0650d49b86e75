#include "coordinator/attacks/record.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace breakwater::attacks {
namespace {

using detect::AttackState;
using window::Counts;

constexpr absl::Duration kRateAge = absl::Seconds(5);
constexpr size_t kMaxText = 256;
constexpr int kV6Sender = 64;  // as in TargetSketches
constexpr double kLargeShare = 0.01;
constexpr size_t kMaxNote = 1024;
constexpr size_t kMaxMatch = 8192;

int64_t IndexOf(absl::Time t) { return absl::ToUnixMillis(t) / absl::ToInt64Milliseconds(window::kSlotLength); }

// An edge's clock may be off by more than is sensible; nothing has happened that is still to come.
absl::Time FromMicros(int64_t us, absl::Time now) { return std::min(now, absl::FromUnixMicros(us)); }

std::optional<absl::Time> MaybeFromMicros(int64_t us, absl::Time now) {
  return us == 0 ? std::nullopt : std::optional(FromMicros(us, now));
}

AttackState StateOf(const v1::AttackReport& report) {
  for (const AttackState s : {AttackState::kMitigating, AttackState::kMitigated, AttackState::kEnded}) {
    if (report.state() == std::string(detect::AttackStateName(s))) return s;
  }
  return report.ended_unix_us() != 0 ? AttackState::kEnded : AttackState::kDetected;
}

std::optional<absl::Time> Earlier(std::optional<absl::Time> a, std::optional<absl::Time> b) {
  return !a ? b : !b ? a : std::min(*a, *b);
}

bool IsNoSignature(std::string_view note) { return note.starts_with("no signature: "); }

Counts Max(const Counts& a, const Counts& b) { return a.packets >= b.packets ? a : b; }

}  // namespace

std::string Cut(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<uint8_t>(text[limit]) & 0xc0) == 0x80) --limit;
  return std::string(text.substr(0, limit));
}

void RecentSlots::Add(absl::Time start, const Counts& counts) {
  const int64_t index = IndexOf(start);
  OneSlot& s = slots_[static_cast<size_t>(index) % kSlots];
  if (s.index > index) return;
  if (s.index < index) s = {index, {}};
  s.counts += counts;
}

Counts RecentSlots::LastSecond(absl::Time now) const {
  Counts sum;
  if (until_ + kRateAge < now) return sum;
  const int64_t end = IndexOf(until_);
  for (const OneSlot& s : slots_) {
    if (s.index < end && s.index >= end - window::kSlotsPerWindow) sum += s.counts;
  }
  return sum;
}

Counts Part::Total() const {
  Counts told = earlier;
  for (const auto& [id, f] : findings) told += f.total;
  return Max(told, counted);
}

std::optional<absl::Time> Part::Detected() const {
  std::optional<absl::Time> at = restored_detected;
  for (const auto& [id, f] : findings) at = Earlier(at, f.detected);
  return at;
}

std::optional<absl::Time> Part::FirstDrop() const {
  std::optional<absl::Time> told;
  for (const auto& [id, f] : findings) told = Earlier(told, f.first_drop);
  // The edge knows to the packet, its windows to the slot.
  if (told && first_drop_slot && *first_drop_slot <= *told && *told < *first_drop_slot + window::kSlotLength) {
    return told;
  }
  return Earlier(told, first_drop_slot);
}

Part* Record::PartOf(std::string_view edge, std::string_view region) {
  auto it = parts.find(edge);
  if (it == parts.end()) {
    if (parts.size() >= kMaxParts) return nullptr;
    it = parts.try_emplace(std::string(edge)).first;
  }
  it->second.region = region;
  return &it->second;
}

void Record::Widen(const Finding& f, std::string_view by) {
  if (f.first_packet < first_packet) {
    first_packet = f.first_packet;
    first_packet_edge = by == kCoordinator ? "" : by;
  }
  if (f.detected < detected) {
    detected = f.detected;
    detected_by = by;
    threshold_pps = f.threshold_pps;
  }
}

std::string Record::OnReport(std::string_view edge, std::string_view region, const v1::AttackReport& report,
                             absl::Time now) {
  Part* part = PartOf(edge, region);
  std::string gone;
  if (part == nullptr) return gone;
  if (part->findings.size() >= kMaxFindings && !part->findings.contains(report.attack_id())) {
    auto oldest = std::min_element(part->findings.begin(), part->findings.end(),
                                   [](const auto& a, const auto& b) { return a.second.heard < b.second.heard; });
    part->earlier += oldest->second.total;
    part->restored_detected = Earlier(part->restored_detected, oldest->second.detected);
    gone = oldest->first;
    part->findings.erase(oldest);
  }
  Finding& f = part->findings[report.attack_id()];
  const AttackState before = f.state;
  const bool fresh = f.heard == absl::Time();
  f.state = StateOf(report);
  f.first_packet = FromMicros(report.first_packet_unix_us(), now);
  f.detected = FromMicros(report.detected_unix_us(), now);
  f.first_drop = MaybeFromMicros(report.first_drop_unix_us(), now);
  f.ended = MaybeFromMicros(report.ended_unix_us(), now);
  f.threshold_pps = report.threshold_pps();
  f.total = {report.packets(), report.bytes(), report.dropped_packets(), report.dropped_bytes()};
  f.heard = now;
  Widen(f, edge);
  peak_pps = std::max(peak_pps, report.peak_pps());
  peak_bps = std::max(peak_bps, report.peak_bps());
  TakeNote(report.note());
  changed = true;
  turned = turned || fresh || before != f.state;
  return gone;
}

void Record::OnOwn(const detect::Attack& attack, absl::Time now) {
  if (!own) own.emplace();
  own->state = attack.state;
  own->first_packet = attack.first_packet;
  own->detected = attack.detected;
  own->first_drop = attack.first_drop;
  own->ended = attack.ended;
  own->threshold_pps = attack.threshold_pps;
  own->secondary = attack.secondary;
  own->total = attack.total;
  own->heard = now;
  own_attack_id = attack.id;
  Widen(*own, kCoordinator);
  peak_pps = std::max(peak_pps, attack.peak_pps);
  peak_bps = std::max(peak_bps, attack.peak_bps);
  TakeNote(attack.note);
  changed = true;
}

void Record::OnWindow(std::string_view edge, std::string_view region, const window::Window& w) {
  Part* part = nullptr;
  const auto known = parts.find(edge);
  if (known != parts.end()) part = &known->second;
  for (const window::Slot& slot : w.slots) {
    const auto it = slot.traffic.find(key);
    if (it == slot.traffic.end() || slot.start + slot.length <= first_packet) continue;
    if (ended && slot.start >= *ended) continue;
    if (part == nullptr) part = PartOf(edge, region);
    if (part == nullptr) return;
    part->counted += it->second;
    if (slot.length == window::kSlotLength) part->recent.Add(slot.start, it->second);
    if (it->second.dropped_packets > 0) {
      part->first_drop_slot = Earlier(part->first_drop_slot, std::max(slot.start, first_packet));
    }
    changed = true;
  }
  if (part != nullptr) part->recent.ToldUntil(w.reported_end());
  if (const auto it = w.sketches.find(key); it != w.sketches.end() && w.end() > first_packet && !ended) {
    // The same k everywhere: the wire checks it.
    sources.Merge(it->second.sources).IgnoreError();
  }
}

bool Record::LargeSource(const net::IpAddress& source) const {
  const net::IpPrefix sender = source.is_v4() ? net::IpPrefix::Host(source) : net::IpPrefix(source, kV6Sender);
  return static_cast<double>(sources.Estimate(sender).lower) >= kLargeShare * static_cast<double>(sources.total()) &&
         !sources.empty();
}

// Why there is no signature is of interest until there is one, whoever found it.
void Record::TakeNote(std::string_view text) {
  if (text.empty() || (IsNoSignature(text) && !signatures.empty())) return;
  note = Cut(text, kMaxNote);
}

void Record::AddEvent(absl::Time at, std::string_view kind, std::string_view edge, std::string_view rule_id,
                      std::string_view text) {
  for (const v1::AttackEventView& e : events) {
    if (e.kind() == kind && e.edge() == edge && e.rule_id() == rule_id) return;
  }
  v1::AttackEventView e;
  e.set_unix_s(absl::ToDoubleSeconds(at - absl::UnixEpoch()));
  e.set_kind(std::string(kind));
  e.set_edge(std::string(edge));
  e.set_rule_id(std::string(rule_id));
  e.set_text(Cut(text, kMaxText));
  // The beginning and the latest tell most.
  if (events.size() >= kMaxEvents) {
    events.erase(events.begin() + kMaxEvents / 2);
    ++events_left_out;
  }
  events.push_back(std::move(e));
  changed = turned = true;
}

void Record::AddSignature(std::string_view rule_id, std::string_view match, double attack_share,
                          double baseline_share) {
  for (const v1::SignatureView& s : signatures) {
    if (s.rule_id() == rule_id) return;
  }
  if (signatures.size() >= kMaxSignatures || match.size() > kMaxMatch) return;
  v1::SignatureView& s = signatures.emplace_back();
  s.set_rule_id(std::string(rule_id));
  s.set_match(std::string(match));
  s.set_attack_share(attack_share);
  s.set_baseline_share(baseline_share);
  if (IsNoSignature(note)) note.clear();
  changed = turned = true;
}

bool Record::Settle(absl::Time now) {
  bool detected_only = false, mitigating = false, mitigated = false;
  std::optional<absl::Time> last_end;
  std::optional<absl::Time> last_heard;
  const auto look = [&](const Finding& f) {
    if (f.state == AttackState::kEnded) {
      const absl::Time end = f.ended.value_or(f.heard);
      last_end = last_end ? std::max(*last_end, end) : end;
    } else if (f.heard + kSilence <= now) {
      last_heard = last_heard ? std::max(*last_heard, f.heard) : f.heard;
    } else {
      detected_only = detected_only || f.state == AttackState::kDetected;
      mitigating = mitigating || f.state == AttackState::kMitigating;
      mitigated = mitigated || f.state == AttackState::kMitigated;
    }
  };
  std::optional<absl::Time> drop;
  for (const auto& [edge, part] : parts) {
    for (const auto& [attack_id, f] : part.findings) look(f);
    drop = Earlier(drop, part.FirstDrop());
  }
  if (own) {
    look(*own);
    if (!drop) drop = own->first_drop;
  }
  if (drop != first_drop) {
    turned = turned || !first_drop;
    changed = true;
    first_drop = drop;
  }
  AttackState next = AttackState::kEnded;
  if (mitigating || (detected_only && (mitigated || first_drop))) {
    next = AttackState::kMitigating;
  } else if (mitigated) {
    next = AttackState::kMitigated;
  } else if (detected_only) {
    next = AttackState::kDetected;
  }
  if (next == state) return false;
  if (next == AttackState::kEnded) {
    if (last_heard && (!last_end || *last_heard > *last_end)) {
      last_end = last_heard;
      note = absl::StrCat("taken as over: nothing was heard of it for ", absl::FormatDuration(kSilence));
    }
    ended = std::max(last_end.value_or(now), detected);
    sources = decltype(sources)(window::TargetSketches::kSources);
  } else if (ended) {
    ended.reset();  // it came back, or an edge that was silent goes on with it
  }
  state = next;
  changed = turned = true;
  return true;
}

}  // namespace breakwater::attacks
