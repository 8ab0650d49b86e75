/* Stage 5: the rules, in order. Terms are looked at one after the other; bw_rules() is the whole interface of this
 * matcher, so that bit vectors can take its place.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_RULES_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_RULES_H_

#include "edge/datapath/filter/action.h"
#include "edge/datapath/filter/env.h"
#include "edge/datapath/filter/prefix.h"

/* length bytes at offset of a layer as a big-endian number; false when any of them is missing. Link padding behind the
 * IP packet doesn't count. */
BW_INLINE bool bw_layer_bytes(BW_CONTEXT* ctx, const struct bw_packet* p, const struct bw_check* check,
                              uint64_t* value) {
  uint32_t base = p->layer[check->number & 3];
  uint32_t offset = base + check->offset;
  uint32_t length = check->length;
  if (base == 0 || length < 1 || length > 8 || offset + length > p->end) return false;
  uint64_t bytes = 0;
  if (!bw_env_load(ctx, offset, &bytes, length)) return false;
  *value = bw_env_be64(&bytes) >> (64 - 8 * length);
  return true;
}

BW_INLINE bool bw_in_members(uint32_t generation, const struct bw_check* check, uint64_t value) {
  for (uint32_t i = 0; i < BW_MAX_CHECK_MEMBERS; i++) {
    if (i >= check->members) return false;
    struct bw_member* member = bw_members(generation * BW_MAX_MEMBERS + check->first_member + i);
    if (!member) return false;
    if (value >= member->low[0] && value <= member->high[0]) return true;
  }
  return false;
}

/* Whether {high, low} lies in one of the members from first on. */
BW_STAGE int bw_address_matches(uint64_t high, uint64_t low, uint32_t first, uint32_t members) {
  for (uint32_t i = 0; i < BW_MAX_CHECK_MEMBERS; i++) {
    if (i >= members) return 0;
    struct bw_member* member = bw_members(first + i);
    if (!member) return 0;
    if (bw_in_prefix(high, low, member->low, member->high)) return 1;
  }
  return 0;
}

BW_STAGE int bw_number_matches(BW_CONTEXT* ctx, uint32_t index) {
  /* Not a parameter: the verifier lets fields be chosen by a variable only in a table. */
  struct bw_packet* p = bw_env_scratch();
  if (!p) return 0;
  struct bw_check* check = bw_checks(index);
  if (!check) return 0;
  uint64_t value = 0;
  if (check->kind == BW_CHECK_BYTES) {
    if (!bw_layer_bytes(ctx, p, check, &value)) return 0;
  } else {
    uint32_t number = check->number & (BW_NUMBERS - 1);
    if (!(p->present >> number & 1) || (check->protocol && check->protocol != p->protocol)) return 0;
    value = p->number[number];
  }
  return bw_in_members(p->generation, check, value & check->mask);
}

BW_STAGE int bw_term_matches(BW_CONTEXT* ctx, struct bw_packet* p, uint32_t index) {
  if (!p) return 0;
  struct bw_term* term = bw_terms(index);
  if (!term) return 0;
  for (uint32_t i = 0; i < BW_MAX_TERM_CHECKS; i++) {
    if (i >= term->checks) break;
    uint32_t at = p->generation * BW_MAX_CHECKS + term->first_check + i;
    struct bw_check* check = bw_checks(at);
    if (!check) return 0;
    uint32_t first = p->generation * BW_MAX_MEMBERS + check->first_member;
    int matches;
    if (check->kind == BW_CHECK_SRC) {
      matches = bw_address_matches(p->src[0], p->src[1], first, check->members);
    } else if (check->kind == BW_CHECK_DST) {
      matches = bw_address_matches(p->dst[0], p->dst[1], first, check->members);
    } else {
      matches = bw_number_matches(ctx, at);
    }
    if ((matches != 0) == (check->negate != 0)) return 0;
  }
  return 1;
}

/* The cheap part of a term, which sorts out most of them. */
BW_INLINE bool bw_term_possible(const struct bw_packet* p, const struct bw_term* term) {
  uint64_t difference = ((p->dst[0] & term->dst_mask[0]) ^ term->dst[0]) |
                        ((p->dst[1] & term->dst_mask[1]) ^ term->dst[1]) |
                        ((p->protocol & term->protocol_mask) ^ term->protocol);
  if (difference != 0) return false;
  uint32_t number = term->number & (BW_NUMBERS - 1);
  if (!(p->present >> number & 1)) return false;
  return (p->number[number] & term->number_mask) - term->number_low <= term->number_span;
}

struct bw_rules_walk {
  BW_CONTEXT* ctx;
  uint32_t first;   /* term of this generation */
  uint32_t end;     /* behind the last one */
  uint32_t matched; /* the last rule that matched; BW_NO_VALUE = none */
  uint32_t reason;
};

/* Looks at one block of terms; 1 = decided. */
static long bw_rules_block(uint32_t block, void* context) {
  struct bw_rules_walk* walk = context;
  struct bw_packet* p = bw_env_scratch();
  if (!p) return 1;
  for (uint32_t i = 0; i < BW_TERM_BLOCK; i++) {
    uint32_t index = walk->first + block * BW_TERM_BLOCK + i;
    struct bw_term* term = bw_terms(index);
    if (!term || index >= walk->end) return 1;
    if (!bw_term_possible(p, term)) continue;
    /* A rule that only observes goes on to the next one, but counts a packet once however many of its terms match. */
    if (term->rule == walk->matched || !bw_term_matches(walk->ctx, p, index)) continue;
    walk->matched = term->rule;
    walk->reason = bw_rule_apply(p, term->rule);
    if (walk->reason != BW_NO_VALUE) return 1;
  }
  return 0;
}

/* The reason a rule gives, or BW_NO_VALUE when none decides. */
BW_STAGE uint32_t bw_rules_decide(BW_CONTEXT* ctx, struct bw_packet* p) {
  if (!p) return BW_NO_VALUE;
  struct bw_head* head = bw_heads(p->generation);
  if (!head || head->terms == 0) return BW_NO_VALUE;
  uint32_t first = p->generation * BW_MAX_TERMS;
  struct bw_rules_walk walk = {ctx, first, first + head->terms, BW_NO_VALUE, BW_NO_VALUE};
  bw_env_loop((head->terms + BW_TERM_BLOCK - 1) / BW_TERM_BLOCK, bw_rules_block, &walk);
  return walk.reason;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_RULES_H_ */
