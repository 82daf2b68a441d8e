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

/* Statistics and status of ports of type "dpdk", under upstream's names.
 *
 * Thread-safety: the port's mutex; counters of DPDK and ours are read as they
 * are. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_version.h>

#include "netdev-dpdk-eth-private.h"
#include "netdev-dpdk-vlog.h"
#include "smap.h"
#include "util.h"

/* IANA's number for Ethernet (ethernetCsmacd in IANAifType-MIB). */
#define IF_TYPE_ETHERNETCSMACD 6

/* Extended statistics of drivers that are standard ones of Open vSwitch. */
static const struct {
    const char *name;
    size_t offset;
} standard_xstats[] = {
#define XSTAT(NAME, MEMBER) { NAME, offsetof(struct netdev_stats, MEMBER) }
    XSTAT("rx_multicast_packets", multicast),
    XSTAT("tx_multicast_packets", tx_multicast_packets),
    XSTAT("rx_broadcast_packets", rx_broadcast_packets),
    XSTAT("tx_broadcast_packets", tx_broadcast_packets),
    XSTAT("rx_undersized_errors", rx_undersized_errors),
    XSTAT("rx_oversize_errors", rx_oversize_errors),
    XSTAT("rx_fragmented_errors", rx_fragmented_errors),
    XSTAT("rx_jabber_errors", rx_jabber_errors),
    XSTAT("rx_size_64_packets", rx_1_to_64_packets),
    XSTAT("rx_size_65_to_127_packets", rx_65_to_127_packets),
    XSTAT("rx_size_128_to_255_packets", rx_128_to_255_packets),
    XSTAT("rx_size_256_to_511_packets", rx_256_to_511_packets),
    XSTAT("rx_size_512_to_1023_packets", rx_512_to_1023_packets),
    XSTAT("rx_size_1024_to_1522_packets", rx_1024_to_1522_packets),
    XSTAT("rx_size_1523_to_max_packets", rx_1523_to_max_packets),
    XSTAT("tx_size_64_packets", tx_1_to_64_packets),
    XSTAT("tx_size_65_to_127_packets", tx_65_to_127_packets),
    XSTAT("tx_size_128_to_255_packets", tx_128_to_255_packets),
    XSTAT("tx_size_256_to_511_packets", tx_256_to_511_packets),
    XSTAT("tx_size_512_to_1023_packets", tx_512_to_1023_packets),
    XSTAT("tx_size_1024_to_1522_packets", tx_1024_to_1522_packets),
    XSTAT("tx_size_1523_to_max_packets", tx_1523_to_max_packets),
#undef XSTAT
};

static void
convert_xstats(struct netdev_stats *stats,
               const struct rte_eth_xstat_name *names,
               const struct rte_eth_xstat *xstats, int n)
{
    for (int i = 0; i < n; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(standard_xstats); j++) {
            if (!strcmp(names[i].name, standard_xstats[j].name)) {
                uint64_t *member = ALIGNED_CAST(
                    uint64_t *,
                    (char *) stats + standard_xstats[j].offset);

                *member = xstats[i].value;
                break;
            }
        }
    }
}

static void
get_standard_xstats(const struct netdev_dpdk_eth *dev,
                    struct netdev_stats *stats)
{
    struct rte_eth_xstat_name *names;
    struct rte_eth_xstat *xstats;
    int n = rte_eth_xstats_get_names(dev->port_id, NULL, 0);

    if (n <= 0) {
        return;
    }
    names = xcalloc(n, sizeof *names);
    xstats = xcalloc(n, sizeof *xstats);
    if (rte_eth_xstats_get_names(dev->port_id, names, n) == n
        && rte_eth_xstats_get(dev->port_id, xstats, n) == n) {
        convert_xstats(stats, names, xstats, n);
    }
    free(names);
    free(xstats);
}

int
netdev_dpdk_eth_get_stats(const struct netdev *netdev,
                          struct netdev_stats *stats)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    struct rte_eth_stats eth;
    uint64_t oversize;

    /* "Not supported" is all ones. */
    memset(stats, 0xff, sizeof *stats);

    ovs_mutex_lock(&dev->up.mutex);
    if (!netdev_dpdk_eth_has_port(dev)
        || rte_eth_stats_get(dev->port_id, &eth)) {
        ovs_mutex_unlock(&dev->up.mutex);
        return EPROTO;
    }
    get_standard_xstats(dev, stats);
    ovs_mutex_unlock(&dev->up.mutex);

    atomic_read_relaxed(&dev->rx_oversize, &oversize);
    stats->rx_packets = eth.ipackets;
    stats->tx_packets = eth.opackets;
    stats->rx_bytes = eth.ibytes;
    stats->tx_bytes = eth.obytes;
    stats->rx_errors = eth.ierrors + oversize;
    stats->tx_errors = eth.oerrors;
    stats->rx_missed_errors = eth.imissed;
    if (oversize) {
        stats->rx_length_errors = oversize;
    }

    stats->rx_dropped = eth.rx_nombuf + eth.imissed;
    stats->tx_dropped = 0;
#define NETDEV_DPDK_DROP(NAME, STATISTIC, TX)                           \
    *(TX ? &stats->tx_dropped : &stats->rx_dropped)                     \
        += netdev_dpdk_get_drops(&dev->up, NETDEV_DPDK_DROP_##NAME);
    NETDEV_DPDK_DROPS
#undef NETDEV_DPDK_DROP

    return 0;
}

/* Custom statistics. */

void
netdev_dpdk_eth_clear_xstats(struct netdev_dpdk_eth *dev)
{
    free(dev->xstat_names);
    free(dev->xstat_ids);
    dev->xstat_names = NULL;
    dev->xstat_ids = NULL;
    dev->n_xstats = -1;
}

static void
choose_xstats(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex)
{
    int n = rte_eth_xstats_get_names(dev->port_id, NULL, 0);

    dev->n_xstats = 0;
    if (n <= 0) {
        return;
    }
    dev->xstat_names = xcalloc(n, sizeof *dev->xstat_names);
    dev->xstat_ids = xcalloc(n, sizeof *dev->xstat_ids);
    if (rte_eth_xstats_get_names(dev->port_id, dev->xstat_names, n) != n) {
        return;
    }
    for (int id = 0; id < n; id++) {
        if (netdev_dpdk_eth_wants_xstat(dev->xstat_names[id].name)) {
            dev->xstat_names[dev->n_xstats] = dev->xstat_names[id];
            dev->xstat_ids[dev->n_xstats++] = id;
        }
    }
}

int
netdev_dpdk_eth_get_custom_stats(const struct netdev *netdev,
                                 struct netdev_custom_stats *stats)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);

    stats->size = 0;
    stats->counters = NULL;

    ovs_mutex_lock(&dev->up.mutex);
    if (netdev_dpdk_eth_has_port(dev)) {
        if (dev->n_xstats < 0) {
            choose_xstats(dev);
        }

        int n = dev->n_xstats;
        uint64_t *values = xcalloc(MAX(n, 1), sizeof *values);

        if (n && rte_eth_xstats_get_by_id(dev->port_id, dev->xstat_ids,
                                          values, n) == n) {
            for (int i = 0; i < n; i++) {
                netdev_dpdk_add_custom_stat(stats, dev->xstat_names[i].name,
                                            values[i]);
            }
        }
        free(values);
    }
    netdev_dpdk_add_drop_stats(&dev->up, stats);
    ovs_mutex_unlock(&dev->up.mutex);

    return 0;
}

/* Status. */

int
netdev_dpdk_eth_get_status(const struct netdev *netdev, struct smap *args)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    struct rte_eth_dev_info info;

    ovs_mutex_lock(&dev->up.mutex);
    if (!netdev_dpdk_eth_has_port(dev)
        || rte_eth_dev_info_get(dev->port_id, &info)) {
        ovs_mutex_unlock(&dev->up.mutex);
        return ENODEV;
    }

    smap_add_format(args, "port_no", "%"PRIu16, dev->port_id);
    smap_add_format(args, "numa_id", "%d",
                    rte_eth_dev_socket_id(dev->port_id));
    smap_add_format(args, "driver_name", "%s", info.driver_name);
    smap_add_format(args, "min_rx_bufsize", "%"PRIu32, info.min_rx_bufsize);
    smap_add_format(args, "max_rx_pktlen", "%d", dev->up.max_packet_len);
    smap_add_format(args, "max_rx_queues", "%"PRIu16, info.max_rx_queues);
    smap_add_format(args, "max_tx_queues", "%"PRIu16, info.max_tx_queues);
    smap_add_format(args, "max_mac_addrs", "%"PRIu32, info.max_mac_addrs);
    smap_add_format(args, "max_hash_mac_addrs", "%"PRIu32,
                    info.max_hash_mac_addrs);
    smap_add_format(args, "max_vfs", "%"PRIu16, info.max_vfs);
    smap_add_format(args, "max_vmdq_pools", "%"PRIu16, info.max_vmdq_pools);
    smap_add_format(args, "n_rxq", "%d", netdev->n_rxq);
    smap_add_format(args, "n_txq", "%d", netdev->n_txq);
    smap_add_format(args, "n_rxq_desc", "%d", dev->setup.n_rxq_desc);
    smap_add_format(args, "n_txq_desc", "%d", dev->setup.n_txq_desc);
    smap_add(args, "rx_csum_offload", dev->rx_csum ? "true" : "false");
    smap_add_format(args, "if_type", "%d", IF_TYPE_ETHERNETCSMACD);
    smap_add_format(args, "if_descr", "%s %s", rte_version(),
                    info.driver_name);
    if (info.device) {
        const char *bus_info = rte_dev_bus_info(info.device);

        smap_add_format(args, "bus_info", "bus_name=%s%s%s",
                        rte_bus_name(rte_dev_bus(info.device)),
                        bus_info ? ", " : "", bus_info ? bus_info : "");
    }
    smap_add(args, "link_speed",
             netdev_dpdk_eth_speed_to_string(dev->link.link_speed));
    ovs_mutex_unlock(&dev->up.mutex);

    return 0;
}
