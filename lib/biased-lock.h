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

#ifndef BIASED_LOCK_H
#define BIASED_LOCK_H 1

/* Biased lock
 * ===========
 *
 * A spinlock that costs its usual owner neither an atomic operation nor a
 * fence, which would wait for all the stores to guest memory before it.
 *
 * A thread that takes the lock many times in a row becomes its owner.  From
 * then on it only says that it is 'busy', and looks that it still is the
 * owner.  Another thread that wants the lock takes that away, has the kernel
 * put a fence into all running threads (membarrier(2)), and waits while the
 * owner is busy.  After that the lock is a spinlock for everybody, until the
 * owner has had it to itself for as long again.
 *
 * There is never a second owner: a first one that was delayed on its way in
 * might still say that it is busy, or not, in place of the second.  When the
 * owner is gone, the lock remains a spinlock.  Numbers of threads are not used
 * again.
 *
 * Where membarrier(2) is refused, the lock is a spinlock from the start.
 *
 * Thread-safety: yes. */

#include <stdbool.h>

#include <rte_spinlock.h>

#include "openvswitch/compiler.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"

struct biased_lock {
    atomic_uint owner;          /* Thread with the short way, or NO_OWNER. */
    atomic_bool busy;           /* It has the lock by the short way. */

    rte_spinlock_t mutex;       /* Guards the rest. */
    unsigned int first_owner;   /* Who may be owner, or NO_OWNER. */
    unsigned int latest;        /* Thread that had 'mutex' last... */
    unsigned int n_in_a_row;    /* ...and how many times in a row. */
};

/* No thread's ovsthread_id_self(). */
#define BIASED_LOCK_NO_OWNER UINT_MAX

/* Times in a row that make a thread the owner. */
#define BIASED_LOCK_STREAK 1024

void biased_lock_init(struct biased_lock *);

bool biased_lock_acquire__(struct biased_lock *);
void biased_lock_release__(struct biased_lock *);

/* Takes 'lock'.  Returns true if it had to be waited for.  '*shortp' is for
 * biased_lock_release(). */
static inline bool
biased_lock_acquire(struct biased_lock *lock, bool *shortp)
{
    const unsigned int self = ovsthread_id_self();
    unsigned int owner;

    atomic_read_relaxed(&lock->owner, &owner);
    if (OVS_LIKELY(owner == self)) {
        atomic_store_relaxed(&lock->busy, true);
        /* The other side of this fence is membarrier(). */
        atomic_signal_fence(memory_order_seq_cst);
        atomic_read_explicit(&lock->owner, &owner, memory_order_acquire);
        if (OVS_LIKELY(owner == self)) {
            *shortp = true;
            return false;
        }
        atomic_store_explicit(&lock->busy, false, memory_order_release);
    }
    *shortp = false;
    return biased_lock_acquire__(lock);
}

static inline void
biased_lock_release(struct biased_lock *lock, bool short_way)
{
    if (OVS_LIKELY(short_way)) {
        atomic_store_explicit(&lock->busy, false, memory_order_release);
    } else {
        biased_lock_release__(lock);
    }
}

#endif /* biased-lock.h */
