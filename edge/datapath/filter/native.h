/* The packet filter as a library: tables in ordinary memory, and one call per packet.
 *
 *   struct bw_native env = {.tables = ..., .take_sample = ...};
 *   bw_native_run(&env, frame, size);      // env.tables.result->reason says what happened
 *
 * One bw_native is used by one thread at a time; different ones are independent.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_NATIVE_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_NATIVE_H_

#include "edge/datapath/filter/tables.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the tables are, and how many elements they have. */
struct bw_tables {
#define BW_TABLE_POINTER(name, type, elements, unit, mapped) \
  type* name;                                                \
  uint32_t name##_elements;
  BW_TABLES(BW_TABLE_POINTER)
#undef BW_TABLE_POINTER
};

struct bw_native {
  struct bw_tables tables;
  struct bw_packet scratch;
  /* A sample ring with the capacity of the kernel's; samples[0..sample_count). */
  struct bw_sample* samples;
  uint32_t sample_count;
  uint32_t sample_capacity;
};

void bw_native_run(struct bw_native* env, const uint8_t* frame, uint32_t size);

/* For golden checks and tests: whether the terms of a rule, as they stand in a generation, match the frame. Counts
 * nothing; a frame that can't be parsed matches nothing. */
bool bw_native_rule_matches(struct bw_native* env, uint32_t generation, uint32_t rule, const uint8_t* frame,
                            uint32_t size);
/* Likewise: the index of the policy of the frame's destination; BW_NO_VALUE = none. */
uint32_t bw_native_policy(struct bw_native* env, uint32_t generation, const uint8_t* frame, uint32_t size);
/* Likewise: the frame as a sample, valid until the next call; null when it can't be parsed. */
const struct bw_sample* bw_native_sample(struct bw_native* env, const uint8_t* frame, uint32_t size);

#ifdef __cplusplus
}
#endif

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_NATIVE_H_ */
