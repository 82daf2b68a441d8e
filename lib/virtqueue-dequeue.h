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

#ifndef VIRTQUEUE_DEQUEUE_H
#define VIRTQUEUE_DEQUEUE_H 1

/* Frames that the guest transmits: what all kinds of rings share.
 *
 * Private to the engine. */

#include "virtqueue-chain.h"

/* A frame of the burst between parsing and copying. */
struct vq_frame {
    const uint8_t *src;         /* Header and data in guest memory, or NULL if
                                 * they have been copied. */
    uint32_t len;               /* Without header; 0 if it was dropped. */
};

/* Reads what the virtio-net header at 'src' is judged by, exactly once: its
 * flags and, above them, its gso_type. */
static inline uint16_t
vq_read_header(const uint8_t *src)
{
    const volatile struct {
        uint16_t start;
    } __attribute__((packed, may_alias)) *hdr = (const void *) src;

    BUILD_ASSERT_DECL(offsetof(struct virtio_net_hdr, flags) == 0);
    BUILD_ASSERT_DECL(offsetof(struct virtio_net_hdr, gso_type) == 1);
    return hdr->start;
}

/* True if the virtio-net header of a frame, of which 'hdr' was read, asks for
 * nothing (virtio 1.2, 5.1.6.2).  Bits that are not defined are to be ignored,
 * and so is VIRTIO_NET_HDR_F_DATA_VALID, which a driver may not set: guests
 * are not believed. */
static inline bool
vq_header_is_plain(uint16_t hdr)
{
    BUILD_ASSERT_DECL(VIRTIO_NET_HDR_GSO_NONE == 0);
    return !(hdr & (VIRTIO_NET_HDR_F_NEEDS_CSUM | 0xff00));
}

/* Does what the virtio-net header at 'src' asks for, of which 'hdr' was read,
 * with its frame, which is in 'm'.  For headers that are not plain. */
enum virtqueue_error vq_serve_header(const struct virtqueue *, uint16_t hdr,
                                     const uint8_t *src, struct rte_mbuf *m);

/* Where the data of a frame in 'm' begins, before 'm' is initialised. */
static inline uint8_t *
vq_mbuf_data(const struct rte_mbuf *m)
{
    return (uint8_t *) m->buf_addr + RTE_PKTMBUF_HEADROOM;
}

/* Copies the frame of 'len' bytes behind the header at 'src' to 'data' in 'm',
 * which it initialises, and serves its header. */
static __rte_always_inline enum virtqueue_error
vq_take_frame(const struct virtqueue *vq, const uint8_t *src, uint32_t hdr_len,
              struct rte_mbuf *m, uint8_t *data, uint32_t len)
{
    vq_copy(data, src + hdr_len, len);
    vq_mbuf_init(m, len);

    const uint16_t hdr = vq_read_header(src);

    return (OVS_LIKELY(vq_header_is_plain(hdr)) ? VQ_ERR_NONE
            : vq_serve_header(vq, hdr, src, m));
}

/* Gets up to 'n' buffers of 'pool', as many as there are, more or less.
 *
 * As a rule the thread's cache has them.  rte_mempool_get_bulk() would turn
 * their order around, one by one, which is of no use here. */
static inline unsigned int
vq_get_mbufs(struct rte_mempool *pool, struct rte_mbuf **restrict mbufs,
             unsigned int n)
{
#ifndef RTE_LIBRTE_MEMPOOL_STATS
    struct rte_mempool_cache *cache
        = rte_mempool_default_cache(pool, rte_lcore_id());

    if (OVS_LIKELY(cache && cache->len >= n)) {
        struct rte_mbuf *const *restrict objs
            = (struct rte_mbuf **) cache->objs + (cache->len -= n);

        for (unsigned int i = 0; i < n; i++) {
            mbufs[i] = objs[i];
        }
        return n;
    }
#endif
    while (n && rte_mempool_get_bulk(pool, (void **) mbufs, n)) {
        n /= 2;
    }
    return n;
}

/* Puts back 'n' buffers that have not been used.  Seldom needed. */
void vq_put_mbufs(struct rte_mempool *, struct rte_mbuf **, unsigned int n);

/* Copies the frame in the chain that begins with 'first' at index 'head',
 * as long as it has at most 'room' bytes without header, to 'm', which it
 * initialises, and serves its header.  Any chain is good enough. */
enum virtqueue_error vq_gather(struct virtqueue *, uint16_t head,
                               const struct vring_desc *first,
                               struct rte_mbuf *m, uint32_t room,
                               struct vq_extent *);

/* Fetches the lines of a frame that are read first: that of the header, which
 * seldom changes, to share it, and that of data to take it from the guest, who
 * will write the next frame there. */
static inline void
vq_prefetch_source(const uint8_t *src)
{
    OVS_PREFETCH(src);
    vq_prefetch_write(src + CACHE_LINE_SIZE);
}

#endif /* virtqueue-dequeue.h */
