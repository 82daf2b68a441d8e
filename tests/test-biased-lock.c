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

/* Tests of biased locks.  What the lock guards here is plain memory. */

#include <config.h>

#include "biased-lock.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_pause.h>

#include "check.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

/* Ends a test that hangs.  Open vSwitch would only take note of the signal. */
static void
limit_time(void)
{
    signal(SIGALRM, SIG_DFL);
    alarm(60);
}

static unsigned int
get_owner(struct biased_lock *lock)
{
    unsigned int owner;

    atomic_read(&lock->owner, &owner);
    return owner;
}

/* Takes 'lock' and gives it back.  True if that was the short way. */
static bool
pass(struct biased_lock *lock)
{
    bool short_way;

    CHECK(!biased_lock_acquire(lock, &short_way));
    biased_lock_release(lock, short_way);
    return short_way;
}

/* How many times this thread takes 'lock' the long way before the short one is
 * open to it, at most twice what is enough. */
static int
passes_until_short(struct biased_lock *lock)
{
    int n = 0;

    while (n < 2 * BIASED_LOCK_STREAK + 4 && !pass(lock)) {
        n++;
    }
    return n;
}

/* Runs 'start' in another thread, to its end. */
static void
in_thread(void *(*start)(void *), void *aux)
{
    xpthread_join(ovs_thread_create("other", start, aux), NULL);
}

static void *
pass_once(void *lock)
{
    CHECK(!pass(lock));
    return NULL;
}

static void *
pass_many_times(void *lock)
{
    CHECK_EQ(passes_until_short(lock), 2 * BIASED_LOCK_STREAK + 4);
    return NULL;
}

/* Who becomes the owner, and when. */
static void
test_owner(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct biased_lock lock;

    biased_lock_init(&lock);
    check_context("at first");
    CHECK_EQ(get_owner(&lock), BIASED_LOCK_NO_OWNER);
    CHECK_EQ(passes_until_short(&lock), BIASED_LOCK_STREAK + 1);
    CHECK_EQ(get_owner(&lock), ovsthread_id_self());
    for (int i = 0; i < 10; i++) {
        CHECK(pass(&lock));
    }

    check_context("another thread");
    in_thread(pass_once, &lock);
    CHECK_EQ(get_owner(&lock), BIASED_LOCK_NO_OWNER);

    check_context("the owner comes back");
    CHECK_EQ(passes_until_short(&lock), BIASED_LOCK_STREAK + 1);

    check_context("a streak that was interrupted");
    in_thread(pass_once, &lock);
    for (int i = 0; i < BIASED_LOCK_STREAK; i++) {
        CHECK(!pass(&lock));
    }
    in_thread(pass_once, &lock);
    CHECK_EQ(passes_until_short(&lock), BIASED_LOCK_STREAK + 1);

    check_context("no second owner");
    in_thread(pass_many_times, &lock);
    CHECK_EQ(get_owner(&lock), BIASED_LOCK_NO_OWNER);
    CHECK_EQ(passes_until_short(&lock), BIASED_LOCK_STREAK + 1);
}

struct waiter {
    struct biased_lock *lock;
    atomic_bool trying;
    atomic_bool has;
    bool waited;
};

static void *
wait_for_lock(void *waiter_)
{
    struct waiter *waiter = waiter_;
    bool short_way;

    atomic_store(&waiter->trying, true);
    waiter->waited = biased_lock_acquire(waiter->lock, &short_way);
    atomic_store(&waiter->has, true);
    CHECK(!short_way);
    biased_lock_release(waiter->lock, short_way);
    return NULL;
}

/* Has another thread want 'lock' while this one has it.  True if it says that
 * it had to wait. */
static bool
contend(struct biased_lock *lock)
{
    struct waiter waiter = { .lock = lock };
    bool short_way, trying, has;
    pthread_t thread;

    atomic_init(&waiter.trying, false);
    atomic_init(&waiter.has, false);
    CHECK(!biased_lock_acquire(lock, &short_way));
    thread = ovs_thread_create("waiter", wait_for_lock, &waiter);
    do {
        sched_yield();
        atomic_read(&waiter.trying, &trying);
    } while (!trying || (short_way
                         && get_owner(lock) != BIASED_LOCK_NO_OWNER));

    /* It is about to find that the lock is taken, which cannot be seen. */
    for (int i = 0; i < 1000; i++) {
        sched_yield();
    }
    atomic_read(&waiter.has, &has);
    CHECK(!has);
    biased_lock_release(lock, short_way);
    xpthread_join(thread, NULL);
    return waiter.waited;
}

static void
test_contention(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct biased_lock lock;

    limit_time();
    biased_lock_init(&lock);
    check_context("nobody is owner");
    while (!contend(&lock)) {
        continue;
    }
    check_context("the owner has it");
    do {
        passes_until_short(&lock);
    } while (!contend(&lock));
    alarm(0);
}

/* Several threads that count. */
struct counting {
    struct biased_lock lock;
    bool biased;                /* The lock can be. */
    unsigned int n_rounds;      /* Of each thread but the usual owner. */

    /* Guarded by 'lock'. */
    uint64_t counters[2];
    bool mixed;                 /* Somebody else was at it. */

    atomic_count n_running;     /* Threads that count still. */
    atomic_uint64_t n_total;    /* What all of them counted. */
};

/* Counts once, slowly, if 'slow', so that whoever does not respect the lock is
 * noticed. */
static bool
count(struct counting *c, bool slow)
{
    bool short_way;

    biased_lock_acquire(&c->lock, &short_way);

    const uint64_t was = c->counters[0];

    c->counters[0] = was + 1;
    for (int i = 0; slow && i < 20; i++) {
        rte_pause();
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        c->mixed |= c->counters[0] != was + 1 || c->counters[1] != was;
    }
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    c->counters[1]++;
    biased_lock_release(&c->lock, short_way);
    return short_way;
}

static void *
count_now_and_then(void *c_)
{
    struct counting *c = c_;
    uint64_t orig;

    for (unsigned int i = 0; i < c->n_rounds; i++) {
        /* That is when it hurts. */
        while (c->biased && get_owner(&c->lock) == BIASED_LOCK_NO_OWNER) {
            sched_yield();
        }
        count(c, true);
    }
    atomic_add(&c->n_total, c->n_rounds, &orig);
    atomic_count_dec(&c->n_running);
    return NULL;
}

static void
check_counting(bool biased)
{
    enum { N_THREADS = 3 };
    pthread_t threads[N_THREADS];
    struct counting c = { .biased = biased, .n_rounds = 2000 };
    uint64_t n = 0, n_short = 0, n_lost = 0;
    bool was_short = false;
    uint64_t total;

    limit_time();
    biased_lock_init(&c.lock);
    atomic_count_init(&c.n_running, N_THREADS);
    atomic_init(&c.n_total, UINT64_C(0));

    /* The first owner is this thread. */
    for (; n < 2 * BIASED_LOCK_STREAK; n++) {
        count(&c, false);
    }
    for (int i = 0; i < N_THREADS; i++) {
        threads[i] = ovs_thread_create("count", count_now_and_then, &c);
    }
    while (atomic_count_get(&c.n_running)) {
        const bool is_short = count(&c, false);

        n++;
        n_short += is_short;
        n_lost += was_short && !is_short;
        was_short = is_short;
    }
    for (int i = 0; i < N_THREADS; i++) {
        xpthread_join(threads[i], NULL);
    }
    atomic_read(&c.n_total, &total);
    CHECK(!c.mixed);
    CHECK_EQ(c.counters[0], total + n);
    CHECK_EQ(c.counters[1], total + n);
    if (biased) {
        /* The lock was the owner's, and taken away. */
        CHECK(n_short > 0);
        CHECK(n_lost > 0);
    } else {
        CHECK_EQ(n_short, 0);
        CHECK_EQ(get_owner(&c.lock), BIASED_LOCK_NO_OWNER);
    }
    alarm(0);
}

static void
test_exact(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    check_counting(true);
}

/* Processes that were forked off one that used locks. */
static void
test_fork(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct biased_lock lock;
    pid_t child;
    int status;

    biased_lock_init(&lock);
    CHECK_EQ(passes_until_short(&lock), BIASED_LOCK_STREAK + 1);
    child = fork();
    ovs_assert(child >= 0);
    if (!child) {
        CHECK(pass(&lock));
        check_counting(true);
        _exit(check_n_failed != 0);
    }
    ovs_assert(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

/* Has membarrier('command'), or any command if that is negative, fail from now
 * on, in this thread and those it creates. */
static void
refuse_membarrier(int command)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_membarrier, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, command, 0, command < 0 ? 0 : 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {
        .len = ARRAY_SIZE(code),
        .filter = code,
    };

    ovs_assert(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    ovs_assert(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
}

static void
test_refused(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    refuse_membarrier(-1);
    check_counting(false);
}

static void
test_no_fence(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    refuse_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    check_counting(false);
}

/* A filter that comes when there is an owner already. */
static void
test_refused_later(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct biased_lock lock;

    biased_lock_init(&lock);
    CHECK_EQ(passes_until_short(&lock), BIASED_LOCK_STREAK + 1);
    refuse_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    in_thread(pass_once, &lock);
    CHECK(!pass(&lock));
}

int
main(int argc, char *argv[])
{
    static const struct check_test tests[] = {
        { "owner", test_owner },
        { "contention", test_contention },
        { "exact", test_exact },
        { "fork", test_fork },
        { "refused", test_refused },
        { "no-fence", test_no_fence },
        { "refused-later", test_refused_later },
        { NULL, NULL },
    };

    return check_main(argc, argv, tests);
}
