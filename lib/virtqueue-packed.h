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
#include "virtqueue-dequeue.h"
#include "virtqueue-enqueue.h"

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
 * end of the ring.  As if to write: most will be, and the guest gets back
 * faster what is not shared. */
static inline void
vq_packed_prefetch(const struct virtqueue *vq, uint16_t place, uint16_t n)
{
    const uint16_t per_line = CACHE_LINE_SIZE / sizeof *vq->ring;
    const uint16_t first = ROUND_DOWN(vq_packed_slot(place), per_line);
    const uint32_t end = MIN((uint32_t) vq_packed_slot(place) + n, vq->size);

    for (uint32_t slot = first; slot < end; slot += per_line) {
        vq_prefetch_write(&vq->ring[slot]);
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

    if (!n || !vq_packed_is_available(vq, place)) {
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

/* Buffers that are fetched in one go: those of a line of descriptors. */
#define VQ_PACKED_FEW 4

/* Fetches what is read, or written if 'write', first of the buffer of 'd'. */
static inline void
vq_packed_ahead_one(const struct vq_packed_ahead *a,
                    const struct vring_packed_desc *d, bool write,
                    uint8_t hdr_len)
{
    const uint64_t ofs = *(const volatile uint64_t *) &d->addr - a->gpa;

    if (OVS_LIKELY(ofs < a->size)) {
        if (write) {
            vq_prefetch_frame(a->hva + ofs, hdr_len);
        } else {
            vq_prefetch_source(a->hva + ofs);
        }
    }
}

/* Fetches the next few buffers. */
static inline void
vq_packed_ahead_few(struct vq_packed_ahead *a, bool write, uint8_t hdr_len)
{
    const struct vring_packed_desc *d = a->desc;

    if (OVS_LIKELY(a->n >= VQ_PACKED_FEW && a->end - d >= VQ_PACKED_FEW)) {
        vq_packed_ahead_one(a, &d[0], write, hdr_len);
        vq_packed_ahead_one(a, &d[1], write, hdr_len);
        vq_packed_ahead_one(a, &d[2], write, hdr_len);
        vq_packed_ahead_one(a, &d[3], write, hdr_len);
        a->desc += VQ_PACKED_FEW;
        a->n -= VQ_PACKED_FEW;
    } else {
        for (int i = 0; i < VQ_PACKED_FEW && a->n; i++, a->n--) {
            if (a->desc == a->end) {
                a->desc = a->ring;
            }
            vq_packed_ahead_one(a, a->desc++, write, hdr_len);
        }
    }
}

#ifdef __AVX512VBMI__
#include "virtqueue-packed-avx512.h"
#endif

/* Writes used descriptors for 'n' chains of one descriptor from 'desc' on.
 * 'word' is made of length and id of the first one, and each 'stride' words on
 * there is the next; other bits are not 'keep'.  'flags' are where they
 * belong. */
static inline void
vq_packed_set_used(struct vring_packed_desc *desc, const uint64_t *word,
                   size_t stride, unsigned int n, uint64_t keep,
                   uint64_t flags)
{
    const struct vring_packed_desc *end = desc + n;

#ifdef VQ_PACKED_LANES
    for (; stride == 2 && end - desc >= 4; desc += 4, word += 8) {
        vq_packed_group_used(desc, word - 1, keep, flags);
    }
#endif
#define VQ_SET_USED(I)                                                  \
    __atomic_store_n(vq_packed_half(&desc[I]),                          \
                     (word[(I) * stride] & keep) | flags, __ATOMIC_RELAXED)
    for (; end - desc >= 4; desc += 4, word += 4 * stride) {
        VQ_SET_USED(0);
        VQ_SET_USED(1);
        VQ_SET_USED(2);
        VQ_SET_USED(3);
    }
    for (; desc < end; desc++, word += stride) {
        VQ_SET_USED(0);
    }
#undef VQ_SET_USED
}

/* Gives back the first 'n' chains, at least one, each of one descriptor.  The
 * parameters are those above; 'flags' besides the owner's. */
static inline void
vq_packed_give_back(struct virtqueue *vq, const uint64_t *word, size_t stride,
                    unsigned int n, uint64_t keep, uint64_t flags)
{
    const uint16_t place = vq->last_used;
    const uint16_t slot = vq_packed_slot(place);
    struct vring_packed_desc *desc = &vq->ring[slot];
    const unsigned int n_first = MIN(n, vq->size - slot);

    flags |= place & VQ_PLACE_WRAP ? VQ_HALF_OWNER : 0;
    vq_packed_set_used(desc + 1, word + stride, stride, n_first - 1, keep,
                       flags);
    if (OVS_UNLIKELY(n > n_first)) {
        vq_packed_set_used(vq->ring, word + n_first * stride, stride,
                           n - n_first, keep, flags ^ VQ_HALF_OWNER);
    }
    __atomic_store_n(vq_packed_half(desc), (*word & keep) | flags,
                     __ATOMIC_RELEASE);
    if (OVS_UNLIKELY(vq_log(vq) != NULL)) {
        vq_packed_log__(vq, slot, n);
    }
    vq->last_used = vq->last_avail = vq_packed_advance(vq, place, n);
}

#endif /* virtqueue-packed.h */
