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

#ifndef FUZZ_H
#define FUZZ_H 1

/* What fuzzers share
 * ==================
 *
 * Each fuzzer is a program of its own that libFuzzer drives, or main.c, which
 * runs inputs that are kept.  An input is a sequence of bytes that tells what
 * to do; whatever it says, nothing bad may come of it, and what bad means is
 * told by FUZZ_CHECK(), beside the sanitizers.
 *
 * An input that ends before all is said goes on with zeros.
 *
 * Thread-safety: none; for the main thread. */

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/compiler.h"

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What is left of an input. */
struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

uint8_t fuzz_u8(struct fuzz_input *);
uint16_t fuzz_u16(struct fuzz_input *);
uint32_t fuzz_u32(struct fuzz_input *);
uint64_t fuzz_u64(struct fuzz_input *);

/* Copies what there is of 'n' bytes to 'p', and then zeros. */
void fuzz_bytes(struct fuzz_input *, void *p, size_t n);

/* Aborts unless COND holds. */
#define FUZZ_CHECK(COND)                                \
    ((COND) ? (void) 0 : fuzz_fail(#COND, __FILE__, __LINE__, __func__))

/* The same for A == B, with their values. */
#define FUZZ_CHECK_EQ(A, B)                                             \
    fuzz_check_eq(A, B, #A " == " #B, __FILE__, __LINE__, __func__)

void fuzz_fail(const char *what, const char *file, int line,
               const char *function) OVS_NO_RETURN;
void fuzz_check_eq(uint64_t a, uint64_t b, const char *what, const char *file,
                   int line, const char *function);

/* What is going on, for whoever reads that a check failed.  Shown if the
 * environment has FUZZ_VERBOSE as well. */
void fuzz_say(const char *format, ...) OVS_PRINTF_FORMAT(1, 2);

/* Has 'say' called before the program is aborted, to tell what ran. */
void fuzz_on_failure(void (*say)(void));

/* Has libraries be silent: inputs are bad and there are many. */
void fuzz_quiet(void);

/* Descriptors that are open below FUZZ_MAX_FDS; if there should be 'n', only
 * where these are usually. */
#define FUZZ_MAX_FDS 1024
unsigned int fuzz_count_fds(unsigned int n);

#endif /* fuzz.h */
