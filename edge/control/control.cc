#include "edge/control/control.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace breakwater::control {
namespace {

// How long after a failed install the same ruleset is tried again.
constexpr absl::Duration kRetryInstall = absl::Seconds(5);
// A renewed lease is written to disk when the copy there has less than this share of the lease left.
constexpr double kPersistLeaseShare = 0.5;

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
  std::string RuleOfSlot(uint32_t slot) const { return book_.RuleOfSlot(slot); }

 private:
  void On(Start& start) {
    revision_ = start.saved.revision;
    panic_ = start.saved.panic;
    if (panic_) actions_.push_back(EnforcePanic{true});
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
    dirty_ = true;
  }

  void On(SlotClosed& closed) {
    book_.Count(closed.slot, now_, settings_.lease);
    if (settings_.detect) {
      for (detect::Finding& finding : detector_.OnSlot(closed.slot, closed.samples)) {
        std::visit([this](auto& f) { OnFinding(f); }, finding);
      }
    }
    for (const rule::Rule& rule : book_.RemoveExpired(now_)) {
      Report(rule.id, "expired", "its lease ended");
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
    book_.ApplyReport(installed.report, now_);
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
    actions_.push_back(EnforcePanic{panic_});
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
      }
    }
    AddOperatorRules();
    dirty_ = true;
  }

  void AddOperatorRules() {
    for (const rule::Rule& rule : settings_.operator_rules) {
      if (absl::Status s = book_.Add(rule, settings_.guards, now_); !s.ok()) {
        book_.AddRefused(rule, s);
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
    }
  }

  void OnFinding(detect::SignatureReconfirmed& f) {
    book_.Reconfirm(f.signature_id, now_ + settings_.detector.reconfirm_every + settings_.lease);
  }

  void OnFinding(detect::SignatureRejected& f) {
    if (book_.Remove(f.signature_id, now_)) {
      Report(f.signature_id, "rejected", f.reason);
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
    actions_.push_back(InstallRuleset{{.revision = revision_,
                                       .policies = settings_.policies,
                                       .sources = settings_.sources,
                                       .rules = book_.Entries()}});
    PersistNow();
  }

  void PersistNow() {
    SavedState state{.revision = revision_, .panic = panic_, .rules = book_.Saved()};
    persisted_expiry_.clear();
    for (const SavedRule& saved : state.rules) persisted_expiry_[saved.rule.id] = saved.rule.expires;
    actions_.push_back(Persist{std::move(state)});
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
std::string Control::RuleOfSlot(uint32_t counter_slot) const { return impl_->RuleOfSlot(counter_slot); }

}  // namespace breakwater::control
