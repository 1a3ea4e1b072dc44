/* Products of powers against mpz: few terms (windows) and many (buckets), exponents of mixed lengths, zero and absent,
 * different in every lane, under a modulus of its own for each lane. */
#include "lane_multi.h"

#include <string.h>

#include "check.h"
#include "secret.h"

#define LIMBS 3
#define E_LIMBS 4
#define TERMS_MAX 700

static gmp_randstate_t rand_state;

static void to_limbs(mp_limb_t *r, size_t limbs, const mpz_t z)
{
    memset(r, 0, limbs * sizeof *r);
    mpz_export(r, NULL, -1, sizeof *r, 0, 0, z);
}

/* An exponent below 2^bits: often 0, 1 or all ones. */
static void exponent(mpz_t z, size_t bits)
{
    const unsigned long pick = gmp_urandomm_ui(rand_state, 8);
    mpz_set_ui(z, 0);
    if (bits == 0 || pick == 0)
        return;
    if (pick == 1)
        mpz_set_ui(z, 1);
    else if (pick == 2) {
        mpz_setbit(z, bits);
        mpz_sub_ui(z, z, 1);
    } else
        mpz_urandomb(z, rand_state, bits);
}

static void run(const lane_ops *ops, size_t parts, size_t count)
{
    static const size_t bits[] = {128, 0, 1, 127, 129, 256, 128, 64, 128};
    static mp_limb_t e[TERMS_MAX][LANES_MAX][E_LIMBS], raw[LANES_MAX][LIMBS];
    static lane_term terms[TERMS_MAX];
    mp_limb_t x[2 * LIMBS * LANES_MAX], tmp[2 * LIMBS];
    const mp_limb_t *moduli[LANES_MAX];
    const size_t words = parts * LIMBS;
    mpz_t n[LANES_MAX], want[LANES_MAX], base, power;
    lane_mod *m;
    lane l;
    mpz_inits(base, power, NULL);
    for (size_t k = 0; k < LANES_MAX; k++) {
        mpz_inits(n[k], want[k], NULL);
        mpz_urandomb(n[k], rand_state, 64 * LIMBS);
        mpz_setbit(n[k], 64 * LIMBS - 1);
        mpz_setbit(n[k], 0);
        to_limbs(raw[k], LIMBS, n[k]);
        moduli[k] = raw[k];
        if (parts == 2)
            mpz_mul(n[k], n[k], n[k]);
        mpz_set_ui(want[k], 1);
    }
    CHECK(lane_mod_new(&m, ops, moduli, LIMBS) == MPCW_OK);
    CHECK(lane_open(&l, m) == MPCW_OK);
    uint64_t *v = lane_vectors(&l, parts * (count + 1));
    memset(terms, 0, sizeof terms);
    for (size_t i = 0; i < count; i++) {
        uint64_t *to = v + (i + 1) * parts * m->width;
        terms[i].base = to;
        terms[i].bits = bits[i % (sizeof bits / sizeof *bits)];
        for (size_t k = 0; k < ops->lanes; k++) {
            mpz_urandomm(base, rand_state, n[k]);
            if (i % 97 == 5)
                mpz_set_ui(base, 1);
            to_limbs(x + k * words, words, base);
            exponent(power, terms[i].bits);
            to_limbs(e[i][k], E_LIMBS, power);
            terms[i].e[k] = mpz_sgn(power) == 0 && i % 2 ? NULL : e[i][k];
            mpz_powm(power, base, power, n[k]);
            mpz_mul(want[k], want[k], power);
            mpz_mod(want[k], want[k], n[k]);
        }
        CHECK(lane_enter_items(&l, to, x, words, words, ops->lanes, parts) == MPCW_OK);
    }
    for (int secret = 0; secret < 2; secret++) {
        CHECK(lane_multi_pow_var(&l, v, parts, terms, count, secret) == MPCW_OK);
        CHECK((parts == 2 ? lane_dual_leave(&l, x, v) : lane_leave(&l, x, v)) == MPCW_OK);
        for (size_t k = 0; k < ops->lanes; k++) {
            if (parts == 2)
                lane_join(x + k * words, tmp, raw[k], LIMBS);
            mpz_import(power, words, -1, sizeof *x, 0, 0, x + k * words);
            CHECK(mpz_cmp(power, want[k]) == 0);
        }
    }
    secret_free(v);
    lane_close(&l);
    lane_mod_free(m);
    for (size_t k = 0; k < LANES_MAX; k++)
        mpz_clears(n[k], want[k], NULL);
    mpz_clears(base, power, NULL);
}

int main(void)
{
    const lane_ops *engines[] = {lane_mpn(), lane_adx(), lane_avx2(), lane_ifma()};
    static const size_t counts[] = {0, 1, 2, 5, 63, 64, 65, 150, TERMS_MAX};
    gmp_randinit_default(rand_state);
    gmp_randseed_ui(rand_state, 20261121);
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++)
        for (size_t c = 0; engines[e] && c < sizeof counts / sizeof *counts; c++)
            for (size_t parts = 1; parts <= 2; parts++)
                run(engines[e], parts, counts[c]);
    gmp_randclear(rand_state);
    return 0;
}
