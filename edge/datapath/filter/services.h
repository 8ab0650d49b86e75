/* What a prefix or an allowed source declares: which packets belong to a service.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_SERVICES_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_SERVICES_H_

#include "edge/datapath/filter/env.h"
#include "edge/datapath/filter/limit.h"

BW_INLINE bool bw_has_ports(uint32_t protocol) {
  return protocol == 6 || protocol == 17 || protocol == 1 || protocol == 58;
}

/* A later fragment has no port: it belongs to every service of its protocol, because its first fragment, which is judged
 * by port, decides whether the whole can ever be put together. Rules can still name and drop fragments. */
BW_INLINE bool bw_in_service(const struct bw_packet* p, const struct bw_service* service) {
  if (service->protocol == 0) return true;
  if (service->protocol != p->protocol) return false;
  if (!bw_has_ports(p->protocol) || p->fragment & BW_FRAGMENT_LATER) return true;
  return p->declared >= service->low && p->declared <= service->high;
}

/* The first of the services from first on to which the packet belongs, as an index, or BW_NO_VALUE. */
BW_STAGE uint32_t bw_find_service(struct bw_packet* p, uint32_t first, uint32_t services) {
  if (!p) return BW_NO_VALUE;
  for (uint32_t i = 0; i < BW_MAX_SERVICES; i++) {
    if (i >= services) break;
    struct bw_service* service = bw_declared(p->generation * BW_MAX_DECLARED + first + i);
    if (!service) break;
    if (bw_in_service(p, service)) return i;
  }
  return BW_NO_VALUE;
}

/* Whether the packet is over the cap of a service. */
BW_INLINE bool bw_over_cap(struct bw_packet* p, uint32_t index, uint32_t owner) {
  struct bw_service* service = bw_declared(p->generation * BW_MAX_DECLARED + index);
  if (!service || service->cap_pps == 0) return false;
  bw_limit_prepare(p, owner, service->cap_pps, 0, 1);
  return bw_limit_exceeded(p);
}

/* Stage 4: a reason to drop, or the reason for which the packet passes if no rule says otherwise. */
BW_STAGE uint32_t bw_services(struct bw_packet* p) {
  if (!p) return BW_REASON_PASS_NO_POLICY;
  struct bw_policy* policy = bw_policies(p->generation * BW_MAX_POLICIES + p->policy);
  if (!policy) return BW_REASON_PASS_NO_POLICY;
  uint32_t owner = BW_OWNER_POLICY | policy->slot << 8;
  uint32_t service = bw_find_service(p, policy->first_service, policy->services);
  if (service != BW_NO_VALUE) {
    bool over = bw_over_cap(p, policy->first_service + service, owner | service);
    return over ? BW_REASON_DROP_SERVICE_CAP : BW_REASON_PASS_DECLARED;
  }
  if (policy->undeclared == BW_UNDECLARED_PASS) return BW_REASON_PASS_UNDECLARED;
  if (policy->undeclared == BW_UNDECLARED_DROP) return BW_REASON_DROP_UNDECLARED;
  bw_limit_prepare(p, owner | 255, policy->undeclared_cap_pps, 0, 1);
  return bw_limit_exceeded(p) ? BW_REASON_DROP_UNDECLARED : BW_REASON_PASS_UNDECLARED;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_SERVICES_H_ */
