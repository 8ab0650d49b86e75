#include "edge/control/control.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rule/refusal.h"

namespace breakwater::control {
namespace {

// How long after a failed install the same ruleset is tried again.
constexpr absl::Duration kRetryInstall = absl::Seconds(5);
// A renewed lease is written to disk when the copy there has less than this share of the lease left.
constexpr double kPersistLeaseShare = 0.5;
// So many are told to the coordinator; a message carries no more.
constexpr size_t kMaxExceptions = 1024;

}  // namespace

class Control::Impl {
 public:
  explicit Impl(Settings settings)
      : settings_(std::move(settings)),
        detector_(settings_.detector, settings_.edge_id),
        book_({.max_reflex = settings_.max_reflex_rules}) {}

  std::vector<Action> Step(Event event, absl::Time now) {
    now_ = std::max(now_, now);
    actions_.clear();
    std::visit([this](auto& e) { On(e); }, event);
    if (dirty_) Publish();
    if (fleet_changed_) TellFleet();
    return std::move(actions_);
  }

  std::vector<RuleView> Rules() const { return book_.Views(now_); }

  std::vector<detect::Attack> Attacks() const {
    std::vector<detect::Attack> attacks;
    for (const auto& [id, attack] : active_) attacks.push_back(attack);
    std::sort(attacks.begin(), attacks.end(),
              [](const detect::Attack& a, const detect::Attack& b) { return a.detected > b.detected; });
    attacks.insert(attacks.end(), history_.begin(), history_.end());
    return attacks;
  }

  uint64_t revision() const { return revision_; }
  bool panic() const { return panic_; }
  const StopEnforcing* fleet_stop() const { return Stopped() ? &*stop_ : nullptr; }
  const v1::SetVersion& fleet_applied() const { return applied_; }
  std::vector<window::TargetVector> Suspicious(double share, size_t limit) const {
    if (!settings_.detect) return {};
    return detector_.Suspicious(share, limit);
  }
  std::string RuleOfSlot(uint32_t slot) const { return book_.RuleOfSlot(slot); }

 private:
  void On(Start& start) {
    revision_ = start.saved.revision;
    panic_ = start.saved.panic;
    if (start.stop) stop_ = *std::move(start.stop);
    EnforceOrNot();
    // Saved rules first: they claim the counter slots they had.
    for (const SavedRule& saved : start.saved.rules) {
      if (saved.rule.expires <= now_) {
        Report(saved.rule.id, "expired", "its lease ended while the edge was down");
        continue;
      }
      if (absl::Status s = book_.Restore(saved, settings_.guards, now_); !s.ok()) {
        Report(saved.rule.id, "refused", std::string(s.message()));
        continue;
      }
      // What was confirmed before the restart goes on until the detector of this run has had its say.
      book_.Reconfirm(saved.rule.id, now_ + settings_.detector.reconfirm_every);
      Report(saved.rule.id, "restored", rule::ModeName(saved.rule.mode));
    }
    AddOperatorRules();
    if (start.desired) TakeDesired(*start.desired);
    dirty_ = true;
  }

  void On(DesiredRules& desired) {
    TakeDesired(desired);
    // Nothing but leases or versions has changed: it is in force already.
    if (!dirty_) {
      Apply();
      PersistNow();
    }
  }

  void On(StopEnforcing& order) {
    stop_ = std::move(order);
    EnforceOrNot();
    PersistNow();
  }

  void On(SlotClosed& closed) {
    for (const std::string& id : book_.Count(closed.slot, now_, settings_.lease)) {
      const bool enforces = book_.IsEnforcing(id);
      Report(id, enforces ? "armed_enforcing" : "armed_again",
             enforces ? "this edge's own slots confirm it; it enforces now" : "it matched too little for 30 s");
      dirty_ = true;
      fleet_changed_ = true;
    }
    EnforceOrNot();  // an order may have come to its end
    if (settings_.detect) {
      for (detect::Finding& finding : detector_.OnSlot(closed.slot, closed.samples)) {
        std::visit([this](auto& f) { OnFinding(f); }, finding);
      }
    }
    for (const rule::Rule& rule : book_.RemoveExpired(now_)) {
      Report(rule.id, "expired", "its lease ended");
      Gone(rule.id);
      dirty_ = true;
    }
    if (retry_at_ <= now_) dirty_ = true;
    if (!dirty_ && LeasesNeedPersisting()) PersistNow();
  }

  void On(Installed& installed) {
    for (const datapath::RuleRefusal& refusal : installed.report.refused) {
      Report(refusal.rule_id, "refused", std::string(refusal.status.message()));
    }
    // Whatever the datapath refused is gone from the next ruleset too, so nothing needs to be installed again.
    for (const std::string& id : book_.ApplyReport(installed.report, now_)) Gone(id);
    if (!installed.report.refused.empty()) fleet_changed_ = true;
    if (desired_in_ != 0 && installed.report.revision >= desired_in_) Apply();
  }

  void On(InstallFailed& failed) {
    book_.ApplyFailure(failed.status);
    Report("", "install_failed",
           absl::StrCat("revision ", failed.revision, ": ", std::string(failed.status.message()),
                        "; the ruleset before it stays in force"));
    retry_at_ = now_ + kRetryInstall;
  }

  void On(SetPanic& panic) {
    if (panic_ == panic.on) return;
    panic_ = panic.on;
    EnforceOrNot();
    PersistNow();
  }

  void On(ReplaceSettings& replace) {
    const bool new_detector = !(replace.settings.detector == settings_.detector);
    settings_ = std::move(replace.settings);
    if (new_detector)
      detector_ = detect::Detector(settings_.detector, absl::StrCat(settings_.edge_id, "-r", revision_));
    // Every rule goes through validation again: guard lists may have changed.
    std::vector<SavedRule> reflex = book_.Saved();
    const std::vector<RuleView> before = book_.Views(now_);
    for (const RuleView& view : before) {
      if (!view.rule.automatic()) book_.Remove(view.rule.id, now_);
    }
    for (const SavedRule& saved : reflex) {
      if (absl::Status s = rule::Validate(saved.rule, {.now = now_}, settings_.guards); !s.ok()) {
        book_.Remove(saved.rule.id, now_);
        Report(saved.rule.id, "refused", std::string(s.message()));
        Gone(saved.rule.id);
      }
    }
    AddOperatorRules();
    Reconcile();
    dirty_ = true;
  }

  void TakeDesired(DesiredRules& desired) {
    wanted_ = desired.version;
    unreadable_ = std::move(desired.rejected);
    signed_set_ = std::move(desired.signed_set);
    fleet_changed_ = true;
    waits_ = true;
    if (book_.SetDesired(std::move(desired.rules), settings_.guards, now_)) dirty_ = true;
    ReportRefused();
  }

  // The coordinator's rules again, where the edge's own have made way or the guards are others.
  void Reconcile() {
    if (!book_.Reconcile(settings_.guards, now_)) return;
    dirty_ = true;
    fleet_changed_ = true;
    ReportRefused();
  }

  void ReportRefused() {
    std::map<std::string, std::string> refused;
    for (const rules::RefusedRule& rule : book_.DesiredRefused()) refused[rule.id] = std::string(rule.status.message());
    for (const rule::RejectedRule& rule : unreadable_) refused[rule.id] = std::string(rule.status.message());
    for (const auto& [id, why] : refused) {
      const auto before = refused_.find(id);
      if (before == refused_.end() || before->second != why) Report(id, "refused", why);
    }
    refused_ = std::move(refused);
  }

  // The set that waited is in force.
  void Apply() {
    desired_in_ = 0;
    waits_ = false;
    applied_ = wanted_;
    fleet_changed_ = true;
  }

  bool Stopped() const { return stop_ && stop_->on && now_ < stop_->until; }

  void EnforceOrNot() {
    const bool stopped = panic_ || Stopped();
    if (stopped == stopped_) return;
    stopped_ = stopped;
    actions_.push_back(EnforcePanic{stopped_});
  }

  // One of the edge's own rules has left: the coordinator hears of it, and its rule of that id may take the place.
  void Gone(const std::string& id) {
    if (const auto local = local_.find(id); local != local_.end()) {
      local->second.removed = true;
      actions_.push_back(std::move(local->second));
      local_.erase(local);
    }
    fleet_changed_ = true;
    Reconcile();
  }

  void TellFleet() {
    fleet_changed_ = false;
    if (!signed_set_) return;  // it has never said what it wants
    std::map<std::string, v1::RuleStatus> by_id;
    const auto add = [&](std::string_view id, rule::RuleState state, std::optional<rule::Refusal> reason,
                         std::string_view detail, bool enforcing) {
      if (by_id.size() >= kMaxExceptions) return;
      absl::StatusOr<v1::RuleStatus> status = rule::ToProto(rule::RuleStatus{.rule_id = std::string(id),
                                                                             .epoch = wanted_.epoch(),
                                                                             .revision = wanted_.revision(),
                                                                             .state = state,
                                                                             .reason = reason,
                                                                             .detail = std::string(detail)});
      if (!status.ok()) return;
      status->set_enforcing(enforcing);
      by_id.insert_or_assign(std::string(id), *std::move(status));
    };
    for (const rule::RejectedRule& rule : unreadable_) {
      add(rule.id, rule::RuleState::kRejected, rule::RefusalOf(rule.status), std::string(rule.status.message()), false);
    }
    for (const rules::RefusedRule& rule : book_.DesiredRefused()) {
      add(rule.id, rule::RuleState::kRejected, rule::RefusalOf(rule.status), std::string(rule.status.message()), false);
    }
    for (const std::string& id : book_.Enforcing()) add(id, rule::RuleState::kInstalled, std::nullopt, "", true);
    ReportFleet report{.applied = applied_, .exceptions = {}};
    for (auto& [id, status] : by_id) report.exceptions.push_back(std::move(status));
    actions_.push_back(std::move(report));
  }

  void AddOperatorRules() {
    for (const rule::Rule& rule : settings_.operator_rules) {
      if (absl::Status s = book_.Add(rule, settings_.guards, now_); !s.ok()) {
        book_.AddRefused(rule, s, now_);
        Report(rule.id, "refused", std::string(s.message()));
      }
    }
  }

  void OnFinding(detect::AttackDetected& f) {
    active_[f.attack.id] = f.attack;
    actions_.push_back(ReportAttack{f.attack, "detected"});
  }

  void OnFinding(detect::AttackUpdated& f) {
    active_[f.attack.id] = f.attack;
    actions_.push_back(ReportAttack{f.attack, "updated"});
  }

  void OnFinding(detect::AttackEnded& f) {
    active_.erase(f.attack.id);
    history_.push_front(f.attack);
    if (history_.size() > settings_.max_attack_history) history_.pop_back();
    actions_.push_back(ReportAttack{std::move(f.attack), "ended"});
  }

  void OnFinding(detect::SignatureProposed& f) {
    rule::Rule rule;
    rule.id = f.signature.id;
    rule.origin = rule::Origin::kEdgeDetector;
    if (f.target.site.empty()) rule.scope.prefixes = {f.target.prefix};
    rule.match = f.signature.match;
    rule.action = {.kind = rule::ActionKind::kDrop};
    // Enforced only once the datapath's exact counts have confirmed it.
    rule.mode = rule::Mode::kObserve;
    rule.priority = 2000;
    rule.expires = now_ + settings_.lease;
    rule.attack_id = f.attack_id;
    rule.reason = absl::StrCat("attack ", f.attack_id, " on ", f.target.ToString());
    if (absl::Status s = book_.Add(rule, settings_.guards, now_); !s.ok()) {
      Report(rule.id, "refused", std::string(s.message()));
      return;
    }
    Report(rule.id, "proposed", rule::CanonicalText(*rule.match));
    dirty_ = true;
  }

  void OnFinding(detect::SignatureConfirmed& f) {
    book_.Reconfirm(f.signature_id, now_ + settings_.detector.reconfirm_every + settings_.lease);
    if (book_.SetMode(f.signature_id, rule::Mode::kEnforce)) {
      Report(f.signature_id, "confirmed", "exact counts confirm it; it enforces now");
      dirty_ = true;
      TellOfLocalRule(f);
    }
  }

  void TellOfLocalRule(const detect::SignatureConfirmed& f) {
    const std::optional<RuleView> view = book_.View(f.signature_id);
    const auto attack = active_.find(f.attack_id);
    if (!view || attack == active_.end()) return;
    ReportLocalRule report{.rule = view->rule,
                           .attack_id = f.attack_id,
                           .target = attack->second.target,
                           .vector = attack->second.vector,
                           .threshold_pps = attack->second.threshold_pps,
                           .attack_share = f.attack_share,
                           .baseline_share = f.baseline_share,
                           .counts = view->total};
    local_.insert_or_assign(f.signature_id, report);
    actions_.push_back(std::move(report));
  }

  void OnFinding(detect::SignatureReconfirmed& f) {
    book_.Reconfirm(f.signature_id, now_ + settings_.detector.reconfirm_every + settings_.lease);
  }

  void OnFinding(detect::SignatureRejected& f) {
    if (book_.Remove(f.signature_id, now_)) {
      Report(f.signature_id, "rejected", f.reason);
      Gone(f.signature_id);
      dirty_ = true;
    }
  }

  void Report(std::string_view id, std::string_view change, std::string_view detail) {
    actions_.push_back(ReportRule{std::string(id), std::string(change), std::string(detail)});
  }

  void Publish() {
    dirty_ = false;
    retry_at_ = absl::InfiniteFuture();
    ++revision_;
    if (waits_) desired_in_ = revision_;
    actions_.push_back(InstallRuleset{{.revision = revision_,
                                       .policies = settings_.policies,
                                       .sources = settings_.sources,
                                       .rules = book_.Entries()}});
    PersistNow();
  }

  void PersistNow() {
    SavedState state{.revision = revision_, .panic = panic_, .rules = book_.Saved(), .fleet = SignedState()};
    persisted_expiry_.clear();
    for (const SavedRule& saved : state.rules) persisted_expiry_[saved.rule.id] = saved.rule.expires;
    actions_.push_back(Persist{std::move(state)});
  }

  std::shared_ptr<const v1::FleetState> SignedState() {
    if (!stop_) return signed_set_;
    auto state = signed_set_ ? std::make_shared<v1::FleetState>(*signed_set_) : std::make_shared<v1::FleetState>();
    *state->mutable_stop() = stop_->signed_order;
    return state;
  }

  bool LeasesNeedPersisting() const {
    for (const auto& [id, expires] : persisted_expiry_) {
      if (expires - now_ < settings_.lease * kPersistLeaseShare && book_.ExpiresAfter(id, expires)) return true;
    }
    return false;
  }

  Settings settings_;
  detect::Detector detector_;
  rules::RuleBook book_;
  absl::Time now_ = absl::InfinitePast();
  uint64_t revision_ = 0;
  bool panic_ = false;
  bool dirty_ = false;
  bool stopped_ = false;  // what was said last to the datapath: by a person here or by the coordinator
  // The coordinator's.
  std::optional<StopEnforcing> stop_;
  v1::SetVersion wanted_;
  v1::SetVersion applied_;
  bool waits_ = false;       // wanted_ isn't in force yet
  uint64_t desired_in_ = 0;  // the revision of ours that brings it; 0 = none is on its way
  std::shared_ptr<const v1::FleetState> signed_set_;
  std::vector<rule::RejectedRule> unreadable_;
  std::map<std::string, std::string> refused_;  // what was reported of the set's rules
  bool fleet_changed_ = false;
  std::map<std::string, ReportLocalRule> local_;  // what the coordinator was told of
  absl::Time retry_at_ = absl::InfiniteFuture();
  std::map<std::string, detect::Attack> active_;
  std::deque<detect::Attack> history_;
  // Expiry of each reflex rule as it stands on disk.
  std::map<std::string, absl::Time> persisted_expiry_;
  std::vector<Action> actions_;
};

Control::Control(Settings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Control::~Control() = default;
std::vector<Action> Control::Step(Event event, absl::Time now) { return impl_->Step(std::move(event), now); }
std::vector<RuleView> Control::Rules() const { return impl_->Rules(); }
std::vector<detect::Attack> Control::Attacks() const { return impl_->Attacks(); }
uint64_t Control::revision() const { return impl_->revision(); }
bool Control::panic() const { return impl_->panic(); }
std::vector<window::TargetVector> Control::Suspicious(double share, size_t limit) const {
  return impl_->Suspicious(share, limit);
}
const StopEnforcing* Control::fleet_stop() const { return impl_->fleet_stop(); }
const v1::SetVersion& Control::fleet_applied() const { return impl_->fleet_applied(); }
std::string Control::RuleOfSlot(uint32_t counter_slot) const { return impl_->RuleOfSlot(counter_slot); }

}  // namespace breakwater::control
