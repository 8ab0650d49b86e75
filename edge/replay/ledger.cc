#include "edge/replay/ledger.h"

#include <algorithm>

#include "common/rule/expr.h"

namespace breakwater::replay {

absl::Time ToTime(int64_t capture_ns) { return absl::FromUnixSeconds(kEpochSeconds) + absl::Nanoseconds(capture_ns); }
int64_t ToCaptureNs(absl::Time time) { return absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(kEpochSeconds)); }

void AttackIndex::Add(const window::Target& target, window::Vector vector, size_t attack) {
  if (target.is_host()) {
    hosts_[{target.prefix.address(), static_cast<int>(vector)}] = attack;
  } else {
    Remove(target, vector);
    prefixes_.push_back({target.prefix, vector, attack});
  }
}

void AttackIndex::Remove(const window::Target& target, window::Vector vector) {
  if (target.is_host()) {
    hosts_.erase({target.prefix.address(), static_cast<int>(vector)});
  } else {
    std::erase_if(prefixes_, [&](const PrefixAttack& p) { return p.prefix == target.prefix && p.vector == vector; });
  }
}

Ledger::Ledger() : rule_of_slot_(datapath::Bounds::kRuleSlots, kNone) {}

void Ledger::OnRuleset(const datapath::Ruleset& ruleset, int64_t now_ns) {
  std::ranges::fill(rule_of_slot_, kNone);
  attack_rules_in_force_ = 0;
  for (const datapath::RuleEntry& entry : ruleset.rules) {
    auto [it, is_new] = rule_of_id_.try_emplace(entry.rule.id, rules_.size());
    if (is_new) {
      auto attack = attack_of_id_.find(entry.rule.attack_id);
      rules_.push_back({.attack = attack == attack_of_id_.end() ? kNone : attack->second, .first_installed = now_ns});
    }
    TrackedRule& tracked = rules_[it->second];
    tracked.rule = entry.rule;
    if (entry.rule.mode == rule::Mode::kEnforce && !tracked.first_enforced) tracked.first_enforced = now_ns;
    if (entry.rule.automatic()) ++attack_rules_in_force_;
    if (entry.counter_slot < rule_of_slot_.size()) rule_of_slot_[entry.counter_slot] = it->second;
  }
}

void Ledger::OnAttack(const detect::Attack& attack) {
  auto [it, is_new] = attack_of_id_.try_emplace(attack.id, attacks_.size());
  if (is_new) {
    attacks_.push_back(attack);
    counts_.emplace_back();
    const size_t series = series_.try_emplace({attack.target, attack.vector}, latest_of_series_.size()).first->second;
    if (series == latest_of_series_.size()) latest_of_series_.emplace_back();
    latest_of_series_[series] = it->second;
    series_of_attack_.push_back(series);
    active_.Add(attack.target, attack.vector, it->second);
  } else {
    attacks_[it->second] = attack;
  }
  if (attack.ended) active_.Remove(attack.target, attack.vector);
}

void Ledger::OnSlot(const window::Slot& slot) {
  for (const auto& [id, counts] : slot.rules) {
    if (auto it = rule_of_id_.find(id); it != rule_of_id_.end()) {
      rules_[it->second].matched_packets += counts.matched_packets;
    }
  }
}

void Ledger::OnPacket(Label label, const FrameFacts& facts, const datapath::Verdict& verdict, int64_t time_ns) {
  end_ = time_ns;
  Totals& totals = totals_[static_cast<size_t>(label)];
  ++totals.packets;
  totals.bytes += facts.ip_bytes;
  if (verdict.dropped) {
    ++totals.dropped_packets;
    totals.dropped_bytes += facts.ip_bytes;
    ++drops_by_reason_[verdict.reason % drops_by_reason_.size()];
    const size_t slot = static_cast<size_t>(verdict.rule_slot);
    if (verdict.rule_slot >= 0 && slot < rule_of_slot_.size() && rule_of_slot_[slot] != kNone) {
      TrackedRule& tracked = rules_[rule_of_slot_[slot]];
      ++tracked.dropped[label];
      if (tracked.attack != kNone) {
        AttackCounts& counts = counts_[latest_of_series_[series_of_attack_[tracked.attack]]];
        ++counts.dropped[label];
        if (!counts.first_drop) counts.first_drop = time_ns;
      }
    }
  }
  if (attacks_.empty()) return;
  ++after_first_detection_[label];
  dropped_after_first_detection_[label] += verdict.dropped;
  if (!facts.ip || active_.empty()) return;
  active_.ForEach(facts.destination, verdict.vector, [&](size_t attack) {
    AfterDetection& after = counts_[attack].after_detection;
    ++after.packets[label];
    after.dropped[label] += verdict.dropped;
  });
}

RuleResult Ledger::Describe(const TrackedRule& tracked,
                            const absl::flat_hash_map<std::string, rules::RuleView>& views) const {
  RuleResult result{.id = tracked.rule.id,
                    .match = rule::CanonicalText(*tracked.rule.match),
                    .action = std::string(rule::ActionName(tracked.rule.action.kind)),
                    .mode = std::string(rule::ModeName(tracked.rule.mode)),
                    .state = "removed",
                    .detail = {},
                    .first_installed = tracked.first_installed,
                    .first_enforced = tracked.first_enforced,
                    .matched_packets = tracked.matched_packets,
                    .dropped = tracked.dropped};
  if (auto view = views.find(tracked.rule.id); view != views.end()) {
    result.state = std::string(rules::RuleStateName(view->second.state));
    result.detail = view->second.detail;
  }
  return result;
}

Result Ledger::Finish(const std::vector<rules::RuleView>& views) const {
  Result result;
  result.totals = totals_;
  result.end = end_;
  result.after_first_detection = after_first_detection_;
  result.dropped_after_first_detection = dropped_after_first_detection_;
  for (size_t i = 0; i < drops_by_reason_.size(); ++i) {
    if (drops_by_reason_[i] == 0) continue;
    result.drop_reasons[std::string(datapath::ReasonName(static_cast<bw_reason>(i)))] = drops_by_reason_[i];
  }
  for (size_t i = 0; i < attacks_.size(); ++i) {
    const detect::Attack& attack = attacks_[i];
    AttackResult& out = result.attacks.emplace_back();
    out.id = attack.id;
    out.target = attack.target.ToString();
    out.vector = std::string(window::vector_name(attack.vector));
    out.first_packet = ToCaptureNs(attack.first_packet);
    out.detected = ToCaptureNs(attack.detected);
    out.first_drop = counts_[i].first_drop;
    if (attack.ended) out.ended = ToCaptureNs(*attack.ended);
    out.threshold_pps = attack.threshold_pps;
    out.peak_pps = attack.peak_pps;
    std::vector<rule::ExprPtr> matches;
    for (const detect::Signature& signature : attack.signatures) {
      matches.push_back(signature.match);
      out.signatures.push_back(rule::CanonicalText(*signature.match));
    }
    if (!matches.empty()) out.signature = rule::CanonicalText(*(matches.size() == 1 ? matches[0] : rule::Or(matches)));
    out.note = attack.note;
    out.dropped = counts_[i].dropped;
    out.after_detection = counts_[i].after_detection;
  }
  absl::flat_hash_map<std::string, rules::RuleView> view_of_id;
  for (const rules::RuleView& view : views) view_of_id.emplace(view.rule.id, view);
  for (const TrackedRule& tracked : rules_) {
    RuleResult described = Describe(tracked, view_of_id);
    if (tracked.rule.automatic()) {
      if (tracked.attack != kNone) result.attacks[tracked.attack].rules.push_back(std::move(described));
    } else {
      result.rules.push_back(std::move(described));
    }
  }
  // Operators' rules that never came as far as the packet filter.
  for (const rules::RuleView& view : views) {
    if (view.rule.automatic() || rule_of_id_.contains(view.rule.id)) continue;
    result.rules.push_back({.id = view.rule.id,
                            .match = view.rule.match != nullptr ? rule::CanonicalText(*view.rule.match) : std::string(),
                            .action = std::string(rule::ActionName(view.rule.action.kind)),
                            .mode = std::string(rule::ModeName(view.rule.mode)),
                            .state = std::string(rules::RuleStateName(view.state)),
                            .detail = view.detail,
                            .first_installed = std::nullopt,
                            .first_enforced = std::nullopt,
                            .matched_packets = 0,
                            .dropped = {}});
  }
  return result;
}

bool Result::ok() const {
  return std::ranges::all_of(files, [](const FileResult& f) { return f.status.ok(); }) &&
         std::ranges::none_of(
             rules, [](const RuleResult& r) { return r.state == rules::RuleStateName(rules::RuleState::kRefused); });
}

}  // namespace breakwater::replay
