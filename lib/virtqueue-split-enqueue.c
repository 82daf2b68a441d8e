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


/* Split virtqueues: frames for the guest to receive.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-enqueue.h"
#include "virtqueue-split.h"

#include "util.h"

/* Finds a place for up to 'n' frames.  Those that go to one piece of memory
 * are left to be copied and stored in 'orders', with their number in
 * '*n_orders'.  Returns how many are dealt with. */
static inline unsigned int
vq_split_place(struct vq_enqueue *e, struct rte_mbuf **pkts, unsigned int n,
               struct vq_order *orders, unsigned int *n_orders,
               struct vq_split_ahead *ahead)
{
    struct virtqueue *vq = e->vq;
    const struct guest_memory *mem = vq->mem;
    const struct vring_desc *desc = vq->desc;
    const uint16_t first = vq->last_avail;
    const uint16_t size = vq->size;
    const uint8_t hdr_len = vq->hdr_len;
    const uint16_t n_fetched = ahead->at_data - first;
    unsigned int i;

    *n_orders = 0;
    for (i = 0; i < n; i++) {
        const struct rte_mbuf *m = pkts[i];
        const uint32_t need = hdr_len + m->pkt_len;
        uint8_t *dst = NULL;

        if (e->taken == e->available || e->n_read > VQ_MAX_WALK) {
            break;
        }

        const uint16_t slot = (first + e->taken) & (size - 1);
        const uint16_t head = __atomic_load_n(&vq->avail->ring[slot],
                                              __ATOMIC_RELAXED);

        if (OVS_UNLIKELY(head >= size)) {
            vq_fail(vq, VQ_ERR_HEAD);
            break;
        }

        const struct vring_desc d = vq_read_desc(&desc[head]);

        if (OVS_LIKELY((d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                                   | VRING_DESC_F_INDIRECT))
                       == VRING_DESC_F_WRITE && d.len >= need)) {
            dst = guest_memory_translate(mem, d.addr, d.len, &vq->hint);
        }
        if (OVS_LIKELY(dst != NULL)) {
            struct vq_order *o = &orders[(*n_orders)++];

            if (e->taken >= n_fetched) {
                vq_prefetch_frame(dst, hdr_len);
            }
            o->dst = dst;
            o->gpa = d.addr;
            o->m = m;
            vq->used->ring[slot].id = head;
            vq->used->ring[slot].len = need;
            e->taken++;
        } else if (OVS_UNLIKELY(!vq_scatter(e, head, &d, m))) {
            break;
        }
    }
    if (n_fetched < e->taken) {
        ahead->at_data = first + e->taken;
    }
    return i;
}

/* As vq_split_enqueue(), for at most VIRTQUEUE_MAX_BURST frames. */
static inline unsigned int
vq_split_enqueue_batch(struct virtqueue *vq, struct rte_mbuf **pkts,
                       unsigned int n)
{
    struct vq_order orders[VIRTQUEUE_MAX_BURST];
    struct vq_frames_tally delivered = { .bytes = 0 };
    const uint8_t hdr_len = vq->hdr_len;
    struct dirty_log *log = vq_log(vq);
    unsigned int n_orders, placed;
    struct vq_split_ahead ahead;
    struct vq_enqueue e;

    e.available = vq_split_available(vq);
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
    placed = vq_split_place(&e, pkts, n, orders, &n_orders, &ahead);
    vq_split_ahead_desc(&ahead, ahead.end_desc);
    vq_split_ahead_used(vq, e.taken);

    for (unsigned int i = 0; i < n_orders; i++) {
        const struct vq_order *o = &orders[i];
        const struct rte_mbuf *m = o->m;
        const uint32_t len = m->pkt_len;

        if (ahead.at_data != ahead.end_data) {
            const uint8_t *next = vq_split_ahead_next(&ahead);

            if (OVS_LIKELY(next != NULL)) {
                vq_prefetch_frame(next, hdr_len);
            }
        }
        vq_write_header(o->dst, hdr_len, 1);
        vq_copy_segments(o->dst + hdr_len, m);
        dirty_log_mark(log, o->gpa, hdr_len + len);
        vq_tally_frame__(&delivered, rte_pktmbuf_mtod(m, const uint8_t *),
                         len);
    }
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
    vq_tally_add(&e.tally, &delivered);
    vq_tally_flush(&e.tally, vq->stats);
    return placed;
}

unsigned int
vq_split_enqueue(struct virtqueue *vq, struct rte_mbuf **pkts,
                 unsigned int n)
{
    unsigned int done = 0;
    unsigned int batch, placed;

    do {
        batch = MIN(n - done, VIRTQUEUE_MAX_BURST);
        placed = vq_split_enqueue_batch(vq, pkts + done, batch);
        done += placed;
    } while (OVS_UNLIKELY(done < n && placed == batch));
    return done;
}
