#ifndef MPCW_PAILLIER_H
#define MPCW_PAILLIER_H

#include "mpcw/secret.h"

/* Paillier encryption with N = p q: Enc(m; rho) = (1 + N)^m rho^N mod N^2 for m in (-N/2, N/2).
 *
 * A modulus takes n_len bytes, a multiple of 8 up to 512, the highest 8 of which are not all zero; a ciphertext takes
 * 2 n_len bytes, a unit n_len. Plaintexts are MPCW_KIND_INT, units rho MPCW_KIND_RESIDUE of n_len bytes each. */

/* A public key, with the arithmetic modulo N and N^2 prepared. */
typedef struct mpcw_paillier mpcw_paillier;

/* A secret key. Works modulo p^2 and q^2; all its memory is secret. */
typedef struct mpcw_paillier_secret mpcw_paillier_secret;

/* MPCW_E_LENGTH, or MPCW_E_MODULUS for an even N or one that is shorter than n_len - 8 bytes. */
mpcw_status mpcw_paillier_new(mpcw_paillier **out, const uint8_t *n, size_t n_len);
void mpcw_paillier_free(mpcw_paillier *key);
mpcw_status mpcw_paillier_n(uint8_t *n, size_t n_len, const mpcw_paillier *key);

/* From two distinct odd primes of one length (MPCW_KIND_RESIDUE, one item each) whose product fills both lengths.
 * MPCW_E_MODULUS when they are not coprime or fail Fermat's test to one base. */
mpcw_status mpcw_paillier_secret_new(mpcw_paillier_secret **out, const mpcw_secret *p, const mpcw_secret *q);
void mpcw_paillier_secret_free(mpcw_paillier_secret *key);
/* The public key: a handle of its own. */
mpcw_status mpcw_paillier_public(mpcw_paillier **out, const mpcw_paillier_secret *key);

/* Subset products of random units r_k and of r_k^N, from which rho and rho^N are drawn together (performance.md 1.5).
 * The statistical distance of a draw from a uniform unit is at most 2^-128 for every N, hostile ones included. */
typedef struct mpcw_randomness mpcw_randomness;

/* Takes seconds: 264 N-th powers. seed may be NULL. MPCW_E_NOT_UNIT for an N of which one of them shares a factor. */
mpcw_status mpcw_randomness_new(mpcw_randomness **out, const mpcw_paillier *key, const mpcw_secret *seed);
mpcw_status mpcw_randomness_new_own(mpcw_randomness **out, const mpcw_paillier_secret *key, const mpcw_secret *seed);
void mpcw_randomness_free(mpcw_randomness *table);
/* The bases r_k (n_len bytes each) and behind them their powers r_k^N (2 n_len bytes each) of a table made for a public key;
 * they are public. The table of a secret key stays: MPCW_E_KIND. */
mpcw_status mpcw_randomness_export_size(size_t *size, const mpcw_randomness *table);
mpcw_status mpcw_randomness_export(uint8_t *out, size_t out_len, const mpcw_randomness *table);
/* Checks that every base is a unit and (by a random linear combination) its power. */
mpcw_status mpcw_randomness_import(mpcw_randomness **out, const mpcw_paillier *key, const uint8_t *in, size_t in_len);

/* c_i = Enc(m_i; rho_i) with fresh rho_i. table and seed may be NULL; without a table each item costs an N-th power.
 * MPCW_E_RANGE for an m_i that is not in (-N/2, N/2) or wider than N. */
mpcw_status mpcw_paillier_encrypt(uint8_t *c, size_t c_len, mpcw_secret **rho, const mpcw_paillier *key,
                                  const mpcw_randomness *table, const mpcw_secret *m, const mpcw_secret *seed);
mpcw_status mpcw_paillier_encrypt_own(uint8_t *c, size_t c_len, mpcw_secret **rho, const mpcw_paillier_secret *key,
                                      const mpcw_randomness *table, const mpcw_secret *m, const mpcw_secret *seed);

/* d_i = c_i^(x_i) Enc(y_i; rho_i) with fresh rho_i; x_i and y_i are secret, c_i are public ciphertexts. */
mpcw_status mpcw_paillier_affine(uint8_t *d, size_t d_len, mpcw_secret **rho, const mpcw_paillier *key,
                                 const mpcw_randomness *table, const uint8_t *c, size_t c_len, const mpcw_secret *x,
                                 const mpcw_secret *y, const mpcw_secret *seed);

/* m_i in (-N/2, N/2), n_len bytes each. MPCW_E_RANGE for a c_i not in (0, N^2), MPCW_E_NOT_UNIT for one that shares a
 * factor with N. */
mpcw_status mpcw_paillier_decrypt(mpcw_secret **m, const mpcw_paillier_secret *key, const uint8_t *c, size_t c_len);

/* bad_i = 1 for a ciphertext not in (0, N^2) or not coprime to N, else 0; MPCW_REJECTED when there is one. */
mpcw_status mpcw_paillier_check_var(uint8_t *bad, size_t bad_len, const mpcw_paillier *key, const uint8_t *c,
                                    size_t c_len);
/* The same for units below N. */
mpcw_status mpcw_paillier_check_units_var(uint8_t *bad, size_t bad_len, const mpcw_paillier *key, const uint8_t *w,
                                          size_t w_len);

#endif
