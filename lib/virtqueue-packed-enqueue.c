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

/* Packed virtqueues: frames for the guest to receive.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-enqueue.h"
#include "virtqueue-packed.h"
#include "virtqueue-variant.h"

#include "util.h"

/* Chains that are used up, after which a batch ends at the next frame. */
#define MAX_USED (2 * VIRTQUEUE_MAX_BURST)

/* A frame that goes to one piece of memory. */
struct vq_packed_order {
    uint8_t *dst;
    uint64_t half;              /* Length and id of the used descriptor. */
};

/* What decides whether a descriptor is a buffer in one piece. */
struct vq_packed_placer {
    struct virtqueue *vq;
    uint64_t kind;              /* Flags. */
    uint32_t hdr_len;
    uint64_t gpa;               /* Where buffers probably are. */
    uint64_t size;
    uint8_t *hva;
};

/* Has 'p' expect buffers in the region that was hit last. */
static inline void
vq_packed_placer_aim(struct vq_packed_placer *p)
{
    const struct virtqueue *vq = p->vq;
    const struct guest_region *region = &vq->mem->regions[vq->hint];

    p->gpa = region->gpa;
    p->size = region->size;
    p->hva = region->hva;
}

/* Our address of a buffer that is not where it was expected, or NULL. */
static __rte_noinline uint8_t *
vq_packed_find(struct virtqueue *vq, uint64_t addr, uint32_t len)
{
    return guest_memory_translate(vq->mem, addr, len, &vq->hint);
}

#ifdef VQ_PACKED_LANES
/* As vq_packed_place_some(), for a group: all of it or nothing. */
static inline bool
vq_packed_place_group(const struct vq_packed_placer *p,
                      const struct vring_packed_desc *desc,
                      struct rte_mbuf *const *pkts,
                      struct vq_packed_order *orders, bool fetch)
{
    const struct vq_packed_group g = vq_packed_group_read(desc);
    const __m256i pkt_len = _mm512_i64gather_epi32(
        _mm512_loadu_si512(pkts),
        (const void *) offsetof(struct rte_mbuf, pkt_len), 1);
    const __m512i need = _mm512_add_epi64(_mm512_cvtepu32_epi64(pkt_len),
                                          _mm512_set1_epi64(p->hdr_len));

    if (OVS_UNLIKELY(!vq_packed_group_check(&g, p->kind, need,
                                            _mm512_set1_epi64(UINT32_MAX),
                                            p->gpa, p->size))) {
        return false;
    }
    vq_packed_group_store(
        orders,
        _mm512_add_epi64(g.addr, _mm512_set1_epi64((uintptr_t) p->hva
                                                   - p->gpa)),
        _mm512_or_epi64(_mm512_and_epi64(g.half,
                                         _mm512_set1_epi64(VQ_HALF_ID)),
                        need));
    for (int i = 0; fetch && i < VQ_PACKED_LANES; i++) {
        vq_prefetch_frame(orders[i].dst, p->hdr_len);
    }
    return true;
}
#endif

/* Finds places for the 'n' frames of 'pkts' in as many descriptors from 'desc'
 * on, which do not wrap, and fetches the places if 'fetch'.  Returns for how
 * many. */
static inline unsigned int
vq_packed_place_some(struct vq_packed_placer *p,
                     const struct vring_packed_desc *desc, unsigned int n,
                     struct rte_mbuf **pkts, struct vq_packed_order *orders,
                     bool fetch)
{
    unsigned int i = 0;

#ifdef VQ_PACKED_LANES
    for (; n - i >= VQ_PACKED_LANES; i += VQ_PACKED_LANES) {
        if (!vq_packed_place_group(p, &desc[i], &pkts[i], &orders[i],
                                   fetch)) {
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
        const uint32_t need = p->hdr_len + pkts[i]->pkt_len;
        uint8_t *dst;

        if ((half & (VQ_HALF_OWNER | VQ_HALF_KIND)) != p->kind
            || OVS_UNLIKELY(len < need)) {
            return i;
        }
        if (OVS_LIKELY(ofs < p->size && len <= p->size - ofs)) {
            dst = p->hva + ofs;
        } else {
            dst = vq_packed_find(p->vq, addr, len);
            if (!dst) {
                return i;
            }
            vq_packed_placer_aim(p);
        }
        if (fetch) {
            vq_prefetch_frame(dst, p->hdr_len);
        }
        orders[i].dst = dst;
        orders[i].half = (half & VQ_HALF_ID) | need;
    }
    return n;
}

/* Finds places for up to 'n' frames, at most as many as the ring's size, in
 * as many chains, as long as those are one piece that is large enough.
 * Returns for how many. */
static inline unsigned int
vq_packed_place(struct virtqueue *vq, struct rte_mbuf **pkts, unsigned int n,
                struct vq_packed_order *orders)
{
    struct vq_packed_placer p = {
        .vq = vq,
        .kind = VQ_HALF_FLAGS(vq_packed_avail_flags(vq->last_avail)
                              | VRING_DESC_F_WRITE),
        .hdr_len = vq->hdr_len,
    };
    const uint16_t slot = vq_packed_slot(vq->last_avail);
    const struct vring_packed_desc *desc = &vq->ring[slot];
    const unsigned int n_first = MIN(n, vq->size - slot);
    const unsigned int n_fetched = MIN(n_first, vq->ahead_data);
    unsigned int i;

    vq_packed_placer_aim(&p);
    i = vq_packed_place_some(&p, desc, n_fetched, pkts, orders, false);
    if (i < n_fetched) {
        return i;
    }
    i += vq_packed_place_some(&p, &desc[i], n_first - i, &pkts[i], &orders[i],
                              true);
    if (i < n_first || OVS_LIKELY(i == n)) {
        return i;
    }
    p.kind ^= VQ_HALF_OWNER;
    return i + vq_packed_place_some(&p, vq->ring, n - i, &pkts[i], &orders[i],
                                    true);
}

/* Guest physical address of 'p', which is in guest memory. */
static uint64_t
vq_packed_gpa(const struct guest_memory *mem, const uint8_t *p)
{
    for (size_t i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->regions[i];
        const uint64_t ofs = p - r->hva;

        if (ofs < r->size) {
            return r->gpa + ofs;
        }
    }
    OVS_NOT_REACHED();
}

/* Marks where the 'n' frames of 'pkts' went. */
static __rte_noinline void
vq_packed_log_orders(struct virtqueue *vq, struct rte_mbuf *const *pkts,
                     unsigned int n, const struct vq_packed_order *orders)
{
    struct dirty_log *log = vq_log(vq);

    for (unsigned int i = 0; log && i < n; i++) {
        dirty_log_mark__(log, vq_packed_gpa(vq->mem, orders[i].dst),
                         vq->hdr_len + pkts[i]->pkt_len);
    }
}

/* Copies the 'n' frames of 'pkts' to where 'orders' say, while it fetches
 * buffers ahead. */
static __rte_always_inline void
vq_packed_copy__(struct virtqueue *vq, struct rte_mbuf *const *pkts,
                 unsigned int n, const struct vq_packed_order *orders,
                 struct vq_packed_ahead *ahead, struct vq_tally *tally,
                 bool guest_csum)
{
    struct vq_frames_tally delivered = { .bytes = 0 };
    const unsigned int n_ahead = ahead->n;
    const uint32_t hdr_len = vq->hdr_len;

    for (unsigned int i = 0; i < n; i++) {
        const struct vq_packed_order *o = &orders[i];
        const struct rte_mbuf *m = pkts[i];
        const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
        const uint32_t len = m->pkt_len;
        uint8_t *dst = o->dst;

        if (!(i % VQ_PACKED_FEW)) {
            vq_packed_ahead_few(ahead, true, hdr_len);
        }
        vq_write_header(dst, hdr_len, m, guest_csum);
        if (OVS_LIKELY(m->nb_segs == 1)) {
            vq_copy(dst + hdr_len, data, len);
        } else {
            vq_copy_many_segments(dst + hdr_len, m);
        }
        vq_tally_frame__(&delivered, data, len);
    }
    delivered.packets = n;
    vq_tally_add(tally, &delivered);
    vq->ahead_data = n_ahead - ahead->n;

    if (OVS_UNLIKELY(vq_log(vq) != NULL)) {
        vq_packed_log_orders(vq, pkts, n, orders);
    }
}

/* The same for a guest that makes checksums. */
static __rte_noinline void
vq_packed_copy_csum(struct virtqueue *vq, struct rte_mbuf *const *pkts,
                    unsigned int n, const struct vq_packed_order *orders,
                    struct vq_packed_ahead *ahead, struct vq_tally *tally)
{
    vq_packed_copy__(vq, pkts, n, orders, ahead, tally, true);
}

static __rte_always_inline void
vq_packed_copy(struct virtqueue *vq, struct rte_mbuf *const *pkts,
               unsigned int n, const struct vq_packed_order *orders,
               struct vq_packed_ahead *ahead, struct vq_tally *tally)
{
    if (OVS_LIKELY(!vq->guest_csum)) {
        vq_packed_copy__(vq, pkts, n, orders, ahead, tally, false);
    } else {
        vq_packed_copy_csum(vq, pkts, n, orders, ahead, tally);
    }
}

/* True if guest memory is what it was.  Otherwise the ring has stopped. */
static inline bool
vq_packed_is_good(struct virtqueue *vq)
{
    if (OVS_UNLIKELY(guest_memory_is_faulted(vq->mem))) {
        if (!virtqueue_get_error(vq)) {
            vq_fail(vq, VQ_ERR_FAULT);
        }
        return false;
    }
    return true;
}

/* Goes on with 'n' frames, at most VIRTQUEUE_MAX_BURST, 'n_placed' of which
 * have a place that 'orders' tell, and the next has not.  Returns how many are
 * dealt with. */
static __rte_noinline unsigned int
vq_packed_enqueue_slowly(struct vq_enqueue *e, struct rte_mbuf **pkts,
                         unsigned int n, struct vq_packed_order *orders,
                         unsigned int n_placed)
{
    struct vq_packed_used used[MAX_USED + VQ_MAX_PIECES];
    struct rte_mbuf *ordered[VIRTQUEUE_MAX_BURST];
    struct virtqueue *vq = e->vq;
    struct vq_packed_ahead ahead;
    unsigned int n_orders = n_placed;
    unsigned int i;

    for (i = 0; i < n_placed; i++) {
        ordered[i] = pkts[i];
        used[i] = (struct vq_packed_used) {
            .len = orders[i].half,
            .id = orders[i].half >> 32,
            .n_slots = 1,
        };
    }
    e->used = used;
    e->n_used = n_placed;
    e->place = vq_packed_advance(vq, vq->last_avail, n_placed);

    for (; i < n; i++) {
        const uint32_t need = vq->hdr_len + pkts[i]->pkt_len;
        uint8_t *dst = NULL;

        if (e->n_used >= MAX_USED || e->n_read >= VQ_MAX_WALK
            || !vq_packed_is_available(vq, e->place)) {
            break;
        }

        const struct vring_desc d
            = vq_read_packed_desc(&vq->ring[vq_packed_slot(e->place)]);

        if ((d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                        | VRING_DESC_F_INDIRECT)) == VRING_DESC_F_WRITE
            && d.len >= need) {
            dst = guest_memory_translate(vq->mem, d.addr, d.len, &vq->hint);
        }
        if (dst) {
            vq_prefetch_frame(dst, vq->hdr_len);
            ordered[n_orders] = pkts[i];
            orders[n_orders++].dst = dst;
            used[e->n_used++] = (struct vq_packed_used) {
                .len = need,
                .id = d.next,
                .n_slots = 1,
            };
            e->place = vq_packed_advance(vq, e->place, 1);
        } else if (!vq_scatter(e, e->place, &d, pkts[i])) {
            break;
        }
    }

    vq_packed_ahead_init(&ahead, vq, e->place, MIN(n, vq->size));
    vq_packed_copy(vq, ordered, n_orders, orders, &ahead, &e->tally);
    if (!vq_packed_is_good(vq)) {
        return 0;
    }
    if (e->n_used) {
        vq_packed_publish(vq, e->used, e->n_used);
    }
    vq_tally_flush(&e->tally, vq->stats);
    return i;
}

/* As vq_packed_enqueue(), for at most VIRTQUEUE_MAX_BURST frames. */
static inline unsigned int
vq_packed_enqueue_batch(struct vq_enqueue *e, struct rte_mbuf **pkts,
                        unsigned int n)
{
    struct vq_packed_order orders[VIRTQUEUE_MAX_BURST];
    struct virtqueue *vq = e->vq;
    const unsigned int most = MIN(n, vq->size);
    struct vq_packed_ahead ahead;
    unsigned int placed;
    uint16_t place;

    e->n_used = 0;
    if (OVS_UNLIKELY(vq->ahead_data < most) && most > VQ_PACKED_FEW) {
        vq_packed_prefetch(vq, vq->last_avail, most);
    }
    vq_tally_init(&e->tally);

    placed = vq_packed_place(vq, pkts, most, orders);
    place = vq_packed_advance(vq, vq->last_avail, placed);
    if (OVS_UNLIKELY(placed < most && vq_packed_is_available(vq, place))) {
        return vq_packed_enqueue_slowly(e, pkts, n, orders, placed);
    }

    vq_packed_ahead_init(&ahead, vq, place, most);
    vq_packed_copy(vq, pkts, placed, orders, &ahead, &e->tally);
    if (!vq_packed_is_good(vq)) {
        return 0;
    }
    if (OVS_LIKELY(placed)) {
        vq_packed_give_back(vq, &orders[0].half,
                            sizeof orders[0] / sizeof orders[0].half,
                            placed, UINT64_MAX,
                            VQ_HALF_FLAGS(VRING_DESC_F_WRITE));
    }
    vq_tally_flush(&e->tally, vq->stats);
    return placed;
}

/* As vq_packed_enqueue(), for at least one frame. */
static __rte_noinline unsigned int
vq_packed_enqueue__(struct virtqueue *vq, struct rte_mbuf **pkts,
                    unsigned int n)
{
    const uint16_t first = vq->last_used;
    struct vq_enqueue e;
    unsigned int done = 0;

    e.vq = vq;
    e.n_read = 0;
    do {
        const unsigned int batch = MIN(n - done, VIRTQUEUE_MAX_BURST);
        const unsigned int placed = vq_packed_enqueue_batch(&e, pkts + done,
                                                            batch);

        done += placed;
        if (!placed || (placed < batch && e.n_used < MAX_USED)) {
            break;
        }
    } while (done < n);
    vq->exhausted = e.n_read >= VQ_MAX_WALK;
    if (OVS_LIKELY(vq->last_used != first)) {
        virtqueue_notify(vq);
    }
    return done;
}

unsigned int
VQ_VARIANT_NAME(vq_packed_enqueue)(struct virtqueue *vq,
                                   struct rte_mbuf **pkts, unsigned int n)
{
    if (!n || !vq_packed_is_available(vq, vq->last_avail)) {
        /* Maybe because the ring is gone. */
        vq_packed_is_good(vq);
        vq->exhausted = false;
        return 0;
    }
    return vq_packed_enqueue__(vq, pkts, n);
}
