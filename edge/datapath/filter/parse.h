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

struct bw_cursor {
  const uint8_t *data;
  const uint8_t *data_end;
  uint32_t offset; /* of the next header */
  uint32_t limit;  /* headers may not reach behind it: the end of the IP packet, without link padding */
};

/* The next n bytes, or null. */
BW_INLINE const uint8_t *bw_peek(const struct bw_cursor *cursor, uint32_t n) {
  if (cursor->offset > BW_HEADER_LIMIT || cursor->offset + n > cursor->limit) return NULL;
  const uint8_t *at = cursor->data + cursor->offset;
  if (at + n > cursor->data_end) return NULL;
  return at;
}

BW_INLINE void bw_set_number(struct bw_packet *p, uint32_t number, uint32_t value) {
  p->number[number] = value;
  p->present |= 1u << number;
}

BW_INLINE int bw_parse_link(struct bw_cursor *cursor, struct bw_packet *p, uint16_t *ethertype) {
  const uint8_t *ethernet = bw_peek(cursor, 14);
  if (!ethernet) return BW_PARSE_CUT;
  *ethertype = bw_env_be16(ethernet + 12);
  cursor->offset = 14;
  for (int i = 0; i < BW_MAX_VLAN_TAGS; i++) {
    if (*ethertype != 0x8100 && *ethertype != 0x88a8) break;
    const uint8_t *tag = bw_peek(cursor, 4);
    if (!tag) return BW_PARSE_CUT;
    if (i == 0) {
      p->vlan = bw_env_be16(tag) & 0xfff;
      bw_set_number(p, BW_NUMBER_VLAN, p->vlan);
    }
    *ethertype = bw_env_be16(tag + 2);
    cursor->offset += 4;
  }
  return BW_PARSED;
}

/* Sets where the IP packet ends; length 0 stands for the rest of the frame (segmentation offload, jumbograms). */
BW_INLINE void bw_set_length(struct bw_cursor *cursor, struct bw_packet *p, uint32_t length, uint32_t frame_size) {
  uint32_t rest = frame_size - cursor->offset;
  if (length == 0) length = rest;
  p->ip_length = length;
  p->end = cursor->offset + (length < rest ? length : rest);
  cursor->limit = cursor->offset + length;
  bw_set_number(p, BW_NUMBER_LENGTH, length);
}

BW_INLINE int bw_parse_v4(struct bw_cursor *cursor, struct bw_packet *p, uint32_t frame_size) {
  const uint8_t *ip = bw_peek(cursor, 20);
  if (!ip || (ip[0] >> 4) != 4) return BW_PARSE_CUT;
  p->l3_offset = (uint16_t)cursor->offset;
  p->src[0] = 0;
  p->src[1] = 0xffff00000000ull | bw_env_be32(ip + 12);
  p->dst[0] = 0;
  p->dst[1] = 0xffff00000000ull | bw_env_be32(ip + 16);
  p->has_addresses = 1;
  p->protocol = ip[9];
  bw_set_length(cursor, p, bw_env_be16(ip + 2), frame_size);
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
  if (header < 20 || header > p->ip_length || !bw_peek(cursor, header)) return BW_PARSE_CUT;
  cursor->offset += header;
  return BW_PARSED;
}

/* Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6. */
BW_INLINE bool bw_is_extension(uint32_t protocol) {
  return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60 || protocol == 135 ||
         protocol == 139 || protocol == 140;
}

BW_INLINE int bw_parse_v6(struct bw_cursor *cursor, struct bw_packet *p, uint32_t frame_size) {
  const uint8_t *ip = bw_peek(cursor, 40);
  if (!ip || (ip[0] >> 4) != 6) return BW_PARSE_CUT;
  p->l3_offset = (uint16_t)cursor->offset;
  p->src[0] = bw_env_be64(ip + 8);
  p->src[1] = bw_env_be64(ip + 16);
  p->dst[0] = bw_env_be64(ip + 24);
  p->dst[1] = bw_env_be64(ip + 32);
  p->has_addresses = 1;
  uint32_t payload = bw_env_be16(ip + 4);
  uint32_t protocol = ip[6];
  bw_set_length(cursor, p, payload != 0 || protocol == 59 ? payload + 40 : 0, frame_size);
  bw_set_number(p, BW_NUMBER_VERSION, 6);
  bw_set_number(p, BW_NUMBER_TTL, ip[7]);
  bw_set_number(p, BW_NUMBER_DSCP, (bw_env_be16(ip) >> 6) & 63);
  cursor->offset += 40;
  int result = BW_PARSED;
  for (int i = 0; i < BW_MAX_EXTENSIONS; i++) {
    if (!bw_is_extension(protocol) || p->fragment & BW_FRAGMENT_LATER) break;
    const uint8_t *extension = bw_peek(cursor, 8);
    if (!extension) {
      result = BW_PARSE_CUT;
      break;
    }
    if (protocol == 44) {
      uint32_t fragment = bw_env_be16(extension + 2);
      if (fragment & 0xfff8) p->fragment |= BW_FRAGMENT_LATER;
      if (!(fragment & 0xfff8)) p->fragment |= BW_FRAGMENT_FIRST;
      if (!(fragment & 1)) p->fragment |= BW_FRAGMENT_LAST; /* an atomic fragment is first and last */
      cursor->offset += 8;
    } else if (protocol == 51) {
      cursor->offset += (extension[1] + 2u) * 4;
    } else {
      cursor->offset += (extension[1] + 1u) * 8;
    }
    protocol = extension[0];
  }
  p->protocol = (uint8_t)protocol;
  bw_set_number(p, BW_NUMBER_PROTOCOL, protocol);
  if (bw_is_extension(protocol) && !(p->fragment & BW_FRAGMENT_LATER)) return BW_PARSE_CUT; /* more than we follow */
  return result;
}

BW_INLINE int bw_parse_tcp(const struct bw_cursor *cursor, struct bw_packet *p) {
  const uint8_t *tcp = bw_peek(cursor, 20);
  if (!tcp) return BW_PARSE_CUT;
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
  bool whole = header >= 20 && cursor->offset + header <= cursor->limit;
  if (whole) p->payload_offset = (uint16_t)(cursor->offset + header);
  p->vector = whole ? bw_tcp_vector(tcp[13]) : BW_VECTOR_TCP_INVALID;
  return BW_PARSED;
}

BW_INLINE int bw_parse_udp(const struct bw_cursor *cursor, struct bw_packet *p) {
  const uint8_t *udp = bw_peek(cursor, 8);
  if (!udp) return BW_PARSE_CUT;
  uint32_t source = bw_env_be16(udp);
  bw_set_number(p, BW_NUMBER_SRC_PORT, source);
  p->declared = bw_env_be16(udp + 2);
  bw_set_number(p, BW_NUMBER_DST_PORT, p->declared);
  bw_set_number(p, BW_NUMBER_UDP_LENGTH, bw_env_be16(udp + 4));
  p->payload_offset = (uint16_t)(cursor->offset + 8);
  p->vector = bw_udp_vector(source);
  return BW_PARSED;
}

BW_INLINE int bw_parse_icmp(const struct bw_cursor *cursor, struct bw_packet *p, bool v6) {
  const uint8_t *icmp = bw_peek(cursor, 8);
  if (!icmp) return BW_PARSE_CUT;
  bw_set_number(p, BW_NUMBER_ICMP_TYPE, icmp[0]);
  bw_set_number(p, BW_NUMBER_ICMP_CODE, icmp[1]);
  p->declared = icmp[0];
  p->payload_offset = (uint16_t)(cursor->offset + 8);
  p->vector = v6 ? bw_icmp6_vector(icmp[0]) : bw_icmp_vector(icmp[0]);
  return BW_PARSED;
}

BW_INLINE void bw_reset(struct bw_packet *p) {
  p->present = 0;
  p->ip_length = 0;
  p->end = 0;
  p->policy = BW_NO_VALUE;
  p->rule_slot = -1;
  p->matched_rule = BW_NO_VALUE;
  p->l3_offset = 0;
  p->l4_offset = 0;
  p->payload_offset = 0;
  p->vlan = 0;
  p->declared = 0;
  p->protocol = 0;
  p->vector = BW_VECTOR_UNPARSED;
  p->has_addresses = 0;
  p->fragment = 0;
}

/* BW_PARSED, BW_PARSE_NOT_IP or BW_PARSE_CUT; in the last case has_addresses says whether source and destination are
 * known all the same. */
BW_INLINE int bw_parse(BW_CONTEXT *ctx, struct bw_packet *p) {
  bw_reset(p);
  uint32_t frame_size = bw_env_size(ctx);
  struct bw_cursor cursor = {bw_env_data(ctx), bw_env_data_end(ctx), 0, BW_MAX_FRAME};
  uint16_t ethertype = 0;
  if (bw_parse_link(&cursor, p, &ethertype) != BW_PARSED) return BW_PARSE_CUT;
  int result = BW_PARSE_NOT_IP;
  if (ethertype == 0x0800) {
    result = bw_parse_v4(&cursor, p, frame_size);
  } else if (ethertype == 0x86dd) {
    result = bw_parse_v6(&cursor, p, frame_size);
  } else {
    p->ip_length = frame_size;
    p->vector = BW_VECTOR_IP_OTHER;
  }
  if (result != BW_PARSED) return result;
  bw_set_number(p, BW_NUMBER_FRAGMENT, p->fragment);
  if (p->fragment & BW_FRAGMENT_LATER) {
    p->vector = BW_VECTOR_FRAGMENT;
    return BW_PARSED;
  }
  if (cursor.offset > BW_HEADER_LIMIT) return BW_PARSE_CUT;
  p->l4_offset = (uint16_t)cursor.offset;
  if (p->protocol == 6) {
    result = bw_parse_tcp(&cursor, p);
  } else if (p->protocol == 17) {
    result = bw_parse_udp(&cursor, p);
  } else if (p->protocol == 1 && ethertype == 0x0800) {
    result = bw_parse_icmp(&cursor, p, false);
  } else if (p->protocol == 58 && ethertype == 0x86dd) {
    result = bw_parse_icmp(&cursor, p, true);
  } else {
    p->vector = BW_VECTOR_IP_OTHER;
  }
  return result;
}

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_PARSE_H_ */
