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

#ifndef VHOST_USER_PROTO_H
#define VHOST_USER_PROTO_H 1

/* vhost-user wire format
 * ======================
 *
 * What a front end and a back end say to each other, and one table of all
 * requests that says how each is shaped.  The specification is
 * docs/interop/vhost-user.rst of QEMU ("the specification" below).
 *
 * Everything on the wire is in the machine's own byte order. */

#include <stdint.h>

#include "guest-memory.h"
#include "openvswitch/util.h"

/* "Header". */
#define VHOST_USER_VERSION 0x1
#define VHOST_USER_VERSION_MASK 0x3
#define VHOST_USER_REPLY 0x4
#define VHOST_USER_NEED_REPLY 0x8
#define VHOST_USER_FLAGS \
    (VHOST_USER_VERSION_MASK | VHOST_USER_REPLY | VHOST_USER_NEED_REPLY)

struct vhost_user_header {
    uint32_t request;
    uint32_t flags;
    uint32_t size;              /* Bytes of the payload. */
};
BUILD_ASSERT_DECL(sizeof(struct vhost_user_header) == 12);

/* Payload of SET_VRING_KICK, _CALL and _ERR. */
#define VHOST_USER_VRING_INDEX 0xff
#define VHOST_USER_VRING_NOFD 0x100

/* "A vring state description". */
struct vhost_user_vring_state {
    uint32_t index;
    uint32_t num;
};
BUILD_ASSERT_DECL(sizeof(struct vhost_user_vring_state) == 8);

/* "A vring address description".  Ring addresses are the front end's own
 * virtual ones; 'log' is a guest physical address. */
#define VHOST_USER_VRING_F_LOG 0x1
struct vhost_user_vring_addr {
    uint32_t index;
    uint32_t flags;
    uint64_t desc;
    uint64_t used;
    uint64_t avail;
    uint64_t log;
};
BUILD_ASSERT_DECL(sizeof(struct vhost_user_vring_addr) == 40);

/* "Memory regions description".  struct guest_region_desc has the members of
 * a region in the order of the wire. */
BUILD_ASSERT_DECL(sizeof(struct guest_region_desc) == 32);
#define VHOST_USER_MEMORY_SIZE(N) (8 + 32 * (N))
struct vhost_user_memory {
    uint32_t n_regions;
    uint32_t padding;
    struct guest_region_desc regions[GUEST_MEMORY_MAX_REGIONS];
};
BUILD_ASSERT_DECL(sizeof(struct vhost_user_memory)
                  == VHOST_USER_MEMORY_SIZE(GUEST_MEMORY_MAX_REGIONS));

/* "Log description". */
struct vhost_user_log {
    uint64_t size;
    uint64_t offset;
};
BUILD_ASSERT_DECL(sizeof(struct vhost_user_log) == 16);

/* A message.  On the wire the payload follows the header directly; here it is
 * aligned. */
struct vhost_user_msg {
    struct vhost_user_header hdr;
    union {
        uint64_t u64;
        struct vhost_user_vring_state state;
        struct vhost_user_vring_addr addr;
        struct vhost_user_memory memory;
        struct vhost_user_log log;
        uint8_t payload[VHOST_USER_MEMORY_SIZE(GUEST_MEMORY_MAX_REGIONS)];
    };
};
#define VHOST_USER_MAX_PAYLOAD sizeof(struct vhost_user_memory)

/* Most file descriptors that come with one message. */
#define VHOST_USER_MAX_FDS GUEST_MEMORY_MAX_REGIONS

/* "Protocol features": VHOST_USER_PROTOCOL_FEATURE(name, bit). */
#define VHOST_USER_PROTOCOL_FEATURES                        \
    VHOST_USER_PROTOCOL_FEATURE(MQ, 0)                      \
    VHOST_USER_PROTOCOL_FEATURE(LOG_SHMFD, 1)               \
    VHOST_USER_PROTOCOL_FEATURE(RARP, 2)                    \
    VHOST_USER_PROTOCOL_FEATURE(REPLY_ACK, 3)               \
    VHOST_USER_PROTOCOL_FEATURE(NET_MTU, 4)                 \
    VHOST_USER_PROTOCOL_FEATURE(BACKEND_REQ, 5)             \
    VHOST_USER_PROTOCOL_FEATURE(CROSS_ENDIAN, 6)            \
    VHOST_USER_PROTOCOL_FEATURE(CRYPTO_SESSION, 7)          \
    VHOST_USER_PROTOCOL_FEATURE(PAGEFAULT, 8)               \
    VHOST_USER_PROTOCOL_FEATURE(CONFIG, 9)                  \
    VHOST_USER_PROTOCOL_FEATURE(BACKEND_SEND_FD, 10)        \
    VHOST_USER_PROTOCOL_FEATURE(HOST_NOTIFIER, 11)          \
    VHOST_USER_PROTOCOL_FEATURE(INFLIGHT_SHMFD, 12)         \
    VHOST_USER_PROTOCOL_FEATURE(RESET_DEVICE, 13)           \
    VHOST_USER_PROTOCOL_FEATURE(INBAND_NOTIFICATIONS, 14)   \
    VHOST_USER_PROTOCOL_FEATURE(CONFIGURE_MEM_SLOTS, 15)    \
    VHOST_USER_PROTOCOL_FEATURE(STATUS, 16)                 \
    VHOST_USER_PROTOCOL_FEATURE(XEN_MMAP, 17)               \
    VHOST_USER_PROTOCOL_FEATURE(SHARED_OBJECT, 18)          \
    VHOST_USER_PROTOCOL_FEATURE(DEVICE_STATE, 19)

enum vhost_user_protocol_feature {
#define VHOST_USER_PROTOCOL_FEATURE(NAME, BIT) VHOST_USER_F_##NAME = BIT,
    VHOST_USER_PROTOCOL_FEATURES
#undef VHOST_USER_PROTOCOL_FEATURE
    /* What else the table of requests asks for. */
    VHOST_USER_F_NONE = 64,     /* Nothing. */
    VHOST_USER_F_PROTOCOL,      /* That protocol features are offered. */
    VHOST_USER_F_NEVER,         /* Not for network devices. */
};

/* Mask of protocol feature 'NAME'. */
#define VHOST_USER_PF(NAME) (UINT64_C(1) << VHOST_USER_F_##NAME)

/* How many file descriptors come with a request. */
enum vhost_user_fds {
    VHOST_USER_FDS_0,
    VHOST_USER_FDS_1,
    VHOST_USER_FDS_NOFD,        /* One, unless VHOST_USER_VRING_NOFD is set. */
    VHOST_USER_FDS_REGIONS,     /* One for each memory region. */
};

/* Where a request names a vring. */
enum vhost_user_vring_ref {
    VHOST_USER_VRING_NONE,
    VHOST_USER_VRING_STATE,     /* struct vhost_user_vring_state. */
    VHOST_USER_VRING_ADDR,      /* struct vhost_user_vring_addr. */
    VHOST_USER_VRING_U64,       /* Low bits of a 64-bit integer. */
};

/* "Front-end message types": VHOST_USER_REQUEST(name, number, least payload,
 * most payload, descriptors, feature, vring, whether it has a reply of its
 * own).
 *
 * Payloads are in bytes.  Those that are here for their names only, since
 * what they need is never offered, have 0 to MAX. */
#define VHOST_USER_SIZE_MAX UINT32_MAX
#define VHOST_USER_REQUESTS                                                   \
    VHOST_USER_REQUEST(GET_FEATURES, 1, 0, 0, 0, NONE, NONE, true)            \
    VHOST_USER_REQUEST(SET_FEATURES, 2, 8, 8, 0, NONE, NONE, false)           \
    VHOST_USER_REQUEST(SET_OWNER, 3, 0, 0, 0, NONE, NONE, false)              \
    VHOST_USER_REQUEST(RESET_OWNER, 4, 0, 0, 0, NONE, NONE, false)            \
    VHOST_USER_REQUEST(SET_MEM_TABLE, 5, VHOST_USER_MEMORY_SIZE(1),           \
                       VHOST_USER_MEMORY_SIZE(GUEST_MEMORY_MAX_REGIONS),      \
                       REGIONS, NONE, NONE, false)                            \
    VHOST_USER_REQUEST(SET_LOG_BASE, 6, 16, 16, 1, LOG_SHMFD, NONE, true)     \
    VHOST_USER_REQUEST(SET_LOG_FD, 7, 0, 0, 1, NONE, NONE, false)             \
    VHOST_USER_REQUEST(SET_VRING_NUM, 8, 8, 8, 0, NONE, STATE, false)         \
    VHOST_USER_REQUEST(SET_VRING_ADDR, 9, 40, 40, 0, NONE, ADDR, false)       \
    VHOST_USER_REQUEST(SET_VRING_BASE, 10, 8, 8, 0, NONE, STATE, false)       \
    VHOST_USER_REQUEST(GET_VRING_BASE, 11, 8, 8, 0, NONE, STATE, true)        \
    VHOST_USER_REQUEST(SET_VRING_KICK, 12, 8, 8, NOFD, NONE, U64, false)      \
    VHOST_USER_REQUEST(SET_VRING_CALL, 13, 8, 8, NOFD, NONE, U64, false)      \
    VHOST_USER_REQUEST(SET_VRING_ERR, 14, 8, 8, NOFD, NONE, U64, false)       \
    VHOST_USER_REQUEST(GET_PROTOCOL_FEATURES, 15, 0, 0, 0, PROTOCOL, NONE,    \
                       true)                                                  \
    VHOST_USER_REQUEST(SET_PROTOCOL_FEATURES, 16, 8, 8, 0, PROTOCOL, NONE,    \
                       false)                                                 \
    VHOST_USER_REQUEST(GET_QUEUE_NUM, 17, 0, 0, 0, MQ, NONE, true)            \
    VHOST_USER_REQUEST(SET_VRING_ENABLE, 18, 8, 8, 0, PROTOCOL, STATE, false) \
    VHOST_USER_REQUEST(SEND_RARP, 19, 8, 8, 0, RARP, NONE, false)             \
    VHOST_USER_REQUEST(NET_SET_MTU, 20, 8, 8, 0, NET_MTU, NONE, false)        \
    VHOST_USER_REQUEST(SET_BACKEND_REQ_FD, 21, 0, 0, 1, BACKEND_REQ, NONE,    \
                       false)                                                 \
    VHOST_USER_REQUEST(IOTLB_MSG, 22, 0, VHOST_USER_SIZE_MAX, 0,              \
                       BACKEND_REQ, NONE, true)                               \
    VHOST_USER_REQUEST(SET_VRING_ENDIAN, 23, 8, 8, 0, CROSS_ENDIAN, STATE,    \
                       false)                                                 \
    VHOST_USER_REQUEST(GET_CONFIG, 24, 0, VHOST_USER_SIZE_MAX, 0, CONFIG,     \
                       NONE, true)                                            \
    VHOST_USER_REQUEST(SET_CONFIG, 25, 0, VHOST_USER_SIZE_MAX, 0, CONFIG,     \
                       NONE, false)                                           \
    VHOST_USER_REQUEST(CREATE_CRYPTO_SESSION, 26, 0, VHOST_USER_SIZE_MAX, 0,  \
                       CRYPTO_SESSION, NONE, true)                            \
    VHOST_USER_REQUEST(CLOSE_CRYPTO_SESSION, 27, 8, 8, 0, CRYPTO_SESSION,     \
                       NONE, false)                                           \
    VHOST_USER_REQUEST(POSTCOPY_ADVISE, 28, 0, 0, 0, PAGEFAULT, NONE, true)   \
    VHOST_USER_REQUEST(POSTCOPY_LISTEN, 29, 0, 0, 0, PAGEFAULT, NONE, false)  \
    VHOST_USER_REQUEST(POSTCOPY_END, 30, 0, 0, 0, PAGEFAULT, NONE, true)      \
    VHOST_USER_REQUEST(GET_INFLIGHT_FD, 31, 0, VHOST_USER_SIZE_MAX, 0,        \
                       INFLIGHT_SHMFD, NONE, true)                            \
    VHOST_USER_REQUEST(SET_INFLIGHT_FD, 32, 0, VHOST_USER_SIZE_MAX, 1,        \
                       INFLIGHT_SHMFD, NONE, false)                           \
    VHOST_USER_REQUEST(GPU_SET_SOCKET, 33, 0, 0, 1, NEVER, NONE, false)       \
    VHOST_USER_REQUEST(RESET_DEVICE, 34, 0, 0, 0, RESET_DEVICE, NONE, false)  \
    VHOST_USER_REQUEST(VRING_KICK, 35, 8, 8, 0, INBAND_NOTIFICATIONS, STATE,  \
                       false)                                                 \
    VHOST_USER_REQUEST(GET_MAX_MEM_SLOTS, 36, 0, 0, 0, CONFIGURE_MEM_SLOTS,   \
                       NONE, true)                                            \
    VHOST_USER_REQUEST(ADD_MEM_REG, 37, 40, 40, 1, CONFIGURE_MEM_SLOTS, NONE, \
                       false)                                                 \
    VHOST_USER_REQUEST(REM_MEM_REG, 38, 40, 40, 0, CONFIGURE_MEM_SLOTS, NONE, \
                       false)                                                 \
    VHOST_USER_REQUEST(SET_STATUS, 39, 8, 8, 0, STATUS, NONE, false)          \
    VHOST_USER_REQUEST(GET_STATUS, 40, 0, 0, 0, STATUS, NONE, true)           \
    VHOST_USER_REQUEST(GET_SHARED_OBJECT, 41, 0, VHOST_USER_SIZE_MAX, 0,      \
                       SHARED_OBJECT, NONE, true)                             \
    VHOST_USER_REQUEST(SET_DEVICE_STATE_FD, 42, 8, 8, 1, DEVICE_STATE, NONE,  \
                       true)                                                  \
    VHOST_USER_REQUEST(CHECK_DEVICE_STATE, 43, 0, 0, 0, DEVICE_STATE, NONE,   \
                       true)

enum vhost_user_request {
#define VHOST_USER_REQUEST(NAME, NUMBER, MIN, MAX, FDS, FEATURE, VRING, REP) \
    VHOST_USER_##NAME = NUMBER,
    VHOST_USER_REQUESTS
#undef VHOST_USER_REQUEST
};

#endif /* vhost-user-proto.h */
