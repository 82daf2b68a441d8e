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


#ifndef VIRTQUEUE_PRIVATE_H
#define VIRTQUEUE_PRIVATE_H 1

/* What the files of the virtqueue engine share among themselves. */

#include <rte_memcpy.h>
#include <string.h>

#include "openvswitch/compiler.h"
#include "packets.h"
#include "virtqueue.h"

#ifdef WORDS_BIGENDIAN
#error "Rings are read as little-endian, in the order of the host."
#endif

/* Descriptors read, after which a call ends at the next frame.  Several times
 * what a burst of ordinary frames takes. */
#define VQ_MAX_WALK 1024

/* Bytes that are copied inline. */
#define VQ_SHORT_COPY 64

/* Pieces of memory that a frame to a guest is written to: as many as vhost in
 * the Linux kernel can handle (UIO_MAXIOV). */
#define VQ_MAX_PIECES 1024

/* Adds 'n' to a counter that others may be reading. */
static inline void
vq_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Counts 'error' and stops 'vq'. */
void vq_fail(struct virtqueue *, enum virtqueue_error);

/* What one call adds to the statistics. */
struct vq_tally {
    uint64_t bytes;
    uint32_t packets;
    uint32_t multicast;
    uint32_t broadcast;
    uint32_t bins[VQ_N_BINS];
    uint32_t errors[VQ_N_ERRORS];
    bool any_error;
};

void vq_tally_flush(const struct vq_tally *, struct virtqueue_stats *);

static inline void
vq_tally_error(struct vq_tally *t, enum virtqueue_error error)
{
    t->errors[error]++;
    t->any_error = true;
}

/* Counts a frame of 'len' bytes that was delivered; 'data' is our copy. */
static inline void
vq_tally_frame(struct vq_tally *t, const uint8_t *data, uint32_t len)
{
    unsigned int bin = 0;

    /* Not a search: sums up comparisons without a branch. */
#define VQ_SIZE_BIN(NAME, MAX, STATISTIC) bin += len > (MAX);
    VQ_SIZE_BINS
#undef VQ_SIZE_BIN
    t->bins[bin]++;
    t->packets++;
    t->bytes += len;

    if (OVS_UNLIKELY(data[0] & 1) && len >= ETH_ADDR_LEN) {
        struct eth_addr dst;

        memcpy(&dst, data, sizeof dst);
        if (eth_addr_is_broadcast(dst)) {
            t->broadcast++;
        } else {
            t->multicast++;
        }
    }
}

/* Copies the data of a frame.  The C library has a copy for this very CPU,
 * which wins by far for long frames; for short ones the call does not pay. */
static inline void
vq_copy(void *dst, const void *src, size_t len)
{
    if (len <= VQ_SHORT_COPY) {
        rte_memcpy(dst, src, len);
    } else {
        memcpy(dst, src, len);
    }
}

#endif /* virtqueue-private.h */
