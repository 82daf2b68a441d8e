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

/* Policing: what a port may receive and send; see netdev-dpdk-qos.h.
 *
 * A policer is one or two token buckets (srTCM without the excess bucket,
 * RFC 2697) that count bytes of IP packets, that is, of frames without their
 * Ethernet header, or packets.
 *
 * Thread-safety: the port's mutex serialises who publishes.  A bucket changes
 * with each packet and belongs to all threads of the port: it has a lock,
 * which is taken once for a batch. */

#include <config.h>

#include "netdev-dpdk-qos.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_meter.h>
#include <rte_spinlock.h>

#include "dp-packet.h"
#include "netdev-dpdk-vlog.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "smap.h"
#include "sset.h"
#include "util.h"

#define EGRESS_POLICER "egress-policer"

/* Bursts that are allowed if the user names none: 8000 kbit, as upstream, and
 * 16000 packets, as upstream's netdev-linux. */
#define DEFAULT_KBITS_BURST 8000
#define DEFAULT_KPKTS_BURST 16

/* For policing by packets, where the meter wants bytes. */
#define KILO 1000

struct bucket {
    bool enabled;
    rte_spinlock_t lock;
    struct rte_meter_srtcm_profile profile;
    struct rte_meter_srtcm meter;
};

struct netdev_dpdk_egress {
    struct bucket bytes;
    uint64_t cir;               /* Bytes a second. */
    uint64_t cbs;               /* Bytes. */
};

struct netdev_dpdk_ingress {
    struct bucket bytes;
    struct bucket packets;
    uint32_t kbits_rate, kbits_burst, kpkts_rate, kpkts_burst;
};

/* Token buckets. */

/* Sets up 'bucket' for 'rate' units a second and bursts of 'burst' units.
 * Returns 0 or a positive errno value. */
static int
bucket_init(struct bucket *bucket, uint64_t rate, uint64_t burst)
{
    struct rte_meter_srtcm_params params = { .cir = rate, .cbs = burst };
    int retval;

    rte_spinlock_init(&bucket->lock);
    retval = rte_meter_srtcm_profile_config(&bucket->profile, &params);
    if (!retval) {
        retval = rte_meter_srtcm_config(&bucket->meter, &bucket->profile);
    }
    bucket->enabled = !retval;
    return -retval;
}

static uint32_t
ip_bytes(const struct dp_packet *packet)
{
    uint32_t size = dp_packet_size(packet);

    return size > ETH_HEADER_LEN ? size - ETH_HEADER_LEN : 0;
}

/* Frees the packets of 'batch' for which 'bucket' has not enough tokens, and
 * returns their number. */
static unsigned int
bucket_police(struct bucket *bucket, struct dp_packet_batch *batch,
              bool by_packets)
{
    const size_t n = dp_packet_batch_size(batch);
    bool pass[NETDEV_MAX_BURST];
    struct dp_packet *packet;
    unsigned int n_refused = 0;
    size_t i;

    if (!bucket->enabled) {
        return 0;
    }

    rte_spinlock_lock(&bucket->lock);
    uint64_t now = rte_rdtsc();
    DP_PACKET_BATCH_FOR_EACH (j, packet, batch) {
        uint32_t cost = by_packets ? 1 : ip_bytes(packet);

        pass[j] = (rte_meter_srtcm_color_blind_check(
                       &bucket->meter, &bucket->profile, now, cost)
                   == RTE_COLOR_GREEN);
    }
    rte_spinlock_unlock(&bucket->lock);

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
        if (pass[i]) {
            dp_packet_batch_refill(batch, packet, i);
        } else {
            dp_packet_delete(packet);
            n_refused++;
        }
    }
    return n_refused;
}

/* Datapath. */

void
netdev_dpdk_qos_egress__(struct netdev_dpdk *dev,
                         struct dp_packet_batch *batch)
{
    struct netdev_dpdk_egress *egress;

    egress = ovsrcu_get(struct netdev_dpdk_egress *, &dev->egress);
    if (egress) {
        netdev_dpdk_count_drops(dev, NETDEV_DPDK_DROP_TX_QOS,
                                bucket_police(&egress->bytes, batch, false));
    }
}

void
netdev_dpdk_qos_ingress__(struct netdev_dpdk *dev,
                          struct dp_packet_batch *batch)
{
    struct netdev_dpdk_ingress *ingress;
    unsigned int n;

    ingress = ovsrcu_get(struct netdev_dpdk_ingress *, &dev->ingress);
    if (ingress) {
        n = bucket_police(&ingress->packets, batch, true);
        n += bucket_police(&ingress->bytes, batch, false);
        netdev_dpdk_count_drops(dev, NETDEV_DPDK_DROP_RX_QOS, n);
    }
}

/* Configuration. */

void
netdev_dpdk_qos_construct(struct netdev_dpdk *dev)
{
    ovsrcu_init(&dev->egress, NULL);
    ovsrcu_init(&dev->ingress, NULL);
}

static void
set_egress(struct netdev_dpdk *dev, struct netdev_dpdk_egress *egress)
{
    struct netdev_dpdk_egress *old;

    old = ovsrcu_get_protected(struct netdev_dpdk_egress *, &dev->egress);
    ovsrcu_set(&dev->egress, egress);
    if (old) {
        ovsrcu_postpone(free, old);
    }
}

static void
set_ingress(struct netdev_dpdk *dev, struct netdev_dpdk_ingress *ingress)
{
    struct netdev_dpdk_ingress *old;

    old = ovsrcu_get_protected(struct netdev_dpdk_ingress *, &dev->ingress);
    ovsrcu_set(&dev->ingress, ingress);
    if (old) {
        ovsrcu_postpone(free, old);
    }
}

void
netdev_dpdk_qos_destruct(struct netdev_dpdk *dev)
{
    set_egress(dev, NULL);
    set_ingress(dev, NULL);
}

static int
set_policing__(struct netdev_dpdk *dev, uint32_t kbits_rate,
               uint32_t kbits_burst, uint32_t kpkts_rate,
               uint32_t kpkts_burst)
    OVS_REQUIRES(dev->mutex)
{
    struct netdev_dpdk_ingress *ingress;
    int error = 0;

    /* The bridge says the same again and again: do not refill buckets. */
    ingress = ovsrcu_get_protected(struct netdev_dpdk_ingress *,
                                   &dev->ingress);
    if (ingress
        ? (ingress->kbits_rate == kbits_rate
           && ingress->kbits_burst == kbits_burst
           && ingress->kpkts_rate == kpkts_rate
           && ingress->kpkts_burst == kpkts_burst)
        : !kbits_rate && !kpkts_rate) {
        return 0;
    }
    if (!kbits_rate && !kpkts_rate) {
        set_ingress(dev, NULL);
        return 0;
    }

    ingress = xzalloc(sizeof *ingress);
    ingress->kbits_rate = kbits_rate;
    ingress->kbits_burst = kbits_burst;
    ingress->kpkts_rate = kpkts_rate;
    ingress->kpkts_burst = kpkts_burst;
    if (kbits_rate) {
        error = bucket_init(&ingress->bytes,
                            kbits_rate * (uint64_t) KILO / CHAR_BIT,
                            kbits_burst * (uint64_t) KILO / CHAR_BIT);
    }
    if (!error && kpkts_rate) {
        error = bucket_init(&ingress->packets,
                            kpkts_rate * (uint64_t) KILO,
                            kpkts_burst * (uint64_t) KILO);
    }
    if (error) {
        VLOG_ERR("%s: Could not create rte meter for ingress policer "
                 "(%s)", dev->up.name, ovs_strerror(error));
        free(ingress);
        return error;
    }
    set_ingress(dev, ingress);
    return 0;
}

int
netdev_dpdk_set_policing(struct netdev *netdev,
                         unsigned int kbits_rate, unsigned int kbits_burst,
                         unsigned int kpkts_rate, unsigned int kpkts_burst)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);
    int error;

    kbits_burst = (!kbits_rate ? 0
                   : kbits_burst ? kbits_burst : DEFAULT_KBITS_BURST);
    kpkts_burst = (!kpkts_rate ? 0
                   : kpkts_burst ? kpkts_burst : DEFAULT_KPKTS_BURST);

    ovs_mutex_lock(&dev->mutex);
    error = set_policing__(dev, kbits_rate, kbits_burst,
                           kpkts_rate, kpkts_burst);
    ovs_mutex_unlock(&dev->mutex);

    return error;
}

int
netdev_dpdk_get_qos_types(const struct netdev *netdev OVS_UNUSED,
                          struct sset *types)
{
    sset_add(types, EGRESS_POLICER);
    return 0;
}

int
netdev_dpdk_get_qos(const struct netdev *netdev, const char **type,
                    struct smap *details)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);
    const struct netdev_dpdk_egress *egress;

    ovs_mutex_lock(&dev->mutex);
    egress = ovsrcu_get_protected(struct netdev_dpdk_egress *, &dev->egress);
    if (egress) {
        *type = EGRESS_POLICER;
        smap_add_format(details, "cir", "%"PRIu64, egress->cir);
        smap_add_format(details, "cbs", "%"PRIu64, egress->cbs);
    } else {
        *type = "";
    }
    ovs_mutex_unlock(&dev->mutex);

    return 0;
}

static int
set_egress_policer(struct netdev_dpdk *dev, const struct smap *details)
    OVS_REQUIRES(dev->mutex)
{
    uint64_t cir = smap_get_ullong(details, "cir", 0);
    uint64_t cbs = smap_get_ullong(details, "cbs", 0);
    struct netdev_dpdk_egress *egress;
    int error;

    egress = ovsrcu_get_protected(struct netdev_dpdk_egress *, &dev->egress);
    if (egress && egress->cir == cir && egress->cbs == cbs) {
        return 0;
    }

    egress = xzalloc(sizeof *egress);
    egress->cir = cir;
    egress->cbs = cbs;
    error = bucket_init(&egress->bytes, cir, cbs);
    if (error) {
        VLOG_ERR("%s: Could not create rte meter for egress policer; "
                 "other_config:cir (bytes a second) and other_config:cbs "
                 "(bytes) must both be over 0", dev->up.name);
        free(egress);
        return error;
    }
    if (cbs < dev->mtu) {
        VLOG_WARN("%s: %s: other_config:cbs=%"PRIu64" is less than the MTU, "
                  "%d: longer packets will never pass", dev->up.name,
                  EGRESS_POLICER, cbs, dev->mtu);
    }
    set_egress(dev, egress);
    return 0;
}

int
netdev_dpdk_set_qos(struct netdev *netdev, const char *type,
                    const struct smap *details)
{
    struct netdev_dpdk *dev = netdev_dpdk_cast(netdev);
    int error = 0;

    ovs_mutex_lock(&dev->mutex);
    if (!type[0]) {
        set_egress(dev, NULL);
    } else if (!strcmp(type, EGRESS_POLICER)) {
        error = set_egress_policer(dev, details);
    } else {
        error = EOPNOTSUPP;
    }
    ovs_mutex_unlock(&dev->mutex);

    if (error) {
        VLOG_ERR("Failed to set QoS type %s on port %s: %s", type,
                 netdev->name, ovs_strerror(error));
    }
    return error;
}
