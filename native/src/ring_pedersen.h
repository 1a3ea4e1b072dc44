/* Internal face of the ring-Pedersen parameters: see include/mpcw/ring_pedersen.h. */
#ifndef MPCW_SRC_RING_PEDERSEN_H
#define MPCW_SRC_RING_PEDERSEN_H

#include "lane_pow.h"
#include "mpcw/ring_pedersen.h"
#include "secret.h"
#include "sides.h"

/* A base with its comb and the powers that bring signed exponents back: entry j - 1 is base^(-2^(64 j - 1)). */
typedef struct signed_base {
    size_t bits;
    comb *power;
    uint8_t *offset;
} signed_base;

struct mpcw_ring_pedersen {
    uint64_t generation;
    size_t limbs;
    lane_mod *many;
    mp_limb_t n[LANE_LIMBS_MAX], s_limbs[LANE_LIMBS_MAX], t_limbs[LANE_LIMBS_MAX];
    signed_base s, t;
};

struct mpcw_ring_pedersen_secret {
    uint64_t generation;
    size_t half, limbs;
    sides both; /* P and Q */
    mpcw_secret *lambda; /* RESIDUE of N^ */
    mp_limb_t n[LANE_LIMBS_MAX], s[LANE_LIMBS_MAX], t[LANE_LIMBS_MAX];
    mp_limb_t t_high[LANE_LIMBS_MAX]; /* t^(2^(64 split)): t to the upper half of an exponent modulo P - 1 or Q - 1 */
    size_t split;
};

/* out_i = s^(x_i) t^(y_i) */
typedef struct pedersen_column {
    const mpcw_secret *x, *y;
    mpcw_buffer out;
} pedersen_column;

/* Commitments of several columns, whose last items share lanes. */
mpcw_status ring_pedersen_commit(const mpcw_ring_pedersen *rp, const pedersen_column *columns, size_t count);

mpcw_status ring_pedersen_expect(const mpcw_ring_pedersen *rp);
mpcw_status ring_pedersen_secret_expect(const mpcw_ring_pedersen_secret *rp);

/* out (limbs of N^) = a + lambda b modulo one of the primes minus 1 (side 0: P, 1: Q), for signed public a and b. */
mpcw_status ring_pedersen_exponent(mp_limb_t *out, const mpcw_ring_pedersen_secret *rp, size_t side, const mpz_t a,
                                   const mpz_t b);

#endif
