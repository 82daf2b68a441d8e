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


/* A fixed workload of the virtqueue engine, the instructions of which
 * tests/count-instructions has valgrind count: always the same bursts, in
 * memory that always looks the same, for every kind of ring.
 *
 * For each case prints its name and how many frames, or polls, were counted
 * between the calls of count_begin() and count_end().  What counts is what
 * virtqueue_dequeue() and virtqueue_enqueue() do there.
 *
 * As valgrind does not know all instructions of today's CPUs, "count-steps"
 * counts by itself: it has the CPU trap after each instruction.  That is slow,
 * so that there are fewer bursts.  It prints the instructions as well.
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "test-virtqueue.h"

#include <rte_lcore.h>
#include <rte_version.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "random.h"
#include "util.h"

/* Entries of a ring. */
#define SIZE 256

/* Bursts that are counted: a multiple of SIZE, so that a ring goes round a
 * whole number of times.  Before, the engine gets used to the ring: it has to
 * find out whether the guest polls, and symbols are looked up. */
#define BURSTS SIZE
#define WARM_UP (5 * SIZE)

/* The same when each instruction traps. */
#define STEPPED_BURSTS 8
#define STEPPED_LEN 1500

struct count_case {
    const char *name;
    uint64_t features;
    enum vg_shape shape;
    enum placement placement;
    uint32_t len;               /* Bytes of a frame. */
    uint32_t buf_len;           /* Bytes of a buffer, 0: one a frame. */
    unsigned int burst;         /* 0: polls that find nothing. */
    unsigned int ahead;         /* Frames offered beyond the burst. */
    bool dequeue, enqueue;
    bool log;
};

#define BOTH .dequeue = true, .enqueue = true

static const struct count_case cases[] = {
    { .name = "64-burst-32", .len = 64, .burst = 32, BOTH },
    { .name = "64-burst-4", .len = 64, .burst = 4, BOTH },
    { .name = "64-burst-1", .len = 64, .burst = 1, BOTH },
    { .name = "64-ahead", .len = 64, .burst = 32, .ahead = 128, BOTH },
    { .name = "64-event-idx", .features = F_EVENT_IDX, .len = 64, .burst = 32,
      BOTH },
    { .name = "64-chain-of-2", .shape = VG_SEPARATE, .len = 64, .burst = 32,
      BOTH },
    { .name = "64-indirect", .shape = VG_SEPARATE, .placement = INDIRECT,
      .len = 64, .burst = 32, BOTH },
    { .name = "64-mergeable", .features = F_MRG_RXBUF, .len = 64,
      .buf_len = 2048, .burst = 32, .enqueue = true },
    { .name = "64-dirty-log", .len = 64, .burst = 32, .log = true, BOTH },
    { .name = "1500-burst-32", .len = 1500, .burst = 32, BOTH },
    { .name = "9000-in-2048", .features = F_MRG_RXBUF, .len = 9000,
      .buf_len = 2048, .burst = 16, .enqueue = true },
    { .name = "idle", .len = 64, BOTH },
};

/* A guest whose ring holds the same chains for ever. */
struct endless {
    struct vq_guest g;
    struct vring_desc saved[SIZE];
    unsigned int n_ring;        /* Descriptors of the ring in a chain. */
    uint16_t next;              /* Packed: where to offer the next one. */
};

/* Marks for valgrind, which counts from one to the other. */
void count_begin(void);
void count_end(void);

void __attribute__((noinline))
count_begin(void)
{
    __asm__ volatile ("" : : : "memory");
}

void __attribute__((noinline))
count_end(void)
{
    __asm__ volatile ("" : : : "memory");
}

/* Counting instructions by having the CPU trap after each. */

static bool stepping;
static volatile uint64_t n_steps;

#ifdef __x86_64__
static void
step_handler(int signo OVS_UNUSED, siginfo_t *info OVS_UNUSED, void *context_)
{
    /* From the linker: where our own program begins and ends. */
    extern const char __executable_start, etext;
    const ucontext_t *context = context_;
    const uintptr_t pc = context->uc_mcontext.gregs[REG_RIP];

    n_steps += (pc >= (uintptr_t) &__executable_start
                && pc < (uintptr_t) &etext);
}

/* The trap flag is bit 8 of RFLAGS.  Leaves what the compiler may have put
 * below the stack alone. */
#define STEP_SET(INSTRUCTION)                                           \
    __asm__ volatile ("lea -128(%%rsp), %%rsp; pushfq; " INSTRUCTION    \
                      "; popfq; lea 128(%%rsp), %%rsp" : : : "memory", "cc")
#define STEP_BEGIN() STEP_SET("orq $0x100, (%%rsp)")
#define STEP_END() STEP_SET("andq $~0x100, (%%rsp)")
#else
#define step_handler NULL
#define STEP_BEGIN()
#define STEP_END()
#endif

static void
endless_init(struct endless *e, const struct count_case *c, uint64_t kind,
             bool dequeue)
{
    const struct vq_guest_config config = {
        .features = kind | c->features | F_VERSION_1 | F_INDIRECT,
        .size = SIZE,
        .arena = 1024 * 1024,
        .log = c->log,
    };
    uint8_t *frame = xzalloc(c->len);
    struct vg_buf bufs[8];
    unsigned int n;

    vg_init(&e->g, &config);
    if (!(c->features & F_EVENT_IDX)) {
        vg_set_interrupts(&e->g, false);
    }
    e->next = e->g.avail_idx;
    do {
        if (dequeue) {
            n = vg_count(c->shape, e->g.hdr_len, e->g.hdr_len + c->len);
            post_tx(&e->g, c->shape, c->placement, frame, c->len);
        } else {
            n = vg_cut(&e->g, c->shape,
                       c->buf_len ? c->buf_len : e->g.hdr_len + c->len, bufs);
            vg_post(&e->g, bufs, n, placement_direct(c->placement, n),
                    VRING_DESC_F_WRITE);
        }
        e->n_ring = placement_ring(c->placement, n);
    } while (e->g.n_free >= e->n_ring);
    ovs_assert(!e->g.n_free);
    free(frame);

    memcpy(e->saved, e->g.desc, sizeof e->saved);
    if (!e->g.packed) {
        /* The ring of heads is longer than there are chains. */
        for (unsigned int i = e->g.avail_idx; i < SIZE; i++) {
            e->g.avail->ring[i] = e->g.avail->ring[i % e->g.avail_idx];
        }
        e->g.avail_idx = 0;
    }
}

/* Offers 'n' chains more. */
static void
endless_offer(struct endless *e, unsigned int n)
{
    struct vq_guest *g = &e->g;

    if (!g->packed) {
        g->avail_idx += n;
        __atomic_store_n(&g->avail->idx, g->avail_idx, __ATOMIC_RELEASE);
        return;
    }
    for (unsigned int i = 0; i < n * e->n_ring; i++) {
        const uint16_t owner = ((1 << VRING_PACKED_DESC_F_AVAIL)
                                | (1 << VRING_PACKED_DESC_F_USED));
        const uint16_t slot = e->next & 0x7fff;

        memcpy(&g->ring[slot], &e->saved[slot], sizeof e->saved[slot]);
        g->ring[slot].flags = (g->ring[slot].flags & ~owner)
                              | 1 << (e->next & 0x8000
                                      ? VRING_PACKED_DESC_F_AVAIL
                                      : VRING_PACKED_DESC_F_USED);
        e->next = vg_advance(g, e->next, 1);
    }
}

static void
count_case(const char *kind_name, uint64_t kind, const struct count_case *c,
           bool dequeue)
{
    struct rte_mempool *pool = fake_mempool_create(512, POOL_ROOM, 256);
    const uint32_t buf_len = c->buf_len ? c->buf_len : 12 + c->len;
    const unsigned int n_chains = DIV_ROUND_UP(12 + c->len, buf_len);
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    const unsigned int n = c->burst ? c->burst : VIRTQUEUE_MAX_BURST;
    uint8_t *frame = xzalloc(c->len);
    struct endless e;

    /* The guest's buffers lie where random numbers say. */
    random_set_seed(1);
    endless_init(&e, c, kind, dequeue);
    if (!dequeue) {
        for (unsigned int i = 0; i < n; i++) {
            pkts[i] = make_mbuf(pool, frame, c->len, 1);
        }
    }
    endless_offer(&e, c->ahead * n_chains);

    const int n_bursts = stepping ? STEPPED_BURSTS : BURSTS;

    for (int i = -WARM_UP; i < n_bursts; i++) {
        unsigned int done;

        if (!i) {
            count_begin();
            n_steps = 0;
        }
        endless_offer(&e, c->burst * n_chains);
        if (c->features & F_EVENT_IDX) {
            /* A guest that has no use for interrupts either. */
            e.g.used_idx = e.g.vq.last_used;
            vg_set_event(&e.g, -1);
        }
        if (stepping && i >= 0) {
            STEP_BEGIN();
        }
        done = (dequeue ? virtqueue_dequeue(&e.g.vq, pool, pkts, n)
                : virtqueue_enqueue(&e.g.vq, pkts, n));
        if (stepping && i >= 0) {
            STEP_END();
        }
        if (dequeue) {
            rte_pktmbuf_free_bulk(pkts, done);
        }
        ovs_assert(done == c->burst);
    }
    count_end();
    ovs_assert(e.g.stats.packets == (WARM_UP + n_bursts) * c->burst);
    ovs_assert(e.g.stats.notifications <= 1);
    printf("%s-%s-%s %u", kind_name, dequeue ? "dequeue" : "enqueue", c->name,
           n_bursts * MAX(1, c->burst));
    if (stepping) {
        printf(" %"PRIu64, n_steps);
    }
    putchar('\n');

    if (!dequeue) {
        rte_pktmbuf_free_bulk(pkts, n);
    }
    vg_uninit(&e.g);
    ovs_assert(!fake_mempool_destroy(pool));
    free(frame);
}

/* Prints what the instructions depend on, but for flags of the compiler. */
void
test_count_build(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
#ifdef __clang__
    printf("clang %d", __clang_major__);
#else
    printf("gcc %d", __GNUC__);
#endif
    printf(", %s, DPDK %d.%02d\n",
#if defined __x86_64__
           "x86_64",
#elif defined __aarch64__
           "aarch64",
#else
           "other",
#endif
           RTE_VER_YEAR, RTE_VER_MONTH);
}

/* Prints the variants of the functions that this CPU has. */
void
test_variants(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    for (unsigned int i = 0; virtqueue_variant_name(i); i++) {
        printf("%s\n", virtqueue_variant_name(i));
    }
}

/* Usage: count-steps KIND. */
void
test_count_steps(int argc, char *argv[])
{
    struct sigaction action = {
        .sa_sigaction = step_handler,
        .sa_flags = SA_SIGINFO,
    };

    ovs_assert(!sigaction(SIGTRAP, &action, NULL));
    stepping = true;
    test_count(argc, argv);
}

/* Usage: count [KIND]. */
void
test_count(int argc, char *argv[])
{
    static const struct {
        const char *name;
        uint64_t features;
    } kinds[] = {
        { "split", 0 },
        { "packed", F_PACKED },
        { "in-order", F_PACKED | F_IN_ORDER },
    };

    /* A cache needs an lcore, and only one thread here gets buffers. */
    RTE_PER_LCORE(_lcore_id) = 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (argc > 1 && strcmp(kinds[i].name, argv[1])) {
            continue;
        }
        for (size_t j = 0; j < ARRAY_SIZE(cases); j++) {
            if (stepping && cases[j].len > STEPPED_LEN) {
                continue;
            }
            if (cases[j].dequeue) {
                count_case(kinds[i].name, kinds[i].features, &cases[j], true);
            }
            if (cases[j].enqueue) {
                count_case(kinds[i].name, kinds[i].features, &cases[j],
                           false);
            }
        }
    }
}
