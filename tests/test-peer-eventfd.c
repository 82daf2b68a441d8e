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

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "util.h"

static uint64_t
drain(int fd)
{
    eventfd_t value = 0;

    CHECK(!eventfd_read(fd, &value));
    return value;
}

static bool
get(atomic_bool *b)
{
    bool value;

    atomic_read(b, &value);
    return value;
}

/* Each signal counts, whichever way it takes. */
static void
test_counts(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    atomic_bool blocks = ATOMIC_VAR_INIT(false);

    peer_eventfd_try(-1, &blocks);
    for (int i = 0; i < 1000; i++) {
        peer_eventfd_try(fd, &blocks);
    }
    CHECK_EQ(drain(fd), 1000);
    CHECK(!get(&blocks));

    atomic_store(&blocks, true);
    peer_eventfd_try(fd, &blocks);
    peer_eventfd_signal(fd);
    CHECK_EQ(drain(fd), 2);
    close(fd);
}

/* One that is full but does not block is nothing to be distrusted for. */
static void
test_full(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    atomic_bool blocks = ATOMIC_VAR_INIT(false);

    CHECK(!eventfd_write(fd, UINT64_MAX - 1));
    for (int i = 0; i < 100; i++) {
        peer_eventfd_try(fd, &blocks);
    }
    CHECK(!get(&blocks));
    close(fd);
}

/* One that is full and blocks holds nobody up for long, and only once. */
static void
test_blocking(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    atomic_bool blocks = ATOMIC_VAR_INIT(false);
    atomic_bool other = ATOMIC_VAR_INIT(false);

    CHECK(!eventfd_write(fd, UINT64_MAX - 1));
    while (!get(&blocks)) {
        peer_eventfd_try(fd, &blocks);
    }
    /* These would be noticed by their time, if they hung. */
    for (int i = 0; i < 10000; i++) {
        peer_eventfd_try(fd, &blocks);
    }
    CHECK(drain(fd) >= UINT64_MAX - 1);
    peer_eventfd_try(fd, &blocks);
    CHECK_EQ(drain(fd), 1);

    /* Others are still trusted. */
    peer_eventfd_try(fd, &other);
    CHECK_EQ(drain(fd), 1);
    CHECK(!get(&other));
    close(fd);
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
        { "sleep", test_sleep },
        { NULL, NULL },
    };

    /* Ends a test that hangs.  Open vSwitch would only take note of it. */
    signal(SIGALRM, SIG_DFL);
    alarm(60);
    return check_main(argc, argv, tests);
}
