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

/* Setting up the device of a port of type "dpdk": queues, MTU, start, stop.
 *
 * reconfigure() stops the device and sets it up again with what is requested
 * by then.  If the device refuses, what worked before is set up again, so that
 * a bad request costs a log line and not the port.
 *
 * Thread-safety: reconfigure() runs while no thread moves frames on the port;
 * the port's mutex keeps out the others. */

#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <rte_bus.h>
#include <rte_dev.h>

#include "netdev-dpdk-csum.h"
#include "netdev-dpdk-eth-private.h"
#include "netdev-dpdk-vlog.h"
#include "packets.h"
#include "timeval.h"
#include "userspace-tso.h"
#include "util.h"

/* All checksums or none: the datapath has no use for some. */
#define RX_CSUM_OFFLOADS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM \
                          | RTE_ETH_RX_OFFLOAD_TCP_CKSUM \
                          | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

#define RX_CSUM_FLAGS (RTE_MBUF_F_RX_IP_CKSUM_MASK \
                       | RTE_MBUF_F_RX_L4_CKSUM_MASK)

#define TX_CSUM_OFFLOADS (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM \
                          | RTE_ETH_TX_OFFLOAD_TCP_CKSUM \
                          | RTE_ETH_TX_OFFLOAD_UDP_CKSUM \
                          | RTE_ETH_TX_OFFLOAD_SCTP_CKSUM)

/* What to spread received frames over queues by. */
#define RSS_FIELDS (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP)

/* Buffers that a thread may hold: its cache in front of the pool, which grows
 * to 1.5 times its size, the batch in its hands, and one to be sent. */
#define BUFFERS_PER_THREAD (RTE_MEMPOOL_CACHE_MAX_SIZE * 3 / 2 \
                            + 2 * NETDEV_MAX_BURST)

/* For devices that can be set up only once: how often to try, and how long to
 * wait in between. */
#define ONCE_RETRIES 10
#define ONCE_RETRY_NS (100 * 1000 * 1000)

static unsigned int
mempool_need(const struct netdev_dpdk_eth *dev,
             const struct netdev_dpdk_eth_setup *setup)
{
    /* The datapath asks for a transmit queue for each of its threads. */
    int n_threads = dev->up.requested_n_txq;

    return (setup->n_rxq * setup->n_rxq_desc
            + setup->n_txq * setup->n_txq_desc
            + n_threads * BUFFERS_PER_THREAD);
}

/* A device in software may hand us the buffers of others as they are, with
 * whatever flags were in them. */
static bool
passes_foreign_buffers(const struct rte_eth_dev_info *info)
{
    return (!(info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH)
            && info->device
            && !strcmp(rte_bus_name(rte_dev_bus(info->device)), "vdev"));
}

static void
make_conf(const struct netdev_dpdk_eth_setup *setup,
          const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
    memset(conf, 0, sizeof *conf);
    conf->rxmode.mtu = setup->mtu;
    conf->intr_conf.lsc = setup->lsc_interrupt;

    /* No RTE_ETH_RX_OFFLOAD_SCATTER: the datapath wants frames in one piece,
     * and buffers are big enough for them. */
    if ((info->rx_offload_capa & RX_CSUM_OFFLOADS) == RX_CSUM_OFFLOADS) {
        conf->rxmode.offloads |= RX_CSUM_OFFLOADS;
    }
    if (setup->n_rxq > 1) {
        conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf->rx_adv_conf.rss_conf.rss_hf
            = RSS_FIELDS & info->flow_type_rss_offloads;
        conf->rxmode.offloads
            |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
    }

    /* Only if they are needed: drivers are often faster without. */
    conf->txmode.offloads
        = info->tx_offload_capa & (RTE_ETH_TX_OFFLOAD_MULTI_SEGS
                                   | (userspace_tso_enabled()
                                      ? TX_CSUM_OFFLOADS : 0));
}

/* Takes note of what the device was configured for. */
static void
note_conf(struct netdev_dpdk_eth *dev, const struct rte_eth_dev_info *info,
          const struct rte_eth_conf *conf)
{
    uint64_t untrusted = (RTE_MBUF_F_RX_RSS_HASH | RX_CSUM_FLAGS
                          | RTE_MBUF_F_TX_OFFLOAD_MASK);

    dev->rx_csum = (conf->rxmode.offloads & RX_CSUM_OFFLOADS) != 0;
    if (dev->rx_csum) {
        untrusted &= ~RX_CSUM_FLAGS;
    }
    if (conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH) {
        untrusted &= ~RTE_MBUF_F_RX_RSS_HASH;
    }
    if (passes_foreign_buffers(info)) {
        untrusted |= RTE_MBUF_F_RX_FDIR_ID;
    }
    dev->rx_untrusted = untrusted;
    dev->linear_tx = !(conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);

    const uint64_t tx = conf->txmode.offloads;

    dev->tx_csum
        = ((tx & RTE_ETH_TX_OFFLOAD_TCP_CKSUM ? NETDEV_DPDK_CSUM_TCP : 0)
           | (tx & RTE_ETH_TX_OFFLOAD_UDP_CKSUM ? NETDEV_DPDK_CSUM_UDP : 0)
           | (tx & RTE_ETH_TX_OFFLOAD_SCTP_CKSUM ? NETDEV_DPDK_CSUM_SCTP
              : 0));
}

/* Sets the MTU in the driver, if that has such a thing. */
static int
setup_mtu(struct netdev_dpdk_eth *dev, int mtu)
    OVS_REQUIRES(dev->up.mutex)
{
    int retval = rte_eth_dev_set_mtu(dev->port_id, mtu);

    if (retval == -ENOTSUP) {
        uint16_t fixed;

        if (!rte_eth_dev_get_mtu(dev->port_id, &fixed) && fixed < mtu) {
            VLOG_WARN("%s: device '%s' does not support MTU configuration, "
                      "max packet size supported is %"PRIu16,
                      netdev_dpdk_eth_name(dev), dev->devargs, fixed);
        }
        return 0;
    } else if (retval && mtu == dev->setup.mtu) {
        /* It had this MTU before, so has it still. */
        VLOG_DBG("%s: MTU (%d) setup error: %s", netdev_dpdk_eth_name(dev),
                 mtu, ovs_strerror(-retval));
        return 0;
    }
    return retval;
}

/* Sets up queues.  On failure, leaves in 'setup' how many there could be. */
static int
setup_queues(struct netdev_dpdk_eth *dev,
             struct netdev_dpdk_eth_setup *setup)
{
    for (int i = 0; i < setup->n_txq; i++) {
        int retval = rte_eth_tx_queue_setup(dev->port_id, i,
                                            setup->n_txq_desc,
                                            dev->up.socket_id, NULL);

        if (retval) {
            VLOG_INFO("%s: txq(%d) setup error: %s",
                      netdev_dpdk_eth_name(dev), i, ovs_strerror(-retval));
            setup->n_txq = i;
            return retval;
        }
    }
    for (int i = 0; i < setup->n_rxq; i++) {
        int retval = rte_eth_rx_queue_setup(dev->port_id, i,
                                            setup->n_rxq_desc,
                                            dev->up.socket_id, NULL,
                                            dev->up.mempool->mp);

        if (retval) {
            VLOG_INFO("%s: rxq(%d) setup error: %s",
                      netdev_dpdk_eth_name(dev), i, ovs_strerror(-retval));
            setup->n_rxq = i;
            return retval;
        }
    }
    return 0;
}

/* Configures the stopped device of 'dev', with fewer queues if it can not have
 * as many as 'setup' says.  Returns 0 or a negative errno value. */
static int
configure(struct netdev_dpdk_eth *dev, struct netdev_dpdk_eth_setup *setup,
          const struct rte_eth_dev_info *info)
    OVS_REQUIRES(dev->up.mutex)
{
    int retval;

    do {
        struct rte_eth_conf conf;

        make_conf(setup, info, &conf);
        retval = rte_eth_dev_configure(dev->port_id, setup->n_rxq,
                                       setup->n_txq, &conf);
        if (retval && setup->n_rxq != setup->n_txq) {
            /* Some, such as net_tap, want as many of one as of the other. */
            setup->n_rxq = setup->n_txq = MIN(setup->n_rxq, setup->n_txq);
            continue;
        }
        if (retval) {
            VLOG_ERR("%s: eth_dev setup error %s",
                     netdev_dpdk_eth_name(dev), ovs_strerror(-retval));
            return retval;
        }

        retval = setup_mtu(dev, setup->mtu);
        if (retval) {
            VLOG_ERR("%s: MTU (%d) setup error: %s",
                     netdev_dpdk_eth_name(dev), setup->mtu,
                     ovs_strerror(-retval));
            return retval;
        }

        retval = setup_queues(dev, setup);
        if (!retval) {
            note_conf(dev, info, &conf);
        }
    } while (retval && setup->n_rxq && setup->n_txq);

    return retval;
}

/* Makes the stopped device of 'dev' run with 'setup', which may come out with
 * fewer queues.  Returns 0 or a positive errno value. */
static int
start(struct netdev_dpdk_eth *dev, struct netdev_dpdk_eth_setup *setup,
      const struct rte_eth_dev_info *info)
    OVS_REQUIRES(dev->up.mutex)
{
    struct netdev_dpdk_eth_sockets *sockets;
    int error, retval;
    bool active;

    dev->up.requested_mtu = setup->mtu;
    error = netdev_dpdk_fit_mempool(&dev->up, mempool_need(dev, setup));
    if (error) {
        return error;
    }

    active = netdev_dpdk_eth_begin_slow();
    sockets = netdev_dpdk_eth_before_setup(dev);
    dev->spent = dev->once;
    retval = configure(dev, setup, info);
    netdev_dpdk_eth_after_setup(dev, sockets);
    if (!retval) {
        retval = rte_eth_dev_start(dev->port_id);
        if (retval) {
            VLOG_ERR("%s: device '%s' does not start (%s)",
                     netdev_dpdk_eth_name(dev), dev->devargs,
                     ovs_strerror(-retval));
        }
    }
    netdev_dpdk_eth_end_slow(active);
    return -retval;
}

void
netdev_dpdk_eth_stop(struct netdev_dpdk_eth *dev)
{
    if (dev->started) {
        bool active = netdev_dpdk_eth_begin_slow();
        int retval = rte_eth_dev_stop(dev->port_id);

        netdev_dpdk_eth_end_slow(active);
        if (retval) {
            VLOG_DBG("%s: stop: %s", netdev_dpdk_eth_name(dev),
                     ovs_strerror(-retval));
        }
        dev->started = false;
    }
}

/* Brings the device back to where it was before it was first configured. */
static void
reset(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex)
{
    int retval = rte_eth_dev_reset(dev->port_id);

    dev->reset_needed = false;
    if (retval) {
        VLOG_ERR("%s: device '%s' asked for a reset, which failed (%s)",
                 netdev_dpdk_eth_name(dev), dev->devargs,
                 ovs_strerror(-retval));
    } else {
        VLOG_INFO("%s: device '%s' was reset, as it asked for",
                  netdev_dpdk_eth_name(dev), dev->devargs);
    }
}

static void
warn_unsupported(const struct netdev_dpdk_eth *dev, const char *what,
                 int retval)
{
    if (retval && retval != -ENOTSUP) {
        VLOG_WARN("%s: %s: %s", netdev_dpdk_eth_name(dev), what,
                  ovs_strerror(-retval));
    }
}

void
netdev_dpdk_eth_apply_flags(struct netdev_dpdk_eth *dev)
{
    int flags;

    if (!dev->started) {
        return;
    }

    atomic_read_relaxed(&dev->up.flags, &flags);
    warn_unsupported(dev, "promiscuous mode",
                     flags & NETDEV_PROMISC
                     ? rte_eth_promiscuous_enable(dev->port_id)
                     : rte_eth_promiscuous_disable(dev->port_id));
    warn_unsupported(dev, "link up or down",
                     flags & NETDEV_UP
                     ? rte_eth_dev_set_link_up(dev->port_id)
                     : rte_eth_dev_set_link_down(dev->port_id));
}

void
netdev_dpdk_eth_apply_flow_ctrl(struct netdev_dpdk_eth *dev)
{
    const struct netdev_dpdk_eth_options *options = &dev->options;
    bool rx = options->rx_flow_ctrl == NETDEV_DPDK_ETH_TRUE;
    bool tx = options->tx_flow_ctrl == NETDEV_DPDK_ETH_TRUE;
    bool autoneg = options->flow_ctrl_autoneg == NETDEV_DPDK_ETH_TRUE;
    enum rte_eth_fc_mode mode = (rx
                                 ? tx ? RTE_ETH_FC_FULL : RTE_ETH_FC_RX_PAUSE
                                 : tx ? RTE_ETH_FC_TX_PAUSE
                                 : RTE_ETH_FC_NONE);
    struct rte_eth_fc_conf conf;
    int retval;

    memset(&conf, 0, sizeof conf);
    retval = rte_eth_dev_flow_ctrl_get(dev->port_id, &conf);
    if (!retval && (conf.mode != mode || conf.autoneg != autoneg)) {
        conf.mode = mode;
        conf.autoneg = autoneg;
        retval = rte_eth_dev_flow_ctrl_set(dev->port_id, &conf);
    }
    if (retval && (rx || tx || autoneg)) {
        VLOG_WARN("%s: Failed to enable flow control on device '%s' (%s); "
                  "remove options rx-flow-ctrl, tx-flow-ctrl and "
                  "flow-ctrl-autoneg", netdev_dpdk_eth_name(dev),
                  dev->devargs, ovs_strerror(-retval));
    }
}

/* What a device forgets when it is set up. */
static void
restore(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex)
{
    if (dev->mac_set) {
        struct rte_ether_addr mac;

        memcpy(mac.addr_bytes, dev->up.hwaddr.ea, ETH_ADDR_LEN);
        rte_eth_dev_default_mac_addr_set(dev->port_id, &mac);
    }
    warn_unsupported(dev, "all-multicast mode",
                     rte_eth_allmulticast_enable(dev->port_id));
    netdev_dpdk_eth_apply_flags(dev);
    netdev_dpdk_eth_apply_flow_ctrl(dev);
}

/* Returns what 'lim' makes of 'wanted', and says so if it is news. */
static int
clamp_desc(const struct netdev_dpdk_eth *dev, const char *key, int wanted,
           const struct rte_eth_desc_lim *lim, int current)
{
    int n = netdev_dpdk_eth_clamp_desc(wanted, lim);

    if (n != wanted && n != current) {
        VLOG(wanted == NETDEV_DPDK_ETH_DEFAULT_N_DESC ? VLL_INFO : VLL_WARN,
             "%s: %s=%d: device '%s' takes %"PRIu16" to %"PRIu16" descriptors "
             "in steps of %"PRIu16"; using %d", netdev_dpdk_eth_name(dev),
             key, wanted, dev->devargs, lim->nb_min, lim->nb_max,
             lim->nb_align, n);
    }
    return n;
}

/* Returns what 'dev' shall have, within the limits of its device. */
static struct netdev_dpdk_eth_setup
wanted_setup(const struct netdev_dpdk_eth *dev,
             const struct rte_eth_dev_info *info)
    OVS_REQUIRES(dev->up.mutex)
{
    const struct netdev_dpdk_eth_options *options = &dev->options;
    const struct netdev_dpdk_eth_setup *current = &dev->setup;

    return (struct netdev_dpdk_eth_setup) {
        .n_rxq = MIN(options->n_rxq, info->max_rx_queues),
        .n_txq = MIN(dev->up.requested_n_txq, info->max_tx_queues),
        .n_rxq_desc = clamp_desc(dev, "n_rxq_desc", options->n_rxq_desc,
                                 &info->rx_desc_lim, current->n_rxq_desc),
        .n_txq_desc = clamp_desc(dev, "n_txq_desc", options->n_txq_desc,
                                 &info->tx_desc_lim, current->n_txq_desc),
        .mtu = dev->up.requested_mtu,
        .lsc_interrupt = (options->lsc_interrupt != NETDEV_DPDK_ETH_FALSE
                          && *info->dev_flags & RTE_ETH_DEV_INTR_LSC),
    };
}

static bool
setup_equal(const struct netdev_dpdk_eth_setup *a,
            const struct netdev_dpdk_eth_setup *b)
{
    return (a->n_rxq == b->n_rxq && a->n_txq == b->n_txq
            && a->n_rxq_desc == b->n_rxq_desc
            && a->n_txq_desc == b->n_txq_desc
            && a->mtu == b->mtu && a->lsc_interrupt == b->lsc_interrupt);
}

/* Publishes 'setup', with which the device runs now. */
static void
take_setup(struct netdev_dpdk_eth *dev,
           const struct netdev_dpdk_eth_setup *setup)
    OVS_REQUIRES(dev->up.mutex)
{
    if (!dev->txqs || setup->n_txq != dev->up.up.n_txq) {
        free_cacheline(dev->txqs);
        dev->txqs = xzalloc_cacheline(setup->n_txq * sizeof *dev->txqs);
        for (int i = 0; i < setup->n_txq; i++) {
            rte_spinlock_init(&dev->txqs[i].lock);
        }
    }
    dev->setup = *setup;
    dev->up.up.n_rxq = setup->n_rxq;
    dev->up.up.n_txq = setup->n_txq;
    dev->started = true;
}

/* Makes the stopped device of 'dev' one that can be set up, and stores in
 * '*info' what it is then. */
static int
prepare(struct netdev_dpdk_eth *dev, struct rte_eth_dev_info *info)
    OVS_REQUIRES(netdev_dpdk_eth_mutex)
    OVS_REQUIRES(dev->up.mutex)
{
    if (dev->reset_needed) {
        reset(dev);
    }
    if (dev->spent) {
        int error = netdev_dpdk_eth_reattach(dev);

        if (error) {
            return error;
        }
        dev->spent = false;

        /* Buffers are missing there now. */
        dpdk_mempool_put(dev->up.mempool, netdev_dpdk_eth_name(dev),
                         dev->up.mempool_need);
        dev->up.mempool = NULL;
    }
    return -rte_eth_dev_info_get(dev->port_id, info);
}

/* Prepares and starts the stopped device of 'dev'. */
static int
prepare_and_start(struct netdev_dpdk_eth *dev,
                  struct netdev_dpdk_eth_setup *setup,
                  struct rte_eth_dev_info *info)
    OVS_REQUIRES(netdev_dpdk_eth_mutex)
    OVS_REQUIRES(dev->up.mutex)
{
    const struct netdev_dpdk_eth_setup wanted = *setup;
    int error;

    for (int i = 0; ; i++) {
        *setup = wanted;
        error = prepare(dev, info);
        if (!error) {
            error = start(dev, setup, info);
        }
        if (!error || !dev->once || i >= ONCE_RETRIES
            || !netdev_dpdk_eth_has_port(dev)) {
            return error;
        }
        /* The kernel may take a while to let go of what it had before. */
        xnanosleep(ONCE_RETRY_NS);
    }
}

static void
warn_fewer_queues(const struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(dev->up.mutex)
{
    if (dev->setup.n_rxq < dev->options.n_rxq) {
        VLOG_WARN("%s: n_rxq=%d: device '%s' can have only %d receive "
                  "queues here", netdev_dpdk_eth_name(dev),
                  dev->options.n_rxq, dev->devargs, dev->setup.n_rxq);
    }
}

static int
reconfigure__(struct netdev_dpdk_eth *dev)
    OVS_REQUIRES(netdev_dpdk_eth_mutex)
    OVS_REQUIRES(dev->up.mutex)
{
    const struct netdev_dpdk_eth_setup old = dev->setup;
    const int requested_mtu = dev->up.requested_mtu;
    struct netdev_dpdk_eth_setup setup;
    struct rte_eth_dev_info info;
    int error;

    if (!netdev_dpdk_eth_has_port(dev)) {
        return ENODEV;
    }
    error = -rte_eth_dev_info_get(dev->port_id, &info);
    if (error) {
        return error;
    }

    setup = wanted_setup(dev, &info);
    if (dev->started && !dev->reset_needed && setup_equal(&setup, &old)
        && dev->up.requested_socket_id == dev->up.socket_id) {
        warn_fewer_queues(dev);
        return 0;
    }

    netdev_dpdk_eth_stop(dev);
    error = prepare_and_start(dev, &setup, &info);
    if (error && old.n_rxq && netdev_dpdk_eth_has_port(dev)) {
        VLOG_ERR("%s: device '%s' can not be set up as requested; going back "
                 "to what it had", netdev_dpdk_eth_name(dev), dev->devargs);
        setup = old;
        error = prepare_and_start(dev, &setup, &info);
        dev->up.requested_mtu = requested_mtu;
    }
    if (error) {
        return error;
    }

    take_setup(dev, &setup);
    restore(dev);
    netdev_dpdk_eth_clear_xstats(dev);
    netdev_dpdk_eth_check_link(dev);
    VLOG_INFO("%s: device '%s' (%s) runs with %d rx queues, %d of %d tx "
              "queues, MTU %d", netdev_dpdk_eth_name(dev), dev->devargs,
              info.driver_name, setup.n_rxq, setup.n_txq,
              dev->up.requested_n_txq, setup.mtu);
    warn_fewer_queues(dev);
    return 0;
}

int
netdev_dpdk_eth_reconfigure(struct netdev *netdev)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    int error;

    ovs_mutex_lock(&netdev_dpdk_eth_mutex);
    ovs_mutex_lock(&dev->up.mutex);
    error = reconfigure__(dev);
    ovs_mutex_unlock(&dev->up.mutex);
    ovs_mutex_unlock(&netdev_dpdk_eth_mutex);

    return error;
}
