// The last check before a ruleset comes into force: packets made from the ruleset itself go through the native build of the
// packet filter over the compiled tables, and the answers are compared with what the ruleset says.
//
//   GoldenCheck golden;
//   absl::StatusOr<std::vector<RuleRefusal>> wrong = golden.Check(ruleset, compiled);
//
// Rules whose compiled form is wrong are named, to be left out; tables that are wrong otherwise are an error. Either is a
// defect of the compiler, which must not reach packets.
//
// Keeps tables of its own, so that a check costs no allocation. Not thread-safe.
#ifndef BREAKWATER_EDGE_DATAPATH_GOLDEN_H_
#define BREAKWATER_EDGE_DATAPATH_GOLDEN_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/generation.h"
#include "edge/datapath/native_tables.h"
#include "edge/datapath/packet_builder.h"

namespace breakwater::datapath {

class GoldenCheck {
 public:
  GoldenCheck();
  absl::StatusOr<std::vector<RuleRefusal>> Check(const Ruleset& ruleset, const Compiled& compiled);

 private:
  absl::Status CheckPolicies(const Ruleset& ruleset);
  std::vector<RuleRefusal> CheckRules(const Ruleset& ruleset, const Compiled& compiled);
  absl::Status CheckRule(const rule::Rule& rule, uint32_t index, const Bytes& frame);

  NativeTables tables_;
};

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_GOLDEN_H_
