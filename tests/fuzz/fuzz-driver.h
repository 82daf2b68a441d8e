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

#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H 1

/* For the fuzzer of rings: what guests do to their rings and memory, all of
 * them the same, good and bad.
 *
 * Thread-safety: none; one thread. */

#include "fuzz.h"

/* Begins where the engine is, with an input or in the middle of one. */
void driver_begin(void);
void driver_resume(void);

/* Does what the lowest three bits of 'op' and the input say. */
void driver_step(struct fuzz_input *, uint8_t op);

/* A length of a buffer or frame, in bytes. */
uint32_t driver_get_len(struct fuzz_input *);

#endif /* fuzz-driver.h */
