// What makes two rules the same rule, and how an edge's own rule is read.
//
//   MeaningOf(a) == MeaningOf(b)     // same action on the same packets for the same prefix
//   absl::StatusOr<rule::Rule> r = ReadLocalRule(message, edge_prefixes);
//
// Pure and thread-safe.
#ifndef BREAKWATER_COORDINATOR_POLICY_MEANING_H_
#define BREAKWATER_COORDINATOR_POLICY_MEANING_H_

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "breakwater/v1/fleet.pb.h"
#include "common/net/ip.h"
#include "common/rule/rule.h"

namespace breakwater::policy {

// Action and canonical match.
std::string MeaningOf(const rule::Rule& rule);
bool SameButExpiry(const rule::Rule& a, const rule::Rule& b);

// An edge's rule, as far as it can be judged without a clock: its detector made it, it drops or limits, and it serves a
// prefix that this edge protects. Errors carry a Refusal.
absl::StatusOr<rule::Rule> ReadLocalRule(const v1::LocalRule& message, std::span<const net::IpPrefix> protects);

// At most rule::kMaxReason bytes of it, not ending within a character.
std::string CutReason(std::string_view text);

}  // namespace breakwater::policy

#endif  // BREAKWATER_COORDINATOR_POLICY_MEANING_H_
