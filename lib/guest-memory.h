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

#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H 1

/* Guest memory
 * ============
 *
 * The memory a front end shares with us: an immutable map of regions, the
 * translation of guest physical and front-end virtual addresses into our own,
 * and the dirty log of a migration.
 *
 * A map is built by the thread that serves the sockets, published with the
 * virtqueues that use it, and destroyed after an RCU grace period.  It never
 * changes in between.
 *
 * The memory itself is the guest's: it may change at any time, and the file
 * behind it may shrink.  guest_memory_init() installs a SIGBUS handler that
 * puts zero pages in the place of a mapping that lost its file and marks the
 * map as 'faulted'; virtqueues check that mark once per burst and stop.  A
 * SIGBUS that is not about guest memory goes to the previous handler.
 *
 * Thread-safety: translation is safe from any thread.  Building and
 * destroying are for one control thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-fault.h"
#include "openvswitch/compiler.h"
#include "openvswitch/util.h"
#include "ovs-atomic.h"

/* VHOST_USER_SET_MEM_TABLE carries at most eight regions
 * (vhost-user, "Memory regions description"). */
#define GUEST_MEMORY_MAX_REGIONS 8

/* Bytes of a map.  There are guests of several TiB; more than this could only
 * be sparse files that use up our address space. */
#define GUEST_MEMORY_MAX_SIZE (UINT64_C(16) << 40)

/* Granularity of the dirty log (vhost-user, "Migration"). */
#define GUEST_PAGE_SIZE 4096

/* What a front end says about one region. */
struct guest_region_desc {
    uint64_t gpa;               /* Guest physical address. */
    uint64_t size;              /* Bytes. */
    uint64_t uva;               /* Address in the front end's own space. */
    uint64_t mmap_offset;       /* Where it begins in its file, in bytes. */
};

struct guest_region {
    uint64_t gpa;
    uint64_t size;
    uint64_t uva;
    uint8_t *hva;               /* Our address of the first byte. */

    uint64_t mmap_offset;
    void *map;                  /* Start of our mapping, page aligned... */
    size_t map_size;            /* ...and its bytes. */
    int fd;                     /* Owned. */
    size_t page_size;           /* Page size of the file, in bytes. */
};

struct guest_memory {
    size_t n_regions;
    struct guest_region regions[GUEST_MEMORY_MAX_REGIONS]; /* By gpa. */
    atomic_bool faulted;        /* A mapping lost its file. */
};

/* Bitmap of written guest pages, least significant bit first (vhost-user,
 * "Migration"). */
struct dirty_log {
    uint8_t *bitmap;
    uint64_t size;              /* Bytes of 'bitmap'. */
    void *map;
    size_t map_size;
    int fd;                     /* Owned. */
};

/* Installs the SIGBUS handler; call once, before the first
 * guest_memory_create(). */
void guest_memory_init(void);

/* Checks what needs no file: count, sizes, wrap-around, overlap in guest
 * physical and in front-end space.  Pure.  Returns NULL if 'descs' are good,
 * otherwise a static text that says what is wrong. */
const char *guest_memory_check(const struct guest_region_desc *descs,
                               size_t n);

/* Maps the 'n' regions of 'descs' from 'fds'.  On success stores the map in
 * '*memp' (it owns 'fds' then) and returns 0.  On failure returns a positive
 * errno value, sets '*errorp' to a malloc'd explanation and leaves 'fds' to
 * the caller.  Checks with guest_memory_check() first, and that each file is
 * long enough and lives where a page fault cannot be made to wait for its
 * owner (no FUSE or network file system). */
int guest_memory_create(const struct guest_region_desc *descs,
                        const int *fds, size_t n,
                        struct guest_memory **memp, char **errorp);

/* Unmaps and closes everything.  Accepts NULL.  No virtqueue may use it. */
void guest_memory_destroy(struct guest_memory *);

/* NUMA node that holds most of the map, or -1 if that cannot be told. */
int guest_memory_numa_node(const struct guest_memory *);

/* Highest guest physical address plus one, in bytes: what a dirty log has to
 * cover. */
uint64_t guest_memory_end(const struct guest_memory *);

/* Creates a log over 'fd' ('size' bytes from 'offset'; both as
 * VHOST_USER_SET_LOG_BASE brought them).  Same conventions as
 * guest_memory_create(). */
int dirty_log_create(int fd, uint64_t size, uint64_t offset,
                     struct dirty_log **logp, char **errorp);
void dirty_log_destroy(struct dirty_log *);

/* Marks the pages of ['gpa', 'gpa' + 'len') as written; pages beyond the log
 * are ignored.  Safe from any thread. */
void dirty_log_mark__(struct dirty_log *, uint64_t gpa, uint64_t len);
static inline void
dirty_log_mark(struct dirty_log *log, uint64_t gpa, uint64_t len)
{
    if (OVS_UNLIKELY(log != NULL) && len) {
        dirty_log_mark__(log, gpa, len);
    }
}

/* Our address of guest physical range ['gpa', 'gpa' + 'len') if it lies in
 * one region, otherwise NULL.  '*hint' is the index of the region to try
 * first and is updated; start with 0. */
static inline void *
guest_memory_translate(const struct guest_memory *mem, uint64_t gpa,
                       uint64_t len, unsigned int *hint)
{
    const struct guest_region *r = &mem->regions[*hint];
    uint64_t ofs = gpa - r->gpa;

    /* 'hint' stays below n_regions, and a map has at least one region. */
    if (OVS_LIKELY(ofs < r->size && len <= r->size - ofs)) {
        return r->hva + ofs;
    }
    for (unsigned int i = 0; i < mem->n_regions; i++) {
        r = &mem->regions[i];
        ofs = gpa - r->gpa;
        if (ofs < r->size && len <= r->size - ofs) {
            *hint = i;
            return r->hva + ofs;
        }
    }
    return NULL;
}

/* The same for a range that is probably in region 'r'. */
static inline void *
guest_region_translate(const struct guest_region *r, uint64_t gpa,
                       uint64_t len)
{
    const uint64_t ofs = gpa - r->gpa;

    return ofs < r->size && len <= r->size - ofs ? r->hva + ofs : NULL;
}

/* Our address of guest physical address 'gpa', or NULL.  Reduces '*len', which
 * must not be 0, to the bytes that follow there in the same region: a range
 * that several regions cover together is legal, if rare. */
void *guest_memory_translate_part(const struct guest_memory *, uint64_t gpa,
                                  uint64_t *len, unsigned int *hint);

/* True if ['gpa', 'gpa' + 'len') lies in one or more regions. */
bool guest_memory_covers(const struct guest_memory *, uint64_t gpa,
                         uint64_t len);

/* Copies 'len' bytes at 'gpa', which may lie in more than one region, to
 * 'dst'.  Reads each byte once.  Returns false if not all of them are there.
 */
bool guest_memory_read(const struct guest_memory *, uint64_t gpa, void *dst,
                       uint64_t len, unsigned int *hint);

/* True if a mapping lost its file: what is read there now is zeros.  Idle
 * polls ask this too, and there are many maps: one mark for all saves the line
 * of each. */
static inline bool
guest_memory_is_faulted(const struct guest_memory *mem)
{
    bool faulted;

    atomic_read_relaxed(&guest_fault_happened, &faulted);
    if (OVS_LIKELY(!faulted)) {
        return false;
    }
    atomic_read_relaxed(&CONST_CAST(struct guest_memory *, mem)->faulted,
                        &faulted);
    return faulted;
}

/* Translates front-end virtual addresses, which VHOST_USER_SET_VRING_ADDR
 * carries: our address of ['uva', 'uva' + 'len') if it lies in one region,
 * otherwise NULL.  '*gpa', if not NULL, gets the guest physical address. */
void *guest_memory_translate_uva(const struct guest_memory *, uint64_t uva,
                                 uint64_t len, uint64_t *gpa);

#endif /* guest-memory.h */
