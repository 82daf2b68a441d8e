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

#ifndef DPDK_MEMPOOL_CONFIG_H
#define DPDK_MEMPOOL_CONFIG_H 1

/* How packet buffers are asked for: the arithmetic of their size and number,
 * and what other_config:shared-mempool-config says.
 *
 * Pure: no EAL, no logging.
 *
 * Thread-safety: functions touch nothing but their arguments. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Any NUMA node, in 'struct dpdk_mempool_user'. */
#define DPDK_MEMPOOL_ANY_SOCKET (-1)

/* Fewest buffers of a pool, when memory allows and at any rate. */
#define DPDK_MEMPOOL_GOOD_SIZE 32768u
#define DPDK_MEMPOOL_MIN_SIZE 4096u

/* A pool that the user asked for: frames of up to 'mtu' bytes. */
struct dpdk_mempool_user {
    int mtu;
    int socket_id;              /* Or DPDK_MEMPOOL_ANY_SOCKET. */
};

/* Parses 's', "MTU[:SOCKET],MTU[:SOCKET]...", into '*users' with '*n'
 * elements, which the caller frees.  Returns NULL, or else a description of
 * the first mistake, which the caller frees; then there are no elements. */
char *dpdk_mempool_parse_users(const char *s, struct dpdk_mempool_user **users,
                               size_t *n);

/* Returns the one of the 'n' elements of 'users' that has the smallest buffers
 * that take frames of 'mtu' bytes on NUMA node 'socket_id', or NULL. */
const struct dpdk_mempool_user *dpdk_mempool_pick_user(
    const struct dpdk_mempool_user *users, size_t n, int mtu, int socket_id);

/* Returns how many buffers a new pool shall have for 'need' buffers, on a
 * first try.  A pool that will not be shared gets no more than it needs. */
unsigned int dpdk_mempool_first_size(unsigned int need, bool shared);

/* Returns what to try after there was no memory for 'size' buffers, or 0 if
 * less would not serve 'need'. */
unsigned int dpdk_mempool_next_size(unsigned int size, unsigned int need);

#endif /* dpdk-mempool-config.h */
