#include "edge/replay/compare.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace breakwater::replay {
namespace {

std::string VerdictText(const datapath::Verdict& verdict) {
  return absl::StrCat(verdict.dropped ? "drop" : "pass", " (", std::string(datapath::ReasonName(verdict.reason)), ", ",
                      std::string(window::vector_name(verdict.vector)), ", rule slot ", verdict.rule_slot, ")");
}

std::string CountsText(const window::Counts& c) {
  return absl::StrCat(c.packets, " packets/", c.bytes, " bytes, dropped ", c.dropped_packets, "/", c.dropped_bytes);
}

// Every count as a line of text, in an order of its own: what differs is then also what is shown.
std::vector<std::string> CountLines(const datapath::SlotCounters& counters) {
  std::vector<std::string> lines;
  for (const datapath::HostCounts& h : counters.hosts) {
    lines.push_back(absl::StrCat("host ", h.destination.ToString(), " ", std::string(window::vector_name(h.vector)),
                                 ": ", CountsText(h.counts)));
  }
  for (const datapath::PolicyCounts& p : counters.policies) {
    lines.push_back(
        absl::StrCat("policy ", p.policy, " ", std::string(window::vector_name(p.vector)), ": ", CountsText(p.counts)));
  }
  for (size_t i = 0; i < counters.other.size(); ++i) {
    if (counters.other[i] == window::Counts{}) continue;
    lines.push_back(absl::StrCat("other vector ", i, ": ", CountsText(counters.other[i])));
  }
  for (const datapath::RuleSlotCounts& r : counters.rules) {
    lines.push_back(absl::StrCat("rule slot ", r.counter_slot, ": matched ", r.counts.matched_packets, "/",
                                 r.counts.matched_bytes, ", dropped ", r.counts.dropped_packets, "/",
                                 r.counts.dropped_bytes));
  }
  for (size_t i = 0; i < counters.reasons.size(); ++i) {
    if (counters.reasons[i] == window::Counts{}) continue;
    lines.push_back(absl::StrCat(std::string(datapath::ReasonName(static_cast<bw_reason>(i))), ": ",
                                 CountsText(counters.reasons[i])));
  }
  std::ranges::sort(lines);
  return lines;
}

}  // namespace

CompareEngine::CompareEngine(std::unique_ptr<datapath::Engine> first, std::string first_name,
                             std::unique_ptr<datapath::Engine> second, std::string second_name)
    : first_(std::move(first)),
      second_(std::move(second)),
      first_name_(std::move(first_name)),
      second_name_(std::move(second_name)) {}

absl::StatusOr<datapath::InstallReport> CompareEngine::Install(const datapath::Ruleset& ruleset) {
  absl::StatusOr<datapath::InstallReport> first = first_->Install(ruleset);
  absl::StatusOr<datapath::InstallReport> second = second_->Install(ruleset);
  auto text = [](const absl::StatusOr<datapath::InstallReport>& report) {
    if (!report.ok()) return std::string(report.status().message());
    std::vector<std::string> refused;
    for (const datapath::RuleRefusal& r : report->refused) refused.push_back(r.rule_id);
    std::ranges::sort(refused);
    std::string joined = "installed; refused rules:";
    for (const std::string& id : refused) absl::StrAppend(&joined, " ", id);
    return joined;
  };
  if (text(first) != text(second)) {
    // A failed install alone doesn't end a replay; a difference does, at the next packet.
    difference_ =
        absl::AbortedError(absl::StrCat("the engines differ on revision ", ruleset.revision, ": ", first_name_, ": ",
                                        text(first), "; ", second_name_, ": ", text(second)));
  }
  return first;
}

absl::StatusOr<datapath::SlotCounters> CompareEngine::TakeCounters() {
  if (!difference_.ok()) return difference_;
  absl::StatusOr<datapath::SlotCounters> first = first_->TakeCounters();
  absl::StatusOr<datapath::SlotCounters> second = second_->TakeCounters();
  if (!first.ok()) return first;
  if (!second.ok()) return second;
  const std::vector<std::string> first_lines = CountLines(*first);
  const std::vector<std::string> second_lines = CountLines(*second);
  if (first_lines != second_lines) {
    auto [a, b] = std::ranges::mismatch(first_lines, second_lines);
    return absl::AbortedError(absl::StrCat("the engines count differently: ", first_name_, ": ",
                                           a == first_lines.end() ? "nothing more" : *a, "; ", second_name_, ": ",
                                           b == second_lines.end() ? "nothing more" : *b));
  }
  return first;
}

absl::Status CompareEngine::SetPanic(bool on) {
  absl::Status first = first_->SetPanic(on);
  absl::Status second = second_->SetPanic(on);
  return first.ok() ? second : first;
}

absl::StatusOr<datapath::Verdict> CompareEngine::Process(std::span<const uint8_t> frame, absl::Time now) {
  if (!difference_.ok()) return difference_;
  absl::StatusOr<datapath::Verdict> first = first_->Process(frame, now);
  absl::StatusOr<datapath::Verdict> second = second_->Process(frame, now);
  if (!first.ok()) return first;
  if (!second.ok()) return second;
  if (!(*first == *second)) {
    return absl::AbortedError(absl::StrCat("the engines differ: ", first_name_, ": ", VerdictText(*first), "; ",
                                           second_name_, ": ", VerdictText(*second)));
  }
  return first;
}

}  // namespace breakwater::replay
