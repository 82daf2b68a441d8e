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
#include "dpdk.h"

/* The seam: what Open vSwitch calls to get DPDK going.
 *
 * Thread-safety: dpdk_init() and dpdk_status() are for the main thread, the
 * others for any. */

#include <stdio.h>

#include <rte_version.h>

#include "util.h"
#include "vring-version.h"
#include "vswitch-idl.h"

void
dpdk_init(const struct smap *ovs_other_config OVS_UNUSED)
{
}

bool
dpdk_available(void)
{
    return false;
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

void
print_dpdk_version(void)
{
    printf("ovs-vring %s\n%s\n", VRING_VERSION, rte_version());
}

void
dpdk_status(const struct ovsrec_open_vswitch *cfg)
{
    if (cfg) {
        ovsrec_open_vswitch_set_dpdk_initialized(cfg, dpdk_available());
        ovsrec_open_vswitch_set_dpdk_version(cfg, rte_version());
    }
}
