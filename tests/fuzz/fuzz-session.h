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

#ifndef FUZZ_SESSION_H
#define FUZZ_SESSION_H 1

/* For the fuzzer of messages: a vhost-user device, files that can come with
 * messages, and what must always hold:
 *
 *   - A message that is refused changes nothing.
 *   - One that is found good has what its request asks for.
 *   - Descriptors and mappings are those that the session tells of.
 *   - Vrings that run are as the session has them, within guest memory.
 *   - What a guest receives is marked in the log.
 *   - After a disconnection the device is as new.
 *
 * Thread-safety: none; one thread. */

#include "fuzz.h"
#include "vhost-user-device.h"

#define MB 0x100000
/* Where a front end has the guest's memory. */
#define UVA UINT64_C(0x7f0000000000)

/* Features by their bits, and all that is ever offered: MRG_RXBUF, MQ,
 * LOG_ALL, INDIRECT_DESC, EVENT_IDX, PROTOCOL_FEATURES, VERSION_1,
 * RING_PACKED, IN_ORDER. */
#define F_LOG (UINT64_C(1) << 26)
#define F_EVENT (UINT64_C(1) << 29)
#define F_PROTOCOL (UINT64_C(1) << 30)
#define F_V1 (UINT64_C(1) << 32)
#define F_PACKED (UINT64_C(1) << 34)
#define F_ALL \
    (UINT64_C(1) << 15 | UINT64_C(1) << 22 | F_LOG | UINT64_C(1) << 28 \
     | F_EVENT | F_PROTOCOL | F_V1 | F_PACKED | UINT64_C(1) << 35)

/* MQ, LOG_SHMFD, RARP, REPLY_ACK, NET_MTU, RESET_DEVICE, STATUS. */
#define P_LOG_SHMFD (1u << 1)
#define P_REPLY_ACK (1u << 3)
#define P_ALL \
    (1u << 0 | P_LOG_SHMFD | 1u << 2 | P_REPLY_ACK | 1u << 4 | 1u << 13 \
     | 1u << 16)

/* What may come with a message. */
enum session_file {
    FILE_GUEST,                 /* 2 MB of memory. */
    FILE_LOG,                   /* 64 kB. */
    FILE_SHORT,                 /* Not quite a page. */
    FILE_EVENT,
    FILE_READ_ONLY,             /* Memory. */
    FILE_PIPE,
    FILE_SOCKET,
    FILE_DIRECTORY,
    FILE_DEVICE,                /* /dev/zero. */
    N_FILES
};
extern int session_files[N_FILES];

extern struct vhost_user_device dev;

/* A first connection; 'offer' says what is offered on it.  At the end all that
 * it took has to be given back. */
void session_begin(uint8_t offer);
void session_end(void);

/* True until the first message, or change of a file. */
bool session_is_fresh(void);

/* Gives the device 'msg' with copies of the 'n' descriptors of 'fds'.  True if
 * it was good. */
bool session_deliver(const struct vhost_user_msg *msg, const int fds[],
                     size_t n);

/* From now on messages come over a socket, in pieces that 'seed' tells, or
 * not if that is 0. */
void session_use_socket(uint8_t seed);

/* After 'n' more mappings, mmap() fails once. */
void session_fail_map(unsigned int n);

/* Guest and datapath. */
void session_poke(uint64_t offset, const void *, size_t);
void session_resize(enum session_file, off_t size);
void session_traffic(struct fuzz_input *);
void session_reap(void);

void session_disconnect(void);

/* Looks at everything that must hold now. */
void session_check(void);

#endif /* fuzz-session.h */
