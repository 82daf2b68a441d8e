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


#ifndef VIRTQUEUE_PACKED_AVX512_H
#define VIRTQUEUE_PACKED_AVX512_H 1

/* Groups of eight descriptors of a packed ring, with AVX-512.  Included by
 * virtqueue-packed.h in files that are compiled for it; what is not plain they
 * deal with one by one.
 *
 * The memory of the guest changes under us: see virtqueue-vector.h. */

#include <immintrin.h>

#define VQ_PACKED_LANES 8

/* Eight descriptors, a lane for each. */
struct vq_packed_group {
    __m512i half;               /* Length, id and flags. */
    __m512i addr;
};

/* Reads the eight descriptors at 'desc'.  Addresses are read after the flags
 * that say that they are there. */
static inline struct vq_packed_group
vq_packed_group_read(const struct vring_packed_desc *desc)
{
    const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
    struct vq_packed_group g;
    __m512i a = _mm512_loadu_si512(desc);
    __m512i b = _mm512_loadu_si512(desc + 4);

    /* Neither read again nor later. */
    __asm__ volatile ("" : "+v" (a), "+v" (b) : : "memory");
    g.half = _mm512_permutex2var_epi64(a, odd, b);
    a = _mm512_loadu_si512(desc);
    b = _mm512_loadu_si512(desc + 4);
    __asm__ volatile ("" : "+v" (a), "+v" (b) : : "memory");
    g.addr = _mm512_permutex2var_epi64(a, even, b);
    return g;
}

/* True if the flags of all of 'g' are 'kind', and all buffers, of 'min' to
 * 'max' bytes, begin in the 'size' bytes at 'gpa' and end there. */
static inline bool
vq_packed_group_check(const struct vq_packed_group *g, uint64_t kind,
                      __m512i min, __m512i max, uint64_t gpa, uint64_t size)
{
    const __m512i flags
        = _mm512_and_epi64(g->half, _mm512_set1_epi64(VQ_HALF_OWNER
                                                      | VQ_HALF_KIND));
    const __m512i len = _mm512_and_epi64(g->half,
                                         _mm512_set1_epi64(UINT32_MAX));
    const __m512i ofs = _mm512_sub_epi64(g->addr, _mm512_set1_epi64(gpa));
    const __m512i end = _mm512_set1_epi64(size);
    __mmask8 good;

    good = _mm512_cmpeq_epi64_mask(flags, _mm512_set1_epi64(kind));
    good = _mm512_mask_cmpge_epu64_mask(good, len, min);
    good = _mm512_mask_cmple_epu64_mask(good, len, max);
    /* Where 'ofs' is not too large, the room after it is not negative. */
    good = _mm512_mask_cmplt_epu64_mask(good, ofs, end);
    good = _mm512_mask_cmple_epu64_mask(good, len,
                                        _mm512_sub_epi64(end, ofs));
    return good == 0xff;
}

/* Stores eight pairs of words to 'p'. */
static inline void
vq_packed_group_store(void *p, __m512i first, __m512i second)
{
    const __m512i low = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
    const __m512i high = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);

    _mm512_storeu_si512(p, _mm512_permutex2var_epi64(first, low, second));
    _mm512_storeu_si512((char *) p + 64,
                        _mm512_permutex2var_epi64(first, high, second));
}

/* Writes the second word of four descriptors at 'desc', from those of the
 * pairs at 'pairs'. */
static inline void
vq_packed_group_used(struct vring_packed_desc *desc, const void *pairs,
                     uint64_t keep, uint64_t flags)
{
    const __m512i words
        = _mm512_and_epi64(_mm512_loadu_si512(pairs),
                           _mm512_set1_epi64(keep));

    _mm512_mask_storeu_epi64(desc, 0xaa,
                             _mm512_or_epi64(words,
                                             _mm512_set1_epi64(flags)));
}

#endif /* virtqueue-packed-avx512.h */
