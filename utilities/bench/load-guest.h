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

#ifndef LOAD_GUEST_H
#define LOAD_GUEST_H 1

/* A guest of the load generator
 * =============================
 *
 * Memory, rings and the connection to one vhost-user socket.  Messages are
 * the test front end's (tests/frontend.h); memory and rings are not: these
 * are laid out for speed, and in a friendly way.
 *
 * Thread-safety: none; one thread. */

#include "frontend.h"
#include "load-ring.h"

#define LOAD_MAX_GUESTS 64
#define LOAD_MAX_QUEUES 16
#define LOAD_MAX_FRAME 9216     /* Bytes. */

struct load_config {
    uint64_t features;          /* Wanted, if they are offered. */
    unsigned int n_queues;      /* Pairs. */
    unsigned int n_regions;     /* Of memory. */
    uint16_t ring_size;
    uint32_t buf_size;          /* Bytes of a receive buffer, with header. */
    bool server;                /* We listen. */
    bool hugepages;
    bool header_aligned;        /* Not the frame but the virtio-net header
                                 * begins at a cache line. */
};

struct load_guest {
    struct frontend fe;
    const struct load_config *config;
    uint8_t id;                 /* Number of the guest, from 0. */
    bool ready;                 /* All rings run and are enabled. */
    bool packed;
    struct load_ring rx[LOAD_MAX_QUEUES];
    struct load_ring tx[LOAD_MAX_QUEUES];
};

/* Makes the memory of guest 'id', which belongs to socket 'path', and listens
 * if 'config' says so.  Returns 0 or a positive errno value, with
 * an explanation in 'guest->fe.error'. */
int load_guest_init(struct load_guest *, uint8_t id, const char *path,
                    const struct load_config *config);
void load_guest_uninit(struct load_guest *);

/* Tries once to connect and to start all rings, if they do not run.  Returns
 * 0 if they do, EAGAIN if there is nobody to talk to, otherwise a positive
 * errno value, with an explanation in 'guest->fe.error'. */
int load_guest_run(struct load_guest *);

/* Waits until load_guest_run() may be worth a try, at most 'timeout' ms. */
void load_guests_wait(struct load_guest *, size_t n, int timeout);

/* True if the back end has taken all that was sent on all rings. */
bool load_guest_is_idle(struct load_guest *);

/* Sends an empty frame to everybody on each ring, if all are idle: switches
 * learn from it, and once it is taken the back end is known to be at work. */
void load_guest_announce(struct load_guest *);

/* Lays out transmit buffers for frames of up to 'size' bytes.  Returns false
 * if the back end has not given all of them back. */
bool load_guest_lay_out(struct load_guest *, uint32_t size);

/* What is wrong with one of the rings, or NULL. */
const char *load_guest_broken(const struct load_guest *);

#endif /* load-guest.h */
