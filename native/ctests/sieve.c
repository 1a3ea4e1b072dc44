/* The sieve against division: it marks exactly the candidates that a small prime rules out, so never a prime. */
#include "sieve.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { POSITIONS = 4096 };

static gmp_randstate_t rand_state;

static bool has_small_factor(const mpz_t n, const small_primes *small)
{
    for (size_t k = 0; k < small->count; k++)
        if (mpz_divisible_ui_p(n, small->primes[k]))
            return true;
    return false;
}

static void small_primes_are_the_odd_primes_up_to_the_bound(void)
{
    static const struct {
        uint32_t bound;
        size_t count;
        uint32_t last;
    } known[] = {{3, 1, 3}, {4, 1, 3}, {24, 8, 23}, {25, 8, 23}, {29, 9, 29}, {256, 53, 251}, {1 << 16, 6541, 65521},
                 {1 << 22, 295946, 4194301}};
    small_primes small;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        CHECK(small_primes_new(&small, known[i].bound) == MPCW_OK);
        CHECK(small.count == known[i].count && small.primes[0] == 3);
        CHECK(small.primes[small.count - 1] == known[i].last);
        small_primes_free(&small);
    }
    CHECK(small_primes_new(&small, 2) == MPCW_OK && small.count == 0);
    small_primes_free(&small);
}

static void exactly_the_candidates_with_a_small_factor_are_marked(size_t limbs, uint32_t bound, bool safe)
{
    static uint64_t map[POSITIONS / 64];
    mp_limb_t start[8] = {0};
    small_primes small;
    mpz_t first, n, doubled;
    size_t primes = 0;

    mpz_inits(first, n, doubled, NULL);
    CHECK(small_primes_new(&small, bound) == MPCW_OK);
    mpz_urandomb(first, rand_state, 64 * limbs - 1);
    mpz_setbit(first, 64 * limbs - 2);
    mpz_setbit(first, 0);
    mpz_export(start, NULL, -1, sizeof *start, 0, 0, first);
    memset(map, 0xff, sizeof map);
    sieve_mark(map, &(progression){start, limbs, POSITIONS, safe ? 1 : 2, safe}, &small);
    for (size_t i = 0; i < POSITIONS; i++) {
        const bool marked = map[i / 64] >> (i % 64) & 1;
        mpz_add_ui(n, first, i << (safe ? 1 : 2));
        mpz_mul_2exp(doubled, n, 1);
        mpz_add_ui(doubled, doubled, 1);
        CHECK(marked == (has_small_factor(n, &small) || (safe && has_small_factor(doubled, &small))));
        if (mpz_probab_prime_p(n, 20) && (!safe || mpz_probab_prime_p(doubled, 20))) {
            CHECK(!marked);
            primes++;
        }
    }
    CHECK(safe || primes > 0);
    small_primes_free(&small);
    mpz_clears(first, n, doubled, NULL);
}

static void next_walks_through_the_clear_bits(void)
{
    uint64_t map[4] = {~(uint64_t)0, ~(uint64_t)1, ~(uint64_t)0, ~((uint64_t)1 << 63 | 2)};
    static const size_t clear[] = {64, 193, 255};
    size_t at = 0;
    for (size_t k = 0; k < 3; k++, at++)
        CHECK((at = sieve_next(map, 256, at)) == clear[k]);
    CHECK(sieve_next(map, 256, at) == 256);
    CHECK(sieve_next(map, 128, 65) == 128);
    map[0] = 0;
    for (size_t i = 0; i < 64; i++)
        CHECK(sieve_next(map, 64, i) == i);
}

int main(void)
{
    static const uint32_t bounds[] = {3, 100, 1 << 10, 1 << 16};
    gmp_randinit_default(rand_state);
    gmp_randseed_ui(rand_state, 20261121);
    small_primes_are_the_odd_primes_up_to_the_bound();
    for (size_t limbs = 1; limbs <= 4; limbs += 3)
        for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++) {
            exactly_the_candidates_with_a_small_factor_are_marked(limbs, bounds[k], true);
            exactly_the_candidates_with_a_small_factor_are_marked(limbs, bounds[k], false);
        }
    next_walks_through_the_clear_bits();
    gmp_randclear(rand_state);
    return 0;
}
