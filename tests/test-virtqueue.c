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


/* Tests the virtqueue engine with a guest in the same process, without EAL.
 * Each test is a command; "bench" measures instead.  They run with split
 * rings unless told otherwise: see main(). */

#include <config.h>

#include "test-virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

const char *placement_names[N_PLACEMENTS] = { "direct", "indirect", "mixed" };

unsigned int
placement_direct(enum placement p, unsigned int n)
{
    return p == DIRECT ? n : p == INDIRECT ? 0 : n / 2;
}

bool
placement_allowed(enum placement p, unsigned int n)
{
    const unsigned int n_direct = placement_direct(p, n);

    return (placement_ring(p, n) <= LONGEST_CHAIN
            && n - n_direct <= LONGEST_CHAIN);
}

unsigned int
placement_ring(enum placement p, unsigned int n)
{
    const unsigned int n_direct = placement_direct(p, n);

    return n_direct + (n_direct < n);
}

void
make_frame(uint8_t *frame, uint32_t len)
{
    random_bytes(frame, len);
    frame[0] &= ~1;
}

struct rte_mbuf *
make_mbuf(struct rte_mempool *pool, const uint8_t *frame, uint32_t len,
          unsigned int n_segs)
{
    struct rte_mbuf *first = NULL;
    struct rte_mbuf **next = &first;

    for (unsigned int i = 0; i < n_segs; i++) {
        const uint32_t from = (uint64_t) len * i / n_segs;
        const uint32_t to = (uint64_t) len * (i + 1) / n_segs;
        struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

        memcpy(rte_pktmbuf_mtod(m, void *), frame + from, to - from);
        m->data_len = to - from;
        *next = m;
        next = &m->next;
    }
    first->pkt_len = len;
    first->nb_segs = n_segs;
    return first;
}

uint16_t
post_tx(struct vq_guest *g, enum vg_shape shape, enum placement placement,
        const uint8_t *frame, uint32_t len)
{
    static struct vg_buf bufs[MAX_FRAME + 16];
    const uint8_t hdr[12] = { 0 };
    const unsigned int n = vg_cut(g, shape, g->hdr_len + len, bufs);

    vg_write(g, bufs, n, 0, hdr, g->hdr_len);
    vg_write(g, bufs, n, g->hdr_len, frame, len);
    return vg_post(g, bufs, n, placement_direct(placement, n), 0);
}

uint16_t
post_rx(struct vq_guest *g, uint32_t len, struct vg_buf *buf)
{
    buf->gpa = vg_alloc(g, len);
    buf->len = len;
    return vg_post(g, buf, 1, 1, VRING_DESC_F_WRITE);
}

void
transmit_frames(struct vq_guest *g, struct rte_mempool *pool, unsigned int n)
{
    uint8_t frame[60] = { 0 };
    uint32_t len;
    uint16_t head;

    vg_reset(g);
    for (unsigned int i = 0; i < n; i++) {
        post_tx(g, VG_ONE, DIRECT, frame, sizeof frame);
    }
    vg_publish(g);
    for (unsigned int left = n; left; ) {
        struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
        const unsigned int got = virtqueue_dequeue(&g->vq, pool, pkts, left);

        ovs_assert(got);
        rte_pktmbuf_free_bulk(pkts, got);
        left -= got;
    }
    while (vg_get_used(g, &head, &len)) {
        n--;
    }
    ovs_assert(!n);
}

void
check_offload_mbuf(const struct rte_mbuf *m, const uint8_t *frame,
                   uint32_t len, uint64_t ol_flags)
{
    if (CHECK_EQ(m->pkt_len, len) && CHECK_EQ(m->data_len, len)) {
        CHECK_MEM(rte_pktmbuf_mtod(m, uint8_t *), frame, len);
    }
    CHECK_EQ(m->data_off, RTE_PKTMBUF_HEADROOM);
    CHECK_EQ(m->nb_segs, 1);
    CHECK_EQ(m->ol_flags, ol_flags);
    CHECK_EQ(m->port, RTE_MBUF_PORT_INVALID);
    CHECK_EQ(m->packet_type, 0);
    CHECK_EQ(m->vlan_tci, 0);
    CHECK_EQ(rte_mbuf_refcnt_read(m), 1);
    CHECK(!m->next);
}

void
check_mbuf(const struct rte_mbuf *m, const uint8_t *frame, uint32_t len)
{
    check_offload_mbuf(m, frame, len, 0);
}

void
check_stats(const struct vq_guest *g, const struct virtqueue_stats *expected)
{
    const struct virtqueue_stats *s = &g->stats;

    CHECK_EQ(s->packets, expected->packets);
    CHECK_EQ(s->bytes, expected->bytes);
    CHECK_EQ(s->multicast, expected->multicast);
    CHECK_EQ(s->broadcast, expected->broadcast);
    CHECK_EQ(s->notifications, expected->notifications);
    for (int i = 0; i < VQ_N_BINS; i++) {
        CHECK_EQ(s->bins[i], expected->bins[i]);
    }
    for (int i = 0; i < VQ_N_ERRORS; i++) {
        if (s->errors[i] != expected->errors[i]) {
            CHECK_EQ(s->errors[i], expected->errors[i]);
            printf("... for error \"%s\"\n", virtqueue_error_text(i));
        }
    }
}

bool
can_have_error(enum virtqueue_error error)
{
    const bool is_split = !(vg_features & F_PACKED);

    return (error != VQ_ERR_NONE && error != VQ_ERR_FAULT
            && (is_split || (error != VQ_ERR_AVAIL_JUMP
                             && error != VQ_ERR_HEAD)));
}

void
expect_frame(struct virtqueue_stats *s, const uint8_t *frame, uint32_t len)
{
    const bool broadcast = len >= 6 && !memcmp(frame, "\xff\xff\xff\xff\xff"
                                               "\xff", 6);

    s->packets++;
    s->bytes += len;
    s->broadcast += broadcast;
    s->multicast += !broadcast && frame[0] & 1;
    s->bins[len < 64 ? VQ_BIN_UNDERSIZE
            : len == 64 ? VQ_BIN_64
            : len < 128 ? VQ_BIN_127
            : len < 256 ? VQ_BIN_255
            : len < 512 ? VQ_BIN_511
            : len < 1024 ? VQ_BIN_1023
            : len < 1519 ? VQ_BIN_1518
            : VQ_BIN_MAX]++;
}

static const struct check_test tests[] = {
    { "dequeue", test_dequeue },
    { "dequeue-burst", test_dequeue_burst },
    { "enqueue", test_enqueue },
    { "enqueue-burst", test_enqueue_burst },
    { "mergeable", test_mergeable },
    { "segments", test_segments },
    { "notify", test_notify },
    { "quiet", test_quiet },
    { "turns", test_turns },
    { "resume", test_resume },
    { "dirty-log", test_dirty_log },
    { "statistics", test_statistics },
    { "errors", test_errors },
    { "walk", test_walk },
    { "csum", test_csum },
    { "fault", test_fault },
    { "flipper", test_flipper },
    { "wrap", test_wrap },
    { "random", test_random },
    { "packed-place", test_packed },
    { "bench", test_bench },
    { "count", test_count },
    { "count-build", test_count_build },
    { "count-steps", test_count_steps },
    { "compare-variants", test_compare_variants },
    { "variants", test_variants },
    { NULL, NULL },
};

int
main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        uint64_t features;
    } kinds[] = {
        { "packed", F_PACKED },
        { "in-order", F_PACKED | F_IN_ORDER },
        { "split-in-order", F_IN_ORDER },
    };
    const char *option = "--variant=";

    /* Which of the functions to test. */
    if (argc > 1 && !strncmp(argv[1], option, strlen(option))) {
        char *error = virtqueue_set_variant(argv[1] + strlen(option));

        if (error) {
            fprintf(stderr, "--variant: %s\n", error);
            return 1;
        }
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    /* A kind of rings may come before the test's name. */
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (argc > 1 && !strcmp(argv[1], kinds[i].name)) {
            vg_features = kinds[i].features;
            argv[1] = argv[0];
            argc--;
            argv++;
            break;
        }
    }
    return check_main(argc, argv, tests);
}
