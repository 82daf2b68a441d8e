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


#ifndef ATTACK_H
#define ATTACK_H 1

/* Attacks on a vhost-user back end
 * ================================
 *
 * Each is what a guest or its VMM can go on doing for ever, right or wrong,
 * as fast as it is let.  An attack is a function that makes one step; what
 * needs a device is connected and has running rings whenever that function is
 * called.
 *
 * Thread-safety: none; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "frontend.h"

/* Connections that are held at a time. */
#define ATTACK_MAX_HELD 256

/* Address of frames that the switch is to send back to us; all others it is
 * to drop. */
#define ATTACK_ECHO_BYTE 0xee

struct attacker {
    const struct attack *attack;
    struct frontend fe;         /* Of attacks that need a device. */
    uint8_t frame[1514];
    int held[ATTACK_MAX_HELD];  /* Connections and files, -1 for none. */
    unsigned int next_held;
    unsigned int phase;         /* For the attack. */
    uint64_t n_steps;
    uint64_t n_errors;          /* Steps that the back end put an end to. */
};

struct attack {
    const char *name;
    const char *what;           /* In words, for people. */
    bool device;                /* Needs a device. */
    bool server;                /* Only for sockets that we listen at... */
    bool client;                /* ...or only for those of the back end. */
    /* What differs from a usual front end, or NULL. */
    void (*configure)(struct fe_config *);
    /* Once after each connection, or NULL. */
    void (*prepare)(struct attacker *);
    /* One step.  Returns 0, EAGAIN if the back end has to do something first,
     * or another positive errno value, after which there is a new
     * connection. */
    int (*step)(struct attacker *);
};

extern const struct attack ring_attacks[], socket_attacks[];
extern const unsigned int n_ring_attacks, n_socket_attacks;

/* Takes note of 'fd', which may be negative, and closes what was held longest
 * if there is too much, or everything. */
void attacker_hold(struct attacker *, int fd);
void attacker_let_go(struct attacker *);

#endif /* attack.h */
