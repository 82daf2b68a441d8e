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
 * I/O, and then adds to the counter at most what fits, without waiting.  So
 * each thread owns an AIO context and submits the cheapest operation there
 * is, a poll of a pipe that is always writable, which completes within
 * io_submit() and signals the eventfd that is named in it.  What has completed
 * is fetched once in a while, so that a signal costs one system call.
 *
 * Where the kernel has no AIO to give, write() has to do; the eventfd is made
 * non-blocking right before.
 *
 * A thread that writes counts when it begins and when it is back.  A watcher
 * looks at all counts as long as any of them changes, and sends a signal to a
 * thread that has been in the same write() for a whole period.  Nobody writes
 * while the watcher sleeps; waking it takes the slow way.
 *
 * Thread-safety: contexts and counts are per thread and go with it; the pipe
 * and the watcher are made once. */

#include <config.h>

#include "peer-eventfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "latch.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(peer_eventfd);

/* Operations a context has room for.  Each is over when the next begins. */
#define AIO_DEPTH 64

/* Periods without a signal after which the watcher goes to sleep. */
#define WATCH_PERIODS 200

/* Breaks off a write().  Ignored by default, so it harms nobody. */
#define WATCH_SIGNAL SIGURG

/* A thread that signals. */
struct signaller {
    aio_context_t context;      /* 0 if there is none. */
    int n_completed;            /* Not fetched yet. */

    struct ovs_list node;       /* In 'signallers'. */
    pthread_t thread;
    atomic_uint64_t count;      /* Odd in write(). */
    atomic_bool broken_off;     /* By the watcher, the latest write(). */
    uint64_t seen;              /* By the watcher. */
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list signallers OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&signallers);
static atomic_bool watching = ATOMIC_VAR_INIT(false);
static struct latch wakeup;

static void
signaller_destroy(void *s_)
{
    struct signaller *s = s_;

    ovs_mutex_lock(&mutex);
    ovs_list_remove(&s->node);
    ovs_mutex_unlock(&mutex);
    if (s->context) {
        syscall(SYS_io_destroy, s->context);
    }
    free(s);
}

/* Looks after all threads.  Returns true if any of them has signalled since
 * the latest look, or is about to. */
static bool
watch(void)
{
    struct signaller *s;
    bool active = false;

    ovs_mutex_lock(&mutex);
    LIST_FOR_EACH (s, node, &signallers) {
        uint64_t count;

        atomic_read(&s->count, &count);
        if (count != s->seen) {
            s->seen = count;
            active = true;
        } else if (count & 1) {
            atomic_store(&s->broken_off, true);
            pthread_kill(s->thread, WATCH_SIGNAL);
            active = true;
        }
    }
    ovs_mutex_unlock(&mutex);
    return active;
}

static void *
watcher_main(void *aux OVS_UNUSED)
{
    unsigned int n_quiet = 0;

    atomic_store(&watching, true);
    for (;;) {
        n_quiet = watch() ? 0 : n_quiet + 1;
        if (n_quiet > WATCH_PERIODS) {
            /* Those who have not seen this are seen by us. */
            atomic_store(&watching, false);
            if (!watch()) {
                latch_wait(&wakeup);
                poll_block();
            }
            latch_poll(&wakeup);
            atomic_store(&watching, true);
            n_quiet = 0;
        }
        xnanosleep(PEER_EVENTFD_WATCH_MS * 1000 * 1000);
    }
    return NULL;
}

static void
ignore_signal(int signum OVS_UNUSED)
{
}

static void
start_watcher(void)
{
    struct sigaction action = { .sa_handler = ignore_signal };

    /* Without SA_RESTART. */
    sigemptyset(&action.sa_mask);
    sigaction(WATCH_SIGNAL, &action, NULL);
    latch_init(&wakeup);
    ovs_thread_create("vhost_watch", watcher_main, NULL);
}

/* The calling thread. */
static struct signaller *
signaller_get(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static ovsthread_key_t key;
    struct signaller *s;

    if (ovsthread_once_start(&once)) {
        ovsthread_key_create(&key, signaller_destroy);
        start_watcher();
        ovsthread_once_done(&once);
    }

    s = ovsthread_getspecific(key);
    if (!s) {
        s = xzalloc(sizeof *s);
        if (syscall(SYS_io_setup, AIO_DEPTH, &s->context)) {
            VLOG_WARN("io_setup: %s; see fs.aio-max-nr",
                      ovs_strerror(errno));
            s->context = 0;
        }
        s->thread = pthread_self();
        atomic_init(&s->count, 0);
        atomic_init(&s->broken_off, false);
        ovs_mutex_lock(&mutex);
        ovs_list_push_back(&signallers, &s->node);
        ovs_mutex_unlock(&mutex);
        ovsthread_setspecific(key, s);
    }
    return s;
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
    struct signaller *s = signaller_get();
    struct iocb iocb = {
        .aio_lio_opcode = IOCB_CMD_POLL,
        .aio_fildes = always_ready_fd(),
        .aio_buf = POLLOUT,
        .aio_flags = IOCB_FLAG_RESFD,
        .aio_resfd = fd,
    };
    struct iocb *iocbs[] = { &iocb };

    if (!s->context
        || syscall(SYS_io_submit, s->context, 1L, iocbs) != 1) {
        return false;
    }
    if (++s->n_completed >= AIO_DEPTH / 2) {
        struct io_event events[AIO_DEPTH];
        struct timespec no_wait = { 0, 0 };

        syscall(SYS_io_getevents, s->context, 0L, (long int) AIO_DEPTH,
                events, &no_wait);
        s->n_completed = 0;
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

/* Returns false if the other way has to be taken. */
static bool
signal_with_write(int fd, atomic_bool *blocks)
{
    struct signaller *s = signaller_get();
    const uint64_t one = 1;
    uint64_t count;
    bool watched, broken_off;
    ssize_t n;

    /* Nobody else writes 'count'. */
    atomic_read_relaxed(&s->count, &count);
    atomic_store(&s->count, count + 1);
    atomic_read(&watching, &watched);
    if (OVS_UNLIKELY(!watched)) {
        atomic_store(&s->count, count + 2);
        latch_set(&wakeup);
        return false;
    }
    n = write(fd, &one, sizeof one);
    atomic_store_explicit(&s->count, count + 2, memory_order_release);
    if (OVS_LIKELY(n >= 0 || errno != EINTR)) {
        /* One that is full has signalled. */
        return true;
    }
    atomic_read(&s->broken_off, &broken_off);
    if (broken_off) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);

        VLOG_WARN_RL(&rl, "an eventfd of a front end is full and blocking; "
                     "its interrupts take a slower way from now on");
        atomic_store(blocks, true);
        atomic_store(&s->broken_off, false);
    }
    return false;
}

void
peer_eventfd_try(int fd, atomic_bool *blocks)
{
    bool slow;

    atomic_read_relaxed(blocks, &slow);
    if (OVS_UNLIKELY(slow) || !signal_with_write(fd, blocks)) {
        peer_eventfd_signal(fd);
    }
}
