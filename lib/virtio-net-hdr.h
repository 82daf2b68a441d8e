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

#ifndef VIRTIO_NET_HDR_H
#define VIRTIO_NET_HDR_H 1

/* What a virtio-net header says of a frame, and what an mbuf does
 * ===============================================================
 *
 * Of virtio 1.2, 5.1.6.2 and 5.1.6.4: checksums.  Segmentation is not offered.
 *
 * A frame whose checksum is still to be made has one of
 * RTE_MBUF_F_TX_TCP_CKSUM, _UDP_CKSUM and _SCTP_CKSUM on its way through the
 * datapath.  It has not RTE_MBUF_F_TX_IPV4, which Open vSwitch takes to mean
 * that the checksum of the IP header is of no importance.  Where the headers
 * are, which is in 'tx_offload', is only known when the frame leaves.
 *
 * Thread-safety: pure functions over frames in our own memory. */

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "l4-csum.h"

/* Deals with VIRTIO_NET_HDR_F_NEEDS_CSUM of the frame in 'm', which has one
 * segment: flags it, or makes the checksum at once if it is one that the
 * datapath knows nothing of.  Returns false if the frame is to be dropped,
 * since there can be no such checksum. */
bool virtio_net_hdr_to_mbuf(struct rte_mbuf *m, uint16_t csum_start,
                            uint16_t csum_offset);

/* Flags of mbufs that make a header differ from one that is all 0. */
#define VIRTIO_NET_HDR_OL_FLAGS (RTE_MBUF_F_TX_L4_MASK \
                                 | RTE_MBUF_F_RX_L4_CKSUM_MASK)

/* Returns the first 8 bytes of the header for 'm', as a number, for a guest
 * with VIRTIO_NET_F_GUEST_CSUM; the two bytes that follow go to
 * '*csum_offset'.  If a TCP or UDP checksum is to be made, 'l2_len' and
 * 'l3_len' of 'm' are valid. */
static inline uint64_t
virtio_net_hdr_from_mbuf(const struct rte_mbuf *m, uint16_t *csum_offset)
{
    const uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

    BUILD_ASSERT_DECL(offsetof(struct virtio_net_hdr, flags) == 0);
    BUILD_ASSERT_DECL(offsetof(struct virtio_net_hdr, csum_start) == 6);
    if (l4 == RTE_MBUF_F_TX_TCP_CKSUM || l4 == RTE_MBUF_F_TX_UDP_CKSUM) {
        *csum_offset = l4_csum_offset(l4 == RTE_MBUF_F_TX_TCP_CKSUM
                                      ? IPPROTO_TCP : IPPROTO_UDP);
        return (VIRTIO_NET_HDR_F_NEEDS_CSUM
                | (uint64_t) (m->l2_len + m->l3_len) << 48);
    }
    *csum_offset = 0;
    return ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK)
            == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? VIRTIO_NET_HDR_F_DATA_VALID : 0);
}

#endif /* virtio-net-hdr.h */
