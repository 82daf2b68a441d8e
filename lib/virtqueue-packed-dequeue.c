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

/* Counts the descriptors that are available from where we are, as many as make
 * up to 'max' chains, whose number goes to '*n_chains'.  Loads made afterward
 * see all of them. */
static inline unsigned int
vq_packed_available(const struct virtqueue *vq, unsigned int max,
                    unsigned int *n_chains)
{
    uint16_t place = vq->last_avail;
    const unsigned int limit = MIN(vq->size, VQ_MAX_WALK);
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

/* Parses up to 'n' chains, of the first of 'available' descriptors, and stores
 * what is in them to 'frames' and how to give them back to 'used'; frames that
 * are not in one piece are copied to 'mbufs' on the way.  Returns how many
 * chains are to be given back.  Fewer than there are if the ring failed or the
 * guest makes us read a lot. */
static inline unsigned int
vq_packed_parse(struct virtqueue *vq, struct rte_mbuf **mbufs, unsigned int n,
                unsigned int available, uint32_t room,
                struct vq_frame *frames, struct vq_packed_used *used,
                struct vq_tally *tally, uint16_t *placep)
{
    const struct guest_memory *mem = vq->mem;
    const uint32_t hdr_len = vq->hdr_len;
    const uint32_t shortest = hdr_len + ETH_HEADER_LEN;
    const uint32_t longest = hdr_len + room;
    const unsigned int n_fetched = vq->ahead_data;
    uint16_t place = vq->last_avail;
    unsigned int hint = vq->hint;
    unsigned int n_slots = 0;
    unsigned int n_read = 0;
    unsigned int i;

    for (i = 0; n_slots < available && n_read < VQ_MAX_WALK; i++) {
        if (OVS_UNLIKELY(i == n)) {
            vq_tally_error(tally, VQ_ERR_NO_MBUF);
            break;
        }

        const struct vring_desc d
            = vq_read_packed_desc(&vq->ring[vq_packed_slot(place)]);
        struct vq_packed_used *u = &used[i];
        const uint8_t *src = NULL;

        if (OVS_LIKELY(!(d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                                    | VRING_DESC_F_INDIRECT))
                       && d.len >= shortest && d.len <= longest)) {
            src = guest_memory_translate(mem, d.addr, d.len, &hint);
        }
        if (OVS_LIKELY(src != NULL)) {
            if (i >= n_fetched) {
                vq_prefetch_source(src);
            }
            frames[i].len = d.len - hdr_len;
            *u = (struct vq_packed_used) { .id = d.next, .n_slots = 1 };
        } else {
            struct vq_extent extent;
            const enum virtqueue_error error
                = vq_gather(vq, place, &d, vq_mbuf_data(mbufs[i]), room,
                            &frames[i].len, &extent);

            n_read += extent.n_read;
            if (OVS_UNLIKELY(error)) {
                if (virtqueue_error_is_fatal(error)) {
                    vq_fail(vq, error);
                    break;
                }
                vq_tally_error(tally, error);
                frames[i].len = 0;
            }
            *u = (struct vq_packed_used) {
                .id = extent.id,
                .n_slots = extent.n_slots,
            };
        }
        frames[i].src = src;
        n_slots += u->n_slots;
        place = vq_packed_advance(vq, place, u->n_slots);
    }
    vq->hint = hint;
    *placep = place;
    return i;
}

unsigned int
vq_packed_dequeue(struct virtqueue *vq, struct rte_mempool *pool,
                  struct rte_mbuf **pkts, unsigned int max)
{
    struct vq_frame frames[VIRTQUEUE_MAX_BURST];
    struct vq_packed_used used[VIRTQUEUE_MAX_BURST];
    struct rte_mbuf *spare[VIRTQUEUE_MAX_BURST];
    unsigned int n_spare = 0;
    struct vq_frames_tally delivered = { .bytes = 0 };
    const struct guest_region *region;
    const uint32_t hdr_len = vq->hdr_len;
    struct vq_tally tally;
    unsigned int n_pkts = 0;
    unsigned int n_mbufs;
    unsigned int n, available;
    unsigned int n_ahead = 0;
    uint16_t ahead;

    available = vq_packed_available(vq, MIN(max, VIRTQUEUE_MAX_BURST), &n);
    if (OVS_UNLIKELY(guest_memory_is_faulted(vq->mem))) {
        vq_fail(vq, VQ_ERR_FAULT);
        return 0;
    }
    if (!available) {
        return 0;
    }
    vq_tally_init(&tally);

    n_mbufs = vq_get_mbufs(pool, pkts, n);
    n = vq_packed_parse(vq, pkts, n_mbufs, available,
                        (rte_pktmbuf_data_room_size(pool)
                         - RTE_PKTMBUF_HEADROOM),
                        frames, used, &tally, &ahead);
    if (vq_packed_is_available(vq, ahead)) {
        vq_packed_prefetch(vq, vq_packed_advance(vq, ahead,
                                                 MIN(n, vq->size)), n);
    }
    region = &vq->mem->regions[vq->hint];

    for (unsigned int i = 0; i < n; i++) {
        const struct vq_frame *f = &frames[i];
        struct rte_mbuf *m = pkts[i];

        if (n_ahead == i) {
            const uint8_t *next = vq_packed_ahead_next(vq, region, &ahead);

            if (OVS_LIKELY(next != NULL)) {
                vq_prefetch_source(next);
                n_ahead++;
            }
        }
        if (OVS_LIKELY(f->src != NULL)) {
            const struct virtio_net_hdr hdr = vq_read_header(f->src);
            const enum virtqueue_error error = vq_accept_header(&hdr);

            if (OVS_UNLIKELY(error)) {
                vq_tally_error(&tally, error);
                spare[n_spare++] = m;
                continue;
            }
            vq_copy(vq_mbuf_data(m), f->src + hdr_len, f->len);
        } else if (OVS_UNLIKELY(!f->len)) {
            spare[n_spare++] = m;
            continue;
        }

        vq_mbuf_init(m, f->len);
        vq_tally_frame__(&delivered, vq_mbuf_data(m), f->len);
        pkts[n_pkts++] = m;
    }
    vq->ahead_data = n_ahead;

    if (OVS_UNLIKELY(n_pkts < n_mbufs)) {
        vq_put_mbufs(pool, spare, n_spare);
        vq_put_mbufs(pool, &pkts[n], n_mbufs - n);
    }
    if (OVS_UNLIKELY(guest_memory_is_faulted(vq->mem))) {
        /* Who knows what was copied. */
        vq_put_mbufs(pool, pkts, n_pkts);
        if (!virtqueue_get_error(vq)) {
            vq_fail(vq, VQ_ERR_FAULT);
        }
        return 0;
    }
    if (OVS_LIKELY(n)) {
        vq_packed_publish(vq, used, n, true);
        virtqueue_notify(vq);
    }
    vq_tally_add(&tally, &delivered);
    vq_tally_flush(&tally, vq->stats);
    return n_pkts;
}
