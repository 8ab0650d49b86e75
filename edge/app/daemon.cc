#include "edge/app/daemon.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/fleet/session_wire.h"
#include "edge/link/clock_offset.h"

namespace breakwater::app {
namespace {

constexpr std::string_view kRulesetCheck = "ruleset";
constexpr std::string_view kInterfacesCheck = "interfaces";
constexpr std::string_view kCountersCheck = "counters";

// After this many slots without counters, control gets empty ones: leases must end also when nothing can be measured.
constexpr int64_t kBlindSlots = 10;

// One event leads to few others (an install and its result); more would be a loop.
constexpr int kMaxChain = 16;

bool Drops(size_t reason) {
  switch (reason) {
#define BW_REASON_DROPS(number, id, name, drops, description) \
  case number:                                                \
    return drops != 0;
    BW_REASONS(BW_REASON_DROPS)
#undef BW_REASON_DROPS
    default:
      return false;
  }
}

// The samples of one of `parts` slots, in the order of their arrival.
std::vector<window::HeaderSample> Part(const std::vector<window::HeaderSample>& samples, size_t index, size_t parts) {
  const auto begin = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() * index / parts);
  const auto end = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() * (index + 1) / parts);
  return {begin, end};
}

}  // namespace

Daemon::Daemon(settings::EdgeConfig config, StateFile::Loaded loaded, Parts parts, Restored restored)
    : config_(std::move(config)),
      parts_(parts),
      slots_(parts.clock),
      saved_(std::move(loaded.state.saved)),
      restored_(std::move(restored)),
      control_(config_.control),
      panic_wanted_(saved_.panic),
      panic_reason_(std::move(loaded.state.panic_reason)),
      panic_since_(loaded.state.panic_since),
      started_(slots_.Now()),
      config_read_(started_),
      next_second_(started_) {
  for (const std::string_view check : {kRulesetCheck, kInterfacesCheck, kCountersCheck}) parts_.health.Expect(check);
  parts_.metrics.start_time.Set(absl::ToDoubleSeconds(started_ - absl::UnixEpoch()));
  parts_.metrics.config_time.Set(absl::ToDoubleSeconds(config_read_ - absl::UnixEpoch()));
  ReportLoadedState(loaded);
  if (parts_.link != nullptr) uplink_.emplace(*parts_.link, parts_.boot_id);
}

void Daemon::ReportLoadedState(const StateFile::Loaded& loaded) {
  for (const absl::Status& problem : loaded.problems) {
    parts_.metrics.state_problems.Add();
    log_.Error("state_unreadable", "a state file can't be used", {{"error", problem}});
  }
  for (const absl::Status& problem : loaded.rejected) {
    parts_.metrics.state_problems.Add();
    log_.Error("state_rule_rejected", "a saved rule can't be used", {{"error", problem}});
  }
  for (const std::string& id : loaded.expired) {
    parts_.metrics.rules_expired.Add();
    rule_log_.Info("rule_expired", "its lease ended while the edge was down", {{"rule", id}});
  }
  if (loaded.found) {
    log_.Info("state_loaded",
              loaded.from_previous ? "the state before the last one is in force" : "the last state is in force",
              {{"revision", saved_.revision}, {"rules", saved_.rules.size()}, {"panic", saved_.panic}});
  } else {
    log_.Info("state_empty", "no earlier state; starting with the configuration alone");
  }
}

void Daemon::Start() {
  LookAtInterfaces();
  Feed(control::Start{std::move(saved_), std::move(restored_.desired), std::move(restored_.stop)});
  saved_ = {};
  restored_ = {};
}

void Daemon::Tick() {
  parts_.health.Beat();
  TakeFromLink();
  if (slots_.Pending() == 0) return;
  const absl::Duration start = parts_.clock.Monotonic();
  if (panic_unsure_) EnforcePanicNow();
  absl::StatusOr<datapath::SlotCounters> counters = parts_.datapath.TakeCounters();
  if (!counters.ok()) {
    parts_.metrics.counter_read_failures.Add();
    if (!std::exchange(counters_failing_, true)) {
      log_.Error("counters_unreadable",
                 "the datapath's counters can't be read; rules stay in force until their leases end",
                 {{"error", counters.status()}});
    }
    parts_.health.Set(kCountersCheck, false, std::string(counters.status().message()));
    // The next look that succeeds brings what this one missed.
    if (slots_.Pending() < kBlindSlots) return;
    counters = datapath::SlotCounters{};
  } else {
    if (std::exchange(counters_failing_, false))
      log_.Info("counters_readable", "the datapath's counters can be read again");
    parts_.health.Set(kCountersCheck, true, "read every 100 ms");
  }
  const SlotClock::Due due = slots_.Take();
  Account(due, *counters);
  Judge(due, *counters);
  if (slots_.Now() >= next_second_) EverySecond();
  parts_.metrics.step_seconds.Observe(absl::ToDoubleSeconds(parts_.clock.Monotonic() - start));
}

void Daemon::Account(const SlotClock::Due& due, const datapath::SlotCounters& counters) {
  parts_.metrics.AddCounters(counters);
  parts_.metrics.slots.Add(due.count);
  parts_.metrics.late_slots.Add(static_cast<double>(due.late));
  parts_.metrics.skipped_slots.Add(static_cast<double>(due.skipped));
  if (due.late + due.skipped > 0) {
    log_.Debug("slots_late", "slots were judged late", {{"late", due.late}, {"skipped", due.skipped}});
  }
  slot_count_ += static_cast<uint64_t>(due.count);
  late_slots_ += due.late + due.skipped;
  lost_samples_ += counters.lost_samples;
  window::Counts total;
  for (size_t reason = 0; reason < counters.reasons.size(); ++reason) {
    const window::Counts& c = counters.reasons[reason];
    verdicts_[reason] += c;
    total.packets += c.packets;
    total.bytes += c.bytes;
    if (!Drops(reason)) continue;
    total.dropped_packets += c.packets;
    total.dropped_bytes += c.bytes;
  }
  recent_.push_back(total);
  for (int i = 1; i < std::min(due.count, window::kSlotsPerWindow); ++i) recent_.push_back({});
  while (recent_.size() > window::kSlotsPerWindow) recent_.pop_front();
}

void Daemon::Judge(const SlotClock::Due& due, const datapath::SlotCounters& counters) {
  const window::Slot slot = builder_.Build(due.first_start, counters);
  if (due.count == 1) {
    Close(slot, counters.samples);
    return;
  }
  // What was given up is taken out in proportion, so that a long stop doesn't look like a flood.
  const uint64_t all = due.skipped + static_cast<uint64_t>(due.count);
  window::Slot whole = slot;
  whole.start = due.first_start - window::kSlotLength * due.skipped;
  const std::vector<window::Slot> parts = SpreadSlot(whole, all, due.skipped);
  for (size_t i = 0; i < parts.size(); ++i) {
    Close(parts[i], Part(counters.samples, i, parts.size()));
  }
}

void Daemon::Close(const window::Slot& slot, std::vector<window::HeaderSample> samples) {
  if (!uplink_) {
    Feed(control::SlotClosed{slot, std::move(samples)});
    return;
  }
  Feed(control::SlotClosed{slot, samples});
  uplink_->OnSlot(slot, samples, control_.Suspicious(Uplink::kSuspiciousShare, Uplink::kMaxSuspicious));
}

void Daemon::TakeFromLink() {
  if (!uplink_) return;
  link::Inbox inbox = uplink_->port().Take();
  uplink_->OnGrants(inbox.grants);
  if (inbox.stop) Feed(*std::move(inbox.stop));
  if (inbox.desired) {
    log_.Info("fleet_rules", "the coordinator's rules have come",
              {{"epoch", inbox.desired->version.epoch()},
               {"revision", inbox.desired->version.revision()},
               {"rules", inbox.desired->rules.size()}});
    Feed(*std::move(inbox.desired));
  }
}

void Daemon::Feed(control::Event event) {
  pending_.push_back(std::move(event));
  if (std::exchange(feeding_, true)) return;  // an action's result; the loop below takes it
  for (int chain = 0; !pending_.empty(); ++chain) {
    if (chain >= kMaxChain) {
      log_.Error("control_loop", "one event led to too many others; the rest is dropped",
                 {{"events", pending_.size()}});
      pending_.clear();
      break;
    }
    control::Event next = std::move(pending_.front());
    pending_.pop_front();
    for (control::Action& action : control_.Step(std::move(next), slots_.Now())) {
      std::visit([this](auto& a) { Perform(std::move(a)); }, action);
    }
  }
  feeding_ = false;
}

void Daemon::Perform(control::InstallRuleset action) {
  const absl::Duration start = parts_.clock.Monotonic();
  const absl::StatusOr<datapath::InstallReport> report = parts_.datapath.Install(action.ruleset);
  const absl::Duration took = parts_.clock.Monotonic() - start;
  parts_.metrics.install_seconds.Observe(absl::ToDoubleSeconds(took));
  if (!report.ok()) {
    parts_.metrics.install_failures.Add();
    if (installed_revision_ == 0) parts_.health.Set(kRulesetCheck, false, std::string(report.status().message()));
    parts_.health.Note("install", absl::StrCat("revision ", action.ruleset.revision,
                                               " isn't in force: ", std::string(report.status().message())));
    Feed(control::InstallFailed{action.ruleset.revision, report.status()});
    return;
  }
  installed_revision_ = action.ruleset.revision;
  installed_rules_ = action.ruleset.rules.size() - std::min(action.ruleset.rules.size(), report->refused.size());
  builder_.SetRuleset(action.ruleset);
  parts_.metrics.installs.Add();
  parts_.metrics.revision.Set(static_cast<double>(installed_revision_));
  parts_.health.Set(kRulesetCheck, true, absl::StrCat("revision ", installed_revision_, " is in force"));
  parts_.health.Note("install", "");
  log_.Info("ruleset_installed", "a ruleset is in force",
            {{"revision", installed_revision_},
             {"rules", action.ruleset.rules.size()},
             {"refused", report->refused.size()},
             {"ms", absl::ToDoubleMilliseconds(took)}});
  Feed(control::Installed{*report});
}

void Daemon::Perform(const control::EnforcePanic& action) {
  panic_wanted_ = action.on;
  EnforcePanicNow();
}

void Daemon::EnforcePanicNow() {
  const absl::Status s = parts_.datapath.SetPanic(panic_wanted_);
  panic_unsure_ = !s.ok();
  if (!s.ok()) {
    parts_.metrics.panic_failures.Add();
    log_.Error("panic_failed", "the datapath didn't take the change; it is tried again every slot",
               {{"on", panic_wanted_}, {"error", s}});
    return;
  }
  parts_.metrics.panic.Set(panic_wanted_ ? 1 : 0);
  parts_.health.Note("panic", panic_wanted_ ? "enforcing is stopped: nothing is dropped" : "");
  const control::StopEnforcing* order = control_.fleet_stop();
  const std::string who = control_.panic() || order == nullptr ? "a person at this edge" : "the coordinator";
  const std::string& reason = control_.panic() || order == nullptr ? panic_reason_ : order->reason;
  if (panic_wanted_) {
    log_.Warning("panic_on", "enforcing is stopped: nothing is dropped", {{"by", who}, {"reason", reason}});
  } else {
    log_.Warning("panic_off", "enforcing goes on", {{"reason", reason}});
  }
}

void Daemon::Perform(control::Persist action) {
  parts_.writer.Submit({.saved = std::move(action.state), .panic_reason = panic_reason_, .panic_since = panic_since_});
}

void Daemon::Perform(const control::ReportAttack& action) {
  const detect::Attack& a = action.attack;
  const std::vector<log::Field> fields = {
      {"attack", a.id},
      {"target", a.target.ToString()},
      {"vector", window::vector_name(a.vector)},
      {"state", detect::AttackStateName(a.state)},
      {"first_packet", absl::FormatTime(absl::RFC3339_full, a.first_packet, absl::UTCTimeZone())},
      {"threshold_pps", a.threshold_pps},
      {"peak_pps", a.peak_pps},
      {"peak_bps", a.peak_bps},
      {"packets", a.total.packets},
      {"dropped_packets", a.total.dropped_packets},
      {"signatures", a.signatures.size()},
      {"note", a.note}};
  const bool update = action.change == "updated";
  attack_log_.Write(update ? log::Level::kDebug : log::Level::kWarning, absl::StrCat("attack_", action.change),
                    absl::StrCat("attack ", action.change), fields);
  if (action.change == "detected") {
    parts_.metrics.CountAttack(a.vector);
    parts_.metrics.detection_seconds.Observe(absl::ToDoubleSeconds(a.detected - a.first_packet));
  }
  if (a.first_drop && drop_seen_.insert(a.id).second) {
    parts_.metrics.mitigation_seconds.Observe(absl::ToDoubleSeconds(*a.first_drop - a.first_packet));
  }
  if (action.change == "ended") drop_seen_.erase(a.id);
  if (uplink_) uplink_->OnAttack(a);
}

void Daemon::Perform(const control::ReportLocalRule& action) {
  if (uplink_) uplink_->OnLocalRule(action);
}

void Daemon::Perform(control::ReportFleet action) {
  if (!fleet::SameVersion(action.applied, fleet_.applied)) {
    log_.Info("fleet_rules_applied", "the coordinator's rules are in force",
              {{"epoch", action.applied.epoch()},
               {"revision", action.applied.revision()},
               {"exceptions", action.exceptions.size()}});
    parts_.metrics.fleet_revision_applied.Set(static_cast<double>(action.applied.revision()));
  }
  if (uplink_) uplink_->OnFleet(action);
  fleet_ = std::move(action);
}

void Daemon::Perform(const control::ReportRule& action) {
  const std::string& change = action.change;
  if (change == "refused") parts_.metrics.rule_refusals.Add();
  if (change == "proposed") parts_.metrics.rules_proposed.Add();
  if (change == "confirmed") parts_.metrics.rules_confirmed.Add();
  if (change == "expired") parts_.metrics.rules_expired.Add();
  if (change == "armed_enforcing") parts_.metrics.armed_enforced.Add();
  const bool failed = change == "refused" || change == "install_failed";
  rule_log_.Write(
      failed ? log::Level::kError : log::Level::kInfo, action.rule_id.empty() ? change : absl::StrCat("rule_", change),
      action.detail,
      action.rule_id.empty() ? std::vector<log::Field>{} : std::vector<log::Field>{{"rule", action.rule_id}});
}

void Daemon::SetPanic(bool on, std::string_view reason) {
  if (on == control_.panic()) return;
  panic_reason_ = std::string(reason.substr(0, StateFile::kMaxPanicReason));
  panic_since_ = on ? slots_.Now() : absl::InfinitePast();
  Feed(control::SetPanic{on});
}

void Daemon::Reload(const settings::LoadedConfig& loaded) {
  if (!loaded.config) {
    constexpr size_t kLogged = 20;
    parts_.metrics.reload_failures.Add();
    for (const std::string& problem : std::span(loaded.problems).first(std::min(kLogged, loaded.problems.size()))) {
      log_.Error("config_mistake", problem);
    }
    log_.Error("reload_refused", "the new configuration has mistakes; the old one stays in force",
               {{"mistakes", loaded.problems.size()}});
    parts_.health.Note("config", absl::StrCat("the last reload was refused: ", loaded.problems.front()));
    return;
  }
  settings::EdgeConfig next = *loaded.config;
  std::string restart;
  for (const std::string& key : settings::NeedsRestart(config_, next))
    absl::StrAppend(&restart, restart.empty() ? "" : ", ", key);
  if (!restart.empty())
    log_.Warning("reload_partial", "some changes take effect at the next start", {{"keys", restart}});
  // What can't change while running stays as it is.
  next.control.edge_id = config_.control.edge_id;
  next.live = config_.live;
  next.state_directory = config_.state_directory;
  next.admin_socket = config_.admin_socket;
  next.http_listen = config_.http_listen;
  next.log_format = config_.log_format;
  next.anycast = config_.anycast;
  next.coordinator = config_.coordinator;
  config_ = std::move(next);
  config_read_ = slots_.Now();
  log::SetLevel(config_.log_level);
  parts_.metrics.reloads.Add();
  parts_.metrics.config_time.Set(absl::ToDoubleSeconds(config_read_ - absl::UnixEpoch()));
  parts_.health.Note("config", restart.empty() ? "" : absl::StrCat("changes wait for a restart: ", restart));
  log_.Info("reloaded", "the new configuration is in force", {{"protected", config_.control.policies.size()}});
  Feed(control::ReplaceSettings{config_.control});
}

void Daemon::EverySecond() {
  next_second_ = slots_.Now() + absl::Seconds(1);
  LookAtInterfaces();
  parts_.metrics.SetRules(control_.Rules());
  const std::vector<detect::Attack> attacks = control_.Attacks();
  parts_.metrics.attacks_active.Set(static_cast<double>(std::count_if(
      attacks.begin(), attacks.end(), [](const detect::Attack& a) { return a.state != detect::AttackState::kEnded; })));
  parts_.metrics.clock_offset.Set(absl::ToDoubleSeconds(slots_.Offset()));
  if (uplink_) {
    FollowLink();
    SendHeartbeat();
  }
  const absl::Status written = parts_.writer.last_result();
  parts_.health.Note("state_file",
                     written.ok() ? "" : absl::StrCat("can't be written: ", std::string(written.message())));
}

void Daemon::FollowLink() {
  const link::LinkView view = uplink_->port().View();
  uplink_->Follow(view, slots_.Offset());
  parts_.metrics.SetLink(view, uplink_->lost());
  const bool connected = view.state == link::LinkState::kConnected;
  parts_.health.Note("coordinator", connected ? ""
                                              : absl::StrCat("no session, this edge goes on by itself",
                                                             view.last_error.empty() ? "" : ": ", view.last_error));
  const absl::Duration offset = view.clock_offset.value_or(absl::ZeroDuration());
  parts_.health.Note("clock", absl::AbsDuration(offset) <= link::ClockOffset::kAlarm
                                  ? ""
                                  : absl::StrCat("the coordinator's clock is ", absl::FormatDuration(offset),
                                                 " from this edge's; set them by NTP"));
}

void Daemon::SetAnycast(AnycastStatus anycast) {
  const bool changed = anycast.state != anycast_.state;
  anycast_ = std::move(anycast);
  if (changed && uplink_) SendHeartbeat();
}

void Daemon::SendHeartbeat() {
  v1::Heartbeat heartbeat;
  const HostLoad::Values load = load_.Look(config_.live.interfaces);
  heartbeat.set_cpu_permille(load.cpu_permille);
  heartbeat.set_softirq_permille(load.softirq_permille);
  heartbeat.set_receive_drops(load.receive_drops);
  window::Counts total;
  for (size_t reason = 0; reason < verdicts_.size(); ++reason) {
    total.packets += verdicts_[reason].packets;
    if (Drops(reason)) total.dropped_packets += verdicts_[reason].packets;
  }
  heartbeat.set_packets(total.packets);
  heartbeat.set_dropped_packets(total.dropped_packets);
  heartbeat.set_unparsed_packets(verdicts_[BW_REASON_PASS_UNPARSED].packets);
  heartbeat.set_rules_installed(static_cast<uint32_t>(installed_rules_));
  heartbeat.set_panic(panic_wanted_);
  heartbeat.set_ready(parts_.health.Read().ready);
  for (const datapath::AttachedInterface& interface : interfaces_) {
    v1::Interface& out = *heartbeat.add_interfaces();
    out.set_name(interface.name);
    out.set_present(interface.present);
    out.set_native_mode(interface.mode == datapath::AttachMode::kNative);
  }
  heartbeat.set_anycast(anycast_.state);
  heartbeat.set_anycast_reason(anycast_.reason.substr(0, fleet::SessionBounds::kReason));
  uplink_->OnHeartbeat(std::move(heartbeat));
}

void Daemon::LookAtInterfaces() {
  std::vector<datapath::AttachedInterface> now = parts_.datapath.RefreshInterfaces();
  std::string missing;
  for (const datapath::AttachedInterface& interface : now) {
    parts_.metrics.SetInterfacePresent(interface.name, interface.present);
    if (!interface.present) absl::StrAppend(&missing, missing.empty() ? "" : ", ", interface.name);
    const auto before = std::find_if(interfaces_.begin(), interfaces_.end(),
                                     [&](const datapath::AttachedInterface& i) { return i.name == interface.name; });
    const bool was_present = before != interfaces_.end() && before->present;
    if (before != interfaces_.end() && was_present == interface.present) continue;
    if (interface.present) {
      log_.Info("interface_attached", "packets of the interface are judged",
                {{"interface", interface.name},
                 {"index", interface.index},
                 {"mode", interface.mode == datapath::AttachMode::kNative ? "native" : "generic"}});
    } else {
      log_.Error("interface_gone", "the interface has disappeared; it is attached again when it comes back",
                 {{"interface", interface.name}});
    }
  }
  parts_.health.Set(kInterfacesCheck, missing.empty(),
                    missing.empty() ? "all attached" : absl::StrCat(missing, " isn't there"));
  interfaces_ = std::move(now);
}

Status Daemon::GetStatus() const {
  Status s;
  s.edge_id = config_.control.edge_id;
  s.now = slots_.Now();
  s.started = started_;
  s.config_read = config_read_;
  s.revision = control_.revision();
  s.installed_revision = installed_revision_;
  s.panic = control_.panic();
  s.panic_reason = panic_reason_;
  s.panic_since = panic_since_;
  if (uplink_) {
    CoordinatorStatus c{.link = uplink_->port().View(), .applied = control_.fleet_applied()};
    for (const v1::RuleStatus& status : fleet_.exceptions) {
      ++(status.enforcing() ? c.enforcing_rules : c.refused_rules);
    }
    if (const control::StopEnforcing* order = control_.fleet_stop()) {
      c.stopped = true;
      c.stop_reason = order->reason;
      c.stop_until = order->until;
    }
    s.coordinator = std::move(c);
  }
  s.interfaces = interfaces_;
  for (const window::Counts& c : recent_) s.last_second += c;
  s.verdicts = verdicts_;
  s.slots = slot_count_;
  s.late_slots = late_slots_;
  s.lost_samples = lost_samples_;
  return s;
}

}  // namespace breakwater::app
