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


#include <config.h>
#include "netdev-dpdk.h"

/* Hardware offload: the way from Open vSwitch's netdev-offload-dpdk.c to
 * rte_flow on the DPDK port behind a netdev.  Only "dpdk" ports have one.
 *
 * Thread-safety: all functions are safe from any thread.  They hold the
 * port's mutex, so that it is not stopped or detached meanwhile. */

#include <errno.h>
#include <rte_flow.h>

#include "netdev-dpdk-eth-private.h"
#include "netdev-dpdk-eth.h"
#include "openvswitch/thread.h"

/* Says that 'netdev' has no rte_flow; returns 'error' as errno value. */
static int
no_flow_api__(struct rte_flow_error *error)
{
    return rte_flow_error_set(error, ENOTSUP,
                              RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
                              "port has no DPDK device");
}

/* Number of the DPDK port behind 'netdev', or -1 if there is none. */
int
netdev_dpdk_get_port_id(struct netdev *netdev)
{
    return netdev_dpdk_eth_get_port_id(netdev);
}

/* True if flows can be offloaded to 'netdev'. */
bool
netdev_dpdk_flow_api_supported(struct netdev *netdev)
{
    return netdev_dpdk_get_port_id(netdev) >= 0;
}

/* Creates a flow on the DPDK port of 'netdev'.  Returns it, or NULL with
 * '*error' filled in.  See rte_flow_create(). */
struct rte_flow *
netdev_dpdk_rte_flow_create(struct netdev *netdev,
                            const struct rte_flow_attr *attr,
                            const struct rte_flow_item *items,
                            const struct rte_flow_action *actions,
                            struct rte_flow_error *error)
{
    struct rte_flow *flow = NULL;

    if (!netdev_is_dpdk_eth(netdev)) {
        no_flow_api__(error);
        return NULL;
    }

    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    ovs_mutex_lock(&dev->up.mutex);
    if (netdev_dpdk_eth_has_port(dev)) {
        flow = rte_flow_create(dev->port_id, attr, items, actions, error);
    } else {
        no_flow_api__(error);
    }
    ovs_mutex_unlock(&dev->up.mutex);
    return flow;
}

/* Destroys 'flow' of the DPDK port of 'netdev'.  Returns 0 or a negative
 * errno value with '*error' filled in, as rte_flow_destroy() does. */
int
netdev_dpdk_rte_flow_destroy(struct netdev *netdev, struct rte_flow *flow,
                             struct rte_flow_error *error)
{
    if (!netdev_is_dpdk_eth(netdev)) {
        return no_flow_api__(error);
    }

    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    ovs_mutex_lock(&dev->up.mutex);
    int ret = (netdev_dpdk_eth_has_port(dev)
               ? rte_flow_destroy(dev->port_id, flow, error)
               : no_flow_api__(error));
    ovs_mutex_unlock(&dev->up.mutex);
    return ret;
}

/* Reads the packets and bytes that 'flow' of the DPDK port of 'netdev' has
 * seen into '*query'.  Returns 0 or a negative errno value with '*error'
 * filled in, as rte_flow_query() does. */
int
netdev_dpdk_rte_flow_query_count(struct netdev *netdev,
                                 struct rte_flow *flow,
                                 struct rte_flow_query_count *query,
                                 struct rte_flow_error *error)
{
    if (!netdev_is_dpdk_eth(netdev)) {
        return no_flow_api__(error);
    }

    const struct rte_flow_action actions[] = {
        { .type = RTE_FLOW_ACTION_TYPE_COUNT },
        { .type = RTE_FLOW_ACTION_TYPE_END },
    };
    struct netdev_dpdk_eth *dev = netdev_dpdk_eth_cast(netdev);
    ovs_mutex_lock(&dev->up.mutex);
    int ret = (netdev_dpdk_eth_has_port(dev)
               ? rte_flow_query(dev->port_id, flow, actions, query, error)
               : no_flow_api__(error));
    ovs_mutex_unlock(&dev->up.mutex);
    return ret;
}
