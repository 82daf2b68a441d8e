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

/* Frames between a vhost-user port and the datapath.  Called by PMD threads
 * and, for what it sends itself, by the main thread. */

#include <config.h>

#include "netdev-dpdk-vhost.h"

#include <errno.h>

#include "coverage.h"
#include "dp-packet.h"
#include "netdev-dpdk-csum.h"
#include "packets.h"
#include "util.h"

COVERAGE_DEFINE(vhost_tx_contention);

/* Shortest frame without CRC; RARP announcements are padded to it. */
#define VHOST_MIN_FRAME 60

bool
netdev_vhost_rxq_enabled(struct netdev_rxq *rxq)
{
    struct netdev_vhost *dev = netdev_vhost_cast(rxq->netdev);
    bool active;

    atomic_read_relaxed(&dev->rxq_active[rxq->queue_id], &active);
    return active;
}

/* Receives the announcement of a guest that has just arrived here and may be
 * silent (vhost-user, "VHOST_USER_SEND_RARP"). */
static bool
netdev_vhost_recv_rarp(struct netdev_vhost *dev, struct vhost_user *endpoint,
                       struct dp_packet_batch *batch)
{
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(dev->common.mempool->mp);
    struct dp_packet *packet;
    struct eth_addr mac;

    if (!mbuf || !vhost_user_take_rarp(endpoint, &mac)) {
        rte_pktmbuf_free(mbuf);
        return false;
    }
    packet = CONTAINER_OF(mbuf, struct dp_packet, mbuf);
    compose_rarp(packet, mac);
    /* Tunnels and tags are pushed in front of it. */
    dp_packet_shift(packet, (RTE_PKTMBUF_HEADROOM
                             - (int) dp_packet_headroom(packet)));
    dp_packet_put_zeros(packet, VHOST_MIN_FRAME - dp_packet_size(packet));
    dp_packet_batch_init_packet(batch, packet);
    return true;
}

/* As netdev_vhost_rxq_recv(), from 'vq', where something seems to wait. */
static __rte_noinline int
netdev_vhost_recv(struct netdev_vhost *dev, struct vhost_user *endpoint,
                  struct virtqueue *vq, struct dp_packet_batch *batch,
                  int *qfill)
{
    if (OVS_LIKELY(!vhost_user_has_rarp(endpoint))
        || !netdev_vhost_recv_rarp(dev, endpoint, batch)) {
        batch->count = virtqueue_dequeue(vq, dev->common.mempool->mp,
                                         (struct rte_mbuf **) batch->packets,
                                         NETDEV_MAX_BURST);
        if (!batch->count) {
            if (OVS_UNLIKELY(virtqueue_get_error(vq))) {
                vhost_user_ring_failed(endpoint);
            }
            return EAGAIN;
        }
    }
    if (qfill) {
        *qfill = (batch->count == NETDEV_MAX_BURST
                  ? virtqueue_pending(vq) : 0);
    }

    netdev_dpdk_finish_receive(&dev->common, batch);
    return 0;
}

int
netdev_vhost_rxq_recv(struct netdev_rxq *rxq, struct dp_packet_batch *batch,
                      int *qfill)
{
    struct netdev_vhost *dev = netdev_vhost_cast(rxq->netdev);
    struct vhost_user *endpoint = netdev_vhost_endpoint(dev);
    struct virtqueue *vq;

    if (OVS_UNLIKELY(!endpoint || !netdev_dpdk_is_up(&dev->common))) {
        return EAGAIN;
    }
    vq = vhost_user_vq(endpoint, 2 * rxq->queue_id + 1);
    if (OVS_UNLIKELY(!vq)
        || (virtqueue_is_idle(vq)
            && OVS_LIKELY(!vhost_user_has_rarp(endpoint)))) {
        return EAGAIN;
    }
    return netdev_vhost_recv(dev, endpoint, vq, batch, qfill);
}

/* Offers 'n' frames to 'vq'.  Returns how many are done with. */
static unsigned int
netdev_vhost_enqueue(struct netdev_vhost *dev, struct virtqueue *vq,
                     struct rte_mbuf **mbufs, unsigned int n)
{
    unsigned int retries_max, done;
    unsigned int retries = 0;
    bool short_way;

    if (OVS_UNLIKELY(biased_lock_acquire(&vq->lock, &short_way))) {
        COVERAGE_INC(vhost_tx_contention);
    }
    done = virtqueue_enqueue(vq, mbufs, n);
    if (OVS_UNLIKELY(done && done < n)) {
        /* The guest may give back buffers while we look: worth another try
         * as long as it does. */
        atomic_read_relaxed(&dev->tx_retries_max, &retries_max);
        while (retries < retries_max && !vq->exhausted) {
            unsigned int more = virtqueue_enqueue(vq, mbufs + done, n - done);

            retries++;
            done += more;
            if (!more || done == n) {
                break;
            }
        }
    }
    biased_lock_release(&vq->lock, short_way);

    if (retries) {
        uint64_t orig;

        atomic_add_relaxed(&dev->tx_retries, retries, &orig);
    }
    return done;
}

/* Frees the 'n' mbufs of 'mbufs', at least one.  Nearly always all of them are
 * whole frames with one user, from one pool. */
static void
free_mbufs(struct rte_mbuf **mbufs, unsigned int n)
{
    const uint64_t foreign = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
    /* Of the word that has both: one reference, one segment. */
    const struct {
        uint16_t data_off, refcnt, nb_segs, port;
    } plain = { .refcnt = 1, .nb_segs = 1 },
      relevant = { .refcnt = UINT16_MAX, .nb_segs = UINT16_MAX };
    struct rte_mempool *pool = mbufs[0]->pool;
    uint64_t want, mask, odd = 0;

    BUILD_ASSERT_DECL(offsetof(struct rte_mbuf, nb_segs)
                      == offsetof(struct rte_mbuf, rearm_data) + 4);
    memcpy(&want, &plain, sizeof want);
    memcpy(&mask, &relevant, sizeof mask);
    for (unsigned int i = 0; i < n; i++) {
        const struct rte_mbuf *m = mbufs[i];
        uint64_t word;

        memcpy(&word, &m->rearm_data, sizeof word);
        odd |= ((word ^ want) & mask) | (m->ol_flags & foreign)
               | ((uintptr_t) m->pool ^ (uintptr_t) pool);
    }
    if (OVS_LIKELY(!odd)) {
        rte_mempool_put_bulk(pool, (void **) mbufs, n);
    } else {
        rte_pktmbuf_free_bulk(mbufs, n);
    }
}

int
netdev_vhost_send(struct netdev *netdev, int qid,
                  struct dp_packet_batch *batch,
                  bool concurrent_txq OVS_UNUSED)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    struct vhost_user *endpoint = netdev_vhost_endpoint(dev);
    struct virtqueue *vq = NULL;
    unsigned int done = 0;
    unsigned int n;
    int vring;

    netdev_dpdk_prepare_send(&dev->common, batch);
    n = dp_packet_batch_size(batch);
    if (!n) {
        return 0;
    }

    atomic_read_relaxed(&dev->tx_map[qid % VHOST_USER_MAX_QUEUE_PAIRS],
                        &vring);
    if (OVS_LIKELY(endpoint && vring != VHOST_TXQ_NONE
                   && netdev_dpdk_is_up(&dev->common))) {
        vq = vhost_user_vq(endpoint, vring);
    }
    if (OVS_LIKELY(vq)) {
        netdev_dpdk_csum_send(&dev->common, batch,
                              vq->guest_csum ? (NETDEV_DPDK_CSUM_TCP
                                                | NETDEV_DPDK_CSUM_UDP) : 0);
        n = dp_packet_batch_size(batch);
        if (OVS_UNLIKELY(!n)) {
            return 0;
        }

        /* The engine copies, so that frames in ordinary memory, which also
         * begin with an mbuf, go the same way. */
        done = netdev_vhost_enqueue(dev, vq,
                                    (struct rte_mbuf **) batch->packets, n);
        if (OVS_UNLIKELY(virtqueue_get_error(vq))) {
            vhost_user_ring_failed(endpoint);
        }
    }
    netdev_dpdk_count_drops(&dev->common, NETDEV_DPDK_DROP_TX_FAILURE,
                            n - done);

    /* All packets of a batch have the same source (dpif-netdev.c). */
    if (OVS_LIKELY(batch->packets[0]->source == DPBUF_DPDK)) {
        free_mbufs((struct rte_mbuf **) batch->packets, n);
    } else {
        dp_packet_delete_batch(batch, true);
    }
    return 0;
}
