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

/* Fuzzer: guests whose rings have anything in them.
 *
 * An input says how a ring is, and then what a guest does to it: chains of all
 * kinds, good ones too, fields of all kinds, between calls of the engine.
 * Guests that use different variants of the engine do the same; what has to
 * come of a call is said by fuzz-oracle.h.
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "fuzz-driver.h"
#include "fuzz-guest.h"
#include "fuzz-oracle.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "guest-fault.h"
#include "util.h"
#include "virtqueue-private.h"

#define MAX_STEPS 60

/* Longest frame for a guest. */
#define MAX_FRAME 9728

/* The switch's frames, each of up to three segments.  Data ends where the
 * buffer does, to find who reads beyond it. */
static struct rte_mempool *frame_pool;
static struct rte_mbuf *frames[MAX_SENT][3];

static void
init_frames(void)
{
    frame_pool = fake_mempool_create(MAX_SENT * 3, MAX_FRAME, 0);
    for (int i = 0; i < MAX_SENT; i++) {
        for (int j = 0; j < 3; j++) {
            struct rte_mbuf *m = rte_pktmbuf_alloc(frame_pool);
            uint8_t *data = m->buf_addr;

            for (uint32_t k = 0; k < MAX_FRAME; k++) {
                data[k] = (k * 7 + i * 29 + j * 83) ^ k >> 8;
            }
            frames[i][j] = m;
        }
    }
}

/* Makes frame 'i' one of 'len' bytes.  'kind' tells segments and whom it is
 * for. */
static struct rte_mbuf *
make_frame(unsigned int i, uint32_t len, uint8_t kind)
{
    const unsigned int n = len < 20 ? 1 : 1 + kind % 3;
    struct rte_mbuf *first = frames[i][0];

    for (unsigned int j = 0; j < n; j++) {
        struct rte_mbuf *m = frames[i][j];
        const uint32_t part = len * (j + 1) / n - len * j / n;

        m->data_off = m->buf_len - part;
        m->data_len = part;
        m->next = j + 1 < n ? frames[i][j + 1] : NULL;
        m->nb_segs = 1;
    }
    first->nb_segs = n;
    first->pkt_len = len;

    uint8_t *data = rte_pktmbuf_mtod(first, uint8_t *);

    data[0] = i * 2;
    if (kind & 0x40) {
        memset(data, kind & 0x80 ? 0xff : 1, 6);
    }
    return first;
}

/* Calls. */

/* Counts interrupts of 'g'. */
static void
take_signals(struct guest *g)
{
    uint64_t n = 0;

    if (read(g->callfd, &n, sizeof n) < 0) {
        FUZZ_CHECK(errno == EAGAIN);
    }
    g->n_signals = n;
}

/* Returns false if the input is over. */
static bool
do_dequeue(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);
    const unsigned int max = b & 0x80 ? b & 0x3f : VIRTQUEUE_MAX_BURST;

    oracle_look(false);
    fuzz_say("dequeue %u of %u", max, oracle_n_available());
    for (unsigned int i = 0; i < n_guests; i++) {
        struct guest *g = &guests[i];
        struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];

        while (g->n_held > (b & 0x40 ? MAX_HELD - VIRTQUEUE_MAX_BURST : 0)) {
            rte_pktmbuf_free(g->held[--g->n_held]);
        }
        FUZZ_CHECK(!i || guest_free_mbufs(g) == guest_free_mbufs(&guests[0])
                         + guests[0].n_new);
        g->result = virtqueue_dequeue(&g->vq, g->now, pkts, max);
        FUZZ_CHECK(g->result <= MIN(max, VIRTQUEUE_MAX_BURST));
        memcpy(&g->held[g->n_held], pkts, g->result * sizeof *pkts);
        g->n_held += g->result;
        g->n_new = g->result;
        take_signals(g);
    }
    if (oracle_is_blind()) {
        return false;
    }
    oracle_check_dequeue(max);
    return true;
}

static bool
do_enqueue(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);
    const unsigned int n = (b & 63) % (MAX_SENT + 1);
    struct rte_mbuf *pkts[MAX_SENT];
    uint32_t len = 60;
    uint8_t kind = 0;

    for (unsigned int i = 0; i < n; i++) {
        if (!i || b & 0x80) {
            len = driver_get_len(in);
            len = len < 14 ? 14 : MIN(len, MAX_FRAME / 2);
            kind = b & 0x40 ? fuzz_u8(in) : 0;
        }
        pkts[i] = make_frame(i, len, kind);
    }
    oracle_look(true);
    fuzz_say("enqueue %u to %u, the last of %"PRIu32" bytes", n,
             oracle_n_available(), len);
    for (unsigned int i = 0; i < n_guests; i++) {
        struct guest *g = &guests[i];

        g->n_new = 0;
        g->result = virtqueue_enqueue(&g->vq, pkts, n);
        FUZZ_CHECK(g->result <= n);
        take_signals(g);
    }
    if (oracle_is_blind()) {
        return false;
    }
    oracle_check_enqueue(pkts, n);
    return true;
}

static void
do_notify(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);

    oracle_look(true);
    for (unsigned int i = 0; i < n_guests; i++) {
        struct guest *g = &guests[i];

        g->n_new = 0;
        if (b & 1) {
            virtqueue_notify(&g->vq);
            take_signals(g);
        } else {
            if (b & 2) {
                /* As if the guest had polled for long. */
                g->vq.n_quiet = VQ_QUIET;
                layout.quiet = true;
            }
            virtqueue_recheck(&g->vq, &g->seen);
            take_signals(g);
            g->n_signals = 0;
        }
    }
    if (b & 1) {
        oracle_check_notify();
    }
}

static void
do_restart(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);
    uint16_t base = guests[0].vq.last_used;

    if (b & 0x80 && layout.packed) {
        base = (b & 0x3f) % layout.size | (b & 0x40 ? 0x8000 : 0);
    }
    fuzz_say("restart");
    if (b & 1) {
        layout.features ^= 1ULL << VIRTIO_RING_F_EVENT_IDX;
        layout.event_idx = !layout.event_idx;
    }
    guests_restart(base);
    driver_resume();
}

static void
do_log(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);

    for (unsigned int i = 0; layout.log_size && i < n_guests; i++) {
        virtqueue_set_log(&guests[i].vq, b & 1 ? NULL : &guests[i].log,
                          b & 2 ? VQ_NO_GPA : ofs_to_gpa(layout.used));
    }
}

/* The file behind memory shrinks. */
static void
do_fault(void)
{
    fuzz_say("fault");
    atomic_store_relaxed(&guest_fault_happened, true);
    for (unsigned int i = 0; i < n_guests; i++) {
        atomic_store_relaxed(&guests[i].map.faulted, true);
    }
}

static void
do_pending(void)
{
    const bool idle = virtqueue_is_idle(&guests[0].vq);
    const unsigned int n = virtqueue_pending(&guests[0].vq);

    FUZZ_CHECK(n <= layout.size);
    for (unsigned int i = 1; i < n_guests; i++) {
        FUZZ_CHECK_EQ(virtqueue_pending(&guests[i].vq), n);
        FUZZ_CHECK_EQ(virtqueue_is_idle(&guests[i].vq), idle);
    }
}

/* Returns false if the input is over. */
static bool
do_step(struct fuzz_input *in)
{
    const uint8_t op = fuzz_u8(in);

    switch (op & 15) {
    case 8:
    case 9:
        return do_dequeue(in);
    case 10:
    case 11:
        return do_enqueue(in);
    case 12:
        do_notify(in);
        return true;
    case 13:
        do_restart(in);
        return true;
    case 14:
        do_log(in);
        return true;
    case 15:
        if (op & 0x80) {
            do_fault();
        } else {
            do_pending();
        }
        return true;
    default:
        driver_step(in, op);
        return true;
    }
}

int
LLVMFuzzerInitialize(int *argc OVS_UNUSED, char ***argv OVS_UNUSED)
{
    fuzz_quiet();
    init_frames();
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };

    atomic_store_relaxed(&guest_fault_happened, false);
    guests_begin(&in);
    driver_begin();
    for (unsigned int i = 0; in.left && i < MAX_STEPS; i++) {
        if (!do_step(&in)) {
            break;
        }
        guests_check_fences();
        oracle_compare();
    }
    guests_check_fences();
    guests_end();
    return 0;
}
