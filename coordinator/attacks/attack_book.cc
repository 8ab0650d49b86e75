#include "coordinator/attacks/attack_book.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rule/expr.h"
#include "common/window/window_wire.h"
#include "coordinator/attacks/record.h"
#include "coordinator/attacks/record_view.h"

namespace breakwater::attacks {
namespace {

using detect::AttackState;
using window::TargetVector;

// A report so short after an attack's end belongs to it.
constexpr absl::Duration kJoinAfterEnd = absl::Seconds(10);
// While an edge is at it: from its detection or its own rule on.
constexpr absl::Duration kEdgeIsAtIt = absl::Seconds(2);
// Rules take a while to be on the edges, and windows to come back from there.
constexpr absl::Duration kConfirmWithin = absl::Seconds(5);
// Windows that are later than this amend the records of that time too.
constexpr absl::Duration kRecent = absl::Seconds(60);
// The row of an attack that very many edges see is renewed this often when nothing but its counts changes, others' always.
constexpr absl::Duration kWriteEvery = absl::Seconds(1);
constexpr size_t kManyParts = 64;
constexpr size_t kMaxActive = 4096;
constexpr size_t kFewInASecond = 16;
constexpr uint32_t kDefaultLimit = 100;
constexpr uint32_t kMaxLimit = 1000;

std::string Alias(std::string_view edge, std::string_view attack_id) {
  return absl::StrCat(std::string(edge), "/", std::string(attack_id));
}

detect::DetectorConfig Merged(detect::DetectorConfig config) {
  config.confirm_within = std::max(config.confirm_within, kConfirmWithin);
  return config;
}

}  // namespace

class AttackBook::Impl {
 public:
  explicit Impl(AttackBookOptions options)
      : options_(std::move(options)), detector_(Merged(options_.detector), options_.coordinator_id) {}

  absl::Status Restore(const store::Store& store, absl::Time now);
  void OnReport(std::string_view edge, std::string_view region, const v1::AttackReport& report, absl::Time now);
  void OnLocalRule(std::string_view edge, const v1::LocalRule& message, absl::Time now);
  void OnRuleEvent(std::string_view attack_id, std::string_view kind, std::string_view edge, std::string_view rule_id,
                   std::string_view text, absl::Time now) {
    if (Record* r = Find(JoinedId(attack_id))) r->AddEvent(now, kind, edge, rule_id, text);
  }
  void OnWindow(std::string_view edge, std::string_view region, const window::Window& window, absl::Time now);
  std::vector<Proposal> OnSlot(const merge::MergedSlot& slot, absl::Time now);

  std::string JoinedId(std::string_view attack_id) const {
    if (records_.find(attack_id) != records_.end()) return std::string(attack_id);
    const auto it = by_attack_id_.find(attack_id);
    return it == by_attack_id_.end() ? "" : it->second;
  }
  bool Active(std::string_view id) const {
    const auto it = records_.find(id);
    return it != records_.end() && it->second.active();
  }
  size_t active() const { return active_.size(); }
  std::vector<std::string> AttacksFrom(const net::IpAddress& source) const {
    std::vector<std::string> ids;
    for (const std::string& id : active_) {
      if (records_.at(id).LargeSource(source)) ids.push_back(id);
    }
    return ids;
  }
  store::Batch TakeWrites(absl::Time now);
  v1::AttacksView List(const v1::ListAttacksRequest& request, absl::Time now) const;
  absl::StatusOr<v1::AttackView> Get(std::string_view id, absl::Time now) const;

 private:
  struct OwnRule {
    Proposal proposal;  // as it was proposed
    detect::Signature signature;
  };

  Record* Find(std::string_view id) {
    const auto it = records_.find(id);
    return it == records_.end() ? nullptr : &it->second;
  }
  // The one that this attack, which lasted from..until, is part of.
  Record* FindJoin(const TargetVector& key, absl::Time from, absl::Time until);
  // Null when there are too many.
  Record* Make(const TargetVector& key, absl::Time detected);
  void Index(const Record& record);
  void Forget(const std::string& id);
  void ForgetAlias(const std::string& edge, const std::string& attack_id, const std::string& id);
  void Settle(Record& record, absl::Time now);
  void SettleAll(absl::Time now);
  void OnOwn(const detect::Attack& attack, absl::Time now);
  void OnFinding(const detect::Finding& finding, absl::Time now, std::vector<Proposal>& proposals);

  AttackBookOptions options_;
  detect::Detector detector_;
  std::map<std::string, Record, std::less<>> records_;
  std::map<TargetVector, std::set<std::string>> by_key_;
  std::map<std::string, std::string, std::less<>> by_alias_;      // EDGE/ID, to the record's id
  std::map<std::string, std::string, std::less<>> by_attack_id_;  // without the edge; the first one that used it
  std::set<std::string> active_;
  std::map<std::string, absl::Time> recent_;  // ended lately: windows still come
  std::map<std::string, OwnRule> own_rules_;
  std::vector<std::string> forgotten_;  // to be deleted from the store
};

void AttackBook::Impl::Index(const Record& r) {
  by_key_[r.key].insert(r.id);
  for (const auto& [edge, part] : r.parts) {
    for (const auto& [attack_id, f] : part.findings) {
      by_alias_.try_emplace(Alias(edge, attack_id), r.id);
      by_attack_id_.try_emplace(attack_id, r.id);
    }
  }
  if (!r.own_attack_id.empty()) by_attack_id_.try_emplace(r.own_attack_id, r.id);
}

void AttackBook::Impl::ForgetAlias(const std::string& edge, const std::string& attack_id, const std::string& id) {
  if (auto it = by_alias_.find(Alias(edge, attack_id)); it != by_alias_.end() && it->second == id) by_alias_.erase(it);
  if (auto it = by_attack_id_.find(attack_id); it != by_attack_id_.end() && it->second == id) by_attack_id_.erase(it);
}

void AttackBook::Impl::Forget(const std::string& id) {
  const auto it = records_.find(id);
  if (it == records_.end()) return;
  if (auto key = by_key_.find(it->second.key); key != by_key_.end()) {
    key->second.erase(id);
    if (key->second.empty()) by_key_.erase(key);
  }
  for (const auto& [edge, part] : it->second.parts) {
    for (const auto& [attack_id, f] : part.findings) ForgetAlias(edge, attack_id, id);
  }
  ForgetAlias("", it->second.own_attack_id, id);
  std::erase_if(own_rules_, [&](const auto& entry) { return entry.second.proposal.attack_id == id; });
  active_.erase(id);
  recent_.erase(id);
  records_.erase(it);
  forgotten_.push_back(id);
}

Record* AttackBook::Impl::FindJoin(const TargetVector& key, absl::Time from, absl::Time until) {
  const auto ids = by_key_.find(key);
  if (ids == by_key_.end()) return nullptr;
  Record* latest = nullptr;
  for (const std::string& id : ids->second) {
    Record& r = records_.at(id);
    const absl::Time end = r.active() ? absl::InfiniteFuture() : *r.ended + kJoinAfterEnd;
    if (from > end || until + kJoinAfterEnd < r.first_packet) continue;
    if (latest == nullptr || r.detected > latest->detected) latest = &r;
  }
  return latest;
}

Record* AttackBook::Impl::Make(const TargetVector& key, absl::Time detected) {
  if (active_.size() >= kMaxActive) return nullptr;
  std::string id;
  for (size_t n = 1; id.empty() || records_.contains(id); ++n) {
    if (n == kFewInASecond) n += records_.size();
    id = absl::StrCat("attack-", absl::ToUnixSeconds(detected), "-", n);
  }
  Record& r = records_[id];
  r.id = id;
  r.key = key;
  by_key_[key].insert(id);
  active_.insert(id);
  return &r;
}

void AttackBook::Impl::Settle(Record& r, absl::Time now) {
  r.Settle(now);
  if (r.active()) {
    active_.insert(r.id);
    recent_.erase(r.id);
  } else if (active_.erase(r.id) > 0) {
    recent_[r.id] = now;
  }
}

void AttackBook::Impl::SettleAll(absl::Time now) {
  const std::set<std::string> active = active_;
  for (const std::string& id : active) Settle(records_.at(id), now);
  std::erase_if(recent_, [&](const auto& entry) { return entry.second + kRecent < now; });
}

void AttackBook::Impl::OnReport(std::string_view edge, std::string_view region, const v1::AttackReport& report,
                                absl::Time now) {
  absl::StatusOr<window::Target> target = window::TargetFromProto(report.target());
  if (!target.ok() || report.vector() >= BW_VECTOR_MAX || report.attack_id().empty()) return;
  const TargetVector key{*std::move(target), static_cast<window::Vector>(report.vector())};
  const absl::Time from = absl::FromUnixMicros(report.first_packet_unix_us());
  const absl::Time until = report.ended_unix_us() == 0 ? now : absl::FromUnixMicros(report.ended_unix_us());
  if (until < now - options_.history_age) return;
  Record* r = nullptr;
  bool known = false;
  if (auto it = by_alias_.find(Alias(edge, report.attack_id())); it != by_alias_.end()) {
    r = Find(it->second);
    known = r != nullptr && r->key == key;
    if (!known) r = nullptr;
  }
  if (r == nullptr) r = FindJoin(key, from, until);
  if (r == nullptr) r = Make(key, std::min(now, absl::FromUnixMicros(report.detected_unix_us())));
  if (r == nullptr) return;
  if (const std::string gone = r->OnReport(edge, region, report, now); !gone.empty()) {
    ForgetAlias(std::string(edge), gone, r->id);
  }
  if (!known) {
    Index(*r);
    if (report.ended_unix_us() == 0) detector_.HoldSignatures(key.target, now + kEdgeIsAtIt);
  }
  Settle(*r, now);
}

void AttackBook::Impl::OnLocalRule(std::string_view edge, const v1::LocalRule& message, absl::Time now) {
  absl::StatusOr<window::Target> target = window::TargetFromProto(message.target());
  const auto alias = by_alias_.find(Alias(edge, message.attack_id()));
  Record* r = alias == by_alias_.end() ? nullptr : Find(alias->second);
  if (target.ok() && message.vector() < BW_VECTOR_MAX) {
    if (!message.removed()) detector_.HoldSignatures(*target, now + kEdgeIsAtIt);
    if (r == nullptr) r = FindJoin({*target, static_cast<window::Vector>(message.vector())}, now, now);
  }
  if (r == nullptr) return;
  const v1::Rule& rule = message.rule();
  if (message.removed()) {
    r->AddEvent(now, "rule_expired", edge, rule.id(), "the edge took its own rule back");
    return;
  }
  r->AddEvent(now, "rule_confirmed", edge, rule.id(), absl::StrCat("this edge drops ", rule.match()));
  r->AddSignature(rule.id(), rule.match(), message.attack_share(), message.baseline_share());
}

void AttackBook::Impl::OnWindow(std::string_view edge, std::string_view region, const window::Window& window,
                                absl::Time now) {
  if (window.start < now - kRecent) {
    for (auto& [id, r] : records_) r.OnWindow(edge, region, window);
    return;
  }
  for (const std::string& id : active_) records_.at(id).OnWindow(edge, region, window);
  for (const auto& [id, since] : recent_) records_.at(id).OnWindow(edge, region, window);
}

void AttackBook::Impl::OnOwn(const detect::Attack& attack, absl::Time now) {
  const TargetVector key{attack.target, attack.vector};
  Record* r = Find(JoinedId(attack.id));
  const bool known = r != nullptr;
  if (!known) r = FindJoin(key, attack.first_packet, now);
  if (r == nullptr) r = Make(key, attack.detected);
  if (r == nullptr) return;
  // An earlier one of the detector's in the same record is over once it has a new one.
  if (!known) ForgetAlias("", r->own_attack_id, r->id);
  r->OnOwn(attack, now);
  if (!known) Index(*r);
  Settle(*r, now);
}

void AttackBook::Impl::OnFinding(const detect::Finding& finding, absl::Time now, std::vector<Proposal>& proposals) {
  if (const auto* d = std::get_if<detect::AttackDetected>(&finding)) return OnOwn(d->attack, now);
  if (const auto* u = std::get_if<detect::AttackUpdated>(&finding)) return OnOwn(u->attack, now);
  if (const auto* e = std::get_if<detect::AttackEnded>(&finding)) return OnOwn(e->attack, now);
  if (const auto* s = std::get_if<detect::SignatureProposed>(&finding)) {
    Record* r = Find(JoinedId(s->attack_id));
    if (r == nullptr) return;
    Proposal p{Proposal::Kind::kProposed,
               r->id,
               s->signature.id,
               s->target,
               r->key.vector,
               s->signature.match,
               r->own ? r->own->threshold_pps : r->threshold_pps,
               ""};
    own_rules_[p.rule_id] = {p, s->signature};
    r->AddEvent(now, "rule_proposed", "", p.rule_id, rule::CanonicalText(*p.match));
    proposals.push_back(std::move(p));
    return;
  }
  const auto follow_up = [&](const std::string& signature_id, Proposal::Kind kind) -> OwnRule* {
    const auto it = own_rules_.find(signature_id);
    if (it == own_rules_.end()) return nullptr;
    Proposal p = it->second.proposal;
    p.kind = kind;
    p.match = nullptr;
    proposals.push_back(std::move(p));
    return &it->second;
  };
  if (const auto* c = std::get_if<detect::SignatureConfirmed>(&finding)) {
    const OwnRule* rule = follow_up(c->signature_id, Proposal::Kind::kConfirmed);
    Record* r = rule == nullptr ? nullptr : Find(rule->proposal.attack_id);
    if (r == nullptr) return;
    const std::string match = rule::CanonicalText(*rule->signature.match);
    r->AddEvent(now, "rule_confirmed", "", c->signature_id, "exact counts of the edges confirm it");
    r->AddSignature(c->signature_id, match, rule->signature.attack_share, rule->signature.baseline_share);
  } else if (const auto* again = std::get_if<detect::SignatureReconfirmed>(&finding)) {
    follow_up(again->signature_id, Proposal::Kind::kReconfirmed);
  } else if (const auto* x = std::get_if<detect::SignatureRejected>(&finding)) {
    if (follow_up(x->signature_id, Proposal::Kind::kRejected) == nullptr) return;
    proposals.back().detail = x->reason;
    own_rules_.erase(x->signature_id);
  }
}

std::vector<Proposal> AttackBook::Impl::OnSlot(const merge::MergedSlot& slot, absl::Time now) {
  std::vector<Proposal> proposals;
  // A slot that no edge told of isn't a quiet one.
  if (options_.detect && slot.edges > 0) {
    for (const detect::Finding& f : detector_.OnSlot(slot.slot, slot.samples)) OnFinding(f, now, proposals);
    for (const detect::Attack& a : detector_.ActiveAttacks()) {
      if (Record* r = Find(JoinedId(a.id)); r != nullptr && r->own && r->own_attack_id == a.id) r->own->heard = now;
    }
  }
  SettleAll(now);
  return proposals;
}

store::Batch AttackBook::Impl::TakeWrites(absl::Time now) {
  SettleAll(now);
  // The oldest of those that are over make room.
  std::vector<std::pair<absl::Time, std::string>> over;
  for (const auto& [id, r] : records_) {
    if (!r.active()) over.emplace_back(*r.ended, id);
  }
  std::sort(over.begin(), over.end());
  size_t left = over.size();
  for (const auto& [ended, id] : over) {
    if (left <= options_.max_history && ended >= now - options_.history_age) break;
    Forget(id);
    --left;
  }
  store::Batch batch;
  for (auto& [id, r] : records_) {
    const absl::Duration wait = r.parts.size() > kManyParts ? kWriteEvery : absl::ZeroDuration();
    if (!r.turned && (!r.changed || now - r.written < wait)) continue;
    batch.push_back(store::Put(StoreKey(id), Serialize(r, now)));
    r.changed = r.turned = false;
    r.written = now;
  }
  for (const std::string& id : forgotten_) batch.push_back(store::Delete(StoreKey(id)));
  forgotten_.clear();
  return batch;
}

absl::Status AttackBook::Impl::Restore(const store::Store& store, absl::Time now) {
  absl::Status bad;
  absl::Status scanned = store.Scan(kFamily, "", [&](std::string_view key, std::string_view value) {
    absl::StatusOr<Record> r = Parse(value, now);
    if (r.ok() && StoreKey(r->id) != key) r = absl::DataLossError(absl::StrCat("it says that it is ", r->id));
    if (!r.ok()) {
      bad.Update(absl::DataLossError(
          absl::StrCat("key \"", std::string(key), "\": ", std::string(r.status().message()), "; it is left out")));
      return true;
    }
    if (r->active()) active_.insert(r->id);
    const std::string id = r->id;
    Index(records_.insert_or_assign(id, *std::move(r)).first->second);
    return true;
  });
  return scanned.ok() ? bad : scanned;
}

v1::AttacksView AttackBook::Impl::List(const v1::ListAttacksRequest& request, absl::Time now) const {
  std::vector<const Record*> order;
  for (const auto& [id, r] : records_) {
    if (!request.active_only() || r.active()) order.push_back(&r);
  }
  const auto newer = [](const Record* a, const Record* b) {
    return a->detected != b->detected ? a->detected > b->detected : a->id > b->id;
  };
  std::sort(order.begin(), order.end(), newer);
  auto from = order.begin();
  if (!request.cursor().empty()) {
    // The last one of the page before; when it is gone it was among the oldest.
    const auto last = records_.find(request.cursor());
    from = last == records_.end() ? order.end() : std::upper_bound(order.begin(), order.end(), &last->second, newer);
  }
  const uint32_t limit = request.limit() == 0 ? kDefaultLimit : std::min(request.limit(), kMaxLimit);
  v1::AttacksView view;
  for (; from != order.end(); ++from) {
    if (view.attacks_size() == static_cast<int>(limit)) {
      view.set_next_cursor(view.attacks(view.attacks_size() - 1).id());
      break;
    }
    *view.add_attacks() = ToView(**from, now, false);
  }
  return view;
}

absl::StatusOr<v1::AttackView> AttackBook::Impl::Get(std::string_view id, absl::Time now) const {
  const auto it = records_.find(JoinedId(id));
  if (it == records_.end()) {
    return absl::NotFoundError(
        absl::StrCat("no attack \"", std::string(id.substr(0, 64)), "\" is known; those of the last ",
                     absl::FormatDuration(options_.history_age), " are, at most ", options_.max_history));
  }
  return ToView(it->second, now, true);
}

AttackBook::AttackBook(AttackBookOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
AttackBook::~AttackBook() = default;
absl::Status AttackBook::Restore(const store::Store& store, absl::Time now) { return impl_->Restore(store, now); }
void AttackBook::OnReport(std::string_view edge, std::string_view region, const v1::AttackReport& report,
                          absl::Time now) {
  impl_->OnReport(edge, region, report, now);
}
void AttackBook::OnLocalRule(std::string_view edge, const v1::LocalRule& rule, absl::Time now) {
  impl_->OnLocalRule(edge, rule, now);
}
void AttackBook::OnRuleEvent(std::string_view attack_id, std::string_view kind, std::string_view edge,
                             std::string_view rule_id, std::string_view text, absl::Time now) {
  impl_->OnRuleEvent(attack_id, kind, edge, rule_id, text, now);
}
void AttackBook::OnWindow(std::string_view edge, std::string_view region, const window::Window& window,
                          absl::Time now) {
  impl_->OnWindow(edge, region, window, now);
}
std::vector<Proposal> AttackBook::OnSlot(const merge::MergedSlot& slot, absl::Time now) {
  return impl_->OnSlot(slot, now);
}
std::string AttackBook::JoinedId(std::string_view attack_id) const { return impl_->JoinedId(attack_id); }
bool AttackBook::Active(std::string_view joined_id) const { return impl_->Active(joined_id); }
size_t AttackBook::active() const { return impl_->active(); }
std::vector<std::string> AttackBook::AttacksFrom(const net::IpAddress& source) const {
  return impl_->AttacksFrom(source);
}
store::Batch AttackBook::TakeWrites(absl::Time now) { return impl_->TakeWrites(now); }
v1::AttacksView AttackBook::List(const v1::ListAttacksRequest& request, absl::Time now) const {
  return impl_->List(request, now);
}
absl::StatusOr<v1::AttackView> AttackBook::Get(std::string_view id, absl::Time now) const {
  return impl_->Get(id, now);
}

}  // namespace breakwater::attacks
