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

/* Packed virtqueues: starting, giving back, notification.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-packed.h"

#include "util.h"

static void
log_ring(struct virtqueue *vq, uint16_t slot, unsigned int n)
{
    uint64_t used_gpa;
    struct dirty_log *log = vq_ring_log(vq, &used_gpa);

    if (OVS_UNLIKELY(log != NULL)) {
        dirty_log_mark__(log, vq->ring_gpa + slot * sizeof *vq->ring,
                         n * sizeof *vq->ring);
    }
}

void
vq_packed_log__(struct virtqueue *vq, uint16_t slot, unsigned int n)
{
    const unsigned int n_first = MIN(n, vq->size - slot);

    log_ring(vq, slot, n_first);
    if (n > n_first) {
        log_ring(vq, 0, n - n_first);
    }
}

/* True if the device was the last to pass 'slot' in a round with wrap counter
 * 1.  The guest does not change this: it writes the inverse of its own bit,
 * a round later. */
static bool
passed_bit(const struct virtqueue *vq, uint16_t slot)
{
    return __atomic_load_n(&vq->ring[slot].flags, __ATOMIC_RELAXED)
           & VQ_PACKED_USED;
}

/* Finds where a back end that died was in the ring: that is where the round
 * ends that the descriptors were passed in.  We mark all descriptors that we
 * pass; one that marks the first of each chain only leaves several such
 * places.  Returns false if there are. */
static bool
recover_place(const struct virtqueue *vq, uint16_t *place)
{
    const bool first = passed_bit(vq, 0);
    uint16_t n = 1;

    while (n < vq->size && passed_bit(vq, n) == first) {
        n++;
    }
    for (uint32_t i = n; i < vq->size; i++) {
        if (passed_bit(vq, i) == first) {
            return false;
        }
    }
    if (n == vq->size) {
        *place = first ? 0 : VQ_PLACE_WRAP;
    } else {
        *place = n | (first ? VQ_PLACE_WRAP : 0);
    }
    return true;
}

/* Nothing in a packed ring says where the device is, and front ends that
 * lose their back end give the next one a place from before, mostly that of
 * the beginning.  So what we are told is not taken for granted if it is the
 * beginning, or if the ring shows that the device was there already.
 *
 * With VIRTIO_F_IN_ORDER descriptors are passed unmarked. */
static void
check_place(struct virtqueue *vq)
{
    const uint16_t told = vq->last_avail;
    const bool passed = passed_bit(vq, vq_packed_slot(told))
                        == !!(told & VQ_PLACE_WRAP);
    uint16_t place;

    if (!vq->in_order && (passed || told == VQ_PLACE_WRAP)
        && recover_place(vq, &place)) {
        vq->last_avail = place;
    }
}

void
vq_packed_start(struct virtqueue *vq)
{
    check_place(vq);
    vq->last_used = vq->last_avail;

    vq->device_event->off_wrap = 0;
    __atomic_store_n(&vq->device_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE,
                     __ATOMIC_RELAXED);

    uint64_t used_gpa;
    struct dirty_log *log = vq_ring_log(vq, &used_gpa);

    if (log) {
        dirty_log_mark(log, used_gpa, sizeof *vq->device_event);
    }
}

unsigned int
vq_packed_pending(const struct virtqueue *vq)
{
    uint16_t place = vq->last_avail;
    unsigned int n = 0;

    for (uint32_t i = 0; i < vq->size; i++) {
        const uint16_t flags = __atomic_load_n(
            &vq->ring[vq_packed_slot(place)].flags, __ATOMIC_RELAXED);

        if ((flags & VQ_PACKED_OWNER) != vq_packed_avail_flags(place)) {
            break;
        }
        n += !(flags & VRING_DESC_F_NEXT);
        place = vq_packed_advance(vq, place, 1);
    }
    return n;
}

/* How far 'to' is ahead of 'from', in descriptors, if both are places. */
static uint32_t
distance(const struct virtqueue *vq, uint16_t from, uint16_t to)
{
    const uint32_t d = (uint32_t) vq_packed_slot(to) - vq_packed_slot(from);

    return (from ^ to) & VQ_PLACE_WRAP ? d + vq->size
           : vq_packed_slot(to) < vq_packed_slot(from) ? d + 2 * vq->size
           : d;
}

bool
vq_packed_wants_interrupt(const struct virtqueue *vq, uint16_t old,
                          uint16_t new, bool valid)
{
    const uint16_t flags = __atomic_load_n(&vq->driver_event->flags,
                                           __ATOMIC_ACQUIRE);

    switch (flags & (VRING_PACKED_EVENT_FLAG_DISABLE
                     | VRING_PACKED_EVENT_FLAG_DESC)) {
    case VRING_PACKED_EVENT_FLAG_DISABLE:
        return false;

    case VRING_PACKED_EVENT_FLAG_DESC:
        if (!vq->event_idx || !valid) {
            return true;
        }

        /* 'off_wrap' is written before the flags are (virtio 1.2, 2.8.14). */
        const uint16_t event = __atomic_load_n(&vq->driver_event->off_wrap,
                                               __ATOMIC_RELAXED);

        return distance(vq, old, event) < distance(vq, old, new);

    case VRING_PACKED_EVENT_FLAG_ENABLE:
    default:
        return true;
    }
}

/* The second half of a used descriptor for 'place'. */
static inline uint64_t
used_half(uint16_t place, uint32_t len, uint16_t id)
{
    uint16_t flags = place & VQ_PLACE_WRAP ? VQ_PACKED_OWNER : 0;

    /* Without this, the length is not looked at. */
    flags |= len ? VRING_DESC_F_WRITE : 0;
    return len | (uint64_t) id << 32 | (uint64_t) flags << 48;
}

/* Marks all but the first of 'n' descriptors from 'place' on as passed, for
 * recover_place().  The guest does not look at them. */
static __rte_noinline void
mark_passed(struct virtqueue *vq, uint16_t place, uint16_t n)
{
    while (--n) {
        place = vq_packed_advance(vq, place, 1);

        const uint16_t slot = vq_packed_slot(place);

        __atomic_store_n(&vq->ring[slot].flags,
                         place & VQ_PLACE_WRAP ? VQ_PACKED_OWNER : 0,
                         __ATOMIC_RELAXED);
        log_ring(vq, slot, 1);
    }
}

void
vq_packed_publish_batch(struct virtqueue *vq, uint16_t id, uint16_t place)
{
    const uint16_t first = vq->last_used;
    const uint16_t slot = vq_packed_slot(first);

    __atomic_store_n(vq_packed_half(&vq->ring[slot]), used_half(first, 0, id),
                     __ATOMIC_RELEASE);
    log_ring(vq, slot, 1);
    vq->last_used = vq->last_avail = place;
}

void
vq_packed_publish(struct virtqueue *vq, const struct vq_packed_used *used,
                  unsigned int n)
{
    const uint16_t first = vq->last_used;
    uint16_t place = first;

    for (unsigned int i = 0; i < n; i++) {
        const struct vq_packed_used *u = &used[i];

        if (i) {
            const uint16_t slot = vq_packed_slot(place);

            __atomic_store_n(vq_packed_half(&vq->ring[slot]),
                             used_half(place, u->len, u->id),
                             __ATOMIC_RELAXED);
            log_ring(vq, slot, 1);
        }
        if (OVS_UNLIKELY(u->n_slots > 1) && !vq->in_order) {
            mark_passed(vq, place, u->n_slots);
        }
        place = vq_packed_advance(vq, place, u->n_slots);
    }

    const uint16_t slot = vq_packed_slot(first);

    __atomic_store_n(vq_packed_half(&vq->ring[slot]),
                     used_half(first, used->len, used->id), __ATOMIC_RELEASE);
    log_ring(vq, slot, 1);
    vq->last_used = vq->last_avail = place;
}
