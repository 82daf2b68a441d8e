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

/* Tests checksums that are left to others: what becomes of requests in headers
 * of guests, of frames on their way out, and what headers tell guests.  The
 * reference are Open vSwitch's own functions, and plain loops.
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "netdev-dpdk-csum.h"
#include "virtio-net-hdr.h"

#include <string.h>

#include "check.h"
#include "crc32c.h"
#include "csum.h"
#include "dp-packet.h"
#include "fake-mempool.h"
#include "random.h"
#include "util.h"

/* A frame with a packet of a protocol. */
struct frame_spec {
    const char *name;
    unsigned int n_tags;        /* VLAN tags. */
    uint8_t version;            /* Of IP. */
    uint8_t proto;
    uint16_t l4_len;            /* Header and data. */
    uint8_t options;            /* Bytes of options of IPv4. */
    uint16_t frag;              /* Flags and offset of IPv4. */
    uint16_t padding;           /* Bytes behind the packet... */
    uint16_t cut;               /* ...or missing at its end. */
};

#define SPEC(NAME, N_TAGS, VERSION, PROTO, ...)                         \
    { .name = NAME, .n_tags = N_TAGS, .version = VERSION, .proto = PROTO, \
      .l4_len = __VA_ARGS__ }

struct frame {
    uint8_t data[2048];
    uint32_t len;
    uint32_t l3, l4;
};

#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP
#define SCTP IPPROTO_SCTP

static void
put16(uint8_t *p, uint16_t value)
{
    p[0] = value >> 8;
    p[1] = value;
}

static void
make_frame(struct frame *f, const struct frame_spec *s)
{
    uint8_t *p = f->data + 2 * ETH_ADDR_LEN;

    random_bytes(f->data, sizeof f->data);
    f->data[0] &= ~1;
    for (unsigned int i = 0; i < s->n_tags; i++, p += VLAN_HEADER_LEN) {
        put16(p, i + 1 < s->n_tags ? ETH_TYPE_VLAN_8021AD
                 : ETH_TYPE_VLAN_8021Q);
    }
    put16(p, s->version == 4 ? ETH_TYPE_IP : ETH_TYPE_IPV6);
    f->l3 = p + 2 - f->data;
    p = f->data + f->l3;
    if (s->version == 4) {
        const uint8_t ip_len = IP_HEADER_LEN + s->options;

        p[0] = 0x40 | ip_len / 4;
        put16(p + 2, ip_len + s->l4_len);
        put16(p + 6, s->frag);
        p[9] = s->proto;
        put16(p + 10, 0);
        put16(p + 10, ntohs(csum(p, ip_len)));
        f->l4 = f->l3 + ip_len;
    } else {
        p[0] = 0x60;
        put16(p + 4, s->l4_len);
        p[6] = s->proto;
        f->l4 = f->l3 + IPV6_HEADER_LEN;
    }
    if (s->proto == UDP) {
        put16(f->data + f->l4 + 4, s->l4_len);
    }
    f->len = f->l4 + s->l4_len + s->padding - s->cut;
}

/* What Open vSwitch takes the sum of the pseudo header for. */
static uint32_t
pseudo_header(const struct frame *f, const struct frame_spec *s)
{
    const void *l3 = f->data + f->l3;

    return (s->version == 4 ? packet_csum_pseudoheader(l3)
            : packet_csum_pseudoheader6(l3));
}

/* True if the packet of 'f' has the checksum that it should have. */
static bool
has_checksum(const struct frame *f, const struct frame_spec *s)
{
    uint8_t *l4 = xmemdup(f->data + f->l4, s->l4_len);
    bool ok;

    if (s->proto == SCTP) {
        ovs_be32 sum, good;

        memcpy(&sum, l4 + 8, sizeof sum);
        memset(l4 + 8, 0, sizeof sum);
        good = crc32c(l4, s->l4_len);
        ok = sum == good;
    } else {
        ok = !csum_finish(csum_continue(pseudo_header(f, s), l4, s->l4_len))
             && (s->proto == TCP || l4[6] || l4[7]);
    }
    free(l4);
    return ok;
}


/* Requests in headers of guests. */

enum fate { DROP, FLAG, DONE };

struct request {
    struct frame_spec frame;
    int start;                  /* From the IP header's end. */
    int offset;                 /* From there. */
    enum fate fate;
};

static const struct request requests[] = {
    { SPEC("TCP", 0, 4, TCP, 60), 0, 16, FLAG },
    { SPEC("UDP", 0, 4, UDP, 30), 0, 6, FLAG },
    { SPEC("SCTP", 0, 4, SCTP, 60), 0, 8, FLAG },
    { SPEC("TCP, IPv6", 0, 6, TCP, 1000), 0, 16, FLAG },
    { SPEC("UDP, IPv6", 0, 6, UDP, 8), 0, 6, FLAG },
    { SPEC("TCP, tag", 1, 4, TCP, 20), 0, 16, FLAG },
    { SPEC("TCP, IPv6, two tags", 2, 6, TCP, 20), 0, 16, FLAG },
    { SPEC("TCP, options", 0, 4, TCP, 61, .options = 40), 0, 16, FLAG },
    { SPEC("UDP, padding", 0, 4, UDP, 18, .padding = 7), 0, 6, FLAG },

    /* Not what the datapath has flags for. */
    { SPEC("another protocol", 0, 4, IPPROTO_ICMP, 40), 0, 2, DONE },
    { SPEC("inside of UDP", 0, 4, UDP, 300), 8 + 8 + 14 + 20, 16, DONE },
    { SPEC("inside of UDP, odd end", 1, 6, UDP, 301), 50, 6, DONE },
    { SPEC("a fragment", 0, 4, TCP, 60, .frag = IP_MORE_FRAGMENTS), 0, 16,
      DONE },
    { SPEC("last fragment", 0, 4, UDP, 60, .frag = 1), 0, 6, DONE },
    { SPEC("cut", 0, 4, TCP, 60, .cut = 1), 0, 16, DONE },
    { SPEC("extension header", 0, 6, IPPROTO_DSTOPTS, 60), 8, 16, DONE },
    { SPEC("checksum at the end", 0, 4, UDP, 60), 50, 8, DONE },

    /* Lies. */
    { SPEC("TCP as UDP", 0, 4, TCP, 60), 0, 6, DROP },
    { SPEC("UDP as TCP", 0, 4, UDP, 60), 0, 16, DROP },
    { SPEC("SCTP as TCP", 0, 6, SCTP, 60), 0, 16, DROP },
    { SPEC("offset 0", 0, 4, TCP, 60), 0, 0, DROP },
    { SPEC("odd start", 0, 4, UDP, 60), 9, 6, DROP },
    { SPEC("odd offset", 0, 4, UDP, 60), 8, 5, DROP },
    { SPEC("in the IP header", 0, 4, TCP, 60), -2, 16, DROP },
    { SPEC("in IPv4's options", 0, 4, TCP, 60, .options = 8), -4, 16, DROP },
    { SPEC("in the IPv6 header", 0, 6, TCP, 60), -20, 16, DROP },
    { SPEC("at the IP header", 0, 4, TCP, 60), -20, 10, DROP },
    { SPEC("in the tag", 1, 4, TCP, 60), -22, 16, DROP },
    { SPEC("at the beginning", 0, 4, TCP, 60), -34, 16, DROP },
    { SPEC("a byte beyond", 0, 4, UDP, 61), 50, 10, DROP },
    { SPEC("beyond", 0, 4, UDP, 60), 60, 0, DROP },
    { SPEC("far start", 0, 4, UDP, 60), 65534 - 34, 0, DROP },
    { SPEC("far offset", 0, 4, UDP, 60), 0, 65534, DROP },
    { SPEC("both far", 0, 4, UDP, 60), 65534 - 34, 65534, DROP },
    { SPEC("cut in the IP header", 0, 4, UDP, 8, .cut = 9), 0, 6, DROP },
    { SPEC("cut in the IPv6 header", 0, 6, UDP, 8, .cut = 9), -26, 6, DROP },
    { SPEC("five tags", 5, 4, TCP, 60), 0, 16, DROP },
};

/* Requests for frames with another 16 bits so many bytes after the beginning
 * of the IP header. */
static const struct {
    struct request request;
    int ofs;
    uint16_t value;
} odd_requests[] = {
    { { SPEC("no IP", 0, 4, TCP, 60), 0, 16, DROP }, -2, 0x88b5 },
    { { SPEC("IPv4 that says it is IPv6", 0, 4, TCP, 60), 0, 16, DROP },
      -2, ETH_TYPE_IPV6 },
    { { SPEC("IPv6 that says it is IPv4", 0, 6, TCP, 1000), 0, 16, DROP },
      -2, ETH_TYPE_IP },
    { { SPEC("an IPv4 header of 16 bytes", 0, 4, TCP, 60), 0, 16, DROP },
      0, 0x4400 },

    /* Lengths that disagree: only who asked knows what is meant. */
    { { SPEC("UDP shorter than IP", 0, 4, UDP, 60), 0, 6, DONE },
      IP_HEADER_LEN + 4, 59 },
    { { SPEC("IP shorter than TCP's header", 0, 4, TCP, 60), 0, 16, DONE },
      2, IP_HEADER_LEN + 19 },
};

static void
test_request(struct rte_mempool *pool, const struct request *r,
             const struct frame *f)
{
    const int start = f->l4 + r->start;
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    struct frame expected = *f;
    uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

    memcpy(rte_pktmbuf_append(m, f->len), f->data, f->len);
    CHECK_EQ(virtio_net_hdr_to_mbuf(m, start, r->offset), r->fate != DROP);
    CHECK_EQ(m->pkt_len, f->len);
    if (r->fate == FLAG) {
        const uint8_t proto = r->frame.proto;

        CHECK_EQ(m->ol_flags, proto == TCP ? RTE_MBUF_F_TX_TCP_CKSUM
                              : proto == UDP ? RTE_MBUF_F_TX_UDP_CKSUM
                              : RTE_MBUF_F_TX_SCTP_CKSUM);
    } else {
        CHECK_EQ(m->ol_flags, 0);
    }
    if (r->fate == DONE) {
        const ovs_be16 sum = csum(f->data + start, f->len - start);

        memcpy(expected.data + start + r->offset, &sum, sizeof sum);
    }
    CHECK_MEM(data, expected.data, f->len);
    rte_pktmbuf_free(m);
}

static void
test_to_mbuf(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct rte_mempool *pool = fake_mempool_create(1, 2300, 0);
    struct frame f;

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        const struct request *r = &requests[i];

        check_context("%s", r->frame.name);
        make_frame(&f, &r->frame);
        test_request(pool, r, &f);
    }

    for (size_t i = 0; i < ARRAY_SIZE(odd_requests); i++) {
        const struct request *r = &odd_requests[i].request;

        check_context("%s", r->frame.name);
        make_frame(&f, &r->frame);
        put16(f.data + f.l3 + odd_requests[i].ofs, odd_requests[i].value);
        test_request(pool, r, &f);
    }

    /* Any header, any frame: no more than a frame can be touched, which a
     * sanitizer sees. */
    check_context("random");
    for (int i = 0; i < 20000; i++) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
        const struct frame_spec *s
            = &requests[random_range(ARRAY_SIZE(requests))].frame;
        uint32_t len;

        make_frame(&f, s);
        len = ETH_HEADER_LEN + random_range(f.len - ETH_HEADER_LEN + 1);
        f.data[f.l3 + random_range(8)] = random_uint8();
        memcpy(rte_pktmbuf_append(m, len), f.data, len);
        virtio_net_hdr_to_mbuf(m, random_range(len + 4), random_range(40));
        CHECK_EQ(m->pkt_len, len);
        rte_pktmbuf_free(m);
    }
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}


/* What headers tell guests. */

static void
test_from_mbuf(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const struct {
        const char *name;
        uint64_t ol_flags;
        struct virtio_net_hdr hdr;
    } cases[] = {
        { "nothing", 0, { 0 } },
        { "TCP", RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4,
          { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 58,
            .csum_offset = 16 } },
        { "UDP", RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6,
          { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 58,
            .csum_offset = 6 } },
        /* No guest can do that. */
        { "SCTP", RTE_MBUF_F_TX_SCTP_CKSUM | RTE_MBUF_F_TX_IPV4, { 0 } },
        { "good", RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD,
          { .flags = VIRTIO_NET_HDR_F_DATA_VALID } },
        { "to be made, after it was good",
          RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_TX_TCP_CKSUM,
          { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 58,
            .csum_offset = 16 } },
        { "bad", RTE_MBUF_F_RX_L4_CKSUM_BAD, { 0 } },
        { "none", RTE_MBUF_F_RX_L4_CKSUM_NONE, { 0 } },
        { "good IP header", RTE_MBUF_F_RX_IP_CKSUM_GOOD, { 0 } },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct rte_mbuf m = {
            .ol_flags = cases[i].ol_flags,
            .l2_len = 18,
            .l3_len = 40,
        };
        struct virtio_net_hdr hdr;
        uint16_t csum_offset = 12345;
        uint64_t first;

        check_context("%s", cases[i].name);
        first = virtio_net_hdr_from_mbuf(&m, &csum_offset);
        memcpy(&hdr, &first, sizeof first);
        hdr.csum_offset = csum_offset;
        CHECK_MEM(&hdr, &cases[i].hdr, sizeof hdr);
    }
}


/* Frames on their way out. */

/* Sends a frame like 's', in which the datapath has changed this and that,
 * with 'flags'.  'cut' bytes are missing.  'known': Open vSwitch knows where
 * the headers are. */
static void
send_one(const struct frame_spec *s, uint64_t flags, unsigned int able,
         int cut, bool known, enum fate fate)
{
    struct netdev_dpdk dev = { .up.name = CONST_CAST(char *, "p") };
    struct dp_packet_batch batch;
    struct dp_packet *packet;
    struct frame f;

    make_frame(&f, s);
    f.len -= cut;
    packet = dp_packet_clone_data_with_headroom(f.data, f.len, 128);
    packet->mbuf.ol_flags = flags;
    packet->mbuf.tx_offload = UINT64_MAX;
    dp_packet_reset_offsets(packet);
    if (known) {
        packet->l3_ofs = f.l3;
        packet->l4_ofs = f.l4;
    }
    dp_packet_batch_init_packet(&batch, packet);
    netdev_dpdk_csum_send__(&dev, &batch, able);

    CHECK_EQ(batch.count, fate != DROP);
    CHECK_EQ(netdev_dpdk_get_drops(&dev, NETDEV_DPDK_DROP_TX_HWOL),
             fate == DROP);
    if (fate == DROP) {
        return;
    }

    struct frame got = f;

    memcpy(got.data, dp_packet_data(packet), f.len);
    if (fate == FLAG) {
        const uint32_t field = f.l4 + (s->proto == TCP ? 16 : 6);
        const ovs_be16 sum = ~csum_finish(pseudo_header(&f, s));

        CHECK_EQ(packet->mbuf.ol_flags,
                 (flags & ~RTE_MBUF_F_TX_IPV4)
                 | (s->version == 4 ? RTE_MBUF_F_TX_IPV4
                    : RTE_MBUF_F_TX_IPV6));
        CHECK_EQ(packet->mbuf.l2_len, f.l3);
        CHECK_EQ(packet->mbuf.l3_len, f.l4 - f.l3);
        CHECK_MEM(got.data + field, &sum, sizeof sum);
        memcpy(f.data + field, &sum, sizeof sum);
    } else {
        CHECK_EQ(packet->mbuf.ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
        if (!cut && flags & RTE_MBUF_F_TX_L4_MASK) {
            const uint32_t field = f.l4 + (s->proto == TCP ? 16
                                           : s->proto == UDP ? 6 : 8);
            const size_t n = s->proto == SCTP ? 4 : 2;

            CHECK(has_checksum(&got, s));
            memcpy(f.data + field, got.data + field, n);
        }
    }
    CHECK_MEM(got.data, f.data, f.len);
    dp_packet_delete(packet);
}

static void
test_send(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const struct frame_spec frames[] = {
        SPEC("TCP", 0, 4, TCP, 60),
        SPEC("TCP, tag, options", 1, 4, TCP, 1437, .options = 12),
        SPEC("TCP, IPv6", 0, 6, TCP, 1001),
        SPEC("UDP", 0, 4, UDP, 30, .padding = 2),
        SPEC("UDP, IPv6, tags", 2, 6, UDP, 9),
        SPEC("SCTP", 0, 4, SCTP, 60),
        SPEC("SCTP, IPv6", 0, 6, SCTP, 61),
    };
    const unsigned int all = (NETDEV_DPDK_CSUM_TCP | NETDEV_DPDK_CSUM_UDP
                              | NETDEV_DPDK_CSUM_SCTP);

    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        const struct frame_spec *s = &frames[i];
        const uint64_t flags = l4_csum_flag(s->proto);
        const unsigned int bit = (s->proto == TCP ? NETDEV_DPDK_CSUM_TCP
                                  : s->proto == UDP ? NETDEV_DPDK_CSUM_UDP
                                  : NETDEV_DPDK_CSUM_SCTP);

        for (int known = 0; known < 2; known++) {
            check_context("%s, %s", s->name, known ? "known" : "to be found");
            if (s->proto != SCTP) {
                send_one(s, flags, bit, 0, known, FLAG);
                send_one(s, flags | RTE_MBUF_F_TX_IPV4, all, 0, known, FLAG);
            }
            send_one(s, flags, 0, 0, known, DONE);
            send_one(s, flags, all & ~bit, 0, known, DONE);
            send_one(s, flags, all, 1 + s->padding, known, DONE);
            send_one(s, 0, all, 0, known, DONE);
        }
    }

    const struct frame_spec icmp = SPEC("ICMP", 0, 4, IPPROTO_ICMP, 60);
    const struct frame_spec frag = SPEC("fragment", 0, 4, TCP, 60,
                                     .frag = IP_MORE_FRAGMENTS);

    check_context("flags that cannot be");
    send_one(&icmp, RTE_MBUF_F_TX_TCP_CKSUM, all, 0, true, DROP);
    send_one(&frag, RTE_MBUF_F_TX_TCP_CKSUM, all, 0, true, DROP);
    send_one(&frames[0], RTE_MBUF_F_TX_TCP_CKSUM, all, 59 + 20, true, DROP);
}

/* The checksum of an IP header of which Open vSwitch took no care. */
static void
test_ip(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const struct frame_spec s = SPEC("TCP", 0, 4, TCP, 60, .options = 4);
    struct netdev_dpdk dev = { .up.name = CONST_CAST(char *, "p") };

    for (int bad = 0; bad < 2; bad++) {
        struct dp_packet_batch batch;
        struct dp_packet *packet;
        struct frame f;

        make_frame(&f, &s);
        f.data[f.l3 + 8] += bad;
        packet = dp_packet_clone_data_with_headroom(f.data, f.len, 128);
        dp_packet_reset_offsets(packet);
        packet->mbuf.ol_flags = RTE_MBUF_F_TX_IPV4;
        dp_packet_batch_init_packet(&batch, packet);
        netdev_dpdk_csum_send__(&dev, &batch, 0);
        CHECK_EQ(batch.count, 1);
        CHECK_EQ(csum((uint8_t *) dp_packet_data(packet) + f.l3,
                      IP_HEADER_LEN + s.options), 0);
        CHECK_EQ(packet->mbuf.ol_flags, 0);
        dp_packet_delete(packet);
    }
}

int
main(int argc, char *argv[])
{
    static const struct check_test tests[] = {
        { "to-mbuf", test_to_mbuf },
        { "from-mbuf", test_from_mbuf },
        { "send", test_send },
        { "ip", test_ip },
        { NULL, NULL },
    };

    set_program_name(argv[0]);
    random_set_seed(1);
    return check_main(argc, argv, tests);
}
