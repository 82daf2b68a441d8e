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

/* Connections, good and bad messages: see msg-check.h. */

#include <config.h>

#include "msg-check.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "util.h"

/* Addresses that nobody looks at. */
#define HVA(OFFSET) ((uint8_t *) (uintptr_t) (0x10000000 + (OFFSET)))

struct guest_memory msg_memory = {
    .n_regions = 2,
    .regions = {
        { .gpa = 0, .size = MB, .uva = UVA, .hva = HVA(0), .fd = -1 },
        { .gpa = MB, .size = MB, .uva = UVA + MB, .hva = HVA(MB), .fd = -1 },
    },
};

/* Covers just that: 512 pages. */
static struct dirty_log dirty_log = { .size = 64, .fd = -1 };

static struct vhost_user vu;

void
msg_device_init(struct vhost_user_device *dev, enum age age)
{
    struct vhost_user_session *s = &dev->session;

    memset(dev, 0, sizeof *dev);
    vhost_user_device_init(dev, &vu, F_OFFERED, P_OFFERED, N_VRINGS);
    if (age >= AGE_PROTOCOL) {
        s->protocol_features = P_OFFERED;
        s->protocol_features_acked = true;
    }
    if (age >= AGE_MEMORY) {
        s->features = F_ACKED;
        s->features_acked = true;
        s->mem = &msg_memory;
    }
    if (age >= AGE_RUNNING) {
        s->vrings[0].size = 256;
        s->vrings[0].has_addr = true;
        s->vrings[0].desc = UVA;
        s->vrings[0].avail = UVA + 0x1000;
        s->vrings[0].used = UVA + 0x2000;
        s->vrings[0].kicked = true;
        s->vrings[0].enabled = true;
        s->vrings[0].running = true;
    }
    if (age >= AGE_LOGGING) {
        s->features |= F_LOG;
        s->log = &dirty_log;
    }
    if (age >= AGE_PACKED) {
        s->features |= F_PACKED;
        s->vrings[0].size = 255;
    }
}

static size_t
count_fds(bool rings)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    size_t n = 0;

    while ((entry = readdir(dir))) {
        char target[32] = "";

        if (readlinkat(dirfd(dir), entry->d_name, target,
                       sizeof target - 1) >= 0) {
            n += !strcmp(target, "anon_inode:[io_uring]") == rings;
        }
    }
    closedir(dir);
    return n;
}

size_t
msg_count_fds(void)
{
    return count_fds(false);
}

size_t
msg_count_rings(void)
{
    return count_fds(true);
}

void
msg_check_bad(const struct vhost_user_msg *msg, size_t n_fds, enum age age,
          const char *why)
{
    struct vhost_user_device dev, before;
    struct vhost_user_msg reply;
    int fds[VHOST_USER_MAX_FDS];
    size_t n_open;
    const char *bad;
    char *error;

    msg_device_init(&dev, age);
    bad = vhost_user_msg_check(msg, n_fds, &dev.session);
    CHECK(bad);
    if (!bad) {
        return;
    }
    if (why && !strstr(bad, why)) {
        check_context("%s: \"%s\" should contain \"%s\"",
                      vhost_user_request_name(msg->hdr.request), bad, why);
        CHECK(!"another reason");
    }
    if (n_fds > VHOST_USER_MAX_FDS) {
        return;
    }

    n_open = msg_count_fds();
    for (size_t i = 0; i < n_fds; i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC);
    }
    memcpy(&before, &dev, sizeof dev);
    error = vhost_user_device_receive(&dev, msg, fds, n_fds, &reply);
    CHECK(error);
    free(error);
    for (size_t i = 0; i < n_fds; i++) {
        CHECK(!close(fds[i]));
    }
    CHECK_MEM(&dev, &before, sizeof dev);
    CHECK_EQ(msg_count_fds(), n_open);
    CHECK(!reply.hdr.flags || reply.u64);
}

void
msg_check_good(const struct vhost_user_msg *msg, size_t n_fds, enum age age)
{
    struct vhost_user_device dev;
    const char *bad;

    msg_device_init(&dev, age);
    bad = vhost_user_msg_check(msg, n_fds, &dev.session);
    if (bad) {
        check_context("%s: found bad: %s",
                      vhost_user_request_name(msg->hdr.request), bad);
        CHECK(!bad);
    }
}
