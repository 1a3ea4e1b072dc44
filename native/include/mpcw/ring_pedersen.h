#ifndef MPCW_RING_PEDERSEN_H
#define MPCW_RING_PEDERSEN_H

#include "mpcw/secret.h"

/* Ring-Pedersen commitments s^x t^y mod N^ of signed integers x and y. N^, s, t and commitments take n_len bytes, a
 * multiple of 8 up to 512. */

/* The parameters of a verifier, with tables for s and t. */
typedef struct mpcw_ring_pedersen mpcw_ring_pedersen;

/* The verifier's own: P, Q and lambda with N^ = P Q and s = t^lambda. */
typedef struct mpcw_ring_pedersen_secret mpcw_ring_pedersen_secret;

/* Tables for x of up to x_bits and y of up to y_bits bits in two's complement, multiples of 64 up to 8192. n, s and t have
 * one length. MPCW_E_MODULUS for an even or short N^; MPCW_E_RANGE unless 1 < s, t < N^ - 1 and s != t; MPCW_E_NOT_UNIT. */
mpcw_status mpcw_ring_pedersen_new(mpcw_ring_pedersen **out, mpcw_bytes n, mpcw_bytes s, mpcw_bytes t, size_t x_bits,
                                   size_t y_bits);
void mpcw_ring_pedersen_free(mpcw_ring_pedersen *rp);

/* out_i = s^(x_i) t^(y_i) for secret x_i, y_i (MPCW_KIND_INT), in constant time. MPCW_E_LENGTH for wider ones than the
 * tables are for. */
mpcw_status mpcw_ring_pedersen_commit(uint8_t *out, size_t out_len, const mpcw_ring_pedersen *rp, const mpcw_secret *x,
                                      const mpcw_secret *y);

/* t = r^2 mod N^ for a random unit r, and lambda uniform in [0, phi(N^) / 4); P, Q are safe primes of one length
 * (MPCW_KIND_RESIDUE). seed may be NULL. */
mpcw_status mpcw_ring_pedersen_generate(mpcw_secret **lambda, uint8_t *t, size_t t_len, const mpcw_secret *p,
                                        const mpcw_secret *q, const mpcw_secret *seed);
mpcw_status mpcw_ring_pedersen_secret_new(mpcw_ring_pedersen_secret **out, const mpcw_secret *p, const mpcw_secret *q,
                                          const mpcw_secret *lambda, mpcw_bytes t);
void mpcw_ring_pedersen_secret_free(mpcw_ring_pedersen_secret *rp);
/* N^, s and t. */
mpcw_status mpcw_ring_pedersen_public(mpcw_buffer n, mpcw_buffer s, mpcw_buffer t, const mpcw_ring_pedersen_secret *rp);

#endif
