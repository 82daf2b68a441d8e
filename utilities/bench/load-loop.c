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

/* The loop that plays all guests of a trial.  See load-trial.h.
 *
 * A visit is what is done for one guest: its receive rings are emptied, then
 * its streams are fed.  Its time counts as busy if any frame moved.  A visit
 * that took longer than any can was interrupted by something else that wanted
 * the CPU, and counts as neither.
 *
 * What the loop touches of a frame is on one cache line, which is asked for
 * as soon as its address is known and a whole burst ahead. */

#include <config.h>

#include "load-trial.h"

/* What a burst of received frames comes to.  Frames that were sent together
 * come together, mostly: their time is entered once for all. */
struct burst {
    uint64_t packets, bytes;
    uint64_t stamp;             /* Of the frames... */
    uint64_t n_stamped;         /* ...that are not in the histogram yet. */
};

/* Takes care of a frame that fails the first check. */
static void
judge_stranger(struct load_trial *t, const struct load_frame *f, uint8_t id)
{
    /* For another guest or trial, or somebody else's. */
    if (id < t->n_streams || !load_frame_is_ours(f->data, f->len)) {
        t->counters.foreign++;
    } else {
        t->counters.bad++;
    }
}

static inline void
enter_times(struct load_trial *t, struct burst *b, uint64_t now)
{
    if (b->n_stamped) {
        load_hist_add(&t->hist, (now - b->stamp) & LOAD_TSC_MASK,
                      b->n_stamped);
        b->n_stamped = 0;
    }
}

/* Judges a received frame. */
static inline ALWAYS_INLINE void
receive(struct load_trial *t, unsigned int guest, const struct load_frame *f,
        struct burst *b, uint64_t now)
{
    const uint8_t *p = f->data;
    uint32_t len = f->len;

    if (OVS_UNLIKELY(len < LOAD_MIN_FRAME - LOAD_VLAN_LEN)) {
        t->counters.foreign++;
        return;
    }
    if (OVS_UNLIKELY(LOAD_GET(ovs_be16, p + LOAD_OFS_TYPE)
                     == htons(0x8100))) {
        p += LOAD_VLAN_LEN;
        len -= LOAD_VLAN_LEN;
    }

    uint64_t word = LOAD_GET(uint64_t, p + LOAD_OFS_SEQ);
    uint64_t stamp = LOAD_GET(uint64_t, p + LOAD_OFS_STAMP);
    uint8_t id = stamp >> 56;
    uint32_t seq = word;
    struct load_receiver *r = id < t->n_streams ? t->in[guest][id] : NULL;

    if (OVS_UNLIKELY(!r || (uint8_t) (stamp >> 48) != t->number)) {
        judge_stranger(t, f, id);
        return;
    }
    if (OVS_UNLIKELY(word >> 32
                     != load_frame_check(seq, r->magic, len,
                                LOAD_GET(uint32_t, p + LOAD_OFS_IP_SRC),
                                LOAD_GET(uint32_t, p + LOAD_OFS_IP_DST),
                                LOAD_GET(uint32_t, p + LOAD_OFS_UDP)))) {
        t->counters.bad++;
        return;
    }
    if (OVS_LIKELY(seq == r->next)) {
        r->next++;
    } else if (!load_receive_out_of_turn(t, &t->streams[id], r, seq)) {
        t->counters.bad++;
        return;
    }
    r->last = now;
    b->packets++;
    b->bytes += f->len;
    if (stamp != b->stamp) {
        enter_times(t, b, now);
        b->stamp = stamp;
    }
    b->n_stamped++;
}

/* Reads all of a frame and says whether it is as it was sent. */
static bool
is_intact(const struct load_ring *r, const struct load_frame *f)
{
    uint32_t ofs = LOAD_OFS_BODY + LOAD_VLAN_LEN;
    uint32_t len = r->taken[f->first].len - LOAD_HDR_LEN;

    if (f->len <= ofs || len <= ofs) {
        return true;
    }

    uint8_t byte = f->data[ofs];

    if (!load_bytes_are(f->data + ofs, len - ofs, byte)) {
        return false;
    }
    for (unsigned int i = 1; i < f->n; i++) {
        const struct load_used *u = &r->taken[f->first + i];

        if (!load_bytes_are(load_buffer(r, u->slot), u->len, byte)) {
            return false;
        }
    }
    return true;
}

/* True unless the checksum of a frame is wrong, or what the header says about
 * it.  Sums are made of frames in one buffer only. */
static bool
is_summed(const struct load_frame *f)
{
    return load_frame_is_summed(f->data - LOAD_HDR_LEN, f->data, f->len,
                                f->n == 1);
}

/* Takes frames whoever sent them, having read how each begins. */
static void
take(struct load_trial *t, unsigned int n, struct burst *b)
{
    for (unsigned int i = 0; i < n; i++) {
        const struct load_frame *f = &t->frames[i];

        b->packets++;
        b->bytes += f->len;
        t->counters.sum += f->len >= 14 ? LOAD_GET(uint64_t, f->data + 6) : 0;
    }
}

/* Empties the receive rings of a guest.  Returns how many frames came. */
static inline ALWAYS_INLINE unsigned int
receive_all(struct load_trial *t, unsigned int guest, uint64_t now,
            bool packed)
{
    struct load_guest *g = &t->guests[guest];
    unsigned int total = 0;

    for (unsigned int q = 0; q < g->config->n_queues; q++) {
        struct load_ring *r = &g->rx[q];
        unsigned int n = load_rx_burst(r, t->frames, 64, packed);

        if (!n) {
            continue;
        }

        struct burst b = { .packets = 0 };

        if (OVS_UNLIKELY(t->params.pattern == LOAD_SOURCE)) {
            take(t, n, &b);
        } else {
            for (unsigned int i = 0; i < n; i++) {
                receive(t, guest, &t->frames[i], &b, now);
            }
            enter_times(t, &b, now);
        }
        t->counters.packets += b.packets;
        t->counters.bytes += b.bytes;
        if (OVS_UNLIKELY(t->params.payload == LOAD_READ)) {
            for (unsigned int i = 0; i < n; i++) {
                t->counters.bad += !is_intact(r, &t->frames[i]);
            }
        }
        if (OVS_UNLIKELY(t->params.partial)) {
            /* A sample. */
            t->counters.bad += !is_summed(&t->frames[n - 1]);
        }
        load_rx_release(r, packed);
        t->counters.n_bursts++;
        total += n;
    }
    t->counters.n_frames += total;
    return total;
}

/* Number of frames that 's' may send now. */
static inline ALWAYS_INLINE uint32_t
allowance(struct load_trial *t, struct load_stream *s, uint64_t now)
{
    if (!t->params.paced) {
        uint32_t in_flight = load_in_flight(s);

        if (OVS_LIKELY(in_flight < s->window)) {
            return s->window - in_flight;
        }
        for (unsigned int i = 0; i < s->n_receivers; i++) {
            struct load_receiver *r = &s->receivers[i];

            if (OVS_UNLIKELY(now - r->last > t->silence && now > r->last
                             && load_n_expected(s, r))) {
                load_give_up(s, r);
                r->last = now;
            }
        }
        return 0;
    }

    if (OVS_UNLIKELY(now < s->begin)) {
        return 0;
    }

    uint64_t due = (now - s->begin) / t->cycles_per_frame;

    if (OVS_UNLIKELY(due - s->n_paced > t->max_behind)) {
        /* We were not there for a while.  Nobody sends all that at once. */
        t->counters.missed += due - s->n_paced - t->max_behind;
        s->n_paced = due - t->max_behind;
    }
    return due - s->n_paced;
}

/* Fills buffer 'slot' with the next frame of 's'.  Returns its length. */
static inline ALWAYS_INLINE uint32_t
write_frame(struct load_trial *t, struct load_stream *s,
            const struct load_ring *r, uint16_t slot, uint64_t stamp)
{
    uint8_t *frame = load_buffer(r, slot) + LOAD_HDR_LEN;
    unsigned int class = OVS_UNLIKELY(t->classes) ? t->classes[slot] : 0;
    unsigned int tag = load_template_tag(&s->template);
    uint32_t flow = s->flow;
    ovs_be32 ip_src = s->ip_src | htonl(flow & 0xffff);
    ovs_be32 ports = htonl(load_flow_port(flow) << 16 | LOAD_UDP_PORT);
    uint32_t seq = s->seq++;
    uint8_t *p = frame + tag;
    uint32_t len = t->lens[class];
    uint32_t check;

    s->flow = flow + 1 < t->params.flows ? flow + 1 : 0;
    if (OVS_UNLIKELY(s->shared)) {
        frame[5] = s->template.dst + 1;
        LOAD_PUT(ovs_be32, p + LOAD_OFS_IP_DST, s->ip_dst);
    }
    LOAD_PUT(ovs_be32, p + LOAD_OFS_IP_SRC, ip_src);
    LOAD_PUT(uint16_t, p + LOAD_OFS_IP_CSUM,
             ~load_fold(s->ip_sums[class] + (OVS_FORCE uint16_t)
                        htons(flow & 0xffff)));
    LOAD_PUT(ovs_be32, p + LOAD_OFS_UDP, ports);
    check = load_frame_check(seq, s->magic, len - tag,
                             (OVS_FORCE uint32_t) ip_src,
                             (OVS_FORCE uint32_t) s->ip_dst,
                             (OVS_FORCE uint32_t) ports);
    LOAD_PUT(uint64_t, p + LOAD_OFS_SEQ, (uint64_t) check << 32 | seq);
    LOAD_PUT(uint64_t, p + LOAD_OFS_STAMP, stamp);
    if (OVS_UNLIKELY(s->template.partial)) {
        load_frame_write_pseudo(p, len - tag);
    }
    if (OVS_UNLIKELY(t->params.payload != LOAD_HOT)) {
        memset(p + LOAD_OFS_BODY, seq, frame + len - (p + LOAD_OFS_BODY));
    }
    return len;
}

/* Sends what stream 's' may send.  Returns how many frames these were. */
static inline ALWAYS_INLINE unsigned int
feed(struct load_trial *t, struct load_stream *s, uint64_t now, bool packed)
{
    struct load_guest *g = &t->guests[s->template.src];
    struct load_ring *r = &g->tx[s->queue];
    uint32_t wanted = allowance(t, s, now);
    unsigned int n;

    if (!wanted) {
        return 0;
    }
    n = load_tx_room(r, MIN(wanted, t->params.batch), packed);
    if (!n) {
        return 0;
    }

    load_tx_prefetch(r, n, packed);

    uint64_t stamp = ((load_tsc() & LOAD_TSC_MASK)
                      | (uint64_t) t->number << 48
                      | (uint64_t) (s - t->streams) << 56);

    for (unsigned int i = 0; i < n; i++) {
        uint16_t slot = load_tx_slot(r);

        load_tx_put(r, slot, write_frame(t, s, r, slot, stamp), packed);
    }
    load_publish(r, packed);
    load_tx_prefetch(r, n, packed);
    s->queue = s->queue + 1 < g->config->n_queues ? s->queue + 1 : 0;
    s->n_paced += n;
    t->counters.sent += n;
    t->counters.n_sends++;
    return n;
}

static inline ALWAYS_INLINE void
loop(struct load_trial *t, uint64_t end, bool packed)
{
    uint64_t now = load_tsc();

    do {
        for (unsigned int i = 0; i < t->n_guests; i++) {
            unsigned int moved = 0;

            if (t->n_in[i] || t->params.pattern == LOAD_SOURCE) {
                moved = receive_all(t, i, now, packed);
            }
            if (t->sending) {
                for (unsigned int j = 0; j < t->n_out[i]; j++) {
                    moved += feed(t, t->out[i][j], now, packed);
                }
            }

            uint64_t then = now;

            now = load_tsc();
            if (OVS_UNLIKELY(now - then > t->too_long)) {
                t->counters.away += now - then;
                t->counters.n_away++;
            } else if (moved) {
                t->counters.busy += now - then;
            } else {
                t->counters.idle += now - then;
            }
        }
    } while ((int64_t) (end - now) > 0);
}

void
load_loop(struct load_trial *t, uint64_t end)
{
    if (t->guests[0].packed) {
        loop(t, end, true);
    } else {
        loop(t, end, false);
    }
}
