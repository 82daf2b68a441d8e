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

#ifndef VHOST_USER_DEVICE_H
#define VHOST_USER_DEVICE_H 1

/* vhost-user device
 * =================
 *
 * The back end's side of one connection: keeps the session, acts on messages
 * and publishes virtqueues.  Knows nothing of sockets, so that it is driven
 * by messages alone, in tests as well.
 *
 * A vring runs when it has a size, addresses within the memory map and a
 * kick (with a descriptor or without: all vrings are polled), features are
 * negotiated, and it is enabled.  It may lack a descriptor to interrupt the
 * guest with.  With LOG_ALL it also waits for the dirty log, without which
 * the log could not be exact.
 *
 * Whatever changes a running vring pauses it: it is taken out of sight, all
 * threads pass a grace period, the change is made, and the vring starts again
 * where it stopped, if it still can.  Only logging changes under way, so that
 * a migration begins without loss: all threads pass a grace period before the
 * message is answered, and before a log goes.
 *
 * Thread-safety: a device is for one thread, which must not hold a mutex that
 * another thread may wait for. */

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/compiler.h"
#include "vhost-user-proto.h"
#include "vhost-user-session.h"

/* Time between looks at vrings whose guests poll, and at those whose guests
 * might begin to, in ms. */
#define VHOST_USER_RECHECK_MS 10
#define VHOST_USER_LOOK_MS 10

struct vhost_user_device {
    struct vhost_user_session session;
    struct vhost_user *vu;      /* Where virtqueues are published. */
    struct slow_worker *worker; /* Frees memory.  Not owned; may be NULL. */
    int numa_node;              /* Of the guest's memory, or -1. */

    /* What went wrong since vhost_user_device_take_notice() was called,
     * without being the fault of the message at hand.  Malloc'd or NULL. */
    char *notice;

    /* Vrings stopped for an offence.  Goes on across connections. */
    uint64_t n_stopped;
};

/* Prepares for a first connection, on which 'features' and
 * 'protocol_features' are offered for 'n_vrings' vrings. */
void vhost_user_device_init(struct vhost_user_device *, struct vhost_user *,
                            uint64_t features, uint64_t protocol_features,
                            unsigned int n_vrings);

/* Stops all vrings and forgets the connection: the device is as after
 * vhost_user_device_init(). */
void vhost_user_device_disconnect(struct vhost_user_device *);

/* Acts on 'msg', which came with the 'n_fds' descriptors of 'fds'.  Those that
 * it takes over it replaces by -1.
 *
 * Returns NULL if the message was good.  Otherwise it changed nothing, and a
 * malloc'd explanation is returned.  In both cases a non-zero
 * 'reply->hdr.flags' says that 'reply' is to be sent. */
char *vhost_user_device_receive(struct vhost_user_device *,
                                const struct vhost_user_msg *msg,
                                int fds[], size_t n_fds,
                                struct vhost_user_msg *reply)
    OVS_WARN_UNUSED_RESULT;

/* Composes in '*reply' the acknowledgment that a message with header 'hdr'
 * asks for, if it does (the specification, "VHOST_USER_PROTOCOL_F_REPLY_ACK").
 * 'failed' tells which.  For messages that did not get as far as
 * vhost_user_device_receive(). */
void vhost_user_device_acknowledge(const struct vhost_user_device *,
                                   const struct vhost_user_header *hdr,
                                   bool failed, struct vhost_user_msg *reply);

/* Takes virtqueues that stopped themselves out of service.  Returns true if
 * there were any. */
bool vhost_user_device_reap(struct vhost_user_device *);

/* Interrupts guests that stopped polling and were missed, as
 * virtqueue_recheck() says.  Returns the time in ms after which it is to be
 * called again, UINT_MAX if there is no such vring. */
unsigned int vhost_user_device_recheck(struct vhost_user_device *);

/* True if a queue pair runs. */
bool vhost_user_device_is_ready(const struct vhost_user_device *);

/* Fills the members of '*status' that describe the connection. */
void vhost_user_device_get_status(const struct vhost_user_device *,
                                  struct vhost_user_status *status);

/* Returns 'notice', for the caller to free, and forgets it. */
char *vhost_user_device_take_notice(struct vhost_user_device *);

/* For the implementation of vhost_user_device_receive(). */

/* Stops vring 'idx', or all, if they run.  Afterward 'base' says where. */
void vhost_user_device_pause(struct vhost_user_device *, unsigned int idx);
void vhost_user_device_pause_all(struct vhost_user_device *);

/* Starts vring 'idx', or all, unless they run or cannot. */
void vhost_user_device_start(struct vhost_user_device *, unsigned int idx);
void vhost_user_device_start_all(struct vhost_user_device *);

/* Brings vrings that run in line with the session as to logging, and waits
 * until that is in effect and a former log no longer in use.  With LOG_ALL and
 * no log, stops them all. */
void vhost_user_device_update_log(struct vhost_user_device *);

/* Back to what a device is before features are negotiated.  What belongs to
 * the connection stays: protocol features, ownership, memory, MTU, and the
 * descriptors for calls and errors.  So does the place where each vring
 * stopped: QEMU 7.2 with several queue pairs resets the status when it has
 * stopped the first pair, and only then asks where the others are. */
void vhost_user_device_reset(struct vhost_user_device *);

/* Forgets the guest's memory, which no vring may use any more. */
void vhost_user_device_drop_memory(struct vhost_user_device *);

/* Closes '*fd' if it is open and sets it to 'new_fd'. */
void vhost_user_replace_fd(int *fd, int new_fd);

/* Does so with the descriptor for calls of 'vring', which does not run. */
void vhost_user_replace_callfd(struct vhost_user_vring *vring, int new_fd);

#endif /* vhost-user-device.h */
