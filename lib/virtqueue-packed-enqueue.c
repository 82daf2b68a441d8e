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

#include "util.h"

/* Chains that are used up, after which a batch ends at the next frame. */
#define MAX_USED (2 * VIRTQUEUE_MAX_BURST)

/* Finds a place for up to 'n' frames.  Those that go to one piece of memory
 * are left to be copied and stored in 'orders', with their number in
 * '*n_orders'.  Returns how many are dealt with. */
static inline unsigned int
vq_packed_place(struct vq_enqueue *e, struct rte_mbuf **pkts, unsigned int n,
                struct vq_order *orders, unsigned int *n_orders)
{
    struct virtqueue *vq = e->vq;
    const struct guest_memory *mem = vq->mem;
    const uint32_t hdr_len = vq->hdr_len;
    const unsigned int n_fetched = vq->ahead_data;
    unsigned int i;

    *n_orders = 0;
    for (i = 0; i < n; i++) {
        const struct rte_mbuf *m = pkts[i];
        const uint32_t need = hdr_len + m->pkt_len;
        uint8_t *dst = NULL;

        if (e->n_used >= MAX_USED || e->n_read > VQ_MAX_WALK
            || !vq_packed_is_available(vq, e->place)) {
            break;
        }

        const struct vring_desc d
            = vq_read_packed_desc(&vq->ring[vq_packed_slot(e->place)]);

        if (OVS_LIKELY((d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                                   | VRING_DESC_F_INDIRECT))
                       == VRING_DESC_F_WRITE && d.len >= need)) {
            dst = guest_memory_translate(mem, d.addr, d.len, &vq->hint);
        }
        if (OVS_LIKELY(dst != NULL)) {
            struct vq_order *o = &orders[(*n_orders)++];

            if (e->n_used >= n_fetched) {
                vq_prefetch_frame(dst, hdr_len);
            }
            o->dst = dst;
            o->gpa = d.addr;
            o->m = m;
            e->used[e->n_used++] = (struct vq_packed_used) {
                .len = need,
                .id = d.next,
                .n_slots = 1,
            };
            e->place = vq_packed_advance(vq, e->place, 1);
        } else if (OVS_UNLIKELY(!vq_scatter(e, e->place, &d, m))) {
            break;
        }
    }
    return i;
}

/* Deals with up to VIRTQUEUE_MAX_BURST frames.  Returns how many. */
static unsigned int
vq_packed_enqueue_batch(struct vq_enqueue *e, struct rte_mbuf **pkts,
                        unsigned int n)
{
    struct vq_order orders[VIRTQUEUE_MAX_BURST];
    struct vq_frames_tally delivered = { .bytes = 0 };
    struct virtqueue *vq = e->vq;
    const uint32_t hdr_len = vq->hdr_len;
    struct dirty_log *log = vq_log(vq);
    const struct guest_region *region;
    unsigned int n_orders, placed;
    unsigned int n_ahead = 0;
    uint16_t ahead;

    e->place = vq->last_avail;
    e->n_used = 0;
    vq_tally_init(&e->tally);

    placed = vq_packed_place(e, pkts, n, orders, &n_orders);
    ahead = e->place;
    if (vq_packed_is_available(vq, ahead)) {
        vq_packed_prefetch(vq, vq_packed_advance(vq, ahead,
                                                 MIN(n, vq->size)), n);
    }
    region = &vq->mem->regions[vq->hint];

    for (unsigned int i = 0; i < n_orders; i++) {
        const struct vq_order *o = &orders[i];
        const struct rte_mbuf *m = o->m;

        if (n_ahead == i) {
            const uint8_t *next = vq_packed_ahead_next(vq, region, &ahead);

            if (OVS_LIKELY(next != NULL)) {
                vq_prefetch_frame(next, hdr_len);
                n_ahead++;
            }
        }
        vq_write_header(o->dst, hdr_len, 1);
        vq_copy_segments(o->dst + hdr_len, m);
        dirty_log_mark(log, o->gpa, hdr_len + m->pkt_len);
        vq_tally_frame__(&delivered, rte_pktmbuf_mtod(m, const uint8_t *),
                         m->pkt_len);
    }
    vq->ahead_data = n_ahead;

    if (OVS_UNLIKELY(guest_memory_is_faulted(vq->mem))) {
        if (!virtqueue_get_error(vq)) {
            vq_fail(vq, VQ_ERR_FAULT);
        }
        return 0;
    }
    if (OVS_LIKELY(e->n_used)) {
        vq_packed_publish(vq, e->used, e->n_used, false);
    }
    vq_tally_add(&e->tally, &delivered);
    vq_tally_flush(&e->tally, vq->stats);
    return placed;
}

unsigned int
vq_packed_enqueue(struct virtqueue *vq, struct rte_mbuf **pkts,
                  unsigned int n)
{
    struct vq_packed_used used[MAX_USED + VQ_MAX_PIECES];
    const uint16_t first = vq->last_used;
    struct vq_enqueue e;
    unsigned int done = 0;

    e.vq = vq;
    e.used = used;
    e.n_read = 0;

    vq_packed_prefetch(vq, vq->last_avail, MIN(n, VIRTQUEUE_MAX_BURST));
    while (done < n) {
        const unsigned int batch = MIN(n - done, VIRTQUEUE_MAX_BURST);
        const unsigned int placed = vq_packed_enqueue_batch(&e, pkts + done,
                                                            batch);

        done += placed;
        if (!placed || (placed < batch && e.n_used < MAX_USED)) {
            break;
        }
    }
    vq->exhausted = e.n_read > VQ_MAX_WALK;
    if (OVS_LIKELY(vq->last_used != first)) {
        virtqueue_notify(vq);
    }
    return done;
}
