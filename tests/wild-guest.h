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

#ifndef WILD_GUEST_H
#define WILD_GUEST_H 1

/* A guest that offers anything at random
 * ======================================
 *
 * Good frames and bad ones, in chains of all sorts, in a split or packed ring.
 * Two such guests with the same manners, the same random numbers and the same
 * back end do exactly the same.
 *
 * Thread-safety: none; one thread. */

#include "random.h"
#include "vq-guest.h"

/* What a guest is like. */
struct wild_manners {
    struct vq_guest_config config;
    bool receives;              /* Or it transmits. */
    bool plain;                 /* Chains are of one descriptor. */
    bool in_turn;               /* Split: heads are, too. */
    uint16_t odd;               /* Split: so many heads in a round are
                                 * beyond the ring. */
};

struct wild_guest {
    struct vq_guest g;
    struct wild_manners manners;
    uint16_t head;              /* Split: the next in turn. */
    size_t home;                /* The region that most buffers of an offer
                                 * are in. */
};

void wild_manners_init(struct wild_manners *);

/* 'arena' is what is in the guest's memory for buffers. */
void wild_guest_init(struct wild_guest *, const struct wild_manners *,
                     const uint8_t *arena);

/* Has the guest offer something, after a new start if the ring was stopped. */
void wild_guest_offer(struct wild_guest *);

/* A length of a frame: about where something changes, or any. */
uint32_t wild_frame_len(void);

static inline bool
wild_one_in(unsigned int n)
{
    return !random_range(n);
}

#endif /* wild-guest.h */
