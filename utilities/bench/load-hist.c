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

/* Histogram of times: percentiles.  See load-hist.h. */

#include <config.h>

#include "load-hist.h"

/* The middle of step 'i'. */
static uint64_t
hist_value(unsigned int i)
{
    if (i < 2 * LOAD_HIST_STEPS) {
        return i;
    }

    unsigned int shift = i / LOAD_HIST_STEPS - 1;
    uint64_t low = (uint64_t) (i - shift * LOAD_HIST_STEPS) << shift;

    return low + (UINT64_C(1) << shift) / 2;
}

uint64_t
load_hist_percentile(const struct load_hist *h, double percent)
{
    double wanted = h->total * percent / 100;
    uint64_t seen = 0;

    for (unsigned int i = 0; i < LOAD_HIST_SIZE; i++) {
        seen += h->n[i];
        if (h->n[i] && seen >= wanted) {
            uint64_t value = hist_value(i);

            return value < h->max ? value : h->max;
        }
    }
    return h->max;
}
