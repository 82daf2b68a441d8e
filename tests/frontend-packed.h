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

#ifndef FRONTEND_PACKED_H
#define FRONTEND_PACKED_H 1

/* Packed virtqueues, driver side, for the test front end
 * =======================================================
 *
 * All of the test front end works with split rings.  If packed ones are
 * negotiated, these are private to it, and what is written here translates:
 * fe_packed_publish() makes descriptors in the packed ring (virtio 1.2, 2.8)
 * of what became available, and fe_packed_poll() used elements of used
 * descriptors.
 *
 * Thread-safety: as rings. */

#include "frontend-ring.h"

struct fe_packed;

/* Lays out the shared part of 'r', whose size and shape are known, in
 * memory. */
struct fe_packed *fe_packed_create(struct fe_ring *, struct fe_memory *,
                                   bool in_order);
void fe_packed_destroy(struct fe_packed *);

/* Starts anew with an empty ring. */
void fe_packed_reset(struct fe_ring *);

/* Follows fe_ring_rewrite(): addresses of the tables, and of what is
 * available. */
void fe_packed_locate(struct fe_ring *, const struct fe_memory *);
void fe_packed_rewrite(struct fe_ring *);

/* Whether to be interrupted; with event indexes, about what is used next. */
void fe_packed_set_interrupt(struct fe_ring *, bool);

/* Our addresses of the three parts. */
struct fe_ring_parts {
    const void *desc, *avail, *used;
};
struct fe_ring_parts fe_packed_parts(const struct fe_ring *);

/* For FE_SET_VRING_BASE: where the ring was when the back end said so last,
 * which is all that a VMM knows, or where it is. */
uint32_t fe_packed_base(const struct fe_ring *, bool now);

/* For the dirty log: calls 'cb' for each piece of the ring that the back end
 * wrote to for used element 'e'. */
void fe_packed_written(const struct fe_ring *,
                       const struct vring_used_elem *e,
                       void (*cb)(void *aux, const void *, size_t),
                       void *aux);

#endif /* frontend-packed.h */
