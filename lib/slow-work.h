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

#ifndef SLOW_WORK_H
#define SLOW_WORK_H 1

/* Work that may take long
 * =======================
 *
 * To close a file that a peer sent can take as long as the peer likes (a
 * socket that lingers, a file system that is served by a process), and to
 * free the memory of a large guest takes seconds.  A thread that serves others
 * as well hands such work to a worker of the peer's own.
 *
 * Thread-safety: all functions are safe from any thread. */

struct slow_worker;

/* Returns a worker, which costs nothing but memory until there is work. */
struct slow_worker *slow_worker_create(void);

/* Frees 'worker' when all its work is done.  The caller must not use it any
 * more.  Does nothing if 'worker' is NULL. */
void slow_worker_release(struct slow_worker *worker);

/* Has 'worker' call 'function' with 'aux', after all that it was given before.
 * If 'worker' is NULL, calls it at once. */
void slow_worker_give(struct slow_worker *worker,
                      void (*function)(void *aux), void *aux);

/* Returns how many calls 'worker', which may be NULL, has not finished. */
unsigned int slow_worker_backlog(const struct slow_worker *worker);

#endif /* slow-work.h */
