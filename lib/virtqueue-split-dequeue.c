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


/* Split virtqueues: frames that the guest transmits.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-split.h"

#include "util.h"

/* A frame of the burst between parsing and copying. */
struct vq_frame {
    const uint8_t *src;         /* Header and data in guest memory, or NULL if
                                 * they have been copied. */
    uint32_t len;               /* Without header; 0 if it was dropped. */
};

/* Judges the virtio-net header of a frame from its guest; 'hdr' is our copy
 * (virtio 1.2, 5.1.6.2).  Bits that are not defined are to be ignored.
 *
 * Offloads have their place here: none has been negotiated yet, so a frame
 * that needs one is not good. */
static inline enum virtqueue_error
vq_accept_header(const struct virtio_net_hdr *hdr)
{
    if (OVS_UNLIKELY(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM
                     || hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)) {
        return VQ_ERR_HEADER;
    }
    return VQ_ERR_NONE;
}

/* Copies the header at 'src', reading what it is judged by exactly once. */
static inline struct virtio_net_hdr
vq_read_header(const uint8_t *src)
{
    return (struct virtio_net_hdr) {
        .flags = *(const volatile uint8_t *) &src[0],
        .gso_type = *(const volatile uint8_t *) &src[1],
    };
}

/* Where the data of a frame in 'm' begins, before 'm' is initialised. */
static inline uint8_t *
vq_mbuf_data(const struct rte_mbuf *m)
{
    return (uint8_t *) m->buf_addr + RTE_PKTMBUF_HEADROOM;
}

/* Gets up to 'n' buffers of 'pool', as many as there are, more or less. */
static unsigned int
vq_get_mbufs(struct rte_mempool *pool, struct rte_mbuf **mbufs,
             unsigned int n)
{
    while (n && rte_mempool_get_bulk(pool, (void **) mbufs, n)) {
        n /= 2;
    }
    return n;
}

/* Puts back 'n' buffers that have not been used.  Seldom needed. */
static __rte_noinline void
vq_put_mbufs(struct rte_mempool *pool, struct rte_mbuf **mbufs,
             unsigned int n)
{
    if (n) {
        rte_mempool_put_bulk(pool, (void **) mbufs, n);
    }
}

/* Copies the frame in the chain that begins with 'first', header included, as
 * long as it has at most 'room' bytes to 'dst'.  Any chain is good enough.
 * Adds the descriptors read to '*n_read'. */
static __rte_noinline enum virtqueue_error
vq_split_gather(struct virtqueue *vq, const struct vring_desc *first,
                uint8_t *dst, uint32_t room, uint32_t *frame_len,
                unsigned int *n_read)
{
    uint8_t hdr[sizeof(struct virtio_net_hdr_v1)];
    enum virtqueue_error error;
    struct vq_chain chain;
    uint64_t gpa, left;
    uint32_t hdr_ofs = 0;
    uint32_t ofs = 0;

    vq_chain_init(&chain, vq, first, 0);
    for (;;) {
        error = vq_chain_next(&chain, &gpa, &left);
        if (error || !left) {
            break;
        }
        while (left) {
            uint64_t part = left;
            const uint8_t *src
                = guest_memory_translate_part(vq->mem, gpa, &part, &vq->hint);

            if (!src) {
                error = VQ_ERR_ADDRESS;
                goto out;
            }
            gpa += part;
            left -= part;

            if (hdr_ofs < vq->hdr_len) {
                const uint32_t n = MIN(part, vq->hdr_len - hdr_ofs);

                memcpy(hdr + hdr_ofs, src, n);
                hdr_ofs += n;
                src += n;
                part -= n;
            }
            if (part > room - ofs) {
                error = VQ_ERR_LONG;
                goto out;
            }
            memcpy(dst + ofs, src, part);
            ofs += part;
        }
    }

out:
    *n_read += chain.n_read;
    *frame_len = ofs;
    if (!error) {
        error = VQ_ERR_SHORT;
        if (ofs >= ETH_HEADER_LEN) {
            const struct virtio_net_hdr copy = {
                .flags = hdr[offsetof(struct virtio_net_hdr, flags)],
                .gso_type = hdr[offsetof(struct virtio_net_hdr, gso_type)],
            };

            error = vq_accept_header(&copy);
        }
    }
    return error;
}

/* Parses up to 'n' chains and stores what is in them to 'frames'; frames that
 * are not in one piece are copied to 'mbufs' on the way.  Returns how many
 * chains are to be given back.  Fewer than 'n' if the ring failed or the guest
 * makes us read a lot. */
static unsigned int
vq_split_parse(struct virtqueue *vq, struct rte_mbuf **mbufs, unsigned int n,
               uint32_t room, struct vq_frame *frames, struct vq_tally *tally)
{
    const uint32_t shortest = vq->hdr_len + ETH_HEADER_LEN;
    const uint32_t longest = vq->hdr_len + room;
    unsigned int n_read = 0;
    unsigned int i;

    for (i = 0; i < n && n_read < VQ_MAX_WALK; i++) {
        const uint16_t head = vq_split_head(vq, i);
        enum virtqueue_error error;
        const uint8_t *src = NULL;

        if (OVS_UNLIKELY(head >= vq->size)) {
            vq_fail(vq, VQ_ERR_HEAD);
            break;
        }

        const struct vring_desc d = vq_read_desc(&vq->desc[head]);

        if (OVS_LIKELY(!(d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                                    | VRING_DESC_F_INDIRECT))
                       && d.len >= shortest && d.len <= longest)) {
            src = guest_memory_translate(vq->mem, d.addr, d.len, &vq->hint);
        }
        if (OVS_LIKELY(src != NULL)) {
            OVS_PREFETCH(src);
            OVS_PREFETCH(src + CACHE_LINE_SIZE);
            frames[i].len = d.len - vq->hdr_len;
        } else {
            error = vq_split_gather(vq, &d, vq_mbuf_data(mbufs[i]), room,
                                    &frames[i].len, &n_read);
            if (OVS_UNLIKELY(error)) {
                if (virtqueue_error_is_fatal(error)) {
                    vq_fail(vq, error);
                    break;
                }
                vq_tally_error(tally, error);
                frames[i].len = 0;
            }
        }
        frames[i].src = src;
        vq_split_set_used(vq, i, head, 0);
    }
    return i;
}

unsigned int
vq_split_dequeue(struct virtqueue *vq, struct rte_mempool *pool,
                 struct rte_mbuf **pkts, unsigned int max)
{
    struct vq_frame frames[VIRTQUEUE_MAX_BURST];
    struct rte_mbuf *spare[VIRTQUEUE_MAX_BURST];
    unsigned int n_spare = 0;
    struct vq_tally tally;
    unsigned int n_pkts = 0;
    unsigned int n_mbufs;
    unsigned int n = vq_split_available(vq);

    if (!n) {
        return 0;
    }
    n = MIN(n, max);
    n = MIN(n, VIRTQUEUE_MAX_BURST);
    memset(&tally, 0, sizeof tally);
    vq_split_prefetch(vq, 0, n);

    n_mbufs = vq_get_mbufs(pool, pkts, n);
    if (OVS_UNLIKELY(n_mbufs < n)) {
        vq_tally_error(&tally, VQ_ERR_NO_MBUF);
    }
    n = vq_split_parse(vq, pkts, n_mbufs,
                       rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM,
                       frames, &tally);

    for (unsigned int i = 0; i < n; i++) {
        const struct vq_frame *f = &frames[i];
        struct rte_mbuf *m = pkts[i];

        if (OVS_LIKELY(f->src != NULL)) {
            const struct virtio_net_hdr hdr = vq_read_header(f->src);
            const enum virtqueue_error error = vq_accept_header(&hdr);

            if (OVS_UNLIKELY(error)) {
                vq_tally_error(&tally, error);
                spare[n_spare++] = m;
                continue;
            }
            vq_copy(vq_mbuf_data(m), f->src + vq->hdr_len, f->len);
        } else if (OVS_UNLIKELY(!f->len)) {
            spare[n_spare++] = m;
            continue;
        }

        rte_pktmbuf_reset(m);
        m->data_len = m->pkt_len = f->len;
        vq_tally_frame(&tally, vq_mbuf_data(m), f->len);
        pkts[n_pkts++] = m;
    }

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
        vq_split_publish(vq, n);
    }
    vq_tally_flush(&tally, vq->stats);
    return n_pkts;
}
