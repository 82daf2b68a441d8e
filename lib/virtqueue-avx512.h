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


#ifndef VIRTQUEUE_AVX512_H
#define VIRTQUEUE_AVX512_H 1

/* Groups of eight chains, with AVX-512: see virtqueue-vector.h, which includes
 * this. */

#include <immintrin.h>

#define VQ_LANES 8

/* First descriptors of the chains of a group, a lane for each. */
struct vq_group {
    __mmask8 lanes;             /* Those that are in use. */
    __m512i head;
    __m512i addr;
    __m512i rest;               /* len, flags and next, low bits first. */
};

static inline __m512i
vq_once(__m512i x)
{
    __asm__ ("" : "+v" (x));
    return x;
}

/* Reads the 'n' chains whose heads are at 'avail'.  Returns false if a head is
 * beyond the ring. */
static inline bool
vq_group_read(struct vq_group *g, const struct vring_desc *desc,
              const uint16_t *avail, unsigned int mask, unsigned int n)
{
    const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
    const __m512i steps = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const uint32_t lanes = _bzhi_u32(0xff, n);

    g->lanes = lanes;
    g->head = vq_once(_mm512_cvtepu16_epi64(
                          _mm_maskz_loadu_epi16(lanes, avail)));

    const uint32_t first
        = _mm_cvtsi128_si32(_mm512_castsi512_si128(g->head));
    const __m512i in_turn = _mm512_add_epi64(_mm512_set1_epi64(first), steps);

    if (OVS_LIKELY(!_mm512_mask_cmpneq_epi64_mask(lanes, g->head, in_turn)
                   && first + n - 1 <= mask)) {
        /* Two halves of each descriptor. */
        const uint32_t halves = _bzhi_u32(0xffff, 2 * n);
        const __m512i a = vq_once(_mm512_maskz_loadu_epi64(halves,
                                                           desc + first));
        const __m512i b = vq_once(_mm512_maskz_loadu_epi64(halves >> 8,
                                                           desc + first + 4));

        g->addr = _mm512_permutex2var_epi64(a, even, b);
        g->rest = _mm512_permutex2var_epi64(a, odd, b);
    } else {
        const __m512i ofs = _mm512_slli_epi64(g->head, 1);
        const __m512i zero = _mm512_setzero_si512();
        const char *base = (const char *) desc;

        if (_mm512_mask_cmpgt_epu64_mask(lanes, g->head,
                                         _mm512_set1_epi64(mask))) {
            return false;
        }
        g->addr = vq_once(_mm512_mask_i64gather_epi64(zero, lanes, ofs, base,
                                                      8));
        g->rest = vq_once(_mm512_mask_i64gather_epi64(zero, lanes, ofs,
                                                      base + 8, 8));
    }
    return true;
}

/* True if the flags that matter are 'flags' in all of 'g', and all buffers,
 * from 'min' to 'max' bytes, lie in region 'r'.  '*hva' gets our addresses,
 * '*len' the bytes. */
static inline bool
vq_group_check(const struct vq_group *g, const struct guest_region *r,
               uint64_t flags, __m512i min, __m512i max,
               __m512i *hva, __m512i *len)
{
    const uint64_t all = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE
                         | VRING_DESC_F_INDIRECT;
    const __m512i size = _mm512_set1_epi64(r->size);
    const __m512i ofs = _mm512_sub_epi64(g->addr, _mm512_set1_epi64(r->gpa));
    __mmask8 good = g->lanes;

    *hva = _mm512_add_epi64(ofs, _mm512_set1_epi64((uintptr_t) r->hva));
    *len = _mm512_and_epi64(g->rest, _mm512_set1_epi64(UINT32_MAX));
    good = _mm512_mask_cmpeq_epi64_mask(
               good, _mm512_and_epi64(g->rest, _mm512_set1_epi64(all << 32)),
               _mm512_set1_epi64(flags << 32));
    good = _mm512_mask_cmpge_epu64_mask(good, *len, min);
    good = _mm512_mask_cmple_epu64_mask(good, *len, max);
    /* Where 'ofs' is not too large, the room after it is not negative. */
    good = _mm512_mask_cmplt_epu64_mask(good, ofs, size);
    good = _mm512_mask_cmple_epu64_mask(good, *len,
                                        _mm512_sub_epi64(size, ofs));
    return good == g->lanes;
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
    __m512i hva, len;

    if (OVS_UNLIKELY(!vq_group_read(&g, vq->desc, &vq->avail->ring[slot],
                                    vq->size - 1, n)
                     || !vq_group_check(&g, &vq->mem->regions[vq->hint], 0,
                                        _mm512_set1_epi64(shortest),
                                        _mm512_set1_epi64(longest),
                                        &hva, &len))) {
        return false;
    }
    _mm512_storeu_si512(src, hva);
    len = _mm512_sub_epi64(len, _mm512_set1_epi64(vq->hdr_len));
    _mm256_storeu_si256((__m256i *) len_, _mm512_cvtepi64_epi32(len));
    *last_head = _mm_cvtsi128_si32(_mm512_castsi512_si128(
        _mm512_permutexvar_epi64(_mm512_set1_epi64(n - 1), g.head)));
    if (!vq->in_order) {
        /* With length 0, they look like this. */
        _mm512_mask_storeu_epi64(&vq->used->ring[slot], g.lanes, g.head);
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
    __m512i hva, len;

    if (OVS_UNLIKELY(!vq_group_read(&g, vq->desc, &vq->avail->ring[slot],
                                    vq->size - 1, n))) {
        return false;
    }

    uint32_t pkt_lens[VQ_LANES];

    for (unsigned int i = 0; i < VQ_LANES; i++) {
        /* Those that are too many are not used.  A gather takes longer. */
        pkt_lens[i] = pkts[MIN(i, n - 1)]->pkt_len;
    }

    const __m256i pkt_len = _mm256_set_epi32(
        pkt_lens[7], pkt_lens[6], pkt_lens[5], pkt_lens[4],
        pkt_lens[3], pkt_lens[2], pkt_lens[1], pkt_lens[0]);
    const __m512i need = _mm512_add_epi64(_mm512_cvtepu32_epi64(pkt_len),
                                          _mm512_set1_epi64(vq->hdr_len));

    if (OVS_UNLIKELY(!vq_group_check(&g, &vq->mem->regions[vq->hint],
                                     VRING_DESC_F_WRITE, need,
                                     _mm512_set1_epi64(UINT32_MAX),
                                     &hva, &len))) {
        return false;
    }
    _mm512_storeu_si512(dst, hva);
    _mm512_storeu_si512(gpa, g.addr);
    _mm256_storeu_si256((__m256i *) len_, pkt_len);
    _mm512_mask_storeu_epi64(&vq->used->ring[slot], g.lanes,
                             _mm512_or_epi64(g.head,
                                             _mm512_slli_epi64(need, 32)));
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

    const __m512i ofs = _mm512_sub_epi64(g.addr, _mm512_set1_epi64(r->gpa));
    const __mmask8 inside
        = _mm512_cmplt_epu64_mask(ofs, _mm512_set1_epi64(r->size));
    const __m512i hva = _mm512_set1_epi64((uintptr_t) r->hva);

    _mm512_storeu_si512(next, _mm512_mask_add_epi64(hva, inside, hva, ofs));
    return true;
}

/* Counts the lengths of 'n' frames. */
#define VQ_TALLY_LENGTHS
static inline void
vq_tally_lengths(struct vq_frames_tally *t, const uint32_t *len,
                 unsigned int n)
{
    static const uint16_t last[VQ_N_BINS - 1] = {
        63, 64, 127, 255, 511, 1023, 1518
    };
    const uint32_t lanes = _bzhi_u32(-1, n);
    const __m512i a = _mm512_maskz_loadu_epi32(lanes, len);
    const __m512i b = _mm512_maskz_loadu_epi32(lanes >> 16, len + 16);
    const __m512i all = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm512_cvtusepi32_epi16(a)),
        _mm512_cvtusepi32_epi16(b), 1);
    unsigned int before = 0;

    BUILD_ASSERT_DECL(VIRTQUEUE_MAX_BURST == 32);
    for (int i = 0; i < VQ_N_BINS - 1; i++) {
        const unsigned int so_far = _mm_popcnt_u32(
            _mm512_mask_cmple_epu16_mask(lanes, all,
                                         _mm512_set1_epi16(last[i])));

        t->bins += (uint64_t) (so_far - before) << (8 * i);
        before = so_far;
    }
    t->bins += (uint64_t) (n - before) << (8 * (VQ_N_BINS - 1));
    t->bytes += _mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
}

#endif /* virtqueue-avx512.h */
