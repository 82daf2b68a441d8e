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


/* Guest memory of the test front end.  See frontend-memory.h. */

#include <config.h>

#include "frontend-memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "openvswitch/util.h"
#include "util.h"

/* Files are longer than their region by a different amount each, so that a
 * back end that forgets the offset reads the wrong bytes. */
#define OFFSET_STEP (16 * FE_PAGE_SIZE)

/* No piece lies in the first and the last page of a region, so that tests can
 * put there what crosses from one region to the next. */
#define MARGIN FE_PAGE_SIZE

/* Every second region begins here, a multiple of it. */
#define GPA_STEP (UINT64_C(1) << 36)

/* Claimed addresses differ from ours, and again after each move. */
#define UVA_STEP (UINT64_C(1) << 48)

void
fe_memory_init(struct fe_memory *mem, size_t n_regions)
{
    ovs_assert(n_regions > 0 && n_regions <= FE_MAX_REGIONS);
    memset(mem, 0, sizeof *mem);
    mem->n = mem->n_planned = n_regions;
    mem->planning = true;
    for (size_t i = 0; i < FE_MAX_REGIONS; i++) {
        mem->regions[i].fd = -1;
        mem->regions[i].used = MARGIN;
    }
}

/* Gives 'r' a file of its own, mapped at 'at' unless that is NULL. */
static void
region_map(struct fe_region *r, void *at)
{
    int flags = MAP_SHARED | MAP_NORESERVE | (at ? MAP_FIXED : 0);

    r->fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (r->fd < 0 || ftruncate(r->fd, r->offset + r->size)) {
        ovs_fatal(errno, "cannot create guest memory");
    }
    r->va = mmap(at, r->size, PROT_READ | PROT_WRITE, flags, r->fd,
                 r->offset);
    if (r->va == MAP_FAILED) {
        ovs_fatal(errno, "cannot map guest memory");
    }
}

void
fe_memory_create(struct fe_memory *mem)
{
    ovs_assert(mem->planning);
    mem->planning = false;
    mem->next = 0;
    for (size_t i = 0; i < mem->n; i++) {
        struct fe_region *r = &mem->regions[i];

        /* The cut takes up to a page. */
        r->size = ROUND_UP(r->used, FE_PAGE_SIZE) + FE_PAGE_SIZE + MARGIN;
        r->offset = i * OFFSET_STEP;
        r->gpa = (i % 2
                  ? mem->regions[i - 1].gpa + mem->regions[i - 1].size
                  : i / 2 * GPA_STEP);
        r->used = MARGIN;
        r->cut = 0;
        region_map(r, NULL);
        r->uva = (uintptr_t) r->va + UVA_STEP;
    }
}

static void
region_unmap(struct fe_region *r)
{
    munmap(r->va, r->size);
    close(r->fd);
    r->fd = -1;
}

void
fe_memory_destroy(struct fe_memory *mem)
{
    for (size_t i = 0; i < mem->n && !mem->planning; i++) {
        region_unmap(&mem->regions[i]);
    }
    mem->n = 0;
}

struct fe_addr
fe_memory_alloc(struct fe_memory *mem, size_t size, size_t align)
{
    struct fe_region *r = &mem->regions[mem->next];
    struct fe_addr addr = { NULL, 0 };
    uint64_t ofs = ROUND_UP(r->used, align);

    mem->next = (mem->next + 1) % mem->n_planned;
    if (!mem->planning) {
        if (!r->cut && ofs >= r->size / 2) {
            ofs = ROUND_UP(ofs, FE_PAGE_SIZE);
            r->cut = ofs;
        }
        ovs_assert(ofs + size <= r->size);
        addr.va = r->va + ofs;
        addr.gpa = r->gpa + ofs;
    }
    r->used = ofs + size;
    return addr;
}

const struct fe_region *
fe_memory_find(const struct fe_memory *mem, const void *va_)
{
    const uint8_t *va = va_;

    for (size_t i = 0; i < mem->n; i++) {
        const struct fe_region *r = &mem->regions[i];

        if (va >= r->va && va < r->va + r->size) {
            return r;
        }
    }
    OVS_NOT_REACHED();
}

uint64_t
fe_memory_uva(const struct fe_memory *mem, const void *va)
{
    const struct fe_region *r = fe_memory_find(mem, va);

    return r->uva + ((const uint8_t *) va - r->va);
}

uint64_t
fe_memory_gpa(const struct fe_memory *mem, const void *va)
{
    const struct fe_region *r = fe_memory_find(mem, va);

    return r->gpa + ((const uint8_t *) va - r->va);
}

uint64_t
fe_memory_end(const struct fe_memory *mem)
{
    uint64_t end = 0;

    for (size_t i = 0; i < mem->n; i++) {
        const struct fe_region *r = &mem->regions[i];

        end = MAX(end, r->gpa + r->size);
    }
    return end;
}

bool
fe_memory_add(struct fe_memory *mem, uint64_t size)
{
    if (mem->n >= FE_MAX_REGIONS) {
        return false;
    }

    uint64_t end = fe_memory_end(mem);
    struct fe_region *r = &mem->regions[mem->n++];

    memset(r, 0, sizeof *r);
    r->size = ROUND_UP(size, FE_PAGE_SIZE);
    r->gpa = ROUND_UP(end, GPA_STEP);
    region_map(r, NULL);
    r->uva = (uintptr_t) r->va + UVA_STEP;
    return true;
}

bool
fe_memory_remove(struct fe_memory *mem)
{
    if (!mem->n || mem->regions[mem->n - 1].used) {
        return false;
    }
    region_unmap(&mem->regions[--mem->n]);
    return true;
}

bool
fe_memory_split(struct fe_memory *mem, size_t i)
{
    if (i >= mem->n || mem->n >= FE_MAX_REGIONS) {
        return false;
    }

    struct fe_region *low = &mem->regions[i];

    if (!low->cut || low->cut >= low->size) {
        return false;
    }

    struct fe_region *high = &mem->regions[mem->n++];
    uint64_t cut = low->cut;

    *high = *low;
    high->fd = dup(low->fd);
    if (high->fd < 0) {
        ovs_fatal(errno, "dup");
    }
    high->va += cut;
    high->gpa += cut;
    high->uva += cut;
    high->offset += cut;
    high->size -= cut;
    high->used = MAX(low->used, cut + 1) - cut;
    high->cut = 0;
    low->size = low->used = cut;
    low->cut = 0;
    return true;
}

/* Copies what was ever written of 'old_fd' to 'r'. */
static void
region_copy(struct fe_region *r, int old_fd)
{
    off_t end = r->offset + r->size;
    off_t data = lseek(old_fd, r->offset, SEEK_DATA);

    while (data >= 0 && data < end) {
        off_t hole = MIN(lseek(old_fd, data, SEEK_HOLE), end);

        if (pread(old_fd, r->va + (data - r->offset), hole - data, data)
            != hole - data) {
            ovs_fatal(errno, "cannot copy guest memory");
        }
        data = lseek(old_fd, hole, SEEK_DATA);
    }
}

void
fe_memory_move(struct fe_memory *mem)
{
    uint64_t gpa = ROUND_UP(fe_memory_end(mem), GPA_STEP);

    if (gpa >= 16 * GPA_STEP) {
        gpa = 0;
    }
    for (size_t i = mem->n; i-- > 0; ) {
        struct fe_region *r = &mem->regions[i];
        int old_fd = r->fd;

        region_map(r, r->va);
        region_copy(r, old_fd);
        close(old_fd);
        r->gpa = gpa;
        r->uva += UVA_STEP;
        gpa += r->size;
    }
}
