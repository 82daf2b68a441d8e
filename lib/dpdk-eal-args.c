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
#include "dpdk-eal-args.h"

/* See dpdk-eal-args.h for what this is for and its thread-safety. */

#include <ctype.h>
#include <errno.h>
#include <rte_config.h>
#include <sched.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "smap.h"
#include "util.h"

/* EAL options that mean the same to us. */
static const char *const lcore_options[] = { "-c", "-l", "--lcores", NULL };
static const char *const memory_options[] = { "-m", "--socket-mem", NULL };
static const char *const in_memory_options[] = { "--in-memory",
                                                 "--legacy-mem", NULL };
static const char *const no_huge_options[] = { "--no-huge", NULL };
static const char *const no_shconf_options[] = { "--no-shconf", NULL };
static const char *const huge_dir_options[] = { "--huge-dir", NULL };
static const char *const limit_options[] = { "--socket-limit", NULL };

/* Options that would end the switch, or make EAL overlook what follows. */
static const char *const bad_options[] = { "-h", "--help", "--", NULL };

/* True if 'arg' is 'option', alone or with a value attached. */
static bool
arg_is__(const char *arg, const char *option)
{
    size_t len = strlen(option);
    bool is_long = option[1] == '-';

    return (!strncmp(arg, option, len)
            && (!is_long || !arg[len] || arg[len] == '='));
}

/* The first of 'options' that is in 'args', or NULL. */
static const char *
find_option__(const struct svec *args, const char *const options[])
{
    const char *arg;
    size_t i;

    SVEC_FOR_EACH (i, arg, args) {
        for (const char *const *option = options; *option; option++) {
            if (arg_is__(arg, *option)) {
                return *option;
            }
        }
    }
    return NULL;
}

/* The value of 'key', or NULL if there is none or it is empty. */
static const char *
get_value__(const struct smap *other_config, const char *key)
{
    const char *value = smap_get(other_config, key);

    return value && value[0] ? value : NULL;
}

/* Like get_value__() for a 'key' that the user's own options, out of
 * 'options', win over. */
static const char *
get_unless__(const struct smap *other_config, const char *key,
             const char *const options[], const struct dpdk_eal_args *args,
             struct svec *warnings)
{
    const char *value = get_value__(other_config, key);
    const char *option = find_option__(&args->argv, options);

    if (value && option) {
        svec_add_nocopy(warnings,
                        xasprintf("Ignoring database defined option '%s' "
                                  "due to dpdk-extra config: it has '%s'",
                                  key, option));
        return NULL;
    }
    return value;
}

static void
add_option__(struct svec *argv, const char *option, const char *value)
{
    svec_add(argv, option);
    svec_add(argv, value);
}

static char *
bad_value__(const char *key, const char *value, const char *remedy)
{
    return xasprintf("other_config:%s: \"%s\" %s", key, value, remedy);
}

/* Adds each CPU of hexadecimal 'mask' as an lcore, numbered from 0: EAL has
 * RTE_MAX_LCORE of those, which is less than some machines have CPUs.
 * Returns NULL or what is wrong. */
static char *
add_lcore_mask__(struct svec *argv, const char *key, const char *mask)
{
    const char *digits = mask;
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        digits += 2;
    }
    size_t n = strlen(digits);
    if (!n || strspn(digits, "0123456789abcdefABCDEF") != n) {
        return bad_value__(key, mask, "is not a CPU mask: give hexadecimal "
                           "digits, such as 0x3 for CPUs 0 and 1");
    }

    struct ds lcores = DS_EMPTY_INITIALIZER;
    unsigned int n_lcores = 0;
    char *error = NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned int nibble = hexit_value(digits[n - 1 - i]);
        for (unsigned int bit = 0; bit < 4; bit++) {
            if (!(nibble & 1u << bit)) {
                continue;
            }
            size_t cpu = i * 4 + bit;
            if (cpu >= CPU_SETSIZE) {
                error = xasprintf("other_config:%s: there is no CPU %"PRIuSIZE
                                  ": use those below %d", key, cpu,
                                  CPU_SETSIZE);
                goto out;
            }
            ds_put_format(&lcores, "%s%u@%"PRIuSIZE, n_lcores ? "," : "",
                          n_lcores, cpu);
            n_lcores++;
        }
    }
    if (!n_lcores) {
        error = bad_value__(key, mask, "has no CPU in it: set at least one "
                            "bit, or remove the key");
    } else if (n_lcores > RTE_MAX_LCORE) {
        error = xasprintf("other_config:%s: %u CPUs are too many: one is "
                          "enough, DPDK takes up to %d", key, n_lcores,
                          RTE_MAX_LCORE);
    } else {
        add_option__(argv, "--lcores", ds_cstr(&lcores));
    }

out:
    ds_destroy(&lcores);
    return error;
}

/* Parses 's' as a decimal number up to a million, which in MB is more than
 * any machine has.  Returns false if it is not one. */
static bool
parse_mb__(const char *s, size_t len, unsigned int *mb)
{
    *mb = 0;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char) s[i])) {
            return false;
        }
        *mb = *mb * 10 + (s[i] - '0');
        if (*mb > 1000 * 1000) {
            return false;
        }
    }
    return len > 0;
}

/* Checks that 'value' is a list of MB, one for each NUMA node, and adds them
 * up in '*total'. */
static bool
parse_mb_list__(const char *value, unsigned int *total)
{
    unsigned int n = 0;

    *total = 0;
    for (const char *s = value; ; ) {
        size_t len = strcspn(s, ",");
        unsigned int mb;

        if (!parse_mb__(s, len, &mb) || ++n > RTE_MAX_NUMA_NODES) {
            return false;
        }
        *total += mb;
        if (!s[len]) {
            return true;
        }
        s += len + 1;
    }
}

/* Adds how much memory to begin with.  Returns NULL or what is wrong. */
static char *
add_memory__(struct dpdk_eal_args *args, const struct smap *other_config)
{
    const char *socket_mem = get_unless__(other_config, "dpdk-socket-mem",
                                          memory_options, args,
                                          &args->warnings);
    const char *alloc_mem = get_unless__(other_config, "dpdk-alloc-mem",
                                         memory_options, args,
                                         &args->warnings);
    unsigned int mb = 0;

    if (socket_mem && alloc_mem) {
        svec_add(&args->warnings, "Multiple defined options for memory type: "
                 "using dpdk-socket-mem, ignoring dpdk-alloc-mem");
        alloc_mem = NULL;
    }
    if (socket_mem && !parse_mb_list__(socket_mem, &mb)) {
        return bad_value__("dpdk-socket-mem", socket_mem, "is not a list of "
                           "MB for each NUMA node, such as 1024 or 1024,0");
    }
    if (alloc_mem && (!parse_mb__(alloc_mem, strlen(alloc_mem), &mb)
                      || !mb)) {
        return bad_value__("dpdk-alloc-mem", alloc_mem,
                           "is not a number of MB, such as 1024");
    }

    if (args->no_huge) {
        /* EAL refuses --socket-mem here. */
        if (!find_option__(&args->argv, memory_options)) {
            svec_add(&args->argv, "-m");
            svec_add_nocopy(&args->argv,
                            xasprintf("%u", mb ? mb : DPDK_NO_HUGE_MB));
        }
    } else if (socket_mem) {
        add_option__(&args->argv, "--socket-mem", socket_mem);
    } else if (alloc_mem) {
        add_option__(&args->argv, "-m", alloc_mem);
    }
    return NULL;
}

static char *
build__(struct dpdk_eal_args *args, unsigned int main_cpu,
        const struct smap *other_config)
{
    const char *extra = get_value__(other_config, "dpdk-extra");
    if (extra) {
        svec_parse_words(&args->argv, extra);
        const char *bad = find_option__(&args->argv, bad_options);
        if (bad) {
            return xasprintf("other_config:dpdk-extra: \"%s\" cannot be used "
                             "in a switch: remove it", bad);
        }
    }
    args->no_huge = find_option__(&args->argv, no_huge_options) != NULL;
    bool in_memory = find_option__(&args->argv, in_memory_options) != NULL;
    bool lcores = find_option__(&args->argv, lcore_options) != NULL;

    const char *mask = get_unless__(other_config, "dpdk-lcore-mask",
                                    lcore_options, args, &args->warnings);
    if (mask) {
        char *error = add_lcore_mask__(&args->argv, "dpdk-lcore-mask", mask);
        if (error) {
            return error;
        }
    }

    const char *dir = get_unless__(other_config, "dpdk-hugepage-dir",
                                   huge_dir_options, args, &args->warnings);
    if (dir) {
        add_option__(&args->argv, "--huge-dir", dir);
    }

    const char *limit = get_unless__(other_config, "dpdk-socket-limit",
                                     limit_options, args, &args->warnings);
    if (limit) {
        unsigned int total;

        if (!parse_mb_list__(limit, &total)) {
            return bad_value__("dpdk-socket-limit", limit, "is not a list of "
                               "MB for each NUMA node, such as 2048 or "
                               "2048,0");
        }
        add_option__(&args->argv, "--socket-limit", limit);
    }

    char *error = add_memory__(args, other_config);
    if (error) {
        return error;
    }

    if (args->no_huge) {
        /* EAL refuses --in-memory here.  This keeps it as well from looking
         * for other processes and from being found by them. */
        if (!find_option__(&args->argv, no_shconf_options)) {
            svec_add(&args->argv, "--no-shconf");
        }
    } else if (!in_memory) {
        svec_add(&args->argv, "--in-memory");
    }
    if (!mask && !lcores) {
        args->auto_lcore = true;
        svec_add(&args->argv, "--lcores");
        svec_add_nocopy(&args->argv, xasprintf("0@%u", main_cpu));
    }
    return NULL;
}

/* Fills 'args' in from 'other_config'.  'program' becomes argument 0.  The
 * main lcore goes to 'main_cpu' unless the user says something else.
 *
 * Returns 0, or EINVAL with '*errorp' set to a malloc'd text that names the
 * key and the remedy; 'args' is to be destroyed in both cases. */
int
dpdk_eal_args_init(struct dpdk_eal_args *args, const char *program,
                   unsigned int main_cpu, const struct smap *other_config,
                   char **errorp)
{
    *args = (struct dpdk_eal_args) {
        .argv = SVEC_EMPTY_INITIALIZER,
        .warnings = SVEC_EMPTY_INITIALIZER,
    };
    svec_add(&args->argv, program);
    *errorp = build__(args, main_cpu, other_config);
    svec_terminate(&args->argv);
    return *errorp ? EINVAL : 0;
}

/* Frees what is in 'args'. */
void
dpdk_eal_args_destroy(struct dpdk_eal_args *args)
{
    if (args) {
        svec_destroy(&args->argv);
        svec_destroy(&args->warnings);
    }
}
