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


#include <config.h>
#undef NDEBUG
#include "dpdk-eal-args.h"

/* Tests dpdk-eal-args by a table of other_config and what comes of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smap.h"
#include "util.h"

#define MAX_KEYS 5

struct test {
    const char *name;
    const char *config[MAX_KEYS][2]; /* Keys and values. */
    unsigned int main_cpu;

    /* Results. */
    const char *argv;           /* Joined by blanks... */
    const char *error;          /* ...or the beginning of the error. */
    const char *warning;        /* Part of the only warning, or NULL. */
    bool auto_lcore;
    bool no_huge;
};

static const struct test tests[] = {
    {
        .name = "nothing set",
        .argv = "prog --in-memory --lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "main lcore on another CPU, even beyond EAL's lcores",
        .main_cpu = 200,
        .argv = "prog --in-memory --lcores 0@200",
        .auto_lcore = true,
    }, {
        .name = "other keys do not matter",
        .config = { { "pmd-cpu-mask", "zzz" }, { "dpdk-init", "true" } },
        .argv = "prog --in-memory --lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "empty values count as not set",
        .config = { { "dpdk-lcore-mask", "" }, { "dpdk-socket-mem", "" },
                    { "dpdk-extra", "" }, { "dpdk-hugepage-dir", "" },
                    { "dpdk-socket-limit", "" } },
        .argv = "prog --in-memory --lcores 0@0",
        .auto_lcore = true,
    },

    /* dpdk-lcore-mask. */
    {
        .name = "mask of one CPU",
        .config = { { "dpdk-lcore-mask", "0x1" } },
        .argv = "prog --lcores 0@0 --in-memory",
    }, {
        .name = "mask of several CPUs, without 0x",
        .config = { { "dpdk-lcore-mask", "A3" } },
        .main_cpu = 7,
        .argv = "prog --lcores 0@0,1@1,2@5,3@7 --in-memory",
    }, {
        .name = "mask of a CPU beyond 64 bits and EAL's lcores",
        .config = { { "dpdk-lcore-mask",
                      "0X8000000000000000000000000000000000000001" } },
        .argv = "prog --lcores 0@0,1@159 --in-memory",
    }, {
        .name = "mask with leading zeros",
        .config = { { "dpdk-lcore-mask", "0x0000000000000000000002" } },
        .argv = "prog --lcores 0@1 --in-memory",
    }, {
        .name = "mask that is zero",
        .config = { { "dpdk-lcore-mask", "0x0" } },
        .error = "other_config:dpdk-lcore-mask: \"0x0\" has no CPU in it: ",
    }, {
        .name = "mask that is not hexadecimal",
        .config = { { "dpdk-lcore-mask", "0x1g" } },
        .error = "other_config:dpdk-lcore-mask: \"0x1g\" is not a CPU mask: ",
    }, {
        .name = "mask that is a list",
        .config = { { "dpdk-lcore-mask", "0,1" } },
        .error = "other_config:dpdk-lcore-mask: \"0,1\" is not a CPU mask: ",
    }, {
        .name = "mask without digits",
        .config = { { "dpdk-lcore-mask", "0x" } },
        .error = "other_config:dpdk-lcore-mask: \"0x\" is not a CPU mask: ",
    }, {
        .name = "mask of more CPUs than EAL has lcores",
        .config = { { "dpdk-lcore-mask",
                      "1ffffffffffffffffffffffffffffffff" } },
        .error = "other_config:dpdk-lcore-mask: 129 CPUs are too many: ",
    }, {
        .name = "mask, but dpdk-extra has -c",
        .config = { { "dpdk-lcore-mask", "0x1" }, { "dpdk-extra", "-c 2" } },
        .argv = "prog -c 2 --in-memory",
        .warning = "Ignoring database defined option 'dpdk-lcore-mask' due "
                   "to dpdk-extra config: it has '-c'",
    }, {
        .name = "bad mask, but dpdk-extra wins",
        .config = { { "dpdk-lcore-mask", "x" }, { "dpdk-extra", "-l1" } },
        .argv = "prog -l1 --in-memory",
        .warning = "it has '-l'",
    }, {
        .name = "lcores in dpdk-extra only",
        .config = { { "dpdk-extra", "--lcores=0@1" } },
        .argv = "prog --lcores=0@1 --in-memory",
    },

    /* Memory. */
    {
        .name = "socket-mem",
        .config = { { "dpdk-socket-mem", "1024,0,2048" } },
        .argv = "prog --socket-mem 1024,0,2048 --in-memory --lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "alloc-mem",
        .config = { { "dpdk-alloc-mem", "512" } },
        .argv = "prog -m 512 --in-memory --lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "socket-mem and alloc-mem",
        .config = { { "dpdk-alloc-mem", "512" }, { "dpdk-socket-mem", "64" } },
        .argv = "prog --socket-mem 64 --in-memory --lcores 0@0",
        .warning = "Multiple defined options for memory type",
        .auto_lcore = true,
    }, {
        .name = "socket-mem, but dpdk-extra has -m",
        .config = { { "dpdk-socket-mem", "1" }, { "dpdk-extra", "-m 64" } },
        .argv = "prog -m 64 --in-memory --lcores 0@0",
        .warning = "'dpdk-socket-mem' due to dpdk-extra config: it has '-m'",
        .auto_lcore = true,
    }, {
        .name = "alloc-mem, but dpdk-extra has --socket-mem",
        .config = { { "dpdk-alloc-mem", "1" },
                    { "dpdk-extra", "--socket-mem=64" } },
        .argv = "prog --socket-mem=64 --in-memory --lcores 0@0",
        .warning = "it has '--socket-mem'",
        .auto_lcore = true,
    }, {
        .name = "socket-mem with a unit",
        .config = { { "dpdk-socket-mem", "1G" } },
        .error = "other_config:dpdk-socket-mem: \"1G\" is not a list of MB ",
    }, {
        .name = "socket-mem with an empty element",
        .config = { { "dpdk-socket-mem", "1024," } },
        .error = "other_config:dpdk-socket-mem: \"1024,\" is not a list ",
    }, {
        .name = "socket-mem that is negative",
        .config = { { "dpdk-socket-mem", "-1" } },
        .error = "other_config:dpdk-socket-mem: \"-1\" is not a list ",
    }, {
        .name = "socket-mem beyond what an integer holds",
        .config = { { "dpdk-socket-mem", "99999999999999999999" } },
        .error = "other_config:dpdk-socket-mem: ",
    }, {
        .name = "socket-mem for more nodes than EAL knows",
        .config = { { "dpdk-socket-mem",
                      "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                      "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1" } },
        .error = "other_config:dpdk-socket-mem: ",
    }, {
        .name = "alloc-mem that is zero",
        .config = { { "dpdk-alloc-mem", "0" } },
        .error = "other_config:dpdk-alloc-mem: \"0\" is not a number of MB",
    }, {
        .name = "alloc-mem that is a list",
        .config = { { "dpdk-alloc-mem", "1,2" } },
        .error = "other_config:dpdk-alloc-mem: \"1,2\" is not a number of MB",
    }, {
        .name = "socket-limit",
        .config = { { "dpdk-socket-limit", "2048,0" } },
        .argv = "prog --socket-limit 2048,0 --in-memory --lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "socket-limit that is no list",
        .config = { { "dpdk-socket-limit", "a lot" } },
        .error = "other_config:dpdk-socket-limit: \"a lot\" is not a list ",
    }, {
        .name = "hugepage directory",
        .config = { { "dpdk-hugepage-dir", "/mnt/huge pages" } },
        .argv = "prog --huge-dir /mnt/huge pages --in-memory --lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "hugepage directory, but dpdk-extra has one",
        .config = { { "dpdk-hugepage-dir", "/a" },
                    { "dpdk-extra", "--huge-dir /b" } },
        .argv = "prog --huge-dir /b --in-memory --lcores 0@0",
        .warning = "'dpdk-hugepage-dir'",
        .auto_lcore = true,
    },

    /* dpdk-extra. */
    {
        .name = "dpdk-extra with quotes",
        .config = { { "dpdk-extra", "--no-pci --log-level='pmd.*:error'" } },
        .argv = "prog --no-pci --log-level=pmd.*:error --in-memory "
                "--lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "dpdk-extra says how to keep memory",
        .config = { { "dpdk-extra", "--legacy-mem" } },
        .argv = "prog --legacy-mem --lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "dpdk-extra has --in-memory",
        .config = { { "dpdk-extra", "--in-memory --no-pci" } },
        .argv = "prog --in-memory --no-pci --lcores 0@0",
        .auto_lcore = true,
    }, {
        .name = "--help would end the switch",
        .config = { { "dpdk-extra", "--no-pci --help" } },
        .error = "other_config:dpdk-extra: \"--help\" cannot be used",
    }, {
        .name = "so would -h; --huge-dir is something else",
        .config = { { "dpdk-extra", "--huge-dir /x -h" } },
        .error = "other_config:dpdk-extra: \"-h\" cannot be used",
    }, {
        .name = "-- would hide our own arguments",
        .config = { { "dpdk-extra", "-- --no-pci" } },
        .error = "other_config:dpdk-extra: \"--\" cannot be used",
    },

    /* Without hugepages. */
    {
        .name = "no hugepages, nothing said about memory",
        .config = { { "dpdk-extra", "--no-huge --no-pci" } },
        .argv = "prog --no-huge --no-pci -m 512 --no-shconf --lcores 0@0",
        .auto_lcore = true,
        .no_huge = true,
    }, {
        .name = "no hugepages, but so much memory",
        .config = { { "dpdk-extra", "--no-huge -m 128" } },
        .argv = "prog --no-huge -m 128 --no-shconf --lcores 0@0",
        .auto_lcore = true,
        .no_huge = true,
    }, {
        .name = "no hugepages, memory by node",
        .config = { { "dpdk-extra", "--no-huge" },
                    { "dpdk-socket-mem", "100,28" } },
        .argv = "prog --no-huge -m 128 --no-shconf --lcores 0@0",
        .auto_lcore = true,
        .no_huge = true,
    }, {
        .name = "no hugepages, memory said twice",
        .config = { { "dpdk-extra", "--no-huge" },
                    { "dpdk-socket-mem", "100" },
                    { "dpdk-alloc-mem", "200" } },
        .argv = "prog --no-huge -m 100 --no-shconf --lcores 0@0",
        .warning = "using dpdk-socket-mem, ignoring dpdk-alloc-mem",
        .auto_lcore = true,
        .no_huge = true,
    }, {
        .name = "no hugepages, and nothing to add",
        .config = { { "dpdk-extra", "--no-huge -m 1 --no-shconf -l 0" } },
        .argv = "prog --no-huge -m 1 --no-shconf -l 0",
        .no_huge = true,
    }, {
        .name = "no hugepages, memory by node zero",
        .config = { { "dpdk-extra", "--no-huge" },
                    { "dpdk-socket-mem", "0" } },
        .argv = "prog --no-huge -m 512 --no-shconf --lcores 0@0",
        .auto_lcore = true,
        .no_huge = true,
    },
};

/* Complains about one result.  Returns false. */
static bool
wrong(const struct test *test, const char *what, const char *is,
      const char *should_be)
{
    fprintf(stderr, "%s: %s is\n    %s\nbut should be\n    %s\n", test->name,
            what, is ? is : "(none)", should_be ? should_be : "(none)");
    return false;
}

static bool
run(const struct test *test)
{
    struct smap config = SMAP_INITIALIZER(&config);
    struct dpdk_eal_args args;
    char *error;
    bool ok = true;

    for (int i = 0; i < MAX_KEYS && test->config[i][0]; i++) {
        smap_add(&config, test->config[i][0], test->config[i][1]);
    }
    int ret = dpdk_eal_args_init(&args, "prog", test->main_cpu, &config,
                                 &error);
    if (!ret != !error) {
        ok = wrong(test, "result", ret ? "failure" : "success", "the other");
    } else if (test->error || error) {
        if (!test->error || !error
            || strncmp(error, test->error, strlen(test->error))) {
            ok = wrong(test, "error", error, test->error);
        }
    } else {
        char *argv = svec_join(&args.argv, " ", "");

        if (strcmp(argv, test->argv)) {
            ok = wrong(test, "argv", argv, test->argv);
        }
        if (args.argv.names[args.argv.n]) {
            ok = wrong(test, "end of argv", "missing", "a null pointer");
        }
        if (args.auto_lcore != test->auto_lcore
            || args.no_huge != test->no_huge) {
            ok = wrong(test, "auto_lcore or no_huge", "wrong", "right");
        }
        free(argv);
    }

    char *warnings = svec_join(&args.warnings, "\n", "");
    if (test->warning
        ? args.warnings.n != 1 || !strstr(warnings, test->warning)
        : args.warnings.n != 0) {
        ok = wrong(test, "warning", warnings, test->warning);
    }
    free(warnings);
    free(error);
    dpdk_eal_args_destroy(&args);
    smap_destroy(&config);
    return ok;
}

int
main(int argc OVS_UNUSED, char *argv[])
{
    int n_bad = 0;

    set_program_name(argv[0]);
    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        n_bad += !run(&tests[i]);
    }
    printf("%"PRIuSIZE" cases, %d bad\n", ARRAY_SIZE(tests), n_bad);
    return n_bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
