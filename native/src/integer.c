#include "integer.h"

#include <string.h>

#include "ct.h"
#include "lane.h"
#include "limbs.h"
#include "secret.h"

void residue_random(mp_limb_t *x, const mp_limb_t *n, size_t limbs, size_t bits, mp_limb_t least, rng *r)
{
    uint64_t good;
    do {
        rng_bytes(r, x, 8 * limbs);
        for (size_t i = bits / 64; i < limbs; i++)
            x[i] &= i == bits / 64 ? ((mp_limb_t)1 << bits % 64) - 1 : 0;
        good = limbs_less(x, n, limbs) & ~(limbs_is_zero(x, limbs) & ct_mask_nonzero(least));
        /* tells of rejected candidates only */
        ct_declassify(&good, sizeof good);
    } while (!good);
}

mpcw_status int_random(mpcw_secret **out, size_t count, size_t bits, rng *r)
{
    if (bits % 64 != 0)
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
    if (bits == 0 || bits % 64 != 0 || n_limbs > 2 * LANE_LIMBS_MAX)
        return MPCW_E_LENGTH;
    const mpcw_status status = secret_new(out, MPCW_KIND_INT, count, 8 * limbs);
    if (status != MPCW_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        mp_limb_t *x = (mp_limb_t *)(void *)((*out)->data + i * (*out)->size);
        /* u 2^bits + v with u uniform below N and v below 2^bits is uniform below 2^bits N */
        rng_bytes(r, x, 8 * low);
        residue_random(x + low, n, n_limbs, limbs_bits_var(n, n_limbs), 0, r);
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

mpcw_status int_respond(uint8_t *out, size_t out_len, const mp_limb_t *a, size_t limbs, const mp_limb_t *e,
                        const mp_limb_t *x, size_t x_limbs)
{
    const size_t widest = limbs > x_limbs + CHALLENGE_LIMBS ? limbs : x_limbs + CHALLENGE_LIMBS, room = widest + 1;
    mp_limb_t *z = secret_alloc((2 * room + CHALLENGE_LIMBS) * sizeof *z);
    if (!z)
        return MPCW_E_MEMORY;
    mp_limb_t *product = z + room;
    /* modulo 2^(64 room), where the product of the extended x is that of the signed one */
    limbs_extend(z, room, x, x_limbs);
    limbs_mul(product, z, room, e, CHALLENGE_LIMBS);
    limbs_extend(z, room, a, limbs);
    mpn_add_n(z, z, product, (mp_size_t)room);
    /* a response is for the verifier; one that does not fit stays here */
    const mp_limb_t sign = (mp_limb_t)0 - (z[limbs - 1] >> 63);
    uint64_t beyond = 0;
    for (size_t i = limbs; i < room; i++)
        beyond |= z[i] ^ sign;
    beyond = ct_mask_nonzero(beyond);
    ct_declassify(&beyond, sizeof beyond);
    if (!beyond) {
        ct_declassify(z, limbs * sizeof *z);
        limbs_to_be(out, out_len, z, limbs);
    }
    secret_free(z);
    return beyond ? MPCW_E_RANGE : MPCW_OK;
}
