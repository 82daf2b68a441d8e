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


#ifndef FRONTEND_DIRTY_H
#define FRONTEND_DIRTY_H 1

/* Dirty log of the test front end
 * ===============================
 *
 * Turns the log of a migration on (vhost-user, "Migration"), keeps a bitmap of
 * its own of the pages that the back end must have written, as rings tell,
 * and compares the two, bit by bit.  What is compared is also checked against
 * the memory itself: a page of a receive buffer or a used ring that is not as
 * it was must be marked.
 *
 * Thread-safety: none; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "frontend.h"
#include "frontend-ring.h"

struct ds;
struct fe_dirty;

/* Turns the log on, that of used rings too if 'used'.  Rings must be set up.
 * Returns 0 or what the back end's answers come to. */
int fe_dirty_start(struct frontend *, bool used, struct fe_dirty **);

/* Compares, and begins anew.  Appends what differs to 'ds' and returns true if
 * nothing does.  There should be no traffic meanwhile. */
bool fe_dirty_check(struct fe_dirty *, struct ds *);

/* Turns the log off, if the back end is still there, and frees it.  Accepts
 * NULL. */
int fe_dirty_stop(struct fe_dirty *);

/* For rings: takes note of used element 'e', the one that 'used_idx' is at. */
void fe_dirty_note(struct fe_dirty *, const struct fe_ring *,
                   const struct vring_used_elem *e);

#endif /* frontend-dirty.h */
