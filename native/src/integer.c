#include "integer.h"

#include <string.h>

#include "ct.h"
#include "lane.h"
#include "limbs.h"
#include "secret.h"

#define INT_BITS_MAX (8 * 4096)

mpcw_status int_random(mpcw_secret **out, size_t count, size_t bits, rng *r)
{
    if (bits == 0 || bits % 64 != 0 || bits > INT_BITS_MAX)
        return MPCW_E_LENGTH;
    const mpcw_status status = secret_new(out, MPCW_KIND_INT, count, bits / 8);
    if (status == MPCW_OK)
        rng_bytes(r, (*out)->data, count * bits / 8);
    return status;
}

mpcw_status int_random_multiple(mpcw_secret **out, size_t count, size_t bits, const mp_limb_t *n, size_t n_limbs,
                                rng *r)
{
    const size_t low = bits / 64, limbs = low + n_limbs;
    if (bits == 0 || bits % 64 != 0 || n_limbs > 2 * LANE_LIMBS_MAX || 64 * limbs > INT_BITS_MAX)
        return MPCW_E_LENGTH;
    const mpcw_status status = secret_new(out, MPCW_KIND_INT, count, 8 * limbs);
    if (status != MPCW_OK)
        return status;
    const size_t spare = (size_t)__builtin_clzll(n[n_limbs - 1]);
    for (size_t i = 0; i < count; i++) {
        mp_limb_t *x = (mp_limb_t *)(void *)((*out)->data + i * (*out)->size);
        uint64_t below;
        /* u 2^bits + v with u uniform below N and v below 2^bits is uniform below 2^bits N */
        rng_bytes(r, x, 8 * low);
        do {
            rng_bytes(r, x + low, 8 * n_limbs);
            x[limbs - 1] &= ~(mp_limb_t)0 >> spare;
            below = limbs_less(x + low, n, n_limbs);
            /* tells of rejected candidates only */
            ct_declassify(&below, sizeof below);
        } while (!below);
        /* minus 2^(bits - 1) N: the parts of N / 2 above and below bit bits */
        mp_limb_t half[2 * LANE_LIMBS_MAX + 1] = {0};
        half[0] = mpn_rshift(half + 1, n, (mp_size_t)n_limbs, 1);
        mpn_sub_n(x + low - 1, x + low - 1, half, (mp_size_t)n_limbs + 1);
    }
    return status;
}

mpcw_status mpcw_ints_random(mpcw_secret **out, size_t count, size_t bits, const mpcw_secret *seed)
{
    rng r = {0};
    *out = NULL;
    mpcw_status status = rng_open(&r, seed, "ints");
    if (status == MPCW_OK)
        status = int_random(out, count, bits, &r);
    rng_close(&r);
    return status;
}

mpcw_status mpcw_ints_random_multiple(mpcw_secret **out, size_t count, size_t bits, mpcw_bytes n,
                                      const mpcw_secret *seed)
{
    mp_limb_t modulus[LANE_LIMBS_MAX];
    rng r = {0};
    *out = NULL;
    if (n.len == 0 || n.len % 8 != 0 || n.len > sizeof modulus)
        return MPCW_E_LENGTH;
    limbs_from_be(modulus, n.len / 8, n.data, n.len);
    if (modulus[n.len / 8 - 1] == 0)
        return MPCW_E_MODULUS;
    mpcw_status status = rng_open(&r, seed, "multiples");
    if (status == MPCW_OK)
        status = int_random_multiple(out, count, bits, modulus, n.len / 8, &r);
    rng_close(&r);
    return status;
}

mpcw_status mpcw_ints_negate(mpcw_secret **out, const mpcw_secret *a)
{
    *out = NULL;
    mpcw_status status = secret_expect(a, MPCW_KIND_INT, 0, 0);
    if (status != MPCW_OK || (status = mpcw_secret_slice(out, a, 0, a->count)) != MPCW_OK)
        return status;
    for (size_t i = 0; i < a->count; i++)
        limbs_negate_if((mp_limb_t *)(void *)((*out)->data + i * a->size), ~(uint64_t)0, a->size / 8);
    return status;
}

void int_mul_add(mp_limb_t *z, size_t z_limbs, const mp_limb_t *a, size_t a_limbs, const mp_limb_t *e,
                 const mp_limb_t *x, size_t x_limbs, mp_limb_t *tmp)
{
    /* modulo 2^(64 z_limbs), where the product of the extended x is that of the signed one */
    limbs_extend(z, z_limbs, x, x_limbs);
    limbs_mul(tmp, z, z_limbs, e, 4);
    limbs_extend(z, z_limbs, a, a_limbs);
    mpn_add_n(z, z, tmp, (mp_size_t)z_limbs);
}
