// A rule's match as the packet filter carries it: terms (conjunctions of checks), any of which makes the rule match.
//
//   absl::StatusOr<std::vector<Term>> terms = TermsOf(rule);
//
// "not" is pushed down to the checks and "and" is multiplied out over "or", so a match with many "or" inside of "and" can
// grow; over a bound the rule is refused by itself, with the reason. A check on a field that a packet doesn't have is
// false, and true when negated, exactly as rule::Matches has it. Pure functions, thread-safe.
#ifndef BREAKWATER_EDGE_DATAPATH_TERMS_H_
#define BREAKWATER_EDGE_DATAPATH_TERMS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/net/ip.h"
#include "common/rule/rule.h"
#include "edge/datapath/filter/shared.h"

namespace breakwater::datapath {

struct Check {
  bw_check layout{};  // first_member is set when the check gets its place in a generation
  std::vector<bw_member> members;
};
using CheckPtr = std::shared_ptr<const Check>;

struct Term {
  bw_term layout{};  // rule and first_check are set later
  std::vector<CheckPtr> checks;
};

// An address as the packet filter holds it: host-order halves of its sixteen bytes.
struct AddressHalves {
  uint64_t high = 0;
  uint64_t low = 0;
};
AddressHalves HalvesOf(const net::IpAddress& address);
net::IpAddress AddressOf(const uint64_t (&halves)[2]);
// The mask of a length within the 128-bit space.
AddressHalves MaskOf(int mapped_length);

// The terms of the match and of scope.prefixes. An error says which field or bound stops this rule.
absl::StatusOr<std::vector<Term>> TermsOf(const rule::Rule& rule);

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_TERMS_H_
