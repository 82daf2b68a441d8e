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

#include <rte_cycles.h>

#include "virtqueue-chain.h"

/* Cycles of the TSC, some microseconds, for which a guest is not looked at
 * again that was seen to poll.  Other clocks are too coarse. */
#ifdef __x86_64__
#define VQ_MOMENT 10000
#else
#define VQ_MOMENT 0
#endif

void vq_split_start(struct virtqueue *);

/* Chains that wait, at most the ring's size. */
unsigned int vq_split_pending(const struct virtqueue *);

/* True if the guest wants to hear that the used index went from 'old', if
 * 'valid', to 'new'. */
bool vq_split_wants_interrupt(const struct virtqueue *, uint16_t old,
                              uint16_t new, bool valid);

/* Gives back the 'n' chains whose used elements have been written. */
void vq_split_publish(struct virtqueue *, uint16_t n);

/* Chains that variants for vectors deal with together, at least and at most.
 * For fewer the preparations do not pay. */
#define VQ_GROUP_MIN 4
#define VQ_GROUP_MAX 8

/* Entries of arrays that are filled by whole groups. */
#define VQ_SPLIT_ENTRIES (VIRTQUEUE_MAX_BURST + VQ_GROUP_MAX)

/* Looks at the available index and, as they are neighbours, at the flags. */
static inline void
vq_split_look(struct virtqueue *vq)
{
    vq->seen_avail = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
    vq->seen_flags = __atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED);
}

/* Number of chains that the guest offers, or 0 after stopping a ring that
 * cannot go on.  If the guest offered 'enough' when it was seen last, it is
 * not looked at: its index has often just been written, on another
 * processor.  What is seen then is trusted for some time if it is to be
 * 'remembered', and else in this call. */
static inline unsigned int
vq_split_available(struct virtqueue *vq, unsigned int enough, bool remembered)
{
    uint16_t n = vq->seen_avail - vq->last_avail;

    if (n < enough) {
        vq_split_look(vq);
        vq->seen_at = remembered ? rte_rdtsc() : 0;
        n = vq->seen_avail - vq->last_avail;
    }
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

/* True if the guest, which polls, was seen to do so a moment ago. */
static inline bool
vq_split_seems_quiet(const struct virtqueue *vq)
{
    return (vq->seen_flags & VRING_AVAIL_F_NO_INTERRUPT
            && (!vq->seen_at
                || (int64_t) (rte_rdtsc() - vq->seen_at) < VQ_MOMENT));
}

/* First descriptor of the 'i'th chain from last_avail.  Not checked. */
static inline uint16_t
vq_split_head(const struct virtqueue *vq, uint16_t i)
{
    const uint16_t slot = (vq->last_avail + i) & (vq->size - 1);

    return __atomic_load_n(&vq->avail->ring[slot], __ATOMIC_RELAXED);
}

/* Looking ahead
 * -------------
 *
 * A line that the guest has written comes from the cache of another processor
 * and takes as long as a packet takes in all.  While one burst is dealt with,
 * the lines of the next one are fetched, and the descriptors of the one after
 * that, as far as the guest offers them already.
 *
 * Lines that the guest is going to write again are fetched as if we wrote them
 * too, even where we only read: the guest gets back a line that is nobody
 * else's in less than half of the time of one that is shared.
 *
 * What is read here only decides what is fetched. */

struct vq_split_ahead {
    const struct vring_desc *desc;
    const struct vring_avail *avail;
    uint16_t mask;
    uint16_t at_desc, end_desc; /* Available entries to be fetched. */
    uint16_t at_data, end_data;
    const struct guest_region *region; /* Where buffers probably are. */
    uint8_t hdr_len;
};

/* Fetches descriptors of 'n' chains before it is known which they are: most
 * drivers use them in turn. */
static inline void
vq_split_guess_desc(const struct virtqueue *vq, uint16_t n)
{
    enum { PER_LINE = CACHE_LINE_SIZE / sizeof *vq->desc };

    for (uint16_t i = 0; i < n; i += PER_LINE) {
        vq_prefetch_write(&vq->desc[(uint16_t) (vq->next_head + i)
                                    & (vq->size - 1)]);
    }
}

/* Fetches where the 'n' used elements that follow the next 'n' will go, and
 * the used index: while a store waits for its line, all that come after it
 * do. */
static inline void
vq_split_ahead_used(const struct virtqueue *vq, uint16_t n)
{
    enum { PER_LINE = CACHE_LINE_SIZE / sizeof(struct vring_used_elem) };
    const uint16_t first = vq->last_used + n;

    vq_prefetch_write(&vq->used->idx);
    for (uint16_t i = 0; i < n; i += PER_LINE) {
        vq_prefetch_write(&vq->used->ring[(uint16_t) (first + i)
                                          & (vq->size - 1)]);
    }
}

/* Starts a call that deals with the first 'n' of 'available' chains. */
static inline void
vq_split_ahead_init(struct vq_split_ahead *a, const struct virtqueue *vq,
                    uint16_t n, uint16_t available)
{
    const uint16_t first = vq->last_avail;
    const uint16_t n_data = MIN(available, n + VIRTQUEUE_MAX_BURST);
    const uint16_t n_desc = MIN(available, n + 2 * VIRTQUEUE_MAX_BURST);

    if (available >= n + 4 * VIRTQUEUE_MAX_BURST) {
        /* The available entries of the call after the next one. */
        vq_prefetch_write(&vq->avail->ring[(uint16_t)
                                           (first + n
                                            + 3 * VIRTQUEUE_MAX_BURST)
                                           & (vq->size - 1)]);
    }
    a->desc = vq->desc;
    a->avail = vq->avail;
    a->mask = vq->size - 1;
    a->region = &vq->mem->regions[vq->hint];
    a->hdr_len = vq->hdr_len;
    a->at_desc = vq->ahead_desc;
    a->at_data = vq->ahead_data;
    a->end_desc = first + n_desc;
    a->end_data = first + n_data;
    if ((uint16_t) (a->at_desc - first) > n_desc) {
        a->at_desc = first;
    }
    if ((uint16_t) (a->at_data - first) > n_data) {
        a->at_data = first;
    }
}

static inline uint16_t
vq_split_ahead_head(const struct vq_split_ahead *a, uint16_t i)
{
    return __atomic_load_n(&a->avail->ring[i & a->mask], __ATOMIC_RELAXED)
           & a->mask;
}

/* Fetches descriptors up to that of available entry 'end'.  Most drivers use
 * them in turn, so that several share a line. */
static inline void
vq_split_ahead_desc(struct vq_split_ahead *a, uint16_t end)
{
    enum { STEP = CACHE_LINE_SIZE / sizeof *a->desc };

    while (a->at_desc != end) {
        const uint16_t head = vq_split_ahead_head(a, a->at_desc);
        uint16_t n = 1;

        vq_prefetch_write(&a->desc[head]);
        if ((uint16_t) (end - a->at_desc) >= STEP) {
            const uint16_t last = vq_split_ahead_head(a,
                                                      a->at_desc + STEP - 1);

            if (OVS_LIKELY(last - head == STEP - 1)) {
                vq_prefetch_write(&a->desc[last]);
                n = STEP;
            }
        }
        a->at_desc += n;
    }
}

/* Number of buffers to be fetched.  Frames of several chains may have used up
 * more than was meant to be fetched. */
static inline unsigned int
vq_split_ahead_n_data(const struct vq_split_ahead *a)
{
    const int16_t n = a->end_data - a->at_data;

    return MAX(n, 0);
}

/* Returns our address of the next buffer to be fetched, or of something that
 * does no harm. */
static inline const uint8_t *
vq_split_ahead_next(struct vq_split_ahead *a)
{
    const volatile struct vring_desc *d
        = &a->desc[vq_split_ahead_head(a, a->at_data++)];
    const uint64_t ofs = d->addr - a->region->gpa;

    return a->region->hva + (ofs < a->region->size ? ofs : 0);
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
