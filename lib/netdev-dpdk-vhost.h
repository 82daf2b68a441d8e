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

#ifndef NETDEV_DPDK_VHOST_H
#define NETDEV_DPDK_VHOST_H 1

/* dpdkvhostuser and dpdkvhostuserclient
 * =====================================
 *
 * Joins a vhost-user endpoint (vhost-user.h) and the virtqueue engine
 * (virtqueue.h) to the netdev interface.
 *
 * Receive queue 'q' of the port is the guest's transmit virtqueue, vring
 * 2q + 1; transmit queue 'q' is the guest's receive virtqueue, vring 2q, or
 * another one while the guest has that one disabled ('tx_map').
 *
 * Thread-safety: 'endpoint' is set once and then constant; the datapath reads
 * it through RCU.  The rest is atomic or guarded by 'common.mutex'. */

#include "netdev-dpdk-common.h"
#include "vhost-user.h"

/* options:tx-retries-max. */
#define VHOST_TX_RETRIES_DEFAULT 8
#define VHOST_TX_RETRIES_MAX 32

/* 'tx_map' of a queue for which the guest has no ring. */
#define VHOST_TXQ_NONE -1

struct netdev_vhost {
    struct netdev_dpdk common;  /* First member. */

    /* NULL until configured.  In one cache line with what the datapath needs
     * of 'common', see netdev_vhost_alloc(). */
    OVSRCU_TYPE(struct vhost_user *) endpoint;
    bool client;
    char *path;                 /* Of the socket; NULL until configured. */

    atomic_bool rxq_active[VHOST_USER_MAX_QUEUE_PAIRS];
    atomic_int tx_map[VHOST_USER_MAX_QUEUE_PAIRS]; /* Vring index. */
    atomic_uint tx_retries_max;
    atomic_uint64_t tx_retries;

    bool ready;                 /* State at the latest change. */
    uint64_t n_connections;     /* Likewise. */
};

static inline struct netdev_vhost *
netdev_vhost_cast(const struct netdev *netdev)
{
    return CONTAINER_OF(netdev, struct netdev_vhost, common.up);
}

static inline struct vhost_user *
netdev_vhost_endpoint(const struct netdev_vhost *dev)
{
    return ovsrcu_get(struct vhost_user *, &dev->endpoint);
}

/* Stores in 'map[i]', for each transmit queue 'i' of 'n', the queue that
 * serves it: itself if 'enabled[i]', otherwise one of the enabled ones in
 * turn, or VHOST_TXQ_NONE if there is none.  Pure. */
void vhost_map_txqs(const bool *enabled, int n, int *map);

/* Members of 'struct netdev_class' in netdev-dpdk-vhost-io.c... */
bool netdev_vhost_rxq_enabled(struct netdev_rxq *);
int netdev_vhost_rxq_recv(struct netdev_rxq *, struct dp_packet_batch *,
                          int *qfill);
int netdev_vhost_send(struct netdev *, int qid, struct dp_packet_batch *,
                      bool concurrent_txq);

/* ...and in netdev-dpdk-vhost-show.c. */
int netdev_vhost_get_stats(const struct netdev *, struct netdev_stats *);
int netdev_vhost_get_custom_stats(const struct netdev *,
                                  struct netdev_custom_stats *);
int netdev_vhost_get_status(const struct netdev *, struct smap *);

#endif /* netdev-dpdk-vhost.h */
