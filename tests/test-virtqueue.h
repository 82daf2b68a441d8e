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


#ifndef TEST_VIRTQUEUE_H
#define TEST_VIRTQUEUE_H 1

/* What the files of test-virtqueue share. */

#include <linux/virtio_config.h>

#include "check.h"
#include "fake-mempool.h"
#include "vq-guest.h"

#define F_VERSION_1 (1ULL << VIRTIO_F_VERSION_1)
#define F_INDIRECT (1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define F_EVENT_IDX (1ULL << VIRTIO_RING_F_EVENT_IDX)
#define F_PACKED (1ULL << VIRTIO_F_RING_PACKED)
#define F_IN_ORDER (1ULL << VIRTIO_F_IN_ORDER)
#define F_MRG_RXBUF (1ULL << VIRTIO_NET_F_MRG_RXBUF)
#define F_CSUM (1ULL << VIRTIO_NET_F_CSUM)
#define F_GUEST_CSUM (1ULL << VIRTIO_NET_F_GUEST_CSUM)

/* The longest frame: MTU 9702, Ethernet header and a VLAN tag. */
#define MAX_FRAME (9702 + 18)
/* What a buffer for it has room for. */
#define POOL_ROOM (RTE_PKTMBUF_HEADROOM + MAX_FRAME)
#define POOL_SIZE 256

/* How a chain is put into the ring. */
enum placement {
    DIRECT,                     /* Only descriptors of the ring. */
    INDIRECT,                   /* One, with a table. */
    MIXED,                      /* Half and half. */
    N_PLACEMENTS
};
extern const char *placement_names[N_PLACEMENTS];

/* How many of 'n' buffers are direct then, and how many descriptors of the
 * ring that takes. */
unsigned int placement_direct(enum placement, unsigned int n);
unsigned int placement_ring(enum placement, unsigned int n);

/* Descriptors in a chain, in the ring and in a table, that the engine takes,
 * however large the ring is, and whether 'n' buffers are within that. */
#define LONGEST_CHAIN 1024
bool placement_allowed(enum placement, unsigned int n);

/* Fills 'frame' with 'len' bytes from the random numbers; the destination is
 * a unicast address. */
void make_frame(uint8_t *frame, uint32_t len);

/* An mbuf, or a chain of 'n_segs' ones, that holds 'frame'. */
struct rte_mbuf *make_mbuf(struct rte_mempool *, const uint8_t *frame,
                           uint32_t len, unsigned int n_segs);

/* Posts a frame for the guest to transmit, after a header of zeros, and
 * expects it to come back.  Returns the head. */
uint16_t post_tx(struct vq_guest *, enum vg_shape, enum placement,
                 const uint8_t *frame, uint32_t len);

/* Posts one buffer of 'len' bytes for the guest to receive to. */
uint16_t post_rx(struct vq_guest *, uint32_t len, struct vg_buf *);

/* Has the guest transmit 'n' frames, offered at once, and takes them. */
void transmit_frames(struct vq_guest *, struct rte_mempool *, unsigned int n);

/* Forgets what the guest owes for frames in very many pieces, which is what
 * test-virtqueue-turns.c is about. */
static inline void
forgive(struct vq_guest *g)
{
    g->vq.n_rests = 0;
}

/* Checks that 'm' looks like a fresh mbuf with 'frame'. */
void check_mbuf(const struct rte_mbuf *m, const uint8_t *frame, uint32_t len);

/* The same but for 'ol_flags'. */
void check_offload_mbuf(const struct rte_mbuf *m, const uint8_t *frame,
                        uint32_t len, uint64_t ol_flags);

/* Checks that stats are all zeros but for what 'expected' says. */
void check_stats(const struct vq_guest *, const struct virtqueue_stats *);

/* True if rings of the kind at hand can have that error at all, unless memory
 * goes away. */
bool can_have_error(enum virtqueue_error);

/* Adds a frame of 'len' bytes to what is expected. */
void expect_frame(struct virtqueue_stats *, const uint8_t *frame,
                  uint32_t len);

void test_dequeue(int argc, char *argv[]);
void test_dequeue_burst(int argc, char *argv[]);
void test_enqueue(int argc, char *argv[]);
void test_enqueue_burst(int argc, char *argv[]);
void test_mergeable(int argc, char *argv[]);
void test_segments(int argc, char *argv[]);
void test_notify(int argc, char *argv[]);
void test_quiet(int argc, char *argv[]);
void test_turns(int argc, char *argv[]);
void test_resume(int argc, char *argv[]);
void test_dirty_log(int argc, char *argv[]);
void test_statistics(int argc, char *argv[]);
void test_errors(int argc, char *argv[]);
void test_walk(int argc, char *argv[]);
void test_csum(int argc, char *argv[]);
void test_fault(int argc, char *argv[]);
void test_flipper(int argc, char *argv[]);
void test_wrap(int argc, char *argv[]);
void test_random(int argc, char *argv[]);
void test_packed(int argc, char *argv[]);
void test_bench(int argc, char *argv[]);
void test_count(int argc, char *argv[]);
void test_count_build(int argc, char *argv[]);
void test_count_steps(int argc, char *argv[]);
void test_compare_variants(int argc, char *argv[]);
void test_variants(int argc, char *argv[]);

#endif /* test-virtqueue.h */
