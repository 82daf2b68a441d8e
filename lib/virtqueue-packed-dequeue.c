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
#include "virtqueue-variant.h"

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

/* What decides whether a descriptor is a frame in one piece. */
struct vq_packed_parser {
    struct virtqueue *vq;
    uint64_t kind;              /* Flags. */
    uint32_t shortest;          /* Bytes, and how many more. */
    uint32_t n_lengths;
    uint64_t hdr_len;
    uint64_t gpa;               /* Where frames probably begin. */
    uint64_t size;
    const uint8_t *hva;
};

/* Has 'p' expect frames in the region that was hit last. */
static inline void
vq_packed_parser_aim(struct vq_packed_parser *p)
{
    const struct virtqueue *vq = p->vq;
    const struct guest_region *region = &vq->mem->regions[vq->hint];
    const uint32_t longest = p->shortest + p->n_lengths;

    p->gpa = region->gpa;
    p->hva = region->hva;
    /* Whatever begins there ends in the region. */
    p->size = region->size > longest ? region->size - longest : 0;
}

/* Our address of a frame that is not where it was expected, or NULL. */
static __rte_noinline const uint8_t *
vq_packed_find(struct virtqueue *vq, uint64_t addr, uint32_t len)
{
    return guest_memory_translate(vq->mem, addr, len, &vq->hint);
}

#ifdef VQ_PACKED_LANES
/* As vq_packed_parse_some(), for a group: all of it or nothing. */
static inline bool
vq_packed_parse_group(const struct vq_packed_parser *p,
                      const struct vring_packed_desc *desc,
                      struct vq_packed_frame *frames, bool fetch)
{
    const struct vq_packed_group g = vq_packed_group_read(desc);
    const uint64_t longest = (uint64_t) p->shortest + p->n_lengths;

    if (OVS_UNLIKELY(!vq_packed_group_check(&g, p->kind,
                                            _mm512_set1_epi64(p->shortest),
                                            _mm512_set1_epi64(longest),
                                            p->gpa, p->size))) {
        return false;
    }
    vq_packed_group_store(
        frames,
        _mm512_add_epi64(g.addr, _mm512_set1_epi64((uintptr_t) p->hva
                                                   - p->gpa)),
        _mm512_sub_epi64(g.half, _mm512_set1_epi64(p->hdr_len)));
    for (int i = 0; fetch && i < VQ_PACKED_LANES; i++) {
        vq_prefetch_source(frames[i].src);
    }
    return true;
}
#endif

/* Parses up to 'n' descriptors from 'desc' on, which do not wrap, to 'frames',
 * and fetches the frames if 'fetch'.  Returns how many. */
static inline unsigned int
vq_packed_parse_some(struct vq_packed_parser *p,
                     const struct vring_packed_desc *desc, unsigned int n,
                     struct vq_packed_frame *frames, bool fetch)
{
    unsigned int i = 0;

#ifdef VQ_PACKED_LANES
    for (; n - i >= VQ_PACKED_LANES; i += VQ_PACKED_LANES) {
        if (!vq_packed_parse_group(p, &desc[i], &frames[i], fetch)) {
            break;
        }
    }
#endif
    for (; i < n; i++) {
        /* Each is read once. */
        const uint64_t half = __atomic_load_n(vq_packed_half(&desc[i]),
                                              __ATOMIC_ACQUIRE);
        const uint64_t addr = *(const volatile uint64_t *) &desc[i].addr;
        const uint64_t ofs = addr - p->gpa;
        const uint32_t len = half;
        const uint8_t *src;

        if ((half & (VQ_HALF_OWNER | VQ_HALF_KIND)) != p->kind
            || OVS_UNLIKELY(len - p->shortest > p->n_lengths)) {
            return i;
        }
        if (OVS_LIKELY(ofs < p->size)) {
            src = p->hva + ofs;
        } else {
            src = vq_packed_find(p->vq, addr, len);
            if (!src) {
                return i;
            }
            vq_packed_parser_aim(p);
        }
        if (fetch) {
            vq_prefetch_source(src);
        }
        frames[i].src = src;
        frames[i].half = half - p->hdr_len;
    }
    return n;
}

/* Parses up to 'n' chains, at most the ring's size, from where we are on, as
 * long as they are frames in one piece.  Returns how many. */
static inline unsigned int
vq_packed_parse(struct virtqueue *vq, unsigned int n, uint32_t room,
                struct vq_packed_frame *frames)
{
    struct vq_packed_parser p = {
        .vq = vq,
        .kind = VQ_HALF_FLAGS(vq_packed_avail_flags(vq->last_avail)),
        .shortest = vq->hdr_len + ETH_HEADER_LEN,
        .n_lengths = room - ETH_HEADER_LEN,
        .hdr_len = vq->hdr_len,
    };
    const uint16_t slot = vq_packed_slot(vq->last_avail);
    const struct vring_packed_desc *desc = &vq->ring[slot];
    const unsigned int n_first = MIN(n, vq->size - slot);
    const unsigned int n_fetched = MIN(n_first, vq->ahead_data);
    unsigned int i;

    vq_packed_parser_aim(&p);
    i = vq_packed_parse_some(&p, desc, n_fetched, frames, false);
    if (i < n_fetched) {
        return i;
    }
    i += vq_packed_parse_some(&p, &desc[i], n_first - i, &frames[i], true);
    if (i < n_first || OVS_LIKELY(i == n)) {
        return i;
    }
    p.kind ^= VQ_HALF_OWNER;
    return i + vq_packed_parse_some(&p, vq->ring, n - i, &frames[i], true);
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

/* Gets packet buffers for the chains of a burst, all plain, or for as many of
 * them as the burst then has. */
static inline void
vq_packed_get_mbufs_plain(struct virtqueue *vq, struct rte_mempool *pool,
                          struct rte_mbuf **mbufs, struct vq_packed_burst *b)
{
    vq_packed_get_mbufs(b, pool, mbufs, b->n);
    if (OVS_UNLIKELY(b->n_mbufs < b->n)) {
        b->n = b->n_mbufs;
        b->place = vq_packed_advance(vq, vq->last_avail, b->n);
    }
}

/* Goes on with a burst of up to 'max' chains, the first 'b->n' of which are
 * plain, and are parsed, and the next is not.  Frames that are not in one
 * piece are copied to 'mbufs' on the way.  There are fewer chains than are
 * available if the ring failed or the guest makes us read a lot, or did. */
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

    if (!vq_may_walk(vq)) {
        vq_packed_get_mbufs_plain(vq, pool, mbufs, b);
        return;
    }
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
                = vq_gather(vq, b->place, &d, mbufs[i], room, &extent);

            n_read += extent.n_read;
            vq_charge(vq, extent.n_read, mbufs[i]->pkt_len);
            f->len = mbufs[i]->pkt_len;
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

/* Takes those of 'n' packet buffers that got no frame out of 'pkts' and gives
 * them back to 'pool'.  Returns how many are left. */
static __rte_noinline unsigned int
vq_packed_compact(const struct vq_packed_frame *frames, struct rte_mbuf **pkts,
                  unsigned int n, struct rte_mempool *pool)
{
    struct rte_mbuf *spare[VIRTQUEUE_MAX_BURST];
    unsigned int n_spare = 0;
    unsigned int n_pkts = 0;

    for (unsigned int i = 0; i < n; i++) {
        if (frames[i].len) {
            pkts[n_pkts++] = pkts[i];
        } else {
            spare[n_spare++] = pkts[i];
        }
    }
    vq_put_mbufs(pool, spare, n_spare);
    return n_pkts;
}

/* Copies the frames of a burst, of which all are 'plain' or not, to 'pkts'.
 * Those that are dropped have length 0 in the end.  Returns how many. */
static inline unsigned int
vq_packed_copy(struct virtqueue *vq, struct vq_packed_burst *b,
               struct rte_mbuf **pkts, struct vq_packed_ahead *ahead,
               bool plain)
{
    struct vq_frames_tally delivered = { .bytes = 0 };
    const uint32_t hdr_len = vq->hdr_len;
    const unsigned int n = b->n;
    unsigned int n_dropped = 0;

    for (unsigned int i = 0; i < n; i++) {
        struct vq_packed_frame *f = &b->frames[i];
        const uint8_t *src = f->src;
        const uint32_t len = f->len;
        struct rte_mbuf *m = pkts[i];
        uint8_t *data = vq_mbuf_data(m);

        if (!(i % VQ_PACKED_FEW)) {
            vq_packed_ahead_few(ahead, false, 0);
        }
        if (plain || src) {
            const enum virtqueue_error error
                = vq_take_frame(vq, src, hdr_len, m, data, len);

            if (OVS_UNLIKELY(error)) {
                vq_tally_error(&b->tally, error);
                f->len = 0;
                n_dropped++;
                continue;
            }
        } else if (!len) {
            n_dropped++;
            continue;
        }

        vq_tally_frame__(&delivered, data, len);
    }
    delivered.packets = n - n_dropped;
    vq_tally_add(&b->tally, &delivered);
    return n_dropped;
}

static __rte_noinline unsigned int
vq_packed_copy_slowly(struct virtqueue *vq, struct vq_packed_burst *b,
                      struct rte_mbuf **pkts, struct vq_packed_ahead *ahead)
{
    return vq_packed_copy(vq, b, pkts, ahead, false);
}

unsigned int
VQ_VARIANT_NAME(vq_packed_dequeue)(struct virtqueue *vq,
                                   struct rte_mempool *pool,
                                   struct rte_mbuf **pkts, unsigned int max)
{
    const uint32_t room = (rte_pktmbuf_data_room_size(pool)
                           - RTE_PKTMBUF_HEADROOM);
    struct vq_packed_ahead ahead;
    struct vq_packed_burst b;
    unsigned int n_dropped, n_pkts, n_ahead;

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
        vq_packed_get_mbufs_plain(vq, pool, pkts, &b);
    }

    vq_packed_ahead_init(&ahead, vq, b.place, max);
    n_ahead = ahead.n;
    if (OVS_LIKELY(b.plain)) {
        n_dropped = vq_packed_copy(vq, &b, pkts, &ahead, true);
    } else {
        n_dropped = vq_packed_copy_slowly(vq, &b, pkts, &ahead);
    }
    vq->ahead_data = n_ahead - ahead.n;

    if (OVS_UNLIKELY(b.n < b.n_mbufs)) {
        vq_put_mbufs(pool, &pkts[b.n], b.n_mbufs - b.n);
    }
    n_pkts = b.n;
    if (OVS_UNLIKELY(n_dropped)) {
        n_pkts = vq_packed_compact(b.frames, pkts, b.n, pool);
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
    vq_tally_flush(&b.tally, vq->stats);
    return n_pkts;
}
