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

#ifndef MSG_CHECK_H
#define MSG_CHECK_H 1

/* For tests of the checking of vhost-user messages: connections to check them
 * on, and good and bad messages.
 *
 * Thread-safety: none; for the main thread. */

#include <stddef.h>
#include <stdint.h>

#include "guest-memory.h"
#include "vhost-user-device.h"
#include "vhost-user-msg.h"

#define N_VRINGS 8

/* Features, by their bits: MRG_RXBUF, MQ, LOG_ALL, INDIRECT_DESC, EVENT_IDX,
 * PROTOCOL_FEATURES, VERSION_1, RING_PACKED. */
#define F_MRG (UINT64_C(1) << 15)
#define F_MQ (UINT64_C(1) << 22)
#define F_LOG (UINT64_C(1) << 26)
#define F_INDIRECT (UINT64_C(1) << 28)
#define F_EVENT (UINT64_C(1) << 29)
#define F_PROTOCOL (UINT64_C(1) << 30)
#define F_V1 (UINT64_C(1) << 32)
#define F_PACKED (UINT64_C(1) << 34)
#define F_OFFERED \
    (F_MRG | F_MQ | F_LOG | F_INDIRECT | F_EVENT | F_PROTOCOL | F_V1 \
     | F_PACKED)
#define F_ACKED (F_MRG | F_EVENT | F_PROTOCOL | F_V1)

/* MQ, LOG_SHMFD, RARP, REPLY_ACK, NET_MTU, RESET_DEVICE, STATUS. */
#define P_OFFERED \
    (1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 13 | 1u << 16)

#define MAX64 UINT64_MAX

/* Two regions of 1 MB, which follow each other in every address space. */
#define UVA UINT64_C(0x7f0000000000)
#define MB 0x100000
extern struct guest_memory msg_memory;

/* Connections of different age.  Each has what those before it have. */
enum age {
    AGE_FRESH,                      /* Nothing was said. */
    AGE_PROTOCOL,                   /* Protocol features are negotiated. */
    AGE_MEMORY,                     /* Features too, and memory is there. */
    AGE_RUNNING,                    /* Vring 0 runs with 256 entries. */
    AGE_LOGGING,                    /* With LOG_ALL. */
    AGE_PACKED,                     /* And packed vrings, of 255 entries. */
};

/* Prepares '*dev' to be of the given age. */
void msg_device_init(struct vhost_user_device *dev, enum age);

/* File descriptors that are open, other than rings of io_uring. */
size_t msg_count_fds(void);

/* Rings of io_uring that are open. */
size_t msg_count_rings(void);

/* Checks that 'msg' with 'n_fds' descriptors is found bad, for a reason that
 * has 'why' in it unless that is NULL, and that a device that gets it changes
 * nothing and closes the descriptors. */
void msg_check_bad(const struct vhost_user_msg *msg, size_t n_fds, enum age,
                   const char *why);

/* Checks that 'msg' is found good. */
void msg_check_good(const struct vhost_user_msg *msg, size_t n_fds, enum age);

#define MSG(REQUEST, SIZE, ...) \
    { .hdr = { .request = REQUEST, .flags = 1, .size = SIZE }, __VA_ARGS__ }
#define REGION0 { .gpa = 0, .size = MB, .uva = UVA, .mmap_offset = 0 }
#define REGION1 { .gpa = MB, .size = MB, .uva = UVA + MB, .mmap_offset = 0 }
#define ADDR(IDX, FLAGS, DESC, AVAIL, USED, LOG) \
    MSG(9, 40, .addr = { IDX, FLAGS, DESC, USED, AVAIL, LOG })
#define STATE(REQUEST, IDX, NUM) MSG(REQUEST, 8, .state = { IDX, NUM })
#define U64(REQUEST, VALUE) MSG(REQUEST, 8, .u64 = VALUE)

/* In test-vhost-user-contents.c. */
void test_contents(int argc, char *argv[]);
void test_flood(int argc, char *argv[]);

#endif /* msg-check.h */
