/* Constant-time helpers on little-endian arrays of 64-bit limbs. */
#ifndef MPCW_SRC_LIMBS_H
#define MPCW_SRC_LIMBS_H

#include <gmp.h>
#include "mpcw/base.h"

/* (carry, r) -= n when it is not below n; returns 1 when it was subtracted, else 0. */
mp_limb_t limbs_reduce_once(mp_limb_t *carry, mp_limb_t *r, const mp_limb_t *n, mp_limb_t *tmp, size_t limbs);
/* All ones when a < b. */
uint64_t limbs_less(const mp_limb_t *a, const mp_limb_t *b, size_t limbs);
/* All ones when a == 0; all ones when a == b. */
uint64_t limbs_is_zero(const mp_limb_t *a, size_t limbs);
uint64_t limbs_equal(const mp_limb_t *a, const mp_limb_t *b, size_t limbs);
/* r = mask ? a : b */
void limbs_select(mp_limb_t *r, uint64_t mask, const mp_limb_t *a, const mp_limb_t *b, size_t limbs);
/* r = -r when mask is all ones (two's complement). */
void limbs_negate_if(mp_limb_t *r, uint64_t mask, size_t limbs);
/* r = a * b, a + b limbs; schoolbook in constant time. r overlaps neither. */
void limbs_mul(mp_limb_t *r, const mp_limb_t *a, size_t a_limbs, const mp_limb_t *b, size_t b_limbs);
/* r = a + x; returns the carry. Unlike mpn_add_1 it does not stop where the carry ends. r may be a. */
mp_limb_t limbs_add_limb(mp_limb_t *r, const mp_limb_t *a, size_t limbs, mp_limb_t x);
/* Big-endian bytes (any length) to limbs and back; bytes beyond the limbs are dropped, missing ones are zero. */
void limbs_from_be(mp_limb_t *r, size_t limbs, const uint8_t *bytes, size_t bytes_len);
void limbs_to_be(uint8_t *bytes, size_t bytes_len, const mp_limb_t *a, size_t limbs);
/* Two's complement a (a_limbs) extended or cut to limbs. */
void limbs_extend(mp_limb_t *r, size_t limbs, const mp_limb_t *a, size_t a_limbs);
/* q, r = x / n for x of x_limbs limbs, which becomes the remainder (zeros above); q of x_limbs - n_limbs + 1 limbs may be
 * NULL. Constant time in the values: only the lengths and the position of n's highest limb show. */
mpcw_status limbs_divide(mp_limb_t *q, mp_limb_t *x, size_t x_limbs, const mp_limb_t *n, size_t n_limbs);
/* Bits of a public value. */
size_t limbs_bits_var(const mp_limb_t *a, size_t limbs);

#endif
