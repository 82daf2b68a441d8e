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


/* Tests what becomes of mappings that lose their file, and of other
 * signals. */

#include <config.h>

#include "test-guest-memory.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-fault.h"
#include "util.h"

/* Runs 'f' in a child and returns its wait status. */
static int
in_child(void (*f)(void))
{
    const pid_t pid = fork();
    int status;

    if (!pid) {
        f();
        _exit(check_n_failed ? 1 : 0);
    }
    ovs_assert(waitpid(pid, &status, 0) == pid);
    return status;
}

static uint8_t *
map_and_shrink(void)
{
    const int fd = make_memfd(4096);
    uint8_t *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

    ovs_assert(p != MAP_FAILED && !ftruncate(fd, 0));
    return p;
}

static volatile uint8_t sink;

/* Default action: an access that is none of ours kills. */
static void
child_default(void)
{
    signal(SIGBUS, SIG_DFL);
    guest_memory_init();
    sink = *map_and_shrink();
}

static void
child_raise(void)
{
    signal(SIGBUS, SIG_DFL);
    guest_memory_init();
    raise(SIGBUS);
}

static void
exit_handler(int signum OVS_UNUSED)
{
    _exit(33);
}

static void
exit_action(int signum OVS_UNUSED, siginfo_t *info, void *context OVS_UNUSED)
{
    _exit(info->si_addr ? 44 : 45);
}

static void
child_handler(void)
{
    signal(SIGBUS, exit_handler);
    guest_memory_init();
    sink = *map_and_shrink();
}

static void
child_action(void)
{
    struct sigaction action = {
        .sa_sigaction = exit_action, .sa_flags = SA_SIGINFO
    };

    sigaction(SIGBUS, &action, NULL);
    guest_memory_init();
    sink = *map_and_shrink();
}

/* A mapping that is forgotten is not ours any more. */
static void
child_removed(void)
{
    uint8_t *p = map_and_shrink();

    signal(SIGBUS, exit_handler);
    guest_memory_init();
    ovs_assert(guest_fault_add(p, 4096, 4096, NULL));
    guest_fault_remove(p);
    sink = *p;
}

/* Neighbours of ours are none of ours. */
static void
touch_neighbour(unsigned int i)
{
    const int fd = make_memfd(3 * 4096);
    uint8_t *p = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, fd, 0);

    signal(SIGBUS, exit_handler);
    guest_memory_init();
    ovs_assert(p != MAP_FAILED && !ftruncate(fd, 0));
    ovs_assert(guest_fault_add(p + 4096, 4096, 4096, NULL));
    sink = p[4096];
    sink = p[2 * 4096 - 1];
    sink = p[i];
}

static void
child_before(void)
{
    touch_neighbour(4095);
}

static void
child_after(void)
{
    touch_neighbour(2 * 4096);
}

static void
check_fault(void)
{
    struct guest_memory *mem, *other;
    uint8_t old[0x1000];
    int fd, other_fd;

    mem = create_three(&fd);
    other = create_three(&other_fd);
    memset(mem->regions[0].hva, 0x55, mem->regions[0].size);
    memset(other->regions[0].hva, 0x55, other->regions[0].size);
    CHECK(!guest_memory_is_faulted(mem));

    /* What is left stays, errno too. */
    ovs_assert(!ftruncate(fd, 0x5000));
    memset(old, 0x55, sizeof old);
    CHECK_MEM(mem->regions[0].hva, old, 2);
    CHECK(!guest_memory_is_faulted(mem));
    errno = 1234;
    CHECK_EQ(mem->regions[0].hva[0x100], 0);
    CHECK_EQ(errno, 1234);
    CHECK(guest_memory_is_faulted(mem));
    CHECK_MEM(mem->regions[0].hva, old, 2);
    mem->regions[0].hva[0x100] = 1;
    CHECK_EQ(mem->regions[0].hva[0x100], 1);
    CHECK_EQ(mem->regions[0].hva[0x2000], 0);

    /* To the other map nothing happened. */
    CHECK(!guest_memory_is_faulted(other));
    CHECK_MEM(other->regions[0].hva, old, sizeof old);
    guest_memory_destroy(mem);
    guest_memory_destroy(other);
    close(fd);
    close(other_fd);
}

void
test_fault(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const unsigned int n_maps = count_maps();
    int status;

    check_context("default action");
    status = in_child(child_default);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    check_context("default action, sent");
    status = in_child(child_raise);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    check_context("previous handler");
    status = in_child(child_handler);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);
    check_context("previous action");
    status = in_child(child_action);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 44);
    check_context("mapping removed");
    status = in_child(child_removed);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);

    check_context("neighbours");
    status = in_child(child_before);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);
    status = in_child(child_after);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);

    check_context("lost file");
    guest_memory_init();
    guest_memory_init();
    check_fault();
    CHECK_EQ(count_maps(), n_maps);

    /* No room for another mapping. */
    check_context("full table");
    for (uintptr_t i = 1; i <= GUEST_FAULT_MAX_MAPPINGS; i++) {
        CHECK(guest_fault_add((void *) (i * 4096), 4096, 4096, NULL));
    }

    const struct guest_region_desc desc = { 0, 4096, 0, 0 };
    struct guest_memory *mem = NULL;
    const int fd = make_memfd(4096);
    char *error = NULL;

    CHECK_EQ(guest_memory_create(&desc, &fd, 1, &mem, &error), ENOSPC);
    free(error);
    guest_fault_remove((void *) (7 * 4096));
    CHECK_EQ(guest_memory_create(&desc, &fd, 1, &mem, &error), 0);
    for (uintptr_t i = 1; i <= GUEST_FAULT_MAX_MAPPINGS; i++) {
        guest_fault_remove((void *) (i * 4096));
    }
    guest_memory_destroy(mem);
    check_fault();
    CHECK_EQ(count_maps(), n_maps);
}

/* Maps come and go in one thread while files are lost in others. */
static atomic_bool stop;

static void *
come_and_go(void *aux OVS_UNUSED)
{
    bool stopped;

    do {
        struct guest_memory *mem[10];
        int fds[10];

        for (int i = 0; i < 10; i++) {
            mem[i] = create_three(&fds[i]);
        }
        for (int i = 0; i < 10; i++) {
            guest_memory_destroy(mem[i]);
            close(fds[i]);
        }
        atomic_read_relaxed(&stop, &stopped);
    } while (!stopped);
    return NULL;
}

void
test_race(int argc, char *argv[])
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 500;
    pthread_t thread;

    guest_memory_init();
    check_context("race");
    atomic_init(&stop, false);
    ovs_assert(!pthread_create(&thread, NULL, come_and_go, NULL));
    for (int i = 0; i < rounds; i++) {
        check_fault();
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

/* The same with huge pages of 2 MB, of which four have to be free. */
void
test_huge(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const size_t page = 2 * 1024 * 1024;
    /* Begins within the first page and ends within the last. */
    const struct guest_region_desc desc = { 0, 3 * page, 0, 4096 };
    const int fd = memfd_create("test", MFD_CLOEXEC | MFD_HUGETLB);
    struct guest_memory *mem;
    char *error;

    check_context("huge pages");
    guest_memory_init();
    ovs_assert(fd >= 0 && !ftruncate(fd, 4 * page));
    if (guest_memory_create(&desc, &(int) { dup(fd) }, 1, &mem, &error)) {
        ovs_fatal(0, "%s", error);
    }
    CHECK_EQ(mem->regions[0].page_size, page);
    CHECK_EQ(mem->regions[0].map_size, 4 * page);
    CHECK_EQ(guest_memory_numa_node(mem), -1);
    memset(mem->regions[0].hva, 0x55, 3 * page);
    CHECK(guest_memory_numa_node(mem) >= 0);
    CHECK(!guest_memory_is_faulted(mem));

    ovs_assert(!ftruncate(fd, page));
    CHECK_EQ(mem->regions[0].hva[page + 12345], 0);
    CHECK(guest_memory_is_faulted(mem));
    CHECK_EQ(mem->regions[0].hva[3 * page - 1], 0);
    CHECK_EQ(mem->regions[0].hva[page - 4097], 0x55);
    guest_memory_destroy(mem);
    close(fd);
}
