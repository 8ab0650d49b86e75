#include "common/detect/simulation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/rule/expr.h"
#include "common/window/sample_reader.h"

namespace breakwater::detect {

using window::HeaderSample;

Simulation::Simulation(const DetectorConfig& config, std::vector<net::IpPrefix> prefixes, uint32_t first,
                       uint32_t sample_every)
    : detector_(config, "sim"),
      prefixes_(std::move(prefixes)),
      first_(first),
      every_(std::max<uint32_t>(1, sample_every)) {}

void Simulation::Packet(const HeaderSample& sample, Label label) {
  const absl::Time start =
      absl::FromUnixMillis(absl::ToUnixMillis(sample.time) / absl::ToInt64Milliseconds(window::kSlotLength) *
                           absl::ToInt64Milliseconds(window::kSlotLength));
  if (open_ && start > slot_.start) CloseSlot();
  if (!open_) {
    slot_ = {};
    slot_.start = start;
    open_ = true;
  }
  bool dropped = false;
  const window::SampleReader reader(sample);
  for (const Rule& r : rules_) {
    if (!r.target.prefix.Contains(sample.destination) || !rule::Matches(*r.signature.match, reader)) continue;
    window::RuleCounts& c = slot_.rules[r.signature.id];
    ++c.matched_packets;
    c.matched_bytes += sample.ip_length;
    if (!r.enforced) continue;
    ++c.dropped_packets;
    dropped = true;
    break;
  }
  if (dropped && !first_drop_) first_drop_ = sample.time;
  ++packets_[label];
  dropped_[label] += dropped;
  if (label == kAttack && first_drop_) {
    ++packets_[kAfterDetection];
    dropped_[kAfterDetection] += dropped;
  }
  const window::Counts counts{1, sample.ip_length, dropped ? 1u : 0u, dropped ? sample.ip_length : 0u};
  const window::TargetVector key{window::Target::Host(sample.destination), sample.vector};
  slot_.traffic[key] += counts;
  for (const net::IpPrefix& p : prefixes_) {
    if (p.Contains(sample.destination)) slot_.traffic[{window::Target::Prefix(p), sample.vector}] += counts;
  }
  const uint32_t n = seen_[key]++;
  if (n < first_ || n % every_ == 0) {
    samples_.push_back(sample);
    samples_.back().weight = n < first_ ? 1 : every_;
    samples_.back().dropped = dropped;
  }
}

void Simulation::CloseSlot() {
  const auto before = std::chrono::steady_clock::now();
  std::vector<Finding> found = detector_.OnSlot(slot_, samples_);
  longest_slot_ = std::max(longest_slot_, absl::FromChrono(std::chrono::steady_clock::now() - before));
  auto record = [this](const Attack& a) {
    for (Attack& known : attacks_) {
      if (known.id == a.id) return static_cast<void>(known = a);
    }
    attacks_.push_back(a);
  };
  for (const Finding& f : found) {
    if (const auto* d = std::get_if<AttackDetected>(&f)) record(d->attack);
    if (const auto* u = std::get_if<AttackUpdated>(&f)) record(u->attack);
    if (const auto* e = std::get_if<AttackEnded>(&f)) record(e->attack);
    if (const auto* p = std::get_if<SignatureProposed>(&f)) {
      proposed_[p->signature.id] = p->signature;
      rules_.push_back({p->signature, p->target, false});
    }
    if (const auto* c = std::get_if<SignatureConfirmed>(&f)) {
      for (Rule& r : rules_) r.enforced = r.enforced || r.signature.id == c->signature_id;
    }
    if (const auto* x = std::get_if<SignatureRejected>(&f)) {
      std::erase_if(rules_, [&](const Rule& r) { return r.signature.id == x->signature_id; });
    }
  }
  for (const Attack& a : detector_.ActiveAttacks()) record(a);
  findings_.insert(findings_.end(), found.begin(), found.end());
  samples_.clear();
  seen_.clear();
  open_ = false;
}

void Simulation::Finish(int empty_slots) {
  if (open_) CloseSlot();
  for (int i = 0; i < empty_slots; ++i) {
    const absl::Time next = slot_.start + window::kSlotLength;
    slot_ = {};
    slot_.start = next;
    CloseSlot();
  }
}

std::vector<std::string> Simulation::confirmed() const {
  std::vector<std::string> out;
  for (const Finding& f : findings_) {
    if (const auto* c = std::get_if<SignatureConfirmed>(&f)) {
      out.push_back(rule::CanonicalText(*proposed_.at(c->signature_id).match));
    }
  }
  return out;
}

}  // namespace breakwater::detect
