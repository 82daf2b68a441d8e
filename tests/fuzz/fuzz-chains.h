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

#ifndef FUZZ_CHAINS_H
#define FUZZ_CHAINS_H 1

/* Reads the chains in a ring of fuzz-guest.h as the specification has them
 * (virtio 1.2, 2.7 and 2.8), without any of the engine's code.
 *
 * Thread-safety: none; one thread. */

#include "fuzz-guest.h"

#define MAX_TOTAL 131072        /* Bytes of guest memory. */
#define MAX_CHAINS 2100
#define MAX_BUFS 16384

/* A buffer in guest memory. */
struct buf {
    uint32_t ofs, len;
};

struct chain {
    bool good;                  /* Without any fault. */
    bool plain;                 /* One descriptor of the ring. */
    bool writable;
    uint16_t id;                /* How the guest knows it. */
    uint16_t place;             /* Packed: of its first descriptor... */
    uint16_t n_slots;           /* ...and how many it has. */
    unsigned int first, n;      /* Of 'bufs', those before a fault. */
    uint64_t total;             /* Bytes of these. */
};

/* Those that are available. */
extern struct chain chains[MAX_CHAINS];
extern unsigned int n_chains;
extern struct buf chain_bufs[MAX_BUFS];

/* True if buffers overlap with the ring, or those to be written with tables:
 * then a call may change what it reads. */
extern bool chains_blind;

/* True if the available index only went on since it was seen last. */
extern bool chains_honest;

/* Reads what is in 'mem', all of guest memory, from where the first of the
 * guests is on; 'receives' says whether frames are for the guest. */
void chains_read(const uint8_t *mem, bool receives);

/* The place in a packed ring 'n' descriptors after 'place'. */
uint16_t chains_advance(uint16_t place, unsigned int n);

#endif /* fuzz-chains.h */
