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


/* unixctl commands of test-frontend that break the rules of a ring.
 *
 * Each misdeed begins as a good frame to send, or a ring full of buffers to
 * receive, with all descriptors right, and then one thing is made wrong. */

#include <config.h>

#include "frontend-commands.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "frontend-guest.h"
#include "openvswitch/dynamic-string.h"
#include "ovs-thread.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* Where in a slot an indirect table has room. */
#define TX_TABLE_OFS 8192
#define RX_TABLE_OFS 1024

/* Longest wait for a ring to stop, in ms. */
#define STOP_TIMEOUT 20000

/* What a misdeed may change. */
struct victim {
    struct frontend *fe;
    struct fe_ring *ring;
    unsigned int slot;
    struct vring_desc *head;    /* In the ring. */
    struct vring_desc *d;       /* First that describes a buffer. */
    struct vring_desc table[4]; /* For a table... */
    unsigned int n_table;       /* ...of so many entries. */
    uint64_t table_gpa;
    struct virtio_net_hdr *hdr;
};

static void
bad_head(struct victim *v)
{
    struct fe_ring *r = v->ring;
    uint16_t idx = r->rx ? r->used_idx : r->avail_idx - 1;

    r->avail->ring[idx & r->mask] = r->size;
}

static void
bad_next(struct victim *v)
{
    v->d->flags |= VRING_DESC_F_NEXT;
    v->d->next = v->ring->size;
}

/* A chain without end that exceeds the longest frame... */
static void
long_loop(struct victim *v)
{
    v->d->flags |= VRING_DESC_F_NEXT;
    v->d->next = v->ring->tables ? 0 : v->slot << v->ring->shift;
}

/* ...and one that does not, for a while. */
static void
loop(struct victim *v)
{
    long_loop(v);
    v->d->len = 1;
}

/* ...and one that never does. */
static void
empty_loop(struct victim *v)
{
    long_loop(v);
    v->d->len = 0;
}

static void
bad_address(struct victim *v)
{
    v->d->addr = fe_memory_end(&v->fe->mem) + FE_PAGE_SIZE;
}

static void
wrap_address(struct victim *v)
{
    v->d->addr = UINT64_MAX - 16;
}

/* Begins in one region and ends where there is none. */
static void
cross_end(struct victim *v)
{
    const struct fe_region *r = &v->fe->mem.regions[v->fe->mem.n - 1];

    v->d->addr = r->gpa + r->size - 32;
}

/* No misdeed: begins in one region and ends in the next, which is adjacent for
 * the guest but not for anybody else. */
static void
cross_regions(struct victim *v)
{
    const struct fe_region *r = v->fe->mem.regions;
    uint8_t *frame = (uint8_t *) v->hdr;

    if (v->fe->mem.n > 1) {
        memcpy(r[0].va + r[0].size - 32, frame, 32);
        memcpy(r[1].va, frame + 32, v->d->len - 32);
        v->d->addr = r[0].gpa + r[0].size - 32;
    }
}

static void
avail_jump(struct victim *v)
{
    v->ring->avail_idx += v->ring->size;
}

static void
avail_back(struct victim *v)
{
    v->ring->avail_idx -= 2;
}

static void
short_header(struct victim *v)
{
    v->d->len = v->ring->hdr_len - 1;
}

static void
only_header(struct victim *v)
{
    v->d->len = v->ring->hdr_len;
}

static void
short_frame(struct victim *v)
{
    v->d->len = v->ring->hdr_len + 13;
}

static void
wrong_direction(struct victim *v)
{
    v->d->flags ^= VRING_DESC_F_WRITE;
}

static void
huge_len(struct victim *v)
{
    v->d->len = UINT32_MAX;
}

static void
zero_len(struct victim *v)
{
    v->d->len = 0;
}

/* Nowhere, with nothing there. */
static void
empty_nowhere(struct victim *v)
{
    bad_address(v);
    zero_len(v);
}

/* Makes the head point to a table of 'len' bytes whose only entry is what
 * described the buffer. */
static void
use_table(struct victim *v, uint32_t len)
{
    v->n_table = 1;
    v->table[0] = *v->d;
    *v->head = (struct vring_desc) {
        .addr = v->table_gpa, .len = len, .flags = VRING_DESC_F_INDIRECT,
    };
}

static void
nested_indirect(struct victim *v)
{
    use_table(v, sizeof v->table[0]);
    v->table[0].flags = VRING_DESC_F_INDIRECT;
    v->table[0].addr = v->table_gpa;
    v->table[0].len = sizeof v->table[0];
}

static void
indirect_next(struct victim *v)
{
    use_table(v, sizeof v->table[0]);
    v->head->flags |= VRING_DESC_F_NEXT;
}

static void
indirect_odd(struct victim *v)
{
    use_table(v, sizeof v->table[0] + 1);
}

static void
indirect_empty(struct victim *v)
{
    use_table(v, 0);
}

static void
indirect_huge(struct victim *v)
{
    use_table(v, (v->ring->size + 1) * sizeof v->table[0]);
}

static void
indirect_bad_address(struct victim *v)
{
    use_table(v, sizeof v->table[0]);
    v->head->addr = fe_memory_end(&v->fe->mem) + FE_PAGE_SIZE;
}

static void
indirect_bad_next(struct victim *v)
{
    use_table(v, sizeof v->table[0]);
    v->table[0].flags |= VRING_DESC_F_NEXT;
    v->table[0].next = 1;
}

static void
indirect_loop(struct victim *v)
{
    use_table(v, sizeof v->table[0]);
    v->table[0].flags |= VRING_DESC_F_NEXT;
    v->table[0].next = 0;
    v->table[0].len = 1;
}

/* Stores that descriptor of a chain of 'n' which is the 'i'th, before the one
 * with index 'next', in '*d', which is the victim's: all but the last have no
 * bytes, so that they say nothing but that the chain goes on. */
static void
make_link(struct vring_desc *d, unsigned int i, unsigned int n,
          unsigned int next)
{
    if (i < n - 1) {
        d->len = 0;
        d->flags |= VRING_DESC_F_NEXT;
        d->next = next;
    }
}

/* A chain of 'n' descriptors in the ring. */
static void
chain(struct victim *v, unsigned int n)
{
    struct fe_ring *r = v->ring;
    const unsigned int first = v->head - r->desc;
    const struct vring_desc copy = *v->d;

    for (unsigned int i = 0; i < n; i++) {
        struct vring_desc *d = &r->desc[(first + i) & r->mask];

        *d = copy;
        make_link(d, i, n, (first + i + 1) & r->mask);
    }
    r->n_long = n;
}

static void
chain_1024(struct victim *v)
{
    chain(v, 1024);
}

static void
chain_1025(struct victim *v)
{
    chain(v, 1025);
}

/* The same in a table, which is where other slots have their buffers. */
static void
table(struct victim *v, unsigned int n)
{
    const struct fe_ring *r = v->ring;
    const unsigned int slot = v->slot < r->n_slots / 2 ? r->n_slots / 2 : 0;
    const struct fe_addr *seg = &r->segs[slot * r->n_segs];

    for (unsigned int i = 0; i < n; i++) {
        struct vring_desc d = *v->d;

        make_link(&d, i, n, i + 1);
        fe_store_desc(r, seg->va + i * sizeof d, &d);
    }
    *v->head = (struct vring_desc) {
        .addr = seg->gpa,
        .len = n * sizeof *v->head,
        .flags = VRING_DESC_F_INDIRECT,
    };
}

static void
indirect_1024(struct victim *v)
{
    table(v, 1024);
}

static void
indirect_1025(struct victim *v)
{
    table(v, 1025);
}

/* A table that ends where there is no memory. */
static void
indirect_cross_end(struct victim *v)
{
    cross_end(v);
    use_table(v, 4 * sizeof v->table[0]);
    v->head->addr = v->table[0].addr + 16;
    v->n_table = 0;
}

/* The virtio-net header in three buffers, and 'len' bytes of it and of a frame
 * in the last. */
static void
split_header(struct victim *v, uint32_t len)
{
    static const uint32_t lens[] = { 3, 3, 3 };
    uint64_t addr = v->d->addr;

    use_table(v, 4 * sizeof v->table[0]);
    v->n_table = 4;
    for (unsigned int i = 0; i < 4; i++) {
        v->table[i] = v->table[0];
        v->table[i].addr = addr;
        v->table[i].len = i < 3 ? lens[i] : len;
        addr += v->table[i].len;
        if (i < 3) {
            v->table[i].flags |= VRING_DESC_F_NEXT;
            v->table[i].next = i + 1;
        } else {
            v->table[i].flags &= ~VRING_DESC_F_NEXT;
        }
    }
}

static void
header_in_pieces(struct victim *v)
{
    split_header(v, v->ring->hdr_len - 9 + 60);
}

static void
header_in_pieces_only(struct victim *v)
{
    split_header(v, v->ring->hdr_len - 9);
}

static void
header_in_pieces_short(struct victim *v)
{
    split_header(v, v->ring->hdr_len - 9 - 1);
}

static void
csum_beyond(struct victim *v)
{
    v->hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    v->hdr->csum_start = 65000;
    v->hdr->csum_offset = 65000;
}

static void
gso_zero(struct victim *v)
{
    v->hdr->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    v->hdr->gso_size = 0;
    v->hdr->hdr_len = 54;
}

static const struct misdeed {
    const char *name;
    void (*apply)(struct victim *);
    enum {
        EACH_SLOT,
        ONE_SLOT,               /* There may be no room for another. */
        INDEX                   /* Of the available ring. */
    } what;
} misdeeds[] = {
    { "bad-head", bad_head, INDEX },
    { "bad-next", bad_next, EACH_SLOT },
    { "loop", loop, EACH_SLOT },
    { "long-loop", long_loop, EACH_SLOT },
    { "empty-loop", empty_loop, EACH_SLOT },
    { "bad-address", bad_address, EACH_SLOT },
    { "wrap-address", wrap_address, EACH_SLOT },
    { "cross-end", cross_end, EACH_SLOT },
    { "cross-regions", cross_regions, EACH_SLOT },
    { "avail-jump", avail_jump, INDEX },
    { "avail-back", avail_back, INDEX },
    { "short-header", short_header, EACH_SLOT },
    { "only-header", only_header, EACH_SLOT },
    { "short-frame", short_frame, EACH_SLOT },
    { "wrong-direction", wrong_direction, EACH_SLOT },
    { "write-only-tx", wrong_direction, EACH_SLOT },
    { "huge-len", huge_len, EACH_SLOT },
    { "zero-len", zero_len, EACH_SLOT },
    { "empty-nowhere", empty_nowhere, EACH_SLOT },
    { "nested-indirect", nested_indirect, EACH_SLOT },
    { "indirect-next", indirect_next, EACH_SLOT },
    { "indirect-odd", indirect_odd, EACH_SLOT },
    { "indirect-empty", indirect_empty, EACH_SLOT },
    { "indirect-huge", indirect_huge, EACH_SLOT },
    { "chain-1024", chain_1024, ONE_SLOT },
    { "chain-1025", chain_1025, ONE_SLOT },
    { "indirect-1024", indirect_1024, ONE_SLOT },
    { "indirect-1025", indirect_1025, ONE_SLOT },
    { "indirect-bad-address", indirect_bad_address, EACH_SLOT },
    { "indirect-cross-end", indirect_cross_end, EACH_SLOT },
    { "indirect-bad-next", indirect_bad_next, EACH_SLOT },
    { "indirect-loop", indirect_loop, EACH_SLOT },
    { "header-in-pieces", header_in_pieces, EACH_SLOT },
    { "header-in-pieces-only", header_in_pieces_only, EACH_SLOT },
    { "header-in-pieces-short", header_in_pieces_short, EACH_SLOT },
    { "csum-beyond", csum_beyond, EACH_SLOT },
    { "gso-zero", gso_zero, EACH_SLOT },
};

/* Makes 'slot' of 'r' wrong. */
static void
spoil(struct frontend *fe, struct fe_ring *r, unsigned int slot,
      const struct misdeed *m)
{
    const unsigned int ofs = r->rx ? RX_TABLE_OFS : TX_TABLE_OFS;
    const struct fe_addr *seg = &r->segs[slot * r->n_segs];
    struct victim v = {
        .fe = fe,
        .ring = r,
        .slot = slot,
        .head = &r->desc[slot << r->shift],
        .d = fe_slot_desc(r, slot),
        .table_gpa = seg->gpa + ofs,
        .hdr = ALIGNED_CAST(struct virtio_net_hdr *, seg->va),
    };

    m->apply(&v);
    for (unsigned int i = 0; i < v.n_table; i++) {
        fe_store_desc(r, seg->va + ofs + i * sizeof v.table[0], &v.table[i]);
    }
}

/* Spoils all buffers for receiving: the back end finds out when it has a frame
 * for us. */
static int
deviate_rx(struct frontend *fe, unsigned int idx, const struct misdeed *m)
{
    struct fe_ring *r = &fe->rings[idx];
    int error = fe_stop_ring(fe, idx);

    if (error && error != EPROTO) {
        return error;
    }
    fe_ring_prepare(r, &fe->mem);
    fe_ring_spoil(r);
    r->n_taken = m->what == ONE_SLOT ? 1 : r->n_taken;
    for (unsigned int slot = 0; slot < r->n_taken && m->what != INDEX;
         slot++) {
        spoil(fe, r, slot, m);
    }
    fe_rx_release(r);
    if (m->what == INDEX) {
        spoil(fe, r, 0, m);
        fe_publish(r);
    }
    return fe_start_ring(fe, idx);
}

/* Sends one frame that is spoilt. */
static int
deviate_tx(struct frontend *fe, unsigned int idx, const struct misdeed *m)
{
    uint8_t frame[60] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
    struct fe_ring *r = &fe->rings[idx];
    uint16_t id;

    fe_tx_reclaim(r);
    fe_ring_spoil(r);
    if (!fe_tx(r, frame, sizeof frame)) {
        return ENOBUFS;
    }
    id = r->avail->ring[(r->avail_idx - 1) & r->mask];
    spoil(fe, r, id >> r->shift, m);
    fe_publish(r);
    return 0;
}

/* Does 'm', which stops the ring, 'n' times, and starts the ring again. */
static int
deviate_often(struct frontend *fe, unsigned int idx, const struct misdeed *m,
              unsigned int n)
{
    struct pollfd pfd = { .events = POLLIN };
    int error;

    pfd.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    error = fe_set_vring_fd(fe, FE_SET_VRING_ERR, idx, pfd.fd);
    for (unsigned int i = 0; i < n && !error; i++) {
        uint64_t value;

        error = deviate_tx(fe, idx, m);
        if (!error && (poll(&pfd, 1, STOP_TIMEOUT) != 1
                       || read(pfd.fd, &value, sizeof value) < 0)) {
            error = ETIMEDOUT;
        }
        if (!error) {
            error = fe_reset_rings(fe);
        }
    }
    if (!error) {
        error = fe_set_vring_fd(fe, FE_SET_VRING_ERR, idx, -1);
    }
    close(pfd.fd);
    return error;
}

static const struct misdeed *
find_misdeed(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(misdeeds); i++) {
        if (!strcmp(name, misdeeds[i].name)) {
            return &misdeeds[i];
        }
    }
    return NULL;
}

static void
cmd_deviate(struct unixctl_conn *conn, int argc, const char *argv[],
            void *g_)
{
    struct guest *g = g_;
    struct frontend *fe = &g->fe;
    unsigned int queue = 0, n = 0;
    const struct misdeed *m;
    bool rx = false;
    const char *value;
    int opt;

    while ((opt = command_option(&argc, &argv, "dnq", &value, conn)) != 0) {
        if (opt == 'd') {
            rx = !strcmp(value, "rx");
        } else if (opt == '?' || !command_number(value, 1000000, "number",
                                                 opt == 'q' ? &queue : &n,
                                                 conn)) {
            return;
        }
    }
    m = argc > 1 ? find_misdeed(argv[1]) : NULL;
    if (!m || 2 * queue + 1 >= fe->n_rings
        || fe->rings[2 * queue + 1].caps[0] < TX_TABLE_OFS + 64
        || fe->rings[2 * queue].caps[0] < RX_TABLE_OFS + 64) {
        unixctl_command_reply_error(conn, "no such misdeed, no such queue, or "
                                    "buffers too short for it");
        return;
    }

    int error = (n ? deviate_often(fe, 2 * queue + 1, m, n)
                 : rx ? deviate_rx(fe, 2 * queue, m)
                 : deviate_tx(fe, 2 * queue + 1, m));

    if (error) {
        command_result(conn, g, error);
    } else {
        unixctl_command_reply(conn, NULL);
    }
}

/* A second thread that changes headers while they are looked at. */
struct flipper {
    struct fe_ring *ring;
    bool stop;
};

static void *
flip_headers(void *f_)
{
    const struct flipper *f = f_;
    uint32_t x = 1;

    while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
        for (unsigned int slot = 0; slot < f->ring->n_slots; slot++) {
            volatile uint8_t *hdr = f->ring->segs[slot * f->ring->n_segs].va;

            x = x * UINT32_C(1664525) + UINT32_C(1013904223);
            hdr[0] = x >> 31;           /* NEEDS_CSUM, or not. */
            hdr[1] = x >> 30 & 1;       /* TCPv4, or nothing. */
            hdr[2 + (x >> 27) % 8] = x >> 16;
        }
    }
    return NULL;
}

static void
cmd_flip_headers(struct unixctl_conn *conn, int argc OVS_UNUSED,
                 const char *argv[], void *g_)
{
    uint8_t frame[60] = { 2, 0, 0, 0, 0, 21, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
    struct guest *g = g_;
    struct flipper f = { .ring = &g->fe.rings[1], .stop = false };
    unsigned int n, n_sent = 0;

    if (!g->fe.started
        || !command_number(argv[1], INT_MAX, "number", &n, conn)) {
        return;
    }

    long long int deadline = time_msec() + STOP_TIMEOUT;
    pthread_t thread = ovs_thread_create("flipper", flip_headers, &f);

    while (n_sent < n && time_msec() < deadline) {
        if (fe_tx(f.ring, frame, sizeof frame)) {
            fe_publish(f.ring);
            n_sent++;
        }
    }
    while (fe_ring_used_idx(f.ring) != f.ring->published
           && time_msec() < deadline) {
        poll(NULL, 0, 1);
    }
    __atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
    xpthread_join(thread, NULL);
    fe_tx_reclaim(f.ring);

    char *reply = xasprintf("sent %u\n", n_sent);

    unixctl_command_reply(conn, reply);
    free(reply);
}

void
frontend_deviate_init(struct guest *g)
{
    unixctl_command_register("deviate", "[-q QUEUE] [-d {rx | tx}] [-n TIMES] "
                             "KIND", 1, 7, cmd_deviate, g);
    unixctl_command_register("flip-headers", "COUNT", 1, 1, cmd_flip_headers,
                             g);
}
