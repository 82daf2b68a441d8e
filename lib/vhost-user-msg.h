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

#ifndef VHOST_USER_MSG_H
#define VHOST_USER_MSG_H 1

/* Checking vhost-user messages
 * ============================
 *
 * A front end is not trusted.  Each message is checked whole, against the
 * table of requests and against what was negotiated and set up before, before
 * any of it is acted on.  What is left for later is what only the kernel can
 * say: whether a file can be mapped and whether a descriptor is an eventfd.
 *
 * Thread-safety: pure functions. */

#include <stdbool.h>
#include <stddef.h>

#include "vhost-user-proto.h"
#include "vhost-user-session.h"

/* Name of request number 'request', without "VHOST_USER_", or "unknown
 * request". */
const char *vhost_user_request_name(uint32_t request);

/* True if 'request' has a reply of its own, so that none is to be added for
 * VHOST_USER_NEED_REPLY. */
bool vhost_user_request_has_reply(uint32_t request);

/* Checks a header on its own: version, flags, known request, negotiated
 * feature, and size, so that the payload of a good one fits a struct
 * vhost_user_msg.  Returns NULL if it is good, otherwise a static text that
 * says what is wrong.  (The specification, "Header" and "Front-end message
 * types".) */
const char *vhost_user_header_check(const struct vhost_user_header *,
                                    const struct vhost_user_session *);

/* Checks a whole message that came with 'n_fds' descriptors, its header
 * included.  Same result. */
const char *vhost_user_msg_check(const struct vhost_user_msg *, size_t n_fds,
                                 const struct vhost_user_session *);

/* Index of the vring that a good message names, or -1. */
int vhost_user_msg_vring(const struct vhost_user_msg *);

/* Takes over into '*vring' what a good SET_VRING_ADDR message says. */
void vhost_user_vring_set_addr(struct vhost_user_vring *,
                               const struct vhost_user_vring_addr *);

/* Where the parts of a vring are for us. */
struct vhost_user_vring_place {
    void *desc;                 /* Packed: the descriptor ring, */
    void *avail;                /* the driver's event suppression */
    void *used;                 /* and the device's. */
    uint64_t desc_gpa;          /* Guest physical address of 'desc'. */
};

/* Finds the parts of 'vring', whose size and addresses are known, in the
 * memory of 's': each must lie in one region and be aligned as virtio 1.2,
 * 2.7 "Split Virtqueues" or 2.8 "Packed Virtqueues", asks.  Returns NULL and
 * fills '*place', or says what is wrong. */
const char *vhost_user_vring_locate(const struct vhost_user_vring *vring,
                                    const struct vhost_user_session *s,
                                    struct vhost_user_vring_place *place);

/* Where to begin in a packed vring according to 'base', which is in the format
 * of VHOST_USER_SET_VRING_BASE: an index into the ring with the wrap counter
 * in bit 15 (vhost-user, "Vring descriptor indices for packed virtqueues").
 * May lie beyond the ring. */
uint16_t vhost_user_packed_place(uint32_t base);

/* The converse. */
uint32_t vhost_user_packed_base(uint16_t place);

/* Bytes of a dirty log that covers guest physical addresses below 'end'. */
uint64_t vhost_user_log_size(uint64_t end);

#endif /* vhost-user-msg.h */
