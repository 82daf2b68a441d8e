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

/* Virtio-net headers of frames from guests; see virtio-net-hdr.h. */

#include <config.h>

#include "virtio-net-hdr.h"

bool
virtio_net_hdr_to_mbuf(struct rte_mbuf *m, uint16_t csum_start,
                       uint16_t csum_offset)
{
    uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
    const uint32_t len = m->pkt_len;
    const uint32_t end = csum_start + csum_offset + sizeof(ovs_be16);
    const uint32_t l3_ofs = l4_csum_find_ip(frame, len);
    struct l4_csum c;

    if (OVS_UNLIKELY(end > len || !l3_ofs
                     || (csum_start | csum_offset) % sizeof(ovs_be16))) {
        return false;
    }
    if (OVS_LIKELY(l4_csum_parse(frame, len, l3_ofs, &c) == L4_CSUM_OK
                   && c.l4_ofs == csum_start)) {
        if (OVS_UNLIKELY(csum_offset != l4_csum_offset(c.proto))) {
            return false;
        }
        m->ol_flags |= l4_csum_flag(c.proto);
        return true;
    }

    const uint32_t l3_len = l4_csum_ip_len(frame + l3_ofs);

    if (!l3_len || csum_start < l3_ofs + l3_len) {
        return false;
    }
    l4_csum_complete_any(frame, len, csum_start, csum_offset);
    return true;
}
