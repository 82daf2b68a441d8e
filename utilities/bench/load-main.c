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

/* vring-load: a load generator for vhost-user back ends.
 *
 * Plays several guests in one thread that polls.  It is driven by lines on
 * stdin and answers each with a line of JSON; see usage(). */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "command-line.h"
#include "fatal-signal.h"
#include "load-trial.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"
#include "virtio-features.h"

/* How long "wait" waits, in seconds, and how often it looks for a socket that
 * is not there yet, in ms. */
#define WAIT_DEFAULT 60
#define WAIT_STEP 20

/* How long back ends may take to fetch what was sent, in ms.  One that has
 * just been connected may still be busy with itself. */
#define IDLE_TIMEOUT 5000

/* For how long the TSC is compared with the clock, in ns. */
#define CALIBRATION 50000000

struct load {
    struct load_config config;
    struct load_guest *guests;
    unsigned int n_guests;
    int cpu;                    /* -1 for any. */
    uint8_t n_trials;           /* Number of the latest. */
    double hz;                  /* Of the TSC. */
};

OVS_NO_RETURN static void
usage(void)
{
    printf("%s: load generator for vhost-user back ends\n"
           "usage: %s [OPTION...] SOCKET...\n"
           "\nPlays a guest on each SOCKET, all in one thread.\n"
           "\nOptions:\n"
           "  --packed            packed virtqueues (VIRTIO_F_RING_PACKED)\n"
           "  --in-order          buffers are used in order "
           "(VIRTIO_F_IN_ORDER)\n"
           "  --no-mrg-rxbuf      a frame must fit into one buffer\n"
           "  --csum              offer checksum offload, if the back end "
           "does\n"
           "  --no-event-idx      no VIRTIO_RING_F_EVENT_IDX\n"
           "  --ring-size=N       entries in a ring, default 1024\n"
           "  --queues=N          queue pairs of each guest, default 1\n"
           "  --buffer-size=N     bytes in a receive buffer, default 2048\n"
           "  --align=frame|header\n"
           "                      what begins at a cache line in a buffer\n"
           "  --regions=N         of memory of each guest, default 1\n"
           "  --hugepages         back memory by hugepages of 2 MB\n"
           "  --server            listen on SOCKETs instead of connecting\n"
           "  --cpu=N             run on this CPU\n"
           "  -h, --help          display this help message\n"
           "\nCommands, one a line on stdin, each answered by a line of JSON "
           "on stdout,\n{\"error\":\"...\"} if it failed:\n"
           "  wait [SECONDS]      until all guests are connected; \"polled\" "
           "tells whether\n"
           "                      frames are taken from all rings, too\n"
           "  run [KEY=VALUE...]  one trial\n"
           "  quit\n"
           "\nKeys of \"run\":\n"
           "  mode=closed|paced   windows, or a rate\n"
           "  pattern=pairs       sockets 2k and 2k+1 to each other, half of "
           "a window each\n"
           "          oneway      socket 2k to 2k+1\n"
           "          star        socket 0 with each other one, half of a "
           "window each way\n"
           "          flood       socket 0 to all others at once\n"
           "          sink        each to whoever is behind the switch\n"
           "          source      each takes whatever comes, and sends nothing"
           "\n"
           "  in-flight=W         closed: frames in a window, default 32\n"
           "  rate=PPS            paced: frames a second of each sender\n"
           "  size=64...9000|imix bytes of a frame, as the ring gets them\n"
           "  flows=N             5-tuples, in turn, default 1\n"
           "  vlan=ID             send with this tag\n"
           "  batch=B             frames sent in a visit at most, default 32\n"
           "  seconds=S, warmup=S what is measured, and before it\n"
           "  payload=hot         only headers are written\n"
           "          dirty       all of a frame is\n"
           "          read        and all that comes is read and checked, "
           "too\n"
           "  csum=full|partial   leave UDP checksums to the other side\n"
           "  interrupts=1        ask for interrupts, and count them\n",
           program_name, program_name);
    exit(EXIT_SUCCESS);
}

static unsigned int
parse_number(const char *s, unsigned int min, unsigned int max)
{
    unsigned int n;

    if (!str_to_uint(s, 10, &n) || n < min || n > max) {
        ovs_fatal(0, "%s: must be from %u to %u", s, min, max);
    }
    return n;
}

static void
parse_options(int argc, char *argv[], struct load *load)
{
    enum {
        OPT_PACKED = UCHAR_MAX + 1, OPT_IN_ORDER, OPT_NO_MRG_RXBUF, OPT_CSUM,
        OPT_NO_EVENT_IDX, OPT_RING_SIZE, OPT_QUEUES, OPT_BUFFER_SIZE,
        OPT_ALIGN, OPT_REGIONS, OPT_HUGEPAGES, OPT_SERVER, OPT_CPU,
    };
    static const struct option options[] = {
        { "packed", no_argument, NULL, OPT_PACKED },
        { "in-order", no_argument, NULL, OPT_IN_ORDER },
        { "no-mrg-rxbuf", no_argument, NULL, OPT_NO_MRG_RXBUF },
        { "csum", no_argument, NULL, OPT_CSUM },
        { "no-event-idx", no_argument, NULL, OPT_NO_EVENT_IDX },
        { "ring-size", required_argument, NULL, OPT_RING_SIZE },
        { "queues", required_argument, NULL, OPT_QUEUES },
        { "buffer-size", required_argument, NULL, OPT_BUFFER_SIZE },
        { "align", required_argument, NULL, OPT_ALIGN },
        { "regions", required_argument, NULL, OPT_REGIONS },
        { "hugepages", no_argument, NULL, OPT_HUGEPAGES },
        { "server", no_argument, NULL, OPT_SERVER },
        { "cpu", required_argument, NULL, OPT_CPU },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct load_config *c = &load->config;

    *c = (struct load_config) {
        .features = (FE_BIT(FE_F_version_1) | FE_BIT(FE_F_mrg_rxbuf)
                     | FE_BIT(FE_F_event_idx)
                     | FE_BIT(FE_F_protocol_features)),
        .n_queues = 1,
        .n_regions = 1,
        .ring_size = 1024,
        .buf_size = 2048,
    };
    load->cpu = -1;
    for (;;) {
        int opt = getopt_long(argc, argv, "h", options, NULL);

        switch (opt) {
        case OPT_PACKED:
            c->features |= FE_BIT(FE_F_ring_packed);
            break;
        case OPT_IN_ORDER:
            c->features |= FE_BIT(FE_F_in_order);
            break;
        case OPT_NO_MRG_RXBUF:
            c->features &= ~FE_BIT(FE_F_mrg_rxbuf);
            break;
        case OPT_CSUM:
            c->features |= FE_BIT(FE_F_csum) | FE_BIT(FE_F_guest_csum);
            break;
        case OPT_NO_EVENT_IDX:
            c->features &= ~FE_BIT(FE_F_event_idx);
            break;
        case OPT_RING_SIZE:
            c->ring_size = parse_number(optarg, 64, 32768);
            if (!is_pow2(c->ring_size)) {
                ovs_fatal(0, "%s: must be a power of 2", optarg);
            }
            break;
        case OPT_QUEUES:
            c->n_queues = parse_number(optarg, 1, LOAD_MAX_QUEUES);
            if (c->n_queues > 1) {
                c->features |= FE_BIT(FE_F_mq);
            }
            break;
        case OPT_BUFFER_SIZE:
            c->buf_size = parse_number(optarg, 128, 65536);
            break;
        case OPT_ALIGN:
            c->header_aligned = !strcmp(optarg, "header");
            if (!c->header_aligned && strcmp(optarg, "frame")) {
                ovs_fatal(0, "%s: must be \"frame\" or \"header\"", optarg);
            }
            break;
        case OPT_REGIONS:
            c->n_regions = parse_number(optarg, 1, 8);
            break;
        case OPT_HUGEPAGES:
            c->hugepages = true;
            break;
        case OPT_SERVER:
            c->server = true;
            break;
        case OPT_CPU:
            load->cpu = parse_number(optarg, 0, CPU_SETSIZE - 1);
            break;
        case 'h':
            usage();
        case -1:
            if (optind == argc) {
                ovs_fatal(0, "missing SOCKET (use --help for help)");
            } else if (argc - optind > LOAD_MAX_GUESTS) {
                ovs_fatal(0, "more than %d SOCKETs", LOAD_MAX_GUESTS);
            }
            return;
        default:
            exit(EXIT_FAILURE);
        }
    }
}

/* The TSC's frequency. */
static double
measure_hz(void)
{
    struct timespec a, b, pause = { 0, CALIBRATION };
    uint64_t start, end;

    clock_gettime(CLOCK_MONOTONIC_RAW, &a);
    start = load_tsc();
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC_RAW, &b);
    end = load_tsc();
    return ((end - start)
            / ((b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9));
}

static void
pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set)) {
        ovs_fatal(errno, "cannot run on CPU %d", cpu);
    }
}

static void
put_error(struct ds *ds, char *error)
{
    ds_clear(ds);
    ds_put_cstr(ds, "{\"error\":");
    json_string_escape(error, ds);
    ds_put_char(ds, '}');
    free(error);
}

/* Appends what the virtio specification calls feature 'bit'. */
static void
put_feature(struct ds *ds, unsigned int bit)
{
    static const char *const names[64] = {
#define VIRTIO_FEATURE_BIT(NAME, BIT) [BIT] = #NAME,
        VIRTIO_FEATURE_BITS
#undef VIRTIO_FEATURE_BIT
    };
    const char *prefix = (bit == VIRTIO_BIT_LOG_ALL ? "VHOST_F_"
                          : bit == VIRTIO_BIT_PROTOCOL_FEATURES
                          ? "VHOST_USER_F_"
                          : bit == VIRTIO_BIT_INDIRECT_DESC
                          || bit == VIRTIO_BIT_EVENT_IDX ? "VIRTIO_RING_F_"
                          : bit < 24 || bit > 49 ? "VIRTIO_NET_F_"
                          : "VIRTIO_F_");

    if (names[bit]) {
        ds_put_format(ds, "\"%s%s\"", prefix, names[bit]);
    } else {
        ds_put_format(ds, "\"%u\"", bit);
    }
}

/* Connects all guests.  Returns NULL if all rings run, otherwise a malloc'd
 * complaint. */
static char *
connect_guests(struct load *load, int timeout_ms)
{
    long long int deadline = time_msec() + timeout_ms;

    for (;;) {
        char *missing = NULL;

        for (unsigned int i = 0; i < load->n_guests; i++) {
            struct load_guest *g = &load->guests[i];
            int error = load_guest_run(g);

            if (error) {
                free(missing);
                missing = xasprintf("%s: %s", g->fe.config.path, g->fe.error);
                if (error != EAGAIN) {
                    return missing;
                }
            }
        }
        if (!missing || time_msec() >= deadline) {
            return missing;
        }
        free(missing);
        load_guests_wait(load->guests, load->n_guests, WAIT_STEP);
    }
}

/* Sleeps until back ends have taken all that was sent.  Returns false if that
 * takes too long. */
static bool
wait_idle(struct load *load)
{
    long long int deadline = time_msec() + IDLE_TIMEOUT;

    for (unsigned int i = 0; i < load->n_guests; i++) {
        while (!load_guest_is_idle(&load->guests[i])) {
            if (time_msec() >= deadline) {
                return false;
            }
            poll(NULL, 0, 1);
        }
    }
    return true;
}

static void
cmd_wait(struct load *load, const char *args, struct ds *ds)
{
    char *error = connect_guests(load, (args ? atoi(args) : WAIT_DEFAULT)
                                       * 1000);
    uint64_t features = load->guests[0].fe.features;
    const char *separator = "";

    if (error) {
        put_error(ds, error);
        return;
    }
    for (unsigned int i = 0; i < load->n_guests; i++) {
        load_guest_announce(&load->guests[i]);
    }
    ds_put_format(ds, "{\"ready\":true,\"polled\":%s,\"features\":[",
                  wait_idle(load) ? "true" : "false");
    for (; features; features = zero_rightmost_1bit(features)) {
        ds_put_cstr(ds, separator);
        put_feature(ds, raw_ctz(features));
        separator = ",";
    }
    ds_put_cstr(ds, "]}");
}

/* Numbers of trials, but for 0, which is in frames that belong to none. */
static uint8_t
next_trial(struct load *load)
{
    load->n_trials = load->n_trials < UINT8_MAX ? load->n_trials + 1 : 1;
    return load->n_trials;
}

static void
cmd_run(struct load *load, const char *args, struct ds *ds)
{
    struct load_params params;
    char *error = load_params_parse(&params, args ? args : "");

    if (!error) {
        error = connect_guests(load, 0);
    }
    if (!error) {
        /* If this fails, load_trial_init() knows more. */
        wait_idle(load);
    }
    if (!error) {
        struct load_trial *t = xmalloc(sizeof *t);

        error = load_trial_init(t, &params, load->guests, load->n_guests,
                                next_trial(load), load->hz);
        if (!error) {
            error = load_trial_run(t, ds);
        }
        load_trial_uninit(t);
        free(t);
    }
    if (error) {
        put_error(ds, error);
    }
}

/* Does what 'line' says.  Returns false to quit. */
static bool
command(struct load *load, char *line)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    char *save = NULL;
    const char *name = strtok_r(line, " \t\n", &save);
    const char *args = save && *save ? save : NULL;
    bool quit = name && !strcmp(name, "quit");

    if (quit) {
        ds_put_cstr(&ds, "{}");
    } else if (name && !strcmp(name, "wait")) {
        cmd_wait(load, args, &ds);
    } else if (name && !strcmp(name, "run")) {
        cmd_run(load, args, &ds);
    } else {
        put_error(&ds, xasprintf("%s: no such command", name ? name : ""));
    }
    puts(ds_cstr(&ds));
    fflush(stdout);
    ds_destroy(&ds);
    return !quit;
}

int
main(int argc, char *argv[])
{
    struct load load = { .n_trials = 0 };
    char *line = NULL;
    size_t size = 0;

    set_program_name(argv[0]);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    parse_options(argc, argv, &load);
    if (load.cpu >= 0) {
        pin(load.cpu);
    }
    fatal_signal_init();
    load.hz = measure_hz();
    load.n_guests = argc - optind;
    load.guests = xcalloc(load.n_guests, sizeof *load.guests);
    for (unsigned int i = 0; i < load.n_guests; i++) {
        struct load_guest *g = &load.guests[i];

        if (load_guest_init(g, i, argv[optind + i], &load.config)) {
            ovs_fatal(0, "%s: %s", argv[optind + i], g->fe.error);
        }
    }
    while (getline(&line, &size, stdin) >= 0 && command(&load, line)) {
        continue;
    }
    free(line);
    for (unsigned int i = 0; i < load.n_guests; i++) {
        load_guest_uninit(&load.guests[i]);
    }
    free(load.guests);
    return EXIT_SUCCESS;
}
