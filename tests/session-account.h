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

#ifndef SESSION_ACCOUNT_H
#define SESSION_ACCOUNT_H 1

/* What must always hold between a vhost-user session and the virtqueues that
 * run in it, whatever the front end has said.
 *
 * Thread-safety: pure functions. */

#include "vhost-user-session.h"
#include "virtqueue.h"

/* Each returns NULL if all is well, or else what does not hold: for vring 'i'
 * of a session, whose virtqueue is 'vq', or NULL if it has none; for guest
 * memory. */
const char *session_account_vring(const struct vhost_user_session *,
                                  unsigned int i, const struct virtqueue *vq);
const char *session_account_memory(const struct guest_memory *);

#endif /* session-account.h */
