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

#ifndef DPDK_MEMPOOL_H
#define DPDK_MEMPOOL_H 1

/* Mempools of packet buffers
 * ==========================
 *
 * A pool holds buffers of one size on one NUMA node and is shared by the
 * ports that need such buffers, as long as their needs fit; otherwise there
 * is another pool.  A port that leaves gives its need back; a pool that no
 * port needs is freed when its last buffer has come home, which
 * dpdk_mempool_sweep() looks for.
 *
 * Thread-safety: all functions are safe from any thread. */

#include <stdbool.h>

#include <rte_mempool.h>

struct smap;

struct dpdk_mempool {
    struct rte_mempool *mp;
    /* The rest is private to dpdk-mempool.c. */
};

/* Reads other_config keys per-port-memory and shared-mempool-config.  Once,
 * at start, before any port exists. */
void dpdk_mempool_init(const struct smap *ovs_other_config);

/* A pool for port 'name' with frames of 'mtu' bytes (without Ethernet header)
 * on NUMA node 'socket_id' that has 'need' buffers to spare for it.  If
 * 'alone', no other port gets the same pool.  Returns NULL with errno set
 * (ENOMEM) after trying smaller sizes. */
struct dpdk_mempool *dpdk_mempool_get(const char *name, int mtu,
                                      int socket_id, unsigned int need,
                                      bool alone);

/* Changes the need that '*mempool' serves for port 'name' from 'old_need' to
 * 'need', for frames of 'mtu' bytes on NUMA node 'socket_id'.  Returns false,
 * having changed nothing, if that takes another pool. */
bool dpdk_mempool_adjust(struct dpdk_mempool *mempool, const char *name,
                         int mtu, int socket_id, unsigned int old_need,
                         unsigned int need);

/* Gives 'need' buffers back, and with them the pool. */
void dpdk_mempool_put(struct dpdk_mempool *, const char *name,
                      unsigned int need);

/* Frees pools that no port has needed for a while.  Now and then. */
void dpdk_mempool_sweep(void);

/* Data room in bytes, headroom included, for frames of 'mtu'. */
uint32_t dpdk_mempool_room(int mtu);

#endif /* dpdk-mempool.h */
