#include "tests/fusion/fleet.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/window/sample_reader.h"
#include "common/window/window_wire.h"

namespace breakwater::fusion {
namespace {

using window::HeaderSample;
using window::kSlotLength;

attacks::AttackBookOptions BookOptions(const FleetOptions& o) {
  attacks::AttackBookOptions b;
  b.detector = detect::WithScaledFloors(o.edge_detector, o.floor_factor);
  return b;
}

// As the packet filter does it: every packet for the first 128 of a slot, then one of 2 for 128 samples more, and so on.
uint32_t SampleWeight(uint64_t n) {
  uint32_t stride = 1;
  for (uint64_t end = 128; n >= end; end += 128 * uint64_t{stride}) stride *= 2;
  return n % stride == 0 ? stride : 0;
}

}  // namespace

Fleet::Fleet(const FleetOptions& options)
    : options_(options), merger_(merge::MergerOptions{}), book_(BookOptions(options)) {
  for (size_t i = 0; i < options.edges; ++i) {
    Edge& e = edges_.emplace_back();
    e.id = absl::StrCat("edge-", i + 1);
    e.region = absl::StrCat("region-", i + 1);
    e.detector = std::make_unique<detect::Detector>(options.edge_detector, e.id);
    window::WindowBuilderOptions b;
    b.samples_per_alert = options.samples_per_alert;
    e.builder = std::make_unique<window::WindowBuilder>(b, 1000 + i);
  }
}

void Fleet::Packet(size_t edge, const HeaderSample& sample, Label label) {
  AdvanceTo(sample.time);
  Edge& e = edges_[edge];
  bool dropped = false;
  const window::SampleReader reader(sample);
  for (Rule& r : e.rules) {
    if (sample.time < r.from || !r.target.Contains(sample.destination) || !rule::Matches(*r.match, reader)) continue;
    ++r.matched;
    window::RuleCounts& c = e.slot.rules[r.id];
    ++c.matched_packets;
    c.matched_bytes += sample.ip_length;
    if (!r.enforcing) continue;
    ++c.dropped_packets;
    c.dropped_bytes += sample.ip_length;
    dropped = true;
    break;
  }
  if (dropped && !e.first_drop) e.first_drop = sample.time;
  ++packets_[label];
  dropped_[label] += dropped;
  const window::Counts counts{1, sample.ip_length, dropped ? 1u : 0u, dropped ? sample.ip_length : 0u};
  const window::TargetVector key{window::Target::Host(sample.destination), sample.vector};
  e.slot.traffic[key] += counts;
  for (const net::IpPrefix& p : options_.prefixes) {
    if (p.Contains(sample.destination)) e.slot.traffic[{window::Target::Prefix(p), sample.vector}] += counts;
  }
  if (const uint32_t weight = SampleWeight(e.seen[key]++); weight > 0) {
    e.samples.push_back(sample);
    e.samples.back().weight = weight;
    e.samples.back().dropped = dropped;
  }
}

void Fleet::Finish(absl::Duration more) { AdvanceTo(slot_start_ + kSlotLength + more); }

void Fleet::AdvanceTo(absl::Time t) {
  if (!started_) {
    started_ = true;
    slot_start_ = absl::UnixEpoch() + absl::Floor(t - absl::UnixEpoch(), kSlotLength);
    for (Edge& e : edges_) {
      e.slot.start = slot_start_;
      merger_.EdgeConnected(e.id, slot_start_);
    }
  }
  while (t >= slot_start_ + kSlotLength) {
    for (size_t i = 0; i < edges_.size(); ++i) CloseSlot(i);
    slot_start_ += kSlotLength;
    now_ = slot_start_ + options_.delay;
    Coordinate();
  }
}

void Fleet::CloseSlot(size_t edge) {
  Edge& e = edges_[edge];
  OnFindings(edge, e.detector->OnSlot(e.slot, e.samples));
  window::Alerted alerted;
  for (const window::TargetVector& key : e.detector->Suspicious(options_.suspicious_share, 64)) alerted.insert(key);
  for (const window::Window& w : e.builder->AddSlot(e.slot, e.samples, alerted)) {
    e.since_flush = -1;
    Send(edge, w);
  }
  ++e.since_flush;
  if (!alerted.empty() && e.since_flush >= options_.flush_slots) {
    if (std::optional<window::Window> w = e.builder->Flush()) Send(edge, *w);
    e.since_flush = 0;
  }
  for (Rule& r : e.rules) {
    if (r.armed && static_cast<double>(r.matched) * 10 >= r.confirm_pps) r.enforcing = true;
    r.matched = 0;
  }
  const absl::Time next = e.slot.start + kSlotLength;
  e.slot = {};
  e.slot.start = next;
  e.samples.clear();
  e.seen.clear();
}

void Fleet::OnFindings(size_t edge, const std::vector<detect::Finding>& findings) {
  Edge& e = edges_[edge];
  for (const detect::Finding& f : findings) {
    if (const auto* d = std::get_if<detect::AttackDetected>(&f)) ++edge_attacks_, Report(edge, d->attack);
    if (const auto* u = std::get_if<detect::AttackUpdated>(&f)) Report(edge, u->attack);
    if (const auto* x = std::get_if<detect::AttackEnded>(&f)) Report(edge, x->attack);
    if (const auto* p = std::get_if<detect::SignatureProposed>(&f)) {
      Rule& r = e.rules.emplace_back();
      r.id = p->signature.id;
      r.match = p->signature.match;
      r.target = p->target.prefix;
    }
    if (const auto* c = std::get_if<detect::SignatureConfirmed>(&f)) {
      for (Rule& r : e.rules) {
        if (r.id != c->signature_id) continue;
        r.enforcing = true;
        const detect::Attack& attack = e.attacks.at(c->attack_id);
        v1::LocalRule message;
        message.mutable_rule()->set_id(r.id);
        message.mutable_rule()->set_match(rule::CanonicalText(*r.match));
        message.set_attack_id(attack.id);
        *message.mutable_target() = window::TargetToProto(attack.target);
        message.set_vector(static_cast<uint32_t>(attack.vector));
        message.set_threshold_pps(attack.threshold_pps);
        messages_.push_back({.at = e.slot.start + kSlotLength + options_.delay, .edge = edge, .rule = message});
      }
    }
    if (const auto* x = std::get_if<detect::SignatureRejected>(&f)) {
      std::erase_if(e.rules, [&](const Rule& r) { return r.id == x->signature_id; });
    }
  }
}

void Fleet::Report(size_t edge, const detect::Attack& a) {
  Edge& e = edges_[edge];
  e.attacks.insert_or_assign(a.id, a);
  v1::AttackReport r;
  r.set_attack_id(a.id);
  *r.mutable_target() = window::TargetToProto(a.target);
  r.set_vector(static_cast<uint32_t>(a.vector));
  r.set_state(std::string(detect::AttackStateName(a.state)));
  r.set_first_packet_unix_us(absl::ToUnixMicros(a.first_packet));
  r.set_detected_unix_us(absl::ToUnixMicros(a.detected));
  if (a.first_drop) r.set_first_drop_unix_us(absl::ToUnixMicros(*a.first_drop));
  if (a.ended) r.set_ended_unix_us(absl::ToUnixMicros(*a.ended));
  r.set_threshold_pps(a.threshold_pps);
  r.set_peak_pps(a.peak_pps);
  r.set_peak_bps(a.peak_bps);
  r.set_packets(a.total.packets);
  r.set_bytes(a.total.bytes);
  r.set_dropped_packets(a.total.dropped_packets);
  messages_.push_back({.at = e.slot.start + kSlotLength + options_.delay, .edge = edge, .report = r});
}

void Fleet::Send(size_t edge, const window::Window& window) {
  absl::StatusOr<std::string> bytes = window::Serialize(window);
  if (!bytes.ok()) {
    // Nothing that an edge makes may be over a bound of the wire.
    std::fprintf(stderr, "window of edge %zu: %s\n", edge, std::string(bytes.status().message()).c_str());
    std::abort();
  }
  window_bytes_ += bytes->size();
  messages_.push_back(
      {.at = edges_[edge].slot.start + kSlotLength + options_.delay, .edge = edge, .window = *std::move(bytes)});
}

void Fleet::Coordinate() {
  for (; !messages_.empty() && messages_.front().at <= now_; messages_.pop_front()) {
    const Message& m = messages_.front();
    const Edge& e = edges_[m.edge];
    if (m.report) book_.OnReport(e.id, e.region, *m.report, now_);
    if (m.rule) book_.OnLocalRule(e.id, *m.rule, now_);
    if (!m.window) continue;
    absl::StatusOr<window::Window> w = window::Parse(*m.window);
    absl::StatusOr<merge::Admission> a = w.ok() ? merger_.Add(e.id, *w, now_) : w.status();
    if (!a.ok()) {
      std::fprintf(stderr, "window of %s refused: %s\n", e.id.c_str(), std::string(a.status().message()).c_str());
      std::abort();
    }
    if (!a->duplicate) book_.OnWindow(e.id, e.region, *w, now_);
  }
  for (const merge::MergedSlot& slot : merger_.Tick(now_)) {
    for (attacks::Proposal& p : book_.OnSlot(slot, now_)) {
      for (Edge& e : edges_) {
        if (p.kind == attacks::Proposal::Kind::kProposed) {
          Rule& r = e.rules.emplace_back();
          r.id = p.rule_id;
          r.match = p.match;
          r.target = p.target.prefix;
          r.from = now_ + options_.delay + options_.install;
          r.armed = true;
          r.confirm_pps = std::max(options_.confirm_floor_pps, options_.confirm_share * p.threshold_pps);
        } else if (p.kind == attacks::Proposal::Kind::kRejected) {
          std::erase_if(e.rules, [&](const Rule& r) { return r.id == p.rule_id; });
        }
      }
      proposals_.push_back({std::move(p), now_});
    }
  }
}

}  // namespace breakwater::fusion
