#ifndef MPCW_PRIMES_H
#define MPCW_PRIMES_H

#include "mpcw/secret.h"

/* Search for secret primes of exactly bits bits whose two top bits are set, so that a product of two has 2 * bits
 * bits.
 *
 * Method: from a random start, a window of candidates is sieved by small primes; the survivors go through Fermat's
 * test to base 2, then the hit through 64 rounds of Miller-Rabin with random bases.
 *
 * Error. A composite passes 64 rounds with probability at most 4^-64 = 2^-128 whatever its distribution, so nothing
 * is assumed about candidates that follow each other in a window. For a safe prime p = 2q + 1 the rounds are spent
 * on q; with q prime, 2^(p-1) = 1 mod p and gcd(2^2 - 1, p) = 1 prove p prime (Pocklington), so p adds no error.
 *
 * Time. The search takes variable time and its sieve touches memory that depends on the candidates. Run it ahead of
 * time, never as an answer to a remote peer. */

typedef enum mpcw_prime_kind {
    MPCW_PRIME_SAFE = 1, /* p = 2q + 1 with q prime */
    MPCW_PRIME_BLUM = 2  /* p = 3 mod 4 */
} mpcw_prime_kind;

/* Lengths of a prime in bits; multiples of 64. */
enum { MPCW_PRIME_BITS_MIN = 64, MPCW_PRIME_BITS_MAX = 2048 };

/* One search: what is wanted and how far it is. Other threads may read and cancel it while it runs. */
typedef struct mpcw_prime_search mpcw_prime_search;

typedef struct mpcw_prime_progress {
    uint64_t found;
    uint64_t sieves;         /* windows sieved */
    uint64_t tests;          /* numbers put through Fermat's test */
    uint64_t expected_tests; /* mean of tests at the end; one prime's share has a standard deviation as large */
} mpcw_prime_progress;

/* A search for count primes (1..64) of bits bits (64..2048, a multiple of 64; MPCW_E_RANGE otherwise). */
mpcw_status mpcw_prime_search_new(mpcw_prime_search **out, mpcw_prime_kind kind, size_t bits, size_t count);

/* Run the search, once: *out becomes count residues of bits / 8 bytes. threads 0 means one for each processor, at
 * most 256. With a seed and one thread the result is a function of the seed. MPCW_E_CANCELLED when cancelled. */
mpcw_status mpcw_prime_search_run(mpcw_secret **out, mpcw_prime_search *search, size_t threads,
                                  const mpcw_secret *seed);

mpcw_status mpcw_prime_search_progress(mpcw_prime_progress *out, const mpcw_prime_search *search);

/* End the search within a fraction of a second; before it runs, forbid it. */
mpcw_status mpcw_prime_search_cancel(mpcw_prime_search *search);

/* Not while it runs; NULL is allowed. */
void mpcw_prime_search_free(mpcw_prime_search *search);

/* Check that residues of bits / 8 bytes are what one search finds: the two top bits set, 3 mod 4, prime by 64 rounds of
 * Miller-Rabin with bases from getrandom, safe when they are to be, no two the same. MPCW_REJECTED otherwise. For
 * primes out of a store, and as the search not constant time: shows the zeros at the end of p - 1 and of a safe (p - 1) / 2 - 1,
 * and where a number fails. */
mpcw_status mpcw_prime_check(mpcw_prime_kind kind, size_t bits, const mpcw_secret *primes);

#endif
