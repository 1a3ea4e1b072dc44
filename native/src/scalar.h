/* Integers modulo n, the order of secp256k1, in constant time. Outputs may alias inputs. */
#ifndef MPCW_SRC_SCALAR_H
#define MPCW_SRC_SCALAR_H

#include <stddef.h>
#include <stdint.h>

#include "rng.h"

/* Little-endian limbs; always reduced: 0 <= value < n. */
typedef struct scalar {
    uint64_t v[4];
} scalar;

/* r = b32 mod n; returns 1 when b32 >= n, else 0. */
uint64_t scalar_from_be32(scalar *r, const uint8_t b32[32]);
void scalar_to_be32(uint8_t b32[32], const scalar *a);

/* r = the two's complement integer of n_limbs little-endian limbs (n_limbs >= 1), modulo n. */
void scalar_from_int(scalar *r, const uint64_t *limbs, size_t n_limbs);
/* The representative of a in (-n/2, n/2) as two's complement, little-endian; n_limbs >= 4. */
void scalar_to_centred(uint64_t *limbs, size_t n_limbs, const scalar *a);

void scalar_set_u64(scalar *r, uint64_t a);
void scalar_add(scalar *r, const scalar *a, const scalar *b);
void scalar_sub(scalar *r, const scalar *a, const scalar *b);
void scalar_neg(scalar *r, const scalar *a);
void scalar_mul(scalar *r, const scalar *a, const scalar *b);
/* r = a^-1; the inverse of 0 is 0. */
void scalar_inv(scalar *r, const scalar *a);

/* All ones when a = 0, else 0. */
uint64_t scalar_zero_mask(const scalar *a);
/* r = mask ? if_ones : if_zero; mask is all ones or 0. */
void scalar_select(scalar *r, uint64_t mask, const scalar *if_ones, const scalar *if_zero);

/* Uniform in [1, n). Only rejected candidates influence the running time. */
void scalar_random(scalar *r, rng *rng);

#endif
