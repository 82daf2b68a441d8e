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

/* ovs-appctl netdev-dpdk/...; see netdev-dpdk-unixctl.h.
 *
 * Thread-safety: all of this runs in the main thread. */

#include <config.h>

#include "netdev-dpdk-unixctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_mempool.h>

#include "netdev-dpdk-common.h"
#include "netdev-dpdk-eth.h"
#include "netdev-dpdk-vlog.h"
#include "netdev-provider.h"
#include "openvswitch/shash.h"
#include "unixctl.h"
#include "util.h"

/* All classes of this provider. */
static const struct netdev_class **classes;
static size_t n_classes, allocated_classes;

void
netdev_dpdk_register_class(const struct netdev_class *class)
{
    if (netdev_register_provider(class)) {
        return;
    }
    if (n_classes >= allocated_classes) {
        classes = x2nrealloc(classes, &allocated_classes, sizeof *classes);
    }
    classes[n_classes++] = class;
}

/* Returns a reference to port 'name' of this provider, or NULL after telling
 * the user so. */
static struct netdev *
get_port(struct unixctl_conn *conn, const char *name)
{
    struct netdev *netdev = netdev_from_name(name);

    if (netdev && !netdev_is_dpdk(netdev)) {
        netdev_close(netdev);
        netdev = NULL;
    }
    if (!netdev) {
        unixctl_command_reply_error(conn, "Not a DPDK Interface");
    }
    return netdev;
}

static void
set_up(struct netdev *netdev, bool up)
{
    enum netdev_flags old;

    netdev->netdev_class->update_flags(netdev, up ? 0 : NETDEV_UP,
                                       up ? NETDEV_UP : 0, &old);
}

static void
unixctl_set_admin_state(struct unixctl_conn *conn, int argc,
                        const char *argv[], void *aux OVS_UNUSED)
{
    const char *state = argv[argc - 1];
    bool up = !strcasecmp(state, "up");

    if (!up && strcasecmp(state, "down")) {
        char *reply = xasprintf("Invalid Admin State: \"%s\" is neither up "
                                "nor down", state);

        unixctl_command_reply_error(conn, reply);
        free(reply);
        return;
    }

    if (argc > 2) {
        struct netdev *netdev = get_port(conn, argv[1]);

        if (!netdev) {
            return;
        }
        set_up(netdev, up);
        netdev_close(netdev);
    } else {
        for (size_t i = 0; i < n_classes; i++) {
            struct shash ports = SHASH_INITIALIZER(&ports);
            struct shash_node *node;

            netdev_get_devices(classes[i], &ports);
            SHASH_FOR_EACH (node, &ports) {
                set_up(node->data, up);
                netdev_close(node->data);
            }
            shash_destroy(&ports);
        }
    }
    unixctl_command_reply(conn, "OK");
}

static void
unixctl_detach(struct unixctl_conn *conn, int argc OVS_UNUSED,
               const char *argv[], void *aux OVS_UNUSED)
{
    char *reply;

    if (netdev_dpdk_eth_detach(argv[1], &reply)) {
        VLOG_WARN("%s", reply);
        unixctl_command_reply_error(conn, reply);
    } else {
        unixctl_command_reply(conn, reply);
    }
    free(reply);
}

static void
dump_mempool(FILE *stream, const struct rte_mempool *mp)
{
    unsigned int in_use = rte_mempool_in_use_count(mp);

    rte_mempool_dump(stream, CONST_CAST(struct rte_mempool *, mp));
    fprintf(stream, "    count: avail (%u), in use (%u)\n",
            mp->size - in_use, in_use);
}

static void
unixctl_get_mempool_info(struct unixctl_conn *conn, int argc,
                         const char *argv[], void *aux OVS_UNUSED)
{
    char *reply = NULL;
    bool none = false;
    FILE *stream;
    size_t size;

    stream = open_memstream(&reply, &size);
    if (!stream) {
        unixctl_command_reply_error(conn, ovs_strerror(errno));
        return;
    }

    if (argc > 1) {
        struct netdev *netdev = get_port(conn, argv[1]);

        if (!netdev) {
            fclose(stream);
            free(reply);
            return;
        }

        struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);

        ovs_mutex_lock(&dev->mutex);
        none = !dev->mempool;
        if (!none) {
            dump_mempool(stream, dev->mempool->mp);
        }
        ovs_mutex_unlock(&dev->mutex);
        netdev_close(netdev);
    } else {
        rte_mempool_list_dump(stream);
    }
    fclose(stream);

    if (none) {
        unixctl_command_reply_error(conn, "Not allocated");
    } else {
        unixctl_command_reply(conn, reply);
    }
    free(reply);
}

void
netdev_dpdk_unixctl_init(void)
{
    static bool inited;

    if (inited) {
        return;
    }
    inited = true;
    unixctl_command_register("netdev-dpdk/set-admin-state",
                             "[netdev] up|down", 1, 2,
                             unixctl_set_admin_state, NULL);
    unixctl_command_register("netdev-dpdk/detach",
                             "pci address of device", 1, 1,
                             unixctl_detach, NULL);
    unixctl_command_register("netdev-dpdk/get-mempool-info", "[netdev]", 0, 1,
                             unixctl_get_mempool_info, NULL);
}
