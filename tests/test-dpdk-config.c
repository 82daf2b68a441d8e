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

/* Tests, by tables, what is pure about packet buffers and about port type
 * "dpdk": dpdk-mempool-config and netdev-dpdk-eth-config. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_config.h>
#include <rte_ethdev.h>

#include "dpdk-mempool-config.h"
#include "dpdk-mempool.h"
#include "netdev-dpdk-common.h"
#include "netdev-dpdk-eth-config.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "smap.h"
#include "util.h"

static int n_failed;

static void
fail(const char *format, ...)
    OVS_PRINTF_FORMAT(1, 2);

static void
fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    n_failed++;
}

static void
check_string(const char *what, const char *is, const char *expected)
{
    if (!nullable_string_is_equal(is, expected)) {
        fail("%s: is \"%s\", expected \"%s\"", what, is ? is : "(null)",
             expected ? expected : "(null)");
    }
}

/* Packet buffers. */

static void
test_room(void)
{
    static const struct {
        int mtu;
        uint32_t room;          /* Without headroom. */
    } cases[] = {
        { NETDEV_DPDK_MIN_MTU, 2048 },
        { 1500, 2048 },
        { 2022, 2048 },         /* + 14 + 8 + 4 = 2048. */
        { 2023, 3072 },
        { 9000, 9216 },
        { 9190, 9216 },
        { 9191, 10240 },
        { NETDEV_DPDK_MAX_MTU, 10240 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t room = dpdk_mempool_room(cases[i].mtu);

        if (room != cases[i].room + RTE_PKTMBUF_HEADROOM) {
            fail("room for MTU %d: %"PRIu32, cases[i].mtu, room);
        }
    }

    /* What the arithmetic is for. */
    for (int mtu = NETDEV_DPDK_MIN_MTU; mtu <= NETDEV_DPDK_MAX_MTU; mtu++) {
        uint32_t room = dpdk_mempool_room(mtu) - RTE_PKTMBUF_HEADROOM;

        if (room < NETDEV_DPDK_FRAME_LEN(mtu) + RTE_ETHER_CRC_LEN
            || room % 1024) {
            fail("room for MTU %d: %"PRIu32, mtu, room);
        }
    }
}

static void
test_sizes(void)
{
    static const struct {
        unsigned int need;
        bool shared;
        unsigned int first;
        unsigned int next[5];   /* All later tries, up to 0. */
    } cases[] = {
        { 1, true, 32768, { 16384, 8192, 4096, 0 } },
        { 4096, true, 32768, { 16384, 8192, 4096, 0 } },
        { 4097, true, 32768, { 16384, 8192, 5120, 0 } },
        { 20000, true, 32768, { 20480, 0 } },
        { 32768, true, 32768, { 0 } },
        { 32769, true, 33792, { 0 } },
        { 1, false, 4096, { 0 } },
        { 4096, false, 4096, { 0 } },
        { 40000, false, 40960, { 0 } },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned int need = cases[i].need;
        unsigned int size = dpdk_mempool_first_size(need, cases[i].shared);

        if (size != cases[i].first) {
            fail("first size for %u: %u", need, size);
        }
        for (size_t j = 0; size; j++) {
            size = dpdk_mempool_next_size(size, need);
            if (size != cases[i].next[j]) {
                fail("size %"PRIuSIZE" for %u: %u, expected %u", j, need,
                     size, cases[i].next[j]);
                break;
            }
        }
    }
}

static char *
users_to_string(const struct dpdk_mempool_user *users, size_t n)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < n; i++) {
        ds_put_format(&s, "%s%d@%d", i ? " " : "", users[i].mtu,
                      users[i].socket_id);
    }
    return ds_steal_cstr(&s);
}

static void
test_parse_users(void)
{
    static const struct {
        const char *config;
        const char *users;      /* "MTU@SOCKET", or... */
        const char *error;      /* ...what is quoted in the error. */
    } cases[] = {
        { "1500", "1500@-1", NULL },
        { "8000,6000,1500", "8000@-1 6000@-1 1500@-1", NULL },
        { "9000:0,1500:1", "9000@0 1500@1", NULL },
        { "9000, 1500:1", "9000@-1 1500@1", NULL },
        { "68,9702", "68@-1 9702@-1", NULL },
        { "", "", NULL },
        { "67", "", "\"67\"" },
        { "9703", "", "\"9703\"" },
        { "1500,abc", "", "\"abc\"" },
        { "1500,12x", "", "\"12x\"" },
        { "-1500", "", "\"-1500\"" },
        { "99999999999", "", "\"99999999999\"" },
        { "1500:", "", "\"\"" },
        { "1500:x", "", "\"x\"" },
        { "1500:-1", "", "\"-1\"" },
        { "1500:32", "", "\"32\"" },
        { ":1", "", "\"\"" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct dpdk_mempool_user *users;
        size_t n;
        char *error = dpdk_mempool_parse_users(cases[i].config, &users, &n);
        char *s = users_to_string(users, n);

        check_string(cases[i].config, s, cases[i].users);
        if (!error != !cases[i].error
            || (error && !strstr(error, cases[i].error))) {
            fail("%s: error \"%s\"", cases[i].config, error ? error : "");
        }
        free(s);
        free(error);
        free(users);
    }
}

static void
test_pick_user(void)
{
    static const struct dpdk_mempool_user users[] = {
        { 8000, DPDK_MEMPOOL_ANY_SOCKET },
        { 1500, 1 },
        { 6000, DPDK_MEMPOOL_ANY_SOCKET },
        { 1500, 0 },
        { 3000, 0 },
    };
    static const struct {
        int mtu, socket_id;
        int picked;             /* Index or -1. */
    } cases[] = {
        { 1500, 0, 3 },
        { 1500, 1, 1 },
        { 1500, 2, 2 },
        { 68, 0, 3 },
        { 1600, 0, 3 },         /* The same size of buffer. */
        { 2500, 0, 4 },
        { 2500, 1, 2 },
        { 7000, 0, 0 },
        { 8001, 0, 0 },
        { 9000, 0, -1 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct dpdk_mempool_user *user;
        int picked;

        user = dpdk_mempool_pick_user(users, ARRAY_SIZE(users), cases[i].mtu,
                                      cases[i].socket_id);
        picked = user ? user - users : -1;
        if (picked != cases[i].picked) {
            fail("pool for MTU %d on node %d: %d, expected %d", cases[i].mtu,
                 cases[i].socket_id, picked, cases[i].picked);
        }
    }
}

/* Port type "dpdk". */

static char *
options_to_string(const struct netdev_dpdk_eth_options *options)
{
    return xasprintf("%d %d %d %d%d%d%d", options->n_rxq,
                     options->n_rxq_desc, options->n_txq_desc,
                     options->lsc_interrupt, options->rx_flow_ctrl,
                     options->tx_flow_ctrl, options->flow_ctrl_autoneg);
}

static void
test_options(void)
{
    static const struct {
        const char *config;     /* "KEY=VALUE,KEY=VALUE". */
        const char *options;    /* As options_to_string(), from odd ones. */
        const char *error;      /* Its beginning, or NULL. */
    } cases[] = {
        { "", "1 2048 2048 0000", NULL },
        { "dpdk-devargs=whatever", "1 2048 2048 0000", NULL },
        { "n_rxq=4,n_rxq_desc=64,n_txq_desc=32768", "4 64 32768 0000", NULL },
        { "n_rxq=1024,n_rxq_desc=1", "1024 1 2048 0000", NULL },
        { "dpdk-lsc-interrupt=true,rx-flow-ctrl=true,tx-flow-ctrl=FALSE,"
          "flow-ctrl-autoneg=true", "1 2048 2048 2212", NULL },

        /* What is wrong stays as it was. */
        { "n_rxq=0", "7 2048 2048 0000", "options:n_rxq=0 " },
        { "n_rxq=-1", "7 2048 2048 0000", "options:n_rxq=-1 " },
        { "n_rxq=1025", "7 2048 2048 0000", "options:n_rxq=1025 " },
        { "n_rxq=99999999999", "7 2048 2048 0000",
          "options:n_rxq=99999999999 " },
        { "n_rxq=4x", "7 2048 2048 0000", "options:n_rxq=4x " },
        { "n_rxq_desc=0", "1 8 2048 0000", "options:n_rxq_desc=0 " },
        { "n_rxq_desc=100", "1 8 2048 0000", "options:n_rxq_desc=100 " },
        { "n_rxq_desc=65536", "1 8 2048 0000", "options:n_rxq_desc=65536 " },
        { "n_txq_desc=-64", "1 2048 16 0000", "options:n_txq_desc=-64 " },
        { "n_txq_desc=2.5", "1 2048 16 0000", "options:n_txq_desc=2.5 " },
        { "rx-flow-ctrl=maybe", "1 2048 2048 0100",
          "options:rx-flow-ctrl=maybe " },
        { "n_rxq=0,n_txq_desc=3,tx-flow-ctrl=true", "7 2048 16 0020",
          "options:n_rxq=0 " },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct netdev_dpdk_eth_options options = {
            .n_rxq = 7, .n_rxq_desc = 8, .n_txq_desc = 16,
            .rx_flow_ctrl = NETDEV_DPDK_ETH_FALSE,
        };
        struct smap args = SMAP_INITIALIZER(&args);
        char *copy = xstrdup(cases[i].config);
        char *save_ptr = NULL;

        for (char *kv = strtok_r(copy, ",", &save_ptr); kv;
             kv = strtok_r(NULL, ",", &save_ptr)) {
            size_t key_len = strcspn(kv, "=");

            smap_add_nocopy(&args, xmemdup0(kv, key_len),
                            xstrdup(kv + key_len + 1));
        }
        free(copy);

        char *error = netdev_dpdk_eth_parse_options(&args, &options);
        char *s = options_to_string(&options);

        check_string(cases[i].config, s, cases[i].options);
        if (!error != !cases[i].error
            || (error && strncmp(error, cases[i].error,
                                 strlen(cases[i].error)))) {
            fail("%s: error \"%s\"", cases[i].config, error ? error : "");
        }
        free(s);
        free(error);
        smap_destroy(&args);
    }
}

static void
test_clamp_desc(void)
{
    static const struct {
        unsigned int wanted;
        struct rte_eth_desc_lim lim;
        uint16_t n;
    } cases[] = {
        /* Limits as a driver that has none says them. */
        { 2048, { .nb_max = 65535, .nb_min = 0, .nb_align = 1 }, 2048 },
        { 2048, { .nb_max = 0 }, 2048 },
        { 32768, { .nb_max = 65535, .nb_align = 1 }, 32768 },
        /* As those of NICs. */
        { 2048, { .nb_max = 4096, .nb_min = 32, .nb_align = 8 }, 2048 },
        { 8192, { .nb_max = 4096, .nb_min = 32, .nb_align = 8 }, 4096 },
        { 1, { .nb_max = 4096, .nb_min = 32, .nb_align = 8 }, 32 },
        { 2048, { .nb_max = 256, .nb_min = 256, .nb_align = 1 }, 256 },
        /* Steps. */
        { 64, { .nb_max = 1000, .nb_min = 10, .nb_align = 48 }, 96 },
        { 2048, { .nb_max = 1000, .nb_min = 10, .nb_align = 48 }, 960 },
        { 4, { .nb_max = 1000, .nb_min = 10, .nb_align = 48 }, 48 },
        { 4, { .nb_max = 10, .nb_min = 10, .nb_align = 48 }, 10 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint16_t n = netdev_dpdk_eth_clamp_desc(cases[i].wanted,
                                                &cases[i].lim);

        if (n != cases[i].n) {
            fail("%u descriptors clamped (case %"PRIuSIZE"): %"PRIu16", "
                 "expected %"PRIu16, cases[i].wanted, i, n, cases[i].n);
        }
    }
}

static void
test_max_mtu(void)
{
    static const struct {
        uint16_t max_mtu;
        uint32_t max_rx_pktlen;
        int mtu;
    } cases[] = {
        { UINT16_MAX, UINT32_MAX, NETDEV_DPDK_MAX_MTU },
        { UINT16_MAX, 1522, 1504 },         /* As net_tap. */
        { UINT16_MAX, 0, NETDEV_DPDK_MAX_MTU },
        { 9702, 9728, 9702 },
        { 9000, 9728, 9000 },
        { 1500, 1518, 1500 },
        { 1500, 1510, 1500 },               /* Short headers, it seems. */
        { 1500, 1500, 1482 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int mtu = netdev_dpdk_eth_max_mtu(cases[i].max_mtu,
                                          cases[i].max_rx_pktlen);

        if (mtu != cases[i].mtu) {
            fail("MTU of device with %"PRIu16" and %"PRIu32": %d",
                 cases[i].max_mtu, cases[i].max_rx_pktlen, mtu);
        }
    }
}

static void
test_mac(void)
{
    static const struct {
        const char *devargs;
        bool is_mac;
        struct eth_addr mac;
    } cases[] = {
        { "class=eth,mac=01:23:45:67:89:ab", true,
          ETH_ADDR_C(01, 23, 45, 67, 89, ab) },
        { "class=eth,mac=01:23:45:67:89:ab,x=1", true,
          ETH_ADDR_C(00, 00, 00, 00, 00, 00) },
        { "class=eth,mac=01:23:45:67:89", true,
          ETH_ADDR_C(00, 00, 00, 00, 00, 00) },
        { "class=eth,mac=01:23:45:67:89:1ab", true,
          ETH_ADDR_C(00, 00, 00, 00, 00, 00) },
        { "class=eth,mac=101:23:45:67:89:ab", true,
          ETH_ADDR_C(00, 00, 00, 00, 00, 00) },
        { "class=eth,mac=", true, ETH_ADDR_C(00, 00, 00, 00, 00, 00) },
        { "0000:01:00.0", false, ETH_ADDR_C(00, 00, 00, 00, 00, 00) },
        { "net_tap0,mac=01:23:45:67:89:ab", false,
          ETH_ADDR_C(00, 00, 00, 00, 00, 00) },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct eth_addr mac = ETH_ADDR_C(ff, ff, ff, ff, ff, ff);
        bool is_mac = netdev_dpdk_eth_parse_mac(cases[i].devargs, &mac);

        if (is_mac != cases[i].is_mac
            || (is_mac && !eth_addr_equals(mac, cases[i].mac))) {
            fail("%s: %d "ETH_ADDR_FMT, cases[i].devargs, is_mac,
                 ETH_ADDR_ARGS(mac));
        }
    }
}

static void
test_xstats(void)
{
    static const struct {
        const char *name;
        bool wanted;
    } cases[] = {
        { "rx_q0_packets", true },
        { "tx_q12_bytes", true },
        { "rx_q3_errors", true },
        { "rx_q0packets", false },
        { "rx_q0xpackets", false },
        { "rx_q_packets", false },
        { "rx_q0_packets_priv", false },
        { "rx_q0_multicast", false },
        { "rx_good_packets", false },
        { "rx_missed_errors", true },
        { "rx_errors_total", false },
        { "tx_dropped", true },
        { "mac_local_dropped", true },
        { "rx_management_packets", true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (netdev_dpdk_eth_wants_xstat(cases[i].name) != cases[i].wanted) {
            fail("statistic %s: %s", cases[i].name,
                 cases[i].wanted ? "not wanted" : "wanted");
        }
    }
}

int
main(int argc OVS_UNUSED, char *argv[])
{
    set_program_name(argv[0]);
    test_room();
    test_sizes();
    test_parse_users();
    test_pick_user();
    test_options();
    test_clamp_desc();
    test_max_mtu();
    test_mac();
    test_xstats();
    printf("%d failed\n", n_failed);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
