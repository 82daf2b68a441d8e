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

/* Checksums of frames that leave; see netdev-dpdk-csum.h. */

#include <config.h>

#include "netdev-dpdk-csum.h"

#include "dp-packet.h"
#include "l4-csum.h"
#include "netdev-dpdk-vlog.h"
#include "userspace-tso.h"
#include "util.h"

/* Flags of frames that are not to leave as they are.  RTE_MBUF_F_TX_IPV4 comes
 * from ports of the kernel.  Open vSwitch takes it to mean that it need not
 * keep the checksum of the IP header up to date. */
#define TO_DO (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IPV4)

/* The most that fits in 'l2_len' of an mbuf. */
#define MAX_L2_LEN ((1 << RTE_MBUF_L2_LEN_BITS) - 1)

void
netdev_dpdk_csum_construct(struct netdev_dpdk *dev)
{
    if (userspace_tso_enabled()) {
        dev->up.ol_flags |= (NETDEV_TX_OFFLOAD_IPV4_CKSUM
                             | NETDEV_TX_OFFLOAD_TCP_CKSUM
                             | NETDEV_TX_OFFLOAD_UDP_CKSUM
                             | NETDEV_TX_OFFLOAD_SCTP_CKSUM);
    }
}

static unsigned int
csum_bit(uint8_t proto)
{
    return (proto == IPPROTO_TCP ? NETDEV_DPDK_CSUM_TCP
            : proto == IPPROTO_UDP ? NETDEV_DPDK_CSUM_UDP
            : NETDEV_DPDK_CSUM_SCTP);
}

/* Where the IP header of 'packet' is, or 0.  Open vSwitch knows even if there
 * are labels before it, but not if there is something else. */
static uint32_t
find_ip(const struct dp_packet *packet, const uint8_t *frame, uint32_t len)
{
    const uint16_t ofs = packet->l3_ofs;

    if (OVS_LIKELY(ofs != UINT16_MAX && ofs + IP_HEADER_LEN <= len
                   && l4_csum_ip_len(frame + ofs))) {
        return ofs;
    }
    return l4_csum_find_ip(frame, len);
}

/* Prepares 'packet'.  Returns false if it is to be dropped. */
static bool
prepare(struct dp_packet *packet, unsigned int able)
{
    struct rte_mbuf *m = &packet->mbuf;
    uint8_t *frame = dp_packet_data(packet);
    const uint32_t len = dp_packet_size(packet);
    const uint64_t flags = m->ol_flags;
    const uint32_t l3_ofs = find_ip(packet, frame, len);
    enum l4_csum_kind kind = L4_CSUM_OTHER;
    struct l4_csum c;

    m->ol_flags = flags & ~RTE_MBUF_F_TX_OFFLOAD_MASK;
    if (OVS_UNLIKELY(flags & RTE_MBUF_F_TX_IPV4) && l3_ofs
        && frame[l3_ofs] >> 4 == 4) {
        const uint32_t l3_len = l4_csum_ip_len(frame + l3_ofs);

        if (l3_len && l3_ofs + l3_len <= len) {
            l4_csum_complete_ip(frame + l3_ofs);
        }
    }
    if (!(flags & RTE_MBUF_F_TX_L4_MASK)) {
        return true;
    }

    if (OVS_LIKELY(l3_ofs)) {
        kind = l4_csum_parse(frame, len, l3_ofs, &c);
    }
    if (OVS_UNLIKELY(kind != L4_CSUM_OK)) {
        /* What was cut off was not sent to be received. */
        return kind == L4_CSUM_CUT;
    }
    if (able & csum_bit(c.proto) && OVS_LIKELY(l3_ofs <= MAX_L2_LEN)) {
        l4_csum_prepare(frame, &c);
        m->ol_flags |= (l4_csum_flag(c.proto)
                        | (c.ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4));
        m->tx_offload = 0;
        m->l2_len = c.l3_ofs;
        m->l3_len = c.l4_ofs - c.l3_ofs;
    } else {
        l4_csum_complete(frame, &c);
    }
    return true;
}

void
netdev_dpdk_csum_send__(struct netdev_dpdk *dev, struct dp_packet_batch *batch,
                        unsigned int able)
{
    const size_t n = dp_packet_batch_size(batch);
    unsigned int n_dropped = 0;
    struct dp_packet *packet;
    size_t i;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, n, packet, batch) {
        if (OVS_LIKELY(!(packet->mbuf.ol_flags & TO_DO)
                       || prepare(packet, able))) {
            dp_packet_batch_refill(batch, packet, i);
        } else {
            static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);

            VLOG_WARN_RL(&rl, "%s: dropped a frame whose checksum is still to "
                         "be made, but which has no TCP, UDP or SCTP in it "
                         "that can be found", dev->up.name);
            dp_packet_delete(packet);
            n_dropped++;
        }
    }
    netdev_dpdk_count_drops(dev, NETDEV_DPDK_DROP_TX_HWOL, n_dropped);
}
