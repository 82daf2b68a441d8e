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

/* Sockets that carry vhost-user messages.
 *
 * Theory of operation: a message is a header, a payload whose size the header
 * tells, and descriptors, which the kernel delivers together with the first
 * byte they were sent with.  A message may arrive in any number of pieces, so
 * what came is kept until it is whole.  Descriptors are owned from the moment
 * they are received, also by a message that never gets finished.
 *
 * Thread-safety: see vhost-user-socket.h. */

#include <config.h>

#include "vhost-user-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "peer-fd.h"
#include "util.h"
#include "vhost-user.h"

/* Connections that may wait to be accepted. */
#define BACKLOG 8

BUILD_ASSERT_DECL(VHOST_USER_MAX_PATH
                  == sizeof ((struct sockaddr_un *) 0)->sun_path - 1);

/* Links. */

void
vhost_user_link_open(struct vhost_user_link *link, int fd)
{
    *link = (struct vhost_user_link) { .fd = fd, .worker = link->worker };
}

void
vhost_user_link_close(struct vhost_user_link *link)
{
    if (link->fd >= 0) {
        close(link->fd);
        link->fd = -1;
        vhost_user_link_next(link);
        link->sending = false;
    }
}

void
vhost_user_link_next(struct vhost_user_link *link)
{
    for (size_t i = 0; i < link->n_fds; i++) {
        peer_fd_close(link->fds[i], link->worker);
    }
    memset(&link->in, 0, sizeof link->in);
    link->n_in = 0;
    link->n_fds = 0;
    link->lost_fds = false;
}

/* Takes over the descriptors that came with 'msgh'. */
static void
take_fds(struct vhost_user_link *link, struct msghdr *msgh)
{
    struct cmsghdr *cmsg;

    /* The kernel cuts off what has no room in the buffer, or in our table of
     * descriptors. */
    if (msgh->msg_flags & MSG_CTRUNC) {
        link->lost_fds = true;
    }
    for (cmsg = CMSG_FIRSTHDR(msgh); cmsg; cmsg = CMSG_NXTHDR(msgh, cmsg)) {
        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
            continue;
        }

        size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof fd, sizeof fd);
            if (link->n_fds < ARRAY_SIZE(link->fds)) {
                link->fds[link->n_fds++] = fd;
            } else {
                link->lost_fds = true;
                peer_fd_close(fd, link->worker);
            }
        }
    }
}

/* Reads into 'base', 'size' bytes long, which holds the part of the message
 * that begins 'start' bytes from its beginning. */
static int
read_part(struct vhost_user_link *link, void *base, size_t start, size_t size)
{
    while (link->n_in < start + size) {
        union {
            char buf[CMSG_SPACE(sizeof(int) * VHOST_USER_MAX_FDS)];
            struct cmsghdr align;
        } control;
        struct iovec iov = {
            .iov_base = (char *) base + (link->n_in - start),
            .iov_len = start + size - link->n_in,
        };
        struct msghdr msgh = {
            .msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = control.buf,
            .msg_controllen = sizeof control.buf,
        };
        ssize_t n = recvmsg(link->fd, &msgh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        take_fds(link, &msgh);
        if (!n) {
            return EPIPE;
        }
        link->n_in += n;
    }
    return 0;
}

int
vhost_user_link_read_header(struct vhost_user_link *link)
{
    return read_part(link, &link->in.hdr, 0, sizeof link->in.hdr);
}

int
vhost_user_link_read_payload(struct vhost_user_link *link)
{
    ovs_assert(link->in.hdr.size <= VHOST_USER_MAX_PAYLOAD);
    return read_part(link, link->in.payload, sizeof link->in.hdr,
                     link->in.hdr.size);
}

void
vhost_user_link_send(struct vhost_user_link *link,
                     const struct vhost_user_msg *msg)
{
    ovs_assert(!link->sending);
    link->out = *msg;
    link->n_out = 0;
    link->sending = true;
}

int
vhost_user_link_flush(struct vhost_user_link *link)
{
    while (link->sending) {
        uint8_t buf[sizeof link->out.hdr + VHOST_USER_MAX_PAYLOAD];
        size_t size = sizeof link->out.hdr + link->out.hdr.size;
        ssize_t n;

        /* On the wire there is no gap between them. */
        memcpy(buf, &link->out.hdr, sizeof link->out.hdr);
        memcpy(buf + sizeof link->out.hdr, link->out.payload,
               link->out.hdr.size);
        n = send(link->fd, buf + link->n_out, size - link->n_out,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        link->n_out += n;
        link->sending = link->n_out < size;
    }
    return 0;
}

bool
vhost_user_link_is_dead(const struct vhost_user_link *link)
{
    struct pollfd pfd = { .fd = link->fd, .events = POLLRDHUP };

    return (poll(&pfd, 1, 0) > 0
            && pfd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* Paths. */

int
vhost_user_path_check(const char *path, char **errorp)
{
    if (!path[0]) {
        *errorp = xstrdup("the path of a socket is empty");
        return EINVAL;
    }
    if (strlen(path) > VHOST_USER_MAX_PATH) {
        *errorp = xasprintf("%s: path has %"PRIuSIZE" bytes, a socket's may "
                            "have %d", path, strlen(path),
                            VHOST_USER_MAX_PATH);
        return ENAMETOOLONG;
    }
    return 0;
}

char *
vhost_user_path_canonicalize(const char *path)
{
    char *dir = dir_name(path);
    char *base = base_name(path);
    char *real = realpath(dir, NULL);
    char *name = xasprintf("%s/%s", real ? real : dir, base);

    free(dir);
    free(base);
    free(real);
    return name;
}

static socklen_t
make_address(const char *path, struct sockaddr_un *un)
{
    memset(un, 0, sizeof *un);
    un->sun_family = AF_UNIX;
    ovs_strlcpy(un->sun_path, path, sizeof un->sun_path);
    return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

int
vhost_user_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 ? fd : -errno;
}

int
vhost_user_connect(int fd, const char *path)
{
    struct sockaddr_un un;
    socklen_t un_len = make_address(path, &un);

    /* On a UNIX socket this is done at once, or not at all. */
    return connect(fd, (struct sockaddr *) &un, un_len) ? errno : 0;
}

/* Checks that a socket can be made in the directory of 'path'. */
static int
check_directory(const char *path, char **errorp)
{
    char *dir = dir_name(path);
    struct stat st;
    int error = (stat(dir, &st) ? errno
                 : !S_ISDIR(st.st_mode) ? ENOTDIR
                 : access(dir, W_OK | X_OK) ? errno
                 : 0);

    if (error) {
        *errorp = xasprintf("%s: cannot make a socket in %s (%s)", path, dir,
                            ovs_strerror(error));
    }
    free(dir);
    return error;
}

/* Removes a socket at 'path' that nobody listens on. */
static int
remove_stale(const char *path, char **errorp)
{
    struct stat st;
    int error;
    int fd;

    if (lstat(path, &st)) {
        return errno == ENOENT ? 0 : errno;
    }
    if (!S_ISSOCK(st.st_mode)) {
        *errorp = xasprintf("%s: exists and is not a socket", path);
        return EEXIST;
    }

    fd = vhost_user_socket();
    if (fd < 0) {
        return -fd;
    }
    error = vhost_user_connect(fd, path);
    close(fd);
    switch (error) {
    case ECONNREFUSED:
        return unlink(path) && errno != ENOENT ? errno : 0;

    case ENOENT:
        return 0;

    case EACCES:
        return error;

    default:
        /* Somebody is there, even if busy (EAGAIN) or of another kind
         * (EPROTOTYPE). */
        *errorp = xasprintf("%s: another process uses this socket", path);
        return EADDRINUSE;
    }
}

int
vhost_user_listen(const char *path, struct vhost_user_listener *listener,
                  char **errorp)
{
    struct sockaddr_un un;
    struct stat st;
    int error;
    int fd;

    *errorp = NULL;
    listener->fd = -1;
    error = vhost_user_path_check(path, errorp);
    if (!error) {
        error = check_directory(path, errorp);
    }
    if (!error) {
        error = remove_stale(path, errorp);
    }
    if (!error) {
        fd = vhost_user_socket();
        error = fd >= 0 ? 0 : -fd;
    }
    if (!error) {
        socklen_t un_len = make_address(path, &un);

        if (bind(fd, (struct sockaddr *) &un, un_len)) {
            error = errno;
            close(fd);
        } else if (listen(fd, BACKLOG) || lstat(path, &st)) {
            error = errno;
            close(fd);
            unlink(path);
        }
    }
    if (error) {
        if (!*errorp) {
            *errorp = xasprintf("%s: cannot listen (%s)", path,
                                ovs_strerror(error));
        }
        return error;
    }

    listener->fd = fd;
    listener->dev = st.st_dev;
    listener->ino = st.st_ino;
    return 0;
}

void
vhost_user_unlisten(const char *path, struct vhost_user_listener *listener)
{
    struct stat st;

    if (listener->fd >= 0) {
        /* Until it is closed, nobody else can have its inode. */
        if (!lstat(path, &st) && st.st_dev == listener->dev
            && st.st_ino == listener->ino) {
            unlink(path);
        }
        close(listener->fd);
        listener->fd = -1;
    }
}

int
vhost_user_accept(const struct vhost_user_listener *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    return fd >= 0 ? fd : -errno;
}
