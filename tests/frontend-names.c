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


/* Names of messages and features for the test front end.  Pure functions. */

#include <config.h>

#include "frontend.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/util.h"
#include "util.h"

struct name {
    unsigned int number;
    const char *name;
};

static const struct name requests[] = {
#define FE_REQUEST(NUMBER, NAME) { NUMBER, #NAME },
    FE_REQUESTS
#undef FE_REQUEST
};

static const struct name features[] = {
#define FE_FEATURE(BIT, NAME) { BIT, #NAME },
    FE_FEATURES
};

static const struct name protocol_features[] = {
    FE_PROTOCOL_FEATURES
#undef FE_FEATURE
};

int
fe_request_from_string(const char *s)
{
    unsigned int number;

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        if (!strcasecmp(s, requests[i].name)) {
            return requests[i].number;
        }
    }
    return str_to_uint(s, 0, &number) && number <= INT_MAX ? number : -1;
}

static void
format_bits(struct ds *ds, uint64_t bits, const struct name *names, size_t n)
{
    size_t start = ds->length;

    for (size_t i = 0; i < n; i++) {
        if (bits & FE_BIT(names[i].number)) {
            ds_put_format(ds, "%s,", names[i].name);
            bits &= ~FE_BIT(names[i].number);
        }
    }
    if (bits) {
        ds_put_format(ds, "%#"PRIx64",", bits);
    }
    if (ds->length > start) {
        ds_chomp(ds, ',');
    } else {
        ds_put_char(ds, '-');
    }
}

void
fe_format_features(struct ds *ds, uint64_t bits)
{
    format_bits(ds, bits, features, ARRAY_SIZE(features));
}

void
fe_format_protocol_features(struct ds *ds, uint64_t bits)
{
    format_bits(ds, bits, protocol_features, ARRAY_SIZE(protocol_features));
}

static char *
parse_bits(const char *s, uint64_t *bits, const struct name *names, size_t n)
{
    char *copy = xstrdup(s);
    char *save = NULL;
    char *error = NULL;

    for (char *word = strtok_r(copy, ",", &save); word && !error;
         word = strtok_r(NULL, ",", &save)) {
        bool off = *word == '-';
        const char *name = word + (off || *word == '+');
        unsigned long long number;
        uint64_t bit = 0;

        for (size_t i = 0; i < n; i++) {
            if (!strcasecmp(name, names[i].name)) {
                bit = FE_BIT(names[i].number);
            }
        }
        if (bit) {
            *bits = off ? *bits & ~bit : *bits | bit;
        } else if (name == word && str_to_ullong(word, 0, &number)) {
            *bits = number;
        } else {
            error = xasprintf("%s: unknown feature \"%s\"", s, name);
        }
    }
    free(copy);
    return error;
}

char *
fe_parse_features(const char *s, uint64_t *bits)
{
    return parse_bits(s, bits, features, ARRAY_SIZE(features));
}

char *
fe_parse_protocol_features(const char *s, uint64_t *bits)
{
    return parse_bits(s, bits, protocol_features,
                      ARRAY_SIZE(protocol_features));
}
