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

/* Descriptors that a frame may consist of for nothing, and one more for each
 * VQ_FAIR_PIECE bytes: Linux uses 19 at most, DPDK as many as a frame of 64 kB
 * has buffers of 2 kB.  VQ_TURN more cost the queue a turn: a call that ends
 * before its first chain that is not plain.  Others that are served by the
 * same thread then lose no more than by an honest guest with large frames. */
#define VQ_FAIR_PIECES 34
#define VQ_FAIR_PIECE 128
#define VQ_TURN 4

/* Times in a row that a guest without event indexes does not ask for
 * interrupts, after which it is taken for one that polls. */
#define VQ_QUIET 1024

/* Most bytes that are copied inline; half of it is the least. */
#define VQ_SHORT_COPY 64

/* Longest chain, in a ring or a table, if the ring is not even smaller: that
 * of other devices (QEMU's VIRTQUEUE_MAX_SIZE), and far beyond what drivers
 * do. */
#define VQ_MAX_CHAIN 1024

/* Pieces of memory that a frame to a guest is written to: as many as vhost in
 * the Linux kernel can handle (UIO_MAXIOV). */
#define VQ_MAX_PIECES 1024

/* A call reads less than VQ_MAX_WALK descriptors and then, for the frame that
 * goes beyond, up to as many and a chain. */
BUILD_ASSERT_DECL((2 * VQ_MAX_WALK + VQ_MAX_CHAIN) / VQ_TURN <= UINT16_MAX);

/* Adds 'n' to a counter that others may be reading. */
static inline void
vq_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* The log at the moment, or NULL.  It may change between any two calls, but
 * both are good until the burst is over. */
static inline struct dirty_log *
vq_log(const struct virtqueue *vq)
{
    return __atomic_load_n(&vq->log, __ATOMIC_RELAXED);
}

/* The same if writes to the ring are logged too; '*used_gpa' is then the
 * address of the used ring. */
static inline struct dirty_log *
vq_ring_log(const struct virtqueue *vq, uint64_t *used_gpa)
{
    struct dirty_log *log = vq_log(vq);

    if (OVS_LIKELY(!log)) {
        return NULL;
    }
    *used_gpa = __atomic_load_n(&vq->used_gpa, __ATOMIC_RELAXED);
    return *used_gpa != VQ_NO_GPA ? log : NULL;
}

/* Has the guest pay for a frame of 'len' bytes for which 'n_read' descriptors
 * were read. */
static inline void
vq_charge(struct virtqueue *vq, unsigned int n_read, uint32_t len)
{
    const unsigned int fair = VQ_FAIR_PIECES + len / VQ_FAIR_PIECE;

    if (OVS_UNLIKELY(n_read > fair)) {
        vq->n_rests += (n_read - fair) / VQ_TURN;
    }
}

/* To be called before the first chain that a call has to walk.  Returns false
 * if the call is to end there. */
static inline bool
vq_may_walk(struct virtqueue *vq)
{
    if (OVS_UNLIKELY(vq->n_rests)) {
        vq->n_rests--;
        return false;
    }
    return true;
}

/* Counts 'error' and stops 'vq'. */
void vq_fail(struct virtqueue *, enum virtqueue_error);

/* Fetches the line of 'p' to write to it.  __builtin_prefetch(p, 1) would
 * fetch it to read unless built for CPUs that have the instruction for sure;
 * those that have not take it for no instruction at all. */
static inline void
vq_prefetch_write(const void *p)
{
#ifdef __x86_64__
    __asm__ volatile ("prefetchw %0" : : "m" (*(const char *) p));
#else
    __builtin_prefetch(p, 1);
#endif
}

/* What up to VQ_TALLY_MAX frames add to the statistics. */
struct vq_frames_tally {
    uint64_t bytes;
    uint64_t bins;              /* A byte for each, least significant first. */
    uint32_t packets;
    uint32_t multicast;
    uint32_t broadcast;
};
#define VQ_TALLY_MAX 255
BUILD_ASSERT_DECL(VQ_N_BINS == sizeof(uint64_t));
BUILD_ASSERT_DECL(VIRTQUEUE_MAX_BURST <= VQ_TALLY_MAX);

/* What a call adds to the statistics. */
struct vq_tally {
    struct vq_frames_tally frames;
    bool any_error;
    uint32_t errors[VQ_N_ERRORS]; /* Only if 'any_error'. */
};

static inline void
vq_tally_init(struct vq_tally *t)
{
    t->frames = (struct vq_frames_tally) { .bytes = 0 };
    t->any_error = false;
}

/* Adds it and empties it. */
void vq_tally_flush(struct vq_tally *, struct virtqueue_stats *);

void vq_tally_error(struct vq_tally *, enum virtqueue_error);

/* For each length below VQ_BINNED the shift of its bin in 'struct
 * vq_frames_tally', and for all others at the end.  That is not VQ_BINNED:
 * for a minimum GCC goes through vector registers. */
#define VQ_BINNED 1519
#define VQ_BINNED_OTHER (VQ_BINNED + 1)
extern const uint8_t vq_bin_shifts[VQ_BINNED_OTHER + 1];

/* Whom a frame is for. */
enum vq_cast {
    VQ_UNICAST,
    VQ_MULTICAST,
    VQ_BROADCAST
};

/* Returns that of a frame of 'len' bytes, the first of which is odd. */
enum vq_cast vq_get_cast(const uint8_t *data, uint32_t len);

/* Counts a frame that begins with 'data', our copy, if it is for many. */
static inline void
vq_tally_destination(struct vq_frames_tally *t, const uint8_t *data,
                     uint32_t len)
{
    if (OVS_UNLIKELY(data[0] & 1)) {
        const enum vq_cast cast = vq_get_cast(data, len);

        t->multicast += cast == VQ_MULTICAST;
        t->broadcast += cast == VQ_BROADCAST;
    }
}

/* Counts the length of a frame that was delivered. */
static inline void
vq_tally_length(struct vq_frames_tally *t, uint32_t len)
{
    t->bins += UINT64_C(1) << vq_bin_shifts[len < VQ_BINNED ? len
                                            : VQ_BINNED_OTHER];
    t->packets++;
    t->bytes += len;
}

/* Counts a frame of 'len' bytes that was delivered; 'data' is our copy.  Loops
 * keep a tally of their own, of which nobody has the address, in registers. */
static inline void
vq_tally_frame__(struct vq_frames_tally *t, const uint8_t *data, uint32_t len)
{
    vq_tally_length(t, len);
    vq_tally_destination(t, data, len);
}

static inline void
vq_tally_frame(struct vq_tally *t, const uint8_t *data, uint32_t len)
{
    vq_tally_frame__(&t->frames, data, len);
}

static inline void
vq_tally_add(struct vq_tally *t, const struct vq_frames_tally *frames)
{
    t->frames.bytes += frames->bytes;
    t->frames.bins += frames->bins;
    t->frames.packets += frames->packets;
    t->frames.multicast += frames->multicast;
    t->frames.broadcast += frames->broadcast;
}

/* Bytes that go through vector registers, wherever they lie. */
typedef uint64_t vq_vec16
    __attribute__((vector_size(16), aligned(1), may_alias));
#ifdef __AVX__
typedef uint64_t vq_vec32
    __attribute__((vector_size(32), aligned(1), may_alias));
#endif

/* Makes 'm', as it comes from a mempool, a frame of 'len' bytes, at most
 * UINT16_MAX, in one segment.  Does what rte_pktmbuf_reset() does, in three
 * stores to one cache line: 'next' is null in every free mbuf, and nobody
 * looks at 'tx_offload' before ol_flags say so. */
static inline void
vq_mbuf_init(struct rte_mbuf *m, uint32_t len)
{
    /* data_off, refcnt, nb_segs, port; ol_flags. */
    const vq_vec16 rearm = {
        RTE_PKTMBUF_HEADROOM | UINT64_C(1) << 16 | UINT64_C(1) << 32
        | (uint64_t) RTE_MBUF_PORT_INVALID << 48,
        0
    };
    char *p = (char *) m;

    BUILD_ASSERT_DECL(offsetof(struct rte_mbuf, nb_segs)
                      == offsetof(struct rte_mbuf, data_off) + 4);
    BUILD_ASSERT_DECL(offsetof(struct rte_mbuf, port)
                      == offsetof(struct rte_mbuf, data_off) + 6);
    BUILD_ASSERT_DECL(offsetof(struct rte_mbuf, ol_flags)
                      == offsetof(struct rte_mbuf, data_off) + 8);
    BUILD_ASSERT_DECL(offsetof(struct rte_mbuf, pkt_len)
                      == offsetof(struct rte_mbuf, packet_type) + 4);
    BUILD_ASSERT_DECL(offsetof(struct rte_mbuf, data_len)
                      == offsetof(struct rte_mbuf, packet_type) + 8);
    BUILD_ASSERT_DECL(offsetof(struct rte_mbuf, hash.rss)
                      == offsetof(struct rte_mbuf, packet_type) + 12);
    *(vq_vec16 *) (p + offsetof(struct rte_mbuf, data_off)) = rearm;
    *(uint64_t *) (p + offsetof(struct rte_mbuf, packet_type))
        = (uint64_t) len << 32;
    /* With vlan_tci and hash.rss. */
    *(uint64_t *) (p + offsetof(struct rte_mbuf, data_len)) = len;
}

/* Copies the data of a frame.  The C library has a copy for this very CPU,
 * which wins by far for long frames; for short ones the call does not pay. */
static inline void
vq_copy(uint8_t *dst, const uint8_t *src, size_t len)
{
    if (OVS_LIKELY(len <= VQ_SHORT_COPY && len >= VQ_SHORT_COPY / 2)) {
        /* Two halves that overlap; loads before stores, all in registers. */
#ifdef __AVX__
        const vq_vec32 first = *(const vq_vec32 *) src;
        const vq_vec32 last = *(const vq_vec32 *) (src + len - sizeof last);

        *(vq_vec32 *) dst = first;
        *(vq_vec32 *) (dst + len - sizeof last) = last;
#else
        const vq_vec16 *from = (const vq_vec16 *) src;
        const vq_vec16 *from_end = (const vq_vec16 *) (src + len);
        vq_vec16 *to = (vq_vec16 *) dst;
        vq_vec16 *to_end = (vq_vec16 *) (dst + len);
        const vq_vec16 a = from[0], b = from[1], c = from_end[-2],
                       d = from_end[-1];

        to[0] = a;
        to[1] = b;
        to_end[-2] = c;
        to_end[-1] = d;
#endif
    } else {
        memcpy(dst, src, len);
    }
}

#endif /* virtqueue-private.h */
