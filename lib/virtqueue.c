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


/* What all kinds of virtqueues share: see virtqueue.h.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue.h"

#include <linux/virtio_config.h>

#include "peer-eventfd.h"
#include "util.h"
#include "virtqueue-packed.h"
#include "virtqueue-private.h"
#include "virtqueue-split.h"
#include "virtqueue-variant.h"

static const struct {
    bool fatal;
    const char *statistic;
    const char *text;
} errors[VQ_N_ERRORS] = {
#define VQ_ERROR(NAME, FATAL, STATISTIC, TEXT) \
    [VQ_ERR_##NAME] = { FATAL, STATISTIC, TEXT },
    VQ_ERRORS
#undef VQ_ERROR
};

const uint8_t vq_bin_shifts[VQ_BINNED_OTHER + 1] = {
    [0 ... 63] = 8 * VQ_BIN_UNDERSIZE,
    [64] = 8 * VQ_BIN_64,
    [65 ... 127] = 8 * VQ_BIN_127,
    [128 ... 255] = 8 * VQ_BIN_255,
    [256 ... 511] = 8 * VQ_BIN_511,
    [512 ... 1023] = 8 * VQ_BIN_1023,
    [1024 ... 1518] = 8 * VQ_BIN_1518,
    [VQ_BINNED_OTHER] = 8 * VQ_BIN_MAX,
};

const char *
virtqueue_error_text(enum virtqueue_error error)
{
    return errors[error].text;
}

const char *
virtqueue_error_statistic(enum virtqueue_error error)
{
    return errors[error].statistic;
}

bool
virtqueue_error_is_fatal(enum virtqueue_error error)
{
    return errors[error].fatal;
}

void
virtqueue_start(struct virtqueue *vq, uint64_t features)
{
    const bool version_1 = features & (1ULL << VIRTIO_F_VERSION_1);

    vq->packed = features & (1ULL << VIRTIO_F_RING_PACKED);
    vq->in_order = features & (1ULL << VIRTIO_F_IN_ORDER);
    vq->event_idx = features & (1ULL << VIRTIO_RING_F_EVENT_IDX);
    vq->indirect = features & (1ULL << VIRTIO_RING_F_INDIRECT_DESC);
    vq->mergeable = features & (1ULL << VIRTIO_NET_F_MRG_RXBUF);
    vq->csum = features & (1ULL << VIRTIO_NET_F_CSUM);
    vq->guest_csum = features & (1ULL << VIRTIO_NET_F_GUEST_CSUM);
    vq->hdr_len = (version_1 || vq->mergeable
                   ? sizeof(struct virtio_net_hdr_v1)
                   : sizeof(struct virtio_net_hdr));

    vq->variant = vq_variant_get();
    vq->signalled = 0;
    vq->signalled_valid = false;
    vq->hint = 0;
    vq->n_quiet = 0;
    vq->n_rests = 0;
    biased_lock_init(&vq->lock);
    atomic_init(&vq->error, VQ_ERR_NONE);

    if (vq->packed) {
        vq_packed_start(vq);
    } else {
        vq_split_start(vq);
    }
}

unsigned int
virtqueue_dequeue(struct virtqueue *vq, struct rte_mempool *pool,
                  struct rte_mbuf **pkts, unsigned int max)
{
    if (virtqueue_is_idle(vq) || OVS_UNLIKELY(virtqueue_get_error(vq))) {
        return 0;
    }
    return (vq->packed ? vq->variant->packed_dequeue(vq, pool, pkts, max)
            : vq->variant->split_dequeue(vq, pool, pkts, max));
}

unsigned int
virtqueue_enqueue(struct virtqueue *vq, struct rte_mbuf **pkts,
                  unsigned int n)
{
    if (OVS_UNLIKELY(virtqueue_get_error(vq))) {
        return 0;
    }
    return (vq->packed
            ? vq->variant->packed_enqueue(vq, pkts, n)
            : vq->variant->split_enqueue(vq, pkts, n));
}

unsigned int
virtqueue_pending(const struct virtqueue *vq)
{
    if (virtqueue_get_error(vq)) {
        return 0;
    }
    return vq->packed ? vq_packed_pending(vq) : vq_split_pending(vq);
}

/* True if the guest wants to hear that buffers from 'old', if 'valid', to
 * 'new' were given back. */
static bool
wants_interrupt(const struct virtqueue *vq, uint16_t old, uint16_t new,
                bool valid)
{
    return (vq->packed
            ? vq_packed_wants_interrupt(vq, old, new, valid)
            : vq_split_wants_interrupt(vq, old, new, valid));
}

static uint16_t
get_n_quiet(const struct virtqueue *vq)
{
    return __atomic_load_n(&vq->n_quiet, __ATOMIC_RELAXED);
}

void
virtqueue_notify(struct virtqueue *vq)
{
    const uint16_t old = vq->signalled;
    const uint16_t new = vq->last_used;
    const bool valid = vq->signalled_valid;
    const uint16_t n_quiet = get_n_quiet(vq);

    if (valid && old == new) {
        return;
    }
    /* After what is published: see virtqueue_recheck(). */
    __atomic_store_n(&vq->signalled, new, __ATOMIC_RELEASE);
    vq->signalled_valid = true;

    /* With the fence, either we see that the guest wants to be told, or the
     * guest, which looks at the used index after saying so, sees what we
     * published.  The fence waits for all stores to guest memory, though, and
     * a guest that has been polling for long will go on: if it stops at this
     * very moment, virtqueue_recheck() finds out. */
    if (OVS_UNLIKELY(n_quiet < VQ_QUIET)) {
        atomic_thread_fence(memory_order_seq_cst);
    } else if (!vq->packed && vq_split_seems_quiet(vq)) {
        return;
    }
    if (OVS_LIKELY(!wants_interrupt(vq, old, new, valid))) {
        if (OVS_UNLIKELY(n_quiet < VQ_QUIET) && !vq->event_idx) {
            __atomic_store_n(&vq->n_quiet, n_quiet + 1, __ATOMIC_RELAXED);
        }
        return;
    }
    __atomic_store_n(&vq->n_quiet, 0, __ATOMIC_RELAXED);
    if (vq->callfd >= 0) {
        /* The eventfd is the peer's as well: writing to it could block. */
        peer_signal(vq->call, vq->callfd);
        vq_count(&vq->stats->notifications, 1);
    }
}

bool
virtqueue_recheck(const struct virtqueue *vq, uint64_t *seen)
{
    if (get_n_quiet(vq) < VQ_QUIET || vq->callfd < 0) {
        return false;
    }

    /* The index alone could have gone all around. */
    const uint64_t packets = __atomic_load_n(&vq->stats->packets,
                                             __ATOMIC_RELAXED);
    const uint64_t now = (packets << 16
                          | __atomic_load_n(&vq->signalled,
                                            __ATOMIC_ACQUIRE));

    if (*seen != now) {
        *seen = now;
        /* What led to this value is published.  If we do not see that the
         * guest wants to be told of it, the guest, which then says so after
         * this fence, will find it. */
        atomic_thread_fence(memory_order_seq_cst);
        if (wants_interrupt(vq, 0, 0, false)) {
            peer_eventfd_signal(vq->callfd);
        }
    }
    return true;
}

void
vq_fail(struct virtqueue *vq, enum virtqueue_error error)
{
    vq_count(&vq->stats->errors[error], 1);
    atomic_store_relaxed(&vq->error, error);
}

void
vq_tally_error(struct vq_tally *t, enum virtqueue_error error)
{
    if (!t->any_error) {
        memset(t->errors, 0, sizeof t->errors);
        t->any_error = true;
    }
    t->errors[error]++;
}

void
vq_tally_flush(struct vq_tally *t, struct virtqueue_stats *stats)
{
    if (OVS_LIKELY(t->frames.packets)) {
        vq_count(&stats->packets, t->frames.packets);
        vq_count(&stats->bytes, t->frames.bytes);
        if (OVS_UNLIKELY(t->frames.multicast | t->frames.broadcast)) {
            vq_count(&stats->multicast, t->frames.multicast);
            vq_count(&stats->broadcast, t->frames.broadcast);
        }
        for (int i = 0; t->frames.bins; i++, t->frames.bins >>= 8) {
            const uint8_t n = t->frames.bins;

            if (n) {
                vq_count(&stats->bins[i], n);
            }
        }
    }
    if (OVS_UNLIKELY(t->any_error)) {
        for (int i = 0; i < VQ_N_ERRORS; i++) {
            vq_count(&stats->errors[i], t->errors[i]);
        }
    }
    vq_tally_init(t);
}

enum vq_cast
vq_get_cast(const uint8_t *data, uint32_t len)
{
    struct eth_addr dst;

    if (len < sizeof dst) {
        return VQ_UNICAST;
    }
    memcpy(&dst, data, sizeof dst);
    return eth_addr_is_broadcast(dst) ? VQ_BROADCAST : VQ_MULTICAST;
}
