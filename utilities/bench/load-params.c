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

/* What a trial is told: "run KEY=VALUE...".  See load-trial.h.
 *
 * Thread-safety: pure functions. */

#include <config.h>

#include "load-trial.h"

#include <stdlib.h>

#include "util.h"

static const char *const patterns[] = {
    [LOAD_PAIRS] = "pairs",
    [LOAD_ONEWAY] = "oneway",
    [LOAD_STAR] = "star",
    [LOAD_FLOOD] = "flood",
    [LOAD_SINK] = "sink",
    [LOAD_SOURCE] = "source",
};

static const char *const payloads[] = {
    [LOAD_HOT] = "hot",
    [LOAD_DIRTY] = "dirty",
    [LOAD_READ] = "read",
};

const char *
load_pattern_name(enum load_pattern pattern)
{
    return patterns[pattern];
}

/* Looks up 'value' in 'names'. */
static bool
parse_name(const char *value, const char *const names[], size_t n,
           unsigned int *result)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(value, names[i])) {
            *result = i;
            return true;
        }
    }
    return false;
}

static bool
parse_double(const char *value, double min, double max, double *result)
{
    char *tail;

    *result = strtod(value, &tail);
    return tail != value && !*tail && *result >= min && *result <= max;
}

/* Whole numbers. */
static bool
parse_uint(const char *value, unsigned int min, unsigned int max,
           uint32_t *result)
{
    unsigned int n;

    if (!str_to_uint(value, 10, &n) || n < min || n > max) {
        return false;
    }
    *result = n;
    return true;
}

static bool
parse_bool(const char *value, bool *result)
{
    uint32_t n;

    if (!parse_uint(value, 0, 1, &n)) {
        return false;
    }
    *result = n;
    return true;
}

/* Sets what 'key' stands for.  Returns false if that is impossible. */
static bool
set(struct load_params *p, const char *key, const char *value)
{
    unsigned int n = 0;

    if (!strcmp(key, "mode")) {
        p->paced = !strcmp(value, "paced");
        return p->paced || !strcmp(value, "closed");
    } else if (!strcmp(key, "pattern")) {
        bool ok = parse_name(value, patterns, ARRAY_SIZE(patterns), &n);

        p->pattern = ok ? n : LOAD_PAIRS;
        return ok;
    } else if (!strcmp(key, "payload")) {
        bool ok = parse_name(value, payloads, ARRAY_SIZE(payloads), &n);

        p->payload = ok ? n : LOAD_HOT;
        return ok;
    } else if (!strcmp(key, "in-flight")) {
        return parse_uint(value, 1, 1 << 20, &p->in_flight);
    } else if (!strcmp(key, "size")) {
        p->size = 0;
        return (!strcmp(value, "imix")
                || parse_uint(value, LOAD_MIN_FRAME, 9000, &p->size));
    } else if (!strcmp(key, "flows")) {
        return parse_uint(value, 1, 1 << 30, &p->flows);
    } else if (!strcmp(key, "vlan")) {
        bool ok = parse_uint(value, 1, 4094, &n);

        p->vlan = n;
        return ok;
    } else if (!strcmp(key, "batch")) {
        return parse_uint(value, 1, LOAD_MAX_BATCH, &p->batch);
    } else if (!strcmp(key, "seconds")) {
        return parse_double(value, 0.001, 3600, &p->seconds);
    } else if (!strcmp(key, "warmup")) {
        return parse_double(value, 0, 3600, &p->warmup);
    } else if (!strcmp(key, "rate")) {
        return parse_double(value, 1, 1e9, &p->rate);
    } else if (!strcmp(key, "csum")) {
        p->partial = !strcmp(value, "partial");
        return p->partial || !strcmp(value, "full");
    } else if (!strcmp(key, "interrupts")) {
        return parse_bool(value, &p->interrupts);
    } else {
        return false;
    }
}

char *
load_params_parse(struct load_params *p, const char *words)
{
    char *copy = xstrdup(words);
    char *save = NULL;
    char *error = NULL;

    *p = (struct load_params) {
        .in_flight = 32,
        .size = LOAD_MIN_FRAME,
        .flows = 1,
        .batch = 32,
        .seconds = 1,
        .warmup = 0.1,
    };
    for (char *word = strtok_r(copy, " \t\n", &save); word && !error;
         word = strtok_r(NULL, " \t\n", &save)) {
        char *value = strchr(word, '=');

        if (value) {
            *value++ = '\0';
        }
        if (!value || !set(p, word, value)) {
            error = xasprintf("%s%s%s: bad key or value", word,
                              value ? "=" : "", value ? value : "");
        }
    }
    if (!error && p->paced && !p->rate) {
        error = xstrdup("mode=paced needs rate=PPS");
    }
    free(copy);
    return error;
}
