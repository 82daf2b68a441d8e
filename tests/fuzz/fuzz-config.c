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

/* Fuzzer: what a user can write into the database.
 *
 * The first byte of an input picks a parser, the rest is text.  Keys and
 * values are on a line each, "KEY=VALUE".
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "fuzz.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "dpdk-eal-args.h"
#include "dpdk-mempool-config.h"
#include "dpdk-mempool.h"
#include "netdev-dpdk-common.h"
#include "netdev-dpdk-eth-config.h"
#include "netdev-dpdk-qos.h"
#include "openvswitch/dynamic-string.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "smap.h"
#include "util.h"
#include "vhost-user-socket.h"
#include "vhost-user.h"
#include "virtio-features.h"

/* What the lines of 'text' say. */
static void
parse_smap(char *text, struct smap *smap)
{
    char *save_ptr = NULL;

    smap_init(smap);
    for (char *line = strtok_r(text, "\n", &save_ptr); line;
         line = strtok_r(NULL, "\n", &save_ptr)) {
        char *value = strchr(line, '=');

        if (value) {
            *value++ = '\0';
            smap_replace(smap, line, value);
        }
    }
}

static const char *
value_of(const struct smap *smap, const char *key)
{
    return smap_get_def(smap, key, "");
}

/* Number of bits that are set in hexadecimal 'mask'. */
static unsigned int
count_bits(const char *mask)
{
    unsigned int n = 0;

    mask += mask[0] && strchr("xX", mask[1]) && mask[1] ? 2 : 0;
    for (; *mask; mask++) {
        n += __builtin_popcount(hexit_value(*mask));
    }
    return n;
}

static void
fuzz_eal_args(char *text)
{
    struct dpdk_eal_args args;
    struct smap config;
    char *error = NULL;
    const char *arg;
    int retval;
    size_t i;

    parse_smap(text, &config);
    retval = dpdk_eal_args_init(&args, "prog", 7, &config, &error);
    FUZZ_CHECK(retval == (error ? EINVAL : 0));
    if (error) {
        FUZZ_CHECK(!strncmp(error, "other_config:dpdk-", 18));
    } else {
        const char *mask = value_of(&config, "dpdk-lcore-mask");
        bool lcores = false;

        FUZZ_CHECK(args.argv.n && !strcmp(args.argv.names[0], "prog"));
        SVEC_FOR_EACH (i, arg, &args.argv) {
            const char *next = i + 1 < args.argv.n ? args.argv.names[i + 1]
                               : "";

            if (!strcmp(arg, "--huge-dir")) {
                /* A directory may be called anything. */
                i++;
                continue;
            }
            FUZZ_CHECK(strcmp(arg, "--") && strcmp(arg, "--help")
                       && strncmp(arg, "-h", 2));
            if (!value_of(&config, "dpdk-extra")[0]
                && !strcmp(arg, "--lcores")) {
                unsigned int n = 1;

                for (const char *p = next; *p; p++) {
                    n += *p == ',';
                }
                FUZZ_CHECK_EQ(n, mask[0] ? count_bits(mask) : 1);
                FUZZ_CHECK(!lcores);
                lcores = true;
            }
        }
        FUZZ_CHECK(lcores || value_of(&config, "dpdk-extra")[0]);
        FUZZ_CHECK(!args.auto_lcore
                   || !strcmp(args.argv.names[args.argv.n - 1], "0@7"));
    }
    free(error);
    dpdk_eal_args_destroy(&args);
    smap_destroy(&config);
}

static void
fuzz_mempool_users(char *text)
{
    struct dpdk_mempool_user *users, *again;
    size_t n, n_again;
    char *error = dpdk_mempool_parse_users(text, &users, &n);
    struct ds ds = DS_EMPTY_INITIALIZER;

    FUZZ_CHECK(!error || (!users && !n));
    for (size_t i = 0; i < n; i++) {
        const struct dpdk_mempool_user *u = &users[i];
        const struct dpdk_mempool_user *best
            = dpdk_mempool_pick_user(users, n, u->mtu, u->socket_id);

        FUZZ_CHECK(u->mtu >= NETDEV_DPDK_MIN_MTU
                   && u->mtu <= NETDEV_DPDK_MAX_MTU);
        FUZZ_CHECK(u->socket_id >= DPDK_MEMPOOL_ANY_SOCKET
                   && u->socket_id < RTE_MAX_NUMA_NODES);
        FUZZ_CHECK(best && dpdk_mempool_room(best->mtu)
                           >= dpdk_mempool_room(u->mtu));
        FUZZ_CHECK(best->mtu <= u->mtu);
        ds_put_format(&ds, "%d", u->mtu);
        if (u->socket_id != DPDK_MEMPOOL_ANY_SOCKET) {
            ds_put_format(&ds, ":%d", u->socket_id);
        }
        ds_put_char(&ds, ',');
    }

    /* The same, said again. */
    FUZZ_CHECK(!dpdk_mempool_parse_users(ds_cstr(&ds), &again, &n_again));
    FUZZ_CHECK_EQ(n_again, n);
    FUZZ_CHECK(!n || !memcmp(again, users, n * sizeof *users));
    ds_destroy(&ds);
    free(again);
    free(users);
    free(error);
}

static void
fuzz_eth_options(char *text)
{
    struct netdev_dpdk_eth_options o = NETDEV_DPDK_ETH_OPTIONS_INITIALIZER;
    struct smap options;
    char *error;

    parse_smap(text, &options);
    error = netdev_dpdk_eth_parse_options(&options, &o);
    FUZZ_CHECK(!error || !strncmp(error, "options:", 8));
    FUZZ_CHECK(o.n_rxq >= 1 && o.n_rxq <= NETDEV_DPDK_ETH_MAX_N_RXQ);
    FUZZ_CHECK(o.n_rxq_desc >= 1 && IS_POW2(o.n_rxq_desc)
               && o.n_rxq_desc <= NETDEV_DPDK_ETH_MAX_N_DESC);
    FUZZ_CHECK(o.n_txq_desc >= 1 && IS_POW2(o.n_txq_desc)
               && o.n_txq_desc <= NETDEV_DPDK_ETH_MAX_N_DESC);
    FUZZ_CHECK(error || !smap_get(&options, "n_rxq")
               || o.n_rxq == atoi(smap_get(&options, "n_rxq")));
    free(error);
    smap_destroy(&options);
}

static void
fuzz_mac(char *text)
{
    struct eth_addr mac = eth_addr_broadcast;

    if (!netdev_dpdk_eth_parse_mac(text, &mac)) {
        FUZZ_CHECK(eth_addr_is_broadcast(mac));
    } else if (!eth_addr_is_zero(mac)) {
        unsigned int n_digits = 0;

        for (const char *p = strrchr(text, '=') + 1; *p; p++) {
            n_digits += isxdigit((unsigned char) *p) != 0;
        }
        FUZZ_CHECK(n_digits >= 6 && n_digits <= 12);
    }
    netdev_dpdk_eth_wants_xstat(text);
}

/* Numbers of a device's instead of text. */
static void
fuzz_limits(struct fuzz_input *in)
{
    const uint16_t wanted = fuzz_u16(in);
    const struct rte_eth_desc_lim lim = {
        .nb_max = fuzz_u16(in),
        .nb_min = fuzz_u16(in),
        .nb_align = fuzz_u16(in),
    };
    const unsigned int max = lim.nb_max ? lim.nb_max : UINT16_MAX;
    const unsigned int align = MAX(lim.nb_align, 1);
    const unsigned int n = netdev_dpdk_eth_clamp_desc(wanted, &lim);
    const uint16_t max_mtu = fuzz_u16(in);
    const uint32_t max_len = fuzz_u32(in);
    const unsigned int need = fuzz_u32(in) % (1 << 30);
    unsigned int size = dpdk_mempool_first_size(need, need & 1);

    FUZZ_CHECK(n >= 1 && n <= max && (!(n % align) || max < align));
    FUZZ_CHECK(netdev_dpdk_eth_max_mtu(max_mtu, max_len)
               <= MIN(max_mtu, NETDEV_DPDK_MAX_MTU));
    for (int i = 0; size; i++) {
        const unsigned int next = dpdk_mempool_next_size(size, need);

        FUZZ_CHECK(size >= need && next < size && i < 40);
        size = next;
    }
}

static void
fuzz_qos(char *text)
{
    struct netdev_dpdk *dev = xzalloc(sizeof *dev);
    struct smap details, got;
    const char *type;
    int error;

    parse_smap(text, &details);
    ovs_mutex_init(&dev->mutex);
    dev->up.name = xstrdup("port");
    dev->mtu = 1500;
    netdev_dpdk_qos_construct(dev);
    error = netdev_dpdk_set_qos(&dev->up, "egress-policer", &details);
    smap_init(&got);
    FUZZ_CHECK(!netdev_dpdk_get_qos(&dev->up, &type, &got));
    FUZZ_CHECK(!error == !strcmp(type, "egress-policer"));
    if (!error) {
        FUZZ_CHECK(smap_get_ullong(&got, "cir", 0)
                   == smap_get_ullong(&details, "cir", 0));
        FUZZ_CHECK(smap_get_ullong(&got, "cbs", 0)
                   == smap_get_ullong(&details, "cbs", 0));
    }
    smap_destroy(&got);
    smap_destroy(&details);
    netdev_dpdk_qos_destruct(dev);
    ovs_mutex_destroy(&dev->mutex);
    free(CONST_CAST(char *, dev->up.name));
    free(dev);
    ovsrcu_quiesce();
}

static void
fuzz_path(char *text)
{
    char *error = NULL;
    char *name = vhost_user_path_canonicalize(text);
    const int retval = vhost_user_path_check(text, &error);

    FUZZ_CHECK(!retval == (strlen(text) >= 1
                           && strlen(text) <= VHOST_USER_MAX_PATH));
    FUZZ_CHECK(!retval == !error);
    FUZZ_CHECK(name && strchr(name, '/'));
    free(error);
    free(name);
}

static void
fuzz_features(struct fuzz_input *in)
{
    const uint64_t mask = fuzz_u64(in);
    struct ds ds = DS_EMPTY_INITIALIZER;
    unsigned int n = mask != 0;

    virtio_features_format(mask, &ds);
    for (size_t i = 0; i < ds.length; i++) {
        n += ds.string[i] == ' ';
    }
    FUZZ_CHECK(!mask || n == __builtin_popcountll(mask));
    ds_clear(&ds);
    vhost_protocol_features_format(mask, &ds);
    ds_destroy(&ds);
}

int
LLVMFuzzerInitialize(int *argc OVS_UNUSED, char ***argv OVS_UNUSED)
{
    fuzz_quiet();
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parsers[])(char *) = {
        fuzz_eal_args, fuzz_mempool_users, fuzz_eth_options, fuzz_mac,
        fuzz_qos, fuzz_path,
    };
    struct fuzz_input in = { data, size };
    const uint8_t which = fuzz_u8(&in) % (ARRAY_SIZE(parsers) + 2);
    char *text;

    if (which >= ARRAY_SIZE(parsers)) {
        (which > ARRAY_SIZE(parsers) ? fuzz_limits : fuzz_features)(&in);
        return 0;
    }
    text = xmemdup0((const char *) in.data, in.left);
    parsers[which](text);
    free(text);
    return 0;
}
