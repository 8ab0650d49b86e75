/* The hash function of every table that is looked up by key.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_HASH_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_HASH_H_

#include <stdint.h>

/* Multiply and fold, one round per word: cheap in eBPF, which has no wide multiplication. */
static inline __attribute__((always_inline)) uint64_t bw_hash(uint64_t seed, uint64_t a, uint64_t b, uint64_t c) {
  uint64_t h = (seed ^ a) * 0x9e3779b97f4a7c15ull;
  h ^= h >> 32;
  h = (h ^ b) * 0xc2b2ae3d27d4eb4full;
  h ^= h >> 29;
  h = (h ^ c) * 0x165667b19e3779f9ull;
  h ^= h >> 32;
  return h;
}

/* Of a prefix {a, b} with key (struct bw_prefix). The seed is the generation's: whoever fills the table tries seeds until
 * probing stays within its bound. */
static inline __attribute__((always_inline)) uint64_t bw_prefix_hash(uint64_t seed, uint64_t a, uint64_t b,
                                                                     uint32_t key) {
  return bw_hash(seed, a, b, key);
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_HASH_H_ */
