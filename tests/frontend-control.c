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


/* unixctl commands of test-frontend that deal with the connection, its rings
 * and memory. */

#include <config.h>

#include "frontend-commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "frontend-dirty.h"
#include "frontend-guest.h"
#include "openvswitch/dynamic-string.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* Size of a region that a test adds. */
#define EXTRA_REGION (16 * 1024 * 1024)

/* status */

static void
format_ring(struct ds *ds, unsigned int i, const struct fe_ring *r)
{
    ds_put_format(ds, "ring %u: %s size=%"PRIu16" slots=%"PRIu16
                  " pieces=%"PRIu16"%s busy=%d avail=%"PRIu16
                  " used=%"PRIu16" seen=%"PRIu16"%s%s\n",
                  i, r->rx ? "rx" : "tx", r->size, r->n_slots, r->n_segs,
                  r->tables ? " indirect" : "",
                  r->n_slots - r->n_free - r->n_taken, r->avail->idx,
                  r->used->idx, r->used_idx,
                  r->interrupt ? " interrupt" : "",
                  r->broken ? " BROKEN" : "");
}

static void
cmd_status(struct unixctl_conn *conn, int argc OVS_UNUSED,
           const char *argv[] OVS_UNUSED, void *g_)
{
    const struct guest *g = g_;
    const struct frontend *fe = &g->fe;
    struct ds ds = DS_EMPTY_INITIALIZER;

    ds_put_format(&ds, "socket: %s (%s)\n", fe->config.path,
                  fe->config.server ? "server" : "client");
    ds_put_format(&ds, "state: %s\n",
                  fe->started ? "started"
                  : fe->fd >= 0 ? "connected"
                  : g->offline ? "offline" : "disconnected");
    ds_put_format(&ds, "connections: %"PRIu64"\n", fe->n_connections);
    ds_put_cstr(&ds, "offered: ");
    fe_format_features(&ds, fe->offered);
    ds_put_cstr(&ds, "\nfeatures: ");
    fe_format_features(&ds, fe->features);
    ds_put_cstr(&ds, "\nprotocol offered: ");
    fe_format_protocol_features(&ds, fe->protocol_offered);
    ds_put_cstr(&ds, "\nprotocol features: ");
    fe_format_protocol_features(&ds, fe->protocol_features);
    ds_put_format(&ds, "\nqueue pairs: %u of %"PRIu64"\n",
                  fe->config.n_pairs, fe->max_queues);
    for (size_t i = 0; i < fe->mem.n; i++) {
        const struct fe_region *r = &fe->mem.regions[i];

        ds_put_format(&ds, "region %"PRIuSIZE": gpa=%#"PRIx64" uva=%#"PRIx64
                      " size=%#"PRIx64" offset=%#"PRIx64"\n",
                      i, r->gpa, r->uva, r->size, r->offset);
    }
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        format_ring(&ds, i, &fe->rings[i]);
    }
    ds_put_format(&ds, "last error: %s\n", fe->error);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

/* Rings and queues */

/* True if rings are set up; complains otherwise. */
static bool
check_started(struct unixctl_conn *conn, const struct guest *g)
{
    if (!g->fe.started) {
        unixctl_command_reply_error(conn, "not started");
    }
    return g->fe.started;
}

static void
cmd_queue_enable(struct unixctl_conn *conn, int argc OVS_UNUSED,
                 const char *argv[], void *g_)
{
    struct guest *g = g_;
    bool on = !strcmp(argv[2], "on");
    unsigned int q;
    int error;

    if (!check_started(conn, g)
        || !command_number(argv[1], g->fe.n_rings / 2 - 1, "queue", &q,
                           conn)) {
        return;
    }
    error = fe_enable_ring(&g->fe, 2 * q, on);
    if (!error) {
        error = fe_enable_ring(&g->fe, 2 * q + 1, on);
    }
    command_result(conn, g, error);
}

static void
cmd_kick_mode(struct unixctl_conn *conn, int argc OVS_UNUSED,
              const char *argv[], void *g)
{
    guest_set_interrupt(g, !strcmp(argv[1], "interrupt"));
    unixctl_command_reply(conn, NULL);
}

/* Has transmit queue 0 polled for many bursts, then asks for interrupts
 * without a look at the ring.  True if one comes within a second. */
static bool
doze_off(struct guest *g)
{
    enum { N_BURSTS = 2000 };
    static const uint8_t frame[60] = { 2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, 98 };
    const long long int deadline = time_msec() + 10000;
    struct fe_ring *r = &g->fe.rings[1];
    struct pollfd pfd = { .fd = r->callfd, .events = POLLIN };

    fe_ring_set_interrupt(r, false);
    fe_ring_clear_call(r);
    for (int i = 0; i < N_BURSTS; i++) {
        if (!fe_tx(r, frame, sizeof frame)) {
            return false;
        }
        fe_publish(r);
        while (fe_ring_used_idx(r) != r->published) {
            if (r->broken || time_msec() > deadline) {
                return false;
            }
            sched_yield();
        }
        if (i < N_BURSTS - 1) {
            fe_tx_reclaim(r);
        } else {
            fe_ring_set_interrupt(r, true);
        }
    }

    const bool woken = poll(&pfd, 1, 1000) == 1;

    fe_ring_set_interrupt(r, false);
    fe_ring_clear_call(r);
    fe_tx_reclaim(r);
    return woken;
}

static void
cmd_doze(struct unixctl_conn *conn, int argc OVS_UNUSED, const char *argv[],
         void *g_)
{
    struct guest *g = g_;
    unsigned int n, n_woken = 0;

    if (!check_started(conn, g)
        || !command_number(argv[1], 1000, "times", &n, conn)) {
        return;
    }
    for (unsigned int i = 0; i < n; i++) {
        n_woken += doze_off(g);
    }

    char *reply = xasprintf("woken=%u", n_woken);

    unixctl_command_reply(conn, reply);
    free(reply);
}

static void
cmd_stop_rings(struct unixctl_conn *conn, int argc OVS_UNUSED,
               const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;

    if (check_started(conn, g)) {
        command_result(conn, g, fe_stop_rings(&g->fe));
    }
}

static void
cmd_start_rings(struct unixctl_conn *conn, int argc OVS_UNUSED,
                const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;

    command_result(conn, g, fe_start_rings(&g->fe));
}

static void
cmd_reset_rings(struct unixctl_conn *conn, int argc OVS_UNUSED,
                const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;

    command_result(conn, g, fe_reset_rings(&g->fe));
}

/* Connection */

static void
cmd_disconnect(struct unixctl_conn *conn, int argc OVS_UNUSED,
               const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;

    g->offline = true;
    fe_disconnect(&g->fe);
    fe_unlisten(&g->fe);
    unixctl_command_reply(conn, NULL);
}

static void
cmd_reconnect(struct unixctl_conn *conn, int argc OVS_UNUSED,
              const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;
    int error = 0;

    fe_disconnect(&g->fe);
    g->offline = false;
    g->next_try = time_msec();
    if (g->fe.config.server && g->fe.listen_fd < 0) {
        error = fe_listen(&g->fe);
    }
    command_result(conn, g, error);
}

/* Memory */

/* Moves everything elsewhere, with rings stopped meanwhile. */
static int
move_memory(struct frontend *fe)
{
    int error = fe_stop_rings(fe);

    if (error) {
        return error;
    }
    fe_memory_move(&fe->mem);
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        fe_ring_rewrite(&fe->rings[i], &fe->mem);
    }
    error = fe_set_mem_table(fe);
    return error ? error : fe_start_rings(fe);
}

/* Takes the memory away from under the back end, which finds out when it
 * touches it.  So would we: rings are never looked at again. */
static int
shrink_memory(struct frontend *fe)
{
    for (size_t i = 0; i < fe->mem.n; i++) {
        if (ftruncate(fe->mem.regions[i].fd, 0)) {
            return errno;
        }
    }
    fe->n_rings = 0;
    return 0;
}

/* As VMMs do it that mean well. */
static int
seal_memory(struct frontend *fe)
{
    for (size_t i = 0; i < fe->mem.n; i++) {
        if (fcntl(fe->mem.regions[i].fd, F_ADD_SEALS,
                  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
            return errno;
        }
    }
    return fe_set_mem_table(fe);
}

static void
cmd_mem_change(struct unixctl_conn *conn, int argc, const char *argv[],
               void *g_)
{
    struct guest *g = g_;
    struct fe_memory *mem = &g->fe.mem;
    const char *how = argv[1];
    unsigned int region = 0;
    bool ok = true;

    if (!check_started(conn, g)
        || (argc > 2 && !command_number(argv[2], FE_MAX_REGIONS, "region",
                                        &region, conn))) {
        return;
    }
    if (!strcmp(how, "move")) {
        command_result(conn, g, move_memory(&g->fe));
        return;
    } else if (!strcmp(how, "shrink")) {
        command_result(conn, g, shrink_memory(&g->fe));
        return;
    } else if (!strcmp(how, "seal")) {
        command_result(conn, g, seal_memory(&g->fe));
        return;
    } else if (!strcmp(how, "add")) {
        ok = fe_memory_add(mem, EXTRA_REGION);
    } else if (!strcmp(how, "remove")) {
        ok = fe_memory_remove(mem);
    } else if (!strcmp(how, "split")) {
        ok = fe_memory_split(mem, region);
    } else if (strcmp(how, "resend")) {
        ok = false;
    }
    if (ok) {
        command_result(conn, g, fe_set_mem_table(&g->fe));
    } else {
        unixctl_command_reply_error(conn, "cannot change memory like that");
    }
}

/* Dirty log */

static void
cmd_log_start(struct unixctl_conn *conn, int argc, const char *argv[],
              void *g_)
{
    struct guest *g = g_;
    bool used = argc > 1 && !strcmp(argv[1], "used");

    if (g->dirty) {
        unixctl_command_reply_error(conn, "the log is on already");
    } else if (check_started(conn, g)) {
        command_result(conn, g, fe_dirty_start(&g->fe, used, &g->dirty));
    }
}

static void
cmd_log_check(struct unixctl_conn *conn, int argc OVS_UNUSED,
              const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (!g->dirty) {
        unixctl_command_reply_error(conn, "the log is off");
        return;
    }
    for (unsigned int i = 1; i < g->fe.n_rings; i += 2) {
        fe_tx_reclaim(&g->fe.rings[i]);
    }
    if (fe_dirty_check(g->dirty, &ds)) {
        unixctl_command_reply(conn, ds_cstr(&ds));
    } else {
        unixctl_command_reply_error(conn, ds_cstr(&ds));
    }
    ds_destroy(&ds);
}

static void
cmd_log_stop(struct unixctl_conn *conn, int argc OVS_UNUSED,
             const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;
    struct fe_dirty *d = g->dirty;

    g->dirty = NULL;
    command_result(conn, g, fe_dirty_stop(d));
}

/* Single messages */

static void
cmd_rarp(struct unixctl_conn *conn, int argc OVS_UNUSED,
         const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;
    uint64_t value = 0;

    memcpy(&value, &g->mac, sizeof g->mac);
    command_result(conn, g, fe_set_u64(&g->fe, FE_SEND_RARP, value));
}

static void
cmd_set_mtu(struct unixctl_conn *conn, int argc OVS_UNUSED,
            const char *argv[], void *g_)
{
    struct guest *g = g_;
    unsigned int mtu;

    if (command_number(argv[1], UINT32_MAX, "MTU", &mtu, conn)) {
        command_result(conn, g, fe_set_u64(&g->fe, FE_NET_SET_MTU, mtu));
    }
}

/* Reads answers until 'n_probes' to GET_FEATURES came, and appends all but the
 * latest. */
static void
read_answers(struct frontend *fe, int n_probes, struct ds *ds)
{
    for (;;) {
        struct fe_msg msg;
        int error = fe_recv(fe, &msg, NULL);

        if (error) {
            ds_put_cstr(ds, (error == ETIMEDOUT ? "no answer\n"
                             : "disconnected\n"));
            fe_disconnect(fe);
            return;
        }
        if (msg.request == FE_GET_FEATURES && !--n_probes) {
            ds_put_cstr(ds, "connected\n");
            return;
        }
        ds_put_format(ds, "reply %"PRIu32" flags=%#"PRIx32" size=%"PRIu32
                      " ", msg.request, msg.flags, msg.size);
        for (size_t i = 0; i < msg.size; i++) {
            ds_put_format(ds, "%02"PRIx8, msg.bytes[i]);
        }
        ds_put_char(ds, '\n');
    }
}

/* Sends a message as it is told, then a GET_FEATURES, whose answer says that
 * the back end has dealt with the first and still talks to us. */
static void
cmd_raw(struct unixctl_conn *conn, int argc, const char *argv[], void *g_)
{
    struct guest *g = g_;
    struct frontend *fe = &g->fe;
    struct fe_msg probe = { .request = FE_GET_FEATURES, .flags = FE_VERSION };
    struct fe_msg msg = { .request = 0 };
    struct ds ds = DS_EMPTY_INITIALIZER;
    int request = fe_request_from_string(argv[1]);
    unsigned int n_fds = 0, flags;
    int fds[FE_MAX_FDS];

    if (request < 0 || !str_to_uint(argv[2], 0, &flags)) {
        unixctl_command_reply_error(conn, "bad request or flags");
        return;
    }
    msg.request = request;
    msg.flags = flags;
    for (int i = 3; i < argc; i++) {
        const char *s = argv[i];

        if (!strncmp(s, "fds=", 4)) {
            if (!command_number(s + 4, FE_MAX_FDS, "number", &n_fds, conn)) {
                return;
            }
        } else {
            for (; *s && msg.size < FE_MAX_PAYLOAD; s += 2) {
                bool ok;

                msg.bytes[msg.size++] = hexits_value(s, 2, &ok);
                if (!ok) {
                    unixctl_command_reply_error(conn, "bad payload");
                    return;
                }
            }
        }
    }
    for (unsigned int i = 0; i < n_fds; i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    if (fe_send(fe, &msg, fds, n_fds) || fe_send(fe, &probe, NULL, 0)) {
        ds_put_cstr(&ds, "disconnected\n");
        fe_disconnect(fe);
    } else {
        read_answers(fe, 1 + (request == FE_GET_FEATURES), &ds);
    }
    for (unsigned int i = 0; i < n_fds; i++) {
        close(fds[i]);
    }
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

void
frontend_control_init(struct guest *g)
{
    unixctl_command_register("status", "", 0, 0, cmd_status, g);
    unixctl_command_register("queue-enable", "QUEUE {on | off}", 2, 2,
                             cmd_queue_enable, g);
    unixctl_command_register("kick-mode", "{poll | interrupt}", 1, 1,
                             cmd_kick_mode, g);
    unixctl_command_register("doze", "TIMES", 1, 1, cmd_doze, g);
    unixctl_command_register("stop-rings", "", 0, 0, cmd_stop_rings, g);
    unixctl_command_register("start-rings", "", 0, 0, cmd_start_rings, g);
    unixctl_command_register("reset-rings", "", 0, 0, cmd_reset_rings, g);
    unixctl_command_register("disconnect", "", 0, 0, cmd_disconnect, g);
    unixctl_command_register("reconnect", "", 0, 0, cmd_reconnect, g);
    unixctl_command_register("mem-change", "{add | remove | split [REGION] | "
                             "move | resend | seal | shrink}",
                             1, 2, cmd_mem_change, g);
    unixctl_command_register("log-start", "[used]", 0, 1, cmd_log_start, g);
    unixctl_command_register("log-check", "", 0, 0, cmd_log_check, g);
    unixctl_command_register("log-stop", "", 0, 0, cmd_log_stop, g);
    unixctl_command_register("rarp", "", 0, 0, cmd_rarp, g);
    unixctl_command_register("set-mtu", "MTU", 1, 1, cmd_set_mtu, g);
    unixctl_command_register("raw", "REQUEST FLAGS [HEX]... [fds=N]", 2,
                             INT_MAX, cmd_raw, g);
}
