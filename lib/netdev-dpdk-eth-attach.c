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

/* From options:dpdk-devargs to a DPDK port, and back.
 *
 * A device is either in DPDK from its start (dpdk-extra, PCI scan), and then
 * stays in it, or we attach it for the first port that asks for it and detach
 * it when the last one leaves.  One device may have several DPDK ports,
 * "siblings", which come and go together.
 *
 * Thread-safety: netdev_dpdk_eth_mutex keeps others from attaching and
 * detaching. */

#include <config.h>

#include "netdev-dpdk-eth.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_devargs.h>

#include "netdev-dpdk-eth-private.h"
#include "netdev-dpdk-vlog.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

static struct netdev_dpdk_eth *
find_user(uint16_t port_id)
    OVS_REQUIRES(netdev_dpdk_eth_mutex)
{
    struct netdev_dpdk_eth *dev;

    LIST_FOR_EACH (dev, list_node, &netdev_dpdk_eth_list) {
        if (dev->port_id == port_id) {
            return dev;
        }
    }
    return NULL;
}

static uint16_t
find_port_by_mac(const struct eth_addr *mac)
{
    uint16_t port_id;

    RTE_ETH_FOREACH_DEV (port_id) {
        struct rte_ether_addr addr;

        if (!rte_eth_macaddr_get(port_id, &addr)
            && !memcmp(addr.addr_bytes, mac->ea, ETH_ADDR_LEN)) {
            return port_id;
        }
    }
    return NETDEV_DPDK_ETH_NO_PORT;
}

static uint16_t
find_port(const char *devargs)
{
    struct rte_dev_iterator iterator;
    uint16_t port_id;

    if (rte_eth_iterator_init(&iterator, devargs)) {
        return NETDEV_DPDK_ETH_NO_PORT;
    }
    port_id = rte_eth_iterator_next(&iterator);
    if (port_id != NETDEV_DPDK_ETH_NO_PORT) {
        rte_eth_iterator_cleanup(&iterator);
    }
    return port_id;
}

/* Brings the device that 'devargs' names into DPDK, see
 * netdev_dpdk_eth_attach(). */
static int
probe(const char *port, const char *devargs, uint16_t *port_id,
      char **errorp)
{
    struct rte_devargs parsed;
    bool active;
    int error;

    memset(&parsed, 0, sizeof parsed);
    error = rte_devargs_parse(&parsed, devargs);
    free(parsed.data);          /* As rte_devargs_reset(), not yet stable. */
    if (error) {
        *errorp = xasprintf(
            "options:dpdk-devargs=%s names no device that DPDK knows; write "
            "a PCI address (0000:01:00.0), class=eth,mac=MAC, or a virtual "
            "device with its number and parameters (net_tap0,iface=t0)",
            devargs);
        return EINVAL;
    }

    active = netdev_dpdk_eth_begin_slow();
    error = -rte_dev_probe(devargs);
    netdev_dpdk_eth_end_slow(active);
    if (error) {
        /* Many drivers say -1 for any failure, which is no EPERM. */
        error = error == 1 ? ENODEV : error;
        *errorp = xasprintf("Error attaching device '%s' to DPDK (%s); check "
                            "that it exists, is bound to a driver for DPDK, "
                            "and that its parameters are right (the log "
                            "says more)", devargs, ovs_strerror(error));
        return error;
    }

    *port_id = find_port(devargs);
    if (*port_id == NETDEV_DPDK_ETH_NO_PORT) {
        rte_eal_hotplug_remove(rte_bus_name(parsed.bus), parsed.name);
        *errorp = xasprintf("device '%s' is no Ethernet device; "
                            "options:dpdk-devargs must name one", devargs);
        return ENODEV;
    }
    VLOG_INFO("%s: Device '%s' attached to DPDK", port, devargs);
    return 0;
}

int
netdev_dpdk_eth_attach(const struct netdev_dpdk_eth *dev,
                       const char *devargs, uint16_t *port_id,
                       bool *attached, char **errorp)
{
    const struct netdev_dpdk_eth *user;
    struct eth_addr mac;

    *attached = false;
    if (netdev_dpdk_eth_parse_mac(devargs, &mac)) {
        if (eth_addr_is_zero(mac)) {
            *errorp = xasprintf("options:dpdk-devargs=%s: malformed; write "
                                "class=eth,mac=01:23:45:67:89:ab", devargs);
            return EINVAL;
        }
        *port_id = find_port_by_mac(&mac);
        if (*port_id == NETDEV_DPDK_ETH_NO_PORT) {
            *errorp = xasprintf("no device in DPDK has Ethernet address "
                                ETH_ADDR_FMT"; check dpdk-devargs, and that "
                                "the device is probed when DPDK starts",
                                ETH_ADDR_ARGS(mac));
            return ENODEV;
        }
    } else {
        *port_id = find_port(devargs);
        if (*port_id == NETDEV_DPDK_ETH_NO_PORT) {
            int error = probe(netdev_dpdk_eth_name(dev), devargs, port_id,
                              errorp);
            if (error) {
                return error;
            }
            *attached = true;
        }
    }

    user = find_user(*port_id);
    if (user) {
        *errorp = xasprintf("device '%s' is already in use by port '%s'; one "
                            "device serves one port", devargs,
                            netdev_dpdk_eth_name(user));
        return EADDRINUSE;
    }

    struct rte_eth_dev_owner owner;

    if (!*attached
        && !rte_eth_dev_owner_get(*port_id, &owner)
        && owner.id != RTE_ETH_DEV_NO_OWNER) {
        *errorp = xasprintf("device '%s' belongs to '%s' inside DPDK",
                            devargs, owner.name);
        return EBUSY;
    }
    return 0;
}

/* Removes the device of DPDK port 'port_id' and all its ports. */
static int
remove_device(uint16_t port_id)
{
    struct rte_eth_dev_info info;
    uint16_t sibling;
    bool active;
    int error;

    error = -rte_eth_dev_info_get(port_id, &info);
    if (error) {
        return error;
    }

    active = netdev_dpdk_eth_begin_slow();
    RTE_ETH_FOREACH_DEV_SIBLING (sibling, port_id) {
        if (sibling != port_id) {
            rte_eth_dev_close(sibling);
        }
    }
    rte_eth_dev_close(port_id);
    if (info.device) {
        error = -rte_dev_remove(info.device);
    }
    netdev_dpdk_eth_end_slow(active);
    return error;
}

void
netdev_dpdk_eth_release(struct netdev_dpdk_eth *dev)
{
    uint16_t port_id = dev->port_id;
    bool shared = false;
    uint16_t sibling;

    dev->port_id = NETDEV_DPDK_ETH_NO_PORT;
    if (!dev->attached) {
        return;
    }
    dev->attached = false;

    RTE_ETH_FOREACH_DEV_SIBLING (sibling, port_id) {
        struct netdev_dpdk_eth *user = find_user(sibling);

        if (user) {
            /* The last one to leave detaches it. */
            user->attached = true;
            shared = true;
        }
    }
    if (shared) {
        VLOG_INFO("%s: Device '%s' stays in DPDK for other ports",
                  netdev_dpdk_eth_name(dev), dev->devargs);
        return;
    }

    int error = remove_device(port_id);

    netdev_dpdk_eth_after_remove(dev);
    if (error) {
        VLOG_ERR("%s: Device '%s' can not be detached (%s)",
                 netdev_dpdk_eth_name(dev), dev->devargs,
                 ovs_strerror(error));
    } else {
        VLOG_INFO("%s: Device '%s' detached from DPDK",
                  netdev_dpdk_eth_name(dev), dev->devargs);
    }
}

int
netdev_dpdk_eth_reattach(struct netdev_dpdk_eth *dev)
{
    const char *name = netdev_dpdk_eth_name(dev);
    uint16_t port_id = dev->port_id;
    char *reason = NULL;
    int error;

    /* On failure nothing of it remains. */
    ovs_list_remove(&dev->list_node);
    dev->port_id = NETDEV_DPDK_ETH_NO_PORT;

    error = remove_device(port_id);
    netdev_dpdk_eth_after_remove(dev);
    if (error) {
        reason = xasprintf("Device '%s' can not be detached (%s)",
                           dev->devargs, ovs_strerror(error));
    } else {
        error = probe(name, dev->devargs, &port_id, &reason);
    }
    if (error) {
        VLOG_ERR("%s: %s", name, reason);
    } else {
        dev->port_id = port_id;
        ovs_list_push_back(&netdev_dpdk_eth_list, &dev->list_node);
    }
    free(reason);
    return error;
}

int
netdev_dpdk_eth_detach(const char *devargs, char **reply)
{
    struct ds users = DS_EMPTY_INITIALIZER;
    uint16_t port_id, sibling;
    int error = 0;

    ovs_mutex_lock(&netdev_dpdk_eth_mutex);
    port_id = find_port(devargs);
    if (port_id == NETDEV_DPDK_ETH_NO_PORT) {
        *reply = xasprintf("Device '%s' not found in DPDK", devargs);
        error = ENODEV;
        goto out;
    }

    RTE_ETH_FOREACH_DEV_SIBLING (sibling, port_id) {
        const struct netdev_dpdk_eth *user = find_user(sibling);

        if (user) {
            ds_put_format(&users, " %s", netdev_dpdk_eth_name(user));
        }
    }
    if (users.length) {
        *reply = xasprintf("Device '%s' is in use by interface%s. Remove it "
                           "before detaching", devargs, ds_cstr(&users));
        error = EBUSY;
        goto out;
    }

    error = remove_device(port_id);
    *reply = (error
              ? xasprintf("Device '%s' can not be detached (%s)", devargs,
                          ovs_strerror(error))
              : xasprintf("All devices shared with device '%s' have been "
                          "detached", devargs));
out:
    ovs_mutex_unlock(&netdev_dpdk_eth_mutex);
    ds_destroy(&users);
    return error;
}
