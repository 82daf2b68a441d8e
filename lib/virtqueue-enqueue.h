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

#ifndef VIRTQUEUE_ENQUEUE_H
#define VIRTQUEUE_ENQUEUE_H 1

/* Frames for the guest to receive: what all kinds of rings share.
 *
 * Private to the engine. */

#include "virtio-net-hdr.h"
#include "virtqueue-chain.h"

/* A call in progress. */
struct vq_enqueue {
    struct virtqueue *vq;
    unsigned int available;     /* Chains the guest offers... */
    unsigned int taken;         /* ...and those used up. */
    unsigned int n_read;        /* Descriptors read the long way. */
    struct vq_tally tally;

    /* In a packed ring, instead of 'available' and 'taken'. */
    uint16_t place;             /* Of the next chain to take. */
    unsigned int n_used;        /* Chains to be given back... */
    struct vq_packed_used *used; /* ...with room for VQ_MAX_PIECES more. */
};

/* A frame that goes to one piece of memory. */
struct vq_order {
    uint8_t *dst;
    uint64_t gpa;
    const struct rte_mbuf *m;
};

/* Fetches the lines of a buffer that are written first: data of the frame, and
 * the header, which is often right as it is. */
static inline void
vq_prefetch_frame(const uint8_t *dst, uint8_t hdr_len)
{
    OVS_PREFETCH(dst);
    vq_prefetch_write(dst + hdr_len);
}

/* Sees to it that 'dst' holds a header that begins with 'offloads' and
 * 'csum_offset' (see virtio_net_hdr_from_mbuf()) and says that there is one
 * buffer, if it has 12 bytes (virtio 1.2, 5.1.6.4).
 *
 * As a rule it does already, from the latest use of the buffer.  Then nothing
 * is written, and the line stays in the caches of the guest and of us. */
static inline void
vq_write_header__(uint8_t *dst, uint8_t hdr_len, uint64_t offloads,
                  uint16_t csum_offset)
{
    struct vq_header {
        uint64_t offloads;
        union {
            uint16_t csum_offset;
            uint32_t tail;      /* And number of buffers. */
        };
    } __attribute__((packed, may_alias)) *hdr = (struct vq_header *) dst;
    const uint32_t tail = csum_offset | UINT32_C(1) << 16;

    BUILD_ASSERT_DECL(sizeof(struct virtio_net_hdr) == 10);
    BUILD_ASSERT_DECL(sizeof *hdr == sizeof(struct virtio_net_hdr_v1));
    if (OVS_LIKELY(hdr_len == sizeof *hdr)) {
        if ((hdr->offloads ^ offloads) | (hdr->tail ^ tail)) {
            hdr->offloads = offloads;
            hdr->tail = tail;
        }
    } else if ((hdr->offloads ^ offloads)
               | (hdr->csum_offset ^ csum_offset)) {
        hdr->offloads = offloads;
        hdr->csum_offset = csum_offset;
    }
}

/* Sees to it that 'dst' holds the header of 'm', in one buffer, for a guest
 * that makes checksums if 'guest_csum'. */
static inline void
vq_write_header(uint8_t *dst, uint8_t hdr_len, const struct rte_mbuf *m,
                bool guest_csum)
{
    if (OVS_UNLIKELY(guest_csum) && m->ol_flags & VIRTIO_NET_HDR_OL_FLAGS) {
        uint16_t csum_offset;
        const uint64_t offloads = virtio_net_hdr_from_mbuf(m, &csum_offset);

        vq_write_header__(dst, hdr_len, offloads, csum_offset);
    } else {
        vq_write_header__(dst, hdr_len, 0, 0);
    }
}

/* Copies all segments of 'm', which may be many, to 'dst'. */
void vq_copy_many_segments(uint8_t *dst, const struct rte_mbuf *);

/* Copies all segments of 'm', which are 'len' bytes, to 'dst'. */
static inline void
vq_copy_segments(uint8_t *dst, const struct rte_mbuf *m, uint32_t len)
{
    if (OVS_LIKELY(m->nb_segs == 1)) {
        vq_copy(dst, rte_pktmbuf_mtod(m, const uint8_t *), len);
        return;
    }

    vq_copy_many_segments(dst, m);
}

/* Deals with frame 'm' if the chain at hand is not one descriptor that is
 * large enough.  Returns false if it cannot be dealt with (now). */
bool vq_scatter(struct vq_enqueue *, uint16_t head,
                const struct vring_desc *first, const struct rte_mbuf *m);

#endif /* virtqueue-enqueue.h */
