#include "edge/rules/rule_book.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/rule/refusal.h"

namespace breakwater::rules {
namespace {

// Whether two rules of one id differ in nothing but their lease and what is said about them.
bool SameButLease(const rule::Rule& a, const rule::Rule& b) {
  return a.origin == b.origin && a.scope == b.scope && a.action == b.action && a.mode == b.mode &&
         a.priority == b.priority && a.wide_override == b.wide_override && a.confirm_pps == b.confirm_pps &&
         rule::CanonicalText(*a.match) == rule::CanonicalText(*b.match);
}

absl::Status CheckForDatapath(const rule::Rule& rule, const rule::GuardList& guards, absl::Time now) {
  rule::Limits limits;
  limits.now = now;
  if (absl::Status s = rule::Validate(rule, limits, guards); !s.ok()) return s;
  return rule::CheckDecidable(rule, rule::Decider::kDatapath);
}

}  // namespace

std::string_view RuleSourceName(RuleSource source) {
  return source == RuleSource::kCoordinator ? "coordinator" : "edge";
}

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

size_t RuleBook::CountOwn(bool automatic) const {
  return static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), [automatic](const auto& entry) {
    const RuleView& view = entry.second.view;
    return view.source == RuleSource::kEdge && view.state != RuleState::kRefused && view.rule.automatic() == automatic;
  }));
}

absl::Status RuleBook::CheckEdgeRule(const rule::Rule& rule, const rule::GuardList& guards, absl::Time now) const {
  const auto existing = entries_.find(rule.id);
  if (existing != entries_.end() && existing->second.view.source == RuleSource::kEdge) {
    return absl::AlreadyExistsError(absl::StrCat("rule \"", rule.id, "\" exists already; remove it first"));
  }
  if (absl::Status s = CheckForDatapath(rule, guards, now); !s.ok()) return s;
  if (!rule.automatic()) return absl::OkStatus();
  if (CountOwn(/*automatic=*/true) >= limits_.max_reflex) {
    return absl::ResourceExhaustedError(absl::StrCat("rule \"", rule.id, "\": this edge holds its limit of ",
                                                     limits_.max_reflex,
                                                     " automatic rules; they leave when their leases end"));
  }
  if (Entries().size() >= datapath::Bounds::kRules) {
    return absl::ResourceExhaustedError(
        absl::StrCat("rule \"", rule.id, "\": the datapath holds its limit of ", datapath::Bounds::kRules, " rules"));
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
  if (absl::Status s = CheckEdgeRule(rule, guards, now); !s.ok()) return s;
  Drop(rule.id, now);  // the coordinator's of this id, if there is one
  absl::StatusOr<uint32_t> slot = TakeSlot(now);
  if (!slot.ok()) return slot.status();
  Entry entry;
  entry.view = {.rule = rule, .state = RuleState::kValidated, .counter_slot = *slot};
  slot_owner_[*slot] = rule.id;
  entries_.emplace(rule.id, std::move(entry));
  return absl::OkStatus();
}

absl::Status RuleBook::Restore(const SavedRule& saved, const rule::GuardList& guards, absl::Time now) {
  if (absl::Status s = CheckEdgeRule(saved.rule, guards, now); !s.ok()) return s;
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

void RuleBook::AddRefused(const rule::Rule& rule, const absl::Status& why, absl::Time now) {
  const auto existing = entries_.find(rule.id);
  // An id that is in force keeps its entry: the refusal was reported to whoever sent the second one.
  if (existing != entries_.end() && existing->second.view.source == RuleSource::kEdge) return;
  Drop(rule.id, now);
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
  if (it == entries_.end() || it->second.view.source != RuleSource::kEdge || it->second.view.rule.mode == mode)
    return false;
  it->second.view.rule.mode = mode;
  return true;
}

void RuleBook::Reconfirm(std::string_view id, absl::Time until) {
  const auto it = entries_.find(id);
  if (it != entries_.end()) it->second.renewable_until = until;
}

bool RuleBook::Remove(std::string_view id, absl::Time now) {
  const auto it = entries_.find(id);
  return it != entries_.end() && it->second.view.source == RuleSource::kEdge && Drop(id, now);
}

bool RuleBook::Drop(std::string_view id, absl::Time now) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return false;
  if (it->second.view.state != RuleState::kRefused) {
    slot_owner_.erase(it->second.view.counter_slot);
    freed_.push_back({it->second.view.counter_slot, now});
  }
  entries_.erase(it);
  return true;
}

std::vector<std::string> RuleBook::Count(const window::Slot& slot, absl::Time now, absl::Duration lease) {
  std::vector<std::string> turned;
  slot_index_ = (slot_index_ + 1) % window::kSlotsPerWindow;
  for (auto& [id, entry] : entries_) {
    const auto counts = slot.rules.find(id);
    const uint64_t matched = counts == slot.rules.end() ? 0 : counts->second.matched_packets;
    entry.recent[slot_index_] = matched;
    rule::Rule& rule = entry.view.rule;
    if (rule.mode == rule::Mode::kArmed && entry.view.state != RuleState::kRefused) {
      const double pps = static_cast<double>(matched) / absl::ToDoubleSeconds(slot.length);
      if (pps >= static_cast<double>(rule.confirm_pps)) entry.last_confirmed = now;
      const bool enforcing = entry.last_confirmed > now - kRearmAfter;
      if (enforcing != entry.view.enforcing) turned.push_back(id);
      entry.view.enforcing = enforcing;
    }
    if (matched == 0) continue;
    entry.view.total += counts->second;
    entry.view.last_match = now;
    if (rule.automatic() && rule.mode == rule::Mode::kEnforce && entry.view.source == RuleSource::kEdge) {
      rule.expires = std::max(rule.expires, std::min(now + lease, entry.renewable_until));
    }
  }
  return turned;
}

std::vector<rule::Rule> RuleBook::RemoveExpired(absl::Time now) {
  std::vector<rule::Rule> expired;
  for (const auto& [id, entry] : entries_) {
    if (entry.view.rule.expires <= now) expired.push_back(entry.view.rule);
  }
  for (const rule::Rule& rule : expired) {
    if (entries_.at(rule.id).view.source == RuleSource::kCoordinator) {
      desired_.at(rule.id).refused = rule::RefusalError(rule::Refusal::kExpired, "its lease ended");
    }
    Drop(rule.id, now);
  }
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
    const bool desired = it->second.view.source == RuleSource::kCoordinator;
    Drop(refusal.rule_id, now);
    if (desired) {
      Desired& wanted = desired_.at(refusal.rule_id);
      wanted.refused = refusal.status;
      wanted.by_datapath = true;
    } else if (rule.automatic()) {
      removed.push_back(refusal.rule_id);
    } else {
      AddRefused(rule, refusal.status, now);
    }
  }
  return removed;
}

void RuleBook::ApplyFailure(const absl::Status& status) {
  for (auto& [id, entry] : entries_) {
    if (entry.view.state == RuleState::kValidated) entry.view.detail = std::string(status.message());
  }
}

bool RuleBook::SetDesired(std::vector<rule::Rule> rules, const rule::GuardList& guards, absl::Time now) {
  std::map<std::string, Desired, std::less<>> next;
  for (rule::Rule& rule : rules) {
    Desired desired;
    const auto before = desired_.find(rule.id);
    if (before != desired_.end() && before->second.by_datapath && SameButLease(before->second.rule, rule)) {
      desired.refused = before->second.refused;
      desired.by_datapath = true;
    }
    const std::string id = rule.id;
    desired.rule = std::move(rule);
    next.insert_or_assign(id, std::move(desired));
  }
  desired_ = std::move(next);
  return Reconcile(guards, now);
}

bool RuleBook::Reconcile(const rule::GuardList& guards, absl::Time now) {
  bool changed = false;
  std::vector<std::string> gone;
  for (const auto& [id, entry] : entries_) {
    if (entry.view.source == RuleSource::kCoordinator && !desired_.contains(id)) gone.push_back(id);
  }
  for (const std::string& id : gone) changed |= Drop(id, now);
  // What people wrote comes before what was found when there isn't space for everything.
  std::vector<Desired*> order;
  for (auto& [id, desired] : desired_) order.push_back(&desired);
  std::stable_partition(order.begin(), order.end(), [](const Desired* d) { return !d->rule.automatic(); });
  const size_t reflex = std::max(CountOwn(true), std::min(limits_.max_reflex, kKeptForReflex));
  size_t space = datapath::Bounds::kRules - std::min(datapath::Bounds::kRules, CountOwn(false) + reflex);
  for (Desired* desired : order) {
    changed |= ReconcileOne(*desired, space, guards, now);
    const auto entry = entries_.find(desired->rule.id);
    if (entry != entries_.end() && entry->second.view.source == RuleSource::kCoordinator) --space;
  }
  return changed;
}

bool RuleBook::ReconcileOne(Desired& desired, size_t space, const rule::GuardList& guards, absl::Time now) {
  const std::string& id = desired.rule.id;
  const auto it = entries_.find(id);
  if (it != entries_.end() && it->second.view.source == RuleSource::kEdge) {
    if (!desired.by_datapath) desired.refused = absl::OkStatus();
    return false;
  }
  if (desired.by_datapath) return false;
  desired.refused = CheckForDatapath(desired.rule, guards, now);
  if (desired.refused.ok() && space == 0) {
    desired.refused = rule::RefusalError(
        rule::Refusal::kNoSpace,
        absl::StrCat("rule \"", id, "\": no place among the ", datapath::Bounds::kRules, " rules of this edge"));
  }
  if (!desired.refused.ok()) return Drop(id, now);
  if (it != entries_.end()) {
    RuleView& view = it->second.view;
    const bool same = SameButLease(view.rule, desired.rule);
    if (!same) {
      // Another rule under the same id: what was confirmed of the one before says nothing of this one.
      view.enforcing = false;
      view.state = RuleState::kValidated;
      it->second.last_confirmed = absl::InfinitePast();
    }
    view.rule = desired.rule;
    return !same;
  }
  const absl::StatusOr<uint32_t> slot = TakeSlot(now);
  if (!slot.ok()) {
    desired.refused = rule::RefusalError(rule::Refusal::kNoSpace, std::string(slot.status().message()));
    return false;
  }
  Entry entry;
  entry.view = {
      .rule = desired.rule, .source = RuleSource::kCoordinator, .state = RuleState::kValidated, .counter_slot = *slot};
  slot_owner_[*slot] = id;
  entries_.emplace(id, std::move(entry));
  return true;
}

std::vector<RefusedRule> RuleBook::DesiredRefused() const {
  std::vector<RefusedRule> refused;
  for (const auto& [id, desired] : desired_) {
    if (!desired.refused.ok()) refused.push_back({id, desired.refused});
  }
  return refused;
}

std::vector<std::string> RuleBook::Enforcing() const {
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) {
    if (entry.view.enforcing && entry.view.source == RuleSource::kCoordinator) ids.push_back(id);
  }
  return ids;
}

bool RuleBook::IsEnforcing(std::string_view id) const {
  const auto it = entries_.find(id);
  return it != entries_.end() && it->second.view.enforcing;
}

std::optional<RuleView> RuleBook::View(std::string_view id) const {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return std::nullopt;
  return it->second.view;
}

std::vector<datapath::RuleEntry> RuleBook::Entries() const {
  std::vector<datapath::RuleEntry> entries;
  for (const auto& [id, entry] : entries_) {
    if (entry.view.state == RuleState::kRefused) continue;
    entries.push_back({entry.view.rule, entry.view.counter_slot});
    if (entry.view.enforcing) entries.back().rule.mode = rule::Mode::kEnforce;
  }
  return entries;
}

std::vector<SavedRule> RuleBook::Saved() const {
  std::vector<SavedRule> saved;
  for (const auto& [id, entry] : entries_) {
    const rule::Rule& rule = entry.view.rule;
    if (entry.view.source == RuleSource::kEdge && entry.view.state != RuleState::kRefused && rule.automatic())
      saved.push_back({rule, entry.view.counter_slot});
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
  for (const auto& [id, desired] : desired_) {
    if (desired.refused.ok() || entries_.contains(id)) continue;
    views.push_back({.rule = desired.rule,
                     .source = RuleSource::kCoordinator,
                     .state = RuleState::kRefused,
                     .detail = std::string(desired.refused.message())});
  }
  return views;
}

std::string RuleBook::RuleOfSlot(uint32_t counter_slot) const {
  const auto it = slot_owner_.find(counter_slot);
  return it == slot_owner_.end() ? std::string() : it->second;
}

}  // namespace breakwater::rules
