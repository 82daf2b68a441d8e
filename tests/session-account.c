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

/* What must always hold in a session: see session-account.h. */

#include <config.h>

#include "session-account.h"

#include "util.h"
#include "virtio-features.h"

#define MUST(COND)              \
    do {                        \
        if (!(COND)) {          \
            return #COND;       \
        }                       \
    } while (0)

/* True if the 'size' bytes at 'p' are the guest's. */
static bool
in_guest(const struct guest_memory *mem, const void *p, size_t size)
{
    for (size_t i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->regions[i];

        if ((const uint8_t *) p >= r->hva
            && (const uint8_t *) p + size <= r->hva + r->size) {
            return true;
        }
    }
    return false;
}

/* The parts of the ring of 'vq' are where they may be. */
static const char *
account_ring(const struct virtqueue *vq, bool event)
{
    const uintptr_t desc = (uintptr_t) vq->desc;
    const uintptr_t avail = (uintptr_t) vq->avail;
    const uintptr_t used = (uintptr_t) vq->used;

    MUST(in_guest(vq->mem, vq->desc, vq->size * 16));
    if (vq->packed) {
        MUST(in_guest(vq->mem, vq->avail, 4));
        MUST(in_guest(vq->mem, vq->used, 4));
        MUST((vq->last_avail & 0x7fff) < vq->size);
    } else {
        MUST(IS_POW2(vq->size));
        MUST(in_guest(vq->mem, vq->avail, 4 + vq->size * 2 + event * 2));
        MUST(in_guest(vq->mem, vq->used, 4 + vq->size * 8 + event * 2));
    }
    MUST(!(desc % 16) && !(used % 4) && !(avail % (vq->packed ? 4 : 2)));
    return NULL;
}

const char *
session_account_vring(const struct vhost_user_session *s, unsigned int i,
                      const struct virtqueue *vq)
{
    const struct vhost_user_vring *vring = &s->vrings[i];
    const bool has_log = s->features & VIRTIO_FEATURE(LOG_ALL);

    MUST((vq != NULL) == vring->running);
    MUST(vring->size <= VIRTQUEUE_MAX_SIZE);
    MUST(vring->callfd >= 0 || !vring->call);
    if (!vq) {
        return NULL;
    }

    MUST(i < s->n_vrings && s->features_acked);
    MUST(vring->has_addr && vring->kicked && vring->size);
    MUST(vring->enabled
         || !(s->features & VIRTIO_FEATURE(PROTOCOL_FEATURES)));
    MUST(vq->mem && vq->mem == s->mem);
    MUST(vq->size == vring->size);
    MUST(vq->packed == !!(s->features & VIRTIO_FEATURE(RING_PACKED)));
    MUST(vq->log == (has_log ? s->log : NULL));
    MUST(vq->log || !has_log);
    MUST(vq->used_gpa == (vring->log_used ? vring->log : VQ_NO_GPA));
    MUST(vq->callfd == vring->callfd);
    MUST(vq->call == vring->call);
    return account_ring(vq, s->features & VIRTIO_FEATURE(EVENT_IDX));
}

const char *
session_account_memory(const struct guest_memory *mem)
{
    for (size_t i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->regions[i];

        MUST(r->size && r->gpa <= UINT64_MAX - r->size);
        MUST(r->uva <= UINT64_MAX - r->size);
        MUST(r->hva >= (uint8_t *) r->map);
        MUST(r->hva + r->size <= (uint8_t *) r->map + r->map_size);
        for (size_t j = 0; j < i; j++) {
            const struct guest_region *o = &mem->regions[j];

            MUST(o->gpa + o->size <= r->gpa);
            MUST(o->uva + o->size <= r->uva || r->uva + r->size <= o->uva);
        }
    }
    return NULL;
}
