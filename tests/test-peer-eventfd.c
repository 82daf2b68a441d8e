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

/* Tests of signals to eventfds that somebody else has too. */

#include <config.h>

#include "peer-eventfd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "ovs-thread.h"
#include "util.h"

static uint64_t
drain(int fd)
{
    eventfd_t value = 0;

    CHECK(!eventfd_read(fd, &value));
    return value;
}

static bool
is_lost(struct peer_eventfd_trust *trust)
{
    bool lost;

    atomic_read(&trust->lost, &lost);
    return lost;
}

/* Each signal counts, whichever way it takes. */
static void
test_counts(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct peer_eventfd_trust trust = { .lost = false };

    peer_eventfd_try(-1, &trust);
    for (int i = 0; i < 1000; i++) {
        peer_eventfd_try(fd, &trust);
    }
    CHECK_EQ(drain(fd), 1000);
    CHECK(!is_lost(&trust));

    atomic_store(&trust.lost, true);
    peer_eventfd_try(fd, &trust);
    peer_eventfd_signal(fd);
    CHECK_EQ(drain(fd), 2);
    close(fd);
}

/* One that is full but does not block is nothing to be distrusted for. */
static void
test_full(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct peer_eventfd_trust trust = { .lost = false };

    CHECK(!eventfd_write(fd, UINT64_MAX - 1));
    for (int i = 0; i < 100; i++) {
        peer_eventfd_try(fd, &trust);
    }
    CHECK(!is_lost(&trust));
    close(fd);
}

/* One that is full and blocks holds nobody up for long, and only once. */
static void
test_blocking(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    struct peer_eventfd_trust trust = { .lost = false };
    struct peer_eventfd_trust other = { .lost = false };

    CHECK(!eventfd_write(fd, UINT64_MAX - 1));
    while (!is_lost(&trust)) {
        peer_eventfd_try(fd, &trust);
    }
    /* These would be noticed by their time, if they hung. */
    for (int i = 0; i < 10000; i++) {
        peer_eventfd_try(fd, &trust);
    }
    CHECK(drain(fd) >= UINT64_MAX - 1);
    peer_eventfd_try(fd, &trust);
    CHECK_EQ(drain(fd), 1);

    /* Others are still trusted. */
    peer_eventfd_try(fd, &other);
    CHECK_EQ(drain(fd), 1);
    CHECK(!is_lost(&other));
    close(fd);
}

struct drainer {
    int fd;
    struct peer_eventfd_trust *trust;
};

static void *
drain_main(void *d_)
{
    struct drainer *d = d_;

    while (!is_lost(d->trust)) {
        eventfd_t value;

        xnanosleep(1000 * 1000);
        eventfd_read(d->fd, &value);
        fcntl(d->fd, F_SETFL, O_NONBLOCK);
        for (value = UINT64_MAX / 2; value; value /= 2) {
            while (!eventfd_write(d->fd, value)) {
                continue;
            }
        }
        fcntl(d->fd, F_SETFL, 0);
    }
    return NULL;
}

/* One that lets writes through just before they are broken off wins nothing in
 * the long run.  If it comes too late, that is another attempt. */
static void
test_late(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    uint64_t waited;

    do {
        int fd = eventfd(0, EFD_CLOEXEC);
        struct peer_eventfd_trust trust = { .lost = false };
        struct drainer d = { fd, &trust };
        pthread_t thread;

        CHECK(!eventfd_write(fd, UINT64_MAX - 1));
        thread = ovs_thread_create("drain", drain_main, &d);
        while (!is_lost(&trust)) {
            peer_eventfd_try(fd, &trust);
        }
        xpthread_join(thread, NULL);
        close(fd);
        atomic_read(&trust.waited, &waited);
    } while (waited <= PEER_EVENTFD_PATIENCE_US);
}

/* The same after a time in which nobody signalled, and the watcher slept. */
static void
test_sleep(int argc, char *argv[])
{
    test_counts(argc, argv);
    xnanosleep(UINT64_C(1500) * 1000 * 1000);
    test_blocking(argc, argv);
}

int
main(int argc, char *argv[])
{
    static const struct check_test tests[] = {
        { "counts", test_counts },
        { "full", test_full },
        { "blocking", test_blocking },
        { "late", test_late },
        { "sleep", test_sleep },
        { NULL, NULL },
    };

    /* Ends a test that hangs.  Open vSwitch would only take note of it. */
    signal(SIGALRM, SIG_DFL);
    alarm(60);
    return check_main(argc, argv, tests);
}
