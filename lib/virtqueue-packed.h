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

/* Gives back the first 'n' chains, which is at least one, as 'used' says. */
void vq_packed_publish(struct virtqueue *, const struct vq_packed_used *used,
                       unsigned int n);

/* With VIRTIO_F_IN_ORDER, gives back all chains before 'place', the last of
 * which is 'id', with one descriptor that names that one.  For chains that
 * were not written to (virtio 1.2, 2.8.8). */
void vq_packed_publish_batch(struct virtqueue *, uint16_t id, uint16_t place);

/* Marks 'n' descriptors, at most the ring's size, from 'slot' on in the
 * log. */
void vq_packed_log__(struct virtqueue *, uint16_t slot, unsigned int n);

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

/* Length, id and flags of a descriptor are read and written as one word. */
#define VQ_HALF_ID (UINT64_C(0xffff) << 32)
#define VQ_HALF_FLAGS(FLAGS) ((uint64_t) (FLAGS) << 48)

/* Flags of plain descriptors: those that matter, and how a frame in one piece
 * has them. */
#define VQ_HALF_KIND VQ_HALF_FLAGS(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE \
                                   | VRING_DESC_F_INDIRECT)
#define VQ_HALF_OWNER VQ_HALF_FLAGS(VQ_PACKED_OWNER)

static inline uint64_t *
vq_packed_half(const struct vring_packed_desc *d)
{
    BUILD_ASSERT_DECL(offsetof(struct vring_packed_desc, len) == 8);
    return (uint64_t *) &d->len;
}

/* Fetches the descriptors of 'n' places from 'place' on, but none beyond the
 * end of the ring. */
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

/* Looking ahead
 * -------------
 *
 * While one burst is dealt with, the buffers of the next one are fetched, and
 * the descriptors of the one after that, as far as the guest offers them
 * already (see virtqueue-split.h).
 *
 * What is read here only decides what is fetched. */

struct vq_packed_ahead {
    const struct vring_packed_desc *desc; /* Of the next buffer to fetch. */
    const struct vring_packed_desc *ring, *end;
    unsigned int n;             /* Buffers to be fetched. */
    uint64_t gpa, size;         /* Where they probably are. */
    uint8_t *hva;
};

/* Of 'n' descriptors from 'place' on, how many are available. */
static inline unsigned int
vq_packed_ahead_count(const struct virtqueue *vq, uint16_t place,
                      unsigned int n)
{
    unsigned int i;

    if (!vq_packed_is_available(vq, place)) {
        return 0;
    }
    /* They are made available in turn. */
    if (OVS_LIKELY(vq_packed_is_available(vq, vq_packed_advance(vq, place,
                                                                n - 1)))) {
        return n;
    }
    for (i = 1; i < n - 1; i++) {
        if (!vq_packed_is_available(vq, vq_packed_advance(vq, place, i))) {
            break;
        }
    }
    return i;
}

/* Starts looking at the 'n' descriptors, at most the ring's size, that follow
 * 'place'. */
static inline void
vq_packed_ahead_init(struct vq_packed_ahead *a, const struct virtqueue *vq,
                     uint16_t place, unsigned int n)
{
    const struct guest_region *region = &vq->mem->regions[vq->hint];

    a->n = vq_packed_ahead_count(vq, place, n);
    if (a->n == n) {
        vq_packed_prefetch(vq, vq_packed_advance(vq, place, n), n);
    }
    a->ring = vq->ring;
    a->end = vq->ring + vq->size;
    a->desc = vq->ring + vq_packed_slot(place);
    a->gpa = region->gpa;
    a->size = region->size;
    a->hva = region->hva;
}

/* Returns our address of the next buffer to be fetched, or NULL. */
static inline const uint8_t *
vq_packed_ahead_next(struct vq_packed_ahead *a)
{
    const uint64_t ofs = *(const volatile uint64_t *) &a->desc->addr - a->gpa;

    if (++a->desc == a->end) {
        a->desc = a->ring;
    }
    return ofs < a->size ? a->hva + ofs : NULL;
}

/* Gives back the first 'n' chains, at least one, each of one descriptor.
 * 'word' is made of length and id of the first one, and each 'stride' words on
 * there is the next; other bits are not 'keep'.  'flags' are those besides the
 * owner's. */
static inline void
vq_packed_give_back(struct virtqueue *vq, const uint64_t *word, size_t stride,
                    unsigned int n, uint64_t keep, uint16_t flags)
{
    const uint16_t place = vq->last_used;
    const uint16_t slot = vq_packed_slot(place);
    struct vring_packed_desc *ring = vq->ring;
    const unsigned int n_first = MIN(n, vq->size - slot);
    uint64_t owner = place & VQ_PLACE_WRAP ? VQ_HALF_OWNER : 0;
    const uint64_t first = (*word & keep) | VQ_HALF_FLAGS(flags) | owner;
    unsigned int i;

    for (i = 1; i < n_first; i++) {
        const uint64_t w = word[i * stride] & keep;

        __atomic_store_n(vq_packed_half(&ring[slot + i]),
                         w | VQ_HALF_FLAGS(flags) | owner, __ATOMIC_RELAXED);
    }
    owner ^= VQ_HALF_OWNER;
    for (; i < n; i++) {
        const uint64_t w = word[i * stride] & keep;

        __atomic_store_n(vq_packed_half(&ring[i - n_first]),
                         w | VQ_HALF_FLAGS(flags) | owner, __ATOMIC_RELAXED);
    }
    __atomic_store_n(vq_packed_half(&ring[slot]), first, __ATOMIC_RELEASE);
    if (OVS_UNLIKELY(vq_log(vq) != NULL)) {
        vq_packed_log__(vq, slot, n);
    }
    vq->last_used = vq->last_avail = vq_packed_advance(vq, place, n);
}

#endif /* virtqueue-packed.h */
