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


#ifndef VQ_GUEST_H
#define VQ_GUEST_H 1

/* A guest in the same process, for tests of the virtqueue engine
 * ==============================================================
 *
 * Has memory in a memfd, one virtqueue in it and a driver for it, and the
 * back end's view: a guest memory map and a 'struct virtqueue'.  The regions
 * of the map are adjacent in guest physical space only, each between pages
 * that cannot be accessed, and all but the first begin at odd addresses.
 *
 * To find what the engine should not have written, a test takes a snapshot,
 * says what it expects to change, and compares all of the memory.
 *
 * Thread-safety: none; one thread, unless a test knows what it does. */

#include "virtqueue.h"

struct vq_guest_config {
    uint64_t features;          /* Virtio features, 1 << VIRTIO_*. */
    size_t arena;               /* Bytes of memory for buffers, 0: enough. */
    unsigned int n_regions;     /* 0: one. */
    uint16_t size;              /* Entries of the ring. */
    uint16_t start;             /* Index that the ring begins with. */
    bool log;                   /* With a dirty log. */
};

/* A buffer of the guest. */
struct vg_buf {
    uint64_t gpa;
    uint32_t len;
};

struct vq_guest {
    struct vq_guest_config config;
    uint8_t hdr_len;

    /* Memory as the guest sees it. */
    int fd;
    uint8_t *mem;
    uint8_t *shadow;            /* What is expected to be in it. */
    size_t mem_size;
    uint64_t arena;             /* Guest physical address. */
    uint64_t arena_next;
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;

    /* State of the driver. */
    uint16_t avail_idx;         /* Next entry to fill. */
    uint16_t kicked_idx;        /* avail_idx at the latest vg_publish(). */
    uint16_t used_idx;          /* Next entry to look at. */
    uint16_t expect_idx;        /* Next entry of vg_expect_used(). */
    uint16_t *free;             /* Descriptors that are free. */
    unsigned int n_free;
    uint16_t *n_direct;         /* By head, descriptors in its chain. */
    uint16_t *next;             /* By descriptor. */
    uint64_t n_kicks;           /* Times the back end asked for a kick. */

    /* The back end's part. */
    struct guest_memory *map;
    struct virtqueue vq;
    struct virtqueue_stats stats;
    int callfd;
    int log_fd;
    struct dirty_log *log;
};

void vg_init(struct vq_guest *, const struct vq_guest_config *);
void vg_uninit(struct vq_guest *);

/* Starts the back end's virtqueue where the guest's is. */
void vg_restart(struct vq_guest *);

/* Our own address of 'gpa'. */
void *vg_ptr(const struct vq_guest *, uint64_t gpa);
uint64_t vg_gpa(const struct vq_guest *, const void *);

/* Takes 'size' bytes, which begin anywhere and are not next to others, out of
 * the arena.  Aborts if it is exhausted; vg_reset() makes it empty again. */
uint64_t vg_alloc(struct vq_guest *, size_t size);
void vg_reset(struct vq_guest *);

/* Makes a chain of 'n' buffers and offers it; 'flags' is VRING_DESC_F_WRITE
 * or 0.  The first 'n_direct' are descriptors of the ring, the others come in
 * an indirect table.  Returns the index of the first descriptor. */
uint16_t vg_post(struct vq_guest *, const struct vg_buf[], unsigned int n,
                 unsigned int n_direct, uint16_t flags);

/* Offers 'head' as it is. */
void vg_offer(struct vq_guest *, uint16_t head);

/* Tells the back end about everything that was offered. */
void vg_publish(struct vq_guest *);

/* Takes back a chain.  False if there is none. */
bool vg_get_used(struct vq_guest *, uint16_t *head, uint32_t *len);

/* Reads the counter of the eventfd. */
uint64_t vg_interrupts(struct vq_guest *);

/* Comparison of all of the memory. */
void vg_snapshot(struct vq_guest *);
void vg_expect(struct vq_guest *, uint64_t gpa, const void *, size_t);
void vg_expect_used(struct vq_guest *, uint16_t head, uint32_t len);
bool vg_check(struct vq_guest *);

/* Ways to cut a frame with its header into buffers. */
#define VG_SHAPES                                                       \
    VG_SHAPE(ONE)               /* One buffer. */                       \
    VG_SHAPE(SEPARATE)          /* The header by itself. */             \
    VG_SHAPE(HDR_PARTS)         /* The header in four. */               \
    VG_SHAPE(HDR_MORE)          /* Some data with the header... */      \
    VG_SHAPE(HDR_LESS)          /* ...and the other way round. */       \
    VG_SHAPE(MANY)              /* Pieces of 97 bytes. */               \
    VG_SHAPE(ZEROS)             /* Empty ones in between. */            \
    VG_SHAPE(BYTES)             /* A byte each. */

enum vg_shape {
#define VG_SHAPE(NAME) VG_##NAME,
    VG_SHAPES
#undef VG_SHAPE
    VG_N_SHAPES
};
const char *vg_shape_name(enum vg_shape);

/* Number of buffers for 'total' bytes cut in 'shape', header included, at most
 * total + 8. */
unsigned int vg_count(enum vg_shape, uint8_t hdr_len, uint32_t total);

/* Takes memory for that.  Returns the number of buffers. */
unsigned int vg_cut(struct vq_guest *, enum vg_shape, uint32_t total,
                    struct vg_buf[]);

/* Copies between a frame and buffers, from 'ofs' bytes into them. */
void vg_write(struct vq_guest *, const struct vg_buf[], unsigned int n,
              uint32_t ofs, const void *, uint32_t len);
void vg_read(const struct vq_guest *, const struct vg_buf[], unsigned int n,
             uint32_t ofs, void *, uint32_t len);
void vg_expect_bufs(struct vq_guest *, const struct vg_buf[], unsigned int n,
                    uint32_t ofs, const void *, uint32_t len);

#endif /* vq-guest.h */
