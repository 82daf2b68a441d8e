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

#ifndef VHOST_USER_SOCKET_H
#define VHOST_USER_SOCKET_H 1

/* Sockets that carry vhost-user messages
 * ======================================
 *
 * A link moves whole messages over one UNIX stream socket without ever
 * blocking, and does not look at them.  The functions for paths make sockets
 * that listen and that connect.
 *
 * Thread-safety: a link is for one thread.  The functions for paths keep no
 * state. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vhost-user-proto.h"

/* One connection. */
struct vhost_user_link {
    int fd;                     /* -1 while there is none. */
    struct slow_worker *worker; /* Closes what the peer sent.  Not owned; may
                                 * be NULL. */

    /* The message that is coming in. */
    struct vhost_user_msg in;
    size_t n_in;                /* Bytes of it received, header included. */
    int fds[VHOST_USER_MAX_FDS];
    size_t n_fds;
    bool lost_fds;              /* More descriptors came than fit. */

    /* The message that is going out. */
    struct vhost_user_msg out;
    size_t n_out;               /* Bytes of it sent, header included. */
    bool sending;
};

#define VHOST_USER_LINK_INITIALIZER { .fd = -1 }

/* Starts to use 'fd', which is owned from then on. */
void vhost_user_link_open(struct vhost_user_link *, int fd);

/* Closes the connection and whatever came with an unfinished message.  Does
 * nothing without a connection. */
void vhost_user_link_close(struct vhost_user_link *);

/* Reads until the header, or the whole message, is in 'in'.  Returns 0 when it
 * is, EAGAIN if more has to come, EPIPE if the peer closed the connection, or
 * another positive errno value.  The header's size must be found good before
 * the payload is read. */
int vhost_user_link_read_header(struct vhost_user_link *);
int vhost_user_link_read_payload(struct vhost_user_link *);

/* Makes room for the next message.  Closes what is left of 'fds': those that
 * somebody took over are -1. */
void vhost_user_link_next(struct vhost_user_link *);

/* Sends 'msg', for which vhost_user_link_flush() must be called until it
 * returns 0.  It returns EAGAIN if the peer does not read, or another positive
 * errno value if the connection is broken. */
void vhost_user_link_send(struct vhost_user_link *,
                          const struct vhost_user_msg *msg);
int vhost_user_link_flush(struct vhost_user_link *);

/* True if the peer closed the connection, whatever is still to be read. */
bool vhost_user_link_is_dead(const struct vhost_user_link *);

/* A listening socket and the file that stands for it. */
struct vhost_user_listener {
    int fd;                     /* -1 if there is none. */
    dev_t dev;
    ino_t ino;
};

/* Listens on 'path', in the place of a socket that nobody listens on any more,
 * if there is one.  Returns 0, or a positive errno value (see
 * vhost_user_open()) and a malloc'd explanation in '*errorp'. */
int vhost_user_listen(const char *path, struct vhost_user_listener *,
                      char **errorp);

/* Stops listening, and removes 'path' if it is still the socket that
 * vhost_user_listen() made: it may have been moved, and another may have taken
 * its place.  Does nothing without a socket. */
void vhost_user_unlisten(const char *path, struct vhost_user_listener *);

/* Accepts a connection.  Returns its descriptor or a negative errno value. */
int vhost_user_accept(const struct vhost_user_listener *);

/* Makes a socket to connect with.  Returns its descriptor or a negative errno
 * value. */
int vhost_user_socket(void);

/* Connects socket 'fd' to 'path'.  Returns 0 or a positive errno value. */
int vhost_user_connect(int fd, const char *path);

/* Returns 0 if 'path' can be a socket's, otherwise as vhost_user_listen(). */
int vhost_user_path_check(const char *path, char **errorp);

/* Returns a malloc'd name that is the same for all paths to the same directory
 * entry, as far as the directory exists. */
char *vhost_user_path_canonicalize(const char *path);

#endif /* vhost-user-socket.h */
