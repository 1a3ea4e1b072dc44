#include "equations.h"

void mpz_from_be(mpz_t r, const uint8_t *bytes, size_t len)
{
    mpz_import(r, len, 1, 1, 1, 0, bytes);
}

void mpz_from_twos(mpz_t r, const uint8_t *bytes, size_t len)
{
    mpz_from_be(r, bytes, len);
    if (len > 0 && bytes[0] & 0x80) {
        mpz_t wrap;
        mpz_init(wrap);
        mpz_setbit(wrap, 8 * len);
        mpz_sub(r, r, wrap);
        mpz_clear(wrap);
    }
}

void mpz_from_limbs(mpz_t r, const mp_limb_t *x, size_t limbs)
{
    mpz_import(r, limbs, -1, sizeof *x, 0, 0, x);
}

/* r = (1 + N)^z w^N mod N^2 */
static void encryption(mpz_t r, const mpz_t n, const mpz_t n2, const mpz_t z, const mpz_t w)
{
    mpz_t plain;
    mpz_init(plain);
    mpz_mul(plain, z, n);
    mpz_add_ui(plain, plain, 1);
    mpz_powm(r, w, n, n2);
    mpz_mul(r, r, plain);
    mpz_mod(r, r, n2);
    mpz_clear(plain);
}

/* left = a b^e mod m */
static bool equals_product(const mpz_t left, const mpz_t a, const mpz_t b, const mpz_t e, const mpz_t m)
{
    mpz_t right;
    mpz_init(right);
    mpz_powm(right, b, e, m);
    mpz_mul(right, right, a);
    mpz_mod(right, right, m);
    const bool equal = mpz_cmp(left, right) == 0;
    mpz_clear(right);
    return equal;
}

bool encryption_holds_var(const mpz_t n, const mpz_t d, const mpz_t c, const mpz_t e, const mpz_t z, const mpz_t w)
{
    mpz_t n2, left;
    mpz_inits(n2, left, NULL);
    mpz_mul(n2, n, n);
    encryption(left, n, n2, z, w);
    const bool holds = equals_product(left, d, c, e, n2);
    mpz_clears(n2, left, NULL);
    return holds;
}

bool pedersen_holds_var(const mpz_t n, const mpz_t s, const mpz_t t, const mpz_t big_t, const mpz_t big_s, const mpz_t e,
                        const mpz_t z1, const mpz_t z3)
{
    mpz_t left, right;
    mpz_inits(left, right, NULL);
    mpz_powm(left, s, z1, n);
    mpz_powm(right, t, z3, n);
    mpz_mul(left, left, right);
    mpz_mod(left, left, n);
    const bool holds = equals_product(left, big_t, big_s, e, n);
    mpz_clears(left, right, NULL);
    return holds;
}

bool affine_holds_var(const mpz_t n, const mpz_t c, const mpz_t d, const mpz_t a, const mpz_t e, const mpz_t z1,
                      const mpz_t z2, const mpz_t w)
{
    mpz_t n2, left, scaled;
    mpz_inits(n2, left, scaled, NULL);
    mpz_mul(n2, n, n);
    encryption(left, n, n2, z2, w);
    mpz_powm(scaled, c, z1, n2);
    mpz_mul(left, left, scaled);
    mpz_mod(left, left, n2);
    const bool holds = equals_product(left, a, d, e, n2);
    mpz_clears(n2, left, scaled, NULL);
    return holds;
}
