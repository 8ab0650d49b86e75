/* Into which vector a parsed packet is counted (common/window/vector.h).
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_CLASSIFY_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_CLASSIFY_H_

#include "edge/datapath/filter/env.h"

enum { BW_TCP_FIN = 1, BW_TCP_SYN = 2, BW_TCP_RST = 4, BW_TCP_PSH = 8, BW_TCP_ACK = 16, BW_TCP_URG = 32 };

BW_INLINE uint8_t bw_tcp_vector(uint32_t flags) {
  if (flags & BW_TCP_SYN) {
    if (flags & (BW_TCP_FIN | BW_TCP_RST)) return BW_VECTOR_TCP_INVALID;
    return flags & BW_TCP_ACK ? BW_VECTOR_TCP_SYNACK : BW_VECTOR_TCP_SYN;
  }
  if (flags & BW_TCP_RST) return flags & BW_TCP_FIN ? BW_VECTOR_TCP_INVALID : BW_VECTOR_TCP_RST;
  if (flags & BW_TCP_FIN) {
    /* A stack's FIN carries ACK; with PSH or URG and without ACK it is a scan (Xmas). A bare FIN stays a FIN. */
    if (!(flags & BW_TCP_ACK) && flags & (BW_TCP_PSH | BW_TCP_URG)) return BW_VECTOR_TCP_INVALID;
    return BW_VECTOR_TCP_FIN;
  }
  return flags & BW_TCP_ACK ? BW_VECTOR_TCP_ACK : BW_VECTOR_TCP_INVALID;
}

BW_INLINE uint8_t bw_udp_vector(uint32_t source_port) {
  struct bw_udp_ports* ports = bw_udp_ports(0);
  return ports ? ports->vector[source_port & 0xffff] : BW_VECTOR_UDP_OTHER;
}

BW_INLINE uint8_t bw_icmp_vector(uint32_t type) {
  if (type == 8) return BW_VECTOR_ICMP_ECHO;
  if (type == 0) return BW_VECTOR_ICMP_ECHO_REPLY;
  /* RFC 1122 section 3.2.2: unreachable, source quench, redirect, time exceeded, parameter problem. */
  if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12) return BW_VECTOR_ICMP_ERROR;
  return BW_VECTOR_ICMP_OTHER;
}

BW_INLINE uint8_t bw_icmp6_vector(uint32_t type) {
  if (type == 128) return BW_VECTOR_ICMP_ECHO;
  if (type == 129) return BW_VECTOR_ICMP_ECHO_REPLY;
  return type < 128 ? BW_VECTOR_ICMP_ERROR : BW_VECTOR_ICMP_OTHER; /* RFC 4443 section 2.1 */
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_CLASSIFY_H_ */
