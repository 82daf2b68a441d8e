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

/* Work that may take long: see slow-work.h.
 *
 * Theory of operation: a thread is there while there is work, and is not
 * joined, as it may never come back.
 *
 * Thread-safety: a worker is guarded by its mutex, and freed by whoever comes
 * last, its owner or its thread. */

#include <config.h>

#include "slow-work.h"

#include <pthread.h>
#include <stdbool.h>

#include "openvswitch/list.h"
#include "openvswitch/thread.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"

struct slow_worker {
    struct ovs_mutex mutex;
    struct ovs_list queue OVS_GUARDED; /* Of struct slow_call. */
    unsigned int backlog OVS_GUARDED; /* That and the call under way. */
    bool running OVS_GUARDED;   /* There is a thread. */
    bool released OVS_GUARDED;
};

struct slow_call {
    struct ovs_list node;
    void (*function)(void *aux);
    void *aux;
};

struct slow_worker *
slow_worker_create(void)
{
    struct slow_worker *worker = xzalloc(sizeof *worker);

    ovs_mutex_init(&worker->mutex);
    ovs_mutex_lock(&worker->mutex);
    ovs_list_init(&worker->queue);
    ovs_mutex_unlock(&worker->mutex);
    return worker;
}

static void
worker_free(struct slow_worker *worker)
{
    ovs_mutex_destroy(&worker->mutex);
    free(worker);
}

void
slow_worker_release(struct slow_worker *worker)
{
    if (worker) {
        ovs_mutex_lock(&worker->mutex);
        bool running = worker->running;

        worker->released = true;
        ovs_mutex_unlock(&worker->mutex);
        if (!running) {
            worker_free(worker);
        }
    }
}

/* Does the next call, after an earlier one if 'again' is true.  Returns false
 * if there is none: 'worker' may be gone then. */
static bool
work_once(struct slow_worker *worker, bool again)
{
    struct slow_call *call = NULL;
    bool released;

    ovs_mutex_lock(&worker->mutex);
    worker->backlog -= again;
    if (!ovs_list_is_empty(&worker->queue)) {
        call = CONTAINER_OF(ovs_list_pop_front(&worker->queue),
                            struct slow_call, node);
    } else {
        worker->running = false;
    }
    released = worker->released;
    ovs_mutex_unlock(&worker->mutex);

    if (call) {
        call->function(call->aux);
        free(call);
    } else if (released) {
        worker_free(worker);
    }
    return call != NULL;
}

static void *
slow_worker_main(void *worker)
{
    pthread_detach(pthread_self());
    ovsrcu_quiesce_start();
    for (bool again = false; work_once(worker, again); again = true) {
        continue;
    }
    return NULL;
}

void
slow_worker_give(struct slow_worker *worker, void (*function)(void *aux),
                 void *aux)
{
    if (!worker) {
        function(aux);
        return;
    }

    struct slow_call *call = xmalloc(sizeof *call);
    bool start;

    call->function = function;
    call->aux = aux;

    ovs_mutex_lock(&worker->mutex);
    ovs_list_push_back(&worker->queue, &call->node);
    worker->backlog++;
    start = !worker->running;
    worker->running = true;
    ovs_mutex_unlock(&worker->mutex);

    if (start) {
        ovs_thread_create("vhost_slow", slow_worker_main, worker);
    }
}

unsigned int
slow_worker_backlog(const struct slow_worker *worker_)
{
    struct slow_worker *worker = CONST_CAST(struct slow_worker *, worker_);
    unsigned int backlog = 0;

    if (worker) {
        ovs_mutex_lock(&worker->mutex);
        backlog = worker->backlog;
        ovs_mutex_unlock(&worker->mutex);
    }
    return backlog;
}
