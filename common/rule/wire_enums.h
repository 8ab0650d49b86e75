// The numbers that the wire gives to the enums of a rule: one table for each enum, read both ways.
//
//   v1::ActionKind number = ToWire(kActionNumbers, ActionKind::kDrop);
//   std::optional<ActionKind> kind = FromWire(kActionNumbers, message.kind());   // nullopt for a number not in the table
//
// Thread-safe.
#ifndef BREAKWATER_COMMON_RULE_WIRE_ENUMS_H_
#define BREAKWATER_COMMON_RULE_WIRE_ENUMS_H_

#include <cstddef>
#include <optional>

#include "breakwater/v1/rule.pb.h"
#include "common/rule/refusal.h"
#include "common/rule/rule.h"
#include "common/rule/rule_wire.h"

namespace breakwater::rule {

template <typename Enum, typename Wire>
struct WireNumber {
  Enum value;
  Wire wire;
};

inline constexpr WireNumber<Origin, v1::RuleOrigin> kOriginNumbers[] = {
    {Origin::kOperator, v1::RULE_ORIGIN_OPERATOR},
    {Origin::kEdgeDetector, v1::RULE_ORIGIN_EDGE_DETECTOR},
    {Origin::kGlobalDetector, v1::RULE_ORIGIN_GLOBAL_DETECTOR},
    {Origin::kLegal, v1::RULE_ORIGIN_LEGAL}};

inline constexpr WireNumber<Mode, v1::RuleMode> kModeNumbers[] = {{Mode::kObserve, v1::RULE_MODE_OBSERVE},
                                                                  {Mode::kArmed, v1::RULE_MODE_ARMED},
                                                                  {Mode::kEnforce, v1::RULE_MODE_ENFORCE}};

inline constexpr WireNumber<ActionKind, v1::ActionKind> kActionNumbers[] = {
    {ActionKind::kAllow, v1::ACTION_KIND_ALLOW},          {ActionKind::kDrop, v1::ACTION_KIND_DROP},
    {ActionKind::kRateLimit, v1::ACTION_KIND_RATE_LIMIT}, {ActionKind::kTcpAuth, v1::ACTION_KIND_TCP_AUTH},
    {ActionKind::kChallenge, v1::ACTION_KIND_CHALLENGE},  {ActionKind::kDeny, v1::ACTION_KIND_DENY},
    {ActionKind::kClose, v1::ACTION_KIND_CLOSE},          {ActionKind::kLog, v1::ACTION_KIND_LOG}};

inline constexpr WireNumber<LimitKey, v1::LimitKey> kLimitKeyNumbers[] = {
    {LimitKey::kRule, v1::LIMIT_KEY_RULE},
    {LimitKey::kSource, v1::LIMIT_KEY_SOURCE},
    {LimitKey::kSourcePrefix, v1::LIMIT_KEY_SOURCE_PREFIX},
    {LimitKey::kDestination, v1::LIMIT_KEY_DESTINATION},
    {LimitKey::kSourceDestinationPort, v1::LIMIT_KEY_SOURCE_DESTINATION_PORT}};

inline constexpr WireNumber<LimitUnit, v1::LimitUnit> kLimitUnitNumbers[] = {
    {LimitUnit::kPacketsPerSecond, v1::LIMIT_UNIT_PACKETS_PER_SECOND},
    {LimitUnit::kBitsPerSecond, v1::LIMIT_UNIT_BITS_PER_SECOND}};

inline constexpr WireNumber<RuleState, v1::RuleState> kStateNumbers[] = {
    {RuleState::kReceived, v1::RULE_STATE_RECEIVED},
    {RuleState::kValidated, v1::RULE_STATE_VALIDATED},
    {RuleState::kInstalled, v1::RULE_STATE_INSTALLED},
    {RuleState::kMatching, v1::RULE_STATE_MATCHING},
    {RuleState::kRejected, v1::RULE_STATE_REJECTED}};

inline constexpr WireNumber<Refusal, v1::RuleReason> kReasonNumbers[] = {
    {Refusal::kMalformed, v1::RULE_REASON_MALFORMED},
    {Refusal::kUnknownField, v1::RULE_REASON_UNKNOWN_FIELD},
    {Refusal::kUnknownValue, v1::RULE_REASON_UNKNOWN_VALUE},
    {Refusal::kNotCanonical, v1::RULE_REASON_NOT_CANONICAL},
    {Refusal::kOutOfRange, v1::RULE_REASON_OUT_OF_RANGE},
    {Refusal::kOverBound, v1::RULE_REASON_OVER_BOUND},
    {Refusal::kTooWide, v1::RULE_REASON_TOO_WIDE},
    {Refusal::kCoversGuard, v1::RULE_REASON_COVERS_GUARD},
    {Refusal::kLease, v1::RULE_REASON_LEASE},
    {Refusal::kExpired, v1::RULE_REASON_EXPIRED},
    {Refusal::kFieldNotDecidable, v1::RULE_REASON_FIELD_NOT_DECIDABLE},
    {Refusal::kActionNotSupported, v1::RULE_REASON_ACTION_NOT_SUPPORTED},
    {Refusal::kScopeNotDecidable, v1::RULE_REASON_SCOPE_NOT_DECIDABLE},
    {Refusal::kNoSpace, v1::RULE_REASON_NO_SPACE},
    {Refusal::kOther, v1::RULE_REASON_OTHER}};

// value is in the table.
template <typename Enum, typename Wire, size_t N>
Wire ToWire(const WireNumber<Enum, Wire> (&table)[N], Enum value) {
  for (const auto& entry : table) {
    if (entry.value == value) return entry.wire;
  }
  return Wire{};
}

template <typename Enum, typename Wire, size_t N>
std::optional<Enum> FromWire(const WireNumber<Enum, Wire> (&table)[N], Wire number) {
  for (const auto& entry : table) {
    if (entry.wire == number) return entry.value;
  }
  return std::nullopt;
}

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_WIRE_ENUMS_H_
