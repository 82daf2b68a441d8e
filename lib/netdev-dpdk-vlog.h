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

#ifndef NETDEV_DPDK_VLOG_H
#define NETDEV_DPDK_VLOG_H 1

/* Lets several files log as the one vlog module "netdev_dpdk".
 *
 * Operators and scripts know that name ("vlog/set netdev_dpdk:dbg"), and the
 * linker allows it to be defined once, which netdev-dpdk-common.c does.
 * Include this in the place of VLOG_DEFINE_THIS_MODULE. */

#include "openvswitch/vlog.h"

extern struct vlog_module *VLM_netdev_dpdk;

#define this_module (*VLM_netdev_dpdk)

#endif /* netdev-dpdk-vlog.h */
