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

/* Fuzzer: a front end that says anything to a vhost-user device.
 *
 * An input is a session: messages, most of them nearly good, with descriptors
 * of all kinds, and between them what a guest and the other threads do to the
 * device.  After each step everything that must always hold is looked at (see
 * fuzz-session.h).
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "fuzz.h"
#include "fuzz-session.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-fault.h"
#include "util.h"

/* Steps of an input that are no messages. */
enum {
    OP_NEGOTIATE = 0,
    OP_START = 44,              /* All that starts a vring. */
    OP_TRAFFIC,
    OP_POKE,                    /* Guest memory. */
    OP_RESIZE,                  /* A file. */
    OP_REAP,
    OP_RECHECK,
    OP_STATUS,
    OP_DISCONNECT,
    OP_NO_MAP,                  /* mmap() is about to fail. */
    OP_RAW,                     /* Any message. */
    OP_SOCKET                   /* From now on messages use a socket. */
};
#define OP_REQUEST 0x3f
#define OP_NEED_REPLY 0x40
#define OP_ODD 0x80             /* Not as it should be. */

/* A value that is worth trying somewhere. */
static uint64_t
get_value(struct fuzz_input *in)
{
    static const uint64_t values[] = {
        0, 1, 2, 3, 4, 8, 15, 16, 64, 128, 255, 256, 257, 1024, 4096, 32768,
        32769, 65535, 65536, MB, 2 * MB, UVA, UVA + 16, UVA + MB, UVA + 2 * MB,
        UVA + 2 * MB - 16, F_ALL, F_ALL & ~F_PACKED, F_ALL & ~F_LOG,
        F_ALL & ~F_PACKED & ~F_LOG, F_V1, F_PROTOCOL, P_ALL, P_ALL & ~8,
        UINT32_MAX, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX - 4095,
        UINT64_MAX - 15, UINT64_MAX
    };
    const uint8_t b = fuzz_u8(in);

    if (b < ARRAY_SIZE(values)) {
        return values[b];
    } else if (b < 128) {
        return values[b % ARRAY_SIZE(values)] + fuzz_u8(in) - 128;
    }
    return b < 192 ? UVA + fuzz_u16(in) * 16 : fuzz_u64(in);
}

static uint32_t
get_vring(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);

    return b < 250 ? b % 4 : b < 253 ? b : get_value(in);
}

static size_t
get_regions(struct fuzz_input *in, struct vhost_user_msg *msg)
{
    const uint8_t b = fuzz_u8(in);
    const uint32_t n = b % 10;
    const uint32_t there = MIN(n, GUEST_MEMORY_MAX_REGIONS);

    msg->memory.n_regions = n;
    for (uint32_t i = 0; i < there; i++) {
        struct guest_region_desc *d = &msg->memory.regions[i];

        *d = (struct guest_region_desc) {
            .gpa = (n - 1 - i) * MB / 4,
            .size = MB / 4,
            .uva = UVA + (n - 1 - i) * MB / 4,
            .mmap_offset = (n - 1 - i) * MB / 4,
        };
        if (n == 1) {
            d->size = 2 * MB;
        }
    }
    if (b & 0x80) {
        struct guest_region_desc *d = &msg->memory.regions[fuzz_u8(in) % 8];
        uint64_t *const members[] = { &d->gpa, &d->size, &d->uva,
                                      &d->mmap_offset };

        *members[fuzz_u8(in) % 4] = get_value(in);
    }
    msg->hdr.size = 8 + 32 * there;
    return there;
}

/* Fills 'msg' for 'request', and says how many descriptors should come with
 * it. */
static size_t
get_message(struct fuzz_input *in, uint8_t request, struct vhost_user_msg *msg)
{
    memset(msg, 0, sizeof *msg);
    msg->hdr.request = request;
    msg->hdr.flags = 1;
    switch (request) {
    case 5:
        return get_regions(in, msg);

    case 6:
        msg->hdr.size = 16;
        msg->log.size = get_value(in);
        msg->log.offset = get_value(in);
        return 1;

    case 7:
    case 21:
        return 1;

    case 8:
    case 10:
    case 11:
    case 18:
    case 23:
    case 35:
        msg->hdr.size = 8;
        msg->state.index = get_vring(in);
        msg->state.num = request == 11 ? 0 : get_value(in);
        return 0;

    case 9:
        msg->hdr.size = 40;
        msg->addr.index = get_vring(in);
        msg->addr.flags = fuzz_u8(in);
        msg->addr.desc = get_value(in);
        msg->addr.used = get_value(in);
        msg->addr.avail = get_value(in);
        msg->addr.log = get_value(in);
        return 0;

    case 12:
    case 13:
    case 14: {
        const uint8_t b = fuzz_u8(in);

        msg->hdr.size = 8;
        msg->u64 = b < 0xf0 ? (b & 3) | (b & 0x40 ? 0x100 : 0)
                            : get_value(in);
        return msg->u64 & 0x100 ? 0 : 1;
    }

    case 2:
    case 16:
    case 19:
    case 20:
    case 27:
    case 39:
        msg->hdr.size = 8;
        msg->u64 = get_value(in);
        return 0;

    default:
        return 0;
    }
}

/* A message of the given request, good or not. */
static void
do_message(struct fuzz_input *in, uint8_t op)
{
    struct vhost_user_msg msg;
    const uint8_t request = op & OP_REQUEST;
    size_t n = get_message(in, request, &msg);
    int fds[VHOST_USER_MAX_FDS];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = session_files[request < 6 ? FILE_GUEST
                               : request == 6 ? FILE_LOG : FILE_EVENT];
    }
    msg.hdr.flags |= op & OP_NEED_REPLY ? 8 : 0;
    if (op & OP_ODD) {
        const uint8_t odd = fuzz_u8(in);
        const uint8_t how = fuzz_u8(in);

        if (odd & 1) {
            msg.hdr.size += (int8_t) how;
        }
        if (odd & 2) {
            msg.hdr.flags ^= 1u << how % 32;
        }
        if (odd & 4) {
            n = how % (VHOST_USER_MAX_FDS + 1);
        }
        if (odd & 8) {
            fds[how / N_FILES % ARRAY_SIZE(fds)]
                = session_files[how % N_FILES];
        }
        if (odd & 16) {
            for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                fds[i] = session_files[how % N_FILES];
            }
        }
        if (odd & 32) {
            memcpy(&msg.payload[how % 256], &(uint64_t) { get_value(in) }, 8);
        }
    }
    session_deliver(&msg, fds, n);
}

static void
do_raw(struct fuzz_input *in)
{
    struct vhost_user_msg msg;
    int fds[VHOST_USER_MAX_FDS];
    const uint8_t n = fuzz_u8(in);

    memset(&msg, 0, sizeof msg);
    msg.hdr.request = fuzz_u8(in) | (n & 0x10 ? fuzz_u8(in) << 16 : 0);
    msg.hdr.flags = n & 0x20 ? fuzz_u32(in) : 1;
    msg.hdr.size = n & 0x40 ? fuzz_u32(in) : fuzz_u16(in);
    fuzz_bytes(in, msg.payload, MIN(msg.hdr.size, sizeof msg.payload));
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = session_files[(n >> 4) % N_FILES];
    }
    session_deliver(&msg, fds, (n & 0xf) % (VHOST_USER_MAX_FDS + 1));
}

/* Delivers a message that is good.  'must' says whether it has to be found
 * good. */
static void
say(bool must, const struct vhost_user_msg *msg, enum session_file file,
    size_t n)
{
    const int fds[] = { session_files[file], session_files[file] };
    const bool good = session_deliver(msg, fds, n);

    FUZZ_CHECK(good || !must);
}

#define MESSAGE(REQUEST, SIZE, ...) \
    (&(struct vhost_user_msg) { \
        .hdr = { .request = REQUEST, .flags = 1, .size = SIZE }, __VA_ARGS__ })

/* What a good front end says first.  On a fresh connection that must be
 * good. */
static void
do_negotiate(struct fuzz_input *in)
{
    const bool must = session_is_fresh();
    const uint8_t b = fuzz_u8(in);
    const uint64_t features = dev.session.offered_features
                              & ~(b & 1 ? F_PACKED : 0) & ~(b & 2 ? F_LOG : 0)
                              & ~(b & 4 ? F_PROTOCOL : 0)
                              & ~(b & 8 ? F_EVENT | F_V1 : 0);

    say(must, MESSAGE(1, 0, .u64 = 0), 0, 0);
    say(must, MESSAGE(3, 0, .u64 = 0), 0, 0);
    if (dev.session.offered_features & F_PROTOCOL) {
        say(must, MESSAGE(15, 0, .u64 = 0), 0, 0);
        say(must, MESSAGE(16, 8, .u64
                          = dev.session.offered_protocol_features), 0, 0);
    }
    say(must, MESSAGE(2, 8, .u64 = features), 0, 0);

    struct vhost_user_msg msg = *MESSAGE(5, 8 + 64, .memory = {
        .n_regions = 2,
        .regions = { { 0, MB, UVA, 0 }, { MB, MB, UVA + MB, MB } } });

    say(must, &msg, FILE_GUEST, 2);
    if (features & F_LOG && dev.session.protocol_features & P_LOG_SHMFD) {
        say(must, MESSAGE(6, 16, .log = { 4096, 0 }), FILE_LOG, 1);
    }
}

/* All that starts a vring, in the order in which QEMU says it. */
static void
do_start(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);
    const uint32_t idx = b & 3;
    const uint16_t size = 1 << (b >> 2 & 7);
    const uint64_t ring = UVA + idx * 0x10000;
    uint64_t parts[] = { ring, ring + 0x2000, ring + 0x4000 };
    const uint8_t edge = fuzz_u8(in);

    if (edge & 3) {
        /* Where a region ends, or both do. */
        parts[(edge & 3) - 1] = UVA + (edge & 4 ? MB : 2 * MB)
                                - 16 * (edge >> 3);
    }

    say(false, MESSAGE(8, 8, .state = { idx, size }), 0, 0);
    say(false, MESSAGE(10, 8, .state = { idx, b & 0x20 ? 0x80008000 : 0 }), 0,
        0);
    say(false, MESSAGE(9, 40, .addr = { idx, b >> 7, parts[0], parts[2],
                                        parts[1], parts[2] - UVA }), 0, 0);
    say(false, MESSAGE(13, 8, .u64 = idx | (b & 0x40 ? 0x100 : 0)), FILE_EVENT,
        !(b & 0x40));
    say(false, MESSAGE(12, 8, .u64 = idx), FILE_EVENT, 1);
    say(false, MESSAGE(18, 8, .state = { idx, 1 }), 0, 0);
}

/* The guest writes to its memory, which may be too short. */
static void
do_poke(struct fuzz_input *in)
{
    const uint16_t at = fuzz_u16(in);
    uint8_t bytes[16];
    const uint8_t n = 1 + fuzz_u8(in) % sizeof bytes;

    fuzz_bytes(in, bytes, n);
    session_poke(((at & 3) << 16) + (at & 0xfffc) / 2, bytes, n);
}

static void
do_resize(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);
    const off_t sizes[] = { 0, 4096, 0x10000, 0x14000, MB, 2 * MB };

    session_resize(b & 0x80 ? FILE_LOG : FILE_GUEST,
                   sizes[b % ARRAY_SIZE(sizes)]);
}

static void
do_step(struct fuzz_input *in)
{
    const uint8_t op = fuzz_u8(in);
    struct vhost_user_status status;

    switch (op & OP_REQUEST) {
    case OP_NEGOTIATE:
        do_negotiate(in);
        break;
    case OP_START:
        do_start(in);
        break;
    case OP_TRAFFIC:
        session_traffic(in);
        break;
    case OP_POKE:
        do_poke(in);
        break;
    case OP_RESIZE:
        do_resize(in);
        break;
    case OP_REAP:
        session_reap();
        break;
    case OP_RECHECK:
        vhost_user_device_recheck(&dev);
        break;
    case OP_STATUS:
        vhost_user_device_get_status(&dev, &status);
        FUZZ_CHECK(status.n_vrings <= dev.session.n_vrings);
        FUZZ_CHECK(status.n_queue_pairs <= dev.session.n_vrings / 2);
        break;
    case OP_DISCONNECT:
        session_disconnect();
        break;
    case OP_NO_MAP:
        session_fail_map(fuzz_u8(in) % 4);
        break;
    case OP_RAW:
        do_raw(in);
        break;
    case OP_SOCKET:
        session_use_socket(fuzz_u8(in));
        break;
    default:
        do_message(in, op);
        break;
    }
    session_check();
}

int
LLVMFuzzerInitialize(int *argc OVS_UNUSED, char ***argv OVS_UNUSED)
{
    fuzz_quiet();
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    unsigned int n = 0;

    session_begin(fuzz_u8(&in));
    while (in.left && n++ < 200) {
        do_step(&in);
    }
    session_end();
    return 0;
}
