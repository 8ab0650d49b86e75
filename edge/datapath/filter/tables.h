/* The list of all tables. env_bpf.h makes BPF maps of it, native.h pointers; the loader maps them into memory.
 *
 * X(NAME, TYPE, ELEMENTS PER UNIT, UNIT, MAPPED)
 *   UNIT: how often ELEMENTS are needed: BW_ONCE, or BW_PER_CPU (set when loading), or BW_PER_HOST_SET (elements per
 *   set of the host table of one CPU, also set when loading).
 *   MAPPED: user space maps the table into its memory; a table with a lock can't be mapped.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_TABLES_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_TABLES_H_

#include "edge/datapath/filter/shared.h"

enum { BW_ONCE = 0, BW_PER_CPU = 1, BW_PER_HOST_SET = 2 };

/* clang-format off */
#define BW_TABLES(X)                                                                         \
  X(settings,      struct bw_settings,    1,                                   BW_ONCE, 1)         \
  X(result,        struct bw_result,      1,                                   BW_ONCE, 1)         \
  X(udp_ports,     struct bw_udp_ports,   1,                                   BW_ONCE, 1)         \
  /* The ruleset, twice: element i of generation g is at g * elements / 2 + i. */                  \
  X(heads,         struct bw_head,        BW_GENERATIONS,                      BW_ONCE, 1)         \
  X(prefix_lengths, struct bw_prefix_length, BW_GENERATIONS * BW_MAX_LENGTHS,    BW_ONCE, 1)         \
  X(prefixes,      struct bw_prefix_set,  BW_GENERATIONS * BW_PREFIX_SETS,     BW_ONCE, 1)         \
  X(policies,      struct bw_policy,      BW_GENERATIONS * BW_MAX_POLICIES,    BW_ONCE, 1)         \
  X(sources,       struct bw_source,      BW_GENERATIONS * BW_MAX_SOURCES,     BW_ONCE, 1)         \
  X(declared,      struct bw_service,     BW_GENERATIONS * BW_MAX_DECLARED,    BW_ONCE, 1)         \
  X(terms,         struct bw_term,        BW_GENERATIONS * BW_MAX_TERMS,       BW_ONCE, 1)         \
  X(checks,        struct bw_check,       BW_GENERATIONS * BW_MAX_CHECKS,      BW_ONCE, 1)         \
  X(members,       struct bw_member,      BW_GENERATIONS * BW_MAX_MEMBERS,     BW_ONCE, 1)         \
  X(rules,         struct bw_rule,        BW_GENERATIONS * BW_MAX_RULES,       BW_ONCE, 1)         \
  /* State. */                                                                                     \
  X(limits,        struct bw_limit_set,   BW_LIMIT_SETS,                       BW_ONCE, 0)         \
  X(hosts,         struct bw_host_set,    1,                                   BW_PER_HOST_SET, 1) \
  X(others,        struct bw_host,        BW_DATAPATH_VECTORS,                 BW_PER_CPU, 1)      \
  X(policy_counts, struct bw_counts,      BW_MAX_POLICIES * BW_DATAPATH_VECTORS, BW_PER_CPU, 1)    \
  X(rule_counts,   struct bw_counts,      BW_MAX_RULE_SLOTS,                   BW_PER_CPU, 1)      \
  X(reason_counts, struct bw_counts,      BW_REASON_MAX,                       BW_PER_CPU, 1)      \
  X(cpus,          struct bw_cpu,         1,                                   BW_PER_CPU, 1)
/* clang-format on */

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_TABLES_H_ */
