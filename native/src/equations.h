/* Single equations on public integers, strictly and in variable time. */
#ifndef MPCW_SRC_EQUATIONS_H
#define MPCW_SRC_EQUATIONS_H

#include <gmp.h>
#include <stdbool.h>

#include "mpcw/base.h"

/* r = the unsigned or the two's complement integer of big-endian bytes. */
void mpz_from_be(mpz_t r, const uint8_t *bytes, size_t len);
void mpz_from_twos(mpz_t r, const uint8_t *bytes, size_t len);
void mpz_from_limbs(mpz_t r, const mp_limb_t *x, size_t limbs);

/* (1 + N)^z w^N = D C^e mod N^2 */
bool encryption_holds_var(const mpz_t n, const mpz_t d, const mpz_t c, const mpz_t e, const mpz_t z, const mpz_t w);
/* s^z1 t^z3 = T S^e mod N^; s and t are units */
bool pedersen_holds_var(const mpz_t n, const mpz_t s, const mpz_t t, const mpz_t big_t, const mpz_t big_s, const mpz_t e,
                        const mpz_t z1, const mpz_t z3);
/* C^z1 (1 + N)^z2 w^N = A D^e mod N^2; C is a unit */
bool affine_holds_var(const mpz_t n, const mpz_t c, const mpz_t d, const mpz_t a, const mpz_t e, const mpz_t z1,
                      const mpz_t z2, const mpz_t w);

#endif
