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

/* A vhost-user device for tests: see device-fixture.h. */

#include <config.h>

#include "device-fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "peer-fd.h"
#include "util.h"

struct vhost_user fixture_vu;
struct vhost_user_device dev;
struct vhost_user_msg reply;
int region_fds[N_REGIONS];

int
make_memfd(size_t size)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    ovs_assert(fd >= 0 && !ftruncate(fd, size));
    return fd;
}

void
setup(void)
{
    memset(&fixture_vu, 0, sizeof fixture_vu);
    for (int i = 0; i < N_REGIONS; i++) {
        region_fds[i] = make_memfd(MB);
    }
    vhost_user_device_init(&dev, &fixture_vu, F_OFFERED, P_OFFERED, N_VRINGS);
}

void
teardown(void)
{
    vhost_user_device_disconnect(&dev);
    for (int i = 0; i < N_REGIONS; i++) {
        close(region_fds[i]);
    }
}

struct virtqueue *
vq(unsigned int idx)
{
    return vhost_user_vq(&fixture_vu, idx);
}

bool
deliver(const struct vhost_user_msg *msg, const int fds[], size_t n)
{
    int copies[VHOST_USER_MAX_FDS] = { -1 };
    char *error;

    for (size_t i = 0; i < n; i++) {
        copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
    }
    memset(&reply, 0, sizeof reply);
    error = vhost_user_device_receive(&dev, msg, copies, n, &reply);
    for (size_t i = 0; i < n; i++) {
        peer_fd_close(copies[i], NULL);
    }
    free(error);
    return !error;
}

bool
deliver_u64(uint32_t request, uint64_t value)
{
    struct vhost_user_msg msg = U64(request, value);

    return deliver(&msg, NULL, 0);
}

bool
deliver_empty(uint32_t request)
{
    struct vhost_user_msg msg = MSG(request, 0, .u64 = 0);

    return deliver(&msg, NULL, 0);
}

bool
deliver_state(uint32_t request, uint32_t idx, uint32_t num)
{
    struct vhost_user_msg msg = STATE(request, idx, num);

    return deliver(&msg, NULL, 0);
}

bool
deliver_vring_fd(uint32_t request, uint32_t idx, int fd)
{
    struct vhost_user_msg msg = U64(request, idx | (fd < 0 ? 0x100 : 0));

    return deliver(&msg, &fd, fd >= 0);
}

bool
deliver_addr(uint32_t idx, uint32_t flags)
{
    struct vhost_user_msg msg = ADDR(idx, flags, RING_DESC(idx),
                                     RING_AVAIL(idx), RING_USED(idx), 0x5000);

    return deliver(&msg, NULL, 0);
}

bool
deliver_mem_table(unsigned int mask)
{
    static const struct guest_region_desc regions[] = { REGION0, REGION1 };
    struct vhost_user_msg msg = MSG(5, 8, .memory = { .n_regions = 0 });
    int fds[N_REGIONS];

    for (unsigned int i = 0; i < N_REGIONS; i++) {
        if (mask & 1u << i) {
            uint32_t n = msg.memory.n_regions++;

            fds[n] = region_fds[i];
            msg.memory.regions[n] = regions[i];
            msg.hdr.size += 32;
        }
    }
    return deliver(&msg, fds, msg.memory.n_regions);
}

bool
deliver_log(int fd, uint64_t size, uint64_t offset)
{
    struct vhost_user_msg msg = MSG(6, 16, .log = { size, offset });

    return deliver(&msg, &fd, 1);
}

void
negotiate(void)
{
    CHECK(deliver_empty(3));
    CHECK(deliver_u64(16, P_OFFERED));
    CHECK(deliver_u64(2, F_ACKED));
    CHECK(deliver_mem_table(3));
}

void
start_ring(uint32_t idx)
{
    CHECK(deliver_state(8, idx, 256));
    CHECK(deliver_state(10, idx, 0));
    CHECK(deliver_addr(idx, 0));
    CHECK(deliver_vring_fd(12, idx, -1));
    CHECK(deliver_state(18, idx, 1));
    CHECK(vq(idx));
}
