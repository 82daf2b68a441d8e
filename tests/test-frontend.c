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


/* Test front end: a VMM and its guest for tests of vhost-user back ends.
 *
 * A daemon with one thread, driven through unixctl; "list-commands" lists
 * what it can be told to do.  See frontend.h for the parts it is made of. */

#include <config.h>

#include <getopt.h>
#include <stdlib.h>

#include "command-line.h"
#include "daemon.h"
#include "fatal-signal.h"
#include "frontend-commands.h"
#include "frontend-guest.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "unixctl.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(test_frontend);

static unixctl_cb_func cmd_exit;

OVS_NO_RETURN static void usage(void);

static void
usage(void)
{
    printf("%s: front end of vhost-user, for tests\n"
           "usage: %s [OPTIONS]\n"
           "\nConnection:\n"
           "  --client=PATH            connect to a back end at PATH\n"
           "  --server=PATH            listen at PATH\n"
           "  --features=LIST          [+|-]NAME,... or a number\n"
           "  --protocol-features=LIST likewise\n"
           "  --timeout=MS             for answers\n"
           "\nMemory and rings:\n"
           "  --queues=N               queue pairs\n"
           "  --ring-size=N\n"
           "  --regions=N              of memory\n"
           "  --rx-buf=BYTES           in a receive buffer\n"
           "  --tx-buf=BYTES           for the longest frame to send\n"
           "  --rx-shape=SHAPE         [indirect:]LENGTH,LENGTH,...\n"
           "  --tx-shape=SHAPE         likewise\n"
           "  --packed, --in-order     kind of rings, instead of --features\n"
           "  --poll                   poll, instead of interrupts\n"
           "\nGuest:\n"
           "  --mac=MAC, --ip=IP, --mtu=N\n"
           "  --silent                 answer neither ARP nor ICMP\n"
           "  --echo=arp|icmp          answer only one of the two\n"
           "\nOther options:\n"
           "  --unixctl=SOCKET         override default control socket\n"
           "  -h, --help               display this help message\n",
           program_name, program_name);
    daemon_usage();
    vlog_usage();
    exit(EXIT_SUCCESS);
}

/* Parses option value 's', a number from 'min' to 'max'. */
static unsigned int
parse_number(const char *s, unsigned int min, unsigned int max)
{
    unsigned int n;

    if (!str_to_uint(s, 0, &n) || n < min || n > max) {
        ovs_fatal(0, "%s: not a number from %u to %u", s, min, max);
    }
    return n;
}

/* Options that are not about the connection.  The guest is set up only after
 * all of them are known. */
struct guest_options {
    struct eth_addr mac;
    ovs_be32 ip;
    bool echo_arp, echo_icmp;
};

static void
die_of(char *error)
{
    if (error) {
        ovs_fatal(0, "%s", error);
    }
}

static char *
parse_options(int argc, char *argv[], struct fe_config *c,
              struct guest_options *o)
{
    enum {
        OPT_CLIENT = UCHAR_MAX + 1, OPT_SERVER, OPT_FEATURES, OPT_PROTOCOL,
        OPT_TIMEOUT, OPT_QUEUES, OPT_RING_SIZE, OPT_REGIONS, OPT_RX_BUF,
        OPT_TX_BUF, OPT_RX_SHAPE, OPT_TX_SHAPE, OPT_POLL, OPT_MAC, OPT_IP,
        OPT_MTU, OPT_SILENT, OPT_ECHO, OPT_UNIXCTL, OPT_PACKED, OPT_IN_ORDER,
        DAEMON_OPTION_ENUMS,
        VLOG_OPTION_ENUMS,
    };
    static const struct option long_options[] = {
        {"client", required_argument, NULL, OPT_CLIENT},
        {"server", required_argument, NULL, OPT_SERVER},
        {"features", required_argument, NULL, OPT_FEATURES},
        {"protocol-features", required_argument, NULL, OPT_PROTOCOL},
        {"timeout", required_argument, NULL, OPT_TIMEOUT},
        {"queues", required_argument, NULL, OPT_QUEUES},
        {"ring-size", required_argument, NULL, OPT_RING_SIZE},
        {"regions", required_argument, NULL, OPT_REGIONS},
        {"rx-buf", required_argument, NULL, OPT_RX_BUF},
        {"tx-buf", required_argument, NULL, OPT_TX_BUF},
        {"rx-shape", required_argument, NULL, OPT_RX_SHAPE},
        {"tx-shape", required_argument, NULL, OPT_TX_SHAPE},
        {"packed", no_argument, NULL, OPT_PACKED},
        {"in-order", no_argument, NULL, OPT_IN_ORDER},
        {"poll", no_argument, NULL, OPT_POLL},
        {"mac", required_argument, NULL, OPT_MAC},
        {"ip", required_argument, NULL, OPT_IP},
        {"mtu", required_argument, NULL, OPT_MTU},
        {"silent", no_argument, NULL, OPT_SILENT},
        {"echo", required_argument, NULL, OPT_ECHO},
        {"unixctl", required_argument, NULL, OPT_UNIXCTL},
        {"help", no_argument, NULL, 'h'},
        DAEMON_LONG_OPTIONS,
        VLOG_LONG_OPTIONS,
        {NULL, 0, NULL, 0},
    };
    char *short_options
        = ovs_cmdl_long_options_to_short_options(long_options);
    char *unixctl_path = NULL;
    uint64_t kind = 0;

    for (;;) {
        int opt = getopt_long(argc, argv, short_options, long_options,
                              NULL);

        if (opt == -1) {
            break;
        }
        switch (opt) {
        case OPT_CLIENT:
        case OPT_SERVER:
            c->path = optarg;
            c->server = opt == OPT_SERVER;
            break;
        case OPT_FEATURES:
            die_of(fe_parse_features(optarg, &c->features));
            break;
        case OPT_PROTOCOL:
            die_of(fe_parse_protocol_features(optarg,
                                              &c->protocol_features));
            break;
        case OPT_TIMEOUT:
            c->timeout = parse_number(optarg, 1, 600000);
            break;
        case OPT_QUEUES:
            c->n_pairs = parse_number(optarg, 1, 128);
            break;
        case OPT_RING_SIZE:
            c->ring_size = parse_number(optarg, 1, 32768);
            break;
        case OPT_REGIONS:
            c->n_regions = parse_number(optarg, 1, FE_MAX_REGIONS);
            break;
        case OPT_RX_BUF:
            c->rx_buf = parse_number(optarg, 16, FE_MAX_FRAME);
            break;
        case OPT_TX_BUF:
            c->tx_buf = parse_number(optarg, 16, FE_MAX_FRAME);
            break;
        case OPT_RX_SHAPE:
            die_of(fe_shape_check(optarg));
            c->rx_shape = optarg;
            break;
        case OPT_TX_SHAPE:
            die_of(fe_shape_check(optarg));
            c->tx_shape = optarg;
            break;
        case OPT_PACKED:
            kind |= FE_BIT(FE_F_ring_packed);
            break;
        case OPT_IN_ORDER:
            kind |= FE_BIT(FE_F_in_order);
            break;
        case OPT_POLL:
            c->interrupt = false;
            break;
        case OPT_MAC:
            if (!eth_addr_from_string(optarg, &o->mac)) {
                ovs_fatal(0, "%s: bad MAC", optarg);
            }
            break;
        case OPT_IP:
            if (!ip_parse(optarg, &o->ip)) {
                ovs_fatal(0, "%s: bad IP", optarg);
            }
            break;
        case OPT_MTU:
            c->mtu = parse_number(optarg, 68, UINT16_MAX);
            break;
        case OPT_SILENT:
            o->echo_arp = o->echo_icmp = false;
            break;
        case OPT_ECHO:
            o->echo_arp = strstr(optarg, "arp");
            o->echo_icmp = strstr(optarg, "icmp");
            break;
        case OPT_UNIXCTL:
            unixctl_path = optarg;
            break;
        case 'h':
            usage();
        DAEMON_OPTION_HANDLERS
        VLOG_OPTION_HANDLERS
        case '?':
            exit(EXIT_FAILURE);
        default:
            abort();
        }
    }
    free(short_options);
    c->features |= kind;
    if (!is_pow2(c->ring_size)
        && !(c->features & FE_BIT(FE_F_ring_packed))) {
        ovs_fatal(0, "%"PRIu16": not a power of two", c->ring_size);
    }
    if (optind < argc || !c->path) {
        ovs_fatal(0, "need --client or --server, and no arguments; use "
                  "--help for help");
    }
    return unixctl_path;
}

int
main(int argc, char *argv[])
{
    struct fe_config config = FE_CONFIG_INITIALIZER;
    struct guest_options options = {
        .mac = ETH_ADDR_C(02,00,00,00,00,01),
        .echo_arp = true,
        .echo_icmp = true,
    };
    struct unixctl_server *unixctl;
    bool exiting = false;
    struct guest guest;
    int error;

    ovs_cmdl_proctitle_init(argc, argv);
    set_program_name(argv[0]);
    fatal_ignore_sigpipe();

    char *unixctl_path = parse_options(argc, argv, &config, &options);

    guest_init(&guest, &config);
    guest.mac = options.mac;
    guest.ip = options.ip;
    guest.echo_arp = options.echo_arp;
    guest.echo_icmp = options.echo_icmp;

    daemonize_start(false);
    error = unixctl_server_create(unixctl_path, &unixctl);
    if (error) {
        ovs_fatal(error, "cannot create control socket");
    }
    unixctl_command_register("exit", "", 0, 0, cmd_exit, &exiting);
    frontend_commands_init(&guest);
    frontend_control_init(&guest);
    frontend_deviate_init(&guest);
    frontend_offend_init(&guest);
    if (config.server) {
        error = fe_listen(&guest.fe);
        if (error) {
            ovs_fatal(error, "%s", guest.fe.error);
        }
    }
    daemonize_complete();

    while (!exiting) {
        unixctl_server_run(unixctl);
        guest_run(&guest);
        frontend_commands_run(&guest);

        guest_wait(&guest);
        frontend_commands_wait(&guest);
        unixctl_server_wait(unixctl);
        if (exiting) {
            poll_immediate_wake();
        }
        poll_block();
    }
    guest_destroy(&guest);
    unixctl_server_destroy(unixctl);
    return 0;
}

static void
cmd_exit(struct unixctl_conn *conn, int argc OVS_UNUSED,
         const char *argv[] OVS_UNUSED, void *exiting_)
{
    bool *exiting = exiting_;

    *exiting = true;
    unixctl_command_reply(conn, NULL);
}
