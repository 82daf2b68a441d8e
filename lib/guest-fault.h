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


#ifndef GUEST_FAULT_H
#define GUEST_FAULT_H 1

/* Mappings that may lose their file
 * =================================
 *
 * Whoever shares a file with us may shrink it, and whoever then touches the
 * mapping gets SIGBUS.  The handler installed here puts zero pages in the
 * place of the rest of the mapping, so that the access goes on, and sets the
 * mapping's mark.  A SIGBUS about anything else goes to the handler that was
 * installed before, or kills the process as usual.
 *
 * The handler replaces pages from the faulting one to the end of the mapping,
 * so that a mapping costs at most a few faults, and sets the mark first: a
 * thread that reads such zeros sees the mark afterward.
 *
 * Thread-safety: all functions are safe from any thread.  A mapping may be
 * removed only after all other threads have stopped using it. */

#include <stdbool.h>
#include <stddef.h>

#include "ovs-atomic.h"

/* Mappings that can be registered at a time. */
#define GUEST_FAULT_MAX_MAPPINGS 8192

/* True once any mapping has lost pages. */
extern atomic_bool guest_fault_happened;

/* Installs the handler; further calls do nothing. */
void guest_fault_init(void);

/* Registers the mapping of 'size' bytes at 'start', both multiples of
 * 'page_size', the file's.  '*faulted', if not NULL, becomes true when the
 * mapping has lost pages.  Returns false if there are too many mappings. */
bool guest_fault_add(void *start, size_t size, size_t page_size,
                     atomic_bool *faulted);

/* Forgets the mapping at 'start'; to be called before it is unmapped. */
void guest_fault_remove(void *start);

#endif /* guest-fault.h */
