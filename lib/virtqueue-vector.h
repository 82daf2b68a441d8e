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


#ifndef VIRTQUEUE_VECTOR_H
#define VIRTQUEUE_VECTOR_H 1

/* Several chains of a split ring at once
 * ======================================
 *
 * Private to the engine, for files that are compiled once for each variant
 * (see virtqueue-variant.h).  Groups of up to VQ_LANES chains that are
 * neighbours in the available ring, and nothing but a descriptor each, all in
 * the region of the latest translation, are dealt with here; everything else
 * is left as it is, for the functions of which there is one for all.
 *
 * The memory of the guest changes under us.  What is read there is read once:
 * vq_once() keeps the compiler from reading it again, as it may do with what
 * is not volatile, instead of holding it in a register. */

#include "virtqueue-split.h"

#if defined __AVX512VBMI__
#include "virtqueue-avx512.h"
#elif defined __AVX2__
#include "virtqueue-avx2.h"
#else
#define VQ_LANES 1

static inline bool
vq_group_transmitted(const struct virtqueue *vq OVS_UNUSED,
                     uint16_t first OVS_UNUSED, unsigned int n OVS_UNUSED,
                     uint32_t shortest OVS_UNUSED,
                     uint32_t longest OVS_UNUSED,
                     const uint8_t **src OVS_UNUSED,
                     uint32_t *len OVS_UNUSED,
                     unsigned int *last_head OVS_UNUSED)
{
    return false;
}

static inline bool
vq_group_received(const struct virtqueue *vq OVS_UNUSED,
                  uint16_t first OVS_UNUSED,
                  struct rte_mbuf *const *pkts OVS_UNUSED,
                  unsigned int n OVS_UNUSED, uint8_t **dst OVS_UNUSED,
                  uint64_t *gpa OVS_UNUSED, uint32_t *len OVS_UNUSED)
{
    return false;
}

static inline bool
vq_group_ahead(const struct vq_split_ahead *a OVS_UNUSED,
               unsigned int n OVS_UNUSED, const uint8_t **next OVS_UNUSED)
{
    return false;
}
#endif

BUILD_ASSERT_DECL(VQ_LANES <= VQ_GROUP_MAX);

/* How many of 'n' chains, at least one, from available entry 'first' on, to
 * deal with together, in a ring with that 'mask'. */
static inline unsigned int
vq_group_size(uint16_t first, unsigned int n, unsigned int mask)
{
    if (VQ_LANES > 1) {
        n = MIN(n, VQ_LANES);
        n = MIN(n, mask + 1 - (first & mask));
    }
    return n;
}

/* Stores addresses of up to 'max' buffers to be fetched, at most
 * VIRTQUEUE_MAX_BURST, to 'next', of VQ_SPLIT_ENTRIES elements.  Returns their
 * number. */
static inline unsigned int
vq_split_ahead_buffers(struct vq_split_ahead *a, const uint8_t **next,
                       unsigned int max)
{
    const unsigned int n = MIN(vq_split_ahead_n_data(a), max);

    for (unsigned int i = 0; i < n; ) {
        const unsigned int end = i + vq_group_size(a->at_data, n - i, a->mask);

        if (end - i >= VQ_GROUP_MIN && VQ_LANES > 1
            && OVS_LIKELY(vq_group_ahead(a, end - i, &next[i]))) {
            a->at_data += end - i;
            i = end;
            continue;
        }
        for (; i < end; i++) {
            next[i] = vq_split_ahead_next(a);
        }
    }
    return n;
}

/* Counts a delivered frame, together with vq_tally_all() for all of them. */
static inline void
vq_tally_one(struct vq_frames_tally *t, const uint8_t *data, uint32_t len)
{
#ifdef VQ_TALLY_LENGTHS
    vq_tally_destination(t, data, len);
#else
    vq_tally_frame__(t, data, len);
#endif
}

/* 'len' has VQ_SPLIT_ENTRIES elements, 'n' of which are of delivered frames,
 * at most VIRTQUEUE_MAX_BURST. */
static inline void
vq_tally_all(struct vq_frames_tally *t OVS_UNUSED,
             const uint32_t *len OVS_UNUSED, unsigned int n OVS_UNUSED)
{
#ifdef VQ_TALLY_LENGTHS
    if (n >= VQ_LANES) {
        t->packets += n;
        vq_tally_lengths(t, len, n);
        return;
    }
    for (unsigned int i = 0; i < n; i++) {
        vq_tally_length(t, len[i]);
    }
#endif
}

#endif /* virtqueue-vector.h */
