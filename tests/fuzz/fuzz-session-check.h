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

#ifndef FUZZ_SESSION_CHECK_H
#define FUZZ_SESSION_CHECK_H 1

/* What must hold in a session with 'dev' of fuzz-session.h, as the
 * specification has it.
 *
 * Thread-safety: none; one thread. */

#include "fuzz.h"
#include "vhost-user-device.h"

/* Checks that 'msg', which came with 'n' descriptors, deserved to be found
 * good on a session that was like 'before'. */
void session_check_good(const struct vhost_user_msg *msg, size_t n,
                        const struct vhost_user_session *before);

/* Checks what a good message has changed, as far as that is simple. */
void session_check_effect(const struct vhost_user_msg *msg,
                          const struct vhost_user_msg *reply);

/* Checks whether there is a reply, and which. */
void session_check_reply(const struct vhost_user_msg *msg,
                         const struct vhost_user_msg *reply, bool good);

/* Checks vring 'i', and guest memory. */
void session_check_vring(unsigned int i);
void session_check_memory(const struct guest_memory *);

#endif /* fuzz-session-check.h */
