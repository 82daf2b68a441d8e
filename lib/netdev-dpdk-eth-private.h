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

#ifndef NETDEV_DPDK_ETH_PRIVATE_H
#define NETDEV_DPDK_ETH_PRIVATE_H 1

/* What the files of port type "dpdk" share
 * ========================================
 *
 *     netdev-dpdk-eth.c         class, life cycle, configuration
 *     netdev-dpdk-eth-config.c  options, parsed
 *     netdev-dpdk-eth-attach.c  from dpdk-devargs to a device, and back
 *     netdev-dpdk-eth-setup.c   queues, MTU, start and stop
 *     netdev-dpdk-eth-quirks.c  drivers' peculiarities
 *     netdev-dpdk-eth-link.c    link state and events
 *     netdev-dpdk-eth-stats.c   statistics and status
 *     netdev-dpdk-eth-io.c      receive and send
 *
 * Thread-safety: 'netdev_dpdk_eth_mutex' guards the list of ports, which also
 * says which device is in use, and so attaching and detaching.  A port's own
 * mutex is taken after it. */

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_spinlock.h>

#include "netdev-dpdk-common.h"
#include "netdev-dpdk-eth-config.h"
#include "openvswitch/list.h"
#include "ovs-rcu.h"
#include "util.h"

/* No DPDK port. */
#define NETDEV_DPDK_ETH_NO_PORT RTE_MAX_ETHPORTS

struct netdev_dpdk_eth_txq {
    PADDED_MEMBERS(CACHE_LINE_SIZE,
        /* Taken only when threads share the queue. */
        rte_spinlock_t lock;
    );
};

/* What a device is set up with. */
struct netdev_dpdk_eth_setup {
    int n_rxq;                  /* 0 before the first time. */
    int n_txq;
    int n_rxq_desc;
    int n_txq_desc;
    int mtu;
    bool lsc_interrupt;
};

struct netdev_dpdk_eth {
    struct netdev_dpdk up;

    /* For the threads that move frames.  These change only in reconfigure(),
     * while there are none. */
    uint16_t port_id;           /* Or NETDEV_DPDK_ETH_NO_PORT. */
    bool started;               /* Queues are set up and running. */
    bool linear_tx;             /* Driver takes only single segments. */
    uint64_t rx_untrusted;      /* Flags of received mbufs to clear. */
    unsigned int tx_csum;       /* NETDEV_DPDK_CSUM_*: what it makes. */
    struct netdev_dpdk_eth_txq *txqs;
    atomic_uint64_t rx_oversize; /* Frames longer than a buffer. */

    struct ovs_list list_node;  /* Guarded by netdev_dpdk_eth_mutex. */

    /* 'up.mutex' guards the rest. */
    char *devargs;              /* NULL before there was a device. */
    bool attached;              /* We brought the device into DPDK. */
    bool once;                  /* Can be set up once after attaching... */
    bool spent;                 /* ...which has been done... */
    struct netdev_dpdk_eth_sockets *sockets; /* ...and leaves this behind. */
    char *complaint;            /* About 'options', so as not to repeat it. */
    bool reset_needed;
    bool mac_set;               /* 'up.hwaddr' is not the device's own. */

    struct netdev_dpdk_eth_options options; /* Requested. */
    struct netdev_dpdk_eth_setup setup;     /* In effect. */
    bool rx_csum;
    struct rte_eth_link link;   /* As last seen. */

    /* Extended statistics that users see, see netdev-dpdk-eth-stats.c. */
    struct rte_eth_xstat_name *xstat_names;
    uint64_t *xstat_ids;
    int n_xstats;               /* -1 before they are known. */
};

extern struct ovs_mutex netdev_dpdk_eth_mutex;
extern struct ovs_list netdev_dpdk_eth_list
    OVS_GUARDED_BY(netdev_dpdk_eth_mutex);

static inline struct netdev_dpdk_eth *
netdev_dpdk_eth_cast(const struct netdev *netdev)
{
    return CONTAINER_OF(netdev_dpdk_cast(netdev), struct netdev_dpdk_eth, up);
}

static inline const char *
netdev_dpdk_eth_name(const struct netdev_dpdk_eth *dev)
{
    return dev->up.up.name;
}

static inline bool
netdev_dpdk_eth_has_port(const struct netdev_dpdk_eth *dev)
{
    return dev->port_id != NETDEV_DPDK_ETH_NO_PORT;
}

/* Drivers can be slow to attach, start, stop and detach, and a virtual device
 * may wait for a thread of this very process (net_virtio_user on a socket of
 * ours).  Between these two the calling thread does not hold up RCU, whose
 * grace periods the others may need to get on.  Nothing that RCU protects may
 * be held on to across them. */
static inline bool
netdev_dpdk_eth_begin_slow(void)
{
    bool active = !ovsrcu_is_quiescent();

    if (active) {
        ovsrcu_quiesce_start();
    }
    return active;
}

static inline void
netdev_dpdk_eth_end_slow(bool active)
{
    if (active) {
        ovsrcu_quiesce_end();
    }
}

/* netdev-dpdk-eth-attach.c. */

/* Finds the device that 'devargs' names, after attaching it if DPDK does not
 * have it, for port 'dev'.  Returns 0 and sets '*port_id' and '*attached', or
 * a positive errno value with the reason in '*errorp', for the caller to
 * free. */
int netdev_dpdk_eth_attach(const struct netdev_dpdk_eth *dev,
                           const char *devargs, uint16_t *port_id,
                           bool *attached, char **errorp)
    OVS_REQUIRES(netdev_dpdk_eth_mutex);

/* Gives up the device of 'dev', which is not on the list any more. */
void netdev_dpdk_eth_release(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(netdev_dpdk_eth_mutex);

/* Detaches the stopped device of 'dev' and attaches it again.  Returns 0 or a
 * positive errno value, and then 'dev' has no device any more. */
int netdev_dpdk_eth_reattach(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(netdev_dpdk_eth_mutex)
    OVS_REQUIRES(dev->up.mutex);

/* netdev-dpdk-eth-setup.c. */

int netdev_dpdk_eth_reconfigure(struct netdev *);
void netdev_dpdk_eth_stop(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex);
void netdev_dpdk_eth_apply_flow_ctrl(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex);

/* Makes the device follow NETDEV_UP and NETDEV_PROMISC. */
void netdev_dpdk_eth_apply_flags(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex);

/* netdev-dpdk-eth-quirks.c. */

/* True if the device's driver can set it up only once. */
bool netdev_dpdk_eth_is_once(const struct rte_eth_dev_info *);

/* To be called around the setup of queues, the second one with what the first
 * one returned, and after the device is detached. */
struct netdev_dpdk_eth_sockets *netdev_dpdk_eth_before_setup(
    const struct netdev_dpdk_eth *);
void netdev_dpdk_eth_after_setup(struct netdev_dpdk_eth *,
                                 struct netdev_dpdk_eth_sockets *);
void netdev_dpdk_eth_after_remove(struct netdev_dpdk_eth *);

/* netdev-dpdk-eth-link.c. */

/* Starts to watch the devices.  Once. */
void netdev_dpdk_eth_link_init(void);
void netdev_dpdk_eth_run(const struct netdev_class *);
void netdev_dpdk_eth_wait(const struct netdev_class *);
void netdev_dpdk_eth_check_link(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex);
int netdev_dpdk_eth_get_carrier(const struct netdev *, bool *carrier);
int netdev_dpdk_eth_get_features(const struct netdev *,
                                 enum netdev_features *current,
                                 enum netdev_features *advertised,
                                 enum netdev_features *supported,
                                 enum netdev_features *peer);
const char *netdev_dpdk_eth_speed_to_string(uint32_t mbps);

/* netdev-dpdk-eth-stats.c. */

int netdev_dpdk_eth_get_stats(const struct netdev *, struct netdev_stats *);
int netdev_dpdk_eth_get_custom_stats(const struct netdev *,
                                     struct netdev_custom_stats *);
int netdev_dpdk_eth_get_status(const struct netdev *, struct smap *);

/* Forgets which extended statistics the device has. */
void netdev_dpdk_eth_clear_xstats(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex);

/* netdev-dpdk-eth-io.c. */

int netdev_dpdk_eth_rxq_recv(struct netdev_rxq *, struct dp_packet_batch *,
                             int *qfill);
int netdev_dpdk_eth_send(struct netdev *, int qid, struct dp_packet_batch *,
                         bool concurrent_txq);

#endif /* netdev-dpdk-eth-private.h */
