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

/* Port type "dpdk": its class, life cycle and configuration.
 *
 * A port is born without a device.  The first set_config() that succeeds
 * finds or attaches the device of options:dpdk-devargs, which then stays to
 * the port's end: when the option changes, set_config() fails with EAGAIN and
 * the bridge makes a new port.
 *
 * A mistake in an option is an error as long as there is no device.  A port
 * that already moves frames keeps the old value and logs the mistake. */

#include <config.h>

#include "netdev-dpdk-eth.h"

#include <errno.h>
#include <stdlib.h>

#include "netdev-dpdk-eth-private.h"
#include "netdev-dpdk-qos.h"
#include "netdev-dpdk-unixctl.h"
#include "netdev-dpdk-vlog.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

struct ovs_mutex netdev_dpdk_eth_mutex = OVS_MUTEX_INITIALIZER;
struct ovs_list netdev_dpdk_eth_list OVS_GUARDED_BY(netdev_dpdk_eth_mutex)
    = OVS_LIST_INITIALIZER(&netdev_dpdk_eth_list);

static const struct netdev_class netdev_dpdk_eth_class;

bool
netdev_is_dpdk_eth(const struct netdev *netdev)
{
    return netdev->netdev_class == &netdev_dpdk_eth_class;
}

int
netdev_dpdk_eth_get_port_id(const struct netdev *netdev)
{
    struct netdev_dpdk_eth *dev;
    int port_id;

    if (!netdev_is_dpdk_eth(netdev)) {
        return -1;
    }

    dev = netdev_dpdk_eth_cast(netdev);
    ovs_mutex_lock(&dev->up.mutex);
    port_id = netdev_dpdk_eth_has_port(dev) ? dev->port_id : -1;
    ovs_mutex_unlock(&dev->up.mutex);

    return port_id;
}

/* Life cycle. */

static int
netdev_dpdk_eth_init(void)
{
    netdev_dpdk_eth_link_init();
    return 0;
}

static struct netdev *
netdev_dpdk_eth_alloc(void)
{
    struct netdev_dpdk_eth *dev = xzalloc_cacheline(sizeof *dev);

    return &dev->up.up;
}

static int
netdev_dpdk_eth_construct(struct netdev *netdev)
{
    static const struct netdev_dpdk_eth_options defaults
        = NETDEV_DPDK_ETH_OPTIONS_INITIALIZER;
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);

    netdev_dpdk_common_construct(&dev->up, 0);
    dev->port_id = NETDEV_DPDK_ETH_NO_PORT;
    dev->options = defaults;
    dev->n_xstats = -1;
    atomic_init(&dev->rx_oversize, 0);
    return 0;
}

static void
netdev_dpdk_eth_destruct(struct netdev *netdev)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);

    ovs_mutex_lock(&netdev_dpdk_eth_mutex);
    if (netdev_dpdk_eth_has_port(dev)) {
        ovs_list_remove(&dev->list_node);
        ovs_mutex_lock(&dev->up.mutex);
        netdev_dpdk_eth_stop(dev);
        netdev_dpdk_eth_clear_xstats(dev);
        ovs_mutex_unlock(&dev->up.mutex);
        netdev_dpdk_eth_release(dev);
    }
    ovs_mutex_unlock(&netdev_dpdk_eth_mutex);

    free_cacheline(dev->txqs);
    free(dev->devargs);
    free(dev->complaint);
    netdev_dpdk_common_destruct(&dev->up);
}

static void
netdev_dpdk_eth_dealloc(struct netdev *netdev)
{
    free_cacheline(netdev_dpdk_eth_cast(netdev));
}

/* Configuration. */

/* Returns what of 'options' the device can not do, for the caller to free, or
 * NULL. */
static char *
check_options(const struct netdev_dpdk_eth_options *options,
              const struct rte_eth_dev_info *info)
{
    if (options->lsc_interrupt == NETDEV_DPDK_ETH_TRUE
        && !(*info->dev_flags & RTE_ETH_DEV_INTR_LSC)) {
        return xasprintf("options:dpdk-lsc-interrupt=true: driver %s has no "
                         "link state interrupts; remove the option",
                         info->driver_name);
    }
    return NULL;
}

static void
set_options(struct netdev_dpdk_eth *dev,
            const struct netdev_dpdk_eth_options *options)
    OVS_REQUIRES(dev->up.mutex)
{
    const struct netdev_dpdk_eth_options *old = &dev->options;

    if (options->n_rxq != old->n_rxq
        || options->n_rxq_desc != old->n_rxq_desc
        || options->n_txq_desc != old->n_txq_desc
        || options->lsc_interrupt != old->lsc_interrupt) {
        netdev_request_reconfigure(&dev->up.up);
    }

    bool flow_ctrl = (options->rx_flow_ctrl != old->rx_flow_ctrl
                      || options->tx_flow_ctrl != old->tx_flow_ctrl
                      || options->flow_ctrl_autoneg
                         != old->flow_ctrl_autoneg);

    dev->options = *options;
    dev->up.requested_n_rxq = options->n_rxq;
    if (flow_ctrl && dev->started) {
        netdev_dpdk_eth_apply_flow_ctrl(dev);
    }
}

/* Gives 'dev', which has none, the device that 'devargs' names. */
static int
set_device(struct netdev_dpdk_eth *dev, const char *devargs,
           const struct netdev_dpdk_eth_options *options, char **errorp)
    OVS_REQUIRES(netdev_dpdk_eth_mutex)
    OVS_REQUIRES(dev->up.mutex)
{
    struct rte_eth_dev_info info;
    struct rte_ether_addr mac;
    uint16_t port_id;
    bool attached;
    int error;

    error = netdev_dpdk_eth_attach(dev, devargs, &port_id, &attached, errorp);
    if (error) {
        return error;
    }

    dev->port_id = port_id;
    dev->attached = attached;
    free(dev->devargs);
    dev->devargs = xstrdup(devargs);
    error = -rte_eth_dev_info_get(port_id, &info);
    if (error) {
        *errorp = xasprintf("device '%s' does not describe itself (%s)",
                            devargs, ovs_strerror(error));
    } else {
        *errorp = check_options(options, &info);
        error = *errorp ? EINVAL : 0;
    }
    if (error) {
        netdev_dpdk_eth_release(dev);
        free(dev->devargs);
        dev->devargs = NULL;
        return error;
    }

    if (!dev->mac_set && !rte_eth_macaddr_get(port_id, &mac)) {
        memcpy(dev->up.hwaddr.ea, mac.addr_bytes, ETH_ADDR_LEN);
    }
    dev->up.requested_socket_id = MAX(rte_eth_dev_socket_id(port_id), 0);
    dev->up.max_mtu = netdev_dpdk_eth_max_mtu(info.max_mtu,
                                              info.max_rx_pktlen);
    if (dev->up.requested_mtu > dev->up.max_mtu) {
        VLOG_WARN("%s: device '%s' takes an MTU of at most %d",
                  netdev_dpdk_eth_name(dev), devargs, dev->up.max_mtu);
        dev->up.requested_mtu = dev->up.max_mtu;
    }
    dev->once = attached && netdev_dpdk_eth_is_once(&info);
    dev->up.mempool_alone = dev->once;

    ovs_list_push_back(&netdev_dpdk_eth_list, &dev->list_node);
    netdev_change_seq_changed(&dev->up.up);
    netdev_request_reconfigure(&dev->up.up);
    return 0;
}

static int
set_config__(struct netdev_dpdk_eth *dev, const struct smap *args,
             char **errorp)
    OVS_REQUIRES(netdev_dpdk_eth_mutex)
    OVS_REQUIRES(dev->up.mutex)
{
    struct netdev_dpdk_eth_options options = dev->options;
    const char *devargs = smap_get_def(args, "dpdk-devargs", "");
    char *complaint;

    if (!devargs[0]) {
        *errorp = xasprintf("options:dpdk-devargs is missing; it names the "
                            "device, such as 0000:01:00.0, "
                            "class=eth,mac=MAC or net_tap0");
        return EINVAL;
    }
    if (dev->devargs && strcmp(devargs, dev->devargs)) {
        *errorp = xasprintf("options:dpdk-devargs changed from '%s' to '%s', "
                            "which takes a new port", dev->devargs, devargs);
        return EAGAIN;
    }

    complaint = netdev_dpdk_eth_parse_options(args, &options);
    if (!netdev_dpdk_eth_has_port(dev)) {
        int error;

        if (complaint) {
            *errorp = complaint;
            return EINVAL;
        }
        error = set_device(dev, devargs, &options, errorp);
        if (error) {
            return error;
        }
    } else if (!complaint) {
        struct rte_eth_dev_info info;

        if (!rte_eth_dev_info_get(dev->port_id, &info)) {
            complaint = check_options(&options, &info);
            if (complaint) {
                options.lsc_interrupt = dev->options.lsc_interrupt;
            }
        }
    }

    if (complaint && !nullable_string_is_equal(complaint, dev->complaint)) {
        VLOG_WARN("%s: %s; the old value stays", netdev_dpdk_eth_name(dev),
                  complaint);
    }
    free(dev->complaint);
    dev->complaint = complaint;

    set_options(dev, &options);
    return 0;
}

static int
netdev_dpdk_eth_set_config(struct netdev *netdev, const struct smap *args,
                           char **errp)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    char *reason = NULL;
    int error;

    ovs_mutex_lock(&netdev_dpdk_eth_mutex);
    ovs_mutex_lock(&dev->up.mutex);
    error = set_config__(dev, args, &reason);
    ovs_mutex_unlock(&dev->up.mutex);
    ovs_mutex_unlock(&netdev_dpdk_eth_mutex);

    if (error == EAGAIN) {
        VLOG_INFO("%s: %s", netdev->name, reason);
    } else if (error) {
        VLOG_WARN_BUF(errp, "%s: %s", netdev->name, reason);
    }
    free(reason);
    return error;
}

static int
netdev_dpdk_eth_get_config(const struct netdev *netdev, struct smap *args)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);

    netdev_dpdk_get_config(netdev, args);
    ovs_mutex_lock(&dev->up.mutex);
    smap_add_format(args, "requested_rxq_descriptors", "%d",
                    dev->options.n_rxq_desc);
    smap_add_format(args, "configured_rxq_descriptors", "%d",
                    dev->setup.n_rxq_desc);
    smap_add_format(args, "requested_txq_descriptors", "%d",
                    dev->options.n_txq_desc);
    smap_add_format(args, "configured_txq_descriptors", "%d",
                    dev->setup.n_txq_desc);
    smap_add(args, "rx_csum_offload", dev->rx_csum ? "true" : "false");
    smap_add(args, "tx_tso_offload", "false");
    smap_add(args, "lsc_interrupt_mode",
             dev->setup.lsc_interrupt ? "true" : "false");
    ovs_mutex_unlock(&dev->up.mutex);

    return 0;
}

static int
netdev_dpdk_eth_set_tx_multiq(struct netdev *netdev, unsigned int n_txq)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);

    ovs_mutex_lock(&dev->up.mutex);
    if (dev->up.requested_n_txq != n_txq) {
        dev->up.requested_n_txq = n_txq;
        netdev_request_reconfigure(netdev);
    }
    ovs_mutex_unlock(&dev->up.mutex);

    return 0;
}

static int
netdev_dpdk_eth_set_etheraddr(struct netdev *netdev,
                              const struct eth_addr mac)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    struct rte_ether_addr addr;
    int error = 0;

    memcpy(addr.addr_bytes, mac.ea, sizeof addr.addr_bytes);
    ovs_mutex_lock(&dev->up.mutex);
    if (!eth_addr_equals(mac, dev->up.hwaddr)) {
        if (netdev_dpdk_eth_has_port(dev)) {
            error = -rte_eth_dev_default_mac_addr_set(dev->port_id, &addr);
        }
        if (error) {
            VLOG_WARN("%s: device '%s' does not take Ethernet address "
                      ETH_ADDR_FMT" (%s)", netdev->name, dev->devargs,
                      ETH_ADDR_ARGS(mac), ovs_strerror(error));
        } else {
            dev->mac_set = true;
        }
    }
    ovs_mutex_unlock(&dev->up.mutex);

    return error ? error : netdev_dpdk_set_etheraddr(netdev, mac);
}

static int
netdev_dpdk_eth_update_flags(struct netdev *netdev, enum netdev_flags off,
                             enum netdev_flags on, enum netdev_flags *old)
{
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    int error = netdev_dpdk_update_flags(netdev, off, on, old);

    if (!error && ((*old & ~off) | on) != *old) {
        ovs_mutex_lock(&dev->up.mutex);
        netdev_dpdk_eth_apply_flags(dev);
        ovs_mutex_unlock(&dev->up.mutex);
    }
    return error;
}

static const struct netdev_class netdev_dpdk_eth_class = {
    .type = "dpdk",
    NETDEV_DPDK_CLASS_COMMON,
    .init = netdev_dpdk_eth_init,
    .run = netdev_dpdk_eth_run,
    .wait = netdev_dpdk_eth_wait,
    .alloc = netdev_dpdk_eth_alloc,
    .construct = netdev_dpdk_eth_construct,
    .destruct = netdev_dpdk_eth_destruct,
    .dealloc = netdev_dpdk_eth_dealloc,
    .get_config = netdev_dpdk_eth_get_config,
    .set_config = netdev_dpdk_eth_set_config,
    .set_tx_multiq = netdev_dpdk_eth_set_tx_multiq,
    .send = netdev_dpdk_eth_send,
    .set_etheraddr = netdev_dpdk_eth_set_etheraddr,
    .get_carrier = netdev_dpdk_eth_get_carrier,
    .get_stats = netdev_dpdk_eth_get_stats,
    .get_custom_stats = netdev_dpdk_eth_get_custom_stats,
    .get_features = netdev_dpdk_eth_get_features,
    .get_status = netdev_dpdk_eth_get_status,
    .update_flags = netdev_dpdk_eth_update_flags,
    .reconfigure = netdev_dpdk_eth_reconfigure,
    .rxq_recv = netdev_dpdk_eth_rxq_recv,
};

void
netdev_dpdk_eth_register(void)
{
    netdev_dpdk_unixctl_init();
    netdev_dpdk_register_class(&netdev_dpdk_eth_class);
}
