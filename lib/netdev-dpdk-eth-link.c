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

/* Link state and events of ports of type "dpdk".
 *
 * A thread, "dpdk_watchdog", looks at all links now and then.  Drivers that
 * can tell us of a change (LSC) or ask for a reset do so from a thread of
 * EAL's, which closing a device may wait for: there we only take a note, and
 * wake the main thread, which acts on it in run().
 *
 * Thread-safety: 'events' and 'events_seq' are for all threads. */

#include <config.h>

#include "netdev-dpdk-eth-private.h"

#include <unistd.h>

#include "dpdk-mempool.h"
#include "netdev-dpdk-vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

/* How often the watchdog looks, in seconds. */
#define WATCHDOG_INTERVAL 5

/* Notes on DPDK ports, by number, for run(). */
enum {
    EVENT_LINK = 1 << 0,
    EVENT_RESET = 1 << 1,
};
static atomic_uint32_t events[RTE_MAX_ETHPORTS];
static struct seq *events_seq;
static uint64_t events_seen;    /* Main thread only. */

static const char *
link_to_string(const struct rte_eth_link *link)
{
    return link->link_duplex == RTE_ETH_LINK_FULL_DUPLEX
           ? "full-duplex" : "half-duplex";
}

void
netdev_dpdk_eth_check_link(struct netdev_dpdk_eth *dev)
{
    struct rte_eth_link link;

    memset(&link, 0, sizeof link);
    if (!dev->started || rte_eth_link_get_nowait(dev->port_id, &link)) {
        return;
    }

    if (dev->link.link_status != link.link_status) {
        long long int resets;

        atomic_add_relaxed(&dev->up.carrier_resets, 1, &resets);
        if (link.link_status) {
            VLOG_DBG("%s: link up, %s, %s", netdev_dpdk_eth_name(dev),
                     netdev_dpdk_eth_speed_to_string(link.link_speed),
                     link_to_string(&link));
        } else {
            VLOG_DBG("%s: link down", netdev_dpdk_eth_name(dev));
        }
        netdev_change_seq_changed(&dev->up.up);
    }
    dev->link = link;
}

static void *
watchdog(void *aux OVS_UNUSED)
{
    pthread_detach(pthread_self());

    /* This thread may wait for a mutex as long as a driver is slow, and needs
     * nothing that RCU protects, so it stays away from RCU. */
    ovsrcu_quiesce_start();
    for (;;) {
        struct netdev_dpdk_eth *dev;

        ovs_mutex_lock(&netdev_dpdk_eth_mutex);
        LIST_FOR_EACH (dev, list_node, &netdev_dpdk_eth_list) {
            ovs_mutex_lock(&dev->up.mutex);
            netdev_dpdk_eth_check_link(dev);
            ovs_mutex_unlock(&dev->up.mutex);
        }
        ovs_mutex_unlock(&netdev_dpdk_eth_mutex);

        dpdk_mempool_sweep();
        sleep(WATCHDOG_INTERVAL);
    }
    OVS_NOT_REACHED();
}

static int
event_cb(uint16_t port_id, enum rte_eth_event_type type,
         void *aux OVS_UNUSED, void *ret_param OVS_UNUSED)
{
    if (port_id < RTE_MAX_ETHPORTS) {
        uint32_t orig;

        atomic_or(&events[port_id],
                  type == RTE_ETH_EVENT_INTR_RESET ? EVENT_RESET : EVENT_LINK,
                  &orig);
        seq_change(events_seq);
    }
    return 0;
}

void
netdev_dpdk_eth_link_init(void)
{
    static const enum rte_eth_event_type types[] = {
        RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RESET,
    };

    events_seq = seq_create();
    events_seen = seq_read(events_seq);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        int retval = rte_eth_dev_callback_register(RTE_ETH_ALL, types[i],
                                                   event_cb, NULL);

        if (retval) {
            VLOG_ERR("Ethernet device callback register error: %s",
                     ovs_strerror(-retval));
        }
    }
    ovs_thread_create("dpdk_watchdog", watchdog, NULL);
}

void
netdev_dpdk_eth_run(const struct netdev_class *class OVS_UNUSED)
{
    uint64_t seq = seq_read(events_seq);
    struct netdev_dpdk_eth *dev;

    if (seq == events_seen) {
        return;
    }
    events_seen = seq;

    ovs_mutex_lock(&netdev_dpdk_eth_mutex);
    LIST_FOR_EACH (dev, list_node, &netdev_dpdk_eth_list) {
        uint32_t event;

        atomic_and(&events[dev->port_id], 0, &event);
        if (!event) {
            continue;
        }
        ovs_mutex_lock(&dev->up.mutex);
        if (event & EVENT_RESET) {
            dev->reset_needed = true;
            netdev_request_reconfigure(&dev->up.up);
        }
        netdev_dpdk_eth_check_link(dev);
        ovs_mutex_unlock(&dev->up.mutex);
    }
    ovs_mutex_unlock(&netdev_dpdk_eth_mutex);
}

void
netdev_dpdk_eth_wait(const struct netdev_class *class OVS_UNUSED)
{
    seq_wait(events_seq, events_seen);
}

int
netdev_dpdk_eth_get_carrier(const struct netdev *netdev, bool *carrier)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);

    ovs_mutex_lock(&dev->up.mutex);
    netdev_dpdk_eth_check_link(dev);
    *carrier = dev->link.link_status;
    ovs_mutex_unlock(&dev->up.mutex);

    return 0;
}

/* Speeds in Mbit/s and what OpenFlow and we call them. */
static const struct speed {
    uint32_t mbps;
    const char *name;
    enum netdev_features full, half;
} speeds[] = {
    { RTE_ETH_SPEED_NUM_10M, "10Mbps", NETDEV_F_10MB_FD, NETDEV_F_10MB_HD },
    { RTE_ETH_SPEED_NUM_100M, "100Mbps",
      NETDEV_F_100MB_FD, NETDEV_F_100MB_HD },
    { RTE_ETH_SPEED_NUM_1G, "1Gbps", NETDEV_F_1GB_FD, NETDEV_F_1GB_HD },
    { RTE_ETH_SPEED_NUM_2_5G, "2.5Gbps", NETDEV_F_OTHER, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_5G, "5Gbps", NETDEV_F_OTHER, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_10G, "10Gbps", NETDEV_F_10GB_FD, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_20G, "20Gbps", NETDEV_F_OTHER, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_25G, "25Gbps", NETDEV_F_OTHER, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_40G, "40Gbps", NETDEV_F_40GB_FD, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_50G, "50Gbps", NETDEV_F_OTHER, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_56G, "56Gbps", NETDEV_F_OTHER, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_100G, "100Gbps", NETDEV_F_100GB_FD, NETDEV_F_OTHER },
    { RTE_ETH_SPEED_NUM_200G, "200Gbps", NETDEV_F_OTHER, NETDEV_F_OTHER },
    /* DPDK 22.11 has no name for this. */
    { 400000, "400Gbps", NETDEV_F_OTHER, NETDEV_F_OTHER },
};

static const struct speed *
find_speed(uint32_t mbps)
{
    for (size_t i = 0; i < ARRAY_SIZE(speeds); i++) {
        if (speeds[i].mbps == mbps) {
            return &speeds[i];
        }
    }
    return NULL;
}

const char *
netdev_dpdk_eth_speed_to_string(uint32_t mbps)
{
    const struct speed *speed = find_speed(mbps);

    return (speed ? speed->name
            : mbps == RTE_ETH_SPEED_NUM_NONE ? "Not Defined"
            : "Unknown");
}

int
netdev_dpdk_eth_get_features(const struct netdev *netdev,
                             enum netdev_features *current,
                             enum netdev_features *advertised,
                             enum netdev_features *supported,
                             enum netdev_features *peer)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    struct rte_eth_link link;

    ovs_mutex_lock(&dev->up.mutex);
    link = dev->link;
    ovs_mutex_unlock(&dev->up.mutex);

    const struct speed *speed = find_speed(link.link_speed);

    *current = 0;
    if (speed) {
        *current |= (link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX
                     ? speed->full : speed->half);
    }
    if (link.link_autoneg) {
        *current |= NETDEV_F_AUTONEG;
    }
    *advertised = *supported = *peer = 0;
    return 0;
}
