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

/* See dpdk-log.h for what this is for and its thread-safety. */

#include <errno.h>
#include <rte_log.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "unixctl.h"
#include "util.h"

/* Messages in a minute that get through, at each level: a driver in trouble
 * says the same for every packet. */
#define MAX_PER_MINUTE 600

/* EAL's levels, by rte_log's number: their names for dpdk/log-set, and where
 * their messages go.  Those beyond an error are about to be the last words of
 * the process and are never held back. */
#define DPDK_LOG_LEVELS                                    \
    DPDK_LOG_LEVEL(EMERG, "emergency", VLL_EMER, false)    \
    DPDK_LOG_LEVEL(ALERT, "alert", VLL_EMER, false)        \
    DPDK_LOG_LEVEL(CRIT, "critical", VLL_EMER, false)      \
    DPDK_LOG_LEVEL(ERR, "error", VLL_ERR, true)            \
    DPDK_LOG_LEVEL(WARNING, "warning", VLL_WARN, true)     \
    DPDK_LOG_LEVEL(NOTICE, "notice", VLL_INFO, true)       \
    DPDK_LOG_LEVEL(INFO, "info", VLL_INFO, true)           \
    DPDK_LOG_LEVEL(DEBUG, "debug", VLL_DBG, true)

static const struct dpdk_log_level {
    const char *name;
    enum vlog_level vlog_level;
    bool limited;
} levels[] = {
#define DPDK_LOG_LEVEL(RTE, NAME, VLOG, LIMITED) \
    [RTE_LOG_##RTE] = { NAME, VLOG, LIMITED },
    DPDK_LOG_LEVELS
#undef DPDK_LOG_LEVEL
};

static struct vlog_rate_limit limits[] = {
#define DPDK_LOG_LEVEL(RTE, NAME, VLOG, LIMITED) \
    [RTE_LOG_##RTE] = VLOG_RATE_LIMIT_INIT(MAX_PER_MINUTE, MAX_PER_MINUTE),
    DPDK_LOG_LEVELS
#undef DPDK_LOG_LEVEL
};

/* Where messages go. */
static const struct vlog_module *log_module;

/* The latest messages at level "error" or beyond, for whoever has to explain
 * why something of DPDK failed.  EAL often gives the reason in the last but
 * one. */
#define N_ERRORS 2
static struct ovs_mutex error_mutex = OVS_MUTEX_INITIALIZER;
static char *errors[N_ERRORS] OVS_GUARDED_BY(error_mutex);

static void
remember_error__(const char *text, size_t len)
{
    ovs_mutex_lock(&error_mutex);
    free(errors[0]);
    memmove(errors, errors + 1, (N_ERRORS - 1) * sizeof *errors);
    errors[N_ERRORS - 1] = xmemdup0(text, len);
    ovs_mutex_unlock(&error_mutex);
}

/* Writes one message of EAL, 'size' bytes at 'buf', to the log. */
static ssize_t
dpdk_log_write__(void *cookie OVS_UNUSED, const char *buf, size_t size)
{
    int level = rte_log_cur_msg_loglevel();
    size_t len = size;

    while (len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == '\0')) {
        len--;
    }
    if (!len) {
        return size;
    }
    if (level < RTE_LOG_EMERG || level >= ARRAY_SIZE(levels)) {
        level = RTE_LOG_INFO;
    }
    if (level <= RTE_LOG_ERR) {
        remember_error__(buf, len);
    }

    const struct dpdk_log_level *l = &levels[level];
    if (l->limited) {
        vlog_rate_limit(log_module, l->vlog_level, &limits[level], "%.*s",
                        (int) len, buf);
    } else {
        vlog(log_module, l->vlog_level, "%.*s", (int) len, buf);
    }
    return size;
}

/* Sends EAL's messages to 'module' from now on.  Call before rte_eal_init().
 * Returns false if that cannot be done. */
bool
dpdk_log_open(const struct vlog_module *module)
{
    FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t) {
        .write = dpdk_log_write__,
    });

    log_module = module;
    if (!stream) {
        vlog(module, VLL_ERR, "Can't redirect DPDK log: %s.",
             ovs_strerror(errno));
        return false;
    }
    /* One write for one message. */
    setbuf(stream, NULL);
    rte_openlog_stream(stream);
    return true;
}

/* Returns EAL's latest error messages, oldest first, or "" if there were
 * none.  The caller frees the text. */
char *
dpdk_log_last_errors(void)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    ovs_mutex_lock(&error_mutex);
    for (int i = 0; i < N_ERRORS; i++) {
        if (errors[i]) {
            ds_put_format(&text, "%s%s", text.length ? "; " : "", errors[i]);
        }
    }
    ovs_mutex_unlock(&error_mutex);
    return ds_steal_cstr(&text);
}

/* A unixctl command that answers with what function 'dump', a
 * "void (*)(FILE *)", writes. */
void
dpdk_unixctl_dump(struct unixctl_conn *conn, int argc OVS_UNUSED,
                  const char *argv[] OVS_UNUSED, void *dump)
{
    void (*callback)(FILE *) = dump;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    if (!stream) {
        unixctl_command_reply_error(conn, ovs_strerror(errno));
        return;
    }
    callback(stream);
    fclose(stream);
    unixctl_command_reply(conn, text);
    free(text);
}

/* Applies one argument of dpdk/log-set.  Returns NULL or what is wrong. */
static char *
set_level__(const char *arg)
{
    const char *colon = strchr(arg, ':');
    const char *name = colon ? colon + 1 : arg;
    int level = -1;

    for (int i = 0; i < ARRAY_SIZE(levels); i++) {
        if (levels[i].name && !strcmp(name, levels[i].name)) {
            level = i;
        }
    }
    if (level < 0) {
        return xasprintf("invalid log level: '%s'", name);
    }

    char *pattern = colon ? xmemdup0(arg, colon - arg) : xstrdup("*");
    int ret = rte_log_set_level_pattern(pattern, level);
    free(pattern);
    return ret < 0 ? xasprintf("cannot set log level for '%s'", arg) : NULL;
}

static void
dpdk_unixctl_log_set__(struct unixctl_conn *conn, int argc,
                       const char *argv[], void *aux OVS_UNUSED)
{
    if (argc == 1) {
        rte_log_set_level_pattern("*", RTE_LOG_DEBUG);
    }
    for (int i = 1; i < argc; i++) {
        char *error = set_level__(argv[i]);

        if (error) {
            unixctl_command_reply_error(conn, error);
            free(error);
            return;
        }
    }
    unixctl_command_reply(conn, NULL);
}

/* Registers dpdk/log-list and dpdk/log-set. */
void
dpdk_log_register(void)
{
    unixctl_command_register("dpdk/log-list", "", 0, 0, dpdk_unixctl_dump,
                             rte_log_dump);
    unixctl_command_register("dpdk/log-set", "{level | pattern:level}", 0,
                             INT_MAX, dpdk_unixctl_log_set__, NULL);
}
