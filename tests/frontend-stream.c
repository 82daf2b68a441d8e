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


/* Streams of numbered frames, for the test front end.  See
 * frontend-stream.h. */

#include <config.h>

#include "frontend-stream.h"

#include <stdlib.h>

#include "bitmap.h"
#include "csum.h"
#include "frontend-guest.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "packets.h"
#include "random.h"
#include "timeval.h"
#include "util.h"

/* A sender that hears nothing for so long, in ms, takes what is under way as
 * lost. */
#define ACK_TIMEOUT 500

/* Frames sent in one go before the guest looks after something else. */
#define SEND_BURST (4 * FE_BURST)

#define MAGIC_DATA 0x76644154
#define MAGIC_ACK  0x7661634b

#define UDP_PORT 47787

/* Behind the UDP header.  Fields are in host byte order: both ends are on the
 * same machine. */
OVS_PACKED(
struct stream_header {
    uint32_t magic;
    uint32_t id;
    uint32_t seq;
    uint32_t total;             /* Frames in the stream. */
    uint16_t want_ack;
});

#define HEADERS_LEN (ETH_HEADER_LEN + IP_HEADER_LEN + UDP_HEADER_LEN)
BUILD_ASSERT_DECL(HEADERS_LEN + sizeof(struct stream_header)
                  == STREAM_MIN_SIZE);

struct peer {
    struct eth_addr mac;
    uint32_t n_acked;
};

struct sender {
    struct hmap_node node;      /* In streams->sending. */
    uint32_t id;
    struct stream_config config;
    uint32_t n_sent;
    uint32_t n_acked;           /* By all receivers. */
    struct peer peers[STREAM_MAX_RECEIVERS];
    size_t n_peers;             /* Receivers heard of. */
    uint32_t n_stalls;          /* Times it gave frames up. */
    uint32_t size;              /* Of the next frame. */
    long long int deadline;     /* For an acknowledgment. */
    long long int next_at;      /* When the next may be sent, in ms. */
};

struct receiver {
    struct hmap_node node;      /* In streams->receiving. */
    uint32_t id;
    uint32_t total;
    uint32_t next;              /* One more than the highest number seen. */
    unsigned long *seen;
    uint64_t n_received;        /* Each number counted once. */
    uint64_t n_reordered, n_corrupted, n_duplicated;
    uint64_t bytes;
};

/* Receivers keep a bit for each frame of a stream. */
#define MAX_TOTAL (UINT32_C(1) << 28)

void
streams_init(struct streams *s)
{
    hmap_init(&s->sending);
    hmap_init(&s->receiving);
    s->blocked = false;
}

static struct sender *
sender_find(const struct streams *s, uint32_t id)
{
    struct sender *t;

    HMAP_FOR_EACH_WITH_HASH (t, node, id, &s->sending) {
        return t;
    }
    return NULL;
}

static struct receiver *
receiver_find(const struct streams *s, uint32_t id)
{
    struct receiver *r;

    HMAP_FOR_EACH_WITH_HASH (r, node, id, &s->receiving) {
        return r;
    }
    return NULL;
}

void
streams_clear(struct streams *s)
{
    struct receiver *r;
    struct sender *t;

    HMAP_FOR_EACH_SAFE (t, node, &s->sending) {
        hmap_remove(&s->sending, &t->node);
        free(t);
    }
    HMAP_FOR_EACH_SAFE (r, node, &s->receiving) {
        hmap_remove(&s->receiving, &r->node);
        free(r->seen);
        free(r);
    }
}

void
streams_destroy(struct streams *s)
{
    streams_clear(s);
    hmap_destroy(&s->sending);
    hmap_destroy(&s->receiving);
}

/* Contents. */

static uint32_t
pattern_start(uint32_t id, uint32_t seq)
{
    return (id ^ seq * UINT32_C(2654435761)) | 1;
}

/* Cheap, has no short period, and shifted or missing bytes change it. */
static inline uint8_t
pattern_next(uint32_t *x)
{
    *x = *x * UINT32_C(1664525) + UINT32_C(1013904223);
    return *x >> 24;
}

static void
pattern_fill(uint32_t id, uint32_t seq, uint8_t *p, size_t n)
{
    uint32_t x = pattern_start(id, seq);

    for (size_t i = 0; i < n; i++) {
        p[i] = pattern_next(&x);
    }
}

static bool
pattern_ok(uint32_t id, uint32_t seq, const uint8_t *p, size_t n)
{
    uint32_t x = pattern_start(id, seq);

    for (size_t i = 0; i < n; i++) {
        if (p[i] != pattern_next(&x)) {
            return false;
        }
    }
    return true;
}

/* Writes headers for a frame of 'size' bytes, without VLAN tag, to 'frame'.
 * Returns where our header goes. */
static void *
put_headers(uint8_t *frame, size_t size, struct eth_addr src,
            struct eth_addr dst, ovs_be32 ip_src, ovs_be32 ip_dst)
{
    struct eth_header *eth = (void *) frame;
    struct ip_header *ip = (void *) (eth + 1);
    struct udp_header *udp = (void *) (ip + 1);

    memset(frame, 0, HEADERS_LEN);
    eth->eth_dst = dst;
    eth->eth_src = src;
    eth->eth_type = htons(ETH_TYPE_IP);
    ip->ip_ihl_ver = IP_IHL_VER(5, 4);
    ip->ip_tot_len = htons(size - ETH_HEADER_LEN);
    ip->ip_ttl = 64;
    ip->ip_proto = IPPROTO_UDP;
    put_16aligned_be32(&ip->ip_src, ip_src);
    put_16aligned_be32(&ip->ip_dst, ip_dst);
    ip->ip_csum = csum(ip, IP_HEADER_LEN);
    udp->udp_src = udp->udp_dst = htons(UDP_PORT);
    udp->udp_len = htons(size - ETH_HEADER_LEN - IP_HEADER_LEN);
    return udp + 1;
}

/* Inserts a tag into the 'size' bytes of 'frame'.  Returns the new size. */
static size_t
push_vlan(uint8_t *frame, size_t size, uint16_t vid)
{
    memmove(frame + 16, frame + 12, size - 12);
    frame[12] = ETH_TYPE_VLAN_8021Q >> 8;
    frame[13] = ETH_TYPE_VLAN_8021Q & 0xff;
    frame[14] = vid >> 8;
    frame[15] = vid & 0xff;
    return size + VLAN_HEADER_LEN;
}

/* Sending. */

void
stream_start(struct guest *g, const struct stream_config *config)
{
    struct sender *t = xzalloc(sizeof *t);

    t->id = random_uint32();
    t->config = *config;
    t->config.count = MIN(config->count, MAX_TOTAL);
    t->size = config->min;
    hmap_insert(&g->streams.sending, &t->node, t->id);
}

static size_t
next_size(struct sender *t)
{
    static const uint16_t imix[] = {
        60, 60, 590, 60, 590, 60, 1514, 60, 590, 60, 590, 60,
    };
    size_t size = t->size;

    if (t->config.imix) {
        return imix[t->n_sent % ARRAY_SIZE(imix)];
    }
    t->size = size < t->config.max ? size + 1 : t->config.min;
    return size;
}

/* Sends the next frame of 't'.  False if it has no place. */
static bool
send_one(struct guest *g, struct sender *t)
{
    const struct stream_config *c = &t->config;
    uint8_t frame[STREAM_MAX_SIZE + VLAN_HEADER_LEN];
    uint32_t seq = t->n_sent;
    uint32_t old_size = t->size;
    size_t size = next_size(t);
    struct stream_header *h = put_headers(frame, size, g->mac, c->dst, g->ip,
                                          c->ip);

    h->magic = MAGIC_DATA;
    h->id = t->id;
    h->seq = seq;
    h->total = c->count;
    h->want_ack = c->window && ((seq + 1) % DIV_ROUND_UP(c->window, 2) == 0
                                || seq + 1 == c->count);
    pattern_fill(t->id, seq, (uint8_t *) (h + 1), size - STREAM_MIN_SIZE);
    if (c->vlan >= 0) {
        size = push_vlan(frame, size, c->vlan);
    }
    if (!guest_tx(g, c->queue, frame, size)) {
        t->size = old_size;
        return false;
    }
    t->n_sent++;
    return true;
}

static bool
sender_run(struct guest *g, struct sender *t)
{
    const struct stream_config *c = &t->config;
    int n = 0;

    if (c->window && t->n_sent > t->n_acked && time_msec() >= t->deadline) {
        t->n_stalls++;
        t->n_acked = t->n_sent;
    }
    if (time_msec() < t->next_at) {
        return false;
    }
    while (n < (c->period ? 1 : SEND_BURST) && t->n_sent < c->count
           && (!c->window || t->n_sent - t->n_acked < c->window)) {
        if (!send_one(g, t)) {
            g->streams.blocked = true;
            break;
        }
        n++;
    }
    if (n) {
        t->deadline = time_msec() + ACK_TIMEOUT;
        t->next_at = c->period ? time_msec() + c->period : 0;
    }
    return n > 0;
}

bool
streams_run(struct guest *g)
{
    struct sender *t;
    bool any = false;

    g->streams.blocked = false;
    HMAP_FOR_EACH (t, node, &g->streams.sending) {
        any |= sender_run(g, t);
    }
    return any;
}

void
streams_wait(const struct guest *g)
{
    const struct sender *t;

    HMAP_FOR_EACH (t, node, &g->streams.sending) {
        if (t->config.window && t->n_sent > t->n_acked) {
            poll_timer_wait_until(t->deadline);
        }
        if (t->next_at && t->n_sent < t->config.count
            && (!t->config.window
                || t->n_sent - t->n_acked < t->config.window)) {
            poll_timer_wait_until(t->next_at);
        }
    }
}

uint64_t
streams_pending(const struct guest *g)
{
    const struct sender *t;
    uint64_t n = 0;

    HMAP_FOR_EACH (t, node, &g->streams.sending) {
        n += t->config.count - (t->config.window ? t->n_acked : t->n_sent);
    }
    return n;
}

/* Receiving. */

static void
send_ack(struct guest *g, unsigned int queue, const uint8_t *frame,
         size_t l3_ofs, const struct stream_header *h)
{
    const struct ip_header *ip = (const void *) (frame + l3_ofs);
    uint8_t ack[STREAM_MIN_SIZE + 4 * VLAN_HEADER_LEN];
    struct stream_header *ah;
    struct eth_addr src;
    size_t size = STREAM_MIN_SIZE;

    memcpy(&src, frame + ETH_ADDR_LEN, sizeof src);
    ah = put_headers(ack, size, g->mac, src, g->ip,
                     get_16aligned_be32(&ip->ip_src));
    *ah = *h;
    ah->magic = MAGIC_ACK;

    /* It goes back with the tag it came with. */
    if (l3_ofs == ETH_HEADER_LEN + VLAN_HEADER_LEN) {
        size = push_vlan(ack, size, frame[14] << 8 | frame[15]);
    }
    if (!guest_tx(g, queue, ack, size)) {
        g->n_tx_dropped++;
    }
}

static struct peer *
peer_find(struct sender *t, struct eth_addr mac)
{
    for (size_t i = 0; i < t->n_peers; i++) {
        if (eth_addr_equals(t->peers[i].mac, mac)) {
            return &t->peers[i];
        }
    }
    if (t->n_peers >= t->config.n_receivers) {
        return NULL;
    }

    struct peer *p = &t->peers[t->n_peers++];

    *p = (struct peer) { .mac = mac };
    return p;
}

static void
input_ack(struct streams *s, struct eth_addr src,
          const struct stream_header *h)
{
    struct sender *t = sender_find(s, h->id);
    struct peer *p = t && h->seq < t->n_sent ? peer_find(t, src) : NULL;

    if (!p) {
        return;
    }
    p->n_acked = MAX(p->n_acked, h->seq + 1);
    t->deadline = time_msec() + ACK_TIMEOUT;
    if (t->n_peers == t->config.n_receivers) {
        uint32_t slowest = UINT32_MAX;

        for (size_t i = 0; i < t->n_peers; i++) {
            slowest = MIN(slowest, t->peers[i].n_acked);
        }
        t->n_acked = MAX(t->n_acked, slowest);
    }
}

static void
input_data(struct streams *s, const struct stream_header *h, size_t size)
{
    struct receiver *r = receiver_find(s, h->id);

    if (h->total > MAX_TOTAL || h->seq >= h->total) {
        return;
    }
    if (!r) {
        r = xzalloc(sizeof *r);
        r->id = h->id;
        r->total = h->total;
        r->seen = bitmap_allocate(h->total);
        hmap_insert(&s->receiving, &r->node, h->id);
    }

    /* The header counts as part of the pattern: a wrong field in it gives
     * another pattern. */
    if (h->total != r->total
        || !pattern_ok(h->id, h->seq, (const uint8_t *) (h + 1), size)) {
        r->n_corrupted++;
        return;
    }
    if (bitmap_is_set(r->seen, h->seq)) {
        r->n_duplicated++;
        return;
    }
    bitmap_set1(r->seen, h->seq);
    r->n_received++;
    r->bytes += STREAM_MIN_SIZE + size;
    if (h->seq < r->next) {
        r->n_reordered++;
    } else {
        r->next = h->seq + 1;
    }
}

bool
stream_input(struct guest *g, unsigned int queue, const uint8_t *frame,
             size_t len)
{
    uint16_t type;
    size_t l3_ofs = guest_l3_ofs(frame, len, &type);
    size_t ofs = l3_ofs + IP_HEADER_LEN + UDP_HEADER_LEN;

    if (!l3_ofs || type != ETH_TYPE_IP
        || len < ofs + sizeof(struct stream_header)) {
        return false;
    }

    const struct ip_header *ip = (const void *) (frame + l3_ofs);
    const struct udp_header *udp = (const void *) (ip + 1);
    const struct stream_header *h = (const void *) (udp + 1);

    if (ip->ip_proto != IPPROTO_UDP
        || (h->magic != MAGIC_DATA && h->magic != MAGIC_ACK)) {
        return false;
    }
    if (h->magic == MAGIC_ACK) {
        const struct eth_header *eth = (const void *) frame;

        input_ack(&g->streams, eth->eth_src, h);
        return true;
    }

    /* A frame that lost its tail, or got one, is not what was sent. */
    size_t size = ntohs(udp->udp_len) - UDP_HEADER_LEN - sizeof *h;
    struct receiver *r;

    if (ofs + sizeof *h + size != len) {
        r = receiver_find(&g->streams, h->id);
        if (!r) {
            return false;
        }
        r->n_corrupted++;
        return true;
    }
    input_data(&g->streams, h, size);
    if (h->want_ack) {
        send_ack(g, queue, frame, l3_ofs, h);
    }
    return true;
}

uint64_t
streams_received(const struct streams *s)
{
    const struct receiver *r;
    uint64_t n = 0;

    HMAP_FOR_EACH (r, node, &s->receiving) {
        n += r->n_received;
    }
    return n;
}

void
streams_report(const struct streams *s, struct ds *ds)
{
    struct receiver sum = { .n_received = 0 };
    const struct receiver *r;
    uint64_t lost = 0;
    uint64_t missing = 0;       /* So far, if a stream has not ended. */

    HMAP_FOR_EACH (r, node, &s->receiving) {
        sum.n_received += r->n_received;
        sum.n_reordered += r->n_reordered;
        sum.n_corrupted += r->n_corrupted;
        sum.n_duplicated += r->n_duplicated;
        sum.bytes += r->bytes;
        lost += r->total - r->n_received;
        missing += r->next - r->n_received;
    }
    ds_put_format(ds, "streams=%"PRIuSIZE" received=%"PRIu64" lost=%"PRIu64
                  " reordered=%"PRIu64" corrupted=%"PRIu64
                  " duplicated=%"PRIu64" bytes=%"PRIu64" missing=%"PRIu64
                  "\n",
                  hmap_count(&s->receiving), sum.n_received, lost,
                  sum.n_reordered, sum.n_corrupted, sum.n_duplicated,
                  sum.bytes, missing);
}

void
streams_report_sent(const struct streams *s, struct ds *ds)
{
    const struct sender *t;
    uint64_t n_sent = 0, n_acked = 0, n_stalls = 0;

    HMAP_FOR_EACH (t, node, &s->sending) {
        n_sent += t->n_sent;
        n_acked += t->n_acked;
        n_stalls += t->n_stalls;
    }
    ds_put_format(ds, "streams=%"PRIuSIZE" sent=%"PRIu64" acked=%"PRIu64
                  " stalls=%"PRIu64"\n", hmap_count(&s->sending), n_sent,
                  n_acked, n_stalls);
}
