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

/* A session for the fuzzer of messages: see fuzz-session.h. */

#include <config.h>

#include "fuzz-session-check.h"
#include "fuzz-session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fake-mempool.h"
#include "guest-fault.h"
#include "peer-eventfd.h"
#include "util.h"
#include "vhost-user-msg.h"
#include "vhost-user-socket.h"

#define N_MBUFS 4
#define ROOM (RTE_PKTMBUF_HEADROOM + 512)

int session_files[N_FILES];
struct vhost_user_device dev;

static struct vhost_user vu;
static struct rte_mempool *pool;
static struct vhost_user_session as_new;
static unsigned int n_fds;      /* Open without the device. */
static bool log_resized;
static bool fresh;              /* Nothing was said or done. */
static uint8_t *guest;          /* Our mapping of FILE_GUEST. */

/* The other end of a socket, or -1, and how what is sent is cut. */
static struct vhost_user_link link_ = VHOST_USER_LINK_INITIALIZER;
static int peer = -1;
static uint8_t cut;

/* Mappings that there are, and when to have one fail; -1 is never. */
static int n_maps;
static int fail_map = -1;

/* The linker has the code under test call these; mmap64() is what mmap() is
 * with _FILE_OFFSET_BITS=64. */
void *__real_mmap64(void *, size_t, int prot, int flags, int fd, off_t);
int __real_munmap(void *, size_t);
void *__wrap_mmap64(void *, size_t, int prot, int flags, int fd, off_t);
int __wrap_munmap(void *, size_t);

void *
__wrap_mmap64(void *p, size_t n, int prot, int flags, int fd, off_t offset)
{
    if (!(flags & MAP_FIXED)) {
        if (fail_map >= 0 && !fail_map--) {
            errno = ENOMEM;
            return MAP_FAILED;
        }
    }

    void *map = __real_mmap64(p, n, prot, flags, fd, offset);

    n_maps += map != MAP_FAILED && !(flags & MAP_FIXED);
    return map;
}

int
__wrap_munmap(void *p, size_t n)
{
    n_maps--;
    return __real_munmap(p, n);
}

static int
make_memfd(off_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && !ftruncate(fd, size));
    return fd;
}

static void
open_files(void)
{
    int pair[2], pipes[2];
    char path[32];

    /* What shells leave open for themselves would not be counted always. */
    for (int fd = 64; fd < FUZZ_MAX_FDS; fd++) {
        close(fd);
    }
    FUZZ_CHECK(!pipe(pipes) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    session_files[FILE_GUEST] = make_memfd(2 * MB);
    session_files[FILE_LOG] = make_memfd(65536);
    session_files[FILE_SHORT] = make_memfd(4095);
    session_files[FILE_EVENT] = eventfd(0, EFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", session_files[FILE_GUEST]);
    session_files[FILE_READ_ONLY] = open(path, O_RDONLY | O_CLOEXEC);
    session_files[FILE_PIPE] = pipes[0];
    session_files[FILE_SOCKET] = pair[0];
    session_files[FILE_DIRECTORY] = open("/", O_RDONLY | O_CLOEXEC);
    session_files[FILE_DEVICE] = open("/dev/zero", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < N_FILES; i++) {
        FUZZ_CHECK(session_files[i] >= 0);
    }
    guest = __real_mmap64(NULL, 2 * MB, PROT_READ | PROT_WRITE, MAP_SHARED,
                        session_files[FILE_GUEST], 0);
    FUZZ_CHECK(guest != MAP_FAILED);

    /* Has what it needs for its own life. */
    peer_eventfd_signal(session_files[FILE_EVENT]);
}

void
session_begin(uint8_t offer)
{
    static const unsigned int n_vrings[] = { 4, 2, 256, 6 };

    if (!pool) {
        guest_memory_init();
        open_files();
        pool = fake_mempool_create(N_MBUFS, ROOM, 0);
    }
    /* Memory is all zeros, all there, and nobody lost any. */
    session_resize(FILE_GUEST, 0);
    session_resize(FILE_GUEST, 2 * MB);
    session_resize(FILE_LOG, 0);
    session_resize(FILE_LOG, 65536);
    session_resize(FILE_SHORT, 4095);
    atomic_store_relaxed(&guest_fault_happened, false);

    memset(&vu, 0, sizeof vu);
    memset(&dev, 0, sizeof dev);
    vhost_user_device_init(&dev, &vu, F_ALL & ~(offer & 4 ? F_PROTOCOL : 0),
                           P_ALL & ~(offer & 8 ? P_REPLY_ACK : 0)
                           & ~(offer & 16 ? P_LOG_SHMFD : 0),
                           n_vrings[offer & 3]);
    as_new = dev.session;
    n_fds = fuzz_count_fds(FUZZ_MAX_FDS);
    n_maps = 0;
    fail_map = -1;
    log_resized = false;
    fresh = true;
}

void
session_end(void)
{
    session_disconnect();
    FUZZ_CHECK_EQ(fake_mempool_count(pool), N_MBUFS);
}

bool
session_is_fresh(void)
{
    return fresh;
}

void
session_disconnect(void)
{
    fuzz_say("disconnect");
    vhost_user_device_disconnect(&dev);
    session_use_socket(0);
    FUZZ_CHECK(!memcmp(&dev.session, &as_new, sizeof as_new));
    FUZZ_CHECK(!dev.notice);
    FUZZ_CHECK_EQ(dev.numa_node, -1);
    session_check();
    FUZZ_CHECK_EQ(fuzz_count_fds(FUZZ_MAX_FDS), n_fds);
}

void
session_use_socket(uint8_t seed)
{
    if (peer >= 0) {
        close(peer);
        vhost_user_link_close(&link_);
        peer = -1;
        n_fds -= 2;
    }
    if (seed) {
        int pair[2];

        FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
        vhost_user_link_open(&link_, pair[0]);
        peer = pair[1];
        n_fds += 2;
        fresh = false;
    }
    cut = seed;
}

void
session_fail_map(unsigned int n)
{
    fail_map = n;
    fresh = false;
}

/* Messages. */

/* Sends 'msg' in pieces, and receives it.  Returns false if the connection
 * would end. */
static bool
transfer(const struct vhost_user_msg *msg, const int fds[], size_t n,
         struct vhost_user_msg *received)
{
    union {
        char buf[CMSG_SPACE(sizeof(int) * VHOST_USER_MAX_FDS)];
        struct cmsghdr align;
    } control;
    uint8_t bytes[sizeof msg->hdr + sizeof msg->payload];
    const size_t there = MIN(msg->hdr.size, sizeof msg->payload);
    const size_t size = sizeof msg->hdr + there;
    /* Descriptors come with a later piece too, or twice, which is more than
     * there is room for. */
    const size_t first = cut & 1 ? size : 1 + cut / 8 % size;
    const bool late = cut & 2;
    const bool twice = cut & 4;
    bool checked = false;
    int error = EAGAIN;

    memcpy(bytes, &msg->hdr, sizeof msg->hdr);
    memcpy(bytes + sizeof msg->hdr, msg->payload, there);
    for (size_t sent = 0; error == EAGAIN && sent < size; ) {
        const size_t part = sent ? size - sent : first;
        struct iovec iov = { bytes + sent, part };
        struct msghdr msgh = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n && (twice || late == (sent || first == size))) {
            msgh.msg_control = control.buf;
            msgh.msg_controllen = CMSG_SPACE(n * sizeof *fds);

            struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msgh);

            cmsg->cmsg_level = SOL_SOCKET;
            cmsg->cmsg_type = SCM_RIGHTS;
            cmsg->cmsg_len = CMSG_LEN(n * sizeof *fds);
            memcpy(CMSG_DATA(cmsg), fds, n * sizeof *fds);
        }
        FUZZ_CHECK_EQ(sendmsg(peer, &msgh, 0), part);
        sent += part;

        if (!checked) {
            error = vhost_user_link_read_header(&link_);
            if (!error) {
                if (link_.lost_fds
                    || vhost_user_header_check(&link_.in.hdr, &dev.session)) {
                    return false;
                }
                checked = true;
            }
        }
        if (checked) {
            error = vhost_user_link_read_payload(&link_);
        }
    }
    if (error || link_.lost_fds) {
        return false;
    }
    FUZZ_CHECK(!memcmp(&link_.in.hdr, &msg->hdr, sizeof msg->hdr));
    FUZZ_CHECK(!memcmp(link_.in.payload, msg->payload, there));
    *received = link_.in;
    return true;
}

bool
session_deliver(const struct vhost_user_msg *msg_, const int fds_[], size_t n)
{
    static struct vhost_user_session before;
    struct vhost_user_msg msg = *msg_;
    struct vhost_user_msg reply;
    int fds[VHOST_USER_MAX_FDS] = { -1 };
    char *error;

    before = dev.session;
    fresh = false;
    fuzz_say("%s (%"PRIu32"), flags %#"PRIx32", %"PRIu32" bytes, %"PRIuSIZE
             " fds, %#"PRIx64, vhost_user_request_name(msg.hdr.request),
             msg.hdr.request, msg.hdr.flags, msg.hdr.size, n, msg.u64);
    if (peer >= 0) {
        if (!transfer(&msg, fds_, n, &msg)) {
            const uint8_t seed = cut;

            session_use_socket(0);
            session_use_socket(seed);
            return false;
        }
        n = link_.n_fds;
        memcpy(fds, link_.fds, n * sizeof *fds);
        vhost_user_link_next(&link_);
    } else {
        for (size_t i = 0; i < n; i++) {
            fds[i] = fcntl(fds_[i], F_DUPFD_CLOEXEC, 0);
        }
        /* Nobody passes on a message that is longer than this. */
        if (msg.hdr.size > sizeof msg.payload) {
            FUZZ_CHECK(vhost_user_header_check(&msg.hdr, &dev.session));
        }
    }

    memset(&reply, 0xa5, sizeof reply);
    error = vhost_user_device_receive(&dev, &msg, fds, n, &reply);
    fuzz_say("... %s", error ? error : "good");
    for (size_t i = 0; i < n; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        } else {
            FUZZ_CHECK(!error);
        }
    }
    if (error) {
        FUZZ_CHECK(!memcmp(&dev.session, &before, sizeof before));
    } else {
        session_check_good(&msg, n, &before);
        session_check_effect(&msg, &reply);
    }
    session_check_reply(&msg, &reply, !error);
    session_check();
    free(error);
    free(vhost_user_device_take_notice(&dev));
    return !error;
}

/* Guest and datapath. */

void
session_poke(uint64_t offset, const void *p, size_t n)
{
    FUZZ_CHECK_EQ(pwrite(session_files[FILE_GUEST], p, n, offset), n);
}

void
session_resize(enum session_file file, off_t size)
{
    fuzz_say("file %d of %"PRIu64" bytes", file, (uint64_t) size);
    FUZZ_CHECK(!ftruncate(session_files[file], size));
    fresh = false;
    log_resized = log_resized || file == FILE_LOG;
}

void
session_reap(void)
{
    vhost_user_device_reap(&dev);
    for (unsigned int i = 0; i < dev.session.n_vrings; i++) {
        const struct virtqueue *vq = vhost_user_vq(&vu, i);

        FUZZ_CHECK(!vq || !virtqueue_get_error(vq));
    }
    free(vhost_user_device_take_notice(&dev));
}

/* True if the log is not in the guest's memory and was never cut off. */
static bool
log_is_sound(void)
{
    struct stat log, file;

    return (dev.session.log && !log_resized
            && !fstat(dev.session.log->fd, &log)
            && !fstat(session_files[FILE_LOG], &file)
            && log.st_ino == file.st_ino);
}

/* True if the log, if there is one, has a mark for 'gpa'. */
static bool
is_logged(const struct virtqueue *vq, uint64_t gpa)
{
    const uint64_t page = gpa / 4096;

    return (!vq->log || page / 8 >= vq->log->size
            || vq->log->bitmap[page / 8] & 1u << page % 8);
}

/* The guest offers a buffer, and the switch uses it. */
void
session_traffic(struct fuzz_input *in)
{
    const uint8_t b = fuzz_u8(in);
    struct virtqueue *vq = vhost_user_vq(&vu, b & 3);
    const uint64_t gpa = b & 8 ? fuzz_u16(in) * 16 : 0x40000;
    const uint32_t len = b & 16 ? fuzz_u16(in) : 100;
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    unsigned int n;

    if (!vq) {
        return;
    }
    fuzz_say("traffic on vring %u", b & 3);
    if (vq->packed) {
        const bool wrap = vq->last_avail >> 15;
        struct vring_packed_desc *d = &vq->ring[vq->last_avail & 0x7fff];

        d->addr = gpa;
        d->len = len;
        d->id = b;
        d->flags = (b & 4 ? VRING_DESC_F_WRITE : 0) | 1 << (wrap ? 7 : 15);
    } else {
        struct vring_desc *d = &vq->desc[0];

        d->addr = gpa;
        d->len = len;
        d->flags = b & 4 ? VRING_DESC_F_WRITE : 0;
        vq->avail->ring[vq->last_avail & (vq->size - 1)] = 0;
        vq->avail->idx = vq->last_avail + 1;
    }
    if (b & 4) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

        memset(rte_pktmbuf_append(m, 60), 0x5a, 60);
        n = virtqueue_enqueue(vq, &m, 1);
        if (n && log_is_sound() && len >= 72 && gpa + len <= 2 * MB
            && dev.session.mem->n_regions == 2 && gpa > 0x30000) {
            FUZZ_CHECK(is_logged(vq, gpa));
            FUZZ_CHECK(is_logged(vq, gpa + 71));
        }
        rte_pktmbuf_free(m);
    } else {
        n = virtqueue_dequeue(vq, pool, pkts, VIRTQUEUE_MAX_BURST);
        FUZZ_CHECK(n <= N_MBUFS);
        rte_pktmbuf_free_bulk(pkts, n);
    }
    FUZZ_CHECK_EQ(fake_mempool_count(pool), N_MBUFS);
}

/* What must always hold. */

void
session_check(void)
{
    const struct vhost_user_session *s = &dev.session;
    unsigned int n_own = s->logfd >= 0;
    int n_own_maps = 0;

    FUZZ_CHECK(!(s->features & ~s->offered_features));
    FUZZ_CHECK(!(s->protocol_features & ~s->offered_protocol_features));
    FUZZ_CHECK(!s->mtu || s->mtu >= 68);
    for (unsigned int i = 0; i < VHOST_USER_MAX_VRINGS; i++) {
        const struct vhost_user_vring *vring = &s->vrings[i];

        session_check_vring(i);
        n_own += (vring->kickfd >= 0) + (vring->callfd >= 0)
                 + (vring->errfd >= 0) + (vring->call != NULL);
    }
    if (s->mem) {
        session_check_memory(s->mem);
        n_own += s->mem->n_regions;
        n_own_maps += s->mem->n_regions;
    }
    if (s->log) {
        FUZZ_CHECK(!s->mem || !(s->features & F_LOG)
                   || s->log->size >= DIV_ROUND_UP(guest_memory_end(s->mem),
                                                   8 * 4096));
        n_own++;
        n_own_maps++;
    }
    FUZZ_CHECK_EQ(fuzz_count_fds(n_fds + n_own), n_fds + n_own);
    FUZZ_CHECK_EQ(n_maps, n_own_maps);
}
