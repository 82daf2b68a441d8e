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


/* Attacks by the socket: what a VMM can do.  See attack.h. */

#include <config.h>

#include "attack.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket-util.h"
#include "util.h"

/* How long it takes to close a slow file, in seconds. */
#define LINGER 1

/* Part of a message's header. */
#define HALF 7

static int
reconnect(struct attacker *a)
{
    int error = fe_connect(&a->fe);

    if (!error) {
        error = fe_start(&a->fe);
        fe_disconnect(&a->fe);
    }
    return error;
}

/* Opens one more connection, without waiting, sends 'n' bytes of 'data' and
 * holds it. */
static int
hold_connection(struct attacker *a, const void *data, size_t n)
{
    const int fd = make_unix_socket(SOCK_STREAM, true, NULL,
                                    a->fe.config.path);

    if (fd < 0) {
        return -fd;
    }
    ignore(send(fd, data, n, MSG_NOSIGNAL));
    attacker_hold(a, fd);
    return 0;
}

static int
silence(struct attacker *a)
{
    return hold_connection(a, NULL, 0);
}

static int
half(struct attacker *a)
{
    const struct fe_msg msg = {
        .request = FE_SET_MEM_TABLE, .flags = FE_VERSION, .size = 8,
    };

    return hold_connection(a, &msg, HALF);
}

static int
bad_message(struct attacker *a)
{
    struct fe_msg msg = { .request = 99, .flags = FE_VERSION };
    int error = fe_connect(&a->fe);

    if (!error) {
        error = fe_send(&a->fe, &msg, NULL, 0);
        if (!error) {
            error = fe_recv(&a->fe, &msg, NULL);
            error = error == ECONNRESET ? 0 : error;
        }
        fe_disconnect(&a->fe);
    }
    return error;
}

/* Has 127.0.0.1 be us, if this is a network of our own. */
static void
raise_loopback(void)
{
    struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);

    ignore(ioctl(fd, SIOCSIFFLAGS, &ifr));
    close(fd);
}

/* Returns a file that takes LINGER seconds to close, with the other end of it
 * held. */
static int
make_lingering(struct attacker *a)
{
    const struct linger linger = { .l_onoff = 1, .l_linger = LINGER };
    const int listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in sin = {
        .sin_family = AF_INET,
        .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) },
    };
    struct sockaddr *sa = (struct sockaddr *) &sin;
    socklen_t len = sizeof sin;
    char buf[4096] = "";

    if (bind(listen_fd, sa, len) || listen(listen_fd, 1)
        || getsockname(listen_fd, sa, &len) || connect(fd, sa, len)) {
        ovs_fatal(errno, "cannot make a file that is slow to close");
    }
    attacker_hold(a, accept(listen_fd, NULL, NULL));
    close(listen_fd);
    while (send(fd, buf, sizeof buf, MSG_DONTWAIT) > 0) {
        continue;
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    return fd;
}

static void
prepare_slow(struct attacker *a OVS_UNUSED)
{
    raise_loopback();
}

static int
slow_files(struct attacker *a)
{
    const int fd = make_lingering(a);
    const int error = fe_set_vring_fd(&a->fe, FE_SET_VRING_ERR,
                                      a->phase++ % a->fe.n_rings, fd);

    close(fd);
    return error;
}

/* For sockets that we listen at. */

static int
hang_up(struct attacker *a)
{
    const int fd = accept(a->fe.listen_fd, NULL, NULL);

    if (fd < 0) {
        return errno;
    }
    close(fd);
    return 0;
}

static int
mute(struct attacker *a)
{
    const int fd = accept(a->fe.listen_fd, NULL, NULL);

    if (fd < 0) {
        return errno;
    }
    attacker_hold(a, fd);
    return 0;
}

static int
accept_half(struct attacker *a)
{
    const int fd = accept(a->fe.listen_fd, NULL, NULL);

    if (fd < 0) {
        return errno;
    }
    ignore(send(fd, "1234567", HALF, MSG_NOSIGNAL));
    attacker_hold(a, fd);
    return 0;
}

const struct attack socket_attacks[] = {
    { "slow-files", "sends files that are slow to close", true,
      .prepare = prepare_slow, .step = slow_files },
    { "reconnect", "connects, starts, hangs up", .client = true,
      .step = reconnect },
    { "silence", "opens connections and says nothing", .client = true,
      .step = silence },
    { "half", "sends half a message", .client = true, .step = half },
    { "bad-message", "sends a bad message and comes back", .client = true,
      .step = bad_message },
    { "hang-up", "accepts and hangs up", .server = true, .step = hang_up },
    { "mute", "accepts and says nothing", .server = true, .step = mute },
    { "accept-half", "accepts and sends half a message", .server = true,
      .step = accept_half },
};
const unsigned int n_socket_attacks = ARRAY_SIZE(socket_attacks);
