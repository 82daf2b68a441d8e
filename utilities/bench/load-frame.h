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

#ifndef LOAD_FRAME_H
#define LOAD_FRAME_H 1

/* Frames of the load generator
 * ============================
 *
 * Ethernet, perhaps a VLAN tag, IPv4 and UDP.  The payload begins with
 *
 *     bytes  0-3   sequence number
 *            4-7   check word, see load_frame_check()
 *            8-15  bits 0-47 TSC when it was sent, 48-55 number of the trial,
 *                  56-63 number of the stream
 *
 * in the machine's own byte order, so that all that is needed to judge a frame
 * is in its first 64 bytes.  All other bytes of the payload are the same.
 *
 * Flow 'f' of a trial has f % 65536 in the lower half of its IPv4 source
 * address, and a UDP source port that differs between flows with the same
 * address and mostly otherwise.
 *
 * Thread-safety: pure functions, but for the frame they are given. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "openvswitch/types.h"
#include "util.h"

/* Offsets from the beginning of a frame without VLAN tag. */
#define LOAD_OFS_TYPE 12
#define LOAD_OFS_IP 14
#define LOAD_OFS_IP_CSUM 24
#define LOAD_OFS_IP_SRC 26
#define LOAD_OFS_IP_DST 30
#define LOAD_OFS_UDP 34
#define LOAD_OFS_UDP_CSUM 40
#define LOAD_OFS_SEQ 42
#define LOAD_OFS_STAMP 50
#define LOAD_OFS_BODY 58
#define LOAD_MIN_FRAME 64

#define LOAD_VLAN_LEN 4
#define LOAD_UDP_PORT 9         /* "discard". */

#define LOAD_TSC_MASK ((UINT64_C(1) << 48) - 1)

#define LOAD_GET(TYPE, P) ({ TYPE v__; memcpy(&v__, P, sizeof v__); v__; })
#define LOAD_PUT(TYPE, P, V) do {               \
        TYPE v__ = (V);                         \
        memcpy(P, &v__, sizeof v__);            \
    } while (0)

/* What all frames of a stream have in common. */
struct load_template {
    uint8_t src, dst;           /* Guests, from 0; 'dst' may be... */
    uint16_t vlan;              /* 0 for none. */
    bool partial;               /* Leave the UDP checksum to the other side. */
};
#define LOAD_BROADCAST 0xff

/* Bytes of VLAN tag of a frame made from the template. */
static inline unsigned int
load_template_tag(const struct load_template *t)
{
    return t->vlan ? LOAD_VLAN_LEN : 0;
}

/* Writes a whole frame of 'len' bytes. */
void load_frame_write(uint8_t *frame, uint32_t len,
                      const struct load_template *);

/* Address of a guest in flow 0: 10.NN.0.0, NN being its number from 1. */
ovs_be32 load_frame_ip(uint8_t guest);

/* Sum of what IPv4's checksum covers, for a frame of 'len' bytes in flow 0. */
uint16_t load_frame_ip_sum(uint32_t len, const struct load_template *);

/* True if the 'n' bytes at 'p' are all 'byte'. */
bool load_bytes_are(const uint8_t *p, size_t n, uint8_t byte);

/* True if 'frame', which failed the check, is one of ours that was changed,
 * false if somebody else sent it. */
bool load_frame_is_ours(const uint8_t *frame, uint32_t len);

/* True unless a received frame that load_frame_is_ours() has a UDP checksum
 * that is wrong, or still to be made, but not as 'hdr', its virtio-net header,
 * says.  Of the former only what is 'whole' can be told. */
bool load_frame_is_summed(const void *hdr, const uint8_t *frame, uint32_t len,
                          bool whole);

/* Prepares the 'partial' flags of a virtio-net header. */
void load_frame_write_header(void *hdr, const struct load_template *);

/* Has the UDP checksum cover the pseudo-header alone, which is what a driver
 * leaves to do for the other side.  'p' is a frame of 'len' bytes without its
 * tag, for all but its addresses, which stay where they are. */
void load_frame_write_pseudo(uint8_t *p, uint32_t len);

/* Check word: changes with anything in a frame of 'len' bytes without its tag
 * that tells frames apart.  'ip_src' and 'ports' are as in the frame. */
static inline uint32_t
load_frame_check(uint32_t seq, uint32_t magic, uint32_t len, uint32_t ip_src,
                 uint32_t ip_dst, uint32_t ports)
{
    return (seq * UINT32_C(0x9e3779b1) ^ magic ^ len << 16 ^ ip_src
            ^ ip_dst * 3 ^ (ports << 7 | ports >> 25));
}

static inline uint32_t
load_frame_magic(uint8_t stream, uint8_t trial)
{
    return UINT32_C(0x5bd1e995) * (stream << 8 | trial | 1 << 16);
}

/* The two halves of a checksum, folded. */
static inline uint16_t
load_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

/* Source port of flow 'flow'. */
static inline uint16_t
load_flow_port(uint32_t flow)
{
    return 0x4000 + ((flow + (flow >> 16)) & 0x3fff);
}

#endif /* load-frame.h */
