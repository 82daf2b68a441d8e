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


#ifndef CHECK_H
#define CHECK_H 1

/* Checks for unit tests in C: each one that fails is printed, with the place,
 * the values and what was being tested, and the test goes on.
 *
 * Thread-safety: none; for the main thread. */

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/compiler.h"

extern unsigned int check_n_failed;

/* Says what is being tested from here on. */
void check_context(const char *format, ...) OVS_PRINTF_FORMAT(1, 2);

bool check_true__(bool, const char *text, const char *file, int line);
bool check_eq__(uint64_t a, uint64_t b, const char *text_a,
                const char *text_b, const char *file, int line);
bool check_mem__(const void *a, const void *b, size_t n, const char *text,
                 const char *file, int line);

/* All are true if the check holds. */
#define CHECK(COND) check_true__(COND, #COND, __FILE__, __LINE__)
#define CHECK_EQ(A, B) check_eq__(A, B, #A, #B, __FILE__, __LINE__)
#define CHECK_MEM(A, B, N) \
    check_mem__(A, B, N, #A " is " #B, __FILE__, __LINE__)

/* A test by its name on the command line. */
struct check_test {
    const char *name;
    void (*run)(int argc, char *argv[]);
};

/* Runs the test called argv[1], or prints names.  Returns the exit status. */
int check_main(int argc, char *argv[], const struct check_test[]);

#endif /* check.h */
