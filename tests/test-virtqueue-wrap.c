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

/* A guest that makes descriptors of a packed ring available anew while the
 * device goes through them for one mergeable frame: it must not lead it
 * through more of them than there are. */

#include <config.h>

#include "test-virtqueue.h"

#include <pthread.h>
#include <sys/mman.h>

#include "util.h"

/* The smallest ring in which that can be done, two slots before memory that is
 * not there, and how often it is tried: an engine that can be led astray is,
 * within some hundred thousand calls. */
#define RING_SIZE 2
#define N_CALLS 3000000

#define AREA (64 * 1024)
#define PAGE 4096

struct turner {
    struct vring_packed_desc *ring;
    atomic_bool stop;
};

static void
set_flags(struct vring_packed_desc *d, uint16_t flags)
{
    __atomic_store_n(&d->flags, flags, __ATOMIC_RELAXED);
}

/* Makes the second descriptor available for this round, for the next one, and
 * so on. */
static void *
turn(void *turner_)
{
    struct turner *t = turner_;
    unsigned int n = 0;
    bool stop;

    do {
        const uint16_t owner = n & 1 ? 1 << VRING_PACKED_DESC_F_USED
                               : 1 << VRING_PACKED_DESC_F_AVAIL;

        set_flags(&t->ring[1], owner | VRING_DESC_F_WRITE);
        for (unsigned int i = n++ % 64; i; i--) {
            atomic_signal_fence(memory_order_seq_cst);
        }
        atomic_read_relaxed(&t->stop, &stop);
    } while (!stop);
    return NULL;
}

void
test_wrap(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static struct virtqueue_stats stats;
    struct rte_mempool *pool = fake_mempool_create(1, POOL_ROOM, 0);
    static uint8_t frame[60];
    struct rte_mbuf *m = make_mbuf(pool, frame, sizeof frame, 1);
    struct guest_memory mem = { .n_regions = 1 };
    struct virtqueue vq = { .callfd = -1 };
    struct turner turner;
    pthread_t thread;
    uint8_t *area;

    area = mmap(NULL, AREA + PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ovs_assert(area != MAP_FAILED
               && !mprotect(area + AREA, PAGE, PROT_NONE));
    mem.regions[0].size = AREA;
    mem.regions[0].hva = area;
    atomic_init(&mem.faulted, false);

    struct vring_packed_desc *ring = ALIGNED_CAST(
        struct vring_packed_desc *, area + AREA - RING_SIZE * sizeof *ring);
    struct vring_packed_desc_event *events
        = ALIGNED_CAST(struct vring_packed_desc_event *, area);

    events[0].flags = VRING_PACKED_EVENT_FLAG_DISABLE;
    turner.ring = ring;
    atomic_init(&turner.stop, false);
    ovs_assert(!pthread_create(&thread, NULL, turn, &turner));

    for (unsigned int i = 0; i < N_CALLS; i++) {
        vq.ring = ring;
        vq.driver_event = &events[0];
        vq.device_event = &events[1];
        vq.mem = &mem;
        vq.used_gpa = VQ_NO_GPA;
        vq.size = RING_SIZE;
        vq.stats = &stats;
        vq.last_avail = 1 | 1 << VRING_PACKED_EVENT_F_WRAP_CTR;

        /* Each is too short for the frame, and the second leads to the
         * first. */
        ring[0] = (struct vring_packed_desc) {
            .addr = PAGE, .len = 40,
            .flags = (1 << VRING_PACKED_DESC_F_USED | VRING_DESC_F_WRITE
                      | VRING_DESC_F_NEXT),
        };
        ring[1].addr = 2 * PAGE;
        ring[1].len = 40;
        virtqueue_start(&vq, F_VERSION_1 | F_MRG_RXBUF | F_PACKED
                             | F_IN_ORDER);
        virtqueue_enqueue(&vq, &m, 1);
    }
    CHECK(stats.errors[VQ_ERR_CHAIN]);

    atomic_store(&turner.stop, true);
    ovs_assert(!pthread_join(thread, NULL));
    munmap(area, AREA + PAGE);
    rte_pktmbuf_free(m);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}
