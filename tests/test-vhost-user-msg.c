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

/* Tests the checking of vhost-user messages, by tables.
 *
 * What a request looks like is written down here anew, from the
 * specification.  Each good message is then spoilt in every way that does not
 * depend on its contents; for what does, see test-vhost-user-contents.c. */

#include <config.h>

#include "vhost-user-msg.h"

#include <string.h>

#include "check.h"
#include "msg-check.h"
#include "util.h"

/* Good messages: what is asked for, and how many descriptors come with it.
 * 'age' is the youngest connection on which it is legal.  'feature' is the
 * protocol feature without which it is not, if not -1.  'indexed' says that
 * it begins with a vring's index of 32 bits. */
struct good_message {
    const char *name;
    struct vhost_user_msg msg;
    size_t n_fds;
    enum age age;
    int feature;
    bool indexed;
};

static const struct good_message good_messages[] = {
    { "GET_FEATURES", MSG(1, 0, .u64 = 0), 0, AGE_FRESH, -1, false },
    { "SET_FEATURES", MSG(2, 8, .u64 = F_ACKED), 0, AGE_FRESH, -1, false },
    { "SET_OWNER", MSG(3, 0, .u64 = 0), 0, AGE_FRESH, -1, false },
    { "RESET_OWNER", MSG(4, 0, .u64 = 0), 0, AGE_FRESH, -1, false },
    { "SET_MEM_TABLE",
      MSG(5, 40, .memory = { .n_regions = 1, .regions = { REGION0 } }),
      1, AGE_FRESH, -1, false },
    { "SET_MEM_TABLE",
      MSG(5, 72, .memory = { .n_regions = 2,
                             .regions = { REGION1, REGION0 } }),
      2, AGE_FRESH, -1, false },
    { "SET_LOG_BASE", MSG(6, 16, .log = { 64, 0 }), 1, AGE_PROTOCOL, 1,
      false },
    { "SET_LOG_FD", MSG(7, 0, .u64 = 0), 1, AGE_FRESH, -1, false },
    { "SET_VRING_NUM", MSG(8, 8, .state = { 0, 256 }), 0, AGE_FRESH, -1,
      true },
    { "SET_VRING_ADDR",
      MSG(9, 40, .addr = { .desc = UVA, .avail = UVA + 0x1000,
                           .used = UVA + 0x2000 }), 0, AGE_FRESH, -1, true },
    { "SET_VRING_BASE", MSG(10, 8, .state = { 0, 0 }), 0, AGE_FRESH, -1,
      true },
    { "GET_VRING_BASE", MSG(11, 8, .state = { 0, 0 }), 0, AGE_FRESH, -1,
      true },
    { "SET_VRING_KICK", MSG(12, 8, .u64 = 0), 1, AGE_FRESH, -1, false },
    { "SET_VRING_KICK", MSG(12, 8, .u64 = 0x100), 0, AGE_FRESH, -1, false },
    { "SET_VRING_CALL", MSG(13, 8, .u64 = 7), 1, AGE_FRESH, -1, false },
    { "SET_VRING_CALL", MSG(13, 8, .u64 = 0x107), 0, AGE_FRESH, -1, false },
    { "SET_VRING_ERR", MSG(14, 8, .u64 = 0), 1, AGE_FRESH, -1, false },
    { "SET_VRING_ERR", MSG(14, 8, .u64 = 0x100), 0, AGE_FRESH, -1, false },
    { "GET_PROTOCOL_FEATURES", MSG(15, 0, .u64 = 0), 0, AGE_FRESH, -1, false },
    { "SET_PROTOCOL_FEATURES", MSG(16, 8, .u64 = P_OFFERED), 0, AGE_FRESH, -1,
      false },
    { "GET_QUEUE_NUM", MSG(17, 0, .u64 = 0), 0, AGE_PROTOCOL, 0, false },
    { "SET_VRING_ENABLE", MSG(18, 8, .state = { 0, 1 }), 0, AGE_PROTOCOL, -1,
      true },
    { "SEND_RARP", MSG(19, 8, .u64 = UINT64_C(0x010000005452)), 0,
      AGE_PROTOCOL,
      2, false },
    { "NET_SET_MTU", MSG(20, 8, .u64 = 1500), 0, AGE_PROTOCOL, 4, false },
    { "RESET_DEVICE", MSG(34, 0, .u64 = 0), 0, AGE_PROTOCOL, 13, false },
    { "SET_STATUS", MSG(39, 8, .u64 = 15), 0, AGE_PROTOCOL, 16, false },
    { "GET_STATUS", MSG(40, 0, .u64 = 0), 0, AGE_PROTOCOL, 16, false },
};

/* Requests that we know and never serve, with payloads as they should be. */
static const struct vhost_user_msg foreign_messages[] = {
    MSG(21, 0, .u64 = 0),       /* SET_BACKEND_REQ_FD */
    MSG(22, 32, .u64 = 0),      /* IOTLB_MSG */
    MSG(23, 8, .u64 = 0),       /* SET_VRING_ENDIAN */
    MSG(24, 24, .u64 = 0),      /* GET_CONFIG */
    MSG(25, 24, .u64 = 0),      /* SET_CONFIG */
    MSG(26, 1000, .u64 = 0),    /* CREATE_CRYPTO_SESSION (CVE-2020-10724) */
    MSG(27, 8, .u64 = 0),       /* CLOSE_CRYPTO_SESSION */
    MSG(28, 0, .u64 = 0),       /* POSTCOPY_ADVISE */
    MSG(29, 0, .u64 = 0),       /* POSTCOPY_LISTEN */
    MSG(30, 0, .u64 = 0),       /* POSTCOPY_END */
    MSG(31, 24, .u64 = 0),      /* GET_INFLIGHT_FD (CVE-2020-10726) */
    MSG(32, 24, .u64 = 0),      /* SET_INFLIGHT_FD (CVE-2021-3839) */
    MSG(33, 0, .u64 = 0),       /* GPU_SET_SOCKET */
    MSG(35, 8, .u64 = 0),       /* VRING_KICK */
    MSG(36, 0, .u64 = 0),       /* GET_MAX_MEM_SLOTS */
    MSG(37, 40, .u64 = 0),      /* ADD_MEM_REG */
    MSG(38, 40, .u64 = 0),      /* REM_MEM_REG */
    MSG(41, 16, .u64 = 0),      /* GET_SHARED_OBJECT */
    MSG(42, 8, .u64 = 0),       /* SET_DEVICE_STATE_FD */
    MSG(43, 0, .u64 = 0),       /* CHECK_DEVICE_STATE */
};

static void
test_sizes(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(good_messages); i++) {
        const struct good_message *g = &good_messages[i];
        const uint32_t size = g->msg.hdr.size;
        const uint32_t sizes[] = {
            size - 1, size + 1, size + 8, size * 2 + 8, 264, 265, 4096,
            INT32_MAX, UINT32_MAX, 0, 1, 4
        };

        check_context("%s", g->name);
        CHECK(!strcmp(vhost_user_request_name(g->msg.hdr.request), g->name));
        msg_check_good(&g->msg, g->n_fds, g->age);
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            struct vhost_user_msg msg = g->msg;

            if (sizes[j] != size) {
                msg.hdr.size = sizes[j];
                check_context("%s of %"PRIu32" bytes", g->name, sizes[j]);
                msg_check_bad(&msg, g->n_fds, g->age, "payload");
            }
        }
    }
}

static void
test_flags(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(good_messages); i++) {
        const struct good_message *g = &good_messages[i];
        struct vhost_user_msg msg = g->msg;

        check_context("%s with NEED_REPLY", g->name);
        msg.hdr.flags = 1 | 8;
        msg_check_good(&msg, g->n_fds, g->age);
        for (uint32_t version = 0; version < 4; version++) {
            check_context("%s with version %"PRIu32, g->name, version);
            msg.hdr.flags = version;
            if (version != 1) {
                msg_check_bad(&msg, g->n_fds, g->age, "version");
            }
        }
        check_context("%s as a reply", g->name);
        msg.hdr.flags = 1 | 4;
        msg_check_bad(&msg, g->n_fds, g->age, "reply");
        for (int bit = 4; bit < 32; bit++) {
            check_context("%s with flag %d", g->name, bit);
            msg.hdr.flags = 1 | 1u << bit;
            msg_check_bad(&msg, g->n_fds, g->age, "reserved flags");
        }
    }
}

static void
test_descriptors(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(good_messages); i++) {
        const struct good_message *g = &good_messages[i];

        for (size_t n = 0; n <= 9; n++) {
            check_context("%s with %"PRIuSIZE" descriptors", g->name, n);
            if (n != g->n_fds) {
                msg_check_bad(&g->msg, n, g->age, "file descriptors");
            }
        }
    }
}

static void
test_features(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_device dev;

    for (size_t i = 0; i < ARRAY_SIZE(good_messages); i++) {
        const struct good_message *g = &good_messages[i];

        /* Nothing was negotiated. */
        check_context("%s on a fresh connection", g->name);
        if (g->age > AGE_FRESH) {
            msg_check_bad(&g->msg, g->n_fds, AGE_FRESH, "negotiated");
        }

        /* Everything was, but what it needs. */
        msg_device_init(&dev, AGE_MEMORY);
        check_context("%s without its feature", g->name);
        if (g->feature >= 0) {
            dev.session.protocol_features &= ~(UINT64_C(1) << g->feature);
            CHECK(vhost_user_msg_check(&g->msg, g->n_fds, &dev.session));
        }
    }

    /* Old front ends: no protocol features, and none are offered. */
    for (size_t i = 0; i < ARRAY_SIZE(good_messages); i++) {
        const struct good_message *g = &good_messages[i];
        uint32_t request = g->msg.hdr.request;
        bool ours = g->age > AGE_FRESH || request == 15 || request == 16;
        struct vhost_user_msg msg = g->msg;

        check_context("%s without PROTOCOL_FEATURES", g->name);
        msg_device_init(&dev, AGE_FRESH);
        dev.session.offered_features &= ~F_PROTOCOL;
        if (request == 2) {
            msg.u64 &= ~F_PROTOCOL;
        }
        CHECK_EQ(!vhost_user_msg_check(&msg, g->n_fds, &dev.session), !ours);
    }

    for (size_t i = 0; i < ARRAY_SIZE(foreign_messages); i++) {
        const struct vhost_user_msg *msg = &foreign_messages[i];

        for (enum age age = AGE_FRESH; age <= AGE_LOGGING; age++) {
            for (size_t n_fds = 0; n_fds <= 2; n_fds++) {
                check_context("request %"PRIu32, msg->hdr.request);
                msg_check_bad(msg, n_fds, age, "negotiated");
            }
        }
    }
}

static void
test_unknown(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint32_t requests[] = {
        0, 44, 45, 63, 64, 100, 255, 256, 257, 0x10001, INT32_MAX,
        (uint32_t) INT32_MAX + 1, UINT32_MAX
    };

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct vhost_user_msg msg = MSG(requests[i], 0, .u64 = 0);

        check_context("request %"PRIu32, requests[i]);
        msg_check_bad(&msg, 0, AGE_LOGGING, "no such request");
        msg_check_bad(&msg, 3, AGE_LOGGING, "no such request");
        CHECK(!vhost_user_request_has_reply(requests[i]));
    }
}

static void
test_vrings(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint32_t bad_indexes[] = {
        N_VRINGS, N_VRINGS + 1, 255, 256, 0x100, 0xffff, 0x10000, 0x10001,
        0x1000000, 0x80000000, UINT32_MAX
    };
    static const uint64_t bad_u64s[] = {
        N_VRINGS, 255, 0x200, 0x400, 0x8000, 0x10000, 0x10001,
        UINT64_C(1) << 32, UINT64_C(1) << 63
    };

    for (size_t i = 0; i < ARRAY_SIZE(good_messages); i++) {
        const struct good_message *g = &good_messages[i];
        struct vhost_user_msg msg = g->msg;
        uint32_t request = msg.hdr.request;

        check_context("%s", g->name);
        for (uint32_t idx = 0; g->indexed && idx < N_VRINGS; idx++) {
            msg.state.index = idx;
            msg_check_good(&msg, g->n_fds, g->age);
            CHECK_EQ(vhost_user_msg_vring(&msg), idx);
        }
        for (size_t j = 0; g->indexed && j < ARRAY_SIZE(bad_indexes); j++) {
            check_context("%s of %#"PRIx32, g->name, bad_indexes[j]);
            msg.state.index = bad_indexes[j];
            msg_check_bad(&msg, g->n_fds, AGE_RUNNING, "no such vring");
        }
        for (size_t j = 0; (request >= 12 && request <= 14
                            && j < ARRAY_SIZE(bad_u64s)); j++) {
            check_context("%s of %#"PRIx64, g->name, bad_u64s[j]);
            msg.u64 = bad_u64s[j];
            msg_check_bad(&msg, 1, AGE_RUNNING, NULL);
            msg.u64 = bad_u64s[j] | 0x100;
            msg_check_bad(&msg, 0, AGE_RUNNING, NULL);
        }
    }
}

int
main(int argc, char *argv[])
{
    static const struct check_test tests[] = {
        { "sizes", test_sizes },
        { "flags", test_flags },
        { "descriptors", test_descriptors },
        { "features", test_features },
        { "unknown", test_unknown },
        { "vrings", test_vrings },
        { "contents", test_contents },
        { "flood", test_flood },
        { NULL, NULL },
    };

    return check_main(argc, argv, tests);
}
