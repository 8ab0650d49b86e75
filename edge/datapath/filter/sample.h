/* Stage 8: a sampled packet's first bytes go to user space, within a budget per CPU and epoch.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_SAMPLE_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_SAMPLE_H_

#include "edge/datapath/filter/env.h"

/* Whether the budget has room; counts what is lost. */
BW_INLINE bool bw_sample_granted(const struct bw_packet* p, struct bw_cpu* cpu) {
  struct bw_settings* settings = bw_settings(0);
  if (!settings) return false;
  if (p->now - cpu->epoch_start >= BW_EPOCH_NS) {
    cpu->epoch_start = p->now;
    cpu->sampled = 0;
  }
  if (cpu->sampled >= settings->sample_budget) return false;
  cpu->sampled++;
  return true;
}

BW_STAGE int bw_take_sample(BW_CONTEXT* ctx, struct bw_packet* p, uint32_t weight, int dropped) {
  if (!p || p->layer[BW_LAYER_L3] == 0) return 0;
  struct bw_cpu* cpu = bw_cpus(p->cpu);
  if (!cpu) return 0;
  struct bw_sample* sample = bw_sample_granted(p, cpu) ? bw_env_sample_begin() : NULL;
  if (!sample) {
    cpu->lost_samples++;
    return 0;
  }
  sample->time = p->now;
  sample->src[0] = p->src[0];
  sample->src[1] = p->src[1];
  sample->dst[0] = p->dst[0];
  sample->dst[1] = p->dst[1];
  sample->weight = weight;
  sample->ip_length = p->ip_length;
  sample->vlan = p->vlan;
  sample->vector = p->vector;
  sample->protocol = p->protocol;
  uint8_t flags = dropped ? BW_SAMPLE_DROPPED : 0;
  if (p->fragment & (BW_FRAGMENT_FIRST | BW_FRAGMENT_LATER)) flags |= BW_SAMPLE_FRAGMENT;
  if (p->fragment & BW_FRAGMENT_LATER) flags |= BW_SAMPLE_LATER_FRAGMENT;
  sample->flags = flags;
  sample->l4_offset = p->layer[BW_LAYER_L4] ? (uint16_t)(p->layer[BW_LAYER_L4] - p->layer[BW_LAYER_L3]) : 0;
  sample->payload_offset =
      p->layer[BW_LAYER_PAYLOAD] ? (uint16_t)(p->layer[BW_LAYER_PAYLOAD] - p->layer[BW_LAYER_L3]) : 0;
  uint32_t size = p->end - p->layer[BW_LAYER_L3];
  if (size > BW_SAMPLE_BYTES) size = BW_SAMPLE_BYTES;
  sample->size = 0;
  if (size > 0 && bw_env_load(ctx, p->layer[BW_LAYER_L3], sample->bytes, size)) sample->size = (uint16_t)size;
  bw_env_sample_end(sample);
  return 1;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_SAMPLE_H_ */
