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

/* Features that all guests have beside those of their configuration: this way
 * each test runs with all kinds of rings. */
extern uint64_t vg_features;

struct vq_guest_config {
    uint64_t features;          /* Virtio features, 1 << VIRTIO_*. */
    size_t arena;               /* Bytes of memory for buffers, 0: enough. */
    unsigned int n_regions;     /* 0: one. */
    uint16_t size;              /* Entries of the ring. */
    uint16_t start;             /* Index that the ring begins with.  In a
                                 * packed ring, modulo its size, and the wrap
                                 * counter is the inverse of bit 15. */
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
    bool packed;
    bool in_order;
    union {
        struct vring_desc *desc;
        struct vring_packed_desc *ring;
    };
    union {
        struct vring_avail *avail;
        struct vring_packed_desc_event *driver_event;
    };
    union {
        struct vring_used *used;
        struct vring_packed_desc_event *device_event;
    };

    /* State of the driver.  In a packed ring, indexes are those into the ring
     * with the wrap counter in bit 15. */
    uint16_t avail_idx;         /* Next entry to fill. */
    uint16_t kicked_idx;        /* avail_idx at the latest vg_publish(). */
    uint16_t used_idx;          /* Next entry to look at. */
    uint16_t expect_idx;        /* Next entry of vg_expect_used(). */
    uint16_t *free;             /* Descriptors that are free. */
    unsigned int n_free;
    uint16_t *n_direct;         /* By head, descriptors in its chain. */
    uint16_t *next;             /* By descriptor. */
    uint16_t latest;            /* The chain offered last. */

    /* Packed: by id, the first descriptor; chains offered but not published;
     * all that are not used yet, in order; what is expected to be used. */
    uint16_t *place;
    uint16_t *pending;
    unsigned int n_pending;
    uint16_t *fifo;
    unsigned int fifo_first, fifo_n;
    unsigned int n_ids;         /* Of 'free'; 'n_free' counts descriptors. */
    unsigned int batch_left;    /* Chains that a used descriptor stands for. */
    uint32_t batch_len;         /* Bytes written to the last of them. */
    struct vring_used_elem *expected;
    unsigned int n_expected;
    uint16_t snapshot_idx;
    uint64_t n_kicks;           /* Times the back end asked for a kick. */

    /* The back end's part. */
    struct guest_memory *map;
    struct virtqueue vq;
    struct virtqueue_stats stats;
    int callfd;
    struct peer_signal *call;   /* Of 'callfd'. */
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
 * an indirect table.  Returns the index of the first descriptor, or the id of
 * the chain in a packed ring. */
uint16_t vg_post(struct vq_guest *, const struct vg_buf[], unsigned int n,
                 unsigned int n_direct, uint16_t flags);

/* Offers 'head' as it is.  Not in packed rings. */
void vg_offer(struct vq_guest *, uint16_t head);

/* Tells the back end about everything that was offered. */
void vg_publish(struct vq_guest *);

/* Takes back a chain.  False if there is none. */
bool vg_get_used(struct vq_guest *, uint16_t *head, uint32_t *len);

/* Descriptor 'i' of the ring in chain 'head', which has been offered; 'next'
 * is the id in a packed ring. */
struct vring_desc vg_get_desc(const struct vq_guest *, uint16_t head,
                              unsigned int i);
void vg_set_desc(struct vq_guest *, uint16_t head, unsigned int i,
                 const struct vring_desc *);

/* The same for descriptors anywhere. */
struct vring_desc vg_load_desc(const struct vq_guest *, const void *);
void vg_store_desc(const struct vq_guest *, void *,
                   const struct vring_desc *);

/* Whether the guest wants interrupts, or only for the 'n'th chain, counting
 * descriptors in a packed ring, from what it has taken back. */
void vg_set_interrupts(struct vq_guest *, bool);
void vg_set_event(struct vq_guest *, int n);

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

/* Where the back end has to begin. */
uint16_t vg_base(const struct vq_guest *);

/* 'idx' of a packed ring moved by 'n' descriptors, fewer than two rings. */
uint16_t vg_advance(const struct vq_guest *, uint16_t idx, int n);

/* Packed rings: the flags of a descriptor that is available at 'idx', and as a
 * driver leaves the ring that has not offered anything from 'idx' on. */
uint16_t vg_avail_flags(uint16_t idx);
void vg_clear_ring(struct vq_guest *, uint16_t idx);

/* For vg_init() and vg_uninit(). */
void vg_driver_init(struct vq_guest *);
void vg_driver_uninit(struct vq_guest *);

#endif /* vq-guest.h */
