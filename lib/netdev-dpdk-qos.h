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

#ifndef NETDEV_DPDK_QOS_H
#define NETDEV_DPDK_QOS_H 1

/* Policing
 * ========
 *
 * What a port may receive (ingress_policing_*) and send (QoS).  Policers are
 * published through RCU; a port without any pays one predicted branch.
 *
 * Thread-safety: egress and ingress from any thread; the others as their
 * members of 'struct netdev_class'. */

#include "netdev-dpdk-common.h"

void netdev_dpdk_qos_construct(struct netdev_dpdk *);
void netdev_dpdk_qos_destruct(struct netdev_dpdk *);

/* Drop and count what is over the limit. */
void netdev_dpdk_qos_egress__(struct netdev_dpdk *, struct dp_packet_batch *);
void netdev_dpdk_qos_ingress__(struct netdev_dpdk *,
                               struct dp_packet_batch *);

static inline void
netdev_dpdk_qos_egress(struct netdev_dpdk *dev, struct dp_packet_batch *batch)
{
    if (OVS_UNLIKELY(ovsrcu_get(struct netdev_dpdk_egress *, &dev->egress))) {
        netdev_dpdk_qos_egress__(dev, batch);
    }
}

static inline void
netdev_dpdk_qos_ingress(struct netdev_dpdk *dev,
                        struct dp_packet_batch *batch)
{
    if (OVS_UNLIKELY(ovsrcu_get(struct netdev_dpdk_ingress *,
                                &dev->ingress))) {
        netdev_dpdk_qos_ingress__(dev, batch);
    }
}

#endif /* netdev-dpdk-qos.h */
