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

/* Tests what a front end changes while vrings of a vhost-user device run, and
 * what goes wrong there. */

#include <config.h>

#include "check.h"
#include "device-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "peer-eventfd.h"
#include "util.h"

/* Another descriptor to interrupt the guest with does not stop the vring. */
void
test_call(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int first = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int second = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int full = eventfd(0, EFD_CLOEXEC);
    struct peer_signal *ps = peer_signal_create(first);
    const size_t n_rings = ps ? 1 : 0;  /* For each eventfd for calls. */
    size_t n_open;
    struct virtqueue *q;
    uint64_t value;

    peer_signal_destroy(ps);
    CHECK_EQ(msg_count_rings(), 0);
    setup();
    check_context("before anything else");
    CHECK(deliver_vring_fd(13, 0, first));
    CHECK(deliver_vring_fd(13, N_VRINGS - 1, first));
    CHECK_EQ(msg_count_rings(), 2 * n_rings);
    n_open = msg_count_fds();
    negotiate();
    start_ring(0);
    CHECK(!eventfd_read(first, &value));

    check_context("a second one");
    q = vq(0);
    CHECK(deliver_vring_fd(13, 0, second));
    CHECK(vq(0) == q);
    CHECK_EQ(msg_count_fds(), n_open + N_REGIONS);
    /* An interrupt may have gone the old way. */
    CHECK(!eventfd_read(second, &value));
    CHECK(!eventfd_write(q->callfd, 1));
    CHECK(!eventfd_read(second, &value));
    CHECK_EQ(!q->call, !n_rings);
    peer_signal(q->call, q->callfd);
    CHECK(!eventfd_read(second, &value));
    CHECK_EQ(value, 1);
    CHECK_EQ(eventfd_read(first, &value), -1);
    CHECK_EQ(msg_count_rings(), 2 * n_rings);

    check_context("none");
    CHECK(deliver_vring_fd(13, 0, -1));
    CHECK_EQ(vq(0)->callfd, -1);
    CHECK(!vq(0)->call);
    CHECK_EQ(msg_count_fds(), n_open + N_REGIONS - 1);
    CHECK_EQ(msg_count_rings(), n_rings);

    /* One that would make write() wait for ever. */
    check_context("a full one");
    CHECK(!eventfd_write(full, UINT64_MAX - 1));
    CHECK(deliver_vring_fd(13, 0, first));
    alarm(10);
    CHECK(deliver_vring_fd(13, 0, full));
    CHECK(!fcntl(full, F_SETFL, 0));
    CHECK(deliver_state(18, 0, 0));
    CHECK(deliver_state(18, 0, 1));
    peer_signal(vq(0)->call, vq(0)->callfd);
    alarm(0);
    CHECK(vq(0));

    teardown();
    CHECK_EQ(msg_count_rings(), 0);
    close(first);
    close(second);
    close(full);
}

void
test_memory(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const struct guest_memory *mem;
    char *notice;

    setup();
    negotiate();
    start_ring(0);
    start_ring(1);
    mem = dev.session.mem;

    check_context("the same again");
    vq(0)->used->idx = 3;
    vq(0)->last_avail = vq(0)->last_used = 3;
    CHECK(deliver_mem_table(3));
    CHECK(dev.session.mem != mem);
    CHECK(vq(0) && vq(0)->mem == dev.session.mem);
    CHECK(vq(1) && vq(1)->mem == dev.session.mem);
    CHECK_EQ(vq(0)->last_avail, 3);
    CHECK_EQ(vq(0)->used->idx, 3);
    CHECK(!dev.notice);

    check_context("without the rings' region");
    CHECK(deliver_mem_table(2));
    CHECK(!vq(0));
    CHECK(!vq(1));
    notice = vhost_user_device_take_notice(&dev);
    CHECK(notice && strstr(notice, "region"));
    free(notice);

    check_context("and back");
    CHECK(deliver_mem_table(1));
    CHECK(vq(0));
    CHECK_EQ(vq(0)->last_avail, 3);
    CHECK(vq(1));

    check_context("a file that is too short");
    CHECK(!ftruncate(region_fds[1], MB - 1));
    mem = dev.session.mem;
    CHECK(!deliver_mem_table(3));
    CHECK(dev.session.mem == mem);
    CHECK(vq(0) && vq(0)->mem == mem);
    CHECK(!ftruncate(region_fds[1], MB));
    CHECK(deliver_mem_table(3));

    check_context("not a file");
    close(region_fds[1]);
    region_fds[1] = eventfd(0, EFD_CLOEXEC);
    mem = dev.session.mem;
    CHECK(!deliver_mem_table(3));
    CHECK(dev.session.mem == mem);
    teardown();
}

/* What a virtqueue that was not started anew still has in 'n_quiet': its
 * address could be the same by chance. */
#define SAME 77

static bool
is_same(const struct virtqueue *q)
{
    return q && q->n_quiet == SAME;
}

/* A thread that moves frames, and has just found the log of 'vq'. */
struct log_user {
    struct virtqueue *vq;
    struct dirty_log *log;
    pthread_barrier_t found;
    atomic_bool done;
};

static void *
log_user_main(void *user_)
{
    struct log_user *user = user_;
    struct dirty_log *log;

    ovsrcu_quiesce_end();
    user->log = log = __atomic_load_n(&user->vq->log, __ATOMIC_RELAXED);
    pthread_barrier_wait(&user->found);

    /* Until the log changes, and for as long as it takes after that. */
    while (__atomic_load_n(&user->vq->log, __ATOMIC_RELAXED) == log) {
        sched_yield();
    }
    for (int i = 0; i < 1000; i++) {
        dirty_log_mark(log, 0, 1);
        sched_yield();
    }
    atomic_store(&user->done, true);
    ovsrcu_quiesce_start();
    return NULL;
}

/* Gives the device 'msg', which changes the log of vring 0, while a thread
 * uses the old one. */
static void
change_log_in_use(bool (*change)(int fd), int fd)
{
    struct log_user user = { .vq = vq(0) };
    pthread_t thread;
    bool done;

    atomic_init(&user.done, false);
    pthread_barrier_init(&user.found, NULL, 2);
    thread = ovs_thread_create("log_user", log_user_main, &user);
    pthread_barrier_wait(&user.found);
    signal(SIGALRM, SIG_DFL);
    alarm(60);                  /* If 'vq' stops, the thread does not. */
    CHECK(change(fd));
    alarm(0);
    atomic_read(&user.done, &done);
    CHECK(done);
    xpthread_join(thread, NULL);
    pthread_barrier_destroy(&user.found);
    CHECK(vq(0) == user.vq && is_same(user.vq));
}

static bool
set_log_base(int fd)
{
    return deliver_log(fd, 64, 0);
}

static bool
log_all_on(int fd OVS_UNUSED)
{
    return deliver_u64(2, F_ACKED | F_LOG);
}

static bool
log_all_off(int fd OVS_UNUSED)
{
    return deliver_u64(2, F_ACKED);
}

void
test_log(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int fd = make_memfd(4096);
    struct virtqueue *q;

    setup();
    negotiate();
    start_ring(0);
    q = vq(0);
    q->n_quiet = SAME;

    check_context("as QEMU does: log, then LOG_ALL, then addresses");
    CHECK(deliver_log(fd, 64, 0));
    CHECK_EQ(reply.hdr.request, 6);
    CHECK_EQ(reply.hdr.flags, 1 | 4);
    CHECK_EQ(reply.hdr.size, 8);
    CHECK_EQ(reply.u64, 0);
    CHECK(is_same(vq(0)) && !q->log);
    CHECK(deliver_u64(2, F_ACKED | F_LOG));
    CHECK(is_same(vq(0)) && q->log == dev.session.log);
    CHECK_EQ(q->used_gpa, VQ_NO_GPA);
    CHECK(deliver_addr(0, 1));
    CHECK(is_same(vq(0)));
    CHECK_EQ(q->used_gpa, 0x5000);

    check_context("another log");
    CHECK(deliver_log(fd, 4096, 0));
    CHECK(is_same(vq(0)) && q->log == dev.session.log);
    CHECK_EQ(q->log->size, 4096);

    check_context("a file that is too short");
    CHECK(!deliver_log(fd, 4097, 0));
    CHECK(!deliver_log(fd, 64, 4096));
    CHECK(is_same(vq(0)) && q->log == dev.session.log);
    CHECK_EQ(q->log->size, 4096);

    check_context("the end of the migration");
    CHECK(deliver_addr(0, 0));
    CHECK(is_same(vq(0)));
    CHECK_EQ(q->used_gpa, VQ_NO_GPA);
    CHECK(deliver_u64(2, F_ACKED));
    CHECK(is_same(vq(0)) && !q->log);
    CHECK(!dev.session.log);

    check_context("while frames move");
    CHECK(deliver_log(fd, 64, 0));
    change_log_in_use(log_all_on, -1);
    change_log_in_use(set_log_base, fd);
    change_log_in_use(log_all_off, -1);

    check_context("LOG_ALL before there is a log");
    CHECK(deliver_u64(2, F_ACKED | F_LOG));
    CHECK(!vq(0));
    CHECK(deliver_log(fd, 64, 0));
    CHECK(vq(0) && vq(0)->log == dev.session.log);

    check_context("a log that came before memory and does not cover it");
    vhost_user_device_disconnect(&dev);
    CHECK(deliver_u64(16, P_OFFERED));
    CHECK(deliver_log(fd, 63, 0));
    CHECK(deliver_mem_table(3));
    CHECK(!deliver_u64(2, F_ACKED | F_LOG));
    CHECK(deliver_u64(2, F_ACKED));
    CHECK(deliver_log(fd, 64, 0));
    CHECK(deliver_u64(2, F_ACKED | F_LOG));
    teardown();
    close(fd);
}

/* A virtqueue that stopped itself. */
void
test_failure(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int err = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct vhost_user_status status;
    uint64_t value;
    char *notice;

    setup();
    negotiate();
    CHECK(deliver_vring_fd(14, 0, err));
    start_ring(0);
    start_ring(1);
    CHECK(!vhost_user_device_reap(&dev));

    atomic_store_relaxed(&vq(0)->error, VQ_ERR_CHAIN);
    CHECK(vhost_user_device_reap(&dev));
    CHECK(!vq(0));
    CHECK(vq(1));
    CHECK(!vhost_user_device_is_ready(&dev));
    notice = vhost_user_device_take_notice(&dev);
    CHECK(notice && strstr(notice, "vring 0 stopped"));
    free(notice);
    CHECK(!eventfd_read(err, &value));
    vhost_user_device_get_status(&dev, &status);
    CHECK_EQ(status.vrings[0].error, VQ_ERR_CHAIN);
    CHECK(!status.vrings[0].started);
    CHECK_EQ(status.vrings[1].error, VQ_ERR_NONE);
    CHECK(status.vrings[1].started);

    check_context("it stays stopped");
    CHECK(deliver_mem_table(3));
    CHECK(deliver_state(18, 0, 0));
    CHECK(deliver_state(18, 0, 1));
    CHECK(deliver_addr(0, 0));
    CHECK(!vq(0));
    CHECK(vq(1));
    CHECK(!vhost_user_device_reap(&dev));

    check_context("until it is started anew");
    CHECK(deliver_state(11, 0, 0));
    start_ring(0);
    CHECK_EQ(dev.session.vrings[0].error, VQ_ERR_NONE);

    check_context("new memory after a fault");
    atomic_store_relaxed(&vq(0)->error, VQ_ERR_FAULT);
    CHECK(vhost_user_device_reap(&dev));
    CHECK(!vq(0));
    CHECK(deliver_mem_table(3));
    CHECK(vq(0));

    check_context("memory that is lost before the start");
    atomic_store_relaxed(&guest_fault_happened, true);
    atomic_store_relaxed(&dev.session.mem->faulted, true);
    CHECK(deliver_state(18, 0, 0));
    CHECK(deliver_state(18, 0, 1));
    CHECK(!vq(0));
    notice = vhost_user_device_take_notice(&dev);
    CHECK(notice && strstr(notice, "shrank"));
    free(notice);
    teardown();
    close(err);
}

void
test_reset(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    for (int how = 0; how < 2; how++) {
        check_context("%s", how ? "status 0" : "RESET_DEVICE");
        setup();
        negotiate();
        CHECK(deliver_u64(20, 1400));
        CHECK(deliver_u64(39, 15));
        start_ring(0);
        vq(0)->last_avail = vq(0)->last_used = 1000;
        CHECK(how ? deliver_u64(39, 0) : deliver_empty(34));
        CHECK(!vq(0));
        CHECK(deliver_state(11, 0, 0));
        CHECK_EQ(reply.state.num, 1000);
        CHECK_EQ(dev.session.features, 0);
        CHECK_EQ(dev.session.status, 0);
        CHECK_EQ(dev.session.protocol_features, P_OFFERED);
        CHECK_EQ(dev.session.mtu, 1400);
        CHECK(dev.session.owned);

        /* Another driver begins. */
        CHECK(deliver_u64(2, F_V1 | F_PROTOCOL));
        start_ring(0);
        CHECK(!vq(0)->mergeable);
        teardown();
    }

    check_context("RESET_OWNER");
    setup();
    negotiate();
    start_ring(0);
    CHECK(deliver_empty(4));
    CHECK(vq(0));
    teardown();
}

/* Descriptors of the wrong kind, and none that stay open. */
void
test_files(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint32_t requests[] = { 12, 13, 14 };
    struct vhost_user_msg logfd = MSG(7, 0, .u64 = 0);
    int event = eventfd(0, EFD_CLOEXEC);
    int file = make_memfd(4096);
    int pipes[2];
    size_t n_open;

    CHECK(!pipe(pipes));
    setup();
    negotiate();
    n_open = msg_count_fds();
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        check_context("request %"PRIu32, requests[i]);
        CHECK(!deliver_vring_fd(requests[i], 0, pipes[1]));
        CHECK(!deliver_vring_fd(requests[i], 0, file));
        CHECK(!dev.session.vrings[0].kicked);
        CHECK_EQ(msg_count_fds(), n_open);
    }
    CHECK(!deliver(&logfd, &file, 1));
    CHECK_EQ(dev.session.logfd, -1);
    CHECK_EQ(msg_count_fds(), n_open);

    check_context("over and over");
    for (int i = 0; i < 1000; i++) {
        CHECK(deliver(&logfd, &event, 1));
        CHECK(deliver_vring_fd(12, 0, event));
        CHECK(deliver_vring_fd(13, 0, event));
        CHECK(deliver_vring_fd(14, 0, event));
        CHECK(deliver_mem_table(1 + i % 3));
        CHECK(deliver_log(file, 4096, 0));
        CHECK(deliver_state(8, 0, 1 << i % 8));
    }
    /* One region or two. */
    CHECK(msg_count_fds() <= n_open + 5);
    CHECK(deliver_mem_table(3));
    CHECK_EQ(msg_count_fds(), n_open + 5);
    vhost_user_device_disconnect(&dev);
    CHECK_EQ(msg_count_fds(), n_open - N_REGIONS);
    CHECK(!dev.session.owned);
    CHECK_EQ(dev.session.protocol_features, 0);
    teardown();
    close(event);
    close(file);
    close(pipes[0]);
    close(pipes[1]);
}
