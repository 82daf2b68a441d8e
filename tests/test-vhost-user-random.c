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

/* Sends random messages to a vhost-user device, most of them nearly good, and
 * looks after each one whether what must always hold does. */

#include <config.h>

#include "check.h"
#include "device-fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "random.h"
#include "session-account.h"
#include "util.h"

#define N_MESSAGES 30000

/* What may come with a message. */
enum { EVENT, GUEST, SHORT, PIPE, N_FILES };
static int files[N_FILES];

static bool
one_in(uint32_t n)
{
    return random_range(n) == 0;
}

/* A value that is worth trying somewhere. */
static uint64_t
some_value(void)
{
    static const uint64_t values[] = {
        0, 1, 2, 4, 8, 16, 64, 128, 255, 256, 257, 4096, 32768, 65535, 65536,
        MB, 2 * MB, UVA, UVA + 16, UVA + MB, UVA + 2 * MB, F_OFFERED, F_ACKED,
        F_ACKED | F_LOG, P_OFFERED, UINT32_MAX, UINT64_C(1) << 32,
        UINT64_MAX - 15, UINT64_MAX
    };
    uint64_t value = values[random_range(ARRAY_SIZE(values))];

    return one_in(8) ? value + random_range(64) - 32 : value;
}

static uint32_t
some_vring(void)
{
    return one_in(30) ? some_value() : random_range(3);
}

static void
random_regions(struct vhost_user_msg *msg)
{
    uint32_t n = one_in(20) ? some_value() : 1 + random_range(3);

    msg->memory.n_regions = n;
    for (uint32_t i = 0; i < MIN(n, 8); i++) {
        bool odd = one_in(10);

        msg->memory.regions[i] = (struct guest_region_desc) {
            .gpa = odd ? some_value() : i * MB,
            .size = odd ? some_value() : MB,
            .uva = odd ? some_value() : UVA + i * MB,
            .mmap_offset = one_in(10) ? some_value() : 0,
        };
    }
    msg->hdr.size = 8 + 32 * MIN(n, 8);
}

/* Fills 'msg' and says how many descriptors should come with it. */
static size_t
random_message(struct vhost_user_msg *msg)
{
    static const uint32_t sizes[] = {
        [2] = 8, [6] = 16, [8] = 8, [9] = 40, [10] = 8, [11] = 8, [12] = 8,
        [13] = 8, [14] = 8, [16] = 8, [18] = 8, [19] = 8, [20] = 8, [39] = 8,
    };
    /* What starts vrings, more often than what stops them. */
    static const uint8_t likely[] = {
        2, 5, 5, 6, 8, 8, 9, 9, 10, 12, 12, 12, 13, 16, 16, 18, 18
    };
    uint32_t request = (one_in(50) ? some_value()
                        : one_in(4) ? 1 + random_range(40)
                        : likely[random_range(ARRAY_SIZE(likely))]);
    uint32_t idx = some_vring();

    memset(msg, 0, sizeof *msg);
    msg->hdr.request = request;
    msg->hdr.flags = 1 | (one_in(4) ? 8 : 0);
    msg->hdr.size = request < ARRAY_SIZE(sizes) ? sizes[request] : 0;
    switch (request) {
    case 2:
        msg->u64 = (one_in(4) ? some_value()
                    : F_ACKED | (one_in(3) ? F_LOG : 0));
        return 0;
    case 5:
        random_regions(msg);
        return MIN(msg->memory.n_regions, 8);
    case 6:
        msg->log.size = one_in(4) ? some_value() : 4096;
        msg->log.offset = one_in(4) ? some_value() : 0;
        return 1;
    case 7:
        return 1;
    case 8:
        msg->state.index = idx;
        msg->state.num = one_in(4) ? some_value() : 1 << random_range(10);
        return 0;
    case 9:
        msg->addr.index = idx;
        msg->addr.flags = one_in(20) ? some_value() : random_range(2);
        msg->addr.desc = one_in(4) ? some_value() : UVA;
        msg->addr.avail = one_in(4) ? some_value() : UVA + 0x10000;
        msg->addr.used = one_in(4) ? some_value() : UVA + 0x20000;
        msg->addr.log = one_in(4) ? some_value() : 0;
        return 0;
    case 12:
    case 13:
    case 14:
        msg->u64 = idx | (one_in(2) ? 0x100 : 0);
        return msg->u64 & 0x100 ? 0 : 1;
    case 16:
        msg->u64 = one_in(4) ? some_value() : P_OFFERED;
        return 0;
    case 18:
        msg->state.index = idx;
        msg->state.num = one_in(20) ? some_value() : !one_in(4);
        return 0;
    case 39:
        msg->u64 = one_in(4) ? some_value() : 1 + random_range(15);
        return 0;
    default:
        msg->u64 = some_value();
        msg->state.index = one_in(2) ? idx : msg->state.index;
        return 0;
    }
}

static void
check_session(void)
{
    const struct vhost_user_session *s = &dev.session;
    const char *broken = s->mem ? session_account_memory(s->mem) : NULL;

    for (unsigned int i = 0; !broken && i < VHOST_USER_MAX_VRINGS; i++) {
        broken = session_account_vring(s, i, vq(i));
    }
    if (!CHECK(!broken)) {
        printf("... but it must be that %s\n", broken);
    }
}

void
test_random(int argc, char *argv[])
{
    const uint32_t seed = argc > 1 ? atoi(argv[1]) : 1;
    unsigned int n_good = 0, n_ran = 0;
    size_t n_open;
    int pipes[2];

    random_set_seed(seed);
    CHECK(!pipe(pipes));
    files[EVENT] = eventfd(0, EFD_CLOEXEC);
    files[GUEST] = make_memfd(2 * MB);
    files[SHORT] = make_memfd(4095);
    files[PIPE] = pipes[0];
    setup();
    n_open = msg_count_fds();
    for (int i = 0; i < N_MESSAGES; i++) {
        struct vhost_user_session before = dev.session;
        struct vhost_user_msg msg;
        size_t n = random_message(&msg);
        int fds[VHOST_USER_MAX_FDS];

        if (one_in(20)) {
            msg.hdr.size += random_range(17) - 8;
        }
        if (one_in(20)) {
            msg.hdr.flags ^= 1u << random_range(32);
        }
        if (one_in(20)) {
            n = random_range(VHOST_USER_MAX_FDS + 1);
        }
        for (size_t j = 0; j < n; j++) {
            fds[j] = files[one_in(20) ? random_range(N_FILES)
                           : msg.hdr.request < 7 ? GUEST : EVENT];
        }
        check_context("seed %"PRIu32", message %d, %s", seed, i,
                      vhost_user_request_name(msg.hdr.request));
        if (deliver(&msg, fds, n)) {
            n_good++;
        } else {
            CHECK_MEM(&dev.session, &before, sizeof before);
        }
        check_session();
        n_ran += dev.session.vrings[0].running;
        free(vhost_user_device_take_notice(&dev));
        if (one_in(500)) {
            vhost_user_device_disconnect(&dev);
            CHECK_EQ(msg_count_fds(), n_open);
        }
    }
    /* Or there was nothing to see. */
    CHECK(n_good > N_MESSAGES / 4);
    CHECK(n_ran > N_MESSAGES / 20);
    teardown();
    for (int i = 0; i < N_FILES; i++) {
        close(files[i]);
    }
    close(pipes[1]);
}
