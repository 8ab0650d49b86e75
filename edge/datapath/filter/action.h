/* Stage 6: what a matching rule does. Observing and armed rules only count; a rate limit that isn't exceeded leaves the
 * packet to the next rule.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_ACTION_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_ACTION_H_

#include "edge/datapath/filter/env.h"
#include "edge/datapath/filter/limit.h"
#include "edge/datapath/filter/prefix.h"

BW_INLINE void bw_limit_by_rule(struct bw_packet* p, const struct bw_rule* rule) {
  bw_limit_prepare(p, BW_OWNER_RULE | rule->slot, rule->rate, rule->burst, rule->limit_bits ? p->ip_length * 8 : 1);
  if (rule->limit_key == BW_LIMIT_DESTINATION) {
    p->limit_address[0] = p->dst[0];
    p->limit_address[1] = p->dst[1];
  } else if (rule->limit_key != BW_LIMIT_RULE) {
    p->limit_address[0] = p->src[0];
    p->limit_address[1] = p->src[1];
    if (rule->limit_key == BW_LIMIT_SOURCE_PREFIX) {
      if (bw_is_mapped(p->src[0], p->src[1])) {
        p->limit_address[1] &= ~0xffull;
      } else {
        p->limit_address[0] &= ~0xffffull;
        p->limit_address[1] = 0;
      }
    }
    if (rule->limit_key == BW_LIMIT_SOURCE_PORT && p->present >> BW_NUMBER_DST_PORT & 1)
      p->limit_port = p->number[BW_NUMBER_DST_PORT] + 1; /* 0 = no port */
  }
}

BW_INLINE uint32_t bw_rule_decides(struct bw_packet* p, const struct bw_rule* rule) {
  if (!rule->enforce) return BW_NO_VALUE;
  if (rule->action == BW_ACTION_ALLOW) return BW_REASON_PASS_RULE;
  if (rule->action == BW_ACTION_DROP) return BW_REASON_DROP_RULE;
  bw_limit_by_rule(p, rule);
  return bw_limit_exceeded(p) ? BW_REASON_DROP_RULE_RATE_LIMIT : BW_NO_VALUE;
}

/* Counts the match and acts: a reason, or BW_NO_VALUE to go on with the next rule. */
BW_STAGE uint32_t bw_rule_apply(struct bw_packet* p, uint32_t index) {
  if (!p) return BW_NO_VALUE;
  struct bw_rule* rule = bw_rules(p->generation * BW_MAX_RULES + index);
  if (!rule) return BW_NO_VALUE;
  uint32_t reason = bw_rule_decides(p, rule);
  struct bw_counts* counts = bw_rule_counts(p->cpu * BW_MAX_RULE_SLOTS + (rule->slot & (BW_MAX_RULE_SLOTS - 1)));
  if (counts) {
    counts->packets++;
    counts->bytes += p->ip_length;
    if ((reason == BW_REASON_DROP_RULE || reason == BW_REASON_DROP_RULE_RATE_LIMIT) && !p->panic) {
      counts->dropped_packets++;
      counts->dropped_bytes += p->ip_length;
    }
  }
  if (reason != BW_NO_VALUE) p->rule_slot = (int32_t)rule->slot;
  return reason;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_ACTION_H_ */
