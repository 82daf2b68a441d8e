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

/* Port types dpdkvhostuser and dpdkvhostuserclient: configuration and
 * changes of the endpoint.  See netdev-dpdk-vhost.h; frames move in
 * netdev-dpdk-vhost-io.c, and what a port shows of itself is in
 * netdev-dpdk-vhost-show.c. */

#include <config.h>

#include "netdev-dpdk-vhost.h"

#include <errno.h>
#include <sys/mman.h>

#include "dirs.h"
#include "netdev-dpdk-unixctl.h"
#include "netdev-dpdk-vlog.h"
#include "smap.h"
#include "userspace-tso.h"
#include "util.h"
#include "virtio-features.h"

/* Packet buffers one port can hold: bursts on their way to a port, packets
 * that wait for their fragments or for tx-flush-interval. */
#define VHOST_MBUFS_PER_PORT 1024
#define VHOST_MBUFS_PER_QUEUE (4 * NETDEV_MAX_BURST)

/* Directory of server sockets, other_config:vhost-sock-dir. */
static char *vhost_sock_dir;

static void netdev_vhost_changed(void *dev_);


/* Life cycle. */

static struct netdev *
netdev_vhost_alloc(void)
{
    struct netdev_vhost *dev = xzalloc_cacheline(sizeof *dev);

#ifdef __x86_64__
    /* Elsewhere mutexes have other sizes. */
    BUILD_ASSERT_DECL(offsetof(struct netdev_vhost, common.flags)
                      / CACHE_LINE_SIZE
                      == offsetof(struct netdev_vhost, endpoint)
                      / CACHE_LINE_SIZE);
#endif
    return &dev->common.up;
}

static void
netdev_vhost_dealloc(struct netdev *netdev)
{
    free_cacheline(netdev_vhost_cast(netdev));
}

static int
netdev_vhost_construct__(struct netdev *netdev, bool client)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);

    netdev_dpdk_common_construct(&dev->common, rte_socket_id());
    ovsrcu_init(&dev->endpoint, NULL);
    dev->client = client;
    for (int i = 0; i < VHOST_USER_MAX_QUEUE_PAIRS; i++) {
        atomic_init(&dev->rxq_active[i], false);
        atomic_init(&dev->tx_map[i], VHOST_TXQ_NONE);
    }
    atomic_init(&dev->tx_retries_max, VHOST_TX_RETRIES_DEFAULT);
    atomic_init(&dev->tx_retries, 0);

    /* Take the pool at the first reconfigure(). */
    netdev_request_reconfigure(netdev);
    return 0;
}

static int
netdev_vhost_server_construct(struct netdev *netdev)
{
    return netdev_vhost_construct__(netdev, false);
}

static int
netdev_vhost_client_construct(struct netdev *netdev)
{
    return netdev_vhost_construct__(netdev, true);
}

static void
netdev_vhost_destruct(struct netdev *netdev)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    struct vhost_user *endpoint = netdev_vhost_endpoint(dev);

    /* Not under the mutex: netdev_vhost_changed() takes it. */
    if (endpoint) {
        vhost_user_close(endpoint);
    }
    free(dev->path);
    netdev_dpdk_common_destruct(&dev->common);
}


/* Configuration. */

/* Opens the endpoint for 'path', which becomes the port's. */
static int
netdev_vhost_open(struct netdev_vhost *dev, char *path, char **errp)
{
    struct vhost_user_config config = {
        .name = dev->common.up.name,
        .path = path,
        .client = dev->client,
        .features = vhost_user_default_features(),
        .protocol_features = vhost_user_default_protocol_features(),
        .max_queue_pairs = VHOST_USER_MAX_QUEUE_PAIRS,
    };
    struct vhost_user *endpoint;
    char *reason = NULL;
    int error;

    if (userspace_tso_enabled()) {
        config.features |= (VIRTIO_FEATURE(CSUM)
                            | VIRTIO_FEATURE(GUEST_CSUM));
    }
    error = vhost_user_open(&config, netdev_vhost_changed, dev, &endpoint,
                            &reason);
    if (error) {
        VLOG_WARN_BUF(errp, "%s: %s", dev->common.up.name, reason);
        free(reason);
        free(path);
        return error;
    }

    dev->path = path;
    ovsrcu_set(&dev->endpoint, endpoint);
    if (dev->client) {
        VLOG_INFO("vHost User device '%s' created in 'client' mode, "
                  "using client socket '%s'", dev->common.up.name, path);
    } else {
        VLOG_INFO("Socket %s created for vhost-user port %s",
                  path, dev->common.up.name);
        VLOG_WARN_ONCE("dpdkvhostuser ports are considered deprecated;  "
                       "please migrate to dpdkvhostuserclient ports.");
    }
    netdev_vhost_changed(dev);
    return 0;
}

static int
netdev_vhost_set_tx_retries(struct netdev_vhost *dev, const struct smap *args,
                            char **errp)
{
    const char *name = dev->common.up.name;
    const char *value = smap_get(args, "tx-retries-max");
    int retries = VHOST_TX_RETRIES_DEFAULT;
    unsigned int current;

    if (value && (!str_to_int(value, 10, &retries) || retries < 0
                  || retries > VHOST_TX_RETRIES_MAX)) {
        VLOG_WARN_BUF(errp, "%s: options:tx-retries-max is \"%s\", but must "
                      "be a number from 0 to %d", name, value,
                      VHOST_TX_RETRIES_MAX);
        return EINVAL;
    }

    atomic_read_relaxed(&dev->tx_retries_max, &current);
    if (current != retries) {
        atomic_store_relaxed(&dev->tx_retries_max, retries);
        VLOG_INFO("Max Tx retries for vhost device '%s' set to %d",
                  name, retries);
    }
    return 0;
}

static int
netdev_vhost_server_set_config(struct netdev *netdev, const struct smap *args,
                               char **errp)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    int error;

    error = netdev_vhost_set_tx_retries(dev, args, errp);
    if (error || dev->path) {
        return error;
    }

    /* The name becomes a file name: it must not lead anywhere else. */
    if (strpbrk(netdev->name, "/\\")) {
        VLOG_WARN_BUF(errp, "\"%s\" is not a valid name for a vhost-user "
                      "port. A valid name must not include '/' or '\\'",
                      netdev->name);
        return EINVAL;
    }
    return netdev_vhost_open(dev, xasprintf("%s/%s", vhost_sock_dir,
                                            netdev->name), errp);
}

static int
netdev_vhost_client_set_config(struct netdev *netdev, const struct smap *args,
                               char **errp)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    const char *path = smap_get(args, "vhost-server-path");
    int error;

    error = netdev_vhost_set_tx_retries(dev, args, errp);
    if (error) {
        return error;
    }

    if (!path || !path[0]) {
        VLOG_WARN_BUF(errp, "%s: options:vhost-server-path is missing; set "
                      "it to the path of the socket on which the virtual "
                      "machine listens", netdev->name);
        return EINVAL;
    }
    if (!dev->path) {
        return netdev_vhost_open(dev, xstrdup(path), errp);
    }

    /* Any error makes the caller create the port anew, with the new path. */
    return strcmp(path, dev->path) ? EAGAIN : 0;
}

static int
netdev_vhost_get_config(const struct netdev *netdev, struct smap *args)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    unsigned int retries;

    netdev_dpdk_get_config(netdev, args);
    if (dev->client && dev->path) {
        smap_add(args, "vhost-server-path", dev->path);
    }
    atomic_read_relaxed(&dev->tx_retries_max, &retries);
    if (retries != VHOST_TX_RETRIES_DEFAULT) {
        smap_add_format(args, "tx-retries-max", "%u", retries);
    }
    return 0;
}

static int
netdev_vhost_reconfigure(struct netdev *netdev)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);
    struct netdev_dpdk *common = &dev->common;
    int error;

    ovs_mutex_lock(&common->mutex);
    netdev->n_rxq = common->requested_n_rxq;
    netdev->n_txq = common->requested_n_txq;
    error = netdev_dpdk_fit_mempool(common,
                                    VHOST_MBUFS_PER_PORT
                                    + netdev->n_rxq * VHOST_MBUFS_PER_QUEUE);
    netdev_change_seq_changed(netdev);

    /* An error would take the port away from its guest, which is better served
     * from the pool that there is. */
    if (common->mempool) {
        error = 0;
    }
    ovs_mutex_unlock(&common->mutex);

    return error;
}


/* The endpoint has changed. */

void
vhost_map_txqs(const bool *enabled, int n, int *map)
{
    int next = -1;

    for (int i = 0; i < n; i++) {
        if (enabled[i]) {
            map[i] = i;
            continue;
        }

        /* The enabled queue that follows the one given out last. */
        map[i] = VHOST_TXQ_NONE;
        for (int j = 1; j <= n; j++) {
            int candidate = (next + j) % n;

            if (enabled[candidate]) {
                map[i] = next = candidate;
                break;
            }
        }
    }
}

/* Takes over the queues of 'status'. */
static void
netdev_vhost_update_queues(struct netdev_vhost *dev,
                           const struct vhost_user_status *status)
    OVS_REQUIRES(dev->common.mutex)
{
    bool enabled[VHOST_USER_MAX_QUEUE_PAIRS];
    int map[VHOST_USER_MAX_QUEUE_PAIRS];

    for (int i = 0; i < VHOST_USER_MAX_QUEUE_PAIRS; i++) {
        const struct vhost_user_vring_status *tx = &status->vrings[2 * i];
        const struct vhost_user_vring_status *rx = tx + 1;

        enabled[i] = (2 * i < status->n_vrings && tx->started && tx->enabled
                      && !tx->error);
        atomic_store_relaxed(&dev->rxq_active[i],
                             2 * i + 1 < status->n_vrings && rx->started
                             && rx->enabled && !rx->error);
    }

    vhost_map_txqs(enabled, VHOST_USER_MAX_QUEUE_PAIRS, map);
    for (int i = 0; i < VHOST_USER_MAX_QUEUE_PAIRS; i++) {
        atomic_store_relaxed(&dev->tx_map[i],
                             map[i] == VHOST_TXQ_NONE ? map[i] : 2 * map[i]);
    }
}

/* Called by the thread that serves the sockets. */
static void
netdev_vhost_changed(void *dev_)
{
    struct netdev_vhost *dev = dev_;
    struct netdev_dpdk *common = &dev->common;
    struct vhost_user *endpoint = netdev_vhost_endpoint(dev);
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(30, 30);
    struct vhost_user_status status;
    bool ready;

    if (!endpoint) {
        /* netdev_vhost_open() is about to call again. */
        return;
    }

    /* The status is read under the mutex so that the last one read is the
     * last one applied. */
    ovs_mutex_lock(&dev->common.mutex);
    vhost_user_get_status(endpoint, &status);
    ready = status.state == VHOST_USER_READY;

    netdev_vhost_update_queues(dev, &status);

    if (ready) {
        bool reconfigure = false;

        /* Queues a guest no longer has are disabled and cost nothing, so
         * that there is nothing to gain by giving them back. */
        if (status.n_queue_pairs > common->requested_n_rxq) {
            common->requested_n_rxq = status.n_queue_pairs;
            common->requested_n_txq = status.n_queue_pairs;
            reconfigure = true;
        }
        if (status.numa_node >= 0
            && status.numa_node != common->requested_socket_id) {
            common->requested_socket_id = status.numa_node;
            reconfigure = true;
        }
        if (reconfigure) {
            netdev_request_reconfigure(&common->up);
        }
    }

    if (ready != dev->ready || status.n_connections != dev->n_connections) {
        long long int resets;

        if (ready) {
            VLOG_INFO_RL(&rl, "vHost Device '%s' has been added on numa "
                         "node %i", dev->path, status.numa_node);
        } else if (dev->ready) {
            VLOG_INFO_RL(&rl, "vHost Device '%s' has been removed",
                         dev->path);
        }
        if (ready != dev->ready) {
            atomic_add_relaxed(&common->carrier_resets, 1, &resets);
        }
        dev->ready = ready;
        dev->n_connections = status.n_connections;
    }
    netdev_change_seq_changed(&common->up);
    ovs_mutex_unlock(&dev->common.mutex);
}

static int
netdev_vhost_get_carrier(const struct netdev *netdev, bool *carrier)
{
    struct netdev_vhost *dev = netdev_vhost_cast(netdev);

    ovs_mutex_lock(&dev->common.mutex);
    *carrier = dev->ready && netdev_dpdk_is_up(&dev->common);
    ovs_mutex_unlock(&dev->common.mutex);

    return 0;
}


/* Registration. */

/* 'other_config:vhost-sock-dir' is a directory below the run directory. */
static char *
netdev_vhost_parse_sock_dir(const struct smap *ovs_other_config)
{
    const char *dir = smap_get(ovs_other_config, "vhost-sock-dir");

    if (!dir || !dir[0]) {
        return xstrdup(ovs_rundir());
    }
    if (strstr(dir, "..")) {
        VLOG_ERR("other_config:vhost-sock-dir is \"%s\", but must not contain "
                 "\"..\"; using %s - Only subdirectories of %s are allowed",
                 dir, ovs_rundir(), ovs_rundir());
        return xstrdup(ovs_rundir());
    }
    VLOG_INFO("User-provided vhost-sock-dir in use: %s/%s",
              ovs_rundir(), dir);
    return xasprintf("%s/%s", ovs_rundir(), dir);
}

#define NETDEV_VHOST_CLASS_COMMON                       \
    NETDEV_DPDK_CLASS_COMMON,                           \
    .alloc = netdev_vhost_alloc,                        \
    .destruct = netdev_vhost_destruct,                  \
    .dealloc = netdev_vhost_dealloc,                    \
    .get_config = netdev_vhost_get_config,              \
    .set_etheraddr = netdev_dpdk_set_etheraddr,         \
    .update_flags = netdev_dpdk_update_flags,           \
    .reconfigure = netdev_vhost_reconfigure,            \
    .get_carrier = netdev_vhost_get_carrier,            \
    .get_stats = netdev_vhost_get_stats,                \
    .get_custom_stats = netdev_vhost_get_custom_stats,  \
    .get_status = netdev_vhost_get_status,              \
    .send = netdev_vhost_send,                          \
    .rxq_recv = netdev_vhost_rxq_recv,                  \
    .rxq_enabled = netdev_vhost_rxq_enabled

static const struct netdev_class netdev_vhost_server_class = {
    NETDEV_VHOST_CLASS_COMMON,
    .type = "dpdkvhostuser",
    .construct = netdev_vhost_server_construct,
    .set_config = netdev_vhost_server_set_config,
};

static const struct netdev_class netdev_vhost_client_class = {
    NETDEV_VHOST_CLASS_COMMON,
    .type = "dpdkvhostuserclient",
    .construct = netdev_vhost_client_construct,
    .set_config = netdev_vhost_client_set_config,
};

/* Has the engine use the variant that the environment asks for, so that all
 * tests of a switch can be run with each of them. */
static void
netdev_vhost_pick_variant(void)
{
    const char *name = getenv("OVS_VRING_VARIANT");
    char *error = name && name[0] ? virtqueue_set_variant(name) : NULL;

    if (error) {
        VLOG_ERR("OVS_VRING_VARIANT: %s", error);
        free(error);
    }
    VLOG_INFO("virtqueues use the functions for %s", virtqueue_get_variant());
}

void
netdev_vhost_register(const struct smap *ovs_other_config)
{
    /* With --mlockall, to map a guest's memory would be to allocate all of
     * it, sparse files included.  What is locked stays locked; what comes is
     * locked as it is touched. */
    if (memory_locked()
        && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) {
        VLOG_WARN("mlockall: %s; memory of guests will be allocated when it "
                  "is mapped", ovs_strerror(errno));
    }

    vhost_sock_dir = netdev_vhost_parse_sock_dir(ovs_other_config);
    guest_memory_init();
    netdev_vhost_pick_variant();
    netdev_dpdk_register_class(&netdev_vhost_server_class);
    netdev_dpdk_register_class(&netdev_vhost_client_class);
}
