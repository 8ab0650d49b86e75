/* The longest prefix that holds an address: one hashed look-up per prefix length in use. Exact in both builds, and
 * bounded; large sets of sources get a flatter table behind the same function.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_PREFIX_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_PREFIX_H_

#include "edge/datapath/filter/env.h"
#include "edge/datapath/filter/hash.h"

BW_INLINE bool bw_is_mapped(uint64_t high, uint64_t low) { return high == 0 && low >> 32 == 0xffff; }

/* IPv4 addresses lie inside of ::/0 as numbers, but a family never contains the other. */
BW_INLINE bool bw_in_prefix(uint64_t high, uint64_t low, const uint64_t* prefix, const uint64_t* mask) {
  return (high & mask[0]) == prefix[0] && (low & mask[1]) == prefix[1] &&
         bw_is_mapped(high, low) == bw_is_mapped(prefix[0], prefix[1]);
}

/* The value of exactly this prefix, or BW_NO_VALUE. */
BW_STAGE uint32_t bw_prefix_probe(uint32_t generation, uint64_t high, uint64_t low, uint32_t key) {
  struct bw_head* head = bw_heads(generation);
  if (!head) return BW_NO_VALUE;
  uint32_t set = (uint32_t)bw_prefix_hash(head->prefix_seed, high, low, key);
  uint32_t set_mask = head->prefix_set_mask;
  for (int probe = 0; probe < BW_PREFIX_PROBES; probe++) {
    struct bw_prefix_set* candidates = bw_prefixes(generation * BW_PREFIX_SETS + ((set + probe) & set_mask));
    if (!candidates) return BW_NO_VALUE;
    BW_UNROLL
    for (int way = 0; way < BW_PREFIX_WAYS; way++) {
      const struct bw_prefix* candidate = &candidates->way[way];
      if (candidate->key == 0) return BW_NO_VALUE; /* filled from the front: nothing behind */
      uint32_t value = candidate->value;
      bw_env_keep(value);
      if (candidate->key == key && candidate->address[0] == high && candidate->address[1] == low) return value;
    }
  }
  return BW_NO_VALUE;
}

/* The value of the longest prefix that holds {high, low}, or BW_NO_VALUE. list: bw_prefix_list(). */
BW_STAGE uint32_t bw_prefix_find(uint32_t generation, uint32_t list, uint64_t high, uint64_t low) {
  for (uint32_t i = 0; i < BW_MAX_PREFIX_LENGTHS; i++) {
    const struct bw_prefix_length* length =
        bw_prefix_lengths((generation * BW_PREFIX_LISTS + list) * BW_MAX_PREFIX_LENGTHS + i);
    if (!length || length->key == 0) break;
    uint32_t value = bw_prefix_probe(generation, high & length->mask[0], low & length->mask[1], length->key);
    if (value != BW_NO_VALUE) return value;
  }
  return BW_NO_VALUE;
}

BW_INLINE uint32_t bw_prefix_list(uint32_t space, uint64_t high, uint64_t low) {
  return space * 2 + bw_is_mapped(high, low);
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_PREFIX_H_ */
