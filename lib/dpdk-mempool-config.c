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

/* Packet buffers: arithmetic, configuration; see dpdk-mempool-config.h. */

#include <config.h>

#include "dpdk-mempool-config.h"

#include <stdlib.h>
#include <string.h>

#include <rte_config.h>
#include <rte_mbuf_core.h>

#include "dpdk-mempool.h"
#include "netdev-dpdk-common.h"
#include "openvswitch/util.h"
#include "packets.h"
#include "util.h"

/* NICs know the size of a receive buffer in steps of 1 KB; one that is not a
 * multiple is rounded down by them and then takes shorter frames. */
#define ROOM_STEP 1024

/* Smaller buffers than this (RTE_MBUF_DEFAULT_DATAROOM) save little, and some
 * drivers refuse them. */
#define ROOM_MIN 2048

/* Bytes of the frame check sequence, which some NICs leave in the buffer. */
#define FCS_LEN 4

/* Pools come in multiples of this. */
#define SIZE_STEP 1024u

uint32_t
dpdk_mempool_room(int mtu)
{
    uint32_t frame = NETDEV_DPDK_FRAME_LEN(mtu) + FCS_LEN;

    return MAX(ROUND_UP(frame, ROOM_STEP), ROOM_MIN) + RTE_PKTMBUF_HEADROOM;
}

static bool
parse_number(const char *s, int *value)
{
    return s[0] && s[strspn(s, "0123456789")] == '\0'
           && str_to_int(s, 10, value);
}

char *
dpdk_mempool_parse_users(const char *s, struct dpdk_mempool_user **usersp,
                         size_t *np)
{
    struct dpdk_mempool_user *users = NULL;
    size_t n = 0, allocated = 0;
    char *error = NULL;
    char *copy = xstrdup(s);
    char *save_ptr = NULL;

    for (char *entry = strtok_r(copy, ", ", &save_ptr); entry;
         entry = strtok_r(NULL, ", ", &save_ptr)) {
        struct dpdk_mempool_user user = { 0, DPDK_MEMPOOL_ANY_SOCKET };
        char *colon = strchr(entry, ':');

        if (colon) {
            *colon = '\0';
        }
        if (!parse_number(entry, &user.mtu)
            || user.mtu < NETDEV_DPDK_MIN_MTU
            || user.mtu > NETDEV_DPDK_MAX_MTU) {
            error = xasprintf("\"%s\" is not an MTU from %d to %d", entry,
                              NETDEV_DPDK_MIN_MTU, NETDEV_DPDK_MAX_MTU);
            break;
        }
        if (colon && (!parse_number(colon + 1, &user.socket_id)
                      || user.socket_id >= RTE_MAX_NUMA_NODES)) {
            error = xasprintf("\"%s\" is not a NUMA node from 0 to %d",
                              colon + 1, RTE_MAX_NUMA_NODES - 1);
            break;
        }
        if (n >= allocated) {
            users = x2nrealloc(users, &allocated, sizeof *users);
        }
        users[n++] = user;
    }
    free(copy);

    if (error) {
        free(users);
        users = NULL;
        n = 0;
    }
    *usersp = users;
    *np = n;
    return error;
}

const struct dpdk_mempool_user *
dpdk_mempool_pick_user(const struct dpdk_mempool_user *users, size_t n,
                       int mtu, int socket_id)
{
    const struct dpdk_mempool_user *best = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct dpdk_mempool_user *user = &users[i];

        if ((user->socket_id == DPDK_MEMPOOL_ANY_SOCKET
             || user->socket_id == socket_id)
            && dpdk_mempool_room(user->mtu) >= dpdk_mempool_room(mtu)
            && (!best || user->mtu < best->mtu)) {
            best = user;
        }
    }
    return best;
}

unsigned int
dpdk_mempool_first_size(unsigned int need, bool shared)
{
    unsigned int least = (shared
                          ? DPDK_MEMPOOL_GOOD_SIZE
                          : DPDK_MEMPOOL_MIN_SIZE);

    return ROUND_UP(MAX(need, least), SIZE_STEP);
}

unsigned int
dpdk_mempool_next_size(unsigned int size, unsigned int need)
{
    unsigned int least = dpdk_mempool_first_size(need, false);

    return size > least ? MAX(ROUND_UP(size / 2, SIZE_STEP), least) : 0;
}
