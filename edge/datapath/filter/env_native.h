/* env.h for the library.
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_ENV_NATIVE_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_ENV_NATIVE_H_

#include <string.h>

#include "edge/datapath/filter/native.h"

struct bw_frame {
  const uint8_t* data;
  uint32_t size;
};

#define BW_CONTEXT struct bw_frame
#define BW_STAGE static __attribute__((unused))
#define BW_UNROLL
#define BW_INLINE static inline __attribute__((always_inline, unused))

/* Whose packet this thread is working on: set by bw_native_run() for the time of the call. */
static _Thread_local struct bw_native* bw_env;

#define BW_NATIVE_TABLE(table, element, elements, unit, mapped)                           \
  BW_INLINE element* bw_##table(uint32_t index) {                                         \
    return index < bw_env->tables.table##_elements ? bw_env->tables.table + index : NULL; \
  }
BW_TABLES(BW_NATIVE_TABLE)

BW_INLINE struct bw_packet* bw_env_scratch(void) { return &bw_env->scratch; }
BW_INLINE bool bw_env_fed(void) { return true; }
BW_INLINE uint64_t bw_env_now(void) { return bw_env->tables.settings->now; }
BW_INLINE uint32_t bw_env_cpu(void) { return 0; }

BW_INLINE uint32_t bw_env_size(BW_CONTEXT* ctx) { return ctx->size; }

BW_INLINE bool bw_env_header(BW_CONTEXT* ctx, struct bw_packet* p, uint32_t offset, uint32_t n, const uint8_t** at) {
  (void)p;
  *at = ctx->data + offset;
  return offset <= ctx->size && n <= ctx->size - offset;
}

BW_INLINE bool bw_env_load(BW_CONTEXT* ctx, uint32_t offset, void* to, uint32_t n) {
  if (offset > ctx->size || n > ctx->size - offset) return false;
  memcpy(to, ctx->data + offset, n);
  return true;
}

BW_INLINE uint16_t bw_env_be16(const void* p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap16(v);
}
BW_INLINE uint32_t bw_env_be32(const void* p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}
BW_INLINE uint64_t bw_env_be64(const void* p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return __builtin_bswap64(v);
}

BW_INLINE void bw_env_loop(uint32_t n, long (*step)(uint32_t, void*), void* context) {
  for (uint32_t i = 0; i < n; i++) {
    if (step(i, context)) return;
  }
}

#define bw_env_keep(x) ((void)(x))

/* One thread, one packet at a time. */
BW_INLINE void bw_env_lock(struct bpf_spin_lock* lock) { (void)lock; }
BW_INLINE void bw_env_unlock(struct bpf_spin_lock* lock) { (void)lock; }
BW_INLINE void bw_env_publish(uint32_t* version) { (*version)++; }

BW_INLINE struct bw_sample* bw_env_sample_begin(void) {
  return bw_env->sample_count < bw_env->sample_capacity ? &bw_env->samples[bw_env->sample_count] : NULL;
}
BW_INLINE void bw_env_sample_end(struct bw_sample* sample) {
  (void)sample;
  bw_env->sample_count++;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bw_env_be*() swap bytes: add a big-endian variant"
#endif

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_ENV_NATIVE_H_ */
