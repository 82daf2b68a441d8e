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


/* Split virtqueues: frames that the guest transmits.  Compiled for each
 * variant.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-dequeue.h"
#include "virtqueue-split.h"
#include "virtqueue-variant.h"
#include "virtqueue-vector.h"

#include "util.h"

/* The frames of a burst between parsing and copying. */
struct vq_split_frames {
    const uint8_t *src[VQ_SPLIT_ENTRIES]; /* Header and data in guest memory,
                                           * or NULL if they have been
                                           * copied. */
    uint32_t len[VQ_SPLIT_ENTRIES]; /* Without header; 0 if it was dropped. */
};

/* Deals with a chain that is not one descriptor in one region, or that is bad:
 * copies its frame to 'm'.  Returns false if the ring failed or the call is to
 * end before this chain. */
static __rte_noinline bool
vq_split_parse_slowly(struct virtqueue *vq, uint16_t head, struct rte_mbuf *m,
                      uint32_t room, uint32_t *len, unsigned int *n_read,
                      struct vq_tally *tally)
{
    if (!*n_read && !vq_may_walk(vq)) {
        return false;
    }

    const struct vring_desc d = vq_read_desc(&vq->desc[head]);
    struct vq_extent extent;
    const enum virtqueue_error error = vq_gather(vq, head, &d, m, room,
                                                 &extent);

    *n_read += extent.n_read;
    vq_charge(vq, extent.n_read, m->pkt_len);
    *len = m->pkt_len;
    if (OVS_UNLIKELY(error)) {
        if (virtqueue_error_is_fatal(error)) {
            vq_fail(vq, error);
            return false;
        }
        vq_tally_error(tally, error);
        *len = 0;
    }
    return true;
}

/* Parses up to 'n' chains and stores what is in them to 'frames'; frames that
 * are not in one piece are copied to 'mbufs' on the way.  Returns how many
 * chains are to be given back.  Fewer than 'n' if the ring failed or the guest
 * makes us read a lot, or did. */
static inline unsigned int
vq_split_parse(struct virtqueue *vq, struct rte_mbuf **mbufs, unsigned int n,
               uint32_t room, struct vq_split_frames *frames,
               struct vq_tally *tally, struct vq_split_ahead *ahead)
{
    const struct guest_region *region = &vq->mem->regions[vq->hint];
    const struct vring_desc *desc = vq->desc;
    const uint16_t *avail = vq->avail->ring;
    struct vring_used_elem *used = vq->used->ring;
    const unsigned int first = vq->last_avail;
    const unsigned int mask = vq->size - 1;
    const uint32_t hdr_len = vq->hdr_len;
    const uint32_t shortest = hdr_len + ETH_HEADER_LEN;
    const uint32_t longest = hdr_len + room;
    const unsigned int n_fetched = (uint16_t) (ahead->at_data - first);
    const bool in_order = vq->in_order;
    unsigned int last_head = vq->next_head - 1;
    unsigned int n_read = 0;
    unsigned int i = 0;

    while (i < n) {
        unsigned int end = i + vq_group_size(first + i, n - i, mask);

        if (VQ_LANES > 1 && end - i >= VQ_GROUP_MIN
            && OVS_LIKELY(vq_group_transmitted(vq, first + i, end - i,
                                               shortest, longest,
                                               &frames->src[i],
                                               &frames->len[i],
                                               &last_head))) {
            for (; OVS_UNLIKELY(end > n_fetched) && i < end; i++) {
                vq_prefetch_source(frames->src[i]);
            }
            i = end;
            continue;
        }

        for (; i < end; i++) {
            const unsigned int slot = (first + i) & mask;
            const unsigned int head = __atomic_load_n(&avail[slot],
                                                      __ATOMIC_RELAXED);

            if (OVS_UNLIKELY(head > mask)) {
                vq_fail(vq, VQ_ERR_HEAD);
                goto out;
            }

            /* Each is read once. */
            const volatile struct vring_desc *d = &desc[head];
            const uint64_t addr = d->addr;
            const uint32_t len = d->len;
            const unsigned int flags = d->flags;
            const uint8_t *src = NULL;

            if (OVS_LIKELY(!(flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                                      | VRING_DESC_F_INDIRECT))
                           && len >= shortest && len <= longest)) {
                src = guest_region_translate(region, addr, len);
                if (OVS_UNLIKELY(!src)) {
                    src = guest_memory_translate(vq->mem, addr, len,
                                                 &vq->hint);
                    region = &vq->mem->regions[vq->hint];
                }
            }
            frames->src[i] = src;
            if (OVS_LIKELY(src != NULL)) {
                if (i >= n_fetched) {
                    vq_prefetch_source(src);
                }
                frames->len[i] = len - hdr_len;
            } else {
                if (!vq_split_parse_slowly(vq, head, mbufs[i], room,
                                           &frames->len[i], &n_read, tally)) {
                    goto out;
                }
                if (OVS_UNLIKELY(n_read >= VQ_MAX_WALK)) {
                    end = n = i + 1;
                }
            }
            if (!in_order) {
                used[slot].id = head;
                used[slot].len = 0;
            }
            last_head = head;
        }
    }

out:
    if (in_order && i) {
        /* One element for all of them: the head of the last, in the place of
         * the first (virtio 1.2, 2.7.9). */
        used[first & mask].id = last_head;
        used[first & mask].len = 0;
    }
    vq->next_head = last_head + 1;
    if (n_fetched < i) {
        ahead->at_data = first + i;
    }
    return i;
}

/* Takes the frames whose bits are set in 'dropped' out of the 'n' in 'pkts'
 * and 'frames'.  Returns how many are left. */
static __rte_noinline unsigned int
vq_split_drop(struct rte_mempool *pool, struct rte_mbuf **pkts,
              struct vq_split_frames *frames, unsigned int n,
              uint32_t dropped)
{
    unsigned int n_left = 0;

    BUILD_ASSERT_DECL(VIRTQUEUE_MAX_BURST <= 32);
    for (unsigned int i = 0; i < n; i++) {
        if (dropped & UINT32_C(1) << i) {
            vq_put_mbufs(pool, &pkts[i], 1);
        } else {
            pkts[n_left] = pkts[i];
            frames->len[n_left++] = frames->len[i];
        }
    }
    return n_left;
}

unsigned int
VQ_VARIANT_NAME(vq_split_dequeue)(struct virtqueue *vq,
                                  struct rte_mempool *pool,
                                  struct rte_mbuf **pkts, unsigned int max)
{
    struct vq_split_frames frames;
    const uint8_t *next[VQ_SPLIT_ENTRIES];
    struct vq_frames_tally delivered = { .bytes = 0 };
    const uint32_t hdr_len = vq->hdr_len;
    struct vq_split_ahead ahead;
    struct vq_tally tally;
    uint32_t dropped = 0;
    unsigned int n_mbufs;
    const unsigned int limit = MIN(max, VIRTQUEUE_MAX_BURST);
    const unsigned int available = vq_split_available(vq, limit, false);
    unsigned int n;

    if (!available) {
        return 0;
    }
    n = MIN(available, limit);
    if (n == limit) {
        /* For the look before we leave. */
        OVS_PREFETCH(&vq->avail->idx);
    }
    vq_tally_init(&tally);
    vq_split_ahead_init(&ahead, vq, n, available);
    if ((uint16_t) (ahead.at_desc - vq->last_avail) < n) {
        vq_split_guess_desc(vq, n);
        vq_split_ahead_desc(&ahead, vq->last_avail + n);
    }

    n_mbufs = vq_get_mbufs(pool, pkts, n);
    if (OVS_UNLIKELY(n_mbufs < n)) {
        vq_tally_error(&tally, VQ_ERR_NO_MBUF);
    }
    n = vq_split_parse(vq, pkts, n_mbufs,
                       rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM,
                       &frames, &tally, &ahead);
    vq_split_ahead_desc(&ahead, ahead.end_desc);
    if (!vq->in_order) {
        vq_split_ahead_used(vq, n);
    }

    const unsigned int n_ahead = vq_split_ahead_buffers(&ahead, next, n);

    for (unsigned int i = 0; i < n; i++) {
        const uint8_t *src = frames.src[i];
        const uint32_t len = frames.len[i];
        struct rte_mbuf *m = pkts[i];
        uint8_t *data = vq_mbuf_data(m);

        if (OVS_LIKELY(i < n_ahead)) {
            vq_prefetch_source(next[i]);
        }
        if (OVS_LIKELY(src != NULL)) {
            const enum virtqueue_error error
                = vq_take_frame(vq, src, hdr_len, m, data, len);

            if (OVS_UNLIKELY(error)) {
                vq_tally_error(&tally, error);
                dropped |= UINT32_C(1) << i;
                continue;
            }
        } else if (OVS_UNLIKELY(!len)) {
            dropped |= UINT32_C(1) << i;
            continue;
        }

        vq_tally_one(&delivered, data, len);
    }
    vq->ahead_desc = ahead.at_desc;
    vq->ahead_data = ahead.at_data;

    unsigned int n_pkts = n;

    if (OVS_UNLIKELY(dropped)) {
        n_pkts = vq_split_drop(pool, pkts, &frames, n, dropped);
    }
    if (OVS_UNLIKELY(n < n_mbufs)) {
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
    if (n == limit) {
        vq_split_look(vq);
        vq->seen_at = 0;
    }
    if (OVS_LIKELY(n)) {
        vq_split_publish(vq, n);
    }
    vq_tally_all(&delivered, frames.len, n_pkts);
    vq_tally_add(&tally, &delivered);
    vq_tally_flush(&tally, vq->stats);
    return n_pkts;
}
