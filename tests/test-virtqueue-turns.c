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

/* Tests of what a guest pays for frames in more pieces than any honest one
 * has. */

#include <config.h>

#include "test-virtqueue.h"

#include "util.h"

#define FRAME 500               /* Bytes: 34 + 3 pieces are fair. */
#define MAX_PIECES 1000

static const struct {
    unsigned int n_pieces;
    bool table;                 /* Behind a descriptor of the ring. */
    unsigned int n_turns;
} rows[] = {
    { 2, false, 0 },
    { 40, false, 0 },
    { 41, false, 1 },
    { 39, true, 0 },
    { 40, true, 1 },
    { 137, false, 25 },
    { MAX_PIECES, false, 240 },
    { MAX_PIECES, true, 241 },
};

/* Posts a chain for a frame of FRAME bytes, most pieces of one byte. */
static void
post(struct vq_guest *g, const uint8_t *frame, unsigned int n_pieces,
     bool table, bool receive)
{
    static struct vg_buf bufs[MAX_PIECES];
    uint32_t left = g->hdr_len + FRAME;

    for (unsigned int i = n_pieces; i-- > 0;) {
        /* The last one is the longest, except that in frames in very many
         * pieces some are empty. */
        uint32_t len = (i == n_pieces - 1
                        ? MAX(left, n_pieces) - (n_pieces - 1) : left > 0);

        bufs[i] = (struct vg_buf) { vg_alloc(g, len), len };
        left -= len;
    }
    if (!receive) {
        static const uint8_t header[12];

        vg_write(g, bufs, n_pieces, 0, header, g->hdr_len);
        vg_write(g, bufs, n_pieces, g->hdr_len, frame, FRAME);
    }
    vg_post(g, bufs, n_pieces, table ? 0 : n_pieces,
            receive ? VRING_DESC_F_WRITE : 0);
}

/* One call for up to 'n' frames.  Returns how many it dealt with. */
static unsigned int
call(struct vq_guest *g, struct rte_mempool *pool, const uint8_t *frame,
     unsigned int n, bool receive)
{
    struct rte_mbuf *pkts[2];
    unsigned int done;

    if (!receive) {
        done = virtqueue_dequeue(&g->vq, pool, pkts, n);
        rte_pktmbuf_free_bulk(pkts, done);
        return done;
    }
    for (unsigned int i = 0; i < n; i++) {
        pkts[i] = make_mbuf(pool, frame, FRAME, 1);
    }
    done = virtqueue_enqueue(&g->vq, pkts, n);
    CHECK_EQ(g->vq.exhausted, done < n);
    rte_pktmbuf_free_bulk(pkts, n);
    return done;
}

/* Three frames, the second of which is plain: that one has not to wait. */
static void
pay(struct rte_mempool *pool, size_t row, bool receive)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_INDIRECT,
        .size = 4096,
        .arena = 1024 * 1024,
    };
    const unsigned int n_pieces = rows[row].n_pieces;
    const unsigned int n_turns = rows[row].n_turns;
    const bool table = rows[row].table;
    uint8_t frame[FRAME];
    struct vq_guest g;
    uint32_t used_len;
    uint16_t head;

    check_context("%u pieces, %s, to be %s", n_pieces,
                  table ? "table" : "ring", receive ? "received" : "sent");
    make_frame(frame, sizeof frame);
    vg_init(&g, &config);
    post(&g, frame, n_pieces, table, receive);
    post(&g, frame, 1, false, receive);
    post(&g, frame, n_pieces, table, receive);
    vg_publish(&g);
    CHECK_EQ(call(&g, pool, frame, 1, receive), 1);
    if (n_turns) {
        CHECK_EQ(call(&g, pool, frame, 2, receive), 1);
        for (unsigned int i = 1; i < n_turns; i++) {
            CHECK_EQ(call(&g, pool, frame, 1, receive), 0);
        }
        CHECK_EQ(call(&g, pool, frame, 1, receive), 1);
    } else {
        CHECK_EQ(call(&g, pool, frame, 2, receive), 2);
    }
    CHECK_EQ(virtqueue_get_error(&g.vq), VQ_ERR_NONE);
    CHECK_EQ(g.stats.packets, 3);

    /* A ring that starts anew has no debts. */
    while (vg_get_used(&g, &head, &used_len)) {
        continue;
    }
    vg_restart(&g);
    vg_reset(&g);
    post(&g, frame, n_pieces, table, receive);
    vg_publish(&g);
    CHECK_EQ(call(&g, pool, frame, 1, receive), 1);
    vg_uninit(&g);
}

void
test_turns(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct rte_mempool *pool = fake_mempool_create(4, POOL_ROOM, 0);

    for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
        pay(pool, row, false);
        pay(pool, row, true);
    }
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}
