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


/* Tests the guest memory map and the dirty log, without EAL. */

#include <config.h>

#include "test-guest-memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "util.h"

int
make_memfd(size_t size)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    ovs_assert(fd >= 0 && !ftruncate(fd, size));
    return fd;
}

unsigned int
count_maps(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    unsigned int n = 0;
    int c;

    while ((c = getc(file)) != EOF) {
        n += c == '\n';
    }
    fclose(file);
    return n;
}

static unsigned int
count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned int n = 0;

    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

static void
test_check(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const struct {
        const char *problem;    /* Word that tells, NULL if good. */
        size_t n;
        struct guest_region_desc descs[9];
    } cases[] = {
        { NULL, 1, { { 0, 1, 0, 0 } } },
        { NULL, 1, { { 0, 1ULL << 43, 0, 0 } } },
        { NULL, 1, { { UINT64_MAX - 4096, 4096, 0, 0 } } },
        /* Next to one another in one space or both. */
        { NULL, 2, { { 0, 4096, 8192, 0 }, { 4096, 4096, 0, 0 } } },
        { NULL, 2, { { 4096, 4096, 4096, 0 }, { 0, 4096, 0, 0 } } },
        { "no memory", 0, { { 0, 0, 0, 0 } } },
        { "too many", 9, { { 0, 1, 0, 0 }, { 1, 1, 1, 0 }, { 2, 1, 2, 0 },
                           { 3, 1, 3, 0 }, { 4, 1, 4, 0 }, { 5, 1, 5, 0 },
                           { 6, 1, 6, 0 }, { 7, 1, 7, 0 }, { 8, 1, 8, 0 } } },
        { NULL, 8, { { 0, 1, 0, 0 }, { 1, 1, 1, 0 }, { 2, 1, 2, 0 },
                     { 3, 1, 3, 0 }, { 4, 1, 4, 0 }, { 5, 1, 5, 0 },
                     { 6, 1, 6, 0 }, { 7, 1, 7, 0 } } },
        { "empty", 2, { { 0, 1, 0, 0 }, { 1, 0, 1, 0 } } },
        { NULL, 2, { { 0, 1ULL << 43, 0, 0 },
                     { 1ULL << 43, 1ULL << 43, 1ULL << 43, 0 } } },
        { "address space", 2,
          { { 0, 1ULL << 43, 0, 0 },
            { 1ULL << 43, (1ULL << 43) + 1, 1ULL << 43, 0 } } },
        { "guest physical", 1, { { UINT64_MAX - 4095, 4096, 0, 0 } } },
        { "front-end", 1, { { 0, 4096, UINT64_MAX - 4095, 0 } } },
        { "file", 1, { { 0, 4096, 0, UINT64_MAX - 4095 } } },
        { "overlap in guest", 2, { { 0, 4096, 0, 0 }, { 0, 1, 8192, 0 } } },
        { "overlap in guest", 2,
          { { 4096, 4096, 0, 0 }, { 0, 4097, 8192, 0 } } },
        { "overlap in guest", 2,
          { { 100, 1, 0, 0 }, { 0, 4096, 8192, 0 } } },
        { "overlap in front", 2,
          { { 0, 4096, 100, 0 }, { 4096, 4096, 4195, 0 } } },
        { "overlap in front", 3,
          { { 0, 1, 0, 0 }, { 1, 1, 1, 0 }, { 2, 1, 0, 0 } } },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *problem = guest_memory_check(cases[i].descs, cases[i].n);

        check_context("case %"PRIuSIZE": %s", i, problem ? problem : "good");
        CHECK(!problem == !cases[i].problem);
        if (problem && cases[i].problem) {
            CHECK(strstr(problem, cases[i].problem));
        }
    }
}

struct guest_memory *
create_three(int *fdp)
{
    static const struct guest_region_desc descs[] = {
        { 0x9000, 0x1000, 0x10000, 0 },
        { 0x1000, 0x2001, 0x50000, 0x4ffe },
        { 0x3001, 0x1fff, 0x90000, 0x1001 },
    };
    const int fd = make_memfd(0x8000);
    const int fds[] = { dup(fd), dup(fd), dup(fd) };
    struct guest_memory *mem = NULL;
    char *error = NULL;

    if (!CHECK_EQ(guest_memory_create(descs, fds, 3, &mem, &error), 0)) {
        ovs_fatal(0, "%s", error);
    }
    *fdp = fd;
    return mem;
}

static void
test_translate(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const unsigned int n_maps = count_maps();
    const unsigned int n_fds = count_fds();
    struct guest_memory *mem;
    uint8_t data[0x8000];
    int fd;

    guest_memory_init();
    mem = create_three(&fd);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = i % 253;
    }
    ovs_assert(pwrite(fd, data, sizeof data, 0) == sizeof data);
    CHECK_EQ(mem->n_regions, 3);
    CHECK_EQ(mem->regions[0].gpa, 0x1000);
    CHECK_EQ(mem->regions[2].gpa, 0x9000);
    CHECK_EQ(guest_memory_end(mem), 0xa000);
    /* No more than is needed. */
    CHECK_EQ(mem->regions[0].map_size, 0x3000);
    CHECK_EQ(mem->regions[1].map_size, 0x2000);
    CHECK_EQ(mem->regions[2].map_size, 0x1000);

    static const struct {
        uint64_t gpa, len;
        int64_t ofs;            /* In the file; -1 if not there. */
        uint64_t part;          /* Of it in one region. */
        bool covered;           /* All of it is in some. */
    } cases[] = {
        { 0x1000, 1, 0x4ffe, 1, true },
        { 0x1000, 0x2001, 0x4ffe, 0x2001, true },
        { 0x1000, 0x2002, 0x4ffe, 0x2001, true },
        { 0x3000, 1, 0x6ffe, 1, true },
        { 0x3001, 1, 0x1001, 1, true },
        { 0x3000, 2, 0x6ffe, 1, true },
        { 0x1000, 0x4000, 0x4ffe, 0x2001, true },
        { 0x1000, 0x4001, 0x4ffe, 0x2001, false },
        { 0x4fff, 1, 0x2fff, 1, true },
        { 0x4fff, 2, 0x2fff, 1, false },
        { 0x5000, 1, -1, 0, false },
        { 0xfff, 1, -1, 0, false },
        { 0, 0x2000, -1, 0, false },
        { 0x9000, 0x1000, 0, 0x1000, true },
        { 0x9fff, 2, 0xfff, 1, false },
        { 0xa000, 1, -1, 0, false },
        { 0x1001, UINT64_MAX, 0x4fff, 0x2000, false },
        { 0x9001, UINT64_MAX - 0x9000, 1, 0xfff, false },
        { UINT64_MAX, 1, -1, 0, false },
        { UINT64_MAX, UINT64_MAX, -1, 0, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (unsigned int first = 0; first < 3; first++) {
            const bool there = cases[i].ofs >= 0;
            const bool whole = there && cases[i].part == cases[i].len;
            uint64_t part = cases[i].len;
            unsigned int hint = first;
            uint8_t buf[0x4000];
            uint8_t *p;

            check_context("case %"PRIuSIZE", hint %u", i, first);
            p = guest_memory_translate(mem, cases[i].gpa, cases[i].len,
                                       &hint);
            CHECK_EQ(p != NULL, whole);
            if (p && whole) {
                CHECK_MEM(p, data + cases[i].ofs, cases[i].len);
            }
            CHECK(hint < 3);

            p = guest_memory_translate_part(mem, cases[i].gpa, &part, &hint);
            CHECK_EQ(p != NULL, there);
            if (p && there && CHECK_EQ(part, cases[i].part)) {
                CHECK_MEM(p, data + cases[i].ofs, part);
            }
            CHECK_EQ(guest_memory_covers(mem, cases[i].gpa, cases[i].len),
                     cases[i].covered);
            if (cases[i].len <= sizeof buf) {
                const bool read = guest_memory_read(mem, cases[i].gpa, buf,
                                                    cases[i].len, &hint);

                CHECK_EQ(read, cases[i].covered);
                if (read && cases[i].covered) {
                    CHECK_MEM(buf, data + cases[i].ofs, cases[i].part);
                    CHECK_MEM(buf + cases[i].part, data + 0x1001,
                              cases[i].len - cases[i].part);
                }
            }
        }
    }

    /* Front-end addresses. */
    uint64_t gpa = 0;
    uint8_t *p = guest_memory_translate_uva(mem, 0x50010, 0x1ff1, &gpa);

    check_context("front-end addresses");
    CHECK(p == mem->regions[0].hva + 0x10);
    CHECK_EQ(gpa, 0x1010);
    CHECK(guest_memory_translate_uva(mem, 0x10fff, 1, NULL) != NULL);
    CHECK(!guest_memory_translate_uva(mem, 0x50010, 0x1ff2, NULL));
    CHECK(!guest_memory_translate_uva(mem, 0x11000, 1, NULL));
    CHECK(!guest_memory_translate_uva(mem, 0xffff, 1, NULL));
    CHECK(!guest_memory_translate_uva(mem, 0x50010, UINT64_MAX, NULL));

    check_context("leaks");
    guest_memory_destroy(mem);
    guest_memory_destroy(NULL);
    close(fd);
    CHECK_EQ(count_maps(), n_maps);
    CHECK_EQ(count_fds(), n_fds);
}

/* Expects that a map with a good region and then 'fd' is refused, and that it
 * leaves nothing behind. */
static void
refuse(int fd, uint64_t size, uint64_t offset, int expected, const char *word)
{
    const struct guest_region_desc descs[] = {
        { 0, 4096, 0, 0 }, { 4096, size, 4096, offset }
    };
    const int fds[] = { make_memfd(4096), fd };
    const unsigned int n_maps = count_maps();
    const unsigned int n_fds = count_fds();
    struct guest_memory *mem = NULL;
    struct dirty_log *log = NULL;
    char *error = NULL;

    check_context("%s", word);
    CHECK_EQ(guest_memory_create(descs, fds, 2, &mem, &error), expected);
    CHECK(!mem);
    CHECK(error && strstr(error, word));
    if (error && !strstr(error, word)) {
        printf("... but: %s\n", error);
    }
    free(error);
    error = NULL;

    CHECK_EQ(dirty_log_create(fd, size, offset, &log, &error), expected);
    CHECK(!log);
    CHECK(error && strstr(error, word));
    free(error);

    CHECK_EQ(count_maps(), n_maps);
    CHECK_EQ(count_fds(), n_fds);
    close(fds[0]);
    if (fd >= 0) {
        close(fd);
    }
}

static void
test_refuse(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int pipe_fds[2];
    int fd;

    guest_memory_init();
    ovs_assert(!pipe(pipe_fds));
    refuse(-1, 4096, 0, EBADF, "cannot examine");
    refuse(pipe_fds[0], 4096, 0, EINVAL, "neither memory");
    refuse(pipe_fds[1], 4096, 0, EINVAL, "neither memory");
    refuse(open("/dev/shm", O_RDONLY), 4096, 0, EINVAL, "regular");
    refuse(open("/proc", O_RDONLY), 4096, 0, EINVAL, "lives on proc");
    refuse(open("/proc/version", O_RDONLY), 4096, 0, EINVAL, "lives on proc");
    refuse(make_memfd(0), 1, 0, EINVAL, "too short");
    refuse(make_memfd(4095), 4096, 0, EINVAL, "too short");
    refuse(make_memfd(8191), 4096, 4096, EINVAL, "too short");
    refuse(make_memfd(8192), 4096, 1ULL << 63, EINVAL, "too short");
    refuse(make_memfd(8192), 4096, 8192, EINVAL, "too short");
    refuse(make_memfd(8192), 1ULL << 43, 4096, EINVAL, "too short");

    /* May be read only. */
    fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ovs_assert(!ftruncate(fd, 4096));
    ovs_assert(!fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    refuse(fd, 4096, 0, EPERM, "cannot map");

    /* Not by its description alone. */
    struct dirty_log *log = NULL;
    char *error = NULL;

    fd = make_memfd(4096);
    CHECK_EQ(dirty_log_create(fd, 0, 0, &log, &error), EINVAL);
    free(error);
    CHECK_EQ(dirty_log_create(fd, UINT64_MAX, 2, &log, &error), EINVAL);
    free(error);
    close(fd);
}

static void
test_log(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const struct {
        uint64_t gpa, len;
        uint64_t first, n;      /* Pages. */
    } cases[] = {
        { 0, 1, 0, 1 },
        { 4095, 1, 0, 1 },
        { 4095, 2, 0, 2 },
        { 4096, 4096, 1, 1 },
        { 4096, 4097, 1, 2 },
        { 5 * 4096 + 17, 30000, 5, 8 },
        { 0, 0, 0, 0 },
        { 4096, 0, 0, 0 },
        /* 80 pages are all there are. */
        { 79 * 4096, 4096, 79, 1 },
        { 79 * 4096, 4097, 79, 1 },
        { 80 * 4096, 4096, 0, 0 },
        { UINT64_MAX, 1, 0, 0 },
        { 78 * 4096, UINT64_MAX, 78, 2 },
    };
    const unsigned int n_maps = count_maps();
    const unsigned int n_fds = count_fds();
    const int fd = make_memfd(8192);
    struct dirty_log *log;
    char *error;

    guest_memory_init();
    /* A bitmap across a page border. */
    ovs_assert(!dirty_log_create(dup(fd), 10, 4091, &log, &error));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t file[8192];

        check_context("case %"PRIuSIZE, i);
        ovs_assert(!ftruncate(fd, 0) && !ftruncate(fd, sizeof file));
        dirty_log_mark(log, cases[i].gpa, cases[i].len);
        ovs_assert(pread(fd, file, sizeof file, 0) == sizeof file);
        for (uint64_t j = 0; j < sizeof file * 8; j++) {
            const uint64_t page = j - 4091 * 8;

            if (!!(file[j / 8] & (1 << j % 8))
                != (page - cases[i].first < cases[i].n)) {
                CHECK_EQ(page, UINT64_MAX);
            }
        }
        /* Marks stay. */
        dirty_log_mark(log, 0, 80 * 4096);
        dirty_log_mark(log, cases[i].gpa, cases[i].len);
        for (int j = 0; j < 10; j++) {
            CHECK_EQ(log->bitmap[j], 0xff);
        }
    }
    dirty_log_mark(NULL, 0, 1);

    check_context("log without file");
    ovs_assert(!ftruncate(fd, 0));
    dirty_log_mark(log, 0, 80 * 4096);

    dirty_log_destroy(log);
    dirty_log_destroy(NULL);
    close(fd);
    CHECK_EQ(count_maps(), n_maps);
    CHECK_EQ(count_fds(), n_fds);
}

static void
test_numa(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct guest_memory *mem;
    struct stat st;
    int node;
    int fd;

    guest_memory_init();
    mem = create_three(&fd);
    CHECK_EQ(guest_memory_numa_node(mem), -1);
    /* Asking brought nothing in. */
    ovs_assert(!fstat(fd, &st));
    CHECK_EQ(st.st_blocks, 0);

    memset(mem->regions[1].hva, 1, mem->regions[1].size);
    ovs_assert(!fstat(fd, &st));
    const int64_t blocks = st.st_blocks;

    /* Where we run, if the kernel can tell. */
    if (syscall(SYS_get_mempolicy, &node, NULL, 0UL, mem->regions[1].hva,
                3UL)) {
        node = -1;
    }
    CHECK_EQ(guest_memory_numa_node(mem), node);
    ovs_assert(!fstat(fd, &st));
    CHECK_EQ(st.st_blocks, blocks);
    guest_memory_destroy(mem);
    close(fd);
}

static const struct check_test tests[] = {
    { "check", test_check },
    { "translate", test_translate },
    { "refuse", test_refuse },
    { "log", test_log },
    { "numa", test_numa },
    { "fault", test_fault },
    { "race", test_race },
    { "huge", test_huge },
    { NULL, NULL },
};

int
main(int argc, char *argv[])
{
    return check_main(argc, argv, tests);
}
