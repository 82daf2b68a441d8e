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

/* Tests the checking of what vhost-user messages say, by a table, and that a
 * flood of bad ones leaves nothing behind. */

#include <config.h>

#include "check.h"
#include "msg-check.h"
#include "util.h"
#include "vhost-user-msg.h"

#define REGIONS(N, ...)                                                 \
    MSG(5, 8 + 32 * (N), .memory = { .n_regions = N,                    \
                                     .regions = { __VA_ARGS__ } })
#define R(GPA, SIZE, UVA_, OFFSET) \
    { .gpa = GPA, .size = SIZE, .uva = UVA_, .mmap_offset = OFFSET }

/* The ends of the region and of both together. */
#define END0 (UVA + MB)
#define END1 (UVA + 2 * MB)

/* Bytes of the parts of a vring of 256 entries, with event indexes. */
#define DESC (256 * 16)
#define AVAIL (4 + 256 * 2 + 2)
#define USED (4 + 256 * 8 + 2)

static const struct contents {
    struct vhost_user_msg msg;
    size_t n_fds;
    enum age age;
    const char *why;            /* NULL for a good message. */
} contents[] = {
    /* Features. */
    { U64(2, 0), 0, AGE_FRESH, NULL },
    { U64(2, F_OFFERED), 0, AGE_FRESH, NULL },
    { U64(2, F_ACKED | 1), 0, AGE_FRESH, "not offered" },
    { U64(2, F_ACKED | UINT64_C(1) << 36), 0, AGE_FRESH, "not offered" },
    { U64(2, F_ACKED | F_PACKED), 0, AGE_FRESH, NULL },
    { U64(2, F_ACKED | F_PACKED), 0, AGE_RUNNING, "change while" },
    { U64(2, F_ACKED | F_LOG), 0, AGE_PACKED, "change while" },
    { U64(2, MAX64), 0, AGE_FRESH, "not offered" },
    { U64(2, F_ACKED), 0, AGE_RUNNING, NULL },
    { U64(2, F_ACKED | F_LOG), 0, AGE_RUNNING, NULL },
    { U64(2, F_ACKED), 0, AGE_LOGGING, NULL },
    { U64(2, F_ACKED & ~F_MRG), 0, AGE_RUNNING, "change while" },
    { U64(2, F_ACKED | F_INDIRECT), 0, AGE_RUNNING, "change while" },
    { U64(2, 0), 0, AGE_RUNNING, "change while" },
    { U64(2, F_ACKED & ~F_MRG), 0, AGE_MEMORY, NULL },
    { U64(16, 0), 0, AGE_FRESH, NULL },
    { U64(16, P_OFFERED | 1 << 12), 0, AGE_FRESH, "not offered" },
    { U64(16, MAX64), 0, AGE_FRESH, "not offered" },
    { U64(16, P_OFFERED), 0, AGE_RUNNING, NULL },
    { U64(16, P_OFFERED & ~8), 0, AGE_RUNNING, "change while" },
    { U64(16, P_OFFERED & ~8), 0, AGE_MEMORY, NULL },

    /* Sizes of vrings. */
    { STATE(8, 1, 0), 0, AGE_MEMORY, "not in 1 to 32768" },
    { STATE(8, 1, 1), 0, AGE_MEMORY, NULL },
    { STATE(8, 1, 2), 0, AGE_MEMORY, NULL },
    { STATE(8, 1, 3), 0, AGE_MEMORY, "power of two" },
    { STATE(8, 1, 255), 0, AGE_MEMORY, "power of two" },
    { STATE(8, 1, 257), 0, AGE_MEMORY, "power of two" },
    { STATE(8, 1, 32767), 0, AGE_MEMORY, "power of two" },
    { STATE(8, 1, 32768), 0, AGE_MEMORY, NULL },
    { STATE(8, 1, 32769), 0, AGE_MEMORY, "not in 1 to 32768" },
    { STATE(8, 1, 65536), 0, AGE_MEMORY, "not in 1 to 32768" },
    { STATE(8, 1, 0x10100), 0, AGE_MEMORY, "not in 1 to 32768" },
    { STATE(8, 1, UINT32_MAX), 0, AGE_MEMORY, "not in 1 to 32768" },
    /* Vring 0 runs: it would grow out of its region. */
    { STATE(8, 0, 128), 0, AGE_RUNNING, NULL },
    { STATE(8, 0, 32768), 0, AGE_RUNNING, NULL },

    /* Packed ones. */
    { STATE(8, 1, 0), 0, AGE_PACKED, "not in 1 to 32768" },
    { STATE(8, 1, 1), 0, AGE_PACKED, NULL },
    { STATE(8, 1, 3), 0, AGE_PACKED, NULL },
    { STATE(8, 1, 256), 0, AGE_PACKED, NULL },
    { STATE(8, 1, 32767), 0, AGE_PACKED, NULL },
    { STATE(8, 1, 32768), 0, AGE_PACKED, NULL },
    { STATE(8, 1, 32769), 0, AGE_PACKED, "not in 1 to 32768" },
    { STATE(8, 1, UINT32_MAX), 0, AGE_PACKED, "not in 1 to 32768" },

    /* Where to begin. */
    { STATE(10, 1, 65535), 0, AGE_MEMORY, NULL },
    { STATE(10, 1, 65536), 0, AGE_MEMORY, "over 65535" },
    { STATE(10, 1, UINT32_MAX), 0, AGE_MEMORY, "over 65535" },

    { STATE(10, 1, 65536), 0, AGE_PACKED, NULL },
    { STATE(10, 1, UINT32_MAX), 0, AGE_PACKED, NULL },

    /* Enabling. */
    { STATE(18, 0, 0), 0, AGE_RUNNING, NULL },
    { STATE(18, 0, 2), 0, AGE_RUNNING, "neither" },
    { STATE(18, 0, UINT32_MAX), 0, AGE_RUNNING, "neither" },
    { STATE(18, 0, 1), 0, AGE_FRESH, "not negotiated" },

    /* Addresses: alignment and flags. */
    { ADDR(0, 0, UVA, UVA, UVA, 0), 0, AGE_RUNNING, NULL },
    { ADDR(0, 0, UVA + 8, UVA, UVA, 0), 0, AGE_RUNNING, "aligned to 16" },
    { ADDR(0, 0, UVA + 1, UVA, UVA, 0), 0, AGE_RUNNING, "aligned to 16" },
    { ADDR(0, 0, UVA, UVA + 1, UVA, 0), 0, AGE_RUNNING, "aligned to 2" },
    { ADDR(0, 0, UVA, UVA + 2, UVA, 0), 0, AGE_RUNNING, NULL },
    { ADDR(0, 0, UVA, UVA, UVA + 2, 0), 0, AGE_RUNNING, "aligned to 4" },
    { ADDR(0, 0, UVA, UVA, UVA + 4, 0), 0, AGE_RUNNING, NULL },
    { ADDR(0, 2, UVA, UVA, UVA, 0), 0, AGE_RUNNING, "flags" },
    { ADDR(0, 0x80000000, UVA, UVA, UVA, 0), 0, AGE_RUNNING, "flags" },
    { ADDR(0, 0, UVA + 1, UVA, UVA, 0), 0, AGE_FRESH, "aligned to 16" },

    /* Addresses: each part whole, in one region. */
    { ADDR(0, 0, END0 - DESC, UVA, UVA, 0), 0, AGE_RUNNING, NULL },
    { ADDR(0, 0, END0 - DESC + 16, UVA, UVA, 0), 0, AGE_RUNNING,
      "descriptor" },
    { ADDR(0, 0, END1 - DESC, UVA, UVA, 0), 0, AGE_RUNNING, NULL },
    { ADDR(0, 0, END1 - DESC + 16, UVA, UVA, 0), 0, AGE_RUNNING,
      "descriptor" },
    { ADDR(0, 0, UVA, END0 - AVAIL, UVA, 0), 0, AGE_RUNNING, NULL },
    { ADDR(0, 0, UVA, END0 - AVAIL + 2, UVA, 0), 0, AGE_RUNNING, "available" },
    { ADDR(0, 0, UVA, END1 - AVAIL + 2, UVA, 0), 0, AGE_RUNNING, "available" },
    { ADDR(0, 0, UVA, UVA, ROUND_DOWN(END0 - USED, 4), 0), 0, AGE_RUNNING,
      NULL },
    { ADDR(0, 0, UVA, UVA, ROUND_DOWN(END0 - USED, 4) + 4, 0), 0, AGE_RUNNING,
      "used" },
    { ADDR(0, 0, UVA, UVA, ROUND_DOWN(END1 - USED, 4) + 4, 0), 0, AGE_RUNNING,
      "used" },
    { ADDR(0, 0, UVA - 16, UVA, UVA, 0), 0, AGE_RUNNING, "descriptor" },
    { ADDR(0, 0, 0, UVA, UVA, 0), 0, AGE_RUNNING, "descriptor" },
    { ADDR(0, 0, UVA, 0, UVA, 0), 0, AGE_RUNNING, "available" },
    { ADDR(0, 0, UVA, UVA, 0, 0), 0, AGE_RUNNING, "used" },
    { ADDR(0, 0, MAX64 - 15, UVA, UVA, 0), 0, AGE_RUNNING, "descriptor" },
    { ADDR(0, 0, UVA, MAX64 - 1, UVA, 0), 0, AGE_RUNNING, "available" },
    { ADDR(0, 0, UVA, UVA, MAX64 - 3, 0), 0, AGE_RUNNING, "used" },
    /* Vring 1 has no size yet, and then there is no memory. */
    { ADDR(1, 0, 0, 0, 0, 0), 0, AGE_RUNNING, NULL },
    { ADDR(0, 0, 0, 0, 0, 0), 0, AGE_FRESH, NULL },

    /* Addresses of packed vrings. */
    { ADDR(0, 0, UVA, UVA, UVA, 0), 0, AGE_PACKED, NULL },
    { ADDR(0, 0, UVA + 8, UVA, UVA, 0), 0, AGE_PACKED, "aligned to 16" },
    { ADDR(0, 0, UVA, UVA + 2, UVA, 0), 0, AGE_PACKED, "aligned to 4" },
    { ADDR(0, 0, UVA, UVA, UVA + 2, 0), 0, AGE_PACKED, "aligned to 4" },
    { ADDR(0, 0, UVA, UVA + 4, UVA + 8, 0), 0, AGE_PACKED, NULL },
    { ADDR(0, 0, END0 - 255 * 16, UVA, UVA, 0), 0, AGE_PACKED, NULL },
    { ADDR(0, 0, END0 - 254 * 16, UVA, UVA, 0), 0, AGE_PACKED, "descriptor" },
    { ADDR(0, 0, UVA, END0 - 4, UVA, 0), 0, AGE_PACKED, NULL },
    { ADDR(0, 0, UVA, END1, UVA, 0), 0, AGE_PACKED, "driver event" },
    { ADDR(0, 0, UVA, UVA, END0 - 4, 0), 0, AGE_PACKED, NULL },
    { ADDR(0, 0, UVA, UVA, END1, 0), 0, AGE_PACKED, "device event" },
    { ADDR(0, 0, UVA, MAX64 - 3, UVA, 0), 0, AGE_PACKED, "driver event" },
    { ADDR(0, 0, UVA, UVA, MAX64 - 3, 0), 0, AGE_PACKED, "device event" },
    { ADDR(0, 1, UVA, UVA, UVA, 2 * MB - 4), 0, AGE_PACKED, NULL },
    { ADDR(0, 1, UVA, UVA, UVA, 2 * MB), 0, AGE_PACKED, "beyond" },
    { ADDR(0, 1, UVA, UVA, UVA, MAX64 - 3), 0, AGE_PACKED, "wraps" },

    /* Addresses for logging: 64 bytes of log are 2 MB. */
    { ADDR(0, 1, UVA, UVA, UVA, 0x2000), 0, AGE_LOGGING, NULL },
    { ADDR(0, 1, UVA, UVA, UVA, 2 * MB - USED), 0, AGE_LOGGING, NULL },
    { ADDR(0, 1, UVA, UVA, UVA, 2 * MB), 0, AGE_LOGGING, "beyond" },
    { ADDR(0, 1, UVA, UVA, UVA, MAX64 - USED), 0, AGE_LOGGING, "beyond" },
    { ADDR(0, 1, UVA, UVA, UVA, MAX64 - USED + 1), 0, AGE_LOGGING, "wraps" },
    { ADDR(0, 1, UVA, UVA, UVA, MAX64), 0, AGE_RUNNING, "wraps" },
    { ADDR(0, 0, UVA, UVA, UVA, MAX64), 0, AGE_LOGGING, NULL },
    { ADDR(0, 1, UVA, UVA, UVA, 2 * MB), 0, AGE_RUNNING, NULL },

    /* Memory. */
    { REGIONS(1, R(0, 1, 0, 0)), 1, AGE_FRESH, NULL },
    { REGIONS(1, R(0, 0, 0, 0)), 1, AGE_FRESH, "empty" },
    { REGIONS(1, R(MAX64, 2, 0, 0)), 1, AGE_FRESH, "wraps" },
    { REGIONS(1, R(0, 2, MAX64, 0)), 1, AGE_FRESH, "wraps" },
    { REGIONS(1, R(0, 2, 0, MAX64)), 1, AGE_FRESH, "wraps" },
    { REGIONS(1, R(0, MAX64, 0, 2)), 1, AGE_FRESH, "wraps" },
    { REGIONS(2, R(0, MB, 0, 0), R(MB - 1, MB, MB, 0)), 2, AGE_FRESH,
      "overlap" },
    { REGIONS(2, R(0, MB, 0, 0), R(MB, MB, MB - 1, 0)), 2, AGE_FRESH,
      "overlap" },
    { REGIONS(2, R(MB, 1, 0, 0), R(0, 4 * MB, MB, 0)), 2, AGE_FRESH,
      "overlap" },
    { REGIONS(2, REGION0, REGION0), 2, AGE_FRESH, "overlap" },
    { MSG(5, 40, .memory = { .n_regions = 0 }), 0, AGE_FRESH, "1 to 8" },
    { MSG(5, 40, .memory = { .n_regions = 0 }), 1, AGE_FRESH, "1 to 8" },
    { MSG(5, 264, .memory = { .n_regions = 9 }), 8, AGE_FRESH, "1 to 8" },
    { MSG(5, 264, .memory = { .n_regions = UINT32_MAX }), 8, AGE_FRESH,
      "1 to 8" },
    /* 0x8000001 regions have 40 bytes modulo 2**32. */
    { MSG(5, 40, .memory = { .n_regions = 0x8000001 }), 1, AGE_FRESH,
      "1 to 8" },
    { MSG(5, 72, .memory = { .n_regions = 1, .regions = { REGION0 } }), 1,
      AGE_FRESH, "does not fit" },
    { MSG(5, 40, .memory = { .n_regions = 2, .regions = { REGION0 } }), 2,
      AGE_FRESH, "does not fit" },
    { REGIONS(1, R(0, 2 * MB, UVA, 0)), 1, AGE_LOGGING, NULL },
    { REGIONS(1, R(0, 2 * MB + 1, UVA, 0)), 1, AGE_LOGGING, "log too small" },
    { REGIONS(1, R(MAX64 - MB, MB, UVA, 0)), 1, AGE_LOGGING, "log too small" },
    { REGIONS(1, R(0, 2 * MB + 1, UVA, 0)), 1, AGE_RUNNING, NULL },

    /* The dirty log. */
    { MSG(6, 16, .log = { 0, 0 }), 1, AGE_MEMORY, "no size" },
    { MSG(6, 16, .log = { 63, 0 }), 1, AGE_MEMORY, "too small" },
    { MSG(6, 16, .log = { 64, 0 }), 1, AGE_MEMORY, NULL },
    { MSG(6, 16, .log = { 64, 4096 }), 1, AGE_MEMORY, NULL },
    { MSG(6, 16, .log = { 1, 0 }), 1, AGE_PROTOCOL, NULL },
    { MSG(6, 16, .log = { 64, MAX64 - 63 }), 1, AGE_MEMORY, "wraps" },
    { MSG(6, 16, .log = { MAX64, 1 }), 1, AGE_MEMORY, "wraps" },
    { MSG(6, 16, .log = { MAX64, MAX64 }), 1, AGE_MEMORY, "wraps" },

    /* The rest. */
    { U64(20, 67), 0, AGE_PROTOCOL, "MTU" },
    { U64(20, 68), 0, AGE_PROTOCOL, NULL },
    { U64(20, 65535), 0, AGE_PROTOCOL, NULL },
    { U64(20, 65536), 0, AGE_PROTOCOL, "MTU" },
    { U64(20, UINT64_C(1) << 32 | 1500), 0, AGE_PROTOCOL, "MTU" },
    { U64(39, 0), 0, AGE_PROTOCOL, NULL },
    { U64(39, 255), 0, AGE_PROTOCOL, NULL },
    { U64(39, 256), 0, AGE_PROTOCOL, "status" },
    { U64(19, 0), 0, AGE_PROTOCOL, "station" },
    { U64(19, 1), 0, AGE_PROTOCOL, "station" },
    { U64(19, UINT64_C(0xffffffffffff)), 0, AGE_PROTOCOL, "station" },
};

void
test_contents(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
        const struct contents *c = &contents[i];

        check_context("contents %"PRIuSIZE", %s", i,
                      vhost_user_request_name(c->msg.hdr.request));
        if (c->why) {
            msg_check_bad(&c->msg, c->n_fds, c->age, c->why);
        } else {
            msg_check_good(&c->msg, c->n_fds, c->age);
        }
    }

    /* A running vring must not grow out of its region. */
    struct vhost_user_msg num = STATE(8, 0, 512);
    struct vhost_user_device dev;

    check_context("a vring that grows");
    msg_device_init(&dev, AGE_RUNNING);
    dev.session.vrings[0].desc = END0 - DESC;
    CHECK(vhost_user_msg_check(&num, 0, &dev.session));
    dev.session.vrings[0].running = false;
    CHECK(!vhost_user_msg_check(&num, 0, &dev.session));

    /* An odd offset in the file misaligns an aligned address. */
    struct vhost_user_msg addr = ADDR(0, 0, UVA, UVA, UVA, 0);

    check_context("an odd offset");
    msg_memory.regions[0].hva++;
    msg_device_init(&dev, AGE_RUNNING);
    CHECK(vhost_user_msg_check(&addr, 0, &dev.session));
    msg_memory.regions[0].hva--;

    /* Without EVENT_IDX rings end two bytes earlier. */
    addr = (struct vhost_user_msg) ADDR(0, 0, UVA, END0 - AVAIL + 2, UVA, 0);
    check_context("no event indexes");
    CHECK(vhost_user_msg_check(&addr, 0, &dev.session));
    dev.session.features &= ~F_EVENT;
    CHECK(!vhost_user_msg_check(&addr, 0, &dev.session));

    check_context("log size");
    CHECK_EQ(vhost_user_log_size(0), 0);
    CHECK_EQ(vhost_user_log_size(1), 1);
    CHECK_EQ(vhost_user_log_size(8 * 4096), 1);
    CHECK_EQ(vhost_user_log_size(8 * 4096 + 1), 2);
    CHECK_EQ(vhost_user_log_size(MAX64), UINT64_C(1) << 49);
}

/* Whoever sends ten thousand bad messages must not get us out of anything. */
void
test_flood(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const size_t n_open = msg_count_fds();

    for (int i = 0; i < 10000; i++) {
        const struct contents *c = &contents[i % ARRAY_SIZE(contents)];

        check_context("flood %d", i);
        if (c->why) {
            msg_check_bad(&c->msg, c->n_fds, c->age, c->why);
        } else {
            size_t surplus = 1 + i / ARRAY_SIZE(contents) % 7;

            msg_check_bad(&c->msg, (c->n_fds + surplus) % 9, c->age, NULL);
        }
    }
    CHECK_EQ(msg_count_fds(), n_open);
}
