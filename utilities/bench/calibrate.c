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

/* calibrate CPU CPU: what the machine is like just now, as a line of JSON.
 *
 *     step_ns   a million dependent additions, per addition: the clock of the
 *               second CPU
 *     line_ns   a cache line goes from one CPU to the other, one way
 *
 * Both are the best of some.  A virtual machine's CPUs can be moved: whether
 * they share a cache makes a factor of five in the latter.
 *
 * Thread-safety: two threads of its own, and one line between them. */

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "util.h"

#define STEPS 1000000
#define STEP_RUNS 3
#define ROUND_TRIPS 300
#define LINE_RUNS 15

/* Odd: a question.  Even: answered, and LAST ends it. */
static _Alignas(64) atomic_uint line;
#define LAST UINT32_MAX

static void
pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set)) {
        ovs_fatal(errno, "CPU %d", cpu);
    }
}

static double
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void *
answer(void *cpu)
{
    pin(*(int *) cpu);
    for (;;) {
        unsigned int value = atomic_load(&line);

        if (value == LAST) {
            return NULL;
        } else if (value & 1) {
            atomic_store_explicit(&line, value + 1, memory_order_release);
        }
    }
}

/* One way, in ns. */
static double
ask(void)
{
    unsigned int value = atomic_load(&line);
    double start = now_ns();

    for (int i = 0; i < ROUND_TRIPS; i++) {
        atomic_store_explicit(&line, value + 1, memory_order_release);
        value += 2;
        while (atomic_load_explicit(&line, memory_order_acquire) != value) {
            continue;
        }
    }
    return (now_ns() - start) / ROUND_TRIPS / 2;
}

static double
step(void)
{
    uint64_t sum = 1;
    double start = now_ns();

    for (int i = 0; i < STEPS; i++) {
        sum += i;
        /* Each needs the one before. */
        __asm__ volatile("" : "+r" (sum));
    }
    return (now_ns() - start) / STEPS;
}

int
main(int argc, char *argv[])
{
    double step_ns = 1e9, line_ns = 1e9;
    int load_cpu, pmd_cpu;
    pthread_t thread;

    if (argc != 3 || !str_to_int(argv[1], 10, &load_cpu)
        || !str_to_int(argv[2], 10, &pmd_cpu)) {
        ovs_fatal(0, "usage: calibrate LOAD-CPU PMD-CPU");
    }
    pin(pmd_cpu);
    for (int i = 0; i < STEP_RUNS; i++) {
        step_ns = MIN(step_ns, step());
    }
    pin(load_cpu);
    if (pthread_create(&thread, NULL, answer, &pmd_cpu)) {
        ovs_fatal(errno, "pthread_create");
    }
    for (int i = 0; i < LINE_RUNS; i++) {
        line_ns = MIN(line_ns, ask());
    }
    atomic_store(&line, LAST);
    pthread_join(thread, NULL);
    printf("{\"step_ns\": %.4f, \"line_ns\": %.1f}\n", step_ns, line_ns);
    return 0;
}
