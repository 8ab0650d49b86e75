/* What the packet filter and the C++ around it both see: the layout of every table, defined once for eBPF, native C and
 * C++. Sizes and the offsets that matter are asserted, so that the three compilers can't disagree silently.
 *
 * Addresses are two host-order halves, {high, low}, of the sixteen bytes in network order; IPv4 is ::ffff:a.b.c.d.
 * Times are nanoseconds of the datapath's clock: CLOCK_MONOTONIC when live, capture time from a base when fed by hand.
 * Bytes are IP total lengths.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_SHARED_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_SHARED_H_

#include <linux/bpf.h> /* struct bpf_spin_lock, the same four bytes in every build */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/window/vector.h"
#include "edge/datapath/reason.h"

#ifdef __cplusplus
#define BW_LAYOUT(condition) static_assert(condition, #condition)
#else
#define BW_LAYOUT(condition) _Static_assert(condition, #condition)
#endif

enum {
  BW_GENERATIONS = 2, /* the one in force and the one being filled */
  BW_MAX_POLICIES = 1024,
  BW_MAX_SERVICES = 16, /* of one policy, or of one allowed source prefix */
  BW_MAX_SOURCES = 65536,
  BW_MAX_DECLARED = BW_MAX_SOURCES + BW_MAX_POLICIES * BW_MAX_SERVICES, /* services of all together */
  BW_MAX_RULES = 256,
  BW_MAX_RULE_SLOTS = 4096,
  BW_TERM_BLOCK = 16,         /* terms walked at once */
  BW_MAX_TERMS = 1024,        /* of all rules together */
  BW_MAX_TERM_CHECKS = 16,    /* of one term */
  BW_MAX_CHECKS = 8192,       /* of all terms together */
  BW_MAX_CHECK_MEMBERS = 256, /* of one check: as many as a set of the rule language has */
  BW_MAX_MEMBERS = 16384,     /* of all checks together */
  BW_MAX_PREFIX_LENGTHS = 16, /* different lengths in use, per family and space */

  BW_PREFIX_WAYS = 4,
  BW_PREFIX_SETS = 32768, /* at most half full, so that probing stays short */
  BW_PREFIX_PROBES = 8,   /* sets looked at for one prefix */
  BW_HOST_WAYS = 8,
  BW_LIMIT_WAYS = 8,
  BW_LIMIT_SETS = 8192,
  BW_DATAPATH_VECTORS = 64, /* the vectors a packet can have; those above are the gateway's */

  BW_SAMPLE_BYTES = 128,
  BW_SAMPLE_RING_BYTES = 4 << 20,
  BW_SAMPLE_FULL = 128, /* samples of one (host, vector) at one stride; then the stride doubles */

  BW_MAX_EXTENSIONS = 6,
  BW_MAX_HEADER = 40,   /* the longest that is read at once */
  BW_MAX_FRAME = 65600, /* an IP packet of 65,535 bytes with its link header; more is cut off */
  BW_MIN_FRAME = 14
};

#define BW_EPOCH_NS 100000000ull /* sampling starts afresh after 100 ms */
#define BW_NO_VALUE 0xffffffffu

/* ---- What user space sets ---- */

struct bw_settings {
  uint32_t active; /* the generation in force: 0 or 1; one store swaps everything */
  uint32_t panic;  /* nothing is dropped */
  uint64_t seed;   /* of the hash functions; secret when live, so that nobody can aim at one set of a table */
  uint64_t now;    /* the time, when the filter is fed by hand */
  /* A host last seen before this has been taken by user space and is idle: its place may be given away. */
  uint64_t reclaim_before;
  uint32_t host_set_mask; /* sets per CPU - 1 */
  uint32_t sample_budget; /* per CPU and epoch */
};
BW_LAYOUT(sizeof(struct bw_settings) == 40);

/* What happened to the one packet fed by hand. */
struct bw_result {
  uint32_t reason;
  uint32_t vector;
  int32_t rule_slot;
  uint32_t dropped;
};
BW_LAYOUT(sizeof(struct bw_result) == 16);

/* BW_UDP_SOURCE_PORTS as a table. */
struct bw_udp_ports {
  uint8_t vector[65536];
};

/* ---- One generation of the ruleset ---- */

enum { BW_SPACE_POLICY = 0, BW_SPACE_SOURCE = 1, BW_SPACES = 2 };
/* Prefixes are listed by space and family: space * 2 + (1 for IPv4). */
#define BW_PREFIX_LISTS 4
#define BW_MAX_LENGTHS (BW_PREFIX_LISTS * 16)
BW_LAYOUT(BW_PREFIX_LISTS == 2 * BW_SPACES && BW_MAX_LENGTHS == BW_PREFIX_LISTS * BW_MAX_PREFIX_LENGTHS);

/* The lengths in use of one list, longest first, then one with key 0. */
struct bw_prefix_length {
  uint64_t mask[2];
  uint32_t key; /* as in bw_prefix */
  uint32_t unused;
};
BW_LAYOUT(sizeof(struct bw_prefix_length) == 24);

struct bw_head {
  uint64_t prefix_seed;     /* with which every prefix found its place */
  uint32_t prefix_set_mask; /* sets in use - 1 */
  uint32_t terms;
};
BW_LAYOUT(sizeof(struct bw_head) == 16);

struct bw_prefix {
  uint64_t address[2];
  uint32_t key;   /* space << 8 | length in the 128-bit space, + 1 so that 0 means empty */
  uint32_t value; /* index of a policy or a source */
};
struct bw_prefix_set {
  struct bw_prefix way[BW_PREFIX_WAYS]; /* filled from the front */
};
BW_LAYOUT(sizeof(struct bw_prefix_set) == 96);

struct bw_service {
  uint8_t protocol; /* 0 = every protocol */
  uint8_t unused[3];
  uint16_t low; /* destination ports, or types of ICMP, inclusive */
  uint16_t high;
  uint64_t cap_pps; /* 0 = no cap */
};
BW_LAYOUT(sizeof(struct bw_service) == 16);

enum { BW_UNDECLARED_DROP = 0, BW_UNDECLARED_CAP = 1, BW_UNDECLARED_PASS = 2 };

struct bw_policy {
  uint32_t slot; /* of its counters: stable as long as the prefix stays */
  uint32_t first_service;
  uint8_t services;
  uint8_t undeclared;
  uint8_t unused[6];
  uint64_t undeclared_cap_pps;
};
BW_LAYOUT(sizeof(struct bw_policy) == 24);

struct bw_source {
  uint32_t first_service; /* of those it is allowed to use */
  uint8_t services;
  uint8_t blocked;
  uint8_t unused[2];
};
BW_LAYOUT(sizeof(struct bw_source) == 8);

/* A term is a conjunction of checks; a rule is one or more terms, one after the other. The destination, the protocol and one
 * number are looked at in the term itself, where most terms end; what they don't ask for is masked out. */
struct bw_term {
  uint64_t dst[2];
  uint64_t dst_mask[2];
  uint8_t protocol;
  uint8_t protocol_mask;
  uint16_t rule; /* index */
  uint32_t first_check;
  uint32_t checks;
  uint32_t number; /* one that every packet has, when none is asked for */
  uint32_t number_mask;
  uint32_t number_low;
  uint32_t number_span; /* high - low */
  uint32_t unused;
};
BW_LAYOUT(sizeof(struct bw_term) == 64);

enum { BW_CHECK_NUMBER = 0, BW_CHECK_SRC = 1, BW_CHECK_DST = 2, BW_CHECK_BYTES = 3 };
enum { BW_LAYER_L3 = 0, BW_LAYER_L4 = 1, BW_LAYER_PAYLOAD = 2 };

/* True when the field is there and, masked, lies in one of the members; negate turns the result round. */
struct bw_check {
  uint8_t kind;
  uint8_t number;   /* BW_CHECK_NUMBER: which; BW_CHECK_BYTES: the layer */
  uint8_t protocol; /* BW_CHECK_NUMBER: there only in this protocol; 0 = any */
  uint8_t negate;
  uint16_t offset; /* BW_CHECK_BYTES */
  uint16_t length;
  uint32_t first_member;
  uint32_t members;
  uint64_t mask;
};
BW_LAYOUT(sizeof(struct bw_check) == 24);

/* Numbers and bytes: low[0]..high[0], inclusive. Addresses: value in low, mask in high. */
struct bw_member {
  uint64_t low[2];
  uint64_t high[2];
};
BW_LAYOUT(sizeof(struct bw_member) == 32);

enum { BW_ACTION_ALLOW = 0, BW_ACTION_DROP = 1, BW_ACTION_LIMIT = 2 };
enum {
  BW_LIMIT_RULE = 0,
  BW_LIMIT_SOURCE = 1,
  BW_LIMIT_SOURCE_PREFIX = 2, /* /24 of IPv4, /48 of IPv6 */
  BW_LIMIT_DESTINATION = 3,
  BW_LIMIT_SOURCE_PORT = 4 /* source and destination port */
};

struct bw_rule {
  uint32_t slot; /* of its counters */
  uint8_t action;
  uint8_t enforce;
  uint8_t limit_key;
  uint8_t limit_bits; /* the rate is in bits, not packets */
  uint64_t rate;      /* per second */
  uint64_t burst;     /* packets or bits */
};
BW_LAYOUT(sizeof(struct bw_rule) == 24);

/* ---- State: outside generations, so that it survives swaps. Everything but the limits is per CPU. ---- */

struct bw_counts {
  uint64_t packets;
  uint64_t bytes;
  uint64_t dropped_packets;
  uint64_t dropped_bytes;
};
BW_LAYOUT(sizeof(struct bw_counts) == 32);

struct bw_host {
  uint64_t dst[2];
  uint64_t last_seen;
  struct bw_counts counts;
  uint32_t version; /* of the key; odd while the entry is being given to another */
  uint8_t vector;
  /* Which packets are sampled: one of 2^stride_shift, the one at chosen. */
  uint8_t stride_shift;
  uint16_t strides_left; /* at this length */
  uint64_t epoch_start;
  uint32_t position; /* in the stride */
  uint32_t chosen;
};
BW_LAYOUT(sizeof(struct bw_host) == 80);

struct bw_host_set {
  uint32_t tag[BW_HOST_WAYS]; /* of the hash; 0 = empty */
  uint32_t changes;           /* so that user space skips what nobody touched */
  uint32_t unused[7];
  struct bw_host way[BW_HOST_WAYS];
};
BW_LAYOUT(sizeof(struct bw_host_set) == 64 + 8 * 80);

/* What one CPU has sampled in the current epoch. */
struct bw_cpu {
  uint64_t lost_samples;
  uint64_t epoch_start;
  uint64_t sampled;
};
BW_LAYOUT(sizeof(struct bw_cpu) == 24);

struct bw_limit {
  uint64_t address[2];
  uint32_t owner; /* 0 = empty */
  uint32_t port;
  uint64_t full_at; /* when its bucket is full again, in 1/64 ns */
};
struct bw_limit_set {
  struct bpf_spin_lock lock; /* as long as one way, so that way 1 is the first */
  uint32_t unused[7];
  struct bw_limit way[BW_LIMIT_WAYS];
};
BW_LAYOUT(sizeof(struct bw_limit_set) == 9 * 32);

/* Owners of limits: rule counter slots, services of policies and allowed sources share the table. */
#define BW_OWNER_RULE 0x80000000u
#define BW_OWNER_ALLOWED 0x40000000u
#define BW_OWNER_POLICY 0x20000000u

enum { BW_SAMPLE_DROPPED = 1, BW_SAMPLE_FRAGMENT = 2, BW_SAMPLE_LATER_FRAGMENT = 4 };

struct bw_sample {
  uint64_t time;
  uint64_t src[2];
  uint64_t dst[2];
  uint32_t weight;
  uint32_t ip_length;
  uint16_t vlan;
  uint16_t l4_offset;      /* into bytes; 0 = not there */
  uint16_t payload_offset; /* likewise */
  uint16_t size;
  uint8_t vector;
  uint8_t protocol;
  uint8_t flags;
  uint8_t unused[5];
  uint8_t bytes[BW_SAMPLE_BYTES];
};
BW_LAYOUT(sizeof(struct bw_sample) == 192);
BW_LAYOUT(offsetof(struct bw_sample, bytes) == 64);

/* ---- A packet on its way through the stages ---- */

/* The numeric fields that checks may speak about. */
enum {
  BW_NUMBER_VERSION,
  BW_NUMBER_PROTOCOL,
  BW_NUMBER_LENGTH,
  BW_NUMBER_TTL,
  BW_NUMBER_DSCP,
  BW_NUMBER_ID,
  BW_NUMBER_FRAGMENT,
  BW_NUMBER_SRC_PORT,
  BW_NUMBER_DST_PORT,
  BW_NUMBER_TCP_FLAGS,
  BW_NUMBER_TCP_WINDOW,
  BW_NUMBER_TCP_HEADER,
  BW_NUMBER_TCP_SEQ,
  BW_NUMBER_TCP_ACK,
  BW_NUMBER_UDP_LENGTH,
  BW_NUMBER_ICMP_TYPE,
  BW_NUMBER_ICMP_CODE,
  BW_NUMBER_VLAN,
  BW_NUMBERS = 32 /* a power of two, so that an index can be masked */
};

/* Bits of ip.fragment, as in RFC 8955 section 4.2.2.12. */
enum { BW_FRAGMENT_DF = 1, BW_FRAGMENT_LATER = 2, BW_FRAGMENT_FIRST = 4, BW_FRAGMENT_LAST = 8 };

struct bw_packet {
  uint64_t now;
  uint64_t seed;
  uint64_t src[2];
  uint64_t dst[2];
  /* The limit to be charged, set before bw_limit_exceeded(). */
  uint64_t limit_address[2];
  uint64_t limit_rate;
  uint64_t limit_burst;
  uint32_t limit_owner;
  uint32_t limit_port;
  uint32_t limit_units;

  /* Of the parser: where the next header is, where the IP packet ends, without link padding. */
  uint32_t offset;
  uint32_t limit;
  uint32_t frame_size;

  uint32_t present; /* a bit per number */
  uint32_t number[BW_NUMBERS];
  uint32_t ip_length;
  uint32_t end; /* offset behind the last byte of the IP packet that is in the frame */
  uint32_t generation;
  uint32_t panic;
  uint32_t policy; /* index; BW_NO_VALUE = none */
  uint32_t policy_slot;
  uint32_t cpu;
  uint32_t host_set; /* index of the set of its host */
  uint32_t host_tag;

  uint32_t reason;
  int32_t rule_slot;
  /* Offsets into the frame; 0 = not there. */
  uint16_t layer[4]; /* by BW_LAYER_*; the fourth is never there */
  uint16_t vlan;
  uint16_t unused;
  uint16_t declared; /* port or type by which services declare it */
  uint8_t protocol;
  uint8_t vector;
  uint8_t has_addresses;
  uint8_t fragment;                   /* BW_FRAGMENT_* */
  uint64_t header[BW_MAX_HEADER / 8]; /* the header being read, in the kernel's build */
};
BW_LAYOUT(sizeof(struct bw_packet) % 8 == 0);

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_SHARED_H_ */
