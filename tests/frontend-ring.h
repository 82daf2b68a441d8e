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


#ifndef FRONTEND_RING_H
#define FRONTEND_RING_H 1

/* Virtqueues, driver side, for the test front end
 * ===============================================
 *
 * Rings are split.  Packed ones look the same from outside: see
 * frontend-packed.h.
 *
 * A ring (virtio 1.2, 2.7) has "slots": buffers, each with descriptors of its
 * own that point nowhere else, so that nothing is allocated while it runs.
 * The shape of a slot is the same all over a ring.  It is given by a string,
 *
 *     [indirect:]LENGTH,LENGTH,...
 *
 * the lengths, in bytes, of the pieces that a slot consists of but the last,
 * which takes all the rest.  Pieces of a slot lie in different regions.  With
 * "indirect:" (and if negotiated) the pieces are described by an indirect
 * table.  No shape at all means the plainest one the negotiated features
 * allow.
 *
 * Frames move in bursts through inline functions, without a system call but
 * for the notification that the back end asks for:
 *
 *     while (fe_tx(ring, frame, length)) {
 *         ...
 *     }
 *     fe_publish(ring);
 *
 *     n = fe_rx_burst(ring, frames, ARRAY_SIZE(frames));
 *     ...look at frames[i].data...
 *     fe_rx_release(ring);
 *
 * What the back end does is checked as it goes: see 'struct fe_ring_stats'.
 *
 * Thread-safety: each ring may be used by a thread of its own. */

#include <errno.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "frontend-memory.h"
#include "openvswitch/compiler.h"
#include "util.h"

struct fe_dirty;
struct fe_frame;

#define FE_BURST 32
#define FE_MAX_SEGS 64
#define FE_MAX_FRAME 65536

struct fe_ring_stats {
    uint64_t packets;           /* Received, or sent and taken back. */
    uint64_t bytes;             /* Without virtio-net headers. */
    uint64_t queued;            /* Frames made available for sending... */
    uint64_t queued_bytes;
    uint64_t full;              /* ...and refused for want of a slot. */
    uint64_t kicks;             /* Notifications sent... */
    uint64_t calls;             /* ...and wake-ups received. */
    uint64_t merged;            /* Frames in more than one slot. */

    /* Offences of the back end. */
    uint64_t bad_id;            /* Used what was not available. */
    uint64_t bad_len;           /* Used length impossible. */
    uint64_t bad_buffers;       /* 'num_buffers' impossible. */
    uint64_t bad_header;        /* Header fields that were not negotiated. */
    uint64_t bad_index;         /* Used index ran ahead of available. */
};

struct fe_ring {
    /* Shared with the back end, unless the ring is packed. */
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    struct vring_desc *tables;  /* Indirect tables, NULL if not indirect. */
    uint64_t tables_gpa;

    struct fe_packed *packed;   /* NULL if it is split. */

    uint16_t size;              /* Entries... */
    uint16_t mask;              /* ...minus one, up to a power of two. */
    bool rx;                    /* The guest receives. */
    bool event_idx;
    bool mergeable;
    bool interrupt;             /* Ask for interrupts. */
    bool strict_header;         /* No offloads: headers must be all zero. */
    bool broken;                /* Lost track: the back end misbehaved. */
    bool in_order;              /* A split ring in order. */
    bool spoilt;                /* A test wrote to descriptors: mend them. */
    bool plain;                 /* One piece a slot, and not spoilt. */
    uint16_t n_long;            /* Descriptors of a slot that a test made that
                                 * long, or 0. */
    uint8_t hdr_len;

    uint16_t n_segs;            /* Pieces of a slot. */
    uint16_t shift;             /* Log2 of descriptors of a slot. */
    uint32_t caps[FE_MAX_SEGS]; /* Bytes of each piece. */
    uint32_t capacity;          /* Their sum. */
    struct fe_addr *segs;       /* n_slots * n_segs of them. */

    uint16_t n_slots;
    uint16_t n_free;
    uint16_t *free;             /* Slots that are ours... */
    bool *busy;                 /* ...and those that are the back end's. */

    uint16_t avail_idx;         /* Next entry to fill... */
    uint16_t published;         /* ...and what the back end was told. */
    uint16_t used_idx;          /* Next entry to look at. */
    uint16_t batch_left;        /* Frames sent that a used element that was
                                 * looked at stands for as well. */
    uint32_t base;              /* For FE_SET_VRING_BASE. */
    int kickfd, callfd;

    uint16_t n_taken;           /* Slots to fe_rx_release()... */
    uint16_t *taken;
    uint8_t *bounce;            /* ...and frames put together from several. */

    struct fe_dirty *dirty;     /* Takes note of what is written, or NULL. */
    struct fe_ring_stats stats;
};

struct fe_ring_config {
    uint16_t size;
    bool rx;
    uint64_t features;          /* Negotiated. */
    const char *shape;          /* May be NULL. */
    size_t buf_size;            /* Bytes in a slot, with the header. */
    bool interrupt;
};

/* Lays out a ring in 'mem'; for both passes. */
void fe_ring_init(struct fe_ring *, struct fe_memory *mem,
                  const struct fe_ring_config *);
void fe_ring_uninit(struct fe_ring *);

/* Checks a shape.  Returns NULL or a malloc'd complaint. */
char *fe_shape_check(const char *shape);

/* Starts anew with an empty ring; a receive ring gets all of its slots.  The
 * first leaves these to fe_rx_release(). */
void fe_ring_prepare(struct fe_ring *, const struct fe_memory *);
void fe_ring_reset(struct fe_ring *, const struct fe_memory *);

/* Writes all descriptors again, after guest addresses changed. */
void fe_ring_rewrite(struct fe_ring *, const struct fe_memory *);

/* To be called before a test changes descriptors: has each slot mended when
 * it is used the next time. */
void fe_ring_spoil(struct fe_ring *);

/* Turns interrupts on and off. */
void fe_ring_set_interrupt(struct fe_ring *, bool);

/* For a ring with interrupts: asks for one and returns true, unless there is
 * something to do already. */
bool fe_ring_arm(struct fe_ring *);

/* Takes note that the back end interrupted us. */
void fe_ring_clear_call(struct fe_ring *);

/* Bytes of the three parts (virtio 1.2, 2.7). */
static inline size_t
fe_desc_size(unsigned int n)
{
    return n * sizeof(struct vring_desc);
}

static inline size_t
fe_avail_size(unsigned int n)
{
    return 6 + 2 * n;
}

static inline size_t
fe_used_size(unsigned int n)
{
    return 6 + 8 * n;
}

/* Bodies of the functions below. */
void fe_kick(struct fe_ring *);
void fe_store_desc(const struct fe_ring *, void *, const struct vring_desc *);
void fe_packed_poll(struct fe_ring *);
bool fe_packed_publish(struct fe_ring *, uint16_t from, uint16_t to);
void fe_tx_fill__(struct fe_ring *, unsigned int slot, const void *,
                  size_t len);
bool fe_rx_gather__(struct fe_ring *, const struct vring_used_elem *,
                    unsigned int n, uint8_t *to, struct fe_frame *f);
void fe_dirty_note(struct fe_dirty *, const struct fe_ring *,
                   const struct vring_used_elem *);

/* The first descriptor of 'slot', in the ring or in its table. */
static inline struct vring_desc *
fe_slot_desc(const struct fe_ring *r, unsigned int slot)
{
    return (OVS_UNLIKELY(r->tables != NULL)
            ? &r->tables[slot * r->n_segs]
            : &r->desc[slot << r->shift]);
}

static inline uint16_t
fe_load_acquire(const uint16_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* Where the other side's wishes are kept with VIRTIO_RING_F_EVENT_IDX. */
static inline uint16_t *
fe_used_event(const struct fe_ring *r)
{
    return &r->avail->ring[r->size];
}

static inline const uint16_t *
fe_avail_event(const struct fe_ring *r)
{
    return (const uint16_t *) &r->used->ring[r->size];
}

/* Makes 'slot' available, after the next fe_publish(). */
static inline void
fe_ring_put(struct fe_ring *r, uint16_t slot)
{
    r->busy[slot] = true;
    r->avail->ring[r->avail_idx++ & r->mask] = slot << r->shift;
}

/* Shows the back end what was put, and notifies it if it asks for that. */
static inline void
fe_publish(struct fe_ring *r)
{
    uint16_t old = r->published;

    if (r->avail_idx == old) {
        return;
    }
    r->published = r->avail_idx;
    if (OVS_UNLIKELY(r->packed != NULL)) {
        if (fe_packed_publish(r, old, r->avail_idx)) {
            fe_kick(r);
        }
        return;
    }
    __atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    if (r->event_idx
        ? vring_need_event(__atomic_load_n(fe_avail_event(r),
                                           __ATOMIC_RELAXED),
                           r->avail_idx, old)
        : !(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED)
            & VRING_USED_F_NO_NOTIFY)) {
        fe_kick(r);
    }
}

/* The used index. */
static inline uint16_t
fe_ring_used_idx(struct fe_ring *r)
{
    if (OVS_UNLIKELY(r->packed != NULL)) {
        fe_packed_poll(r);
    }
    return fe_load_acquire(&r->used->idx);
}

/* Number of used entries to look at. */
static inline uint16_t
fe_ring_n_used(struct fe_ring *r)
{
    uint16_t n = fe_ring_used_idx(r) - r->used_idx;

    if (OVS_UNLIKELY(n > r->n_slots - r->n_free - r->n_taken
                     && !r->broken)) {
        r->stats.bad_index++;
        r->broken = true;
    }
    return OVS_LIKELY(!r->broken) ? n : 0;
}

/* Takes note that the back end gave 'id' back.  Returns its slot, or -1 if it
 * was not the back end's to give. */
static inline int
fe_ring_complete(struct fe_ring *r, uint32_t id)
{
    uint32_t slot = id >> r->shift;

    if (OVS_UNLIKELY(slot >= r->n_slots || id != slot << r->shift
                     || !r->busy[slot])) {
        r->stats.bad_id++;
        r->broken = true;
        return -1;
    }
    r->busy[slot] = false;
    return slot;
}

/* Without event indexes a flag says for good that no interrupts are wanted;
 * with them, the index must be kept away from where the back end is. */
static inline void
fe_ring_ward_off(struct fe_ring *r)
{
    if (r->event_idx && !r->interrupt && !r->packed) {
        uint16_t *event = fe_used_event(r);

        if ((uint16_t) (r->used_idx - *event) > 16384) {
            *event = r->used_idx - 1;
        }
    }
}

/* Sending. */

/* The head of the next of 'n' chains that the back end gave back.  With
 * VIRTIO_F_IN_ORDER, used element 'e' in its place may name a later one, and
 * stands for all up to that then. */
static inline uint32_t
fe_tx_used_head(struct fe_ring *r, const struct vring_used_elem *e,
                unsigned int n)
{
    const uint16_t *avail = r->avail->ring;

    if (!r->in_order) {
        return e->id;
    }
    if (!r->batch_left) {
        while (avail[(r->used_idx + r->batch_left++) & r->mask] != e->id) {
            if (r->batch_left >= n) {
                /* One that was not offered, or not yet. */
                r->batch_left = 0;
                return UINT32_MAX;
            }
        }
    }
    r->batch_left--;
    return avail[r->used_idx & r->mask];
}

/* Takes back the slots of frames that were sent.  Returns how many. */
static inline unsigned int
fe_tx_reclaim(struct fe_ring *r)
{
    unsigned int n = fe_ring_n_used(r);

    for (unsigned int i = 0; i < n; i++) {
        struct vring_used_elem *e = &r->used->ring[r->used_idx & r->mask];
        bool skipped = r->batch_left > 0;
        int slot = fe_ring_complete(r, fe_tx_used_head(r, e, n - i));

        if (OVS_UNLIKELY(slot < 0)) {
            return i;
        }
        r->stats.bad_len += !skipped && e->len != 0;
        r->free[r->n_free++] = slot;
        if (OVS_UNLIKELY(r->dirty != NULL)) {
            fe_dirty_note(r->dirty, r, e);
        }
        r->used_idx++;
    }
    r->stats.packets += n;
    fe_ring_ward_off(r);
    return n;
}

/* Puts a frame of 'len' bytes.  Returns false if there is no slot for it,
 * even after fe_tx_reclaim(). */
static inline bool
fe_tx(struct fe_ring *r, const void *frame, size_t len)
{
    if (OVS_UNLIKELY(len > r->capacity - r->hdr_len)
        || (!r->n_free && !fe_tx_reclaim(r))) {
        r->stats.full++;
        return false;
    }

    unsigned int slot = r->free[--r->n_free];

    if (OVS_LIKELY(r->plain)) {
        /* The header is zero since fe_ring_reset(). */
        memcpy(r->segs[slot].va + r->hdr_len, frame, len);
        fe_slot_desc(r, slot)->len = r->hdr_len + len;
    } else {
        fe_tx_fill__(r, slot, frame, len);
    }
    fe_ring_put(r, slot);
    r->stats.queued++;
    r->stats.queued_bytes += len;
    return true;
}

/* Gives the frame of the latest fe_tx() a header, before fe_publish().  The
 * test calls fe_ring_spoil() before fe_tx(). */
void fe_tx_set_header(struct fe_ring *, const struct virtio_net_hdr *);

/* Receiving. */

struct fe_frame {
    const uint8_t *data;
    uint32_t len;
    struct virtio_net_hdr hdr;
};

static inline bool
fe_rx_header_ok(const struct fe_ring *r,
                const struct virtio_net_hdr_mrg_rxbuf *hdr)
{
    return (!r->strict_header
            || !(hdr->hdr.flags & ~VIRTIO_NET_HDR_F_DATA_VALID
                 || hdr->hdr.gso_type));
}

/* Stores up to 'max' (at most FE_BURST) received frames in 'frames' and
 * returns how many.  They can be looked at until fe_rx_release(). */
static inline unsigned int
fe_rx_burst(struct fe_ring *r, struct fe_frame *frames, unsigned int max)
{
    unsigned int left = fe_ring_n_used(r);
    unsigned int n = 0;

    while (n < max && left) {
        struct vring_used_elem *e = &r->used->ring[r->used_idx & r->mask];
        unsigned int slot = e->id >> r->shift;
        unsigned int n_buffers = 1;
        uint32_t len = e->len;

        /* Everything but the plainest kind of frame goes the long way. */
        if (OVS_LIKELY(slot < r->n_slots && r->n_segs == 1
                       && len >= r->hdr_len && len <= r->capacity)) {
            const struct virtio_net_hdr_mrg_rxbuf *hdr
                = ALIGNED_CAST(const struct virtio_net_hdr_mrg_rxbuf *,
                               r->segs[slot].va);

            n_buffers = r->mergeable ? hdr->num_buffers : 1;
            r->stats.bad_header += !fe_rx_header_ok(r, hdr);
            frames[n].hdr = hdr->hdr;
            frames[n].data = r->segs[slot].va + r->hdr_len;
            frames[n].len = len - r->hdr_len;
        } else {
            n_buffers = 0;
        }
        if (OVS_UNLIKELY(n_buffers != 1)) {
            uint8_t *to = r->bounce + (size_t) n * FE_MAX_FRAME;

            frames[n].data = to;
            if (!fe_rx_gather__(r, e, left, to, &frames[n])) {
                break;
            }
            left = fe_ring_n_used(r);
            n++;
            continue;
        }
        if (OVS_UNLIKELY(fe_ring_complete(r, e->id) < 0)) {
            break;
        }
        if (OVS_UNLIKELY(r->dirty != NULL)) {
            fe_dirty_note(r->dirty, r, e);
        }
        r->taken[r->n_taken++] = slot;
        r->used_idx++;
        r->stats.bytes += frames[n].len;
        left--;
        n++;
    }
    r->stats.packets += n;
    fe_ring_ward_off(r);
    return n;
}

/* Gives the slots of all frames received back to the back end. */
static inline void
fe_rx_release(struct fe_ring *r)
{
    for (unsigned int i = 0; i < r->n_taken; i++) {
        fe_ring_put(r, r->taken[i]);
    }
    r->n_taken = 0;
    fe_publish(r);
}

#endif /* frontend-ring.h */
