/* The packet filter: the stages in their order. Compiled for the kernel (eBPF, XDP) and as a library.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#include "edge/datapath/filter/action.h"
#include "edge/datapath/filter/count.h"
#include "edge/datapath/filter/env.h"
#include "edge/datapath/filter/parse.h"
#include "edge/datapath/filter/prefix.h"
#include "edge/datapath/filter/rules.h"
#include "edge/datapath/filter/sample.h"
#include "edge/datapath/filter/services.h"
#include "edge/datapath/filter/source.h"

BW_INLINE bool bw_is_drop(uint32_t reason) { return reason >= 16; }
#define BW_REASON_LAYOUT(number, id, name, drops, description) BW_LAYOUT(((number) >= 16) == (drops));
BW_REASONS(BW_REASON_LAYOUT)

/* For a packet to a protected destination: why it passes or is dropped. */
BW_INLINE uint32_t bw_decide(BW_CONTEXT* ctx, struct bw_packet* p) {
  uint32_t by_source = bw_source(p);
  if (by_source != BW_NO_VALUE) return by_source;
  uint32_t by_service = bw_services(p);
  if (bw_is_drop(by_service)) return by_service;
  uint32_t by_rule = bw_rules_decide(ctx, p);
  return by_rule != BW_NO_VALUE ? by_rule : by_service;
}

/* Finds the destination's policy; false = not protected. */
BW_INLINE bool bw_find_policy(struct bw_packet* p) {
  uint32_t list = bw_prefix_list(BW_SPACE_POLICY, p->dst[0], p->dst[1]);
  uint32_t index = bw_prefix_find(p->generation, list, p->dst[0], p->dst[1]);
  if (index == BW_NO_VALUE) return false;
  p->policy = index & (BW_MAX_POLICIES - 1);
  struct bw_policy* policy = bw_policies(p->generation * BW_MAX_POLICIES + p->policy);
  if (!policy) return false;
  p->policy_slot = policy->slot;
  return true;
}

/* True when the packet is to be dropped. */
BW_INLINE bool bw_filter(BW_CONTEXT* ctx, struct bw_packet* p, const struct bw_settings* settings) {
  p->cpu = bw_env_cpu();
  p->seed = settings->seed;
  p->panic = settings->panic;
  p->generation = *(const volatile uint32_t*)&settings->active & 1; /* read once: a swap never splits a packet */

  int parsed = bw_parse(ctx);
  if (!p->has_addresses || !bw_find_policy(p)) {
    p->reason = parsed == BW_PARSE_NOT_IP ? BW_REASON_PASS_NOT_IP
                : parsed == BW_PARSE_CUT  ? BW_REASON_PASS_UNPARSED
                                          : BW_REASON_PASS_NO_POLICY;
    bw_count_reason(p, false);
    return false;
  }
  p->now = bw_env_now();
  if (parsed == BW_PARSE_CUT) {
    p->vector = BW_VECTOR_UNPARSED; /* left to the stack, which drops it, but counted for its destination */
    p->reason = BW_REASON_PASS_UNPARSED;
  } else {
    p->reason = bw_decide(ctx, p);
  }
  bool dropped = bw_is_drop(p->reason);
  if (dropped && p->panic) {
    p->reason = BW_REASON_PASS_PANIC;
    dropped = false;
  }
  bw_count_reason(p, dropped);
  bw_count_policy(p, dropped);
  uint32_t weight = bw_count_host(p, dropped);
  if (weight) bw_take_sample(ctx, p, weight, dropped);
  return dropped;
}

/* For packets fed by hand: what happened. */
BW_INLINE void bw_report(const struct bw_packet* p, bool dropped) {
  struct bw_result* result = bw_result(0);
  if (!result) return;
  result->reason = p->reason;
  result->vector = p->vector;
  result->rule_slot = p->rule_slot;
  result->dropped = dropped;
}

#ifdef __bpf__

SEC("xdp.frags")
int bw_xdp(struct xdp_md* ctx) {
  struct bw_packet* p = bw_env_scratch();
  struct bw_settings* settings = bw_settings(0);
  if (!p || !settings) return XDP_PASS;
  bool dropped = bw_filter(ctx, p, settings);
  if (bw_env_fed()) bw_report(p, dropped);
  return dropped ? XDP_DROP : XDP_PASS;
}

/* The licence of the object as the kernel reads it; the sources are also under Apache-2.0. */
char bw_license[] SEC("license") = "GPL";

#else

void bw_native_run(struct bw_native* env, const uint8_t* frame, uint32_t size) {
  bw_env = env;
  struct bw_frame ctx = {frame, size};
  bool dropped = bw_filter(&ctx, bw_env_scratch(), env->tables.settings);
  bw_report(bw_env_scratch(), dropped);
}

/* Parses only; false when the packet is cut short or not IP. */
static bool bw_native_parse(struct bw_native* env, struct bw_frame* ctx) {
  bw_env = env;
  struct bw_packet* p = bw_env_scratch();
  p->cpu = 0;
  p->now = env->tables.settings->now;
  return bw_parse(ctx) == BW_PARSED;
}

bool bw_native_rule_matches(struct bw_native* env, uint32_t generation, uint32_t rule, const uint8_t* frame,
                            uint32_t size) {
  struct bw_frame ctx = {frame, size};
  if (!bw_native_parse(env, &ctx)) return false;
  struct bw_packet* p = bw_env_scratch();
  p->generation = generation;
  uint32_t first = generation * BW_MAX_TERMS;
  uint32_t terms = bw_heads(generation)->terms;
  for (uint32_t i = first; i < first + terms; i++) {
    if (bw_terms(i)->rule == rule && bw_term_possible(p, bw_terms(i)) && bw_term_matches(&ctx, p, i)) return true;
  }
  return false;
}

uint32_t bw_native_policy(struct bw_native* env, uint32_t generation, const uint8_t* frame, uint32_t size) {
  struct bw_frame ctx = {frame, size};
  if (!bw_native_parse(env, &ctx)) return BW_NO_VALUE;
  bw_env_scratch()->generation = generation;
  bw_find_policy(bw_env_scratch());
  return bw_env_scratch()->policy;
}

const struct bw_sample* bw_native_sample(struct bw_native* env, const uint8_t* frame, uint32_t size) {
  struct bw_frame ctx = {frame, size};
  env->sample_count = 0;
  env->tables.settings->sample_budget = 1;
  env->tables.settings->now += BW_EPOCH_NS;
  if (!bw_native_parse(env, &ctx)) return NULL;
  return bw_take_sample(&ctx, bw_env_scratch(), 1, 0) ? &env->samples[0] : NULL;
}

#endif
