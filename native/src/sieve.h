/* Sieve of an arithmetic progression of large candidates by small primes. */
#ifndef MPCW_SRC_SIEVE_H
#define MPCW_SRC_SIEVE_H

#include <gmp.h>
#include <stdbool.h>

#include "mpcw/base.h"

/* The odd primes up to a bound; public. */
typedef struct small_primes {
    uint32_t *primes;
    size_t count;
} small_primes;

mpcw_status small_primes_new(small_primes *out, uint32_t bound);
void small_primes_free(small_primes *p);

/* Candidates start + i * 2^step_log, i = 0 .. positions - 1. start is odd. */
typedef struct progression {
    const mp_limb_t *start;
    size_t limbs;
    size_t positions;  /* a multiple of 64 */
    unsigned step_log;
    bool safe; /* a candidate q counts only when 2q + 1 may be prime too */
} progression;

/* Bit i of map := 1 when a small prime divides candidate i (or, for safe ones, twice it plus 1), which must be
 * larger than all of them. Variable time in start. The map is as secret as start: it gives start's residues away. */
void sieve_mark(uint64_t *map, const progression *p, const small_primes *small);

/* First position >= from whose bit is clear, or positions. */
size_t sieve_next(const uint64_t *map, size_t positions, size_t from);

#endif
