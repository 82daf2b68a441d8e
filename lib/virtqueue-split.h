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


#ifndef VIRTQUEUE_SPLIT_H
#define VIRTQUEUE_SPLIT_H 1

/* Split virtqueues (virtio 1.2, 2.7)
 * ==================================
 *
 * Private to the engine.  A call goes through these steps:
 *
 *   - vq_split_available() tells how many chains the guest offers.
 *
 *   - Chains are read.  What nearly all of them are, a single descriptor, is
 *     dealt with in a straight line; everything else goes through vq_gather()
 *     and vq_scatter().  Used elements are written beyond the used index on
 *     the way.
 *
 *   - Data is copied, while the lines that come next are being fetched.
 *
 *   - vq_split_publish() gives the chains back and notifies the guest. */

#include "virtqueue-chain.h"

void vq_split_start(struct virtqueue *);
unsigned int vq_split_dequeue(struct virtqueue *, struct rte_mempool *,
                              struct rte_mbuf **, unsigned int max);
unsigned int vq_split_enqueue(struct virtqueue *, struct rte_mbuf **,
                              unsigned int n);

/* Chains that wait, at most the ring's size. */
unsigned int vq_split_pending(const struct virtqueue *);

/* True if the guest wants to hear that the used index went from 'old', if
 * 'valid', to 'new'. */
bool vq_split_wants_interrupt(const struct virtqueue *, uint16_t old,
                              uint16_t new, bool valid);

/* Gives back the 'n' chains whose used elements have been written. */
void vq_split_publish(struct virtqueue *, uint16_t n);

/* Number of chains that the guest offers, or 0 after stopping a ring that
 * cannot go on. */
static inline unsigned int
vq_split_available(struct virtqueue *vq)
{
    const uint16_t idx = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
    const uint16_t n = idx - vq->last_avail;

    if (OVS_UNLIKELY(guest_memory_is_faulted(vq->mem))) {
        vq_fail(vq, VQ_ERR_FAULT);
        return 0;
    }
    if (OVS_UNLIKELY(n > vq->size)) {
        vq_fail(vq, VQ_ERR_AVAIL_JUMP);
        return 0;
    }
    return n;
}

/* First descriptor of the 'i'th chain from last_avail.  Not checked. */
static inline uint16_t
vq_split_head(const struct virtqueue *vq, uint16_t i)
{
    const uint16_t slot = (vq->last_avail + i) & (vq->size - 1);

    return __atomic_load_n(&vq->avail->ring[slot], __ATOMIC_RELAXED);
}

/* Fetches the descriptors of the first 'n' chains. */
static inline void
vq_split_prefetch(const struct virtqueue *vq, uint16_t first, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        OVS_PREFETCH(&vq->desc[vq_split_head(vq, first + i)
                               & (vq->size - 1)]);
    }
}

/* Writes the 'i'th used element from last_used. */
static inline void
vq_split_set_used(struct virtqueue *vq, uint16_t i, uint16_t head,
                  uint32_t len)
{
    struct vring_used_elem *e
        = &vq->used->ring[(uint16_t) (vq->last_used + i) & (vq->size - 1)];

    e->id = head;
    e->len = len;
}

#endif /* virtqueue-split.h */
