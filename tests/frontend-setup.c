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


/* Test front end: negotiation, and what a VMM does to start and stop rings.
 * See frontend.h. */

#include <config.h>

#include "frontend.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "frontend-packed.h"
#include "frontend-ring.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(frontend_setup);

/* Ethernet header and two VLAN tags, on top of the MTU. */
#define FRAME_OVERHEAD (14 + 8)

/* What a Linux guest uses, about, if buffers can be merged. */
#define MERGEABLE_BUF 2048

/* Longest frame to send that has a place by default: longer than any back end
 * of ours takes. */
#define TX_BUF 16384

/* Device status (virtio 1.2, 2.1). */
#define STATUS_RUNNING 0x0f

/* Features that change what a ring looks like in memory. */
#define LAYOUT_FEATURES (FE_BIT(FE_F_mrg_rxbuf) | FE_BIT(FE_F_version_1) \
                         | FE_BIT(FE_F_any_layout)                      \
                         | FE_BIT(FE_F_indirect_desc)                   \
                         | FE_BIT(FE_F_event_idx)                       \
                         | FE_BIT(FE_F_ring_packed)                     \
                         | FE_BIT(FE_F_in_order))

void
fe_init(struct frontend *fe, const struct fe_config *config)
{
    memset(fe, 0, sizeof *fe);
    fe->config = *config;
    fe->fd = fe->listen_fd = -1;
}

static void
destroy_rings(struct frontend *fe)
{
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        fe_ring_uninit(&fe->rings[i]);
    }
    free(fe->rings);
    fe->rings = NULL;
    fe->n_rings = 0;
    fe_memory_destroy(&fe->mem);
}

void
fe_uninit(struct frontend *fe)
{
    fe_disconnect(fe);
    fe_unlisten(fe);
    destroy_rings(fe);
}

static void
init_ring(struct frontend *fe, unsigned int idx)
{
    const struct fe_config *c = &fe->config;
    bool rx = !(idx & 1);
    size_t hdr = sizeof(struct virtio_net_hdr_mrg_rxbuf);
    size_t buf = (rx ? c->rx_buf : c->tx_buf);

    if (!buf) {
        buf = (!rx ? TX_BUF
               : fe_has(fe, FE_F_mrg_rxbuf) ? MERGEABLE_BUF
               : hdr + c->mtu + FRAME_OVERHEAD);
    }

    struct fe_ring_config rc = {
        .size = c->ring_size,
        .rx = rx,
        .features = fe->features,
        .shape = rx ? c->rx_shape : c->tx_shape,
        .buf_size = buf,
        .interrupt = c->interrupt,
    };

    fe_ring_init(&fe->rings[idx], &fe->mem, &rc);
}

void
fe_create_rings(struct frontend *fe)
{
    destroy_rings(fe);
    fe_memory_init(&fe->mem, fe->config.n_regions);
    fe->n_rings = 2 * fe->config.n_pairs;
    fe->rings = xcalloc(fe->n_rings, sizeof *fe->rings);
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned int i = 0; i < fe->n_rings; i++) {
            if (pass) {
                fe_ring_uninit(&fe->rings[i]);
            }
            init_ring(fe, i);
        }
        if (!pass) {
            fe_memory_create(&fe->mem);
        }
    }
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        struct fe_ring *r = &fe->rings[i];

        r->kickfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        r->callfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (r->kickfd < 0 || r->callfd < 0) {
            ovs_fatal(errno, "eventfd");
        }
        fe_ring_reset(r, &fe->mem);
    }
}

int
fe_negotiate(struct frontend *fe)
{
    uint64_t old = fe->features;
    int error;

    fe->protocol_features = 0;
    fe->max_queues = 1;

    error = fe_get_u64(fe, FE_GET_FEATURES, &fe->offered);
    if (error) {
        return error;
    }
    fe->features = fe->offered & fe->config.features;

    if (fe_has(fe, FE_F_protocol_features)) {
        uint64_t wanted;

        error = fe_get_u64(fe, FE_GET_PROTOCOL_FEATURES,
                           &fe->protocol_offered);
        if (error) {
            return error;
        }
        wanted = fe->protocol_offered & fe->config.protocol_features;
        error = fe_set_u64(fe, FE_SET_PROTOCOL_FEATURES, wanted);
        if (error) {
            return error;
        }
        fe->protocol_features = wanted;
        if (fe_has_protocol(fe, FE_P_mq)) {
            error = fe_get_u64(fe, FE_GET_QUEUE_NUM, &fe->max_queues);
            if (error) {
                return error;
            }
        }
    }
    if (fe->config.n_pairs > fe->max_queues) {
        snprintf(fe->error, sizeof fe->error, "back end has only "
                 "%"PRIu64" queue pairs", fe->max_queues);
        return EPROTO;
    }

    struct fe_msg owner = { .request = FE_SET_OWNER };

    error = fe_set(fe, &owner, NULL, 0);
    if (error) {
        return error;
    }

    /* A guest goes on with the features it began with. */
    if (fe->rings && (fe->features ^ old) & LAYOUT_FEATURES) {
        if (old & LAYOUT_FEATURES & ~fe->offered) {
            snprintf(fe->error, sizeof fe->error, "back end lost features "
                     "%#"PRIx64, old & ~fe->offered);
            return EPROTO;
        }
        fe->features = (fe->features & ~LAYOUT_FEATURES)
                       | (old & LAYOUT_FEATURES);
    }
    return 0;
}

int
fe_set_features(struct frontend *fe, uint64_t extra)
{
    return fe_set_u64(fe, FE_SET_FEATURES, fe->features | extra);
}

void
fe_make_mem_table(const struct frontend *fe, struct fe_msg *msg,
                  int fds[FE_MAX_REGIONS])
{
    msg->request = FE_SET_MEM_TABLE;
    msg->mem.n = fe->mem.n;
    msg->mem.padding = 0;
    for (size_t i = 0; i < fe->mem.n; i++) {
        const struct fe_region *r = &fe->mem.regions[i];

        msg->mem.regions[i] = (struct fe_wire_region) {
            r->gpa, r->size, r->uva, r->offset,
        };
        fds[i] = r->fd;
    }
    msg->size = offsetof(struct fe_wire_mem, regions)
                + fe->mem.n * sizeof msg->mem.regions[0];
}

int
fe_set_mem_table(struct frontend *fe)
{
    int fds[FE_MAX_REGIONS];
    struct fe_msg msg;

    fe_make_mem_table(fe, &msg, fds);
    return fe_set(fe, &msg, fds, fe->mem.n);
}

void
fe_make_vring_addr(const struct frontend *fe, unsigned int idx,
                   struct fe_msg *msg)
{
    const struct fe_ring *r = &fe->rings[idx];
    const struct fe_ring_parts parts
        = (r->packed ? fe_packed_parts(r)
           : (struct fe_ring_parts) { r->desc, r->avail, r->used });

    *msg = (struct fe_msg) {
        .request = FE_SET_VRING_ADDR,
        .size = sizeof msg->addr,
        .addr = {
            .index = idx,
            .flags = fe->log_used,
            .desc = fe_memory_uva(&fe->mem, parts.desc),
            .used = fe_memory_uva(&fe->mem, parts.used),
            .avail = fe_memory_uva(&fe->mem, parts.avail),
            .log = fe->log_used ? fe_memory_gpa(&fe->mem, parts.used) : 0,
        },
    };
}

int
fe_set_vring_addr(struct frontend *fe, unsigned int idx)
{
    struct fe_msg msg;

    fe_make_vring_addr(fe, idx, &msg);
    return fe_set(fe, &msg, NULL, 0);
}

int
fe_start_ring(struct frontend *fe, unsigned int idx)
{
    struct fe_ring *r = &fe->rings[idx];
    int error;

    error = fe_set_vring(fe, FE_SET_VRING_NUM, idx, r->size);
    if (!error) {
        error = fe_set_vring(fe, FE_SET_VRING_BASE, idx, r->base);
    }
    if (!error) {
        error = fe_set_vring_addr(fe, idx);
    }
    if (!error) {
        error = fe_set_vring_fd(fe, FE_SET_VRING_KICK, idx, r->kickfd);
    }
    if (!error) {
        error = fe_set_vring_fd(fe, FE_SET_VRING_CALL, idx, r->callfd);
    }
    return error;
}

int
fe_enable_ring(struct frontend *fe, unsigned int idx, bool enable)
{
    /* Without protocol features, rings are enabled from the start. */
    return (fe_has(fe, FE_F_protocol_features)
            ? fe_set_vring(fe, FE_SET_VRING_ENABLE, idx, enable)
            : 0);
}

int
fe_set_status(struct frontend *fe, uint8_t status)
{
    return (fe_has_protocol(fe, FE_P_status)
            ? fe_set_u64(fe, FE_SET_STATUS, status)
            : 0);
}

int
fe_start_rings(struct frontend *fe)
{
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        int error = fe_start_ring(fe, i);

        if (!error) {
            error = fe_enable_ring(fe, i, true);
        }
        if (error) {
            return error;
        }
    }
    fe->started = true;

    /* What was made available in the meantime is still to be announced. */
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        fe_kick(&fe->rings[i]);
    }
    return 0;
}

int
fe_start(struct frontend *fe)
{
    int error = fe_negotiate(fe);

    if (error) {
        return error;
    }
    if (!fe->rings) {
        fe_create_rings(fe);
    }
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        /* A back end that is gone has dealt with what it used, as far as
         * anybody can know. */
        struct fe_ring *r = &fe->rings[i];
        uint16_t used = fe_ring_used_idx(r);

        r->base = r->packed ? fe_packed_base(r, false) : used;
    }

    error = fe_set_features(fe, 0);
    if (!error) {
        error = fe_set_mem_table(fe);
    }
    if (!error) {
        error = fe_start_rings(fe);
    }
    if (!error) {
        error = fe_set_status(fe, STATUS_RUNNING);
    }
    return error;
}

int
fe_stop_ring(struct frontend *fe, unsigned int idx)
{
    struct fe_ring *r = &fe->rings[idx];
    struct fe_msg msg = {
        .request = FE_GET_VRING_BASE,
        .size = sizeof msg.vring,
        .vring = { idx, 0 },
    };
    int error = fe_get(fe, &msg, NULL);

    if (error) {
        return error;
    }
    r->base = msg.vring.value;

    uint32_t used = fe_ring_used_idx(r);

    used = r->packed ? fe_packed_base(r, true) : used;
    if (msg.vring.index != idx || msg.vring.value != used) {
        snprintf(fe->error, sizeof fe->error, "ring %u stopped at "
                 "%"PRIu32" but used up to %"PRIu32, idx, msg.vring.value,
                 used);
        return EPROTO;
    }
    VLOG_DBG("ring %u stopped at %"PRIu32, idx, used);
    return 0;
}

int
fe_stop_rings(struct frontend *fe)
{
    int error = 0;

    fe->started = false;
    for (unsigned int i = 0; i < fe->n_rings && !error; i++) {
        error = fe_stop_ring(fe, i);
    }
    return error;
}

int
fe_reset_rings(struct frontend *fe)
{
    bool started = fe->started;

    if (started) {
        /* Where a ring stops is of no interest any more, but it must stop. */
        for (unsigned int i = 0; i < fe->n_rings; i++) {
            int error = fe_stop_ring(fe, i);

            if (error && error != EPROTO) {
                return error;
            }
        }
    }
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        fe_ring_reset(&fe->rings[i], &fe->mem);
    }
    return started ? fe_start_rings(fe) : 0;
}
