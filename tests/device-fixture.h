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

#ifndef DEVICE_FIXTURE_H
#define DEVICE_FIXTURE_H 1

/* For tests of a vhost-user device: the device, a guest's memory, and the
 * messages of a front end.
 *
 * Thread-safety: none; for the main thread. */

#include <stdbool.h>
#include <stdint.h>

#include "msg-check.h"
#include "vhost-user-device.h"

/* The guest has two regions of 1 MB, in files of their own. */
#define N_REGIONS 2

/* Where vring IDX has its parts, of at most 256 entries. */
#define RING(IDX) (UVA + (IDX) * 0x10000)
#define RING_DESC(IDX) RING(IDX)
#define RING_AVAIL(IDX) (RING(IDX) + 0x2000)
#define RING_USED(IDX) (RING(IDX) + 0x4000)

extern struct vhost_user fixture_vu;
extern struct vhost_user_device dev;
extern struct vhost_user_msg reply; /* To the latest message. */
extern int region_fds[N_REGIONS];

/* Prepare and dismantle all that. */
void setup(void);
void teardown(void);

int make_memfd(size_t size);

/* The virtqueue of vring 'idx', NULL if it does not run. */
struct virtqueue *vq(unsigned int idx);

/* Gives the device 'msg' with copies of the 'n' descriptors of 'fds'.  True if
 * it was good. */
bool deliver(const struct vhost_user_msg *msg, const int fds[], size_t n);

/* The same for simple messages. */
bool deliver_empty(uint32_t request);
bool deliver_u64(uint32_t request, uint64_t value);
bool deliver_state(uint32_t request, uint32_t idx, uint32_t num);

/* With 'fd', or with the NOFD bit if that is negative. */
bool deliver_vring_fd(uint32_t request, uint32_t idx, int fd);

bool deliver_addr(uint32_t idx, uint32_t flags);
bool deliver_log(int fd, uint64_t size, uint64_t offset);

/* Region 0, region 1, or both, by bits. */
bool deliver_mem_table(unsigned int mask);

/* All that comes before vrings. */
void negotiate(void);

/* What a front end does to start vring 'idx'. */
void start_ring(uint32_t idx);

/* In test-vhost-user-device-more.c. */
void test_call(int argc, char *argv[]);
void test_memory(int argc, char *argv[]);
void test_log(int argc, char *argv[]);
void test_failure(int argc, char *argv[]);
void test_reset(int argc, char *argv[]);
void test_files(int argc, char *argv[]);

/* In test-vhost-user-random.c. */
void test_random(int argc, char *argv[]);

#endif /* device-fixture.h */
