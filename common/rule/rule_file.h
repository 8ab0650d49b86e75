// Operators' rules as a YAML file. A library of its own (bw::rule_file), so that the rule model needs no YAML.
//
//   rules:
//     - id: block-ntp
//       match: udp.srcport == 123 and udp.len >= 400
//       action: drop                          # or allow, {rate_limit: {key: source, pps: 100, burst: 200}}, ...
//       mode: enforce                         # the default; or observe
//       priority: 100                         # default 1000; lower is looked at first
//       prefixes: [203.0.113.0/24]            # narrows the match to these destinations
//       expires: 2030-01-02T15:04:05Z         # or "for: 1h"
//       reason: amplification, ticket 4711
//
//   absl::StatusOr<std::vector<Rule>> rules = ParseRuleFile(text, "rules.yaml", clock.Now());
//
// Every mistake is reported at once (the first 20 in full), each with file, line and column, and a mistake in a match
// with its column in the match. Unknown keys and keys or ids that are there twice are mistakes. Pure and thread-safe.
#ifndef BREAKWATER_COMMON_RULE_RULE_FILE_H_
#define BREAKWATER_COMMON_RULE_RULE_FILE_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/config.h"
#include "common/rule/rule.h"

namespace breakwater::rule {

inline constexpr size_t kMaxRuleFileBytes = 1024 * 1024;
inline constexpr size_t kMaxRulesInFile = 10'000;

// now turns "for" into a time; with InfinitePast "for" is a mistake. All rules come from Origin::kOperator and have passed
// Validate() with the default Limits. A rule that has expired is no mistake, or an old file would keep an edge from
// starting: it is returned, and Validate() with a clock refuses it.
absl::StatusOr<std::vector<Rule>> ParseRuleFile(std::string_view text, std::string_view filename,
                                                absl::Time now = absl::InfinitePast());

// The list under "rules", for files that hold more than that. Mistakes are reported to the list's document; what is
// returned is of use only when that has no problems.
std::vector<Rule> ReadRules(const config::Value& list, absl::Time now);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_RULE_FILE_H_
