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

#ifndef NETDEV_DPDK_UNIXCTL_H
#define NETDEV_DPDK_UNIXCTL_H 1

/* ovs-appctl netdev-dpdk/...: set-admin-state, detach, get-mempool-info. */

struct netdev_class;

/* Registers the commands.  From the main thread; again does nothing. */
void netdev_dpdk_unixctl_init(void);

/* Registers 'class' with Open vSwitch and makes its ports known to the
 * commands.  From the main thread. */
void netdev_dpdk_register_class(const struct netdev_class *class);

#endif /* netdev-dpdk-unixctl.h */
