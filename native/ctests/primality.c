/* Every engine's primality tests against GMP's arithmetic and against composites made to pass weaker tests. */
#include "primality.h"

#include <math.h>
#include <string.h>

#include "check.h"

enum { LIMBS_MAX = 33 };

static gmp_randstate_t rand_state;
static rng random_bases;

static void to_limbs(mp_limb_t *r, size_t limbs, const mpz_t z)
{
    memset(r, 0, limbs * sizeof *r);
    mpz_export(r, NULL, -1, sizeof *r, 0, 0, z);
}

static bool miller_rabin(const lane_ops *ops, const mpz_t n, unsigned rounds)
{
    mp_limb_t limbs[LIMBS_MAX];
    const size_t size = mpz_size(n);
    bool passed;
    to_limbs(limbs, size, n);
    CHECK(primality_miller_rabin(&passed, ops, limbs, size, &random_bases, rounds) == MPCW_OK);
    return passed;
}

/* 2^(n - 1) = 1 mod n by GMP */
static bool fermat_gmp(const mpz_t n)
{
    mpz_t x, e;
    mpz_inits(x, e, NULL);
    mpz_sub_ui(e, n, 1);
    mpz_set_ui(x, 2);
    mpz_powm(x, x, e, n);
    const bool passed = mpz_cmp_ui(x, 1) == 0;
    mpz_clears(x, e, NULL);
    return passed;
}

/* One lane holds a prime, the others random odd numbers. */
static void fermat_agrees_with_gmp(const lane_ops *ops, size_t limbs)
{
    mp_limb_t raw[LANES_MAX][LIMBS_MAX];
    const mp_limb_t *n[LANES_MAX];
    unsigned passed;
    mpz_t z;
    mpz_init(z);
    for (int run = 0; run < 4; run++) {
        unsigned want = 0;
        for (size_t k = 0; k < LANES_MAX; k++) {
            mpz_urandomb(z, rand_state, 64 * limbs);
            mpz_setbit(z, 64 * limbs - 1 - mpz_get_ui(z) % 60);
            mpz_setbit(z, 0);
            if (k == (size_t)run % ops->lanes && limbs <= 7) { /* looking for larger primes takes long */
                mpz_clrbit(z, 64 * limbs - 1);
                mpz_nextprime(z, z);
            }
            if (mpz_size(z) < limbs)
                mpz_setbit(z, 64 * limbs - 1);
            to_limbs(raw[k], limbs, z);
            n[k] = raw[k];
            if (k < ops->lanes)
                want |= (unsigned)fermat_gmp(z) << k;
        }
        CHECK(primality_fermat(&passed, ops, n, limbs) == MPCW_OK);
        CHECK(passed == want);
    }
    mpz_clear(z);
}

/* Fermat pseudoprimes to base 2 (OEIS A001567), among them Carmichael numbers, strong ones and Wieferich squares. */
static const unsigned long PSEUDOPRIMES[] = {
    341, 561, 645, 1105, 1387, 1729, 1905, 2047, 2465, 2701, 2821, 3277, 4033, 4369, 4371, 4681, 6601, 8911,
    1194649, 12327121, 3215031751, 2152302898747, 3474749660383, 341550071728321, 3825123056546413051,
};

static void pseudoprimes_pass_fermat_and_fail_miller_rabin(const lane_ops *ops)
{
    mpz_t z;
    mpz_init(z);
    for (size_t i = 0; i < sizeof PSEUDOPRIMES / sizeof *PSEUDOPRIMES; i++) {
        const mp_limb_t n = PSEUDOPRIMES[i], *all[LANES_MAX] = {&n, &n, &n, &n};
        unsigned passed;
        mpz_set_ui(z, n);
        CHECK(primality_fermat(&passed, ops, all, 1) == MPCW_OK && passed == (1u << ops->lanes) - 1);
        CHECK(!miller_rabin(ops, z, 64));
    }
    /* Arnault 1995: a Carmichael number that is a strong pseudoprime to all prime bases up to 306 */
    mpz_t p, q;
    mpz_inits(p, q, NULL);
    mpz_set_str(p,
                "296744956686855105501541746429053327307719917998530433509950755312768387531717701995942385964281211"
                "88033664754218345562493168782883",
                10);
    mpz_sub_ui(z, p, 1);
    mpz_mul_ui(q, z, 313);
    mpz_add_ui(q, q, 1);
    mpz_mul_ui(z, z, 353);
    mpz_add_ui(z, z, 1);
    mpz_mul(z, z, q);
    mpz_mul(z, z, p);
    CHECK(fermat_gmp(z));
    CHECK(!miller_rabin(ops, z, 64));
    mpz_clears(p, q, z, NULL);
}

static void odd_numbers_are_told_apart_from_5_to_999(const lane_ops *ops)
{
    mpz_t z;
    mpz_init(z);
    for (unsigned long n = 5; n <= 999; n += 2) {
        mpz_set_ui(z, n);
        CHECK(miller_rabin(ops, z, 64) == (mpz_probab_prime_p(z, 25) != 0));
    }
    mpz_clear(z);
}

static void primes_pass_and_their_products_fail(const lane_ops *ops, size_t limbs)
{
    mpz_t p, q;
    mpz_inits(p, q, NULL);
    for (int i = 0; i < 3; i++) {
        mpz_urandomb(p, rand_state, 64 * limbs / 2);
        mpz_setbit(p, 64 * limbs / 2 - 1);
        mpz_nextprime(p, p);
        CHECK(miller_rabin(ops, p, 64));
        mpz_nextprime(q, p);
        mpz_mul(q, q, p);
        CHECK(!miller_rabin(ops, q, 64));
        mpz_mul(q, p, p);
        CHECK(!miller_rabin(ops, q, 64));
        /* n - 1 with more factors of two than a limb has bits */
        mpz_set_ui(q, 1);
        mpz_mul_2exp(q, q, 64 * limbs - 1);
        mpz_setbit(q, 0);
        CHECK(miller_rabin(ops, q, 64) == (mpz_probab_prime_p(q, 30) != 0));
    }
    /* 3 * 2^189 + 1, a Proth prime */
    mpz_set_ui(p, 3);
    mpz_mul_2exp(p, p, 189);
    mpz_add_ui(p, p, 1);
    CHECK(miller_rabin(ops, p, 64));
    mpz_clears(p, q, NULL);
}

static bool is_strong_liar(uint64_t base, uint64_t n)
{
    uint64_t d = n - 1, y = 1;
    unsigned twos = 0;
    for (; d % 2 == 0; d /= 2)
        twos++;
    for (uint64_t b = base; d > 0; d /= 2, b = b * b % n)
        if (d & 1)
            y = y * b % n;
    bool liar = y == 1;
    for (unsigned i = 0; i < twos; i++, y = y * y % n)
        liar |= y == n - 1;
    return liar;
}

/* Composites with nearly as many strong liars as there can be, a quarter: the rate at which one round passes must be
 * the counted one, so every base is drawn, and drawn uniformly. */
static void one_round_passes_as_often_as_there_are_liars(const lane_ops *ops)
{
    static const uint64_t composites[] = {15, 703, 1891, 8911};
    enum { TRIALS = 2000 };
    mpz_t z;
    mpz_init(z);
    for (size_t i = 0; i < 4; i++) {
        const uint64_t n = composites[i];
        double liars = 0, passed = 0;
        for (uint64_t base = 1; base < n; base++)
            liars += is_strong_liar(base, n);
        const double rate = liars / (double)(n - 1);
        mpz_set_ui(z, n);
        for (int t = 0; t < TRIALS; t++)
            passed += miller_rabin(ops, z, 1);
        CHECK(rate <= 0.25);
        CHECK(fabs(passed - rate * TRIALS) < 5 * sqrt(rate * (1 - rate) * TRIALS));
    }
    mpz_clear(z);
}

static void wrong_moduli_are_refused(void)
{
    mp_limb_t even[2] = {4, 1}, short_one[2] = {5, 0};
    const mp_limb_t *all_even[LANES_MAX] = {even, even, even, even};
    unsigned passed = 1;
    bool prime = true;
    CHECK(primality_fermat(&passed, lane_mpn(), all_even, 2) == MPCW_E_MODULUS && passed == 0);
    CHECK(primality_miller_rabin(&prime, lane_mpn(), even, 2, &random_bases, 4) == MPCW_E_MODULUS && !prime);
    prime = true;
    CHECK(primality_miller_rabin(&prime, lane_mpn(), short_one, 2, &random_bases, 4) == MPCW_E_MODULUS && !prime);
}

int main(void)
{
    const lane_ops *engines[] = {lane_mpn(), lane_adx(), lane_avx2(), lane_ifma()};
    static const size_t sizes[] = {1, 2, 3, 7, 16, 24, 32};
    const uint8_t seed_bytes[32] = {1};
    mpcw_secret *seed;
    CHECK(mpcw_secret_import(&seed, MPCW_KIND_SEED, seed_bytes, sizeof seed_bytes, 1) == MPCW_OK);
    CHECK(rng_open(&random_bases, seed, "bases") == MPCW_OK);
    gmp_randinit_default(rand_state);
    gmp_randseed_ui(rand_state, 20261121);
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++) {
        if (!engines[e])
            continue;
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            fermat_agrees_with_gmp(engines[e], sizes[s]);
        for (size_t s = 0; s < 4; s++)
            primes_pass_and_their_products_fail(engines[e], 2 * sizes[s]);
        pseudoprimes_pass_fermat_and_fail_miller_rabin(engines[e]);
        odd_numbers_are_told_apart_from_5_to_999(engines[e]);
    }
    one_round_passes_as_often_as_there_are_liars(lane_mpn());
    wrong_moduli_are_refused();
    gmp_randclear(rand_state);
    rng_close(&random_bases);
    mpcw_secret_free(seed);
    return 0;
}
