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

/* Eventfds of a peer.
 *
 * Theory of operation: the kernel signals eventfds on behalf of asynchronous
 * I/O, and then adds to the counter at most what fits, without waiting.  There
 * are two ways to have it do so:
 *
 *   - io_uring, for an eventfd that is signalled often: see
 *     peer-eventfd-ring.c.
 *
 *   - AIO, for all others, and where io_uring is forbidden (sysctl
 *     kernel.io_uring_disabled, or a filter of system calls).  Each thread
 *     owns a context and submits the cheapest operation there is, a poll of a
 *     pipe that is always writable, which completes within io_submit() and
 *     signals the eventfd that is named in it.  What has completed is fetched
 *     once in a while, so that a signal costs one system call.
 *
 * Where the kernel has neither to give, write() has to do; the eventfd is made
 * non-blocking right before.
 *
 * Thread-safety: contexts are per thread and go with it; the pipe is made
 * once. */

#include <config.h>

#include "peer-eventfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(peer_eventfd);

/* Operations a context has room for.  Each is over when the next begins. */
#define AIO_DEPTH 64

struct aio {
    aio_context_t context;      /* 0 if there is none. */
    int n_completed;            /* Not fetched yet. */
};

static void
aio_destroy(void *aio_)
{
    struct aio *aio = aio_;

    if (aio->context) {
        syscall(SYS_io_destroy, aio->context);
    }
    free(aio);
}

/* The calling thread's. */
static struct aio *
aio_get(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static ovsthread_key_t key;
    struct aio *aio;

    if (ovsthread_once_start(&once)) {
        ovsthread_key_create(&key, aio_destroy);
        ovsthread_once_done(&once);
    }

    aio = ovsthread_getspecific(key);
    if (!aio) {
        aio = xzalloc(sizeof *aio);
        if (syscall(SYS_io_setup, AIO_DEPTH, &aio->context)) {
            VLOG_WARN("io_setup: %s; see fs.aio-max-nr",
                      ovs_strerror(errno));
            aio->context = 0;
        }
        ovsthread_setspecific(key, aio);
    }
    return aio;
}

/* Write end of a pipe that nobody writes to. */
static int
always_ready_fd(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static int fds[2] = { -1, -1 };

    if (ovsthread_once_start(&once)) {
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
            VLOG_WARN("pipe: %s", ovs_strerror(errno));
        }
        ovsthread_once_done(&once);
    }
    return fds[1];
}

bool
peer_eventfd_check(int fd)
{
    char link[32];
    char target[32];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, target, sizeof target - 1);
    if (n < 0) {
        return false;
    }
    target[n] = '\0';
    return !strcmp(target, "anon_inode:[eventfd]");
}

/* Returns true if the kernel took the operation. */
static bool
signal_with_aio(int fd)
{
    struct aio *aio = aio_get();
    struct iocb iocb = {
        .aio_lio_opcode = IOCB_CMD_POLL,
        .aio_fildes = always_ready_fd(),
        .aio_buf = POLLOUT,
        .aio_flags = IOCB_FLAG_RESFD,
        .aio_resfd = fd,
    };
    struct iocb *iocbs[] = { &iocb };

    if (!aio->context
        || syscall(SYS_io_submit, aio->context, 1L, iocbs) != 1) {
        return false;
    }
    if (++aio->n_completed >= AIO_DEPTH / 2) {
        struct io_event events[AIO_DEPTH];
        struct timespec no_wait = { 0, 0 };

        syscall(SYS_io_getevents, aio->context, 0L, (long int) AIO_DEPTH,
                events, &no_wait);
        aio->n_completed = 0;
    }
    return true;
}

void
peer_eventfd_signal(int fd)
{
    if (fd >= 0 && !signal_with_aio(fd)) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        eventfd_write(fd, 1);
    }
}

struct peer_signal *
peer_signal_create(int fd)
{
    struct peer_signal *ps;
    int error = peer_signal_open(fd, &ps);

    if (error) {
        static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;

        if (ovsthread_once_start(&once)) {
            VLOG_INFO("io_uring: %s; interrupts of guests cost more without "
                      "(see sysctl kernel.io_uring_disabled)",
                      ovs_strerror(error));
            ovsthread_once_done(&once);
        }
    }
    return ps;
}

void
peer_signal(struct peer_signal *ps, int fd)
{
    if (!ps || !peer_signal_try(ps)) {
        peer_eventfd_signal(fd);
    }
}
