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


/* Test front end: the connection and its messages.  See frontend.h. */

#include <config.h>

#include "frontend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(frontend);

/* Keeps 'error' and explains it. */
static int OVS_PRINTF_FORMAT(3, 4)
fail(struct frontend *fe, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(fe->error, sizeof fe->error, format, args);
    va_end(args);
    VLOG_INFO("%s (%s)", fe->error, ovs_strerror(error));
    return error;
}

int
fe_listen(struct frontend *fe)
{
    fe->listen_fd = make_unix_socket(SOCK_STREAM, true, fe->config.path,
                                     NULL);
    if (fe->listen_fd < 0) {
        int error = -fe->listen_fd;

        fe->listen_fd = -1;
        return fail(fe, error, "%s: cannot make socket", fe->config.path);
    }
    if (listen(fe->listen_fd, 1)) {
        return fail(fe, errno, "%s: cannot listen", fe->config.path);
    }
    return 0;
}

void
fe_unlisten(struct frontend *fe)
{
    if (fe->listen_fd >= 0) {
        close(fe->listen_fd);
        fe->listen_fd = -1;
        unlink(fe->config.path);
    }
}

int
fe_connect(struct frontend *fe)
{
    int fd;

    ovs_assert(fe->fd < 0);
    if (fe->config.server) {
        fd = accept(fe->listen_fd, NULL, NULL);
        if (fd < 0) {
            return errno;
        }
    } else {
        fd = make_unix_socket(SOCK_STREAM, false, NULL, fe->config.path);
        if (fd < 0) {
            return -fd;
        }
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fe->fd = fd;
    fe->n_connections++;
    fe->started = false;
    return 0;
}

void
fe_disconnect(struct frontend *fe)
{
    if (fe->fd >= 0) {
        close(fe->fd);
        fe->fd = -1;
    }
    fe->started = false;
}

bool
fe_lost(struct frontend *fe)
{
    char byte;

    if (fe->fd < 0) {
        return true;
    }

    ssize_t n = recv(fe->fd, &byte, sizeof byte, MSG_DONTWAIT | MSG_PEEK);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (n > 0) {
        fail(fe, EPROTO, "back end sent something unasked for");
    }
    fe_disconnect(fe);
    return true;
}

int
fe_send(struct frontend *fe, const struct fe_msg *msg, const int *fds,
        size_t n)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(FE_MAX_FDS * sizeof(int))];
    } control;
    struct iovec iov = {
        .iov_base = CONST_CAST(struct fe_msg *, msg),
        .iov_len = FE_HEADER_SIZE + MIN(msg->size, FE_MAX_PAYLOAD),
    };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (fe->fd < 0) {
        return ENOTCONN;
    }
    ovs_assert(n <= FE_MAX_FDS);
    if (n) {
        memset(&control, 0, sizeof control);
        mh.msg_control = control.buf;
        mh.msg_controllen = CMSG_SPACE(n * sizeof(int));

        struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

        cm->cmsg_level = SOL_SOCKET;
        cm->cmsg_type = SCM_RIGHTS;
        cm->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
    }

    ssize_t sent = sendmsg(fe->fd, &mh, MSG_NOSIGNAL);

    if (sent == iov.iov_len) {
        return 0;
    }
    return fail(fe, sent < 0 && errno != EPIPE ? errno : ECONNRESET,
                "request %"PRIu32": cannot send", msg->request);
}

/* Takes the descriptors out of 'mh': the first into '*fdp' if 'fdp' is not
 * NULL, the others are closed. */
static void
take_fds(struct msghdr *mh, int *fdp)
{
    for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm;
         cm = CMSG_NXTHDR(mh, cm)) {
        if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS) {
            continue;
        }

        size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cm) + i * sizeof fd, sizeof fd);
            if (fdp && *fdp < 0) {
                *fdp = fd;
            } else {
                close(fd);
            }
        }
    }
}

/* Receives 'size' bytes, waiting for them. */
static int
receive(struct frontend *fe, void *data_, size_t size, int *fdp)
{
    uint8_t *data = data_;

    while (size) {
        char control[CMSG_SPACE(FE_MAX_FDS * sizeof(int))];
        struct iovec iov = { .iov_base = data, .iov_len = size };
        struct msghdr mh = {
            .msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = control,
            .msg_controllen = sizeof control,
        };
        struct pollfd pfd = { .fd = fe->fd, .events = POLLIN };
        int retval = poll(&pfd, 1, fe->config.timeout);

        if (retval < 0 && errno == EINTR) {
            continue;
        } else if (retval <= 0) {
            return fail(fe, ETIMEDOUT, "back end does not answer");
        }

        ssize_t n = recvmsg(fe->fd, &mh, MSG_CMSG_CLOEXEC);

        if (n <= 0) {
            return fail(fe, ECONNRESET, "back end hung up");
        }
        take_fds(&mh, fdp);
        data += n;
        size -= n;
    }
    return 0;
}

int
fe_recv(struct frontend *fe, struct fe_msg *msg, int *fdp)
{
    if (fdp) {
        *fdp = -1;
    }
    if (fe->fd < 0) {
        return ENOTCONN;
    }

    int error = receive(fe, msg, FE_HEADER_SIZE, fdp);

    if (!error && msg->size > FE_MAX_PAYLOAD) {
        error = fail(fe, EPROTO, "reply of %"PRIu32" bytes", msg->size);
    }
    if (!error) {
        error = receive(fe, &msg->u64, msg->size, fdp);
    }
    if (error && fdp && *fdp >= 0) {
        close(*fdp);
        *fdp = -1;
    }
    return error;
}

int
fe_get(struct frontend *fe, struct fe_msg *msg, int *fdp)
{
    uint32_t request = msg->request;
    uint32_t size = msg->size;

    msg->flags = FE_VERSION;

    int error = fe_send(fe, msg, NULL, 0);

    if (!error) {
        error = fe_recv(fe, msg, fdp);
    }
    if (!error && (msg->request != request
                   || msg->flags != (FE_VERSION | FE_REPLY)
                   || (size && msg->size != size))) {
        error = fail(fe, EPROTO, "request %"PRIu32": reply has request "
                     "%"PRIu32", flags %#"PRIx32", size %"PRIu32, request,
                     msg->request, msg->flags, msg->size);
    }
    return error;
}

int
fe_set(struct frontend *fe, struct fe_msg *msg, const int *fds, size_t n)
{
    uint32_t request = msg->request;
    bool ack = fe_has_protocol(fe, FE_P_reply_ack);

    msg->flags = FE_VERSION | (ack ? FE_NEED_REPLY : 0);

    int error = fe_send(fe, msg, fds, n);

    if (error || !ack) {
        return error;
    }
    error = fe_recv(fe, msg, NULL);
    if (error) {
        return error;
    }
    if (msg->request != request || msg->flags != (FE_VERSION | FE_REPLY)
        || msg->size != sizeof msg->u64) {
        return fail(fe, EPROTO, "request %"PRIu32": acknowledgment has "
                    "request %"PRIu32", flags %#"PRIx32", size %"PRIu32,
                    request, msg->request, msg->flags, msg->size);
    }
    return (msg->u64
            ? fail(fe, EPROTO, "request %"PRIu32": refused", request)
            : 0);
}

int
fe_get_u64(struct frontend *fe, enum fe_request request, uint64_t *value)
{
    struct fe_msg msg = { .request = request };
    int error = fe_get(fe, &msg, NULL);

    if (!error && msg.size != sizeof msg.u64) {
        error = fail(fe, EPROTO, "request %d: reply of %"PRIu32" bytes",
                     request, msg.size);
    }
    if (!error) {
        *value = msg.u64;
    }
    return error;
}

int
fe_set_u64(struct frontend *fe, enum fe_request request, uint64_t value)
{
    struct fe_msg msg = {
        .request = request, .size = sizeof msg.u64, .u64 = value,
    };

    return fe_set(fe, &msg, NULL, 0);
}

int
fe_set_vring(struct frontend *fe, enum fe_request request, uint32_t index,
             uint32_t value)
{
    struct fe_msg msg = {
        .request = request,
        .size = sizeof msg.vring,
        .vring = { index, value },
    };

    return fe_set(fe, &msg, NULL, 0);
}

/* Bit 8 says that no descriptor comes along (vhost-user, "Vring descriptor
 * indices"). */
int
fe_set_vring_fd(struct frontend *fe, enum fe_request request, uint32_t index,
                int fd)
{
    struct fe_msg msg = {
        .request = request,
        .size = sizeof msg.u64,
        .u64 = index | (fd < 0 ? 0x100 : 0),
    };

    return fe_set(fe, &msg, &fd, fd >= 0);
}
