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

#ifndef NETDEV_DPDK_COMMON_H
#define NETDEV_DPDK_COMMON_H 1

/* What the port types of this provider share
 * ==========================================
 *
 * 'struct netdev_dpdk' is the first member of each type's own structure
 * ('netdev_dpdk_eth', 'netdev_vhost').  Functions here fill the entries of
 * 'struct netdev_class' that do not depend on how frames are moved:
 * NETDEV_DPDK_CLASS_COMMON names them.
 *
 * Thread-safety: 'mutex' guards the members so marked.  The datapath reads
 * 'flags', 'mtu', 'max_packet_len' and 'mempool' without it: they change only
 * in reconfigure(), while no thread moves frames on the port, but for
 * 'flags', which is atomic. */

#include "dp-packet.h"
#include "dpdk-mempool.h"
#include "netdev-provider.h"
#include "openvswitch/thread.h"
#include "ovs-atomic.h"
#include "ovs-rcu.h"

/* Frame length limits in bytes.  Upstream's: 9728 without the CRC, Ethernet
 * and two VLAN headers leaves 9702. */
#define NETDEV_DPDK_MIN_MTU 68
#define NETDEV_DPDK_MAX_MTU 9702

/* Room for one VLAN tag more than MTU says is not counted as MTU excess. */
#define NETDEV_DPDK_FRAME_LEN(MTU) \
    ((MTU) + ETH_HEADER_LEN + 2 * VLAN_HEADER_LEN)

/* Why a port of ours dropped a frame, each under upstream's name for it.
 * NETDEV_DPDK_DROP(name, statistic, is transmit). */
#define NETDEV_DPDK_DROPS                                               \
    NETDEV_DPDK_DROP(TX_FAILURE, "ovs_tx_failure_drops", true)          \
    NETDEV_DPDK_DROP(TX_MTU, "ovs_tx_mtu_exceeded_drops", true)         \
    NETDEV_DPDK_DROP(TX_QOS, "ovs_tx_qos_drops", true)                  \
    NETDEV_DPDK_DROP(RX_QOS, "ovs_rx_qos_drops", false)                 \
    NETDEV_DPDK_DROP(TX_HWOL, "ovs_tx_invalid_hwol_drops", true)

enum netdev_dpdk_drop {
#define NETDEV_DPDK_DROP(NAME, STATISTIC, TX) NETDEV_DPDK_DROP_##NAME,
    NETDEV_DPDK_DROPS
#undef NETDEV_DPDK_DROP
    NETDEV_DPDK_N_DROPS
};

struct netdev_dpdk {
    struct netdev up;

    int mtu;                    /* In effect. */
    int socket_id;              /* NUMA node. */

    struct ovs_mutex mutex;     /* Guards the rest but the atomics. */
    struct eth_addr hwaddr;
    int requested_mtu;
    int max_mtu;                /* That the device can do. */
    int requested_socket_id;
    int requested_n_rxq;
    int requested_n_txq;
    unsigned int mempool_need;  /* What was asked of 'mempool'. */
    bool mempool_alone;         /* No other port shall get 'mempool'. */

    atomic_llong carrier_resets;
    atomic_uint64_t drops[NETDEV_DPDK_N_DROPS];

    /* For the datapath, close together. */
    atomic_int flags;           /* enum netdev_flags. */
    int max_packet_len;         /* Bytes of the longest frame to send. */
    struct dpdk_mempool *mempool;
    /* Policers, NULL if none; see netdev-dpdk-qos.h. */
    OVSRCU_TYPE(struct netdev_dpdk_egress *) egress;
    OVSRCU_TYPE(struct netdev_dpdk_ingress *) ingress;
};

static inline struct netdev_dpdk *
netdev_dpdk_cast(const struct netdev *netdev)
{
    return CONTAINER_OF(netdev, struct netdev_dpdk, up);
}

/* True if 'netdev' is of a class of this provider. */
bool netdev_is_dpdk(const struct netdev *);

/* Sets up and tears down what is common; construct() and destruct() of each
 * type call them. */
void netdev_dpdk_common_construct(struct netdev_dpdk *, int socket_id);
void netdev_dpdk_common_destruct(struct netdev_dpdk *);

/* Makes the mempool of 'dev' fit requested_mtu and requested_socket_id and
 * 'need' buffers, and takes the requested MTU.  On failure 'dev' keeps the MTU
 * and the mempool that it has, if any; what is requested stays requested too,
 * for the next reconfiguration, and is no news when the bridge repeats it.
 * Returns 0 or ENOMEM.  Called by reconfigure() with the mutex. */
int netdev_dpdk_fit_mempool(struct netdev_dpdk *dev, unsigned int need)
    OVS_REQUIRES(dev->mutex);

/* Counts 'n' frames as dropped for one reason.  Any thread. */
static inline void
netdev_dpdk_count_drops(struct netdev_dpdk *dev, enum netdev_dpdk_drop why,
                        unsigned int n)
{
    if (n) {
        uint64_t orig;

        atomic_add_relaxed(&dev->drops[why], n, &orig);
    }
}
uint64_t netdev_dpdk_get_drops(const struct netdev_dpdk *,
                               enum netdev_dpdk_drop);

/* Adds one custom statistic. */
void netdev_dpdk_add_custom_stat(struct netdev_custom_stats *,
                                 const char *name, uint64_t value);
/* Adds a custom statistic for each drop reason. */
void netdev_dpdk_add_drop_stats(const struct netdev_dpdk *,
                                struct netdev_custom_stats *);

static inline bool
netdev_dpdk_is_up(const struct netdev_dpdk *dev)
{
    int flags;

    atomic_read_relaxed(&CONST_CAST(struct netdev_dpdk *, dev)->flags,
                        &flags);
    return flags & NETDEV_UP;
}

/* Applies cutlen, then drops and counts frames of 'batch' longer than the
 * port's limit and those its QoS refuses.  Leaves the others in order. */
void netdev_dpdk_prepare_send(struct netdev_dpdk *, struct dp_packet_batch *);

/* Initialises the dp_packet part of freshly received frames and applies
 * ingress policing. */
void netdev_dpdk_finish_receive(struct netdev_dpdk *,
                                struct dp_packet_batch *);

/* Members of 'struct netdev_class' that all our types share. */
int netdev_dpdk_get_numa_id(const struct netdev *);
int netdev_dpdk_set_etheraddr(struct netdev *, const struct eth_addr);
int netdev_dpdk_get_etheraddr(const struct netdev *, struct eth_addr *);
int netdev_dpdk_get_mtu(const struct netdev *, int *);
/* For get_config() of each type to begin with. */
int netdev_dpdk_get_config(const struct netdev *, struct smap *);
int netdev_dpdk_set_mtu(struct netdev *, int);
int netdev_dpdk_get_ifindex(const struct netdev *);
long long int netdev_dpdk_get_carrier_resets(const struct netdev *);
int netdev_dpdk_set_miimon(struct netdev *, long long int);
int netdev_dpdk_update_flags(struct netdev *, enum netdev_flags off,
                             enum netdev_flags on, enum netdev_flags *old);
int netdev_dpdk_set_policing(struct netdev *,
                             unsigned int kbits_rate,
                             unsigned int kbits_burst,
                             unsigned int kpkts_rate,
                             unsigned int kpkts_burst);
int netdev_dpdk_get_qos_types(const struct netdev *, struct sset *);
int netdev_dpdk_get_qos(const struct netdev *, const char **type,
                        struct smap *details);
int netdev_dpdk_set_qos(struct netdev *, const char *type,
                        const struct smap *details);
struct netdev_rxq *netdev_dpdk_rxq_alloc(void);
int netdev_dpdk_rxq_construct(struct netdev_rxq *);
void netdev_dpdk_rxq_destruct(struct netdev_rxq *);
void netdev_dpdk_rxq_dealloc(struct netdev_rxq *);

#define NETDEV_DPDK_CLASS_COMMON                        \
    .is_pmd = true,                                     \
    .get_numa_id = netdev_dpdk_get_numa_id,             \
    .get_etheraddr = netdev_dpdk_get_etheraddr,         \
    .get_mtu = netdev_dpdk_get_mtu,                     \
    .set_mtu = netdev_dpdk_set_mtu,                     \
    .get_ifindex = netdev_dpdk_get_ifindex,             \
    .get_carrier_resets = netdev_dpdk_get_carrier_resets,\
    .set_miimon_interval = netdev_dpdk_set_miimon,      \
    .set_policing = netdev_dpdk_set_policing,           \
    .get_qos_types = netdev_dpdk_get_qos_types,         \
    .get_qos = netdev_dpdk_get_qos,                     \
    .set_qos = netdev_dpdk_set_qos,                     \
    .rxq_alloc = netdev_dpdk_rxq_alloc,                 \
    .rxq_construct = netdev_dpdk_rxq_construct,         \
    .rxq_destruct = netdev_dpdk_rxq_destruct,           \
    .rxq_dealloc = netdev_dpdk_rxq_dealloc

/* Registers the types.  Each file has its own. */
void netdev_dpdk_eth_register(void);
void netdev_vhost_register(const struct smap *ovs_other_config);

#endif /* netdev-dpdk-common.h */
