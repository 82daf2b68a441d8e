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

/* Guests of the load generator: memory, rings, connection.  See
 * load-guest.h. */

#include <config.h>

#include "load-guest.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "frontend-ring.h"
#include "load-frame.h"
#include "openvswitch/util.h"
#include "util.h"

#define PAGE_SIZE 4096
#define HUGE_PAGE_SIZE (UINT64_C(2) << 20)

/* Regions lie this far apart in guest physical space. */
#define GPA_STEP (UINT64_C(4) << 30)

/* A packed ring begins with both wrap counters at 1, which is bit 15 of either
 * index (vhost-user, "Vring base"). */
#define PACKED_BASE UINT32_C(0x80008000)

#define LAYOUT_FEATURES (FE_BIT(FE_F_mrg_rxbuf) | FE_BIT(FE_F_version_1)    \
                         | FE_BIT(FE_F_event_idx) | FE_BIT(FE_F_in_order)   \
                         | FE_BIT(FE_F_ring_packed))

/* Parts of a ring, in bytes from its beginning, on cache lines of their own
 * and large enough for either kind of ring. */
static size_t
avail_offset(const struct load_config *c)
{
    return c->ring_size * sizeof(struct vring_desc);
}

static size_t
used_offset(const struct load_config *c)
{
    return avail_offset(c) + ROUND_UP(6 + 2 * c->ring_size, LOAD_LINE) + 64;
}

static size_t
ring_bytes(const struct load_config *c)
{
    return ROUND_UP(used_offset(c) + 6 + 8 * c->ring_size, PAGE_SIZE);
}

/* Where the virtio-net header is, from the beginning of a buffer. */
static size_t
header_offset(const struct load_config *c)
{
    return c->header_aligned ? 0 : LOAD_LINE - LOAD_HDR_LEN;
}

/* Bytes from one buffer of 'size' bytes with its header to the next: an odd
 * number of lines, so that first lines are spread over all sets of a cache. */
static uint32_t
stride(const struct load_config *c, uint32_t size)
{
    uint32_t n_lines = DIV_ROUND_UP(header_offset(c) + size, LOAD_LINE);

    return (n_lines | 1) * LOAD_LINE;
}

static uint64_t
buffers_bytes(const struct load_config *c, bool rx)
{
    uint32_t size = rx ? c->buf_size : LOAD_HDR_LEN + LOAD_MAX_FRAME;

    return ROUND_UP((uint64_t) c->ring_size * stride(c, size), PAGE_SIZE);
}

static struct load_ring *
get_ring(struct load_guest *g, unsigned int i)
{
    return i & 1 ? &g->tx[i / 2] : &g->rx[i / 2];
}

static int
fail(struct load_guest *g, int error, const char *what)
{
    snprintf(g->fe.error, sizeof g->fe.error, "%s: %s", what,
             ovs_strerror(error));
    return error;
}

/* Gives 'region' number 'i' of the guest a file of 'size' bytes. */
static int
make_region(struct load_guest *g, unsigned int i, uint64_t size)
{
    struct fe_region *region = &g->fe.mem.regions[i];
    bool huge = g->config->hugepages;

    region->size = ROUND_UP(size, huge ? HUGE_PAGE_SIZE : PAGE_SIZE);
    region->gpa = i * GPA_STEP;
    region->fd = memfd_create("load", MFD_CLOEXEC | (huge ? MFD_HUGETLB : 0));
    if (region->fd < 0 || ftruncate(region->fd, region->size)) {
        return fail(g, errno, "cannot create guest memory");
    }
    region->va = mmap(NULL, region->size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, region->fd, 0);
    if (region->va == MAP_FAILED) {
        return fail(g, errno, "cannot map guest memory");
    }
    region->uva = (uintptr_t) region->va;
    return 0;
}

/* Takes 'size' bytes of 'region'. */
static uint8_t *
take(struct fe_region *region, uint64_t size)
{
    uint8_t *p = region->va + region->used;

    region->used += size;
    ovs_assert(region->used <= region->size);
    return p;
}

static void
place_ring(struct load_guest *g, unsigned int i)
{
    const struct load_config *c = g->config;
    struct fe_region *region = &g->fe.mem.regions[i % c->n_regions];
    struct fe_ring *fr = &g->fe.rings[i];
    struct load_ring *r = get_ring(g, i);
    uint8_t *p = take(region, ring_bytes(c));

    r->desc = (void *) p;
    r->avail = (void *) (p + avail_offset(c));
    r->used = (void *) (p + used_offset(c));
    r->rx = !(i & 1);
    r->size = c->ring_size;
    r->mask = r->size - 1;
    r->buf = take(region, buffers_bytes(c, r->rx)) + header_offset(c);
    r->gpa = region->gpa + (r->buf - region->va);
    r->buf_size = c->buf_size;
    r->offsets = xcalloc(r->size, sizeof *r->offsets);
    load_ring_set_stride(r, stride(c, r->rx ? c->buf_size : LOAD_HDR_LEN));
    r->taken = xcalloc(2 * r->size + LOAD_MAX_BATCH, sizeof *r->taken);
    r->free = xcalloc(r->size, sizeof *r->free);
    r->kickfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    r->callfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    /* For the messages. */
    fr->desc = r->desc;
    fr->avail = r->avail;
    fr->used = r->used;
    fr->size = r->size;
    fr->rx = r->rx;
    fr->kickfd = r->kickfd;
    fr->callfd = r->callfd;
}

int
load_guest_init(struct load_guest *g, uint8_t id, const char *path,
                const struct load_config *c)
{
    struct fe_config fc = FE_CONFIG_INITIALIZER;
    uint64_t sizes[FE_MAX_REGIONS] = { 0 };

    fc.path = path;
    fc.server = c->server;
    fc.features = c->features;
    fc.protocol_features = FE_BIT(FE_P_mq) | FE_BIT(FE_P_reply_ack);
    fc.n_pairs = c->n_queues;
    fc.n_regions = c->n_regions;
    fc.ring_size = c->ring_size;

    memset(g, 0, sizeof *g);
    g->config = c;
    g->id = id;
    fe_init(&g->fe, &fc);
    g->fe.mem.n = c->n_regions;
    g->fe.n_rings = 2 * c->n_queues;
    g->fe.rings = xcalloc(g->fe.n_rings, sizeof *g->fe.rings);
    for (unsigned int i = 0; i < g->fe.n_rings; i++) {
        sizes[i % c->n_regions] += ring_bytes(c) + buffers_bytes(c, !(i & 1));
    }
    for (unsigned int i = 0; i < c->n_regions; i++) {
        int error = make_region(g, i, MAX(sizes[i], PAGE_SIZE));

        if (error) {
            return error;
        }
    }
    for (unsigned int i = 0; i < g->fe.n_rings; i++) {
        place_ring(g, i);
    }
    return c->server ? fe_listen(&g->fe) : 0;
}

void
load_guest_uninit(struct load_guest *g)
{
    for (unsigned int i = 0; i < g->fe.n_rings; i++) {
        free(get_ring(g, i)->offsets);
        free(get_ring(g, i)->taken);
        free(get_ring(g, i)->free);
    }
    fe_uninit(&g->fe);
}

/* Starts with empty rings of the kind that was negotiated. */
static int
start(struct load_guest *g)
{
    struct frontend *fe = &g->fe;
    struct fe_ring *rings = fe->rings;
    int error;

    /* Else it would insist on the features of an earlier connection, for the
     * sake of what is in the rings.  Ours begin empty. */
    fe->rings = NULL;
    error = fe_negotiate(fe);
    fe->rings = rings;
    if (error) {
        return error;
    }

    uint64_t lacking = (g->config->features & ~fe->features
                        & (LAYOUT_FEATURES & ~FE_BIT(FE_F_event_idx)));

    if (lacking) {
        snprintf(fe->error, sizeof fe->error, "back end does not offer "
                 "features %#"PRIx64, lacking);
        return EOPNOTSUPP;
    }
    g->packed = fe_has(fe, FE_F_ring_packed);
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        struct load_ring *r = get_ring(g, i);

        r->event_idx = fe_has(fe, FE_F_event_idx);
        r->in_order = fe_has(fe, FE_F_in_order);
        r->mergeable = fe_has(fe, FE_F_mrg_rxbuf);
        fe->rings[i].base = g->packed ? PACKED_BASE : 0;
        load_ring_reset(r, g->packed);
    }
    error = fe_set_features(fe, 0);
    if (!error) {
        error = fe_set_mem_table(fe);
    }
    /* As QEMU does: from these a back end learns how many rings there are
     * before it starts the first of them. */
    for (unsigned int i = 0; !error && i < fe->n_rings; i++) {
        error = fe_set_vring_fd(fe, FE_SET_VRING_CALL, i,
                                fe->rings[i].callfd);
    }
    return error ? error : fe_start_rings(fe);
}

int
load_guest_run(struct load_guest *g)
{
    if (g->ready && fe_lost(&g->fe)) {
        g->ready = false;
    }
    if (g->ready) {
        return 0;
    }

    int error = fe_connect(&g->fe);

    if (error) {
        /* Nobody there, or not yet. */
        snprintf(g->fe.error, sizeof g->fe.error, "not connected (%s)",
                 ovs_strerror(error));
        return EAGAIN;
    }
    error = start(g);
    if (error) {
        fe_disconnect(&g->fe);
        return error == ECONNRESET ? EAGAIN : error;
    }
    g->ready = true;
    return 0;
}

void
load_guests_wait(struct load_guest *guests, size_t n, int timeout)
{
    struct pollfd pfds[LOAD_MAX_GUESTS];
    size_t n_pfds = 0;

    for (size_t i = 0; i < n; i++) {
        if (!guests[i].ready && guests[i].fe.listen_fd >= 0) {
            pfds[n_pfds++] = (struct pollfd) {
                .fd = guests[i].fe.listen_fd, .events = POLLIN,
            };
        }
    }
    poll(pfds, n_pfds, timeout);
}

bool
load_guest_is_idle(struct load_guest *g)
{
    for (unsigned int i = 0; i < g->config->n_queues; i++) {
        struct load_ring *r = &g->tx[i];

        load_tx_reclaim(r, g->packed);
        if (load_tx_n_free(r) < r->size && !r->broken) {
            return false;
        }
    }
    return true;
}

void
load_guest_announce(struct load_guest *g)
{
    static const uint32_t len = LOAD_MIN_FRAME;
    struct load_template template = { .src = g->id, .dst = LOAD_BROADCAST };

    for (unsigned int i = 0; i < g->config->n_queues; i++) {
        struct load_ring *r = &g->tx[i];

        if (load_tx_room(r, r->size, g->packed) == r->size) {
            uint16_t slot = load_tx_slot(r);

            load_frame_write(load_buffer(r, slot) + LOAD_HDR_LEN, len,
                             &template);
            load_tx_put(r, slot, len, g->packed);
            load_publish(r, g->packed);
        }
    }
}

bool
load_guest_lay_out(struct load_guest *g, uint32_t size)
{
    if (!load_guest_is_idle(g)) {
        return false;
    }
    for (unsigned int i = 0; i < g->config->n_queues; i++) {
        struct load_ring *r = &g->tx[i];

        /* As far apart as buffers of 2 kB, at the least. */
        load_ring_set_stride(r, stride(g->config,
                                       LOAD_HDR_LEN + MAX(size, 2048)));
    }
    return true;
}

const char *
load_guest_broken(const struct load_guest *g)
{
    for (unsigned int i = 0; i < g->config->n_queues; i++) {
        if (g->rx[i].broken || g->tx[i].broken) {
            return g->rx[i].broken ? g->rx[i].broken : g->tx[i].broken;
        }
    }
    return NULL;
}
