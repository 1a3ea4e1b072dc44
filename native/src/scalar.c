#include "scalar.h"

#include <string.h>

#include "ct.h"
#include "u128.h"

/* n = 2^256 - C, C of 129 bits: a number is reduced by folding what stands above 2^256 down, times C. */
static const uint64_t N[4] = {0xBFD25E8CD0364141U, 0xBAAEDCE6AF48A03BU, 0xFFFFFFFFFFFFFFFEU, 0xFFFFFFFFFFFFFFFFU};
static const uint64_t C[3] = {0x402DA1732FC9BEBFU, 0x4551231950B75FC4U, 1};
static const uint64_t HALF_N[4] = {0xDFE92F46681B20A0U, 0x5D576E7357A4501DU, 0xFFFFFFFFFFFFFFFFU,
                                   0x7FFFFFFFFFFFFFFFU};

/* r = a + b over 4 limbs, returning the carry. */
static uint64_t add4(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    u128 t = 0;

    for (int i = 0; i < 4; i++) {
        t += (u128)a[i] + b[i];
        r[i] = (uint64_t)t;
        t >>= 64;
    }
    return (uint64_t)t;
}

/* r = a - b over 4 limbs, returning the borrow (0 or 1). */
static uint64_t sub4(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t borrow = 0;

    for (int i = 0; i < 4; i++) {
        u128 t = (u128)a[i] - b[i] - borrow;
        r[i] = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
    }
    return borrow;
}

/* r (len + 4 limbs at most) = lo + hi * C. */
static inline void fold(uint64_t *r, size_t r_len, const uint64_t lo[4], const uint64_t *hi, size_t hi_len)
{
    for (size_t i = 0; i < r_len; i++)
        r[i] = i < 4 ? lo[i] : 0;
    for (size_t i = 0; i < hi_len; i++) {
        u128 t = 0;
        for (size_t j = 0; i + j < r_len; j++) {
            t += r[i + j];
            if (j < 3)
                t += (u128)hi[i] * C[j];
            r[i + j] = (uint64_t)t;
            t >>= 64;
        }
    }
}

/* r = a + top * 2^256 mod n, for a small top. */
static inline void reduce_small(uint64_t r[4], const uint64_t a[4], uint64_t top)
{
    uint64_t folded[5], reduced[4], last;

    /* the first fold carries at most once; what is left then is below 2^256 + 2^194 < 2n */
    fold(folded, 5, a, &top, 1);
    last = ct_mask_nonzero(folded[4]);
    last |= ct_mask_bit(1 - sub4(reduced, folded, N));
    sub4(reduced, folded, N);
    for (int i = 0; i < 4; i++)
        r[i] = ct_select(last, reduced[i], folded[i]);
}

static void reduce_wide(uint64_t r[4], const uint64_t wide[8])
{
    uint64_t once[7], twice[5];

    fold(once, 7, wide, wide + 4, 4);   /* below 2^386 */
    fold(twice, 5, once, once + 4, 3);  /* below 2^260 */
    reduce_small(r, twice, twice[4]);
    ct_cleanse(once, sizeof once);
    ct_cleanse(twice, sizeof twice);
}

uint64_t scalar_from_be32(scalar *r, const uint8_t b32[32])
{
    uint64_t raw[4], reduced[4], below;

    for (int i = 0; i < 4; i++) {
        raw[i] = 0;
        for (int k = 0; k < 8; k++)
            raw[i] = raw[i] << 8 | b32[8 * (3 - i) + k];
    }
    below = sub4(reduced, raw, N);
    for (int i = 0; i < 4; i++)
        r->v[i] = ct_select(ct_mask_bit(below), raw[i], reduced[i]);
    ct_cleanse(raw, sizeof raw);
    ct_cleanse(reduced, sizeof reduced);
    return 1 - below;
}

void scalar_to_be32(uint8_t b32[32], const scalar *a)
{
    for (int i = 0; i < 32; i++)
        b32[i] = (uint8_t)(a->v[3 - i / 8] >> (56 - 8 * (i % 8)));
}

void scalar_from_int(scalar *r, const uint64_t *limbs, size_t n_limbs)
{
    static const uint64_t MINUS_ONE[4] = {0xBFD25E8CD0364140U, 0xBAAEDCE6AF48A03BU, 0xFFFFFFFFFFFFFFFEU,
                                          0xFFFFFFFFFFFFFFFFU};
    uint64_t negative = ct_mask_bit(limbs[n_limbs - 1] >> 63);

    /* Horner in 2^64; the sign is the coefficient -1 above the highest limb */
    for (int i = 0; i < 4; i++)
        r->v[i] = negative & MINUS_ONE[i];
    while (n_limbs-- > 0) {
        uint64_t low[4] = {limbs[n_limbs], r->v[0], r->v[1], r->v[2]};
        reduce_small(r->v, low, r->v[3]);
    }
}

void scalar_to_centred(uint64_t *limbs, size_t n_limbs, const scalar *a)
{
    uint64_t shifted[4];
    uint64_t negative = ct_mask_bit(sub4(shifted, HALF_N, a->v));

    sub4(shifted, a->v, N);
    for (size_t i = 0; i < n_limbs; i++)
        limbs[i] = i < 4 ? ct_select(negative, shifted[i], a->v[i]) : negative;
    ct_cleanse(shifted, sizeof shifted);
}

void scalar_set_u64(scalar *r, uint64_t a)
{
    r->v[0] = a;
    r->v[1] = r->v[2] = r->v[3] = 0;
}

void scalar_add(scalar *r, const scalar *a, const scalar *b)
{
    uint64_t carry = add4(r->v, a->v, b->v);

    reduce_small(r->v, r->v, carry);
}

void scalar_sub(scalar *r, const scalar *a, const scalar *b)
{
    uint64_t add_back[4], mask = ct_mask_bit(sub4(r->v, a->v, b->v));

    for (int i = 0; i < 4; i++)
        add_back[i] = mask & N[i];
    add4(r->v, r->v, add_back);
}

void scalar_neg(scalar *r, const scalar *a)
{
    static const scalar ZERO = {{0, 0, 0, 0}};

    scalar_sub(r, &ZERO, a);
}

void scalar_mul(scalar *r, const scalar *a, const scalar *b)
{
    uint64_t wide[8] = {0};

    for (int i = 0; i < 4; i++) {
        u128 t = 0;
        for (int j = 0; j < 4; j++) {
            t += (u128)a->v[i] * b->v[j] + wide[i + j];
            wide[i + j] = (uint64_t)t;
            t >>= 64;
        }
        wide[i + 4] = (uint64_t)t;
    }
    reduce_wide(r->v, wide);
    ct_cleanse(wide, sizeof wide);
}

void scalar_inv(scalar *r, const scalar *a)
{
    /* a^(n - 2) with windows of 4 bits; the exponent is public, so its digits may index the table */
    static const uint64_t EXPONENT[4] = {0xBFD25E8CD036413FU, 0xBAAEDCE6AF48A03BU, 0xFFFFFFFFFFFFFFFEU,
                                         0xFFFFFFFFFFFFFFFFU};
    scalar power[16], x;

    power[1] = *a;
    for (int i = 2; i < 16; i++)
        scalar_mul(&power[i], &power[i - 1], a);
    x = power[15];
    for (int i = 62; i >= 0; i--) {
        uint64_t digit = EXPONENT[i / 16] >> (4 * (i % 16)) & 15;
        for (int k = 0; k < 4; k++)
            scalar_mul(&x, &x, &x);
        if (digit)
            scalar_mul(&x, &x, &power[digit]);
    }
    *r = x;
    ct_cleanse(power, sizeof power);
    ct_cleanse(&x, sizeof x);
}

uint64_t scalar_zero_mask(const scalar *a)
{
    return ~ct_mask_nonzero(a->v[0] | a->v[1] | a->v[2] | a->v[3]);
}

void scalar_select(scalar *r, uint64_t mask, const scalar *if_ones, const scalar *if_zero)
{
    for (int i = 0; i < 4; i++)
        r->v[i] = ct_select(mask, if_ones->v[i], if_zero->v[i]);
}

void scalar_random(scalar *r, rng *rng)
{
    uint8_t candidate[32];
    uint64_t rejected;

    do {
        rng_bytes(rng, candidate, sizeof candidate);
        rejected = ct_mask_bit(scalar_from_be32(r, candidate)) | scalar_zero_mask(r);
        /* a rejected candidate is thrown away and independent of the one kept */
        ct_declassify(&rejected, sizeof rejected);
    } while (rejected);
    ct_cleanse(candidate, sizeof candidate);
}
