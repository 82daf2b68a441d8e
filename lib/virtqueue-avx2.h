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


#ifndef VIRTQUEUE_AVX2_H
#define VIRTQUEUE_AVX2_H 1

/* Groups of four chains that are in turn, with AVX2: see virtqueue-vector.h,
 * which includes this. */

#include <immintrin.h>

#define VQ_LANES 4

/* First descriptors of the chains of a group, a lane for each. */
struct vq_group {
    uint64_t heads;
    __m256i addr;
    __m256i rest;               /* len, flags and next, low bits first. */
};

static inline __m256i
vq_once(__m256i x)
{
    __asm__ ("" : "+x" (x));
    return x;
}

/* Reads the 'n' chains whose heads are at 'avail'.  Returns false if they are
 * fewer than VQ_LANES, not in turn, or beyond the ring. */
static inline bool
vq_group_read(struct vq_group *g, const struct vring_desc *desc,
              const uint16_t *avail, unsigned int mask, unsigned int n)
{
    const volatile struct {
        uint64_t heads;
    } __attribute__((packed, may_alias)) *p = (const void *) avail;

    if (OVS_UNLIKELY(n < VQ_LANES)) {
        return false;
    }
    g->heads = p->heads;

    const uint64_t first = g->heads & UINT16_MAX;

    if (OVS_UNLIKELY(g->heads != (first * UINT64_C(0x0001000100010001)
                                  + UINT64_C(0x0003000200010000))
                     || first + VQ_LANES - 1 > mask)) {
        return false;
    }

    /* Two descriptors each. */
    const __m256i a = vq_once(_mm256_loadu_si256((const void *)
                                                 &desc[first]));
    const __m256i b = vq_once(_mm256_loadu_si256((const void *)
                                                 &desc[first + 2]));

    g->addr = _mm256_permute4x64_epi64(_mm256_unpacklo_epi64(a, b), 0xd8);
    g->rest = _mm256_permute4x64_epi64(_mm256_unpackhi_epi64(a, b), 0xd8);
    return true;
}

/* True if the flags that matter are 'flags' in all of 'g', and all buffers,
 * from 'min' to 'max' bytes, lie in region 'r'.  '*hva' gets our addresses,
 * '*len' the bytes. */
static inline bool
vq_group_check(const struct vq_group *g, const struct guest_region *r,
               uint64_t flags, __m256i min, __m256i max,
               __m256i *hva, __m256i *len)
{
    const uint64_t all = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                         | VRING_DESC_F_INDIRECT;
    const __m256i size = _mm256_set1_epi64x(r->size);
    const __m256i ofs = _mm256_sub_epi64(g->addr, _mm256_set1_epi64x(r->gpa));
    const __m256i good = _mm256_cmpeq_epi64(
        _mm256_and_si256(g->rest, _mm256_set1_epi64x(all << 32)),
        _mm256_set1_epi64x(flags << 32));

    *hva = _mm256_add_epi64(ofs, _mm256_set1_epi64x((uintptr_t) r->hva));
    *len = _mm256_and_si256(g->rest, _mm256_set1_epi64x(UINT32_MAX));

    /* Comparisons are of signed numbers: an offset that looks negative is
     * found by its sign.  Sizes are less than 2**63. */
    const __m256i bad = _mm256_or_si256(
        _mm256_or_si256(_mm256_cmpgt_epi64(min, *len),
                        _mm256_cmpgt_epi64(*len, max)),
        _mm256_or_si256(ofs,
                        _mm256_cmpgt_epi64(*len,
                                           _mm256_sub_epi64(size, ofs))));

    return (_mm256_movemask_pd(_mm256_castsi256_pd(
                _mm256_andnot_si256(bad, good))) == (1 << VQ_LANES) - 1);
}

/* The low halves of the lanes of 'x'. */
static inline __m128i
vq_low_halves(__m256i x)
{
    return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(
        x, _mm256_set_epi32(0, 0, 0, 0, 6, 4, 2, 0)));
}

/* Parses 'n' chains of frames that the guest transmits, from available entry
 * 'first' on: their addresses, their lengths without header, and the used
 * elements. */
static inline bool
vq_group_transmitted(const struct virtqueue *vq, uint16_t first,
                     unsigned int n, uint32_t shortest, uint32_t longest,
                     const uint8_t **src, uint32_t *len_,
                     unsigned int *last_head)
{
    const unsigned int slot = first & (vq->size - 1);
    struct vq_group g;
    __m256i hva, len;

    if (OVS_UNLIKELY(!vq_group_read(&g, vq->desc, &vq->avail->ring[slot],
                                    vq->size - 1, n)
                     || !vq_group_check(&g, &vq->mem->regions[vq->hint], 0,
                                        _mm256_set1_epi64x(shortest),
                                        _mm256_set1_epi64x(longest),
                                        &hva, &len))) {
        return false;
    }
    _mm256_storeu_si256((__m256i *) src, hva);
    len = _mm256_sub_epi64(len, _mm256_set1_epi64x(vq->hdr_len));
    _mm_storeu_si128((__m128i *) len_, vq_low_halves(len));
    *last_head = g.heads >> 48;
    if (!vq->in_order) {
        /* With length 0, they look like this. */
        _mm256_storeu_si256((__m256i *) &vq->used->ring[slot],
                            _mm256_cvtepu16_epi64(
                                _mm_cvtsi64_si128(g.heads)));
    }
    return true;
}

/* Places the 'n' frames of 'pkts' in the chains from available entry 'first'
 * on: our addresses, the guest's, the lengths without header, and the used
 * elements. */
static inline bool
vq_group_received(const struct virtqueue *vq, uint16_t first,
                  struct rte_mbuf *const *pkts, unsigned int n,
                  uint8_t **dst, uint64_t *gpa, uint32_t *len_)
{
    const unsigned int slot = first & (vq->size - 1);
    struct vq_group g;
    __m256i hva, len;

    if (OVS_UNLIKELY(!vq_group_read(&g, vq->desc, &vq->avail->ring[slot],
                                    vq->size - 1, n))) {
        return false;
    }

    const __m128i pkt_len = _mm_set_epi32(pkts[3]->pkt_len, pkts[2]->pkt_len,
                                          pkts[1]->pkt_len, pkts[0]->pkt_len);
    const __m256i need = _mm256_add_epi64(_mm256_cvtepu32_epi64(pkt_len),
                                          _mm256_set1_epi64x(vq->hdr_len));

    if (OVS_UNLIKELY(!vq_group_check(&g, &vq->mem->regions[vq->hint],
                                     VRING_DESC_F_WRITE, need,
                                     _mm256_set1_epi64x(UINT32_MAX),
                                     &hva, &len))) {
        return false;
    }
    _mm256_storeu_si256((__m256i *) dst, hva);
    _mm256_storeu_si256((__m256i *) gpa, g.addr);
    _mm_storeu_si128((__m128i *) len_, pkt_len);
    _mm256_storeu_si256((__m256i *) &vq->used->ring[slot],
                        _mm256_or_si256(
                            _mm256_cvtepu16_epi64(_mm_cvtsi64_si128(g.heads)),
                            _mm256_slli_epi64(need, 32)));
    return true;
}

/* Finds the buffers of 'n' chains to come. */
static inline bool
vq_group_ahead(const struct vq_split_ahead *a, unsigned int n,
               const uint8_t **next)
{
    const struct guest_region *r = a->region;
    struct vq_group g;

    if (OVS_UNLIKELY(!vq_group_read(&g, a->desc,
                                    &a->avail->ring[a->at_data & a->mask],
                                    a->mask, n))) {
        return false;
    }

    const __m256i ofs = _mm256_sub_epi64(g.addr, _mm256_set1_epi64x(r->gpa));
    const __m256i outside = _mm256_or_si256(
        _mm256_cmpgt_epi64(_mm256_setzero_si256(), ofs),
        _mm256_cmpgt_epi64(ofs, _mm256_set1_epi64x(r->size - 1)));

    _mm256_storeu_si256(
        (__m256i *) next,
        _mm256_add_epi64(_mm256_set1_epi64x((uintptr_t) r->hva),
                         _mm256_andnot_si256(outside, ofs)));
    return true;
}

#endif /* virtqueue-avx2.h */
