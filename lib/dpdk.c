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

/* The seam: what Open vSwitch calls to get DPDK going, to give its threads an
 * lcore and to show what it runs on.
 *
 * EAL is initialised once in the life of the process, from other_config as it
 * is then.  Afterwards our port types are registered; without it they do not
 * exist.
 *
 * Thread-safety: dpdk_init() and dpdk_status() are for the main thread, the
 * others for any. */

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <rte_version.h>
#include <stdlib.h>

#include "dpdk-eal-args.h"
#include "dpdk-log.h"
#include "netdev-dpdk.h"
#include "netdev-offload-provider.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-numa.h"
#include "smap.h"
#include "unixctl.h"
#include "util.h"
#include "vring-version.h"
#include "vswitch-idl.h"

VLOG_DEFINE_THIS_MODULE(dpdk);

/* EAL is up and our port types are registered. */
static atomic_bool dpdk_initialized = ATOMIC_VAR_INIT(false);

/* True if the kernel has a free hugepage of any size. */
static bool
have_free_hugepages(void)
{
    static const char dir_name[] = "/sys/kernel/mm/hugepages";
    DIR *dir = opendir(dir_name);
    bool found = false;

    if (!dir) {
        return false;
    }
    for (struct dirent *de; !found && (de = readdir(dir)) != NULL; ) {
        char *name = xasprintf("%s/%s/free_hugepages", dir_name, de->d_name);
        FILE *stream = fopen(name, "r");
        unsigned long int n;

        if (stream) {
            found = fscanf(stream, "%lu", &n) == 1 && n > 0;
            fclose(stream);
        }
        free(name);
    }
    closedir(dir);
    return found;
}

/* What to do about an rte_eal_init() with 'args' that failed with 'error'. */
static const char *
remedy(const struct dpdk_eal_args *args, int error)
{
    if (error == EINVAL) {
        return "Check other_config:dpdk-extra and dpdk-lcore-mask; EAL's "
               "arguments are in the log above.";
    } else if (args->no_huge) {
        return "Less memory may do: -m in other_config:dpdk-extra.";
    } else if (!have_free_hugepages()) {
        return "There are no free hugepages.  Reserve some (\"echo 1024 "
               ">/proc/sys/vm/nr_hugepages\"), or add --no-huge to "
               "other_config:dpdk-extra for a first try without them.";
    } else if (error == ENOMEM) {
        return "Reserve more hugepages, or ask for less in "
               "other_config:dpdk-socket-mem or dpdk-alloc-mem.";
    } else {
        return "Are hugepages mounted (\"mount -t hugetlbfs nodev "
               "/dev/hugepages\"), and may this process use them?";
    }
}

/* Logs why rte_eal_init() failed with 'error' and what to do about it. */
static void
explain_failure(const struct dpdk_eal_args *args, int error)
{
    char *text = dpdk_log_last_errors();

    VLOG_EMER("Unable to initialize DPDK: %s (%s)", ovs_strerror(error),
              text[0] ? text : "see the messages of EAL above");
    VLOG_EMER("%s", remedy(args, error));
    free(text);
}

/* The lowest CPU in 'affinity', which may be NULL. */
static unsigned int
lowest_cpu(const struct ovs_numa_dump *affinity)
{
    const struct ovs_numa_info_core *core;
    unsigned int cpu = UINT_MAX;

    if (affinity) {
        FOR_EACH_CORE_ON_DUMP (core, affinity) {
            cpu = MIN(cpu, core->core_id);
        }
    }
    if (cpu == UINT_MAX) {
        VLOG_ERR("Thread getaffinity failed. Using core #0");
        cpu = 0;
    }
    return cpu;
}

/* Starts EAL with 'args'. */
static bool
start_eal(const struct dpdk_eal_args *args)
{
    char *joined = svec_join(&args->argv, " ", ".");
    VLOG_INFO("EAL ARGS: %s", joined);
    free(joined);

    /* rte_eal_init() uses getopt(), as main() did, and shuffles the array. */
    char **argv = xmemdup(args->argv.names,
                          (args->argv.n + 1) * sizeof *args->argv.names);
    optind = 1;
    int result = rte_eal_init(args->argv.n, argv);
    free(argv);
    if (result < 0) {
        explain_failure(args, rte_errno);
        return false;
    }

    /* Threads of ours can register with EAL only if no other process shares
     * its memory (see rte_thread_register()). */
    if (!rte_mp_disable()) {
        VLOG_EMER("Could not disable multiprocess, DPDK won't be available.");
        rte_eal_cleanup();
        return false;
    }
    return true;
}

static void
dump_malloc_stats(FILE *stream)
{
    rte_malloc_dump_stats(stream, NULL);
}

static void
register_commands(void)
{
    dpdk_log_register();
    unixctl_command_register("dpdk/lcore-list", "", 0, 0, dpdk_unixctl_dump,
                             rte_lcore_dump);
    unixctl_command_register("dpdk/get-malloc-stats", "", 0, 0,
                             dpdk_unixctl_dump, dump_malloc_stats);
    unixctl_command_register("dpdk/get-memzone-stats", "", 0, 0,
                             dpdk_unixctl_dump, rte_memzone_dump);
}

static bool
dpdk_init__(const struct smap *ovs_other_config)
{
    struct ovs_numa_dump *affinity = ovs_numa_thread_getaffinity_dump();
    struct dpdk_eal_args args;
    char *error;
    bool ok = false;

    if (dpdk_eal_args_init(&args, ovs_get_program_name(),
                           lowest_cpu(affinity), ovs_other_config, &error)) {
        VLOG_EMER("Unable to initialize DPDK: %s", error);
        free(error);
        rte_errno = EINVAL;
        goto out;
    }

    const char *warning;
    size_t i;
    SVEC_FOR_EACH (i, warning, &args.warnings) {
        VLOG_WARN("%s", warning);
    }

    dpdk_log_open(&this_module);
    ok = start_eal(&args);
    if (args.auto_lcore && affinity) {
        /* EAL has tied this thread, and with it those that it is going to
         * start, to the main lcore.  Nobody asked for that. */
        ovs_numa_thread_setaffinity_dump(affinity);
    }
    if (ok) {
        register_commands();

        /* The main thread moves frames only under the lock for threads that
         * are not PMDs; it is one of them. */
        RTE_PER_LCORE(_lcore_id) = NON_PMD_CORE_ID;

        netdev_dpdk_register(ovs_other_config);
        netdev_register_flow_api_provider(&netdev_offload_dpdk);
    }

out:
    dpdk_eal_args_destroy(&args);
    ovs_numa_dump_destroy(affinity);
    return ok;
}

/* Starts DPDK if 'ovs_other_config', which may be NULL, says so: "dpdk-init"
 * is "true" (the process aborts on failure) or "try" (it goes on without).
 * Called again and again; what counts is the first time that is not
 * "false". */
void
dpdk_init(const struct smap *ovs_other_config)
{
    static bool tried = false;

    if (!ovs_other_config || dpdk_available()) {
        return;
    }

    const char *value = smap_get_def(ovs_other_config, "dpdk-init", "false");
    bool try_only = !strcasecmp(value, "try");
    if (!try_only && strcasecmp(value, "true")) {
        if (strcasecmp(value, "false")) {
            VLOG_WARN_ONCE("other_config:dpdk-init: \"%s\" is none of true, "
                           "false and try", value);
        }
        VLOG_INFO_ONCE("DPDK Disabled - Use other_config:dpdk-init to enable");
        return;
    }
    if (tried) {
        VLOG_ERR_ONCE("DPDK Initialization Failed.");
        return;
    }
    tried = true;

    VLOG_INFO("Using %s", rte_version());
    VLOG_INFO("DPDK Enabled - initializing...");
    if (dpdk_init__(ovs_other_config)) {
        VLOG_INFO("DPDK Enabled - initialized");
        atomic_store_relaxed(&dpdk_initialized, true);
    } else if (try_only) {
        VLOG_WARN("Going on without DPDK, as other_config:dpdk-init=try says; "
                  "the next try is after a restart.");
    } else {
        ovs_abort(rte_errno, "Cannot init EAL");
    }
}

/* True if DPDK is up. */
bool
dpdk_available(void)
{
    bool initialized;

    atomic_read_relaxed(&dpdk_initialized, &initialized);
    return initialized;
}

/* Gives the calling thread, which is to poll on 'cpu', an lcore of its own,
 * and with it a cache of every mempool.  Returns false if it has none: no DPDK
 * or no lcore left. */
bool
dpdk_attach_thread(unsigned int cpu)
{
    /* NON_PMD_CORE_ID is reserved for threads that are no PMDs. */
    ovs_assert(cpu != NON_PMD_CORE_ID);

    if (!dpdk_available()) {
        return false;
    }
    if (rte_thread_register() < 0) {
        VLOG_WARN("DPDK max threads count has been reached. "
                  "PMD thread performance may be impacted.");
        return false;
    }
    VLOG_INFO("PMD thread uses DPDK lcore %u.", rte_lcore_id());
    return true;
}

/* Undoes a dpdk_attach_thread() that returned true. */
void
dpdk_detach_thread(void)
{
    unsigned int lcore_id = rte_lcore_id();

    rte_thread_unregister();
    VLOG_INFO("PMD thread released DPDK lcore %u.", lcore_id);
}

/* Prints what "ovs-vswitchd --version" has to say besides Open vSwitch's own
 * version. */
void
print_dpdk_version(void)
{
    printf("ovs-vring %s\n%s\n", VRING_VERSION, rte_version());
}

/* Puts what runs here into the database. */
void
dpdk_status(const struct ovsrec_open_vswitch *cfg)
{
    if (cfg) {
        ovsrec_open_vswitch_set_dpdk_initialized(cfg, dpdk_available());
        ovsrec_open_vswitch_set_dpdk_version(cfg, rte_version());
    }
}
