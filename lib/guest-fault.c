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


/* Mappings that may lose their file: see guest-fault.h.
 *
 * Theory of operation
 * -------------------
 *
 * The mappings are in a table of fixed size that the signal handler searches
 * without locks.  Each slot has a version, odd while the slot changes.  The
 * handler passes over a slot that changes while it reads it: that cannot be
 * the one it looks for, since the mapping is in use by the very thread that
 * was interrupted.
 *
 * Thread-safety: 'mutex' serialises changes of the table. */

#include <config.h>

#include "guest-fault.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ovs-thread.h"
#include "util.h"

struct guest_fault_slot {
    atomic_uint version;        /* Odd while the others change. */
    ATOMIC(uintptr_t) start;    /* 0 if the slot is free. */
    ATOMIC(size_t) size;
    ATOMIC(size_t) page_size;
    ATOMIC(atomic_bool *) faulted;
};

atomic_bool guest_fault_happened = ATOMIC_VAR_INIT(false);

static struct guest_fault_slot slots[GUEST_FAULT_MAX_MAPPINGS];
static atomic_size_t n_slots;   /* All beyond are free. */
static struct sigaction previous;
static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;

/* A consistent copy of a slot. */
struct guest_fault_mapping {
    uintptr_t start;
    size_t size;
    size_t page_size;
    atomic_bool *faulted;
};

static bool
guest_fault_read_slot(struct guest_fault_slot *slot,
                      struct guest_fault_mapping *m)
{
    unsigned int before, after;

    atomic_read_explicit(&slot->version, &before, memory_order_acquire);
    atomic_read_relaxed(&slot->start, &m->start);
    atomic_read_relaxed(&slot->size, &m->size);
    atomic_read_relaxed(&slot->page_size, &m->page_size);
    atomic_read_relaxed(&slot->faulted, &m->faulted);
    atomic_thread_fence(memory_order_acquire);
    atomic_read_relaxed(&slot->version, &after);
    return before == after && !(before & 1) && m->start;
}

static void
guest_fault_write_slot(struct guest_fault_slot *slot,
                       const struct guest_fault_mapping *m)
{
    unsigned int version;

    atomic_read_relaxed(&slot->version, &version);
    atomic_store_relaxed(&slot->version, version + 1);
    atomic_thread_fence(memory_order_release);
    atomic_store_relaxed(&slot->start, m->start);
    atomic_store_relaxed(&slot->size, m->size);
    atomic_store_relaxed(&slot->page_size, m->page_size);
    atomic_store_relaxed(&slot->faulted, m->faulted);
    atomic_store_explicit(&slot->version, version + 2, memory_order_release);
}

/* Replaces what is left of the mapping around 'address'.  Returns false if
 * there is none.  Runs in a signal handler. */
static bool
guest_fault_repair(uintptr_t address)
{
    size_t n;

    atomic_read_explicit(&n_slots, &n, memory_order_acquire);
    for (size_t i = 0; i < n; i++) {
        struct guest_fault_mapping m;

        if (!guest_fault_read_slot(&slots[i], &m)
            || address - m.start >= m.size) {
            continue;
        }

        if (m.faulted) {
            atomic_store(&guest_fault_happened, true);
            atomic_store(m.faulted, true);
        }
        /* The last page that is still there may be a huge one. */
        uintptr_t from = address - (address - m.start) % m.page_size;
        return mmap((void *) from, m.start + m.size - from,
                    PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
                    -1, 0) != MAP_FAILED;
    }
    return false;
}

static void
guest_fault_handler(int signum, siginfo_t *info, void *context)
{
    const int saved_errno = errno;
    const bool is_access = (info->si_code == BUS_ADRERR
                            || info->si_code == BUS_OBJERR
                            || info->si_code == BUS_MCEERR_AR);
    const bool repaired = (is_access
                           && guest_fault_repair((uintptr_t) info->si_addr));

    errno = saved_errno;
    if (repaired) {
        return;
    }
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(signum, info, context);
    } else if (previous.sa_handler != SIG_DFL
               && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signum);
    } else {
        /* The access is repeated on return, and kills.  A signal that
         * somebody sent has to be sent again. */
        sigaction(signum, &previous, NULL);
        if (!is_access) {
            raise(signum);
        }
    }
}

void
guest_fault_init(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;

    if (ovsthread_once_start(&once)) {
        struct sigaction action = {
            .sa_sigaction = guest_fault_handler,
            .sa_flags = SA_SIGINFO | SA_ONSTACK,
        };

        sigemptyset(&action.sa_mask);
        /* Known before the first signal can need it. */
        sigaction(SIGBUS, NULL, &previous);
        sigaction(SIGBUS, &action, NULL);
        ovsthread_once_done(&once);
    }
}

bool
guest_fault_add(void *start, size_t size, size_t page_size,
                atomic_bool *faulted)
{
    const struct guest_fault_mapping m = {
        .start = (uintptr_t) start,
        .size = size,
        .page_size = page_size,
        .faulted = faulted,
    };
    bool added = false;

    ovs_mutex_lock(&mutex);
    for (size_t i = 0; i < GUEST_FAULT_MAX_MAPPINGS; i++) {
        uintptr_t other;

        atomic_read_relaxed(&slots[i].start, &other);
        if (!other) {
            size_t n;

            guest_fault_write_slot(&slots[i], &m);
            atomic_read_relaxed(&n_slots, &n);
            atomic_store_explicit(&n_slots, MAX(n, i + 1),
                                  memory_order_release);
            added = true;
            break;
        }
    }
    ovs_mutex_unlock(&mutex);
    return added;
}

void
guest_fault_remove(void *start)
{
    size_t n;

    ovs_mutex_lock(&mutex);
    atomic_read_relaxed(&n_slots, &n);
    for (size_t i = 0; i < n; i++) {
        uintptr_t other;

        atomic_read_relaxed(&slots[i].start, &other);
        if (other == (uintptr_t) start) {
            static const struct guest_fault_mapping none;

            guest_fault_write_slot(&slots[i], &none);
            break;
        }
    }
    ovs_mutex_unlock(&mutex);
}
