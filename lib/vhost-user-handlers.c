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

/* vhost-user device: what each request does.
 *
 * A handler is called for a message that vhost_user_msg_check() found good.
 * It first does what can fail, and only then changes the session.  It sets
 * those of its descriptors to -1 that it keeps; the others are closed.
 *
 * Thread-safety: see vhost-user-device.h. */

#include <config.h>

#include "vhost-user-device.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "packets.h"
#include "peer-eventfd.h"
#include "socket-util.h"
#include "util.h"
#include "vhost-user-msg.h"
#include "virtio-features.h"

/* A message being served. */
struct call {
    struct vhost_user_device *dev;
    struct vhost_user_session *s; /* That of 'dev'. */
    const struct vhost_user_msg *msg;
    int *fds;
    struct vhost_user_msg *reply;
};

/* Acts on 'call->msg', and sets payload and payload size of 'call->reply' if
 * there is to be one.  Returns NULL or a malloc'd explanation. */
typedef char *handler_func(struct call *);

static void
reply_u64(struct vhost_user_msg *reply, uint64_t value)
{
    reply->hdr.size = sizeof reply->u64;
    reply->u64 = value;
}

/* For requests that change nothing here. */
static char *
handle_nothing(struct call *c OVS_UNUSED)
{
    return NULL;
}

/* Negotiation. */

static char *
handle_get_features(struct call *c)
{
    reply_u64(c->reply, c->s->offered_features);
    return NULL;
}

static char *
handle_set_features(struct call *c)
{
    uint64_t dropped = c->s->features & ~c->msg->u64;

    if (c->s->features_acked && c->s->features == c->msg->u64) {
        /* QEMU says it once for each queue pair. */
        return NULL;
    }

    /* Of vrings that run, it can only change LOG_ALL. */
    c->s->features = c->msg->u64;
    c->s->features_acked = true;
    vhost_user_device_update_log(c->dev);
    if (dropped & VIRTIO_FEATURE(LOG_ALL)) {
        /* The migration is over: the next one brings a log of its own. */
        dirty_log_destroy(c->s->log);
        c->s->log = NULL;
    }
    vhost_user_device_start_all(c->dev);
    return NULL;
}

static char *
handle_get_protocol_features(struct call *c)
{
    reply_u64(c->reply, c->s->offered_protocol_features);
    return NULL;
}

static char *
handle_set_protocol_features(struct call *c)
{
    c->s->protocol_features = c->msg->u64;
    c->s->protocol_features_acked = true;
    return NULL;
}

static char *
handle_set_owner(struct call *c)
{
    c->s->owned = true;
    return NULL;
}

static char *
handle_get_queue_num(struct call *c)
{
    /* Of network devices, front ends count queue pairs. */
    reply_u64(c->reply, c->s->n_vrings / 2);
    return NULL;
}

static char *
handle_reset_device(struct call *c)
{
    vhost_user_device_reset(c->dev);
    return NULL;
}

static char *
handle_set_status(struct call *c)
{
    if (!c->msg->u64) {
        /* Virtio 1.2, 2.1.2: a status of 0 resets the device. */
        vhost_user_device_reset(c->dev);
    }
    c->s->status = c->msg->u64;
    return NULL;
}

static char *
handle_get_status(struct call *c)
{
    reply_u64(c->reply, c->s->status);
    return NULL;
}

static char *
handle_net_set_mtu(struct call *c)
{
    c->s->mtu = c->msg->u64;
    return NULL;
}

static char *
handle_send_rarp(struct call *c)
{
    struct eth_addr mac;

    memcpy(&mac, &c->msg->u64, sizeof mac);
    atomic_store_relaxed(&c->dev->vu->rarp_mac,
                         VHOST_USER_RARP_VALID | eth_addr_to_uint64(mac));
    atomic_store_explicit(&c->dev->vu->rarp_pending, true,
                          memory_order_release);
    return NULL;
}

/* Memory and the dirty log. */

static char *
handle_set_mem_table(struct call *c)
{
    const struct vhost_user_memory *memory = &c->msg->memory;
    struct guest_memory *mem;
    char *error;

    if (guest_memory_create(memory->regions, c->fds, memory->n_regions, &mem,
                            &error)) {
        return error;
    }
    for (uint32_t i = 0; i < memory->n_regions; i++) {
        c->fds[i] = -1;
    }

    vhost_user_device_pause_all(c->dev);
    vhost_user_device_drop_memory(c->dev);
    c->s->mem = mem;
    for (unsigned int i = 0; i < c->s->n_vrings; i++) {
        if (c->s->vrings[i].error == VQ_ERR_FAULT) {
            c->s->vrings[i].error = VQ_ERR_NONE;
        }
    }
    c->dev->numa_node = guest_memory_numa_node(mem);
    vhost_user_device_start_all(c->dev);
    return NULL;
}

static char *
handle_set_log_base(struct call *c)
{
    struct dirty_log *old = c->s->log;
    struct dirty_log *log;
    char *error;

    if (dirty_log_create(c->fds[0], c->msg->log.size, c->msg->log.offset, &log,
                         &error)) {
        return error;
    }
    c->fds[0] = -1;

    c->s->log = log;
    vhost_user_device_update_log(c->dev);
    dirty_log_destroy(old);
    vhost_user_device_start_all(c->dev);

    reply_u64(c->reply, 0);
    return NULL;
}

/* Prepares a descriptor of the front end's for use as an eventfd. */
static char *
adopt_eventfd(int fd)
{
    int error;

    if (!peer_eventfd_check(fd)) {
        return xstrdup("descriptor is not an eventfd");
    }
    error = set_nonblocking(fd);
    return error ? xasprintf("eventfd: %s", ovs_strerror(error)) : NULL;
}

static char *
handle_set_log_fd(struct call *c)
{
    char *error = adopt_eventfd(c->fds[0]);

    if (!error) {
        vhost_user_replace_fd(&c->s->logfd, c->fds[0]);
        c->fds[0] = -1;
    }
    return error;
}

/* Vrings. */

static char *
handle_set_vring_num(struct call *c)
{
    vhost_user_device_pause(c->dev, c->msg->state.index);
    c->s->vrings[c->msg->state.index].size = c->msg->state.num;
    vhost_user_device_start(c->dev, c->msg->state.index);
    return NULL;
}

static char *
handle_set_vring_addr(struct call *c)
{
    unsigned int idx = c->msg->addr.index;
    struct vhost_user_vring *vring = &c->s->vrings[idx];

    if (vring->desc != c->msg->addr.desc || vring->avail != c->msg->addr.avail
        || vring->used != c->msg->addr.used) {
        vhost_user_device_pause(c->dev, idx);
    }
    vhost_user_vring_set_addr(vring, &c->msg->addr);
    vhost_user_device_update_log(c->dev);
    vhost_user_device_start(c->dev, idx);
    return NULL;
}

static char *
handle_set_vring_base(struct call *c)
{
    vhost_user_device_pause(c->dev, c->msg->state.index);
    c->s->vrings[c->msg->state.index].base = c->msg->state.num;
    vhost_user_device_start(c->dev, c->msg->state.index);
    return NULL;
}

static char *
handle_get_vring_base(struct call *c)
{
    struct vhost_user_vring *vring = &c->s->vrings[c->msg->state.index];

    vhost_user_device_pause(c->dev, c->msg->state.index);
    c->reply->hdr.size = sizeof c->reply->state;
    c->reply->state.index = c->msg->state.index;
    c->reply->state.num = vring->base;

    /* What is set up anew before the next start must not come into effect
     * piece by piece. */
    vring->has_addr = false;
    vring->kicked = false;
    vring->error = VQ_ERR_NONE;
    vhost_user_replace_fd(&vring->kickfd, -1);
    vhost_user_replace_callfd(vring, -1);
    return NULL;
}

static char *
handle_set_vring_enable(struct call *c)
{
    struct vhost_user_vring *vring = &c->s->vrings[c->msg->state.index];

    if (vring->enabled != c->msg->state.num) {
        vhost_user_device_pause(c->dev, c->msg->state.index);
        vring->enabled = c->msg->state.num;
        vhost_user_device_start(c->dev, c->msg->state.index);
    }
    return NULL;
}

/* Takes the descriptor of a SET_VRING_KICK, _CALL or _ERR message, or -1 if
 * it says that there is none. */
static char *
take_vring_fd(struct call *c, int *fdp)
{
    *fdp = -1;
    if (!(c->msg->u64 & VHOST_USER_VRING_NOFD)) {
        char *error = adopt_eventfd(c->fds[0]);

        if (error) {
            return error;
        }
        *fdp = c->fds[0];
        c->fds[0] = -1;
    }
    return NULL;
}

static char *
handle_set_vring_kick(struct call *c)
{
    unsigned int idx = vhost_user_msg_vring(c->msg);
    struct vhost_user_vring *vring = &c->s->vrings[idx];
    int fd;
    char *error = take_vring_fd(c, &fd);

    if (!error) {
        /* A vring that runs takes no notice: it is polled. */
        vhost_user_replace_fd(&vring->kickfd, fd);
        vring->kicked = true;
        vring->error = VQ_ERR_NONE;
        vhost_user_device_start(c->dev, idx);
    }
    return error;
}

static char *
handle_set_vring_call(struct call *c)
{
    unsigned int idx = vhost_user_msg_vring(c->msg);
    struct vhost_user_vring *vring = &c->s->vrings[idx];
    int fd;
    char *error = take_vring_fd(c, &fd);

    if (error) {
        return error;
    }

    /* Guests mask and unmask interrupts often, which makes QEMU change this
     * descriptor.  The new one takes the number of the old one, so that the
     * vring need not stop for it. */
    if (fd >= 0 && vring->callfd >= 0
        && dup3(fd, vring->callfd, O_CLOEXEC) >= 0) {
        close(fd);
        peer_signal_renew(vring->call, vring->callfd);
        if (vring->running) {
            /* An interrupt may just have gone the old way. */
            peer_eventfd_signal(vring->callfd);
        }
    } else {
        vhost_user_device_pause(c->dev, idx);
        vhost_user_replace_callfd(vring, fd);
        vhost_user_device_start(c->dev, idx);
    }
    return NULL;
}

static char *
handle_set_vring_err(struct call *c)
{
    unsigned int idx = vhost_user_msg_vring(c->msg);
    int fd;
    char *error = take_vring_fd(c, &fd);

    if (!error) {
        vhost_user_replace_fd(&c->s->vrings[idx].errfd, fd);
    }
    return error;
}

/* Dispatch. */

/* Requests that are missing belong to features that we never offer. */
static handler_func *const handlers[] = {
    [VHOST_USER_GET_FEATURES] = handle_get_features,
    [VHOST_USER_SET_FEATURES] = handle_set_features,
    [VHOST_USER_SET_OWNER] = handle_set_owner,
    /* Deprecated: the specification recommends to ignore it. */
    [VHOST_USER_RESET_OWNER] = handle_nothing,
    [VHOST_USER_SET_MEM_TABLE] = handle_set_mem_table,
    [VHOST_USER_SET_LOG_BASE] = handle_set_log_base,
    [VHOST_USER_SET_LOG_FD] = handle_set_log_fd,
    [VHOST_USER_SET_VRING_NUM] = handle_set_vring_num,
    [VHOST_USER_SET_VRING_ADDR] = handle_set_vring_addr,
    [VHOST_USER_SET_VRING_BASE] = handle_set_vring_base,
    [VHOST_USER_GET_VRING_BASE] = handle_get_vring_base,
    [VHOST_USER_SET_VRING_KICK] = handle_set_vring_kick,
    [VHOST_USER_SET_VRING_CALL] = handle_set_vring_call,
    [VHOST_USER_SET_VRING_ERR] = handle_set_vring_err,
    [VHOST_USER_GET_PROTOCOL_FEATURES] = handle_get_protocol_features,
    [VHOST_USER_SET_PROTOCOL_FEATURES] = handle_set_protocol_features,
    [VHOST_USER_GET_QUEUE_NUM] = handle_get_queue_num,
    [VHOST_USER_SET_VRING_ENABLE] = handle_set_vring_enable,
    [VHOST_USER_SEND_RARP] = handle_send_rarp,
    [VHOST_USER_NET_SET_MTU] = handle_net_set_mtu,
    [VHOST_USER_RESET_DEVICE] = handle_reset_device,
    [VHOST_USER_SET_STATUS] = handle_set_status,
    [VHOST_USER_GET_STATUS] = handle_get_status,
};

/* Turns '*reply' into a reply to 'hdr', with 'size' bytes of payload. */
static void
make_reply(const struct vhost_user_header *hdr, uint32_t size,
           struct vhost_user_msg *reply)
{
    reply->hdr.request = hdr->request;
    reply->hdr.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
    reply->hdr.size = size;
}

void
vhost_user_device_acknowledge(const struct vhost_user_device *dev,
                              const struct vhost_user_header *hdr,
                              bool failed, struct vhost_user_msg *reply)
{
    reply->hdr.flags = 0;
    if (hdr->flags & VHOST_USER_NEED_REPLY
        && dev->session.protocol_features & VHOST_USER_PF(REPLY_ACK)
        && !vhost_user_request_has_reply(hdr->request)) {
        reply_u64(reply, failed);
        make_reply(hdr, sizeof reply->u64, reply);
    }
}

char *
vhost_user_device_receive(struct vhost_user_device *dev,
                          const struct vhost_user_msg *msg,
                          int fds[], size_t n_fds,
                          struct vhost_user_msg *reply)
{
    const char *bad = vhost_user_msg_check(msg, n_fds, &dev->session);
    handler_func *handler = NULL;
    char *error;

    if (!bad && msg->hdr.request < ARRAY_SIZE(handlers)) {
        handler = handlers[msg->hdr.request];
    }
    reply->hdr.flags = 0;
    if (!handler) {
        error = xstrdup(bad ? bad : "not served");
    } else {
        error = handler(&(struct call) {
            .dev = dev,
            .s = &dev->session,
            .msg = msg,
            .fds = fds,
            .reply = reply,
        });
    }

    if (!error && vhost_user_request_has_reply(msg->hdr.request)) {
        make_reply(&msg->hdr, reply->hdr.size, reply);
    } else {
        vhost_user_device_acknowledge(dev, &msg->hdr, error != NULL, reply);
    }
    return error;
}
