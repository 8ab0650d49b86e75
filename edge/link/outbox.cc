#include "edge/link/outbox.h"

#include <algorithm>
#include <utility>

#include "common/fleet/session_wire.h"

namespace breakwater::link {

template <typename T>
void Outbox::Store(Items<T>& items, const std::string& id, T value, bool over, size_t limit, absl::Duration now) {
  Item<T> item{std::move(value), true, std::nullopt};
  if (over) item.over_since = now;
  items.insert_or_assign(id, std::move(item));
  if (items.size() <= limit) return;
  // What is over longest goes first; ids grow with time, so among the others the first is the oldest.
  auto oldest = items.begin();
  for (auto it = items.begin(); it != items.end(); ++it) {
    if (it->second.over_since && (!oldest->second.over_since || *it->second.over_since < *oldest->second.over_since))
      oldest = it;
  }
  items.erase(oldest);
}

template <typename T>
void Outbox::Refresh(Items<T>& items, absl::Duration now) {
  std::erase_if(
      items, [now](const auto& item) { return item.second.over_since && now - *item.second.over_since > kRemember; });
  for (auto& [id, item] : items) item.waits = true;
}

template <typename T>
const T* Outbox::TakeOne(Items<T>& items) {
  for (auto& [id, item] : items) {
    if (!item.waits) continue;
    item.waits = false;
    return &item.value;
  }
  return nullptr;
}

void Outbox::Put(v1::AttackReport report, absl::Duration now) {
  const std::string id = report.attack_id();
  const bool over = report.state() == "ended";
  Store(attacks_, id, std::move(report), over, kMaxAttacks, now);
}

void Outbox::Put(v1::LocalRule rule, absl::Duration now) {
  const std::string id = rule.rule().id();
  const bool over = rule.removed();
  Store(rules_, id, std::move(rule), over, kMaxRules, now);
}

void Outbox::PutExceptions(const std::vector<v1::RuleStatus>& all) {
  std::map<std::string, v1::RuleStatus> next;
  for (const v1::RuleStatus& status : all) next[status.rule_id()] = status;
  for (const auto& [id, status] : next) {
    const auto before = exceptions_.find(id);
    // The revision alone is in every heartbeat.
    const bool same = before != exceptions_.end() && before->second.state() == status.state() &&
                      before->second.reason() == status.reason() && before->second.detail() == status.detail() &&
                      before->second.enforcing() == status.enforcing();
    if (!same) changed_[id] = status;
  }
  for (const auto& [id, before] : exceptions_) {
    if (next.contains(id)) continue;
    v1::RuleStatus plain = before;
    plain.set_state(v1::RULE_STATE_INSTALLED);
    plain.clear_reason();
    plain.clear_detail();
    plain.clear_enforcing();
    changed_[id] = plain;
  }
  exceptions_ = std::move(next);
}

void Outbox::SessionBegins(absl::Duration now) {
  Refresh(attacks_, now);
  Refresh(rules_, now);
  changed_.clear();
  for (const auto& [id, status] : exceptions_) {
    if (status.state() != v1::RULE_STATE_REJECTED) changed_[id] = status;
  }
}

double Outbox::Pace::At(absl::Duration now) const {
  return std::min(burst, tokens + rate * std::max(0.0, absl::ToDoubleSeconds(now - at)));
}

void Outbox::Pace::Take(absl::Duration now) {
  tokens = At(now) - 1;
  at = now;
}

absl::Duration Outbox::Pace::NextAt(absl::Duration now) const {
  return now + absl::Seconds(std::max(0.0, 1 - At(now)) / rate);
}

absl::Duration Outbox::NextAt(absl::Duration now) const {
  const auto waits = [](const auto& items) {
    return std::any_of(items.begin(), items.end(), [](const auto& item) { return item.second.waits; });
  };
  absl::Duration at = changed_.empty() ? absl::InfiniteDuration() : now;
  if (waits(attacks_)) at = std::min(at, attack_pace_.NextAt(now));
  if (waits(rules_)) at = std::min(at, rule_pace_.NextAt(now));
  return at;
}

std::optional<v1::EdgeMessage> Outbox::Next(absl::Duration now) {
  v1::EdgeMessage message;
  // An attack before the rules against it.
  if (attack_pace_.At(now) >= 1) {
    if (const v1::AttackReport* report = TakeOne(attacks_)) {
      attack_pace_.Take(now);
      *message.mutable_attack_report() = *report;
      return message;
    }
  }
  if (rule_pace_.At(now) >= 1) {
    if (const v1::LocalRule* rule = TakeOne(rules_)) {
      rule_pace_.Take(now);
      *message.mutable_local_rule() = *rule;
      return message;
    }
  }
  if (changed_.empty()) return std::nullopt;
  v1::RuleStatuses& statuses = *message.mutable_rule_statuses();
  while (!changed_.empty() && statuses.statuses_size() < fleet::SessionBounds::kStatuses) {
    *statuses.add_statuses() = std::move(changed_.begin()->second);
    changed_.erase(changed_.begin());
  }
  return message;
}

}  // namespace breakwater::link
