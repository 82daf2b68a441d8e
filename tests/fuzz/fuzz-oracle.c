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

/* What must come of a call of the engine: see fuzz-oracle.h. */

#include <config.h>

#include "fuzz-oracle.h"

#include <string.h>

#include "fuzz-chains.h"
#include "util.h"
#include "virtqueue-private.h"

/* What there was before the call. */
static uint8_t before[MAX_TOTAL];
static struct virtqueue vq_before;
static struct virtqueue_stats stats_before;
static unsigned int free_before;

/* What the call may have changed: 1, or how often. */
static uint8_t touched[MAX_TOTAL];

/* The same after the call. */
static uint8_t after[MAX_TOTAL];

static uint16_t
get16(const uint8_t *mem, uint32_t ofs)
{
    uint16_t value;

    memcpy(&value, mem + ofs, sizeof value);
    return value;
}

void
oracle_look(bool receives)
{
    FUZZ_CHECK(layout.total <= MAX_TOTAL);
    guest_read(&guests[0], 0, before, layout.total);
    vq_before = guests[0].vq;
    stats_before = guests[0].stats;
    free_before = fake_mempool_count(guests[0].now);
    for (unsigned int i = 0; i < n_guests; i++) {
        if (guests[i].log.size) {
            memset(guests[i].log.bitmap, 0, guests[i].log.size);
        }
    }
    memset(touched, 0, layout.total);
    chains_read(before, receives);
}

bool
oracle_is_blind(void)
{
    return chains_blind;
}

unsigned int
oracle_n_available(void)
{
    return n_chains;
}

/* Comparing. */

static void
touch(uint32_t ofs, uint32_t len)
{
    for (; len; ofs++, len--) {
        FUZZ_CHECK(ofs < layout.total);
        touched[ofs] += touched[ofs] < 2;
    }
}

/* Says what of the rings the engine may have written, and returns how many
 * chains it gave back. */
static unsigned int
touch_rings(void)
{
    const struct virtqueue *vq = &guests[0].vq;
    unsigned int n = 0;

    FUZZ_CHECK_EQ(vq->last_used, vq->last_avail);
    if (layout.packed) {
        for (uint16_t place = vq_before.last_used; place != vq->last_used; ) {
            const struct chain *c = &chains[n++];

            FUZZ_CHECK(n <= n_chains);
            FUZZ_CHECK_EQ(place, c->place);
            for (uint16_t i = 0; i < c->n_slots; i++) {
                touch((place & 0x7fff) * 16 + 8, 8);
                place = chains_advance(place, 1);
            }
        }
        return n;
    }

    n = (uint16_t) (vq->last_used - vq_before.last_used);
    FUZZ_CHECK(n <= n_chains);
    for (uint16_t i = 0; i < n; i++) {
        const uint16_t slot = (vq_before.last_used + i) & (layout.size - 1);

        touch(layout.used + 4 + slot * 8, 8);
    }
    if (n) {
        touch(layout.used + 2, 2);
        FUZZ_CHECK_EQ(get16(after, layout.used + 2), vq->last_used);
    }
    if (layout.event_idx) {
        touch(layout.used + 4 + layout.size * 8, 2);
    }
    return n;
}

static bool
is_logged(uint32_t ofs)
{
    const struct guest *g = &guests[0];
    const uint64_t page = ofs_to_gpa(ofs) / 4096;

    return (!vq_before.log
            || (ofs < layout.arena && vq_before.used_gpa == VQ_NO_GPA)
            || page / 8 >= g->log.size
            || g->log.bitmap[page / 8] & 1u << page % 8);
}

/* Looks for bytes that changed and should not have, and for those that are not
 * in the log. */
static void
check_changes(void)
{
    enum { STEP = 256 };

    for (uint32_t ofs = 0; ofs < layout.total; ofs++) {
        if (!(ofs % STEP) && ofs + STEP <= layout.total
            && !memcmp(before + ofs, after + ofs, STEP)) {
            ofs += STEP - 1;
        } else if (before[ofs] != after[ofs]) {
            if (!touched[ofs]) {
                fuzz_say("byte %#"PRIx32" changed", ofs);
            }
            FUZZ_CHECK(touched[ofs]);
            FUZZ_CHECK(is_logged(ofs));
        }
    }
}

/* True if memory is gone.  Then the ring stops, nobody gets anything, and
 * nobody knows what is in memory. */
static bool
check_fault(void)
{
    const struct guest *g = &guests[0];

    if (!guest_memory_is_faulted(&g->map)) {
        return false;
    }
    FUZZ_CHECK(virtqueue_get_error(&g->vq));
    FUZZ_CHECK_EQ(g->result, 0);
    FUZZ_CHECK_EQ(g->n_signals, 0);
    FUZZ_CHECK_EQ(g->stats.packets, stats_before.packets);
    FUZZ_CHECK_EQ(g->vq.last_used, vq_before.last_used);
    return true;
}

/* Frames that were counted as dropped, and whether the ring stopped. */
static uint64_t
count_errors(void)
{
    const struct guest *g = &guests[0];
    uint64_t n_dropped = 0, n_fatal = 0;

    for (int i = 0; i < VQ_N_ERRORS; i++) {
        const uint64_t n = g->stats.errors[i] - stats_before.errors[i];

        if (virtqueue_error_is_fatal(i)) {
            n_fatal += n;
        } else if (i != VQ_ERR_NO_MBUF) {
            n_dropped += n;
        } else {
            FUZZ_CHECK(n <= 1);
        }
    }
    FUZZ_CHECK_EQ(n_fatal, (virtqueue_get_error(&g->vq) != VQ_ERR_NONE
                            && !virtqueue_get_error(&vq_before)));
    return n_dropped;
}

static bool
wants_interrupt(uint16_t old, uint16_t new)
{
    const uint16_t flags = get16(before, layout.avail + (layout.packed
                                                         ? 2 : 0));
    const uint16_t event
        = get16(before, layout.avail + (layout.packed ? 0
                                        : 4 + 2 * layout.size));

    if (vq_before.signalled_valid && old == new) {
        return false;
    }
    if (!layout.packed) {
        if (!layout.event_idx) {
            return !(flags & VRING_AVAIL_F_NO_INTERRUPT);
        }
        return (!vq_before.signalled_valid
                || (uint16_t) (new - event - 1) < (uint16_t) (new - old));
    }
    if ((flags & 3) != 2 || !layout.event_idx || !vq_before.signalled_valid) {
        return (flags & 3) != 1;
    }
    while (old != new && old != event) {
        old = chains_advance(old, 1);
    }
    return old != new;
}

/* 'may' says whether the call was one that may notify. */
static void
check_signals(bool may)
{
    const struct guest *g = &guests[0];

    FUZZ_CHECK_EQ(g->n_signals, g->stats.notifications
                                - stats_before.notifications);
    if (!layout.quiet) {
        const bool wanted = may && wants_interrupt(vq_before.signalled,
                                                   g->vq.last_used);

        FUZZ_CHECK_EQ(g->n_signals > 0, wanted);
    }
}

/* What the frames that were delivered add to the statistics. */
static void
count_frame(struct virtqueue_stats *s, const uint8_t *data, uint32_t len)
{
    static const uint16_t ends[] = { 63, 64, 127, 255, 511, 1023, 1518 };
    unsigned int bin = 0;

    while (bin < ARRAY_SIZE(ends) && len > ends[bin]) {
        bin++;
    }
    s->packets++;
    s->bytes += len;
    s->bins[bin]++;
    if (len >= 6 && !memcmp(data, "\xff\xff\xff\xff\xff\xff", 6)) {
        s->broadcast++;
    } else if (len >= 6 && data[0] & 1) {
        s->multicast++;
    }
}

static void
check_counts(const struct virtqueue_stats *added)
{
    const struct virtqueue_stats *s = &guests[0].stats;

    FUZZ_CHECK_EQ(s->packets - stats_before.packets, added->packets);
    FUZZ_CHECK_EQ(s->bytes - stats_before.bytes, added->bytes);
    FUZZ_CHECK_EQ(s->multicast - stats_before.multicast, added->multicast);
    FUZZ_CHECK_EQ(s->broadcast - stats_before.broadcast, added->broadcast);
    for (int i = 0; i < VQ_N_BINS; i++) {
        FUZZ_CHECK_EQ(s->bins[i] - stats_before.bins[i], added->bins[i]);
    }
}

static void
check_used(unsigned int i, uint16_t expected_id, uint32_t *len)
{
    uint32_t elem[2];

    if (layout.packed) {
        const uint16_t place = chains[i].place;
        const struct vring_packed_desc *d
            = (const void *) &after[(place & 0x7fff) * sizeof *d];

        FUZZ_CHECK_EQ(d->id, expected_id);
        FUZZ_CHECK_EQ(d->flags >> 7 & 1, place >> 15);
        FUZZ_CHECK_EQ(d->flags >> 15 & 1, place >> 15);
        FUZZ_CHECK_EQ(d->flags & VRING_DESC_F_WRITE,
                      d->len ? VRING_DESC_F_WRITE : 0);
        *len = d->len;
        return;
    }
    memcpy(elem, &after[layout.used + 4
                        + ((vq_before.last_used + i) & (layout.size - 1)) * 8],
           sizeof elem);
    FUZZ_CHECK_EQ(elem[0], expected_id);
    *len = elem[1];
}

/* The chain that 'mem' has in 'c', to 'dst', 'n' bytes of it. */
static void
gather(const uint8_t *mem, const struct chain *c, uint8_t *dst, uint32_t n)
{
    for (unsigned int i = 0; n; i++) {
        const struct buf *b = &chain_bufs[c->first + i];
        const uint32_t part = MIN(n, b->len);

        FUZZ_CHECK(i < c->n);
        memcpy(dst, mem + b->ofs, part);
        dst += part;
        n -= part;
    }
}

/* From the guest. */

static void
check_mbuf(const struct rte_mbuf *m, const uint8_t *frame, uint32_t len)
{
    FUZZ_CHECK_EQ(m->pkt_len, len);
    FUZZ_CHECK_EQ(m->data_len, len);
    FUZZ_CHECK(!memcmp(rte_pktmbuf_mtod(m, uint8_t *), frame, len));
    FUZZ_CHECK_EQ(m->data_off, RTE_PKTMBUF_HEADROOM);
    FUZZ_CHECK_EQ(m->nb_segs, 1);
    FUZZ_CHECK_EQ(m->ol_flags, 0);
    FUZZ_CHECK_EQ(m->port, RTE_MBUF_PORT_INVALID);
    FUZZ_CHECK_EQ(m->packet_type, 0);
    FUZZ_CHECK_EQ(m->vlan_tci, 0);
    FUZZ_CHECK_EQ(rte_mbuf_refcnt_read(m), 1);
    FUZZ_CHECK(!m->next);
}

/* True if the guest offers a frame in chain 'c'; it goes to 'frame'. */
static bool
read_frame(const struct chain *c, uint8_t *frame, uint32_t *len)
{
    uint8_t bytes[12 + FRAME_ROOM];

    if (!c->good || c->writable || c->total < layout.hdr_len + 14
        || c->total > layout.hdr_len + FRAME_ROOM) {
        return false;
    }
    gather(before, c, bytes, c->total);
    *len = c->total - layout.hdr_len;
    memcpy(frame, bytes + layout.hdr_len, *len);
    /* Neither checksums nor segmentation were negotiated. */
    return !(bytes[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM) && !bytes[1];
}

void
oracle_check_dequeue(unsigned int max)
{
    const struct guest *g = &guests[0];
    struct virtqueue_stats added = { .packets = 0 };
    const unsigned int limit = MIN(MIN(max, VIRTQUEUE_MAX_BURST), n_chains);
    unsigned int n, n_frames = 0, n_plain = 0;
    uint32_t used_len;

    if (check_fault()) {
        return;
    }
    guest_read(g, 0, after, layout.total);
    n = touch_rings();
    check_changes();
    FUZZ_CHECK(n <= limit);
    for (unsigned int i = 0; i < n; i++) {
        uint8_t frame[FRAME_ROOM];
        uint32_t len;

        if (read_frame(&chains[i], frame, &len)) {
            FUZZ_CHECK(n_frames < g->result);
            check_mbuf(g->held[g->n_held - g->result + n_frames++], frame,
                       len);
            count_frame(&added, frame, len);
        }
        if (!layout.in_order) {
            check_used(i, chains[i].id, &used_len);
            FUZZ_CHECK_EQ(used_len, 0);
        }
    }
    if (layout.in_order && n) {
        check_used(0, chains[n - 1].id, &used_len);
        FUZZ_CHECK_EQ(used_len, 0);
    }
    FUZZ_CHECK_EQ(g->result, n_frames);
    FUZZ_CHECK_EQ(count_errors(), n - n_frames);
    check_counts(&added);
    check_signals(n > 0);

    /* Nothing that is easy is left. */
    while (n_plain < limit && chains[n_plain].plain) {
        n_plain++;
    }
    if (n_plain == limit && free_before >= limit && chains_honest
        && !virtqueue_get_error(&g->vq)) {
        FUZZ_CHECK_EQ(n, limit);
    }
}

/* To the guest. */

/* Compares 'len' bytes with frame 'm', which may have segments. */
static bool
is_frame(const struct rte_mbuf *m, const uint8_t *data, uint32_t len)
{
    if (m->pkt_len != len) {
        return false;
    }
    for (; m; m = m->next) {
        if (memcmp(rte_pktmbuf_mtod(m, uint8_t *), data, m->data_len)) {
            return false;
        }
        data += m->data_len;
    }
    return true;
}

/* Looks at the frame that the guest finds in chain 'i' of 'n' and those that
 * follow, with 'lens' bytes.  It has to be one of the 'n_pkts' in 'pkts' from
 * '*at' on.  Returns how many chains it takes. */
static unsigned int
check_frame(unsigned int i, unsigned int n, const uint32_t *lens,
            struct rte_mbuf **pkts, unsigned int n_pkts, unsigned int *at,
            struct virtqueue_stats *added)
{
    static uint8_t frame[MAX_TOTAL];
    struct virtio_net_hdr_v1 hdr = { .num_buffers = 1 };
    const struct virtio_net_hdr_v1 zeros = { .flags = 0 };
    unsigned int n_merged;
    uint32_t len = 0;

    FUZZ_CHECK(lens[i] >= layout.hdr_len);
    gather(after, &chains[i], (uint8_t *) &hdr, layout.hdr_len);
    n_merged = hdr.num_buffers;
    FUZZ_CHECK(n_merged >= 1 && n_merged <= n - i);
    FUZZ_CHECK(layout.mergeable || n_merged == 1);
    hdr.num_buffers = 0;
    FUZZ_CHECK(!memcmp(&hdr, &zeros, sizeof hdr));
    for (unsigned int j = i; j < i + n_merged; j++) {
        FUZZ_CHECK(lens[j]);
        FUZZ_CHECK(len + lens[j] <= sizeof frame);
        gather(after, &chains[j], frame + len, lens[j]);
        len += lens[j];
    }
    len -= layout.hdr_len;
    while (*at < n_pkts
           && !is_frame(pkts[*at], frame + layout.hdr_len, len)) {
        ++*at;
    }
    FUZZ_CHECK(*at < n_pkts);
    ++*at;
    count_frame(added, frame + layout.hdr_len, len);
    return n_merged;
}

void
oracle_check_enqueue(struct rte_mbuf **pkts, unsigned int n_pkts)
{
    static uint32_t lens[MAX_CHAINS];
    const struct guest *g = &guests[0];
    struct virtqueue_stats added = { .packets = 0 };
    unsigned int n, at = 0;

    if (check_fault()) {
        return;
    }
    guest_read(g, 0, after, layout.total);
    n = touch_rings();
    for (unsigned int i = 0; i < n; i++) {
        const struct chain *c = &chains[i];
        uint32_t left;

        check_used(i, c->id, &lens[i]);
        FUZZ_CHECK(lens[i] <= c->total);
        FUZZ_CHECK(!lens[i] || c->writable);
        left = lens[i];
        for (unsigned int j = 0; left; j++) {
            const struct buf *b = &chain_bufs[c->first + j];

            touch(b->ofs, MIN(b->len, left));
            left -= MIN(b->len, left);
        }
    }
    check_changes();
    check_signals(n > 0);

    const uint64_t n_dropped = count_errors();
    const uint64_t n_delivered = g->stats.packets - stats_before.packets;

    FUZZ_CHECK_EQ(n_delivered + n_dropped, g->result);
    if (!memchr(touched, 2, layout.total)) {
        for (unsigned int i = 0; i < n; ) {
            i += (lens[i] ? check_frame(i, n, lens, pkts, g->result, &at,
                                        &added)
                  : 1);
        }
        check_counts(&added);
    }

    /* What is easy has been done. */
    if (n_pkts && n_chains && chains_honest
        && chains[0].good && chains[0].writable
        && chains[0].n <= 100
        && chains[0].total >= layout.hdr_len + pkts[0]->pkt_len
        && !virtqueue_get_error(&vq_before)) {
        FUZZ_CHECK(n && lens[0] && g->result);
    }
}

void
oracle_check_notify(void)
{
    const struct guest *g = &guests[0];

    guest_read(g, 0, after, layout.total);
    FUZZ_CHECK(!memcmp(before, after, layout.total));
    check_signals(!vq_before.signalled_valid
                  || vq_before.signalled != g->vq.last_used);
}

/* Variants. */

static void
compare(const struct guest *a, const struct guest *b)
{
    fuzz_say("variant %s", b->variant);
    FUZZ_CHECK_EQ(b->result, a->result);
    FUZZ_CHECK_EQ(virtqueue_get_error(&b->vq), virtqueue_get_error(&a->vq));
    FUZZ_CHECK_EQ(b->vq.last_used, a->vq.last_used);
    FUZZ_CHECK_EQ(b->vq.last_avail, a->vq.last_avail);
    FUZZ_CHECK_EQ(b->vq.exhausted, a->vq.exhausted);
    FUZZ_CHECK_EQ(b->vq.n_rests, a->vq.n_rests);
    FUZZ_CHECK_EQ(b->n_held, a->n_held);
    FUZZ_CHECK_EQ(guest_free_mbufs(b), guest_free_mbufs(a));
    if (!layout.quiet) {
        FUZZ_CHECK_EQ(b->n_signals, a->n_signals);
        FUZZ_CHECK(!memcmp(&b->stats, &a->stats, sizeof a->stats));
    }
    for (unsigned int i = 0; i < layout.n_regions; i++) {
        FUZZ_CHECK(!memcmp(b->map.regions[i].hva, a->map.regions[i].hva,
                           layout.regions[i].size));
    }
    if (a->log.size) {
        FUZZ_CHECK(!memcmp(b->log.bitmap, a->log.bitmap, a->log.size));
    }
    for (unsigned int i = a->n_held - a->n_new; i < a->n_held; i++) {
        const struct rte_mbuf *m = a->held[i];

        check_mbuf(b->held[i], rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len);
    }
}

void
oracle_compare(void)
{
    for (unsigned int i = 1; i < n_guests; i++) {
        compare(&guests[0], &guests[i]);
    }
}
