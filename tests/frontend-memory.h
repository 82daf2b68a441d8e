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


#ifndef FRONTEND_MEMORY_H
#define FRONTEND_MEMORY_H 1

/* Guest memory of the test front end
 * ==================================
 *
 * Memory from memfds, in one or more regions, as a VMM shares it with a
 * vhost-user back end.  The layout is unfriendly on purpose: regions with an
 * even and an odd number are adjacent in guest physical space and nowhere
 * else, most begin somewhere inside of their file, and what belongs together
 * is spread over all of them.
 *
 * Memory is laid out in two passes: allocate everything once to learn the
 * sizes, call fe_memory_create(), then allocate the same again in the same
 * order.
 *
 * Thread-safety: none; one thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than a back end has to take, so that a test can send too many. */
#define FE_MAX_REGIONS 16

#define FE_PAGE_SIZE 4096

/* A piece of guest memory: where we see it and where the guest sees it. */
struct fe_addr {
    uint8_t *va;
    uint64_t gpa;
};

struct fe_region {
    int fd;
    uint8_t *va;                /* Our own mapping. */
    uint64_t gpa;               /* Guest physical address. */
    uint64_t uva;               /* What we claim our address to be. */
    uint64_t size;              /* Bytes. */
    uint64_t offset;            /* Where it begins in its file. */
    uint64_t used;              /* Bytes given out. */
    uint64_t cut;               /* No piece straddles this offset... */
};

struct fe_memory {
    struct fe_region regions[FE_MAX_REGIONS];
    size_t n;
    size_t n_planned;           /* Regions that pieces are taken from. */
    size_t next;                /* Takes the next piece. */
    bool planning;              /* In the first pass. */
};

void fe_memory_init(struct fe_memory *, size_t n_regions);
void fe_memory_create(struct fe_memory *);
void fe_memory_destroy(struct fe_memory *);

/* Takes 'size' bytes at a multiple of 'align' (a power of two, at most a
 * page), all within one region. */
struct fe_addr fe_memory_alloc(struct fe_memory *, size_t size, size_t align);

/* The addresses of 'va', which must be ours. */
const struct fe_region *fe_memory_find(const struct fe_memory *,
                                       const void *va);
uint64_t fe_memory_uva(const struct fe_memory *, const void *va);
uint64_t fe_memory_gpa(const struct fe_memory *, const void *va);

/* Highest guest physical address plus one. */
uint64_t fe_memory_end(const struct fe_memory *);

/* Changes of the layout.  Pieces stay where we see them. */

/* Adds a region of 'size' bytes that nothing uses.  False if full. */
bool fe_memory_add(struct fe_memory *, uint64_t size);

/* Removes the latest region added by fe_memory_add().  False if none. */
bool fe_memory_remove(struct fe_memory *);

/* Describes region 'i' as two.  False if that is not possible. */
bool fe_memory_split(struct fe_memory *, size_t i);

/* Moves everything to other files and other addresses but our own. */
void fe_memory_move(struct fe_memory *);

#endif /* frontend-memory.h */
