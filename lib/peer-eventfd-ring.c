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

/* Eventfds of a peer that are signalled often: see peer-eventfd.h.
 *
 * Theory of operation: a ring of io_uring has one eventfd, so each of these
 * eventfds has a ring, of one entry.  An operation that does nothing is over
 * within the system call that submits it, and the kernel signals that.
 *
 * A file of its own, since what liburing and Open vSwitch include for atomic
 * operations does not go together.
 *
 * Thread-safety: see peer-eventfd.h. */

#include <config.h>

#include "peer-eventfd.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

struct peer_signal {
    struct io_uring ring;
    bool registered;            /* The kernel knows the eventfd.  Atomic. */
};

int
peer_signal_open(int fd, struct peer_signal **psp)
{
    struct peer_signal *ps = calloc(1, sizeof *ps);
    int error = ps ? -io_uring_queue_init(1, &ps->ring, 0) : ENOMEM;

    *psp = NULL;
    if (!error) {
        error = -io_uring_register_eventfd(&ps->ring, fd);
        if (!error) {
            ps->registered = true;
            *psp = ps;
            return 0;
        }
        io_uring_queue_exit(&ps->ring);
    }
    free(ps);
    return error;
}

void
peer_signal_destroy(struct peer_signal *ps)
{
    if (ps) {
        io_uring_queue_exit(&ps->ring);
        free(ps);
    }
}

void
peer_signal_renew(struct peer_signal *ps, int fd)
{
    if (ps) {
        __atomic_store_n(&ps->registered, false, __ATOMIC_RELEASE);
        io_uring_unregister_eventfd(&ps->ring);
        if (!io_uring_register_eventfd(&ps->ring, fd)) {
            __atomic_store_n(&ps->registered, true, __ATOMIC_RELEASE);
        }
    }
}

bool
peer_signal_try(struct peer_signal *ps)
{
    if (!__atomic_load_n(&ps->registered, __ATOMIC_ACQUIRE)) {
        return false;
    }

    /* There is no entry to be had if the last one was not taken. */
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ps->ring);

    if (sqe) {
        io_uring_prep_nop(sqe);
    }
    if (io_uring_submit(&ps->ring) != 1) {
        return false;
    }
    io_uring_cq_advance(&ps->ring, io_uring_cq_ready(&ps->ring));
    return true;
}
