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


#ifndef DPDK_EAL_ARGS_H
#define DPDK_EAL_ARGS_H 1

/* From other_config to EAL arguments
 * ==================================
 *
 * Turns the "dpdk-*" keys of column other_config in table Open_vSwitch into
 * the arguments of rte_eal_init().  Pure: it looks at nothing but its
 * arguments, and what it has to say is in its results.
 *
 *     dpdk-lcore-mask      --lcores 0@CPU,1@CPU,...
 *     dpdk-hugepage-dir    --huge-dir
 *     dpdk-socket-limit    --socket-limit
 *     dpdk-socket-mem      --socket-mem } one of these two
 *     dpdk-alloc-mem       -m           }
 *     dpdk-extra           as it is; wins over the keys above
 *
 * Without dpdk-lcore-mask the main lcore goes to a CPU that the caller names.
 * "--in-memory" is added unless dpdk-extra has that or "--legacy-mem".  If
 * it has "--no-huge", which does not go with that, "--no-shconf" is added
 * instead, and "-m" gets a default.
 *
 * Thread-safety: all functions are safe from any thread. */

#include <stdbool.h>

#include "svec.h"

struct smap;

/* Memory in MB to begin with when there are no hugepages and nobody said how
 * much.  EAL's own default, 64, does not hold the packet buffers of a few
 * ports. */
#define DPDK_NO_HUGE_MB 512

struct dpdk_eal_args {
    struct svec argv;           /* The program's name and the arguments. */
    struct svec warnings;       /* For the log, a line each. */
    bool auto_lcore;            /* The main lcore is on 'main_cpu'. */
    bool no_huge;               /* Runs without hugepages. */
};

int dpdk_eal_args_init(struct dpdk_eal_args *, const char *program,
                       unsigned int main_cpu, const struct smap *other_config,
                       char **errorp);
void dpdk_eal_args_destroy(struct dpdk_eal_args *);

#endif /* dpdk-eal-args.h */
