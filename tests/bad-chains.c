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


/* Descriptor chains that break the rules: see bad-chains.h. */

#include <config.h>

#include "bad-chains.h"

#include <string.h>

#include "test-virtqueue.h"
#include "util.h"

/* Addresses where there is no memory: below, above, at the end. */
#define NOWHERE 0x1000

/* The frame that makes it through if the chain is good after all. */
uint8_t bad_chain_frame[BAD_CHAIN_FRAME_LEN];

static void
post(struct vq_guest *g, const struct vg_buf bufs[], unsigned int n,
     enum placement placement, uint16_t flags)
{
    vg_post(g, bufs, n, placement_direct(placement, n), flags);
}

/* A chain of buffers that are good.  Large enough for header and frame, after
 * a header of zeros. */
static uint16_t
post_good(struct vq_guest *g, enum vg_shape shape, enum placement placement,
          uint16_t write)
{
    struct vg_buf bufs[128];

    if (!write) {
        return post_tx(g, shape, placement, bad_chain_frame,
                       BAD_CHAIN_FRAME_LEN);
    }

    const unsigned int n = vg_cut(g, shape,
                                  g->hdr_len + BAD_CHAIN_FRAME_LEN, bufs);

    return vg_post(g, bufs, n, placement_direct(placement, n), write);
}

/* Last buffer at 'gpa' with 'len' bytes. */
static void
post_then(struct vq_guest *g, enum placement placement, uint16_t write,
          uint64_t gpa, uint32_t len)
{
    const struct vg_buf bufs[] = {
        { vg_alloc(g, g->hdr_len + 4), g->hdr_len + 4 }, { gpa, len }
    };

    memset(vg_ptr(g, bufs[0].gpa), 0, g->hdr_len + 4);
    post(g, bufs, 2, placement, write);
}

static uint64_t
memory_end(const struct vq_guest *g)
{
    return guest_memory_end(g->map);
}

static void
address_below(struct vq_guest *g, uint16_t write)
{
    post(g, &(struct vg_buf) { NOWHERE, 100 }, 1, DIRECT, write);
}

static void
address_end(struct vq_guest *g, uint16_t write)
{
    post(g, &(struct vg_buf) { memory_end(g) - 99, 100 }, 1, DIRECT, write);
}

static void
address_beyond(struct vq_guest *g, uint16_t write)
{
    post(g, &(struct vg_buf) { memory_end(g), 100 }, 1, INDIRECT, write);
}

static void
address_wrap(struct vq_guest *g, uint16_t write)
{
    post(g, &(struct vg_buf) { UINT64_MAX - 50, 100 }, 1, DIRECT, write);
}

static void
address_second(struct vq_guest *g, uint16_t write)
{
    post_then(g, DIRECT, write, memory_end(g) - 59, 60);
}

static void
address_second_indirect(struct vq_guest *g, uint16_t write)
{
    post_then(g, INDIRECT, write, UINT64_MAX, 60);
}

/* Ends beyond memory, while the frame would not have got there. */
static void
address_too_long(struct vq_guest *g, uint16_t write)
{
    if (write) {
        post(g, &(struct vg_buf) { memory_end(g) - 200, 201 }, 1, DIRECT,
             write);
    } else {
        address_end(g, write);
    }
}

/* Changes descriptor 'i' of a chain. */
static void
flip_flags(struct vq_guest *g, uint16_t head, unsigned int i, uint16_t flags)
{
    struct vring_desc d = vg_get_desc(g, head, i);

    d.flags ^= flags;
    vg_set_desc(g, head, i, &d);
}

static void
set_len(struct vq_guest *g, uint16_t head, unsigned int i, uint32_t len)
{
    struct vring_desc d = vg_get_desc(g, head, i);

    d.len = len;
    vg_set_desc(g, head, i, &d);
}

static void
set_next(struct vq_guest *g, uint16_t head, unsigned int i, uint16_t next)
{
    struct vring_desc d = vg_get_desc(g, head, i);

    d.flags |= VRING_DESC_F_NEXT;
    d.next = next;
    vg_set_desc(g, head, i, &d);
}

static void
set_table(struct vq_guest *g, uint16_t head, uint64_t gpa, uint32_t len)
{
    struct vring_desc d = vg_get_desc(g, head, 0);

    d.addr = gpa;
    d.len = len;
    vg_set_desc(g, head, 0, &d);
}

static void
table_outside(struct vq_guest *g, uint16_t write)
{
    set_table(g, post_good(g, VG_ONE, INDIRECT, write), NOWHERE, 16);
}

static void
table_end(struct vq_guest *g, uint16_t write)
{
    set_table(g, post_good(g, VG_ONE, INDIRECT, write), memory_end(g) - 16,
              32);
}

static void
short_by_one(struct vq_guest *g, uint16_t write)
{
    post(g, &(struct vg_buf) { vg_alloc(g, 100), g->hdr_len + 13 }, 1,
         DIRECT, write);
}

static void
short_header(struct vq_guest *g, uint16_t write)
{
    post(g, &(struct vg_buf) { vg_alloc(g, 100), g->hdr_len }, 1, DIRECT,
         write);
}

static void
short_of_header(struct vq_guest *g, uint16_t write)
{
    post(g, &(struct vg_buf) { vg_alloc(g, 100), g->hdr_len - 1 }, 1,
         INDIRECT, write);
}

static void
short_pieces(struct vq_guest *g, uint16_t write)
{
    const uint64_t gpa = vg_alloc(g, 100);
    const struct vg_buf bufs[] = {
        { gpa, 3 }, { gpa, g->hdr_len - 3 }, { gpa, 13 }
    };

    post(g, bufs, 3, MIXED, write);
}

static void
short_empty(struct vq_guest *g, uint16_t write)
{
    /* CVE-2020-10725: nowhere, with nothing there. */
    const struct vg_buf bufs[] = { { NOWHERE, 0 }, { UINT64_MAX, 0 } };

    post(g, bufs, 2, DIRECT, write);
}

static void
direction_only(struct vq_guest *g, uint16_t write)
{
    post(g, &(struct vg_buf) { vg_alloc(g, 100), 100 }, 1, DIRECT,
         write ^ VRING_DESC_F_WRITE);
}

static void
direction_first(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_SEPARATE, DIRECT, write);

    flip_flags(g, head, 0, VRING_DESC_F_WRITE);
}

static void
direction_second(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_SEPARATE, DIRECT, write);

    flip_flags(g, head, 1, VRING_DESC_F_WRITE);
}

static void
long_by_one(struct vq_guest *g, uint16_t write)
{
    const uint32_t len = g->hdr_len + MAX_FRAME + 1;

    post(g, &(struct vg_buf) { vg_alloc(g, len), len }, 1, DIRECT, write);
}

static void
long_chain(struct vq_guest *g, uint16_t write)
{
    post_then(g, DIRECT, write, vg_alloc(g, MAX_FRAME), MAX_FRAME - 3);
}

static void
long_same(struct vq_guest *g, uint16_t write)
{
    struct vg_buf bufs[BAD_CHAIN_RING_SIZE];

    /* All in the same place. */
    for (int i = 0; i < ARRAY_SIZE(bufs); i++) {
        bufs[i] = (struct vg_buf) { g->arena, 2000 };
    }
    post(g, bufs, ARRAY_SIZE(bufs), INDIRECT, write);
}

static void
set_header(struct vq_guest *g, enum vg_shape shape, uint8_t flags,
           uint8_t gso_type)
{
    const uint8_t hdr[12] = { flags, gso_type };
    static struct vg_buf bufs[128];
    const unsigned int n = vg_cut(g, shape,
                                  g->hdr_len + BAD_CHAIN_FRAME_LEN, bufs);

    vg_write(g, bufs, n, 0, hdr, g->hdr_len);
    vg_write(g, bufs, n, g->hdr_len, bad_chain_frame, BAD_CHAIN_FRAME_LEN);
    post(g, bufs, n, DIRECT, 0);
}

static void
header_csum(struct vq_guest *g, uint16_t write OVS_UNUSED)
{
    set_header(g, VG_ONE, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
}

static void
header_csum_parts(struct vq_guest *g, uint16_t write OVS_UNUSED)
{
    set_header(g, VG_HDR_PARTS, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
}

static void
header_gso(struct vq_guest *g, uint16_t write OVS_UNUSED)
{
    set_header(g, VG_ONE, 0, VIRTIO_NET_HDR_GSO_TCPV4);
}

static void
header_gso_parts(struct vq_guest *g, uint16_t write OVS_UNUSED)
{
    set_header(g, VG_HDR_PARTS, 0, VIRTIO_NET_HDR_GSO_ECN);
}

/* Bits that nobody has to know. */
static void
good_header_bits(struct vq_guest *g, uint16_t write OVS_UNUSED)
{
    set_header(g, VG_ONE, (uint8_t) ~VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
}

static void
head_size(struct vq_guest *g, uint16_t write OVS_UNUSED)
{
    vg_offer(g, BAD_CHAIN_RING_SIZE);
}

static void
head_max(struct vq_guest *g, uint16_t write OVS_UNUSED)
{
    vg_offer(g, UINT16_MAX);
}

static void
next_outside(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_SEPARATE, DIRECT, write);

    set_next(g, head, 0, BAD_CHAIN_RING_SIZE);
}

static void
loop_self(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_ONE, DIRECT, write);

    set_next(g, head, 0, head);
    set_len(g, head, 0, 0);
}

static void
loop_two(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_SEPARATE, DIRECT, write);

    set_next(g, head, 1, head);
    set_len(g, head, 1, 0);
    set_len(g, head, 0, 0);
}

/* A packed chain that goes on where nothing is available. */
static void
runs_on(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_SEPARATE, DIRECT, write);

    flip_flags(g, head, 1, ((1 << VRING_PACKED_DESC_F_AVAIL)
                            | (1 << VRING_PACKED_DESC_F_USED)));
}

/* The same where it is broken already before. */
static void
runs_on_bad(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_HDR_PARTS, DIRECT, write);
    struct vring_desc d = vg_get_desc(g, head, 0);

    d.addr = NOWHERE;
    vg_set_desc(g, head, 0, &d);
    flip_flags(g, head, 2, 1 << VRING_PACKED_DESC_F_USED);
}

/* Bad at first, with all of the rest to be skipped. */
static void
address_first_of_many(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_HDR_PARTS, MIXED, write);
    struct vring_desc d = vg_get_desc(g, head, 0);

    d.addr = NOWHERE;
    vg_set_desc(g, head, 0, &d);
}

static void
table_empty(struct vq_guest *g, uint16_t write)
{
    set_len(g, post_good(g, VG_ONE, INDIRECT, write), 0, 0);
}

static void
table_odd(struct vq_guest *g, uint16_t write)
{
    set_len(g, post_good(g, VG_ONE, INDIRECT, write), 0, 17);
}

static void
table_large(struct vq_guest *g, uint16_t write)
{
    set_len(g, post_good(g, VG_ONE, INDIRECT, write), 0,
            (BAD_CHAIN_RING_SIZE + 1) * sizeof *g->desc);
}

static void
table_and_next(struct vq_guest *g, uint16_t write)
{
    flip_flags(g, post_good(g, VG_ONE, INDIRECT, write), 0,
               VRING_DESC_F_NEXT);
}

/* Changes entry 'i' of a table with two. */
static void
post_table(struct vq_guest *g, uint16_t write, unsigned int i,
           uint16_t flags, uint16_t next, bool empty)
{
    const uint16_t head = post_good(g, VG_SEPARATE, INDIRECT, write);
    uint8_t *table = vg_ptr(g, vg_get_desc(g, head, 0).addr);
    struct vring_desc d = vg_load_desc(g, table + i * sizeof d);

    d.flags |= flags;
    d.next = next;
    d.len = empty ? 0 : d.len;
    vg_store_desc(g, table + i * sizeof d, &d);
    if (empty) {
        /* No way out through the other one. */
        d = vg_load_desc(g, table);
        d.len = 0;
        vg_store_desc(g, table, &d);
    }
}

/* A table in a table, each good by itself. */
static void
table_nested(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_ONE, INDIRECT, write);
    const uint64_t table = vg_alloc(g, sizeof *g->desc);
    struct vring_desc d = vg_get_desc(g, head, 0);

    vg_store_desc(g, vg_ptr(g, table), &d);
    d.addr = table;
    vg_set_desc(g, head, 0, &d);
}

static void
table_next_outside(struct vq_guest *g, uint16_t write)
{
    post_table(g, write, 0, VRING_DESC_F_NEXT, 2, false);
}

static void
table_loop(struct vq_guest *g, uint16_t write)
{
    post_table(g, write, 1, VRING_DESC_F_NEXT, 0, true);
}

static void
good_table(struct vq_guest *g, uint16_t write)
{
    const uint16_t head = post_good(g, VG_ONE, INDIRECT, write);

    /* "The device MUST ignore the write-only flag" (virtio 1.2, 2.7.5.3.2).
     */
    flip_flags(g, head, 0, VRING_DESC_F_WRITE);
}

const struct bad_chain bad_chains[] = {
#define P(NAME, TX, RX, LACKING) { #NAME, NAME, TX, RX, LACKING, true, true }
#define BOTH(NAME, ERROR) P(NAME, VQ_ERR_##ERROR, VQ_ERR_##ERROR, 0)
#define TX(NAME, ERROR) P(NAME, VQ_ERR_##ERROR, BAD_CHAIN_SKIP, 0)
#define SPLIT(NAME, ERROR) \
    { #NAME, NAME, VQ_ERR_##ERROR, VQ_ERR_##ERROR, 0, true, false }
#define PACKED(NAME, TX, RX) { #NAME, NAME, TX, RX, 0, false, true }
    BOTH(address_below, ADDRESS),
    BOTH(address_end, ADDRESS),
    BOTH(address_beyond, ADDRESS),
    BOTH(address_wrap, ADDRESS),
    BOTH(address_second, ADDRESS),
    BOTH(address_second_indirect, ADDRESS),
    BOTH(address_too_long, ADDRESS),
    BOTH(table_outside, ADDRESS),
    BOTH(table_end, ADDRESS),
    P(short_by_one, VQ_ERR_SHORT, VQ_ERR_SMALL_BUFFER, 0),
    P(short_header, VQ_ERR_SHORT, VQ_ERR_SMALL_BUFFER, 0),
    P(short_of_header, VQ_ERR_SHORT, VQ_ERR_SMALL_BUFFER, 0),
    P(short_pieces, VQ_ERR_SHORT, VQ_ERR_SMALL_BUFFER, 0),
    P(short_empty, VQ_ERR_SHORT, VQ_ERR_SMALL_BUFFER, 0),
    BOTH(direction_only, DIRECTION),
    BOTH(direction_first, DIRECTION),
    BOTH(direction_second, DIRECTION),
    TX(long_by_one, LONG),
    TX(long_chain, LONG),
    TX(long_same, LONG),
    TX(header_csum, HEADER),
    TX(header_csum_parts, HEADER),
    TX(header_gso, HEADER),
    TX(header_gso_parts, HEADER),
    TX(good_header_bits, NONE),
    SPLIT(head_size, HEAD),
    SPLIT(head_max, HEAD),
    SPLIT(next_outside, HEAD),
    SPLIT(loop_self, CHAIN),
    SPLIT(loop_two, CHAIN),
    PACKED(runs_on, VQ_ERR_CHAIN, VQ_ERR_CHAIN),
    PACKED(runs_on_bad, VQ_ERR_CHAIN, VQ_ERR_CHAIN),
    BOTH(address_first_of_many, ADDRESS),
    BOTH(table_empty, INDIRECT),
    BOTH(table_odd, INDIRECT),
    BOTH(table_large, INDIRECT),
    BOTH(table_and_next, INDIRECT),
    SPLIT(table_nested, INDIRECT),
    SPLIT(table_next_outside, INDIRECT),
    SPLIT(table_loop, INDIRECT),
    /* Flags that are not looked at (virtio 1.2, 2.8.7). */
    PACKED(table_nested, VQ_ERR_SHORT, VQ_ERR_DIRECTION),
    PACKED(table_next_outside, VQ_ERR_NONE, BAD_CHAIN_SKIP),
    PACKED(table_loop, VQ_ERR_SHORT, VQ_ERR_SMALL_BUFFER),
    BOTH(good_table, NONE),
    P(good_table, VQ_ERR_INDIRECT, VQ_ERR_INDIRECT, F_INDIRECT),
    { NULL, NULL, VQ_ERR_NONE, VQ_ERR_NONE, 0, false, false },
};
