#include "common/rule/rule.h"

#include <cstddef>
#include <utility>

namespace breakwater::rule {
namespace {

template <typename Enum>
struct EnumName {
  Enum value;
  std::string_view name;
};

constexpr EnumName<Origin> kOrigins[] = {{Origin::kOperator, "operator"},
                                         {Origin::kEdgeDetector, "edge_detector"},
                                         {Origin::kGlobalDetector, "global_detector"},
                                         {Origin::kLegal, "legal"}};
constexpr EnumName<Mode> kModes[] = {{Mode::kObserve, "observe"}, {Mode::kArmed, "armed"}, {Mode::kEnforce, "enforce"}};
constexpr EnumName<ActionKind> kActions[] = {{ActionKind::kAllow, "allow"},          {ActionKind::kDrop, "drop"},
                                             {ActionKind::kRateLimit, "rate_limit"}, {ActionKind::kTcpAuth, "tcp_auth"},
                                             {ActionKind::kChallenge, "challenge"},  {ActionKind::kDeny, "deny"},
                                             {ActionKind::kClose, "close"},          {ActionKind::kLog, "log"}};
constexpr EnumName<LimitKey> kLimitKeys[] = {{LimitKey::kRule, "rule"},
                                             {LimitKey::kSource, "source"},
                                             {LimitKey::kSourcePrefix, "source_prefix"},
                                             {LimitKey::kDestination, "destination"},
                                             {LimitKey::kSourceDestinationPort, "source_destination_port"}};
constexpr EnumName<LimitUnit> kLimitUnits[] = {{LimitUnit::kPacketsPerSecond, "pps"},
                                               {LimitUnit::kBitsPerSecond, "bps"}};

template <typename Enum, size_t N>
std::string_view NameOf(const EnumName<Enum> (&table)[N], Enum value) {
  for (const EnumName<Enum>& entry : table) {
    if (entry.value == value) return entry.name;
  }
  return "unknown";
}

template <typename Enum, size_t N>
std::optional<Enum> ValueOf(const EnumName<Enum> (&table)[N], std::string_view name) {
  for (const EnumName<Enum>& entry : table) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

}  // namespace

ExprPtr WithinPrefixes(ExprPtr match, const std::vector<net::IpPrefix>& prefixes) {
  if (prefixes.empty()) return match;
  return And({AddressIn(FieldId::kIpDst, prefixes), std::move(match)});
}

std::string_view OriginName(Origin origin) { return NameOf(kOrigins, origin); }
std::optional<Origin> OriginFromName(std::string_view name) { return ValueOf(kOrigins, name); }
std::string_view ModeName(Mode mode) { return NameOf(kModes, mode); }
std::optional<Mode> ModeFromName(std::string_view name) { return ValueOf(kModes, name); }
std::string_view ActionName(ActionKind kind) { return NameOf(kActions, kind); }
std::optional<ActionKind> ActionFromName(std::string_view name) { return ValueOf(kActions, name); }
std::string_view LimitKeyName(LimitKey key) { return NameOf(kLimitKeys, key); }
std::optional<LimitKey> LimitKeyFromName(std::string_view name) { return ValueOf(kLimitKeys, name); }
std::string_view LimitUnitName(LimitUnit unit) { return NameOf(kLimitUnits, unit); }
std::optional<LimitUnit> LimitUnitFromName(std::string_view name) { return ValueOf(kLimitUnits, name); }

}  // namespace breakwater::rule
