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


/* unixctl command of test-frontend that breaks the rules of a ring, once.
 *
 * Each misdeed begins as a good frame to send, with all descriptors right,
 * and then one thing is made wrong. */

#include <config.h>

#include "frontend-commands.h"

#include <stdlib.h>

#include "frontend-guest.h"
#include "openvswitch/dynamic-string.h"
#include "unixctl.h"
#include "util.h"

/* Where in a slot an indirect table has room. */
#define TABLE_OFS 8192

/* What a misdeed may change. */
struct victim {
    struct frontend *fe;
    struct fe_ring *ring;
    unsigned int slot;
    struct vring_desc *head;    /* In the ring. */
    struct vring_desc *d;       /* First that describes a buffer. */
    struct vring_desc table;    /* For a table of one... */
    bool use_table;             /* ...if this is set. */
    uint64_t table_gpa;
    struct virtio_net_hdr *hdr;
};

static void
bad_head(struct victim *v)
{
    v->ring->avail->ring[(v->ring->avail_idx - 1) & v->ring->mask]
        = v->ring->size;
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
    v->d->flags = 0;
}

static void
only_header(struct victim *v)
{
    v->d->len = v->ring->hdr_len;
    v->d->flags = 0;
}

static void
short_frame(struct victim *v)
{
    v->d->len = v->ring->hdr_len + 13;
    v->d->flags = 0;
}

static void
write_only(struct victim *v)
{
    v->d->flags |= VRING_DESC_F_WRITE;
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
    v->d->flags = 0;
}

/* Makes the head point to a table of 'len' bytes whose only entry is what
 * described the buffer. */
static void
use_table(struct victim *v, uint32_t len)
{
    v->use_table = true;
    v->table = *v->d;
    *v->head = (struct vring_desc) {
        .addr = v->table_gpa, .len = len, .flags = VRING_DESC_F_INDIRECT,
    };
}

static void
nested_indirect(struct victim *v)
{
    use_table(v, sizeof v->table);
    v->table.flags = VRING_DESC_F_INDIRECT;
    v->table.addr = v->table_gpa;
    v->table.len = sizeof v->table;
}

static void
indirect_next(struct victim *v)
{
    use_table(v, sizeof v->table);
    v->head->flags |= VRING_DESC_F_NEXT;
}

static void
indirect_odd(struct victim *v)
{
    use_table(v, sizeof v->table + 1);
}

static void
indirect_empty(struct victim *v)
{
    use_table(v, 0);
}

static void
indirect_huge(struct victim *v)
{
    use_table(v, (v->ring->size + 1) * sizeof v->table);
}

static void
indirect_bad_address(struct victim *v)
{
    use_table(v, sizeof v->table);
    v->head->addr = fe_memory_end(&v->fe->mem) + FE_PAGE_SIZE;
}

static void
indirect_bad_next(struct victim *v)
{
    use_table(v, sizeof v->table);
    v->table.flags |= VRING_DESC_F_NEXT;
    v->table.next = 1;
}

static void
indirect_loop(struct victim *v)
{
    use_table(v, sizeof v->table);
    v->table.flags |= VRING_DESC_F_NEXT;
    v->table.next = 0;
    v->table.len = 1;
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
} misdeeds[] = {
    { "bad-head", bad_head },
    { "bad-next", bad_next },
    { "loop", loop },
    { "long-loop", long_loop },
    { "bad-address", bad_address },
    { "wrap-address", wrap_address },
    { "cross-end", cross_end },
    { "cross-regions", cross_regions },
    { "avail-jump", avail_jump },
    { "avail-back", avail_back },
    { "short-header", short_header },
    { "only-header", only_header },
    { "short-frame", short_frame },
    { "write-only-tx", write_only },
    { "huge-len", huge_len },
    { "zero-len", zero_len },
    { "nested-indirect", nested_indirect },
    { "indirect-next", indirect_next },
    { "indirect-odd", indirect_odd },
    { "indirect-empty", indirect_empty },
    { "indirect-huge", indirect_huge },
    { "indirect-bad-address", indirect_bad_address },
    { "indirect-bad-next", indirect_bad_next },
    { "indirect-loop", indirect_loop },
    { "csum-beyond", csum_beyond },
    { "gso-zero", gso_zero },
};

/* Makes all receive descriptors of 'r' read-only, or too short for a header:
 * the back end finds out when it has a frame for us. */
static void
spoil_rx(struct fe_ring *r, bool read_only)
{
    for (unsigned int slot = 0; slot < r->n_slots; slot++) {
        struct vring_desc *d = fe_slot_desc(r, slot);

        for (unsigned int i = 0; i < r->n_segs; i++) {
            if (read_only) {
                d[i].flags &= ~VRING_DESC_F_WRITE;
            } else {
                d[i].len = 1;
            }
        }
    }
}

static void
deviate_tx(struct guest *g, unsigned int queue, const struct misdeed *m,
           struct unixctl_conn *conn)
{
    struct fe_ring *r = &g->fe.rings[2 * queue + 1];
    uint8_t frame[60] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

    fe_tx_reclaim(r);
    fe_ring_spoil(r);
    if (r->caps[0] < TABLE_OFS + sizeof(struct vring_desc)) {
        unixctl_command_reply_error(conn, "the first piece is too short");
        return;
    }
    if (!fe_tx(r, frame, sizeof frame)) {
        unixctl_command_reply_error(conn, "the ring is full");
        return;
    }

    uint16_t id = r->avail->ring[(r->avail_idx - 1) & r->mask];
    unsigned int slot = id >> r->shift;
    const struct fe_addr *seg = &r->segs[slot * r->n_segs];
    struct victim v = {
        .fe = &g->fe,
        .ring = r,
        .slot = slot,
        .head = &r->desc[id],
        .d = fe_slot_desc(r, slot),
        .table_gpa = seg->gpa + TABLE_OFS,
        .hdr = ALIGNED_CAST(struct virtio_net_hdr *, seg->va),
    };

    m->apply(&v);
    if (v.use_table) {
        fe_store_desc(r, seg->va + TABLE_OFS, &v.table);
    }
    fe_publish(r);
    unixctl_command_reply(conn, NULL);
}

static void
cmd_deviate(struct unixctl_conn *conn, int argc, const char *argv[],
            void *g_)
{
    struct guest *g = g_;
    unsigned int queue = 0;
    const char *value;
    int opt;

    while ((opt = command_option(&argc, &argv, "q", &value, conn)) != 0) {
        if (opt == '?' || !command_number(value, 127, "queue", &queue,
                                          conn)) {
            return;
        }
    }
    if (argc < 2 || 2 * queue + 1 >= g->fe.n_rings) {
        unixctl_command_reply_error(conn, "no such queue");
        return;
    }
    if (!strcmp(argv[1], "read-only-rx") || !strcmp(argv[1], "short-rx")) {
        spoil_rx(&g->fe.rings[2 * queue], argv[1][0] == 'r');
        unixctl_command_reply(conn, NULL);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(misdeeds); i++) {
        if (!strcmp(argv[1], misdeeds[i].name)) {
            deviate_tx(g, queue, &misdeeds[i], conn);
            return;
        }
    }

    struct ds ds = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&ds, "misdeeds are: read-only-rx short-rx");
    for (size_t i = 0; i < ARRAY_SIZE(misdeeds); i++) {
        ds_put_format(&ds, " %s", misdeeds[i].name);
    }
    unixctl_command_reply_error(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

void
frontend_deviate_init(struct guest *g)
{
    unixctl_command_register("deviate", "[-q QUEUE] KIND", 1, 3, cmd_deviate,
                             g);
}
