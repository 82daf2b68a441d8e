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

#ifndef PEER_FD_H
#define PEER_FD_H 1

/* File descriptors of a peer
 * ==========================
 *
 * What a peer sends can be a file of any kind, and some kinds make whoever
 * asks them anything, or only closes them, wait for the peer.
 *
 * Thread-safety: all functions are safe from any thread. */

struct slow_worker;

/* Returns NULL if 'fd' is memory (memfd, tmpfs, hugetlbfs) or on a local file
 * system, so that nobody can delay what is done with it.  Otherwise returns a
 * malloc'd explanation.  Does not wait itself. */
char *peer_fd_check_local(int fd);

/* Closes 'fd', if it is not negative: at once if that cannot take long,
 * otherwise by 'worker'. */
void peer_fd_close(int fd, struct slow_worker *worker);

#endif /* peer-fd.h */
