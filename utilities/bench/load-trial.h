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

#ifndef LOAD_TRIAL_H
#define LOAD_TRIAL_H 1

/* One trial of the load generator
 * ===============================
 *
 * A trial consists of streams, each from one guest to one or, for broadcasts,
 * several.  In a closed loop a stream keeps a window of frames in flight: as
 * many as were received are sent anew.  Paced, it sends at a rate and never
 * looks back.
 *
 * Each receiver of a stream counts what it got by sequence numbers.  Frames
 * that overtake others are no loss; frames that do not come for 10 ms while
 * nothing else does either are lost, in a closed loop, and frames of the
 * warm-up or of an earlier trial that come late are left alone.
 *
 * Thread-safety: none; one thread. */

#include "load-frame.h"
#include "load-guest.h"
#include "load-hist.h"

struct ds;

#define LOAD_MAX_STREAMS (2 * LOAD_MAX_GUESTS)
#define LOAD_MAX_CLASSES 3      /* Sizes of frames in a trial. */

enum load_pattern {
    LOAD_PAIRS,                 /* 2k and 2k+1 to each other. */
    LOAD_ONEWAY,                /* 2k to 2k+1. */
    LOAD_STAR,                  /* 0 to all others and back. */
    LOAD_FLOOD,                 /* 0 to everybody at once. */
    LOAD_SINK,                  /* Each to nobody. */
    LOAD_SOURCE,                /* Nobody to each: what comes is taken. */
};

enum load_payload {
    LOAD_HOT,                   /* Only headers and stamps are written... */
    LOAD_DIRTY,                 /* ...or all that is sent... */
    LOAD_READ,                  /* ...and all that comes is read, too. */
};

struct load_params {
    bool paced;
    enum load_pattern pattern;
    enum load_payload payload;
    uint32_t in_flight;
    uint32_t size;              /* Bytes of a frame; 0 for IMIX. */
    uint32_t flows;
    uint16_t vlan;              /* 0 for none. */
    uint32_t batch;             /* Frames sent in a visit, at most. */
    double seconds, warmup;
    double rate;                /* Paced: frames a second per sender. */
    bool partial;               /* Leave UDP checksums to the other side. */
    bool interrupts;            /* Ask for interrupts, and count them. */
};

/* Sets '*params' from words KEY=VALUE, separated by spaces.  Returns NULL or a
 * malloc'd complaint. */
const char *load_pattern_name(enum load_pattern);
char *load_params_parse(struct load_params *params, const char *words);

/* A guest that receives a stream. */
struct load_receiver {
    uint32_t next;              /* Sequence number expected. */
    uint32_t missing;           /* Left out before 'next', not yet lost. */
    uint32_t magic;             /* See load_frame_check(). */
    uint64_t last;              /* TSC when something came, or was lost. */
    uint64_t lost;
    struct load_gap *gaps;      /* What became of sequence numbers. */
};

struct load_stream {
    struct load_template template;
    struct load_receiver *receivers;
    unsigned int n_receivers;
    uint32_t window;
    uint32_t seq;               /* To be sent next. */
    uint32_t flow;              /* Likewise. */
    uint32_t magic;
    ovs_be32 ip_src, ip_dst;
    unsigned int queue;         /* Of the sender, to be used next. */
    uint16_t ip_sums[LOAD_MAX_CLASSES]; /* Without the flow. */
    bool shared;                /* The sender has other streams as well. */
    uint64_t begin;             /* Paced: TSC when it was ahead by nothing. */
    uint64_t n_paced;           /* Frames sent since then. */
};

struct load_counters {
    uint64_t packets, bytes;    /* Received. */
    uint64_t sent;
    uint64_t bad;               /* Changed, sent twice, or never sent. */
    uint64_t reordered;         /* Overtaken by others of its stream. */
    uint64_t late;              /* Came after all, counted as lost before. */
    uint64_t foreign;           /* Not ours, or for somebody else. */
    uint64_t missed;            /* Paced: not sent, being far behind. */
    uint64_t n_bursts;          /* Receive bursts that were not empty. */
    uint64_t n_frames;          /* Frames in them. */
    uint64_t n_sends;           /* Send bursts. */
    uint64_t sum;               /* Of what was read but not understood. */
    uint64_t busy, idle;        /* TSC cycles in visits of either kind... */
    uint64_t away, n_away;      /* ...and in visits that took too long. */
};

struct load_trial {
    struct load_params params;
    struct load_guest *guests;
    unsigned int n_guests;
    uint8_t number;             /* Of the trial. */
    double hz;                  /* Of the TSC. */

    struct load_stream *streams;
    unsigned int n_streams;

    /* Streams by sender, and receivers by guest and stream. */
    struct load_stream **out[LOAD_MAX_GUESTS];
    unsigned int n_out[LOAD_MAX_GUESTS];
    struct load_receiver **in[LOAD_MAX_GUESTS];
    unsigned int n_in[LOAD_MAX_GUESTS];

    uint32_t lens[LOAD_MAX_CLASSES];
    uint8_t *classes;           /* By slot, NULL if all are of class 0. */
    uint64_t too_long;          /* TSC cycles that no visit can take. */
    uint64_t silence;           /* TSC cycles until frames are lost. */
    double cycles_per_frame;    /* Paced. */
    uint32_t max_behind;        /* Paced: frames. */
    bool sending;
    struct load_frame *frames;  /* Of the burst at hand. */
    struct load_counters counters;
    struct load_hist hist;
};

/* Prepares a trial.  Returns NULL or a malloc'd complaint. */
char *load_trial_init(struct load_trial *, const struct load_params *,
                      struct load_guest *, unsigned int n_guests,
                      uint8_t number, double hz);
void load_trial_uninit(struct load_trial *);

/* Runs it and appends its result, a JSON object.  Returns NULL or a malloc'd
 * complaint. */
char *load_trial_run(struct load_trial *, struct ds *);

/* Moves frames until 'end', a TSC, or until somebody breaks the rules. */
void load_loop(struct load_trial *, uint64_t end);

/* Frames of a stream that were sent and are expected by 'receiver'. */
static inline uint32_t
load_n_expected(const struct load_stream *s, const struct load_receiver *r)
{
    return s->seq - r->next + r->missing;
}

/* Frames of a stream in flight: those that its slowest receiver waits for. */
static inline uint32_t
load_in_flight(const struct load_stream *s)
{
    uint32_t n = 0;

    for (unsigned int i = 0; i < s->n_receivers; i++) {
        uint32_t expected = load_n_expected(s, &s->receivers[i]);

        n = expected > n ? expected : n;
    }
    return n;
}

/* A frame with number 'seq' came out of turn.  Returns false if it must not
 * have come at all. */
bool load_receive_out_of_turn(struct load_trial *, const struct load_stream *,
                              struct load_receiver *, uint32_t seq);

/* Gives up all that 'r' still expects. */
void load_give_up(const struct load_stream *, struct load_receiver *r);

static inline uint64_t
load_tsc(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    uint64_t t;

    __asm__ __volatile__ ("mrs %0, cntvct_el0" : "=r" (t));
    return t;
#endif
}

#endif /* load-trial.h */
