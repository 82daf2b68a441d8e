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
#include "dpdk-log.h"

/* Writes messages to EAL's log, for unit.at to see what becomes of them in
 * Open vSwitch's.
 *
 *     test-dpdk-log levels     one message for each of EAL's levels
 *     test-dpdk-log flood N    N messages at level "info", N beyond "error"
 *
 * EAL itself is not started: its log works without. */

#include <rte_log.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(test_dpdk_log);

static void
write_levels(void)
{
    for (uint32_t level = RTE_LOG_EMERG; level <= RTE_LOG_DEBUG; level++) {
        rte_log(level, RTE_LOGTYPE_USER1, "level %u\n", level);
    }
    rte_log(RTE_LOG_INFO, RTE_LOGTYPE_USER1, "two\nlines\n");
    rte_log(RTE_LOG_INFO, RTE_LOGTYPE_USER1, "%s", "\n");
    rte_log(RTE_LOG_INFO, RTE_LOGTYPE_USER1, "no end of line");

    char *errors = dpdk_log_last_errors();
    printf("last errors: %s\n", errors);
    free(errors);
}

int
main(int argc, char *argv[])
{
    set_program_name(argv[0]);
    vlog_set_pattern(VLF_CONSOLE, "%c|%p|%m");
    vlog_set_levels(NULL, VLF_SYSLOG, VLL_OFF);
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_DBG);
    rte_log_set_level(RTE_LOGTYPE_USER1, RTE_LOG_DEBUG);

    char *errors = dpdk_log_last_errors();
    ovs_assert(!errors[0]);
    free(errors);
    if (!dpdk_log_open(&this_module)) {
        return EXIT_FAILURE;
    }
    if (argc == 2 && !strcmp(argv[1], "levels")) {
        write_levels();
    } else if (argc == 3 && !strcmp(argv[1], "flood")) {
        for (int i = 0; i < atoi(argv[2]); i++) {
            rte_log(RTE_LOG_INFO, RTE_LOGTYPE_USER1, "info\n");
            rte_log(RTE_LOG_CRIT, RTE_LOGTYPE_USER1, "critical\n");
        }
    } else {
        ovs_fatal(0, "usage: %s levels | flood N", program_name);
    }
    return EXIT_SUCCESS;
}
