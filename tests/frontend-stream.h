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


#ifndef FRONTEND_STREAM_H
#define FRONTEND_STREAM_H 1

/* Streams of numbered frames, for the test front end
 * ==================================================
 *
 * The sender numbers frames and fills them with a pattern that depends on the
 * stream and the number.  The receiver checks every byte and the order.  So
 * that nothing gets lost for want of space, the sender has at most a window
 * of frames under way; each receiver acknowledges when a frame asks for it,
 * and the slowest counts.  With a window of 0 nobody waits for anybody.
 *
 * Frames are UDP over IPv4, with what is ours behind the UDP header.
 *
 * Thread-safety: none; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "openvswitch/types.h"

struct ds;
struct guest;

struct stream_config {
    uint32_t count;             /* Frames. */
    uint16_t min, max;          /* Bytes in a frame; sizes go around. */
    bool imix;                  /* Sizes are a mix of short and long. */
    unsigned int queue;
    uint32_t window;            /* Frames under way, 0 for any number. */
    uint32_t period;            /* If not 0, one frame in as many ms. */
    uint16_t n_receivers;       /* That have to acknowledge. */
    struct eth_addr dst;
    ovs_be32 ip;                /* Destination. */
    int vlan;                   /* VID, or -1 for none. */
};

#define STREAM_MIN_SIZE 60
#define STREAM_MAX_SIZE 9728
#define STREAM_MAX_RECEIVERS 8

struct streams {
    struct hmap sending;        /* Of struct sender, by id. */
    struct hmap receiving;      /* Of struct receiver, by id. */
    bool blocked;               /* Some sender found a ring full. */
};

void streams_init(struct streams *);
void streams_destroy(struct streams *);

/* Begins a stream. */
void stream_start(struct guest *, const struct stream_config *);

/* Looks at a frame.  True if it belongs to a stream. */
bool stream_input(struct guest *, unsigned int queue, const uint8_t *,
                  size_t);

/* Sends what there is to send.  True if any frame was sent. */
bool streams_run(struct guest *);
void streams_wait(const struct guest *);

/* Frames still to be sent or acknowledged. */
uint64_t streams_pending(const struct guest *);

/* Frames received, each counted once. */
uint64_t streams_received(const struct streams *);

/* Appends a line that sums up what was received, or sent. */
void streams_report(const struct streams *, struct ds *);
void streams_report_sent(const struct streams *, struct ds *);

/* Forgets what was received, and what is still to be sent. */
void streams_clear(struct streams *);

#endif /* frontend-stream.h */
