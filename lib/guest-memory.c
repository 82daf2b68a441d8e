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


/* Guest memory: see guest-memory.h.
 *
 * Thread-safety: a map does not change once it is built, but for 'faulted',
 * which the SIGBUS handler of guest-fault.c sets. */

#include <config.h>

#include "guest-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-fault.h"
#include "peer-fd.h"
#include "util.h"

/* Pages looked at to tell the NUMA node of a map, and highest node known. */
#define NUMA_SAMPLES 64
#define NUMA_MAX_NODES 64

/* A mapped part of a file. */
struct file_map {
    void *map;
    size_t map_size;
    size_t page_size;
    uint8_t *data;              /* Address of the part. */
};

void
guest_memory_init(void)
{
    guest_fault_init();
}

/* Checks that 'fd' is a file that can be mapped without risk and holds 'size'
 * bytes at 'offset'. */
static int
file_check(int fd, uint64_t offset, uint64_t size, size_t *page_size,
           char **errorp)
{
    struct statfs fs;
    struct stat st;

    *errorp = peer_fd_check_local(fd);
    if (*errorp) {
        return EINVAL;
    }
    if (fstat(fd, &st) || fstatfs(fd, &fs)) {
        int error = errno;

        *errorp = xasprintf("cannot examine file (%s)",
                            ovs_strerror(error));
        return error;
    }
    if (!S_ISREG(st.st_mode)) {
        *errorp = xstrdup("not a regular file");
        return EINVAL;
    }
    if (offset > INT64_MAX || size > INT64_MAX - offset
        || offset + size > (uint64_t) st.st_size) {
        *errorp = xasprintf("file of %lld bytes is too short for %"PRIu64" "
                            "bytes at offset %"PRIu64,
                            (long long int) st.st_size, size, offset);
        return EINVAL;
    }
    *page_size = (fs.f_type == HUGETLBFS_MAGIC ? fs.f_bsize
                  : get_page_size());
    return 0;
}

/* Maps 'size' bytes at 'offset' of 'fd', with whole pages around them. */
static int
file_map(int fd, uint64_t offset, uint64_t size, atomic_bool *faulted,
         struct file_map *fm, char **errorp)
{
    int error = file_check(fd, offset, size, &fm->page_size, errorp);

    if (error) {
        return error;
    }

    /* 'offset' plus 'size' is below 2**63, so this cannot wrap. */
    const uint64_t start = ROUND_DOWN(offset, fm->page_size);

    fm->map_size = ROUND_UP(offset + size, fm->page_size) - start;
    fm->map = mmap(NULL, fm->map_size, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_NORESERVE, fd, start);
    if (fm->map == MAP_FAILED) {
        error = errno;
        *errorp = xasprintf("cannot map %"PRIuSIZE" bytes (%s)",
                            fm->map_size, ovs_strerror(error));
        return error;
    }
    /* A core dump is about us. */
    madvise(fm->map, fm->map_size, MADV_DONTDUMP);
    fm->data = (uint8_t *) fm->map + (offset - start);

    if (!guest_fault_add(fm->map, fm->map_size, fm->page_size, faulted)) {
        munmap(fm->map, fm->map_size);
        *errorp = xasprintf("more than %d mappings",
                            GUEST_FAULT_MAX_MAPPINGS);
        return ENOSPC;
    }
    return 0;
}

static void
file_unmap(void *map, size_t map_size)
{
    guest_fault_remove(map);
    munmap(map, map_size);
}

static bool
ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

const char *
guest_memory_check(const struct guest_region_desc *descs, size_t n)
{
    if (!n) {
        return "no memory regions";
    }
    if (n > GUEST_MEMORY_MAX_REGIONS) {
        return "too many memory regions";
    }

    uint64_t left = GUEST_MEMORY_MAX_SIZE;

    for (size_t i = 0; i < n; i++) {
        const struct guest_region_desc *d = &descs[i];

        if (!d->size) {
            return "empty memory region";
        }
        if (d->size > UINT64_MAX - d->gpa) {
            return "memory region wraps around in guest physical space";
        }
        if (d->size > UINT64_MAX - d->uva) {
            return "memory region wraps around in front-end space";
        }
        if (d->size > UINT64_MAX - d->mmap_offset) {
            return "memory region wraps around in its file";
        }
        if (d->size > left) {
            return "memory regions take too much address space";
        }
        left -= d->size;
        for (size_t j = 0; j < i; j++) {
            if (ranges_overlap(d->gpa, d->size,
                               descs[j].gpa, descs[j].size)) {
                return "memory regions overlap in guest physical space";
            }
            if (ranges_overlap(d->uva, d->size,
                               descs[j].uva, descs[j].size)) {
                return "memory regions overlap in front-end space";
            }
        }
    }
    return NULL;
}

static int
compare_regions(const void *a_, const void *b_)
{
    const struct guest_region *a = a_;
    const struct guest_region *b = b_;

    return a->gpa < b->gpa ? -1 : a->gpa > b->gpa;
}

int
guest_memory_create(const struct guest_region_desc *descs, const int *fds,
                    size_t n, struct guest_memory **memp, char **errorp)
{
    const char *problem = guest_memory_check(descs, n);

    if (problem) {
        *errorp = xstrdup(problem);
        return EINVAL;
    }

    struct guest_memory *mem = xzalloc(sizeof *mem);

    atomic_init(&mem->faulted, false);
    for (size_t i = 0; i < n; i++) {
        const struct guest_region_desc *d = &descs[i];
        struct file_map fm;
        char *why;
        int error = file_map(fds[i], d->mmap_offset, d->size, &mem->faulted,
                             &fm, &why);

        if (error) {
            *errorp = xasprintf("memory region %"PRIuSIZE": %s", i, why);
            free(why);
            while (i--) {
                file_unmap(mem->regions[i].map, mem->regions[i].map_size);
            }
            free(mem);
            return error;
        }
        mem->regions[i] = (struct guest_region) {
            .gpa = d->gpa,
            .size = d->size,
            .uva = d->uva,
            .hva = fm.data,
            .mmap_offset = d->mmap_offset,
            .map = fm.map,
            .map_size = fm.map_size,
            .fd = fds[i],
            .page_size = fm.page_size,
        };
    }
    mem->n_regions = n;
    qsort(mem->regions, n, sizeof mem->regions[0], compare_regions);

    *memp = mem;
    return 0;
}

void
guest_memory_destroy(struct guest_memory *mem)
{
    if (mem) {
        for (size_t i = 0; i < mem->n_regions; i++) {
            file_unmap(mem->regions[i].map, mem->regions[i].map_size);
            close(mem->regions[i].fd);
        }
        free(mem);
    }
}

/* NUMA node of the page at 'offset' of region 'r', or -1.  Asking for the node
 * of a page brings it in, so do that only where it is there already. */
static int
region_numa_node(const struct guest_region *r, uint64_t offset)
{
    void *page = (void *) ROUND_DOWN((uintptr_t) (r->hva + offset),
                                     get_page_size());
    unsigned char resident = 0;
    int node = -1;

    if (r->page_size == get_page_size()) {
        if (mincore(page, 1, &resident)) {
            return -1;
        }
    } else {
        /* mincore() knows huge pages only after we touched them: go by what
         * the whole file has got. */
        struct stat st;

        resident = (!fstat(r->fd, &st) && (uint64_t) st.st_blocks * 512
                    >= r->mmap_offset + r->size);
    }
    return ((resident & 1)
            && !syscall(SYS_get_mempolicy, &node, NULL, 0UL, page,
                        (unsigned long) (MPOL_F_NODE | MPOL_F_ADDR))
            ? node : -1);
}

int
guest_memory_numa_node(const struct guest_memory *mem)
{
    unsigned int votes[NUMA_MAX_NODES] = { 0 };
    uint64_t total = 0;
    int best = -1;

    for (size_t i = 0; i < mem->n_regions; i++) {
        total += mem->regions[i].size;
    }
    for (unsigned int i = 0; i < NUMA_SAMPLES; i++) {
        const struct guest_region *r = mem->regions;
        uint64_t offset = total / NUMA_SAMPLES * i;

        while (offset >= r->size) {
            offset -= r->size;
            r++;
        }

        int node = region_numa_node(r, offset);

        if (node >= 0 && node < NUMA_MAX_NODES) {
            votes[node]++;
            if (best < 0 || votes[node] > votes[best]) {
                best = node;
            }
        }
    }
    return best;
}

uint64_t
guest_memory_end(const struct guest_memory *mem)
{
    const struct guest_region *last = &mem->regions[mem->n_regions - 1];

    return last->gpa + last->size;
}

void *
guest_memory_translate_part(const struct guest_memory *mem, uint64_t gpa,
                            uint64_t *len, unsigned int *hint)
{
    uint8_t *hva = guest_memory_translate(mem, gpa, 1, hint);

    if (hva) {
        const struct guest_region *r = &mem->regions[*hint];

        *len = MIN(*len, r->size - (gpa - r->gpa));
    }
    return hva;
}

bool
guest_memory_covers(const struct guest_memory *mem, uint64_t gpa,
                    uint64_t len)
{
    unsigned int hint = 0;

    while (len) {
        uint64_t part = len;

        if (!guest_memory_translate_part(mem, gpa, &part, &hint)) {
            return false;
        }
        /* Cannot wrap: no region ends beyond 2**64 - 1. */
        gpa += part;
        len -= part;
    }
    return true;
}

bool
guest_memory_read(const struct guest_memory *mem, uint64_t gpa, void *dst_,
                  uint64_t len, unsigned int *hint)
{
    uint8_t *dst = dst_;

    while (len) {
        uint64_t part = len;
        const void *src = guest_memory_translate_part(mem, gpa, &part, hint);

        if (!src) {
            return false;
        }
        memcpy(dst, src, part);
        gpa += part;
        dst += part;
        len -= part;
    }
    return true;
}

void *
guest_memory_translate_uva(const struct guest_memory *mem, uint64_t uva,
                           uint64_t len, uint64_t *gpa)
{
    for (size_t i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->regions[i];
        uint64_t ofs = uva - r->uva;

        if (ofs < r->size && len <= r->size - ofs) {
            if (gpa) {
                *gpa = r->gpa + ofs;
            }
            return r->hva + ofs;
        }
    }
    return NULL;
}

int
dirty_log_create(int fd, uint64_t size, uint64_t offset,
                 struct dirty_log **logp, char **errorp)
{
    struct file_map fm;
    char *why;

    if (!size) {
        *errorp = xstrdup("empty dirty log");
        return EINVAL;
    }

    /* A log that lost its file is the front end's own loss: no mark. */
    int error = file_map(fd, offset, size, NULL, &fm, &why);

    if (error) {
        *errorp = xasprintf("dirty log: %s", why);
        free(why);
        return error;
    }
    *logp = xmalloc(sizeof **logp);
    **logp = (struct dirty_log) {
        .bitmap = fm.data,
        .size = size,
        .map = fm.map,
        .map_size = fm.map_size,
        .fd = fd,
    };
    return 0;
}

void
dirty_log_destroy(struct dirty_log *log)
{
    if (log) {
        file_unmap(log->map, log->map_size);
        close(log->fd);
        free(log);
    }
}

void
dirty_log_mark__(struct dirty_log *log, uint64_t gpa, uint64_t len)
{
    const uint64_t end = len - 1 > UINT64_MAX - gpa ? UINT64_MAX
                                                    : gpa + len - 1;
    uint64_t page = gpa / GUEST_PAGE_SIZE;

    for (; page <= end / GUEST_PAGE_SIZE && page / 8 < log->size; page++) {
        /* The front end takes marks away while we set them, then reads the
         * page: what was written has to be visible before the mark.  Always
         * set it, even if it seems to be set. */
        __atomic_fetch_or(&log->bitmap[page / 8], 1u << page % 8,
                          __ATOMIC_RELEASE);
    }
}
