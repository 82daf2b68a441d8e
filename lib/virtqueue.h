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

#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H 1

/* Virtqueue engine
 * ================
 *
 * Moves frames between a guest's virtqueue and mbufs.  Knows rings, guest
 * memory and packets, and nothing of sockets, ports or OVSDB.
 *
 * Guest memory is hostile: every field that decides something is read once
 * into a local and the local is checked.  Work per call is bounded by the
 * ring's size.  Nothing is logged, allocated (but mbufs) or locked here.
 *
 * Two kinds of offence.  A frame whose buffers are bad is dropped, counted by
 * reason and its buffers are given back.  A ring whose structure is bad is
 * stopped: 'error' is set, and from then on the virtqueue moves nothing until
 * the control path starts it anew.
 *
 * Thread-safety: a virtqueue is prepared by the control thread while nobody
 * else sees it, published through RCU, and taken back after a grace period.
 * What it logs may change later.  While published, 'fields of the datapath'
 * belong to the one thread that moves frames; several threads that enqueue
 * take 'lock' around the call. */

#include <linux/virtio_ring.h>
#include <linux/virtio_net.h>
#include <rte_mbuf.h>

#include "biased-lock.h"
#include "guest-memory.h"
#include "ovs-atomic.h"

/* Rings hold up to 2**15 entries (virtio 1.2, 2.7 and 2.8). */
#define VIRTQUEUE_MAX_SIZE 32768

/* Most frames that virtqueue_dequeue() takes at a time. */
#define VIRTQUEUE_MAX_BURST 32

/* Why a frame was dropped or a ring was stopped.
 * VQ_ERROR(name, fatal, statistic, text).
 *
 * NO_MBUF is neither: the frames stay where they are, for the guest to wait
 * or to give up, and are taken later.  It counts the calls that found fewer
 * packet buffers than frames. */
#define VQ_ERRORS                                                           \
    VQ_ERROR(NONE, false, "none", "no error")                               \
    /* One frame is dropped. */                                             \
    VQ_ERROR(ADDRESS, false, "bad_address",                                 \
             "buffer outside of guest memory")                              \
    VQ_ERROR(SHORT, false, "short_frame",                                   \
             "chain too short for the virtio-net header and a frame")       \
    VQ_ERROR(DIRECTION, false, "bad_direction",                             \
             "buffer with the wrong direction")                             \
    VQ_ERROR(LONG, false, "oversize",                                       \
             "frame longer than a packet buffer of this port")              \
    VQ_ERROR(NO_MBUF, false, "no_mbuf", "out of packet buffers")            \
    VQ_ERROR(SMALL_BUFFER, false, "small_buffer",                           \
             "guest's receive buffer too small for the frame")              \
    VQ_ERROR(HEADER, false, "bad_header",                                   \
             "virtio-net header asks for what cannot be done")              \
    /* The ring is stopped. */                                              \
    VQ_ERROR(AVAIL_JUMP, true, "avail_jump",                                \
             "available index ran ahead by more than the ring's size")      \
    VQ_ERROR(HEAD, true, "bad_head",                                        \
             "descriptor index beyond the ring")                            \
    VQ_ERROR(CHAIN, true, "bad_chain",                                      \
             "descriptor chain with a loop or too long")        \
    VQ_ERROR(INDIRECT, true, "bad_indirect",                                \
             "malformed indirect descriptor table")                         \
    VQ_ERROR(FAULT, true, "memory_fault",                                   \
             "the file behind guest memory shrank")

enum virtqueue_error {
#define VQ_ERROR(NAME, FATAL, STATISTIC, TEXT) VQ_ERR_##NAME,
    VQ_ERRORS
#undef VQ_ERROR
    VQ_N_ERRORS
};

const char *virtqueue_error_text(enum virtqueue_error);
const char *virtqueue_error_statistic(enum virtqueue_error);
bool virtqueue_error_is_fatal(enum virtqueue_error);

/* Frame size bins, upstream's names: undersize is below 64 bytes. */
#define VQ_SIZE_BINS                                \
    VQ_SIZE_BIN(UNDERSIZE, 63, "undersize_packets") \
    VQ_SIZE_BIN(64, 64, "size_64_packets")          \
    VQ_SIZE_BIN(127, 127, "size_65_127_packets")    \
    VQ_SIZE_BIN(255, 255, "size_128_255_packets")   \
    VQ_SIZE_BIN(511, 511, "size_256_511_packets")   \
    VQ_SIZE_BIN(1023, 1023, "size_512_1023_packets")\
    VQ_SIZE_BIN(1518, 1518, "size_1024_1518_packets")\
    VQ_SIZE_BIN(MAX, UINT32_MAX, "size_1519_max_packets")

enum virtqueue_size_bin {
#define VQ_SIZE_BIN(NAME, MAX, STATISTIC) VQ_BIN_##NAME,
    VQ_SIZE_BINS
#undef VQ_SIZE_BIN
    VQ_N_BINS
};

/* Written by whoever moves frames, read by anybody.  Outlives the virtqueue:
 * counters go on when a guest reconnects. */
struct virtqueue_stats {
    uint64_t packets;           /* Delivered whole. */
    uint64_t bytes;             /* Of those, without the virtio-net header. */
    uint64_t multicast;
    uint64_t broadcast;
    uint64_t bins[VQ_N_BINS];
    uint64_t notifications;     /* Times the guest was interrupted. */
    uint64_t errors[VQ_N_ERRORS];
};

struct vq_variant;

struct virtqueue {
    /* Constant while published. */
    const struct vq_variant *variant; /* Of the functions that move frames. */
    union {
        struct vring_desc *desc;
        struct vring_packed_desc *ring; /* Packed. */
    };
    union {
        struct vring_avail *avail;
        struct vring_packed_desc_event *driver_event;
    };
    union {
        struct vring_used *used;
        struct vring_packed_desc_event *device_event;
    };
    const struct guest_memory *mem;
    uint16_t size;              /* Entries; a power of two unless packed. */
    bool packed;                /* VIRTIO_F_RING_PACKED. */
    bool in_order;              /* VIRTIO_F_IN_ORDER. */
    uint8_t hdr_len;            /* 10 or 12 bytes. */
    bool event_idx;             /* VIRTIO_RING_F_EVENT_IDX. */
    bool indirect;              /* VIRTIO_RING_F_INDIRECT_DESC. */
    bool mergeable;             /* VIRTIO_NET_F_MRG_RXBUF. */
    bool csum;                  /* VIRTIO_NET_F_CSUM. */
    bool guest_csum;            /* VIRTIO_NET_F_GUEST_CSUM. */

    /* Fields of the datapath, except 'error'.
     *
     * Split: free-running indexes.  Packed: an index into the ring, and the
     * wrap counter in bit 15. */
    uint16_t last_avail;        /* Next available entry to take. */
    uint16_t last_used;         /* Next used entry to write. */
    atomic_int error;           /* enum virtqueue_error, a fatal one. */
    /* Split: what the guest was seen to say last. */
    uint16_t seen_avail;        /* Available index. */
    uint16_t seen_flags;        /* Of the available ring. */

    /* All that a poll needs that finds nothing is above, in one line.
     *
     * Constant while published. */
    struct virtqueue_stats *stats; /* Not owned. */
    uint64_t ring_gpa;          /* For the log: of 'ring', if it is packed. */
    int callfd;                 /* Non-blocking eventfd or -1; not owned. */
    struct peer_signal *call;   /* Of 'callfd', or NULL; not owned. */

    /* Atomic: see virtqueue_set_log(). */
    struct dirty_log *log;      /* NULL unless VHOST_F_LOG_ALL. */
    uint64_t used_gpa;          /* Of 'used', VQ_NO_GPA unless
                                 * VHOST_VRING_F_LOG was set. */

    /* Fields of the datapath. */
    uint16_t signalled;         /* last_used when it was last decided whether
                                 * to notify the guest; atomic... */
    bool signalled_valid;       /* ...if that was since the start. */
    uint16_t n_quiet;           /* Times in a row, up to VQ_QUIET, that the
                                 * guest said it polls.  Atomic, for
                                 * virtqueue_recheck(). */
    unsigned int hint;          /* Region of the latest translation. */
    uint64_t seen_at;           /* When the guest was seen, in cycles of the
                                 * TSC, or 0: in this call. */

    /* Split: first available entry whose descriptor, or buffer, has not been
     * fetched.  Packed: number of buffers that have. */
    uint16_t ahead_desc;
    uint16_t ahead_data;
    uint16_t next_head;         /* Split: where the next chain may begin. */

    bool exhausted;             /* The latest enqueueing ended because the
                                 * guest made us read a lot, or did. */
    uint16_t n_rests;           /* Calls that are to end before the first
                                 * chain that is not plain: see VQ_TURN. */

    struct biased_lock lock;    /* For shared enqueueing. */
};
BUILD_ASSERT_DECL(offsetof(struct virtqueue, seen_flags) < CACHE_LINE_SIZE);

/* Prepares 'vq' for its first burst.  The caller has set desc, avail, used,
 * mem, ring_gpa, size, callfd, stats, log, used_gpa and, from
 * VHOST_USER_SET_VRING_BASE, last_avail.  'features' are the negotiated
 * virtio features; they set packed, in_order, event_idx, indirect, mergeable,
 * csum, guest_csum and hdr_len.
 *
 * Buffers are given back in the call that takes them, so that last_used
 * equals last_avail between bursts.  A back end that died left its mark in a
 * split ring, the used index, so both continue there if it differs; in a
 * packed ring its place can often be told (see virtqueue-packed.c).  Turns
 * notifications from the guest off: queues are polled.
 *
 * If frames may have been given to the guest while it could not be notified,
 * call virtqueue_notify() afterward. */
void virtqueue_start(struct virtqueue *, uint64_t features);

/* True if a poll of 'vq' finds nothing: what polls nearly always find, before
 * anything is prepared for more.  Not if the queue has an error. */
static inline bool
virtqueue_is_idle(const struct virtqueue *vq)
{
    int error;

    atomic_read_relaxed(&CONST_CAST(struct virtqueue *, vq)->error, &error);
    if (OVS_UNLIKELY(error)) {
        return false;
    }
    if (OVS_LIKELY(!vq->packed)) {
        if (vq->seen_avail != vq->last_avail
            || __atomic_load_n(&vq->avail->idx, __ATOMIC_RELAXED)
               != vq->last_avail) {
            return false;
        }
    } else {
        const bool wrap = vq->last_avail >> VRING_PACKED_EVENT_F_WRAP_CTR;
        const uint16_t slot = (vq->last_avail
                               & ~(1 << VRING_PACKED_EVENT_F_WRAP_CTR));
        const uint16_t flags = __atomic_load_n(&vq->ring[slot].flags,
                                               __ATOMIC_RELAXED);

        if ((flags >> VRING_PACKED_DESC_F_AVAIL & 1) == wrap
            && (flags >> VRING_PACKED_DESC_F_USED & 1) != wrap) {
            return false;
        }
    }
    return !guest_memory_is_faulted(vq->mem);
}

/* Takes up to 'max' (at most VIRTQUEUE_MAX_BURST) frames that the guest
 * transmits on 'vq' and stores them in 'pkts', each in one mbuf of 'pool',
 * initialised like one of rte_pktmbuf_alloc() (no port), but for ol_flags if
 * the guest leaves a checksum to be made (see virtio-net-hdr.h), and for
 * tx_offload, which means nothing.  Returns how many.  Frames for which 'pool'
 * has no mbufs stay in the ring
 * (virtio 1.2, 2.7.13, 2.8.21 and 5.1.6.2). */
unsigned int virtqueue_dequeue(struct virtqueue *vq, struct rte_mempool *pool,
                               struct rte_mbuf **pkts, unsigned int max);

/* Offers the 'n' frames of 'pkts', of one or more segments each, to the guest
 * that receives on 'vq'.  Returns how many were dealt with from the front:
 * delivered, or dropped and counted in stats->errors.  The others found no
 * room, and neither do they leave a trace.  Frees nothing.
 *
 * If 'vq->guest_csum', TCP and UDP checksums may be left to the guest (see
 * virtio-net-hdr.h); otherwise ol_flags are ignored.
 *
 * A frame that does not fit in the guest's buffer is dropped and the buffer
 * stays, to serve a shorter one, unless no frame fits in it.  A buffer that is
 * bad goes back to the guest with length 0, and the frame is dropped
 * (virtio 1.2, 2.7.13, 2.8.21 and 5.1.6.4). */
unsigned int virtqueue_enqueue(struct virtqueue *vq, struct rte_mbuf **pkts,
                               unsigned int n);

/* Frames waiting in 'vq' for virtqueue_dequeue(), at most its size. */
unsigned int virtqueue_pending(const struct virtqueue *vq);

/* Interrupts the guest if it asked for that with regard to buffers given back
 * since the latest time (virtio 1.2, 2.7.7, 2.7.10 and 2.8.10).  The two
 * functions above do it themselves.  For the thread that moves frames, and
 * anybody before the virtqueue is published. */
void virtqueue_notify(struct virtqueue *vq);

/* For any thread, some times a second: interrupts the guest if it stopped
 * polling just when buffers were given back, which can go unnoticed (see
 * virtqueue_notify()).  '*seen' is for the caller to keep, 0 at first.
 * Returns true if this is needed at all at the moment. */
bool virtqueue_recheck(const struct virtqueue *vq, uint64_t *seen);

/* The functions that move frames come in variants, for CPUs with and without
 * certain instructions; virtqueue_start() picks the best one that this CPU has
 * and that EAL's --force-max-simd-bitwidth allows.
 *
 * Has the variant called 'name' picked instead from now on, for tests.
 * Returns NULL, or else a malloc'd text that says why that cannot be.  For the
 * main thread, before others start virtqueues. */
char *virtqueue_set_variant(const char *name);

/* The name of the variant that is picked at the moment. */
const char *virtqueue_get_variant(void);

/* The name of the 'i'th variant that this CPU has, or NULL if there are not as
 * many.  The best comes last. */
const char *virtqueue_variant_name(unsigned int i);

/* What 'used_gpa' is if writes to the ring are not to be logged. */
#define VQ_NO_GPA UINT64_MAX

/* Has 'vq', which may be published, mark what it writes in 'log', unless that
 * is NULL; the used ring, which is at 'used_gpa', only if that is not
 * VQ_NO_GPA.  For the control thread.  Returns true if that is a change: it is
 * in effect, and the former log not used any more, after a grace period. */
static inline bool
virtqueue_set_log(struct virtqueue *vq, struct dirty_log *log,
                  uint64_t used_gpa)
{
    const bool changed = vq->log != log || vq->used_gpa != used_gpa;

    __atomic_store_n(&vq->used_gpa, used_gpa, __ATOMIC_RELAXED);
    __atomic_store_n(&vq->log, log, __ATOMIC_RELAXED);
    return changed;
}

static inline enum virtqueue_error
virtqueue_get_error(const struct virtqueue *vq)
{
    int error;

    atomic_read_relaxed(&CONST_CAST(struct virtqueue *, vq)->error, &error);
    return error;
}

#endif /* virtqueue.h */
