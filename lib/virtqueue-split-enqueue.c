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


/* Split virtqueues: frames for the guest to receive.  Compiled for each
 * variant.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-enqueue.h"
#include "virtqueue-split.h"
#include "virtqueue-variant.h"
#include "virtqueue-vector.h"

#include "util.h"

/* Frames that go to one piece of memory each. */
struct vq_split_orders {
    unsigned int n;
    uint8_t *dst[VQ_SPLIT_ENTRIES];
    uint64_t gpa[VQ_SPLIT_ENTRIES];
    uint32_t len[VQ_SPLIT_ENTRIES]; /* Without header. */
    const struct rte_mbuf *m[VQ_SPLIT_ENTRIES];
};

/* Finds a place for up to 'n' frames.  Those that go to one piece of memory
 * are left to be copied and stored in 'orders'.  Returns how many are dealt
 * with. */
static inline unsigned int
vq_split_place(struct vq_enqueue *e, struct rte_mbuf **pkts, unsigned int n,
               struct vq_split_orders *orders, struct vq_split_ahead *ahead)
{
    struct virtqueue *vq = e->vq;
    const struct guest_region *region = &vq->mem->regions[vq->hint];
    const struct vring_desc *desc = vq->desc;
    const uint16_t *avail = vq->avail->ring;
    struct vring_used_elem *used = vq->used->ring;
    const unsigned int first = vq->last_avail;
    const unsigned int mask = vq->size - 1;
    const uint32_t hdr_len = vq->hdr_len;
    const unsigned int n_fetched = (uint16_t) (ahead->at_data - first);
    unsigned int taken = 0;
    unsigned int n_placed = 0;
    unsigned int i = 0;

    while (i < n && taken < e->available) {
        const unsigned int group
            = vq_group_size(first + taken, MIN(n - i, e->available - taken),
                            mask);
        const unsigned int end = i + group;

        if (VQ_LANES > 1 && end - i >= VQ_GROUP_MIN
            && OVS_LIKELY(vq_group_received(vq, first + taken, &pkts[i],
                                            group, &orders->dst[n_placed],
                                            &orders->gpa[n_placed],
                                            &orders->len[n_placed]))) {
            for (; i < end; i++, n_placed++, taken++) {
                orders->m[n_placed] = pkts[i];
                if (OVS_UNLIKELY(taken >= n_fetched)) {
                    vq_prefetch_frame(orders->dst[n_placed], hdr_len);
                }
            }
            continue;
        }

        for (; i < end && taken < e->available; i++) {
            const struct rte_mbuf *m = pkts[i];
            const uint32_t need = hdr_len + m->pkt_len;
            const unsigned int slot = (first + taken) & mask;
            const unsigned int head = __atomic_load_n(&avail[slot],
                                                      __ATOMIC_RELAXED);

            if (OVS_UNLIKELY(head > mask)) {
                vq_fail(vq, VQ_ERR_HEAD);
                goto out;
            }

            /* Each is read once. */
            const volatile struct vring_desc *vd = &desc[head];
            const uint64_t addr = vd->addr;
            const uint32_t len = vd->len;
            const unsigned int flags = vd->flags;
            uint8_t *dst = NULL;

            if (OVS_LIKELY((flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                                     | VRING_DESC_F_INDIRECT))
                           == VRING_DESC_F_WRITE && len >= need)) {
                dst = guest_region_translate(region, addr, len);
                if (OVS_UNLIKELY(!dst)) {
                    dst = guest_memory_translate(vq->mem, addr, len,
                                                 &vq->hint);
                    region = &vq->mem->regions[vq->hint];
                }
            }
            if (OVS_LIKELY(dst != NULL)) {
                if (taken >= n_fetched) {
                    vq_prefetch_frame(dst, hdr_len);
                }
                orders->dst[n_placed] = dst;
                orders->gpa[n_placed] = addr;
                orders->len[n_placed] = m->pkt_len;
                orders->m[n_placed] = m;
                n_placed++;
                used[slot].id = head;
                used[slot].len = need;
                taken++;
            } else {
                const struct vring_desc d = vq_read_desc(&desc[head]);
                bool dealt_with;

                if (OVS_UNLIKELY(e->n_read >= VQ_MAX_WALK)) {
                    goto out;
                }
                e->taken = taken;
                dealt_with = vq_scatter(e, head, &d, m);
                taken = e->taken;
                if (OVS_UNLIKELY(!dealt_with)) {
                    goto out;
                }
            }
        }
    }

out:
    e->taken = taken;
    orders->n = n_placed;
    if (n_fetched < taken) {
        ahead->at_data = first + taken;
    }
    return i;
}

/* Copies frames to where 'orders' say, while it fetches buffers ahead. */
static __rte_always_inline void
vq_split_copy(const struct vq_split_orders *orders, uint32_t hdr_len,
              struct vq_split_ahead *ahead, struct vq_tally *tally,
              bool guest_csum)
{
    const uint8_t *next[VQ_SPLIT_ENTRIES];
    const unsigned int n_ahead = vq_split_ahead_buffers(ahead, next,
                                                        orders->n);
    struct vq_frames_tally delivered = { .bytes = 0 };

    for (unsigned int i = 0; i < orders->n; i++) {
        const struct rte_mbuf *m = orders->m[i];
        const uint32_t len = orders->len[i];
        uint8_t *dst = orders->dst[i];

        if (OVS_LIKELY(i < n_ahead)) {
            vq_prefetch_frame(next[i], hdr_len);
        }
        vq_write_header(dst, hdr_len, m, guest_csum);
        vq_copy_segments(dst + hdr_len, m, len);
        vq_tally_one(&delivered, rte_pktmbuf_mtod(m, const uint8_t *), len);
    }
    vq_tally_all(&delivered, orders->len, orders->n);
    vq_tally_add(tally, &delivered);
}

/* The same for a guest that makes checksums. */
static __rte_noinline void
vq_split_copy_csum(const struct vq_split_orders *orders, uint32_t hdr_len,
                   struct vq_split_ahead *ahead, struct vq_tally *tally)
{
    vq_split_copy(orders, hdr_len, ahead, tally, true);
}

/* As vq_split_enqueue(), for at most VIRTQUEUE_MAX_BURST frames. */
static inline unsigned int
vq_split_enqueue_batch(struct virtqueue *vq, struct rte_mbuf **pkts,
                       unsigned int n)
{
    struct vq_split_orders orders;
    const uint32_t hdr_len = vq->hdr_len;
    struct dirty_log *log = vq_log(vq);
    struct vq_split_ahead ahead;
    struct vq_enqueue e;
    unsigned int placed;

    e.available = vq_split_available(vq, n, true);
    if (!e.available) {
        return 0;
    }
    e.vq = vq;
    e.taken = 0;
    e.n_read = 0;
    vq_tally_init(&e.tally);

    const uint16_t n_first = MIN(n, e.available);

    vq_split_ahead_init(&ahead, vq, n_first, e.available);
    if ((uint16_t) (ahead.at_desc - vq->last_avail) < n_first) {
        vq_split_ahead_desc(&ahead, vq->last_avail + n_first);
    }
    placed = vq_split_place(&e, pkts, n, &orders, &ahead);
    vq_split_ahead_desc(&ahead, ahead.end_desc);
    vq_split_ahead_used(vq, e.taken);

    if (OVS_LIKELY(!vq->guest_csum)) {
        vq_split_copy(&orders, hdr_len, &ahead, &e.tally, false);
    } else {
        vq_split_copy_csum(&orders, hdr_len, &ahead, &e.tally);
    }
    if (OVS_UNLIKELY(log != NULL)) {
        for (unsigned int i = 0; i < orders.n; i++) {
            dirty_log_mark(log, orders.gpa[i], hdr_len + orders.len[i]);
        }
    }
    vq->exhausted = e.n_read >= VQ_MAX_WALK;
    vq->ahead_desc = ahead.at_desc;
    vq->ahead_data = ahead.at_data;

    if (OVS_UNLIKELY(guest_memory_is_faulted(vq->mem))) {
        if (!virtqueue_get_error(vq)) {
            vq_fail(vq, VQ_ERR_FAULT);
        }
        return 0;
    }
    if (OVS_LIKELY(e.taken)) {
        vq_split_publish(vq, e.taken);
    }
    vq_tally_flush(&e.tally, vq->stats);
    return placed;
}

unsigned int
VQ_VARIANT_NAME(vq_split_enqueue)(struct virtqueue *vq,
                                  struct rte_mbuf **pkts, unsigned int n)
{
    bool looked = false;
    unsigned int done = 0;

    vq->exhausted = false;
    for (;;) {
        const unsigned int batch = MIN(n - done, VIRTQUEUE_MAX_BURST);
        const unsigned int placed = vq_split_enqueue_batch(vq, pkts + done,
                                                           batch);

        done += placed;
        if (OVS_LIKELY(done >= n)) {
            return done;
        }
        if (placed < batch) {
            /* There may be more room than what was known. */
            const uint16_t seen = vq->seen_avail;

            if (looked || vq->exhausted || virtqueue_get_error(vq)) {
                return done;
            }
            vq_split_look(vq);
            if (vq->seen_avail == seen) {
                return done;
            }
            looked = true;
        }
    }
}
