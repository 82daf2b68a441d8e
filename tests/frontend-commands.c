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


/* unixctl commands of test-frontend that deal with frames. */

#include <config.h>

#include "frontend-commands.h"

#include <ctype.h>
#include <stdlib.h>

#include "dp-packet.h"
#include "flow.h"
#include "frontend-guest.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-errors.h"
#include "openvswitch/poll-loop.h"
#include "packets.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

#define DEFAULT_TIMEOUT 5000

/* Bytes of payload in a frame that is made from a flow. */
#define DEFAULT_PAYLOAD 64

/* Where streams go unless they are told: nobody there. */
#define DEFAULT_DST ETH_ADDR_C(02,00,5e,00,53,01)
#define DEFAULT_WINDOW 64

int
command_option(int *argcp, const char ***argvp, const char *letters,
               const char **value, struct unixctl_conn *conn)
{
    const char *s = *argcp > 1 ? (*argvp)[1] : "";

    if (s[0] != '-' || !s[1] || s[2]) {
        return 0;
    }
    if (!strchr(letters, s[1]) || *argcp < 3) {
        char *error = xasprintf("bad option \"%s\"", s);

        unixctl_command_reply_error(conn, error);
        free(error);
        return '?';
    }
    *value = (*argvp)[2];
    *argvp += 2;
    *argcp -= 2;
    return s[1];
}

bool
command_number(const char *s, unsigned int max, const char *what,
               unsigned int *value, struct unixctl_conn *conn)
{
    if (!str_to_uint(s, 10, value) || *value > max) {
        char *error = xasprintf("\"%s\" is not a good %s", s, what);

        unixctl_command_reply_error(conn, error);
        free(error);
        return false;
    }
    return true;
}

void
command_result(struct unixctl_conn *conn, const struct guest *g, int error)
{
    if (error) {
        char *s = xasprintf("%s (%s)", g->fe.error, ovs_strerror(error));

        unixctl_command_reply_error(conn, s);
        free(s);
    } else {
        unixctl_command_reply(conn, "ok\n");
    }
}

/* A command that waits for a condition. */
struct waiting {
    struct unixctl_conn *conn;  /* NULL if there is none. */
    uint64_t n;                 /* To wait for. */
    long long int deadline;
};
static struct waiting stream_check, stream_wait, wait_started;

/* Begins to wait.  False, after an answer, if somebody waits already. */
static bool
begin_waiting(struct waiting *w, struct unixctl_conn *conn, uint64_t n,
              unsigned int timeout)
{
    if (w->conn) {
        unixctl_command_reply_error(conn, "another such command waits");
        return false;
    }
    w->conn = conn;
    w->n = n;
    w->deadline = time_msec() + timeout;
    return true;
}

/* send */

/* Appends the frame that 's' describes, in hex or as a flow.  Returns NULL or
 * a malloc'd complaint. */
static char *
parse_frame(struct dp_packet *packet, const char *s, size_t payload)
{
    struct flow flow;
    char *error;

    if (s[strspn(s, "0123456789abcdefABCDEF")] == '\0') {
        return (dp_packet_put_hex(packet, s, NULL)[0]
                ? xasprintf("%s: odd number of digits", s)
                : NULL);
    }
    error = parse_ofp_exact_flow(&flow, NULL, NULL, s, NULL);
    if (!error) {
        flow_compose(packet, &flow, NULL, payload);
    }
    return error;
}

static void
cmd_send(struct unixctl_conn *conn, int argc, const char *argv[], void *g_)
{
    unsigned int queue = 0, count = 1, payload = DEFAULT_PAYLOAD;
    struct virtio_net_hdr hdr = { .flags = 0 };
    struct guest *g = g_;
    const char *value;
    int opt;

    while ((opt = command_option(&argc, &argv, "qnlc", &value, conn)) != 0) {
        if (opt == 'c') {
            hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
            if (!ovs_scan(value, "%"SCNu16",%"SCNu16, &hdr.csum_start,
                          &hdr.csum_offset)) {
                unixctl_command_reply_error(conn, "bad -c");
                return;
            }
            continue;
        }
        if (opt == '?' || !command_number(value, 1000000, "number",
                                          (opt == 'q' ? &queue
                                           : opt == 'n' ? &count
                                           : &payload), conn)) {
            return;
        }
    }

    unsigned int n_sent = 0;

    for (unsigned int i = 0; i < count; i++) {
        for (int j = 1; j < argc; j++) {
            struct dp_packet packet;
            char *error;

            dp_packet_init(&packet, 0);
            error = parse_frame(&packet, argv[j], payload);
            if (error) {
                unixctl_command_reply_error(conn, error);
                free(error);
                dp_packet_uninit(&packet);
                return;
            }
            n_sent += guest_tx_header(g, queue, dp_packet_data(&packet),
                                      dp_packet_size(&packet), &hdr);
            dp_packet_uninit(&packet);
        }
    }
    guest_flush(g);

    char *reply = xasprintf("sent %u\n", n_sent);

    if (n_sent == count * (argc - 1)) {
        unixctl_command_reply(conn, reply);
    } else {
        unixctl_command_reply_error(conn, reply);
    }
    free(reply);
}

/* recv, recv-flows */

static void
receive(struct unixctl_conn *conn, int argc, const char *argv[],
        struct guest *g, bool as_flow)
{
    unsigned int timeout = DEFAULT_TIMEOUT, count = 1;
    const char *value;
    int opt;

    while ((opt = command_option(&argc, &argv, "tn", &value, conn)) != 0) {
        if (opt == '?' || !command_number(value, 1000000, "number",
                                          opt == 't' ? &timeout : &count,
                                          conn)) {
            return;
        }
    }
    capture_take(&g->capture, conn, count, argc > 1 ? argv[1] : NULL, as_flow,
                 timeout);
}

static void
cmd_recv(struct unixctl_conn *conn, int argc, const char *argv[], void *g)
{
    receive(conn, argc, argv, g, false);
}

static void
cmd_recv_flows(struct unixctl_conn *conn, int argc, const char *argv[],
               void *g)
{
    receive(conn, argc, argv, g, true);
}

static void
cmd_dump(struct unixctl_conn *conn, int argc OVS_UNUSED,
         const char *argv[] OVS_UNUSED, void *g_)
{
    const struct guest *g = g_;
    struct ds ds = DS_EMPTY_INITIALIZER;

    capture_dump(&g->capture, &ds);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

static void
cmd_clear(struct unixctl_conn *conn, int argc OVS_UNUSED,
          const char *argv[] OVS_UNUSED, void *g_)
{
    struct guest *g = g_;

    capture_clear(&g->capture);
    streams_clear(&g->streams);
    unixctl_command_reply(conn, NULL);
}

/* ping */

static void
cmd_ping(struct unixctl_conn *conn, int argc, const char *argv[], void *g_)
{
    unsigned int queue = 0, count = 3, size = 56;
    struct guest *g = g_;
    const char *value;
    ovs_be32 ip;
    int opt;

    while ((opt = command_option(&argc, &argv, "q", &value, conn)) != 0) {
        if (opt == '?' || !command_number(value, UINT16_MAX, "queue", &queue,
                                          conn)) {
            return;
        }
    }
    if (argc < 2 || !ip_parse(argv[1], &ip)) {
        unixctl_command_reply_error(conn, "bad or missing IP address");
    } else if (!g->ip) {
        unixctl_command_reply_error(conn, "no --ip of our own");
    } else if ((argc < 3 || command_number(argv[2], UINT16_MAX, "count",
                                           &count, conn))
               && (argc < 4 || command_number(argv[3], STREAM_MAX_SIZE,
                                              "size", &size, conn))) {
        guest_ping(g, conn, queue, ip, count, size);
    }
}

/* stream, stream-wait, stream-check */

/* Parses "imix", "SIZE" or "MIN-MAX". */
static bool
parse_sizes(const char *s, struct stream_config *c)
{
    unsigned int min, max;
    int n = 0;

    if (!strcmp(s, "imix")) {
        c->imix = true;
        return true;
    }
    if (ovs_scan_len(s, &n, "%u-%u", &min, &max)) {
        /* Both. */
    } else if (str_to_uint(s, 10, &min)) {
        max = min;
        n = strlen(s);
    }
    if (s[n] || min < STREAM_MIN_SIZE || max < min || max > STREAM_MAX_SIZE) {
        return false;
    }
    c->min = min;
    c->max = max;
    return true;
}

static bool
parse_stream_option(int opt, const char *value, struct stream_config *c,
                    bool *all, struct unixctl_conn *conn)
{
    unsigned int n;

    if (opt == 'q' && !strcmp(value, "all")) {
        *all = true;
        return true;
    } else if (opt == 'd' && eth_addr_from_string(value, &c->dst)) {
        return true;
    } else if (opt == 'i' && ip_parse(value, &c->ip)) {
        return true;
    } else if (strchr("qwvrp", opt)) {
        unsigned int max = (opt == 'v' ? 4094
                            : opt == 'r' ? STREAM_MAX_RECEIVERS
                            : UINT16_MAX);

        if (!command_number(value, max, "number", &n, conn)) {
            return false;
        }
        if (opt == 'r') {
            c->n_receivers = n;
        } else if (opt == 'q') {
            c->queue = n;
        } else if (opt == 'w') {
            c->window = n;
        } else if (opt == 'p') {
            c->period = n;
        } else {
            c->vlan = n;
        }
        return true;
    }
    if (opt != '?') {
        unixctl_command_reply_error(conn, "bad option value");
    }
    return false;
}

static void
cmd_stream(struct unixctl_conn *conn, int argc, const char *argv[], void *g_)
{
    struct stream_config c = {
        .min = STREAM_MIN_SIZE,
        .max = STREAM_MIN_SIZE,
        .window = DEFAULT_WINDOW,
        .n_receivers = 1,
        .dst = DEFAULT_DST,
        .ip = htonl(0xc0000201), /* 192.0.2.1, for documentation. */
        .vlan = -1,
    };
    struct guest *g = g_;
    const char *value;
    bool all = false;
    int opt;

    while ((opt = command_option(&argc, &argv, "qwrdivp", &value,
                                 conn)) != 0) {
        if (!parse_stream_option(opt, value, &c, &all, conn)) {
            return;
        }
    }
    if (argc < 2 || !command_number(argv[1], INT_MAX, "count", &c.count,
                                    conn)) {
        if (argc < 2) {
            unixctl_command_reply_error(conn, "COUNT is missing");
        }
        return;
    }
    if (argc > 2 && !parse_sizes(argv[2], &c)) {
        unixctl_command_reply_error(conn, "bad SIZE");
        return;
    }

    unsigned int first = all ? 0 : c.queue;
    unsigned int last = all ? g->fe.n_rings / 2 : c.queue + 1;

    if (last > g->fe.n_rings / 2) {
        unixctl_command_reply_error(conn, "no such queue");
        return;
    }
    if (c.window) {
        /* All queues may end up in the same ring. */
        c.window = MAX(1, c.window / (last - first));
    }
    for (c.queue = first; c.queue < last; c.queue++) {
        stream_start(g, &c);
    }
    unixctl_command_reply(conn, NULL);
}

static void
cmd_stream_wait(struct unixctl_conn *conn, int argc, const char *argv[],
                void *g OVS_UNUSED)
{
    unsigned int timeout = DEFAULT_TIMEOUT;
    const char *value;
    int opt;

    while ((opt = command_option(&argc, &argv, "t", &value, conn)) != 0) {
        if (opt == '?' || !command_number(value, 1000000, "number", &timeout,
                                          conn)) {
            return;
        }
    }
    begin_waiting(&stream_wait, conn, 0, timeout);
}

static void
cmd_stream_check(struct unixctl_conn *conn, int argc, const char *argv[],
                 void *g OVS_UNUSED)
{
    unsigned int timeout = DEFAULT_TIMEOUT, count = 0;
    const char *value;
    int opt;

    while ((opt = command_option(&argc, &argv, "tn", &value, conn)) != 0) {
        if (opt == '?' || !command_number(value, INT_MAX, "number",
                                          opt == 't' ? &timeout : &count,
                                          conn)) {
            return;
        }
    }
    begin_waiting(&stream_check, conn, count, timeout);
}

static void
cmd_wait_started(struct unixctl_conn *conn, int argc, const char *argv[],
                 void *g OVS_UNUSED)
{
    unsigned int timeout = DEFAULT_TIMEOUT;
    const char *value;
    int opt;

    while ((opt = command_option(&argc, &argv, "t", &value, conn)) != 0) {
        if (opt == '?' || !command_number(value, 1000000, "number", &timeout,
                                          conn)) {
            return;
        }
    }
    begin_waiting(&wait_started, conn, 0, timeout);
}

/* Answers 'w' with what 'report' says if its condition 'done' holds or its
 * time is up. */
static void
run_waiting(struct waiting *w, bool done, const struct streams *s,
            void (*report)(const struct streams *, struct ds *))
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (!w->conn || (!done && time_msec() < w->deadline)) {
        return;
    }
    if (report) {
        report(s, &ds);
    }
    if (done) {
        unixctl_command_reply(w->conn, ds_cstr(&ds));
    } else {
        ds_put_cstr(&ds, "timed out\n");
        unixctl_command_reply_error(w->conn, ds_cstr(&ds));
    }
    ds_destroy(&ds);
    w->conn = NULL;
}

void
frontend_commands_run(struct guest *g)
{
    const struct streams *s = &g->streams;

    run_waiting(&stream_check, streams_received(s) >= stream_check.n, s,
                streams_report);
    run_waiting(&stream_wait, !streams_pending(g), s, streams_report_sent);
    run_waiting(&wait_started, g->fe.started, s, NULL);
}

void
frontend_commands_wait(struct guest *g OVS_UNUSED)
{
    struct waiting *all[] = { &stream_check, &stream_wait, &wait_started };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (all[i]->conn) {
            poll_timer_wait_until(all[i]->deadline);
        }
    }
}

/* counters */

static uint64_t
offences(const struct fe_ring *r)
{
    const struct fe_ring_stats *s = &r->stats;

    return (s->bad_id + s->bad_len + s->bad_buffers + s->bad_header
            + s->bad_index);
}

static void
format_ring(struct ds *ds, unsigned int i, const struct fe_ring *r)
{
    const struct fe_ring_stats *s = &r->stats;

    if (r->rx) {
        ds_put_format(ds, "rx_q%u: packets=%"PRIu64" bytes=%"PRIu64
                      " merged=%"PRIu64, i / 2, s->packets, s->bytes,
                      s->merged);
    } else {
        ds_put_format(ds, "tx_q%u: packets=%"PRIu64" bytes=%"PRIu64
                      " done=%"PRIu64" full=%"PRIu64, i / 2, s->queued,
                      s->queued_bytes, s->packets, s->full);
    }
    ds_put_format(ds, " kicks=%"PRIu64" calls=%"PRIu64"\n", s->kicks,
                  s->calls);
    if (offences(r)) {
        ds_put_format(ds, "    offences: id=%"PRIu64" len=%"PRIu64
                      " buffers=%"PRIu64" header=%"PRIu64" index=%"PRIu64"\n",
                      s->bad_id, s->bad_len, s->bad_buffers, s->bad_header,
                      s->bad_index);
    }
}

static void
cmd_counters(struct unixctl_conn *conn, int argc OVS_UNUSED,
             const char *argv[] OVS_UNUSED, void *g_)
{
    const struct guest *g = g_;
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct fe_ring_stats rx = { .packets = 0 };
    struct fe_ring_stats tx = { .packets = 0 };
    uint64_t n_offences = 0;

    for (unsigned int i = 0; i < g->fe.n_rings; i++) {
        const struct fe_ring *r = &g->fe.rings[i];

        if (r->rx) {
            rx.packets += r->stats.packets;
            rx.bytes += r->stats.bytes;
        } else {
            fe_tx_reclaim(CONST_CAST(struct fe_ring *, r));
            tx.queued += r->stats.queued;
            tx.queued_bytes += r->stats.queued_bytes;
            tx.packets += r->stats.packets;
        }
        n_offences += offences(r);
    }
    ds_put_format(&ds, "total: rx_packets=%"PRIu64" rx_bytes=%"PRIu64
                  " tx_packets=%"PRIu64" tx_bytes=%"PRIu64
                  " tx_done=%"PRIu64" offences=%"PRIu64"\n",
                  rx.packets, rx.bytes, tx.queued, tx.queued_bytes,
                  tx.packets, n_offences);
    for (unsigned int i = 0; i < g->fe.n_rings; i++) {
        format_ring(&ds, i, &g->fe.rings[i]);
    }
    ds_put_format(&ds, "guest: captured=%"PRIuSIZE" tx_dropped=%"PRIu64
                  " bad_csum=%"PRIu64" needs_csum=%"PRIu64
                  " data_valid=%"PRIu64"\n", g->capture.n, g->n_tx_dropped,
                  g->n_bad_csum, g->n_needs_csum, g->n_data_valid);
    unixctl_command_reply(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

void
frontend_commands_init(struct guest *g)
{
    unixctl_command_register("send", "[-q QUEUE] [-n COUNT] [-l PAYLOAD] "
                             "[-c CSUM-START,CSUM-OFFSET] {HEX | FLOW}...", 1,
                             INT_MAX, cmd_send, g);
    unixctl_command_register("recv", "[-t MS] [-n COUNT] [MATCH]", 0, 5,
                             cmd_recv, g);
    unixctl_command_register("recv-flows", "[-t MS] [-n COUNT] [MATCH]", 0, 5,
                             cmd_recv_flows, g);
    unixctl_command_register("dump", "", 0, 0, cmd_dump, g);
    unixctl_command_register("clear", "", 0, 0, cmd_clear, g);
    unixctl_command_register("ping", "[-q QUEUE] IP [COUNT] [SIZE]", 1, 5,
                             cmd_ping, g);
    unixctl_command_register("stream", "[-q {QUEUE | all}] [-w WINDOW] "
                             "[-r RECEIVERS] [-d MAC] [-i IP] [-v VID] "
                             "[-p MS] COUNT [SIZE | MIN-MAX | imix]", 1, 16,
                             cmd_stream, g);
    unixctl_command_register("stream-wait", "[-t MS]", 0, 2, cmd_stream_wait,
                             g);
    unixctl_command_register("stream-check", "[-t MS] [-n COUNT]", 0, 4,
                             cmd_stream_check, g);
    unixctl_command_register("wait-started", "[-t MS]", 0, 2,
                             cmd_wait_started, g);
    unixctl_command_register("counters", "", 0, 0, cmd_counters, g);
}
