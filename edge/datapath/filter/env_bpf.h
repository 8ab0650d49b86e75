/* env.h for the kernel.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_ENV_BPF_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_ENV_BPF_H_

/* The helpers need the kernel's types first. */
/* clang-format off */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
/* clang-format on */

#include "edge/datapath/filter/tables.h"

#define BW_CONTEXT struct xdp_md
#define BW_STAGE __attribute__((noinline))
#define BW_UNROLL _Pragma("unroll")
#define BW_INLINE static inline __attribute__((always_inline, unused))

/* Set before loading; the verifier then knows it and removes the branches that can't be taken. */
const volatile uint8_t bw_fed = 0;

#define BW_MAP_FLAGS_1 BPF_F_MMAPABLE
#define BW_MAP_FLAGS_0 0
#define BW_BPF_TABLE(table, element, elements, unit, mapped) \
  struct {                                                   \
    __uint(type, BPF_MAP_TYPE_ARRAY);                        \
    __uint(max_entries, elements);                           \
    __uint(map_flags, BW_MAP_FLAGS_##mapped);                \
    __type(key, uint32_t);                                   \
    __type(value, element);                                  \
  } bw_map_##table SEC(".maps");                             \
  BW_INLINE element* bw_##table(uint32_t index) { return bpf_map_lookup_elem(&bw_map_##table, &index); }
BW_TABLES(BW_BPF_TABLE)

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, uint32_t);
  __type(value, struct bw_packet);
} bw_map_scratch SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, BW_SAMPLE_RING_BYTES);
} bw_map_samples SEC(".maps");

BW_INLINE struct bw_packet* bw_env_scratch(void) {
  uint32_t zero = 0;
  return bpf_map_lookup_elem(&bw_map_scratch, &zero);
}

BW_INLINE bool bw_env_fed(void) { return bw_fed != 0; }

BW_INLINE uint64_t bw_env_now(void) {
  if (bw_fed) {
    struct bw_settings* settings = bw_settings(0);
    return settings ? *(volatile uint64_t*)&settings->now : 0;
  }
  return bpf_ktime_get_coarse_ns(); /* 9 ns instead of 30; a few milliseconds are fine enough for limits and epochs */
}

BW_INLINE uint32_t bw_env_cpu(void) { return bw_fed ? 0 : bpf_get_smp_processor_id(); }

BW_INLINE uint32_t bw_env_size(BW_CONTEXT* ctx) { return bpf_xdp_get_buff_len(ctx); }

/* Headers are copied into p->header. Reading them in the packet at variable offsets is granted only to holders of
 * CAP_PERFMON; constant ones are granted to all, and the usual layouts have few. The asm keeps the compiler from making one
 * variable offset of them again. Everything else goes through the helper, which costs some 30 ns. */
#define BW_HEADER_AT(k)                               \
  case k:                                             \
    from = data + k;                                  \
    __asm__ volatile("# header at " #k : "+r"(from)); \
    break;
BW_INLINE bool bw_env_header(BW_CONTEXT* ctx, struct bw_packet* p, uint32_t offset, uint32_t n, const uint8_t** at) {
  const uint8_t* data = (const uint8_t*)(long)ctx->data;
  const uint8_t* data_end = (const uint8_t*)(long)ctx->data_end;
  const uint8_t* from;
  *at = (const uint8_t*)p->header;
  switch (offset) {
    BW_HEADER_AT(10)
    BW_HEADER_AT(14) /* behind Ethernet, and with one or two VLAN tags */
    BW_HEADER_AT(18)
    BW_HEADER_AT(22)
    BW_HEADER_AT(34) /* behind 20 bytes of IPv4 */
    BW_HEADER_AT(38)
    BW_HEADER_AT(42)
    BW_HEADER_AT(54) /* behind 40 bytes of IPv6 */
    BW_HEADER_AT(58)
    BW_HEADER_AT(62)
    default:
      return bpf_xdp_load_bytes(ctx, offset, p->header, n) == 0;
  }
  if (from + n > data_end)
    return bpf_xdp_load_bytes(ctx, offset, p->header, n) == 0; /* in a later buffer, or nowhere */
  BW_UNROLL
  for (uint32_t i = 0; i < BW_MAX_HEADER / 8; i++) {
    if (i < n / 8) p->header[i] = ((const uint64_t*)from)[i];
  }
  if (n & 4) ((uint32_t*)p->header)[n / 4 - 1] = ((const uint32_t*)from)[n / 4 - 1];
  return true;
}
#undef BW_HEADER_AT

/* n must be known to be 1..BW_SAMPLE_BYTES. */
BW_INLINE bool bw_env_load(BW_CONTEXT* ctx, uint32_t offset, void* to, uint32_t n) {
  return bpf_xdp_load_bytes(ctx, offset, to, n) == 0;
}

BW_INLINE uint16_t bw_env_be16(const void* p) { return bpf_ntohs(*(const uint16_t*)p); }
BW_INLINE uint32_t bw_env_be32(const void* p) { return bpf_ntohl(*(const uint32_t*)p); }
BW_INLINE uint64_t bw_env_be64(const void* p) { return bpf_be64_to_cpu(*(const uint64_t*)p); }

#define bw_env_keep(x) __asm__ volatile("" : "+r"(x))

/* The verifier looks at step once, not n times. */
BW_INLINE void bw_env_loop(uint32_t n, long (*step)(uint32_t, void*), void* context) { bpf_loop(n, step, context, 0); }

BW_INLINE void bw_env_lock(struct bpf_spin_lock* lock) { bpf_spin_lock(lock); }
BW_INLINE void bw_env_unlock(struct bpf_spin_lock* lock) { bpf_spin_unlock(lock); }

BW_INLINE void bw_env_publish(uint32_t* version) {
  /* An atomic whose result is used is a full barrier. */
  volatile uint32_t before = __sync_fetch_and_add(version, 1);
  (void)before;
}

BW_INLINE struct bw_sample* bw_env_sample_begin(void) {
  return bpf_ringbuf_reserve(&bw_map_samples, sizeof(struct bw_sample), 0);
}
BW_INLINE void bw_env_sample_end(struct bw_sample* sample) { bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP); }

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_ENV_BPF_H_ */
