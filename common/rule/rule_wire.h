// Rules between C++ and the wire (proto/breakwater/v1/rule.proto). A library of its own (bw::rule_wire), so that the rule
// model needs no protobuf.
//
//   absl::StatusOr<v1::Rule> message = ToProto(rule);
//   absl::StatusOr<Rule> rule = RuleFromProto(message);
//
// Both ways check every bound of the .proto file. What is read is hostile: unknown enum numbers and unknown fields (also
// inside the messages of a rule) are refused with a Refusal, and so is a match that isn't canonical text, because a
// receiver that skips what it doesn't know would match more than was meant. Validate() is another step, for the layer
// that is to carry the rule. Thread-safe.
#ifndef BREAKWATER_COMMON_RULE_RULE_WIRE_H_
#define BREAKWATER_COMMON_RULE_RULE_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "breakwater/v1/rule.pb.h"
#include "common/rule/refusal.h"
#include "common/rule/rule.h"

namespace breakwater::rule {

inline constexpr size_t kMaxRulesInSet = 10'000;
inline constexpr size_t kMaxStatusDetail = 1024;  // bytes

// expires is cut to the millisecond.
absl::StatusOr<v1::Rule> ToProto(const Rule& rule);
absl::StatusOr<Rule> RuleFromProto(const v1::Rule& message);

struct RejectedRule {
  std::string id;  // as it came; cut to kMaxIdLength bytes
  absl::Status status;
};
struct RuleSet {
  uint64_t epoch = 0;
  uint64_t revision = 0;
  std::vector<Rule> rules;
  std::vector<RejectedRule> rejected;  // only of a set that was read: a bad rule is rejected alone
};
// Errors: too many rules, an id that is there twice, a rule that is malformed. `rejected` isn't sent.
absl::StatusOr<v1::RuleSet> ToProto(const RuleSet& set);
// Errors (nothing of the set can be used): too many rules, an id that is there twice, unknown fields in the set itself.
absl::StatusOr<RuleSet> RuleSetFromProto(const v1::RuleSet& message);

enum class RuleState { kReceived, kValidated, kInstalled, kMatching, kRejected };
struct RuleStatus {
  std::string rule_id;
  uint64_t epoch = 0;
  uint64_t revision = 0;
  RuleState state = RuleState::kReceived;
  std::optional<Refusal> reason;  // exactly when rejected
  std::string detail;             // for people; cut to kMaxStatusDetail when sent
  friend bool operator==(const RuleStatus&, const RuleStatus&) = default;
};
absl::StatusOr<v1::RuleStatus> ToProto(const RuleStatus& status);
// Tolerant of unknown fields: nothing is enforced by it. A reason that this version doesn't know becomes kOther.
absl::StatusOr<RuleStatus> RuleStatusFromProto(const v1::RuleStatus& message);

v1::RuleReason ReasonToProto(Refusal refusal);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_RULE_WIRE_H_
