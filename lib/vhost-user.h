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

#ifndef VHOST_USER_H
#define VHOST_USER_H 1

/* vhost-user ports
 * ================
 *
 * An endpoint is one UNIX socket, on which we listen ("server") or which we
 * connect to again and again ("client"), and the connection on it, if any.
 * All endpoints are served by one thread, "ovs_vhost", without blocking.
 *
 * That thread alone changes a connection.  Everybody else sees a connection
 * through two things it publishes: virtqueues, for the threads that move
 * frames (vhost_user_vq()), and a snapshot of its state, for the threads that
 * configure and show (vhost_user_get_status()).
 *
 * Thread-safety: all functions are safe from any thread, but open and close
 * of one endpoint are for one thread.  No function blocks. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "openvswitch/types.h"
#include "ovs-rcu.h"
#include "virtqueue.h"

#define VHOST_USER_MAX_QUEUE_PAIRS 128
#define VHOST_USER_MAX_VRINGS (2 * VHOST_USER_MAX_QUEUE_PAIRS)

/* Longest path of a UNIX socket, without the final null (unix(7)). */
#define VHOST_USER_MAX_PATH 107

struct vhost_user_config {
    const char *name;           /* Of the port, for messages. */
    const char *path;           /* Of the socket. */
    bool client;                /* We connect, else we listen. */
    uint64_t features;          /* Virtio features to offer. */
    uint64_t protocol_features; /* vhost-user protocol features to offer. */
    uint16_t max_queue_pairs;   /* 1 to VHOST_USER_MAX_QUEUE_PAIRS. */
};

/* What is offered unless something else is asked for. */
#define VHOST_USER_FEATURES_DEFAULT \
    vhost_user_default_features()
uint64_t vhost_user_default_features(void);
uint64_t vhost_user_default_protocol_features(void);

enum vhost_user_state {
    VHOST_USER_LISTENING,       /* Server without a connection. */
    VHOST_USER_CONNECTING,      /* Client without a connection. */
    VHOST_USER_NEGOTIATING,     /* Connected, not all of a queue pair runs. */
    VHOST_USER_READY,           /* At least one queue pair runs. */
};
const char *vhost_user_state_name(enum vhost_user_state);

struct vhost_user_vring_status {
    uint16_t size;              /* Entries, 0 if not yet known. */
    bool started;
    bool enabled;
    enum virtqueue_error error;
};

/* A consistent picture of an endpoint. */
struct vhost_user_status {
    enum vhost_user_state state;
    uint64_t features;          /* Negotiated; 0 while not connected. */
    uint64_t protocol_features;
    unsigned int n_queue_pairs; /* With rings set up. */
    unsigned int n_vrings;      /* Elements of 'vrings' that mean something. */
    struct vhost_user_vring_status vrings[VHOST_USER_MAX_VRINGS];
    unsigned int n_regions;
    uint64_t memory_size;       /* Bytes, all regions. */
    int numa_node;              /* -1 if not known. */
    uint16_t mtu;               /* The guest's, 0 if it said none. */
    uint64_t n_connections;     /* Since the endpoint was opened. */
    uint64_t n_refused;         /* Messages refused, likewise. */
    uint64_t n_stopped;         /* Vrings stopped for an offence, likewise. */
    uint64_t n_turned_away;     /* Connections refused since there was one. */
    char last_error[192];       /* "" if there was none. */
};

/* Marks 'rarp_mac', below, as holding an address. */
#define VHOST_USER_RARP_VALID (UINT64_C(1) << 48)

struct vhost_user {
    /* See vhost_user_take_rarp(). */
    atomic_bool rarp_pending;
    atomic_uint64_t rarp_mac;   /* VHOST_USER_RARP_VALID and the address. */

    /* Virtqueues that run and are enabled: element 2i is the guest's receive
     * queue i, 2i+1 its transmit queue i. */
    OVSRCU_TYPE(struct virtqueue *) vqs[VHOST_USER_MAX_VRINGS];

    /* By vring; go on across connections. */
    struct virtqueue_stats stats[VHOST_USER_MAX_VRINGS];

    /* The rest is private to vhost-user.c. */
};

/* Opens an endpoint as 'config' says.  'changed' is called with 'aux' from the
 * thread that serves the sockets after each change of state, with no lock
 * held that the functions here take but vhost_user_close(); not after that
 * returned, so it must not wait for a mutex that is held around it.
 *
 * Returns 0 and stores the endpoint in '*vup', or a positive errno value and
 * an explanation in '*errorp' (malloc'd): ENAMETOOLONG for a path over
 * VHOST_USER_MAX_PATH bytes, EADDRINUSE for a path that another endpoint or
 * another process has, EEXIST for a file there that is no socket, ENOENT,
 * ENOTDIR or EACCES for a directory that is missing or not writable.  A
 * client's server need not be there. */
int vhost_user_open(const struct vhost_user_config *,
                    void (*changed)(void *aux), void *aux,
                    struct vhost_user **vup, char **errorp);

/* Closes 'vu' and removes its socket.  No thread may move frames on it any
 * more.  'vu' itself is freed later by the thread that serves it. */
void vhost_user_close(struct vhost_user *vu);

void vhost_user_get_status(const struct vhost_user *,
                           struct vhost_user_status *);

/* The virtqueue for vring 'idx', or NULL if it does not run.  Valid until the
 * calling thread quiesces. */
static inline struct virtqueue *
vhost_user_vq(const struct vhost_user *vu, unsigned int idx)
{
    return ovsrcu_get(struct virtqueue *, &vu->vqs[idx]);
}

/* Tells the thread that serves 'vu' that a ring has stopped itself: it logs
 * why and takes the ring out of service.  For the datapath, which finds
 * virtqueue_get_error() set; cheap when called again. */
void vhost_user_ring_failed(struct vhost_user *vu);

/* If the front end asked for a RARP frame (VHOST_USER_SEND_RARP), stores the
 * address to announce in '*mac', forgets it and returns true. */
bool vhost_user_take_rarp(struct vhost_user *, struct eth_addr *mac);

/* False if there is surely none. */
static inline bool
vhost_user_has_rarp(const struct vhost_user *vu)
{
    bool pending;

    atomic_read_relaxed(&CONST_CAST(struct vhost_user *, vu)->rarp_pending,
                        &pending);
    return pending;
}

#endif /* vhost-user.h */
