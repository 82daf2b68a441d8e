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

/* Options of type "dpdk"; see netdev-dpdk-eth-config.h. */

#include <config.h>

#include "netdev-dpdk-eth-config.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include <rte_config.h>
#include <rte_ethdev.h>

#include "netdev-dpdk-common.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

static void
complain(struct ds *errors, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

static void
complain(struct ds *errors, const char *format, ...)
{
    va_list args;

    if (errors->length) {
        ds_put_cstr(errors, "; ");
    }
    va_start(args, format);
    ds_put_format_valist(errors, format, args);
    va_end(args);
}

static void
parse_n_rxq(const struct smap *args, int *n, struct ds *errors)
{
    const char *s = smap_get(args, "n_rxq");
    int value;

    if (!s) {
        *n = 1;
    } else if (str_to_int(s, 10, &value)
               && value >= 1 && value <= NETDEV_DPDK_ETH_MAX_N_RXQ) {
        *n = value;
    } else {
        complain(errors, "options:n_rxq=%s is not a number of queues from "
                 "1 to %d", s, NETDEV_DPDK_ETH_MAX_N_RXQ);
    }
}

static void
parse_n_desc(const struct smap *args, const char *key, int *n,
             struct ds *errors)
{
    const char *s = smap_get(args, key);
    int value;

    if (!s) {
        *n = NETDEV_DPDK_ETH_DEFAULT_N_DESC;
    } else if (str_to_int(s, 10, &value)
               && value >= 1 && value <= NETDEV_DPDK_ETH_MAX_N_DESC
               && IS_POW2(value)) {
        *n = value;
    } else {
        complain(errors, "options:%s=%s is not a power of two from 1 to %d "
                 "(default %d)", key, s, NETDEV_DPDK_ETH_MAX_N_DESC,
                 NETDEV_DPDK_ETH_DEFAULT_N_DESC);
    }
}

static void
parse_bool(const struct smap *args, const char *key,
           enum netdev_dpdk_eth_tristate *value, struct ds *errors)
{
    const char *s = smap_get(args, key);

    if (!s) {
        *value = NETDEV_DPDK_ETH_DEFAULT;
    } else if (!strcasecmp(s, "true")) {
        *value = NETDEV_DPDK_ETH_TRUE;
    } else if (!strcasecmp(s, "false")) {
        *value = NETDEV_DPDK_ETH_FALSE;
    } else {
        complain(errors, "options:%s=%s is neither true nor false", key, s);
    }
}

char *
netdev_dpdk_eth_parse_options(const struct smap *args,
                              struct netdev_dpdk_eth_options *options)
{
    struct ds errors = DS_EMPTY_INITIALIZER;

    parse_n_rxq(args, &options->n_rxq, &errors);
    parse_n_desc(args, "n_rxq_desc", &options->n_rxq_desc, &errors);
    parse_n_desc(args, "n_txq_desc", &options->n_txq_desc, &errors);
    parse_bool(args, "dpdk-lsc-interrupt", &options->lsc_interrupt, &errors);
    parse_bool(args, "rx-flow-ctrl", &options->rx_flow_ctrl, &errors);
    parse_bool(args, "tx-flow-ctrl", &options->tx_flow_ctrl, &errors);
    parse_bool(args, "flow-ctrl-autoneg", &options->flow_ctrl_autoneg,
               &errors);

    return errors.length ? ds_steal_cstr(&errors) : NULL;
}

uint16_t
netdev_dpdk_eth_clamp_desc(unsigned int wanted,
                           const struct rte_eth_desc_lim *lim)
{
    unsigned int align = MAX(lim->nb_align, 1);
    unsigned int max = lim->nb_max ? lim->nb_max : UINT16_MAX;
    unsigned int n = MAX(wanted, MAX(lim->nb_min, 1));

    n = ROUND_UP(n, align);
    if (n > max) {
        n = max >= align ? ROUND_DOWN(max, align) : max;
    }
    return n;
}

int
netdev_dpdk_eth_max_mtu(uint16_t max_mtu, uint32_t max_rx_pktlen)
{
    /* As rte_eth_dev_configure() understands drivers: those that do not say
     * what their MTU is take an Ethernet header and CRC on top of it. */
    uint32_t overhead = (max_mtu != UINT16_MAX && max_rx_pktlen > max_mtu
                         ? max_rx_pktlen - max_mtu
                         : RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN);

    if (max_rx_pktlen > overhead) {
        max_mtu = MIN(max_mtu, max_rx_pktlen - overhead);
    }
    return MIN(max_mtu, NETDEV_DPDK_MAX_MTU);
}

/* ETH_ADDR_SCAN_FMT takes any number of digits: the last two count. */
#define MAC_SCAN_FMT \
    "%2"SCNx8":%2"SCNx8":%2"SCNx8":%2"SCNx8":%2"SCNx8":%2"SCNx8

bool
netdev_dpdk_eth_parse_mac(const char *devargs, struct eth_addr *mac)
{
    static const char prefix[] = "class=eth,mac=";

    if (strncmp(devargs, prefix, strlen(prefix))) {
        return false;
    }

    const char *s = devargs + strlen(prefix);
    int n = 0;

    if (!ovs_scan(s, MAC_SCAN_FMT"%n", ETH_ADDR_SCAN_ARGS(*mac), &n)
        || s[n]) {
        *mac = eth_addr_zero;
    }
    return true;
}

/* True for rx_qN_packets, tx_qN_bytes and the like. */
static bool
is_queue_stat(const char *name)
{
    static const char *const kinds[] = { "packets", "bytes", "errors" };

    if (strncmp(name, "rx_q", 4) && strncmp(name, "tx_q", 4)) {
        return false;
    }
    name += 4;
    if (!isdigit((unsigned char) *name)) {
        return false;
    }
    name += strspn(name, "0123456789");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (name[0] == '_' && !strcmp(name + 1, kinds[i])) {
            return true;
        }
    }
    return false;
}

bool
netdev_dpdk_eth_wants_xstat(const char *name)
{
    return (is_queue_stat(name)
            || string_ends_with(name, "_errors")
            || strstr(name, "_management_")
            || string_ends_with(name, "_dropped"));
}
