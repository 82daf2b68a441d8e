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


/* vring-attack: a guest or VMM that wears its switch down.
 *
 * Driven by lines on stdin; answers each with a line of JSON.  See attack.h
 * for what an attack is. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "frontend-ring.h"
#include "openvswitch/vlog.h"
#include "util.h"

#define RING_SIZE 1024

/* Rest between looks for the back end, in ms. */
#define NAP 1

/* Length of a rest from using the CPU for nothing, in ms, and how much use is
 * as much as there is. */
#define IDLE_MS 1
#define BUSY_PERMILLE 400

OVS_NO_RETURN static void
usage(void)
{
    printf("%s: attacks a vhost-user back end\n"
           "usage: %s [OPTION...] ATTACK SOCKET\n"
           "       %s --list\n"
           "\nOptions:\n"
           "  --server   listen on SOCKET instead of connecting\n"
           "  --packed   packed virtqueues\n"
           "  --pairs=N  queue pairs\n"
           "  --list     list the attacks\n"
           "\nCommands on stdin, each answered by a line of JSON:\n"
           "  go         begin\n"
           "  rest N     stop, but keep the device, if there is one, and use "
           "the CPU for\n"
           "             N thousandths of the time\n"
           "  quit\n",
           program_name, program_name, program_name);
    exit(EXIT_SUCCESS);
}

void
attacker_hold(struct attacker *a, int fd)
{
    if (fd >= 0) {
        int *p = &a->held[a->next_held++ % ATTACK_MAX_HELD];

        if (*p >= 0) {
            close(*p);
        }
        *p = fd;
    }
}

void
attacker_let_go(struct attacker *a)
{
    for (int i = 0; i < ATTACK_MAX_HELD; i++) {
        if (a->held[i] >= 0) {
            close(a->held[i]);
            a->held[i] = -1;
        }
    }
}

static const struct attack *
find_attack(const char *name)
{
    for (unsigned int i = 0; i < n_ring_attacks; i++) {
        if (!strcmp(ring_attacks[i].name, name)) {
            return &ring_attacks[i];
        }
    }
    for (unsigned int i = 0; i < n_socket_attacks; i++) {
        if (!strcmp(socket_attacks[i].name, name)) {
            return &socket_attacks[i];
        }
    }
    ovs_fatal(0, "%s: no such attack", name);
}

static void
list_attacks(const struct attack *attacks, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        const struct attack *a = &attacks[i];

        printf("%s\t%s\t%s\n", a->name,
               a->server ? "server" : a->client ? "client" : "rings",
               a->what);
    }
}

/* Sees to it that there is a device.  Returns 0 or a positive errno value. */
static int
connect_device(struct attacker *a)
{
    if (!a->attack->device || a->fe.started) {
        return 0;
    }
    fe_disconnect(&a->fe);

    int error = fe_connect(&a->fe);

    if (!error) {
        error = fe_start(&a->fe);
    }
    if (error) {
        fe_disconnect(&a->fe);
        return error;
    }
    for (unsigned int i = 0; i < a->fe.n_rings; i++) {
        if (a->fe.rings[i].broken) {
            a->fe.rings[i].broken = false;
            error = fe_reset_rings(&a->fe);
        }
    }
    if (!error && a->attack->prepare) {
        a->attack->prepare(a);
    }
    return error;
}

static void
step(struct attacker *a)
{
    int error = connect_device(a);

    if (!error) {
        error = a->attack->step(a);
        a->n_steps += error != EAGAIN;
    }
    if (error == EAGAIN || error == ENOENT || error == ECONNREFUSED) {
        poll(NULL, 0, NAP);
    } else if (error) {
        a->n_errors++;
        fe_disconnect(&a->fe);
    }
}

static uint64_t
cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* Uses 'permille' of the CPU for a while, to no end. */
static void
idle(unsigned int permille)
{
    const uint64_t end = cpu_ns() + IDLE_MS * UINT64_C(1000) * permille;

    while (cpu_ns() < end) {
        continue;
    }
    if (permille && permille < BUSY_PERMILLE) {
        poll(NULL, 0, IDLE_MS);
    }
}

/* Does what a line says.  Returns false to quit. */
static bool
command(struct attacker *a, const char *line, bool *busy,
        unsigned int *permille)
{
    const bool quit = !strncmp(line, "quit", 4);

    *busy = !strncmp(line, "go", 2);
    *permille = *busy || quit ? 0 : atoi(line + strlen("rest"));
    if (!*busy) {
        attacker_let_go(a);
    }
    printf("{\"attack\":\"%s\",\"steps\":%"PRIu64",\"errors\":%"PRIu64"}\n",
           a->attack->name, a->n_steps, a->n_errors);
    fflush(stdout);
    return !quit;
}

static void
run(struct attacker *a)
{
    unsigned int permille = 0;
    bool busy = false;

    for (;;) {
        struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
        char line[64];

        /* A device is there from the beginning. */
        while (!busy && connect_device(a)) {
            fe_disconnect(&a->fe);
            if (poll(&pfd, 1, 10)) {
                break;
            }
        }
        if (poll(&pfd, 1, busy || permille ? 0 : -1)
            && (!fgets(line, sizeof line, stdin)
                || !command(a, line, &busy, &permille))) {
            return;
        }
        if (busy) {
            step(a);
        } else {
            idle(permille);
        }
    }
}

static const struct attack *
parse_options(int argc, char *argv[], struct attacker *a,
              struct fe_config *c)
{
    enum { OPT_SERVER = UCHAR_MAX + 1, OPT_PACKED, OPT_PAIRS, OPT_LIST };
    static const struct option options[] = {
        { "server", no_argument, NULL, OPT_SERVER },
        { "packed", no_argument, NULL, OPT_PACKED },
        { "pairs", required_argument, NULL, OPT_PAIRS },
        { "list", no_argument, NULL, OPT_LIST },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };

    for (;;) {
        switch (getopt_long(argc, argv, "h", options, NULL)) {
        case OPT_SERVER:
            c->server = true;
            break;
        case OPT_PACKED:
            c->features |= FE_BIT(FE_F_ring_packed);
            break;
        case OPT_PAIRS:
            c->n_pairs = MAX(1, atoi(optarg));
            break;
        case OPT_LIST:
            list_attacks(ring_attacks, n_ring_attacks);
            list_attacks(socket_attacks, n_socket_attacks);
            exit(EXIT_SUCCESS);
        case 'h':
            usage();
        case -1:
            if (argc - optind != 2) {
                ovs_fatal(0, "need ATTACK and SOCKET (use --help for help)");
            }
            a->attack = find_attack(argv[optind]);
            c->path = argv[optind + 1];
            return a->attack;
        default:
            exit(EXIT_FAILURE);
        }
    }
}

int
main(int argc, char *argv[])
{
    static struct attacker a;
    struct fe_config config = FE_CONFIG_INITIALIZER;
    const struct attack *attack;

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdin, NULL, _IONBF, 0);

    config.ring_size = RING_SIZE;
    config.n_regions = 1;
    config.interrupt = false;
    config.tx_buf = 2048;
    attack = parse_options(argc, argv, &a, &config);
    if (attack->server != config.server && (attack->server
                                            || attack->client)) {
        ovs_fatal(0, "%s: for %s sockets only", attack->name,
                  attack->server ? "--server" : "client");
    }
    if (attack->configure) {
        attack->configure(&config);
    }
    memcpy(a.frame, (uint8_t[]) { 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3,
                                  0x88, 0xb5 }, 14);
    memset(a.held, 0xff, sizeof a.held);
    fe_init(&a.fe, &config);
    if (config.server && fe_listen(&a.fe)) {
        ovs_fatal(0, "%s", a.fe.error);
    }
    run(&a);
    attacker_let_go(&a);
    fe_uninit(&a.fe);
    return EXIT_SUCCESS;
}
