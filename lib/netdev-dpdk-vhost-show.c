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

/* What a vhost-user port shows of itself: statistics and status.
 *
 * Statistics are kept per vring by the virtqueue engine and summed up here;
 * they go on when a guest reconnects.  Names are upstream's, new ones stand
 * beside them. */

#include <config.h>

#include "netdev-dpdk-vhost.h"

#include <inttypes.h>

#include "openvswitch/dynamic-string.h"
#include "smap.h"
#include "util.h"
#include "virtio-features.h"

/* Engine errors after which a frame is lost, by the counter that tells.  The
 * others leave the frame where it is: one that finds its ring broken on the
 * way to the guest is a transmit failure. */
static bool
is_malformed(enum virtqueue_error error)
{
    return (error == VQ_ERR_ADDRESS || error == VQ_ERR_SHORT
            || error == VQ_ERR_DIRECTION || error == VQ_ERR_HEADER);
}

static bool
is_dropped(enum virtqueue_error error)
{
    return error == VQ_ERR_LONG || error == VQ_ERR_SMALL_BUFFER;
}

/* Adds 'vq' to the receive side of 'stats'. */
static void
add_rx(struct netdev_stats *stats, const struct virtqueue_stats *vq)
{
    stats->rx_packets += vq->packets;
    stats->rx_bytes += vq->bytes;
    stats->multicast += vq->multicast;
    stats->rx_broadcast_packets += vq->broadcast;
    stats->rx_1_to_64_packets += vq->bins[VQ_BIN_UNDERSIZE]
                                 + vq->bins[VQ_BIN_64];
    stats->rx_65_to_127_packets += vq->bins[VQ_BIN_127];
    stats->rx_128_to_255_packets += vq->bins[VQ_BIN_255];
    stats->rx_256_to_511_packets += vq->bins[VQ_BIN_511];
    stats->rx_512_to_1023_packets += vq->bins[VQ_BIN_1023];
    stats->rx_1024_to_1522_packets += vq->bins[VQ_BIN_1518];
    stats->rx_1523_to_max_packets += vq->bins[VQ_BIN_MAX];
    for (int i = 0; i < VQ_N_ERRORS; i++) {
        stats->rx_errors += is_malformed(i) ? vq->errors[i] : 0;
        stats->rx_dropped += is_dropped(i) ? vq->errors[i] : 0;
    }
}

/* Adds 'vq' to the transmit side of 'stats'. */
static void
add_tx(struct netdev_stats *stats, const struct virtqueue_stats *vq)
{
    stats->tx_packets += vq->packets;
    stats->tx_bytes += vq->bytes;
    stats->tx_multicast_packets += vq->multicast;
    stats->tx_broadcast_packets += vq->broadcast;
    stats->tx_1_to_64_packets += vq->bins[VQ_BIN_UNDERSIZE]
                                 + vq->bins[VQ_BIN_64];
    stats->tx_65_to_127_packets += vq->bins[VQ_BIN_127];
    stats->tx_128_to_255_packets += vq->bins[VQ_BIN_255];
    stats->tx_256_to_511_packets += vq->bins[VQ_BIN_511];
    stats->tx_512_to_1023_packets += vq->bins[VQ_BIN_1023];
    stats->tx_1024_to_1522_packets += vq->bins[VQ_BIN_1518];
    stats->tx_1523_to_max_packets += vq->bins[VQ_BIN_MAX];
    for (int i = 0; i < VQ_N_ERRORS; i++) {
        stats->tx_errors += is_malformed(i) ? vq->errors[i] : 0;
        stats->tx_dropped += is_dropped(i) ? vq->errors[i] : 0;
    }
}

int
netdev_vhost_get_stats(const struct netdev *netdev,
                       struct netdev_stats *stats)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    struct vhost_user *endpoint = netdev_vhost_endpoint(dev);

    if (endpoint) {
        /* What we count.  The caller has marked all as not supported. */
        stats->rx_packets = stats->rx_bytes = 0;
        stats->tx_packets = stats->tx_bytes = 0;
        stats->rx_errors = stats->tx_errors = 0;
        stats->rx_dropped = stats->tx_dropped = 0;
        stats->multicast = stats->tx_multicast_packets = 0;
        stats->rx_broadcast_packets = stats->tx_broadcast_packets = 0;
        stats->rx_1_to_64_packets = stats->tx_1_to_64_packets = 0;
        stats->rx_65_to_127_packets = stats->tx_65_to_127_packets = 0;
        stats->rx_128_to_255_packets = stats->tx_128_to_255_packets = 0;
        stats->rx_256_to_511_packets = stats->tx_256_to_511_packets = 0;
        stats->rx_512_to_1023_packets = stats->tx_512_to_1023_packets = 0;
        stats->rx_1024_to_1522_packets = stats->tx_1024_to_1522_packets = 0;
        stats->rx_1523_to_max_packets = stats->tx_1523_to_max_packets = 0;

        for (int i = 0; i < VHOST_USER_MAX_QUEUE_PAIRS; i++) {
            add_tx(stats, &endpoint->stats[2 * i]);
            add_rx(stats, &endpoint->stats[2 * i + 1]);
        }
#define NETDEV_DPDK_DROP(NAME, STATISTIC, TX)                               \
        *((TX) ? &stats->tx_dropped : &stats->rx_dropped)                   \
            += netdev_dpdk_get_drops(&dev->common,                          \
                                     NETDEV_DPDK_DROP_##NAME);
        NETDEV_DPDK_DROPS
#undef NETDEV_DPDK_DROP
    }
    return 0;
}

/* Adds the statistics of one vring; 'prefix' is "rx" or "tx", seen from the
 * switch. */
static void
add_vring(struct netdev_custom_stats *stats, const char *prefix, int queue,
          const struct virtqueue_stats *vq)
{
    char name[NETDEV_CUSTOM_STATS_NAME_SIZE];

#define ADD(NAME, VALUE)                                                    \
    snprintf(name, sizeof name, "%s_q%d_%s", prefix, queue, NAME);          \
    netdev_dpdk_add_custom_stat(stats, name, VALUE);

    ADD("good_packets", vq->packets);
    ADD("good_bytes", vq->bytes);
    ADD("multicast_packets", vq->multicast);
    ADD("broadcast_packets", vq->broadcast);
#define VQ_SIZE_BIN(NAME, MAX, STATISTIC)       \
    ADD(STATISTIC, vq->bins[VQ_BIN_##NAME]);
    VQ_SIZE_BINS
#undef VQ_SIZE_BIN
    ADD("guest_notifications", vq->notifications);
#undef ADD

    /* Errors are rare and many: only those that happened. */
    for (int i = VQ_ERR_NONE + 1; i < VQ_N_ERRORS; i++) {
        if (vq->errors[i]) {
            snprintf(name, sizeof name, "%s_q%d_%s_errors", prefix, queue,
                     virtqueue_error_statistic(i));
            netdev_dpdk_add_custom_stat(stats, name, vq->errors[i]);
        }
    }
}

int
netdev_vhost_get_custom_stats(const struct netdev *netdev,
                              struct netdev_custom_stats *stats)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    struct vhost_user *endpoint = netdev_vhost_endpoint(dev);
    uint64_t retries;

    stats->size = 0;
    stats->counters = NULL;

    atomic_read_relaxed(&dev->tx_retries, &retries);
    netdev_dpdk_add_custom_stat(stats, "ovs_tx_retries", retries);
    netdev_dpdk_add_drop_stats(&dev->common, stats);
    if (endpoint) {
        struct vhost_user_status status;

        vhost_user_get_status(endpoint, &status);
        netdev_dpdk_add_custom_stat(stats, "ovs_vhost_refused_messages",
                                    status.n_refused);
        netdev_dpdk_add_custom_stat(stats, "ovs_vhost_stopped_vrings",
                                    status.n_stopped);
        for (int i = 0; i < netdev->n_rxq; i++) {
            add_vring(stats, "rx", i, &endpoint->stats[2 * i + 1]);
        }
        for (int i = 0; i < netdev->n_txq; i++) {
            add_vring(stats, "tx", i, &endpoint->stats[2 * i]);
        }
    }
    return 0;
}

/* Why no traffic, if the first queue of a guest has stopped. */
static void
add_ring_errors(struct smap *args, const struct vhost_user_status *status)
{
    for (int i = 0; i < status->n_vrings; i++) {
        const struct vhost_user_vring_status *vring = &status->vrings[i];

        if (vring->error) {
            smap_add_nocopy(args, xasprintf("vring_%d_error", i),
                            xstrdup(virtqueue_error_text(vring->error)));
        }
    }
}

int
netdev_vhost_get_status(const struct netdev *netdev, struct smap *args)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    struct vhost_user *endpoint = netdev_vhost_endpoint(dev);
    struct vhost_user_status status;

    smap_add(args, "mode", dev->client ? "client" : "server");
    smap_add_format(args, "n_rxq", "%d", netdev->n_rxq);
    smap_add_format(args, "n_txq", "%d", netdev->n_txq);
    if (!endpoint) {
        smap_add(args, "status", "disconnected");
        return 0;
    }

    vhost_user_get_status(endpoint, &status);
    smap_add(args, "status", (status.state == VHOST_USER_READY
                              ? "connected" : "disconnected"));
    smap_add(args, "state", vhost_user_state_name(status.state));
    smap_add(args, "socket", dev->path);
    smap_add_format(args, "connections", "%"PRIu64, status.n_connections);
    if (status.n_refused) {
        smap_add_format(args, "refused_messages", "%"PRIu64,
                        status.n_refused);
    }
    if (status.last_error[0]) {
        smap_add(args, "last_error", status.last_error);
    }
    if (status.state < VHOST_USER_NEGOTIATING) {
        return 0;
    }

    struct ds names = DS_EMPTY_INITIALIZER;

    smap_add_format(args, "features", "0x%016"PRIx64, status.features);
    virtio_features_format(status.features, &names);
    smap_add(args, "feature_names", ds_cstr(&names));
    ds_clear(&names);
    vhost_protocol_features_format(status.protocol_features, &names);
    smap_add(args, "protocol_feature_names", ds_cstr(&names));
    ds_destroy(&names);

    if (status.mtu) {
        smap_add_format(args, "mtu", "%"PRIu16, status.mtu);
    }
    if (status.numa_node >= 0) {
        smap_add_format(args, "numa", "%d", status.numa_node);
    }
    smap_add_format(args, "memory_regions", "%u", status.n_regions);
    smap_add_format(args, "memory_size", "%"PRIu64, status.memory_size);
    smap_add_format(args, "queue_pairs", "%u", status.n_queue_pairs);
    smap_add_format(args, "num_of_vrings", "%u", status.n_vrings);
    for (int i = 0; i < status.n_vrings; i++) {
        smap_add_nocopy(args, xasprintf("vring_%d_size", i),
                        xasprintf("%"PRIu16, status.vrings[i].size));
    }
    add_ring_errors(args, &status);
    return 0;
}
