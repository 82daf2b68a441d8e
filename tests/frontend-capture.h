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


#ifndef FRONTEND_CAPTURE_H
#define FRONTEND_CAPTURE_H 1

/* Log of received frames, for the test front end
 * ==============================================
 *
 * Keeps frames until somebody takes them, and lets unixctl commands wait for
 * frames that match an OpenFlow match.  In such a match "in_port" is the
 * queue that a frame was received on.
 *
 * Thread-safety: none; one thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/list.h"

struct ds;
struct unixctl_conn;

struct capture {
    struct ovs_list frames;     /* Of struct captured. */
    size_t n;
    uint64_t n_forgotten;       /* The oldest ones, for want of space. */
    struct ovs_list waiters;    /* Of struct waiter. */
};

void capture_init(struct capture *);
void capture_destroy(struct capture *);
void capture_clear(struct capture *);

void capture_add(struct capture *, unsigned int queue, const void *, size_t);

/* Takes 'count' frames that match 'filter' (NULL for all of them) out of the
 * log and prints each on a line, in hex, or with 'as_flow' as a flow.  Waits
 * up to 'timeout' ms until there are that many; then fails, with what there
 * is.  With a 'count' of 0, succeeds if there is none in that time. */
void capture_take(struct capture *, struct unixctl_conn *, size_t count,
                  const char *filter, bool as_flow, long long int timeout);

/* Appends all frames, in hex, and leaves them where they are. */
void capture_dump(const struct capture *, struct ds *);

void capture_run(struct capture *);
void capture_wait(struct capture *);

#endif /* frontend-capture.h */
