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

/* Walks descriptor chains.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-chain.h"

#include "util.h"

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
    c->extent.n_read++;

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
