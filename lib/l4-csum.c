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

/* Checksums that are still to be made; see l4-csum.h. */

#include <config.h>

#include "l4-csum.h"

#include <string.h>

#include <rte_hash_crc.h>
#include <rte_ip.h>

#include "csum.h"
#include "unaligned.h"
#include "util.h"

/* Tags before an IP header.  More than two are of no use to anybody. */
#define MAX_TAGS 4

static uint16_t
get_be16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

uint32_t
l4_csum_find_ip(const uint8_t *frame, uint32_t len)
{
    uint32_t ofs = ETH_HEADER_LEN;

    for (int i = 0; i <= MAX_TAGS && ofs + IP_HEADER_LEN <= len; i++) {
        const uint16_t type = get_be16(frame + ofs - 2);
        const uint8_t version = frame[ofs] >> 4;

        if (type == ETH_TYPE_IP) {
            return version == 4 ? ofs : 0;
        } else if (type == ETH_TYPE_IPV6) {
            return version == 6 && ofs + IPV6_HEADER_LEN <= len ? ofs : 0;
        } else if (!eth_type_vlan(htons(type))) {
            return 0;
        }
        ofs += VLAN_HEADER_LEN;
    }
    return 0;
}

enum l4_csum_kind
l4_csum_parse(const uint8_t *frame, uint32_t len, uint32_t l3_ofs,
              struct l4_csum *c)
{
    const uint8_t *l3 = frame + l3_ofs;
    const uint32_t left = len - l3_ofs;
    uint32_t l3_len, l4_len, shortest;

    if (left < IP_HEADER_LEN) {
        return L4_CSUM_OTHER;
    }
    l3_len = l4_csum_ip_len(l3);
    c->ipv6 = l3_len && l3[0] >> 4 == 6;
    if (OVS_LIKELY(l3_len && !c->ipv6)) {
        const uint32_t total
            = get_be16(l3 + offsetof(struct ip_header, ip_tot_len));
        const uint16_t frag
            = get_be16(l3 + offsetof(struct ip_header, ip_frag_off));

        if (total < l3_len || frag & (IP_MORE_FRAGMENTS | IP_FRAG_OFF_MASK)) {
            return L4_CSUM_OTHER;
        }
        c->proto = l3[offsetof(struct ip_header, ip_proto)];
        l4_len = total - l3_len;
    } else if (c->ipv6 && left >= IPV6_HEADER_LEN) {
        l4_len = get_be16(l3 + offsetof(struct ovs_16aligned_ip6_hdr,
                                        ip6_ctlun.ip6_un1.ip6_un1_plen));
        c->proto = l3[offsetof(struct ovs_16aligned_ip6_hdr,
                               ip6_ctlun.ip6_un1.ip6_un1_nxt)];
    } else {
        return L4_CSUM_OTHER;
    }

    if (c->proto == IPPROTO_TCP) {
        shortest = TCP_HEADER_LEN;
    } else if (c->proto == IPPROTO_UDP) {
        shortest = UDP_HEADER_LEN;
    } else if (c->proto == IPPROTO_SCTP) {
        shortest = SCTP_HEADER_LEN;
    } else {
        return L4_CSUM_OTHER;
    }
    if (l4_len < shortest) {
        return L4_CSUM_OTHER;
    }
    if (left < l3_len + l4_len) {
        return L4_CSUM_CUT;
    }
    if (c->proto == IPPROTO_UDP
        && get_be16(l3 + l3_len + offsetof(struct udp_header, udp_len))
           != l4_len) {
        return L4_CSUM_OTHER;
    }
    c->l3_ofs = l3_ofs;
    c->l4_ofs = l3_ofs + l3_len;
    c->l4_len = l4_len;
    return L4_CSUM_OK;
}


/* Sum of the pseudo header. */
static uint16_t
pseudo_sum(const uint8_t *frame, const struct l4_csum *c)
{
    const void *l3 = frame + c->l3_ofs;

    /* They look at what l4_csum_parse() looked at.  Open vSwitch is quicker
     * with the one, DPDK with the other. */
    return (c->ipv6 ? rte_ipv6_phdr_cksum(l3, 0)
            : (uint16_t) ~csum_finish(packet_csum_pseudoheader(l3)));
}

static void
put_sum(uint8_t *p, uint16_t sum)
{
    memcpy(p, &sum, sizeof sum);
}

void
l4_csum_prepare(uint8_t *frame, const struct l4_csum *c)
{
    uint8_t *field = frame + c->l4_ofs + l4_csum_offset(c->proto);

    if (OVS_UNLIKELY(c->proto == IPPROTO_SCTP)) {
        put_unaligned_be32((ovs_be32 *) field, 0);
    } else {
        put_sum(field, pseudo_sum(frame, c));
    }
}

/* Stores the CRC32c of 'len' bytes at 'p' to 'dst', as SCTP has it (RFC 9260,
 * appendix A).  A guest can make us do this for each of its frames, so that it
 * has to be quick: CPUs have an instruction for it, which DPDK finds, and Open
 * vSwitch's crc32c() takes six cycles a byte. */
static void
put_crc(uint8_t *dst, const uint8_t *p, uint32_t len)
{
    uint32_t crc = UINT32_MAX;

    /* rte_hash_crc() wants words where they belong. */
    for (; len && (uintptr_t) p % sizeof(uint64_t); len--) {
        crc = rte_hash_crc_1byte(*p++, crc);
    }
    crc = rte_cpu_to_le_32(~rte_hash_crc(p, len, crc));
    memcpy(dst, &crc, sizeof crc);
}

void
l4_csum_complete(uint8_t *frame, const struct l4_csum *c)
{
    uint8_t *l4 = frame + c->l4_ofs;

    l4_csum_prepare(frame, c);
    if (OVS_UNLIKELY(c->proto == IPPROTO_SCTP)) {
        put_crc(l4 + l4_csum_offset(c->proto), l4, c->l4_len);
    } else {
        l4_csum_complete_any(frame, c->l4_ofs + c->l4_len, c->l4_ofs,
                             l4_csum_offset(c->proto));
    }
}

void
l4_csum_complete_any(uint8_t *frame, uint32_t len, uint32_t start,
                     uint32_t offset)
{
    const uint16_t sum = ~rte_raw_cksum(frame + start, len - start);

    put_sum(frame + start + offset, sum ? sum : UINT16_MAX);
}

void
l4_csum_complete_ip(uint8_t *l3)
{
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *) l3;

    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}
