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


/* A mempool of packet buffers without EAL: see fake-mempool.h. */

#include <config.h>

#include "fake-mempool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Bytes before each buffer that belong to the mempool library. */
#define OBJECT_HEADER ROUND_UP(sizeof(struct rte_mempool_objhdr),       \
                               RTE_CACHE_LINE_SIZE)

struct fake_pool {
    void **all;                 /* Every allocation... */
    void **free;                /* ...and the buffers that are here. */
    unsigned int n_all, n_free;
    unsigned int n_drained;     /* Hidden at the end of 'free'. */
};

static int
fake_alloc(struct rte_mempool *pool OVS_UNUSED)
{
    return 0;
}

static int
fake_enqueue(struct rte_mempool *pool, void * const *objs, unsigned int n)
{
    struct fake_pool *fp = pool->pool_data;

    ovs_assert(fp->n_free + fp->n_drained + n <= fp->n_all);
    for (unsigned int i = 0; i < n; i++) {
        fp->free[fp->n_free++] = objs[i];
    }
    return 0;
}

/* Leaves in 'm' what its latest user may have left there: what DPDK promises
 * of an mbuf in a pool is that it has one segment, one user and its pool. */
static void
make_dirty(struct rte_mbuf *m)
{
    m->data_off = 0x1111;
    m->port = 0x2222;
    m->ol_flags = ~(RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT);
    m->packet_type = 0x33333333;
    m->pkt_len = 0x44444444;
    m->data_len = 0x5555;
    m->vlan_tci = m->vlan_tci_outer = 0x6666;
    m->tx_offload = 0x7777777777777777;
}

static int
fake_dequeue(struct rte_mempool *pool, void **objs, unsigned int n)
{
    struct fake_pool *fp = pool->pool_data;

    if (n > fp->n_free) {
        return -ENOENT;
    }
    for (unsigned int i = 0; i < n; i++) {
        objs[i] = fp->free[--fp->n_free];
        make_dirty(objs[i]);
    }
    return 0;
}

static unsigned int
fake_get_count(const struct rte_mempool *pool)
{
    const struct fake_pool *fp = pool->pool_data;

    return fp->n_free;
}

static const struct rte_mempool_ops fake_ops = {
    .name = "fake",
    .alloc = fake_alloc,
    .enqueue = fake_enqueue,
    .dequeue = fake_dequeue,
    .get_count = fake_get_count,
};

static int fake_ops_index;

static void __attribute__((constructor))
fake_register(void)
{
    fake_ops_index = rte_mempool_register_ops(&fake_ops);
}

struct rte_mempool *
fake_mempool_create(unsigned int n, uint16_t room, unsigned int cache_size)
{
    const size_t header = RTE_MEMPOOL_HEADER_SIZE((struct rte_mempool *) 0,
                                                  cache_size);
    struct rte_mempool *pool
        = xzalloc_cacheline(header
                            + sizeof(struct rte_pktmbuf_pool_private));
    struct fake_pool *fp = xzalloc(sizeof *fp);
    struct rte_pktmbuf_pool_private *priv;

    ovs_assert(fake_ops_index >= 0);
    pool->pool_data = fp;
    pool->size = pool->populated_size = n;
    pool->elt_size = sizeof(struct rte_mbuf) + room;
    pool->header_size = OBJECT_HEADER;
    pool->cache_size = cache_size;
    pool->private_data_size = sizeof *priv;
    pool->ops_index = fake_ops_index;
    if (cache_size) {
        pool->local_cache = (struct rte_mempool_cache *) (pool + 1);
        pool->local_cache[0].size = cache_size;
        pool->local_cache[0].flushthresh = cache_size * 3 / 2;
    }
    priv = rte_mempool_get_priv(pool);
    priv->mbuf_data_room_size = room;

    fp->n_all = n;
    fp->all = xcalloc(n, sizeof *fp->all);
    fp->free = xcalloc(n, sizeof *fp->free);
    for (unsigned int i = 0; i < n; i++) {
        uint8_t *p;

        /* Exactly the size: no padding for an overrun to hide in. */
        ovs_assert(!posix_memalign((void **) &p, RTE_CACHE_LINE_SIZE,
                                   OBJECT_HEADER + pool->elt_size));
        memset(p, 0xa5, OBJECT_HEADER + pool->elt_size);
        rte_pktmbuf_init(pool, NULL, p + OBJECT_HEADER, i);
        fp->all[i] = p;
        fp->free[fp->n_free++] = p + OBJECT_HEADER;
    }
    return pool;
}

unsigned int
fake_mempool_destroy(struct rte_mempool *pool)
{
    struct fake_pool *fp = pool->pool_data;

    if (pool->local_cache) {
        rte_mempool_cache_flush(&pool->local_cache[0], pool);
    }

    const unsigned int missing = fp->n_all - fp->n_free - fp->n_drained;

    for (unsigned int i = 0; i < fp->n_all; i++) {
        free(fp->all[i]);
    }
    free(fp->all);
    free(fp->free);
    free(fp);
    free_cacheline(pool);
    return missing;
}

unsigned int
fake_mempool_count(const struct rte_mempool *pool)
{
    return fake_get_count(pool);
}

void
fake_mempool_drain(struct rte_mempool *pool, unsigned int left)
{
    struct fake_pool *fp = pool->pool_data;

    /* Buffers that are not home would come back to the places of those
     * hidden here. */
    ovs_assert(fp->n_free == fp->n_all && left <= fp->n_all);
    fp->n_drained = fp->n_free - left;
    fp->n_free = left;
}

void
fake_mempool_refill(struct rte_mempool *pool)
{
    struct fake_pool *fp = pool->pool_data;

    ovs_assert(fp->n_free + fp->n_drained == fp->n_all);
    fp->n_free = fp->n_all;
    fp->n_drained = 0;
}
