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

/* One vhost-user endpoint.
 *
 * Log lines that begin with VHOST_CONFIG are what operators and scripts know
 * from librte_vhost, word by word.
 *
 * Thread-safety: see vhost-user-endpoint.h. */

#include <config.h>

#include "vhost-user-endpoint.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "openvswitch/poll-loop.h"
#include "ovs-rcu.h"
#include "slow-work.h"
#include "timeval.h"
#include "util.h"
#include "vhost-user-msg.h"

VLOG_DEFINE_THIS_MODULE(vhost_user);

/* Compared as a whole, so there must be no holes. */
BUILD_ASSERT_DECL(sizeof(struct vhost_user_vring_status) == 8);

/* Status. */

static enum vhost_user_state
endpoint_state(const struct vhost_user_endpoint *ep)
{
    if (ep->link.fd < 0) {
        return ep->client ? VHOST_USER_CONNECTING : VHOST_USER_LISTENING;
    }
    return (vhost_user_device_is_ready(&ep->dev)
            ? VHOST_USER_READY : VHOST_USER_NEGOTIATING);
}

/* Publishes what has changed and sees to it that the owner hears of it. */
static void
update_status(struct vhost_user_endpoint *ep)
{
    struct vhost_user_status status;
    bool ready;

    if (!ep->dirty) {
        return;
    }
    ep->dirty = false;

    memset(&status, 0, sizeof status);
    vhost_user_device_get_status(&ep->dev, &status);
    status.state = endpoint_state(ep);
    status.n_connections = ep->n_connections;
    status.n_refused = ep->n_refused;
    status.n_turned_away = ep->n_turned_away;
    ovs_strlcpy(status.last_error, ep->last_error, sizeof status.last_error);

    ready = status.state == VHOST_USER_READY;
    if (ready && !ep->was_ready) {
        VLOG_INFO_RL(&ep->events, "VHOST_CONFIG: (%s) virtio is now ready for "
                     "processing.", ep->path);
    }
    ep->was_ready = ready;

    ovs_mutex_lock(&ep->mutex);
    if (memcmp(&ep->status, &status, sizeof status)) {
        memcpy(&ep->status, &status, sizeof status);
        ep->must_notify = true;
    }
    ovs_mutex_unlock(&ep->mutex);
}

static void
notify_owner(struct vhost_user_endpoint *ep)
{
    long long int now = time_msec();

    if (ep->must_notify && now >= ep->notify_at) {
        ep->must_notify = false;
        ep->notify_at = now + VHOST_USER_NOTIFY_MS;

        ovs_mutex_lock(&ep->callback_mutex);
        if (ep->changed) {
            ep->changed(ep->aux);
        }
        ovs_mutex_unlock(&ep->callback_mutex);
    }
}

/* Takes note of what a message caused besides its own result. */
static void
take_notice(struct vhost_user_endpoint *ep)
{
    char *notice = vhost_user_device_take_notice(&ep->dev);

    if (notice) {
        VLOG_WARN_RL(&ep->faults, "VHOST_CONFIG: (%s) port %s: %s", ep->path,
                     ep->name, notice);
        ovs_strlcpy(ep->last_error, notice, sizeof ep->last_error);
        free(notice);
    }
}

/* Connections. */

static void
start_connection(struct vhost_user_endpoint *ep, int fd)
{
    ep->dirty = true;
    vhost_user_link_open(&ep->link, fd);
    ep->connected_at = time_msec();
    ep->n_connections++;
    ep->quiet = false;
    VLOG_INFO_RL(&ep->events, "VHOST_CONFIG: (%s) new vhost user connection "
                 "is %d", ep->path, fd);
}

static void
end_connection(struct vhost_user_endpoint *ep)
{
    ep->dirty = true;
    vhost_user_device_disconnect(&ep->dev);
    vhost_user_link_close(&ep->link);
    if (ep->client) {
        VLOG_INFO_RL(&ep->events, "VHOST_CONFIG: (%s) reconnecting...",
                     ep->path);
        ep->quiet = true;
    }
}

static void
end_connection_of_peer(struct vhost_user_endpoint *ep, int error)
{
    if (ep->link.n_in) {
        VLOG_WARN_RL(&ep->faults, "VHOST_CONFIG: (%s) port %s: connection "
                     "ended in the middle of a message", ep->path, ep->name);
        ovs_strlcpy(ep->last_error,
                    "connection ended in the middle of a message",
                    sizeof ep->last_error);
        ep->n_refused++;
    } else if (error == EPIPE || error == ECONNRESET) {
        VLOG_INFO_RL(&ep->events, "VHOST_CONFIG: (%s) vhost peer closed",
                     ep->path);
    } else {
        VLOG_WARN_RL(&ep->faults, "VHOST_CONFIG: (%s) port %s: connection "
                     "lost (%s)", ep->path, ep->name, ovs_strerror(error));
        snprintf(ep->last_error, sizeof ep->last_error, "connection lost (%s)",
                 ovs_strerror(error));
    }
    end_connection(ep);
}

/* Ends the connection because of the message at hand.  'reply' says so to the
 * peer, if it is to be sent. */
static void
refuse(struct vhost_user_endpoint *ep, const char *reason,
       const struct vhost_user_msg *reply)
{
    const struct vhost_user_header *hdr = &ep->link.in.hdr;
    const char *request = vhost_user_request_name(hdr->request);

    VLOG_WARN_RL(&ep->faults, "VHOST_CONFIG: (%s) port %s: %s (%"PRIu32") "
                 "refused: %s; connection dropped",
                 ep->path, ep->name, request, hdr->request, reason);
    snprintf(ep->last_error, sizeof ep->last_error, "%s (%"PRIu32") "
             "refused: %s", request, hdr->request, reason);
    ep->n_refused++;

    if (reply->hdr.flags) {
        vhost_user_link_send(&ep->link, reply);
        vhost_user_link_flush(&ep->link);
    }
    end_connection(ep);
    ep->idle_until = time_msec() + VHOST_USER_PENALTY_MS;
}

/* Refuses a message that has not been looked at by 'ep->dev'. */
static void
refuse_early(struct vhost_user_endpoint *ep, const char *reason)
{
    struct vhost_user_msg reply;

    vhost_user_device_acknowledge(&ep->dev, &ep->link.in.hdr, true, &reply);
    refuse(ep, reason, &reply);
}

/* Reads and serves one message.  Returns true if there may be another one. */
static bool
serve_message(struct vhost_user_endpoint *ep)
{
    struct vhost_user_link *link = &ep->link;
    const char *bad;
    int error;

    error = vhost_user_link_flush(link);
    if (!error) {
        error = vhost_user_link_read_header(link);
    }
    if (!error) {
        bad = (link->lost_fds ? "more file descriptors than any message has"
               : vhost_user_header_check(&link->in.hdr, &ep->dev.session));
        if (bad) {
            refuse_early(ep, bad);
            return false;
        }
        error = vhost_user_link_read_payload(link);
    }
    if (error) {
        if (error != EAGAIN) {
            end_connection_of_peer(ep, error);
        }
        return false;
    }
    if (link->lost_fds) {
        refuse_early(ep, "more file descriptors than any message has");
        return false;
    }

    struct vhost_user_msg reply;
    char *reason;

    VLOG_DBG("VHOST_CONFIG: (%s) read message VHOST_USER_%s", ep->path,
             vhost_user_request_name(link->in.hdr.request));

    ep->dirty = true;
    memset(&reply, 0, sizeof reply);
    reason = vhost_user_device_receive(&ep->dev, &link->in, link->fds,
                                       link->n_fds, &reply);
    take_notice(ep);
    if (reason) {
        refuse(ep, reason, &reply);
        free(reason);
        return false;
    }
    vhost_user_link_next(link);
    if (reply.hdr.flags) {
        vhost_user_link_send(link, &reply);
    }
    return true;
}

/* Finding a connection. */

/* Tries to connect with 'fd', which is owned from then on, or a negative errno
 * value. */
static void
try_connect(struct vhost_user_endpoint *ep, int fd)
{
    int error = fd < 0 ? -fd : vhost_user_connect(fd, ep->path);

    if (!error) {
        start_connection(ep, fd);
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (!ep->quiet) {
        VLOG_WARN("VHOST_CONFIG: (%s) failed to connect: %s", ep->path,
                  ovs_strerror(error));
        VLOG_INFO("VHOST_CONFIG: (%s) reconnecting...", ep->path);
        ep->quiet = true;
    }
}

/* Time before which no connection is accepted, in ms. */
static long long int
accept_time(const struct vhost_user_endpoint *ep)
{
    return (ep->link.fd < 0 || ep->dev.session.owned
            ? ep->idle_until
            : MAX(ep->idle_until, ep->connected_at + VHOST_USER_GRACE_MS));
}

static void
try_accept(struct vhost_user_endpoint *ep)
{
    int fd;

    if (time_msec() < accept_time(ep)) {
        return;
    }

    /* With the mutex, because close() may give the descriptor's number to
     * another file. */
    ovs_mutex_lock(&ep->mutex);
    fd = ep->listener.fd >= 0 ? vhost_user_accept(&ep->listener) : -EAGAIN;
    ovs_mutex_unlock(&ep->mutex);

    if (fd >= 0 && ep->link.fd >= 0) {
        if (ep->dev.session.owned && !vhost_user_link_is_dead(&ep->link)) {
            VLOG_INFO_RL(&ep->events, "VHOST_CONFIG: (%s) port %s: another "
                         "connection turned away", ep->path, ep->name);
            ep->dirty = true;
            ep->n_turned_away++;
            close(fd);
            return;
        }
        VLOG_INFO_RL(&ep->events, "VHOST_CONFIG: (%s) port %s: dead or silent "
                     "connection gives way to a new one", ep->path, ep->name);
        end_connection(ep);
    }
    if (fd >= 0) {
        start_connection(ep, fd);
    } else if (fd != -EAGAIN && fd != -ECONNABORTED && fd != -EINTR) {
        /* Out of descriptors, most likely. */
        VLOG_WARN_RL(&ep->faults, "VHOST_CONFIG: (%s) port %s: accept failed "
                     "(%s)", ep->path, ep->name, ovs_strerror(-fd));
        ep->idle_until = time_msec() + VHOST_USER_RETRY_MS;
    }
}

/* Life of an endpoint. */

int
vhost_user_endpoint_create(const struct vhost_user_config *config,
                           void (*changed)(void *aux), void *aux,
                           struct vhost_user_endpoint **epp, char **errorp)
{
    struct vhost_user_listener listener = { .fd = -1 };
    struct vhost_user_endpoint *ep;
    int fd = -1;
    int error;

    if (config->client) {
        error = vhost_user_path_check(config->path, errorp);
        fd = error ? -1 : vhost_user_socket();
        if (!error && fd < 0) {
            error = -fd;
            *errorp = xasprintf("%s: cannot make a socket (%s)", config->path,
                                ovs_strerror(error));
        }
    } else {
        error = vhost_user_listen(config->path, &listener, errorp);
    }
    if (error) {
        return error;
    }

    ep = xzalloc_cacheline(sizeof *ep);
    for (size_t i = 0; i < ARRAY_SIZE(ep->up.vqs); i++) {
        ovsrcu_init(&ep->up.vqs[i], NULL);
    }
    atomic_init(&ep->up.rarp_pending, false);
    atomic_init(&ep->up.rarp_mac, UINT64_C(0));
    ep->name = xstrdup(config->name);
    ep->path = xstrdup(config->path);
    ep->canonical = vhost_user_path_canonicalize(config->path);
    ep->client = config->client;
    atomic_init(&ep->ring_failed, false);
    atomic_init(&ep->closing, false);
    ovs_mutex_init(&ep->callback_mutex);
    ovs_mutex_lock(&ep->callback_mutex);
    ep->changed = changed;
    ep->aux = aux;
    ovs_mutex_unlock(&ep->callback_mutex);
    ovs_mutex_init(&ep->mutex);
    ovs_mutex_lock(&ep->mutex);
    ep->listener = listener;
    ovs_mutex_unlock(&ep->mutex);
    ep->link = (struct vhost_user_link) VHOST_USER_LINK_INITIALIZER;
    vhost_user_device_init(&ep->dev, &ep->up, config->features,
                           config->protocol_features,
                           2 * config->max_queue_pairs);
    ep->worker = slow_worker_create();
    ep->dev.worker = ep->link.worker = ep->worker;
    ep->events = (struct vlog_rate_limit) VLOG_RATE_LIMIT_INIT(60, 60);
    ep->faults = (struct vlog_rate_limit) VLOG_RATE_LIMIT_INIT(6, 6);

    if (ep->client) {
        VLOG_INFO("VHOST_CONFIG: (%s) vhost-user client: socket created, "
                  "fd: %d", ep->path, fd);
        try_connect(ep, fd);
    } else {
        VLOG_INFO("VHOST_CONFIG: (%s) vhost-user server: socket created, "
                  "fd: %d", ep->path, listener.fd);
        VLOG_INFO("VHOST_CONFIG: (%s) binding succeeded", ep->path);
    }
    ep->dirty = true;
    update_status(ep);
    ep->must_notify = false;    /* The owner is about to look. */

    *epp = ep;
    return 0;
}

void
vhost_user_endpoint_close(struct vhost_user_endpoint *ep)
{
    ovs_mutex_lock(&ep->callback_mutex);
    ep->changed = NULL;
    ovs_mutex_unlock(&ep->callback_mutex);

    vhost_user_endpoint_abandon(ep);
    atomic_store(&ep->closing, true);
}

void
vhost_user_endpoint_abandon(struct vhost_user_endpoint *ep)
{
    ovs_mutex_lock(&ep->mutex);
    vhost_user_unlisten(ep->path, &ep->listener);
    ovs_mutex_unlock(&ep->mutex);
}

static void
endpoint_free(struct vhost_user_endpoint *ep)
{
    ovs_mutex_destroy(&ep->callback_mutex);
    ovs_mutex_destroy(&ep->mutex);
    free(ep->name);
    free(ep->path);
    free(ep->canonical);
    free_cacheline(ep);
}

void
vhost_user_endpoint_destroy(struct vhost_user_endpoint *ep)
{
    vhost_user_device_disconnect(&ep->dev);
    vhost_user_link_close(&ep->link);
    slow_worker_release(ep->worker);
    ovsrcu_postpone(endpoint_free, ep);
}

/* True if so much is still to be done about what the peer sent that nothing
 * more is taken from it. */
static bool
is_in_arrears(const struct vhost_user_endpoint *ep)
{
    return slow_worker_backlog(ep->worker) >= VHOST_USER_MAX_ARREARS;
}

static void
report_arrears(struct vhost_user_endpoint *ep)
{
    snprintf(ep->last_error, sizeof ep->last_error, "%d files of a front end "
             "are not closed yet; nothing is taken until they are",
             VHOST_USER_MAX_ARREARS);
    VLOG_WARN_RL(&ep->events, "VHOST_CONFIG: (%s) port %s: %s", ep->path,
                 ep->name, ep->last_error);
    ep->dirty = true;
}

static void
serve(struct vhost_user_endpoint *ep, bool retry)
{
    const long long int turn_ends = time_usec() + VHOST_USER_TURN_US;

    for (int i = 0; i < VHOST_USER_MAX_MESSAGES && ep->link.fd >= 0; i++) {
        if (!serve_message(ep) || time_usec() >= turn_ends) {
            break;
        }
    }

    if (!ep->client) {
        try_accept(ep);
    } else if (retry && ep->link.fd < 0) {
        try_connect(ep, vhost_user_socket());
    }
}

void
vhost_user_endpoint_run(struct vhost_user_endpoint *ep, bool retry)
{
    bool ring_failed;

    atomic_read_relaxed(&ep->ring_failed, &ring_failed);
    if (ring_failed) {
        /* Before the look, so that what fails after it is not missed. */
        atomic_store(&ep->ring_failed, false);
        if (vhost_user_device_reap(&ep->dev)) {
            ep->dirty = true;
            take_notice(ep);
        }
    }

    if (!is_in_arrears(ep)) {
        ep->in_arrears = false;
        serve(ep, retry);
    } else if (!ep->in_arrears) {
        ep->in_arrears = true;
        report_arrears(ep);
    }

    update_status(ep);
    notify_owner(ep);
}

bool
vhost_user_endpoint_wants_retry(const struct vhost_user_endpoint *ep)
{
    return ep->client && ep->link.fd < 0;
}

void
vhost_user_endpoint_wait(struct vhost_user_endpoint *ep)
{
    if (ep->must_notify) {
        poll_timer_wait_until(ep->notify_at);
    }
    if (is_in_arrears(ep)) {
        poll_timer_wait(VHOST_USER_ARREARS_MS);
        return;
    }
    if (ep->link.fd >= 0) {
        poll_fd_wait(ep->link.fd, ep->link.sending ? POLLOUT : POLLIN);
    }
    if (!ep->client) {
        long long int at = accept_time(ep);

        if (time_msec() < at) {
            poll_timer_wait_until(at);
        } else {
            ovs_mutex_lock(&ep->mutex);
            if (ep->listener.fd >= 0) {
                poll_fd_wait(ep->listener.fd, POLLIN);
            }
            ovs_mutex_unlock(&ep->mutex);
        }
    }
}
