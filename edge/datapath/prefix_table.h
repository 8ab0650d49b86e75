// Builds the table in which the packet filter finds the longest prefix of an address (filter/prefix.h).
//
//   PrefixTableBuilder builder;
//   absl::Status added = builder.Add(BW_SPACE_POLICY, prefix, index);
//   absl::Status built = builder.Build(generation);
//
// Not thread-safe.
#ifndef BREAKWATER_EDGE_DATAPATH_PREFIX_TABLE_H_
#define BREAKWATER_EDGE_DATAPATH_PREFIX_TABLE_H_

#include <cstdint>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "common/net/ip.h"
#include "edge/datapath/generation.h"

namespace breakwater::datapath {

class PrefixTableBuilder {
 public:
  // space is BW_SPACE_POLICY or BW_SPACE_SOURCE; each prefix at most once per space.
  absl::Status Add(uint32_t space, const net::IpPrefix& prefix, uint32_t value);
  // Fills generation.prefixes and the parts of generation.head that belong to it.
  absl::Status Build(Generation& generation) const;

 private:
  std::vector<bw_prefix> entries_;
  std::set<int, std::greater<int>> lengths_[BW_SPACES * 2];
};

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_PREFIX_TABLE_H_
