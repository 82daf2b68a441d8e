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


/* Which variant of the functions that move frames is taken.
 *
 * Thread-safety: virtqueue_set_variant() is for the main thread, before there
 * are others; the rest is for any thread. */

/* rte_vect_get_max_simd_bitwidth() and its sister, of DPDK 20.11 and later. */
#define ALLOW_EXPERIMENTAL_API

#include <config.h>

#include "virtqueue-variant.h"

#include <errno.h>
#include <rte_vect.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

static bool
scalar_is_supported(void)
{
    return true;
}

#ifdef VRING_AVX2
static bool
avx2_is_supported(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}
#endif

#ifdef VRING_AVX512
/* The first CPUs with AVX-512 are slow for a while after long vectors; those
 * that have the instructions named last are not. */
static bool
avx512_is_supported(void)
{
    return (__builtin_cpu_supports("avx2")
            && __builtin_cpu_supports("bmi2")
            && __builtin_cpu_supports("popcnt")
            && __builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl")
            && __builtin_cpu_supports("avx512vbmi")
            && __builtin_cpu_supports("avx512vbmi2"));
}
#endif

#define VQ_VARIANT_INIT(NAME, BITS)                                 \
    {                                                               \
        .name = #NAME,                                              \
        .bits = BITS,                                               \
        .is_supported = NAME##_is_supported,                        \
        .split_dequeue = vq_split_dequeue_##NAME,                   \
        .split_enqueue = vq_split_enqueue_##NAME,                   \
        .packed_dequeue = vq_packed_dequeue_##NAME,                 \
        .packed_enqueue = vq_packed_enqueue_##NAME,                 \
    }

/* The best comes last. */
static const struct vq_variant variants[] = {
    VQ_VARIANT_INIT(scalar, 0),
#ifdef VRING_AVX2
    VQ_VARIANT_INIT(avx2, 256),
#endif
#ifdef VRING_AVX512
    VQ_VARIANT_INIT(avx512, 512),
#endif
};

/* What virtqueue_set_variant() said, or NULL. */
static const struct vq_variant *forced;

/* True if the user allows vectors of 'bits' bits, with EAL's option
 * --force-max-simd-bitwidth.  Without that option, EAL's own default, 256,
 * does not count: it was made for the first CPUs with AVX-512. */
static bool
are_vectors_allowed(unsigned int bits)
{
    const uint16_t max = rte_vect_get_max_simd_bitwidth();

    /* To set it to what it is changes nothing, or is refused because the user
     * has spoken.  It is 0 until EAL is initialised. */
    return (bits <= max || !max
            || rte_vect_set_max_simd_bitwidth(max) != -EPERM);
}

const struct vq_variant *
vq_variant_get(void)
{
    const struct vq_variant *best = &variants[0];

    if (forced) {
        return forced;
    }
    for (size_t i = 1; i < ARRAY_SIZE(variants); i++) {
        if (variants[i].is_supported()
            && are_vectors_allowed(variants[i].bits)) {
            best = &variants[i];
        }
    }
    return best;
}

const char *
virtqueue_get_variant(void)
{
    return vq_variant_get()->name;
}

const char *
virtqueue_variant_name(unsigned int i)
{
    for (size_t j = 0; j < ARRAY_SIZE(variants); j++) {
        if (variants[j].is_supported() && !i--) {
            return variants[j].name;
        }
    }
    return NULL;
}

char *
virtqueue_set_variant(const char *name)
{
    struct ds names = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
        if (variants[i].is_supported()) {
            if (!strcmp(variants[i].name, name)) {
                forced = &variants[i];
                ds_destroy(&names);
                return NULL;
            }
            ds_put_format(&names, "%s%s", names.length ? ", " : "",
                          variants[i].name);
        }
    }

    char *error = xasprintf("%s: no variant for this CPU, which has %s", name,
                            ds_cstr(&names));

    ds_destroy(&names);
    return error;
}
