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

/* Virtio-net headers that ask for checksums, and those that tell of them, in
 * chains of all shapes; see test-csum.c for what they mean.
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "test-virtqueue.h"

#include <string.h>

#include "util.h"

/* Ethernet, IPv4, UDP. */
#define LEN 90
#define L3 14
#define L4 34
#define N 6

/* A frame with a UDP packet.  Its number is in its data. */
static void
make_udp(uint8_t *frame, uint8_t number)
{
    static const uint8_t ip[] = { 0x45, 0, 0, LEN - L3, 0, 0, 0, 0, 64, 17 };

    make_frame(frame, LEN);
    frame[12] = 0x08;
    frame[13] = 0x00;
    memcpy(frame + L3, ip, sizeof ip);
    frame[L4 + 4] = 0;
    frame[L4 + 5] = LEN - L4;
    frame[L4 + 8] = number;
}

static const struct virtio_net_hdr none;
static const struct virtio_net_hdr udp = {
    .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = L4, .csum_offset = 6,
};

/* What a guest sends, and what comes of it. */
static const struct {
    struct virtio_net_hdr hdr;
    bool dropped;
    uint64_t ol_flags;
} sent[N] = {
    { .ol_flags = RTE_MBUF_F_TX_UDP_CKSUM,
      .hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = L4,
               .csum_offset = 6 } },
    /* Other members mean nothing without it. */
    { .hdr = { .hdr_len = 1, .csum_start = 65535, .csum_offset = 65535 } },
    /* Guests are not believed. */
    { .hdr = { .flags = VIRTIO_NET_HDR_F_DATA_VALID } },
    { .dropped = true,
      .hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = LEN,
               .csum_offset = 6 } },
    { .ol_flags = RTE_MBUF_F_TX_UDP_CKSUM,
      .hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM
                        | VIRTIO_NET_HDR_F_DATA_VALID,
               .csum_start = L4, .csum_offset = 6 } },
    { .dropped = true,
      .hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
               .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .csum_start = L4,
               .csum_offset = 6 } },
};

static void
transmit(const struct vq_guest_config *config, enum vg_shape shape)
{
    static struct vg_buf bufs[LEN + 32];
    struct rte_mempool *pool = fake_mempool_create(2 * N, POOL_ROOM, 0);
    const bool csum = config->features & F_CSUM;
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    uint8_t frames[N][LEN];
    unsigned int got = 0;
    unsigned int n_dropped = 0;
    struct vq_guest g;

    vg_init(&g, config);
    for (unsigned int i = 0; i < N; i++) {
        const unsigned int n = vg_cut(&g, shape, g.hdr_len + LEN, bufs);
        uint8_t hdr[12] = { 0 };

        make_udp(frames[i], i);
        memcpy(hdr, &sent[i].hdr, sizeof sent[i].hdr);
        vg_write(&g, bufs, n, 0, hdr, g.hdr_len);
        vg_write(&g, bufs, n, g.hdr_len, frames[i], LEN);
        vg_post(&g, bufs, n, n, 0);
    }
    vg_publish(&g);
    for (unsigned int i = 0; i < N; i++) {
        got += virtqueue_dequeue(&g.vq, pool, pkts + got,
                                 VIRTQUEUE_MAX_BURST - got);
    }
    for (unsigned int i = 0, j = 0; i < N; i++) {
        if (sent[i].dropped
            || (!csum && sent[i].hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
            n_dropped++;
        } else if (CHECK(j < got)) {
            check_offload_mbuf(pkts[j++], frames[i], LEN, sent[i].ol_flags);
        }
    }
    CHECK_EQ(got, N - n_dropped);
    CHECK_EQ(g.stats.packets, got);
    CHECK_EQ(g.stats.bytes, got * LEN);
    CHECK_EQ(g.stats.errors[VQ_ERR_HEADER], n_dropped);
    rte_pktmbuf_free_bulk(pkts, got);
    vg_uninit(&g);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

/* What the switch sends, and what a guest that makes checksums is told. */
static const struct {
    uint64_t ol_flags;
    const struct virtio_net_hdr *hdr;
} received[N] = {
    { RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4, &udp },
    { 0, &none },
    { RTE_MBUF_F_RX_L4_CKSUM_GOOD,
      &(const struct virtio_net_hdr) {
          .flags = VIRTIO_NET_HDR_F_DATA_VALID } },
    { RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_RX_L4_CKSUM_GOOD, &udp },
    { RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH, &none },
    { RTE_MBUF_F_RX_L4_CKSUM_BAD, &none },
};

static void
receive(const struct vq_guest_config *config, enum vg_shape shape)
{
    static struct vg_buf bufs[N][LEN + 32];
    struct rte_mempool *pool = fake_mempool_create(2 * N, POOL_ROOM, 0);
    const bool csum = config->features & F_GUEST_CSUM;
    unsigned int n_bufs[N];
    struct rte_mbuf *pkts[N];
    uint8_t frames[N][LEN];
    uint16_t heads[N];
    unsigned int done = 0;
    struct vq_guest g;

    vg_init(&g, config);
    for (unsigned int i = 0; i < N; i++) {
        static const uint8_t rubbish[12] = "rubbish";

        make_udp(frames[i], i);
        pkts[i] = make_mbuf(pool, frames[i], LEN, 1 + i % 2);
        pkts[i]->ol_flags = received[i].ol_flags;
        pkts[i]->tx_offload = 0;
        pkts[i]->l2_len = L3;
        pkts[i]->l3_len = L4 - L3;
        n_bufs[i] = vg_cut(&g, shape, g.hdr_len + LEN, bufs[i]);
        vg_write(&g, bufs[i], n_bufs[i], 0, rubbish, g.hdr_len);
        heads[i] = vg_post(&g, bufs[i], n_bufs[i], n_bufs[i],
                           VRING_DESC_F_WRITE);
    }
    vg_publish(&g);
    vg_snapshot(&g);
    for (unsigned int i = 0; i < N && done < N; i++) {
        done += virtqueue_enqueue(&g.vq, pkts + done, N - done);
    }
    CHECK_EQ(done, N);
    for (unsigned int i = 0; i < N; i++) {
        struct virtio_net_hdr_v1 hdr = { .num_buffers = 1 };

        memcpy(&hdr, csum ? received[i].hdr : &none, sizeof none);
        vg_expect_bufs(&g, bufs[i], n_bufs[i], 0, &hdr, g.hdr_len);
        vg_expect_bufs(&g, bufs[i], n_bufs[i], g.hdr_len, frames[i], LEN);
        vg_expect_used(&g, heads[i], g.hdr_len + LEN);
    }
    vg_check(&g);
    rte_pktmbuf_free_bulk(pkts, N);
    vg_uninit(&g);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

void
test_csum(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint64_t features[] = {
        0, F_VERSION_1, F_CSUM, F_CSUM | F_VERSION_1, F_GUEST_CSUM,
        F_CSUM | F_GUEST_CSUM | F_MRG_RXBUF,
        F_CSUM | F_GUEST_CSUM | F_VERSION_1 | F_MRG_RXBUF | F_EVENT_IDX,
    };

    for (size_t i = 0; i < ARRAY_SIZE(features) * VG_N_SHAPES; i++) {
        const enum vg_shape shape = i % VG_N_SHAPES;
        const struct vq_guest_config config = {
            .features = features[i / VG_N_SHAPES],
            .size = 1024,
            .n_regions = i % 5 ? 1 : 3,
        };

        check_context("%s, features %#"PRIx64, vg_shape_name(shape),
                      config.features);
        transmit(&config, shape);
        receive(&config, shape);
    }
}
