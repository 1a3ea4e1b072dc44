/* Limbs against GMP's mpz: random, edge and short values of every pair of lengths. */
#include "limbs.h"

#include <string.h>

#include "check.h"

enum { MAX = 9, ROUNDS = 40 };

static gmp_randstate_t rand_state;

/* Long runs of ones and zeros, and plain edges. */
static void value(mp_limb_t *x, size_t limbs, unsigned pick)
{
    mpz_t z;

    mpz_init(z);
    if (pick % 4 == 0)
        mpz_set_ui(z, pick % 8);
    else if (pick % 4 == 1) {
        mpz_setbit(z, 64 * limbs);
        mpz_sub_ui(z, z, 1 + pick % 8);
    } else
        mpz_rrandomb(z, rand_state, 64 * limbs - pick % 64);
    memset(x, 0, limbs * sizeof *x);
    mpz_export(x, NULL, -1, sizeof *x, 0, 0, z);
    mpz_clear(z);
}

static void set(mpz_t z, const mp_limb_t *x, size_t limbs)
{
    mpz_import(z, limbs, -1, sizeof *x, 0, 0, x);
}

static void quotient_and_remainder(size_t x_limbs, size_t n_limbs, unsigned pick)
{
    mp_limb_t x[MAX], same[MAX], n[MAX], q[MAX];
    mpz_t want_q, want_r, a, b, got;

    mpz_inits(want_q, want_r, a, b, got, NULL);
    value(x, x_limbs, pick);
    value(n, n_limbs, pick / 8);
    n[0] |= pick & 1;
    n[n_limbs - 1] |= 1;
    memcpy(same, x, sizeof x);
    set(a, x, x_limbs);
    set(b, n, n_limbs);
    mpz_tdiv_qr(want_q, want_r, a, b);

    CHECK(limbs_divide(q, x, x_limbs, n, n_limbs) == MPCW_OK);
    set(got, q, x_limbs - n_limbs + 1);
    CHECK(mpz_cmp(got, want_q) == 0);
    set(got, x, x_limbs);
    CHECK(mpz_cmp(got, want_r) == 0);
    if (n_limbs > 1 && n_limbs < MAX) {
        /* a divisor with zeros above */
        n[n_limbs] = 0;
        if (x_limbs > n_limbs) {
            CHECK(limbs_divide(NULL, same, x_limbs, n, n_limbs + 1) == MPCW_OK);
            set(got, same, x_limbs);
            CHECK(mpz_cmp(got, want_r) == 0);
        }
    }
    mpz_clears(want_q, want_r, a, b, got, NULL);
}

static void one_limb_added_and_taken(size_t limbs, unsigned pick)
{
    mp_limb_t x[MAX], r[MAX], one, carry, borrow;

    value(x, limbs, pick);
    value(&one, 1, pick / 4);
    carry = limbs_add_1(r, x, limbs, one);
    borrow = limbs_sub_1(r, r, limbs, one);
    CHECK(carry == borrow && memcmp(r, x, limbs * sizeof *x) == 0);
    CHECK(mpn_add_1(r, x, (mp_size_t)limbs, one) == carry);
}

int main(void)
{
    gmp_randinit_default(rand_state);
    gmp_randseed_ui(rand_state, 20261122);
    for (size_t x_limbs = 1; x_limbs <= MAX; x_limbs++)
        for (size_t n_limbs = 1; n_limbs <= x_limbs; n_limbs++)
            for (unsigned pick = 0; pick < ROUNDS * 16; pick++)
                quotient_and_remainder(x_limbs, n_limbs, pick);
    for (size_t limbs = 1; limbs <= MAX; limbs++)
        for (unsigned pick = 0; pick < 64; pick++)
            one_limb_added_and_taken(limbs, pick);
    gmp_randclear(rand_state);
    return 0;
}
