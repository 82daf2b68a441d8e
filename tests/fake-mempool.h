/*
 * Copyright (c) 2026 The ovs-vring authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */


#ifndef FAKE_MEMPOOL_H
#define FAKE_MEMPOOL_H 1

/* A mempool of packet buffers without EAL
 * =======================================
 *
 * Lives in plain memory, each buffer in an allocation of its own, so that an
 * address sanitizer sees what leaves its bounds.  The functions of DPDK that
 * get and put mbufs work on it; the last buffer put is the next to be got.
 *
 * Thread-safety: none; one thread. */

#include <rte_mbuf.h>

/* 'n' buffers with 'room' bytes for data, headroom included, and a cache of
 * 'cache_size' buffers for lcore 0, which only bench needs. */
struct rte_mempool *fake_mempool_create(unsigned int n, uint16_t room,
                                        unsigned int cache_size);

/* Frees 'pool'.  Returns how many of its buffers had not come home. */
unsigned int fake_mempool_destroy(struct rte_mempool *pool);

/* Buffers that are in 'pool', but not in a cache. */
unsigned int fake_mempool_count(const struct rte_mempool *pool);

/* Hides all buffers but 'left', and brings them back, each while no buffer is
 * out. */
void fake_mempool_drain(struct rte_mempool *pool, unsigned int left);
void fake_mempool_refill(struct rte_mempool *pool);

#endif /* fake-mempool.h */
