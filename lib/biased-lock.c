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

/* The long way of a biased lock: see biased-lock.h. */

#include <config.h>

#include "biased-lock.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_pause.h>

#include "util.h"

static int
membarrier(int command)
{
    return syscall(__NR_membarrier, command, 0, 0);
}

/* True if threads can be made to pass a fence. */
static bool
can_bias(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    static bool works;

    if (ovsthread_once_start(&once)) {
        /* Registers the process, and those it forks. */
        works = (!membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
                 && !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
        ovsthread_once_done(&once);
    }
    return works;
}

/* Has all threads of this process pass a fence. */
static void
fence_all(void)
{
    while (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) {
        if (errno == ENOMEM) {
            /* For a moment only. */
            rte_pause();
            continue;
        }

        /* It worked before, so a filter for system calls came in between.
         * There is another way, which takes milliseconds. */
        if (membarrier(MEMBARRIER_CMD_GLOBAL)) {
            /* To go on without knowing whether the owner is busy would be to
             * corrupt a guest's ring. */
            ovs_abort(errno, "membarrier");
        }
        break;
    }
}

void
biased_lock_init(struct biased_lock *lock)
{
    atomic_init(&lock->owner, BIASED_LOCK_NO_OWNER);
    atomic_init(&lock->busy, false);
    rte_spinlock_init(&lock->mutex);
    lock->first_owner = lock->latest = BIASED_LOCK_NO_OWNER;
    lock->n_in_a_row = 0;

    /* Takes a while: not when frames wait. */
    can_bias();
}

/* Makes 'lock' a spinlock for everybody.  Returns true if the owner had to be
 * waited for. */
static bool
dispossess(struct biased_lock *lock)
{
    bool waited = false;
    bool busy;

    atomic_store(&lock->owner, BIASED_LOCK_NO_OWNER);
    fence_all();
    for (;;) {
        atomic_read(&lock->busy, &busy);
        if (!busy) {
            return waited;
        }
        waited = true;
        rte_pause();
    }
}

bool
biased_lock_acquire__(struct biased_lock *lock)
{
    const unsigned int self = ovsthread_id_self();
    bool waited = false;
    unsigned int owner;

    if (!rte_spinlock_trylock(&lock->mutex)) {
        rte_spinlock_lock(&lock->mutex);
        waited = true;
    }
    atomic_read(&lock->owner, &owner);
    if (owner != BIASED_LOCK_NO_OWNER) {
        waited |= dispossess(lock);
    }
    if (lock->latest == self) {
        lock->n_in_a_row++;
    } else {
        lock->latest = self;
        lock->n_in_a_row = 0;
    }
    return waited;
}

void
biased_lock_release__(struct biased_lock *lock)
{
    const unsigned int self = ovsthread_id_self();

    if (OVS_UNLIKELY(lock->n_in_a_row >= BIASED_LOCK_STREAK)
        && (lock->first_owner == self
            || lock->first_owner == BIASED_LOCK_NO_OWNER)) {
        lock->n_in_a_row = 0;
        if (can_bias()) {
            lock->first_owner = self;
            atomic_store(&lock->owner, self);
        }
    }
    rte_spinlock_unlock(&lock->mutex);
}
