/* Primes that come out of a store are checked again: cheap beside the search that found them. */
#include <gmp.h>
#include <string.h>

#include "lane.h"
#include "limbs.h"
#include "mpcw/primes.h"
#include "primality.h"
#include "rng.h"
#include "secret.h"

enum { ROUNDS = 64 };

static const mp_limb_t *item(const mpcw_secret *primes, size_t i)
{
    return (const mp_limb_t *)(const void *)(primes->data + i * primes->size);
}

/* The two top bits and the two lowest are set, and no item before this one is the same. */
static bool has_form(const mpcw_secret *primes, size_t i)
{
    const size_t limbs = primes->size / sizeof(mp_limb_t);
    const mp_limb_t *p = item(primes, i);
    bool good = p[limbs - 1] >> 62 == 3 && (p[0] & 3) == 3;
    for (size_t k = 0; k < i; k++)
        good = good && !limbs_equal(p, item(primes, k), limbs);
    return good;
}

/* *prime: p is prime; with a half, that half = (p - 1) / 2 is prime and so is p: 2^(p-1) = 1 mod p proves it then. */
static mpcw_status is_prime(bool *prime, const mp_limb_t *p, mp_limb_t *half, size_t limbs, rng *random)
{
    const lane_ops *ops = lane_many(64 * limbs);
    const mp_limb_t *const all[LANES_MAX] = {p, p, p, p};
    unsigned passed;
    if (!half)
        return primality_miller_rabin(prime, ops, p, limbs, random, ROUNDS);
    mpn_rshift(half, p, (mp_size_t)limbs, 1);
    mpcw_status status = primality_miller_rabin(prime, ops, half, limbs, random, ROUNDS);
    if (status != MPCW_OK || !*prime)
        return status;
    status = primality_fermat(&passed, ops, all, limbs);
    *prime = status == MPCW_OK && (passed & 1);
    return status;
}

mpcw_status mpcw_prime_check(mpcw_prime_kind kind, size_t bits, const mpcw_secret *primes)
{
    mpcw_status status;
    mp_limb_t *half = NULL;
    rng random;
    bool good = true;

    if (kind != MPCW_PRIME_SAFE && kind != MPCW_PRIME_BLUM)
        return MPCW_E_KIND;
    if (bits < MPCW_PRIME_BITS_MIN || bits > MPCW_PRIME_BITS_MAX || bits % 64 != 0)
        return MPCW_E_RANGE;
    if ((status = secret_expect(primes, MPCW_KIND_RESIDUE, 0, bits / 8)) != MPCW_OK ||
        (status = rng_open(&random, NULL, "prime check")) != MPCW_OK)
        return status;
    if (kind == MPCW_PRIME_SAFE && !(half = secret_alloc(bits / 8)))
        status = MPCW_E_MEMORY;
    for (size_t i = 0; status == MPCW_OK && good && i < primes->count; i++) {
        good = has_form(primes, i);
        if (good)
            status = is_prime(&good, item(primes, i), half, bits / 64, &random);
    }
    secret_free(half);
    rng_close(&random);
    return status != MPCW_OK ? status : good ? MPCW_OK : MPCW_REJECTED;
}
