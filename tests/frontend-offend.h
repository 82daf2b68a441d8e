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


#ifndef FRONTEND_OFFEND_H
#define FRONTEND_OFFEND_H 1

/* Messages that break the rules
 * =============================
 *
 * Each begins as a good message, with what the front end has really set up,
 * and then one thing is made wrong.
 *
 * Thread-safety: none; one thread. */

#include "frontend.h"

/* How far the front end is when it sends it. */
enum fe_stage {
    FE_STARTED,                 /* Rings are set up. */
    FE_LOGGING,                 /* Likewise, with a dirty log. */
    FE_SMALL_LOG,               /* Of one byte, before there was memory. */
    FE_NEGOTIATED,              /* Protocol features are. */
    FE_BARE,                    /* Likewise, but only acknowledgments. */
    FE_CONNECTED,               /* Nothing was said. */
    FE_AS_IT_IS,
};

struct fe_offence {
    struct fe_msg msg;
    int fds[FE_MAX_FDS];        /* Owned. */
    size_t n_fds;
    size_t n_late;              /* Of 'fds': come with the payload. */
};

struct fe_offence_kind {
    const char *name;           /* What the test calls it. */
    int request;                /* -1: the argument names it. */
    enum fe_stage stage;
    unsigned int vring;         /* That the good message is about... */

    /* Makes it wrong.  False if that cannot be.  'arg' is a number or what
     * 'make' knows, after the request if it is named. */
    bool (*make)(const struct frontend *, const char *arg,
                 struct fe_offence *);
};
#define FE_LAST_VRING UINT32_MAX /* ...the last one of the back end. */

/* What is wrong with contents; ends with a null name. */
extern const struct fe_offence_kind fe_content_offences[];

/* Fills '*o' with a good message 'request' about 'vring'. */
void fe_offence_init(struct fe_offence *o, const struct frontend *,
                     uint32_t request, unsigned int vring);
void fe_offence_uninit(struct fe_offence *);

/* Replaces descriptor 'i'. */
void fe_offence_set_fd(struct fe_offence *, size_t i, int fd);

/* A file of 'size' bytes, with which open(2) flags it was opened. */
int fe_offence_file(uint64_t size, int flags);

#endif /* frontend-offend.h */
