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


/* A guest in the same process: see vq-guest.h. */

#include <config.h>

#include "vq-guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "guest-fault.h"
#include "peer-eventfd.h"
#include "random.h"
#include "util.h"

/* Where guest memory begins in guest physical and front-end space, and in its
 * file. */
#define VG_GPA UINT64_C(0x40000000)
#define VG_UVA UINT64_C(0x7e0000000000)
#define VG_OFFSET 0x3000
#define VG_DEFAULT_ARENA (64 * 1024)
/* Of the log in its file. */
#define VG_LOG_OFFSET 0x1010

uint64_t vg_features;

static const char *shape_names[] = {
#define VG_SHAPE(NAME) #NAME,
    VG_SHAPES
#undef VG_SHAPE
};

const char *
vg_shape_name(enum vg_shape shape)
{
    return shape_names[shape];
}

static int
make_memfd(size_t size)
{
    int fd = memfd_create("vq-guest", MFD_CLOEXEC);

    ovs_assert(fd >= 0 && !ftruncate(fd, size));
    return fd;
}

/* Moves the back end's mapping of 'r' between two pages without access. */
static void
isolate_region(struct guest_memory *mem, struct guest_region *r)
{
    const size_t page = r->page_size;
    uint8_t *hole = mmap(NULL, r->map_size + 2 * page, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ovs_assert(hole != MAP_FAILED);
    guest_fault_remove(r->map);
    void *map = mremap(r->map, r->map_size, r->map_size,
                       MREMAP_MAYMOVE | MREMAP_FIXED, hole + page);

    ovs_assert(map == hole + page);
    r->hva += hole + page - (uint8_t *) r->map;
    r->map = map;
    ovs_assert(guest_fault_add(map, r->map_size, page, &mem->faulted));
}

static void
create_map(struct vq_guest *g)
{
    const unsigned int n = MAX(1, g->config.n_regions);
    struct guest_region_desc descs[GUEST_MEMORY_MAX_REGIONS];
    int fds[GUEST_MEMORY_MAX_REGIONS];
    const uint64_t arena_ofs = g->arena - VG_GPA;
    const uint64_t arena_size = g->mem_size - arena_ofs;
    uint64_t ofs = 0;
    char *error;

    for (unsigned int i = 0; i < n; i++) {
        /* The first holds the rings. */
        uint64_t end = (i + 1 < n
                        ? (arena_ofs + arena_size * (i + 1) / n) | 1
                        : g->mem_size);

        descs[i] = (struct guest_region_desc) {
            .gpa = VG_GPA + ofs,
            .size = end - ofs,
            .uva = VG_UVA + ofs + ((uint64_t) i << 30),
            .mmap_offset = VG_OFFSET + ofs,
        };
        fds[i] = fcntl(g->fd, F_DUPFD_CLOEXEC, 0);
        ofs = end;
    }
    if (guest_memory_create(descs, fds, n, &g->map, &error)) {
        ovs_fatal(0, "%s", error);
    }
    for (unsigned int i = 0; i < n; i++) {
        isolate_region(g->map, &g->map->regions[i]);
    }
}

static void
create_log(struct vq_guest *g)
{
    const uint64_t bytes = DIV_ROUND_UP(guest_memory_end(g->map),
                                        8 * GUEST_PAGE_SIZE);
    char *error;

    g->log_fd = make_memfd(VG_LOG_OFFSET + bytes);
    if (dirty_log_create(fcntl(g->log_fd, F_DUPFD_CLOEXEC, 0), bytes,
                         VG_LOG_OFFSET, &g->log, &error)) {
        ovs_fatal(0, "%s", error);
    }
}

void
vg_init(struct vq_guest *g, const struct vq_guest_config *config)
{
    const uint16_t size = config->size;

    memset(g, 0, sizeof *g);
    g->config = *config;
    g->config.features |= vg_features;
    g->packed = g->config.features & (1ULL << VIRTIO_F_RING_PACKED);
    g->in_order = g->config.features & (1ULL << VIRTIO_F_IN_ORDER);
    guest_memory_init();

    /* As unaligned as the specification permits. */
    const size_t avail_ofs = size * sizeof *g->desc + (g->packed ? 4 : 6);
    size_t used_ofs = ROUND_UP(avail_ofs + 6 + 2 * size + 4, 8) + 4;

    if (config->log) {
        /* The used elements end with a page. */
        used_ofs = ROUND_UP(used_ofs + 4 + 8 * size, GUEST_PAGE_SIZE)
                   - (4 + 8 * size);
    }

    const size_t arena_ofs = ROUND_UP(used_ofs + 6 + 8 * size, 4096) + 4096;

    g->mem_size = arena_ofs + (config->arena ? config->arena
                               : VG_DEFAULT_ARENA);
    g->fd = make_memfd(VG_OFFSET + g->mem_size);
    g->mem = mmap(NULL, g->mem_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                  g->fd, VG_OFFSET);
    ovs_assert(g->mem != MAP_FAILED);
    g->shadow = xmalloc(g->mem_size);
    memset(g->mem, 0xa7, g->mem_size);
    g->arena = VG_GPA + arena_ofs;
    g->desc = (struct vring_desc *) g->mem;
    g->avail = (struct vring_avail *) (g->mem + avail_ofs);
    g->used = (struct vring_used *) (g->mem + used_ofs);
    create_map(g);
    if (config->log) {
        create_log(g);
    }

    vg_driver_init(g);
    vg_reset(g);

    g->callfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->call = peer_signal_create(g->callfd);
    vg_restart(g);
}

void
vg_restart(struct vq_guest *g)
{
    const uint8_t *hva = g->map->regions[0].hva;

    g->vq = (struct virtqueue) {
        .desc = (struct vring_desc *) (hva + ((uint8_t *) g->desc - g->mem)),
        .avail = (struct vring_avail *) (hva
                                         + ((uint8_t *) g->avail - g->mem)),
        .used = (struct vring_used *) (hva + ((uint8_t *) g->used - g->mem)),
        .mem = g->map,
        .log = g->log,
        .used_gpa = g->log ? vg_gpa(g, g->used) : VQ_NO_GPA,
        .ring_gpa = vg_gpa(g, g->desc),
        .size = g->config.size,
        .callfd = g->callfd,
        .call = g->call,
        .stats = &g->stats,
        .last_avail = vg_base(g),
        .n_rests = 1,           /* Of an earlier life. */
    };
    virtqueue_start(&g->vq, g->config.features);
    g->hdr_len = g->vq.hdr_len;
}

void
vg_uninit(struct vq_guest *g)
{
    for (size_t i = 0; i < g->map->n_regions; i++) {
        struct guest_region *r = &g->map->regions[i];

        munmap((uint8_t *) r->map - r->page_size, r->page_size);
        munmap((uint8_t *) r->map + r->map_size, r->page_size);
    }
    guest_memory_destroy(g->map);
    if (g->log) {
        dirty_log_destroy(g->log);
        close(g->log_fd);
    }
    munmap(g->mem, g->mem_size);
    close(g->fd);
    peer_signal_destroy(g->call);
    close(g->callfd);
    free(g->shadow);
    vg_driver_uninit(g);
}

void *
vg_ptr(const struct vq_guest *g, uint64_t gpa)
{
    ovs_assert(gpa - VG_GPA <= g->mem_size);
    return g->mem + (gpa - VG_GPA);
}

uint64_t
vg_gpa(const struct vq_guest *g, const void *p)
{
    return VG_GPA + ((const uint8_t *) p - g->mem);
}

uint64_t
vg_alloc(struct vq_guest *g, size_t size)
{
    const uint64_t gpa = g->arena_next;

    g->arena_next += size + 1 + random_range(24);
    ovs_assert(g->arena_next <= VG_GPA + g->mem_size);
    return gpa;
}

void
vg_reset(struct vq_guest *g)
{
    g->arena_next = g->arena + 1;
}

uint64_t
vg_interrupts(struct vq_guest *g)
{
    uint64_t n = 0;

    if (read(g->callfd, &n, sizeof n) < 0) {
        ovs_assert(errno == EAGAIN);
    }
    return n;
}

void
vg_expect(struct vq_guest *g, uint64_t gpa, const void *p, size_t n)
{
    memcpy(g->shadow + ((uint8_t *) vg_ptr(g, gpa) - g->mem), p, n);
}

/* Length of buffer 'i', with 'left' bytes to go. */
static uint32_t
shape_len(enum vg_shape shape, uint32_t hdr_len, unsigned int i,
          uint32_t left)
{
    static const uint32_t parts[] = { 1, 4, 2 };
    uint32_t len = left;

    switch (shape) {
    case VG_SEPARATE:
        len = i ? left : hdr_len;
        break;
    case VG_HDR_PARTS:
        len = i < 3 ? parts[i] : i == 3 ? hdr_len - 7 : left;
        break;
    case VG_HDR_MORE:
        len = i ? left : hdr_len + 7;
        break;
    case VG_HDR_LESS:
        len = i ? left : hdr_len - 3;
        break;
    case VG_MANY:
        len = 97;
        break;
    case VG_ZEROS:
        len = i == 1 ? hdr_len : i < 4 ? 0 : left;
        break;
    case VG_BYTES:
        len = 1;
        break;
    case VG_ONE:
    case VG_N_SHAPES:
    default:
        break;
    }
    return MIN(len, left);
}

unsigned int
vg_count(enum vg_shape shape, uint8_t hdr_len, uint32_t total)
{
    unsigned int n;

    for (n = 0; total; n++) {
        total -= shape_len(shape, hdr_len, n, total);
    }
    return n + (shape == VG_ZEROS);
}

unsigned int
vg_cut(struct vq_guest *g, enum vg_shape shape, uint32_t total,
       struct vg_buf bufs[])
{
    unsigned int n;

    for (n = 0; total; n++) {
        bufs[n].len = shape_len(shape, g->hdr_len, n, total);
        bufs[n].gpa = vg_alloc(g, bufs[n].len);
        total -= bufs[n].len;
    }
    if (shape == VG_ZEROS) {
        bufs[n].gpa = 0;        /* Nobody looks. */
        bufs[n++].len = 0;
    }
    return n;
}

static void
vg_transfer(const struct vq_guest *g, const struct vg_buf bufs[],
            unsigned int n, uint32_t ofs, uint8_t *p, uint32_t len,
            void (*copy)(const struct vq_guest *, uint64_t gpa, uint8_t *,
                         size_t))
{
    for (unsigned int i = 0; i < n && len; i++) {
        if (ofs >= bufs[i].len) {
            ofs -= bufs[i].len;
            continue;
        }

        const uint32_t part = MIN(len, bufs[i].len - ofs);

        copy(g, bufs[i].gpa + ofs, p, part);
        ofs = 0;
        p += part;
        len -= part;
    }
    ovs_assert(!len);
}

static void
copy_to_guest(const struct vq_guest *g, uint64_t gpa, uint8_t *p, size_t n)
{
    memcpy(vg_ptr(g, gpa), p, n);
}

static void
copy_from_guest(const struct vq_guest *g, uint64_t gpa, uint8_t *p, size_t n)
{
    memcpy(p, vg_ptr(g, gpa), n);
}

static void
copy_to_shadow(const struct vq_guest *g, uint64_t gpa, uint8_t *p, size_t n)
{
    vg_expect(CONST_CAST(struct vq_guest *, g), gpa, p, n);
}

void
vg_write(struct vq_guest *g, const struct vg_buf bufs[], unsigned int n,
         uint32_t ofs, const void *p, uint32_t len)
{
    vg_transfer(g, bufs, n, ofs, CONST_CAST(uint8_t *, p), len,
                copy_to_guest);
}

void
vg_read(const struct vq_guest *g, const struct vg_buf bufs[], unsigned int n,
        uint32_t ofs, void *p, uint32_t len)
{
    vg_transfer(g, bufs, n, ofs, p, len, copy_from_guest);
}

void
vg_expect_bufs(struct vq_guest *g, const struct vg_buf bufs[],
               unsigned int n, uint32_t ofs, const void *p, uint32_t len)
{
    vg_transfer(g, bufs, n, ofs, CONST_CAST(uint8_t *, p), len,
                copy_to_shadow);
}
