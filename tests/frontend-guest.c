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


/* The little guest of the test front end: moves frames.  See
 * frontend-guest.h. */

#include <config.h>

#include "frontend-guest.h"

#include <errno.h>

#include "csum.h"
#include "frontend-dirty.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(guest);

/* Bursts taken from one ring in a row. */
#define MAX_BURSTS 8

/* Between attempts to connect, and between looks at rings that are polled, in
 * ms. */
#define RETRY_INTERVAL 100
#define POLL_INTERVAL 1

void
guest_init(struct guest *g, const struct fe_config *config)
{
    memset(g, 0, sizeof *g);
    fe_init(&g->fe, config);
    capture_init(&g->capture);
    streams_init(&g->streams);
}

void
guest_destroy(struct guest *g)
{
    fe_disconnect(&g->fe);
    fe_dirty_stop(g->dirty);
    fe_uninit(&g->fe);
    capture_destroy(&g->capture);
    streams_destroy(&g->streams);
}

bool
guest_tx(struct guest *g, unsigned int queue, const void *frame, size_t len)
{
    unsigned int idx = 2 * queue + 1;

    return idx < g->fe.n_rings && fe_tx(&g->fe.rings[idx], frame, len);
}

bool
guest_tx_header(struct guest *g, unsigned int queue, const void *frame,
                size_t len, const struct virtio_net_hdr *hdr)
{
    if (!hdr->flags) {
        return guest_tx(g, queue, frame, len);
    }
    if (2 * queue + 1 >= g->fe.n_rings) {
        return false;
    }

    struct fe_ring *r = &g->fe.rings[2 * queue + 1];

    fe_ring_spoil(r);
    if (!fe_tx(r, frame, len)) {
        return false;
    }
    fe_tx_set_header(r, hdr);
    return true;
}

void
guest_flush(struct guest *g)
{
    for (unsigned int i = 1; i < g->fe.n_rings; i += 2) {
        fe_publish(&g->fe.rings[i]);
    }
}

size_t
guest_l3_ofs(const uint8_t *frame, size_t len, uint16_t *type)
{
    size_t ofs = 12;

    while (len >= ofs + 2) {
        *type = frame[ofs] << 8 | frame[ofs + 1];
        if (*type != ETH_TYPE_VLAN_8021Q && *type != ETH_TYPE_VLAN_8021AD) {
            return ofs + 2;
        }
        ofs += VLAN_HEADER_LEN;
    }
    return 0;
}

/* Does what the header of 'f' asks for.  False if it makes no sense. */
static bool
input_header(struct guest *g, const struct fe_frame *f)
{
    const uint32_t start = f->hdr.csum_start;
    const uint32_t offset = f->hdr.csum_offset;

    g->n_data_valid += !!(f->hdr.flags & VIRTIO_NET_HDR_F_DATA_VALID);
    if (f->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        uint8_t *frame = CONST_CAST(uint8_t *, f->data);
        ovs_be16 sum;

        if (start < ETH_HEADER_LEN || start + offset + sizeof sum > f->len) {
            return false;
        }
        sum = csum(frame + start, f->len - start);
        memcpy(frame + start + offset, &sum, sizeof sum);
        g->n_needs_csum++;
    }
    return true;
}

static void
input(struct guest *g, unsigned int queue, const struct fe_frame *f)
{
    if (!input_header(g, f)) {
        g->fe.rings[2 * queue].stats.bad_header++;
        return;
    }
    if (f->len < ETH_HEADER_LEN || stream_input(g, queue, f->data, f->len)) {
        return;
    }
    capture_add(&g->capture, queue, f->data, f->len);
    guest_input_ip(g, queue, f->data, f->len);
}

/* Takes frames from queue 'queue'.  True if there may be more. */
static bool
receive(struct guest *g, unsigned int queue)
{
    struct fe_ring *r = &g->fe.rings[2 * queue];

    for (int i = 0; i < MAX_BURSTS; i++) {
        struct fe_frame frames[FE_BURST];
        unsigned int n = fe_rx_burst(r, frames, FE_BURST);

        for (unsigned int j = 0; j < n; j++) {
            input(g, queue, &frames[j]);
        }
        fe_rx_release(r);
        if (n < FE_BURST) {
            return false;
        }
    }
    return true;
}

static void
connect_and_start(struct guest *g)
{
    struct frontend *fe = &g->fe;
    int error;

    if (g->offline || (!fe->config.server && time_msec() < g->next_try)) {
        return;
    }

    /* The log of a migration ends with the connection. */
    fe_dirty_stop(g->dirty);
    g->dirty = NULL;

    error = fe_connect(fe);
    if (error) {
        if (error != EAGAIN && error != ENOENT && error != ECONNREFUSED) {
            VLOG_WARN("%s: cannot connect (%s)", fe->config.path,
                      ovs_strerror(error));
        }
        g->next_try = time_msec() + RETRY_INTERVAL;
        return;
    }

    error = fe_start(fe);
    if (error) {
        VLOG_WARN("%s: cannot start: %s (%s)", fe->config.path, fe->error,
                  ovs_strerror(error));
        fe_disconnect(fe);
        g->next_try = time_msec() + RETRY_INTERVAL;
        return;
    }
    VLOG_INFO("%s: connected and started", fe->config.path);
}

void
guest_run(struct guest *g)
{
    struct frontend *fe = &g->fe;

    if (fe->fd >= 0 && fe_lost(fe)) {
        VLOG_INFO("%s: connection lost", fe->config.path);
        g->next_try = time_msec();
    }
    if (fe->fd < 0) {
        connect_and_start(g);
    }

    g->busy = false;
    for (unsigned int i = 0; i < fe->n_rings / 2; i++) {
        fe_ring_clear_call(&fe->rings[2 * i]);
        fe_ring_clear_call(&fe->rings[2 * i + 1]);
        g->busy |= receive(g, i);
    }
    guest_ping_run(g);
    g->busy |= streams_run(g);
    guest_flush(g);
    capture_run(&g->capture);
}

/* Waits for 'r' to be used. */
static void
wait_for_ring(struct fe_ring *r)
{
    if (!fe_ring_arm(r)) {
        poll_immediate_wake();
    } else {
        poll_fd_wait(r->callfd, POLLIN);
    }
}

void
guest_wait(struct guest *g)
{
    struct frontend *fe = &g->fe;

    capture_wait(&g->capture);
    guest_ping_wait(g);
    streams_wait(g);
    if (g->busy) {
        poll_immediate_wake();
    }
    if (fe->fd >= 0) {
        poll_fd_wait(fe->fd, POLLIN);
    } else if (g->offline) {
        return;
    } else if (fe->config.server) {
        poll_fd_wait(fe->listen_fd, POLLIN);
    } else {
        poll_timer_wait_until(g->next_try);
    }

    if (!fe->started) {
        return;
    }
    if (!fe->config.interrupt) {
        poll_timer_wait(POLL_INTERVAL);
        return;
    }
    for (unsigned int i = 0; i < fe->n_rings; i++) {
        struct fe_ring *r = &fe->rings[i];

        /* The guest wants to know of frames sent only when it has no place
         * for more. */
        if (!r->rx && r->interrupt != g->streams.blocked) {
            fe_ring_set_interrupt(r, g->streams.blocked);
        }
        if (r->interrupt && !r->broken) {
            wait_for_ring(r);
        }
    }
}

void
guest_set_interrupt(struct guest *g, bool interrupt)
{
    g->fe.config.interrupt = interrupt;
    for (unsigned int i = 0; i < g->fe.n_rings; i += 2) {
        fe_ring_set_interrupt(&g->fe.rings[i], interrupt);
        fe_ring_set_interrupt(&g->fe.rings[i + 1], false);
    }
}
