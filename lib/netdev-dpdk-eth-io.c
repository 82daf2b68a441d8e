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

/* Receive and send of ports of type "dpdk".
 *
 * A received mbuf is a dp_packet as it is.  Frames to be sent that live in
 * other memory (packet-outs, clones, frames from ports of the kernel) are
 * copied into buffers of the port's own pool; frames in mbufs go to the driver
 * as they are, whatever pool they come from.
 *
 * Thread-safety: a receive queue is for one thread.  A transmit queue is for
 * one thread or, if send() is told that it is not, has a lock. */

#include <config.h>

#include <errno.h>

#include "dp-packet.h"
#include "netdev-dpdk-csum.h"
#include "netdev-dpdk-eth-private.h"
#include "netdev-dpdk-qos.h"
#include "packets.h"
#include "util.h"

/* Makes sure that each frame is in one piece.  One that does not fit into a
 * buffer is longer than the MTU, so is dropped, as a NIC would. */
static void
linearize(struct netdev_dpdk_eth *dev, struct dp_packet_batch *batch)
{
    const size_t n = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    uint64_t n_oversize = 0;
    uint64_t orig;
    size_t i;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
        if (rte_pktmbuf_linearize(&packet->mbuf)) {
            rte_pktmbuf_free(&packet->mbuf);
            n_oversize++;
        } else {
            dp_packet_batch_refill(batch, packet, i);
        }
    }
    atomic_add_relaxed(&dev->rx_oversize, n_oversize, &orig);
}

/* Makes 'batch' of freshly received mbufs packets, without the flags that this
 * device is not to be trusted with.  One pass over them. */
static void
finish_receive(struct netdev_dpdk_eth *dev, struct dp_packet_batch *batch)
{
    const size_t n = dp_packet_batch_size(batch);
    const uint64_t trusted = ~dev->rx_untrusted;
    struct dp_packet *packet;
    uint32_t n_segs = 0;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        packet->mbuf.ol_flags &= trusted;
        n_segs += packet->mbuf.nb_segs;
        dp_packet_reset_cutlen(packet);
        packet->packet_type = htonl(PT_ETH);
    }
    if (OVS_UNLIKELY(n_segs != n)) {
        linearize(dev, batch);
    }
    netdev_dpdk_qos_ingress(&dev->up, batch);
}

int
netdev_dpdk_eth_rxq_recv(struct netdev_rxq *rxq,
                         struct dp_packet_batch *batch, int *qfill)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(rxq->netdev);
    const uint16_t queue_id = rxq->queue_id;
    uint16_t n;

    if (OVS_UNLIKELY(!dev->started || !netdev_dpdk_is_up(&dev->up))) {
        return EAGAIN;
    }

    n = rte_eth_rx_burst(dev->port_id, queue_id,
                         (struct rte_mbuf **) batch->packets,
                         NETDEV_MAX_BURST);
    if (!n) {
        return EAGAIN;
    }

    batch->count = n;
    finish_receive(dev, batch);

    if (qfill) {
        *qfill = (n == NETDEV_MAX_BURST
                  ? MAX(rte_eth_rx_queue_count(dev->port_id, queue_id), 0)
                  : 0);
    }
    return 0;
}

/* Returns a copy of 'packet' in 'mbuf', or NULL if it has no room. */
static struct rte_mbuf *
copy_packet(const struct dp_packet *packet, struct rte_mbuf *mbuf)
{
    uint32_t size = dp_packet_size(packet);

    char *data = size <= UINT16_MAX ? rte_pktmbuf_append(mbuf, size) : NULL;

    if (OVS_UNLIKELY(!data)) {
        return NULL;
    }
    memcpy(data, dp_packet_data(packet), size);
    mbuf->ol_flags |= packet->mbuf.ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK;
    mbuf->tx_offload = packet->mbuf.tx_offload;
    return mbuf;
}

/* Fills 'mbufs' with the frames of 'batch', which it takes over.  Returns how
 * many there are; the others are freed and counted as failures. */
static uint16_t
to_mbufs(struct netdev_dpdk_eth *dev, struct dp_packet_batch *batch,
         struct rte_mbuf *mbufs[NETDEV_MAX_BURST])
{
    struct rte_mbuf *fresh[NETDEV_MAX_BURST];
    struct dp_packet *packet;
    unsigned int n_fresh = 0, n_used = 0;
    unsigned int n_failed = 0;
    uint16_t n = 0;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        n_fresh += packet->source != DPBUF_DPDK;
    }
    if (n_fresh
        && rte_pktmbuf_alloc_bulk(dev->up.mempool->mp, fresh, n_fresh)) {
        n_fresh = 0;
    }

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        struct rte_mbuf *mbuf = NULL;

        if (packet->source != DPBUF_DPDK) {
            if (n_used < n_fresh) {
                mbuf = copy_packet(packet, fresh[n_used]);
                n_used += mbuf != NULL;
            }
            dp_packet_delete(packet);
        } else if (OVS_LIKELY(!dev->linear_tx || packet->mbuf.nb_segs == 1)
                   || !rte_pktmbuf_linearize(&packet->mbuf)) {
            mbuf = &packet->mbuf;
        } else {
            dp_packet_delete(packet);
        }

        if (OVS_LIKELY(mbuf)) {
            mbufs[n++] = mbuf;
        } else {
            n_failed++;
        }
    }
    if (OVS_UNLIKELY(n_used < n_fresh)) {
        rte_pktmbuf_free_bulk(&fresh[n_used], n_fresh - n_used);
    }
    netdev_dpdk_count_drops(&dev->up, NETDEV_DPDK_DROP_TX_FAILURE, n_failed);
    return n;
}

int
netdev_dpdk_eth_send(struct netdev *netdev, int qid,
                     struct dp_packet_batch *batch, bool concurrent_txq)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    struct rte_mbuf *fresh[NETDEV_MAX_BURST];
    struct rte_mbuf **mbufs = fresh;
    uint16_t n, n_sent = 0;

    if (OVS_UNLIKELY(!dev->started || !netdev_dpdk_is_up(&dev->up))) {
        netdev_dpdk_count_drops(&dev->up, NETDEV_DPDK_DROP_TX_FAILURE,
                                dp_packet_batch_size(batch));
        dp_packet_delete_batch(batch, true);
        return 0;
    }

    netdev_dpdk_prepare_send(&dev->up, batch);
    netdev_dpdk_csum_send(&dev->up, batch, dev->tx_csum);
    n = dp_packet_batch_size(batch);
    if (!n) {
        return 0;
    }

    /* All packets of a batch have the same source (dpif-netdev.c). */
    if (OVS_LIKELY(batch->packets[0]->source == DPBUF_DPDK
                   && !dev->linear_tx)) {
        mbufs = (struct rte_mbuf **) batch->packets;
    } else {
        n = to_mbufs(dev, batch, fresh);
    }

    if (OVS_UNLIKELY(concurrent_txq)) {
        qid %= netdev->n_txq;
        rte_spinlock_lock(&dev->txqs[qid].lock);
    }
    while (n_sent < n) {
        uint16_t sent = rte_eth_tx_burst(dev->port_id, qid, &mbufs[n_sent],
                                         n - n_sent);

        if (!sent) {
            break;
        }
        n_sent += sent;
    }
    if (OVS_UNLIKELY(concurrent_txq)) {
        rte_spinlock_unlock(&dev->txqs[qid].lock);
    }

    if (OVS_UNLIKELY(n_sent < n)) {
        netdev_dpdk_count_drops(&dev->up, NETDEV_DPDK_DROP_TX_FAILURE,
                                n - n_sent);
        rte_pktmbuf_free_bulk(&mbufs[n_sent], n - n_sent);
    }
    return 0;
}
