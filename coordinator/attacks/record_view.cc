#include "coordinator/attacks/record_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/attack_record.pb.h"
#include "common/window/window_wire.h"

namespace breakwater::attacks {
namespace {

using detect::AttackState;
using window::Counts;

double Unix(absl::Time t) { return absl::ToDoubleSeconds(t - absl::UnixEpoch()); }
double Unix(const std::optional<absl::Time>& t) { return t ? Unix(*t) : 0; }
std::optional<absl::Time> FromUnix(double s) {
  return s > 0 ? std::optional(absl::UnixEpoch() + absl::Seconds(s)) : std::nullopt;
}

void AddTo(v1::AttackView& view, std::optional<absl::Time> at, std::string_view kind, std::string_view edge,
           const std::string& text) {
  if (!at) return;
  v1::AttackEventView& e = *view.add_timeline();
  e.set_unix_s(Unix(*at));
  e.set_kind(std::string(kind));
  e.set_edge(std::string(edge));
  e.set_text(text);
}

void WriteTimeline(const Record& r, v1::AttackView& view) {
  AddTo(view, r.first_packet, "first_packet", r.first_packet_edge, "the first packet of the traffic that was detected");
  if (r.own) {
    AddTo(view, r.own->detected, "detected", "",
          absl::StrCat("in the merged view of all edges, over ", static_cast<int64_t>(r.own->threshold_pps), " pps",
                       r.own->secondary ? "; so low because its target is under attack by another vector" : ""));
  }
  for (const auto& [edge, part] : r.parts) {
    AddTo(view, part.Detected(), "detected", edge, "by this edge's own detector");
    AddTo(view, part.FirstDrop(), "first_drop", edge, "the first packet dropped here");
  }
  AddTo(view, r.ended, "ended", "", "");
  for (const v1::AttackEventView& e : r.events) *view.add_timeline() = e;
  auto& events = *view.mutable_timeline();
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.unix_s() < b.unix_s(); });
  const auto limit = static_cast<int>(kMaxTimeline);
  uint64_t left_out = r.events_left_out;
  if (events.size() > limit - 1) {
    const int over = events.size() - (limit - 1);
    left_out += static_cast<uint64_t>(over);
    events.DeleteSubrange(limit / 2, over);
  }
  if (left_out == 0) return;
  const int place = std::min(events.size(), limit / 2);
  v1::AttackEventView gap;
  gap.set_unix_s(events.Get(std::max(0, place - 1)).unix_s());
  gap.set_kind("left_out");
  gap.set_text(absl::StrCat(left_out, " entries are left out here"));
  *events.Add() = std::move(gap);
  std::rotate(events.begin() + place, events.end() - 1, events.end());
}

absl::Status Lost(const std::string& what) { return absl::DataLossError(what); }

}  // namespace

v1::AttackView ToView(const Record& r, absl::Time now, bool details) {
  v1::AttackView view;
  view.set_id(r.id);
  view.set_target(r.key.target.ToString());
  view.set_vector(std::string(window::vector_name(r.key.vector)));
  view.set_state(std::string(detect::AttackStateName(r.state)));
  view.set_first_packet_unix_s(Unix(r.first_packet));
  view.set_detected_unix_s(Unix(r.detected));
  view.set_first_drop_unix_s(Unix(r.first_drop));
  view.set_ended_unix_s(Unix(r.ended));
  view.set_threshold_pps(r.threshold_pps);
  view.set_peak_pps(r.peak_pps);
  view.set_peak_bps(r.peak_bps);
  view.set_note(r.note);
  view.set_detected_by(r.detected_by);
  for (const v1::SignatureView& s : r.signatures) *view.add_signatures() = s;
  Counts total, rate;
  for (const auto& [edge, part] : r.parts) {
    const Counts t = part.Total();
    const Counts n = part.recent.LastSecond(now);
    total += t;
    rate += n;
    if (!details) continue;
    v1::AttackEdgeView& e = *view.add_edges();
    e.set_edge(edge);
    e.set_region(part.region);
    e.set_now_pps(static_cast<double>(n.packets));
    e.set_now_dropped_pps(static_cast<double>(n.dropped_packets));
    e.set_packets(static_cast<double>(t.packets));
    e.set_dropped_packets(static_cast<double>(t.dropped_packets));
    e.set_detected_unix_s(Unix(part.Detected()));
    e.set_first_drop_unix_s(Unix(part.FirstDrop()));
  }
  // The detector has seen the time before this record as well.
  if (r.own && r.own->total.packets > total.packets) total = r.own->total;
  view.set_packets(static_cast<double>(total.packets));
  view.set_dropped_packets(static_cast<double>(total.dropped_packets));
  view.set_now_pps(static_cast<double>(rate.packets));
  view.set_now_dropped_pps(static_cast<double>(rate.dropped_packets));
  if (details) WriteTimeline(r, view);
  return view;
}

std::string StoreKey(std::string_view id) { return absl::StrCat(std::string(kFamily), std::string(id)); }

std::string Serialize(const Record& r, absl::Time now) {
  v1::AttackRecord m;
  *m.mutable_view() = ToView(r, now, true);
  *m.mutable_target() = window::TargetToProto(r.key.target);
  m.set_vector(static_cast<uint32_t>(r.key.vector));
  for (const auto& [edge, part] : r.parts) {
    for (const auto& [id, f] : part.findings) {
      v1::AttackAlias& a = *m.add_aliases();
      a.set_edge(edge);
      a.set_attack_id(id);
    }
  }
  return m.SerializeAsString();
}

absl::StatusOr<Record> Parse(std::string_view bytes, absl::Time now) {
  v1::AttackRecord m;
  if (!m.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Lost(absl::StrCat(bytes.size(), " bytes are no record of an attack"));
  }
  const v1::AttackView& v = m.view();
  absl::StatusOr<window::Target> target = window::TargetFromProto(m.target());
  if (!target.ok()) return Lost(absl::StrCat("target: ", std::string(target.status().message())));
  if (m.vector() >= BW_VECTOR_MAX || v.id().empty() || v.detected_unix_s() <= 0 || v.first_packet_unix_s() <= 0) {
    return Lost("a record of an attack without id, times or a known vector");
  }
  Record r;
  r.id = v.id();
  r.key = {*std::move(target), static_cast<window::Vector>(m.vector())};
  r.state = AttackState::kEnded;
  for (const AttackState s : {AttackState::kDetected, AttackState::kMitigating, AttackState::kMitigated}) {
    if (v.state() == std::string(detect::AttackStateName(s))) r.state = s;
  }
  r.first_packet = *FromUnix(v.first_packet_unix_s());
  r.detected = *FromUnix(v.detected_unix_s());
  r.detected_by = v.detected_by();
  r.first_drop = FromUnix(v.first_drop_unix_s());
  r.ended = FromUnix(v.ended_unix_s());
  r.threshold_pps = v.threshold_pps();
  r.peak_pps = v.peak_pps();
  r.peak_bps = v.peak_bps();
  r.note = v.note();
  r.signatures.assign(v.signatures().begin(), v.signatures().end());
  Finding finding;
  finding.state = r.state;
  finding.first_packet = r.first_packet;
  finding.detected = r.detected;
  finding.ended = r.ended;
  finding.threshold_pps = r.threshold_pps;
  finding.heard = now;
  for (const v1::AttackEdgeView& e : v.edges()) {
    Part& part = r.parts[e.edge()];
    part.region = e.region();
    part.counted.packets = static_cast<uint64_t>(std::max(0.0, e.packets()));
    part.counted.dropped_packets = static_cast<uint64_t>(std::max(0.0, e.dropped_packets()));
    part.first_drop_slot = FromUnix(e.first_drop_unix_s());
    part.restored_detected = FromUnix(e.detected_unix_s());
  }
  for (const v1::AttackAlias& a : m.aliases()) {
    auto part = r.parts.find(a.edge());
    if (part == r.parts.end() || part->second.findings.size() >= Record::kMaxFindings) continue;
    Finding f = finding;
    f.detected = part->second.restored_detected.value_or(r.detected);
    part->second.findings[a.attack_id()] = f;
  }
  for (const v1::AttackEventView& e : v.timeline()) {
    if (e.kind() == "first_packet") r.first_packet_edge = e.edge();
    if (e.kind() == "detected" && e.edge().empty()) {
      r.own = finding;
      r.own->detected = *FromUnix(e.unix_s());
    }
    if (e.kind().rfind("rule_", 0) == 0 && r.events.size() < Record::kMaxEvents) r.events.push_back(e);
  }
  r.changed = r.turned = false;
  r.written = now;
  return r;
}

}  // namespace breakwater::attacks
