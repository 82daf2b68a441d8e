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

/* Trials of the load generator: who sends what to whom, and what is made of
 * sequence numbers.  See load-trial.h. */

#include <config.h>

#include "load-trial.h"

#include <math.h>
#include <stdlib.h>

#include "util.h"

/* Frames that do not come for this long are lost, in seconds. */
#define SILENCE 0.010

/* No visit takes as long as this, in seconds: 64 frames of 9000 bytes, read
 * and written, take a third. */
#define TOO_LONG 0.0001

/* What became of a sequence number that was left out.  Numbers are kept
 * whole, since several share an entry in time. */
#define N_GAPS 65536
struct load_gap {
    uint32_t seq;
    enum { GAP_NONE, GAP_MISSING, GAP_LOST } state;
};

/* IMIX: sizes and how many of 48 frames have them. */
static const struct {
    uint32_t len;
    unsigned int share;
} imix[LOAD_MAX_CLASSES] = { { 64, 28 }, { 570, 16 }, { 1518, 4 } };
#define IMIX_TOTAL 48
#define IMIX_STEP 29            /* Spreads them; coprime to IMIX_TOTAL. */

static struct load_gap *
find_gap(const struct load_receiver *r, uint32_t seq)
{
    return &r->gaps[seq % N_GAPS];
}

static void
mark_gap(const struct load_receiver *r, uint32_t seq, int state)
{
    struct load_gap *gap = find_gap(r, seq);

    gap->seq = seq;
    gap->state = state;
}

bool
load_receive_out_of_turn(struct load_trial *t, const struct load_stream *s,
                         struct load_receiver *r, uint32_t seq)
{
    if (seq - r->next < s->seq - r->next) {
        for (; r->next != seq; r->next++) {
            mark_gap(r, r->next, GAP_MISSING);
            r->missing++;
        }
        r->next++;
        return true;
    }

    struct load_gap *gap = find_gap(r, seq);

    if (gap->state == GAP_NONE || gap->seq != seq) {
        return false;
    }
    if (gap->state == GAP_MISSING) {
        r->missing--;
        t->counters.reordered++;
    } else {
        r->lost--;
        t->counters.late++;
    }
    gap->state = GAP_NONE;
    return true;
}

void
load_give_up(const struct load_stream *s, struct load_receiver *r)
{
    r->lost += load_n_expected(s, r);
    for (uint32_t i = 0; r->missing && i < N_GAPS; i++) {
        struct load_gap *gap = &r->gaps[i];

        if (gap->state == GAP_MISSING) {
            gap->state = GAP_LOST;
        }
    }
    r->missing = 0;
    for (; r->next != s->seq; r->next++) {
        mark_gap(r, r->next, GAP_LOST);
    }
}

/* Adds a stream from guest 'src' to the 'n' guests from 'dst' on. */
static void
add_stream(struct load_trial *t, unsigned int src, unsigned int dst,
           unsigned int n, uint32_t window)
{
    const struct load_params *p = &t->params;
    struct load_stream *s = &t->streams[t->n_streams];
    uint8_t id = t->n_streams++;

    *s = (struct load_stream) {
        .template = {
            .src = src,
            .dst = n == 1 ? dst : LOAD_BROADCAST,
            .vlan = p->vlan,
            .partial = p->partial,
        },
        .receivers = xcalloc(n, sizeof *s->receivers),
        .n_receivers = n,
        .window = window,
        .magic = load_frame_magic(id, t->number),
    };
    s->ip_src = load_frame_ip(s->template.src);
    s->ip_dst = load_frame_ip(s->template.dst);
    for (unsigned int i = 0; i < n; i++) {
        struct load_receiver *r = &s->receivers[i];

        r->magic = s->magic;
        r->gaps = xcalloc(N_GAPS, sizeof *r->gaps);
        t->in[dst + i][id] = r;
        t->n_in[dst + i]++;
    }
    t->out[src][t->n_out[src]++] = s;
}

static void
add_streams(struct load_trial *t)
{
    uint32_t window = t->params.in_flight;
    unsigned int n = t->n_guests;

    switch (t->params.pattern) {
    case LOAD_PAIRS:
        for (unsigned int i = 0; i + 1 < n; i += 2) {
            add_stream(t, i, i + 1, 1, window - window / 2);
            add_stream(t, i + 1, i, 1, window / 2);
        }
        break;

    case LOAD_ONEWAY:
        for (unsigned int i = 0; i + 1 < n; i += 2) {
            add_stream(t, i, i + 1, 1, window);
        }
        break;

    case LOAD_STAR:
        for (unsigned int i = 1; i < n; i++) {
            add_stream(t, 0, i, 1, window - window / 2);
            add_stream(t, i, 0, 1, window / 2);
        }
        break;

    case LOAD_FLOOD:
        add_stream(t, 0, 1, n - 1, window);
        break;

    case LOAD_SINK:
        for (unsigned int i = 0; i < n; i++) {
            add_stream(t, i, n, 0, window);
        }
        break;

    case LOAD_SOURCE:
        break;
    }
    for (unsigned int i = 0; i < t->n_streams; i++) {
        struct load_stream *s = &t->streams[i];

        s->shared = t->n_out[s->template.src] > 1;
    }
}

/* Decides which buffers are for frames of which size. */
static void
set_sizes(struct load_trial *t)
{
    uint16_t ring_size = t->guests[0].config->ring_size;

    if (t->params.size) {
        t->lens[0] = t->params.size;
        return;
    }
    t->classes = xmalloc(ring_size);
    for (unsigned int i = 0; i < ring_size; i++) {
        unsigned int n = i * IMIX_STEP % IMIX_TOTAL;
        unsigned int class = 0;

        while (n >= imix[class].share) {
            n -= imix[class++].share;
        }
        t->classes[i] = class;
    }
    for (unsigned int i = 0; i < LOAD_MAX_CLASSES; i++) {
        t->lens[i] = imix[i].len;
    }
}

/* Writes what does not change of all frames that guest 'i' will send. */
static void
write_buffers(struct load_trial *t, unsigned int i)
{
    struct load_guest *g = &t->guests[i];
    const struct load_template *template = &t->out[i][0]->template;

    for (unsigned int q = 0; q < g->config->n_queues; q++) {
        struct load_ring *r = &g->tx[q];

        for (unsigned int slot = 0; slot < r->size; slot++) {
            uint8_t *buf = load_buffer(r, slot);

            load_frame_write_header(buf, template);
            load_frame_write(buf + LOAD_HDR_LEN,
                             t->lens[t->classes ? t->classes[slot] : 0],
                             template);
        }
    }
}

static char *
check(const struct load_params *p, const struct load_guest *g, unsigned int n)
{
    uint32_t max = p->size ? p->size : 1518;

    if (n < 2 && p->pattern != LOAD_SINK && p->pattern != LOAD_SOURCE) {
        return xasprintf("pattern=%s needs more than one socket",
                         load_pattern_name(p->pattern));
    }
    if (p->in_flight > n * g->config->ring_size * g->config->n_queues) {
        return xasprintf("in-flight=%"PRIu32" does not fit into the rings",
                         p->in_flight);
    }
    if (max + LOAD_VLAN_LEN + LOAD_HDR_LEN > g->config->buf_size
        && !fe_has(&g->fe, FE_F_mrg_rxbuf)) {
        return xasprintf("frames of %"PRIu32" bytes do not fit into buffers "
                         "of %"PRIu32, max, g->config->buf_size);
    }
    if (p->partial && !fe_has(&g->fe, FE_F_csum)) {
        return xstrdup("csum=partial was not negotiated");
    }
    return NULL;
}

char *
load_trial_init(struct load_trial *t, const struct load_params *p,
                struct load_guest *guests, unsigned int n_guests,
                uint8_t number, double hz)
{
    char *error = check(p, guests, n_guests);

    memset(t, 0, sizeof *t);
    if (error) {
        return error;
    }
    t->params = *p;
    t->guests = guests;
    t->n_guests = n_guests;
    t->number = number;
    t->hz = hz;
    t->too_long = TOO_LONG * hz;
    t->silence = SILENCE * hz;
    t->frames = xcalloc(LOAD_MAX_BATCH, sizeof *t->frames);
    t->streams = xcalloc(LOAD_MAX_STREAMS, sizeof *t->streams);
    for (unsigned int i = 0; i < n_guests; i++) {
        t->in[i] = xcalloc(LOAD_MAX_STREAMS, sizeof *t->in[i]);
        t->out[i] = xcalloc(n_guests, sizeof *t->out[i]);
    }
    add_streams(t);
    set_sizes(t);
    for (unsigned int i = 0; i < t->n_streams; i++) {
        struct load_stream *s = &t->streams[i];

        for (unsigned int c = 0; c < LOAD_MAX_CLASSES && t->lens[c]; c++) {
            s->ip_sums[c] = load_frame_ip_sum(t->lens[c], &s->template);
        }
    }
    for (unsigned int i = 0; i < n_guests; i++) {
        const char *broken = load_guest_broken(&guests[i]);

        if (broken) {
            return xasprintf("socket %u: %s", i, broken);
        }
        if ((t->n_out[i] || p->pattern == LOAD_SOURCE)
            && !load_guest_lay_out(&guests[i],
                                   t->lens[t->classes
                                           ? LOAD_MAX_CLASSES - 1 : 0])) {
            return xasprintf("socket %u: frames of earlier trials are still "
                             "waiting to be sent", i);
        }
        if (t->n_out[i]) {
            write_buffers(t, i);
        }
    }
    return NULL;
}

void
load_trial_uninit(struct load_trial *t)
{
    for (unsigned int i = 0; i < t->n_streams; i++) {
        struct load_stream *s = &t->streams[i];

        for (unsigned int j = 0; j < s->n_receivers; j++) {
            free(s->receivers[j].gaps);
        }
        free(s->receivers);
    }
    for (unsigned int i = 0; i < t->n_guests; i++) {
        free(t->in[i]);
        free(t->out[i]);
    }
    free(t->streams);
    free(t->classes);
    free(t->frames);
}
