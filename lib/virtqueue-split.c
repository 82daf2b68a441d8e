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


/* Split virtqueues: starting, walking chains, giving back, notification. */

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
    if (OVS_UNLIKELY(vq->log != NULL) && vq->log_used) {
        dirty_log_mark__(vq->log, vq->used_gpa + offset, len);
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
    if (vq->event_idx) {
        __atomic_store_n(&vq->used->flags, 0, __ATOMIC_RELAXED);
        push_avail_event(vq);
    } else {
        __atomic_store_n(&vq->used->flags, VRING_USED_F_NO_NOTIFY,
                         __ATOMIC_RELAXED);
    }
    log_used(vq, offsetof(struct vring_used, flags), sizeof vq->used->flags);
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

    if (OVS_UNLIKELY(vq->log != NULL)) {
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

/* Reads the descriptor with index 'idx' of the table that 'c' is in. */
static enum virtqueue_error
vq_chain_read(struct vq_chain *c, uint32_t idx)
{
    if (idx >= c->n) {
        return c->indirect ? VQ_ERR_INDIRECT : VQ_ERR_HEAD;
    }
    if (!c->left) {
        return c->indirect ? VQ_ERR_INDIRECT : VQ_ERR_CHAIN;
    }
    c->left--;
    c->n_read++;

    if (OVS_LIKELY(c->table != NULL)) {
        c->desc = vq_read_desc(c->table + idx * sizeof c->desc);
    } else if (!guest_memory_read(c->vq->mem,
                                  c->table_gpa + idx * sizeof c->desc,
                                  &c->desc, sizeof c->desc,
                                  &c->vq->hint)) {
        return VQ_ERR_ADDRESS;
    }
    return VQ_ERR_NONE;
}

/* Follows 'd' into an indirect table (virtio 1.2, 2.7.5.3). */
static enum virtqueue_error
vq_chain_enter(struct vq_chain *c, const struct vring_desc *d)
{
    const uint32_t n = d->len / sizeof *d;

    if (!c->vq->indirect || c->indirect || d->flags & VRING_DESC_F_NEXT
        || !n || d->len % sizeof *d || n > c->vq->size) {
        return VQ_ERR_INDIRECT;
    }

    c->indirect = true;
    c->n = c->left = n;
    c->table_gpa = d->addr;
    c->table = guest_memory_translate(c->vq->mem, d->addr, d->len,
                                      &c->vq->hint);
    if (!c->table && !guest_memory_covers(c->vq->mem, d->addr, d->len)) {
        return VQ_ERR_ADDRESS;
    }
    return vq_chain_read(c, 0);
}

enum virtqueue_error
vq_chain_next(struct vq_chain *c, uint64_t *gpa, uint64_t *len)
{
    while (c->more) {
        const struct vring_desc d = c->desc;
        enum virtqueue_error error;

        if (d.flags & VRING_DESC_F_INDIRECT) {
            error = vq_chain_enter(c, &d);
            if (error) {
                return error;
            }
            continue;
        }

        if (d.flags & VRING_DESC_F_NEXT) {
            error = vq_chain_read(c, d.next);
            if (error) {
                return error;
            }
        } else {
            c->more = false;
        }
        if ((d.flags & VRING_DESC_F_WRITE) != c->direction) {
            return VQ_ERR_DIRECTION;
        }
        if (d.len) {
            *gpa = d.addr;
            *len = d.len;
            return VQ_ERR_NONE;
        }
    }
    *len = 0;
    return VQ_ERR_NONE;
}
