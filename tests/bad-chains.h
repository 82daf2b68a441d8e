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


#ifndef BAD_CHAINS_H
#define BAD_CHAINS_H 1

/* Descriptor chains that break the rules, in every way that has a name, and
 * some that only look as if.
 *
 * Thread-safety: none; one thread. */

#include "vq-guest.h"

/* The ring that they are made for. */
#define BAD_CHAIN_RING_SIZE 64

/* The frame in, or for, those that are good after all. */
#define BAD_CHAIN_FRAME_LEN 60
extern uint8_t bad_chain_frame[BAD_CHAIN_FRAME_LEN];

/* No test in this direction. */
#define BAD_CHAIN_SKIP VQ_N_ERRORS

struct bad_chain {
    const char *name;
    /* Puts it into the ring.  'write' is VRING_DESC_F_WRITE if the guest
     * receives, otherwise 0. */
    void (*make)(struct vq_guest *, uint16_t write);
    enum virtqueue_error tx;    /* What is wrong if the guest transmits... */
    enum virtqueue_error rx;    /* ...or receives. */
    uint64_t lacking;           /* Feature that is not negotiated. */
    bool split, packed;         /* The kinds of rings that it is for. */
};

/* Ends with one without a name. */
extern const struct bad_chain bad_chains[];

#endif /* bad-chains.h */
