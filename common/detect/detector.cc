#include "common/detect/detector.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/detect/attack_tracker.h"
#include "common/detect/mine.h"
#include "common/detect/sample_store.h"
#include "common/detect/signature_memory.h"
#include "common/detect/traffic_table.h"

namespace breakwater::detect {
namespace {

using window::Counts;
using window::HeaderSample;
using window::Slot;
using window::Target;
using window::TargetVector;

constexpr size_t kMaxIdPrefix = 24;
constexpr size_t kMaxHeld = 1024;
// This many hosts of a prefix at once are a carpet, not so many attacks on hosts.
constexpr size_t kCarpetHosts = 4;
// A new attack on a prefix gets this long to be mitigated before its hosts are judged by themselves.
constexpr int64_t kCarpetGraceSlots = 10;
// How long a target must be known for its baseline to judge what is left of an attack.
constexpr int64_t kKnownSlots = 300;
// What is further from its threshold than this isn't looked at by Suspicious().
constexpr double kLeastNearness = 0.02;
// Narrower than this a rule of a prefix can't be; wider prefixes are counted, not judged.
constexpr int kMinV4Length = 9;
constexpr int kMinV6Length = 20;

std::string SafePrefix(std::string_view wanted) {
  std::string out;
  for (char c : wanted.substr(0, kMaxIdPrefix)) {
    c = absl::ascii_tolower(static_cast<unsigned char>(c));
    out.push_back(absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ? c : '-');
  }
  return out.empty() ? "d" : out;
}

bool Judged(const TargetVector& key) {
  if (!key.target.site.empty() || key.vector < 0 || key.vector > BW_VECTOR_UDP_QUIC) return false;
  if (key.target.is_host()) return true;
  return key.target.prefix.length() >= (key.target.prefix.is_v4() ? kMinV4Length : kMinV6Length);
}

Counts operator-(Counts a, const Counts& b) {
  a.packets -= std::min(a.packets, b.packets);
  a.bytes -= std::min(a.bytes, b.bytes);
  a.dropped_packets -= std::min(a.dropped_packets, b.dropped_packets);
  a.dropped_bytes -= std::min(a.dropped_bytes, b.dropped_bytes);
  return a;
}

}  // namespace

class Detector::Impl {
 public:
  Impl(DetectorConfig config, std::string id_prefix)
      : config_(std::move(config)), id_prefix_(SafePrefix(id_prefix)), table_(config_), samples_(config_) {}

  std::vector<Finding> OnSlot(const Slot& slot, std::span<const HeaderSample> samples);
  void HoldSignatures(const Target& target, absl::Time until);
  std::vector<Attack> ActiveAttacks() const {
    std::vector<Attack> out;
    for (const auto& [key, tracker] : attacks_) out.push_back(tracker.attack());
    return out;
  }
  std::vector<TargetVector> Suspicious(double share, size_t limit) const;

 private:
  bool Held(const Target& target, absl::Time now);
  Watch WatchOf(const TargetVector& key) const;
  bool IsClean(const HeaderSample& sample) const;
  void UpdateHosts(const Slot& slot, std::set<TargetVector>& alarmed, std::vector<TargetVector>& prefixes);
  void UpdatePrefixes(const Slot& slot, std::vector<TargetVector> prefixes, std::set<TargetVector>& alarmed);
  void NoteNearness(const TargetVector& key, const TrafficState& s) {
    if (const double near = TrafficTable::Nearness(s); near >= kLeastNearness) near_.emplace_back(near, key);
  }
  void Begin(const TargetVector& key, const Slot& slot, std::vector<Finding>& findings);
  void MineFor(AttackTracker& tracker, std::vector<Finding>& findings);

  DetectorConfig config_;
  std::string id_prefix_;
  TrafficTable table_;
  SampleStore samples_;
  SignatureMemory remembered_;
  std::map<TargetVector, AttackTracker> attacks_;
  absl::flat_hash_map<Target, int> attacked_;          // how many attacks a target is under
  std::vector<std::pair<double, TargetVector>> near_;  // of the last slot, by TrafficTable::Nearness
  std::vector<std::pair<Target, absl::Time>> held_;
  int64_t index_ = 0;
  bool started_ = false;
  uint64_t next_id_ = 1;
};

void Detector::Impl::HoldSignatures(const Target& target, absl::Time until) {
  std::erase_if(held_, [&](const auto& held) { return held.first == target; });
  if (held_.size() >= kMaxHeld) held_.erase(held_.begin());
  held_.emplace_back(target, until);
}

bool Detector::Impl::Held(const Target& target, absl::Time now) {
  std::erase_if(held_, [&](const auto& held) { return held.second <= now; });
  return std::any_of(held_.begin(), held_.end(), [&](const auto& held) {
    const Target& other = held.first;
    return other.site == target.site && (other.prefix.Contains(target.prefix) || target.prefix.Contains(other.prefix));
  });
}

Watch Detector::Impl::WatchOf(const TargetVector& key) const {
  if (attacked_.empty() || !attacked_.contains(key.target)) return Watch::kQuiet;
  auto it = attacks_.find(key);
  if (it == attacks_.end()) return Watch::kSecondary;
  return it->second.signed_() ? Watch::kAttacked : Watch::kUnsigned;
}

bool Detector::Impl::IsClean(const HeaderSample& sample) const {
  if (attacked_.contains(Target::Host(sample.destination))) return false;
  for (const auto& [key, tracker] : attacks_) {
    if (!key.target.is_host() && key.target.prefix.Contains(sample.destination)) return false;
  }
  if (remembered_.Matches(sample, index_)) return false;
  const TrafficState* s = table_.Find({Target::Host(sample.destination), sample.vector});
  return s != nullptr && s->packets.zero() && s->bits.zero();
}

void Detector::Impl::UpdateHosts(const Slot& slot, std::set<TargetVector>& alarmed,
                                 std::vector<TargetVector>& prefixes) {
  // In no particular order: each state depends on its own counts only.
  for (const auto& [key, counts] : slot.traffic) {
    if (!Judged(key)) continue;
    if (!key.target.is_host()) {
      prefixes.push_back(key);
      continue;
    }
    const Watch watch = WatchOf(key);
    Counts judged = counts;
    for (const auto& [attacked, tracker] : attacks_) {
      // Inside an attacked prefix a host is judged by what still reaches it, after a while to get there.
      if (attacked.target.is_host() || attacked.vector != key.vector ||
          !attacked.target.prefix.Contains(key.target.prefix))
        continue;
      judged = Counts{};
      if (index_ - tracker.started_slot() > kCarpetGraceSlots) {
        judged.packets = counts.packets - std::min(counts.packets, counts.dropped_packets);
        judged.bytes = counts.bytes - std::min(counts.bytes, counts.dropped_bytes);
      }
      break;
    }
    const TrafficState& s = table_.Update(key, judged, index_, watch);
    NoteNearness(key, s);
    if (s.alarm && (watch == Watch::kQuiet || watch == Watch::kSecondary)) alarmed.insert(key);
  }
}

void Detector::Impl::UpdatePrefixes(const Slot& slot, std::vector<TargetVector> prefixes,
                                    std::set<TargetVector>& alarmed) {
  // The narrowest first, so that a carpet is found where it is.
  std::sort(prefixes.begin(), prefixes.end(), [](const TargetVector& a, const TargetVector& b) {
    const int la = a.target.prefix.length(), lb = b.target.prefix.length();
    return la != lb ? la > lb : a < b;
  });
  for (const TargetVector& key : prefixes) {
    std::vector<TargetVector> hosts;
    for (const TargetVector& host : alarmed) {
      if (host.vector == key.vector && host.target.is_host() && key.target.prefix.Contains(host.target.prefix))
        hosts.push_back(host);
    }
    Counts counts = slot.traffic.at(key);
    // What is accounted for by attacks inside this prefix isn't an attack on it as well.
    for (const auto& [attacked, tracker] : attacks_) {
      if (attacked == key || attacked.vector != key.vector || !key.target.prefix.Contains(attacked.target.prefix))
        continue;
      if (auto it = slot.traffic.find(attacked); it != slot.traffic.end()) counts = counts - it->second;
    }
    const bool carpet = hosts.size() >= kCarpetHosts;
    if (!carpet) {
      for (const TargetVector& host : hosts) counts = counts - slot.traffic.at(host);
    }
    for (const TargetVector& inner : alarmed) {
      if (inner.vector == key.vector && !inner.target.is_host() && key.target.prefix.Contains(inner.target.prefix)) {
        counts = counts - slot.traffic.at(inner);
      }
    }
    const Watch watch = WatchOf(key);
    const TrafficState& s = table_.Update(key, counts, index_, watch);
    NoteNearness(key, s);
    if (!s.alarm || watch == Watch::kAttacked || watch == Watch::kUnsigned) continue;
    alarmed.insert(key);
    for (const TargetVector& host : hosts) {
      alarmed.erase(host);
      table_.ResetRun(host);
    }
  }
}

void Detector::Impl::Begin(const TargetVector& key, const Slot& slot, std::vector<Finding>& findings) {
  const TrafficState* s = table_.Find(key);
  if (s == nullptr || attacks_.size() >= config_.max_attacks) return;
  Attack attack;
  attack.id = absl::StrCat(id_prefix_, "-", absl::ToUnixSeconds(slot.start), "-", next_id_++);
  attack.target = key.target;
  attack.vector = key.vector;
  attack.detected = slot.start + window::kSlotLength;
  attack.threshold_pps = s->threshold_pps;
  attack.secondary = s->threshold_pps < table_.FloorPps(key);
  attack.total = s->run;
  const auto slot_counts = slot.traffic.find(key);
  if (slot_counts != slot.traffic.end()) {
    attack.peak_pps = static_cast<double>(slot_counts->second.packets) * 10;
    attack.peak_bps = static_cast<double>(slot_counts->second.bytes) * 80;
  }
  attack.first_packet = slot.start - window::kSlotLength * static_cast<double>(index_ - s->run_start);
  const std::vector<const HeaderSample*> run_up = samples_.Recent(key.target, key.vector, s->run_start, false);
  if (!run_up.empty()) {
    attack.first_packet = run_up.front()->time;
    for (const HeaderSample* h : run_up) attack.first_packet = std::min(attack.first_packet, h->time);
  }
  // While little is known of the target, what is left must be an attack by itself to be signed; later its own baseline
  // tells.
  const bool known = s->baseline.age_slots() >= kKnownSlots;
  const double leftover = known ? std::min(s->threshold_pps, table_.SecondaryThreshold(key)) : s->threshold_pps;
  const int64_t run_slots = std::max<int64_t>(1, index_ - s->run_start + 1);
  const double pps = static_cast<double>(s->run.packets) * 10 / static_cast<double>(run_slots);
  AttackTracker tracker(config_, std::move(attack), index_, s->run_start, leftover, pps);
  findings.push_back(AttackDetected{tracker.attack()});
  table_.ResetRun(key);
  attacks_.emplace(key, std::move(tracker));
  ++attacked_[key.target];
}

void Detector::Impl::MineFor(AttackTracker& tracker, std::vector<Finding>& findings) {
  const TargetVector key = tracker.key();
  MineInput input;
  input.target = key.target;
  input.vector = key.vector;
  input.attack = samples_.Recent(key.target, key.vector, tracker.mining_from(), true);
  std::erase_if(input.attack, [&](const HeaderSample* s) { return tracker.AccountsFor(*s); });
  input.clean_own = samples_.CleanOf(key.target, key.vector);
  input.clean_others = samples_.CleanOfOthers(key.target, key.vector);
  input.attack_pps = tracker.leftover_pps();
  input.threshold_pps = tracker.attack().threshold_pps;
  input.leftover = tracker.signed_();
  input.min_cluster_pps = tracker.min_cluster_pps();
  input.max_signatures = tracker.free_signatures();
  std::optional<MineResult> known;
  if (!tracker.proposed()) known = remembered_.Recall(key, input, index_);
  tracker.Propose(index_, known ? *std::move(known) : Mine(input), findings);
}

std::vector<Finding> Detector::Impl::OnSlot(const Slot& slot, std::span<const HeaderSample> samples) {
  const int64_t index = absl::ToUnixMillis(slot.start) / absl::ToInt64Milliseconds(window::kSlotLength);
  index_ = started_ ? std::max(index, index_ + 1) : index;  // a clock that steps back counts as the next slot
  started_ = true;
  near_.clear();
  std::vector<Finding> findings;
  samples_.Add(index_, samples, [this](const HeaderSample& s) { return IsClean(s); });

  std::set<TargetVector> alarmed;
  std::vector<TargetVector> prefixes;
  UpdateHosts(slot, alarmed, prefixes);
  UpdatePrefixes(slot, std::move(prefixes), alarmed);

  for (auto it = attacks_.begin(); it != attacks_.end();) {
    AttackTracker& tracker = it->second;
    const auto counts = slot.traffic.find(it->first);
    tracker.OnSlot(index_, slot, counts == slot.traffic.end() ? Counts{} : counts->second, findings);
    if (!tracker.ended()) {
      ++it;
      continue;
    }
    remembered_.Keep(it->first, tracker.attack().signatures, index_);
    table_.ResetRun(it->first);
    if (auto n = attacked_.find(it->first.target); n != attacked_.end() && --n->second == 0) attacked_.erase(n);
    it = attacks_.erase(it);
  }
  for (const TargetVector& key : alarmed) Begin(key, slot, findings);
  for (auto& [key, tracker] : attacks_) {
    if (tracker.WantsMining(index_) && !Held(key.target, slot.start)) MineFor(tracker, findings);
  }
  return findings;
}

std::vector<TargetVector> Detector::Impl::Suspicious(double share, size_t limit) const {
  std::vector<std::pair<double, TargetVector>> found;
  for (const auto& [near, key] : near_) {
    if (near >= share && !attacks_.contains(key)) found.emplace_back(-near, key);
  }
  // An attack stays suspicious until it has ended, however little of it arrives now.
  for (const auto& [key, tracker] : attacks_) found.emplace_back(-std::numeric_limits<double>::infinity(), key);
  std::sort(found.begin(), found.end());
  if (found.size() > limit) found.resize(limit);
  std::vector<TargetVector> out;
  for (auto& [excess, key] : found) out.push_back(std::move(key));
  return out;
}

Detector::Detector(DetectorConfig config, std::string id_prefix)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(id_prefix))) {}
Detector::~Detector() = default;
Detector::Detector(Detector&&) noexcept = default;
Detector& Detector::operator=(Detector&&) noexcept = default;

std::vector<Finding> Detector::OnSlot(const Slot& slot, std::span<const HeaderSample> samples) {
  return impl_->OnSlot(slot, samples);
}

void Detector::HoldSignatures(const Target& target, absl::Time until) { impl_->HoldSignatures(target, until); }

std::vector<Attack> Detector::ActiveAttacks() const { return impl_->ActiveAttacks(); }

std::vector<TargetVector> Detector::Suspicious(double share, size_t limit) const {
  return impl_->Suspicious(share, limit);
}

}  // namespace breakwater::detect
