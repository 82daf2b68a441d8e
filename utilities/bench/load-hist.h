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

#ifndef LOAD_HIST_H
#define LOAD_HIST_H 1

/* Histogram of times
 * ==================
 *
 * Log-linear: exact below 64, then 32 steps to each power of two, so that no
 * value is off by more than 3 %.  Percentiles are the middle of their step.
 *
 * Thread-safety: none; one thread. */

#include <stdint.h>

#define LOAD_HIST_BITS 5
#define LOAD_HIST_STEPS (1 << LOAD_HIST_BITS)
#define LOAD_HIST_SIZE ((64 - LOAD_HIST_BITS + 1) * LOAD_HIST_STEPS)

struct load_hist {
    uint64_t n[LOAD_HIST_SIZE];
    uint64_t total;             /* Values... */
    uint64_t sum;               /* ...and their sum... */
    uint64_t max;               /* ...and the largest. */
};

static inline unsigned int
load_hist_index(uint64_t value)
{
    if (value < 2 * LOAD_HIST_STEPS) {
        return value;
    }

    unsigned int shift = 63 - __builtin_clzll(value) - LOAD_HIST_BITS;

    return shift * LOAD_HIST_STEPS + (value >> shift);
}

/* Adds 'value' 'n' times. */
static inline void
load_hist_add(struct load_hist *h, uint64_t value, uint64_t n)
{
    h->n[load_hist_index(value)] += n;
    h->total += n;
    h->sum += value * n;
    h->max = value > h->max ? value : h->max;
}

/* The value that 'percent' of all values do not exceed; 0 if there is none. */
uint64_t load_hist_percentile(const struct load_hist *, double percent);

#endif /* load-hist.h */
