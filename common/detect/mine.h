// Finds what the packets of a flood have in common and ordinary packets don't: sampled headers in, signatures out.
//
//   MineInput in{.target = victim, .vector = BW_VECTOR_UDP_DNS, .attack = samples, .attack_pps = 6500};
//   MineResult out = Mine(in);
//   // "ip.dst == 192.0.2.7 and payload[12:8] == 0c:64:64:6f:73:74:68:65 and udp.srcport == 53"
//
// A signature is a conjunction of at most kMaxComparisons comparisons besides the target. It is found from seeds (values
// and small sets of values that many samples share): the samples of a seed, without the outliers among them, are a
// cluster, and every field whose values in the cluster fit into a tight predicate joins the conjunction, as long as
// nearly the whole cluster is still covered. So an ordinary packet that arrives amidst the flood doesn't widen anything,
// and ordinary traffic that wasn't sampled yet is protected by every field that costs no coverage. What matches known
// clean packets (this target's, other targets', the archetypes of archetypes.h) is not proposed.
//
// Deterministic and pure. Time: below 50 ms for 2,048 samples.
#ifndef BREAKWATER_COMMON_DETECT_MINE_H_
#define BREAKWATER_COMMON_DETECT_MINE_H_

#include <span>
#include <string>
#include <vector>

#include "common/rule/expr.h"
#include "common/window/slot.h"

namespace breakwater::detect {

inline constexpr size_t kMaxComparisons = 8;
// Fewer samples than this prove nothing.
inline constexpr size_t kMinMiningSamples = 16;
// A signature may match this share of clean samples, not more.
inline constexpr double kMaxCleanShare = 0.001;

struct MineInput {
  window::Target target;
  window::Vector vector = BW_VECTOR_IP_OTHER;
  std::vector<const window::HeaderSample*> attack;        // of the run-up, not dropped; at most 2,048 are looked at
  std::vector<const window::HeaderSample*> clean_own;     // of this target and vector, from before
  std::vector<const window::HeaderSample*> clean_others;  // of this vector, from other targets
  double attack_pps = 0;                                  // what the attack samples stand for
  double threshold_pps = 0;  // what it is measured by: a flood of many times the threshold takes a less specific match
  bool leftover = false;     // what an attack's confirmed signatures didn't match: signed with more care
  double min_cluster_pps = 0;  // a part of the attack smaller than this is left alone
  size_t max_signatures = 8;
};

struct MinedSignature {
  rule::ExprPtr match;
  double attack_share = 0;    // of the attack samples, 0..1
  double baseline_share = 0;  // of the clean samples, 0..1
  double bits = 0;            // specificity; see FeatureInfo::bits
};

struct MineResult {
  std::vector<MinedSignature> signatures;  // the widest first
  std::string note;                        // why there is none, or none for a part
};

MineResult Mine(const MineInput& input);

}  // namespace breakwater::detect

#endif  // BREAKWATER_COMMON_DETECT_MINE_H_
