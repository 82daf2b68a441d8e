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


/* unixctl commands of test-frontend that send messages that break the rules,
 * and what can be wrong with any message.  See frontend-offend.h. */

#include <config.h>

#include "frontend-offend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frontend-commands.h"
#include "frontend-guest.h"
#include "openvswitch/dynamic-string.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* Longest wait for a connection, in ms. */
#define CONNECT_TIMEOUT 20000

/* Vring descriptor indices: no descriptor comes along. */
#define NOFD 0x100

/* Good messages. */

int
fe_offence_file(uint64_t size, int flags)
{
    int fd = memfd_create("offence", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char path[32];

    if (fd < 0 || ftruncate(fd, size)) {
        ovs_fatal(errno, "cannot create file");
    }
    if (flags != O_RDWR) {
        int old_fd = fd;

        snprintf(path, sizeof path, "/proc/self/fd/%d", old_fd);
        fd = open(path, flags | O_CLOEXEC);
        if (fd < 0) {
            ovs_fatal(errno, "%s: cannot open", path);
        }
        close(old_fd);
    }
    return fd;
}

static int
make_eventfd(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void
set_u64(struct fe_msg *msg, uint64_t value)
{
    msg->size = sizeof msg->u64;
    msg->u64 = value;
}

static void
set_vring(struct fe_msg *msg, uint32_t vring, uint32_t value)
{
    msg->size = sizeof msg->vring;
    msg->vring.index = vring;
    msg->vring.value = value;
}

static uint64_t
log_size(const struct frontend *fe)
{
    return DIV_ROUND_UP(fe_memory_end(&fe->mem), FE_PAGE_SIZE * 8);
}

/* Requests that no back end of a network device takes have no payload. */
void
fe_offence_init(struct fe_offence *o, const struct frontend *fe,
                uint32_t request, unsigned int vring)
{
    const struct fe_ring *r
        = fe->rings && vring < fe->n_rings ? &fe->rings[vring] : NULL;
    struct fe_msg *msg = &o->msg;

    memset(o, 0, sizeof *o);
    msg->request = request;
    switch (request) {
    case FE_SET_FEATURES:
        set_u64(msg, fe->features);
        break;
    case FE_SET_PROTOCOL_FEATURES:
        set_u64(msg, fe->protocol_features);
        break;
    case FE_SET_MEM_TABLE:
        fe_make_mem_table(fe, msg, o->fds);
        o->n_fds = fe->mem.n;
        for (size_t i = 0; i < o->n_fds; i++) {
            o->fds[i] = dup(o->fds[i]);
        }
        break;
    case FE_SET_LOG_BASE:
        msg->size = sizeof msg->log;
        msg->log.size = log_size(fe);
        fe_offence_set_fd(o, 0, fe_offence_file(log_size(fe), O_RDWR));
        break;
    case FE_SET_LOG_FD:
    case FE_SET_BACKEND_REQ_FD:
        fe_offence_set_fd(o, 0, make_eventfd());
        break;
    case FE_SET_VRING_NUM:
        set_vring(msg, vring, r ? r->size : 256);
        break;
    case FE_SET_VRING_ADDR:
        fe_make_vring_addr(fe, r ? vring : 1, msg);
        msg->addr.index = vring;
        break;
    case FE_SET_VRING_BASE:
    case FE_GET_VRING_BASE:
        set_vring(msg, vring, 0);
        break;
    case FE_SET_VRING_ENABLE:
        set_vring(msg, vring, r != NULL);
        break;
    case FE_SET_VRING_KICK:
    case FE_SET_VRING_CALL:
    case FE_SET_VRING_ERR:
        set_u64(msg, vring);
        fe_offence_set_fd(o, 0, make_eventfd());
        break;
    case FE_SEND_RARP:
        set_u64(msg, 0x010000000002); /* 02:00:00:00:00:01. */
        break;
    case FE_NET_SET_MTU:
        set_u64(msg, 1500);
        break;
    case FE_SET_STATUS:
        set_u64(msg, 0x0f);
        break;
    case FE_CLOSE_CRYPTO_SESSION:
        set_u64(msg, 0);
        break;
    case FE_SET_VRING_ENDIAN:
    case FE_VRING_KICK:
        set_vring(msg, vring, 0);
        break;
    case FE_GET_INFLIGHT_FD:
    case FE_SET_INFLIGHT_FD:
        msg->size = sizeof msg->inflight;
        msg->inflight = (struct fe_wire_inflight) {
            .size = 65536, .n_queues = 2, .queue_size = 256,
        };
        if (request == FE_SET_INFLIGHT_FD) {
            fe_offence_set_fd(o, 0, fe_offence_file(65536, O_RDWR));
        }
        break;
    default:
        break;
    }
}

void
fe_offence_uninit(struct fe_offence *o)
{
    for (size_t i = 0; i < o->n_fds; i++) {
        close(o->fds[i]);
    }
    o->n_fds = 0;
}

void
fe_offence_set_fd(struct fe_offence *o, size_t i, int fd)
{
    if (i < o->n_fds) {
        close(o->fds[i]);
    } else {
        o->n_fds = i + 1;
    }
    o->fds[i] = fd;
}

/* What can be wrong with any message. */

static uint64_t
to_number(const char *s)
{
    return strtoull(s, NULL, 0);
}

static bool
nothing(const struct frontend *fe OVS_UNUSED, const char *arg OVS_UNUSED,
        struct fe_offence *o OVS_UNUSED)
{
    return true;
}

static bool
request_number(const struct frontend *fe OVS_UNUSED, const char *arg,
               struct fe_offence *o)
{
    o->msg.request = to_number(arg);
    return true;
}

static bool
version(const struct frontend *fe OVS_UNUSED, const char *arg,
        struct fe_offence *o)
{
    o->msg.flags = (o->msg.flags & ~3) | to_number(arg);
    return true;
}

static bool
flags(const struct frontend *fe OVS_UNUSED, const char *arg,
      struct fe_offence *o)
{
    o->msg.flags |= to_number(arg);
    return true;
}

static bool
too_long(const struct frontend *fe OVS_UNUSED, const char *arg OVS_UNUSED,
         struct fe_offence *o)
{
    o->msg.size += 8;
    return true;
}

static bool
too_short(const struct frontend *fe OVS_UNUSED, const char *arg OVS_UNUSED,
          struct fe_offence *o)
{
    return o->msg.size-- != 0;
}

static bool
size(const struct frontend *fe OVS_UNUSED, const char *arg,
     struct fe_offence *o)
{
    o->msg.size = to_number(arg);
    return true;
}

/* Descriptors up to a number, or as many more. */
static bool
descriptors(const struct frontend *fe OVS_UNUSED, const char *arg,
            struct fe_offence *o)
{
    size_t n = to_number(arg) + (arg[0] == '+' ? o->n_fds : 0);

    while (o->n_fds < n && n <= FE_MAX_FDS) {
        fe_offence_set_fd(o, o->n_fds, make_eventfd());
    }
    return o->n_fds == n;
}

static bool
one_less(const struct frontend *fe OVS_UNUSED, const char *arg OVS_UNUSED,
         struct fe_offence *o)
{
    if (!o->n_fds) {
        return false;
    }
    close(o->fds[--o->n_fds]);
    return true;
}

/* Five with the header, and five with what follows. */
static bool
in_pieces(const struct frontend *fe, const char *arg OVS_UNUSED,
          struct fe_offence *o)
{
    o->n_late = 5;
    return descriptors(fe, "10", o) && o->msg.size;
}

static bool
late(const struct frontend *fe, const char *arg OVS_UNUSED,
     struct fe_offence *o)
{
    o->n_late = 1;
    return descriptors(fe, "+1", o) && o->msg.size;
}

static bool
nofd(const struct frontend *fe OVS_UNUSED, const char *arg OVS_UNUSED,
     struct fe_offence *o)
{
    o->msg.u64 |= NOFD;
    return true;
}

static bool
no_eventfd(const struct frontend *fe OVS_UNUSED, const char *arg OVS_UNUSED,
           struct fe_offence *o)
{
    fe_offence_set_fd(o, 0, fe_offence_file(8, O_RDWR));
    return true;
}

/* In all messages that name a vring it comes first. */
static bool
vring_plus(const struct frontend *fe OVS_UNUSED, const char *arg,
           struct fe_offence *o)
{
    if (o->msg.request >= FE_SET_VRING_KICK
        && o->msg.request <= FE_SET_VRING_ERR) {
        o->msg.u64 += to_number(arg);
    } else {
        o->msg.vring.index += to_number(arg);
    }
    return true;
}

static const struct fe_offence_kind kinds[] = {
    { "good", -1, FE_STARTED, FE_LAST_VRING, nothing },
    { "while it runs", -1, FE_STARTED, 1, nothing },
    { "kicked again", -1, FE_AS_IT_IS, 0, vring_plus },
    { "request", FE_SET_FEATURES, FE_STARTED, 1, request_number },
    { "version", -1, FE_STARTED, 1, version },
    { "flags", -1, FE_STARTED, 1, flags },
    { "payload too long", -1, FE_STARTED, 1, too_long },
    { "payload too short", -1, FE_STARTED, 1, too_short },
    { "payload of", -1, FE_STARTED, 1, size },
    { "descriptors", -1, FE_STARTED, 1, descriptors },
    { "descriptor too few", -1, FE_STARTED, 1, one_less },
    { "descriptors in pieces", -1, FE_STARTED, 1, in_pieces },
    { "descriptor with the payload", -1, FE_STARTED, 1, late },
    { "descriptor although NOFD", -1, FE_STARTED, 1, nofd },
    { "not an eventfd", -1, FE_STARTED, 1, no_eventfd },
    { "vring", -1, FE_STARTED, 1, vring_plus },
    { "vring 0 plus", -1, FE_STARTED, 0, vring_plus },
    { "not offered", -1, FE_STARTED, 1, nothing },
    { "not negotiated", -1, FE_BARE, 1, nothing },
    { "said at once", -1, FE_CONNECTED, 1, nothing },
};

/* Sending them. */

static int
connect_again(struct frontend *fe)
{
    long long int deadline = time_msec() + CONNECT_TIMEOUT;
    int error;

    fe_disconnect(fe);
    while ((error = fe_connect(fe)) != 0 && time_msec() < deadline) {
        struct pollfd pfd = { .fd = fe->listen_fd, .events = POLLIN };

        /* A client has its socket to try again. */
        poll(&pfd, fe->config.server, fe->config.server ? 1000 : 5);
    }
    return error;
}

/* Gives the back end a dirty log, of 'size' bytes unless that is 0. */
static int
send_log(struct frontend *fe, uint64_t size)
{
    struct fe_offence o;
    int error;

    fe_offence_init(&o, fe, FE_SET_LOG_BASE, 0);
    o.msg.log.size = size ? size : o.msg.log.size;
    o.msg.flags = FE_VERSION;
    error = fe_send(fe, &o.msg, o.fds, o.n_fds);
    if (!error) {
        /* This is always answered. */
        error = fe_recv(fe, &o.msg, NULL);
    }
    fe_offence_uninit(&o);
    return error;
}

static int
reach(struct frontend *fe, enum fe_stage stage)
{
    uint64_t wanted = fe->config.protocol_features;
    int error;

    if (stage == FE_AS_IT_IS || (stage == FE_STARTED && fe->started)) {
        return fe->fd >= 0 ? 0 : ENOTCONN;
    }
    error = connect_again(fe);
    if (error || stage == FE_CONNECTED) {
        return error;
    }
    if (stage == FE_STARTED || stage == FE_LOGGING) {
        error = fe_start(fe);
        if (!error && stage == FE_LOGGING) {
            error = send_log(fe, 0);
            error = error ? error : fe_set_features(fe, FE_BIT(FE_F_log_all));
        }
        return error;
    }
    if (stage == FE_BARE) {
        fe->config.protocol_features &= FE_BIT(FE_P_reply_ack);
    }
    error = fe_negotiate(fe);
    fe->config.protocol_features = wanted;
    if (!error && stage == FE_SMALL_LOG) {
        error = send_log(fe, 1);
        error = error ? error : fe_set_mem_table(fe);
    }
    return error;
}

/* Sends 'size' bytes with 'n' descriptors.  Whether that works does not
 * matter: the back end may hang up while it reads. */
static void
send_part(const struct frontend *fe, const void *data, size_t size,
          const int *fds, size_t n)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(FE_MAX_FDS * sizeof *fds)];
    } control = { .buf = "" };
    struct iovec iov = {
        .iov_base = CONST_CAST(void *, data), .iov_len = size,
    };
    struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (n) {
        mh.msg_control = control.buf;
        mh.msg_controllen = CMSG_SPACE(n * sizeof *fds);

        struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

        cm->cmsg_level = SOL_SOCKET;
        cm->cmsg_type = SCM_RIGHTS;
        cm->cmsg_len = CMSG_LEN(n * sizeof *fds);
        memcpy(CMSG_DATA(cm), fds, n * sizeof *fds);
    }
    if (sendmsg(fe->fd, &mh, MSG_NOSIGNAL) < 0) {
        return;
    }
}

static void
send_offence(const struct frontend *fe, const struct fe_offence *o)
{
    const size_t n = o->n_fds - o->n_late;
    const size_t payload = MIN(o->msg.size, FE_MAX_PAYLOAD);

    if (o->n_late) {
        send_part(fe, &o->msg, FE_HEADER_SIZE, o->fds, n);
        send_part(fe, o->msg.bytes, payload, o->fds + n, o->n_late);
    } else {
        send_part(fe, &o->msg, FE_HEADER_SIZE + payload, o->fds, n);
    }
}

/* Says what comes of message 'request', which was sent. */
static void
read_answer(struct frontend *fe, uint32_t request, struct ds *ds)
{
    const struct fe_msg probe = {
        .request = FE_GET_FEATURES, .flags = FE_VERSION,
    };
    bool is_probe = request != FE_GET_FEATURES;

    fe_send(fe, &probe, NULL, 0);
    for (;;) {
        struct fe_msg msg;
        int error = fe_recv(fe, &msg, NULL);

        if (error) {
            ds_put_cstr(ds, (error == ETIMEDOUT ? "no answer"
                             : "disconnected"));
            fe_disconnect(fe);
            return;
        }
        if (msg.request == FE_GET_FEATURES && is_probe) {
            ds_put_cstr(ds, "connected");
            return;
        }
        is_probe |= msg.request == FE_GET_FEATURES;
        ds_put_cstr(ds, (msg.request != request ? "nonsense, "
                         : msg.size != sizeof msg.u64 ? "reply, "
                         : request == FE_GET_FEATURES ? "reply, "
                         : msg.u64 ? "nack, " : "ack, "));
    }
}

/* Sends one 'kind' and appends what comes of it. */
static int
offend(struct frontend *fe, const struct fe_offence_kind *kind,
       int request, const char *arg, struct ds *ds)
{
    struct fe_offence o;
    int error = reach(fe, kind->stage);

    if (error) {
        return error;
    }
    fe_offence_init(&o, fe, request,
                    kind->vring == FE_LAST_VRING ? 2 * fe->max_queues - 1
                    : kind->vring);
    o.msg.flags = FE_VERSION
                  | (fe_has_protocol(fe, FE_P_reply_ack) ? FE_NEED_REPLY : 0);
    error = kind->make(fe, arg, &o) ? 0 : EINVAL;
    if (!error) {
        send_offence(fe, &o);
        read_answer(fe, o.msg.request, ds);
    }
    fe_offence_uninit(&o);
    return error;
}

static const struct fe_offence_kind *
find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(kinds[i].name, name)) {
            return &kinds[i];
        }
    }
    for (size_t i = 0; fe_content_offences[i].name; i++) {
        if (!strcmp(fe_content_offences[i].name, name)) {
            return &fe_content_offences[i];
        }
    }
    return NULL;
}

/* Sends a message that breaks the rules, several times if asked for, and says
 * what came of it; fails unless that was the same each time. */
static void
cmd_offend(struct unixctl_conn *conn, int argc, const char *argv[], void *g_)
{
    struct guest *g = g_;
    const struct fe_offence_kind *kind;
    struct ds first = DS_EMPTY_INITIALIZER;
    unsigned int n = 1;
    const char *value;
    int error = 0;
    int opt;

    while ((opt = command_option(&argc, &argv, "n", &value, conn)) != 0) {
        if (opt == '?' || !command_number(value, 1000000, "number", &n,
                                          conn)) {
            return;
        }
    }
    kind = argc > 1 ? find_kind(argv[1]) : NULL;
    argv += 2;
    argc -= 2;

    int request = kind ? kind->request : 0;

    if (kind && request < 0 && argc > 0) {
        request = fe_request_from_string(argv[0]);
        argv++;
        argc--;
    }
    if (!kind || request < 0) {
        unixctl_command_reply_error(conn, "no such offence or request");
        return;
    }
    for (unsigned int i = 0; i < n && !error; i++) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        error = offend(&g->fe, kind, request, argc > 0 ? argv[0] : "", &ds);
        if (error) {
            ds_put_format(&first, " failed: %s, %s", ovs_strerror(error),
                          g->fe.error);
        } else if (!i) {
            ds_put_cstr(&first, ds_cstr(&ds));
        } else if (strcmp(ds_cstr(&first), ds_cstr(&ds))) {
            ds_put_format(&first, " and then: %s", ds_cstr(&ds));
            error = EPROTO;
        }
        ds_destroy(&ds);
    }
    ds_put_char(&first, '\n');
    g->next_try = time_msec();
    if (error) {
        unixctl_command_reply_error(conn, ds_cstr(&first));
    } else {
        unixctl_command_reply(conn, ds_cstr(&first));
    }
    ds_destroy(&first);
}

/* Sends only the first BYTES bytes of a good message, then nothing. */
static void
cmd_begin_message(struct unixctl_conn *conn, int argc OVS_UNUSED,
                  const char *argv[], void *g_)
{
    int request = fe_request_from_string(argv[1]);
    struct guest *g = g_;
    struct frontend *fe = &g->fe;
    struct fe_offence o;
    unsigned int n;

    if (request < 0) {
        unixctl_command_reply_error(conn, "no such request");
    } else if (command_number(argv[2], FE_HEADER_SIZE + FE_MAX_PAYLOAD,
                              "size", &n, conn)) {
        fe_offence_init(&o, fe, request, 1);
        o.msg.flags = FE_VERSION;
        command_result(conn, g, (send(fe->fd, &o.msg, n, MSG_NOSIGNAL) == n
                                 ? 0 : ENOTCONN));
        fe_offence_uninit(&o);
    }
}

void
frontend_offend_init(struct guest *g)
{
    unixctl_command_register("offend", "[-n TIMES] KIND [REQUEST] [ARGUMENT]",
                             1, 5, cmd_offend, g);
    unixctl_command_register("begin-message", "REQUEST BYTES", 2, 2,
                             cmd_begin_message, g);
}
