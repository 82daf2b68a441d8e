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

/* What drivers of port type "dpdk" do not do right, and how we live with it.
 *
 * net_af_xdp (DPDK 22.11 with libxdp 1.3) can set up a device only once, and
 * leaves two things behind when it closes it: the buffers in its fill ring,
 * and the socket that its memory was registered on, which keeps the queue of
 * the interface busy for ever.  So such a device is detached and attached
 * again for each new setup, has a mempool to itself, and we close its sockets.
 *
 * Thread-safety: sockets are told by comparing what there is before and after
 * a setup, which works because no thread but the main one makes AF_XDP
 * sockets. */

#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netdev-dpdk-eth-private.h"
#include "netdev-dpdk-vlog.h"
#include "util.h"

struct netdev_dpdk_eth_sockets {
    struct xsk {
        int fd;
        ino_t inode;
    } *xsks;
    size_t n, allocated;
};

bool
netdev_dpdk_eth_is_once(const struct rte_eth_dev_info *info)
{
    return !strcmp(info->driver_name, "net_af_xdp");
}

static bool
is_xsk(int fd)
{
    socklen_t len = sizeof(int);
    int domain;

    return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len)
           && domain == AF_XDP;
}

static bool
sockets_contain(const struct netdev_dpdk_eth_sockets *sockets,
                const struct xsk *xsk)
{
    for (size_t i = 0; i < sockets->n; i++) {
        if (sockets->xsks[i].fd == xsk->fd
            && sockets->xsks[i].inode == xsk->inode) {
            return true;
        }
    }
    return false;
}

/* Returns the AF_XDP sockets of this process, but for those in 'others'. */
static struct netdev_dpdk_eth_sockets *
find_sockets(const struct netdev_dpdk_eth_sockets *others)
{
    struct netdev_dpdk_eth_sockets *sockets = xzalloc(sizeof *sockets);
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        struct xsk xsk;
        struct stat s;

        if (!str_to_int(entry->d_name, 10, &xsk.fd) || !is_xsk(xsk.fd)
            || fstat(xsk.fd, &s)) {
            continue;
        }
        xsk.inode = s.st_ino;
        if (!others || !sockets_contain(others, &xsk)) {
            if (sockets->n >= sockets->allocated) {
                sockets->xsks = x2nrealloc(sockets->xsks,
                                           &sockets->allocated,
                                           sizeof *sockets->xsks);
            }
            sockets->xsks[sockets->n++] = xsk;
        }
    }
    if (dir) {
        closedir(dir);
    }
    return sockets;
}

static void
free_sockets(struct netdev_dpdk_eth_sockets *sockets)
{
    if (sockets) {
        free(sockets->xsks);
        free(sockets);
    }
}

struct netdev_dpdk_eth_sockets *
netdev_dpdk_eth_before_setup(const struct netdev_dpdk_eth *dev)
{
    return dev->once ? find_sockets(NULL) : NULL;
}

void
netdev_dpdk_eth_after_setup(struct netdev_dpdk_eth *dev,
                            struct netdev_dpdk_eth_sockets *before)
{
    if (dev->once) {
        free_sockets(dev->sockets);
        dev->sockets = find_sockets(before);
        free_sockets(before);
    }
}

void
netdev_dpdk_eth_after_remove(struct netdev_dpdk_eth *dev)
{
    if (dev->sockets) {
        struct netdev_dpdk_eth_sockets *left = find_sockets(NULL);

        for (size_t i = 0; i < dev->sockets->n; i++) {
            const struct xsk *xsk = &dev->sockets->xsks[i];

            if (sockets_contain(left, xsk)) {
                VLOG_DBG("%s: closing socket %d, which its driver left "
                         "behind", netdev_dpdk_eth_name(dev), xsk->fd);
                close(xsk->fd);
            }
        }
        free_sockets(left);
        free_sockets(dev->sockets);
        dev->sockets = NULL;
    }
}
