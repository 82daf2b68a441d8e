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

#ifndef VHOST_PEER_H
#define VHOST_PEER_H 1

/* For tests of vhost-user endpoints: an endpoint with what its owner hears,
 * and a front end that says what it is told to, down to single bytes.
 *
 * Whatever waits gives up after PEER_TIMEOUT_MS and fails a check.  While it
 * waits it lets grace periods pass.
 *
 * Thread-safety: none; for the main thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "latch.h"
#include "ovs-atomic.h"
#include "vhost-user-proto.h"
#include "vhost-user.h"

#define PEER_TIMEOUT_MS 20000

/* An endpoint and its owner. */
struct port {
    struct vhost_user *vu;
    struct latch changed;
    atomic_uint n_changed;
    struct vhost_user_status status; /* As of the latest look. */
};

/* Opens an endpoint.  Returns 0 or what vhost_user_open() said, whose
 * explanation must contain 'why' if it is an error. */
int port_open(struct port *, const char *path, bool client, const char *why);
void port_close(struct port *);

/* Waits until the endpoint is in 'state' and has seen 'n_connections'. */
bool port_wait(struct port *, enum vhost_user_state state,
               uint64_t n_connections);

/* Waits until 'cond' holds, looking whenever 'port' hears of something. */
bool port_wait_for(struct port *, bool (*cond)(struct port *, void *aux),
                   void *aux);

/* Waits until no more than 'n' file descriptors are open, but for those of a
 * thread that has come to life meanwhile: RCU's, which waits on a pipe. */
bool wait_for_fds(size_t n);

/* A front end with one region of memory. */
#define PEER_UVA UINT64_C(0x7f0000000000)
#define PEER_MEMORY 0x100000
#define PEER_RING(IDX) ((IDX) * UINT64_C(0x10000))

struct peer {
    int fd;
    int memfd;
};

/* Makes memory and connects to 'path', or accepts on 'listen_fd' if that is
 * not negative. */
bool peer_open(struct peer *, const char *path, int listen_fd);
void peer_close(struct peer *);

int peer_listen(const char *path);

/* Sends 'n' bytes with 'n_fds' descriptors; a whole message; and one with
 * NEED_REPLY, of which it checks the answer. */
bool peer_send_bytes(struct peer *, const void *, size_t n, const int fds[],
                     size_t n_fds);
bool peer_send(struct peer *, const struct vhost_user_msg *, const int fds[],
               size_t n_fds);
bool peer_set(struct peer *, const struct vhost_user_msg *, const int fds[],
              size_t n_fds);

/* Sends a request and waits for its reply. */
bool peer_get(struct peer *, const struct vhost_user_msg *,
              struct vhost_user_msg *reply);

/* Waits for a message, or for the end of the connection. */
bool peer_recv(struct peer *, struct vhost_user_msg *);
bool peer_wait_closed(struct peer *);

/* What a front end does first, and to start a vring. */
bool peer_negotiate(struct peer *);
bool peer_set_mem_table(struct peer *);
bool peer_start_ring(struct peer *, uint32_t idx);
bool peer_start(struct peer *);

/* In test-vhost-user-paths.c. */
void test_paths(int argc, char *argv[]);
void test_path_in_use(int argc, char *argv[]);
void test_path_not_writable(int argc, char *argv[]);
void test_moved(int argc, char *argv[]);
void test_reopen(int argc, char *argv[]);
void test_owner(int argc, char *argv[]);
void test_many(int argc, char *argv[]);

/* In test-vhost-user-slow.c. */
void test_slow_worker(int argc, char *argv[]);
void test_slow_close(int argc, char *argv[]);

#endif /* vhost-peer.h */
