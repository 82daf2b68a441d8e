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

#ifndef VHOST_USER_SESSION_H
#define VHOST_USER_SESSION_H 1

/* State of a vhost-user connection
 * ================================
 *
 * All that a front end has told us over one connection, as one plain
 * description: numbers, and the memory map, the dirty log and the descriptors
 * that it handed over.  Nothing here says how we act on it, so that it can be
 * checked by pure functions (vhost-user-msg.h) and written down and taken up
 * again.
 *
 * Thread-safety: belongs to the one thread that serves the connection. */

#include <stdbool.h>
#include <stdint.h>

#include "vhost-user.h"
#include "virtio-features.h"
#include "virtqueue.h"

struct guest_memory;
struct dirty_log;

/* One vring.  Descriptors are eventfds or -1, and owned. */
struct vhost_user_vring {
    uint16_t size;              /* Entries; 0 until SET_VRING_NUM. */
    uint32_t base;              /* Next entry to take, while not running, as
                                 * in VHOST_USER_SET_VRING_BASE. */

    /* From SET_VRING_ADDR, in the front end's own address space. */
    bool has_addr;
    bool log_used;              /* Log writes to the used ring, ... */
    uint64_t log;               /* ...from this guest physical address. */
    uint64_t desc;
    uint64_t avail;
    uint64_t used;

    bool kicked;                /* SET_VRING_KICK started it. */
    bool enabled;               /* SET_VRING_ENABLE. */
    int kickfd;
    int callfd;
    struct peer_signal *call;   /* Of 'callfd', or NULL. */
    int errfd;

    bool running;               /* Threads that move frames can see it. */
    enum virtqueue_error error; /* Why it had to be stopped, if it had. */
    uint64_t seen;              /* For virtqueue_recheck(). */
};

struct vhost_user_session {
    /* Ours, the same for each connection. */
    uint64_t offered_features;
    uint64_t offered_protocol_features;
    unsigned int n_vrings;      /* That a front end may use. */

    /* The front end's. */
    bool owned;                 /* SET_OWNER. */
    bool features_acked;        /* SET_FEATURES... */
    uint64_t features;          /* ...and what it said. */
    bool protocol_features_acked;
    uint64_t protocol_features;
    uint8_t status;             /* Virtio device status. */
    uint16_t mtu;               /* Bytes; 0 if it said none. */
    struct guest_memory *mem;   /* NULL until SET_MEM_TABLE. */
    struct dirty_log *log;      /* NULL until SET_LOG_BASE. */
    int logfd;                  /* From SET_LOG_FD, or -1. */
    struct vhost_user_vring vrings[VHOST_USER_MAX_VRINGS];
};

/* True if the vrings of 's' are packed. */
static inline bool
vhost_user_session_is_packed(const struct vhost_user_session *s)
{
    return s->features & VIRTIO_FEATURE(RING_PACKED);
}

/* True if a vring of 's' runs. */
static inline bool
vhost_user_session_runs(const struct vhost_user_session *s)
{
    for (unsigned int i = 0; i < s->n_vrings; i++) {
        if (s->vrings[i].running) {
            return true;
        }
    }
    return false;
}

#endif /* vhost-user-session.h */
