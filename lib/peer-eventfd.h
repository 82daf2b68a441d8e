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

#ifndef PEER_EVENTFD_H
#define PEER_EVENTFD_H 1

/* Eventfds of a peer
 * ==================
 *
 * An eventfd that came over a socket is one open file shared with the peer,
 * who can at any time make it blocking and fill its counter: write() would
 * then put the caller to sleep for as long as the peer likes.  O_NONBLOCK,
 * set once, is no protection.  What is declared here cannot be made to wait.
 *
 * Thread-safety: functions without a "struct peer_signal" are safe from any
 * thread. */

#include <stdbool.h>

/* True if 'fd' is an eventfd. */
bool peer_eventfd_check(int fd);

/* Adds 1 to the counter of eventfd 'fd', unless that is full.  Does nothing
 * if 'fd' is negative.  Never blocks. */
void peer_eventfd_signal(int fd);

/* The same for an eventfd that is signalled often, for two thirds of the
 * cost. */
struct peer_signal;

/* Returns what signals eventfd 'fd', which stays the caller's and open, or
 * NULL if the kernel does not grant it.  Callers then have
 * peer_eventfd_signal() all the same. */
struct peer_signal *peer_signal_create(int fd);

/* Frees 'ps', which may be NULL and which nobody may use any more. */
void peer_signal_destroy(struct peer_signal *ps);

/* Makes 'ps', which may be NULL, signal the eventfd that 'fd' has come to
 * stand for.  Safe while another thread signals; the caller signals
 * afterward, as a signal meanwhile may be lost. */
void peer_signal_renew(struct peer_signal *ps, int fd);

/* As peer_eventfd_signal(fd), through 'ps', which may be NULL, and which was
 * created or renewed for 'fd'.  Callers take turns for each 'ps'. */
void peer_signal(struct peer_signal *ps, int fd);

/* For the implementation: as peer_signal_create(), with a positive errno value
 * if '*psp' is NULL; and a signal that returns false if it cannot be given. */
int peer_signal_open(int fd, struct peer_signal **psp);
bool peer_signal_try(struct peer_signal *ps);

#endif /* peer-eventfd.h */
