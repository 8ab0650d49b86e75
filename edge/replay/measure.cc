#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edge/replay/frame.h"
#include "edge/replay/ledger.h"
#include "edge/replay/merge.h"
#include "edge/replay/replay.h"

namespace breakwater::replay {

absl::Status Measure(std::vector<Input>& inputs, datapath::Engine& engine,
                     const std::vector<datapath::Policy>& policies, Result& result) {
  datapath::Ruleset ruleset{.revision = 1, .policies = policies, .sources = {}, .rules = {}};
  // Nothing but the signatures may decide.
  for (datapath::Policy& policy : ruleset.policies) {
    policy = {.prefix = policy.prefix, .services = {datapath::Service{}}, .undeclared = datapath::Undeclared::kPass};
  }
  AttackIndex index;
  std::vector<size_t> attack_of_slot;
  for (size_t i = 0; i < result.attacks.size(); ++i) {
    AttackResult& attack = result.attacks[i];
    attack.measured.emplace();
    absl::StatusOr<net::IpPrefix> target = net::IpPrefix::Parse(attack.target);
    std::optional<window::Vector> vector = window::vector_from_name(attack.vector);
    // Measured packets of a target that was attacked twice count for the first attack.
    if (target.ok() && vector) index.Add(window::Target::Prefix(*target), *vector, i);
    for (const std::string& signature : attack.signatures) {
      if (ruleset.rules.size() == datapath::Bounds::kRules) {
        return absl::ResourceExhaustedError(absl::StrCat(
            "more than ", datapath::Bounds::kRules, " signatures can't be measured in one replay; replay fewer files"));
      }
      absl::StatusOr<rule::ExprPtr> match = rule::ParseExpr(signature);
      if (!match.ok()) return match.status();
      const uint32_t slot = static_cast<uint32_t>(attack_of_slot.size());
      rule::Rule rule{.id = absl::StrCat("measure-", slot), .match = *std::move(match), .mode = rule::Mode::kEnforce};
      rule.priority = static_cast<int32_t>(slot);
      ruleset.rules.push_back({std::move(rule), slot});
      attack_of_slot.push_back(i);
    }
  }
  absl::StatusOr<datapath::InstallReport> report = engine.Install(ruleset);
  if (!report.ok()) return report.status();
  if (!report->refused.empty()) return report->refused.front().status;

  std::vector<Track*> tracks;
  for (const Input& input : inputs) tracks.push_back(input.track.get());
  Merge merge(tracks);
  while (Merge::Item item = merge.Next()) {
    const Packet& packet = *item.packet;
    absl::StatusOr<datapath::Verdict> verdict = engine.Process(packet.frame, ToTime(packet.time_ns));
    if (!verdict.ok()) return verdict.status();
    const Label label = inputs[item.track].label;
    if (verdict->dropped && verdict->rule_slot >= 0 &&
        static_cast<size_t>(verdict->rule_slot) < attack_of_slot.size()) {
      ++result.attacks[attack_of_slot[static_cast<size_t>(verdict->rule_slot)]].measured->matched[label];
    }
    const FrameFacts facts = ReadFrame(packet.frame);
    if (!facts.ip) continue;
    index.ForEach(facts.destination, verdict->vector,
                  [&](size_t attack) { ++result.attacks[attack].measured->packets[label]; });
  }
  return absl::OkStatus();
}

}  // namespace breakwater::replay
