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


/* Attacks by rings: what a guest can do.  See attack.h.
 *
 * "flood" and "echo" are no attacks but honest guests, to compare with. */

#include <config.h>

#include "attack.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>

#include "frontend-ring.h"
#include "util.h"

#define SHORT_FRAME 60
#define KICKS 64

/* Longest chain that a back end of ours takes. */
#define LONGEST 1024

/* Where in the buffer of the first slot a table is. */
#define TABLE_OFS 4096

/* 64 pieces, most of them of one byte. */
#define ONES "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
#define PIECES "12," ONES ONES ONES "1,1"

static struct fe_ring *
rx_ring(struct attacker *a)
{
    return &a->fe.rings[0];
}

static struct fe_ring *
tx_ring(struct attacker *a)
{
    return &a->fe.rings[1];
}

static void
return_to_sender(struct attacker *a, bool echo)
{
    a->frame[5] = echo ? ATTACK_ECHO_BYTE : 0;
}

/* A ring that lost track of the back end is started anew. */
static int
check_ring(struct attacker *a)
{
    return tx_ring(a)->broken || rx_ring(a)->broken ? ECONNRESET : 0;
}

/* Sends up to 'max' frames of 'len' bytes and returns how many. */
static unsigned int
send_frames(struct attacker *a, size_t len, unsigned int max)
{
    struct fe_ring *r = tx_ring(a);
    unsigned int n = 0;

    while (n < max && fe_tx(r, a->frame, len)) {
        n++;
    }
    if (n) {
        fe_publish(r);
    } else {
        sched_yield();
    }
    return n;
}

static void
receive_frames(struct attacker *a)
{
    struct fe_frame frames[FE_BURST];

    while (fe_rx_burst(rx_ring(a), frames, FE_BURST)) {
        fe_rx_release(rx_ring(a));
    }
}

static int
flood(struct attacker *a)
{
    return_to_sender(a, false);
    send_frames(a, SHORT_FRAME, UINT16_MAX);
    return check_ring(a);
}

static int
echo(struct attacker *a)
{
    return_to_sender(a, true);
    send_frames(a, sizeof a->frame, 64);
    receive_frames(a);
    return check_ring(a);
}

static int
kick(struct attacker *a)
{
    for (int i = 0; i < KICKS; i++) {
        fe_kick(&a->fe.rings[i % a->fe.n_rings]);
    }
    return 0;
}

static int
hoard(struct attacker *a)
{
    return_to_sender(a, true);
    send_frames(a, SHORT_FRAME, UINT16_MAX);
    return check_ring(a);
}

/* Makes everything available again and again without a look at what was
 * used. */
static int
overrun(struct attacker *a)
{
    struct fe_ring *r = tx_ring(a);
    const int error = fe_lost(&a->fe) ? ECONNRESET : 0;

    if (!r->packed) {
        r->avail_idx += r->size;
        __atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
    } else {
        for (unsigned int i = 0; i < r->size; i++) {
            fe_ring_put(r, i);
        }
        r->published = r->avail_idx - r->size;
        fe_publish(r);
    }
    if (!error && !(++a->phase % 16)) {
        return fe_reset_rings(&a->fe);
    }
    return error;
}

static int
stutter(struct attacker *a)
{
    struct fe_ring *r = tx_ring(a);

    return_to_sender(a, false);
    if (r->n_free < r->n_slots) {
        fe_tx_reclaim(r);
    }
    if (r->n_free == r->n_slots) {
        send_frames(a, SHORT_FRAME, 1);
    }
    return check_ring(a);
}

static int
bursts(struct attacker *a)
{
    struct fe_ring *r = tx_ring(a);

    return_to_sender(a, false);
    fe_tx_reclaim(r);
    if (r->n_free == r->n_slots) {
        send_frames(a, SHORT_FRAME, a->phase++ % 2 ? 1 : UINT16_MAX);
    }
    return check_ring(a);
}

static void
use_pieces(struct fe_config *c)
{
    c->tx_shape = PIECES;
    c->tx_buf = 2048;
}

static void
use_crumbs(struct fe_config *c)
{
    c->rx_shape = "indirect:" PIECES;
    c->rx_buf = 128;
}

static void
use_tiny(struct fe_config *c)
{
    c->rx_buf = 16;
}

static int
pieces(struct attacker *a)
{
    return_to_sender(a, false);
    send_frames(a, 12 + 62, UINT16_MAX);
    return check_ring(a);
}

/* All of the ring is one chain, and all that is available. */
static void
prepare_longest(struct attacker *a)
{
    struct fe_ring *r = tx_ring(a);

    for (unsigned int i = 0; i < r->size; i++) {
        r->desc[i] = (struct vring_desc) {
            .addr = r->segs[0].gpa,
            .len = i ? 1 : r->hdr_len,
            .flags = i < r->size - 1 ? VRING_DESC_F_NEXT : 0,
            .next = i + 1,
        };
        r->avail->ring[i] = 0;
    }
    memcpy(r->segs[0].va + r->hdr_len, a->frame, SHORT_FRAME);
}

static int
longest(struct attacker *a)
{
    struct fe_ring *r = tx_ring(a);
    const uint16_t idx = fe_ring_used_idx(r) + r->size;

    if (r->packed) {
        return EINVAL;
    }
    if (__atomic_exchange_n(&r->avail->idx, idx, __ATOMIC_RELEASE) == idx) {
        sched_yield();
    }
    r->base = idx;
    return fe_lost(&a->fe) ? ECONNRESET : 0;
}

static void
use_table(struct fe_config *c)
{
    c->tx_buf = TABLE_OFS + LONGEST * sizeof(struct vring_desc);
}

/* One table for all slots. */
static void
prepare_table(struct attacker *a)
{
    struct fe_ring *r = tx_ring(a);

    fe_ring_spoil(r);
    for (unsigned int i = 0; i < LONGEST; i++) {
        const struct vring_desc d = {
            .addr = r->segs[0].gpa,
            .len = i ? 1 : r->hdr_len,
            .flags = i < LONGEST - 1 ? VRING_DESC_F_NEXT : 0,
            .next = i + 1,
        };

        fe_store_desc(r, r->segs[0].va + TABLE_OFS + i * sizeof d, &d);
    }
}

static int
table(struct attacker *a)
{
    struct fe_ring *r = tx_ring(a);
    unsigned int n = 0;

    return_to_sender(a, false);
    while (fe_tx(r, a->frame, SHORT_FRAME)) {
        const uint16_t id = r->avail->ring[(r->avail_idx - 1) & r->mask];

        r->desc[id] = (struct vring_desc) {
            .addr = r->segs[0].gpa + TABLE_OFS,
            .len = LONGEST * sizeof *r->desc,
            .flags = VRING_DESC_F_INDIRECT,
        };
        n++;
    }
    fe_publish(r);
    if (!n) {
        sched_yield();
    }
    return check_ring(a);
}

static void
use_csum(struct fe_config *c)
{
    c->features |= FE_BIT(FE_F_csum);
}

/* An IPv4 packet of 'protocol' whose checksum is left to the switch. */
static int
send_partial(struct attacker *a, uint8_t protocol, uint16_t csum_offset)
{
    static const uint8_t ip[] = {
        0x08, 0x00, 0x45, 0, 0x05, 0xdc, 0, 0, 0, 0, 64, 0, 0, 0,
        10, 0, 0, 1, 10, 0, 0, 2, 0x40, 0, 0x40, 0, 0x05, 0xc8,
    };
    struct fe_ring *r = tx_ring(a);
    const struct virtio_net_hdr hdr = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .csum_start = 34,
        .csum_offset = csum_offset,
    };
    unsigned int n = 0;

    return_to_sender(a, true);
    memcpy(a->frame + 12, ip, sizeof ip);
    a->frame[23] = protocol;
    fe_ring_spoil(r);
    while (n < 64 && fe_tx(r, a->frame, sizeof a->frame)) {
        fe_tx_set_header(r, &hdr);
        n++;
    }
    fe_publish(r);
    receive_frames(a);
    return check_ring(a);
}

static int
csum_udp(struct attacker *a)
{
    return send_partial(a, IPPROTO_UDP, 6);
}

static int
csum_sctp(struct attacker *a)
{
    return send_partial(a, IPPROTO_SCTP, 8);
}

/* Rings that stop and go, and what they are made of. */

static int
toggle(struct attacker *a)
{
    const unsigned int n = a->fe.n_rings;
    const unsigned int i = a->phase++;

    return fe_enable_ring(&a->fe, i % n, i / n % 2);
}

static int
restart(struct attacker *a)
{
    const unsigned int i = a->phase++ % a->fe.n_rings;
    const int error = fe_stop_ring(&a->fe, i);

    return error ? error : fe_start_ring(&a->fe, i);
}

static int
mem_table(struct attacker *a)
{
    return fe_set_mem_table(&a->fe);
}

static int
remap(struct attacker *a)
{
    return_to_sender(a, false);
    send_frames(a, SHORT_FRAME, UINT16_MAX);
    return fe_set_mem_table(&a->fe);
}

static int
set_call(struct attacker *a)
{
    const unsigned int i = a->phase++ % a->fe.n_rings;

    return fe_set_vring_fd(&a->fe, FE_SET_VRING_CALL, i,
                           a->fe.rings[i].callfd);
}

const struct attack ring_attacks[] = {
    { "flood", "no attack: 64 B as fast as it can", true, .step = flood },
    { "echo", "no attack: 1518 B to itself", true, .step = echo },
    { "kick", "kicks in a loop", true, .step = kick },
    { "hoard", "sends to itself, never returns receive buffers", true,
      .step = hoard },
    { "overrun", "never looks at what was used", true, .step = overrun },
    { "stutter", "one frame at a time", true, .step = stutter },
    { "bursts", "a full ring, one frame, a full ring...", true,
      .step = bursts },
    { "pieces", "frames in 64 pieces", true, .configure = use_pieces,
      .step = pieces },
    { "longest", "frames in 1024 pieces of the ring", true,
      .prepare = prepare_longest, .step = longest },
    { "table", "frames in tables of 1024 pieces", true,
      .configure = use_table, .prepare = prepare_table, .step = table },
    { "crumbs", "receives 1518 B in 770 pieces", true,
      .configure = use_crumbs, .step = echo },
    { "tiny", "receives 1518 B in buffers of 16", true,
      .configure = use_tiny, .step = echo },
    { "csum-udp", "leaves UDP checksums to the switch", true, true,
      .configure = use_csum, .step = csum_udp },
    { "csum-sctp", "leaves SCTP checksums to the switch", true, true,
      .configure = use_csum, .step = csum_sctp },
    { "toggle", "disables and enables rings", true, .step = toggle },
    { "restart", "stops and starts rings", true, .step = restart },
    { "mem-table", "sets its memory table anew", true, .step = mem_table },
    { "remap", "sets its memory table anew while it sends", true,
      .step = remap },
    { "set-call", "replaces call eventfds", true, .step = set_call },
};
const unsigned int n_ring_attacks = ARRAY_SIZE(ring_attacks);
