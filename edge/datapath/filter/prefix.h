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
BW_INLINE bool bw_in_prefix(const uint64_t *address, const uint64_t *prefix, const uint64_t *mask) {
  return (address[0] & mask[0]) == prefix[0] && (address[1] & mask[1]) == prefix[1] &&
         bw_is_mapped(address[0], address[1]) == bw_is_mapped(prefix[0], prefix[1]);
}

/* The value of exactly this prefix, or BW_NO_VALUE. */
BW_STAGE uint32_t bw_prefix_probe(uint32_t generation, uint64_t high, uint64_t low, uint32_t key) {
  struct bw_head *head = bw_heads(generation);
  if (!head) return BW_NO_VALUE;
  uint32_t set = (uint32_t)bw_prefix_hash(head->prefix_seed, high, low, key);
  uint32_t set_mask = head->prefix_set_mask;
  for (int probe = 0; probe < BW_PREFIX_PROBES; probe++) {
    struct bw_prefix_set *candidates = bw_prefixes(generation * BW_PREFIX_SETS + ((set + probe) & set_mask));
    if (!candidates) return BW_NO_VALUE;
    for (int way = 0; way < BW_PREFIX_WAYS; way++) {
      const struct bw_prefix *candidate = &candidates->way[way];
      if (candidate->key == 0) return BW_NO_VALUE; /* filled from the front: nothing behind */
      if (candidate->key == key && candidate->address[0] == high && candidate->address[1] == low)
        return candidate->value;
    }
  }
  return BW_NO_VALUE;
}

BW_STAGE uint32_t bw_prefix_find(struct bw_packet *p, uint32_t space) {
  if (!p) return BW_NO_VALUE;
  struct bw_head *head = bw_heads(p->generation);
  if (!head) return BW_NO_VALUE;
  uint64_t high = space == BW_SPACE_SOURCE ? p->src[0] : p->dst[0];
  uint64_t low = space == BW_SPACE_SOURCE ? p->src[1] : p->dst[1];
  uint32_t list = (space * 2 + bw_is_mapped(high, low)) & 3;
  for (uint32_t i = 0; i < BW_MAX_PREFIX_LENGTHS; i++) {
    const struct bw_prefix_lengths *lengths = &head->lengths[list];
    if (i >= lengths->count) break;
    const struct bw_prefix_length *length = &lengths->length[i];
    uint32_t key = (space << 8 | length->length) + 1;
    uint32_t value = bw_prefix_probe(p->generation, high & length->mask[0], low & length->mask[1], key);
    if (value != BW_NO_VALUE) return value;
  }
  return BW_NO_VALUE;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_PREFIX_H_ */
