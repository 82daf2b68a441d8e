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

#ifndef NETDEV_DPDK_CSUM_H
#define NETDEV_DPDK_CSUM_H 1

/* Checksums of frames that leave
 * ==============================
 *
 * With other_config:userspace-tso-enable, frames come from guests and from
 * ports of the kernel whose checksums are still to be made.  A port says that
 * it takes any such frame ('ol_flags' of its netdev), since what the other
 * side cannot make is made here.
 *
 * Thread-safety: as send() of the port. */

#include "netdev-dpdk-common.h"

/* Checksums that the other side makes. */
#define NETDEV_DPDK_CSUM_TCP 0x1
#define NETDEV_DPDK_CSUM_UDP 0x2
#define NETDEV_DPDK_CSUM_SCTP 0x4

/* For the construct() of each type: says what it takes, if anything. */
void netdev_dpdk_csum_construct(struct netdev_dpdk *);

/* Prepares the frames of 'batch' whose checksums are to be made: for the other
 * side, with RTE_MBUF_F_TX_* flags and lengths of headers as DPDK wants them
 * (rte_mbuf.h), if it is one that is 'able'; otherwise makes it.  Drops and
 * counts frames that cannot be understood. */
void netdev_dpdk_csum_send__(struct netdev_dpdk *, struct dp_packet_batch *,
                             unsigned int able);

static inline void
netdev_dpdk_csum_send(struct netdev_dpdk *dev, struct dp_packet_batch *batch,
                      unsigned int able)
{
    if (OVS_UNLIKELY(dev->up.ol_flags)) {
        netdev_dpdk_csum_send__(dev, batch, able);
    }
}

#endif /* netdev-dpdk-csum.h */
