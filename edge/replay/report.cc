#include "edge/replay/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace breakwater::replay {
namespace {

using Json = nlohmann::ordered_json;

double Seconds(int64_t ns) { return static_cast<double>(ns) / 1e9; }
Json SecondsOrNull(const std::optional<int64_t>& ns) { return ns ? Json(Seconds(*ns)) : Json(nullptr); }
Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }
const char* LabelName(Label label) { return label == Label::kAttack ? "attack" : "clean"; }

Json TotalsJson(const Totals& totals) {
  return {{"packets", totals.packets},
          {"bytes", totals.bytes},
          {"dropped_packets", totals.dropped_packets},
          {"dropped_bytes", totals.dropped_bytes}};
}

Json FileJson(const FileResult& file) {
  Json json = {{"file", file.file},
               {"label", LabelName(file.label)},
               {"packets", file.packets},
               {"dropped_packets", file.dropped_packets},
               {"unparsed_packets", file.unparsed_packets},
               {"error", file.status.ok() ? Json(nullptr) : Json(std::string(file.status.message()))}};
  if (!file.note.empty()) json["note"] = file.note;
  return json;
}

Json RuleJson(const RuleResult& rule) {
  Json json = {{"id", rule.id},
               {"match", rule.match},
               {"action", rule.action},
               {"mode", rule.mode},
               {"state", rule.state},
               {"installed_s", SecondsOrNull(rule.first_installed)},
               {"enforced_s", SecondsOrNull(rule.first_enforced)},
               {"matched_packets", rule.matched_packets},
               {"attack_dropped", rule.dropped[Label::kAttack]},
               {"clean_dropped", rule.dropped[Label::kClean]}};
  if (!rule.detail.empty()) json["detail"] = rule.detail;
  return json;
}

Json RulesJson(const std::vector<RuleResult>& rules) {
  Json json = Json::array();
  for (const RuleResult& rule : rules) json.push_back(RuleJson(rule));
  return json;
}

Json AttackJson(const AttackResult& attack) {
  Json json = {{"id", attack.id},
               {"target", attack.target},
               {"vector", attack.vector},
               {"first_packet_s", Seconds(attack.first_packet)},
               {"detected_s", Seconds(attack.detected)},
               {"first_drop_s", SecondsOrNull(attack.first_drop)},
               {"ended_s", SecondsOrNull(attack.ended)},
               {"threshold_pps", attack.threshold_pps},
               {"peak_pps", attack.peak_pps},
               {"signature", TextOrNull(attack.signature)},
               {"signatures", attack.signatures},
               {"rules", RulesJson(attack.rules)},
               {"attack_dropped", attack.dropped[Label::kAttack]},
               {"clean_dropped", attack.dropped[Label::kClean]},
               {"after_detection",
                {{"attack_packets", attack.after_detection.packets[Label::kAttack]},
                 {"attack_dropped", attack.after_detection.dropped[Label::kAttack]},
                 {"clean_packets", attack.after_detection.packets[Label::kClean]},
                 {"clean_dropped", attack.after_detection.dropped[Label::kClean]}}}};
  if (attack.measured) {
    json["measured"] = {{"attack_packets", attack.measured->packets[Label::kAttack]},
                        {"attack_matched", attack.measured->matched[Label::kAttack]},
                        {"clean_packets", attack.measured->packets[Label::kClean]},
                        {"clean_matched", attack.measured->matched[Label::kClean]}};
  }
  if (!attack.note.empty()) json["note"] = attack.note;
  return json;
}

std::string SecondsText(const std::optional<int64_t>& ns) { return ns ? absl::StrFormat("%.3f s", Seconds(*ns)) : "-"; }

std::string ShareText(uint64_t part, uint64_t whole) {
  return whole == 0 ? "-" : absl::StrFormat("%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

std::string JsonText(const Result& result) {
  Json json = {
      {"attack", TotalsJson(result.of(Label::kAttack))},
      {"clean", TotalsJson(result.of(Label::kClean))},
      {"files", Json::array()},
      {"drop_reasons", Json::object()},
      {"attacks", Json::array()},
      {"rules", RulesJson(result.rules)},
      {"after_detection",
       {{"attack_packets", result.after_first_detection[Label::kAttack]},
        {"attack_dropped", result.dropped_after_first_detection[Label::kAttack]},
        {"clean_packets", result.after_first_detection[Label::kClean]},
        {"clean_dropped", result.dropped_after_first_detection[Label::kClean]}}},
      {"duration_s", Seconds(result.end)},
      {"engine", result.engine},
      {"speed",
       {{"packets", result.speed.packets},
        {"cpu_seconds", result.speed.cpu_seconds},
        {"packets_per_cpu_second",
         result.speed.cpu_seconds > 0 ? static_cast<double>(result.speed.packets) / result.speed.cpu_seconds : 0.0}}}};
  for (const FileResult& file : result.files) json["files"].push_back(FileJson(file));
  for (const auto& [reason, packets] : result.drop_reasons) json["drop_reasons"][reason] = packets;
  for (const AttackResult& attack : result.attacks) json["attacks"].push_back(AttackJson(attack));
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string ReadableText(const Result& result) {
  std::string text;
  for (Label label : {Label::kAttack, Label::kClean}) {
    const Totals& totals = result.of(label);
    absl::StrAppendFormat(&text, "%-7s %d packets, %d bytes; dropped %d packets (%s), %d bytes\n", LabelName(label),
                          totals.packets, totals.bytes, totals.dropped_packets,
                          ShareText(totals.dropped_packets, totals.packets), totals.dropped_bytes);
  }
  for (const FileResult& file : result.files) {
    absl::StrAppendFormat(&text, "  %s (%s): %d packets, %d dropped, %d unparsed\n", file.file, LabelName(file.label),
                          file.packets, file.dropped_packets, file.unparsed_packets);
    if (!file.status.ok()) absl::StrAppend(&text, "    error: ", std::string(file.status.message()), "\n");
    if (!file.note.empty()) absl::StrAppend(&text, "    note: ", file.note, "\n");
  }
  for (const auto& [reason, packets] : result.drop_reasons) {
    absl::StrAppendFormat(&text, "  %s: %d packets\n", reason, packets);
  }
  for (const RuleResult& rule : result.rules) {
    absl::StrAppendFormat(&text, "rule %s: %s, %s, %s: matched %d packets, dropped %d attack and %d clean\n  %s\n",
                          rule.id, rule.action, rule.mode, rule.state, rule.matched_packets,
                          rule.dropped[Label::kAttack], rule.dropped[Label::kClean], rule.match);
    if (!rule.detail.empty()) absl::StrAppend(&text, "  ", rule.detail, "\n");
  }
  absl::StrAppendFormat(&text, "%d attacks\n", result.attacks.size());
  for (const AttackResult& attack : result.attacks) {
    absl::StrAppendFormat(&text, "%s: %s on %s, peak %.0f packets/s (threshold %.0f)\n", attack.id, attack.vector,
                          attack.target, attack.peak_pps, attack.threshold_pps);
    absl::StrAppendFormat(&text, "  first packet %s, detected %s, first drop %s, ended %s\n",
                          SecondsText(attack.first_packet), SecondsText(attack.detected),
                          SecondsText(attack.first_drop), SecondsText(attack.ended));
    for (const std::string& signature : attack.signatures) absl::StrAppend(&text, "  signature: ", signature, "\n");
    if (attack.signatures.empty()) {
      absl::StrAppend(&text, "  no signature", attack.note.empty() ? "" : ": ", attack.note, "\n");
    }
    absl::StrAppendFormat(
        &text, "  dropped %d attack and %d clean packets; after detection %s of its attack packets\n",
        attack.dropped[Label::kAttack], attack.dropped[Label::kClean],
        ShareText(attack.after_detection.dropped[Label::kAttack], attack.after_detection.packets[Label::kAttack]));
    if (attack.measured) {
      absl::StrAppendFormat(&text, "  signatures match %d of %d attack and %d of %d clean packets\n",
                            attack.measured->matched[Label::kAttack], attack.measured->packets[Label::kAttack],
                            attack.measured->matched[Label::kClean], attack.measured->packets[Label::kClean]);
    }
  }
  return text;
}

}  // namespace breakwater::replay
