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


#ifndef FRONTEND_GUEST_H
#define FRONTEND_GUEST_H 1

/* The little guest of the test front end
 * ======================================
 *
 * Moves frames on the rings of a front end: answers ARP and ICMP echo
 * requests, pings, streams numbered frames, and logs everything else.
 *
 * Thread-safety: none; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "frontend.h"
#include "frontend-capture.h"
#include "frontend-ring.h"
#include "frontend-stream.h"
#include "openvswitch/types.h"

struct unixctl_conn;
struct frontend_deviation;

struct ping {
    struct unixctl_conn *conn;  /* NULL while there is nothing to do. */
    ovs_be32 ip;
    struct eth_addr mac;
    bool resolved;              /* 'mac' is known. */
    unsigned int queue;
    unsigned int count;
    size_t size;                /* Of the ICMP payload, in bytes. */
    unsigned int n_sent, n_received, n_bad;
    unsigned int n_arp;         /* Requests so far. */
    bool waiting;               /* For an answer... */
    long long int deadline;     /* ...until then. */
};

struct guest {
    struct frontend fe;
    struct eth_addr mac;
    ovs_be32 ip;
    bool echo_arp, echo_icmp;
    struct capture capture;
    struct streams streams;
    struct ping ping;
    struct fe_dirty *dirty;

    bool offline;               /* Stay disconnected. */
    long long int next_try;     /* To connect. */
    bool busy;                  /* There is more to do at once. */
    uint64_t n_tx_dropped;      /* Answers without a place in the ring. */
    uint64_t n_bad_csum;        /* Not answered for that reason. */
    uint64_t n_needs_csum;      /* Frames whose checksum we had to make... */
    uint64_t n_data_valid;      /* ...and with one that is known to be good. */
};

void guest_init(struct guest *, const struct fe_config *);
void guest_destroy(struct guest *);

/* Connects if need be, and moves frames. */
void guest_run(struct guest *);
void guest_wait(struct guest *);

/* Changes between polling and interrupts. */
void guest_set_interrupt(struct guest *, bool);

/* Puts a frame on transmit queue 'queue', to be announced by guest_flush().
 * False if it has no place. */
bool guest_tx(struct guest *, unsigned int queue, const void *, size_t);
/* The same, with a header. */
bool guest_tx_header(struct guest *, unsigned int queue, const void *, size_t,
                     const struct virtio_net_hdr *);
void guest_flush(struct guest *);

/* Answers 'conn' when 'count' echo requests were answered or given up. */
void guest_ping(struct guest *, struct unixctl_conn *, unsigned int queue,
                ovs_be32 ip, unsigned int count, size_t size);

/* Start of the network header of a frame, behind VLAN tags, with its type in
 * '*type', or 0 if the frame is too short. */
size_t guest_l3_ofs(const uint8_t *frame, size_t len, uint16_t *type);

/* frontend-ip.c: looks at a received frame, answers if that is due. */
void guest_input_ip(struct guest *, unsigned int queue, const uint8_t *,
                    size_t);
void guest_ping_run(struct guest *);
void guest_ping_wait(const struct guest *);

#endif /* frontend-guest.h */
