#include "common/detect/signature_memory.h"

#include <algorithm>

#include "common/rule/expr.h"
#include "common/window/sample_reader.h"

namespace breakwater::detect {
namespace {

using window::HeaderSample;

constexpr double kEnough = 0.5;           // of the new attack, by all that are recalled
constexpr double kWorthRecalling = 0.05;  // of it, by each

// The matched share of the weight.
double MatchedShare(const rule::Expr& match, const std::vector<const HeaderSample*>& samples) {
  double all = 0, matched = 0;
  for (const HeaderSample* s : samples) {
    all += s->weight;
    if (rule::Matches(match, window::SampleReader(*s))) matched += s->weight;
  }
  return all == 0 ? 0 : matched / all;
}

}  // namespace

void SignatureMemory::Keep(const window::TargetVector& key, const std::vector<Signature>& signatures, int64_t slot) {
  std::erase_if(entries_, [slot](const auto& entry) { return entry.second.until <= slot; });
  if (signatures.empty()) return;
  if (!entries_.contains(key) && entries_.size() >= kMaxKeys) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                    [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
  }
  Entry& entry = entries_[key];
  entry.matches.clear();
  for (const Signature& s : signatures) entry.matches.push_back(s.match);
  entry.until = slot + kRememberSlots;
}

std::optional<MineResult> SignatureMemory::Recall(const window::TargetVector& key, const MineInput& input,
                                                  int64_t slot) const {
  const auto it = entries_.find(key);
  if (it == entries_.end() || it->second.until <= slot || input.attack.size() < kMinMiningSamples) return std::nullopt;
  MineResult result;
  double together = 0;
  for (const rule::ExprPtr& match : it->second.matches) {
    const double share = MatchedShare(*match, input.attack);
    const double clean = MatchedShare(*match, input.clean_own);
    if (share < kWorthRecalling || clean > kMaxCleanShare || result.signatures.size() >= input.max_signatures) continue;
    result.signatures.push_back({match, share, clean, 0});
    together += share;
  }
  if (together < kEnough) return std::nullopt;
  std::stable_sort(result.signatures.begin(), result.signatures.end(),
                   [](const MinedSignature& a, const MinedSignature& b) { return a.attack_share > b.attack_share; });
  return result;
}

bool SignatureMemory::Matches(const HeaderSample& sample, int64_t slot) const {
  for (const auto& [key, entry] : entries_) {
    if (key.vector != sample.vector || entry.until <= slot || !key.target.prefix.Contains(sample.destination)) continue;
    const window::SampleReader reader(sample);
    for (const rule::ExprPtr& match : entry.matches) {
      if (rule::Matches(*match, reader)) return true;
    }
  }
  return false;
}

}  // namespace breakwater::detect
