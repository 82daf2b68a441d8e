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

#ifndef L4_CSUM_H
#define L4_CSUM_H 1

/* Checksums of TCP, UDP and SCTP that are still to be made
 * ========================================================
 *
 * Finds the packet in a frame, and either makes its checksum or prepares it
 * for whoever will: then the checksum's field has the sum of the pseudo
 * header (virtio 1.2, 5.1.6.2; DPDK wants the same).
 *
 * The datapath changes addresses and ports as if the checksum were there,
 * which leaves rubbish in the field, so that both start from scratch.
 *
 * Thread-safety: pure functions over frames in our own memory. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "openvswitch/compiler.h"
#include "packets.h"

/* A TCP, UDP or SCTP packet in a frame.  In bytes. */
struct l4_csum {
    uint16_t l3_ofs;            /* From the beginning of the frame. */
    uint16_t l4_ofs;            /* Likewise. */
    uint16_t l4_len;            /* Header and data. */
    bool ipv6;
    uint8_t proto;              /* IPPROTO_TCP, _UDP or _SCTP. */
};

enum l4_csum_kind {
    L4_CSUM_OK,                 /* That is what it is. */
    L4_CSUM_CUT,                /* It was, but its end is missing. */
    L4_CSUM_OTHER               /* Something else, or a fragment. */
};

/* Returns where in the 'len' bytes of 'frame' the IP header begins, behind
 * Ethernet and VLAN headers, or 0 if there is none. */
uint32_t l4_csum_find_ip(const uint8_t *frame, uint32_t len);

/* Length of the IP header, or at least what is known to be one, at 'l3': 0 if
 * it makes no sense. */
static inline uint32_t
l4_csum_ip_len(const uint8_t *l3)
{
    const uint32_t ihl = (l3[0] & 0xf) * 4;

    return (l3[0] >> 4 == 4 ? (ihl >= IP_HEADER_LEN ? ihl : 0)
            : l3[0] >> 4 == 6 ? IPV6_HEADER_LEN : 0);
}

/* Describes the packet whose IP header is at 'l3_ofs', at most 'len', of the
 * 'len' bytes of 'frame' in '*c', which is only good for L4_CSUM_OK. */
enum l4_csum_kind l4_csum_parse(const uint8_t *frame, uint32_t len,
                                uint32_t l3_ofs, struct l4_csum *c);

/* Where the checksum is in a header of 'proto', in bytes. */
static inline uint16_t
l4_csum_offset(uint8_t proto)
{
    return (proto == IPPROTO_TCP ? offsetof(struct tcp_header, tcp_csum)
            : proto == IPPROTO_UDP ? offsetof(struct udp_header, udp_csum)
            : offsetof(struct sctp_header, sctp_csum));
}

/* The flag of an mbuf that asks for a checksum of 'proto'. */
static inline uint64_t
l4_csum_flag(uint8_t proto)
{
    return (proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM
            : proto == IPPROTO_UDP ? RTE_MBUF_F_TX_UDP_CKSUM
            : RTE_MBUF_F_TX_SCTP_CKSUM);
}

/* Puts the sum of the pseudo header into the checksum's field; for SCTP, which
 * has none, 0. */
void l4_csum_prepare(uint8_t *frame, const struct l4_csum *);

/* Makes the checksum. */
void l4_csum_complete(uint8_t *frame, const struct l4_csum *);

/* Makes the checksum of the 'len' bytes of 'frame' from 'start' on, and puts
 * it 'offset' bytes further, where there is already a part of the sum.  The
 * caller has checked that this is in the frame.  As for UDP, a checksum is not
 * 0. */
void l4_csum_complete_any(uint8_t *frame, uint32_t len, uint32_t start,
                          uint32_t offset);

/* Makes the checksum of the IPv4 header at 'l3', all of which, as long as
 * l4_csum_ip_len() says, is there. */
void l4_csum_complete_ip(uint8_t *l3);

#endif /* l4-csum.h */
