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

#ifndef NETDEV_DPDK_ETH_CONFIG_H
#define NETDEV_DPDK_ETH_CONFIG_H 1

/* What the options column of an Interface of type "dpdk" says.
 *
 * Pure: no EAL, no logging.
 *
 * Thread-safety: functions touch nothing but their arguments. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct rte_eth_desc_lim;
struct smap;

#define NETDEV_DPDK_ETH_DEFAULT_N_DESC 2048
#define NETDEV_DPDK_ETH_MAX_N_DESC 32768
#define NETDEV_DPDK_ETH_MAX_N_RXQ 1024      /* RTE_MAX_QUEUES_PER_PORT. */

/* For options that have a default of the device's own. */
enum netdev_dpdk_eth_tristate {
    NETDEV_DPDK_ETH_DEFAULT,
    NETDEV_DPDK_ETH_FALSE,
    NETDEV_DPDK_ETH_TRUE,
};

struct netdev_dpdk_eth_options {
    int n_rxq;
    int n_rxq_desc;
    int n_txq_desc;
    enum netdev_dpdk_eth_tristate lsc_interrupt;
    enum netdev_dpdk_eth_tristate rx_flow_ctrl;
    enum netdev_dpdk_eth_tristate tx_flow_ctrl;
    enum netdev_dpdk_eth_tristate flow_ctrl_autoneg;
};

#define NETDEV_DPDK_ETH_OPTIONS_INITIALIZER                         \
    { .n_rxq = 1, .n_rxq_desc = NETDEV_DPDK_ETH_DEFAULT_N_DESC,     \
      .n_txq_desc = NETDEV_DPDK_ETH_DEFAULT_N_DESC }

/* Reads all options but dpdk-devargs from 'args'.  An option that is wrong
 * leaves its member of 'options' alone.  Returns NULL, or else what is wrong
 * and how to do better, one "; " between two, which the caller frees. */
char *netdev_dpdk_eth_parse_options(const struct smap *args,
                                    struct netdev_dpdk_eth_options *options);

/* Returns the number of descriptors nearest to 'wanted' of those that a
 * device with limits 'lim' allows. */
uint16_t netdev_dpdk_eth_clamp_desc(unsigned int wanted,
                                    const struct rte_eth_desc_lim *lim);

/* Returns the largest MTU of a device that says 'max_mtu' and 'max_rx_pktlen'
 * (in 'struct rte_eth_dev_info'), at most NETDEV_DPDK_MAX_MTU. */
int netdev_dpdk_eth_max_mtu(uint16_t max_mtu, uint32_t max_rx_pktlen);

/* If 'devargs' is "class=eth,mac=MAC", returns true and stores MAC in '*mac',
 * or Ethernet address zero if it is malformed. */
bool netdev_dpdk_eth_parse_mac(const char *devargs, struct eth_addr *mac);

/* True for the extended statistics that users want to see, of the hundreds
 * that some drivers have. */
bool netdev_dpdk_eth_wants_xstat(const char *name);

#endif /* netdev-dpdk-eth-config.h */
