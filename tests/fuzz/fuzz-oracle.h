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

#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H 1

/* For the fuzzer of rings: what must come of a call
 * =================================================
 *
 * Before a call, oracle_look() reads the ring as the specification has it, a
 * byte at a time and without any of the engine's code, from a copy of guest
 * memory.  After it, the others compare:
 *
 *   - A frame from the guest has the bytes of its chain and no others; chains
 *     that are not good bring none.
 *   - A frame for the guest is there, whole, with its header; a chain is
 *     given back with the number of bytes that were written.
 *   - Nothing else changed in memory, and what did is in the log.
 *   - The guest is interrupted if it asked for that.
 *   - Statistics count each frame once.
 *   - All variants did the same.
 *
 * Where a guest lets buffers overlap with its ring, with descriptors that are
 * still to be read or with each other, much of this cannot be told.
 *
 * Thread-safety: none; one thread. */

#include "fuzz-guest.h"

/* Looks at the rings before a call; 'receives' says whether it is one for
 * frames to the guest. */
void oracle_look(bool receives);

/* True if a call would change what it reads: then only the sanitizers tell
 * whether it was good. */
bool oracle_is_blind(void);

/* Chains that are available, as oracle_look() has seen them. */
unsigned int oracle_n_available(void);

/* After virtqueue_dequeue(), for up to 'max' frames. */
void oracle_check_dequeue(unsigned int max);

/* After virtqueue_enqueue(), with 'n' frames. */
void oracle_check_enqueue(struct rte_mbuf **pkts, unsigned int n);

/* After calls that only may notify. */
void oracle_check_notify(void);

/* Compares guests with the first. */
void oracle_compare(void);

#endif /* fuzz-oracle.h */
