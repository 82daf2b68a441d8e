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

/* Names of virtio and vhost-user feature bits, made from the tables of
 * virtio-features.h and vhost-user-proto.h.
 *
 * Thread-safety: pure functions over constant tables. */

#include <config.h>

#include "virtio-features.h"

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "vhost-user-proto.h"

static const char *const virtio_names[64] = {
#define VIRTIO_FEATURE_BIT(NAME, BIT) [BIT] = #NAME,
    VIRTIO_FEATURE_BITS
#undef VIRTIO_FEATURE_BIT
};

static const char *const protocol_names[64] = {
#define VHOST_USER_PROTOCOL_FEATURE(NAME, BIT) [BIT] = #NAME,
    VHOST_USER_PROTOCOL_FEATURES
#undef VHOST_USER_PROTOCOL_FEATURE
};

static void
format_mask(uint64_t mask, const char *const names[64], struct ds *s)
{
    const char *separator = "";

    for (; mask; mask = zero_rightmost_1bit(mask)) {
        unsigned int bit = raw_ctz(mask);

        ds_put_cstr(s, separator);
        if (names[bit]) {
            ds_put_cstr(s, names[bit]);
        } else {
            ds_put_format(s, "bit%u", bit);
        }
        separator = " ";
    }
}

void
virtio_features_format(uint64_t mask, struct ds *s)
{
    format_mask(mask, virtio_names, s);
}

void
vhost_protocol_features_format(uint64_t mask, struct ds *s)
{
    format_mask(mask, protocol_names, s);
}
