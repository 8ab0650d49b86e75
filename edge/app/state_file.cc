#include "edge/app/state_file.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "breakwater/v1/edge_state.pb.h"
#include "common/rule/rule_wire.h"

namespace breakwater::app {

absl::StatusOr<std::string> EncodeState(const EdgeState& state, absl::Time now) {
  v1::EdgeState message;
  message.mutable_rules()->set_revision(state.saved.revision);
  for (const control::SavedRule& saved : state.saved.rules) {
    absl::StatusOr<v1::Rule> rule = rule::ToProto(saved.rule);
    if (!rule.ok()) return rule::Annotate(rule.status(), absl::StrCat("rule ", saved.rule.id, ": "));
    *message.mutable_rules()->add_rules() = *std::move(rule);
    message.add_counter_slots(saved.counter_slot);
  }
  message.set_panic(state.saved.panic);
  if (state.saved.panic) {
    message.set_panic_reason(state.panic_reason.substr(0, StateFile::kMaxPanicReason));
    if (state.panic_since > absl::UnixEpoch()) message.set_panic_since_unix_ms(absl::ToUnixMillis(state.panic_since));
  }
  message.set_saved_unix_ms(absl::ToUnixMillis(now));
  if (state.saved.fleet) *message.mutable_fleet() = *state.saved.fleet;
  return message.SerializeAsString();
}

absl::StatusOr<DecodedState> DecodeState(std::string_view payload) {
  v1::EdgeState message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError("its contents are no EdgeState message");
  }
  const v1::RuleSet& rules = message.rules();
  if (static_cast<size_t>(rules.rules_size()) > rule::kMaxRulesInSet) {
    return absl::DataLossError(absl::StrCat(rules.rules_size(), " rules; the limit is ", rule::kMaxRulesInSet));
  }
  if (message.counter_slots_size() != rules.rules_size()) {
    return absl::DataLossError(
        absl::StrCat(message.counter_slots_size(), " counter slots for ", rules.rules_size(), " rules"));
  }
  DecodedState decoded;
  control::SavedState& saved = decoded.state.saved;
  saved.revision = rules.revision();
  std::set<uint32_t> slots;
  for (int i = 0; i < rules.rules_size(); ++i) {
    absl::StatusOr<rule::Rule> rule = rule::RuleFromProto(rules.rules(i));
    const uint32_t slot = message.counter_slots(i);
    if (rule.ok() && (slot >= datapath::Bounds::kRuleSlots || !slots.insert(slot).second)) {
      rule = absl::DataLossError(
          absl::StrCat("counter slot ", slot, " is taken, or over the limit of ", datapath::Bounds::kRuleSlots));
    }
    if (rule.ok()) {
      saved.rules.push_back({.rule = *std::move(rule), .counter_slot = slot});
    } else {
      decoded.rejected.push_back(
          absl::Status(rule.status().code(),
                       absl::StrCat("rule ", rules.rules(i).id(), ": ", std::string(rule.status().message()))));
    }
  }
  if (message.has_fleet()) saved.fleet = std::make_shared<v1::FleetState>(std::move(*message.mutable_fleet()));
  saved.panic = message.panic();
  decoded.state.panic_reason = message.panic_reason().substr(0, StateFile::kMaxPanicReason);
  if (message.panic_since_unix_ms() > 0)
    decoded.state.panic_since = absl::FromUnixMillis(message.panic_since_unix_ms());
  return decoded;
}

absl::Status StateFile::Save(const EdgeState& state, absl::Time now) {
  const absl::StatusOr<std::string> payload = EncodeState(state, now);
  if (!payload.ok()) return payload.status();
  return record_.Write(*payload);
}

StateFile::Loaded StateFile::Load(absl::Time now) {
  Loaded loaded;
  DecodedState decoded;
  DurableRecord::ReadResult record = record_.Read([&decoded](std::string_view payload) {
    absl::StatusOr<DecodedState> attempt = DecodeState(payload);
    if (attempt.ok()) decoded = *std::move(attempt);
    return attempt.status();
  });
  loaded.problems = std::move(record.problems);
  loaded.found = record.payload.has_value();
  loaded.from_previous = record.from_previous;
  if (!loaded.found) return loaded;
  loaded.rejected = std::move(decoded.rejected);
  loaded.state = std::move(decoded.state);
  std::erase_if(loaded.state.saved.rules, [&](const control::SavedRule& saved) {
    if (saved.rule.expires > now) return false;
    loaded.expired.push_back(saved.rule.id);
    return true;
  });
  return loaded;
}

}  // namespace breakwater::app
