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


/* What Open vSwitch's library wants from the DPDK provider, for programs that
 * use the library but no datapath.  Linked before it, this keeps upstream's
 * provider, and with it all of DPDK's libraries, out. */

#include <config.h>

#include "dpdk.h"
#include "dp-packet.h"
#include "netdev-dpdk.h"
#include "util.h"

void
dpdk_init(const struct smap *config OVS_UNUSED)
{
}

void
dpdk_status(const struct ovsrec_open_vswitch *cfg OVS_UNUSED)
{
}

void
print_dpdk_version(void)
{
}

bool
dpdk_attach_thread(unsigned int cpu OVS_UNUSED)
{
    return false;
}

void
dpdk_detach_thread(void)
{
}

bool
dpdk_available(void)
{
    return false;
}

void
free_dpdk_buf(struct dp_packet *packet OVS_UNUSED)
{
    /* Nobody makes packets of that kind here. */
    OVS_NOT_REACHED();
}
