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
#include "netdev-dpdk.h"

/* What ties our port types to Open vSwitch: their registration, and the way
 * home for a packet buffer of ours that ends somewhere else.
 *
 * Thread-safety: netdev_dpdk_register() is for the main thread, once;
 * free_dpdk_buf() for any. */

#include <rte_mbuf.h>

#include "dp-packet.h"
#include "dpdk-mempool.h"
#include "netdev-dpdk-common.h"

/* Registers the port types of this provider.  DPDK is up. */
void
netdev_dpdk_register(const struct smap *ovs_other_config)
{
    dpdk_mempool_init(ovs_other_config);
    netdev_dpdk_eth_register();
    netdev_vhost_register(ovs_other_config);
}

/* Frees 'packet', all of its segments, to the mempools they came from. */
void
free_dpdk_buf(struct dp_packet *packet)
{
    rte_pktmbuf_free(&packet->mbuf);
}
