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


/* Checks for unit tests in C: see check.h. */

#include <config.h>

#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* A loop that fails fails often: this many are printed. */
#define CHECK_MAX_PRINTED 20

unsigned int check_n_failed;
static char context[256];

void
check_context(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
}

/* True if the failure that was just found is to be explained. */
static bool
failed(const char *file, int line)
{
    if (++check_n_failed > CHECK_MAX_PRINTED) {
        return false;
    }
    printf("%s:%d: [%s] ", file, line, context);
    return true;
}

bool
check_true__(bool value, const char *text, const char *file, int line)
{
    if (!value && failed(file, line)) {
        printf("%s is false\n", text);
    }
    return value;
}

bool
check_eq__(uint64_t a, uint64_t b, const char *text_a, const char *text_b,
           const char *file, int line)
{
    if (a != b && failed(file, line)) {
        printf("%s is %"PRIu64", not %s, %"PRIu64"\n", text_a, a, text_b, b);
    }
    return a == b;
}

bool
check_mem__(const void *a_, const void *b_, size_t n, const char *text,
            const char *file, int line)
{
    const uint8_t *a = a_;
    const uint8_t *b = b_;

    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i]) {
            if (failed(file, line)) {
                printf("%s: byte %"PRIuSIZE" of %"PRIuSIZE" is %02x, "
                       "not %02x\n", text, i, n, a[i], b[i]);
            }
            return false;
        }
    }
    return true;
}

int
check_main(int argc, char *argv[], const struct check_test tests[])
{
    set_program_name(argv[0]);
    for (const struct check_test *t = tests; t->name; t++) {
        if (argc > 1 && !strcmp(argv[1], t->name)) {
            t->run(argc - 1, argv + 1);
            if (check_n_failed) {
                printf("%u checks failed\n", check_n_failed);
            }
            return check_n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
        }
    }
    fprintf(stderr, "usage: %s TEST, with TEST one of:\n", program_name);
    for (const struct check_test *t = tests; t->name; t++) {
        fprintf(stderr, "    %s\n", t->name);
    }
    return EXIT_FAILURE;
}
