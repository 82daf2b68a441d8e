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

/* Tests vhost-user endpoints and the file system: paths that are no good,
 * sockets that somebody else uses or moves, and many endpoints. */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "msg-check.h"
#include "openvswitch/poll-loop.h"
#include "util.h"
#include "vhost-peer.h"
#include "vhost-user-socket.h"

/* Makes a file. */
static void
touch(const char *path)
{
    close(creat(path, 0666));
}

static bool
is_socket(const char *path)
{
    struct stat st;

    return !lstat(path, &st) && S_ISSOCK(st.st_mode);
}

void
test_paths(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    char path[VHOST_USER_MAX_PATH + 2];
    struct port port;

    for (int client = 0; client < 2; client++) {
        check_context("length, %s", client ? "client" : "server");
        memset(path, 'x', sizeof path - 1);
        path[sizeof path - 1] = '\0';
        CHECK_EQ(port_open(&port, path, client, "108 bytes"), ENAMETOOLONG);
        path[sizeof path - 2] = '\0';
        CHECK_EQ(port_open(&port, path, client, NULL), 0);
        CHECK_EQ(is_socket(path), !client);
        port_close(&port);
        CHECK(!is_socket(path));
        CHECK_EQ(port_open(&port, "", client, "empty"), EINVAL);
    }

    check_context("directory");
    CHECK_EQ(port_open(&port, "no-dir/s", false, "No such"), ENOENT);
    CHECK_EQ(port_open(&port, "no-dir/s", true, NULL), 0);
    port_close(&port);
    touch("file");
    CHECK_EQ(port_open(&port, "file/s", false, "Not a directory"), ENOTDIR);

    check_context("something else in its place");
    CHECK_EQ(port_open(&port, "file", false, "not a socket"), EEXIST);
    CHECK(!access("file", F_OK));
    CHECK(!mkdir("dir", 0777));
    CHECK_EQ(port_open(&port, "dir", false, "not a socket"), EEXIST);
    CHECK(!symlink("nowhere", "link"));
    CHECK_EQ(port_open(&port, "link", false, "not a socket"), EEXIST);
    unlink("link");
    unlink("file");
    rmdir("dir");
}

void
test_path_in_use(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct port port, port2;
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "used" };
    int fd;

    check_context("a socket that somebody listens on");
    fd = peer_listen("used");
    CHECK_EQ(port_open(&port, "used", false, "another process"), EADDRINUSE);
    CHECK(is_socket("used"));

    check_context("one that nobody listens on any more");
    close(fd);
    CHECK_EQ(port_open(&port, "used", false, NULL), 0);

    check_context("our own");
    CHECK_EQ(port_open(&port2, "used", false, "port test"), EADDRINUSE);
    CHECK_EQ(port_open(&port2, "used", true, "port test"), EADDRINUSE);
    CHECK_EQ(port_open(&port2, "./used", false, "port test"), EADDRINUSE);
    CHECK(!symlink(".", "dot"));
    CHECK_EQ(port_open(&port2, "dot/used", false, "port test"), EADDRINUSE);
    unlink("dot");
    CHECK_EQ(port.status.n_connections, 0);
    port_close(&port);
    CHECK(!is_socket("used"));

    check_context("our own, client");
    CHECK_EQ(port_open(&port, "used", true, NULL), 0);
    CHECK_EQ(port_open(&port2, "used", true, "port test"), EADDRINUSE);
    CHECK_EQ(port_open(&port2, "used", false, "port test"), EADDRINUSE);
    port_close(&port);

    check_context("a datagram socket");
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(!bind(fd, (struct sockaddr *) &un, sizeof un));
    CHECK_EQ(port_open(&port, "used", false, "another process"), EADDRINUSE);
    CHECK(is_socket("used"));
    close(fd);
    unlink("used");
}

void
test_path_not_writable(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int status;
    pid_t pid;

    CHECK(!mkdir("locked", 0555));
    pid = fork();
    if (!pid) {
        struct vhost_user_listener listener;
        char *error;

        /* Root may write everywhere. */
        if (!getuid() && (setgid(65534) || setuid(65534))) {
            _exit(2);
        }
        if (vhost_user_listen("locked/s", &listener, &error) != EACCES
            || !strstr(error, "locked/s: cannot make a socket in locked")) {
            _exit(1);
        }
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK(!is_socket("locked/s"));
    rmdir("locked");
}

/* A socket that is moved goes on to work, and is not taken for one that came
 * in its place. */
void
test_moved(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct port port;
    struct peer peer;

    CHECK_EQ(port_open(&port, "moved", false, NULL), 0);
    CHECK(!rename("moved", "here"));
    peer_open(&peer, "here", -1);
    CHECK(peer_start(&peer));
    port_wait(&port, VHOST_USER_READY, 1);
    peer_close(&peer);
    port_wait(&port, VHOST_USER_LISTENING, 1);
    peer_open(&peer, "here", -1);
    port_wait(&port, VHOST_USER_NEGOTIATING, 2);
    peer_close(&peer);

    int fd = peer_listen("moved");

    port_close(&port);
    CHECK(is_socket("moved"));
    close(fd);
    unlink("moved");
    unlink("here");

    check_context("a file in its place");
    CHECK_EQ(port_open(&port, "moved", false, NULL), 0);
    unlink("moved");
    touch("moved");
    port_close(&port);
    CHECK(!access("moved", F_OK));
    unlink("moved");
}

/* A port that is closed makes room at once, whatever its connection does. */
void
test_reopen(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct port port;
    struct peer peer;
    size_t n_open;

    CHECK_EQ(port_open(&port, "reopen", false, NULL), 0);
    peer_open(&peer, "reopen", -1);
    CHECK(peer_start(&peer));
    port_wait(&port, VHOST_USER_READY, 1);
    peer_close(&peer);
    port_wait(&port, VHOST_USER_LISTENING, 1);
    n_open = msg_count_fds();

    for (int i = 0; i < 50; i++) {
        unsigned int before, after;

        check_context("time %d", i);
        peer_open(&peer, "reopen", -1);
        if (i % 3) {
            CHECK(peer_start(&peer));
        }
        port_close(&port);
        atomic_read(&port.n_changed, &before);
        if (i % 2) {
            /* The last one is still being served. */
            CHECK(!is_socket("reopen"));
            peer_wait_closed(&peer);
        }
        atomic_read(&port.n_changed, &after);
        CHECK_EQ(before, after);
        CHECK_EQ(port_open(&port, "reopen", false, NULL), 0);
        peer_close(&peer);
        CHECK_EQ(port.status.n_connections, 0);
    }

    wait_for_fds(n_open);
    port_close(&port);
}

static atomic_bool in_callback;

static void
dawdle(void *aux OVS_UNUSED)
{
    atomic_store(&in_callback, true);
    xnanosleep(50 * 1000 * 1000);
    atomic_store(&in_callback, false);
}

/* The owner is left alone once it has closed its endpoint, which waits for a
 * call that is under way. */
void
test_owner(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_config config = {
        .name = "test",
        .path = "owner",
        .max_queue_pairs = 1,
    };
    struct vhost_user *vu;
    struct peer peer;
    char *error;
    bool busy;

    atomic_init(&in_callback, false);
    CHECK(!vhost_user_open(&config, dawdle, NULL, &vu, &error));
    peer_open(&peer, "owner", -1);
    do {
        poll_timer_wait(1);
        poll_block();
        atomic_read(&in_callback, &busy);
    } while (!busy);
    vhost_user_close(vu);
    atomic_read(&in_callback, &busy);
    CHECK(!busy);
    peer_wait_closed(&peer);
    peer_close(&peer);
}

/* Clients that find nobody cost nothing but a try each second. */
void
test_many(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct port ports[64];
    struct peer peers[64];
    int fds[64];
    char path[64][16];

    for (int i = 0; i < ARRAY_SIZE(ports); i++) {
        snprintf(path[i], sizeof path[i], "many%d", i);
        CHECK_EQ(port_open(&ports[i], path[i], true, NULL), 0);
    }
    for (int i = 0; i < ARRAY_SIZE(ports); i++) {
        fds[i] = peer_listen(path[i]);
    }
    for (int i = 0; i < ARRAY_SIZE(ports); i++) {
        peer_open(&peers[i], NULL, fds[i]);
        CHECK(peer_start(&peers[i]));
    }
    for (int i = 0; i < ARRAY_SIZE(ports); i++) {
        port_wait(&ports[i], VHOST_USER_READY, 1);
    }
    for (int i = 0; i < ARRAY_SIZE(ports); i++) {
        port_close(&ports[i]);
    }
    for (int i = 0; i < ARRAY_SIZE(ports); i++) {
        peer_wait_closed(&peers[i]);
        peer_close(&peers[i]);
        close(fds[i]);
        unlink(path[i]);
    }
}
