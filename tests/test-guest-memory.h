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


#ifndef TEST_GUEST_MEMORY_H
#define TEST_GUEST_MEMORY_H 1

/* What the files of test-guest-memory share. */

#include "check.h"
#include "guest-memory.h"

int make_memfd(size_t size);

/* Mappings of this process. */
unsigned int count_maps(void);

/* Three regions: [0x1000,0x3001) and [0x3001,0x5000) touch, [0x9000,0xa000)
 * is alone; in the file, in reverse and at offsets of all kinds.  '*fdp' is
 * the file, of 0x8000 bytes. */
struct guest_memory *create_three(int *fdp);

void test_fault(int argc, char *argv[]);
void test_race(int argc, char *argv[]);
void test_huge(int argc, char *argv[]);

#endif /* test-guest-memory.h */
