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

#ifndef NETDEV_DPDK_ETH_H
#define NETDEV_DPDK_ETH_H 1

/* Port type "dpdk": what a DPDK driver (ethdev) moves frames for, a NIC or a
 * virtual device.  For the rest of the provider; netdev_dpdk_eth_register() is
 * in netdev-dpdk-common.h.
 *
 * Thread-safety: all functions are safe from any thread. */

#include <stdbool.h>
#include <stdint.h>

struct netdev;

/* True if 'netdev' is of type "dpdk". */
bool netdev_is_dpdk_eth(const struct netdev *);

/* Returns the DPDK port number of 'netdev', or -1 if it is of another type or
 * has no device (yet). */
int netdev_dpdk_eth_get_port_id(const struct netdev *);

/* Takes the device that 'devargs' names away from DPDK, as long as no port
 * uses it.  Stores in '*reply' what was done, or why not, for the user to
 * read and the caller to free.  Returns 0 or a positive errno value. */
int netdev_dpdk_eth_detach(const char *devargs, char **reply);

#endif /* netdev-dpdk-eth.h */
