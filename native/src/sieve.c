#include "sieve.h"

#include <stdlib.h>
#include <string.h>

mpcw_status small_primes_new(small_primes *out, uint32_t bound)
{
    /* composite[k]: 2k + 1 */
    const size_t half = ((size_t)bound + 1) / 2;
    *out = (small_primes){0};
    uint8_t *composite = calloc(half + 1, 1);
    if (!composite)
        return MPCW_E_MEMORY;
    for (size_t k = 1; 2 * k * (k + 1) < half; k++)
        for (size_t j = 2 * k * (k + 1); !composite[k] && j < half; j += 2 * k + 1)
            composite[j] = 1;
    for (size_t k = 1; k < half; k++)
        out->count += !composite[k];
    out->primes = malloc((out->count + 1) * sizeof *out->primes);
    if (out->primes)
        for (size_t k = 1, i = 0; k < half; k++)
            if (!composite[k])
                out->primes[i++] = (uint32_t)(2 * k + 1);
    free(composite);
    if (!out->primes)
        *out = (small_primes){0};
    return out->primes ? MPCW_OK : MPCW_E_MEMORY;
}

void small_primes_free(small_primes *p)
{
    free(p->primes);
    *p = (small_primes){0};
}

static void mark_multiples(uint64_t *map, size_t positions, size_t first, size_t step)
{
    for (size_t i = first; i < positions; i += step)
        map[i / 64] |= (uint64_t)1 << (i % 64);
}

/* The position i in [0, r) with residue + i * 2^step_log = target mod r. */
static uint32_t position_of(uint32_t target, uint32_t residue, uint32_t r, unsigned step_log)
{
    uint32_t i = target >= residue ? target - residue : target + r - residue;
    while (step_log-- > 0)
        i = i % 2 == 0 ? i / 2 : (i + r) / 2;
    return i;
}

void sieve_mark(uint64_t *map, const progression *p, const small_primes *small)
{
    memset(map, 0, p->positions / 8);
    for (size_t k = 0; k < small->count;) {
        /* one long division serves as many primes as one limb holds */
        mp_limb_t product = small->primes[k];
        size_t end = k + 1;
        while (end < small->count && product <= UINT64_MAX / small->primes[end])
            product *= small->primes[end++];
        const mp_limb_t remainder = mpn_mod_1(p->start, (mp_size_t)p->limbs, product);
        for (; k < end; k++) {
            const uint32_t r = small->primes[k], residue = (uint32_t)(remainder % r);
            mark_multiples(map, p->positions, position_of(0, residue, r, p->step_log), r);
            /* 2q + 1 = 0 mod r <=> q = (r - 1) / 2 mod r */
            if (p->safe)
                mark_multiples(map, p->positions, position_of((r - 1) / 2, residue, r, p->step_log), r);
        }
    }
}

size_t sieve_next(const uint64_t *map, size_t positions, size_t from)
{
    for (size_t i = from; i < positions; i = (i / 64 + 1) * 64) {
        const uint64_t clear = ~map[i / 64] >> (i % 64);
        if (clear)
            return i + (size_t)__builtin_ctzll(clear);
    }
    return positions;
}
