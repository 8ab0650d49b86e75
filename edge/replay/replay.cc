#include "edge/replay/replay.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "edge/replay/frame.h"
#include "edge/replay/ledger.h"
#include "edge/replay/merge.h"
#include "edge/telemetry/slot_builder.h"

namespace breakwater::replay {
namespace {

const int64_t kSlotNs = absl::ToInt64Nanoseconds(window::kSlotLength);
// A ruleset that leads to another one, and so on, is a defect; it must not hang.
constexpr int kMaxInstallsInARow = 64;

class Run {
 public:
  Run(std::vector<Input>& inputs, datapath::Engine& engine, const control::Settings& settings, EventSink events)
      : inputs_(inputs), engine_(engine), control_(settings), events_(std::move(events)), files_(inputs.size()) {}

  absl::StatusOr<Result> operator()() {
    if (absl::Status s = Perform(control_.Step(control::Start{}, ToTime(0)), 0); !s.ok()) return s;
    std::vector<Track*> tracks;
    for (const Input& input : inputs_) tracks.push_back(input.track.get());
    Merge merge(tracks);
    bool any = false;
    while (Merge::Item item = merge.Next()) {
      any = true;
      if (item.packet->time_ns >= slot_start_ + kSlotNs) {
        if (absl::Status s = CloseSlotsBefore(item.packet->time_ns); !s.ok()) return s;
      }
      if (absl::Status s = Judge(item); !s.ok()) return s;
    }
    if (any) {
      if (absl::Status s = CloseSlot(); !s.ok()) return s;
    }
    Result result = ledger_.Finish(control_.Rules());
    for (size_t i = 0; i < inputs_.size(); ++i) {
      FileResult& file = files_[i];
      file.file = inputs_[i].track->path();
      file.label = inputs_[i].label;
      file.status = inputs_[i].track->status();
      file.note = inputs_[i].track->note();
    }
    result.files = std::move(files_);
    return result;
  }

 private:
  absl::Status Judge(const Merge::Item& item) {
    const Packet& packet = *item.packet;
    FileResult& file = files_[item.track];
    ++file.packets;
    absl::StatusOr<datapath::Verdict> verdict = engine_.Process(packet.frame, ToTime(packet.time_ns));
    if (!verdict.ok()) return EngineError(verdict.status(), item);
    slot_has_packets_ = true;
    file.dropped_packets += verdict->dropped;
    file.unparsed_packets += verdict->reason == BW_REASON_PASS_UNPARSED;
    ledger_.OnPacket(inputs_[item.track].label, ReadFrame(packet.frame), *verdict, packet.time_ns);
    return absl::OkStatus();
  }

  absl::Status EngineError(const absl::Status& status, const Merge::Item& item) const {
    std::string hex;
    for (size_t i = 0; i < item.packet->frame.size(); ++i) {
      if (i % 16 == 0) absl::StrAppendFormat(&hex, "\n  %04x ", i);
      absl::StrAppendFormat(&hex, " %02x", item.packet->frame[i]);
    }
    return absl::Status(status.code(),
                        absl::StrCat("packet ", files_[item.track].packets, " of ", inputs_[item.track].track->path(),
                                     " at ", item.packet->time_ns, " ns: ", std::string(status.message()),
                                     "; its frame of ", item.packet->frame.size(), " bytes:", hex));
  }

  // Closes the current slot and the empty ones up to that of time_ns, which becomes the current one.
  absl::Status CloseSlotsBefore(int64_t time_ns) {
    const int64_t next_start = time_ns / kSlotNs * kSlotNs;
    int idle = 0;
    while (slot_start_ < next_start) {
      if (absl::Status s = CloseSlot(); !s.ok()) return s;
      const bool quiet = !ledger_.attack_active() && ledger_.attack_rules_in_force() == 0;
      if (!quiet && ++idle <= kMaxIdleSlots) continue;
      // Only the slot ahead of the next packet is closed: leases that ended meanwhile end before that packet.
      slot_start_ = std::max(slot_start_, next_start - kSlotNs);
    }
    return absl::OkStatus();
  }

  absl::Status CloseSlot() {
    datapath::SlotCounters counters;
    if (slot_has_packets_) {
      absl::StatusOr<datapath::SlotCounters> taken = engine_.TakeCounters();
      if (!taken.ok()) return taken.status();
      counters = *std::move(taken);
      slot_has_packets_ = false;
    }
    window::Slot slot = builder_.Build(ToTime(slot_start_), counters);
    ledger_.OnSlot(slot);
    slot_start_ += kSlotNs;
    return Perform(
        control_.Step(control::SlotClosed{std::move(slot), std::move(counters.samples)}, ToTime(slot_start_)),
        slot_start_);
  }

  absl::Status Perform(std::vector<control::Action> actions, int64_t now_ns) {
    std::deque<control::Action> queue(std::make_move_iterator(actions.begin()), std::make_move_iterator(actions.end()));
    for (int installs = 0; !queue.empty(); queue.pop_front()) {
      if (const auto* report = std::get_if<control::ReportAttack>(&queue.front())) {
        ledger_.OnAttack(report->attack);
        if (events_ && report->change != "updated") events_(now_ns, AttackText(*report));
      } else if (const auto* rule = std::get_if<control::ReportRule>(&queue.front())) {
        if (events_) events_(now_ns, absl::StrCat("rule ", rule->rule_id, " ", rule->change, ": ", rule->detail));
      } else if (const auto* panic = std::get_if<control::EnforcePanic>(&queue.front())) {
        if (absl::Status s = engine_.SetPanic(panic->on); !s.ok()) return s;
      } else if (const auto* install = std::get_if<control::InstallRuleset>(&queue.front())) {
        if (++installs > kMaxInstallsInARow) return absl::InternalError("rulesets follow each other without end");
        absl::StatusOr<control::Event> event = Install(install->ruleset, now_ns);
        if (!event.ok()) return event.status();
        for (control::Action& action : control_.Step(*std::move(event), ToTime(now_ns))) {
          queue.push_back(std::move(action));
        }
      }
      // Persist concerns a daemon's disk.
    }
    return absl::OkStatus();
  }

  static std::string AttackText(const control::ReportAttack& report) {
    const detect::Attack& attack = report.attack;
    return absl::StrCat("attack ", attack.id, " ", report.change, ": ", std::string(window::vector_name(attack.vector)),
                        " on ", attack.target.ToString(), ", peak ", attack.peak_pps, " packets/s",
                        attack.note.empty() ? "" : ", ", attack.note);
  }

  absl::StatusOr<control::Event> Install(const datapath::Ruleset& ruleset, int64_t now_ns) {
    absl::StatusOr<datapath::InstallReport> report = engine_.Install(ruleset);
    if (!report.ok()) {
      // Without any ruleset there is nothing to show; later ones leave the last good one in force, as in the daemon.
      if (!installed_) return report.status();
      return control::InstallFailed{ruleset.revision, report.status()};
    }
    installed_ = true;
    builder_.SetRuleset(ruleset);
    ledger_.OnRuleset(ruleset, now_ns);
    return control::Installed{*std::move(report)};
  }

  std::vector<Input>& inputs_;
  datapath::Engine& engine_;
  control::Control control_;
  EventSink events_;
  telemetry::SlotBuilder builder_;
  Ledger ledger_;
  std::vector<FileResult> files_;
  int64_t slot_start_ = 0;
  bool slot_has_packets_ = false;
  bool installed_ = false;
};

}  // namespace

std::vector<Input> Load(const std::vector<InputFile>& files, const TrackLimits& limits) {
  std::vector<Input> inputs;
  uint64_t used = 0;
  for (const InputFile& file : files) {
    TrackLimits own = limits;
    own.memory_bytes = std::min(limits.memory_bytes, kMaxMemory - std::min(used, kMaxMemory));
    inputs.push_back({file.label, std::make_unique<Track>(file.path, file.loops, own)});
    used += inputs.back().track->memory_bytes();
  }
  return inputs;
}

absl::StatusOr<Result> Replay(std::vector<Input>& inputs, datapath::Engine& engine, const control::Settings& settings,
                              EventSink events) {
  return Run(inputs, engine, settings, std::move(events))();
}

}  // namespace breakwater::replay
