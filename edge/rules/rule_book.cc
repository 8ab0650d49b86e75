#include "edge/rules/rule_book.h"

#include <algorithm>
#include <numeric>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace breakwater::rules {

std::string_view RuleStateName(RuleState state) {
  switch (state) {
    case RuleState::kReceived:
      return "received";
    case RuleState::kValidated:
      return "validated";
    case RuleState::kInstalled:
      return "installed";
    case RuleState::kMatching:
      return "matching";
    case RuleState::kRefused:
      return "refused";
  }
  return "unknown";
}

absl::Status RuleBook::Check(const rule::Rule& rule, const rule::GuardList& guards, absl::Time now) const {
  if (entries_.contains(rule.id)) {
    return absl::AlreadyExistsError(absl::StrCat("rule \"", rule.id, "\" exists already; remove it first"));
  }
  rule::Limits limits;
  limits.now = now;
  if (absl::Status s = rule::Validate(rule, limits, guards); !s.ok()) return s;
  if (absl::Status s = rule::CheckDecidable(rule, rule::Decider::kDatapath); !s.ok()) return s;
  if (rule.automatic()) {
    const auto reflex = std::count_if(entries_.begin(), entries_.end(),
                                      [](const auto& entry) { return entry.second.view.rule.automatic(); });
    if (static_cast<size_t>(reflex) >= limits_.max_reflex) {
      return absl::ResourceExhaustedError(absl::StrCat("rule \"", rule.id, "\": this edge holds its limit of ",
                                                       limits_.max_reflex,
                                                       " automatic rules; they leave when their leases end"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> RuleBook::TakeSlot(absl::Time now) {
  if (!freed_.empty() && now - freed_.front().since >= limits_.slot_grace) {
    const uint32_t slot = freed_.front().slot;
    freed_.pop_front();
    return slot;
  }
  while (next_slot_ < datapath::Bounds::kRuleSlots && slot_owner_.contains(next_slot_)) ++next_slot_;
  if (next_slot_ < datapath::Bounds::kRuleSlots) return next_slot_++;
  return absl::ResourceExhaustedError(absl::StrCat("all ", datapath::Bounds::kRuleSlots,
                                                   " rule counters are in use or were freed less than ",
                                                   absl::FormatDuration(limits_.slot_grace), " ago"));
}

absl::Status RuleBook::Add(const rule::Rule& rule, const rule::GuardList& guards, absl::Time now) {
  if (absl::Status s = Check(rule, guards, now); !s.ok()) return s;
  absl::StatusOr<uint32_t> slot = TakeSlot(now);
  if (!slot.ok()) return slot.status();
  Entry entry;
  entry.view = {.rule = rule, .state = RuleState::kValidated, .counter_slot = *slot};
  slot_owner_[*slot] = rule.id;
  entries_.emplace(rule.id, std::move(entry));
  return absl::OkStatus();
}

absl::Status RuleBook::Restore(const SavedRule& saved, const rule::GuardList& guards, absl::Time now) {
  if (absl::Status s = Check(saved.rule, guards, now); !s.ok()) return s;
  if (saved.counter_slot >= datapath::Bounds::kRuleSlots || slot_owner_.contains(saved.counter_slot)) {
    return absl::InvalidArgumentError(absl::StrCat("rule \"", saved.rule.id, "\": its saved counter slot ",
                                                   saved.counter_slot, " is over the limit of ",
                                                   datapath::Bounds::kRuleSlots, " or taken"));
  }
  Entry entry;
  entry.view = {.rule = saved.rule, .state = RuleState::kValidated, .counter_slot = saved.counter_slot};
  slot_owner_[saved.counter_slot] = saved.rule.id;
  entries_.emplace(saved.rule.id, std::move(entry));
  return absl::OkStatus();
}

void RuleBook::AddRefused(const rule::Rule& rule, const absl::Status& why) {
  // An id that is in force keeps its entry: the refusal was reported to whoever sent the second one.
  if (entries_.contains(rule.id)) return;
  Entry entry;
  entry.view = {.rule = rule, .state = RuleState::kRefused, .detail = std::string(why.message())};
  entry.view.counter_slot = datapath::Bounds::kRuleSlots;
  entries_.emplace(rule.id, std::move(entry));
}

bool RuleBook::ExpiresAfter(std::string_view id, absl::Time time) const {
  const auto it = entries_.find(id);
  return it != entries_.end() && it->second.view.rule.expires > time;
}

bool RuleBook::SetMode(std::string_view id, rule::Mode mode) {
  const auto it = entries_.find(id);
  if (it == entries_.end() || it->second.view.rule.mode == mode) return false;
  it->second.view.rule.mode = mode;
  return true;
}

void RuleBook::Reconfirm(std::string_view id, absl::Time until) {
  const auto it = entries_.find(id);
  if (it != entries_.end()) it->second.renewable_until = until;
}

bool RuleBook::Remove(std::string_view id, absl::Time now) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return false;
  if (it->second.view.state != RuleState::kRefused) {
    slot_owner_.erase(it->second.view.counter_slot);
    freed_.push_back({it->second.view.counter_slot, now});
  }
  entries_.erase(it);
  return true;
}

void RuleBook::Count(const window::Slot& slot, absl::Time now, absl::Duration lease) {
  slot_index_ = (slot_index_ + 1) % window::kSlotsPerWindow;
  for (auto& [id, entry] : entries_) {
    const auto counts = slot.rules.find(id);
    entry.recent[slot_index_] = counts == slot.rules.end() ? 0 : counts->second.matched_packets;
    if (counts == slot.rules.end() || counts->second.matched_packets == 0) continue;
    entry.view.total += counts->second;
    entry.view.last_match = now;
    rule::Rule& rule = entry.view.rule;
    if (rule.automatic() && rule.mode == rule::Mode::kEnforce) {
      rule.expires = std::max(rule.expires, std::min(now + lease, entry.renewable_until));
    }
  }
}

std::vector<rule::Rule> RuleBook::RemoveExpired(absl::Time now) {
  std::vector<rule::Rule> expired;
  for (const auto& [id, entry] : entries_) {
    if (entry.view.rule.expires <= now) expired.push_back(entry.view.rule);
  }
  for (const rule::Rule& rule : expired) Remove(rule.id, now);
  return expired;
}

std::vector<std::string> RuleBook::ApplyReport(const datapath::InstallReport& report, absl::Time now) {
  for (auto& [id, entry] : entries_) {
    if (entry.view.state == RuleState::kRefused) continue;
    entry.view.state = RuleState::kInstalled;
    entry.view.detail.clear();
  }
  std::vector<std::string> removed;
  for (const datapath::RuleRefusal& refusal : report.refused) {
    const auto it = entries_.find(refusal.rule_id);
    if (it == entries_.end()) continue;
    const rule::Rule rule = it->second.view.rule;
    Remove(refusal.rule_id, now);
    if (rule.automatic()) {
      removed.push_back(refusal.rule_id);
    } else {
      AddRefused(rule, refusal.status);
    }
  }
  return removed;
}

void RuleBook::ApplyFailure(const absl::Status& status) {
  for (auto& [id, entry] : entries_) {
    if (entry.view.state == RuleState::kValidated) entry.view.detail = std::string(status.message());
  }
}

std::vector<datapath::RuleEntry> RuleBook::Entries() const {
  std::vector<datapath::RuleEntry> entries;
  for (const auto& [id, entry] : entries_) {
    if (entry.view.state != RuleState::kRefused) entries.push_back({entry.view.rule, entry.view.counter_slot});
  }
  return entries;
}

std::vector<SavedRule> RuleBook::Saved() const {
  std::vector<SavedRule> saved;
  for (const auto& [id, entry] : entries_) {
    const rule::Rule& rule = entry.view.rule;
    if (entry.view.state != RuleState::kRefused && rule.automatic()) saved.push_back({rule, entry.view.counter_slot});
  }
  return saved;
}

std::vector<RuleView> RuleBook::Views(absl::Time now) const {
  std::vector<RuleView> views;
  for (const auto& [id, entry] : entries_) {
    RuleView view = entry.view;
    view.matched_pps = static_cast<double>(std::accumulate(entry.recent.begin(), entry.recent.end(), uint64_t{0}));
    if (view.state == RuleState::kInstalled && now - view.last_match <= kMatchingFor) view.state = RuleState::kMatching;
    views.push_back(std::move(view));
  }
  return views;
}

std::string RuleBook::RuleOfSlot(uint32_t counter_slot) const {
  const auto it = slot_owner_.find(counter_slot);
  return it == slot_owner_.end() ? std::string() : it->second;
}

}  // namespace breakwater::rules
