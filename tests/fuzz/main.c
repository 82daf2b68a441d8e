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

/* Runs inputs that a fuzzer has found, for builds without libFuzzer.
 *
 *   fuzz-NAME FILE...
 *
 * A FILE named *.hex holds an input on each line, in hexadecimal digits; what
 * begins with '#' is a comment.  Any other file is one input.
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* For a handler of fatal signals: what ran. */
static const char *file_name;
static unsigned int line_number;

static void
say_where(void)
{
    if (file_name) {
        fprintf(stderr, "... with input %u of %s\n", line_number, file_name);
    }
}

/* Runs the input that 'line' has, in place. */
static bool
run_line(char *line)
{
    size_t n = strcspn(line, "#\r\n ");
    uint8_t *data = xmalloc(n / 2 + 1);
    bool ok = true;

    if (n % 2) {
        return false;
    }
    for (size_t i = 0; ok && i < n / 2; i++) {
        data[i] = hexits_value(line + 2 * i, 2, &ok);
    }
    if (ok && n) {
        LLVMFuzzerTestOneInput(data, n / 2);
    }
    free(data);
    return ok;
}

static unsigned int
run_lines(FILE *stream)
{
    char *line = NULL;
    size_t allocated = 0;
    unsigned int n = 0;

    while (getline(&line, &allocated, stream) >= 0) {
        line_number++;
        if (!run_line(line)) {
            ovs_fatal(0, "%s:%u: not an input", file_name, line_number);
        }
        n += line[0] != '#';
    }
    free(line);
    return n;
}

static void
run_file(FILE *stream)
{
    size_t n = 0, allocated = 0;
    uint8_t *data = NULL;

    for (;;) {
        if (n == allocated) {
            data = x2nrealloc(data, &allocated, 1);
        }

        const size_t got = fread(data + n, 1, allocated - n, stream);

        if (!got) {
            break;
        }
        n += got;
    }

    /* Exactly the size, to find who reads beyond it. */
    uint8_t *copy = xmemdup(data, n);

    free(data);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

int
main(int argc, char *argv[])
{
    unsigned int n = 0;

    set_program_name(argv[0]);
    LLVMFuzzerInitialize(&argc, &argv);
    fuzz_on_failure(say_where);
    for (int i = 1; i < argc; i++) {
        FILE *stream = fopen(argv[i], "r");

        if (!stream) {
            ovs_fatal(errno, "%s", argv[i]);
        }
        file_name = argv[i];
        line_number = 0;
        if (string_ends_with(argv[i], ".hex")) {
            n += run_lines(stream);
        } else {
            run_file(stream);
            n++;
        }
        fclose(stream);
    }
    printf("%u inputs\n", n);
    return 0;
}
