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

/* Packed virtqueues: frames that the guest transmits.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-dequeue.h"
#include "virtqueue-packed.h"

#include "util.h"

/* A frame of the burst, between parsing and copying. */
struct vq_packed_frame {
    const uint8_t *src;         /* Header and data in guest memory, or NULL if
                                 * they have been copied. */
    union {
        uint64_t half;          /* With length, id, and flags if 'src'. */
        struct {
            uint32_t len;       /* Without header; 0 if it was dropped. */
            uint16_t id;
            uint16_t n_slots;   /* Unless 'src': then it is 1. */
        };
    };
};

/* What a call finds. */
struct vq_packed_burst {
    unsigned int n;             /* Chains to be given back... */
    unsigned int n_mbufs;       /* ...and packet buffers, at least as many. */
    bool plain;                 /* Each chain is one descriptor. */
    uint16_t place;             /* After the chains. */
    struct vq_tally tally;
    struct vq_packed_frame frames[VIRTQUEUE_MAX_BURST];
};

/* Our address of a frame that is not where it was expected, or NULL. */
static __rte_noinline const uint8_t *
vq_packed_find(struct virtqueue *vq, uint64_t addr, uint32_t len)
{
    return guest_memory_translate(vq->mem, addr, len, &vq->hint);
}

/* Parses up to 'n' chains, at most the ring's size, from where we are on, as
 * long as they are frames in one piece.  Returns how many. */
static inline unsigned int
vq_packed_parse(struct virtqueue *vq, unsigned int n, uint32_t room,
                struct vq_packed_frame *frames)
{
    const struct guest_region *region = &vq->mem->regions[vq->hint];
    const uint16_t slot = vq_packed_slot(vq->last_avail);
    const struct vring_packed_desc *desc = &vq->ring[slot];
    const uint32_t hdr_len = vq->hdr_len;
    const uint32_t shortest = hdr_len + ETH_HEADER_LEN;
    const uint32_t n_lengths = room - ETH_HEADER_LEN;
    const unsigned int n_fetched = vq->ahead_data;
    uint64_t kind = VQ_HALF_FLAGS(vq_packed_avail_flags(vq->last_avail));
    unsigned int end = MIN(n, vq->size - slot);
    uint64_t gpa = region->gpa;
    uint64_t size = region->size;
    const uint8_t *hva = region->hva;
    unsigned int i = 0;

    for (;;) {
        for (; i < end; i++, desc++) {
            /* Each is read once. */
            const uint64_t half = __atomic_load_n(vq_packed_half(desc),
                                                  __ATOMIC_ACQUIRE);
            const uint64_t addr = *(const volatile uint64_t *) &desc->addr;
            const uint32_t len = half;
            const uint64_t ofs = addr - gpa;
            const uint8_t *src = hva + ofs;

            if ((half & (VQ_HALF_OWNER | VQ_HALF_KIND)) != kind
                || OVS_UNLIKELY(len - shortest > n_lengths)) {
                return i;
            }
            if (OVS_UNLIKELY(ofs >= size || len > size - ofs)) {
                src = vq_packed_find(vq, addr, len);
                if (!src) {
                    return i;
                }
                region = &vq->mem->regions[vq->hint];
                gpa = region->gpa;
                size = region->size;
                hva = region->hva;
            }
            if (i >= n_fetched) {
                vq_prefetch_source(src);
            }
            frames[i].src = src;
            frames[i].half = half - hdr_len;
        }
        if (OVS_LIKELY(end == n)) {
            return n;
        }
        desc = vq->ring;
        kind ^= VQ_HALF_OWNER;
        end = n;
    }
}

/* Counts the descriptors that are available from 'place' on, at most 'limit',
 * as many as make up to 'max' chains, whose number goes to '*n_chains'.  Loads
 * made afterward see all of them. */
static unsigned int
vq_packed_available(const struct virtqueue *vq, uint16_t place,
                    unsigned int limit, unsigned int max,
                    unsigned int *n_chains)
{
    bool more = false;
    unsigned int n;

    *n_chains = 0;
    for (n = 0; n < limit; n++) {
        const uint16_t flags = __atomic_load_n(
            &vq->ring[vq_packed_slot(place)].flags, __ATOMIC_RELAXED);

        if ((flags & VQ_PACKED_OWNER) != vq_packed_avail_flags(place)
            || (!more && *n_chains == max)) {
            break;
        }
        *n_chains += !more;
        more = flags & VRING_DESC_F_NEXT;
        place = vq_packed_advance(vq, place, 1);
    }
    atomic_thread_fence(memory_order_acquire);
    return n;
}

/* Gets 'n' packet buffers, or fewer. */
static inline void
vq_packed_get_mbufs(struct vq_packed_burst *b, struct rte_mempool *pool,
                    struct rte_mbuf **mbufs, unsigned int n)
{
    b->n_mbufs = vq_get_mbufs(pool, mbufs, n);
    if (OVS_UNLIKELY(b->n_mbufs < n)) {
        vq_tally_error(&b->tally, VQ_ERR_NO_MBUF);
    }
}

/* Goes on with a burst of up to 'max' chains, the first 'b->n' of which are
 * plain, and are parsed, and the next is not.  Frames that are not in one
 * piece are copied to 'mbufs' on the way.  There are fewer chains than are
 * available if the ring failed or the guest makes us read a lot. */
static __rte_noinline void
vq_packed_parse_slowly(struct virtqueue *vq, struct rte_mempool *pool,
                       struct rte_mbuf **mbufs, unsigned int max,
                       uint32_t room, struct vq_packed_burst *b)
{
    const struct guest_memory *mem = vq->mem;
    const uint32_t hdr_len = vq->hdr_len;
    const uint32_t shortest = hdr_len + ETH_HEADER_LEN;
    const uint32_t longest = hdr_len + room;
    unsigned int available, n_chains;
    unsigned int n_slots = b->n;
    unsigned int n_read = 0;
    unsigned int i;

    b->place = vq_packed_advance(vq, vq->last_avail, b->n);
    available = vq_packed_available(vq, b->place,
                                    MIN(vq->size, VQ_MAX_WALK) - b->n,
                                    max - b->n, &n_chains);
    available += b->n;
    vq_packed_get_mbufs(b, pool, mbufs, b->n + n_chains);
    if (b->n_mbufs <= b->n) {
        b->n = b->n_mbufs;
        b->place = vq_packed_advance(vq, vq->last_avail, b->n);
        return;
    }

    b->plain = false;
    for (i = b->n; n_slots < available && i < b->n_mbufs
                   && n_read < VQ_MAX_WALK; i++) {
        const struct vring_desc d
            = vq_read_packed_desc(&vq->ring[vq_packed_slot(b->place)]);
        struct vq_packed_frame *f = &b->frames[i];

        f->src = NULL;
        if (!(d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                         | VRING_DESC_F_INDIRECT))
            && d.len >= shortest && d.len <= longest) {
            f->src = guest_memory_translate(mem, d.addr, d.len, &vq->hint);
        }
        if (f->src) {
            vq_prefetch_source(f->src);
            f->len = d.len - hdr_len;
            f->id = d.next;
            f->n_slots = 1;
        } else {
            struct vq_extent extent;
            const enum virtqueue_error error
                = vq_gather(vq, b->place, &d, vq_mbuf_data(mbufs[i]), room,
                            &f->len, &extent);

            n_read += extent.n_read;
            if (OVS_UNLIKELY(error)) {
                if (virtqueue_error_is_fatal(error)) {
                    vq_fail(vq, error);
                    break;
                }
                vq_tally_error(&b->tally, error);
                f->len = 0;
            }
            f->id = extent.id;
            f->n_slots = extent.n_slots;
        }
        n_slots += f->n_slots;
        b->place = vq_packed_advance(vq, b->place, f->n_slots);
    }
    b->n = i;
}

/* Gives back the chains of a burst that are not all plain. */
static __rte_noinline void
vq_packed_return_slowly(struct virtqueue *vq, const struct vq_packed_burst *b)
{
    struct vq_packed_used used[VIRTQUEUE_MAX_BURST];

    for (unsigned int i = 0; i < b->n; i++) {
        const struct vq_packed_frame *f = &b->frames[i];

        used[i] = (struct vq_packed_used) {
            .id = f->id,
            .n_slots = f->src ? 1 : f->n_slots,
        };
    }
    vq_packed_publish(vq, used, b->n);
}

/* Gives back the chains of a burst, at least one. */
static inline void
vq_packed_return(struct virtqueue *vq, const struct vq_packed_burst *b)
{
    if (vq->in_order) {
        vq_packed_publish_batch(vq, b->frames[b->n - 1].id, b->place);
    } else if (OVS_LIKELY(b->plain)) {
        vq_packed_give_back(vq, &b->frames[0].half,
                            sizeof b->frames[0] / sizeof b->frames[0].half,
                            b->n, VQ_HALF_ID, 0);
    } else {
        vq_packed_return_slowly(vq, b);
    }
}

unsigned int
vq_packed_dequeue(struct virtqueue *vq, struct rte_mempool *pool,
                  struct rte_mbuf **pkts, unsigned int max)
{
    const uint32_t room = (rte_pktmbuf_data_room_size(pool)
                           - RTE_PKTMBUF_HEADROOM);
    struct vq_frames_tally delivered = { .bytes = 0 };
    struct rte_mbuf *spare[VIRTQUEUE_MAX_BURST];
    const uint32_t hdr_len = vq->hdr_len;
    unsigned int n_spare = 0;
    unsigned int n_pkts = 0;
    struct vq_packed_ahead ahead;
    struct vq_packed_burst b;

    if (OVS_UNLIKELY(guest_memory_is_faulted(vq->mem))) {
        vq_fail(vq, VQ_ERR_FAULT);
        return 0;
    }

    max = MIN(max, VIRTQUEUE_MAX_BURST);
    max = MIN(max, vq->size);
    vq_tally_init(&b.tally);
    b.plain = true;
    b.n = vq_packed_parse(vq, max, room, b.frames);
    b.place = vq_packed_advance(vq, vq->last_avail, b.n);
    if (OVS_UNLIKELY(b.n < max && vq_packed_is_available(vq, b.place))) {
        vq_packed_parse_slowly(vq, pool, pkts, max, room, &b);
    } else {
        vq_packed_get_mbufs(&b, pool, pkts, b.n);
        if (OVS_UNLIKELY(b.n_mbufs < b.n)) {
            b.n = b.n_mbufs;
            b.place = vq_packed_advance(vq, vq->last_avail, b.n);
        }
    }
    vq_packed_ahead_init(&ahead, vq, b.place, max);

    const unsigned int n = b.n;

    for (unsigned int i = 0; i < n; i++) {
        const struct vq_packed_frame *f = &b.frames[i];
        const uint32_t len = f->len;
        struct rte_mbuf *m = pkts[i];

        if (OVS_LIKELY(i < ahead.n)) {
            const uint8_t *next = vq_packed_ahead_next(&ahead);

            if (OVS_LIKELY(next != NULL)) {
                vq_prefetch_source(next);
            }
        }
        if (OVS_LIKELY(f->src != NULL)) {
            const enum virtqueue_error error
                = vq_accept_header(vq_read_header(f->src));

            if (OVS_UNLIKELY(error)) {
                vq_tally_error(&b.tally, error);
                spare[n_spare++] = m;
                continue;
            }
            vq_copy(vq_mbuf_data(m), f->src + hdr_len, len);
        } else if (OVS_UNLIKELY(!len)) {
            spare[n_spare++] = m;
            continue;
        }

        vq_mbuf_init(m, len);
        vq_tally_frame__(&delivered, vq_mbuf_data(m), len);
        pkts[n_pkts++] = m;
    }
    vq->ahead_data = MIN(ahead.n, b.n);

    if (OVS_UNLIKELY(n_pkts < b.n_mbufs)) {
        vq_put_mbufs(pool, spare, n_spare);
        vq_put_mbufs(pool, &pkts[b.n], b.n_mbufs - b.n);
    }
    if (OVS_UNLIKELY(guest_memory_is_faulted(vq->mem))) {
        /* Who knows what was copied. */
        vq_put_mbufs(pool, pkts, n_pkts);
        if (!virtqueue_get_error(vq)) {
            vq_fail(vq, VQ_ERR_FAULT);
        }
        return 0;
    }
    if (OVS_LIKELY(b.n)) {
        vq_packed_return(vq, &b);
        virtqueue_notify(vq);
    }
    vq_tally_add(&b.tally, &delivered);
    vq_tally_flush(&b.tally, vq->stats);
    return n_pkts;
}
