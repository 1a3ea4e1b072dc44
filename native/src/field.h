/* Integers modulo p = 2^256 - 2^32 - 977 in five limbs of 52 bits, the highest of 48. Constant time, except for the
 * names in _var.
 *
 * An element of magnitude m has limbs of at most 2m times the full limb, so that sums need no carry. Products accept
 * magnitudes with a product of at most 64 and give magnitude 1. */
#ifndef MPCW_SRC_FIELD_H
#define MPCW_SRC_FIELD_H

#include <stdint.h>

#include "ct.h"
#include "u128.h"

typedef struct fe {
    uint64_t v[5];
} fe;

#define FE_MASK52 0xFFFFFFFFFFFFFU
#define FE_MASK48 0xFFFFFFFFFFFFU
#define FE_FOLD UINT64_C(0x1000003D1) /* 2^256 mod p */

static inline void fe_set_u64(fe *r, uint64_t a)
{
    r->v[0] = a;
    r->v[1] = r->v[2] = r->v[3] = r->v[4] = 0;
}

/* Magnitude 1; the value stays as it is modulo p and may be above p. */
static inline void fe_weaken(fe *r)
{
    uint64_t t = (r->v[4] >> 48) * FE_FOLD;

    r->v[4] &= FE_MASK48;
    for (int i = 0; i < 4; i++) {
        t += r->v[i];
        r->v[i] = t & FE_MASK52;
        t >>= 52;
    }
    r->v[4] += t;
}

/* The representative in [0, p). */
static inline void fe_normalize(fe *r)
{
    uint64_t plus[5], t = FE_FOLD, above;

    fe_weaken(r);
    fe_weaken(r);
    /* r >= p exactly when r + 2^256 - p reaches 2^256 */
    for (int i = 0; i < 4; i++) {
        t += r->v[i];
        plus[i] = t & FE_MASK52;
        t >>= 52;
    }
    plus[4] = r->v[4] + t;
    above = ct_mask_nonzero(plus[4] >> 48);
    plus[4] &= FE_MASK48;
    for (int i = 0; i < 5; i++)
        r->v[i] = ct_select(above, plus[i], r->v[i]);
}

static inline void fe_add(fe *r, const fe *a, const fe *b)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = a->v[i] + b->v[i];
}

/* r = -a for a of magnitude m at most; r has magnitude m + 1. */
static inline void fe_neg(fe *r, const fe *a, unsigned m)
{
    uint64_t times = 2 * (m + 1);

    r->v[0] = (FE_MASK52 - FE_FOLD + 1) * times - a->v[0];
    for (int i = 1; i < 4; i++)
        r->v[i] = FE_MASK52 * times - a->v[i];
    r->v[4] = FE_MASK48 * times - a->v[4];
}

/* r = a - b for b of magnitude m at most; adds m + 1 to the magnitude. */
static inline void fe_sub(fe *r, const fe *a, const fe *b, unsigned m)
{
    fe minus_b;

    fe_neg(&minus_b, b, m);
    fe_add(r, a, &minus_b);
}

static inline void fe_mul_small(fe *r, const fe *a, uint64_t factor)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = a->v[i] * factor;
}

/* r = a / 2; magnitude m becomes m / 2 + 1. */
static inline void fe_half(fe *r, const fe *a)
{
    uint64_t odd = ct_mask_bit(a->v[0] & 1), t[5];

    t[0] = a->v[0] + (odd & (FE_MASK52 - FE_FOLD + 1));
    for (int i = 1; i < 4; i++)
        t[i] = a->v[i] + (odd & FE_MASK52);
    t[4] = a->v[4] + (odd & FE_MASK48);
    for (int i = 0; i < 4; i++)
        r->v[i] = (t[i] >> 1) + ((t[i + 1] & 1) << 51);
    r->v[4] = t[4] >> 1;
}

/* Reduction of a product from its columns c0 .. c8, sums of limb products of one weight, below 2^115. Carries go one limb up
 * and stop there, so that nothing waits for a chain.
 *
 * First c5 .. c8, which weigh 2^260 = 16 * FE_FOLD times c0 .. c3, become multipliers of that for c0 .. c4. */
static inline __attribute__((always_inline)) void fe_fold_columns(uint64_t h[5], u128 c5, u128 c6, u128 c7, u128 c8)
{
    h[0] = (uint64_t)c5 & FE_MASK52;
    h[1] = ((uint64_t)c6 & FE_MASK52) + (uint64_t)(c5 >> 52);
    h[2] = ((uint64_t)c7 & FE_MASK52) + (uint64_t)(c6 >> 52);
    h[3] = ((uint64_t)c8 & FE_MASK52) + (uint64_t)(c7 >> 52);
    h[4] = (uint64_t)(c8 >> 52);
}

/* Then c0 .. c4, with the multiples added, become limbs of magnitude 1. */
static inline __attribute__((always_inline)) void fe_carry_columns(fe *r, u128 c0, u128 c1, u128 c2, u128 c3, u128 c4)
{
    const u128 e = (u128)(uint64_t)(c4 >> 52) * (FE_FOLD << 4) + ((uint64_t)c0 & FE_MASK52);
    const uint64_t r1 = ((uint64_t)c1 & FE_MASK52) + (uint64_t)(c0 >> 52) + (uint64_t)(e >> 52);
    const uint64_t r2 = ((uint64_t)c2 & FE_MASK52) + (uint64_t)(c1 >> 52);
    const uint64_t r3 = ((uint64_t)c3 & FE_MASK52) + (uint64_t)(c2 >> 52);
    const uint64_t r4 = ((uint64_t)c4 & FE_MASK52) + (uint64_t)(c3 >> 52);

    r->v[0] = ((uint64_t)e & FE_MASK52) + (r4 >> 48) * FE_FOLD;
    r->v[1] = r1 & FE_MASK52;
    r->v[2] = (r2 & FE_MASK52) + (r1 >> 52);
    r->v[3] = (r3 & FE_MASK52) + (r2 >> 52);
    r->v[4] = (r4 & FE_MASK48) + (r3 >> 52);
}

static inline void fe_mul(fe *r, const fe *a, const fe *b)
{
    const uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    const uint64_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
    const u128 fold = FE_FOLD << 4;
    uint64_t h[5];

    fe_fold_columns(h, (u128)a1 * b4 + (u128)a2 * b3 + (u128)a3 * b2 + (u128)a4 * b1,
                    (u128)a2 * b4 + (u128)a3 * b3 + (u128)a4 * b2, (u128)a3 * b4 + (u128)a4 * b3, (u128)a4 * b4);
    fe_carry_columns(r, (u128)a0 * b0 + h[0] * fold, (u128)a0 * b1 + (u128)a1 * b0 + h[1] * fold,
                     (u128)a0 * b2 + (u128)a1 * b1 + (u128)a2 * b0 + h[2] * fold,
                     (u128)a0 * b3 + (u128)a1 * b2 + (u128)a2 * b1 + (u128)a3 * b0 + h[3] * fold,
                     (u128)a0 * b4 + (u128)a1 * b3 + (u128)a2 * b2 + (u128)a3 * b1 + (u128)a4 * b0 + h[4] * fold);
}

static inline void fe_sqr(fe *r, const fe *a)
{
    const uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    const uint64_t d0 = 2 * a0, d1 = 2 * a1, d2 = 2 * a2, d3 = 2 * a3;
    const u128 fold = FE_FOLD << 4;
    uint64_t h[5];

    fe_fold_columns(h, (u128)d1 * a4 + (u128)d2 * a3, (u128)d2 * a4 + (u128)a3 * a3, (u128)d3 * a4, (u128)a4 * a4);
    fe_carry_columns(r, (u128)a0 * a0 + h[0] * fold, (u128)d0 * a1 + h[1] * fold,
                     (u128)d0 * a2 + (u128)a1 * a1 + h[2] * fold, (u128)d0 * a3 + (u128)d1 * a2 + h[3] * fold,
                     (u128)d0 * a4 + (u128)d1 * a3 + (u128)a2 * a2 + h[4] * fold);
}

static inline void fe_select(fe *r, uint64_t mask, const fe *if_ones, const fe *if_zero)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = ct_select(mask, if_ones->v[i], if_zero->v[i]);
}

/* All ones when a (normalised) is 0. */
static inline uint64_t fe_zero_mask(const fe *a)
{
    return ~ct_mask_nonzero(a->v[0] | a->v[1] | a->v[2] | a->v[3] | a->v[4]);
}

/* Whether a, of any magnitude, is 0 modulo p. */
static inline int fe_is_zero_var(const fe *a)
{
    uint64_t low = (a->v[0] + (a->v[4] >> 48) * FE_FOLD) & FE_MASK52;
    fe t;

    /* after one fold the value must be 0 or p exactly: most others show in the lowest limb */
    if (low != 0 && low != FE_MASK52 - FE_FOLD + 1)
        return 0;
    t = *a;
    fe_normalize(&t);
    return (t.v[0] | t.v[1] | t.v[2] | t.v[3] | t.v[4]) == 0;
}

/* a^-1, and 0 for 0. */
void fe_inv(fe *r, const fe *a);
/* A root of a when there is one: the caller squares it to see. */
void fe_sqrt(fe *r, const fe *a);
/* r = b32; returns 1 when b32 < p, else 0. */
uint64_t fe_from_be32(fe *r, const uint8_t b32[32]);
/* a must be normalised. */
void fe_to_be32(uint8_t b32[32], const fe *a);

#endif
