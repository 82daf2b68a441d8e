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

/* Frames that the guest transmits in something else than one descriptor.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-dequeue.h"

#include "util.h"
#include "virtio-net-hdr.h"

void
vq_put_mbufs(struct rte_mempool *pool, struct rte_mbuf **mbufs,
             unsigned int n)
{
    if (n) {
        rte_mempool_put_bulk(pool, (void **) mbufs, n);
    }
}

enum virtqueue_error
vq_serve_header(const struct virtqueue *vq, uint16_t hdr, const uint8_t *src,
                struct rte_mbuf *m)
{
    /* Each is read once. */
    const volatile struct virtio_net_hdr_csum {
        uint8_t other[offsetof(struct virtio_net_hdr, csum_start)];
        uint16_t start, offset;
    } __attribute__((packed, may_alias)) *csum = (const void *) src;
    const uint16_t start = csum->start;
    const uint16_t offset = csum->offset;

    /* Segmentation is never negotiated. */
    return (vq->csum && !(hdr & 0xff00)
            && virtio_net_hdr_to_mbuf(m, start, offset)
            ? VQ_ERR_NONE : VQ_ERR_HEADER);
}

enum virtqueue_error
vq_gather(struct virtqueue *vq, uint16_t head, const struct vring_desc *first,
          struct rte_mbuf *m, uint32_t room, struct vq_extent *extent)
{
    uint8_t hdr[sizeof(struct virtio_net_hdr_v1)];
    uint8_t *dst = vq_mbuf_data(m);
    enum virtqueue_error error;
    struct vq_chain chain;
    uint64_t gpa, left;
    uint32_t hdr_ofs = 0;
    uint32_t ofs = 0;

    vq_chain_init(&chain, vq, head, first, 0);
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
    if (!virtqueue_error_is_fatal(error)) {
        const enum virtqueue_error fatal = vq_chain_finish(&chain);

        error = fatal ? fatal : error;
    }
    *extent = chain.extent;
    if (error) {
        return error;
    }
    if (ofs < ETH_HEADER_LEN) {
        return VQ_ERR_SHORT;
    }
    vq_mbuf_init(m, ofs);

    const uint16_t start = vq_read_header(hdr);

    return (vq_header_is_plain(start) ? VQ_ERR_NONE
            : vq_serve_header(vq, start, hdr, m));
}
