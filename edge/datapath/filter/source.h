/* Stage 3: what is known of the source. The longest prefix decides alone: an allow entry inside a blocked prefix takes
 * its addresses out of the block, and lets through at once only the services it names, up to their caps.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_SOURCE_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_SOURCE_H_

#include "edge/datapath/filter/prefix.h"
#include "edge/datapath/filter/services.h"

/* PASS_SOURCE_ALLOWED, DROP_SOURCE_BLOCKED, or BW_NO_VALUE: the next stages decide. */
BW_STAGE uint32_t bw_source(struct bw_packet *p) {
  if (!p) return BW_NO_VALUE;
  uint32_t index = bw_prefix_find(p, BW_SPACE_SOURCE);
  if (index == BW_NO_VALUE) return BW_NO_VALUE;
  struct bw_source *source = bw_sources(p->generation * BW_MAX_SOURCES + (index & (BW_MAX_SOURCES - 1)));
  if (!source) return BW_NO_VALUE;
  for (uint32_t i = 0; i < BW_MAX_SERVICES; i++) {
    if (i >= source->allowed) break;
    uint32_t at = (source->first_allowed + i) & (BW_MAX_SOURCES - 1);
    struct bw_service *service = bw_allowed(p->generation * BW_MAX_SOURCES + at);
    if (!service || !bw_in_service(p, service)) continue;
    bw_limit_prepare(p, BW_OWNER_ALLOWED | at, service->cap_pps, 0, 1);
    /* Over the cap it is judged like everyone else: an allowed address may be forged. */
    if (bw_limit_exceeded(p)) break;
    return BW_REASON_PASS_SOURCE_ALLOWED;
  }
  return source->blocked ? BW_REASON_DROP_SOURCE_BLOCKED : BW_NO_VALUE;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_SOURCE_H_ */
