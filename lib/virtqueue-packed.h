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

#ifndef VIRTQUEUE_PACKED_H
#define VIRTQUEUE_PACKED_H 1

/* Packed virtqueues (virtio 1.2, 2.8)
 * ===================================
 *
 * Private to the engine.  There is one ring, of descriptors, in which guest
 * and device go round one behind the other.  Two bits in each descriptor's
 * flags say whether it is available or used; what they mean is inverted with
 * each round, which is what wrap counters count.
 *
 * We give chains back in the order in which they are taken, within the call
 * that takes them.  So there is one place where we are, 'last_avail', and
 * 'last_used' is the same.  A place is an index into the ring with the wrap
 * counter in bit 15, as in VHOST_USER_SET_VRING_BASE.
 *
 * A used descriptor is written with one store, and the first of a burst last:
 * that is where the guest looks. */

#include "virtqueue-chain.h"

/* Bits of a place. */
#define VQ_PLACE_WRAP 0x8000

/* Flags that say who owns a descriptor, and how they are for one that is
 * available, or used, in a round. */
#define VQ_PACKED_AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define VQ_PACKED_USED (1 << VRING_PACKED_DESC_F_USED)
#define VQ_PACKED_OWNER (VQ_PACKED_AVAIL | VQ_PACKED_USED)

/* A chain that goes back to the guest. */
struct vq_packed_used {
    uint32_t len;               /* Bytes written. */
    uint16_t id;
    uint16_t n_slots;           /* Descriptors of the ring that it takes. */
};

void vq_packed_start(struct virtqueue *);
unsigned int vq_packed_dequeue(struct virtqueue *, struct rte_mempool *,
                               struct rte_mbuf **, unsigned int max);
unsigned int vq_packed_enqueue(struct virtqueue *, struct rte_mbuf **,
                               unsigned int n);

/* Chains that wait, at most the ring's size. */
unsigned int vq_packed_pending(const struct virtqueue *);

/* True if the guest wants to hear that we went from place 'old', if 'valid',
 * to 'new'. */
bool vq_packed_wants_interrupt(const struct virtqueue *, uint16_t old,
                               uint16_t new, bool valid);

/* Gives back the first 'n' chains, which is at least one, as 'used' says.
 * With VIRTIO_F_IN_ORDER and 'batch', which is for chains that were not
 * written to, only the last one is named. */
void vq_packed_publish(struct virtqueue *, const struct vq_packed_used *used,
                       unsigned int n, bool batch);

/* The flags of a descriptor that is available at 'place'. */
static inline uint16_t
vq_packed_avail_flags(uint16_t place)
{
    return place & VQ_PLACE_WRAP ? VQ_PACKED_AVAIL : VQ_PACKED_USED;
}

static inline uint16_t
vq_packed_slot(uint16_t place)
{
    return place & ~VQ_PLACE_WRAP;
}

/* The place 'n' descriptors, at most the ring's size, from 'place'. */
static inline uint16_t
vq_packed_advance(const struct virtqueue *vq, uint16_t place, uint16_t n)
{
    const uint32_t slot = vq_packed_slot(place) + n;

    return (slot < vq->size ? place + n
            : (slot - vq->size) | (~place & VQ_PLACE_WRAP));
}

/* True if the descriptor at 'place' is available.  Loads made afterward see
 * all of it. */
static inline bool
vq_packed_is_available(const struct virtqueue *vq, uint16_t place)
{
    const uint16_t flags = __atomic_load_n(
        &vq->ring[vq_packed_slot(place)].flags, __ATOMIC_ACQUIRE);

    return (flags & VQ_PACKED_OWNER) == vq_packed_avail_flags(place);
}

/* Reads each member of the descriptor at 'p', anywhere, exactly once.  The
 * buffer's id becomes 'next'. */
static inline struct vring_desc
vq_read_packed_desc(const void *p)
{
    const struct vring_desc d = vq_read_desc(p);

    /* The last two members of descriptors are in another order. */
    BUILD_ASSERT_DECL(sizeof(struct vring_packed_desc)
                      == sizeof(struct vring_desc));
    BUILD_ASSERT_DECL(offsetof(struct vring_packed_desc, id)
                      == offsetof(struct vring_desc, flags));
    BUILD_ASSERT_DECL(offsetof(struct vring_packed_desc, flags)
                      == offsetof(struct vring_desc, next));
    return (struct vring_desc) {
        .addr = d.addr,
        .len = d.len,
        .flags = d.next,
        .next = d.flags,
    };
}

/* Our address of the buffer of the descriptor at '*place', which advances, if
 * it is available and probably to be used next.  Otherwise NULL.  To be
 * fetched, no more: nothing is checked. */
static inline const uint8_t *
vq_packed_ahead_next(const struct virtqueue *vq,
                     const struct guest_region *region, uint16_t *place)
{
    const struct vring_packed_desc *d = &vq->ring[vq_packed_slot(*place)];

    if (!vq_packed_is_available(vq, *place)) {
        return NULL;
    }
    *place = vq_packed_advance(vq, *place, 1);

    const uint64_t ofs = *(const volatile uint64_t *) &d->addr - region->gpa;

    return ofs < region->size ? region->hva + ofs : NULL;
}

/* Fetches the descriptors of 'n' places from 'place' on. */
static inline void
vq_packed_prefetch(const struct virtqueue *vq, uint16_t place, uint16_t n)
{
    const uint16_t per_line = CACHE_LINE_SIZE / sizeof *vq->ring;
    const uint16_t first = ROUND_DOWN(vq_packed_slot(place), per_line);
    const uint32_t end = MIN((uint32_t) vq_packed_slot(place) + n, vq->size);

    for (uint32_t slot = first; slot < end; slot += per_line) {
        OVS_PREFETCH(&vq->ring[slot]);
    }
}

#endif /* virtqueue-packed.h */
