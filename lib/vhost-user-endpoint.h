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

#ifndef VHOST_USER_ENDPOINT_H
#define VHOST_USER_ENDPOINT_H 1

/* One vhost-user endpoint
 * =======================
 *
 * An endpoint and the life of its connection: waits for one, serves it, tells
 * its owner.  vhost-user.c keeps all endpoints and the thread.
 *
 * A server has one connection.  A second one is turned away at once if the
 * first is of a front end that has introduced itself (VHOST_USER_SET_OWNER);
 * such a front end may be quiet for as long as its guest takes to boot.
 * Otherwise the second waits in the socket's queue, and takes the place of the
 * first if that is still silent VHOST_USER_GRACE_MS after it came.
 *
 * A front end that sends a message that is refused is disconnected, and not
 * listened to for VHOST_USER_PENALTY_MS, so that it cannot keep the thread
 * busy.
 *
 * Thread-safety: members say whose they are.  'mutex' is held for moments
 * only, never during a grace period. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/list.h"
#include "openvswitch/thread.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "vhost-user-device.h"
#include "vhost-user-socket.h"
#include "vhost-user.h"

#define VHOST_USER_GRACE_MS 5000
#define VHOST_USER_PENALTY_MS 100

/* Time between attempts of a client to connect. */
#define VHOST_USER_RETRY_MS 1000

/* Messages served for one endpoint before it is the others' turn, and time, in
 * us, after which no further one is.  Some wait for a grace period. */
#define VHOST_USER_MAX_MESSAGES 16
#define VHOST_USER_TURN_US 1000

/* Files to close and memories to free after which nothing more is taken from a
 * front end, and time between looks whether that is done. */
#define VHOST_USER_MAX_ARREARS 16
#define VHOST_USER_ARREARS_MS 10

/* Least time between two calls of 'changed' for one endpoint: what a front end
 * can make the owner do is bounded. */
#define VHOST_USER_NOTIFY_MS 10

struct vhost_user_endpoint {
    struct vhost_user up;       /* First: aligned to a cache line. */
    struct ovs_list node;       /* Guarded by vhost-user.c's mutex. */

    /* Constant. */
    char *name;
    char *path;
    char *canonical;            /* See vhost_user_path_canonicalize(). */
    bool client;

    /* Any thread. */
    atomic_bool ring_failed;    /* vhost_user_ring_failed(). */
    atomic_bool closing;        /* Never false again. */

    /* Held while 'changed' runs. */
    struct ovs_mutex callback_mutex;
    void (*changed)(void *aux) OVS_GUARDED;
    void *aux OVS_GUARDED;

    /* Taken while callback_mutex is held, not the other way around. */
    struct ovs_mutex mutex;
    struct vhost_user_listener listener OVS_GUARDED;
    struct vhost_user_status status OVS_GUARDED;

    /* For the thread that serves endpoints. */
    struct slow_worker *worker; /* Does what could keep that thread. */
    struct vhost_user_link link;
    struct vhost_user_device dev;
    bool in_arrears;            /* And that was reported. */
    bool dirty;                 /* 'status' may be out of date. */
    bool was_ready;             /* And that was logged. */
    bool quiet;                 /* Failure to connect was logged. */
    long long int connected_at; /* When 'link' came about, in ms. */
    long long int idle_until;   /* Nothing is accepted before, in ms. */
    long long int notify_at;    /* 'changed' is not called before, in ms... */
    bool must_notify;           /* ...but then. */
    uint64_t n_connections;
    uint64_t n_refused;
    uint64_t n_turned_away;
    char last_error[192];
    struct vlog_rate_limit events; /* For what a peer does in good faith... */
    struct vlog_rate_limit faults; /* ...and what it should not do. */
};

static inline struct vhost_user_endpoint *
vhost_user_endpoint_cast(const struct vhost_user *vu)
{
    return CONTAINER_OF(CONST_CAST(struct vhost_user *, vu),
                        struct vhost_user_endpoint, up);
}

/* Makes an endpoint and begins to listen or to connect.  Same result as
 * vhost_user_open(). */
int vhost_user_endpoint_create(const struct vhost_user_config *,
                               void (*changed)(void *aux), void *aux,
                               struct vhost_user_endpoint **, char **errorp);

/* Stops listening and forgets the owner.  Any thread. */
void vhost_user_endpoint_close(struct vhost_user_endpoint *);

/* Removes a server's socket, if it is still ours, since the process is about
 * to die. */
void vhost_user_endpoint_abandon(struct vhost_user_endpoint *);

/* For the thread that serves endpoints: does what there is to do, waits for
 * more, and frees a closed endpoint.  'retry' says that it is time for clients
 * to connect. */
void vhost_user_endpoint_run(struct vhost_user_endpoint *, bool retry);
void vhost_user_endpoint_wait(struct vhost_user_endpoint *);
void vhost_user_endpoint_destroy(struct vhost_user_endpoint *);

/* True if the endpoint is a client without a connection. */
bool vhost_user_endpoint_wants_retry(const struct vhost_user_endpoint *);

#endif /* vhost-user-endpoint.h */
