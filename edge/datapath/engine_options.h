// What both engines make of their options, results and too short frames, so that they can't differ in it.
#ifndef BREAKWATER_EDGE_DATAPATH_ENGINE_OPTIONS_H_
#define BREAKWATER_EDGE_DATAPATH_ENGINE_OPTIONS_H_

#include <bit>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/filter/shared.h"

namespace breakwater::datapath {

// Replays must repeat exactly, and nobody attacks them: their hash seed is no secret.
inline constexpr uint64_t kFedSeed = 0x6272656b77617465;

inline constexpr uint32_t kMaxHostEntries = 1 << 22;

// Sets of the host table per CPU.
inline absl::StatusOr<uint32_t> HostSets(const EngineOptions& options) {
  const uint32_t entries = options.host_table_entries;
  if (!std::has_single_bit(entries) || entries < BW_HOST_WAYS || entries > kMaxHostEntries)
    return absl::InvalidArgumentError(absl::StrCat("host_table_entries is ", entries,
                                                   "; it must be a power of two from ", +BW_HOST_WAYS, " to ",
                                                   kMaxHostEntries));
  return entries / BW_HOST_WAYS;
}

// The kernel's TEST_RUN refuses such frames, so neither engine runs them.
inline Verdict TooShort() { return {false, BW_REASON_PASS_UNPARSED, BW_VECTOR_UNPARSED, -1}; }

inline Verdict VerdictOf(const bw_result& result) {
  return {result.dropped != 0, static_cast<bw_reason>(result.reason), static_cast<window::Vector>(result.vector),
          result.rule_slot};
}

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_ENGINE_OPTIONS_H_
