/* Stage 1: Ethernet, up to two VLAN tags, IPv4 with options, IPv6 with up to six extension headers, fragments, TCP, UDP
 * and ICMP. Fields of the transport header exist only in first fragments.
 *
 * A header that is cut short, by the sender or by the capture, or that contradicts itself makes the whole packet
 * unparsed. What follows the headers may be missing: captures often hold only the first bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_PARSE_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_PARSE_H_

#include "edge/datapath/filter/classify.h"
#include "edge/datapath/filter/env.h"

enum { BW_PARSED = 0, BW_PARSE_NOT_IP = 1, BW_PARSE_CUT = 2 };

/* Whether there are n bytes at offset that still belong to the packet; at points to them. */
BW_INLINE bool bw_peek(BW_CONTEXT* ctx, struct bw_packet* p, uint32_t offset, uint32_t n, const uint8_t** at) {
  return offset + n <= p->limit && bw_env_header(ctx, p, offset, n, at);
}

BW_INLINE void bw_set_number(struct bw_packet* p, uint32_t number, uint32_t value) {
  p->number[number] = value;
  p->present |= 1u << number;
}

/* A VLAN tag at offset, if ethertype says that there is one; moves both on. */
BW_INLINE bool bw_parse_tag(BW_CONTEXT* ctx, struct bw_packet* p, uint32_t* offset, uint32_t* ethertype, bool outer) {
  if (*ethertype != 0x8100 && *ethertype != 0x88a8) return true;
  const uint8_t* tag;
  if (!bw_peek(ctx, p, *offset, 4, &tag)) return false;
  if (outer) {
    p->vlan = bw_env_be16(tag) & 0xfff;
    if (p->vlan != 0) bw_set_number(p, BW_NUMBER_VLAN, p->vlan); /* 0 is a priority, not a VLAN */
  }
  *ethertype = bw_env_be16(tag + 2);
  *offset += 4;
  return true;
}

/* Leaves offset and ethertype at what Ethernet and up to two VLAN tags carry. */
BW_INLINE bool bw_parse_link(BW_CONTEXT* ctx, struct bw_packet* p, uint32_t* ethertype) {
  const uint8_t* type;
  if (!bw_peek(ctx, p, 10, 4, &type)) return false; /* the addresses don't matter */
  *ethertype = bw_env_be16(type + 2);
  uint32_t offset = 14;
  if (!bw_parse_tag(ctx, p, &offset, ethertype, true)) return false;
  if (offset != 14 && !bw_parse_tag(ctx, p, &offset, ethertype, false)) return false;
  p->offset = offset;
  return true;
}

/* Sets where the IP packet ends; length 0 stands for the rest of the frame (segmentation offload, jumbograms). */
BW_INLINE void bw_set_length(struct bw_packet* p, uint32_t length) {
  uint32_t rest = p->frame_size - p->offset;
  if (length == 0) length = rest;
  p->ip_length = length;
  p->end = p->offset + (length < rest ? length : rest);
  p->limit = p->offset + length;
  bw_set_number(p, BW_NUMBER_LENGTH, length);
}

BW_INLINE int bw_parse_v4(BW_CONTEXT* ctx, struct bw_packet* p) {
  const uint8_t* ip;
  if (!bw_peek(ctx, p, p->offset, 20, &ip) || (ip[0] >> 4) != 4) return BW_PARSE_CUT;
  p->layer[BW_LAYER_L3] = (uint16_t)p->offset;
  p->src[0] = 0;
  p->src[1] = 0xffff00000000ull | bw_env_be32(ip + 12);
  p->dst[0] = 0;
  p->dst[1] = 0xffff00000000ull | bw_env_be32(ip + 16);
  p->has_addresses = 1;
  p->protocol = ip[9];
  bw_set_length(p, bw_env_be16(ip + 2));
  bw_set_number(p, BW_NUMBER_VERSION, 4);
  bw_set_number(p, BW_NUMBER_PROTOCOL, ip[9]);
  bw_set_number(p, BW_NUMBER_TTL, ip[8]);
  bw_set_number(p, BW_NUMBER_DSCP, ip[1] >> 2);
  bw_set_number(p, BW_NUMBER_ID, bw_env_be16(ip + 4));
  uint32_t fragment = bw_env_be16(ip + 6);
  if (fragment & 0x4000) p->fragment |= BW_FRAGMENT_DF;
  if (fragment & 0x1fff) p->fragment |= BW_FRAGMENT_LATER | (fragment & 0x2000 ? 0 : BW_FRAGMENT_LAST);
  if ((fragment & 0x3fff) == 0x2000) p->fragment |= BW_FRAGMENT_FIRST;
  uint32_t header = (ip[0] & 15u) * 4;
  if (header < 20 || header > p->ip_length || p->offset + header > p->frame_size) return BW_PARSE_CUT;
  p->offset += header;
  return BW_PARSED;
}

/* Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6. */
BW_INLINE bool bw_is_extension(uint32_t protocol) {
  return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60 || protocol == 135 ||
         protocol == 139 || protocol == 140;
}

/* One extension header: moves offset and protocol on, and notes what a fragment header says. */
BW_STAGE int bw_parse_extension(BW_CONTEXT* ctx, struct bw_packet* p) {
  uint8_t extension[8];
  if (!p || p->offset + 8 > p->limit || !bw_env_load(ctx, p->offset, extension, 8)) return BW_PARSE_CUT;
  if (p->protocol == 44) {
    uint32_t fragment = bw_env_be16(extension + 2);
    p->fragment |= fragment & 0xfff8 ? BW_FRAGMENT_LATER : BW_FRAGMENT_FIRST;
    if (!(fragment & 1)) p->fragment |= BW_FRAGMENT_LAST; /* an atomic fragment is first and last */
    p->offset += 8;
  } else if (p->protocol == 51) {
    p->offset += (extension[1] + 2u) * 4;
  } else {
    p->offset += (extension[1] + 1u) * 8;
  }
  p->protocol = extension[0];
  return BW_PARSED;
}

BW_STAGE int bw_parse_extensions(BW_CONTEXT* ctx, struct bw_packet* p) {
  if (!p) return BW_PARSE_CUT;
  for (int i = 0; i < BW_MAX_EXTENSIONS; i++) {
    if (!bw_is_extension(p->protocol) || p->fragment & BW_FRAGMENT_LATER) return BW_PARSED;
    if (bw_parse_extension(ctx, p) != BW_PARSED) return BW_PARSE_CUT;
  }
  /* More than we follow are as good as cut off. */
  return bw_is_extension(p->protocol) && !(p->fragment & BW_FRAGMENT_LATER) ? BW_PARSE_CUT : BW_PARSED;
}

BW_STAGE int bw_parse_v6(BW_CONTEXT* ctx) {
  struct bw_packet* p = bw_env_scratch();
  const uint8_t* ip;
  if (!p || !bw_peek(ctx, p, p->offset, 40, &ip) || (ip[0] >> 4) != 6) return BW_PARSE_CUT;
  p->layer[BW_LAYER_L3] = (uint16_t)p->offset;
  p->src[0] = bw_env_be64(ip + 8);
  p->src[1] = bw_env_be64(ip + 16);
  p->dst[0] = bw_env_be64(ip + 24);
  p->dst[1] = bw_env_be64(ip + 32);
  p->has_addresses = 1;
  p->protocol = ip[6];
  uint32_t payload = bw_env_be16(ip + 4);
  bw_set_length(p, payload != 0 || p->protocol == 59 ? payload + 40 : 0);
  bw_set_number(p, BW_NUMBER_VERSION, 6);
  bw_set_number(p, BW_NUMBER_TTL, ip[7]);
  bw_set_number(p, BW_NUMBER_DSCP, (bw_env_be16(ip) >> 6) & 63);
  p->offset += 40;
  int result = bw_is_extension(p->protocol) ? bw_parse_extensions(ctx, p) : BW_PARSED;
  bw_set_number(p, BW_NUMBER_PROTOCOL, p->protocol);
  return result;
}

BW_INLINE int bw_parse_tcp(BW_CONTEXT* ctx, struct bw_packet* p) {
  const uint8_t* tcp;
  if (!bw_peek(ctx, p, p->offset, 20, &tcp)) return BW_PARSE_CUT;
  uint32_t header = (tcp[12] >> 4) * 4u;
  bw_set_number(p, BW_NUMBER_SRC_PORT, bw_env_be16(tcp));
  p->declared = bw_env_be16(tcp + 2);
  bw_set_number(p, BW_NUMBER_DST_PORT, p->declared);
  bw_set_number(p, BW_NUMBER_TCP_SEQ, bw_env_be32(tcp + 4));
  bw_set_number(p, BW_NUMBER_TCP_ACK, bw_env_be32(tcp + 8));
  bw_set_number(p, BW_NUMBER_TCP_HEADER, header);
  bw_set_number(p, BW_NUMBER_TCP_FLAGS, tcp[13]);
  bw_set_number(p, BW_NUMBER_TCP_WINDOW, bw_env_be16(tcp + 14));
  /* An impossible header length leaves ports and flags usable, so that rules can still name such packets. */
  bool whole = header >= 20 && p->offset + header <= p->limit;
  if (whole) p->layer[BW_LAYER_PAYLOAD] = (uint16_t)(p->offset + header);
  p->vector = whole ? bw_tcp_vector(tcp[13]) : BW_VECTOR_TCP_INVALID;
  return BW_PARSED;
}

BW_INLINE int bw_parse_udp(BW_CONTEXT* ctx, struct bw_packet* p) {
  const uint8_t* udp;
  if (!bw_peek(ctx, p, p->offset, 8, &udp)) return BW_PARSE_CUT;
  uint32_t source = bw_env_be16(udp);
  bw_set_number(p, BW_NUMBER_SRC_PORT, source);
  p->declared = bw_env_be16(udp + 2);
  bw_set_number(p, BW_NUMBER_DST_PORT, p->declared);
  bw_set_number(p, BW_NUMBER_UDP_LENGTH, bw_env_be16(udp + 4));
  p->layer[BW_LAYER_PAYLOAD] = (uint16_t)(p->offset + 8);
  p->vector = bw_udp_vector(source);
  return BW_PARSED;
}

BW_INLINE int bw_parse_icmp(BW_CONTEXT* ctx, struct bw_packet* p, bool v6) {
  const uint8_t* icmp;
  if (!bw_peek(ctx, p, p->offset, 8, &icmp)) return BW_PARSE_CUT;
  bw_set_number(p, BW_NUMBER_ICMP_TYPE, icmp[0]);
  bw_set_number(p, BW_NUMBER_ICMP_CODE, icmp[1]);
  p->declared = icmp[0];
  p->layer[BW_LAYER_PAYLOAD] = (uint16_t)(p->offset + 8);
  p->vector = v6 ? bw_icmp6_vector(icmp[0]) : bw_icmp_vector(icmp[0]);
  return BW_PARSED;
}

BW_INLINE void bw_reset(struct bw_packet* p) {
  p->present = 0;
  p->ip_length = 0;
  p->end = 0;
  p->policy = BW_NO_VALUE;
  p->rule_slot = -1;
  p->layer[BW_LAYER_L3] = 0;
  p->layer[BW_LAYER_L4] = 0;
  p->layer[BW_LAYER_PAYLOAD] = 0;
  p->vlan = 0;
  p->declared = 0;
  p->protocol = 0;
  p->vector = BW_VECTOR_UNPARSED;
  p->has_addresses = 0;
  p->fragment = 0;
}

/* The transport header, in first fragments and whole packets. */
BW_STAGE int bw_parse_transport(BW_CONTEXT* ctx) {
  struct bw_packet* p = bw_env_scratch();
  if (!p) return BW_PARSE_CUT;
  bool v6 = p->number[BW_NUMBER_VERSION] == 6;
  p->layer[BW_LAYER_L4] = (uint16_t)p->offset;
  if (p->protocol == 6) return bw_parse_tcp(ctx, p);
  if (p->protocol == 17) return bw_parse_udp(ctx, p);
  /* ICMP belongs to IPv4 and ICMPv6 to IPv6; in the other they are a protocol like any. */
  if (p->protocol == (v6 ? 58 : 1)) return bw_parse_icmp(ctx, p, v6);
  p->vector = BW_VECTOR_IP_OTHER;
  return BW_PARSED;
}

/* BW_PARSED, BW_PARSE_NOT_IP or BW_PARSE_CUT; in the last case has_addresses says whether source and destination are
 * known all the same. */
BW_STAGE int bw_parse(BW_CONTEXT* ctx) {
  struct bw_packet* p = bw_env_scratch();
  if (!p) return BW_PARSE_CUT;
  bw_reset(p);
  p->frame_size = bw_env_size(ctx);
  p->limit = p->frame_size;
  uint32_t ethertype = 0;
  if (!bw_parse_link(ctx, p, &ethertype)) return BW_PARSE_CUT;
  int result;
  if (ethertype == 0x0800) {
    result = bw_parse_v4(ctx, p);
  } else if (ethertype == 0x86dd) {
    result = bw_parse_v6(ctx);
  } else {
    p->ip_length = p->frame_size;
    p->vector = BW_VECTOR_IP_OTHER;
    return BW_PARSE_NOT_IP;
  }
  if (result != BW_PARSED) return result;
  bw_set_number(p, BW_NUMBER_FRAGMENT, p->fragment);
  if (p->fragment & BW_FRAGMENT_LATER) {
    p->vector = BW_VECTOR_FRAGMENT;
    return BW_PARSED;
  }
  return bw_parse_transport(ctx);
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_PARSE_H_ */
