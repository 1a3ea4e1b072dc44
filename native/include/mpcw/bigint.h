#ifndef MPCW_BIGINT_H
#define MPCW_BIGINT_H

#include "mpcw/secret.h"

/* Powers modulo any public odd number N, or modulo N^2 where square is not 0.
 *
 * N takes n_len bytes, a multiple of 8 up to 512, the highest 8 of which are not all zero; a residue takes n_len bytes, or
 * 2 n_len with square. Residues are below their modulus: MPCW_E_RANGE. */

/* N with the arithmetic for many numbers and for one number at a time prepared. */
typedef struct mpcw_modulus mpcw_modulus;

/* MPCW_E_LENGTH, or MPCW_E_MODULUS for an N that is even, below 3 or shorter than n_len - 7 bytes. */
mpcw_status mpcw_modulus_new(mpcw_modulus **out, const uint8_t *n, size_t n_len);
void mpcw_modulus_free(mpcw_modulus *m);

/* r_i = x_i^(e_i) for public x_i and secret e_i (MPCW_KIND_RESIDUE or MPCW_KIND_INT, as many as x has items) in constant
 * time. The results become public. MPCW_E_RANGE when an e_i is negative. */
mpcw_status mpcw_modulus_pow(uint8_t *r, size_t r_len, const mpcw_modulus *m, int square, mpcw_bytes x,
                             const mpcw_secret *e);
/* The same for public exponents in two's complement, e.len divided by the number of items up to 4096 bytes each.
 * MPCW_E_NOT_UNIT for a negative exponent of an x_i that has no inverse. */
mpcw_status mpcw_modulus_pow_var(uint8_t *r, size_t r_len, const mpcw_modulus *m, int square, mpcw_bytes x,
                                 mpcw_bytes e);
/* r = product of all x_i^(e_i); arguments as above. */
mpcw_status mpcw_modulus_multi_pow_var(uint8_t *r, size_t r_len, const mpcw_modulus *m, int square, mpcw_bytes x,
                                       mpcw_bytes e);

/* bad_i = 1 for an x_i that is not a unit in 1 .. N - 1 (N^2 - 1 with square), else 0; MPCW_REJECTED when there is one. */
mpcw_status mpcw_modulus_units_var(uint8_t *bad, size_t bad_len, const mpcw_modulus *m, int square, mpcw_bytes x);
/* symbol_i = the Jacobi symbol (x_i | N): 1, 0 or -1. */
mpcw_status mpcw_modulus_jacobi_var(int8_t *symbol, size_t symbol_len, const mpcw_modulus *m, mpcw_bytes x);

/* A public base with a table of its powers, for exponents below 2^bits; bits is a multiple of 64 up to 32768. */
typedef struct mpcw_fixed_base mpcw_fixed_base;

mpcw_status mpcw_fixed_base_new(mpcw_fixed_base **out, const mpcw_modulus *m, int square, mpcw_bytes x, size_t bits);
void mpcw_fixed_base_free(mpcw_fixed_base *base);
/* r_i = x^(e_i) for secret e_i as in mpcw_modulus_pow. MPCW_E_LENGTH when they are wider than the table. */
mpcw_status mpcw_fixed_base_pow(uint8_t *r, size_t r_len, const mpcw_fixed_base *base, const mpcw_secret *e);

#endif
