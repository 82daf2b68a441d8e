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

/* Frames of the load generator: what is not done for each frame.  See
 * load-frame.h. */

#include <config.h>

#include "load-frame.h"

#include <linux/virtio_net.h>

#include "csum.h"
#include "packets.h"

/* 02:00:00:00:00:NN and 10.NN.0.0, NN being the number from 1. */
static void
put_mac(uint8_t *p, uint8_t guest)
{
    memset(p, guest == LOAD_BROADCAST ? 0xff : 0, ETH_ADDR_LEN);
    if (guest != LOAD_BROADCAST) {
        p[0] = 0x02;
        p[5] = guest + 1;
    }
}

ovs_be32
load_frame_ip(uint8_t guest)
{
    return htonl(guest == LOAD_BROADCAST
                 ? UINT32_C(0x0affffff)
                 : UINT32_C(0x0a000000) | (guest + 1u) << 16);
}

static void
write_ip(uint8_t *p, uint32_t len, const struct load_template *t)
{
    uint16_t ip_len = len - load_template_tag(t) - LOAD_OFS_IP;

    p[0] = IP_IHL_VER(5, 4);
    p[1] = 0;
    LOAD_PUT(ovs_be16, p + 2, htons(ip_len));
    LOAD_PUT(ovs_be16, p + 4, 0);
    LOAD_PUT(ovs_be16, p + 6, htons(IP_DONT_FRAGMENT));
    p[8] = 64;
    p[9] = IPPROTO_UDP;
    LOAD_PUT(ovs_be16, p + 10, 0);
    LOAD_PUT(ovs_be32, p + 12, load_frame_ip(t->src));
    LOAD_PUT(ovs_be32, p + 16, load_frame_ip(t->dst));
}

uint16_t
load_frame_ip_sum(uint32_t len, const struct load_template *t)
{
    uint8_t ip[IP_HEADER_LEN];

    write_ip(ip, len, t);
    return ~csum(ip, sizeof ip);
}

void
load_frame_write(uint8_t *frame, uint32_t len, const struct load_template *t)
{
    uint16_t udp_len = len - load_template_tag(t) - LOAD_OFS_UDP;
    uint8_t *p = frame + 2 * ETH_ADDR_LEN;

    memset(frame, 0, len);
    put_mac(frame, t->dst);
    put_mac(frame + ETH_ADDR_LEN, t->src);
    if (t->vlan) {
        LOAD_PUT(ovs_be16, p, htons(ETH_TYPE_VLAN));
        LOAD_PUT(ovs_be16, p + 2, htons(t->vlan));
        p += LOAD_VLAN_LEN;
    }
    LOAD_PUT(ovs_be16, p, htons(ETH_TYPE_IP));
    p += 2;
    write_ip(p, len, t);
    LOAD_PUT(ovs_be16, p + 10, csum(p, IP_HEADER_LEN));
    p += IP_HEADER_LEN;
    LOAD_PUT(ovs_be16, p, htons(load_flow_port(0)));
    LOAD_PUT(ovs_be16, p + 2, htons(LOAD_UDP_PORT));
    LOAD_PUT(ovs_be16, p + 4, htons(udp_len));
}

bool
load_bytes_are(const uint8_t *p, size_t n, uint8_t byte)
{
    /* Each is as the one before, and so are all. */
    return !n || (p[0] == byte && !memcmp(p, p + 1, n - 1));
}

bool
load_frame_is_ours(const uint8_t *frame, uint32_t len)
{
    if (len >= LOAD_OFS_SEQ
        && LOAD_GET(ovs_be16, frame + LOAD_OFS_TYPE) == htons(ETH_TYPE_VLAN)) {
        frame += LOAD_VLAN_LEN;
        len -= LOAD_VLAN_LEN;
    }
    return (len >= LOAD_OFS_SEQ
            && LOAD_GET(ovs_be16, frame + LOAD_OFS_TYPE) == htons(ETH_TYPE_IP)
            && frame[LOAD_OFS_IP + 9] == IPPROTO_UDP
            && (frame[LOAD_OFS_IP_SRC] == 10
                || (LOAD_GET(ovs_be16, frame + LOAD_OFS_UDP + 2)
                    == htons(LOAD_UDP_PORT))));
}

void
load_frame_write_header(void *hdr_, const struct load_template *t)
{
    struct virtio_net_hdr *hdr = hdr_;

    memset(hdr, 0, sizeof(struct virtio_net_hdr_mrg_rxbuf));
    if (t->partial) {
        hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        hdr->csum_start = LOAD_OFS_UDP + load_template_tag(t);
        hdr->csum_offset = LOAD_OFS_UDP_CSUM - LOAD_OFS_UDP;
    }
}

static uint32_t
pseudo_sum(const uint8_t *p, uint32_t len)
{
    uint32_t sum = csum_continue(0, p + LOAD_OFS_IP_SRC, 8);

    sum = csum_add16(sum, htons(IPPROTO_UDP));
    return csum_add16(sum, htons(len - LOAD_OFS_UDP));
}

void
load_frame_write_pseudo(uint8_t *p, uint32_t len)
{
    LOAD_PUT(uint16_t, p + LOAD_OFS_UDP_CSUM,
             ~csum_finish(pseudo_sum(p, len)));
}

bool
load_frame_is_summed(const void *hdr_, const uint8_t *frame, uint32_t len,
                     bool whole)
{
    const struct virtio_net_hdr *hdr = hdr_;
    uint32_t tag = 0;

    if (!load_frame_is_ours(frame, len)) {
        return true;
    }
    if (LOAD_GET(ovs_be16, frame + LOAD_OFS_TYPE) == htons(ETH_TYPE_VLAN)) {
        tag = LOAD_VLAN_LEN;
    }

    const uint8_t *p = frame + tag;
    const uint16_t sum = LOAD_GET(uint16_t, p + LOAD_OFS_UDP_CSUM);
    const uint32_t pseudo = pseudo_sum(p, len - tag);

    if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        return (hdr->csum_start == LOAD_OFS_UDP + tag
                && hdr->csum_offset == LOAD_OFS_UDP_CSUM - LOAD_OFS_UDP
                && sum == (uint16_t) ~csum_finish(pseudo));
    }
    return (!whole || !sum
            || !csum_finish(csum_continue(pseudo, p + LOAD_OFS_UDP,
                                          len - tag - LOAD_OFS_UDP)));
}
