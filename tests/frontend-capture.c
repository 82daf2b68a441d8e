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


/* Log of received frames, for the test front end.  See
 * frontend-capture.h. */

#include <config.h>

#include "frontend-capture.h"

#include <stdlib.h>

#include "dp-packet.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/match.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/poll-loop.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* Frames kept. */
#define MAX_FRAMES 65536

struct captured {
    struct ovs_list node;
    struct flow flow;
    size_t size;
    uint8_t data[];
};

struct waiter {
    struct ovs_list node;
    struct unixctl_conn *conn;
    struct minimatch match;
    size_t count;               /* Frames wanted. */
    size_t n;                   /* Frames there are. */
    bool as_flow;
    long long int deadline;     /* By time_msec(). */
};

void
capture_init(struct capture *c)
{
    ovs_list_init(&c->frames);
    ovs_list_init(&c->waiters);
    c->n = 0;
    c->n_forgotten = 0;
}

static void
forget(struct capture *c, struct captured *f)
{
    ovs_list_remove(&f->node);
    free(f);
    c->n--;
}

void
capture_clear(struct capture *c)
{
    struct captured *f;

    LIST_FOR_EACH_SAFE (f, node, &c->frames) {
        forget(c, f);
    }
    c->n_forgotten = 0;
}

static void
print_frame(struct ds *ds, const struct captured *f, bool as_flow)
{
    if (as_flow) {
        flow_format(ds, &f->flow, NULL);
    } else {
        for (size_t i = 0; i < f->size; i++) {
            ds_put_format(ds, "%02"PRIx8, f->data[i]);
        }
    }
    ds_put_char(ds, '\n');
}

void
capture_dump(const struct capture *c, struct ds *ds)
{
    const struct captured *f;

    LIST_FOR_EACH (f, node, &c->frames) {
        print_frame(ds, f, false);
    }
}

/* Answers 'w' with the frames that match, and frees it. */
static void
answer(struct capture *c, struct waiter *w)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    bool ok = w->count ? w->n >= w->count : !w->n;
    size_t left = w->count ? w->count : SIZE_MAX;
    struct captured *f;

    if (!ok) {
        ds_put_format(&ds, "%"PRIuSIZE" frames, wanted %"PRIuSIZE"\n",
                      w->n, w->count);
    }
    LIST_FOR_EACH_SAFE (f, node, &c->frames) {
        if (left && minimatch_matches_flow(&w->match, &f->flow)) {
            print_frame(&ds, f, w->as_flow);
            forget(c, f);
            left--;
        }
    }
    if (ok) {
        unixctl_command_reply(w->conn, ds_cstr(&ds));
    } else {
        unixctl_command_reply_error(w->conn, ds_cstr(&ds));
    }
    ds_destroy(&ds);

    ovs_list_remove(&w->node);
    minimatch_destroy(&w->match);
    free(w);
}

/* True if 'w' need not wait any longer. */
static bool
is_done(const struct waiter *w)
{
    return w->count ? w->n >= w->count : w->n > 0;
}

void
capture_destroy(struct capture *c)
{
    struct waiter *w;

    LIST_FOR_EACH_SAFE (w, node, &c->waiters) {
        answer(c, w);
    }
    capture_clear(c);
}

void
capture_add(struct capture *c, unsigned int queue, const void *data,
            size_t size)
{
    struct captured *f = xmalloc(sizeof *f + size);
    struct dp_packet packet;
    struct waiter *w;

    f->size = size;
    memcpy(f->data, data, size);
    dp_packet_use_const(&packet, f->data, size);
    flow_extract(&packet, &f->flow);
    f->flow.in_port.ofp_port = u16_to_ofp(queue);
    ovs_list_push_back(&c->frames, &f->node);
    if (++c->n > MAX_FRAMES) {
        forget(c, CONTAINER_OF(ovs_list_front(&c->frames),
                               struct captured, node));
        c->n_forgotten++;
    }
    LIST_FOR_EACH (w, node, &c->waiters) {
        w->n += minimatch_matches_flow(&w->match, &f->flow);
    }
}

/* Parses 'filter' into '*match'.  Returns NULL or a malloc'd complaint. */
static char *
parse_filter(const char *filter, struct minimatch *match)
{
    enum ofputil_protocol usable;
    struct ofputil_flow_mod fm;
    char *error;

    if (!filter) {
        minimatch_init_catchall(match);
        return NULL;
    }
    error = parse_ofp_str(&fm, OFPFC_DELETE, filter, NULL, NULL, &usable);
    if (!error) {
        minimatch_clone(match, &fm.match);
        minimatch_destroy(&fm.match);
        free(CONST_CAST(struct ofpact *, fm.ofpacts));
    }
    return error;
}

void
capture_take(struct capture *c, struct unixctl_conn *conn, size_t count,
             const char *filter, bool as_flow, long long int timeout)
{
    struct waiter *w = xzalloc(sizeof *w);
    char *error = parse_filter(filter, &w->match);
    struct captured *f;

    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
        free(w);
        return;
    }
    w->conn = conn;
    w->count = count;
    w->as_flow = as_flow;
    w->deadline = time_msec() + timeout;
    LIST_FOR_EACH (f, node, &c->frames) {
        w->n += minimatch_matches_flow(&w->match, &f->flow);
    }
    ovs_list_push_back(&c->waiters, &w->node);
}

void
capture_run(struct capture *c)
{
    struct waiter *w;

    LIST_FOR_EACH_SAFE (w, node, &c->waiters) {
        if (is_done(w) || time_msec() >= w->deadline) {
            answer(c, w);
        }
    }
}

void
capture_wait(struct capture *c)
{
    struct waiter *w;

    LIST_FOR_EACH (w, node, &c->waiters) {
        if (is_done(w)) {
            poll_immediate_wake();
        } else {
            poll_timer_wait_until(w->deadline);
        }
    }
}
