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

/* Mempools of packet buffers; see dpdk-mempool.h.
 *
 * Theory of operation
 * ===================
 *
 * Each buffer is an mbuf whose private area makes it a whole 'struct
 * dp_packet', so that a received frame needs no conversion.
 *
 * A pool's buffers are spoken for by the ports' needs.  A port gets a pool of
 * the right buffer size and NUMA node with enough buffers that nobody has
 * spoken for, or a new one.  A pool that no port needs stays for a while,
 * since a port that is reconfigured or recreated asks for the same again; it
 * goes earlier when memory is short.  In either case it goes only when all
 * its buffers are back, because other ports' queues may still hold them.
 *
 * Thread-safety: 'mutex' guards everything here. */

#include <config.h>

#include "dpdk-mempool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "dp-packet.h"
#include "dpdk-mempool-config.h"
#include "netdev-dpdk-vlog.h"
#include "openvswitch/list.h"
#include "openvswitch/thread.h"
#include "smap.h"
#include "timeval.h"
#include "util.h"

/* For how long a pool that no port needs is kept, in ms. */
#define LINGER_MS (30 * 1000)

/* Buffers that a thread keeps for itself in front of a pool. */
#define CACHE_SIZE RTE_MEMPOOL_CACHE_MAX_SIZE

/* What makes of an mbuf a dp_packet. */
#define PRIVATE_SIZE \
    ROUND_UP(sizeof(struct dp_packet) - sizeof(struct rte_mbuf), \
             RTE_MBUF_PRIV_ALIGN)

struct pool {
    struct dpdk_mempool up;
    struct ovs_list list_node;  /* In 'pools'. */
    uint32_t room;              /* Bytes, headroom included. */
    int socket_id;
    unsigned int size;          /* Buffers in all. */
    unsigned int needs;         /* Buffers spoken for. */
    unsigned int n_ports;
    bool alone;                 /* For one port at a time. */
    long long int idle_since;   /* If 'n_ports' is 0, in ms. */
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list pools OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&pools);

/* Number of the next pool, for its name. */
static unsigned int next_id OVS_GUARDED_BY(mutex);

/* Configuration. */
static bool per_port OVS_GUARDED_BY(mutex);
static struct dpdk_mempool_user *users OVS_GUARDED_BY(mutex);
static size_t n_users OVS_GUARDED_BY(mutex);

static struct pool *
pool_cast(struct dpdk_mempool *mempool)
{
    return CONTAINER_OF(mempool, struct pool, up);
}

void
dpdk_mempool_init(const struct smap *ovs_other_config)
{
    const char *config = smap_get(ovs_other_config, "shared-mempool-config");

    ovs_mutex_lock(&mutex);
    per_port = smap_get_bool(ovs_other_config, "per-port-memory", false);
    VLOG_INFO("per port memory model in use: %s",
              per_port ? "enabled" : "disabled");

    if (config && per_port) {
        VLOG_WARN("other_config:shared-mempool-config has no effect with "
                  "other_config:per-port-memory=true; remove one of them");
    } else if (config) {
        char *error = dpdk_mempool_parse_users(config, &users, &n_users);

        if (error) {
            VLOG_WARN("other_config:shared-mempool-config: %s; write "
                      "MTU[:NUMA],MTU[:NUMA]...  User configured shared "
                      "mempools will not be used.", error);
            free(error);
        }
        for (size_t i = 0; i < n_users; i++) {
            char node[INT_STRLEN(int) + 1] = "ALL";

            if (users[i].socket_id != DPDK_MEMPOOL_ANY_SOCKET) {
                snprintf(node, sizeof node, "%d", users[i].socket_id);
            }
            VLOG_INFO("User configured shared mempool set for: MTU %d, "
                      "NUMA %s.", users[i].mtu, node);
        }
    }
    ovs_mutex_unlock(&mutex);
}

static void
pool_free(struct pool *pool)
    OVS_REQUIRES(mutex)
{
    VLOG_DBG("Freeing mempool \"%s\" of %u mbufs", pool->up.mp->name,
             pool->size);
    ovs_list_remove(&pool->list_node);
    rte_mempool_free(pool->up.mp);
    free(pool);
}

/* Frees the pools that nobody has needed since 'idle_since' or before.
 *
 * rte_mempool_full() is no snapshot, but nobody takes buffers out of a pool
 * that no port uses any more, so that buffers only come in, and one that it
 * overlooks makes it say "not full". */
static void
sweep__(long long int idle_since)
    OVS_REQUIRES(mutex)
{
    struct pool *pool;

    LIST_FOR_EACH_SAFE (pool, list_node, &pools) {
        if (!pool->n_ports && pool->idle_since <= idle_since
            && rte_mempool_full(pool->up.mp)) {
            pool_free(pool);
        }
    }
}

void
dpdk_mempool_sweep(void)
{
    ovs_mutex_lock(&mutex);
    sweep__(time_msec() - LINGER_MS);
    ovs_mutex_unlock(&mutex);
}

static void
init_buffer(struct rte_mempool *mp OVS_UNUSED, void *aux OVS_UNUSED,
            void *packet, unsigned int idx OVS_UNUSED)
{
    dp_packet_init_dpdk(packet);
}

/* Creates a pool, of fewer buffers if there is no memory for many. */
static struct pool *
pool_create(const char *port, uint32_t room, int socket_id, unsigned int need)
    OVS_REQUIRES(mutex)
{
    unsigned int wanted = dpdk_mempool_first_size(need, !per_port);
    struct rte_mempool *mp = NULL;
    unsigned int size;

    for (size = wanted; size; size = dpdk_mempool_next_size(size, need)) {
        char name[RTE_MEMPOOL_NAMESIZE];

        VLOG_DBG("Port %s: Requesting a mempool of %u mbufs of size %"PRIu32
                 " on socket %d for a need of %u, cache line size of %u",
                 port, size, room, socket_id, need, RTE_CACHE_LINE_SIZE);
        snprintf(name, sizeof name, "ovs%u_%d_%"PRIu32, next_id++, socket_id,
                 room);
        mp = rte_pktmbuf_pool_create(name, size, CACHE_SIZE, PRIVATE_SIZE,
                                     room, socket_id);
        if (mp) {
            break;
        }
        VLOG_DBG("Port %s: no mempool of %u mbufs: %s", port, size,
                 rte_strerror(rte_errno));
    }
    if (!mp) {
        return NULL;
    }
    if (size != wanted) {
        VLOG_INFO("Port %s: for lack of memory, its mempool has %u mbufs "
                  "instead of %u", port, size, wanted);
    }
    rte_mempool_obj_iter(mp, init_buffer, NULL);

    struct pool *pool = xzalloc(sizeof *pool);

    pool->up.mp = mp;
    pool->room = room;
    pool->socket_id = socket_id;
    pool->size = size;
    ovs_list_push_back(&pools, &pool->list_node);
    return pool;
}

/* True if 'pool' can take another port that needs 'need' buffers. */
static bool
pool_has_spare(const struct pool *pool, unsigned int need)
{
    /* Some buffers of an idle pool may never have come home. */
    return (pool->n_ports
            ? !pool->alone && pool->size - pool->needs >= need
            : rte_mempool_avail_count(pool->up.mp) >= need);
}

static struct pool *
pool_find(uint32_t room, int socket_id, unsigned int need, bool alone)
    OVS_REQUIRES(mutex)
{
    struct pool *pool;

    LIST_FOR_EACH (pool, list_node, &pools) {
        if (pool->room == room && pool->socket_id == socket_id
            && pool->alone == alone && pool_has_spare(pool, need)) {
            return pool;
        }
    }
    return NULL;
}

/* Returns the size of buffers that a port with 'mtu' gets. */
static uint32_t
choose_room(int mtu, int socket_id)
    OVS_REQUIRES(mutex)
{
    const struct dpdk_mempool_user *user;

    if (!n_users) {
        return dpdk_mempool_room(mtu);
    }

    user = dpdk_mempool_pick_user(users, n_users, mtu, socket_id);
    if (!user) {
        VLOG_DBG("No user configured shared mempool mbuf sizes found "
                 "suitable for port with MTU %d, NUMA %d", mtu, socket_id);
        return dpdk_mempool_room(mtu);
    }

    uint32_t room = dpdk_mempool_room(user->mtu);

    VLOG_DBG("Found user configured shared mempool with mbufs of size "
             "%"PRIu32", suitable for port with MTU %d", room, mtu);
    return room;
}

static void
log_reuse(const struct pool *pool, const char *port)
{
    VLOG_DBG("Port %s: Reusing mempool \"%s\"", port, pool->up.mp->name);
}

struct dpdk_mempool *
dpdk_mempool_get(const char *name, int mtu, int socket_id, unsigned int need,
                 bool alone)
{
    struct pool *pool;
    uint32_t room;

    ovs_mutex_lock(&mutex);
    room = choose_room(mtu, socket_id);
    alone |= per_port;
    pool = pool_find(room, socket_id, need, alone);
    if (pool) {
        log_reuse(pool, name);
    } else {
        /* Idle pools only stand in the way of a new one. */
        sweep__(LLONG_MAX);
        pool = pool_create(name, room, socket_id, need);
    }
    if (pool) {
        pool->alone = alone;
        pool->needs += need;
        pool->n_ports++;
    }
    ovs_mutex_unlock(&mutex);

    if (!pool) {
        errno = ENOMEM;
        return NULL;
    }
    return &pool->up;
}

bool
dpdk_mempool_adjust(struct dpdk_mempool *mempool, const char *name, int mtu,
                    int socket_id, unsigned int old_need, unsigned int need)
{
    struct pool *pool = pool_cast(mempool);
    bool fits;

    ovs_mutex_lock(&mutex);
    fits = (pool->socket_id == socket_id
            && pool->room == choose_room(mtu, socket_id)
            && pool->size - (pool->needs - old_need) >= need);
    if (fits) {
        pool->needs = pool->needs - old_need + need;
        log_reuse(pool, name);
    }
    ovs_mutex_unlock(&mutex);

    return fits;
}

void
dpdk_mempool_put(struct dpdk_mempool *mempool, const char *name,
                 unsigned int need)
{
    if (!mempool) {
        return;
    }

    struct pool *pool = pool_cast(mempool);

    ovs_mutex_lock(&mutex);
    ovs_assert(pool->n_ports && pool->needs >= need);
    VLOG_DBG("Port %s: leaves mempool \"%s\"", name, pool->up.mp->name);
    pool->needs -= need;
    if (!--pool->n_ports) {
        pool->idle_since = time_msec();
    }
    ovs_mutex_unlock(&mutex);
}
