// Guard lists: addresses that no automatic rule may name or cover (edges, origins, coordinator, BGP peers, resolvers,
// operators' networks). Checked where a rule is made and again by each edge. A guard is not a bypass: guarded addresses
// can be spoofed, so passing their traffic needs an allow entry with protocol, port and a rate cap.
//
//   GuardList guards({*net::IpPrefix::Parse("192.0.2.53/32")});
//   absl::Status s = Validate(rule, Limits{}, guards);
#ifndef BREAKWATER_COMMON_RULE_GUARD_H_
#define BREAKWATER_COMMON_RULE_GUARD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/net/ip.h"
#include "common/rule/rule.h"

namespace breakwater::rule {

struct GuardEntry {
  net::IpPrefix prefix;
  std::string name;  // "resolver", "coordinator"; for messages
};

class GuardList {
 public:
  static constexpr size_t kMaxEntries = 4096;
  GuardList() = default;
  explicit GuardList(std::vector<GuardEntry> entries) : entries_(std::move(entries)) {}
  const std::vector<GuardEntry>& entries() const { return entries_; }

 private:
  std::vector<GuardEntry> entries_;
};

// What a rule must satisfy before a layer is asked to carry it.
struct Limits {
  size_t max_reason = kMaxReason;  // bytes
  absl::Duration max_automatic_lease = absl::Minutes(10);
  // A drop or rate_limit must name its destination at least this narrowly, or sources this narrowly, or name the site.
  int min_v4_length = 9;
  int min_v6_length = 20;
  absl::Time now = absl::InfinitePast();  // for expiry checks; InfinitePast skips them
};

// Ids, lengths, ranges, action arguments, expiry; a scope's prefixes hold every destination of the match; minimum
// specificity: an action that can hurt (all but allow and log) names addresses or the site, and a drop also names more
// than a destination and "all of TCP" or "all of UDP"; below it only with wide_override. Automatic rules also: no
// override, exactly one protected prefix, a lease, and no guard: a rule covers a guard when some conjunction of its match
// names a source (ip.src) or a destination (ip.dst) that overlaps the guard.
// The error carries a Refusal (see refusal.h) and says which field, which value, which limit and what to do.
absl::Status Validate(const Rule& rule, const Limits& limits, const GuardList& guards);

// Whether a layer can decide every field of the match, tell the scope and do the action; the error carries a Refusal and
// names the first that it can't.
enum class Decider { kDatapath, kGateway };
absl::Status CheckDecidable(const Rule& rule, Decider decider);
bool CanDecide(FieldId field, Decider decider);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_GUARD_H_
