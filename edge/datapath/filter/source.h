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
BW_STAGE uint32_t bw_source(struct bw_packet* p) {
  if (!p) return BW_NO_VALUE;
  uint32_t list = bw_prefix_list(BW_SPACE_SOURCE, p->src[0], p->src[1]);
  uint32_t index = bw_prefix_find(p->generation, list, p->src[0], p->src[1]);
  if (index == BW_NO_VALUE) return BW_NO_VALUE;
  struct bw_source* source = bw_sources(p->generation * BW_MAX_SOURCES + (index & (BW_MAX_SOURCES - 1)));
  if (!source) return BW_NO_VALUE;
  uint32_t service = bw_find_service(p, source->first_service, source->services);
  /* Over the cap it is judged like everyone else: an allowed address may be forged. */
  if (service != BW_NO_VALUE &&
      !bw_over_cap(p, source->first_service + service, BW_OWNER_ALLOWED | (source->first_service + service)))
    return BW_REASON_PASS_SOURCE_ALLOWED;
  return source->blocked ? BW_REASON_DROP_SOURCE_BLOCKED : BW_NO_VALUE;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_SOURCE_H_ */
