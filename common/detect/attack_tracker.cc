#include "common/detect/attack_tracker.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rule/expr.h"
#include "common/window/sample_reader.h"

namespace breakwater::detect {
namespace {

constexpr int64_t kSlotsPerSecond = 10;
// A signature is confirmed when it matches this share of what mining expected, exactly counted.
constexpr double kConfirmShare = 0.7;
constexpr uint64_t kConfirmPackets = 10;
// What is left must stay over its threshold this long before it is mined: ordinary bursts go over it.
constexpr double kLeftoverSeconds = 1.0;
constexpr double kLeftoverShare = 0.01;   // of the attack's peak
constexpr int64_t kMiningPause = 5;       // slots between two attempts
constexpr int kMaxBackoff = 6;            // doublings of that pause after attempts that found nothing
constexpr double kReconfirmShare = 0.1;   // of the threshold
constexpr double kMatchSmoothing = 0.01;  // per slot: ten seconds

}  // namespace

AttackTracker::AttackTracker(const DetectorConfig& config, Attack attack, int64_t slot, int64_t run_start,
                             double leftover_threshold, double pps)
    : config_(config),
      attack_(std::move(attack)),
      leftover_threshold_(std::max(1.0, leftover_threshold)),
      leftover_pps_(pps),
      mining_from_(run_start),
      next_mining_(slot),
      mostly_dropped_(attack_.total.dropped_packets * 2 > attack_.total.packets),
      started_slot_(slot),
      last_slot_(slot),
      last_loud_(slot),
      last_update_(slot) {}

size_t AttackTracker::free_signatures() const {
  const size_t used = attack_.signatures.size() + pending_.size();
  return used >= config_.max_signatures_per_attack ? 0 : config_.max_signatures_per_attack - used;
}

// A few of a hundred packets that pass don't hurt who can take the other ninety-odd for a slot.
double AttackTracker::LeftoverThreshold() const {
  return std::max(leftover_threshold_, kLeftoverShare * attack_.peak_pps);
}

void AttackTracker::OnSlot(int64_t index, const window::Slot& slot, const window::Counts& counts,
                           std::vector<Finding>& findings) {
  const int64_t idle = std::max<int64_t>(0, index - last_slot_ - 1);
  for (int64_t i = 0; i < std::min<int64_t>(idle, kSlotsPerSecond); ++i) {
    const size_t place = static_cast<size_t>((index - 1 - i) % kSlotsPerSecond + kSlotsPerSecond) % kSlotsPerSecond;
    last_second_[place] = 0;
    last_passed_[place] = 0;
    last_unmatched_[place] = 0;
  }
  const size_t place = static_cast<size_t>(index % kSlotsPerSecond + kSlotsPerSecond) % kSlotsPerSecond;
  const uint64_t passed = counts.packets - std::min(counts.packets, counts.dropped_packets);
  last_second_[place] = counts.packets;
  last_passed_[place] = passed;
  last_slot_ = index;

  attack_.total += counts;
  attack_.peak_pps = std::max(attack_.peak_pps, static_cast<double>(counts.packets) * kSlotsPerSecond);
  attack_.peak_bps = std::max(attack_.peak_bps, static_cast<double>(counts.bytes) * 8 * kSlotsPerSecond);
  changed_ = changed_ || counts.packets > 0;
  if (counts.dropped_packets > 0 && !attack_.first_drop) attack_.first_drop = slot.start;

  // What a signature matches is accounted for, whether or not its rule drops it: it may be armed here, or enforcing is
  // stopped.
  uint64_t matched = 0;
  const auto count = [&](const std::string& id) {
    const auto it = slot.rules.find(id);
    if (it != slot.rules.end())
      matched += it->second.matched_packets - std::min(it->second.matched_packets, it->second.dropped_packets);
  };
  for (const Pending& p : pending_) count(p.signature.id);
  for (const Confirmed& c : confirmed_) count(c.id);
  const double left = static_cast<double>(passed - std::min(passed, matched));
  last_unmatched_[place] = passed - std::min(passed, matched);
  leftover_.Add(left, LeftoverThreshold(), idle);
  Observe(index, slot, counts, findings);
  UpdateState(index, slot.start, counts, findings);
}

void AttackTracker::Observe(int64_t index, const window::Slot& slot, const window::Counts& counts,
                            std::vector<Finding>& findings) {
  for (Confirmed& c : confirmed_) {
    auto it = slot.rules.find(c.id);
    const double matched = it == slot.rules.end() ? 0 : static_cast<double>(it->second.matched_packets);
    c.matched_pps += kMatchSmoothing * (matched * kSlotsPerSecond - c.matched_pps);
    if (index < c.next_reconfirm) continue;
    c.next_reconfirm = index + config_.reconfirm_every / window::kSlotLength;
    if (c.matched_pps >= kReconfirmShare * attack_.threshold_pps) {
      findings.push_back(SignatureReconfirmed{attack_.id, c.id});
    }
  }
  for (size_t i = 0; i < pending_.size();) {
    Pending& p = pending_[i];
    ++p.slots;
    if (auto it = slot.rules.find(p.signature.id); it != slot.rules.end()) p.matched += it->second.matched_packets;
    const uint64_t passed = counts.packets - std::min(counts.packets, counts.dropped_packets);
    p.passed += passed;
    if (p.matched > 0) p.since_match += passed;
    const double wanted = kConfirmShare * p.signature.attack_share * static_cast<double>(p.since_match);
    if (p.matched >= kConfirmPackets && static_cast<double>(p.matched) >= wanted) {
      findings.push_back(
          SignatureConfirmed{attack_.id, p.signature.id, p.signature.attack_share, p.signature.baseline_share});
      confirmed_.push_back({p.signature.id, index + config_.reconfirm_every / window::kSlotLength,
                            static_cast<double>(p.matched * kSlotsPerSecond) / static_cast<double>(p.slots)});
      attack_.signatures.push_back(std::move(p.signature));
      changed_ = true;
    } else if (window::kSlotLength * p.slots >= config_.confirm_within) {
      std::string reason = p.passed < kConfirmPackets
                               ? std::string("the traffic stopped before it could be confirmed")
                               : absl::StrCat("it matched ", 100 * p.matched / p.passed, "% of the target's packets, ",
                                              std::lround(100 * p.signature.attack_share), "% were expected");
      findings.push_back(SignatureRejected{attack_.id, p.signature.id, reason});
      attack_.note = absl::StrCat("signature rejected: ", reason);
      next_mining_ = std::max(next_mining_, index + 1);
      changed_ = true;
    } else {
      ++i;
      continue;
    }
    mining_from_ = index + 1;
    pending_.erase(pending_.begin() + static_cast<ptrdiff_t>(i));
  }
}

void AttackTracker::UpdateState(int64_t index, absl::Time start, const window::Counts& counts,
                                std::vector<Finding>& findings) {
  auto sum = [](const std::array<uint64_t, 10>& a) {
    return static_cast<double>(std::accumulate(a.begin(), a.end(), uint64_t{0}));
  };
  const double arriving = sum(last_second_);
  const double passing = sum(last_passed_);
  const double unmatched = sum(last_unmatched_);
  const absl::Time slot_end = start + window::kSlotLength;
  if (std::max(arriving, static_cast<double>(counts.packets)) >= attack_.threshold_pps) {
    last_loud_ = index;
  } else if (window::kSlotLength * static_cast<double>(index - last_loud_) >= config_.quiet_before_end) {
    attack_.state = AttackState::kEnded;
    attack_.ended = slot_end - window::kSlotLength * static_cast<double>(index - last_loud_) + config_.quiet_before_end;
    for (Pending& p : pending_) {
      findings.push_back(
          SignatureRejected{attack_.id, p.signature.id, "the attack ended before it could be confirmed"});
    }
    pending_.clear();
    findings.push_back(AttackEnded{attack_});
    return;
  }
  leftover_pps_ = unmatched;
  mostly_dropped_ = passing * 2 < arriving && passing < attack_.threshold_pps;
  AttackState state = AttackState::kDetected;
  if (signed_() || attack_.first_drop) {
    state = passing < attack_.threshold_pps ? AttackState::kMitigated : AttackState::kMitigating;
  }
  const bool turned = state != attack_.state;
  attack_.state = state;
  if (changed_ && (turned || index - last_update_ >= kSlotsPerSecond) && index - last_update_ >= kSlotsPerSecond) {
    last_update_ = index;
    changed_ = false;
    findings.push_back(AttackUpdated{attack_});
  }
}

bool AttackTracker::AccountsFor(const window::HeaderSample& sample) const {
  const window::SampleReader reader(sample);
  const auto matches = [&](const Signature& s) { return rule::Matches(*s.match, reader); };
  return std::any_of(attack_.signatures.begin(), attack_.signatures.end(), matches) ||
         std::any_of(pending_.begin(), pending_.end(), [&](const Pending& p) { return matches(p.signature); });
}

bool AttackTracker::WantsMining(int64_t index) const {
  if (ended() || !pending_.empty() || free_signatures() == 0 || index < next_mining_) return false;
  // At first at once, unless what is known already takes care of it; later only for what stays.
  return (proposals_ == 0 && !mostly_dropped_) || leftover_.seconds(LeftoverThreshold()) >= kLeftoverSeconds;
}

void AttackTracker::Propose(int64_t index, const MineResult& mined, std::vector<Finding>& findings) {
  if (mined.signatures.empty()) {
    failed_minings_ = std::min(kMaxBackoff, failed_minings_ + 1);
  } else {
    failed_minings_ = 0;
  }
  next_mining_ = index + (failed_minings_ == 1 && proposals_ == 0 ? 1 : kMiningPause << failed_minings_);
  if (!signed_() || !mined.signatures.empty()) attack_.note = mined.note;
  for (const MinedSignature& m : mined.signatures) {
    Signature s{absl::StrCat(attack_.id, "-s", ++proposals_), m.match, m.attack_share, m.baseline_share};
    findings.push_back(SignatureProposed{attack_.id, s, attack_.target});
    pending_.push_back({std::move(s), 0, 0, 0});
  }
  leftover_.Reset();
}

}  // namespace breakwater::detect
