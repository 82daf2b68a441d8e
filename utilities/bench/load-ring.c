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

/* Virtqueues of the load generator: what is not done for each frame.  See
 * load-ring.h. */

#include <config.h>

#include "load-ring.h"

#include <string.h>
#include <unistd.h>

#include "util.h"

void
load_ring_reset(struct load_ring *r, bool packed)
{
    r->avail_idx = r->published = r->used_idx = 0;
    r->n_taken = 0;
    r->n_kicks = 0;
    r->broken = NULL;
    r->free_head = 0;
    r->fetched = 0;
    r->free_tail = r->rx ? 0 : r->size;
    if (packed) {
        memset(r->pdesc, 0, r->size * sizeof *r->pdesc);
        memset(r->driver, 0, sizeof *r->driver);
        memset(r->device, 0, sizeof *r->device);
    } else {
        memset(r->desc, 0, r->size * sizeof *r->desc);
        memset(r->avail, 0, 6 + 2 * r->size);
        memset(r->used, 0, 6 + 8 * r->size);
    }
    load_ring_set_interrupt(r, false, packed);
    for (unsigned int i = 0; i < r->size; i++) {
        memset(load_buffer(r, i), 0, LOAD_HDR_LEN);
        if (r->rx) {
            load_put__(r, i, r->buf_size, packed);
        } else {
            r->free[i] = i;
        }
    }
    if (r->rx) {
        load_publish(r, packed);
    }
}

void
load_ring_set_interrupt(struct load_ring *r, bool on, bool packed)
{
    r->interrupt = on;
    if (packed) {
        r->driver->flags = (on ? VRING_PACKED_EVENT_FLAG_ENABLE
                            : VRING_PACKED_EVENT_FLAG_DISABLE);
    } else {
        r->avail->flags = (on || r->event_idx
                           ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
        r->avail->ring[r->size] = on ? r->used_idx : r->used_idx - 1;
    }
    load_ring_interrupts(r);
}

void
load_ring_set_stride(struct load_ring *r, uint32_t stride)
{
    uint32_t random = 1;

    for (unsigned int i = 0; i < r->size; i++) {
        unsigned int j;

        /* The same order each time, for the sake of comparisons. */
        random = random * 1664525 + 1013904223;
        j = (random >> 8) % (i + 1);
        r->offsets[i] = r->offsets[j];
        r->offsets[j] = i * stride;
    }
}

uint64_t
load_ring_interrupts(struct load_ring *r)
{
    uint64_t n;

    return (r->callfd >= 0 && read(r->callfd, &n, sizeof n) == sizeof n
            ? n : 0);
}

void
load_kick(struct load_ring *r)
{
    uint64_t one = 1;

    if (r->kickfd >= 0 && write(r->kickfd, &one, sizeof one) == sizeof one) {
        r->n_kicks++;
    }
}
