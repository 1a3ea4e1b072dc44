/* Public values that must be units modulo N: ranges, greatest common divisors in batches, inverses. Variable time. */
#ifndef MPCW_SRC_UNITS_H
#define MPCW_SRC_UNITS_H

#include <gmp.h>
#include <stdbool.h>

#include "mpcw/base.h"

/* bad_i = 1 unless 0 < x_i < N (of N^2 with square) and gcd(x_i, N) = 1; x holds bad_len items of 8 limbs bytes (16 limbs
 * with square), big-endian. One gcd of the product of all; item by item only when it is not 1. MPCW_REJECTED when one is bad,
 * MPCW_E_LENGTH when x_len does not fit. */
mpcw_status units_check_var(uint8_t *bad, size_t bad_len, const uint8_t *x, size_t x_len, const mp_limb_t *n,
                            size_t limbs, bool square);
/* MPCW_E_RANGE or MPCW_E_NOT_UNIT unless all count items of size bytes are good. */
mpcw_status units_expect_var(const uint8_t *x, size_t size, size_t count, const mp_limb_t *n, size_t limbs,
                             bool square);
/* x = the big-endian bytes; true when x is a unit below the odd n. */
bool unit_from_be_var(mpz_t x, mpcw_bytes bytes, const mpz_t n);
/* Inverses modulo N (N^2 with square) of count big-endian items of size bytes into limbs (limbs or 2 limbs each);
 * MPCW_E_NOT_UNIT when there is one without. One inversion for all. */
mpcw_status units_invert_var(mp_limb_t *r, const uint8_t *x, size_t size, size_t count, const mp_limb_t *n,
                             size_t limbs, bool square);

#endif
