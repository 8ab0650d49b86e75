/* Stage 7: exact counters, per reason, per (policy, vector) and per (host, vector). All are per CPU, so nothing here is
 * atomic: one writer, and user space reads.
 *
 * Hosts stand in a set-associative table. A host without a place is counted in the `other` of its vector; nothing is ever
 * put elsewhere, so a flood over many destinations costs no more than one set. A place is given away only when user space
 * has taken its counts and the host has been idle since (bw_settings.reclaim_before).
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_COUNT_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_COUNT_H_

#include "edge/datapath/filter/env.h"
#include "edge/datapath/filter/hash.h"

BW_INLINE void bw_add(struct bw_counts* counts, const struct bw_packet* p, bool dropped) {
  if (!counts) return;
  counts->packets++;
  counts->bytes += p->ip_length;
  if (dropped) {
    counts->dropped_packets++;
    counts->dropped_bytes += p->ip_length;
  }
}

/* The way of the packet's host in its set, or BW_NO_VALUE. */
BW_STAGE uint32_t bw_host_find(struct bw_packet* p) {
  struct bw_host_set* set = p ? bw_hosts(p->host_set) : NULL;
  if (!p || !set) return BW_NO_VALUE;
  BW_UNROLL
  for (uint32_t way = 0; way < BW_HOST_WAYS; way++) {
    const struct bw_host* host = &set->way[way];
    if (set->tag[way] == p->host_tag && host->dst[0] == p->dst[0] && host->dst[1] == p->dst[1] &&
        host->vector == p->vector)
      return way;
  }
  return BW_NO_VALUE;
}

/* A way that is empty or whose host is idle, or BW_NO_VALUE. */
BW_STAGE uint32_t bw_host_find_free(struct bw_packet* p) {
  struct bw_settings* settings = bw_settings(0);
  struct bw_host_set* set = p ? bw_hosts(p->host_set) : NULL;
  if (!p || !set || !settings) return BW_NO_VALUE;
  BW_UNROLL
  for (uint32_t way = 0; way < BW_HOST_WAYS; way++) {
    if (set->tag[way] == 0 || set->way[way].last_seen < settings->reclaim_before) return way;
  }
  return BW_NO_VALUE;
}

/* Gives a way to the packet's host. */
BW_STAGE int bw_host_take(struct bw_packet* p, uint32_t way) {
  struct bw_host_set* set = p ? bw_hosts(p->host_set) : NULL;
  if (!p || !set) return 0;
  struct bw_host* host = &set->way[way & (BW_HOST_WAYS - 1)];
  bw_env_publish(&host->version);
  host->dst[0] = p->dst[0];
  host->dst[1] = p->dst[1];
  host->vector = p->vector;
  host->counts.packets = 0;
  host->counts.bytes = 0;
  host->counts.dropped_packets = 0;
  host->counts.dropped_bytes = 0;
  host->epoch_start = 0;
  set->tag[way & (BW_HOST_WAYS - 1)] = p->host_tag;
  bw_env_publish(&host->version);
  return 1;
}

/* How many packets of its (host, vector) a sample of this packet stands for; 0 = it isn't sampled. Every packet for the
 * first 128 of an epoch, then one of 2 until 128 more are taken, then one of 4, and so on: many samples of a small attack,
 * a bounded number of a large one. Which one of a stride is taken varies, so that no rhythm in the traffic is in step. */
BW_INLINE uint32_t bw_sample_weight(struct bw_host* host, const struct bw_packet* p) {
  if (p->now - host->epoch_start >= BW_EPOCH_NS) {
    host->epoch_start = p->now;
    host->stride_shift = 0;
    host->strides_left = BW_SAMPLE_FULL;
    host->position = 0;
    host->chosen = 0;
  }
  uint32_t stride = 1u << (host->stride_shift & 15);
  uint32_t position = host->position;
  uint32_t weight = position == host->chosen ? stride : 0;
  host->position = position + 1;
  if (position + 1 == stride) {
    host->position = 0;
    if (--host->strides_left == 0) {
      host->strides_left = BW_SAMPLE_FULL;
      if (host->stride_shift < 15) host->stride_shift++;
    }
    stride = 1u << (host->stride_shift & 15);
    if (stride > 1)
      host->chosen = (uint32_t)bw_hash(p->seed, p->dst[1], host->epoch_start, host->strides_left) & (stride - 1);
  }
  return weight;
}

BW_INLINE uint32_t bw_count_in(struct bw_host* host, const struct bw_packet* p, int dropped) {
  host->last_seen = p->now;
  bw_add(&host->counts, p, dropped);
  return bw_sample_weight(host, p);
}

/* The way of the packet's host in the set p->host_set, taking one if need be; BW_NO_VALUE = no place. */
BW_INLINE uint32_t bw_host_place(struct bw_packet* p, uint32_t set_mask) {
  uint64_t hash = bw_hash(p->seed, p->dst[0], p->dst[1], p->vector);
  p->host_tag = (uint32_t)(hash >> 32) | 1; /* 0 = empty */
  p->host_set = p->cpu * (set_mask + 1) + ((uint32_t)hash & set_mask);
  uint32_t way = bw_host_find(p);
  if (way != BW_NO_VALUE) return way;
  way = bw_host_find_free(p);
  if (way != BW_NO_VALUE) bw_host_take(p, way);
  return way;
}

/* Counts one packet of a host; the weight of its sample. */
BW_STAGE uint32_t bw_count_host(struct bw_packet* p, int dropped) {
  struct bw_settings* settings = bw_settings(0);
  if (!p || !settings) return 0;
  uint32_t way = bw_host_place(p, settings->host_set_mask);
  if (way == BW_NO_VALUE) {
    struct bw_host* other = bw_others(p->cpu * BW_DATAPATH_VECTORS + (p->vector & (BW_DATAPATH_VECTORS - 1)));
    return other ? bw_count_in(other, p, dropped) : 0;
  }
  struct bw_host_set* set = bw_hosts(p->host_set);
  if (!set) return 0;
  set->changes++;
  return bw_count_in(&set->way[way & (BW_HOST_WAYS - 1)], p, dropped);
}

BW_INLINE void bw_count_reason(const struct bw_packet* p, bool dropped) {
  bw_add(bw_reason_counts(p->cpu * BW_REASON_MAX + (p->reason & (BW_REASON_MAX - 1))), p, dropped);
}

BW_INLINE void bw_count_policy(const struct bw_packet* p, bool dropped) {
  uint32_t row = p->cpu * BW_MAX_POLICIES + (p->policy_slot & (BW_MAX_POLICIES - 1));
  bw_add(bw_policy_counts(row * BW_DATAPATH_VECTORS + (p->vector & (BW_DATAPATH_VECTORS - 1))), p, dropped);
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_COUNT_H_ */
