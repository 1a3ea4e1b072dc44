#include "units.h"

#include <stdlib.h>
#include <string.h>

static void from_be(mpz_t r, const uint8_t *x, size_t size)
{
    mpz_import(r, size, 1, 1, 1, 0, x);
}

static void from_limbs(mpz_t r, const mp_limb_t *x, size_t limbs)
{
    mpz_import(r, limbs, -1, sizeof *x, 0, 0, x);
}

static void to_limbs(mp_limb_t *r, size_t limbs, const mpz_t x)
{
    memset(r, 0, limbs * sizeof *r);
    mpz_export(r, NULL, -1, sizeof *r, 0, 0, x);
}

/* Mark the items that are out of range; true when the product of the others is coprime to n. */
static bool product_is_unit(uint8_t *bad, const uint8_t *x, size_t size, size_t count, const mpz_t n, const mpz_t bound)
{
    mpz_t item, product;
    mpz_inits(item, product, NULL);
    mpz_set_ui(product, 1);
    for (size_t i = 0; i < count; i++) {
        from_be(item, x + i * size, size);
        bad[i] = mpz_sgn(item) == 0 || mpz_cmp(item, bound) >= 0;
        if (bad[i])
            continue;
        mpz_mul(product, product, item);
        mpz_mod(product, product, n);
    }
    mpz_gcd(product, product, n);
    const bool unit = mpz_cmp_ui(product, 1) == 0;
    mpz_clears(item, product, NULL);
    return unit;
}

mpcw_status units_check_var(uint8_t *bad, size_t bad_len, const uint8_t *x, size_t x_len, const mp_limb_t *n,
                            size_t limbs, bool square)
{
    const size_t size = 8 * limbs * (square ? 2 : 1);
    if (bad_len == 0 || x_len / size != bad_len || x_len % size != 0)
        return MPCW_E_LENGTH;
    mpz_t modulus, bound, item;
    mpz_inits(modulus, bound, item, NULL);
    from_limbs(modulus, n, limbs);
    mpz_set(bound, modulus);
    if (square)
        mpz_mul(bound, bound, bound);
    const bool unit = product_is_unit(bad, x, size, bad_len, modulus, bound);
    size_t count = 0;
    for (size_t i = 0; i < bad_len; i++) {
        if (!unit && !bad[i]) {
            from_be(item, x + i * size, size);
            mpz_gcd(item, item, modulus);
            bad[i] = mpz_cmp_ui(item, 1) != 0;
        }
        count += bad[i];
    }
    mpz_clears(modulus, bound, item, NULL);
    return count ? MPCW_REJECTED : MPCW_OK;
}

mpcw_status units_expect_var(const uint8_t *x, size_t size, size_t count, const mp_limb_t *n, size_t limbs, bool square)
{
    mpcw_status status = MPCW_OK;
    mpz_t modulus, bound;
    uint8_t *bad = calloc(count, 1);
    if (!bad)
        return MPCW_E_MEMORY;
    mpz_inits(modulus, bound, NULL);
    from_limbs(modulus, n, limbs);
    mpz_set(bound, modulus);
    if (square)
        mpz_mul(bound, bound, bound);
    if (!product_is_unit(bad, x, size, count, modulus, bound))
        status = MPCW_E_NOT_UNIT;
    for (size_t i = 0; i < count; i++)
        if (bad[i])
            status = MPCW_E_RANGE;
    mpz_clears(modulus, bound, NULL);
    free(bad);
    return status;
}

bool unit_from_be_var(mpz_t x, mpcw_bytes bytes, const mpz_t n)
{
    mpz_t gcd;
    from_be(x, bytes.data, bytes.len);
    if (mpz_sgn(x) == 0 || mpz_cmp(x, n) >= 0)
        return false;
    mpz_init(gcd);
    mpz_gcd(gcd, x, n);
    const bool unit = mpz_cmp_ui(gcd, 1) == 0;
    mpz_clear(gcd);
    return unit;
}

mpcw_status units_invert_var(mp_limb_t *r, const uint8_t *x, size_t size, size_t count, const mp_limb_t *n,
                             size_t limbs, bool square)
{
    const size_t words = limbs * (square ? 2 : 1);
    mpcw_status status = MPCW_E_NOT_UNIT;
    mpz_t modulus, item, all, product;
    mpz_inits(modulus, item, all, product, NULL);
    from_limbs(modulus, n, limbs);
    if (square)
        mpz_mul(modulus, modulus, modulus);
    /* r_i = product of the items before i */
    mpz_set_ui(all, 1);
    for (size_t i = 0; i < count; i++) {
        to_limbs(r + i * words, words, all);
        from_be(item, x + i * size, size);
        mpz_mul(all, all, item);
        mpz_mod(all, all, modulus);
    }
    if (mpz_invert(all, all, modulus)) {
        for (size_t i = count; i-- > 0;) {
            from_limbs(product, r + i * words, words);
            mpz_mul(product, product, all);
            mpz_mod(product, product, modulus);
            to_limbs(r + i * words, words, product);
            from_be(item, x + i * size, size);
            mpz_mul(all, all, item);
            mpz_mod(all, all, modulus);
        }
        status = MPCW_OK;
    } else {
        memset(r, 0, count * words * sizeof *r);
    }
    mpz_clears(modulus, item, all, product, NULL);
    return status;
}
