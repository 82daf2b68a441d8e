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

#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H 1

/* For the fuzzer of rings: guests that all do the same, one for each variant
 * of the engine's functions.
 *
 * A guest's memory is a line of bytes that is cut into regions, each of which
 * is somewhere else in guest physical space and, with a fence around it, in
 * ours.  Here a place in memory is named by its offset in the line.  The rings
 * are at its beginning, the arena for buffers follows.
 *
 * Thread-safety: none; one thread. */

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#include "../fake-mempool.h"
#include "fuzz.h"
#include "virtqueue.h"

#define MAX_GUESTS 4

/* Most frames that the switch holds, and sends at a time. */
#define MAX_HELD 48
#define MAX_SENT 40

/* Bytes that a frame from a guest may have. */
#define FRAME_ROOM 1200

struct layout {
    uint64_t features;
    uint16_t size;              /* Entries of the ring. */
    bool packed;
    bool in_order;
    bool event_idx;
    bool indirect;
    bool mergeable;
    uint8_t hdr_len;

    uint32_t avail, used;       /* The descriptors are at 0. */
    uint32_t arena, arena_size;
    uint32_t total;

    unsigned int n_regions;
    struct {
        uint64_t gpa;
        uint32_t ofs, size;
    } regions[3];

    uint64_t log_size;          /* Bytes, 0: none. */

    bool quiet;                 /* The guest was taken for one that polls: from
                                 * then on, interrupts depend on time. */
};

struct guest {
    const char *variant;
    uint8_t *blocks[3];         /* Of the regions, with their fences. */
    struct guest_memory map;
    struct dirty_log log;
    struct virtqueue vq;
    struct virtqueue_stats stats;
    struct rte_mempool *pool;   /* Owned, for all inputs... */
    struct rte_mempool *pool_cached; /* ...as this one. */
    struct rte_mempool *now;    /* That of this input. */
    int callfd;
    struct peer_signal *call;

    struct rte_mbuf *held[MAX_HELD];
    unsigned int n_held;
    unsigned int n_new;         /* Of these, the latest call's. */
    unsigned int result;        /* Of the latest call. */
    uint64_t n_signals;         /* In the latest call. */
    uint64_t seen;              /* For virtqueue_recheck(). */
};

extern struct guest guests[MAX_GUESTS];
extern unsigned int n_guests;
extern struct layout layout;

/* Reads from the input how guests are to be, and starts them. */
void guests_begin(struct fuzz_input *);
void guests_end(void);

/* Starts the rings again, in the middle of things, with other features if
 * these are not 0.  'base' is where the front end says they were. */
void guests_restart(uint16_t base);

/* Our address in the memory of 'g' of what is at 'ofs', and how much of 'len'
 * follows there. */
uint8_t *guest_at(const struct guest *, uint32_t ofs, uint32_t *len);

/* Offset of guest physical address 'gpa', of which 'len' bytes are to be in
 * memory one after the other.  False if they are not. */
bool gpa_to_ofs(uint64_t gpa, uint64_t len, uint32_t *ofs);
uint64_t ofs_to_gpa(uint32_t ofs);

/* Copies between the line and us.  All guests are written to; the first is
 * read. */
void guests_write(uint32_t ofs, const void *, uint32_t n);
void guest_read(const struct guest *, uint32_t ofs, void *, uint32_t n);

/* Are the fences as they were?  With ASan, writing there has failed before. */
void guests_check_fences(void);

/* Buffers of 'g' that are neither here nor there have leaked. */
unsigned int guest_free_mbufs(const struct guest *);

#endif /* fuzz-guest.h */
