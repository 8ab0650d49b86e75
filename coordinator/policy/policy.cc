#include "coordinator/policy/policy.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "common/rule/refusal.h"
#include "common/rule/text.h"
#include "coordinator/policy/meaning.h"

namespace breakwater::policy {

using rule::Refusal;
using rule::RefusalError;

bool Change::RenewsOnly() const {
  return before != nullptr && after != nullptr && SameButExpiry(before->rule, after->rule);
}

Policy::Policy(PolicyOptions options) : options_(std::move(options)) {}

absl::Status Policy::Restore(Entry entry) {
  if (rules_.contains(entry.rule.id))
    return absl::DataLossError("rule " + rule::Quoted(entry.rule.id) + " is there twice");
  const std::string id = entry.rule.id;
  Set(id, std::make_shared<const Entry>(std::move(entry)));
  undo_.clear();
  return absl::OkStatus();
}

EntryPtr Policy::Find(std::string_view id) const {
  const auto it = rules_.find(id);
  return it == rules_.end() ? nullptr : it->second;
}

void Policy::Set(const std::string& id, EntryPtr entry) {
  const EntryPtr before = Find(id);
  undo_.try_emplace(id, before);
  if (before != nullptr) match_bytes_ -= rule::CanonicalText(*before->rule.match).size();
  if (entry != nullptr) match_bytes_ += rule::CanonicalText(*entry->rule.match).size();
  if (before != nullptr && before->rule.automatic()) {
    --automatic_;
    const auto it = by_meaning_.find(MeaningOf(before->rule));
    if (it != by_meaning_.end() && it->second == id) by_meaning_.erase(it);
  }
  if (entry == nullptr) {
    rules_.erase(id);
    return;
  }
  if (entry->rule.automatic()) {
    ++automatic_;
    by_meaning_.insert_or_assign(MeaningOf(entry->rule), id);
  }
  rules_.insert_or_assign(id, std::move(entry));
}

std::vector<Change> Policy::Staged() const {
  std::vector<Change> changes;
  for (const auto& [id, before] : undo_) {
    Change change{id, before, Find(id)};
    if (change.before != change.after) changes.push_back(std::move(change));
  }
  return changes;
}

void Policy::Accept() {
  for (const auto& [id, before] : undo_) {
    if (rules_.contains(id)) continue;
    activity_.erase(id);
    std::erase_if(renamed_, [&](const auto& r) { return r.second == id; });
    for (auto& [edge, held] : local_) std::erase_if(held, [&](const auto& h) { return h.second == id; });
  }
  undo_.clear();
}

void Policy::Rollback() {
  const auto undo = std::move(undo_);
  for (const auto& [id, before] : undo) {
    Set(id, before);
    if (before == nullptr) activity_.erase(id);
  }
  undo_.clear();
}

absl::Status Policy::CheckUsable(const rule::Rule& r, absl::Time now) const {
  rule::Limits limits;
  limits.now = now;
  if (absl::Status s = rule::Validate(r, limits, options_.guards); !s.ok()) return s;
  return rule::CheckDecidable(r, rule::Decider::kDatapath);
}

absl::Status Policy::CheckRoom(const rule::Rule& r) const {
  const size_t people = rules_.size() - automatic_;
  const size_t limit = options_.max_rules - std::min(options_.max_rules, options_.max_automatic_rules);
  if (people >= limit) {
    return absl::ResourceExhaustedError(
        "there are " + std::to_string(people) + " operators' rules, the limit is " + std::to_string(limit) + " (" +
        std::to_string(options_.max_automatic_rules) + " of " + std::to_string(options_.max_rules) +
        " places are kept for detectors); delete some, or put prefixes together in one rule");
  }
  if (match_bytes_ + rule::CanonicalText(*r.match).size() > kMaxMatchBytes) {
    return absl::ResourceExhaustedError("the matches of all rules take " + std::to_string(match_bytes_) +
                                        " bytes, the limit is " + std::to_string(kMaxMatchBytes) +
                                        "; delete some rules");
  }
  return absl::OkStatus();
}

std::string Policy::FreeId(std::string_view wanted) const {
  std::string id(wanted.substr(0, rule::kMaxIdLength));
  for (int n = 2; rules_.contains(id); ++n) {
    const std::string suffix = "." + std::to_string(n);
    id = std::string(wanted.substr(0, rule::kMaxIdLength - suffix.size())) + suffix;
  }
  return id;
}

// ── Detectors ──

uint64_t Policy::ConfirmPps(double threshold_pps) const {
  double pps = options_.confirm_floor_pps;
  if (std::isfinite(threshold_pps)) pps = std::max(pps, options_.confirm_share * threshold_pps);
  return static_cast<uint64_t>(std::clamp(std::ceil(pps), 1.0, 1e12));
}

bool Policy::IsSuppressed(const std::string& key, absl::Time now) {
  while (!suppressed_.empty() && suppressed_.front().until <= now) suppressed_.pop_front();
  return std::any_of(suppressed_.begin(), suppressed_.end(), [&](const Suppressed& s) { return s.key == key; });
}

double Policy::DroppedPps(std::string_view id, absl::Time now) const {
  const auto it = activity_.find(id);
  if (it == activity_.end()) return 0;
  const double idle = std::max(0.0, absl::ToDoubleSeconds(now - it->second.updated));
  return it->second.dropped_pps * std::exp(-idle / 10);
}

absl::StatusOr<std::string> Policy::MakeRoom(std::string_view by, double pps, absl::Time now) {
  if (automatic_ < options_.max_automatic_rules) return std::string();
  constexpr absl::Duration kGrace = absl::Seconds(10);  // a new rule hasn't had the time to show what it does
  std::map<std::string_view, size_t> made;
  for (const auto& [id, entry] : rules_) {
    if (entry->rule.automatic()) ++made[entry->created_by];
  }
  const size_t own = made[by];
  std::string lowest;
  double lowest_pps = 0;
  for (const auto& [id, entry] : rules_) {
    if (!entry->rule.automatic() || made[entry->created_by] < own || now - entry->created < kGrace) continue;
    const double dropped = DroppedPps(id, now);
    if (!lowest.empty() && dropped >= lowest_pps) continue;
    lowest = id;
    lowest_pps = dropped;
  }
  if (lowest.empty() || lowest_pps > pps) {
    return RefusalError(Refusal::kNoSpace,
                        "there are " + std::to_string(automatic_) +
                            " detectors' rules, which is the limit, and none of them does less than this "
                            "one (" +
                            std::to_string(static_cast<int64_t>(std::min(pps, 1e15))) + " pps)");
  }
  Set(lowest, nullptr);
  return lowest;
}

absl::StatusOr<EntryPtr> Policy::Spread(rule::Rule r, std::string_view by, double threshold_pps, double pps,
                                        absl::Time now, std::string* evicted) {
  r.mode = rule::Mode::kArmed;
  r.confirm_pps = ConfirmPps(threshold_pps);
  r.priority = kAutomaticPriority;
  r.expires = now + options_.lease;
  r.scope.regions.clear();
  r.scope.edges.clear();
  if (absl::Status s = CheckUsable(r, now); !s.ok()) return s;
  if (IsSuppressed(MeaningOf(r), now)) {
    return absl::FailedPreconditionError("rule \"" + r.id + "\": a person has deleted this rule a short time ago");
  }
  if (match_bytes_ + rule::CanonicalText(*r.match).size() > kMaxMatchBytes) {
    return RefusalError(Refusal::kNoSpace, "rule \"" + r.id + "\": the matches of all rules take " +
                                               std::to_string(match_bytes_) + " bytes, the limit is " +
                                               std::to_string(kMaxMatchBytes));
  }
  r.id = FreeId(r.id);
  absl::StatusOr<std::string> gone = MakeRoom(by, pps, now);
  if (!gone.ok()) return gone.status();
  *evicted = *std::move(gone);
  auto entry =
      std::make_shared<const Entry>(Entry{.rule = std::move(r), .created_by = std::string(by), .created = now});
  Set(entry->rule.id, entry);
  return entry;
}

absl::StatusOr<LocalOutcome> Policy::OnLocalRule(std::string_view edge, std::span<const net::IpPrefix> protects,
                                                 const v1::LocalRule& message, std::string_view attack_id,
                                                 absl::Time now) {
  const auto held = local_.try_emplace(std::string(edge)).first;
  if (message.removed()) {
    held->second.erase(message.rule().id());
    return LocalOutcome{};
  }
  absl::StatusOr<rule::Rule> local = ReadLocalRule(message, protects);
  if (!local.ok()) return local.status();
  if (!held->second.contains(local->id) && held->second.size() >= kMaxLocalPerEdge) {
    return RefusalError(Refusal::kOverBound, "rule \"" + local->id + "\": this edge has " +
                                                 std::to_string(held->second.size()) +
                                                 " rules of its own here, which is the limit");
  }
  const std::string local_id = local->id;
  LocalOutcome outcome;
  if (const auto same = by_meaning_.find(MeaningOf(*local)); same != by_meaning_.end()) {
    outcome.entry = Find(same->second);
  } else {
    local->attack_id = attack_id;
    // The coordinator's detector finds its rules' counts by their ids; nobody else's may have one.
    if (local->id.starts_with(options_.coordinator_id + "-")) local->id = FreeId("edge." + local->id);
    local->reason = CutReason("found by " + std::string(edge) + ": " + local->reason);
    absl::StatusOr<EntryPtr> spread = Spread(*std::move(local), edge, message.threshold_pps(),
                                             std::max(0.0, message.threshold_pps()), now, &outcome.evicted);
    if (!spread.ok()) return spread.status();
    outcome.entry = *std::move(spread);
    outcome.spread = true;
  }
  held->second.insert_or_assign(local_id, outcome.entry->rule.id);
  activity_[outcome.entry->rule.id].last_match = now;
  return outcome;
}

std::string Policy::StandsFor(std::string_view edge, std::string_view local_id) const {
  const auto held = local_.find(edge);
  if (held == local_.end()) return {};
  const auto it = held->second.find(local_id);
  return it == held->second.end() ? std::string() : it->second;
}

bool Policy::HeldBy(std::string_view id, std::string_view edge) const {
  const auto held = local_.find(edge);
  return held != local_.end() &&
         std::any_of(held->second.begin(), held->second.end(), [&](const auto& h) { return h.second == id; });
}

void Policy::ForgetEdge(std::string_view edge) {
  if (const auto it = local_.find(edge); it != local_.end()) local_.erase(it);
}

absl::StatusOr<EntryPtr> Policy::Propose(const Proposed& proposed, std::span<const net::IpPrefix> protects,
                                         absl::Time now) {
  if (proposed.match == nullptr) return absl::InvalidArgumentError("a proposal without a match");
  const net::IpPrefix* within = nullptr;
  for (const net::IpPrefix& p : protects) {
    if (p.Contains(proposed.target) && (within == nullptr || p.length() > within->length())) within = &p;
  }
  if (within == nullptr) {
    return absl::FailedPreconditionError("no edge protects " + proposed.target.ToShortString());
  }
  rule::Rule r;
  r.id = proposed.rule_id;
  r.origin = rule::Origin::kGlobalDetector;
  r.scope.prefixes = {*within};
  r.match = proposed.match;
  r.action.kind = rule::ActionKind::kDrop;
  r.attack_id = proposed.attack_id;
  r.reason =
      CutReason("attack " + proposed.attack_id + " on " + proposed.target.ToShortString() + ", seen over all edges");
  if (const auto same = by_meaning_.find(MeaningOf(r)); same != by_meaning_.end()) return Find(same->second);
  std::string evicted;
  absl::StatusOr<EntryPtr> entry =
      Spread(std::move(r), options_.coordinator_id, proposed.threshold_pps, proposed.threshold_pps, now, &evicted);
  if (entry.ok() && (*entry)->rule.id != proposed.rule_id) renamed_[proposed.rule_id] = (*entry)->rule.id;
  return entry;
}

EntryPtr Policy::Reject(std::string_view proposed_id) {
  const auto renamed = renamed_.find(proposed_id);
  const std::string id(renamed == renamed_.end() ? proposed_id : std::string_view(renamed->second));
  const EntryPtr entry = Find(id);
  if (entry == nullptr || entry->rule.origin != rule::Origin::kGlobalDetector) return nullptr;
  Set(id, nullptr);
  return entry;
}

std::vector<std::string> Policy::DropUnusable(absl::Time now) {
  std::vector<std::string> ids;
  for (const auto& [id, entry] : rules_) {
    if (entry->rule.automatic() && entry->rule.expires > now && !CheckUsable(entry->rule, now).ok()) ids.push_back(id);
  }
  for (const std::string& id : ids) Set(id, nullptr);
  return ids;
}

void Policy::OnMatched(std::string_view id, uint64_t matched, uint64_t dropped, absl::Time now) {
  if (matched == 0 || !rules_.contains(id)) return;
  Activity& activity = activity_[std::string(id)];
  activity.last_match = std::max(activity.last_match, now);
  const double idle = std::clamp(absl::ToDoubleSeconds(now - activity.updated), 0.0, 1e6);
  activity.dropped_pps = activity.dropped_pps * std::exp(-idle / 10) + static_cast<double>(dropped) / 10;
  activity.updated = now;
}

void Policy::Maintain(absl::Time now, const std::function<bool(std::string_view)>& active, size_t most) {
  std::vector<std::pair<std::string, EntryPtr>> changes;
  for (const auto& [id, entry] : rules_) {
    if (changes.size() >= most) break;
    if (entry->rule.expires <= now) {
      changes.emplace_back(id, nullptr);
      continue;
    }
    if (!entry->rule.automatic()) continue;
    // More than a lease is left only when the clock was set back.
    const bool too_long = entry->rule.expires - now > options_.lease + absl::Seconds(1);
    if (!too_long && entry->rule.expires - now > options_.lease / 2) continue;
    const auto it = activity_.find(id);
    const bool matched = it != activity_.end() && it->second.last_match <= now + absl::Seconds(1) &&
                         now - it->second.last_match <= options_.lease / 2;
    if (!too_long && !matched && (entry->rule.attack_id.empty() || !active(entry->rule.attack_id))) continue;
    Entry renewed = *entry;
    renewed.rule.expires = now + options_.lease;
    changes.emplace_back(id, std::make_shared<const Entry>(std::move(renewed)));
  }
  for (auto& [id, entry] : changes) Set(id, std::move(entry));
}

}  // namespace breakwater::policy
