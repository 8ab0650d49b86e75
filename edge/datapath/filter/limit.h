/* Rate limits: a token bucket per key, as one number (GCRA): the time at which the bucket will be full again. A bucket
 * that is full is the same as none, so places in the table free themselves; when a set is full of busy buckets, the one
 * nearest to full goes, so the heaviest keys stay.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_LIMIT_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_LIMIT_H_

#include "edge/datapath/filter/env.h"
#include "edge/datapath/filter/hash.h"

#define BW_TICKS_PER_NS 64ull
#define BW_TICKS_PER_SECOND (1000000000ull * BW_TICKS_PER_NS)
#define BW_MAX_LIMIT_UNITS (1ull << 28) /* keeps units * ticks per second within 64 bits */

/* Sets what is charged. rate and burst are in the same unit as units; a burst of 0 is one second's worth. */
BW_INLINE void bw_limit_prepare(struct bw_packet* p, uint32_t owner, uint64_t rate, uint64_t burst, uint32_t units) {
  p->limit_owner = owner;
  p->limit_rate = rate;
  p->limit_burst = burst;
  p->limit_units = units;
  p->limit_address[0] = 0;
  p->limit_address[1] = 0;
  p->limit_port = 0;
}

/* The way of the prepared key in its set, or the one to take for it. Without the lock: if another CPU takes the same way in
 * between, one of the two keys loses its bucket, as it could have a moment later. */
BW_STAGE uint32_t bw_limit_place(struct bw_packet* p, uint32_t index) {
  struct bw_limit_set* set = bw_limits(index);
  if (!p || !set) return 0;
  uint32_t place = 0;
  uint64_t nearest = ~0ull;
  BW_UNROLL
  for (uint32_t way = 0; way < BW_LIMIT_WAYS; way++) {
    const struct bw_limit* limit = &set->way[way];
    if (limit->owner == p->limit_owner && limit->port == p->limit_port && limit->address[0] == p->limit_address[0] &&
        limit->address[1] == p->limit_address[1])
      return way;
    if (limit->full_at < nearest) {
      nearest = limit->full_at;
      place = way;
    }
  }
  return place;
}

/* Charges what bw_limit_prepare() set; 1 = over the rate, nothing charged. */
BW_STAGE int bw_limit_exceeded(struct bw_packet* p) {
  if (!p) return 0;
  uint64_t rate = p->limit_rate;
  if (rate == 0) return 1;
  uint64_t units = p->limit_units;
  if (units > BW_MAX_LIMIT_UNITS) units = BW_MAX_LIMIT_UNITS;
  uint64_t cost = units * BW_TICKS_PER_SECOND / rate;
  uint64_t burst = p->limit_burst;
  if (burst > BW_MAX_LIMIT_UNITS) burst = BW_MAX_LIMIT_UNITS;
  uint64_t depth = burst ? burst * BW_TICKS_PER_SECOND / rate : BW_TICKS_PER_SECOND;
  uint64_t now = p->now * BW_TICKS_PER_NS;
  uint64_t high = p->limit_address[0];
  uint64_t low = p->limit_address[1];
  uint32_t owner = p->limit_owner;
  uint32_t port = p->limit_port;
  uint32_t index = bw_hash(p->seed, high, low, (uint64_t)owner << 32 | port) & (BW_LIMIT_SETS - 1);
  uint32_t way = bw_limit_place(p, index);
  struct bw_limit_set* set = bw_limits(index);
  if (!set) return 0;
  /* One step over the lock, in the index itself: without CAP_PERFMON not even the way to a pointer may touch a lock. */
  uint32_t step = (way & (BW_LIMIT_WAYS - 1)) + 1;
  bw_env_keep(step);
  struct bw_limit* limit = (struct bw_limit*)set + step;

  bw_env_lock(&set->lock);
  if (limit->owner != owner || limit->port != port || limit->address[0] != high || limit->address[1] != low) {
    limit->address[0] = high;
    limit->address[1] = low;
    limit->owner = owner;
    limit->port = port;
    limit->full_at = 0;
  }
  /* A full bucket lets one packet through even if that is larger than the burst. */
  uint64_t full_at = limit->full_at > now ? limit->full_at : now;
  bool exceeded = full_at > now && full_at - now + cost > depth;
  if (!exceeded) limit->full_at = full_at + cost;
  bw_env_unlock(&set->lock);
  return exceeded;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_LIMIT_H_ */
