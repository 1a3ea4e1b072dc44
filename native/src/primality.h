/* Tests of odd numbers for primality, several at a time in the lanes of an engine. Constant time in the numbers but
 * for what each function says. */
#ifndef MPCW_SRC_PRIMALITY_H
#define MPCW_SRC_PRIMALITY_H

#include "lane.h"
#include "rng.h"

/* Bit k of *passed: 2^(n[k] - 1) = 1 mod n[k] (Fermat's test to base 2). Moduli as lane_mod_new wants them. */
mpcw_status primality_fermat(unsigned *passed, const lane_ops *ops, const mp_limb_t *const n[LANES_MAX],
                             size_t limbs);

/* *passed: n >= 5 passes at least rounds rounds of the Miller-Rabin test, each with a base of its own, uniform in
 * [1, n - 1]. A composite n passes with probability at most 4^-rounds whatever its distribution (Rabin 1980;
 * Monier 1980). Shows the number of trailing zeros of n - 1 and the round in which a composite fails. */
mpcw_status primality_miller_rabin(bool *passed, const lane_ops *ops, const mp_limb_t *n, size_t limbs,
                                   rng *random, unsigned rounds);

#endif
