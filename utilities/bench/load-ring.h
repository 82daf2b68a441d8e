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

#ifndef LOAD_RING_H
#define LOAD_RING_H 1

/* Virtqueues of the load generator, driver side
 * =============================================
 *
 * A ring (virtio 1.2, 2.7 split and 2.8 packed) has as many buffers as
 * entries, each in one descriptor and at an address that never changes while
 * traffic runs.  Descriptors are written anew for each use nevertheless, as
 * every real driver does, so that a back end pays for reading them.
 *
 * The functions on the way of a frame are inline and take whether the ring is
 * packed as a constant, so that the loop is compiled once for each kind:
 *
 *     n = load_rx_burst(r, frames, max, packed);
 *     ...look at frames[i]...
 *     load_rx_release(r, packed);
 *
 *     n = load_tx_room(r, wanted, packed);
 *     for (i = 0; i < n; i++) {
 *         slot = load_tx_slot(r);
 *         ...fill load_buffer(r, slot)...
 *         load_tx_put(r, slot, length, packed);
 *     }
 *     load_publish(r, packed);
 *
 * Whatever a back end does that it must not breaks the ring, which then moves
 * no frames and says why in 'broken'.
 *
 * Thread-safety: none; one thread. */

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/compiler.h"

#define LOAD_LINE 64            /* Bytes in a cache line. */
#define LOAD_MAX_BATCH 256      /* Frames in a burst. */
#define LOAD_HDR_LEN 12         /* Of struct virtio_net_hdr_mrg_rxbuf. */

/* What the back end gave back of a receive ring. */
struct load_used {
    uint16_t slot;
    uint32_t len;               /* Bytes written. */
};

struct load_ring {
    /* Shared with the back end.  The packed ring has its driver and device
     * areas in the place of available and used ring. */
    union {
        struct vring_desc *desc;
        struct vring_packed_desc *pdesc;
    };
    union {
        struct vring_avail *avail;
        struct vring_packed_desc_event *driver;
    };
    union {
        struct vring_used *used;
        struct vring_packed_desc_event *device;
    };

    uint16_t mask;              /* Entries minus one. */
    uint16_t avail_idx;         /* Next entry to fill... */
    uint16_t published;         /* ...and what the back end was told. */
    uint16_t used_idx;          /* Next entry to look at. */
    uint16_t first_flags;       /* Packed: not yet published. */
    bool event_idx;
    bool in_order;
    bool mergeable;
    bool interrupt;             /* Ask for interrupts. */

    /* Buffers.  What the back end sees begins with a virtio-net header. */
    uint8_t *buf;               /* The first one... */
    uint64_t gpa;               /* ...as the guest sees it. */
    uint32_t *offsets;          /* By slot: where each is, from there. */
    uint32_t buf_size;          /* Bytes of a receive buffer. */

    /* Receive: what was taken since load_rx_release(). */
    struct load_used *taken;
    unsigned int n_taken;

    /* Transmit: slots that are ours, a queue. */
    uint16_t *free;
    uint16_t free_head, free_tail;
    uint16_t fetched;           /* Free slots before this one were fetched. */

    uint16_t size;
    bool rx;
    int kickfd, callfd;
    const char *broken;         /* What the back end did wrong, or NULL. */
    uint64_t n_kicks;
};

/* A received frame. */
struct load_frame {
    uint8_t *data;              /* Behind the virtio-net header. */
    uint32_t len;               /* Of the frame, all buffers together. */
    uint32_t first;             /* Index of its first buffer in 'taken'... */
    uint32_t n;                 /* ...and how many it has. */
};

/* Starts anew with an empty ring: indexes are 0, receive buffers available.
 * Nothing is published to a back end that is connected. */
void load_ring_reset(struct load_ring *, bool packed);

/* Asks for interrupts or asks to be left alone. */
void load_ring_set_interrupt(struct load_ring *, bool, bool packed);

/* Returns how many interrupts came since the last time. */
uint64_t load_ring_interrupts(struct load_ring *);

/* Puts buffers 'stride' bytes apart from each other, in an order that nobody
 * can foresee: neighbours in a ring seldom are neighbours in memory. */
void load_ring_set_stride(struct load_ring *, uint32_t stride);

void load_kick(struct load_ring *);

static inline uint8_t *
load_buffer(const struct load_ring *r, uint16_t slot)
{
    return r->buf + r->offsets[slot];
}

/* Fetches a line that is going to be written.  Compilers make an ordinary
 * prefetch of __builtin_prefetch(p, 1) unless told that the CPU has better. */
static inline void
load_prefetchw(const void *p)
{
#ifdef __x86_64__
    __asm__ __volatile__ ("prefetchw %0" : : "m" (*(const char *) p));
#else
    __builtin_prefetch(p, 1);
#endif
}

/* Packed rings count laps in bit 'size' of an index that runs freely. */
static inline uint16_t
load_packed_flags(const struct load_ring *r, uint16_t idx)
{
    return (idx & r->size
            ? 1 << VRING_PACKED_DESC_F_USED
            : 1 << VRING_PACKED_DESC_F_AVAIL);
}

static inline bool
load_packed_is_used(const struct load_ring *r, uint16_t idx)
{
    uint16_t flags = __atomic_load_n(&r->pdesc[idx & r->mask].flags,
                                     __ATOMIC_ACQUIRE);
    const uint16_t both = (1 << VRING_PACKED_DESC_F_AVAIL
                           | 1 << VRING_PACKED_DESC_F_USED);

    return (flags & both) == (idx & r->size ? 0 : both);
}

/* Makes buffer 'slot' available, after the next load_publish(). */
static inline void
load_put__(struct load_ring *r, uint16_t slot, uint32_t len, bool packed)
{
    uint16_t idx = r->avail_idx++;
    uint64_t gpa = r->gpa + r->offsets[slot];

    if (packed) {
        struct vring_packed_desc *d = &r->pdesc[idx & r->mask];
        uint16_t flags = (load_packed_flags(r, idx)
                          | (r->rx ? VRING_DESC_F_WRITE : 0));

        d->addr = gpa;
        d->len = len;
        d->id = slot;
        if (idx == r->published) {
            r->first_flags = flags;
        } else {
            __atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
        }
    } else {
        r->desc[slot] = (struct vring_desc) {
            .addr = gpa,
            .len = len,
            .flags = r->rx ? VRING_DESC_F_WRITE : 0,
        };
        r->avail->ring[idx & r->mask] = slot;
    }
}

/* True if the back end wants to hear of entries from 'old' on. */
static inline bool
load_wants_kick__(const struct load_ring *r, uint16_t old, bool packed)
{
    if (!packed) {
        const uint16_t *event = (const uint16_t *) &r->used->ring[r->size];

        return (r->event_idx
                ? vring_need_event(__atomic_load_n(event, __ATOMIC_RELAXED),
                                   r->avail_idx, old)
                : !(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED)
                    & VRING_USED_F_NO_NOTIFY));
    }

    uint16_t flags = __atomic_load_n(&r->device->flags, __ATOMIC_RELAXED);

    if (OVS_LIKELY(flags != VRING_PACKED_EVENT_FLAG_DESC)) {
        return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
    }

    /* An offset in the ring, and in bit 15 the lap it is meant for. */
    uint16_t event = __atomic_load_n(&r->device->off_wrap, __ATOMIC_RELAXED);
    bool lap = event >> VRING_PACKED_EVENT_F_WRAP_CTR;
    uint16_t pos = event & ~(1 << VRING_PACKED_EVENT_F_WRAP_CTR);
    uint16_t new_pos = r->avail_idx & r->mask;

    if (lap != !(r->avail_idx & r->size)) {
        pos -= r->size;
    }
    return vring_need_event(pos, new_pos,
                            new_pos - (uint16_t) (r->avail_idx - old));
}

/* Shows the back end what was put, and notifies it if it asks for that. */
static inline void
load_publish(struct load_ring *r, bool packed)
{
    uint16_t old = r->published;

    if (r->avail_idx == old) {
        return;
    }
    if (packed) {
        __atomic_store_n(&r->pdesc[old & r->mask].flags, r->first_flags,
                         __ATOMIC_RELEASE);
    } else {
        __atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
    }
    r->published = r->avail_idx;

    /* What was published must be visible before we look whether anybody wants
     * to know (virtio 1.2, 2.7.13.4.1). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (OVS_UNLIKELY(load_wants_kick__(r, old, packed))) {
        load_kick(r);
    }
}

/* With event indexes, the split ring's index says both when to interrupt and
 * that it must not: it has to be kept away from where the back end is. */
static inline void
load_set_event__(struct load_ring *r, bool packed)
{
    if (packed || !r->event_idx) {
        return;
    }

    uint16_t *event = &r->avail->ring[r->size];

    if (r->interrupt) {
        __atomic_store_n(event, r->used_idx, __ATOMIC_RELAXED);
    } else if (OVS_UNLIKELY((uint16_t) (r->used_idx - *event) > 16384)) {
        __atomic_store_n(event, r->used_idx - 1, __ATOMIC_RELAXED);
    }
}

/* Receiving. */

/* Looks at up to 'max' buffers that the back end used, behind the 'skip' that
 * were looked at already, puts them into 'taken', and has their first lines
 * fetched.  Returns how many. */
static inline unsigned int
load_rx_look__(struct load_ring *r, unsigned int skip, unsigned int max,
               bool packed)
{
    struct load_used *taken = r->taken + r->n_taken + skip;
    uint16_t start = r->used_idx + skip;
    unsigned int n = max;

    if (!packed) {
        n = (uint16_t) (__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE)
                        - start);
        if (OVS_UNLIKELY(n > r->size)) {
            r->broken = "used index ran ahead";
            return 0;
        }
        n = n < max ? n : max;
    }
    for (unsigned int i = 0; i < n; i++) {
        uint16_t idx = start + i;
        uint32_t id;

        if (packed) {
            const struct vring_packed_desc *d = &r->pdesc[idx & r->mask];

            if (!load_packed_is_used(r, idx)) {
                return i;
            }
            id = d->id;
            taken[i].len = d->len;
        } else {
            const struct vring_used_elem *e = &r->used->ring[idx & r->mask];

            id = e->id;
            taken[i].len = e->len;
        }
        if (OVS_UNLIKELY(id > r->mask || !taken[i].len
                         || taken[i].len > r->buf_size)) {
            r->broken = "used element with a bad id or length";
            return i;
        }
        taken[i].slot = id;
        if (!packed) {
            load_prefetchw(&r->desc[id]);
        }
        __builtin_prefetch(load_buffer(r, id));
        __builtin_prefetch(load_buffer(r, id) + LOAD_HDR_LEN);
    }
    return n;
}

/* Stores up to 'max' (at most LOAD_MAX_BATCH) received frames in 'frames' and
 * returns how many.  They can be looked at until load_rx_release(). */
static inline unsigned int
load_rx_burst(struct load_ring *r, struct load_frame *frames,
              unsigned int max, bool packed)
{
    unsigned int n_bufs = load_rx_look__(r, 0, max, packed);
    unsigned int done = 0;
    unsigned int n = 0;

    while (done < n_bufs) {
        const struct load_used *taken = &r->taken[r->n_taken + done];
        uint8_t *buf = load_buffer(r, taken->slot);
        const struct virtio_net_hdr_mrg_rxbuf *hdr = (const void *) buf;
        unsigned int n_merged = r->mergeable ? hdr->num_buffers : 1;
        struct load_frame *f = &frames[n];

        f->data = buf + LOAD_HDR_LEN;
        f->len = taken->len - LOAD_HDR_LEN;
        f->first = r->n_taken + done;
        f->n = n_merged;
        if (OVS_UNLIKELY(n_merged != 1)) {
            if (!n_merged || n_merged > r->size) {
                r->broken = "bad number of buffers";
                break;
            }
            if (n_merged > n_bufs - done) {
                /* We may just not have looked at the others. */
                n_bufs += load_rx_look__(r, n_bufs,
                                         n_merged - (n_bufs - done), packed);
                if (n_merged > n_bufs - done) {
                    break;
                }
            }
            for (unsigned int i = 1; i < n_merged; i++) {
                f->len += taken[i].len;
            }
        }
        done += n_merged;
        n++;
    }
    if (n) {
        r->used_idx += done;
        r->n_taken += done;
        load_set_event__(r, packed);
    }
    return n;
}

/* Gives the buffers of all frames received back to the back end. */
static inline void
load_rx_release(struct load_ring *r, bool packed)
{
    for (unsigned int i = 0; i < r->n_taken; i++) {
        load_put__(r, r->taken[i].slot, r->buf_size, packed);
    }
    r->n_taken = 0;
    load_publish(r, packed);
}

/* Sending. */

static inline unsigned int
load_tx_n_free(const struct load_ring *r)
{
    return (uint16_t) (r->free_tail - r->free_head);
}

/* Takes back the buffers of frames that were sent. */
static inline void
load_tx_reclaim(struct load_ring *r, bool packed)
{
    unsigned int busy = r->size - load_tx_n_free(r);
    unsigned int n = 0;

    if (!packed) {
        n = (uint16_t) (__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE)
                        - r->used_idx);
        if (OVS_UNLIKELY(n > busy)) {
            r->broken = "used index ran ahead";
            return;
        }
        for (unsigned int i = 0; i < n; i++) {
            uint16_t idx = r->used_idx + i;

            /* In order, only the last one of a batch need be written. */
            uint32_t id = (r->in_order ? idx & r->mask
                           : r->used->ring[idx & r->mask].id);

            if (OVS_UNLIKELY(id > r->mask)) {
                r->broken = "used element with a bad id";
                return;
            }
            r->free[r->free_tail++ & r->mask] = id;
        }
        r->used_idx += n;
    } else {
        while (n < busy && load_packed_is_used(r, r->used_idx)) {
            uint16_t pos = r->used_idx & r->mask;
            uint16_t id = r->pdesc[pos].id;
            unsigned int batch = 1;

            if (OVS_UNLIKELY(id > r->mask)) {
                r->broken = "used descriptor with a bad id";
                return;
            }
            if (r->in_order) {
                /* It is about all buffers up to this one. */
                batch = ((id - pos) & r->mask) + 1;
                if (OVS_UNLIKELY(n + batch > busy)) {
                    r->broken = "used descriptor out of order";
                    return;
                }
                for (unsigned int i = 0; i < batch; i++) {
                    r->free[r->free_tail++ & r->mask] = (pos + i) & r->mask;
                }
            } else {
                r->free[r->free_tail++ & r->mask] = id;
            }
            r->used_idx += batch;
            n += batch;
        }
    }
    load_set_event__(r, packed);
}

/* Returns how many frames can be put, at most 'wanted'. */
static inline unsigned int
load_tx_room(struct load_ring *r, unsigned int wanted, bool packed)
{
    if (load_tx_n_free(r) < wanted) {
        load_tx_reclaim(r, packed);
    }

    unsigned int n = load_tx_n_free(r);

    return OVS_LIKELY(!r->broken) ? (n < wanted ? n : wanted) : 0;
}

/* Takes a buffer that is ours. */
static inline uint16_t
load_tx_slot(struct load_ring *r)
{
    return r->free[r->free_head++ & r->mask];
}

/* Fetches what the next 'n' frames will be written to, as far as it is ours
 * and was not fetched yet.  The back end has read it, and a store waits for
 * each line that another core has: this belongs to the end of a burst, to be
 * done by the time of the next one, and to the begin of one whose buffers came
 * back just now. */
static inline void
load_tx_prefetch(struct load_ring *r, unsigned int n, bool packed)
{
    uint16_t end = r->free_head + n;
    uint16_t from = r->fetched;

    if ((int16_t) (end - r->free_tail) > 0) {
        end = r->free_tail;
    }
    if ((int16_t) (from - r->free_head) < 0) {
        from = r->free_head;
    }
    for (uint16_t i = from; (int16_t) (end - i) > 0; i++) {
        uint16_t slot = r->free[i & r->mask];

        load_prefetchw(load_buffer(r, slot) + LOAD_HDR_LEN);
        if (!(i % 4)) {
            uint16_t at = r->avail_idx + (uint16_t) (i - r->free_head);

            load_prefetchw(packed
                           ? (void *) &r->pdesc[at & r->mask]
                           : (void *) &r->desc[slot]);
        }
        r->fetched = i + 1;
    }
    if (!packed) {
        load_prefetchw(&r->avail->ring[r->avail_idx & r->mask]);
        load_prefetchw(&r->avail->ring[(r->avail_idx + n) & r->mask]);
    }
}

/* Puts buffer 'slot' with a frame of 'len' bytes. */
static inline void
load_tx_put(struct load_ring *r, uint16_t slot, uint32_t len, bool packed)
{
    load_put__(r, slot, LOAD_HDR_LEN + len, packed);
}

#endif /* load-ring.h */
