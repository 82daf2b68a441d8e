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

/* Runs trials of the load generator and says what came of them.  See
 * load-trial.h. */

#include <config.h>

#include "load-trial.h"

#include <math.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

/* At the end of a trial, what is on its way has this many seconds since
 * something came last, and that many altogether. */
#define DRAIN_SILENCE 1.0
#define DRAIN_MAX 5.0

/* Paced: how far a stream may be behind, in seconds and in frames.  What it
 * could not send in time is left out. */
#define MAX_BEHIND 0.001
#define MIN_MAX_BEHIND 64

/* Frames lost so far, among them those that were not declared lost yet if
 * nobody waits for them. */
static uint64_t
count_lost(const struct load_trial *t)
{
    uint64_t n = 0;

    for (unsigned int i = 0; i < t->n_streams; i++) {
        const struct load_stream *s = &t->streams[i];

        for (unsigned int j = 0; j < s->n_receivers; j++) {
            const struct load_receiver *r = &s->receivers[j];

            n += r->lost + (t->params.paced ? r->missing : 0);
        }
    }
    return n;
}

static uint64_t
count_interrupts(struct load_trial *t)
{
    uint64_t n = 0;

    for (unsigned int i = 0; i < t->n_guests; i++) {
        for (unsigned int q = 0; q < t->guests[i].config->n_queues; q++) {
            n += load_ring_interrupts(&t->guests[i].rx[q]);
        }
    }
    return n;
}

static uint64_t
count_kicks(const struct load_trial *t)
{
    uint64_t n = 0;

    for (unsigned int i = 0; i < t->n_guests; i++) {
        for (unsigned int q = 0; q < t->guests[i].config->n_queues; q++) {
            n += t->guests[i].rx[q].n_kicks + t->guests[i].tx[q].n_kicks;
        }
    }
    return n;
}

static void
set_interrupts(struct load_trial *t, bool on)
{
    for (unsigned int i = 0; i < t->n_guests; i++) {
        struct load_guest *g = &t->guests[i];

        for (unsigned int q = 0; q < g->config->n_queues; q++) {
            load_ring_set_interrupt(&g->rx[q], on, g->packed);
        }
    }
}

/* Gets ready to send from 'now' on. */
static void
begin(struct load_trial *t, uint64_t now)
{
    for (unsigned int i = 0; i < t->n_streams; i++) {
        struct load_stream *s = &t->streams[i];

        for (unsigned int j = 0; j < s->n_receivers; j++) {
            s->receivers[j].last = now;
        }
        s->begin = now;
    }
    if (t->params.paced) {
        /* Streams of one sender share its rate, and take turns. */
        unsigned int n = 1;

        for (unsigned int i = 0; i < t->n_guests; i++) {
            n = MAX(n, t->n_out[i]);
        }
        t->cycles_per_frame = t->hz / t->params.rate * n;
        t->max_behind = MAX(MAX_BEHIND * t->params.rate / n, MIN_MAX_BEHIND);
        for (unsigned int i = 0; i < t->n_streams; i++) {
            t->streams[i].begin += t->cycles_per_frame * i / t->n_streams;
        }
    }
    t->sending = true;
}

/* True if all that was sent was received, and all buffers are back. */
static bool
is_drained(struct load_trial *t)
{
    for (unsigned int i = 0; i < t->n_streams; i++) {
        if (load_in_flight(&t->streams[i])) {
            return false;
        }
    }
    for (unsigned int i = 0; i < t->n_guests; i++) {
        if (!load_guest_is_idle(&t->guests[i])) {
            return false;
        }
    }
    return true;
}

/* Waits for what is on its way, and gives up what does not come. */
static void
drain(struct load_trial *t)
{
    struct load_counters counters = t->counters;
    uint64_t start = load_tsc();
    uint64_t last = start;
    uint64_t now = start;

    t->sending = false;
    while (!is_drained(t) && now - last < DRAIN_SILENCE * t->hz
           && now - start < DRAIN_MAX * t->hz) {
        uint64_t n = t->counters.n_frames;

        load_loop(t, now + t->silence / 16);
        now = load_tsc();
        if (t->counters.n_frames != n) {
            last = now;
        }
    }
    for (unsigned int i = 0; i < t->n_streams; i++) {
        struct load_stream *s = &t->streams[i];

        for (unsigned int j = 0; j < s->n_receivers; j++) {
            load_give_up(s, &s->receivers[j]);
        }
    }
    /* These are of the whole trial, the others of what was measured. */
    counters.bad = t->counters.bad;
    counters.late = t->counters.late;
    counters.reordered = t->counters.reordered;
    t->counters = counters;
}

static void
format_latency(const struct load_trial *t, const struct load_hist *h,
               struct ds *ds)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {
        { "p50", 50 }, { "p90", 90 }, { "p99", 99 }, { "p99.9", 99.9 },
        { "p99.99", 99.99 },
    };
    double ns = 1e9 / t->hz;

    ds_put_cstr(ds, "\"latency_ns\":{");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        ds_put_format(ds, "\"%s\":%.0f,", rows[i].name,
                      load_hist_percentile(h, rows[i].percent) * ns);
    }
    ds_put_format(ds, "\"max\":%.0f,\"mean\":%.0f}", h->max * ns,
                  h->total ? h->sum * ns / h->total : 0.0);
}

/* 'a' / 'b', or 0 if there is nothing to divide by. */
static double
ratio(double a, double b)
{
    return b ? a / b : 0;
}

static void
format_result(const struct load_trial *t, double seconds, uint64_t lost,
              struct ds *ds)
{
    const struct load_params *p = &t->params;
    const struct load_counters *c = &t->counters;
    bool sink = p->pattern == LOAD_SINK;
    uint64_t n = sink ? c->sent : c->packets;
    double bytes = c->bytes;

    if (sink) {
        double total = 0;
        unsigned int n_slots = t->guests[0].config->ring_size;

        for (unsigned int i = 0; i < n_slots; i++) {
            total += t->lens[t->classes ? t->classes[i] : 0];
        }
        bytes = c->sent * total / n_slots;
    }

    ds_put_format(ds, "{\"mode\":\"%s\",\"pattern\":\"%s\",",
                  p->paced ? "paced" : "closed",
                  load_pattern_name(p->pattern));
    if (p->size) {
        ds_put_format(ds, "\"size\":%"PRIu32",", p->size);
    } else {
        ds_put_cstr(ds, "\"size\":\"imix\",");
    }
    ds_put_format(ds, "\"in_flight\":%"PRIu32",\"flows\":%"PRIu32","
                  "\"seconds\":%.6f,\"packets\":%"PRIu64",\"pps\":%.1f,"
                  "\"gbps\":%.6f,\"sent\":%"PRIu64",\"lost\":%"PRIu64","
                  "\"bad\":%"PRIu64",",
                  p->in_flight, p->flows, seconds, n, n / seconds,
                  bytes * 8 / seconds / 1e9, c->sent, lost, c->bad);
    ds_put_format(ds, "\"late\":%"PRIu64",\"reordered\":%"PRIu64","
                  "\"foreign\":%"PRIu64",\"missed\":%"PRIu64",",
                  c->late, c->reordered, c->foreign, c->missed);
    ds_put_format(ds, "\"guest_cycles_per_packet\":%.2f,"
                  "\"idle_share\":%.4f,\"away\":%"PRIu64","
                  "\"away_share\":%.4f,\"batch_rx\":%.2f,"
                  "\"batch_tx\":%.2f,\"tsc_hz\":%.0f,",
                  ratio(c->busy, n), ratio(c->idle, c->busy + c->idle),
                  c->n_away, ratio(c->away, c->busy + c->idle + c->away),
                  ratio(c->n_frames, c->n_bursts),
                  ratio(c->sent, c->n_sends), t->hz);
}

char *
load_trial_run(struct load_trial *t, struct ds *ds)
{
    const struct load_params *p = &t->params;
    uint64_t kicks, interrupts, lost, start, end;

    set_interrupts(t, p->interrupts);
    begin(t, load_tsc());
    load_loop(t, load_tsc() + (uint64_t) (p->warmup * t->hz));

    memset(&t->counters, 0, sizeof t->counters);
    memset(&t->hist, 0, sizeof t->hist);
    lost = count_lost(t);
    kicks = count_kicks(t);
    count_interrupts(t);
    start = load_tsc();
    load_loop(t, start + (uint64_t) (p->seconds * t->hz));
    end = load_tsc();
    interrupts = count_interrupts(t);
    kicks = count_kicks(t) - kicks;

    struct load_hist hist = t->hist;

    drain(t);
    set_interrupts(t, false);

    /* Frames that seemed lost in the warm-up may have come since. */
    lost = MAX(count_lost(t), lost) - lost;

    for (unsigned int i = 0; i < t->n_guests; i++) {
        const char *broken = load_guest_broken(&t->guests[i]);

        if (broken) {
            return xasprintf("socket %u: %s", i, broken);
        }
    }
    format_result(t, (end - start) / t->hz, lost, ds);
    if (p->interrupts) {
        ds_put_format(ds, "\"interrupts\":%"PRIu64",", interrupts);
    }
    ds_put_format(ds, "\"kicks\":%"PRIu64",", kicks);
    format_latency(t, &hist, ds);
    ds_put_char(ds, '}');
    return NULL;
}
