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

/* What must hold in a session: see fuzz-session-check.h. */

#include <config.h>

#include "fuzz-session-check.h"

#include <string.h>
#include <sys/stat.h>

#include "fuzz-session.h"
#include "session-account.h"
#include "util.h"
#include "vhost-user-msg.h"

/* What every message must have that is found good, as the specification has
 * it: bytes of payload (but for regions), where it names a vring, what it
 * needs. */
static const struct {
    uint32_t size;
    enum { NO_VRING, STATE, ADDR, U64 } vring;
    uint64_t feature;           /* Protocol features. */
    bool reply;
} rules[64] = {
    [1] = { .reply = true },
    [2] = { .size = 8 },
    [6] = { .size = 16, .feature = P_LOG_SHMFD, .reply = true },
    [8] = { .size = 8, .vring = STATE },
    [9] = { .size = 40, .vring = ADDR },
    [10] = { .size = 8, .vring = STATE },
    [11] = { .size = 8, .vring = STATE, .reply = true },
    [12] = { .size = 8, .vring = U64 },
    [13] = { .size = 8, .vring = U64 },
    [14] = { .size = 8, .vring = U64 },
    [15] = { .reply = true },
    [16] = { .size = 8 },
    [17] = { .feature = 1u << 0, .reply = true },
    [18] = { .size = 8, .vring = STATE },
    [19] = { .size = 8, .feature = 1u << 2 },
    [20] = { .size = 8, .feature = 1u << 4 },
    [34] = { .feature = 1u << 13 },
    [39] = { .size = 8, .feature = 1u << 16 },
    [40] = { .feature = 1u << 16, .reply = true },
};

void
session_check_good(const struct vhost_user_msg *msg, size_t n,
                   const struct vhost_user_session *before)
{
    const uint32_t request = msg->hdr.request;
    size_t n_expected = 0;

    FUZZ_CHECK((msg->hdr.flags & ~8u) == 1);
    FUZZ_CHECK(request >= 1 && request <= 40 && request != 21
               && (request <= 20 || request == 34 || request >= 39));
    if (request == 5) {
        n_expected = msg->memory.n_regions;
        FUZZ_CHECK(n_expected >= 1 && n_expected <= 8);
        FUZZ_CHECK_EQ(msg->hdr.size, 8 + 32 * n_expected);
    } else {
        FUZZ_CHECK_EQ(msg->hdr.size, rules[request].size);
    }
    if (request == 6 || request == 7
        || (request >= 12 && request <= 14 && !(msg->u64 & 0x100))) {
        n_expected = 1;
    }
    FUZZ_CHECK_EQ(n, n_expected);
    FUZZ_CHECK(!rules[request].feature
               || before->protocol_features & rules[request].feature);
    switch (rules[request].vring) {
    case STATE:
        FUZZ_CHECK(msg->state.index < before->n_vrings);
        break;
    case ADDR:
        FUZZ_CHECK(msg->addr.index < before->n_vrings);
        break;
    case U64:
        FUZZ_CHECK((msg->u64 & ~UINT64_C(0x100)) < before->n_vrings);
        break;
    case NO_VRING:
    default:
        break;
    }
}

/* Checks that 'fd' is a file that has 'size' bytes at 'offset'. */
static void
check_file(int fd, uint64_t offset, uint64_t size)
{
    struct stat st;

    FUZZ_CHECK(!fstat(fd, &st) && S_ISREG(st.st_mode));
    FUZZ_CHECK(offset <= (uint64_t) st.st_size
               && size <= (uint64_t) st.st_size - offset);
}

void
session_check_effect(const struct vhost_user_msg *msg,
                     const struct vhost_user_msg *reply)
{
    const struct vhost_user_session *s = &dev.session;

    switch (msg->hdr.request) {
    case 1:
        FUZZ_CHECK_EQ(reply->u64, s->offered_features);
        break;
    case 2:
        FUZZ_CHECK(s->features_acked);
        FUZZ_CHECK_EQ(s->features, msg->u64);
        break;
    case 5:
        FUZZ_CHECK_EQ(s->mem->n_regions, msg->memory.n_regions);
        for (size_t i = 0; i < s->mem->n_regions; i++) {
            const struct guest_region *r = &s->mem->regions[i];

            check_file(r->fd, r->mmap_offset, r->size);
        }
        break;
    case 6:
        check_file(s->log->fd, msg->log.offset, msg->log.size);
        FUZZ_CHECK_EQ(s->log->size, msg->log.size);
        FUZZ_CHECK_EQ(reply->hdr.size, 8);
        break;
    case 8:
        FUZZ_CHECK_EQ(s->vrings[msg->state.index].size, msg->state.num);
        break;
    case 11:
        FUZZ_CHECK(!s->vrings[msg->state.index].running);
        FUZZ_CHECK_EQ(reply->state.index, msg->state.index);
        FUZZ_CHECK_EQ(reply->state.num, s->vrings[msg->state.index].base);
        break;
    case 15:
        FUZZ_CHECK_EQ(reply->u64, s->offered_protocol_features);
        break;
    case 16:
        FUZZ_CHECK_EQ(s->protocol_features, msg->u64);
        break;
    case 17:
        FUZZ_CHECK_EQ(reply->u64, s->n_vrings / 2);
        break;
    case 18:
        FUZZ_CHECK_EQ(s->vrings[msg->state.index].enabled, msg->state.num);
        break;
    case 20:
        FUZZ_CHECK(msg->u64 >= 68);
        FUZZ_CHECK_EQ(s->mtu, msg->u64);
        break;
    case 39:
        FUZZ_CHECK_EQ(s->status, msg->u64);
        break;
    case 40:
        FUZZ_CHECK_EQ(reply->u64, s->status);
        break;
    default:
        break;
    }
}

void
session_check_reply(const struct vhost_user_msg *msg,
                    const struct vhost_user_msg *reply, bool good)
{
    /* As of now: SET_PROTOCOL_FEATURES answers for itself. */
    const bool wanted = msg->hdr.flags & 8
                        && dev.session.protocol_features & P_REPLY_ACK;
    const bool own = vhost_user_request_has_reply(msg->hdr.request);

    if (good && msg->hdr.request < ARRAY_SIZE(rules)) {
        FUZZ_CHECK_EQ(own, rules[msg->hdr.request].reply);
    }
    if (good ? own || wanted : wanted && !own) {
        FUZZ_CHECK_EQ(reply->hdr.request, msg->hdr.request);
        FUZZ_CHECK_EQ(reply->hdr.flags, 5);
        FUZZ_CHECK_EQ(reply->hdr.size, 8);
        if (!own) {
            FUZZ_CHECK_EQ(reply->u64, !good);
        }
    } else {
        FUZZ_CHECK_EQ(reply->hdr.flags, 0);
    }
}

void
session_check_vring(unsigned int i)
{
    const char *broken = session_account_vring(&dev.session, i,
                                               vhost_user_vq(dev.vu, i));

    if (broken) {
        fuzz_fail(broken, __FILE__, __LINE__, __func__);
    }
}

void
session_check_memory(const struct guest_memory *mem)
{
    const char *broken = session_account_memory(mem);

    if (broken) {
        fuzz_fail(broken, __FILE__, __LINE__, __func__);
    }
}
