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

/* What guests do to their rings: see fuzz-driver.h. */

#include <config.h>

#include "fuzz-driver.h"

#include <string.h>

#include "fuzz-guest.h"
#include "util.h"

/* Where the driver is: the next available entry, or place. */
static uint16_t next_avail;
static uint16_t next_id;

/* Values. */

uint32_t
driver_get_len(struct fuzz_input *in)
{
    static const uint32_t lens[] = {
        0, 1, 9, 10, 11, 12, 13, 16, 32, 48, 64, 76, 128, 256, 512, 1024,
        FRAME_ROOM + 9, FRAME_ROOM + 10, FRAME_ROOM + 11, FRAME_ROOM + 12,
        FRAME_ROOM + 13, 2048, 4096, 65536, INT32_MAX, UINT32_MAX - 11,
        UINT32_MAX
    };
    const uint8_t b = fuzz_u8(in);

    if (b < 0xc0) {
        return layout.hdr_len + 12 + b;
    }
    return (b < 0xe0 ? fuzz_u16(in) % 4096
            : lens[(b - 0xe0) % ARRAY_SIZE(lens)]);
}

/* An offset in the arena. */
static uint32_t
get_ofs(struct fuzz_input *in)
{
    return layout.arena + fuzz_u16(in) % layout.arena_size;
}

/* An address; nearly always where 'len' bytes fit, or nearly. */
static uint64_t
get_gpa(struct fuzz_input *in, uint32_t len)
{
    const uint8_t b = fuzz_u8(in);

    if (b < 0xe0) {
        return ofs_to_gpa(layout.arena
                          + (b << 8 | fuzz_u8(in)) % layout.arena_size);
    }

    const unsigned int i = (b >> 1) % layout.n_regions;
    const uint64_t first = layout.regions[i].gpa;
    const uint64_t end = first + layout.regions[i].size;

    switch (b & 7) {
    case 0:
        return end - len;
    case 1:
        return end - len + fuzz_u8(in) - 128;
    case 2:
        return first + fuzz_u8(in) - 128;
    case 3:
        return ofs_to_gpa(fuzz_u16(in) % layout.arena);
    case 4:
        return UINT64_MAX - fuzz_u8(in);
    case 5:
        return UINT64_MAX - len + 1;
    case 6:
        return fuzz_u64(in);
    default:
        return 0;
    }
}

/* Descriptors. */

static void
write_desc(uint32_t ofs, const struct vring_desc *d)
{
    struct vring_desc copy = *d;

    if (layout.packed) {
        copy.flags = d->next;
        copy.next = d->flags;
    }
    guests_write(ofs, &copy, sizeof copy);
}

static struct vring_desc
get_desc(struct fuzz_input *in, uint16_t direction, bool header)
{
    struct vring_desc d = { .len = driver_get_len(in), .flags = direction };
    uint32_t ofs;

    d.addr = get_gpa(in, d.len);
    if (header && gpa_to_ofs(d.addr, layout.hdr_len, &ofs)
        && ofs >= layout.arena) {
        const uint8_t zeros[12] = { 0 };

        guests_write(ofs, zeros, layout.hdr_len);
    }
    return d;
}

/* What a descriptor in a packed ring has for flags when it is available, or
 * used if not. */
static uint16_t
owner_flags(uint16_t place, bool available)
{
    const bool wrap = place >> 15;

    return (wrap ? 1 << 7 : 0) | (wrap == available ? 0 : 1 << 15);
}

static uint16_t
advance(uint16_t place)
{
    return ((place & 0x7fff) + 1 < layout.size ? place + 1
            : ~place & 0x8000);
}

/* Offers the 'n' descriptors of 'descs' as one chain. */
static void
offer(struct vring_desc descs[], unsigned int n)
{
    uint16_t head = next_id;

    if (layout.packed) {
        const uint16_t id = next_id++;

        for (unsigned int i = 0; i < n; i++) {
            struct vring_desc *d = &descs[i];

            d->next = id;
            d->flags |= owner_flags(next_avail, true)
                        | (i + 1 < n ? VRING_DESC_F_NEXT : 0);
            write_desc((next_avail & 0x7fff) * sizeof *d, d);
            next_avail = advance(next_avail);
        }
        return;
    }
    for (unsigned int i = 0; i < n; i++) {
        struct vring_desc *d = &descs[i];
        const uint16_t idx = (head + i) & (layout.size - 1);

        d->next = (idx + 1) & (layout.size - 1);
        d->flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
        write_desc(idx * sizeof *d, d);
    }
    head &= layout.size - 1;
    next_id += n;
    guests_write(layout.avail + 4 + (next_avail & (layout.size - 1)) * 2,
                 &head, sizeof head);
    next_avail++;
}

static void
publish(void)
{
    if (!layout.packed) {
        guests_write(layout.avail + 2, &next_avail, sizeof next_avail);
    }
}

/* Room in the ring, for a driver that keeps to what is right. */
static unsigned int
room(void)
{
    const uint16_t used = guests[0].vq.last_used;

    if (layout.packed) {
        const unsigned int d = (next_avail & 0x7fff) - (used & 0x7fff);
        const unsigned int n = (next_avail ^ used) & 0x8000
                               ? d + layout.size : d;

        return n < layout.size ? layout.size - n : 0;
    }

    const uint16_t n = next_avail - used;

    return n < layout.size ? layout.size - n : 0;
}

/* Steps. */

static void
do_plain(struct fuzz_input *in, uint16_t direction)
{
    const uint8_t b = fuzz_u8(in);
    unsigned int n = MIN(1 + (b & 63), room());
    const bool each = b & 64;
    const uint8_t stride = b & 128 ? fuzz_u8(in) : 0;
    struct vring_desc d = { .len = 0 };
    const uint8_t zeros[12] = { 0 };
    uint32_t ofs = 0, len = 0;

    for (unsigned int i = 0; i < n; i++) {
        if (!i || each) {
            d = get_desc(in, direction, true);
            len = d.len;
            if (!gpa_to_ofs(d.addr, 1, &ofs)) {
                ofs = UINT32_MAX;
            }
        } else if (ofs != UINT32_MAX) {
            /* Further buffers lie one behind the other. */
            ofs += stride ? stride : MIN(len, 256);
            if (ofs >= layout.total) {
                ofs = layout.arena + ofs % 64;
            }
            d.addr = ofs_to_gpa(ofs);
            guests_write(ofs, zeros, layout.hdr_len);
        }
        d.flags = direction;
        offer(&d, 1);
    }
    publish();
}

static void
do_chain(struct fuzz_input *in, uint16_t direction)
{
    const uint8_t b = fuzz_u8(in);
    const unsigned int n = MIN(1 + (b & 7), room());
    struct vring_desc descs[8];

    for (unsigned int i = 0; i < n; i++) {
        descs[i] = get_desc(in, direction, !i);
        if (b & 8) {
            descs[i].flags ^= fuzz_u8(in) & 0xff7f;
        }
    }
    if (n) {
        offer(descs, n);
        publish();
    }
}

/* An indirect table of up to 16 entries, perhaps after other descriptors. */
static void
do_table(struct fuzz_input *in, uint16_t direction)
{
    const uint8_t b = fuzz_u8(in);
    const unsigned int n = 1 + (b & 15);
    const unsigned int n_direct = MIN(b >> 4 & 3, MAX(room(), 1) - 1);
    struct vring_desc descs[4];
    const uint64_t gpa = get_gpa(in, n * sizeof *descs);
    uint32_t ofs;

    if (!room()) {
        return;
    }
    for (unsigned int i = 0; i < n_direct; i++) {
        descs[i] = get_desc(in, direction, !i);
    }
    for (unsigned int i = 0; i < n; i++) {
        struct vring_desc d = get_desc(in, direction, !i && !n_direct);

        d.flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
        d.next = i + 1;
        if (b & 0x40) {
            d.flags ^= fuzz_u8(in) & 7;
            d.next = fuzz_u8(in) % (n + 2);
        }
        if (gpa_to_ofs(gpa, n * sizeof d, &ofs)) {
            write_desc(ofs + i * sizeof d, &d);
        }
    }
    descs[n_direct] = (struct vring_desc) {
        .addr = gpa,
        .len = n * sizeof *descs + (b & 0x80 ? fuzz_u8(in) : 0),
        .flags = VRING_DESC_F_INDIRECT,
    };
    offer(descs, n_direct + 1);
    publish();
}

/* Any field of any descriptor. */
static void
do_desc(struct fuzz_input *in, uint16_t direction)
{
    const uint16_t idx = (guests[0].vq.last_used + fuzz_u8(in)) & 0x7fff;
    const uint32_t at = idx % layout.size * 16;
    const uint8_t what = fuzz_u8(in);
    struct vring_desc d = get_desc(in, direction, false);
    uint16_t word = fuzz_u16(in);

    if (what & 16) {
        /* Where the ring ends. */
        word = layout.size + word % 3 - 1;
    }
    if (what & 1) {
        guests_write(at, &d.addr, sizeof d.addr);
    }
    if (what & 2) {
        guests_write(at + 8, &d.len, sizeof d.len);
    }
    if (what & 4) {
        guests_write(at + 12, &word, sizeof word);
    }
    if (what & 8) {
        guests_write(at + 14, &word, sizeof word);
    }
}

/* What is available. */
static void
do_available(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);
    uint16_t idx = guests[0].vq.last_avail;

    if (layout.packed) {
        for (unsigned int i = 0; i < b % layout.size; i++) {
            uint16_t flags;

            guest_read(&guests[0], (idx & 0x7fff) * 16 + 14, &flags,
                       sizeof flags);
            flags = (flags & 0x7f7f) | owner_flags(idx, true);
            guests_write((idx & 0x7fff) * 16 + 14, &flags, sizeof flags);
            idx = advance(idx);
        }
        next_avail = idx;
    } else if (b & 0x80) {
        const uint16_t head = fuzz_u8(in) | (b & 0x40 ? fuzz_u8(in) << 8 : 0);

        guests_write(layout.avail + 4
                     + ((idx + (b & 0x3f)) & (layout.size - 1)) * 2,
                     &head, sizeof head);
    } else {
        next_avail = idx + (b & 0x40 ? fuzz_u16(in)
                            : (b & 0x3f) % (layout.size + 1));
        publish();
    }
}

static void
do_event(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);
    const uint16_t flags = b & 7;
    const uint16_t event = guests[0].vq.last_used + (b >> 3) - 3;

    if (layout.packed) {
        const uint16_t off = (event & 0x7fff) % layout.size;
        const uint16_t wrap = b & 4 ? 0x8000 : 0;
        const uint16_t off_wrap = off | wrap;

        guests_write(layout.avail, &off_wrap, sizeof off_wrap);
        guests_write(layout.avail + 2, &flags, sizeof flags);
    } else {
        guests_write(layout.avail, &flags, sizeof flags);
        guests_write(layout.avail + 4 + layout.size * 2, &event,
                     sizeof event);
    }
}

static void
do_poke(struct fuzz_input *in, bool header)
{
    const uint32_t ofs = get_ofs(in);
    const uint8_t n = header ? 12 : 1 + fuzz_u8(in) % 32;
    uint8_t bytes[32];

    fuzz_bytes(in, bytes, header ? 2 : n);
    if (header) {
        memset(bytes + 2, 0, 10);
    }
    guests_write(ofs, bytes, n);
}

void
driver_resume(void)
{
    next_avail = guests[0].vq.last_avail;
}

void
driver_begin(void)
{
    next_id = 0;
    driver_resume();
}

void
driver_step(struct fuzz_input *in, uint8_t op)
{
    const uint16_t direction = op & 0x10 ? VRING_DESC_F_WRITE : 0;

    switch (op & 7) {
    case 0:
    case 1:
        do_plain(in, direction);
        break;
    case 2:
        do_chain(in, direction);
        break;
    case 3:
        do_table(in, direction);
        break;
    case 4:
        do_desc(in, direction);
        break;
    case 5:
        do_available(in);
        break;
    case 6:
        do_event(in);
        break;
    default:
        do_poke(in, op & 0x10);
        break;
    }
}
