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


#ifndef VIRTQUEUE_VARIANT_H
#define VIRTQUEUE_VARIANT_H 1

/* Variants of the functions that move frames
 * ==========================================
 *
 * Private to the engine, but for what virtqueue.h says of them.  The same
 * source is compiled several times, for CPUs with and without certain
 * instructions, and a virtqueue is given one of the variants when it is
 * started.  VQ_VARIANT, which the makefile defines, is the name of the one
 * that a file is being compiled for. */

#include "virtqueue.h"

struct vq_variant {
    const char *name;
    unsigned int bits;          /* Of its longest vectors, 0 if it has none. */
    bool (*is_supported)(void); /* By this CPU. */
    unsigned int (*split_dequeue)(struct virtqueue *, struct rte_mempool *,
                                  struct rte_mbuf **, unsigned int max);
    unsigned int (*split_enqueue)(struct virtqueue *, struct rte_mbuf **,
                                  unsigned int n);
    unsigned int (*packed_dequeue)(struct virtqueue *, struct rte_mempool *,
                                   struct rte_mbuf **, unsigned int max);
    unsigned int (*packed_enqueue)(struct virtqueue *, struct rte_mbuf **,
                                   unsigned int n);
};

/* The variant for virtqueues that start now. */
const struct vq_variant *vq_variant_get(void);

/* VQ_VARIANT_NAME(x) is x_scalar, x_avx2 and so on. */
#define VQ_VARIANT_PASTE__(NAME, VARIANT) NAME##_##VARIANT
#define VQ_VARIANT_PASTE(NAME, VARIANT) VQ_VARIANT_PASTE__(NAME, VARIANT)
#define VQ_VARIANT_NAME(NAME) VQ_VARIANT_PASTE(NAME, VQ_VARIANT)

#define VQ_VARIANT_DECLARE(VARIANT)                                       \
    unsigned int vq_split_dequeue_##VARIANT(struct virtqueue *,           \
                                            struct rte_mempool *,         \
                                            struct rte_mbuf **,           \
                                            unsigned int max);            \
    unsigned int vq_split_enqueue_##VARIANT(struct virtqueue *,           \
                                            struct rte_mbuf **,           \
                                            unsigned int n);              \
    unsigned int vq_packed_dequeue_##VARIANT(struct virtqueue *,          \
                                             struct rte_mempool *,        \
                                             struct rte_mbuf **,          \
                                             unsigned int max);           \
    unsigned int vq_packed_enqueue_##VARIANT(struct virtqueue *,          \
                                             struct rte_mbuf **,          \
                                             unsigned int n)

VQ_VARIANT_DECLARE(scalar);
VQ_VARIANT_DECLARE(avx2);
VQ_VARIANT_DECLARE(avx512);

#endif /* virtqueue-variant.h */
