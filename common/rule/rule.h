// A mitigation rule: one model for every layer and for both the edge and the coordinator.
//
//   Rule r;
//   r.id = "op-7"; r.origin = Origin::kOperator; r.mode = Mode::kEnforce;
//   r.match = *ParseExpr("ip.dst == 203.0.113.7 and udp.srcport == 53");
//   r.action = {.kind = ActionKind::kDrop};
//   absl::Status s = Validate(r, Limits{}, guards);
//
// Values; not thread-safe, cheap to copy (the match is shared and immutable).
#ifndef BREAKWATER_COMMON_RULE_RULE_H_
#define BREAKWATER_COMMON_RULE_RULE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/net/ip.h"
#include "common/rule/expr.h"

namespace breakwater::rule {

inline constexpr size_t kMaxIdLength = 64;      // rule ids, attack ids, names of regions and edges
inline constexpr size_t kMaxSiteLength = 253;   // names of sites
inline constexpr size_t kMaxReason = 256;       // bytes
inline constexpr size_t kMaxScopeEntries = 64;  // of each list of a scope
inline constexpr uint64_t kMaxConfirmPps = 1'000'000'000'000;
inline constexpr uint64_t kMaxRate = 1'000'000'000'000'000;  // rate and burst of a limit

enum class Origin { kOperator, kEdgeDetector, kGlobalDetector, kLegal };
enum class Mode {
  kObserve,  // counts what it would do
  kArmed,    // installed; enforces only once this edge's own slots confirm it
  kEnforce,
};
enum class ActionKind { kAllow, kDrop, kRateLimit, kTcpAuth, kChallenge, kDeny, kClose, kLog };
enum class LimitKey { kRule, kSource, kSourcePrefix, kDestination, kSourceDestinationPort };
enum class LimitUnit { kPacketsPerSecond, kBitsPerSecond };

struct RateLimit {
  LimitKey key = LimitKey::kRule;
  LimitUnit unit = LimitUnit::kPacketsPerSecond;
  uint64_t rate = 0;   // per second, > 0
  uint64_t burst = 0;  // in packets or bits; 0 = one second's worth
  bool fleet_wide = false;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct Action {
  ActionKind kind = ActionKind::kDrop;
  RateLimit limit;      // kRateLimit
  int deny_status = 0;  // kDeny: 400..599
  friend bool operator==(const Action&, const Action&) = default;
};

// Empty list = everywhere. For automatic rules prefixes names the one protected prefix that the rule serves. The
// prefixes are a promise about the match, not a part of it: Validate() refuses a match that reaches behind them, so
// that what compiles a match needn't look at them. WithinPrefixes() makes a match that keeps the promise.
struct Scope {
  std::vector<std::string> sites;
  std::vector<net::IpPrefix> prefixes;
  std::vector<std::string> regions;
  std::vector<std::string> edges;
  friend bool operator==(const Scope&, const Scope&) = default;
};

struct Rule {
  std::string id;  // 1..64 of [a-z0-9._-]
  Origin origin = Origin::kOperator;
  Scope scope;
  ExprPtr match;
  Action action;
  Mode mode = Mode::kObserve;
  int32_t priority = 1000;  // lower is looked at first; ties by id
  absl::Time expires = absl::InfiniteFuture();
  std::string reason;          // for people, <= kMaxReason bytes
  std::string attack_id;       // evidence; empty for operators' rules without one
  bool wide_override = false;  // an operator's recorded decision to go below the minimum specificity
  uint64_t confirm_pps = 0;    // kArmed: enforces on an edge once it matches so many packets per second there; else 0

  bool automatic() const { return origin == Origin::kEdgeDetector || origin == Origin::kGlobalDetector; }
};

// match, narrowed to destinations inside prefixes; match itself when there are none.
ExprPtr WithinPrefixes(ExprPtr match, const std::vector<net::IpPrefix>& prefixes);

std::string_view OriginName(Origin origin);    // "operator", "edge_detector", "global_detector", "legal"
std::string_view ModeName(Mode mode);          // "observe", "armed", "enforce"
std::string_view ActionName(ActionKind kind);  // "allow", "drop", "rate_limit", ...
std::optional<Origin> OriginFromName(std::string_view name);
std::optional<Mode> ModeFromName(std::string_view name);
std::optional<ActionKind> ActionFromName(std::string_view name);
std::string_view LimitKeyName(
    LimitKey key);  // "rule", "source", "source_prefix", "destination", "source_destination_port"
std::optional<LimitKey> LimitKeyFromName(std::string_view name);
std::string_view LimitUnitName(LimitUnit unit);  // "pps", "bps"
std::optional<LimitUnit> LimitUnitFromName(std::string_view name);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_RULE_H_
