/* Four lanes of 64-bit words, and the instructions that multiply their lower 52 bits (AVX-512 IFMA).
 *
 * With MPCW_VEC52_PORTABLE the same operations are loops of plain C: for tests, under valgrind and sanitizers and on processors
 * without the instructions. */
#ifndef MPCW_SRC_VEC52_H
#define MPCW_SRC_VEC52_H

#include <stddef.h>
#include <stdint.h>

#define VEC52_LANES 4
#define VEC52_BITS 52
#define VEC52_MASK (((uint64_t)1 << VEC52_BITS) - 1)
#define VEC52_INLINE static inline __attribute__((always_inline))

/* Before a loop of few steps whose arrays are to live in registers. With its checks, code for AddressSanitizer is too large. */
#if defined(MPCW_VEC52_PORTABLE) || defined(__SANITIZE_ADDRESS__)
#define VEC52_UNROLL
#else
#define VEC52_UNROLL _Pragma("GCC unroll 10")
#endif

#if defined(MPCW_VEC52_PORTABLE)

#include "ct.h"
#include "u128.h"

typedef struct vec {
    uint64_t lane[VEC52_LANES];
} vec;

/* One statement for each lane k of r, which is returned. */
#define VEC52_EACH(statement)                    \
    do {                                         \
        vec r;                                   \
        for (size_t k = 0; k < VEC52_LANES; k++) \
            statement;                           \
        return r;                                \
    } while (0)

VEC52_INLINE vec vec_load(const uint64_t *p)
{
    VEC52_EACH(r.lane[k] = p[k]);
}

VEC52_INLINE vec vec_all(uint64_t x)
{
    VEC52_EACH(r.lane[k] = x);
}

VEC52_INLINE vec vec_add(vec a, vec b)
{
    VEC52_EACH(r.lane[k] = a.lane[k] + b.lane[k]);
}

VEC52_INLINE vec vec_and(vec a, vec b)
{
    VEC52_EACH(r.lane[k] = a.lane[k] & b.lane[k]);
}

VEC52_INLINE vec vec_xor(vec a, vec b)
{
    VEC52_EACH(r.lane[k] = a.lane[k] ^ b.lane[k]);
}

VEC52_INLINE vec vec_carry(vec a)
{
    VEC52_EACH(r.lane[k] = a.lane[k] >> VEC52_BITS);
}

VEC52_INLINE vec vec_shift_left(vec a, vec bits)
{
    VEC52_EACH(r.lane[k] = a.lane[k] << bits.lane[k]);
}

VEC52_INLINE vec vec_madd_low(vec sum, vec a, vec b)
{
    VEC52_EACH(r.lane[k] = sum.lane[k] + ((a.lane[k] & VEC52_MASK) * (b.lane[k] & VEC52_MASK) & VEC52_MASK));
}

VEC52_INLINE vec vec_madd_high(vec sum, vec a, vec b)
{
    VEC52_EACH(r.lane[k] = sum.lane[k] + (uint64_t)((u128)(a.lane[k] & VEC52_MASK) * (b.lane[k] & VEC52_MASK) >> VEC52_BITS));
}

typedef vec vec_mask;

VEC52_INLINE vec_mask vec_equal(vec a, vec b)
{
    VEC52_EACH(r.lane[k] = ~ct_mask_nonzero(a.lane[k] ^ b.lane[k]));
}

VEC52_INLINE vec vec_choose(vec_mask mask, vec if_ones, vec if_zero)
{
    VEC52_EACH(r.lane[k] = ct_select(mask.lane[k], if_ones.lane[k], if_zero.lane[k]));
}

#undef VEC52_EACH

/* The lanes k of the vectors become the vector k. */
VEC52_INLINE void vec_transpose(vec v[VEC52_LANES])
{
    for (size_t i = 0; i < VEC52_LANES; i++)
        for (size_t k = 0; k < i; k++) {
            const uint64_t x = v[i].lane[k];
            v[i].lane[k] = v[k].lane[i];
            v[k].lane[i] = x;
        }
}

#else

#include <immintrin.h>

typedef __m256i vec;

VEC52_INLINE vec vec_load(const uint64_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

VEC52_INLINE vec vec_all(uint64_t x)
{
    return _mm256_set1_epi64x((long long)x);
}

VEC52_INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_epi64(a, b);
}

VEC52_INLINE vec vec_and(vec a, vec b)
{
    return _mm256_and_si256(a, b);
}

VEC52_INLINE vec vec_xor(vec a, vec b)
{
    return _mm256_xor_si256(a, b);
}

VEC52_INLINE vec vec_carry(vec a)
{
    return _mm256_srli_epi64(a, VEC52_BITS);
}

VEC52_INLINE vec vec_shift_left(vec a, vec bits)
{
    return _mm256_sllv_epi64(a, bits);
}

VEC52_INLINE vec vec_madd_low(vec sum, vec a, vec b)
{
    return _mm256_madd52lo_epu64(sum, a, b);
}

VEC52_INLINE vec vec_madd_high(vec sum, vec a, vec b)
{
    return _mm256_madd52hi_epu64(sum, a, b);
}

typedef __mmask8 vec_mask;

VEC52_INLINE vec_mask vec_equal(vec a, vec b)
{
    return _mm256_cmpeq_epi64_mask(a, b);
}

VEC52_INLINE vec vec_choose(vec_mask mask, vec if_ones, vec if_zero)
{
    return _mm256_mask_mov_epi64(if_zero, mask, if_ones);
}

VEC52_INLINE void vec_transpose(vec v[VEC52_LANES])
{
    const vec a = _mm256_unpacklo_epi64(v[0], v[1]), b = _mm256_unpackhi_epi64(v[0], v[1]);
    const vec c = _mm256_unpacklo_epi64(v[2], v[3]), d = _mm256_unpackhi_epi64(v[2], v[3]);
    v[0] = _mm256_permute2x128_si256(a, c, 0x20);
    v[1] = _mm256_permute2x128_si256(b, d, 0x20);
    v[2] = _mm256_permute2x128_si256(a, c, 0x31);
    v[3] = _mm256_permute2x128_si256(b, d, 0x31);
}

#endif

#endif
