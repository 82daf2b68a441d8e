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

/* vhost-user ports: all endpoints and the thread that serves them.
 *
 * Theory of operation: the thread looks at each endpoint whenever poll() says
 * that one of them has something to do, and frees those that were closed.
 * Nobody else frees an endpoint or takes it off the list, so that the thread
 * may use endpoints without holding the mutex, which it must not do while it
 * waits for a grace period.
 *
 * Thread-safety: 'endpoints' is guarded by 'endpoints_mutex'; members of an
 * endpoint are as vhost-user-endpoint.h says. */

#include <config.h>

#include "vhost-user.h"

#include <errno.h>
#include <limits.h>

#include "fatal-signal.h"
#include "guest-memory.h"
#include "latch.h"
#include "openvswitch/poll-loop.h"
#include "ovs-thread.h"
#include "packets.h"
#include "timeval.h"
#include "util.h"
#include "vhost-user-endpoint.h"
#include "vhost-user-proto.h"
#include "virtio-features.h"

static struct ovs_mutex endpoints_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list endpoints OVS_GUARDED_BY(endpoints_mutex)
    = OVS_LIST_INITIALIZER(&endpoints);

/* Wakes up the thread. */
static struct latch wakeup;

uint64_t
vhost_user_default_features(void)
{
    return (VIRTIO_FEATURE(MTU)
            | VIRTIO_FEATURE(MRG_RXBUF)
            | VIRTIO_FEATURE(CTRL_VQ)
            | VIRTIO_FEATURE(CTRL_RX)
            | VIRTIO_FEATURE(GUEST_ANNOUNCE)
            | VIRTIO_FEATURE(MQ)
            | VIRTIO_FEATURE(LOG_ALL)
            | VIRTIO_FEATURE(ANY_LAYOUT)
            | VIRTIO_FEATURE(INDIRECT_DESC)
            | VIRTIO_FEATURE(EVENT_IDX)
            | VIRTIO_FEATURE(PROTOCOL_FEATURES)
            | VIRTIO_FEATURE(VERSION_1)
            | VIRTIO_FEATURE(RING_PACKED)
            | VIRTIO_FEATURE(IN_ORDER));
}

uint64_t
vhost_user_default_protocol_features(void)
{
    return (VHOST_USER_PF(MQ)
            | VHOST_USER_PF(LOG_SHMFD)
            | VHOST_USER_PF(RARP)
            | VHOST_USER_PF(REPLY_ACK)
            | VHOST_USER_PF(NET_MTU)
            | VHOST_USER_PF(RESET_DEVICE)
            | VHOST_USER_PF(STATUS));
}

const char *
vhost_user_state_name(enum vhost_user_state state)
{
    switch (state) {
    case VHOST_USER_LISTENING:
        return "listening";

    case VHOST_USER_CONNECTING:
        return "connecting";

    case VHOST_USER_NEGOTIATING:
        return "negotiating";

    case VHOST_USER_READY:
        return "ready";

    default:
        return "unknown";
    }
}


/* The thread. */

/* Returns the endpoint after 'ep', or the first if that is NULL. */
static struct vhost_user_endpoint *
next_endpoint(const struct vhost_user_endpoint *ep)
    OVS_EXCLUDED(endpoints_mutex)
{
    struct ovs_list *next;

    ovs_mutex_lock(&endpoints_mutex);
    next = ep ? ep->node.next : endpoints.next;
    if (next == &endpoints) {
        next = NULL;
    }
    ovs_mutex_unlock(&endpoints_mutex);
    return next ? CONTAINER_OF(next, struct vhost_user_endpoint, node) : NULL;
}

static void
run_endpoints(bool retry)
{
    struct vhost_user_endpoint *next;

    for (struct vhost_user_endpoint *ep = next_endpoint(NULL); ep; ep = next) {
        bool closing;

        next = next_endpoint(ep);
        atomic_read(&ep->closing, &closing);
        if (closing) {
            ovs_mutex_lock(&endpoints_mutex);
            ovs_list_remove(&ep->node);
            ovs_mutex_unlock(&endpoints_mutex);
            vhost_user_endpoint_destroy(ep);
        } else {
            vhost_user_endpoint_run(ep, retry);
        }
    }
}

static void *
vhost_user_main(void *aux OVS_UNUSED)
{
    long long int retry_at = 0;

    for (;;) {
        bool retry = time_msec() >= retry_at;
        bool wants_retry = false;
        unsigned int interval = UINT_MAX;

        if (retry) {
            retry_at = time_msec() + VHOST_USER_RETRY_MS;
        }
        latch_poll(&wakeup);
        run_endpoints(retry);

        /* Only now: a grace period in between would forget what we wait
         * for. */
        for (struct vhost_user_endpoint *ep = next_endpoint(NULL); ep;
             ep = next_endpoint(ep)) {
            vhost_user_endpoint_wait(ep);
            wants_retry |= vhost_user_endpoint_wants_retry(ep);
            interval = MIN(interval, vhost_user_device_recheck(&ep->dev));
        }
        if (interval != UINT_MAX) {
            poll_timer_wait(interval);
        }
        if (wants_retry) {
            poll_timer_wait_until(retry_at);
        }
        latch_wait(&wakeup);
        poll_block();
    }
    return NULL;
}

/* Removes the sockets of a process that is about to die, which does not close
 * its ports one by one. */
static void
abandon_endpoints(void *aux OVS_UNUSED)
{
    struct vhost_user_endpoint *ep;

    if (!ovs_mutex_trylock(&endpoints_mutex)) {
        LIST_FOR_EACH (ep, node, &endpoints) {
            vhost_user_endpoint_abandon(ep);
        }
        ovs_mutex_unlock(&endpoints_mutex);
    }
}

static void
start_thread(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;

    if (ovsthread_once_start(&once)) {
        guest_memory_init();
        latch_init(&wakeup);
        fatal_signal_add_hook(abandon_endpoints, NULL, NULL, true);
        ovs_thread_create("ovs_vhost", vhost_user_main, NULL);
        ovsthread_once_done(&once);
    }
}

/* For the owners of endpoints. */

/* Returns the endpoint with path 'canonical' that is not about to go, or
 * NULL. */
static const struct vhost_user_endpoint *
find_endpoint(const char *canonical)
    OVS_REQUIRES(endpoints_mutex)
{
    struct vhost_user_endpoint *ep;

    LIST_FOR_EACH (ep, node, &endpoints) {
        bool closing;

        atomic_read(&ep->closing, &closing);
        if (!closing && !strcmp(ep->canonical, canonical)) {
            return ep;
        }
    }
    return NULL;
}

int
vhost_user_open(const struct vhost_user_config *config,
                void (*changed)(void *aux), void *aux,
                struct vhost_user **vup, char **errorp)
{
    char *canonical = vhost_user_path_canonicalize(config->path);
    const struct vhost_user_endpoint *other;
    struct vhost_user_endpoint *ep;
    int error;

    ovs_assert(config->max_queue_pairs >= 1
               && config->max_queue_pairs <= VHOST_USER_MAX_QUEUE_PAIRS);
    *vup = NULL;
    *errorp = NULL;
    start_thread();

    ovs_mutex_lock(&endpoints_mutex);
    other = find_endpoint(canonical);
    if (other) {
        *errorp = xasprintf("%s: port %s uses this socket", config->path,
                            other->name);
        error = EADDRINUSE;
    } else {
        error = vhost_user_endpoint_create(config, changed, aux, &ep, errorp);
        if (!error) {
            ovs_list_push_back(&endpoints, &ep->node);
            *vup = &ep->up;
        }
    }
    ovs_mutex_unlock(&endpoints_mutex);
    free(canonical);

    latch_set(&wakeup);
    return error;
}

void
vhost_user_close(struct vhost_user *vu)
{
    if (vu) {
        vhost_user_endpoint_close(vhost_user_endpoint_cast(vu));
        latch_set(&wakeup);
    }
}

void
vhost_user_get_status(const struct vhost_user *vu,
                      struct vhost_user_status *status)
{
    struct vhost_user_endpoint *ep = vhost_user_endpoint_cast(vu);

    ovs_mutex_lock(&ep->mutex);
    *status = ep->status;
    ovs_mutex_unlock(&ep->mutex);
}

void
vhost_user_ring_failed(struct vhost_user *vu)
{
    struct vhost_user_endpoint *ep = vhost_user_endpoint_cast(vu);
    bool known;

    atomic_read_relaxed(&ep->ring_failed, &known);
    if (!known) {
        atomic_store(&ep->ring_failed, true);
        latch_set(&wakeup);
    }
}

bool
vhost_user_take_rarp(struct vhost_user *vu, struct eth_addr *mac)
{
    uint64_t value;

    /* Before the address, so that one that comes in between is not
     * forgotten. */
    atomic_store(&vu->rarp_pending, false);
    atomic_read(&vu->rarp_mac, &value);
    while (value & VHOST_USER_RARP_VALID) {
        if (atomic_compare_exchange_strong(&vu->rarp_mac, &value,
                                           UINT64_C(0))) {
            eth_addr_from_uint64(value & ~VHOST_USER_RARP_VALID, mac);
            return true;
        }
    }
    return false;
}
