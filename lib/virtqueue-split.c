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


/* Split virtqueues: starting, giving back, notification. */

#include <config.h>

#include "virtqueue-split.h"

#include "util.h"

/* How often avail_event is moved away: when an index has gone through a
 * quarter of its range.  The guest is never more than a ring, that is half of
 * the range, ahead. */
#define VQ_EVENT_RENEWAL 0xc000

static uint64_t
used_elem_offset(uint16_t slot)
{
    return offsetof(struct vring_used, ring)
           + slot * sizeof(struct vring_used_elem);
}

static void
log_used(struct virtqueue *vq, uint64_t offset, uint64_t len)
{
    uint64_t used_gpa;
    struct dirty_log *log = vq_ring_log(vq, &used_gpa);

    if (OVS_UNLIKELY(log != NULL)) {
        dirty_log_mark__(log, used_gpa + offset, len);
    }
}

/* Tells the guest to notify us after the available index has gone all around:
 * never, if this is repeated in time (virtio 1.2, 2.7.10). */
static void
push_avail_event(struct virtqueue *vq)
{
    uint16_t *avail_event = (uint16_t *) &vq->used->ring[vq->size];

    __atomic_store_n(avail_event, vq->last_avail - 1, __ATOMIC_RELAXED);
    log_used(vq, used_elem_offset(vq->size), sizeof *avail_event);
}

void
vq_split_start(struct virtqueue *vq)
{
    const uint16_t used = __atomic_load_n(&vq->used->idx, __ATOMIC_RELAXED);

    vq->last_avail = vq->last_used = used;
    vq->seen_avail = used;
    vq->seen_flags = 0;
    vq->seen_at = 0;
    vq->ahead_desc = vq->ahead_data = used;
    if (vq->event_idx) {
        __atomic_store_n(&vq->used->flags, 0, __ATOMIC_RELAXED);
        push_avail_event(vq);
    } else {
        __atomic_store_n(&vq->used->flags, VRING_USED_F_NO_NOTIFY,
                         __ATOMIC_RELAXED);
    }
    log_used(vq, offsetof(struct vring_used, flags), sizeof vq->used->flags);
}

unsigned int
vq_split_pending(const struct virtqueue *vq)
{
    const uint16_t idx = __atomic_load_n(&vq->avail->idx, __ATOMIC_RELAXED);
    const uint16_t n = idx - vq->last_avail;

    return MIN(n, vq->size);
}

bool
vq_split_wants_interrupt(const struct virtqueue *vq, uint16_t old,
                         uint16_t new, bool valid)
{
    if (vq->event_idx) {
        const uint16_t used_event
            = __atomic_load_n(&vq->avail->ring[vq->size], __ATOMIC_RELAXED);

        return !valid || vring_need_event(used_event, new, old);
    } else {
        return !(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED)
                 & VRING_AVAIL_F_NO_INTERRUPT);
    }
}

void
vq_split_publish(struct virtqueue *vq, uint16_t n)
{
    const uint16_t old = vq->last_used;
    const uint16_t new = old + n;

    if (OVS_UNLIKELY(vq_log(vq) != NULL)) {
        const uint16_t slot = old & (vq->size - 1);
        const uint16_t n_first = MIN(n, vq->size - slot);

        log_used(vq, used_elem_offset(slot),
                 n_first * sizeof(struct vring_used_elem));
        if (n > n_first) {
            log_used(vq, used_elem_offset(0),
                     (n - n_first) * sizeof(struct vring_used_elem));
        }
    }

    __atomic_store_n(&vq->used->idx, new, __ATOMIC_RELEASE);
    vq->last_used = vq->last_avail = new;

    /* A page is marked after it was written: the front end clears the mark
     * before it reads. */
    log_used(vq, offsetof(struct vring_used, idx), sizeof vq->used->idx);

    if (OVS_UNLIKELY((old ^ new) & VQ_EVENT_RENEWAL) && vq->event_idx) {
        push_avail_event(vq);
    }
    virtqueue_notify(vq);
}
