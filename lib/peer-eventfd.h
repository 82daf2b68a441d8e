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
 * set once, is no protection.  peer_eventfd_signal() cannot be made to wait.
 *
 * Thread-safety: all functions are safe from any thread. */

#include <stdbool.h>

/* True if 'fd' is an eventfd. */
bool peer_eventfd_check(int fd);

/* Adds 1 to the counter of eventfd 'fd', unless that is full.  Does nothing
 * if 'fd' is negative.  Never blocks. */
void peer_eventfd_signal(int fd);

#endif /* peer-eventfd.h */
