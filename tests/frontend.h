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


#ifndef FRONTEND_H
#define FRONTEND_H 1

/* vhost-user front end for tests
 * ==============================
 *
 * The side of a VMM and its guest: shares memory, negotiates, sets up rings.
 * fe_start() does what a VMM does; everything it consists of can also be
 * called step by step, and fe_send() sends anything, so that a test can
 * deviate.  It is written from the specification alone and shares no
 * definitions with the back end that it tests.
 *
 * Errors are returned as positive errno values, with an explanation in
 * 'error'.  EPROTO says that the back end refused a message or broke the
 * protocol, ETIMEDOUT that it did not answer, and ECONNRESET that it hung up.
 *
 * Thread-safety: none; one thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontend-memory.h"
#include "openvswitch/compiler.h"
#include "openvswitch/types.h"

struct ds;
struct fe_ring;

/* FE_REQUEST(number, name), vhost-user, "Front-end message types". */
#define FE_REQUESTS                             \
    FE_REQUEST(1, GET_FEATURES)                 \
    FE_REQUEST(2, SET_FEATURES)                 \
    FE_REQUEST(3, SET_OWNER)                    \
    FE_REQUEST(4, RESET_OWNER)                  \
    FE_REQUEST(5, SET_MEM_TABLE)                \
    FE_REQUEST(6, SET_LOG_BASE)                 \
    FE_REQUEST(7, SET_LOG_FD)                   \
    FE_REQUEST(8, SET_VRING_NUM)                \
    FE_REQUEST(9, SET_VRING_ADDR)               \
    FE_REQUEST(10, SET_VRING_BASE)              \
    FE_REQUEST(11, GET_VRING_BASE)              \
    FE_REQUEST(12, SET_VRING_KICK)              \
    FE_REQUEST(13, SET_VRING_CALL)              \
    FE_REQUEST(14, SET_VRING_ERR)               \
    FE_REQUEST(15, GET_PROTOCOL_FEATURES)       \
    FE_REQUEST(16, SET_PROTOCOL_FEATURES)       \
    FE_REQUEST(17, GET_QUEUE_NUM)               \
    FE_REQUEST(18, SET_VRING_ENABLE)            \
    FE_REQUEST(19, SEND_RARP)                   \
    FE_REQUEST(20, NET_SET_MTU)                 \
    FE_REQUEST(21, SET_BACKEND_REQ_FD)          \
    FE_REQUEST(22, IOTLB_MSG)                   \
    FE_REQUEST(23, SET_VRING_ENDIAN)            \
    FE_REQUEST(24, GET_CONFIG)                  \
    FE_REQUEST(25, SET_CONFIG)                  \
    FE_REQUEST(26, CREATE_CRYPTO_SESSION)       \
    FE_REQUEST(27, CLOSE_CRYPTO_SESSION)        \
    FE_REQUEST(28, POSTCOPY_ADVISE)             \
    FE_REQUEST(29, POSTCOPY_LISTEN)             \
    FE_REQUEST(30, POSTCOPY_END)                \
    FE_REQUEST(31, GET_INFLIGHT_FD)             \
    FE_REQUEST(32, SET_INFLIGHT_FD)             \
    FE_REQUEST(33, GPU_SET_SOCKET)              \
    FE_REQUEST(34, RESET_DEVICE)                \
    FE_REQUEST(35, VRING_KICK)                  \
    FE_REQUEST(36, GET_MAX_MEM_SLOTS)           \
    FE_REQUEST(37, ADD_MEM_REG)                 \
    FE_REQUEST(38, REM_MEM_REG)                 \
    FE_REQUEST(39, SET_STATUS)                  \
    FE_REQUEST(40, GET_STATUS)

enum fe_request {
#define FE_REQUEST(NUMBER, NAME) FE_##NAME = NUMBER,
    FE_REQUESTS
#undef FE_REQUEST
};

/* Number of the request called 'name', in upper or lower case, or what 'name'
 * says in digits, or -1. */
int fe_request_from_string(const char *name);

/* FE_FEATURE(bit, name): virtio 1.2, 5.1.3 and 6; vhost-user, "Feature
 * negotiation". */
#define FE_FEATURES                             \
    FE_FEATURE(0, csum)                         \
    FE_FEATURE(1, guest_csum)                   \
    FE_FEATURE(3, mtu)                          \
    FE_FEATURE(5, mac)                          \
    FE_FEATURE(7, guest_tso4)                   \
    FE_FEATURE(8, guest_tso6)                   \
    FE_FEATURE(9, guest_ecn)                    \
    FE_FEATURE(10, guest_ufo)                   \
    FE_FEATURE(11, host_tso4)                   \
    FE_FEATURE(12, host_tso6)                   \
    FE_FEATURE(13, host_ecn)                    \
    FE_FEATURE(14, host_ufo)                    \
    FE_FEATURE(15, mrg_rxbuf)                   \
    FE_FEATURE(16, status)                      \
    FE_FEATURE(17, ctrl_vq)                     \
    FE_FEATURE(18, ctrl_rx)                     \
    FE_FEATURE(21, guest_announce)              \
    FE_FEATURE(22, mq)                          \
    FE_FEATURE(24, notify_on_empty)             \
    FE_FEATURE(26, log_all)                     \
    FE_FEATURE(27, any_layout)                  \
    FE_FEATURE(28, indirect_desc)               \
    FE_FEATURE(29, event_idx)                   \
    FE_FEATURE(30, protocol_features)           \
    FE_FEATURE(32, version_1)                   \
    FE_FEATURE(33, iommu_platform)              \
    FE_FEATURE(34, ring_packed)                 \
    FE_FEATURE(35, in_order)                    \
    FE_FEATURE(36, order_platform)

enum fe_feature {
#define FE_FEATURE(BIT, NAME) FE_F_##NAME = BIT,
    FE_FEATURES
#undef FE_FEATURE
};

/* vhost-user, "Protocol features". */
#define FE_PROTOCOL_FEATURES                    \
    FE_FEATURE(0, mq)                           \
    FE_FEATURE(1, log_shmfd)                    \
    FE_FEATURE(2, rarp)                         \
    FE_FEATURE(3, reply_ack)                    \
    FE_FEATURE(4, mtu)                          \
    FE_FEATURE(5, backend_req)                  \
    FE_FEATURE(6, cross_endian)                 \
    FE_FEATURE(7, crypto_session)               \
    FE_FEATURE(8, pagefault)                    \
    FE_FEATURE(9, config)                       \
    FE_FEATURE(10, backend_send_fd)             \
    FE_FEATURE(11, host_notifier)               \
    FE_FEATURE(12, inflight_shmfd)              \
    FE_FEATURE(13, reset_device)                \
    FE_FEATURE(14, inband_notifications)        \
    FE_FEATURE(15, configure_mem_slots)         \
    FE_FEATURE(16, status)

enum fe_protocol_feature {
#define FE_FEATURE(BIT, NAME) FE_P_##NAME = BIT,
    FE_PROTOCOL_FEATURES
#undef FE_FEATURE
};

#define FE_BIT(N) (UINT64_C(1) << (N))

/* Appends the names of the bits of 'bits', or '-' if there are none. */
void fe_format_features(struct ds *, uint64_t bits);
void fe_format_protocol_features(struct ds *, uint64_t bits);

/* Changes '*bits' by 's', a list like "+mrg_rxbuf,-event_idx"; a number sets
 * it.  Returns NULL or a malloc'd complaint. */
char *fe_parse_features(const char *s, uint64_t *bits);
char *fe_parse_protocol_features(const char *s, uint64_t *bits);

/* Wire format: vhost-user, "Message Specification". */
#define FE_VERSION 0x1
#define FE_REPLY 0x4
#define FE_NEED_REPLY 0x8

struct fe_wire_region {
    uint64_t gpa;
    uint64_t size;
    uint64_t uva;
    uint64_t offset;
};

struct fe_wire_mem {
    uint32_t n;
    uint32_t padding;
    struct fe_wire_region regions[FE_MAX_REGIONS];
};

struct fe_wire_vring {
    uint32_t index;
    uint32_t value;
};

struct fe_wire_addr {
    uint32_t index;
    uint32_t flags;             /* Bit 0: log writes to the used ring. */
    uint64_t desc;
    uint64_t used;
    uint64_t avail;
    uint64_t log;
};

struct fe_wire_log {
    uint64_t size;
    uint64_t offset;
};

struct fe_wire_inflight {
    uint64_t size;
    uint64_t offset;
    uint16_t n_queues;
    uint16_t queue_size;
};

#define FE_MAX_PAYLOAD 4096
#define FE_MAX_FDS 64

OVS_PACKED(
struct fe_msg {
    uint32_t request;
    uint32_t flags;
    uint32_t size;              /* Of the payload, in bytes. */
    union {
        uint64_t u64;
        struct fe_wire_vring vring;
        struct fe_wire_addr addr;
        struct fe_wire_mem mem;
        struct fe_wire_log log;
        struct fe_wire_inflight inflight;
        uint8_t bytes[FE_MAX_PAYLOAD];
    };
});
#define FE_HEADER_SIZE offsetof(struct fe_msg, u64)

struct fe_config {
    const char *path;           /* Of the socket. */
    bool server;                /* We listen, else we connect. */
    uint64_t features;          /* Wanted, if they are offered. */
    uint64_t protocol_features; /* Likewise. */
    unsigned int n_pairs;       /* Queue pairs. */
    unsigned int n_regions;
    uint16_t ring_size;
    uint16_t mtu;
    size_t rx_buf;              /* Bytes in a receive buffer, 0 to choose. */
    size_t tx_buf;              /* Longest frame to send, likewise. */
    const char *rx_shape;       /* See frontend-ring.h; NULL for one piece. */
    const char *tx_shape;
    bool interrupt;             /* Ask for interrupts, else poll. */
    int timeout;                /* For an answer, in ms. */
};
#define FE_CONFIG_INITIALIZER {                                         \
        .features = (FE_BIT(FE_F_mrg_rxbuf) | FE_BIT(FE_F_indirect_desc)\
                     | FE_BIT(FE_F_event_idx) | FE_BIT(FE_F_version_1)  \
                     | FE_BIT(FE_F_any_layout) | FE_BIT(FE_F_mq)        \
                     | FE_BIT(FE_F_protocol_features)),                 \
        .protocol_features = (FE_BIT(FE_P_mq) | FE_BIT(FE_P_log_shmfd)  \
                              | FE_BIT(FE_P_rarp) | FE_BIT(FE_P_mtu)    \
                              | FE_BIT(FE_P_reply_ack)                  \
                              | FE_BIT(FE_P_status)),                   \
        .n_pairs = 1,                                                   \
        .n_regions = 2,                                                 \
        .ring_size = 256,                                               \
        .mtu = 1500,                                                    \
        .interrupt = true,                                              \
        .timeout = 10000                                                \
    }

struct frontend {
    struct fe_config config;
    struct fe_memory mem;
    struct fe_ring *rings;      /* 2i receives, 2i+1 transmits. */
    unsigned int n_rings;

    int listen_fd;              /* -1 unless a server. */
    int fd;                     /* -1 while not connected. */
    bool started;               /* Rings are set up at the back end. */
    uint64_t offered;           /* Features of the back end... */
    uint64_t features;          /* ...and those negotiated. */
    uint64_t protocol_offered;
    uint64_t protocol_features;
    uint64_t max_queues;        /* As the back end says. */
    bool log_used;              /* Ask to log writes to used rings. */
    uint64_t n_connections;
    char error[256];            /* Explanation of the latest failure. */
};

/* Prepares rings of the configured shape in memory, once for all connections.
 * Since the layout depends on what gets negotiated, this happens at the first
 * connection; afterward, 'features' may only lose bits that do not matter
 * there. */
void fe_init(struct frontend *, const struct fe_config *);
void fe_uninit(struct frontend *);

/* For a server.  fe_unlisten() removes the socket. */
int fe_listen(struct frontend *);
void fe_unlisten(struct frontend *);

/* Connects, or accepts if there is somebody to accept: EAGAIN if there is
 * not. */
int fe_connect(struct frontend *);
void fe_disconnect(struct frontend *);

/* True if the back end hung up or sent something unasked for; disconnects. */
bool fe_lost(struct frontend *);

/* Messages.  fe_send() sends 'msg' with 'n' descriptors as it is.  fe_recv()
 * waits for a message and checks nothing; it closes descriptors that come
 * along, but the first, if 'fdp' is not NULL. */
int fe_send(struct frontend *, const struct fe_msg *, const int *fds,
            size_t n);
int fe_recv(struct frontend *, struct fe_msg *, int *fdp);

/* Sends and waits for the reply, checking it.  The reply replaces '*msg'. */
int fe_get(struct frontend *, struct fe_msg *msg, int *fdp);

/* Sends and, if that was negotiated, waits for the acknowledgment. */
int fe_set(struct frontend *, struct fe_msg *msg, const int *fds, size_t n);

/* The same for simple messages. */
int fe_get_u64(struct frontend *, enum fe_request, uint64_t *);
int fe_set_u64(struct frontend *, enum fe_request, uint64_t);
int fe_set_vring(struct frontend *, enum fe_request, uint32_t index,
                 uint32_t value);
int fe_set_vring_fd(struct frontend *, enum fe_request, uint32_t index,
                    int fd);

/* Messages that are the longest to put together. */
void fe_make_mem_table(const struct frontend *, struct fe_msg *,
                       int fds[FE_MAX_REGIONS]);
void fe_make_vring_addr(const struct frontend *, unsigned int idx,
                        struct fe_msg *);

/* Steps of fe_start(), in order. */
int fe_negotiate(struct frontend *);
void fe_create_rings(struct frontend *);
int fe_set_features(struct frontend *, uint64_t extra);
int fe_set_mem_table(struct frontend *);
int fe_set_vring_addr(struct frontend *, unsigned int idx);
int fe_start_ring(struct frontend *, unsigned int idx);
int fe_enable_ring(struct frontend *, unsigned int idx, bool);
int fe_set_status(struct frontend *, uint8_t);

/* Does all of them. */
int fe_start(struct frontend *);

/* Stops a ring and takes note of where to go on.  EPROTO if the back end
 * stopped somewhere else than its used index says. */
int fe_stop_ring(struct frontend *, unsigned int idx);
int fe_stop_rings(struct frontend *);
int fe_start_rings(struct frontend *);

/* As when a guest reboots: forgets all that is in the rings and starts them
 * with what they were created for. */
int fe_reset_rings(struct frontend *);

static inline bool
fe_has(const struct frontend *fe, enum fe_feature bit)
{
    return fe->features & FE_BIT(bit);
}

static inline bool
fe_has_protocol(const struct frontend *fe, enum fe_protocol_feature bit)
{
    return fe->protocol_features & FE_BIT(bit);
}

#endif /* frontend.h */
