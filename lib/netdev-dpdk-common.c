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

/* What the port types of this provider share; see netdev-dpdk-common.h. */

#include <config.h>

#include "netdev-dpdk-common.h"

#include <errno.h>

#include "dp-packet.h"
#include "hash.h"
#include "netdev-dpdk-csum.h"
#include "netdev-dpdk-qos.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_dpdk);

bool
netdev_is_dpdk(const struct netdev *netdev)
{
    return netdev->netdev_class->get_mtu == netdev_dpdk_get_mtu;
}

void
netdev_dpdk_common_construct(struct netdev_dpdk *dev, int socket_id)
{
    ovs_mutex_init(&dev->mutex);
    atomic_init(&dev->flags, NETDEV_UP | NETDEV_PROMISC);
    eth_addr_random(&dev->hwaddr);
    dev->mtu = dev->requested_mtu = ETH_PAYLOAD_MAX;
    dev->max_mtu = NETDEV_DPDK_MAX_MTU;
    dev->max_packet_len = NETDEV_DPDK_FRAME_LEN(dev->mtu);
    dev->socket_id = dev->requested_socket_id = socket_id;
    dev->requested_n_rxq = dev->requested_n_txq = 1;
    dev->up.n_rxq = dev->up.n_txq = 1;
    dev->mempool = NULL;
    dev->mempool_need = 0;
    dev->mempool_alone = false;
    atomic_init(&dev->carrier_resets, 0);
    for (int i = 0; i < NETDEV_DPDK_N_DROPS; i++) {
        atomic_init(&dev->drops[i], 0);
    }
    netdev_dpdk_csum_construct(dev);
    netdev_dpdk_qos_construct(dev);
}

void
netdev_dpdk_common_destruct(struct netdev_dpdk *dev)
{
    netdev_dpdk_qos_destruct(dev);
    if (dev->mempool) {
        dpdk_mempool_put(dev->mempool, dev->up.name, dev->mempool_need);
        dev->mempool = NULL;
    }
    ovs_mutex_destroy(&dev->mutex);
}

int
netdev_dpdk_fit_mempool(struct netdev_dpdk *dev, unsigned int need)
    OVS_REQUIRES(dev->mutex)
{
    if (!dev->mempool || dev->mtu != dev->requested_mtu
        || dev->socket_id != dev->requested_socket_id
        || dev->mempool_need != need) {
        struct dpdk_mempool *mempool = dev->mempool;

        /* The new one first: on failure the port goes on with what it has. */
        if (!mempool
            || !dpdk_mempool_adjust(mempool, dev->up.name,
                                    dev->requested_mtu,
                                    dev->requested_socket_id,
                                    dev->mempool_need, need)) {
            mempool = dpdk_mempool_get(dev->up.name, dev->requested_mtu,
                                       dev->requested_socket_id, need,
                                       dev->mempool_alone);
        }
        if (!mempool) {
            int error = errno;

            VLOG_ERR("%s: no memory for %u packet buffers for an MTU of %d "
                     "on NUMA node %d; reserve more hugepages or lower "
                     "mtu_request", dev->up.name, need, dev->requested_mtu,
                     dev->requested_socket_id);
            return error;
        }
        if (dev->mempool && dev->mempool != mempool) {
            dpdk_mempool_put(dev->mempool, dev->up.name, dev->mempool_need);
        }
        dev->mempool = mempool;
        dev->mempool_need = need;
    }

    dev->mtu = dev->requested_mtu;
    dev->max_packet_len = NETDEV_DPDK_FRAME_LEN(dev->mtu);
    dev->socket_id = dev->requested_socket_id;
    return 0;
}


/* Statistics. */

uint64_t
netdev_dpdk_get_drops(const struct netdev_dpdk *dev,
                      enum netdev_dpdk_drop why)
{
    uint64_t n;

    atomic_read_relaxed(&CONST_CAST(struct netdev_dpdk *, dev)->drops[why],
                        &n);
    return n;
}

void
netdev_dpdk_add_custom_stat(struct netdev_custom_stats *stats,
                            const char *name, uint64_t value)
{
    struct netdev_custom_counter *counter;

    stats->counters = xrealloc(stats->counters, (stats->size + 1)
                                                * sizeof *stats->counters);
    counter = &stats->counters[stats->size++];
    ovs_strlcpy(counter->name, name, sizeof counter->name);
    counter->value = value;
}

void
netdev_dpdk_add_drop_stats(const struct netdev_dpdk *dev,
                           struct netdev_custom_stats *stats)
{
#define NETDEV_DPDK_DROP(NAME, STATISTIC, TX)                           \
    netdev_dpdk_add_custom_stat(                                        \
        stats, STATISTIC,                                               \
        netdev_dpdk_get_drops(dev, NETDEV_DPDK_DROP_##NAME));
    NETDEV_DPDK_DROPS
#undef NETDEV_DPDK_DROP
}


/* Datapath. */

void
netdev_dpdk_prepare_send(struct netdev_dpdk *dev,
                         struct dp_packet_batch *batch)
{
    const size_t n = dp_packet_batch_size(batch);
    struct dp_packet *packet;
    bool too_long = false;

    dp_packet_batch_apply_cutlen(batch);

    /* Frames that are too long are rare: look first, sort out after. */
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        too_long |= packet->mbuf.pkt_len > dev->max_packet_len;
    }
    if (OVS_UNLIKELY(too_long)) {
        unsigned int n_dropped = 0;
        size_t i;

        DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
            if (packet->mbuf.pkt_len > dev->max_packet_len) {
                static struct vlog_rate_limit rl
                    = VLOG_RATE_LIMIT_INIT(1, 1);

                VLOG_WARN_RL(&rl, "%s: Too big size %"PRIu32
                             " max_packet_len %d", dev->up.name,
                             packet->mbuf.pkt_len, dev->max_packet_len);
                dp_packet_delete(packet);
                n_dropped++;
            } else {
                dp_packet_batch_refill(batch, packet, i);
            }
        }
        netdev_dpdk_count_drops(dev, NETDEV_DPDK_DROP_TX_MTU, n_dropped);
    }

    netdev_dpdk_qos_egress(dev, batch);
}

void
netdev_dpdk_finish_receive(struct netdev_dpdk *dev,
                           struct dp_packet_batch *batch)
{
    dp_packet_batch_init_packet_fields(batch);
    netdev_dpdk_qos_ingress(dev, batch);
}


/* Members of 'struct netdev_class'. */

int
netdev_dpdk_get_numa_id(const struct netdev *netdev)
{
    return netdev_dpdk_cast(netdev)->socket_id;
}

int
netdev_dpdk_set_etheraddr(struct netdev *netdev, const struct eth_addr mac)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);

    ovs_mutex_lock(&dev->mutex);
    if (!eth_addr_equals(dev->hwaddr, mac)) {
        dev->hwaddr = mac;
        netdev_change_seq_changed(netdev);
    }
    ovs_mutex_unlock(&dev->mutex);

    return 0;
}

int
netdev_dpdk_get_etheraddr(const struct netdev *netdev, struct eth_addr *mac)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);

    ovs_mutex_lock(&dev->mutex);
    *mac = dev->hwaddr;
    ovs_mutex_unlock(&dev->mutex);

    return 0;
}

int
netdev_dpdk_get_mtu(const struct netdev *netdev, int *mtup)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);

    ovs_mutex_lock(&dev->mutex);
    *mtup = dev->mtu;
    ovs_mutex_unlock(&dev->mutex);

    return 0;
}

int
netdev_dpdk_get_config(const struct netdev *netdev, struct smap *args)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);

    ovs_mutex_lock(&dev->mutex);
    smap_add_format(args, "requested_rx_queues", "%d", dev->requested_n_rxq);
    smap_add_format(args, "configured_rx_queues", "%d", netdev->n_rxq);
    smap_add_format(args, "requested_tx_queues", "%d", dev->requested_n_txq);
    smap_add_format(args, "configured_tx_queues", "%d", netdev->n_txq);
    smap_add_format(args, "mtu", "%d", dev->mtu);
    ovs_mutex_unlock(&dev->mutex);

    return 0;
}

int
netdev_dpdk_set_mtu(struct netdev *netdev, int mtu)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);
    int error = 0;

    ovs_mutex_lock(&dev->mutex);
    if (mtu < NETDEV_DPDK_MIN_MTU || mtu > dev->max_mtu) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

        VLOG_WARN_RL(&rl, "%s: unsupported MTU %d; mtu_request can be %d to "
                     "%d", dev->up.name, mtu, NETDEV_DPDK_MIN_MTU,
                     dev->max_mtu);
        error = EINVAL;
    } else if (dev->requested_mtu != mtu) {
        dev->requested_mtu = mtu;
        netdev_request_reconfigure(netdev);
    }
    ovs_mutex_unlock(&dev->mutex);

    return error;
}

int
netdev_dpdk_get_ifindex(const struct netdev *netdev)
{
    /* There is no kernel device; sFlow and IPFIX want a stable positive
     * number of 24 bits (RFC 2863). */
    return hash_string(netdev->name, 0) % 0xfffffe + 1;
}

long long int
netdev_dpdk_get_carrier_resets(const struct netdev *netdev)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);
    long long int resets;

    atomic_read_relaxed(&dev->carrier_resets, &resets);
    return resets;
}

int
netdev_dpdk_set_miimon(struct netdev *netdev OVS_UNUSED,
                       long long int interval OVS_UNUSED)
{
    return EOPNOTSUPP;
}

int
netdev_dpdk_update_flags(struct netdev *netdev, enum netdev_flags off,
                         enum netdev_flags on, enum netdev_flags *old)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);
    int flags, new_flags;

    if ((off | on) & ~(NETDEV_UP | NETDEV_PROMISC)) {
        return EINVAL;
    }

    ovs_mutex_lock(&dev->mutex);
    atomic_read_relaxed(&dev->flags, &flags);
    new_flags = (flags & ~off) | on;
    if (flags != new_flags) {
        atomic_store_relaxed(&dev->flags, new_flags);
        netdev_change_seq_changed(netdev);
    }
    *old = flags;
    ovs_mutex_unlock(&dev->mutex);

    return 0;
}

struct netdev_rxq *
netdev_dpdk_rxq_alloc(void)
{
    return xzalloc(sizeof(struct netdev_rxq));
}

int
netdev_dpdk_rxq_construct(struct netdev_rxq *rxq OVS_UNUSED)
{
    return 0;
}

void
netdev_dpdk_rxq_destruct(struct netdev_rxq *rxq OVS_UNUSED)
{
    /* Nothing of its own. */
}

void
netdev_dpdk_rxq_dealloc(struct netdev_rxq *rxq)
{
    free(rxq);
}
