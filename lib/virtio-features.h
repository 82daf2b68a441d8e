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

#ifndef VIRTIO_FEATURES_H
#define VIRTIO_FEATURES_H 1

/* Features of network devices
 * ===========================
 *
 * One table of virtio feature bits, with their names for people.
 *
 * Thread-safety: everything here is constant. */

#include <stdint.h>

struct ds;

/* VIRTIO_FEATURE_BIT(name, bit): virtio 1.2, 5.1.3 "Feature bits" of network
 * devices and 6 "Reserved Feature Bits"; LOG_ALL and PROTOCOL_FEATURES are
 * vhost's and vhost-user's. */
#define VIRTIO_FEATURE_BITS                         \
    VIRTIO_FEATURE_BIT(CSUM, 0)                     \
    VIRTIO_FEATURE_BIT(GUEST_CSUM, 1)               \
    VIRTIO_FEATURE_BIT(CTRL_GUEST_OFFLOADS, 2)      \
    VIRTIO_FEATURE_BIT(MTU, 3)                      \
    VIRTIO_FEATURE_BIT(MAC, 5)                      \
    VIRTIO_FEATURE_BIT(GSO, 6)                      \
    VIRTIO_FEATURE_BIT(GUEST_TSO4, 7)               \
    VIRTIO_FEATURE_BIT(GUEST_TSO6, 8)               \
    VIRTIO_FEATURE_BIT(GUEST_ECN, 9)                \
    VIRTIO_FEATURE_BIT(GUEST_UFO, 10)               \
    VIRTIO_FEATURE_BIT(HOST_TSO4, 11)               \
    VIRTIO_FEATURE_BIT(HOST_TSO6, 12)               \
    VIRTIO_FEATURE_BIT(HOST_ECN, 13)                \
    VIRTIO_FEATURE_BIT(HOST_UFO, 14)                \
    VIRTIO_FEATURE_BIT(MRG_RXBUF, 15)               \
    VIRTIO_FEATURE_BIT(STATUS, 16)                  \
    VIRTIO_FEATURE_BIT(CTRL_VQ, 17)                 \
    VIRTIO_FEATURE_BIT(CTRL_RX, 18)                 \
    VIRTIO_FEATURE_BIT(CTRL_VLAN, 19)               \
    VIRTIO_FEATURE_BIT(CTRL_RX_EXTRA, 20)           \
    VIRTIO_FEATURE_BIT(GUEST_ANNOUNCE, 21)          \
    VIRTIO_FEATURE_BIT(MQ, 22)                      \
    VIRTIO_FEATURE_BIT(CTRL_MAC_ADDR, 23)           \
    VIRTIO_FEATURE_BIT(NOTIFY_ON_EMPTY, 24)         \
    VIRTIO_FEATURE_BIT(LOG_ALL, 26)                 \
    VIRTIO_FEATURE_BIT(ANY_LAYOUT, 27)              \
    VIRTIO_FEATURE_BIT(INDIRECT_DESC, 28)           \
    VIRTIO_FEATURE_BIT(EVENT_IDX, 29)               \
    VIRTIO_FEATURE_BIT(PROTOCOL_FEATURES, 30)       \
    VIRTIO_FEATURE_BIT(VERSION_1, 32)               \
    VIRTIO_FEATURE_BIT(ACCESS_PLATFORM, 33)         \
    VIRTIO_FEATURE_BIT(RING_PACKED, 34)             \
    VIRTIO_FEATURE_BIT(IN_ORDER, 35)                \
    VIRTIO_FEATURE_BIT(ORDER_PLATFORM, 36)          \
    VIRTIO_FEATURE_BIT(SR_IOV, 37)                  \
    VIRTIO_FEATURE_BIT(NOTIFICATION_DATA, 38)       \
    VIRTIO_FEATURE_BIT(NOTIF_CONFIG_DATA, 39)       \
    VIRTIO_FEATURE_BIT(RING_RESET, 40)              \
    VIRTIO_FEATURE_BIT(GUEST_USO4, 54)              \
    VIRTIO_FEATURE_BIT(GUEST_USO6, 55)              \
    VIRTIO_FEATURE_BIT(HOST_USO, 56)                \
    VIRTIO_FEATURE_BIT(HASH_REPORT, 57)             \
    VIRTIO_FEATURE_BIT(GUEST_HDRLEN, 59)            \
    VIRTIO_FEATURE_BIT(RSS, 60)                     \
    VIRTIO_FEATURE_BIT(RSC_EXT, 61)                 \
    VIRTIO_FEATURE_BIT(STANDBY, 62)                 \
    VIRTIO_FEATURE_BIT(SPEED_DUPLEX, 63)

enum virtio_feature_bit {
#define VIRTIO_FEATURE_BIT(NAME, BIT) VIRTIO_BIT_##NAME = BIT,
    VIRTIO_FEATURE_BITS
#undef VIRTIO_FEATURE_BIT
};

/* Mask of feature 'NAME'. */
#define VIRTIO_FEATURE(NAME) (UINT64_C(1) << VIRTIO_BIT_##NAME)

/* Appends the names of the features in 'mask', lowest bit first and separated
 * by spaces.  A bit without a name appears as "bitN".  Appends nothing if
 * 'mask' is 0. */
void virtio_features_format(uint64_t mask, struct ds *);

/* The same for vhost-user's protocol features. */
void vhost_protocol_features_format(uint64_t mask, struct ds *);

#endif /* virtio-features.h */
