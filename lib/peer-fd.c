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

/* File descriptors of a peer: see peer-fd.h.
 *
 * Theory of operation: F_GET_SEALS is answered for memory only, and not by the
 * file system.  For all else /proc says which mount a file belongs to and of
 * what type that is, again without asking the file system.  A mount that is
 * not in our list may be anything. */

#include <config.h>

#include "peer-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer-eventfd.h"
#include "slow-work.h"
#include "util.h"

/* File systems that depend on nobody but the kernel and its disks. */
static const char *const local_filesystems[] = {
    "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "hugetlbfs", "ramfs",
    "tmpfs", "xfs", "zfs",
};

/* True if 'fd' is memory. */
static bool
is_memory(int fd)
{
    return fcntl(fd, F_GET_SEALS) >= 0;
}

/* Returns the mount that 'fd' belongs to, or -1. */
static int
get_mount(int fd)
{
    char name[64];
    char line[128];
    int mount = -1;

    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);

    FILE *stream = fopen(name, "re");

    while (stream && mount < 0 && fgets(line, sizeof line, stream)) {
        ignore(sscanf(line, "mnt_id: %d", &mount));
    }
    if (stream) {
        fclose(stream);
    }
    return mount;
}

/* Returns the type of 'mount', malloc'd, or NULL if it is not among ours. */
static char *
get_mount_type(int mount)
{
    FILE *stream = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    char *type = NULL;
    size_t size = 0;

    while (stream && !type && getline(&line, &size, stream) > 0) {
        const char *dash = strstr(line, " - ");

        if (dash && atoi(line) == mount) {
            type = xmemdup0(dash + 3, strcspn(dash + 3, " \n"));
        }
    }
    if (stream) {
        fclose(stream);
    }
    free(line);
    return type;
}

char *
peer_fd_check_local(int fd)
{
    if (is_memory(fd) || errno == EBADF) {
        return NULL;
    }

    char *type = get_mount_type(get_mount(fd));

    if (!type) {
        return xstrdup("file is neither memory nor on a mount that is known "
                       "here, and access could be delayed");
    }
    for (size_t i = 0; i < ARRAY_SIZE(local_filesystems); i++) {
        if (!strcmp(type, local_filesystems[i])) {
            free(type);
            return NULL;
        }
    }

    char *error = xasprintf("file lives on %s, where access can be delayed",
                            type);

    free(type);
    return error;
}

static void
close_fd(void *fd)
{
    close((intptr_t) fd);
}

void
peer_fd_close(int fd, struct slow_worker *worker)
{
    if (fd < 0) {
        return;
    }
    if (peer_eventfd_check(fd)) {
        close(fd);
    } else {
        slow_worker_give(worker, close_fd, (void *) (intptr_t) fd);
    }
}
