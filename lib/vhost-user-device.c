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

/* vhost-user device: session and vrings.  What messages do is in
 * vhost-user-handlers.c.
 *
 * Thread-safety: see vhost-user-device.h. */

#include <config.h>

#include "vhost-user-device.h"

#include <limits.h>
#include <unistd.h>

#include "ovs-rcu.h"
#include "peer-eventfd.h"
#include "slow-work.h"
#include "util.h"
#include "vhost-user-msg.h"
#include "virtio-features.h"

static void
vring_clear(struct vhost_user_vring *vring)
{
    *vring = (struct vhost_user_vring) {
        .kickfd = -1,
        .callfd = -1,
        .errfd = -1,
        .error = VQ_ERR_NONE,
    };
}

/* Sets all that a front end may say to what it is before it said anything. */
static void
session_init(struct vhost_user_session *s)
{
    s->owned = false;
    s->features_acked = false;
    s->features = 0;
    s->protocol_features_acked = false;
    s->protocol_features = 0;
    s->status = 0;
    s->mtu = 0;
    s->mem = NULL;
    s->log = NULL;
    s->logfd = -1;
    for (size_t i = 0; i < ARRAY_SIZE(s->vrings); i++) {
        vring_clear(&s->vrings[i]);
    }
}

void
vhost_user_device_init(struct vhost_user_device *dev, struct vhost_user *vu,
                       uint64_t features, uint64_t protocol_features,
                       unsigned int n_vrings)
{
    session_init(&dev->session);
    dev->session.offered_features = features;
    dev->session.offered_protocol_features = protocol_features;
    dev->session.n_vrings = MIN(n_vrings, VHOST_USER_MAX_VRINGS);
    dev->vu = vu;
    dev->worker = NULL;
    dev->numa_node = -1;
    dev->notice = NULL;
    dev->n_stopped = 0;
}

void
vhost_user_replace_fd(int *fd, int new_fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = new_fd;
}

void
vhost_user_replace_callfd(struct vhost_user_vring *vring, int new_fd)
{
    ovs_assert(!vring->running);
    peer_signal_destroy(vring->call);
    vhost_user_replace_fd(&vring->callfd, new_fd);
    vring->call = new_fd >= 0 ? peer_signal_create(new_fd) : NULL;
}

static void
destroy_memory(void *mem)
{
    guest_memory_destroy(mem);
}

void
vhost_user_device_drop_memory(struct vhost_user_device *dev)
{
    struct vhost_user_session *s = &dev->session;

    if (s->mem) {
        slow_worker_give(dev->worker, destroy_memory, s->mem);
        s->mem = NULL;
    }
}

void
vhost_user_device_disconnect(struct vhost_user_device *dev)
{
    struct vhost_user_session *s = &dev->session;

    vhost_user_device_pause_all(dev);
    for (unsigned int i = 0; i < s->n_vrings; i++) {
        vhost_user_replace_fd(&s->vrings[i].kickfd, -1);
        vhost_user_replace_callfd(&s->vrings[i], -1);
        vhost_user_replace_fd(&s->vrings[i].errfd, -1);
    }
    vhost_user_replace_fd(&s->logfd, -1);
    vhost_user_device_drop_memory(dev);
    dirty_log_destroy(s->log);
    free(vhost_user_device_take_notice(dev));
    session_init(s);
    dev->numa_node = -1;

    /* An announcement for a guest that left would name the wrong port. */
    atomic_store_relaxed(&dev->vu->rarp_pending, false);
    atomic_store_relaxed(&dev->vu->rarp_mac, UINT64_C(0));
}

char *
vhost_user_device_take_notice(struct vhost_user_device *dev)
{
    char *notice = dev->notice;

    dev->notice = NULL;
    return notice;
}

static void OVS_PRINTF_FORMAT(2, 3)
set_notice(struct vhost_user_device *dev, const char *format, ...)
{
    va_list args;

    free(dev->notice);
    va_start(args, format);
    dev->notice = xvasprintf(format, args);
    va_end(args);
}

/* Stopping vrings. */

/* Virtqueues on their way out, by vring. */
struct leaving {
    struct virtqueue *vqs[VHOST_USER_MAX_VRINGS];
    bool any;
};

/* Takes vring 'idx' out of sight. */
static void
vring_unpublish(struct vhost_user_device *dev, unsigned int idx,
                struct leaving *leaving)
{
    if (dev->session.vrings[idx].running) {
        leaving->vqs[idx] = ovsrcu_get_protected(struct virtqueue *,
                                                 &dev->vu->vqs[idx]);
        leaving->any = true;
        ovsrcu_set(&dev->vu->vqs[idx], NULL);
    }
}

/* Waits until nobody uses the virtqueues in 'leaving' and takes over where
 * they are. */
static void
vrings_settle(struct vhost_user_device *dev, struct leaving *leaving)
{
    if (!leaving->any) {
        return;
    }
    ovsrcu_synchronize();

    for (unsigned int i = 0; i < dev->session.n_vrings; i++) {
        struct vhost_user_vring *vring = &dev->session.vrings[i];
        struct virtqueue *vq = leaving->vqs[i];

        if (!vq) {
            continue;
        }
        vring->base = (vq->packed ? vhost_user_packed_base(vq->last_avail)
                       : vq->last_avail);
        vring->running = false;
        vring->error = virtqueue_get_error(vq);
        if (vring->error != VQ_ERR_NONE) {
            dev->n_stopped++;
            set_notice(dev, "vring %u stopped: %s", i,
                       virtqueue_error_text(vring->error));
            peer_eventfd_signal(vring->errfd);
        }
        free_cacheline(vq);
    }
}

void
vhost_user_device_pause(struct vhost_user_device *dev, unsigned int idx)
{
    struct leaving leaving = { .any = false };

    vring_unpublish(dev, idx, &leaving);
    vrings_settle(dev, &leaving);
}

void
vhost_user_device_pause_all(struct vhost_user_device *dev)
{
    struct leaving leaving = { .any = false };

    for (unsigned int i = 0; i < dev->session.n_vrings; i++) {
        vring_unpublish(dev, i, &leaving);
    }
    vrings_settle(dev, &leaving);
}

bool
vhost_user_device_reap(struct vhost_user_device *dev)
{
    struct leaving leaving = { .any = false };

    for (unsigned int i = 0; i < dev->session.n_vrings; i++) {
        if (dev->session.vrings[i].running
            && (virtqueue_get_error(ovsrcu_get_protected(struct virtqueue *,
                                                         &dev->vu->vqs[i]))
                != VQ_ERR_NONE)) {
            vring_unpublish(dev, i, &leaving);
        }
    }
    vrings_settle(dev, &leaving);
    return leaving.any;
}

/* Dirty log. */

/* Tells 'vq', of 'vring', what to log.  True if that is a change. */
static bool
vring_set_log(const struct vhost_user_session *s,
              const struct vhost_user_vring *vring, struct virtqueue *vq)
{
    return virtqueue_set_log(vq, s->features & VIRTIO_FEATURE(LOG_ALL)
                                 ? s->log : NULL,
                             vring->log_used ? vring->log : VQ_NO_GPA);
}

void
vhost_user_device_update_log(struct vhost_user_device *dev)
{
    const struct vhost_user_session *s = &dev->session;
    bool changed = false;

    if (s->features & VIRTIO_FEATURE(LOG_ALL) && !s->log) {
        vhost_user_device_pause_all(dev);
        return;
    }
    for (unsigned int i = 0; i < s->n_vrings; i++) {
        if (s->vrings[i].running) {
            changed |= vring_set_log(s, &s->vrings[i],
                                     ovsrcu_get_protected(struct virtqueue *,
                                                          &dev->vu->vqs[i]));
        }
    }
    if (changed) {
        ovsrcu_synchronize();
    }
}

/* Starting vrings. */

static bool
vring_is_enabled(const struct vhost_user_session *s,
                 const struct vhost_user_vring *vring)
{
    /* "Ring states": without PROTOCOL_FEATURES a ring starts enabled. */
    return (vring->enabled
            || (s->features_acked
                && !(s->features & VIRTIO_FEATURE(PROTOCOL_FEATURES))));
}

static bool
vring_is_set_up(const struct vhost_user_session *s,
                const struct vhost_user_vring *vring)
{
    return (vring->size && vring->has_addr && vring->kicked
            && s->features_acked && s->mem);
}

/* Finds vring 'vring', which is set up.  Returns NULL if it can run, otherwise
 * the reason why it cannot. */
static const char *
vring_find_obstacle(const struct vhost_user_session *s,
                    const struct vhost_user_vring *vring,
                    struct vhost_user_vring_place *place)
{
    if (vring->error != VQ_ERR_NONE) {
        return virtqueue_error_text(vring->error);
    } else if (s->features & VIRTIO_FEATURE(LOG_ALL) && !s->log) {
        return "waits for the dirty log";
    } else if (guest_memory_is_faulted(s->mem)) {
        return virtqueue_error_text(VQ_ERR_FAULT);
    }

    const char *error = vhost_user_vring_locate(vring, s, place);

    if (!error && vhost_user_session_is_packed(s)
        && (vhost_user_packed_place(vring->base) & INT16_MAX) >= vring->size) {
        return "base lies beyond the ring";
    }
    return error;
}

void
vhost_user_device_start(struct vhost_user_device *dev, unsigned int idx)
{
    const struct vhost_user_session *s = &dev->session;
    struct vhost_user_vring *vring = &dev->session.vrings[idx];
    struct vhost_user_vring_place place;
    struct virtqueue *vq;

    if (vring->running || vring->error != VQ_ERR_NONE
        || !vring_is_set_up(s, vring) || !vring_is_enabled(s, vring)) {
        return;
    }

    const char *obstacle = vring_find_obstacle(s, vring, &place);

    if (obstacle) {
        set_notice(dev, "vring %u does not run: %s", idx, obstacle);
        return;
    }

    vq = xzalloc_cacheline(sizeof *vq);
    vq->desc = place.desc;
    vq->avail = place.avail;
    vq->used = place.used;
    vq->mem = s->mem;
    vq->ring_gpa = place.desc_gpa;
    vring_set_log(s, vring, vq);
    vq->size = vring->size;
    vq->callfd = vring->callfd;
    vq->call = vring->call;
    vq->stats = &dev->vu->stats[idx];
    vq->last_avail = (vhost_user_session_is_packed(s)
                      ? vhost_user_packed_place(vring->base) : vring->base);
    biased_lock_init(&vq->lock);
    atomic_init(&vq->error, VQ_ERR_NONE);
    virtqueue_start(vq, s->features);

    vring->running = true;
    vring->seen = 0;
    ovsrcu_set(&dev->vu->vqs[idx], vq);

    /* An earlier life of this vring may have ended between giving buffers
     * back and saying so.  Drivers take an interrupt for nothing. */
    peer_eventfd_signal(vring->callfd);

    /* By now the guest has touched memory whose node could not be told when
     * it was mapped. */
    if (dev->numa_node < 0) {
        dev->numa_node = guest_memory_numa_node(s->mem);
    }
}

void
vhost_user_device_start_all(struct vhost_user_device *dev)
{
    for (unsigned int i = 0; i < dev->session.n_vrings; i++) {
        vhost_user_device_start(dev, i);
    }
}

void
vhost_user_device_reset(struct vhost_user_device *dev)
{
    struct vhost_user_session *s = &dev->session;

    vhost_user_device_pause_all(dev);
    for (unsigned int i = 0; i < s->n_vrings; i++) {
        struct vhost_user_vring *vring = &s->vrings[i];
        struct vhost_user_vring old = *vring;

        vhost_user_replace_fd(&vring->kickfd, -1);
        vring_clear(vring);
        vring->callfd = old.callfd;
        vring->call = old.call;
        vring->errfd = old.errfd;
        vring->base = old.base;
    }
    s->features = 0;
    s->features_acked = false;
    s->status = 0;
    dirty_log_destroy(s->log);
    s->log = NULL;
}

/* Guests that poll. */

unsigned int
vhost_user_device_recheck(struct vhost_user_device *dev)
{
    unsigned int interval = UINT_MAX;

    for (unsigned int i = 0; i < dev->session.n_vrings; i++) {
        struct vhost_user_vring *vring = &dev->session.vrings[i];

        if (vring->running) {
            const struct virtqueue *vq
                = ovsrcu_get_protected(struct virtqueue *, &dev->vu->vqs[i]);

            if (virtqueue_recheck(vq, &vring->seen)) {
                interval = VHOST_USER_RECHECK_MS;
            } else if (!vq->event_idx && vq->callfd >= 0) {
                interval = MIN(interval, VHOST_USER_LOOK_MS);
            }
        }
    }
    return interval;
}

/* Status. */

bool
vhost_user_device_is_ready(const struct vhost_user_device *dev)
{
    for (unsigned int i = 0; i + 1 < dev->session.n_vrings; i += 2) {
        if (dev->session.vrings[i].running
            && dev->session.vrings[i + 1].running) {
            return true;
        }
    }
    return false;
}

void
vhost_user_device_get_status(const struct vhost_user_device *dev,
                             struct vhost_user_status *status)
{
    const struct vhost_user_session *s = &dev->session;
    struct vhost_user_vring_place place;

    status->features = s->features;
    status->protocol_features = s->protocol_features;
    status->n_queue_pairs = 0;
    status->n_vrings = 0;
    for (unsigned int i = 0; i < s->n_vrings; i++) {
        const struct vhost_user_vring *vring = &s->vrings[i];

        status->vrings[i] = (struct vhost_user_vring_status) {
            .size = vring->size,
            .started = (vring->running
                        || (vring_is_set_up(s, vring)
                            && !vring_find_obstacle(s, vring, &place))),
            .enabled = vring_is_enabled(s, vring),
            .error = vring->error,
        };
        if (vring->size) {
            status->n_vrings = i + 1;
            if (vring->has_addr) {
                status->n_queue_pairs = i / 2 + 1;
            }
        }
    }

    status->n_regions = s->mem ? s->mem->n_regions : 0;
    status->memory_size = 0;
    for (unsigned int i = 0; i < status->n_regions; i++) {
        status->memory_size += s->mem->regions[i].size;
    }
    status->n_stopped = dev->n_stopped;
    status->numa_node = dev->numa_node;
    status->mtu = s->mtu;
}
