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


/* The little guest of the test front end: ARP, ICMP echo, ping.  See
 * frontend-guest.h. */

#include <config.h>

#include "frontend-guest.h"

#include "csum.h"
#include "dp-packet.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "packets.h"
#include "timeval.h"
#include "unixctl.h"
#include "util.h"

/* How long to wait for an answer, in ms, and how often to ask for an
 * address. */
#define ANSWER_TIMEOUT 1000
#define MAX_ARP 5

#define ECHO_ID 0x7672

static void
send_or_count(struct guest *g, unsigned int queue, const void *frame,
              size_t len)
{
    if (!guest_tx(g, queue, frame, len)) {
        g->n_tx_dropped++;
    }
}

static void
send_arp(struct guest *g, unsigned int queue, uint16_t op,
         struct eth_addr tha, ovs_be32 tpa)
{
    struct dp_packet packet;

    dp_packet_init(&packet, 0);
    compose_arp(&packet, op, g->mac, tha, op == ARP_OP_REQUEST, g->ip, tpa);
    send_or_count(g, queue, dp_packet_data(&packet), dp_packet_size(&packet));
    dp_packet_uninit(&packet);
}

static void
input_arp(struct guest *g, unsigned int queue, const uint8_t *frame,
          size_t len, size_t ofs)
{
    const struct arp_eth_header *arp = (const void *) (frame + ofs);

    if (len < ofs + ARP_ETH_HEADER_LEN) {
        return;
    }

    ovs_be32 spa = get_16aligned_be32(&arp->ar_spa);
    ovs_be32 tpa = get_16aligned_be32(&arp->ar_tpa);

    if (arp->ar_op == htons(ARP_OP_REQUEST) && g->echo_arp
        && g->ip && tpa == g->ip) {
        uint8_t reply[128];
        struct arp_eth_header *r = (void *) (reply + ofs);

        if (ofs + ARP_ETH_HEADER_LEN > sizeof reply) {
            return;
        }
        /* VLAN tags stay. */
        memcpy(reply, frame, ofs + ARP_ETH_HEADER_LEN);
        memcpy(reply, &arp->ar_sha, ETH_ADDR_LEN);
        memcpy(reply + ETH_ADDR_LEN, &g->mac, ETH_ADDR_LEN);
        r->ar_op = htons(ARP_OP_REPLY);
        r->ar_tha = arp->ar_sha;
        r->ar_tpa = arp->ar_spa;
        r->ar_sha = g->mac;
        put_16aligned_be32(&r->ar_spa, g->ip);
        send_or_count(g, queue, reply, ofs + ARP_ETH_HEADER_LEN);
    } else if (arp->ar_op == htons(ARP_OP_REPLY) && g->ping.conn
               && spa == g->ping.ip) {
        g->ping.mac = arp->ar_sha;
        g->ping.resolved = true;
        g->ping.waiting = false;
    }
}

/* Where the echo payload of packet 'seq' is at 'i'. */
static uint8_t
payload(unsigned int seq, size_t i)
{
    return seq * 7 + i;
}

static void
input_echo_reply(struct guest *g, const struct icmp_header *icmp, size_t len)
{
    struct ping *p = &g->ping;
    const uint8_t *data = (const uint8_t *) (icmp + 1);
    bool ok = len == sizeof *icmp + p->size;

    if (!p->conn || !p->waiting || !p->resolved
        || icmp->icmp_fields.echo.id != htons(ECHO_ID)
        || icmp->icmp_fields.echo.seq != htons(p->n_sent)) {
        return;
    }
    for (size_t i = 0; ok && i < p->size; i++) {
        ok = data[i] == payload(p->n_sent, i);
    }
    if (ok) {
        p->n_received++;
    } else {
        p->n_bad++;
    }
    p->waiting = false;
}

static void
input_icmp(struct guest *g, unsigned int queue, const uint8_t *frame,
           size_t len, size_t ofs)
{
    const struct ip_header *ip = (const void *) (frame + ofs);
    size_t ip_len;

    if (len < ofs + IP_HEADER_LEN || IP_VER(ip->ip_ihl_ver) != 4
        || ip->ip_proto != IPPROTO_ICMP || IP_IS_FRAGMENT(ip->ip_frag_off)
        || !g->ip || get_16aligned_be32(&ip->ip_dst) != g->ip) {
        return;
    }

    size_t hlen = IP_IHL(ip->ip_ihl_ver) * 4;
    const struct icmp_header *icmp = (const void *) (frame + ofs + hlen);

    ip_len = ntohs(ip->ip_tot_len);
    if (hlen < IP_HEADER_LEN || ip_len < hlen + ICMP_HEADER_LEN
        || ofs + ip_len > len) {
        return;
    }
    if (csum(ip, hlen) || csum(icmp, ip_len - hlen)) {
        g->n_bad_csum++;
        return;
    }
    if (icmp->icmp_type == ICMP4_ECHO_REPLY) {
        input_echo_reply(g, icmp, ip_len - hlen);
    } else if (icmp->icmp_type == ICMP4_ECHO_REQUEST && g->echo_icmp) {
        uint8_t *reply = xmemdup(frame, ofs + ip_len);
        struct ip_header *rip = (void *) (reply + ofs);
        struct icmp_header *ricmp = (void *) (reply + ofs + hlen);

        memcpy(reply, frame + ETH_ADDR_LEN, ETH_ADDR_LEN);
        memcpy(reply + ETH_ADDR_LEN, &g->mac, ETH_ADDR_LEN);
        rip->ip_src = ip->ip_dst;
        rip->ip_dst = ip->ip_src;
        ricmp->icmp_type = ICMP4_ECHO_REPLY;
        ricmp->icmp_csum = recalc_csum16(icmp->icmp_csum,
                                         htons(ICMP4_ECHO_REQUEST << 8),
                                         htons(ICMP4_ECHO_REPLY << 8));
        send_or_count(g, queue, reply, ofs + ip_len);
        free(reply);
    }
}

void
guest_input_ip(struct guest *g, unsigned int queue, const uint8_t *frame,
               size_t len)
{
    uint16_t type;
    size_t ofs = guest_l3_ofs(frame, len, &type);

    if (ofs && type == ETH_TYPE_ARP) {
        input_arp(g, queue, frame, len, ofs);
    } else if (ofs && type == ETH_TYPE_IP) {
        input_icmp(g, queue, frame, len, ofs);
    }
}

/* Ping. */

static void
send_echo_request(struct guest *g)
{
    struct ping *p = &g->ping;
    size_t icmp_len = ICMP_HEADER_LEN + p->size;
    struct dp_packet packet;

    dp_packet_init(&packet, 0);

    struct eth_header *eth = dp_packet_put_zeros(
        &packet, ETH_HEADER_LEN + IP_HEADER_LEN + icmp_len);
    struct ip_header *ip = (void *) (eth + 1);
    struct icmp_header *icmp = (void *) (ip + 1);
    uint8_t *data = (uint8_t *) (icmp + 1);

    eth->eth_dst = p->mac;
    eth->eth_src = g->mac;
    eth->eth_type = htons(ETH_TYPE_IP);
    ip->ip_ihl_ver = IP_IHL_VER(5, 4);
    ip->ip_tot_len = htons(IP_HEADER_LEN + icmp_len);
    ip->ip_ttl = 64;
    ip->ip_proto = IPPROTO_ICMP;
    put_16aligned_be32(&ip->ip_src, g->ip);
    put_16aligned_be32(&ip->ip_dst, p->ip);
    ip->ip_csum = csum(ip, IP_HEADER_LEN);
    icmp->icmp_type = ICMP4_ECHO_REQUEST;
    icmp->icmp_fields.echo.id = htons(ECHO_ID);
    icmp->icmp_fields.echo.seq = htons(p->n_sent);
    for (size_t i = 0; i < p->size; i++) {
        data[i] = payload(p->n_sent, i);
    }
    icmp->icmp_csum = csum(icmp, icmp_len);

    send_or_count(g, p->queue, dp_packet_data(&packet),
                  dp_packet_size(&packet));
    dp_packet_uninit(&packet);
}

static void
ping_done(struct guest *g)
{
    struct ping *p = &g->ping;
    struct ds ds = DS_EMPTY_INITIALIZER;

    ds_put_format(&ds, "%u packets transmitted, %u received", p->n_sent,
                  p->n_received);
    if (p->n_bad) {
        ds_put_format(&ds, ", %u corrupted", p->n_bad);
    }
    if (!p->resolved) {
        ds_put_format(&ds, ", no answer to %u ARP requests", p->n_arp);
    }
    ds_put_char(&ds, '\n');
    if (p->n_received == p->count) {
        unixctl_command_reply(p->conn, ds_cstr(&ds));
    } else {
        unixctl_command_reply_error(p->conn, ds_cstr(&ds));
    }
    ds_destroy(&ds);
    p->conn = NULL;
}

void
guest_ping_run(struct guest *g)
{
    struct ping *p = &g->ping;

    if (!p->conn || (p->waiting && time_msec() < p->deadline)) {
        return;
    }
    if (p->resolved ? p->n_sent >= p->count : p->n_arp >= MAX_ARP) {
        ping_done(g);
        return;
    }
    if (!p->resolved) {
        p->n_arp++;
        send_arp(g, p->queue, ARP_OP_REQUEST, eth_addr_zero, p->ip);
    } else {
        p->n_sent++;
        send_echo_request(g);
    }
    p->waiting = true;
    p->deadline = time_msec() + ANSWER_TIMEOUT;
}

void
guest_ping_wait(const struct guest *g)
{
    const struct ping *p = &g->ping;

    if (p->conn && p->waiting) {
        poll_timer_wait_until(p->deadline);
    } else if (p->conn) {
        poll_immediate_wake();
    }
}

void
guest_ping(struct guest *g, struct unixctl_conn *conn, unsigned int queue,
           ovs_be32 ip, unsigned int count, size_t size)
{
    struct ping *p = &g->ping;

    if (p->conn) {
        unixctl_command_reply_error(conn, "another ping is under way");
        return;
    }
    memset(p, 0, sizeof *p);
    p->conn = conn;
    p->ip = ip;
    p->queue = queue;
    p->count = count;
    p->size = size;
}
