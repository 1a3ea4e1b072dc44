#ifndef MPCW_CURVE_H
#define MPCW_CURVE_H

#include "mpcw/secret.h"

/* secp256k1: y^2 = x^3 + 7 over p, of prime order n, with generator G.
 *
 * Public scalars are 32 bytes big-endian below n (MPCW_E_RANGE). Public points cross as x || y, 64 bytes big-endian, and
 * infinity as 64 zero bytes; every function checks that its points are of the curve (MPCW_E_POINT). Secret scalars are
 * MPCW_KIND_SCALAR. Where two secrets meet item by item, their counts are equal or one of them is 1 and is repeated. */

/* ---- libsecp256k1 ---- */

/* Addresses of the functions secp256k1_<name>. */
typedef struct mpcw_secp_functions {
    uintptr_t context_create;
    uintptr_t context_destroy;
    uintptr_t context_randomize;
    uintptr_t context_set_illegal_callback;
    uintptr_t context_set_error_callback;
    uintptr_t ec_pubkey_create;
    uintptr_t ec_pubkey_parse;
    uintptr_t ec_pubkey_serialize;
    uintptr_t ecdh;
    uintptr_t ecdsa_verify;
    uintptr_t ecdsa_signature_parse_compact;
    uintptr_t ecdsa_signature_serialize_compact;
    uintptr_t ecdsa_signature_parse_der;
    uintptr_t ecdsa_signature_serialize_der;
    uintptr_t schnorrsig_verify;
    uintptr_t xonly_pubkey_parse;
} mpcw_secp_functions;

/* Fill the function table, once per process, and make a context with fresh blinding. MPCW_E_FAULT when a known answer does
 * not come out: nothing is loaded then. A forked child keeps the parent's blinding, which protects against power analysis
 * only; no result depends on it. */
mpcw_status mpcw_secp_load(const mpcw_secp_functions *functions);

/* ---- secret scalars: constant time ---- */

/* Uniform in [1, n); from seed (MPCW_KIND_SEED, for replays) or, when it is NULL, from getrandom. */
mpcw_status mpcw_scalars_random(mpcw_secret **out, const mpcw_secret *seed, size_t count);
mpcw_status mpcw_scalars_add(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b);
mpcw_status mpcw_scalars_sub(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b);
mpcw_status mpcw_scalars_mul(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b);
/* a * b + c */
mpcw_status mpcw_scalars_mul_add(mpcw_secret **out, const mpcw_secret *a, const mpcw_secret *b, const mpcw_secret *c);
mpcw_status mpcw_scalars_negate(mpcw_secret **out, const mpcw_secret *a);
/* MPCW_E_NOT_UNIT when an item is 0, which is thereby made public. */
mpcw_status mpcw_scalars_invert(mpcw_secret **out, const mpcw_secret *a);
/* Item i times the public factor i (or, with one factor or one item, all by all). */
mpcw_status mpcw_scalars_scale(mpcw_secret **out, const mpcw_secret *a, const uint8_t *factors, size_t factors_len);
/* Item i plus the public term i (or, with one term or one item, all by all). */
mpcw_status mpcw_scalars_shift(mpcw_secret **out, const mpcw_secret *a, const uint8_t *terms, size_t terms_len);
/* The sum of all items. */
mpcw_status mpcw_scalars_sum(mpcw_secret **out, const mpcw_secret *a);
/* The sum of item i times the public factor i. */
mpcw_status mpcw_scalars_inner_product(mpcw_secret **out, const mpcw_secret *a, const uint8_t *factors,
                                       size_t factors_len);
/* out_i = c_0 + c_1 x_i + c_2 x_i^2 + ... for the secret coefficients c and the public places x. */
mpcw_status mpcw_scalars_eval_poly(mpcw_secret **out, const mpcw_secret *c, const uint32_t *x, size_t x_len);
/* MPCW_KIND_INT modulo n. */
mpcw_status mpcw_scalars_from_ints(mpcw_secret **out, const mpcw_secret *ints);
/* The representatives in (-n/2, n/2) as MPCW_KIND_INT of size bytes, a multiple of 8 and at least 32. */
mpcw_status mpcw_ints_from_scalars(mpcw_secret **out, const mpcw_secret *scalars, size_t size);

/* ---- secret scalars times points: constant time in the scalars ---- */

/* k_i G, which becomes public. MPCW_E_RANGE when a k_i is 0, which is thereby made public. */
mpcw_status mpcw_points_mul_base(uint8_t *out, size_t out_len, const mpcw_secret *k);
/* k_i P_i, which becomes public; one k or one point is repeated. MPCW_E_RANGE when a k_i is 0, MPCW_E_POINT when a P_i is
 * infinity. */
mpcw_status mpcw_points_mul_secret(uint8_t *out, size_t out_len, const mpcw_secret *k, const uint8_t *points,
                                   size_t points_len);
/* a_i G + b_i P_i, which becomes public while the summands stay secret; a and b have one count, one point is repeated. Zero
 * scalars are allowed, and the sum may be infinity. MPCW_E_POINT when a P_i is infinity. */
mpcw_status mpcw_points_mul_add_secret(uint8_t *out, size_t out_len, const mpcw_secret *a, const mpcw_secret *b,
                                       const uint8_t *points, size_t points_len);
/* SHA-256 of the compressed point k P, secret (MPCW_KIND_SEED), for one k. MPCW_E_RANGE when k is 0, MPCW_E_POINT when P is
 * infinity. */
mpcw_status mpcw_ecdh(mpcw_secret **out, const mpcw_secret *k, const uint8_t *point, size_t point_len);
/* The BIP-340 tagged hashes, modulo n, of ecdh(k, P_i) || label_i || context: one scalar for each point. The labels have one
 * length. Errors as for mpcw_ecdh. */
mpcw_status mpcw_ecdh_scalars(mpcw_secret **out, const mpcw_secret *k, const uint8_t *points, size_t points_len,
                              const uint8_t *tag, size_t tag_len, const uint8_t *labels, size_t labels_len,
                              const uint8_t *context, size_t context_len);

/* ---- public points: variable time ---- */

/* Compressed SEC1, 33 bytes each. allow_infinity accepts 33 zero bytes, the encoding of BIP-327 and BIP-445. */
mpcw_status mpcw_points_parse_var(uint8_t *out, size_t out_len, const uint8_t *sec1, size_t sec1_len,
                                  int allow_infinity);
/* BIP-340 lift_x of 32 bytes each. */
mpcw_status mpcw_points_lift_x_var(uint8_t *out, size_t out_len, const uint8_t *x, size_t x_len);
/* Compressed, 33 bytes each; infinity is 33 zero bytes. */
mpcw_status mpcw_points_serialize_var(uint8_t *sec1, size_t sec1_len, const uint8_t *points, size_t points_len);
/* out_j = the sum over the rows i of points[i][j]; out_len / 64 points in a row. */
mpcw_status mpcw_points_sum_var(uint8_t *out, size_t out_len, const uint8_t *points, size_t points_len);
/* out_i = scalar_i P_i; one scalar or one point is repeated. */
mpcw_status mpcw_points_mul_var(uint8_t *out, size_t out_len, const uint8_t *scalars, size_t scalars_len,
                                const uint8_t *points, size_t points_len);
/* out = the sum of all scalar_i P_i. */
mpcw_status mpcw_points_multi_mul_var(uint8_t *out, size_t out_len, const uint8_t *scalars, size_t scalars_len,
                                      const uint8_t *points, size_t points_len);
/* out_i = C_0 + x_i C_1 + x_i^2 C_2 + ... */
mpcw_status mpcw_points_eval_poly_var(uint8_t *out, size_t out_len, const uint8_t *coefficients,
                                      size_t coefficients_len, const uint32_t *x, size_t x_len);

#endif
