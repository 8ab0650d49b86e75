#include "edge/datapath/prefix_table.h"

#include <algorithm>
#include <bit>
#include <string>

#include "absl/strings/str_cat.h"
#include "edge/datapath/filter/hash.h"
#include "edge/datapath/terms.h"

namespace breakwater::datapath {
namespace {

constexpr int kSeeds = 16;

uint32_t KeyOf(uint32_t space, int length) { return (space << 8 | static_cast<uint32_t>(length)) + 1; }

bool Place(const bw_prefix& entry, uint64_t seed, std::vector<bw_prefix_set>& sets) {
  const uint32_t mask = static_cast<uint32_t>(sets.size()) - 1;
  const auto start = static_cast<uint32_t>(bw_prefix_hash(seed, entry.address[0], entry.address[1], entry.key));
  for (uint32_t probe = 0; probe < BW_PREFIX_PROBES && probe <= mask; probe++) {
    for (bw_prefix& way : sets[(start + probe) & mask].way) {
      if (way.key != 0) continue;
      way = entry;
      return true;
    }
  }
  return false;
}

}  // namespace

absl::Status PrefixTableBuilder::Add(uint32_t space, const net::IpPrefix& prefix, uint32_t value) {
  const AddressHalves address = HalvesOf(prefix.address());
  const int length = prefix.mapped_length();
  auto& lengths = lengths_[space * 2 + (prefix.is_v4() ? 1 : 0)];
  lengths.insert(length);
  if (lengths.size() > BW_MAX_PREFIX_LENGTHS)
    return absl::ResourceExhaustedError(absl::StrCat(
        prefix.ToString(), " is the first of a ", lengths.size(), "th prefix length among ",
        prefix.is_v4() ? "IPv4 " : "IPv6 ", space == BW_SPACE_POLICY ? "policies" : "sources", "; at most ",
        +BW_MAX_PREFIX_LENGTHS, " different lengths are carried: split it into a length that is in use"));
  entries_.push_back({{address.high, address.low}, KeyOf(space, length), value});
  return absl::OkStatus();
}

absl::Status PrefixTableBuilder::Build(Generation& generation) const {
  generation.prefix_lengths.assign(BW_PREFIX_LISTS * BW_MAX_PREFIX_LENGTHS, bw_prefix_length{});
  for (uint32_t list = 0; list < BW_PREFIX_LISTS; list++) {
    bw_prefix_length* to = &generation.prefix_lengths[list * BW_MAX_PREFIX_LENGTHS];
    for (int length : lengths_[list]) {
      const AddressHalves mask = MaskOf(length);
      *to++ = {{mask.high, mask.low}, KeyOf(list / 2, length), 0};
    }
  }
  size_t sets = std::bit_ceil(std::max<size_t>(1, entries_.size() / 2));
  sets = std::min<size_t>(sets, BW_PREFIX_SETS);
  for (int attempt = 0; attempt < kSeeds; attempt++) {
    const uint64_t seed = 0x9e3779b97f4a7c15ull * static_cast<uint64_t>(attempt);
    generation.prefixes.assign(sets, bw_prefix_set{});
    const bool placed = std::all_of(entries_.begin(), entries_.end(),
                                    [&](const bw_prefix& entry) { return Place(entry, seed, generation.prefixes); });
    if (placed) {
      generation.head.prefix_seed = seed;
      generation.head.prefix_set_mask = static_cast<uint32_t>(sets) - 1;
      return absl::OkStatus();
    }
    sets = std::min<size_t>(sets * 2, BW_PREFIX_SETS);
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("the ", entries_.size(), " prefixes of policies and sources found no place in ", +BW_PREFIX_SETS,
                   " sets of ", +BW_PREFIX_WAYS, ": use fewer sources"));
}

}  // namespace breakwater::datapath
