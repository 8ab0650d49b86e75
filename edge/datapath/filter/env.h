/* Everything that differs between the two builds of the packet filter, and nothing else: tables, time, CPU, packet
 * bytes, locks, samples. The stages use only what is listed here.
 *
 *   BW_CONTEXT                         the packet as the environment hands it over
 *   BW_STAGE                           a function the verifier checks once, however often it is called
 *   BW_INLINE                          any other function
 *   BW_UNROLL                          before a loop whose index chooses in a table element
 *   bw_NAME(i)                         element i of table NAME, or null behind its end (tables.h)
 *   bw_env_scratch()                   the packet being worked on; one per CPU
 *   bw_env_fed()                       true when packets are fed by hand and time and results go through tables
 *   bw_env_now()                       nanoseconds of the datapath's clock
 *   bw_env_cpu()                       whose counters to use
 *   bw_env_size(ctx)                   the size of the whole frame
 *   bw_env_header(ctx, p, offset, n, &at)
 *                                      whether n bytes (constant, a multiple of 4) are there, with a pointer to
 *                                      them; valid until the next call
 *   bw_env_load(ctx, offset, to, n)    copies n bytes of the frame; false when it ends before
 *   bw_env_be16/32/64(p)               big-endian numbers from bytes that may be unaligned
 *   bw_env_keep(x)                     x is computed here, and not later on several paths together: without CAP_PERFMON
 *                                      the verifier refuses a pointer that is moved by another amount on each path
 *   bw_env_loop(n, step, context)      step(0, context) to step(n - 1, context), until one returns 1
 *   bw_env_lock/unlock(lock)
 *   bw_env_publish(version)            adds one, ordered against the stores before and after it
 *   bw_env_sample_begin/end(sample)    a place for a sample, or null when there is none
 *
 * SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 */
#ifndef BREAKWATER_EDGE_DATAPATH_FILTER_ENV_H_
#define BREAKWATER_EDGE_DATAPATH_FILTER_ENV_H_

#ifdef __bpf__
#include "edge/datapath/filter/env_bpf.h"
#else
#include "edge/datapath/filter/env_native.h"
#endif

#endif /* BREAKWATER_EDGE_DATAPATH_FILTER_ENV_H_ */
