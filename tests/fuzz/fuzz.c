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

/* What fuzzers share: see fuzz.h. */

#include <config.h>

#include "fuzz.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "util.h"

/* The last things that were said. */
#define N_LINES 8
static char lines[N_LINES][160];
static unsigned int n_said;

static void (*on_failure)(void);

uint8_t
fuzz_u8(struct fuzz_input *in)
{
    if (!in->left) {
        return 0;
    }
    in->left--;
    return *in->data++;
}

void
fuzz_bytes(struct fuzz_input *in, void *p, size_t n)
{
    const size_t there = MIN(n, in->left);

    memset(p, 0, n);
    if (there) {
        memcpy(p, in->data, there);
        in->data += there;
        in->left -= there;
    }
}

uint16_t
fuzz_u16(struct fuzz_input *in)
{
    uint16_t value;

    fuzz_bytes(in, &value, sizeof value);
    return value;
}

uint32_t
fuzz_u32(struct fuzz_input *in)
{
    uint32_t value;

    fuzz_bytes(in, &value, sizeof value);
    return value;
}

uint64_t
fuzz_u64(struct fuzz_input *in)
{
    uint64_t value;

    fuzz_bytes(in, &value, sizeof value);
    return value;
}

void
fuzz_say(const char *format, ...)
{
    static int verbose = -1;
    char *line = lines[n_said++ % N_LINES];
    va_list args;

    if (verbose < 0) {
        verbose = getenv("FUZZ_VERBOSE") != NULL;
    }
    va_start(args, format);
    vsnprintf(line, sizeof lines[0], format, args);
    va_end(args);
    if (verbose) {
        fprintf(stderr, "%s\n", line);
    }
}

void
fuzz_fail(const char *what, const char *file, int line, const char *function)
{
    for (unsigned int i = n_said > N_LINES ? n_said - N_LINES : 0;
         i < n_said; i++) {
        fprintf(stderr, "before: %s\n", lines[i % N_LINES]);
    }
    fprintf(stderr, "%s:%d: %s(): should be true: %s\n", file, line, function,
            what);
    if (on_failure) {
        on_failure();
    }
    abort();
}

void
fuzz_check_eq(uint64_t a, uint64_t b, const char *what, const char *file,
              int line, const char *function)
{
    if (a != b) {
        fprintf(stderr, "%#"PRIx64" is not %#"PRIx64"\n", a, b);
        fuzz_fail(what, file, line, function);
    }
}

void
fuzz_on_failure(void (*say)(void))
{
    on_failure = say;
}

void
fuzz_quiet(void)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
}

unsigned int
fuzz_count_fds(unsigned int n)
{
    /* The kernel gives the lowest that is free. */
    const int end = MIN(2 * n + 32, FUZZ_MAX_FDS);
    struct pollfd pfds[FUZZ_MAX_FDS];

    for (int i = 0; i < end; i++) {
        pfds[i] = (struct pollfd) { .fd = i };
    }
    if (poll(pfds, end, 0) < 0) {
        fuzz_fail("poll()", __FILE__, __LINE__, __func__);
    }
    n = 0;
    for (int i = 0; i < end; i++) {
        n += !(pfds[i].revents & POLLNVAL);
    }
    return n;
}
