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

#ifndef VIRTQUEUE_CHAIN_H
#define VIRTQUEUE_CHAIN_H 1

/* Descriptor chains
 * =================
 *
 * Private to the engine.  Walks the buffers of any chain, however it is made
 * up: what is not a single descriptor goes this way. */

#include "virtqueue-private.h"

/* A descriptor wherever it is: an indirect table need not be aligned. */
struct vq_unaligned_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
} __attribute__((packed, may_alias));

/* Reads each member of the descriptor at 'p' exactly once. */
static inline struct vring_desc
vq_read_desc(const void *p)
{
    const volatile struct vq_unaligned_desc *d = p;

    return (struct vring_desc) {
        .addr = d->addr,
        .len = d->len,
        .flags = d->flags,
        .next = d->next,
    };
}

/* What a chain turns out to be made of. */
struct vq_extent {
    uint32_t n_read;            /* Descriptors read, for limits. */
    uint16_t id;                /* What the guest knows the chain by. */
    uint16_t n_slots;           /* Entries that it takes up in the ring. */
};

/* Iterator over the buffers of a descriptor chain. */
struct vq_chain {
    struct virtqueue *vq;
    uint16_t direction;         /* VRING_DESC_F_WRITE or 0. */

    struct vring_desc desc;     /* Read, but not yet looked at... */
    bool more;                  /* ...if this is true. */

    bool indirect;              /* 'desc' comes from an indirect table. */
    uint32_t n;                 /* Entries in the table that it is from. */
    uint32_t left;              /* Further ones that may be read there. */
    uint16_t place;             /* In a packed ring, of 'desc'. */
    const uint8_t *table;       /* NULL if the table spans regions. */
    uint64_t table_gpa;

    struct vq_extent extent;
};

/* Starts with the chain whose first descriptor was read already as 'desc'.
 * 'head' is its index in a split ring, and its place in a packed one. */
void vq_chain_init(struct vq_chain *, struct virtqueue *, uint16_t head,
                   const struct vring_desc *, uint16_t direction);

/* Gets the next buffer that is not empty.  '*len' is 0 at the end.  The range
 * may be anywhere. */
enum virtqueue_error vq_chain_next(struct vq_chain *, uint64_t *gpa,
                                   uint64_t *len);

/* Finds the end of the chain, so that 'extent' is right, whatever became of
 * its buffers.  Returns an error only if it is fatal. */
enum virtqueue_error vq_chain_finish(struct vq_chain *);

#endif /* virtqueue-chain.h */
