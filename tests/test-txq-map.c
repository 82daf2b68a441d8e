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

/* Tests the mapping of a vhost-user port's transmit queues. */

#include <config.h>

#include "netdev-dpdk-vhost.h"

#include <stdio.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

struct map_case {
    const char *enabled;        /* One character per queue, '1' if enabled. */
    const char *map;            /* Expected, '-' for none. */
};

static const struct map_case cases[] = {
    /* Everybody at home. */
    { "1", "0" },
    { "1111", "0123" },
    /* Nobody. */
    { "0", "-" },
    { "0000", "----" },
    /* One serves all. */
    { "1000", "0000" },
    { "0001", "3333" },
    /* The homeless are spread in turn. */
    { "1100", "0101" },
    { "0101", "1133" },
    { "10100000", "00220202" },
    { "01110111", "11232567" },
};

int
main(int argc OVS_UNUSED, char *argv[])
{
    int n_failed = 0;

    set_program_name(argv[0]);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct map_case *c = &cases[i];
        const int n = strlen(c->enabled);
        bool enabled[VHOST_USER_MAX_QUEUE_PAIRS];
        int map[VHOST_USER_MAX_QUEUE_PAIRS];
        struct ds got = DS_EMPTY_INITIALIZER;

        for (int j = 0; j < n; j++) {
            enabled[j] = c->enabled[j] == '1';
        }
        vhost_map_txqs(enabled, n, map);
        for (int j = 0; j < n; j++) {
            ds_put_char(&got, map[j] == VHOST_TXQ_NONE ? '-' : '0' + map[j]);
        }
        if (strcmp(ds_cstr(&got), c->map)) {
            printf("queues %s: expected %s, got %s\n", c->enabled, c->map,
                   ds_cstr(&got));
            n_failed++;
        }
        ds_destroy(&got);
    }
    printf("%d failed\n", n_failed);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
